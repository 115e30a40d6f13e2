//! A keep-alive HTTP/1.1 client of the least cost (RFC 9112): one connection, one request at a time.

use std::cell::RefCell;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(60);

pub struct Response {
    pub status: u16,
    pub body: Vec<u8>,
}

pub struct Client {
    address: String,
    host: String,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

/// A connection for each worker of a closed loop.
pub struct Pool(Vec<RefCell<Option<Client>>>);

impl Pool {
    /// With several hosts, the connections go to each in turn.
    pub fn new(hosts: &[String], connections: usize) -> Pool {
        Pool((0..connections).map(|n| RefCell::new(Some(Client::new(&hosts[n % hosts.len()])))).collect())
    }

    /// One request on the worker's own connection; a worker has one at a time.
    pub async fn call(
        &self,
        worker: usize,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> io::Result<Response> {
        let mut client = self.0[worker].take().expect("a worker has one request at a time");
        let answer = client.call(method, path, headers, body).await;
        self.0[worker].replace(Some(client));
        answer
    }
}

/// Splits `http://host:port/path` into `host:port` and `/path`.
pub fn split_url(url: &str) -> (String, String) {
    let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("`{url}` does not begin with http://"));
    match rest.split_once('/') {
        Some((host, path)) => (host.to_string(), format!("/{path}")),
        None => (rest.to_string(), String::new()),
    }
}

/// What the head of an answer says about its body.
struct Head {
    status: u16,
    bytes: usize,
    length: Option<usize>,
    chunked: bool,
    close: bool,
}

impl Client {
    pub fn new(host: &str) -> Self {
        let address = if host.contains(':') { host.to_string() } else { format!("{host}:80") };
        Client { address, host: host.to_string(), stream: None, buffer: Vec::with_capacity(64 << 10) }
    }

    /// One request; when the server closed the connection while it was idle, once more.
    pub async fn call(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> io::Result<Response> {
        let mut message = Vec::with_capacity(256 + headers.len() + body.len());
        message.extend_from_slice(format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n{headers}", self.host).as_bytes());
        if !body.is_empty() || matches!(method, "POST" | "PATCH" | "PUT") {
            message.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
        }
        message.extend_from_slice(b"\r\n");
        message.extend_from_slice(body);
        loop {
            let (mut stream, fresh) = match self.stream.take() {
                Some(stream) => (stream, false),
                None => {
                    let stream = TcpStream::connect(&self.address).await?;
                    stream.set_nodelay(true)?;
                    (stream, true)
                }
            };
            match tokio::time::timeout(PATIENCE, exchange(&mut stream, &mut self.buffer, &message)).await {
                Ok(Ok((answer, keep))) => {
                    self.stream = keep.then_some(stream);
                    return Ok(answer);
                }
                Ok(Err(error)) if fresh => return Err(error),
                Ok(Err(_)) => {}
                Err(_) => return Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in 60 s")),
            }
        }
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "closed")
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<()> {
    if stream.read_buf(buffer).await? == 0 { Err(closed()) } else { Ok(()) }
}

/// The answer, and whether the connection can be used again.
async fn exchange(stream: &mut TcpStream, buffer: &mut Vec<u8>, message: &[u8]) -> io::Result<(Response, bool)> {
    stream.write_all(message).await?;
    buffer.clear();
    let head = loop {
        more(stream, buffer).await?;
        if let Some(head) = parse_head(buffer)? {
            break head;
        }
    };
    let mut keep = !head.close;
    let body = if head.chunked {
        dechunked(stream, buffer, head.bytes).await?
    } else if let Some(length) = head.length {
        while buffer.len() < head.bytes + length {
            more(stream, buffer).await?;
        }
        buffer[head.bytes..head.bytes + length].to_vec()
    } else if head.status == 204 || head.status == 304 {
        Vec::new()
    } else {
        while stream.read_buf(buffer).await? != 0 {}
        keep = false;
        buffer[head.bytes..].to_vec()
    };
    Ok((Response { status: head.status, body }, keep))
}

fn parse_head(buffer: &[u8]) -> io::Result<Option<Head>> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut fields);
    let bytes = match response.parse(buffer) {
        Ok(httparse::Status::Complete(bytes)) => bytes,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error.to_string())),
    };
    let status = response.code.unwrap_or(0);
    let mut head = Head { status, bytes, length: None, chunked: false, close: response.version == Some(0) };
    for field in response.headers.iter() {
        if field.name.eq_ignore_ascii_case("content-length") {
            head.length = std::str::from_utf8(field.value).ok().and_then(|text| text.trim().parse().ok());
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
            head.chunked = field.value.eq_ignore_ascii_case(b"chunked");
        } else if field.name.eq_ignore_ascii_case("connection") {
            head.close = field.value.eq_ignore_ascii_case(b"close");
        }
    }
    Ok(Some(head))
}

async fn dechunked(stream: &mut TcpStream, buffer: &mut Vec<u8>, from: usize) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    let mut at = from;
    loop {
        let line_end = loop {
            match buffer[at..].windows(2).position(|pair| pair == b"\r\n") {
                Some(found) => break at + found,
                None => more(stream, buffer).await?,
            }
        };
        let line = std::str::from_utf8(&buffer[at..line_end]).unwrap_or_default();
        let size = usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a chunk without a size"))?;
        at = line_end + 2;
        while buffer.len() < at + size + 2 {
            more(stream, buffer).await?;
        }
        if size == 0 {
            return Ok(body);
        }
        body.extend_from_slice(&buffer[at..at + size]);
        at += size + 2;
    }
}
