//! What a token is limited to besides its scope: the resources it is for (RFC 8707), and the key that its bearer must hold
//! (RFC 9449).

use serde::{Deserialize, Serialize};
use url::Url;

use crate::context::Settings;

const MAX_LENGTH: usize = 256;

/// A protected resource by its name (RFC 8707 §2): an absolute URI without a fragment, compared byte by byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Resource(String);

impl Resource {
    /// Reads one; says what is wrong with it.
    pub fn parse(text: &str) -> Result<Resource, &'static str> {
        let fits = text.len() <= MAX_LENGTH && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
        match Url::parse(text) {
            Ok(_) if text.contains('#') => Err("must have no fragment"),
            Ok(_) if fits => Ok(Resource(text.to_owned())),
            _ => Err("must be an absolute URI of at most 256 characters, such as https://api.example.com/"),
        }
    }

    /// As on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a key: its SHA-256 thumbprint in base64url (RFC 7638), as in `jkt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Thumbprint(String);

impl Thumbprint {
    /// `None` if it cannot be one.
    pub fn parse(text: &str) -> Option<Thumbprint> {
        let fits = text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        fits.then(|| Thumbprint(text.to_owned()))
    }

    /// As on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The constraints of an access token, a refresh token or a code. The default is none: it is for every resource of ours, and for any bearer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenConstraints {
    /// The resources it is for; empty: those of ours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<Resource>,
    /// The key that must be proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Thumbprint>,
}

impl TokenConstraints {
    /// Whether there are none.
    pub fn is_none(&self) -> bool {
        self.resources.is_empty() && self.key.is_none()
    }

    /// For storage and inside of tokens.
    pub fn to_stored(&self) -> Option<String> {
        (!self.is_none()).then(|| serde_json::to_string(self).unwrap_or_default())
    }

    /// From there; `None` if it cannot be read.
    pub fn from_stored(text: Option<&str>) -> Option<TokenConstraints> {
        text.map_or_else(|| Some(TokenConstraints::default()), |text| serde_json::from_str(text).ok())
    }

    /// The resources of others that a token with these limits is for.
    pub fn elsewhere<'a>(&'a self, settings: &'a Settings) -> impl Iterator<Item = &'a Resource> {
        self.resources.iter().filter(|resource| !settings.is_own_resource(resource.as_str()))
    }

    /// Whether a token with these limits is for this protected resource of ours.
    pub(crate) fn admit(&self, uri: &str) -> bool {
        self.resources.is_empty() || self.resources.iter().any(|resource| resource.as_str() == uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_an_absolute_uri_without_a_fragment() {
        for good in ["https://api.example.com/", "https://api.example.com/v1?x=1", "urn:example:api"] {
            assert_eq!(Resource::parse(good).map(|resource| resource.0), Ok(good.to_owned()));
        }
        let long = format!("https://api.example.com/{}", "x".repeat(300));
        for bad in [
            "",
            "/records",
            "api.example.com",
            "https://a.example/#x",
            "https://a.example/#",
            "https://a.example/ä",
            &long,
        ] {
            assert!(Resource::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn limits_are_kept_and_read_back_and_none_takes_no_room() {
        let key = Thumbprint::parse("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert!(key.is_some() && Thumbprint::parse("short").is_none());
        let resources = vec![Resource::parse("https://api.example.com/").unwrap()];
        for constraints in [
            TokenConstraints { resources: resources.clone(), key: key.clone() },
            TokenConstraints { resources, key: None },
        ] {
            assert_eq!(TokenConstraints::from_stored(constraints.to_stored().as_deref()), Some(constraints));
        }
        assert_eq!(TokenConstraints::default().to_stored(), None);
        assert_eq!(TokenConstraints::from_stored(None), Some(TokenConstraints::default()));
        assert_eq!(TokenConstraints::from_stored(Some("{")), None);
    }
}
