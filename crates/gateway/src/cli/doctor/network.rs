//! The address, its name, and whether anything listens there.

use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use url::Url;

use super::Findings;
use crate::platform::outbound::address::AllowedNetworks;

/// So long a connection may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// So many addresses of a name are tried.
const TRIED: usize = 8;

/// Whether it is worth asking further.
pub(super) fn look(url: &Url, findings: &mut Findings) -> bool {
    let host = url.host_str().unwrap_or_default();
    if url.scheme() != "https" {
        findings.warn(
            "address",
            format!("{url} is not https"),
            "Identity providers send secrets and want https. Put a proxy with TLS in front, and set server.public_url to its address.",
        );
    }
    if host.contains('_') {
        findings.fail(
            "address",
            format!("the host name {host} has an underscore"),
            "Okta refuses such names as redirect URIs and base URLs. Give the server another name.",
        );
    }
    let port = url.port_or_known_default().unwrap_or(443);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found: Vec<SocketAddr> = match (bare, port).to_socket_addrs() {
        Ok(found) => found.collect(),
        Err(error) => {
            findings.fail(
                "dns",
                format!("{host} is not found: {error}"),
                "Add an A or AAAA record for it to the public DNS.",
            );
            return false;
        }
    };
    let mut addresses: Vec<IpAddr> = found.iter().map(SocketAddr::ip).collect();
    addresses.sort();
    addresses.dedup();
    let listed = addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ");
    match addresses.iter().find(|address| !AllowedNetworks::Public.covers(**address)) {
        None => findings.ok("dns", format!("{host} is {listed}")),
        Some(inside) => findings.warn(
            "dns",
            format!("{host} is {listed}: {inside} is no public address"),
            "From outside it has to be a public one: an identity provider in the cloud asks the public DNS.",
        ),
    }
    connects(&found, port, findings)
}

fn connects(found: &[SocketAddr], port: u16, findings: &mut Findings) -> bool {
    let tried = found.iter().take(TRIED).map(|address| (address.ip(), TcpStream::connect_timeout(address, PATIENCE)));
    let (answered, silent): (Vec<_>, Vec<_>) = tried.partition(|(_, outcome)| outcome.is_ok());
    let failures: Vec<String> = silent
        .iter()
        .filter_map(|(address, outcome)| Some(format!("{address}: {}", outcome.as_ref().err()?)))
        .collect();
    match (answered.is_empty(), failures.is_empty()) {
        (true, _) => {
            findings.fail(
                "connection",
                format!("nothing answers at port {port}: {}", failures.join("; ")),
                "Start the server or the proxy in front of it, and open the port in the firewall.",
            );
            return false;
        }
        (false, true) => findings.ok("connection", format!("port {port} answers")),
        (false, false) => findings.warn(
            "connection",
            format!("not each address of the name answers at port {port}: {}", failures.join("; ")),
            "Identity providers may take any of them. Mend it, or take its record out of the DNS.",
        ),
    }
    true
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn addresses_inside_of_a_network_are_none_for_identity_providers() {
        let is = |text: &str| AllowedNetworks::Public.covers(text.parse().unwrap());
        for inside in [
            "10.1.2.3",
            "192.168.0.1",
            "172.20.1.1",
            "127.0.0.1",
            "169.254.1.1",
            "100.64.0.1",
            "::1",
            "fd00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(!is(inside), "{inside}");
        }
        for outside in ["8.8.8.8", "100.128.0.1", "172.32.0.1", "2606:4700::1111"] {
            assert!(is(outside), "{outside}");
        }
    }

    #[test]
    fn what_does_not_answer_ends_the_look() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let look = |url: String| {
            let mut findings = Findings::default();
            (look(&Url::parse(&url).unwrap(), &mut findings), findings)
        };
        let (goes_on, findings) = look(format!("https://127.0.0.1:{port}"));
        assert!(goes_on && findings.worst() == State::Warning, "{findings:?}");
        drop(listener);
        let (goes_on, findings) = look(format!("https://127.0.0.1:{port}"));
        assert!(!goes_on && findings.0.last().is_some_and(|last| last.check == "connection"), "{findings:?}");
        let (goes_on, findings) = look("https://no_such_name.invalid".to_owned());
        assert!(!goes_on && findings.0.iter().any(|finding| finding.found.contains("underscore")), "{findings:?}");
    }
}
