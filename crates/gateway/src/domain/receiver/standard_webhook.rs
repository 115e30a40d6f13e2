//! Signatures of the [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md): of
//! `{webhook-id}.{webhook-timestamp}.{body}`, by HMAC-SHA256 (`v1`) or by Ed25519 (`v1a`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair};
use zeroize::Zeroizing;

use crate::domain::described::words;

/// How it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Signature {
    /// HMAC-SHA256 with a secret that both sides know.
    V1,
    /// Ed25519: the receiver has a public key.
    V1a,
}

words!(Signature {
    Signature::V1 = "v1",
    Signature::V1a = "v1a",
});

/// What a webhook is signed with: 32 random bytes, which are the key of the HMAC, or the seed of an Ed25519 key pair.
#[derive(Clone)]
pub struct Secret {
    signature: Signature,
    bytes: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({:?})", self.signature)
    }
}

/// How a secret is written, and what a public key and the seed of a private one are written with.
const SYMMETRIC: &str = "whsec_";
const PUBLIC: &str = "whpk_";
const PRIVATE: &str = "whsk_";

impl Secret {
    /// Of random bytes.
    pub fn of(signature: Signature, bytes: [u8; 32]) -> Secret {
        Secret { signature, bytes: Zeroizing::new(bytes) }
    }

    /// As it is sealed: the prefix says what it is.
    pub fn written(&self) -> Zeroizing<String> {
        let prefix = if self.signature == Signature::V1 { SYMMETRIC } else { PRIVATE };
        Zeroizing::new(format!("{prefix}{}", STANDARD.encode(*self.bytes)))
    }

    /// What was sealed.
    pub fn parse(written: &str) -> Option<Secret> {
        let (signature, encoded) = match (written.strip_prefix(SYMMETRIC), written.strip_prefix(PRIVATE)) {
            (Some(encoded), _) => (Signature::V1, encoded),
            (None, encoded) => (Signature::V1a, encoded?),
        };
        let bytes = Zeroizing::new(STANDARD.decode(encoded).ok()?);
        Some(Secret::of(signature, <[u8; 32]>::try_from(bytes.as_slice()).ok()?))
    }

    /// How it signs.
    pub fn signature(&self) -> Signature {
        self.signature
    }

    /// What the receiver verifies with: the secret itself (`whsec_…`), or the public key (`whpk_…`), which is no secret.
    pub fn for_receiver(&self) -> Zeroizing<String> {
        match self.signature {
            Signature::V1 => self.written(),
            Signature::V1a => {
                let public = self.pair().map(|pair| STANDARD.encode(pair.public_key()));
                Zeroizing::new(format!("{PUBLIC}{}", public.unwrap_or_default()))
            }
        }
    }

    /// One signature, as it stands in the header `webhook-signature`. `at` is in seconds since the epoch.
    pub fn sign(&self, id: &str, at: i64, body: &str) -> String {
        let signed = format!("{id}.{at}.{body}");
        match self.signature {
            Signature::V1 => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, &*self.bytes);
                format!("v1,{}", STANDARD.encode(hmac::sign(&key, signed.as_bytes())))
            }
            Signature::V1a => {
                let signature = self.pair().map(|pair| STANDARD.encode(pair.sign(signed.as_bytes())));
                format!("v1a,{}", signature.unwrap_or_default())
            }
        }
    }

    fn pair(&self) -> Option<Ed25519KeyPair> {
        Ed25519KeyPair::from_seed_unchecked(&*self.bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    #[test]
    fn a_signature_is_that_of_the_reference_implementation() {
        // Of the specification's own libraries: the same secret, id, time and payload.
        let bytes = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        let signed = r#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#;
        let expected = "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(STANDARD.encode(hmac::sign(&key, signed.as_bytes())), expected);
    }

    #[test]
    fn a_secret_is_read_as_it_was_written_and_signs_by_its_kind() {
        for signature in [Signature::V1, Signature::V1a] {
            let secret = Secret::of(signature, [7; 32]);
            let again = Secret::parse(&secret.written()).unwrap();
            assert_eq!(again.signature(), signature);
            assert_eq!(again.sign("msg", 12, "{}"), secret.sign("msg", 12, "{}"));
            assert_ne!(secret.sign("msg", 12, "{}"), secret.sign("msg", 13, "{}"));
        }
        let symmetric = Secret::of(Signature::V1, [7; 32]);
        assert_eq!(symmetric.for_receiver(), symmetric.written());
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        let expected = STANDARD.encode(hmac::sign(&key, b"msg.12.{}"));
        assert_eq!(symmetric.sign("msg", 12, "{}"), format!("v1,{expected}"));
        let asymmetric = Secret::of(Signature::V1a, [7; 32]);
        let public = asymmetric.for_receiver();
        let public = STANDARD.decode(public.strip_prefix("whpk_").unwrap()).unwrap();
        let signed = asymmetric.sign("msg", 12, "{}");
        let signed = STANDARD.decode(signed.strip_prefix("v1a,").unwrap()).unwrap();
        UnparsedPublicKey::new(&ED25519, public).verify(b"msg.12.{}", &signed).unwrap();
        for bad in ["", "whsec_", "whsec_AAAA", "whpk_AAAA", "secret"] {
            assert!(Secret::parse(bad).is_none(), "{bad}");
        }
    }
}
