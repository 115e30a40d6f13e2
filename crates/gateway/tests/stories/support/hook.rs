//! A receiver of webhooks: a web server on this machine that keeps what it is sent, and answers as the story says.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// What it was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    pub headers: HashMap<String, String>,
    pub body: String,
    /// How it was answered; 0 where it was not.
    pub status: u16,
}

impl Sent {
    pub fn event(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    pub fn kind(&self) -> String {
        self.event()["type"].as_str().unwrap_or_default().to_owned()
    }

    pub fn id(&self) -> String {
        self.headers["webhook-id"].clone()
    }

    /// The number of the event in the feed.
    pub fn place(&self) -> i64 {
        let cursor = self.event()["cursor"].as_str().unwrap_or_default().to_owned();
        cursor.rsplit('.').next().and_then(|number| number.parse().ok()).expect("a place")
    }

    /// Whether one of its signatures is by this secret (`whsec_…`), as the specification says.
    pub fn is_signed_by(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("Base64");
        let signed = format!("{}.{}.{}", self.headers["webhook-id"], self.headers["webhook-timestamp"], self.body);
        let tag = ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key), signed.as_bytes());
        let expected = format!("v1,{}", STANDARD.encode(tag));
        self.headers["webhook-signature"].split(' ').any(|signature| signature == expected)
    }
}

/// How it answers.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// With this status and body.
    Status(u16, &'static str),
    /// With 200 and this body.
    Says(String),
    /// The same, with this header besides.
    With(u16, &'static str),
    /// Not at all; the connection stays.
    Silent,
    /// With 200 and so many bytes, as fast as they are taken.
    Large(usize),
}

type Decide = Box<dyn FnMut(&Sent) -> Behaviour + Send>;

struct Room {
    sent: Vec<Sent>,
    decide: Decide,
}

/// The receiver. Clones are the same.
#[derive(Clone)]
pub struct Hook {
    address: SocketAddr,
    room: Arc<Mutex<Room>>,
}

/// So long a story waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(60);

impl Hook {
    /// One that takes everything.
    pub fn start() -> Hook {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let room = Room { sent: Vec::new(), decide: Box::new(|_| Behaviour::Status(204, "")) };
        let hook = Hook { address: listener.local_addr().expect("it is bound"), room: Arc::new(Mutex::new(room)) };
        let room = hook.room.clone();
        std::thread::spawn(move || {
            for visitor in listener.incoming().flatten() {
                let room = room.clone();
                std::thread::spawn(move || serve(visitor, &room));
            }
        });
        hook
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// From now on it answers so.
    pub fn answers(&self, decide: impl FnMut(&Sent) -> Behaviour + Send + 'static) {
        self.room().decide = Box::new(decide);
    }

    /// All that it was sent, in its order.
    pub fn sent(&self) -> Vec<Sent> {
        self.room().sent.clone()
    }

    /// What it has taken, in its order.
    pub fn taken(&self) -> Vec<Sent> {
        self.sent().into_iter().filter(|sent| (200..300).contains(&sent.status)).collect()
    }

    /// Waits until this is so of all that it was sent.
    pub async fn until(&self, what: &str, is_so: impl Fn(&[Sent]) -> bool) -> Vec<Sent> {
        let began = Instant::now();
        loop {
            let sent = self.sent();
            if is_so(&sent) {
                return sent;
            }
            assert!(began.elapsed() < PATIENCE, "{what}: not so, of {sent:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn room(&self) -> std::sync::MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn serve(visitor: TcpStream, room: &Mutex<Room>) {
    let mut reader = BufReader::new(visitor.try_clone().expect("a socket"));
    let mut visitor = visitor;
    while let Some(mut sent) = read(&mut reader) {
        let behaviour = {
            let mut room = room.lock().unwrap_or_else(PoisonError::into_inner);
            let behaviour = (room.decide)(&sent);
            sent.status = match &behaviour {
                Behaviour::Status(status, _) | Behaviour::With(status, _) => *status,
                Behaviour::Large(_) | Behaviour::Says(_) => 200,
                Behaviour::Silent => 0,
            };
            room.sent.push(sent);
            behaviour
        };
        let written = match behaviour {
            Behaviour::Status(status, body) => {
                let length = body.len();
                visitor.write_all(format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{body}").as_bytes())
            }
            Behaviour::Says(body) => {
                let length = body.len();
                visitor.write_all(format!("HTTP/1.1 200 X\r\ncontent-length: {length}\r\n\r\n{body}").as_bytes())
            }
            Behaviour::With(status, header) => {
                visitor.write_all(format!("HTTP/1.1 {status} X\r\n{header}\r\ncontent-length: 0\r\n\r\n").as_bytes())
            }
            Behaviour::Large(bytes) => visitor
                .write_all(format!("HTTP/1.1 200 X\r\ncontent-length: {bytes}\r\n\r\n").as_bytes())
                .and_then(|()| (0..bytes / 65_536).try_for_each(|_| visitor.write_all(&[b'x'; 65_536]))),
            Behaviour::Silent => {
                let _ = reader.read_to_end(&mut Vec::new());
                return;
            }
        };
        if written.is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Sent> {
    let mut line = String::new();
    let mut next = |reader: &mut BufReader<TcpStream>| {
        line.clear();
        reader.read_line(&mut line).ok().filter(|read| *read > 0).map(|_| line.trim_end().to_owned())
    };
    next(reader)?;
    let mut headers = HashMap::new();
    loop {
        let header = next(reader)?;
        let Some((name, value)) = header.split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Sent { headers, body: String::from_utf8(body).ok()?, status: 0 })
}
