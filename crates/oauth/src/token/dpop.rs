//! Demonstrating proof of possession (RFC 9449): a client signs a small JWT for each request with a key of its own, and its tokens
//! cannot be used without that key.
//!
//! A proof lives three lives, and each is a type:
//!
//! ```text
//! headers ──Proof::read──▶ Proof ──spend──▶ SpentProof ──of this token──▶ accepted
//! ```
//!
//! A [`Proof`] is signed by the key in it, for this method and URL, at about this time. [`SpentProof`] was not seen before, on any
//! replica. We ask for no nonce: a proof is valid for seconds and once, and nonces would cost each client a second request.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use url::Url;

use crate::constraints::Thumbprint;
use crate::context::Context;
pub use crate::error::ProofError;
use crate::jose::{JoseError, Jwk, Jws};
use crate::store::{Store, StoreError};

/// How far the time of a proof may be from ours, in seconds either way: ten for the journey (§11.1), thirty for clocks.
pub const WINDOW_S: i64 = 10 + 30;
const MAX_LENGTH: usize = 4096;
const MAX_ID: usize = 256;

/// A proof that is right for this request, and may have been seen before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    key: Thumbprint,
    id: [u8; 32],
    expires: i64,
    token_hash: Option<String>,
}

/// A proof that was spent for this request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpentProof(Proof);

impl Proof {
    /// Reads the `DPoP` headers of a request to this URL of ours; `None` if there are none (§4.3).
    pub fn read(cx: &Context<'_>, headers: &[&str], method: &str, url: &str) -> Result<Option<Proof>, ProofError> {
        let text = match headers {
            [] => return Ok(None),
            [text] => text.trim(),
            _ => return Err(ProofError::Repeated),
        };
        if text.len() > MAX_LENGTH {
            return Err(ProofError::TooLong);
        }
        let jws = Jws::parse(text).map_err(|_| ProofError::NotJwt)?;
        if !jws.is_typed("dpop+jwt") {
            return Err(ProofError::Type);
        }
        let key = jws.embedded_key().and_then(|key| Jwk::parse(key).ok());
        let key = key.ok_or(ProofError::KeyMissing)?;
        let claims = jws.verified_by([&key]).map_err(|why| match why {
            JoseError::ClaimType | JoseError::Malformed(_) => ProofError::ClaimType,
            _ => ProofError::Signature,
        })?;
        if claims.text("htm") != Some(method) {
            return Err(ProofError::Method);
        }
        if !claims.text("htu").is_some_and(|htu| is_same(htu, url)) {
            return Err(ProofError::Url);
        }
        let issued = claims.issued().ok_or(ProofError::TimeMissing)?;
        if issued.abs_diff(cx.now) > (WINDOW_S * 1000) as u64 {
            return Err(ProofError::Time);
        }
        let id = claims.id().filter(|id| !id.is_empty() && id.len() <= MAX_ID);
        let id = id.ok_or(ProofError::IdMissing)?;
        let thumbprint = key.thumbprint();
        let id = cx.keys.tag("dpop proof", format!("{thumbprint} {id}").as_bytes());
        let key = Thumbprint::parse(&thumbprint).ok_or(ProofError::KeyWithoutThumbprint)?;
        let token_hash = claims.text("ath").map(str::to_owned);
        Ok(Some(Proof { key, id, expires: issued + (WINDOW_S + 1) * 1000, token_hash }))
    }

    /// The key that signed it.
    pub fn key(&self) -> &Thumbprint {
        &self.key
    }

    /// Whether it was made for this access token (`ath`, §4.2).
    pub fn is_for(&self, access_token: &str) -> bool {
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(access_token.as_bytes()));
        self.token_hash.as_deref() == Some(hash.as_str())
    }

    /// Spends it; `None` if it was spent before (§11.1).
    pub fn spend(self, store: &mut dyn Store) -> Result<Option<SpentProof>, StoreError> {
        Ok(store.use_proof(&self.id, self.expires)?.then_some(SpentProof(self)))
    }
}

impl SpentProof {
    /// The key that signed it.
    pub fn key(&self) -> &Thumbprint {
        &self.0.key
    }

    pub(crate) fn is_for(&self, access_token: &str) -> bool {
        self.0.is_for(access_token)
    }
}

/// Whether two URLs are the same, less query and fragment, after normalization (§4.3, RFC 3986 §6.2.2 and §6.2.3).
fn is_same(sent: &str, ours: &str) -> bool {
    let normal = |text: &str| {
        let mut url = Url::parse(text).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    };
    let (sent, ours) = (normal(sent), normal(ours));
    sent.is_some() && sent == ours
}

#[cfg(test)]
mod tests;
