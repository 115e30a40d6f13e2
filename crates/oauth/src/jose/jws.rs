//! JWS in compact form (RFC 7515 §7.1).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::{Algorithm, Claims, JoseError, Jwk};

/// None is longer; longer texts are not even looked into.
const MAX_LENGTH: usize = 16 * 1024;

/// A signed JWT of which nothing is believed yet.
#[derive(Debug, Clone)]
pub struct Jws<'a> {
    algorithm: Algorithm,
    header: Map<String, Value>,
    payload: Vec<u8>,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Takes the text apart. Refuses algorithms that are not ours and every `crit`.
    pub fn parse(text: &'a str) -> Result<Jws<'a>, JoseError> {
        if text.len() > MAX_LENGTH {
            return Err(JoseError::Malformed("it is too long"));
        }
        let parts: Vec<&str> = text.splitn(4, '.').collect();
        let &[header, payload, signature] = parts.as_slice() else {
            return Err(JoseError::Malformed("there must be three parts with dots between them"));
        };
        let signed = text.get(..header.len() + 1 + payload.len()).unwrap_or_default();
        let decode = |part: &str| {
            URL_SAFE_NO_PAD
                .decode(part)
                .map_err(|_| JoseError::Malformed("each part must be base64url without padding"))
        };
        let header: Map<String, Value> = serde_json::from_slice(&decode(header)?)
            .map_err(|_| JoseError::Malformed("the first part must be a JSON object"))?;
        let algorithm = header.get("alg").and_then(Value::as_str).and_then(Algorithm::parse);
        let algorithm = algorithm.ok_or(JoseError::Algorithm)?;
        if header.contains_key("crit") {
            return Err(JoseError::Critical);
        }
        Ok(Jws { algorithm, header, payload: decode(payload)?, signed, signature: decode(signature)? })
    }

    /// `alg`.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// `kid`: a name to look keys up by, nothing else.
    pub fn kid(&self) -> Option<&str> {
        self.header.get("kid").and_then(Value::as_str)
    }

    /// Whether `typ` is this media type, with or without `application/` and in any case (RFC 7515 §4.1.9).
    pub fn is_typed(&self, media_type: &str) -> bool {
        let bare = |text: &str| text.to_ascii_lowercase().trim_start_matches("application/").to_owned();
        self.header.get("typ").and_then(Value::as_str).is_some_and(|typ| bare(typ) == bare(media_type))
    }

    /// The key in the header, for tokens that prove the possession of a key of their own (RFC 9449 §4.2). To trust it is up to
    /// the caller.
    pub fn embedded_key(&self) -> Option<&Value> {
        self.header.get("jwk")
    }

    /// The claims before the signature is verified: to find out whose keys verify it, never to act on.
    pub fn unverified_claims(&self) -> Result<Claims, JoseError> {
        Claims::parse(&self.payload)
    }

    /// The claims, if one of these keys made the signature. Keys of another kind than `alg` are passed over.
    pub fn verified_by<'k>(&self, keys: impl IntoIterator<Item = &'k Jwk>) -> Result<Claims, JoseError> {
        let mut suitable = keys.into_iter().filter(|key| key.may_verify(self.algorithm)).peekable();
        if suitable.peek().is_none() {
            return Err(JoseError::NoKey);
        }
        if suitable.any(|key| key.verifies(self.algorithm, self.signed.as_bytes(), &self.signature)) {
            self.unverified_claims()
        } else {
            Err(JoseError::Signature)
        }
    }
}
