//! The claims of ID tokens (OpenID Connect Core §2), to be signed by the caller.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use openidconnect::core::{CoreGenderClaim, CoreIdTokenClaims};
use openidconnect::{
    Audience, AuthenticationContextClass, AuthenticationMethodReference, EmptyAdditionalClaims, IssuerUrl, Nonce,
    StandardClaims, SubjectIdentifier,
};
use serde_json::Value;
use sha2::{Digest, Sha256, Sha512};

use crate::authentication::Authentication;
use crate::client::Client;
use crate::context::{Context, millis};
use crate::grant::Grant;
use crate::signing::SigningAlgorithm;

fn instant(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(milliseconds).unwrap_or_default()
}

/// The claims about the resource owner; `None` for a grant without one.
pub(crate) fn claims(cx: &Context<'_>, client: &Client, grant: &Grant) -> Option<Value> {
    let subject = SubjectIdentifier::new(grant.subject.as_ref()?.as_str().to_owned());
    let standard: StandardClaims<CoreGenderClaim> = StandardClaims::new(subject);
    let issuer = IssuerUrl::new(cx.settings.issuer.clone()).ok()?;
    let audience = vec![Audience::new(client.id.as_str().to_owned())];
    let expires = instant(cx.now + millis(cx.settings.id_token_lifetime_s));
    let Authentication { acr, amr } = grant.authentication.clone();
    let methods: Vec<_> = amr.into_iter().map(AuthenticationMethodReference::new).collect();
    let claims = CoreIdTokenClaims::new(issuer, audience, expires, instant(cx.now), standard, EmptyAdditionalClaims {})
        .set_auth_time(grant.auth_time.map(instant))
        .set_auth_context_ref(acr.map(AuthenticationContextClass::new))
        .set_auth_method_refs((!methods.is_empty()).then_some(methods))
        .set_nonce(grant.nonce.clone().map(Nonce::new));
    serde_json::to_value(claims).ok()
}

/// `at_hash`: the left half of the access token's hash, in base64url (OpenID Connect Core §3.1.3.6). Which hash follows from what
/// signs the ID token; Ed25519 has SHA-512 inside (RFC 8032 §5.1).
pub(crate) fn at_hash(access_token: &str, algorithm: SigningAlgorithm) -> String {
    match algorithm {
        SigningAlgorithm::Rs256 | SigningAlgorithm::Es256 => {
            URL_SAFE_NO_PAD.encode(&Sha256::digest(access_token.as_bytes())[..16])
        }
        SigningAlgorithm::EdDsa => URL_SAFE_NO_PAD.encode(&Sha512::digest(access_token.as_bytes())[..32]),
    }
}
