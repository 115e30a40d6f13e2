//! The wire between a gateway and PostgreSQL, with a hand on it: answers get lost, connections are cut, packets go nowhere.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use url::Url;

/// What happens on the wire.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    Whole,
    /// The next COMMIT of a durable transaction arrives, and its answer does not; the connection breaks.
    LoseAnswer,
    /// The same, and nothing gets through afterwards.
    LoseAnswerAndBreak,
    /// The next COMMIT of a durable transaction does not arrive; the connection breaks.
    LoseCommit,
    /// The same, and nothing gets through afterwards.
    LoseCommitAndBreak,
    /// No connection is let through.
    Broken,
    /// Everything is taken, and nothing is passed on.
    Silent,
}

/// A proxy in front of PostgreSQL.
pub struct Wire {
    port: u16,
    state: Arc<State>,
}

struct State {
    mode: AtomicU8,
    lost: AtomicUsize,
    open: Mutex<Vec<TcpStream>>,
    generation: AtomicUsize,
}

impl State {
    fn is(&self, mode: Mode) -> bool {
        self.mode.load(Ordering::SeqCst) == mode as u8
    }

    /// Whether this COMMIT is the one; each mode catches one.
    fn caught(&self, mode: Mode, then: Mode) -> bool {
        let exchange = self.mode.compare_exchange(mode as u8, then as u8, Ordering::SeqCst, Ordering::SeqCst);
        exchange.is_ok() && self.lost.fetch_add(1, Ordering::SeqCst) < usize::MAX
    }
}

impl Wire {
    /// To the server of this URL.
    pub fn to(url: &str) -> Wire {
        let url = Url::parse(url).expect("a URL");
        let server = (url.host_str().expect("a host").to_owned(), url.port().unwrap_or(5432));
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(State {
            mode: AtomicU8::new(Mode::Whole as u8),
            lost: AtomicUsize::new(0),
            open: Mutex::new(Vec::new()),
            generation: AtomicUsize::new(0),
        });
        let shared = state.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if shared.is(Mode::Broken) {
                    continue;
                }
                let Ok(server) = TcpStream::connect((server.0.as_str(), server.1)) else { continue };
                join(client, server, &shared);
            }
        });
        Wire { port, state }
    }

    /// The URL that leads over this wire.
    pub fn url(&self, url: &str) -> String {
        let mut url = Url::parse(url).expect("a URL");
        url.set_host(Some("127.0.0.1")).expect("a host");
        url.set_port(Some(self.port)).expect("a port");
        url.into()
    }

    pub fn set(&self, mode: Mode) {
        self.state.mode.store(mode as u8, Ordering::SeqCst);
        if mode == Mode::Broken {
            self.cut();
        }
    }

    /// Breaks every connection.
    pub fn cut(&self) {
        for stream in self.state.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Clients that are connected are never answered again; those that connect from now on are.
    pub fn cut_off(&self) {
        self.state.generation.fetch_add(1, Ordering::SeqCst);
        self.set(Mode::Whole);
    }

    /// How many transactions were caught at their COMMIT.
    pub fn lost(&self) -> usize {
        self.state.lost.load(Ordering::SeqCst)
    }
}

fn join(client: TcpStream, server: TcpStream, state: &Arc<State>) {
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let copy = |stream: &TcpStream| stream.try_clone().expect("a socket");
    state.open.lock().unwrap_or_else(PoisonError::into_inner).extend([copy(&client), copy(&server)]);
    let deaf = Arc::new(AtomicU8::new(0)); // 1: what the server says is lost
    let (mut up, mut down) = ((copy(&client), copy(&server)), (server, client));
    let (asked, heard) = (state.clone(), state.clone());
    let lost = deaf.clone();
    std::thread::spawn(move || {
        let mut messages = Messages::default();
        pump(&mut up.0, &mut up.1, &asked, |bytes| {
            if !messages.commits(bytes) {
                return true;
            }
            if asked.caught(Mode::LoseAnswer, Mode::Whole) || asked.caught(Mode::LoseAnswerAndBreak, Mode::Broken) {
                lost.store(1, Ordering::SeqCst);
            }
            let lost = asked.caught(Mode::LoseCommit, Mode::Whole);
            !(lost || asked.caught(Mode::LoseCommitAndBreak, Mode::Broken))
        });
    });
    std::thread::spawn(move || pump(&mut down.0, &mut down.1, &heard, |_| deaf.load(Ordering::SeqCst) == 0));
}

/// Passes on what comes, until `passes` says no: then both ends break.
fn pump(from: &mut TcpStream, to: &mut TcpStream, state: &State, mut passes: impl FnMut(&[u8]) -> bool) {
    let mut buffer = [0; 16 << 10];
    let generation = state.generation.load(Ordering::SeqCst);
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        while state.is(Mode::Silent) || state.generation.load(Ordering::SeqCst) != generation {
            std::thread::park_timeout(Duration::from_millis(20));
        }
        if !passes(&buffer[..n]) || to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

/// The frontend's side of the protocol: the simple queries of a durable transaction.
#[derive(Default)]
struct Messages {
    durable: bool,
}

impl Messages {
    /// libpq waits for the answer to a simple query before it sends anything else, so it comes alone.
    fn commits(&mut self, bytes: &[u8]) -> bool {
        let [b'Q', _, _, _, _, text @ .., 0] = bytes else { return false };
        let text = String::from_utf8_lossy(text);
        if text.starts_with("BEGIN ISOLATION LEVEL READ COMMITTED") {
            self.durable = !text.contains("synchronous_commit");
        }
        let ends = text == "COMMIT" || text == "ROLLBACK";
        ends && std::mem::take(&mut self.durable) && text == "COMMIT"
    }
}
