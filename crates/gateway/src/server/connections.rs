//! Connections of HTTP clients: how many there may be, in all and from one address, and what becomes of those that do nothing.
//!
//! A connection takes a file descriptor, and so does the database. There are never more of them than leave descriptors over, and
//! one address has at most half of them unless it is a configured proxy's.

use std::any::Any;
use std::collections::HashMap;
use std::net::{IpAddr, Shutdown};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::dev::Extensions;
use socket2::{SockRef, TcpKeepalive};

use crate::config::TrustedProxies;

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

/// The connections that are open now. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    bounds: ConnectionLimits,
    write_timeout: Duration,
    proxies: TrustedProxies,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One connection, counted until it is dropped with it.
#[derive(Debug)]
struct Counted {
    address: IpAddr,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Connections {
    pub(super) fn new(bounds: ConnectionLimits, write_timeout: Duration, proxies: TrustedProxies) -> Connections {
        Connections { bounds, write_timeout, proxies, open: Arc::default() }
    }

    /// Takes a new connection in, or closes it at once. Called by actix with the stream and the connection's own data.
    pub(super) fn admit(&self, stream: &dyn Any, data: &mut Extensions) {
        let Some(stream) = stream.downcast_ref::<actix_web::rt::net::TcpStream>() else { return };
        let Ok(peer) = stream.peer_addr() else { return };
        let socket = SockRef::from(stream);
        // A client that does not read its answer, or is gone, must not hold it in memory: the kernel gives the connection up when
        // nothing was taken for so long (RFC 5482).
        #[cfg(target_os = "linux")]
        let _ = socket.set_tcp_user_timeout(Some(self.write_timeout));
        let _ = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(SILENCE));
        match self.count(peer.ip().to_canonical()) {
            Some(counted) => drop(data.insert(counted)),
            None => drop(socket.shutdown(Shutdown::Both)),
        }
    }

    fn count(&self, address: IpAddr) -> Option<Counted> {
        let bound = if self.proxies.contains(address) { usize::MAX } else { self.bounds.of_one_address };
        let mut open = lock(&self.open);
        let of_this = open.entry(address).or_default();
        if *of_this >= bound {
            return None;
        }
        *of_this += 1;
        Some(Counted { address, open: self.open.clone() })
    }

    /// Whether no connection is open.
    pub(super) fn are_none(&self) -> bool {
        lock(&self.open).is_empty()
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
        let mut open = lock(&self.open);
        if let Some(of_this) = open.get_mut(&self.address) {
            *of_this -= 1;
            if *of_this == 0 {
                open.remove(&self.address);
            }
        }
    }
}

fn lock(open: &Mutex<HashMap<IpAddr, usize>>) -> std::sync::MutexGuard<'_, HashMap<IpAddr, usize>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
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
}
