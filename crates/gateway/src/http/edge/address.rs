//! Where a request came from: for the audit trail and for throttling. No URL is made of it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Once;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;

use crate::config::TrustedProxies;

/// Headers that only a proxy sends.
static ADDED_BY_PROXIES: [HeaderName; 3] = [
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("forwarded"),
    HeaderName::from_static("x-forwarded-proto"),
];

/// The address of the client: the peer's, or, behind trusted proxies, the one that the outermost of them saw.
///
/// Each proxy appends the address of its own peer to `X-Forwarded-For`, so the list is read from the right for as long as its entries
/// are trusted proxies. An entry that cannot be read ends it: what stands left of it, the client may have written itself, so the
/// address is that of the proxy that wrote the entry.
pub(crate) fn of(request: &HttpRequest, trusted: &TrustedProxies) -> Option<String> {
    let peer = request.peer_addr()?.ip().to_canonical();
    if !trusted.contains(peer) {
        if trusted.is_empty() {
            warn_of_a_proxy(request, peer);
        }
        return Some(peer.to_string());
    }
    let lines: Vec<&[u8]> = request.headers().get_all("X-Forwarded-For").map(|line| line.as_bytes()).collect();
    let mut client = peer;
    for entry in lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b',')) {
        let Some(address) = std::str::from_utf8(entry).ok().and_then(forwarded) else { break };
        client = address;
        if !trusted.contains(address) {
            break;
        }
    }
    Some(client.to_string())
}

/// An entry of `X-Forwarded-For`: an address, with or without the port that some proxies add, an IPv6 address in brackets or not.
fn forwarded(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let bare = entry.strip_prefix('[').and_then(|entry| entry.strip_suffix(']')).unwrap_or(entry);
    let address = bare.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|socket| socket.ip()))?;
    Some(address.to_canonical())
}

/// Without a configured proxy all users behind one have its address. Said once by a process.
fn warn_of_a_proxy(request: &HttpRequest, peer: IpAddr) {
    static SAID: Once = Once::new();
    if let Some(header) = ADDED_BY_PROXIES.iter().find(|name| request.headers().contains_key(*name)) {
        SAID.call_once(|| {
            tracing::warn!(
                %peer,
                %header,
                "requests come through a proxy and server.trusted_proxies is empty: the audit trail records the proxy's address, and \
                 throttling counts all users behind it as one. Set server.trusted_proxies to the proxy's address or network"
            );
        });
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::config::Config;

    /// Two proxies, one behind the other: 10.0.0.7, and a network.
    fn trusted() -> TrustedProxies {
        let setting = ("GATEWAY__SERVER__TRUSTED_PROXIES", "10.0.0.7, 172.16.0.0/12");
        Config::from_variables(&[setting]).unwrap().server.trusted_proxies
    }

    #[track_caller]
    fn check(peer: &str, forwarded: &[&[u8]], client: &str) {
        let mut request = TestRequest::default().peer_addr(SocketAddr::new(peer.parse().unwrap(), 40_000));
        for line in forwarded {
            let line = actix_web::http::header::HeaderValue::from_bytes(line).unwrap();
            request = request.append_header(("X-Forwarded-For", line));
        }
        assert_eq!(of(&request.to_http_request(), &trusted()).as_deref(), Some(client), "{peer} {forwarded:?}");
    }

    #[test]
    fn hardening_14_the_client_is_the_last_address_that_a_trusted_proxy_saw() {
        // From a stranger the header says nothing.
        check("203.0.113.9", &[b"6.6.6.6"], "203.0.113.9");
        check("203.0.113.9", &[], "203.0.113.9");
        // From a proxy, however the socket shows it.
        for peer in ["10.0.0.7", "::ffff:10.0.0.7", "172.20.1.1"] {
            check(peer, &[b"203.0.113.9"], "203.0.113.9");
            check(peer, &[b"6.6.6.6, 203.0.113.9"], "203.0.113.9");
            check(peer, &[b"6.6.6.6", b"203.0.113.9"], "203.0.113.9");
            check(peer, &[b"6.6.6.6, 203.0.113.9, 172.20.1.1"], "203.0.113.9");
        }
        // Entries as real proxies write them.
        check("10.0.0.7", &[b"6.6.6.6, 203.0.113.9:51234"], "203.0.113.9");
        check("10.0.0.7", &[b"6.6.6.6, [2001:db8::9]:51234"], "2001:db8::9");
        check("10.0.0.7", &[b"6.6.6.6, [2001:db8::9]"], "2001:db8::9");
        check("10.0.0.7", &[b"6.6.6.6, 2001:db8::9"], "2001:db8::9");
        check("10.0.0.7", &[b"6.6.6.6,::ffff:203.0.113.9"], "203.0.113.9");
        check("10.0.0.7", &[b"6.6.6.6, 203.0.113.9, 172.20.1.1:8080"], "203.0.113.9");
    }

    #[test]
    fn hardening_14_nothing_left_of_an_unreadable_entry_is_believed() {
        for unreadable in [&b"unknown"[..], b"", b" ", b"_hidden", b"203.0.113.9:", b"203.0.113.9:99999", b"\xff\xfe"] {
            check("10.0.0.7", &[b"6.6.6.6", unreadable], "10.0.0.7");
            check("10.0.0.7", &[&[b"6.6.6.6, ", unreadable].concat()], "10.0.0.7");
            check("10.0.0.7", &[&[b"6.6.6.6, ", unreadable, b", 172.20.1.1"].concat()], "172.20.1.1");
        }
        // Only proxies: the outermost is all that is known.
        check("10.0.0.7", &[b"172.20.1.1, 172.20.1.2"], "172.20.1.1");
    }
}
