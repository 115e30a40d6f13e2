//! Redirect URIs (RFC 6749 §3.1.2, RFC 9700 §2.1, §4.1): registered whole, compared byte by byte. The one exception is the port of a
//! loopback IP literal of a public client (RFC 8252 §7.3): a native app listens on the port that the system gives it.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// Where browsers may be sent, with a code or after logging out. Serialized as it was registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RedirectUri(String);

const MAX_LENGTH: usize = 2048;

/// The parameters of an authorization response (IANA "OAuth Parameters"). A redirect URI that had one would have it twice.
const OF_THE_RESPONSE: [&str; 13] = [
    "code",
    "state",
    "iss",
    "error",
    "error_description",
    "error_uri",
    "response",
    "access_token",
    "token_type",
    "expires_in",
    "scope",
    "id_token",
    "session_state",
];

/// The beginnings of URIs whose port is free (RFC 8252 §7.3). `localhost` is a name and no IP literal (§8.3), so it is not among them.
const LOOPBACK: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

impl RedirectUri {
    /// A URI to be registered; the error says what would be right.
    pub fn register(text: &str) -> Result<RedirectUri, String> {
        let url = well_formed(text)?;
        let loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            "http" => return Err("must begin with https:// (http:// is allowed for localhost only)".to_owned()),
            scheme => return Err(format!("must begin with https://, not {scheme}:")),
        }
        if let Some(name) = url.query().and_then(of_the_response) {
            return Err(format!("must have no parameter {name} of its own: the response adds it"));
        }
        Ok(RedirectUri(text.to_owned()))
    }

    /// What a request names by this text: this URI, or, for a public client, the same one with another port.
    pub(crate) fn named(&self, sent: &str, public: bool) -> Option<RedirectUri> {
        let same = self.0 == sent || public && self.is_this_but_for_the_port(sent);
        same.then(|| RedirectUri(sent.to_owned()))
    }

    fn is_this_but_for_the_port(&self, sent: &str) -> bool {
        LOOPBACK.iter().any(|beginning| {
            let rest = |uri: &str| uri.strip_prefix(beginning).and_then(without_port).map(str::to_owned);
            rest(&self.0).is_some_and(|registered| rest(sent) == Some(registered))
        })
    }

    /// A URI that needs no check: one out of storage, which was [registered](Self::register) before, or one that the server derives.
    pub fn from_stored(text: String) -> RedirectUri {
        RedirectUri(text)
    }

    /// The URI as it was registered.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For users: scheme, host and port.
    pub fn origin(&self) -> String {
        Url::parse(&self.0).map_or_else(|_| self.0.clone(), |url| url.origin().ascii_serialization())
    }

    /// This URI with more parameters; what it has is kept byte for byte, its query too (RFC 6749 §3.1.2).
    pub fn with(&self, parameters: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        let joint = match self.0.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some((_, existing)) if existing.ends_with('&') => "",
            Some(_) => "&",
        };
        format!("{}{joint}{}", self.0, query.finish())
    }
}

/// The rules for registered URIs of every scheme.
fn well_formed(text: &str) -> Result<Url, String> {
    if text.len() > MAX_LENGTH {
        return Err(format!("must have at most {MAX_LENGTH} characters"));
    }
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("must be a URI without spaces, control characters or letters outside ASCII".to_owned());
    }
    for (character, name) in [('#', "fragment"), ('*', "wildcard"), ('\\', "backslash")] {
        if text.contains(character) {
            return Err(format!("must be the whole URI, without a {name} ({character})"));
        }
    }
    let url = Url::parse(text).map_err(|e| format!("must be an absolute URI: {e}"))?;
    if !text.starts_with(url.scheme()) {
        return Err(format!("must begin with {}: in small letters", url.scheme()));
    }
    // The URL standard repairs `https:host` and `https:///host`, which a browser and another program may read differently.
    let authority = text.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?']).next().unwrap_or_default());
    if authority.is_empty() && url.has_host() {
        return Err("must have a host after https://".to_owned());
    }
    if authority.contains('@') {
        return Err("must have no user name or password in it".to_owned());
    }
    if let Some(host) = url.host_str() {
        plain_authority(authority, host, url.scheme() == "https")?;
        plain_host(&url)?;
    }
    Ok(url)
}

/// The host as the URL standard has it, and a port in plain digits: `127.1`, `0x7f.1`, `2130706433` and `%61.example` are other
/// spellings of a host, and programs differ in whether they understand them.
fn plain_authority(authority: &str, host: &str, any_case: bool) -> Result<(), String> {
    let end = authority.find(']').map_or_else(|| authority.find(':').unwrap_or(authority.len()), |bracket| bracket + 1);
    let (written, port) = authority.split_at(end);
    if written != host && !(any_case && written.eq_ignore_ascii_case(host)) {
        return Err(format!("must have the host written as {host}"));
    }
    match port {
        "" => Ok(()),
        port if without_port(port) == Some("") => Ok(()),
        _ => Err("must have a port from 1 to 65535 in plain digits, or none".to_owned()),
    }
}

