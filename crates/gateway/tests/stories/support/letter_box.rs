//! A little SMTP server (RFC 5321) on this machine: what it took, in what envelope, and everything that was said to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What a loaded machine may need until a letter is there.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who vouches for the certificate of [`LetterBox::with_tls`].
pub const AUTHORITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stories/support/letter_box/authority.pem");

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
    /// The answer to a client that authenticates. Without it, no client is asked to.
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

    /// On a given port.
    pub fn on(port: u16) -> LetterBox {
        LetterBox::open(port, |stream, shelf| Talk { stream: BufReader::new(stream), shelf }.hold())
    }

    /// One that is talked to by TLS only.
    pub fn with_tls() -> LetterBox {
        LetterBox::open(0, |stream, shelf| {
            Talk { stream: BufReader::new(StreamOwned::new(certificate(), stream)), shelf }.hold();
        })
    }

    fn open(port: u16, talk: fn(TcpStream, &Mutex<Shelf>)) -> LetterBox {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        let letters = LetterBox { address: listener.local_addr().expect("it is bound"), shelf: Arc::default() };
        let shelf = letters.shelf.clone();
        std::thread::spawn(move || {
            for visitor in listener.incoming().flatten() {
                let shelf = shelf.clone();
                std::thread::spawn(move || talk(visitor, &shelf));
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

    /// Asks for a password, and gives this answer to any.
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

/// The certificate of a relay at `localhost`; who vouches for it is in [`AUTHORITY`]. Both are for nothing else.
fn certificate() -> ServerConnection {
    static TLS: LazyLock<Arc<ServerConfig>> = LazyLock::new(|| {
        let certificate =
            CertificateDer::from_pem_slice(include_bytes!("letter_box/relay.pem")).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("letter_box/relay.key.pem")).expect("its key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("TLS").with_no_client_auth().with_single_cert(vec![certificate], key);
        Arc::new(config.expect("they belong together"))
    });
    ServerConnection::new(TLS.clone()).expect("TLS")
}

/// One conversation.
struct Talk<'s, S> {
    stream: BufReader<S>,
    shelf: &'s Mutex<Shelf>,
}

impl<S: Read + Write> Talk<'_, S> {
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&mut self, line: &str) {
        let stream = self.stream.get_mut();
        let _ = stream.write_all(format!("{line}\r\n").as_bytes()).and_then(|()| stream.flush());
    }

    fn hear(&mut self) -> Option<String> {
        let mut line = String::new();
        let heard = self.stream.read_line(&mut line).ok().filter(|read| *read > 0);
        heard.map(|_| line.trim_end_matches(['\r', '\n']).to_owned())
    }

    fn hold(mut self) {
        let (mut from, mut to) = (String::new(), Vec::new());
        self.say("220 letterbox.test ESMTP");
        while let Some(line) = self.hear() {
            self.shelf().heard.push(line.clone());
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let login = self.shelf().login.clone();
            let answer = match (verb.as_str(), login) {
                ("EHLO", None) => "250-letterbox.test\r\n250 8BITMIME".to_owned(),
                ("EHLO", Some(_)) => "250-letterbox.test\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN".to_owned(),
                // As some relays do, it repeats what it was told.
                ("AUTH", Some(answer)) => format!("{answer} {}", line.split(' ').nth(2).unwrap_or_default()),
                ("MAIL", _) => {
                    from = named(&line);
                    "250 OK".to_owned()
                }
                ("RCPT", _) => {
                    to.push(named(&line));
                    "250 OK".to_owned()
                }
                ("DATA", _) => {
                    let refusal = self.shelf().refusals.pop();
                    refusal.unwrap_or_else(|| {
                        self.say("354 go on");
                        let text = self.letter();
                        let received = Received { from: from.clone(), to: std::mem::take(&mut to), text };
                        self.shelf().received.push(received);
                        "250 taken".to_owned()
                    })
                }
                ("QUIT", _) => return self.say("221 bye"),
                _ => "502 what?".to_owned(),
            };
            self.say(&answer);
        }
    }

    fn letter(&mut self) -> String {
        let mut text = String::new();
        while let Some(line) = self.hear().filter(|line| line != ".") {
            text.push_str(line.strip_prefix('.').unwrap_or(&line));
            text.push_str("\r\n");
        }
        text
    }
}

/// The address in angle brackets.
fn named(line: &str) -> String {
    line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(address, _)| address).to_owned()
}
