//! Connections of HTTP clients: how many there may be, in all and from one address, and what becomes of those that do nothing.
//!
//! A connection takes a file descriptor, and so does the database. There are never more of them than leave descriptors over, and
//! one address has at most half of them unless it is a configured proxy's.

use std::any::Any;
use std::collections::HashMap;
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use socket2::{SockRef, TcpKeepalive};

use crate::config::TrustedProxies;

/// A connection may do nothing between two requests for so long.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// What still runs so long after the server was told to stop is cut off.
pub(super) const SHUTDOWN_SECONDS: u64 = 30;
/// More connections than this are no use to one process.
const MOST: u64 = 100_000;
/// Descriptors for the database, the log, outbound calls and what else a process opens.
const RESERVED: u64 = 128;
/// SQLite opens a database, its log and its shared memory for each connection.
const FILES_OF_A_DATABASE_CONNECTION: u64 = 4;
/// After so long without a byte the kernel asks whether the peer is still there.
const SILENCE: Duration = Duration::from_secs(60);

/// How many connections there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ConnectionLimits {
    /// In all.
    pub(super) all: usize,
    /// From one address.
    pub(super) of_one_address: usize,
}

impl ConnectionLimits {
    /// What the process's limit of open files allows. Raises that limit as far as the operating system lets it.
    pub(super) fn of_this_process(database_connections: u32, of_one_address: Option<usize>) -> ConnectionLimits {
        // Where there is no such limit, or none that can be read, the usual least is a safe guess.
        let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024);
        let bounds = ConnectionLimits::for_files(files, database_connections, of_one_address);
        tracing::debug!(files, all = bounds.all, of_one_address = bounds.of_one_address, "connections are bounded");
        bounds
    }

    fn for_files(files: u64, database_connections: u32, of_one_address: Option<usize>) -> ConnectionLimits {
        let reserved = RESERVED + FILES_OF_A_DATABASE_CONNECTION * u64::from(database_connections);
        let all = files.saturating_sub(reserved).max(files / 4).clamp(16, MOST);
        let all = usize::try_from(all).unwrap_or(usize::MAX);
        ConnectionLimits { all, of_one_address: of_one_address.unwrap_or(all / 2).min(all) }
    }
}

/// So many clients may be greeting at one time: connections that said nothing yet have a file descriptor and no memory.
const GREETING: usize = 4096;

/// The connections that are open now. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    bounds: ConnectionLimits,
    write_timeout: Duration,
    proxies: TrustedProxies,
    open: Tally,
    greeting: Tally,
}

