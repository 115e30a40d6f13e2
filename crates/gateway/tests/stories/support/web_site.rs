//! A web site on this machine, as a browser or the gateway meets it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// What it answers: the status, further lines of the head, and the body. `None`: nothing at all.
pub type Shown = Option<(u16, String, Vec<u8>)>;

pub struct WebSite {
    pub address: SocketAddr,
    visits: Arc<Mutex<Vec<String>>>,
}

impl WebSite {
    /// One that shows this for a path with its query.
    pub fn start(shows: impl Fn(&str) -> Shown + Send + Sync + 'static) -> WebSite {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let visits: Arc<Mutex<Vec<String>>> = Arc::default();
        let (noted, shows) = (visits.clone(), Arc::new(shows));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (noted, shows) = (noted.clone(), shows.clone());
                std::thread::spawn(move || answer(stream, &noted, &*shows));
            }
        });
        WebSite { address, visits }
    }

    /// What was asked for so far.
    pub fn visits(&self) -> Vec<String> {
        self.visits.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A page.
pub fn page(body: impl Into<Vec<u8>>) -> Shown {
    Some((200, "Content-Type: text/html\r\n".to_owned(), body.into()))
}

fn answer(mut stream: TcpStream, visits: &Mutex<Vec<String>>, shows: &(dyn Fn(&str) -> Shown + Send + Sync)) {
    let mut head = Vec::new();
    let mut part = [0; 4096];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut part) {
            Ok(0) | Err(_) => return,
            Ok(read) => head.extend_from_slice(&part[..read]),
        }
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
    visits.lock().unwrap_or_else(PoisonError::into_inner).push(path.clone());
    match shows(&path) {
        Some((status, lines, body)) => {
            let head =
                format!("HTTP/1.1 {status} X\r\n{lines}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
        // Until the other side gives up.
        None => while matches!(stream.read(&mut part), Ok(read) if read > 0) {},
    }
}
