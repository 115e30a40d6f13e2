//! Which addresses may be called: those of the public internet, and no addresses that are reachable only from inside.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Longer addresses are a mistake.
const MAX_LENGTH: usize = 2048;
/// Azure's platform services answer to every virtual machine there, at an address that looks public.
const AZURE_PLATFORM: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

/// How far calls may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowedNetworks {
    /// The public internet.
    Public,
    /// That, and this machine itself, there without TLS too: for tests and development.
    PublicAndLoopback,
}

impl AllowedNetworks {
    /// Whether this network address may be connected to.
    pub fn covers(self, address: IpAddr) -> bool {
        let address = plain(address);
        is_public(address) || (self == AllowedNetworks::PublicAndLoopback && address.is_loopback())
    }

    /// An address that may be called, as far as it shows; if not, what would be right.
    pub fn url(self, text: &str) -> Result<Url, String> {
        let url = Url::parse(text).ok().filter(|_| text.len() <= MAX_LENGTH);
        let url = url.ok_or_else(|| "must be an absolute https URL".to_owned())?;
        let named_here = |name: &str| name == "localhost" || name.ends_with(".localhost");
        let is_here = match url.host() {
            Some(Host::Domain(name)) => named_here(name.trim_end_matches('.')),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => plain(address.into()).is_loopback(),
            None => return Err("must be an absolute https URL with a host".to_owned()),
        };
        let by_tls = url.scheme() == "https"
            || (url.scheme() == "http" && is_here && self == AllowedNetworks::PublicAndLoopback);
        if !by_tls {
            return Err("must begin with https://".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err("must have no user, password or fragment".to_owned());
        }
        let covered = match url.host() {
            Some(Host::Ipv4(address)) => self.covers(address.into()),
            Some(Host::Ipv6(address)) => self.covers(address.into()),
            _ => !is_here || self == AllowedNetworks::PublicAndLoopback,
        };
        if covered { Ok(url) } else { Err("must not lead to a private, local or reserved address".to_owned()) }
    }
}

/// An IPv4 address in the clothes of an IPv6 address is an IPv4 address: mapped (RFC 4291 §2.5.5.2), or translated by NAT64
/// (RFC 6052 §2.1).
fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => match (v6.to_ipv4_mapped(), v6.segments()) {
            (Some(v4), _) => v4.into(),
            (None, [0x64, 0xff9b, 0, 0, 0, 0, high, low]) => {
                Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)).into()
            }
            _ => address,
        },
        IpAddr::V4(_) => address,
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// The IANA registry of special-purpose IPv4 addresses (RFC 6890), and multicast.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a, b, c) == (192, 88, 99)
        || (a == 198 && (18..20).contains(&b))
        || a >= 240;
    !special && address != AZURE_PLATFORM
}

/// Global unicast (RFC 4291 §2.4) less what the registry of special-purpose addresses takes out: tunnels, which hide IPv4 addresses,
/// protocol assignments and documentation.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    match a {
        0x2001 => b >= 0x200 && b != 0xdb8,
        0x2002 => false,
        0x3fff => b >= 0x1000,
        _ => a & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_51_only_the_public_internet_is_within_reach() {
        let covered = |text: &str| AllowedNetworks::Public.covers(text.parse().unwrap());
        for private in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.0.1",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "5f00::1",
        ] {
            assert!(!covered(private), "{private}");
        }
        for public in
            ["1.1.1.1", "20.190.128.1", "172.32.0.1", "100.63.0.1", "2606:4700::1111", "2603:1006::1", "::ffff:1.1.1.1"]
        {
            assert!(covered(public), "{public}");
        }
        for here in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert!(AllowedNetworks::PublicAndLoopback.covers(here.parse().unwrap()), "{here}");
        }
        assert!(!AllowedNetworks::PublicAndLoopback.covers("169.254.169.254".parse().unwrap()));
    }

    #[test]
    fn attack_51_addresses_are_refused_as_soon_as_they_are_written() {
        for bad in [
            "",
            "keys",
            "/keys",
            "file:///etc/passwd",
            "http://idp.example/keys",
            "ftp://idp.example/",
            "gopher://idp.example/",
            "data:application/json,{}",
            "https://",
            "https://user@idp.example/",
            "https://:x@idp.example/",
            "https://idp.example/#k",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://a.localhost/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://169.254.169.254/latest/meta-data",
            "https://10.1.2.3:8443/",
            "http://127.0.0.1/",
            "https://１２７.0.0.1/",
        ] {
            assert!(AllowedNetworks::Public.url(bad).is_err(), "{bad}");
        }
        assert!(AllowedNetworks::Public.url(&format!("https://idp.example/{}", "x".repeat(MAX_LENGTH))).is_err());
        for good in ["https://idp.example/keys?v=1", "https://idp.example:8443/", "https://1.1.1.1/"] {
            assert!(AllowedNetworks::Public.url(good).is_ok(), "{good}");
        }
        for here in ["http://127.0.0.1:8080/keys", "http://localhost/", "https://[::1]/"] {
            assert!(AllowedNetworks::PublicAndLoopback.url(here).is_ok(), "{here}");
        }
        for elsewhere in ["http://idp.example/", "http://10.0.0.1/", "https://10.0.0.1/", "http://1.1.1.1/"] {
            assert!(AllowedNetworks::PublicAndLoopback.url(elsewhere).is_err(), "{elsewhere}");
        }
    }
}
