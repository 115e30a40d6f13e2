//! `server.public_url`: the issuer identifier (RFC 8414 §2), and the base of every URL we print.

use url::{Host, Url};

/// Where paths of the server's own begin. A public URL whose path began like one of them could not be told from it, for a proxy may
/// strip the path or pass it on.
pub(crate) const OWN: [&str; 20] = [
    ".well-known",
    "access",
    "account",
    "admin",
    "assets",
    "console",
    "favicon.ico",
    "health",
    "login",
    "metrics",
    "oauth2",
    "openapi",
    "openapi.json",
    "operator",
    "password",
    "robots.txt",
    "scim",
    "setup",
    "style",
    "userinfo",
];

/// https or http, a host, perhaps a path; no user, query or fragment. As clients compare issuers letter by letter, it has to be written
/// as URLs are written (WHATWG URL), but for a slash at the end, which is not kept.
pub(super) fn parse(text: &str) -> Result<String, String> {
    let url = http_url(text)?;
    let plain = url.as_str().strip_suffix('/').unwrap_or(url.as_str());
    if text.strip_suffix('/').unwrap_or(text) != plain {
        return Err(format!("`{text}` must be written as `{plain}`"));
    }
    let path = path_of(plain);
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let is_plain = |segment: &&str| {
        !segment.is_empty()
            && segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'))
    };
    if !segments.iter().all(is_plain) {
        return Err(format!(
            "`{text}`: each part of its path may have letters, digits and - . _ ~ only, and none may be empty"
        ));
    }
    match segments.first().filter(|first| OWN.contains(first)) {
        Some(first) => Err(format!(
            "`{text}`: its path begins with /{first}, as paths of the server's own do; choose another, such as /identity"
        )),
        None => Ok(plain.to_owned()),
    }
}

/// The issuer identifier of another server, which is kept as that server writes it.
pub(super) fn issuer(text: &str) -> Result<String, String> {
    http_url(text).map(|_| text.to_owned())
}

fn http_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|e| format!("`{text}` is not a URL: {e}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(format!("`{text}` must begin with https:// (or http://) and a host name"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must have no user name and no password before its host name".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("`{text}` must have no query and no fragment"));
    }
    Ok(url)
}

/// The host name, if it is one with an underscore.
pub(super) fn host_that_okta_refuses(url: &str) -> Option<String> {
    match Url::parse(url).ok()?.host()? {
        Host::Domain(name) if name.contains('_') => Some(name.to_owned()),
        _ => None,
    }
}

/// Plain http that leaves the machine.
pub(crate) fn is_exposed(url: &str) -> bool {
    url.starts_with("http://") && !is_loopback(url)
}

/// Whether a URL's host is this machine (loopback).
pub(super) fn is_loopback(url: &str) -> bool {
    match Url::parse(url).ok().as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The path of a public URL: empty, or `/identity`.
pub(crate) fn path_of(public_url: &str) -> &str {
    let Some((_, rest)) = public_url.split_once("://") else { return "" };
    rest.find('/').map_or("", |at| &rest[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_17_a_public_url_may_have_a_path_and_nothing_else() {
        for (text, kept, path) in [
            ("https://x.example", "https://x.example", ""),
            ("https://x.example/", "https://x.example", ""),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", ""),
            ("http://[::1]:8080/a", "http://[::1]:8080/a", "/a"),
            ("https://x.example/identity", "https://x.example/identity", "/identity"),
            ("https://x.example/identity/", "https://x.example/identity", "/identity"),
            ("https://x.example/eu-1/id_2.0", "https://x.example/eu-1/id_2.0", "/eu-1/id_2.0"),
            ("https://x.example/scim-gateway", "https://x.example/scim-gateway", "/scim-gateway"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(kept), "{text}");
            assert_eq!(path_of(kept), path);
        }
    }

    #[test]
    fn report_17_a_public_url_with_anything_else_is_refused_in_words() {
        for (text, word) in [
            ("https://x.example?", "query"),
            ("https://x.example/?a=b", "query"),
            ("https://x.example/identity#", "fragment"),
            ("https://x.example/#top", "fragment"),
            ("https://ada@x.example", "user"),
            ("ftp://x.example", "https://"),
            ("x.example", "not a URL"),
            ("https://x.example//", "empty"),
            ("https://x.example/identity//", "empty"),
            ("https://x.example//identity", "empty"),
            ("https://x.example/a//b", "empty"),
            ("https://x.example/identity ", "`https://x.example/identity`"),
            (" https://x.example", "`https://x.example`"),
            ("https://x.example/identity\n", "`https://x.example/identity`"),
            ("https://x.example\\identity", "`https://x.example/identity`"),
            ("https:x.example", "`https://x.example`"),
            ("HTTPS://x.example", "`https://x.example`"),
            ("https://X.example/Identity", "`https://x.example/Identity`"),
            ("https://x.example:443/identity", "`https://x.example/identity`"),
            ("https://x.example/../identity", "`https://x.example/identity`"),
            ("https://x.example/./identity", "`https://x.example/identity`"),
            ("https://x.example/iden%74ity", "letters"),
            ("https://x.example/iden tity", "https://x.example/iden%20tity"),
            ("https://x.example/identity;v=1", "letters"),
            ("https://x.example/identity:8080", "letters"),
            ("https://x.example/{tenant}", "written as"),
            ("https://x.example/scim", "/scim"),
            ("https://x.example/oauth2/x", "/oauth2"),
            ("https://x.example/.well-known", "/.well-known"),
        ] {
            let refused = parse(text).unwrap_err();
            assert!(refused.contains(word), "{text}: {refused}");
        }
        assert_eq!(issuer("https://tenant.example/").as_deref(), Ok("https://tenant.example/"), "as it is written");
    }
}
