//! The claims of ID tokens (OpenID Connect Core §2), to be signed by whoever holds the keys.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use openidconnect::core::{CoreGenderClaim, CoreIdTokenClaims};
use openidconnect::{
    AccessTokenHash, Audience, EmptyAdditionalClaims, IssuerUrl, Nonce, StandardClaims, SubjectIdentifier,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::client::Client;
use crate::context::{Context, millis};
use crate::grant::Grant;

fn instant(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(milliseconds).unwrap_or_default()
}

/// The claims about the person who accepted; `None` for a grant without one.
pub(crate) fn claims(cx: &Context<'_>, client: &Client, grant: &Grant, access_token: &str) -> Option<Value> {
    let subject = SubjectIdentifier::new(grant.subject.as_ref()?.as_str().to_owned());
    let standard: StandardClaims<CoreGenderClaim> = StandardClaims::new(subject);
    let issuer = IssuerUrl::new(cx.settings.issuer.clone()).ok()?;
    let audience = vec![Audience::new(client.id.as_str().to_owned())];
    let expires = instant(cx.now + millis(cx.settings.id_token_lifetime_s));
    let claims = CoreIdTokenClaims::new(issuer, audience, expires, instant(cx.now), standard, EmptyAdditionalClaims {})
        .set_auth_time(grant.auth_time.map(instant))
        .set_nonce(grant.nonce.clone().map(Nonce::new))
        .set_access_token_hash(Some(at_hash(access_token)));
    serde_json::to_value(claims).ok()
}

/// The left half of the token's SHA-256, in base64url (OpenID Connect Core §3.1.3.6).
fn at_hash(access_token: &str) -> AccessTokenHash {
    let digest = Sha256::digest(access_token.as_bytes());
    AccessTokenHash::new(URL_SAFE_NO_PAD.encode(&digest[..16]))
}
