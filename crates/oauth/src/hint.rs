//! `id_token_hint`: an ID token of ours that a client brings back to say whom it means (OpenID Connect Core §3.1.2.1, OpenID
//! Connect RP-Initiated Logout 1.0 §2). It may have expired; it must be ours, signed, and the client's own.

use crate::client::ClientId;
use crate::context::Context;
use crate::grant::Subject;
use crate::jose::{Jwks, Jws};

/// An ID token that was believed, whatever its age.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdTokenHint {
    /// Of whom.
    pub subject: Subject,
    audience: Vec<String>,
}

/// It is no ID token that we signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("id_token_hint is not an ID token that was issued here")]
pub struct NotOurs;

impl IdTokenHint {
    /// Reads one. `keys` are our own public keys: those that sign and those that did until lately.
    pub fn read(cx: &Context<'_>, keys: &Jwks, text: &str) -> Result<IdTokenHint, NotOurs> {
        let jws = Jws::parse(text).map_err(|_| NotOurs)?;
        // Other JWTs of ours are for other purposes, and say so (RFC 8725 §3.11).
        if !jws.is_typed("JWT") {
            return Err(NotOurs);
        }
        let claims = jws.verified_by(keys.named(jws.kid())).map_err(|_| NotOurs)?;
        let ours = claims.issuer() == Some(cx.settings.issuer.as_str());
        match claims.subject() {
            Some(subject) if ours => Ok(IdTokenHint {
                subject: Subject::new(subject),
                audience: claims.audience().into_iter().map(str::to_owned).collect(),
            }),
            _ => Err(NotOurs),
        }
    }

    /// Whether it was issued to this client.
    pub fn is_for(&self, client: &ClientId) -> bool {
        self.audience.iter().any(|audience| audience == client.as_str())
    }

    /// The only client it was issued to.
    pub fn client(&self) -> Option<ClientId> {
        match self.audience.as_slice() {
            [only] => ClientId::new(only.as_str()),
            _ => None,
        }
    }
}
