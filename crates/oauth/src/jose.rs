//! Signed tokens that others bring along: JWS in compact form (RFC 7515), the keys they are checked with (RFC 7517), their
//! claims (RFC 7519), and the advice of RFC 8725 on all three.
//!
//! A token lives three lives, and each is a type:
//!
//! ```text
//! text ──Jws::parse──▶ Jws ──verified_by(keys)──▶ Claims ──issuer, audience, times──▶ believed
//! ```
//!
//! A [`Jws`] is well-formed, has an algorithm of ours and asks for no extension; nothing of it is believed. [`Claims`] come out
//! only where a key of ours fits. What the key is decides what it verifies: an algorithm is checked against the key, never the
//! other way round, so `none` and `HS256` with a public key do not even parse. Of the header's members `kid` is a name to look
//! keys up by and nothing else, and `jku`, `x5u`, `x5c` are never followed; `jwk` is used only for DPoP.
//!
//! ```
//! use oauth::jose::{Jwk, Jws};
//! use serde_json::json;
//!
//! // RFC 7515, appendix A.3
//! let key = json!({"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
//!     "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"});
//! let text = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl\
//!     fQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
//! let claims = Jws::parse(text)?.verified_by([&Jwk::parse(&key).unwrap()])?;
//! assert_eq!(claims.issuer(), Some("joe"));
//! assert!(claims.check_times(1_300_819_379_000, 30, None).is_ok());
//! # Ok::<(), oauth::jose::JoseError>(())
//! ```

mod claims;
mod jwk;
mod jwks;
mod jws;

pub use claims::Claims;
pub use jwk::{Jwk, JwkError};
pub use jwks::{Jwks, MAX_KEYS};
pub use jws::Jws;

/// A signature algorithm (RFC 7518 §3.1, RFC 8037 §3.1). There are no others here: no `none`, nothing symmetric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 4] = [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Ps256, Algorithm::Rs256];

    /// As in `alg`.
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Es256 => "ES256",
            Algorithm::EdDsa => "EdDSA",
            Algorithm::Ps256 => "PS256",
            Algorithm::Rs256 => "RS256",
        }
    }

    /// Every name that is understood: `Ed25519` is the newer one of EdDSA with that curve (RFC 9864 §2.2), and some clients send no other.
    pub const NAMES: [&str; 5] = ["ES256", "EdDSA", "Ed25519", "PS256", "RS256"];

    /// From `alg`; case matters (RFC 7515 §4.1.1).
    pub fn parse(text: &str) -> Option<Algorithm> {
        match text {
            "Ed25519" => Some(Algorithm::EdDsa),
            text => Algorithm::ALL.into_iter().find(|algorithm| algorithm.as_str() == text),
        }
    }
}

/// Why a token is not believed. The texts are for administrators and fit into an `error_description` (RFC 6749 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoseError {
    /// Not three parts of base64url, or no JSON object where one belongs.
    #[error("it is not a signed JWT in compact form: {0}")]
    Malformed(&'static str),
    /// `alg` is not one of ours.
    #[error("its alg must be ES256, EdDSA, PS256 or RS256")]
    Algorithm,
    /// `crit` asks for what we do not do (RFC 7515 §4.1.11).
    #[error("its crit header names extensions that are not understood")]
    Critical,
    /// There is no key of this name for this algorithm.
    #[error("there is no key for its kid and alg")]
    NoKey,
    /// No key fits.
    #[error("its signature is not right")]
    Signature,
    /// `exp` has passed.
    #[error("it has expired")]
    Expired,
    /// `exp` is missing.
    #[error("it has no exp")]
    NoExpiry,
    /// `exp` is further ahead than the receiver accepts.
    #[error("its exp is too far in the future")]
    TooLong,
    /// `nbf` or `iat` lies in the future.
    #[error("its nbf or iat is in the future")]
    NotYet,
    /// A claim that has a type of its own has another (RFC 7519 §4.1).
    #[error("one of its claims has the wrong type")]
    ClaimType,
}

#[cfg(test)]
mod tests;
