//! One public key (RFC 7517 §4).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::Algorithm;

/// What no public key has (RFC 7518 §6.2.2, §6.3.2, §6.4.1).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
const MAX_KID: usize = 256;

/// A public key that verifies signatures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Jwk {
    kid: Option<String>,
    /// The only algorithm it is for; `None`: any that suits its kind.
    algorithm: Option<Algorithm>,
    /// When it stops counting, in seconds since the epoch.
    expires: Option<i64>,
    key: Key,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    /// The point, uncompressed: 0x04, x, y.
    P256([u8; 65]),
    Ed25519([u8; 32]),
    /// Big-endian, without zeros in front.
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

/// What is wrong with a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// A private or symmetric key: it should never have left its owner.
    #[error("holds a private key; register public keys only, and replace this one, for it is known to others now")]
    Private,
    /// A kind of key, or a use, that is not supported. In a set that others keep it is passed over (RFC 7517 §5).
    #[error("{0}")]
    Unsupported(&'static str),
    /// Not a key at all.
    #[error("{0}")]
    Malformed(&'static str),
}

impl Jwk {
    /// Reads a key, for instance a member of a JWK set. Members that are not known are passed over (RFC 7517 §4).
    pub fn parse(value: &Value) -> Result<Jwk, JwkError> {
        let members = value.as_object().ok_or(JwkError::Malformed("must be a JSON object"))?;
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        let kty = text("kty").ok_or(JwkError::Malformed("kty is missing"))?;
        if kty == "oct" || PRIVATE.iter().any(|name| members.contains_key(*name)) {
            return Err(JwkError::Private);
        }
        if members.get("use").is_some_and(|usage| usage != "sig") {
            return Err(JwkError::Unsupported("its use must be sig"));
        }
        if let Some(operations) = members.get("key_ops") {
            let verifies = operations.as_array().is_some_and(|list| list.iter().any(|operation| operation == "verify"));
            if !verifies {
                return Err(JwkError::Unsupported("its key_ops must include verify"));
            }
        }
        let bytes = |name: &str| {
            let encoded =
                text(name).ok_or(JwkError::Malformed("a part of the key is missing: n and e, or crv, x (and y)"))?;
            URL_SAFE_NO_PAD.decode(encoded).map_err(|_| JwkError::Malformed("must be base64url without padding"))
        };
        let key = match (kty, text("crv")) {
            ("EC", Some("P-256")) => Key::p256(&bytes("x")?, &bytes("y")?)?,
            ("OKP", Some("Ed25519")) => {
                let x = bytes("x")?.try_into();
                Key::Ed25519(x.map_err(|_| JwkError::Malformed("x must be 32 bytes"))?)
            }
            ("RSA", _) => Key::rsa(&bytes("n")?, &bytes("e")?)?,
            ("EC", _) => return Err(JwkError::Unsupported("the curve of an EC key must be P-256")),
            ("OKP", _) => return Err(JwkError::Unsupported("the curve of an OKP key must be Ed25519")),
            _ => return Err(JwkError::Unsupported("kty must be EC, OKP or RSA")),
        };
        let algorithm = match members.get("alg") {
            None => None,
            Some(value) => match value.as_str().and_then(Algorithm::parse).filter(|alg| key.suits(*alg)) {
                None => return Err(JwkError::Unsupported("alg must be ES256, EdDSA, PS256 or RS256 and suit kty")),
                known => known,
            },
        };
        let kid = match members.get("kid") {
            None => None,
            Some(Value::String(kid)) if kid.len() <= MAX_KID => Some(kid.clone()),
            Some(_) => return Err(JwkError::Malformed("kid must be text of at most 256 bytes")),
        };
        // `exp` is registered for keys by OpenID Federation 1.0.
        let expires = match members.get("exp") {
            None => None,
            Some(exp) => Some(exp.as_i64().ok_or(JwkError::Malformed("exp must be a time in seconds since 1970"))?),
        };
        Ok(Jwk { kid, algorithm, expires, key })
    }

    /// When it stops counting, in milliseconds since the epoch; `None`: never.
    pub fn expires(&self) -> Option<i64> {
        self.expires.map(|seconds| seconds.saturating_mul(1000))
    }

    /// Whether it counts at this time, in milliseconds since the epoch.
    pub fn lives(&self, now: i64) -> bool {
        self.expires().is_none_or(|expires| expires > now)
    }

    /// Its name.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Whether it is of the kind this algorithm needs, and its owner allows it.
    pub fn may_verify(&self, algorithm: Algorithm) -> bool {
        self.key.suits(algorithm) && self.algorithm.is_none_or(|only| only == algorithm)
    }

    /// Whether it made this signature, in the form that JWS has it.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if !self.may_verify(algorithm) {
            return false;
        }
        match &self.key {
            Key::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature),
            Key::Ed25519(x) => UnparsedPublicKey::new(&ED25519, x).verify(message, signature),
            Key::Rsa { n, e } => {
                let scheme = match algorithm {
                    Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
                    _ => &RSA_PKCS1_2048_8192_SHA256,
                };
                RsaPublicKeyComponents { n, e }.verify(scheme, message, signature)
            }
        }
        .is_ok()
    }

    /// The SHA-256 thumbprint in base64url (RFC 7638): the same for the same key under every name.
    pub fn thumbprint(&self) -> String {
        // The members that make the key, in the order of their names and without a space (§3.2); nothing in them needs an escape.
        let members: Vec<String> =
            self.key.members().iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
        URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{{{}}}", members.join(","))))
    }

    /// As in a JWK set.
    pub fn to_value(&self) -> Value {
        let mut members: Map<String, Value> =
            self.key.members().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        members.insert("use".to_owned(), "sig".into());
        if let Some(algorithm) = self.algorithm {
            members.insert("alg".to_owned(), algorithm.as_str().into());
        }
        if let Some(kid) = &self.kid {
            members.insert("kid".to_owned(), kid.as_str().into());
        }
        if let Some(expires) = self.expires {
            members.insert("exp".to_owned(), expires.into());
        }
        Value::Object(members)
    }
}