fn plain_host(url: &Url) -> Result<(), String> {
    match url.host() {
        Some(Host::Domain(name)) if name.ends_with('.') => Err("must have a host without a dot at its end".to_owned()),
        Some(Host::Ipv4(Ipv4Addr::UNSPECIFIED)) | Some(Host::Ipv6(Ipv6Addr::UNSPECIFIED)) => {
            Err("must name one host; this address stands for all of a machine's".to_owned())
        }
        Some(Host::Ipv6(address)) if !address.is_loopback() && address.to_ipv4().is_some() => {
            Err("must have an IPv4 address written as one, not inside an IPv6 address".to_owned())
        }
        _ => Ok(()),
    }
}

/// What follows the port, if there is one; `None` where a colon is followed by no port.
fn without_port(text: &str) -> Option<&str> {
    let Some(text) = text.strip_prefix(':') else { return Some(text) };
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (port, rest) = text.split_at(end);
    (!port.starts_with('0') && port.parse::<u16>().is_ok()).then_some(rest)
}

/// The first parameter of a query that responses have too. Servers differ in what divides parameters and in the case of their names,
/// and PHP reads `code[]` as `code`.
fn of_the_response(query: &str) -> Option<&'static str> {
    let names = query.split(['&', ';']).filter_map(|pair| {
        let (name, _) = url::form_urlencoded::parse(pair.as_bytes()).next()?;
        let name = name.trim().split('[').next().unwrap_or_default().to_ascii_lowercase();
        Some(name)
    });
    names.into_iter().find_map(|name| OF_THE_RESPONSE.into_iter().find(|parameter| *parameter == name))
}

