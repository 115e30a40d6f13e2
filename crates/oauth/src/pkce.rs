//! Proof Key for Code Exchange (RFC 7636), method S256 only: `plain` proves nothing against a reader of the request.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth2::{PkceCodeChallenge, PkceCodeVerifier};
use subtle::ConstantTimeEq;

/// An S256 challenge: 43 characters of base64url.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge(String);

impl Challenge {
    /// `None` if it cannot be the hash of anything.
    pub fn new(text: &str) -> Option<Challenge> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == 32).then(|| Challenge(text.to_owned()))
    }

    /// As on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this verifier was the one (§4.6), in constant time. A verifier of the wrong length or alphabet (§4.1) was not.
    pub fn is_met_by(&self, verifier: &str) -> bool {
        let fits = (43..=128).contains(&verifier.len())
            && verifier.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
        if !fits {
            return false;
        }
        let hashed = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.to_owned()));
        hashed.as_str().as_bytes().ct_eq(self.0.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_appendix_b_verifies_and_nothing_else_does() {
        let challenge = Challenge::new("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
        assert!(challenge.is_met_by("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
        assert!(!challenge.is_met_by("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXx"));
        assert!(!challenge.is_met_by(""));
    }

    #[test]
    fn attack_28_challenges_of_another_length_or_alphabet_are_none() {
        for bad in ["", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM"] {
            assert!(Challenge::new(bad).is_none(), "{bad}");
        }
        assert!(Challenge::new(&"a".repeat(129)).is_none());
    }
}