/// Connections by their address. Clones are the same.
#[derive(Debug, Clone, Default)]
struct Tally(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One connection, counted until it is dropped with it.
#[derive(Debug)]
pub(super) struct Counted {
    address: IpAddr,
    tally: Tally,
}

impl Tally {
    /// Counts one more, unless there are so many from this address, or in all.
    fn take(&self, address: IpAddr, bounds: ConnectionLimits) -> Option<Counted> {
        let mut counts = self.lock();
        let all: usize = if bounds.all == usize::MAX { 0 } else { counts.values().sum() };
        let of_this = counts.get(&address).copied().unwrap_or_default();
        if of_this >= bounds.of_one_address || all >= bounds.all {
            return None;
        }
        counts.insert(address, of_this + 1);
        Some(Counted { address, tally: self.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connections {
    pub(super) fn new(bounds: ConnectionLimits, write_timeout: Duration, proxies: TrustedProxies) -> Connections {
        Connections { bounds, write_timeout, proxies, open: Tally::default(), greeting: Tally::default() }
    }

    /// Takes a new connection in, or closes it at once. Called by actix with the stream and the connection's own data.
    pub(super) fn admit(&self, stream: &dyn Any, data: &mut Extensions) {
        let Some(stream) = stream.downcast_ref::<TcpStream>() else { return };
        let Ok(peer) = stream.peer_addr() else { return };
        match self.take_in(stream, peer) {
            Some(counted) => drop(data.insert(counted)),
            None => drop(SockRef::from(stream).shutdown(Shutdown::Both)),
        }
    }

    /// Counts a new connection, unless its address has its share.
    pub(super) fn take_in(&self, stream: &TcpStream, peer: SocketAddr) -> Option<Counted> {
        let socket = SockRef::from(stream);
        // The end of an answer does not wait until its beginning is confirmed: that is 40 ms for each page of a hundred users.
        let _ = socket.set_tcp_nodelay(true);
        // A client that does not read its answer, or is gone, must not hold it in memory: the kernel gives the connection up when
        // nothing was taken for so long (RFC 5482).
        #[cfg(target_os = "linux")]
        let _ = socket.set_tcp_user_timeout(Some(self.write_timeout));
        let _ = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(SILENCE));
        self.count(peer.ip().to_canonical())
    }

    /// Counts a client that begins to greet (TLS), until it has. An address may have a quarter of its connections greeting, so that those
    /// that say nothing keep no other client out.
    pub(super) fn greet(&self, peer: SocketAddr) -> Option<Counted> {
        let address = peer.ip().to_canonical();
        let all = (self.bounds.all / 2).clamp(1, GREETING);
        let of_one_address = if self.proxies.contains(address) { all } else { self.bounds.of_one_address.div_ceil(4) };
        self.greeting.take(address, ConnectionLimits { all, of_one_address: of_one_address.min(all.div_ceil(4)) })
    }

    fn count(&self, address: IpAddr) -> Option<Counted> {
        let bound = if self.proxies.contains(address) { usize::MAX } else { self.bounds.of_one_address };
        // How many there are in all is bounded where they are accepted.
        self.open.take(address, ConnectionLimits { all: usize::MAX, of_one_address: bound })
    }

    /// Whether no connection is open.
    pub(super) fn are_none(&self) -> bool {
        self.open.lock().is_empty()
    }
}

/// Makes the kernel drop requests for new connections, so that those that wait to be taken in can be, before the listener is closed:
/// closing it resets them, and a proxy cannot send a POST again of which it does not know whether it was read. A client whose request was
/// dropped asks again after a second, and is then refused and goes elsewhere.
#[cfg(target_os = "linux")]
pub(super) fn refuse_new(listener: &std::net::TcpListener) -> std::io::Result<()> {
    use socket2::SockFilter;
    /// Where the flags of a segment are (RFC 9293 §3.1), and those of the first: SYN without ACK.
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    const SYN_AND_ACK: u32 = 0x12;
    SockRef::from(listener).attach_filter(&[
        SockFilter::new(0x30, 0, 0, FLAGS),       // load the byte
        SockFilter::new(0x54, 0, 0, SYN_AND_ACK), // of it these two bits
        SockFilter::new(0x15, 0, 1, SYN),         // are they those of a first segment?
        SockFilter::new(0x06, 0, 0, 0),           // drop it
        SockFilter::new(0x06, 0, 0, u32::MAX),    // take the others whole
    ])
}

#[cfg(not(target_os = "linux"))]
pub(super) fn refuse_new(_: &std::net::TcpListener) -> std::io::Result<()> {
    Ok(())
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.tally.lock();
        if let Some(of_this) = counts.get_mut(&self.address) {
            *of_this -= 1;
            if *of_this == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardening_7_connections_leave_files_for_the_database() {
        let bounds = |files, connections| ConnectionLimits::for_files(files, connections, None);
        assert_eq!(bounds(1024, 16), ConnectionLimits { all: 832, of_one_address: 416 });
        assert_eq!(bounds(1_048_576, 16), ConnectionLimits { all: 100_000, of_one_address: 50_000 });
        assert_eq!(bounds(u64::MAX, 16), ConnectionLimits { all: 100_000, of_one_address: 50_000 });
        assert_eq!(bounds(256, 1000), ConnectionLimits { all: 64, of_one_address: 32 }, "never none");
        assert_eq!(ConnectionLimits::for_files(1024, 16, Some(10)).of_one_address, 10);
        assert_eq!(ConnectionLimits::for_files(1024, 16, Some(10_000)).of_one_address, 832);
    }

    #[test]
    fn hardening_7_one_address_has_at_most_its_share() {
        let bounds = ConnectionLimits { all: 10, of_one_address: 2 };
        let connections = Connections::new(bounds, Duration::from_secs(1), TrustedProxies::default());
        let from = |address: &str| connections.count(address.parse().unwrap());
        let (first, second) = (from("203.0.113.9").unwrap(), from("203.0.113.9").unwrap());
        assert!(from("203.0.113.9").is_none());
        let other = from("203.0.113.10").unwrap();
        drop(first);
        let third = from("203.0.113.9").unwrap();
        assert!(from("203.0.113.9").is_none() && !connections.are_none());
        drop((second, third, other));
        assert!(connections.are_none());
    }

    #[test]
    fn hardening_7_clients_that_greet_leave_room_for_others() {
        let peer = |text: &str| SocketAddr::new(text.parse().unwrap(), 1);
        let bounds = ConnectionLimits { all: 32, of_one_address: 16 };
        let connections = Connections::new(bounds, Duration::from_secs(1), TrustedProxies::default());
        let mut greeting = Vec::new();
        for last in 1..=4 {
            let address = peer(&format!("203.0.113.{last}"));
            greeting.extend((0..4).map(|_| connections.greet(address).expect("it has room")));
            assert!(connections.greet(address).is_none(), "an address has a quarter of its share");
        }
        assert!(connections.greet(peer("203.0.113.5")).is_none(), "half of all connections may be greeting");
        greeting.pop();
        assert!(connections.greet(peer("203.0.113.5")).is_some());
        let one = ConnectionLimits { all: 1, of_one_address: 1 };
        let connections = Connections::new(one, Duration::from_secs(1), TrustedProxies::default());
        assert!(connections.greet(peer("203.0.113.1")).is_some(), "never none");
    }
}
