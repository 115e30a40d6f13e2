//! JWTs of ours before they are signed (RFC 7519): what they say, and how they are to be signed. The signature takes time and a
//! private key, so it is made by whoever has the key, after the unit of work that decided on the content.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::jose::Algorithm;

/// An algorithm we sign with. A key is for one of them and no other (RFC 8725 §3.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256: what every OpenID Connect client understands (Core §15.1).
    #[default]
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl SigningAlgorithm {
    /// All of them.
    pub const ALL: [SigningAlgorithm; 3] = [SigningAlgorithm::Rs256, SigningAlgorithm::Es256, SigningAlgorithm::EdDsa];

    /// As in `alg`.
    pub fn as_str(self) -> &'static str {
        self.algorithm().as_str()
    }

    /// From `alg`; case matters.
    pub fn parse(text: &str) -> Option<SigningAlgorithm> {
        SigningAlgorithm::ALL.into_iter().find(|algorithm| algorithm.as_str() == text)
    }

    /// As what verifies it.
    pub fn algorithm(self) -> Algorithm {
        match self {
            SigningAlgorithm::Rs256 => Algorithm::Rs256,
            SigningAlgorithm::Es256 => Algorithm::Es256,
            SigningAlgorithm::EdDsa => Algorithm::EdDsa,
        }
    }
}

/// A JWT that is decided and not yet signed.
#[derive(Clone, PartialEq)]
#[allow(missing_debug_implementations)] // holds what will be a token
pub struct Unsigned {
    /// How.
    pub algorithm: SigningAlgorithm,
    /// The header's `typ`: what kind of JWT it is, so that none is taken for another (RFC 8725 §3.11).
    pub typ: &'static str,
    /// What it says.
    pub claims: Value,
}
