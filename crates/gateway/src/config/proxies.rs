//! `server.trusted_proxies`: the addresses and networks whose `X-Forwarded-For` and `X-Request-Id` are believed.

use std::net::IpAddr;

use ipnet::IpNet;

/// Addresses and networks of reverse proxies. An IPv4 address that arrives mapped into IPv6 (RFC 4291 §2.5.5.2), as it does at a
/// socket that listens on `[::]`, is the IPv4 address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    pub(super) fn new(networks: Vec<IpNet>) -> TrustedProxies {
        TrustedProxies(networks)
    }

    /// Whether no proxy is configured.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this address is a configured proxy's.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// An address, or a network in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3).
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let network = match bare.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address.to_canonical()),
        Err(_) => {
            let network: IpNet = bare.parse().map_err(|_| {
                format!("`{text}` is neither an IP address (10.0.0.7, 2001:db8::7) nor a network (10.0.0.0/8, 2001:db8::/32)")
            })?;
            unmapped(network)
        }
    };
    if network.prefix_len() == 0 {
        return Err(format!("`{text}` is every address there is: a client could claim any address. Name your proxies"));
    }
    Ok(network)
}

/// `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else { return network };
    match (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96)) {
        (Some(address), Some(prefix)) => IpNet::new(address.into(), prefix).unwrap_or(network),
        _ => network,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardening_14_proxies_are_addresses_and_networks_of_both_families() {
        #[track_caller]
        fn check(configured: &str, address: &str, trusted: bool) {
            let proxies = TrustedProxies::new(vec![network(configured).unwrap()]);
            assert_eq!(proxies.contains(address.parse().unwrap()), trusted, "{address} in {configured}");
        }
        check("10.0.0.7", "10.0.0.7", true);
        check("10.0.0.7", "::ffff:10.0.0.7", true);
        check("10.0.0.7", "10.0.0.8", false);
        check("::ffff:10.0.0.7", "10.0.0.7", true);
        check(" 10.0.0.0/8 ", "10.200.0.1", true);
        check("10.0.0.0/8", "::ffff:10.200.0.1", true);
        check("10.0.0.7/8", "10.200.0.1", true);
        check("10.0.0.0/8", "11.0.0.1", false);
        check("::ffff:10.0.0.0/104", "10.200.0.1", true);
        check("2001:db8::/32", "2001:db8:1::9", true);
        check("[2001:db8::7]", "2001:db8::7", true);
        check("2001:db8::/32", "2001:db9::9", false);
        check("2001:db8::/32", "10.0.0.7", false);
        for wrong in ["", "proxy.example.com", "10.0.0.0/33", "10.0.0.7:80", "0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96"] {
            assert!(network(wrong).is_err(), "{wrong}");
        }
    }
}
