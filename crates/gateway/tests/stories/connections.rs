//! Connections that do nothing: how many one address may have, and how long they may stay.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::testing::World;

/// A connection from an address of this machine.
async fn from(address: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::new(address.parse().expect("an address"), 0)).expect("it is this machine's");
    socket.connect(to).await.expect("the kernel takes it in")
}

/// What the server says before it closes the connection; `None` if it still waits.
async fn said(connection: &mut TcpStream, patience: Duration) -> Option<String> {
    let mut all = Vec::new();
    let read = tokio::time::timeout(patience, connection.read_to_end(&mut all)).await;
    read.is_ok().then(|| String::from_utf8_lossy(&all).into_owned())
}

story!(
    hardening_7_idle_connections_keep_no_client_out,
    settings = [("GATEWAY__SERVER__CONNECTIONS_PER_ADDRESS", "8"), ("GATEWAY__SERVER__HEADER_SECONDS", "2")],
    async |world: World| {
        let server: SocketAddr = world.gateway.routed("").trim_start_matches("http://").parse().expect("an address");
        let mut idle = Vec::new();
        for _ in 0..40 {
            idle.push(from("127.0.0.3", server).await);
        }
        // Those over the bound of their address are closed at once, and a client elsewhere is served.
        for connection in &mut idle[8..] {
            assert_eq!(said(connection, Duration::from_secs(30)).await.as_deref(), Some(""));
        }
        world.get("/health/live").await.expect(200);
        assert_eq!(said(&mut idle[0], Duration::from_millis(1)).await, None, "the others may still send something");
        // Who says nothing is told so, and makes room.
        for connection in &mut idle[..8] {
            let told = said(connection, Duration::from_secs(30)).await.expect("it is closed in time");
            assert!(told.starts_with("HTTP/1.1 408 "), "{told:?}");
        }
        let mut again = from("127.0.0.3", server).await;
        again
            .write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .await
            .expect("it is open");
        let told = said(&mut again, Duration::from_secs(30)).await.expect("an answer");
        assert!(told.starts_with("HTTP/1.1 200 "), "{told:?}");
    }
);
