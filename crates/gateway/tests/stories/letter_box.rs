//! A little SMTP server (RFC 5321) on this machine: what it took, in what envelope, and everything that was said to it.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a loaded machine may need until a letter is there.
const PATIENCE: Duration = Duration::from_secs(60);

/// A letter that it took.
#[derive(Debug, Clone)]
pub struct Received {
    pub from: String,
    pub to: Vec<String>,
    /// As it came, without the dots that were put before dots.
    pub text: String,
}

impl Received {
    /// A header, unfolded.
    pub fn header(&self, name: &str) -> Option<String> {
        let (head, _) = self.text.split_once("\r\n\r\n").expect("a head and a body");
        let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        let line = unfolded.split("\r\n").find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    }

    /// The names of its headers.
    pub fn headers(&self) -> Vec<String> {
        let (head, _) = self.text.split_once("\r\n\r\n").expect("a head and a body");
        let lines = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
        lines.map(|line| line.split(':').next().unwrap_or_default().to_ascii_lowercase()).collect()
    }

    /// As it is read.
    pub fn body(&self) -> String {
        let (_, body) = self.text.split_once("\r\n\r\n").expect("a head and a body");
        match self.header("content-transfer-encoding").as_deref() {
            Some("quoted-printable") => unquoted(body),
            _ => body.to_owned(),
        }
    }
}

/// RFC 2045 §6.7
fn unquoted(text: &str) -> String {
    let joined = text.replace("=\r\n", "");
    let mut parts = joined.split('=');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).expect("two hexadecimal digits"));
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).expect("UTF-8")
}

#[derive(Default)]
struct Shelf {
    received: Vec<Received>,
    /// Every command, of all conversations.
    heard: Vec<String>,
    /// What is answered to the next letters in place of taking them.
    refusals: Vec<String>,
    /// What is answered to whoever authenticates; nothing is asked of anybody without it.
    login: Option<String>,
}

#[derive(Clone)]
pub struct LetterBox {
    address: SocketAddr,
    shelf: Arc<Mutex<Shelf>>,
}

impl LetterBox {
    pub fn start() -> LetterBox {
        LetterBox::on(0)
    }

    /// On a port that was promised to somebody.
    pub fn on(port: u16) -> LetterBox {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        let letters = LetterBox { address: listener.local_addr().expect("it is bound"), shelf: Arc::default() };
        let shelf = letters.shelf.clone();
        std::thread::spawn(move || {
            for visitor in listener.incoming().flatten() {
                let shelf = shelf.clone();
                std::thread::spawn(move || talk(&visitor, &shelf));
            }
        });
        letters
    }

    /// For the configuration.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next letters are not taken, and these lines say why.
    pub fn refuses(&self, lines: &[&str]) {
        self.shelf().refusals.extend(lines.iter().rev().map(|line| (*line).to_owned()));
    }

    /// Asks for a password, and answers this whatever it is.
    pub fn answers_logins(&self, line: &str) {
        self.shelf().login = Some(line.to_owned());
    }

    pub fn received(&self) -> Vec<Received> {
        self.shelf().received.clone()
    }

    pub fn heard(&self) -> Vec<String> {
        self.shelf().heard.clone()
    }

    /// Waits until it has so many.
    pub async fn wait_for(&self, letters: usize) -> Vec<Received> {
        until("a letter", || self.received().len() >= letters).await;
        self.received()
    }
}

/// Waits for what a gateway does by itself.
pub async fn until(what: &str, mut there: impl FnMut() -> bool) {
    let started = Instant::now();
    while !there() {
        assert!(started.elapsed() < PATIENCE, "no {what} after {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn talk(stream: &TcpStream, shelf: &Mutex<Shelf>) {
    let lock = || shelf.lock().unwrap_or_else(PoisonError::into_inner);
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let say = |line: &str| {
        let mut stream = stream;
        stream.write_all(format!("{line}\r\n").as_bytes()).is_ok()
    };
    let (mut from, mut to) = (String::new(), Vec::new());
    say("220 letterbox.test ESMTP");
    while let Some(line) = lines.next() {
        lock().heard.push(line.clone());
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let named =
            |line: &str| line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(a, _)| a.to_owned());
        let login = lock().login.clone();
        let answer = match (verb.as_str(), login) {
            ("EHLO", None) => "250-letterbox.test\r\n250 8BITMIME".to_owned(),
            ("EHLO", Some(_)) => "250-letterbox.test\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN".to_owned(),
            // As some relays do, it repeats what it was told.
            ("AUTH", Some(answer)) => format!("{answer} {}", line.split(' ').nth(2).unwrap_or_default()),
            ("MAIL", _) => {
                from = named(&line).unwrap_or_default();
                "250 OK".to_owned()
            }
            ("RCPT", _) => {
                to.extend(named(&line));
                "250 OK".to_owned()
            }
            ("DATA", _) => {
                let refusal = lock().refusals.pop();
                match refusal {
                    Some(refusal) => refusal,
                    None => {
                        say("354 go on");
                        let text: Vec<String> = lines.by_ref().take_while(|line| line != ".").collect();
                        let plain = text.iter().map(|line| line.strip_prefix('.').unwrap_or(line));
                        let text = plain.map(|line| format!("{line}\r\n")).collect();
                        let to = std::mem::take(&mut to);
                        lock().received.push(Received { from: from.clone(), to, text });
                        "250 taken".to_owned()
                    }
                }
            }
            ("QUIT", _) => {
                say("221 bye");
                return;
            }
            _ => "502 what?".to_owned(),
        };
        if !say(&answer) {
            return;
        }
    }
}