impl From<Jwk> for Value {
    fn from(key: Jwk) -> Value {
        key.to_value()
    }
}

impl TryFrom<Value> for Jwk {
    type Error = JwkError;

    fn try_from(value: Value) -> Result<Jwk, JwkError> {
        Jwk::parse(&value)
    }
}

impl Key {
    fn p256(x: &[u8], y: &[u8]) -> Result<Key, JwkError> {
        if x.len() != 32 || y.len() != 32 {
            return Err(JwkError::Malformed("x and y must be 32 bytes each"));
        }
        let mut point = [4; 65];
        point[1..33].copy_from_slice(x);
        point[33..].copy_from_slice(y);
        Ok(Key::P256(point))
    }

    fn rsa(n: &[u8], e: &[u8]) -> Result<Key, JwkError> {
        // Some libraries write a zero in front, as in a signed number; RFC 7518 §6.3.1.1 has none, nor has the thumbprint.
        let bare = |bytes: &[u8]| bytes.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
        let (n, e) = (bare(n), bare(e));
        let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
        if !(2048..=8192).contains(&bits) {
            return Err(JwkError::Unsupported("an RSA key must have 2048 to 8192 bits"));
        }
        let odd = e.last().is_some_and(|last| last % 2 == 1);
        if !odd || e == [1] || e.len() > 4 {
            return Err(JwkError::Malformed("e must be an odd number from 3 to 2^32, as a rule AQAB"));
        }
        Ok(Key::Rsa { n, e })
    }

    fn suits(&self, algorithm: Algorithm) -> bool {
        match self {
            Key::P256(_) => algorithm == Algorithm::Es256,
            Key::Ed25519(_) => algorithm == Algorithm::EdDsa,
            Key::Rsa { .. } => matches!(algorithm, Algorithm::Ps256 | Algorithm::Rs256),
        }
    }

    /// The members that make the key, in the order of their names.
    fn members(&self) -> Vec<(&'static str, String)> {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let named = |name: &str| name.to_owned();
        match self {
            Key::P256(point) => vec![
                ("crv", named("P-256")),
                ("kty", named("EC")),
                ("x", encode(&point[1..33])),
                ("y", encode(&point[33..])),
            ],
            Key::Ed25519(x) => vec![("crv", named("Ed25519")), ("kty", named("OKP")), ("x", encode(x))],
            Key::Rsa { n, e } => vec![("e", encode(e)), ("kty", named("RSA")), ("n", encode(n))],
        }
    }
}