/// What an origin (RFC 6454 §6.2) is registered and looked up by: itself, and without the port where the port is free.
pub fn origin_key(origin: &str) -> &str {
    let free = LOOPBACK.into_iter().find(|literal| {
        origin.strip_prefix(literal).is_some_and(|port| port.is_empty() || without_port(port) == Some(""))
    });
    free.unwrap_or(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attacks_4_and_5_only_whole_https_uris_and_http_on_loopback_are_registered() {
        for good in [
            "https://a.example/cb",
            "https://a.example/cb?x=1",
            "https://a.example",
            "https://a.example/@x",
            "http://127.0.0.1:9/cb",
            "http://[::1]/cb",
            "http://localhost/cb",
        ] {
            assert_eq!(RedirectUri::register(good).map(|uri| uri.0).as_deref(), Ok(good));
        }
        let long = format!("https://a.example/{}", "a".repeat(MAX_LENGTH));
        for bad in [
            "javascript:alert(1)",
            "javascript://a.example/%0aalert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "ftp://a.example",
            "custom.scheme:/cb",
            "http://a.example/cb",
            "http://localhost.evil.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "https://a.example/*",
            "https://*.example/",
            "https://a.example/cb#f",
            "https://a.example/cb#",
            "https://a@b.example/",
            "https://a:b@b.example/",
            "https://@b.example/",
            "https:a.example/cb",
            "https:///a.example/cb",
            "https:\\\\a.example/cb",
            "https://",
            "//a.example/cb",
            "/cb",
            "",
            "https://a.example/ cb",
            "https://a.example/\r\ncb",
            "https://exämple.example/",
            &long,
        ] {
            assert!(RedirectUri::register(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn report_16_a_uri_that_cannot_work_or_has_two_readings_is_not_registered() {
        for good in [
            "http://127.0.0.1/cb",
            "http://127.0.0.1:65535/cb",
            "http://[::1]",
            "http://[::1]:1?x=1",
            "http://localhost:3000/cb",
            "https://A.example/cb?decode=1&statecode=x&x=code&x=state%3D1",
            "https://192.0.2.1/cb",
            "https://[2001:db8::1]:8443/cb",
        ] {
            assert_eq!(RedirectUri::register(good).map(|uri| uri.0).as_deref(), Ok(good));
        }
        for bad in [
            // Parameters of the response.
            "https://a.example/cb?code=1",
            "https://a.example/cb?code",
            "https://a.example/cb?x=1&state=",
            "https://a.example/cb?x=1;state=1",
            "https://a.example/cb?%73tate=1",
            "https://a.example/cb?State=1",
            "https://a.example/cb?code[]=1",
            "https://a.example/cb?code%5B0%5D=1",
            "https://a.example/cb?+iss=1",
            "https://a.example/cb?iss=https://id.example",
            "https://a.example/cb?error=x",
            "https://a.example/cb?error_description=x",
            "https://a.example/cb?session_state=x",
            // Ports.
            "https://a.example:0/cb",
            "https://a.example:/cb",
            "https://a.example:00443/cb",
            "https://a.example:65536/cb",
            "http://127.0.0.1:0/cb",
            "http://[::1]:0/cb",
            "http://127.0.0.1:*/cb",
            // Other spellings of a host.
            "http://127.1/cb",
            "http://127.0.1:8080/cb",
            "http://0x7f.1/cb",
            "http://0X7F.0.0.1/cb",
            "http://0177.0.0.1/cb",
            "http://2130706433/cb",
            "http://127.0.0.01/cb",
            "http://127.0.0.1./cb",
            "http://%31%32%37.0.0.1/cb",
            "http://localhost./cb",
            "http://LOCALHOST/cb",
            "HTTP://127.0.0.1/cb",
            "HTTPS://a.example/cb",
            "http://[0:0:0:0:0:0:0:1]/cb",
            "http://[::0001]/cb",
            "http://[::ffff:127.0.0.1]/cb",
            "http://[::FFFF:7f00:1]/cb",
            "https://[::ffff:192.0.2.1]/cb",
            "https://[::c000:201]/cb",
            "http://0.0.0.0/cb",
            "https://0.0.0.0/cb",
            "https://[::]/cb",
            "https://a.example./cb",
            "https://%61.example/cb",
            "https://3221225985/cb",
            "http://user@127.0.0.1/cb",
            "http://127.0.0.1@evil.example/cb",
            "http://127.0.0.1:80@evil.example/cb",
        ] {
            assert!(RedirectUri::register(bad).is_err(), "{bad}");
        }
        let told = RedirectUri::register("http://127.1:8080/cb").unwrap_err();
        assert!(told.contains("127.0.0.1"), "it says what would be right: {told}");
    }

    #[test]
    fn report_16_the_port_of_a_loopback_literal_is_free_for_public_clients_and_nothing_else_is() {
        fn matches(registered: &str, sent: &str) -> bool {
            let registered = RedirectUri::register(registered).unwrap();
            let named = registered.named(sent, true);
            assert!(named.as_ref().is_none_or(|named| named.as_str() == sent), "the answer goes where it was asked to");
            assert_eq!(registered.named(sent, false).is_some(), registered.as_str() == sent, "confidential: {sent}");
            named.is_some()
        }
        for (registered, sent) in [
            ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:1/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1/cb"),
            ("http://127.0.0.1:8400/cb", "http://127.0.0.1:51004/cb"),
            ("http://127.0.0.1:8400/cb", "http://127.0.0.1/cb"),
            ("http://127.0.0.1", "http://127.0.0.1:65535"),
            ("http://127.0.0.1?x=1", "http://127.0.0.1:9?x=1"),
            ("http://[::1]/cb?x=%7e", "http://[::1]:51004/cb?x=%7e"),
        ] {
            assert!(matches(registered, sent), "{registered} {sent}");
        }
        for (registered, sent) in [
            ("http://127.0.0.1/cb", "http://127.0.0.1:0/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:065/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:65536/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:+80/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:80:90/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:80@evil.example/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1.evil.example/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:8080/cb/"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:8080/cb?x=1"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:8080/CB"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:8080/c%62"),
            ("http://127.0.0.1/cb", "https://127.0.0.1:8080/cb"),
            ("http://127.0.0.1/cb", "HTTP://127.0.0.1:8080/cb"),
            ("http://127.0.0.1/cb", "http://127.1:8080/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.2:8080/cb"),
            ("http://127.0.0.1/cb", "http://localhost:8080/cb"),
            ("http://127.0.0.1/cb", "http://[::1]:8080/cb"),
            ("http://[::1]/cb", "http://[::ffff:127.0.0.1]:8080/cb"),
            ("http://[::1]/cb", "http://[0:0:0:0:0:0:0:1]:8080/cb"),
            ("http://localhost/cb", "http://localhost:8080/cb"),
            ("http://localhost:3000/cb", "http://localhost:3001/cb"),
            ("http://127.0.0.2/cb", "http://127.0.0.2:8080/cb"),
            ("https://127.0.0.1/cb", "https://127.0.0.1:8080/cb"),
            ("https://a.example/cb", "https://a.example:8443/cb"),
        ] {
            assert!(!matches(registered, sent), "{registered} {sent}");
        }
    }

    #[test]
    fn report_18_an_origin_of_a_loopback_literal_is_known_without_its_port() {
        assert_eq!(origin_key("http://127.0.0.1:51004"), "http://127.0.0.1");
        assert_eq!(origin_key("http://[::1]"), "http://[::1]");
        for other in
            ["http://localhost:3000", "https://127.0.0.1:1", "http://127.0.0.1.evil.example", "http://127.0.0.1:0"]
        {
            assert_eq!(origin_key(other), other);
        }
    }

    #[test]
    fn attack_11_parameters_are_added_encoded_and_the_uri_is_kept_byte_for_byte() {
        #[track_caller]
        fn check(uri: &str, expected: &str) {
            let nasty = "a b&c\r\nSet-Cookie: x=<é>";
            assert_eq!(RedirectUri::register(uri).unwrap().with(&[("state", nasty)]), expected);
        }
        let state = "state=a+b%26c%0D%0ASet-Cookie%3A+x%3D%3C%C3%A9%3E";
        check("https://a.example", &format!("https://a.example?{state}"));
        check("https://A.example:443/cb?x=%7e", &format!("https://A.example:443/cb?x=%7e&{state}"));
        check("https://a.example/cb?", &format!("https://a.example/cb?{state}"));
        check("https://a.example/cb?x&", &format!("https://a.example/cb?x&{state}"));
    }
}
