//! A set of public keys (RFC 7517 §5).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Jwk, JwkError};

/// More than a rotation of keys needs; a token is tried with each that suits.
pub const MAX_KEYS: usize = 32;

/// Public keys of one owner, no two of the same name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwks {
    keys: Vec<Jwk>,
}

impl Jwks {
    /// A set that is given to us to keep: every key must be one that we can use. Says where what is wrong: `keys[1]`.
    pub fn registered(value: &Value) -> Result<Jwks, (String, String)> {
        let wrong = |place: String, detail: &dyn std::fmt::Display| Err((place, detail.to_string()));
        let Some(listed) = value.get("keys").and_then(Value::as_array).filter(|keys| !keys.is_empty()) else {
            return wrong(String::new(), &"must be a JWK set with at least one public key: {\"keys\": [{\"kty\": …}]}");
        };
        if listed.len() > MAX_KEYS {
            return wrong("keys".to_owned(), &format!("must be at most {MAX_KEYS} keys"));
        }
        let mut keys: Vec<Jwk> = Vec::new();
        for (i, value) in listed.iter().enumerate() {
            let place = || format!("keys[{i}]");
            let key = match Jwk::parse(value) {
                Ok(key) => key,
                Err(mistake) => return wrong(place(), &mistake),
            };
            if keys.iter().any(|other| other.kid() == key.kid()) {
                return wrong(place(), &"must have a kid that no other key of the set has");
            }
            keys.push(key);
        }
        Ok(Jwks { keys })
    }

    /// A set that its owner keeps and we read: keys that we cannot use are passed over (RFC 7517 §5), the first of a name counts,
    /// and a set that shows a private key is not read at all. `None` if it is no set, or none of it is of use.
    pub fn published(value: &Value) -> Option<Jwks> {
        let mut names = BTreeSet::new();
        let mut keys = Vec::new();
        for value in value.get("keys")?.as_array()? {
            match Jwk::parse(value) {
                Ok(key) => {
                    if keys.len() < MAX_KEYS && key.kid().is_none_or(|kid| names.insert(kid.to_owned())) {
                        keys.push(key);
                    }
                }
                Err(JwkError::Private) => return None,
                Err(JwkError::Unsupported(_) | JwkError::Malformed(_)) => {}
            }
        }
        (!keys.is_empty()).then_some(Jwks { keys })
    }

    /// The keys that may have made a signature whose header has this `kid`: those of that name or of none.
    pub fn named<'a>(&'a self, kid: Option<&str>) -> impl Iterator<Item = &'a Jwk> {
        self.keys.iter().filter(move |key| kid.is_none() || key.kid().is_none() || key.kid() == kid)
    }

    /// When each of them expires, in milliseconds since the epoch; `None`: never.
    pub fn expiries(&self) -> impl Iterator<Item = Option<i64>> {
        self.keys.iter().map(Jwk::expires)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Jwk> {
        self.keys.iter()
    }

    /// As published.
    pub fn to_value(&self) -> Value {
        serde_json::json!({"keys": self.keys.iter().map(Jwk::to_value).collect::<Vec<_>>()})
    }
}
