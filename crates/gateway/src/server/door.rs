//! A listener that speaks TLS: each connection is counted before its handshake, which has to end in time, and is spoken to in HTTP/1.1 from
//! then on, as one in the clear is.
//!
//! actix-web's own TLS listener counts a connection when its handshake is over: clients that say nothing would take the places of all
//! others ([why](../../../../docs/decisions/0069-who-speaks-tls.md)).

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol, Request, Response};
use actix_server::ServerBuilder;
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::body::MessageBody;
use actix_web::dev::AppConfig;
use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::connections::{Connections, Counted, KEEP_ALIVE, SHUTDOWN_SECONDS};
use crate::platform::tls::{self, Certificate};

/// The content type of a handshake (RFC 8446 §5.1): the first byte that a client of TLS sends.
const HANDSHAKE: u8 = 22;
/// What a client is told that speaks HTTP in the clear.
const IN_THE_CLEAR: &str = "This port speaks https, and the request came without TLS: write https:// in its address.\n";
/// So long, and so much, of a request in the clear is read and thrown away, so that its client reads the answer.
const LAST_WORDS: Duration = Duration::from_secs(1);
const MOST_IN_THE_CLEAR: u64 = 64 << 10;
/// So long a connection may take to close, as actix-web has it.
const GOODBYE: Duration = Duration::from_secs(1);

/// Lets clients in who greet in TLS. Clones are the same.
#[derive(Clone)]
pub(super) struct Door {
    acceptor: TlsAcceptor,
    connections: Connections,
    patience: Duration,
}

impl Door {
    /// With this certificate; who does not greet in so long has to go.
    pub(super) fn new(certificate: Arc<Certificate>, connections: Connections, patience: Duration) -> io::Result<Door> {
        let config = tls::server_config(certificate).map_err(io::Error::other)?;
        Ok(Door { acceptor: TlsAcceptor::from(Arc::new(config)), connections, patience })
    }

    async fn open(&self, stream: TcpStream) -> Result<(Connection, Protocol, Option<SocketAddr>), DispatchError> {
        let peer = stream.peer_addr()?;
        let too_many = || io::Error::new(io::ErrorKind::ConnectionRefused, "this address has as many as it may have");
        let counted = self.connections.take_in(&stream, peer).ok_or_else(too_many)?;
        let greeting = self.connections.greet(peer).ok_or_else(too_many)?;
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        let greeted = timeout(self.patience, self.greet(stream)).await.map_err(late).and_then(|greeted| greeted);
        drop(greeting);
        let stream = greeted.inspect_err(|error| tracing::debug!(%peer, %error, "no TLS came about"))?;
        Ok((Connection { stream, _counted: counted }, Protocol::Http1, Some(peer)))
    }

    async fn greet(&self, mut stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let mut first = [0];
        // Before the first byte came, a connection costs no memory.
        match stream.peek(&mut first).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ if first[0] == HANDSHAKE => self.acceptor.accept(stream).await,
            _ if first[0].is_ascii_uppercase() => {
                tell_in_the_clear(&mut stream).await?;
                Err(io::Error::new(io::ErrorKind::InvalidData, "the client spoke HTTP in the clear"))
            }
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "the client spoke no TLS")),
        }
    }
}

async fn tell_in_the_clear(stream: &mut TcpStream) -> io::Result<()> {
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{IN_THE_CLEAR}",
        IN_THE_CLEAR.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    let mut rest = stream.take(MOST_IN_THE_CLEAR);
    let _ = timeout(LAST_WORDS, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
    Ok(())
}

/// A connection over TLS, counted for as long as it is open.
struct Connection {
    stream: TlsStream<TcpStream>,
    _counted: Counted,
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }
}

/// Answers at a listener over TLS, with so many threads and connections for each, as actix-web does it in the clear.
pub(super) fn serve<F, I, S, B>(
    door: Door,
    application: F,
    listener: TcpListener,
    (workers, most): (usize, usize),
) -> io::Result<actix_web::dev::Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let builder = ServerBuilder::default()
        .workers(workers)
        .max_concurrent_connections(most)
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    let builder = builder.listen("https", listener, move || {
        let (door, stopping) = (door.clone(), stopping.clone());
        let application = application().into_factory().map_err(|error| error.into().error_response());
        let http = HttpService::build()
            .secure()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(door.patience)
            .client_disconnect_timeout(GOODBYE)
            // No handler reads the scheme and the host here: URLs are those that are configured.
            .finish(map_config(application, |()| AppConfig::default()));
        fn_service(move |stream: TcpStream| {
            let door = door.clone();
            async move { door.open(stream).await }
        })
        .and_then(http)
    })?;
    Ok(builder.run())
}
