//! Redirect URIs (RFC 6749 §3.1.2, RFC 9700 §2.1, §4.1): registered whole, compared byte by byte.

use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// Where browsers may be sent, with a code or after logging out. Serialized as it was registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RedirectUri(String);

const MAX_LENGTH: usize = 2048;

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
            "https" => Ok(RedirectUri(text.to_owned())),
            "http" if loopback => Ok(RedirectUri(text.to_owned())),
            "http" => Err("must begin with https:// (http:// is allowed for localhost only)".to_owned()),
            scheme => Err(format!("must begin with https://, not {scheme}:")),
        }
    }

    /// A URI out of storage, which got it from [`register`](Self::register) or [`okta_redirect_uris`].
    pub fn from_stored(text: String) -> RedirectUri {
        RedirectUri(text)
    }

    /// As registered.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For people: scheme, host and port.
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

/// What every registered URI is, whatever its scheme.
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
    // The URL standard repairs `https:host` and `https:///host`, which a browser and another program may read differently.
    let authority = text.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?']).next().unwrap_or_default());
    if authority.is_empty() && url.has_host() {
        return Err("must have a host after https://".to_owned());
    }
    if authority.contains('@') {
        return Err("must have no user name or password in it".to_owned());
    }
    Ok(url)
}

/// The variable name of an app in Okta's Profile Editor, as in `mycompany_scimapp_1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppName(String);

impl AppName {
    /// The error says what would be right.
    pub fn parse(text: &str) -> Result<AppName, String> {
        let fits = (1..=100).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if fits {
            Ok(AppName(text.to_owned()))
        } else {
            Err("must be the Variable name from Okta's Profile Editor: letters, digits and underscores, as in acme_scim_1".to_owned())
        }
    }

    /// As registered.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where Okta receives codes for an app, in each of its cells ("Prepare your SCIM integration", developer.okta.com). The
/// internal one is plain http, so it is left out unless the operator allows it.
pub fn okta_redirect_uris(app: &AppName, allow_internal_http: bool) -> Vec<RedirectUri> {
    let cells = [
        "https://system-admin.okta.com",
        "https://system-admin.okta-emea.com",
        "https://system-admin.oktapreview.com",
        "https://system-admin.trexcloud.com",
    ];
    let internal = allow_internal_http.then_some("http://system-admin.okta1.com:1802");
    cells
        .into_iter()
        .chain(internal)
        .map(|cell| RedirectUri(format!("{cell}/admin/app/cpc/{}/oauth/callback", app.0)))
        .collect()
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

    #[test]
    fn okta_has_four_cells_and_an_internal_one() {
        let app = AppName::parse("acme_scim_1").unwrap();
        assert_eq!(okta_redirect_uris(&app, false).len(), 4);
        let all = okta_redirect_uris(&app, true);
        assert_eq!(all[4].as_str(), "http://system-admin.okta1.com:1802/admin/app/cpc/acme_scim_1/oauth/callback");
        assert!(AppName::parse("a/b").is_err());
    }
}
