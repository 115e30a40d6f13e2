//! One key pair: made, sealed, opened, used.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::Keyring;
use oauth::jose::Jwk;
use oauth::signing::SigningAlgorithm;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use rsa::pkcs8::EncodePrivateKey;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::domain::sealing;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::storage::DbError;
use crate::storage::signing_keys::SealedKey;

/// A private key that signs, and its public half.
#[allow(missing_debug_implementations)]
pub(super) struct SigningKey {
    /// Its name in the JWKS: the thumbprint of the public key (RFC 7638), so no two keys share one.
    pub(super) kid: String,
    pub(super) algorithm: SigningAlgorithm,
    pub(super) public: Jwk,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

fn failed(why: impl std::fmt::Display) -> DbError {
    DbError::Corrupt(format!("cannot make a signing key: {why}"))
}

/// A new private key as PKCS#8. ring signs with RSA but does not make keys, so the rsa crate does, with 2048 bits.
fn generate(algorithm: SigningAlgorithm) -> Result<Zeroizing<Vec<u8>>, DbError> {
    let rng = SystemRandom::new();
    Ok(Zeroizing::new(match algorithm {
        SigningAlgorithm::Rs256 => {
            let private = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).map_err(failed)?;
            private.to_pkcs8_der().map_err(failed)?.as_bytes().to_vec()
        }
        SigningAlgorithm::Es256 => {
            let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng).map_err(failed)?;
            der.as_ref().to_vec()
        }
        SigningAlgorithm::EdDsa => Ed25519KeyPair::generate_pkcs8(&rng).map_err(failed)?.as_ref().to_vec(),
    }))
}

/// A new key, sealed; it is published at once and signs from `signs_from` on.
pub(super) fn make(
    keys: &Keyring,
    algorithm: SigningAlgorithm,
    now: Timestamp,
    signs_from: Timestamp,
) -> Result<SealedKey, DbError> {
    let der = generate(algorithm)?;
    let (_, public) = read(algorithm, &der).ok_or_else(|| failed("it cannot be read back"))?;
    let mut nonce = [0; 24];
    system::fill(&mut nonce);
    Ok(SealedKey {
        kid: public.thumbprint(),
        algorithm: algorithm.as_str().to_owned(),
        sealed: keys.seal(sealing::SIGNING_KEY, nonce, &der),
        created: now,
        signs_from,
        expires: None,
    })
}

fn read(algorithm: SigningAlgorithm, der: &[u8]) -> Option<(Pair, Jwk)> {
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let (pair, members) = match algorithm {
        SigningAlgorithm::Rs256 => {
            let pair = RsaKeyPair::from_pkcs8(der).ok()?;
            let RsaPublicKeyComponents::<Vec<u8>> { n, e } = RsaPublicKeyComponents::from(pair.public());
            (Pair::Rsa(pair), json!({"kty": "RSA", "n": text(&n), "e": text(&e)}))
        }
        SigningAlgorithm::Es256 => {
            let rng = SystemRandom::new();
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &rng).ok()?;
            // 0x04, then x and y of 32 bytes each (SEC 1 §2.3.3).
            let (x, y) = pair.public_key().as_ref().get(1..)?.split_at_checked(32)?;
            let members = json!({"kty": "EC", "crv": "P-256", "x": text(x), "y": text(y)});
            (Pair::P256(pair), members)
        }
        SigningAlgorithm::EdDsa => {
            let pair = Ed25519KeyPair::from_pkcs8(der).ok()?;
            let members = json!({"kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref())});
            (Pair::Ed25519(pair), members)
        }
    };
    Some((pair, Jwk::parse(&members).ok()?))
}

impl SigningKey {
    /// Unseals a stored key.
    pub(super) fn open(keys: &Keyring, stored: &SealedKey) -> Result<SigningKey, DbError> {
        let unreadable =
            || DbError::Corrupt(format!("signing key {} cannot be opened with this master key", stored.kid));
        let algorithm = SigningAlgorithm::parse(&stored.algorithm).ok_or_else(unreadable)?;
        let der = Zeroizing::new(keys.open(sealing::SIGNING_KEY, &stored.sealed).ok_or_else(unreadable)?);
        let (pair, public) = read(algorithm, &der).ok_or_else(unreadable)?;
        let mut members = public.to_value();
        members["alg"] = json!(algorithm.as_str());
        members["kid"] = json!(stored.kid);
        let public = Jwk::parse(&members).map_err(|_| unreadable())?;
        Ok(SigningKey { kid: stored.kid.clone(), algorithm, public, pair })
    }

    /// The signed JWT (RFC 7515 §3.1).
    pub(super) fn sign(&self, typ: &str, claims: &Value) -> Result<String, DbError> {
        let header = json!({"typ": typ, "alg": self.algorithm.as_str(), "kid": self.kid});
        let mut token = URL_SAFE_NO_PAD.encode(header.to_string());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims.to_string(), &mut token);
        let does_not = |_| DbError::Corrupt(format!("signing key {} does not sign", self.kid));
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature)
                    .map_err(does_not)?;
                signature
            }
            Pair::P256(pair) => pair.sign(&SystemRandom::new(), token.as_bytes()).map_err(does_not)?.as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(token.as_bytes()).as_ref().to_vec(),
        };
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use oauth::jose::Jws;

    use super::*;
    use crate::platform::timestamp::ms;

    #[test]
    fn attack_85_each_kind_of_key_signs_what_its_public_half_verifies_and_shows_no_more() {
        let keys = Keyring::new(&[1; 32]);
        for algorithm in SigningAlgorithm::ALL {
            let stored = make(&keys, algorithm, ms(5), ms(7)).unwrap();
            assert!(
                !format!("{stored:?}").contains("PRIVATE") && (stored.created, stored.signs_from) == (ms(5), ms(7))
            );
            let key = SigningKey::open(&keys, &stored).unwrap();
            let other = SigningKey::open(&keys, &make(&keys, algorithm, ms(5), ms(7)).unwrap()).unwrap();
            assert_ne!(key.kid, other.kid);
            let text = key.sign("at+jwt", &json!({"sub": "ada"})).unwrap();
            let jws = Jws::parse(&text).unwrap();
            assert!(jws.is_typed("at+jwt") && jws.kid() == Some(key.kid.as_str()));
            assert_eq!(jws.verified_by([&key.public]).unwrap().subject(), Some("ada"));
            assert!(jws.verified_by([&other.public]).is_err());
            let shown = key.public.to_value();
            assert_eq!((shown["alg"].as_str(), shown["use"].as_str()), (Some(algorithm.as_str()), Some("sig")));
            for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
                assert!(shown.get(private).is_none(), "{private}");
            }
            assert!(SigningKey::open(&Keyring::new(&[2; 32]), &stored).is_err(), "another master key");
        }
    }
}
