//! JWTs of ours before they are signed (RFC 7519): what they say, and how they are to be signed. The signature takes time and a
//! private key, so the caller signs with its key, after the unit of work that decided on the content.

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
    /// EdDSA with Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl SigningAlgorithm {
    /// Every algorithm.
    pub const ALL: [SigningAlgorithm; 3] = [SigningAlgorithm::Rs256, SigningAlgorithm::Es256, SigningAlgorithm::EdDsa];

    /// The value of `alg`.
    pub fn as_str(self) -> &'static str {
        self.algorithm().as_str()
    }

    /// The algorithm of this `alg`; case matters.
    pub fn parse(text: &str) -> Option<SigningAlgorithm> {
        SigningAlgorithm::ALL.into_iter().find(|algorithm| algorithm.as_str() == text)
    }

    /// The algorithm that verifies its signatures.
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
pub struct UnsignedJwt {
    /// The signature algorithm.
    pub algorithm: SigningAlgorithm,
    /// The header's `typ`: what kind of JWT it is, so that none is taken for another (RFC 8725 §3.11).
    pub typ: &'static str,
    /// The claims.
    pub claims: Value,
}
