//! The claims of a JWT (RFC 7519 §4).

use serde_json::{Map, Value};

use super::JoseError;

/// What a token says. Registered claims have the types of RFC 7519 §4.1, or there are no `Claims`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims(Map<String, Value>);

impl Claims {
    pub(super) fn parse(payload: &[u8]) -> Result<Claims, JoseError> {
        let members: Map<String, Value> = serde_json::from_slice(payload)
            .map_err(|_| JoseError::Malformed("the second part must be a JSON object"))?;
        let typed = members.iter().all(|(name, value)| match name.as_str() {
            "iss" | "sub" | "jti" => value.is_string(),
            "exp" | "nbf" | "iat" => value.is_number(),
            "aud" => value.is_string() || value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
            _ => true,
        });
        if typed { Ok(Claims(members)) } else { Err(JoseError::ClaimType) }
    }

    /// Any claim.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A claim that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// `iss`
    pub fn issuer(&self) -> Option<&str> {
        self.text("iss")
    }

    /// `sub`
    pub fn subject(&self) -> Option<&str> {
        self.text("sub")
    }

    /// `jti`
    pub fn id(&self) -> Option<&str> {
        self.text("jti")
    }

    /// `aud`: one or several.
    pub fn audience(&self) -> Vec<&str> {
        match self.0.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// `exp`, in milliseconds since the epoch.
    pub fn expires(&self) -> Option<i64> {
        self.instant("exp")
    }

    /// `iat`, in milliseconds since the epoch.
    pub fn issued(&self) -> Option<i64> {
        self.instant("iat")
    }

    /// `nbf`, in milliseconds since the epoch.
    pub fn not_before(&self) -> Option<i64> {
        self.instant("nbf")
    }

    /// A NumericDate (RFC 7519 §2): seconds, perhaps with a fraction. What no clock will ever show is the end of time.
    fn instant(&self, name: &str) -> Option<i64> {
        let value = self.0.get(name)?;
        match value.as_i64() {
            Some(seconds) => Some(seconds.saturating_mul(1000)),
            // `as` saturates.
            None => value.as_f64().map(|seconds| (seconds * 1000.0) as i64),
        }
    }

    /// `exp` must be there and ahead, and no further than `max_ahead_s`; `nbf` and `iat`, if there, must have passed. Clocks may
    /// differ by `leeway_s` in the sender's favour.
    pub fn check_times(&self, now: i64, leeway_s: u32, max_ahead_s: Option<u32>) -> Result<(), JoseError> {
        let leeway = i64::from(leeway_s) * 1000;
        let expires = self.expires().ok_or(JoseError::NoExpiry)?;
        if expires.saturating_add(leeway) <= now {
            return Err(JoseError::Expired);
        }
        if max_ahead_s.is_some_and(|max| expires > now + leeway + i64::from(max) * 1000) {
            return Err(JoseError::TooLong);
        }
        let started = [self.not_before(), self.issued()].into_iter().flatten().all(|then| then <= now + leeway);
        if started { Ok(()) } else { Err(JoseError::NotYet) }
    }
}
