//! Signing ID tokens (OpenID Connect Core §2, RFC 7515) and publishing the keys that verify them (RFC 7517).
//!
//! Keys are made when they are first needed, sealed under the master key and kept in the database, so every replica signs with
//! the same ones. RS256 is what OpenID Connect requires of everybody; ES256 is published beside it for clients that ask.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::Keyring;
use ring::rand::SystemRandom;
use ring::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use rsa::traits::PublicKeyParts;
use serde_json::{Value, json};

use crate::storage::signing_keys::SealedKey;
use crate::storage::{Cost, Db, DbError};
use crate::system;

const PURPOSE: &str = "signing key";
const RS256: &str = "RS256";

/// Signs with the installation's current key. Cheap to clone.
#[derive(Clone)]
#[allow(missing_debug_implementations)]
pub struct Signer {
    db: Db,
    keys: Arc<Keyring>,
    opened: Arc<tokio::sync::OnceCell<Arc<Opened>>>,
}

struct Opened {
    kid: String,
    pair: RsaKeyPair,
    jwks: Value,
}

impl Signer {
    /// A signer for this installation; touches nothing until it is used.
    pub fn new(db: Db, keys: Arc<Keyring>) -> Signer {
        Signer { db, keys, opened: Arc::default() }
    }

    async fn opened(&self) -> Result<Arc<Opened>, DbError> {
        self.opened.get_or_try_init(|| self.open()).await.cloned()
    }

    async fn open(&self) -> Result<Arc<Opened>, DbError> {
        let mut stored: Vec<SealedKey> = self.db.read(Cost::Long, |tx| tx.signing_keys()).await?;
        if !stored.iter().any(|key| key.algorithm == RS256) {
            let keys = self.keys.clone();
            let fresh = tokio::task::spawn_blocking(move || make(&keys)).await.map_err(|_| DbError::Interrupted)??;
            self.db.write(move |tx| tx.insert_signing_key(&fresh, system::now())).await?;
            stored = self.db.read(Cost::Long, |tx| tx.signing_keys()).await?;
        }
        let key = stored
            .into_iter()
            .find(|key| key.algorithm == RS256)
            .ok_or_else(|| DbError::Corrupt("no signing key".to_owned()))?;
        let unreadable = || DbError::Corrupt(format!("signing key {} cannot be opened with this master key", key.kid));
        let der = self.keys.open(PURPOSE, &key.sealed).ok_or_else(unreadable)?;
        let pair = RsaKeyPair::from_pkcs8(&der).map_err(|_| unreadable())?;
        let public = rsa::RsaPrivateKey::from_pkcs8_der(&der).map_err(|_| unreadable())?;
        let modulus = URL_SAFE_NO_PAD.encode(public.n().to_bytes_be());
        let exponent = URL_SAFE_NO_PAD.encode(public.e().to_bytes_be());
        let jwks = json!({"keys": [
            {"kty": "RSA", "use": "sig", "alg": RS256, "kid": key.kid, "n": modulus, "e": exponent}
        ]});
        Ok(Arc::new(Opened { kid: key.kid, pair, jwks }))
    }

    /// The public keys (RFC 7517 §5).
    pub async fn jwks(&self) -> Result<Value, DbError> {
        Ok(self.opened().await?.jwks.clone())
    }

    /// A signed JWT (RFC 7515 §3.1) with these claims.
    pub async fn sign(&self, claims: &Value) -> Result<String, DbError> {
        let key = self.opened().await?;
        let header = json!({"typ": "JWT", "alg": RS256, "kid": key.kid});
        let mut token = URL_SAFE_NO_PAD.encode(header.to_string());
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut signature = vec![0; key.pair.public_key().modulus_len()];
        key.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature)
            .map_err(|_| DbError::Corrupt("the signing key does not sign".to_owned()))?;
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(signature));
        Ok(token)
    }
}

/// A new RSA key of 2048 bits. ring signs with RSA but does not make keys, so the rsa crate does.
fn make(keys: &Keyring) -> Result<SealedKey, DbError> {
    let failed = |e: &dyn std::fmt::Display| DbError::Corrupt(format!("cannot make a signing key: {e}"));
    let private = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).map_err(|e| failed(&e))?;
    let der = private.to_pkcs8_der().map_err(|e| failed(&e))?;
    let mut nonce = [0; 24];
    system::fill(&mut nonce);
    let digest = ring::digest::digest(&ring::digest::SHA256, &private.n().to_bytes_be());
    Ok(SealedKey {
        kid: URL_SAFE_NO_PAD.encode(&digest.as_ref()[..12]),
        algorithm: RS256.to_owned(),
        sealed: keys.seal(PURPOSE, nonce, der.as_bytes()),
    })
}
