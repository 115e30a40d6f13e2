//! ID tokens whose `amr` is one text.
//!
//! OpenID Connect Core §2 has a list, and the crate that reads ID tokens insists on it; there are providers that write the one method they know as
//! a text. Such a token is taken out of the answer before the crate reads that, verified here with the same keys, and given back as what the crate
//! would have made of it.

use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::jose::{Jwks, Jws};
use openidconnect::HttpResponse;
use openidconnect::core::{CoreIdTokenClaims, CoreJsonWebKeySet};
use serde_json::{Map, Value, json};

use crate::platform::timestamp::Timestamp;

/// From whom and for whom it has to be, and now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now: Timestamp,
}

/// The answer without the token, which is kept; the answer as it is, if its token is as it should be.
pub(super) fn take(response: HttpResponse, kept: &Mutex<Option<String>>) -> HttpResponse {
    let Some((rest, token)) = without_token(response.body()) else { return response };
    *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
    response.map(|_| rest)
}

fn without_token(body: &[u8]) -> Option<(Vec<u8>, String)> {
    let mut answer: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let token = answer.get("id_token")?.as_str()?.to_owned();
    payload(&token)?.get("amr")?.as_str()?;
    answer.remove("id_token");
    Some((serde_json::to_vec(&answer).ok()?, token))
}

fn payload(token: &str) -> Option<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// What the token says, verified as OpenID Connect Core §3.1.3.7 has it; otherwise what is wrong with it.
pub(super) fn verified(
    token: &str,
    keys: &CoreJsonWebKeySet,
    expected: Expected<'_>,
) -> Result<CoreIdTokenClaims, String> {
    let keys = serde_json::to_value(keys).ok().as_ref().and_then(Jwks::published).ok_or("its keys cannot be read")?;
    let jws = Jws::parse(token).map_err(|why| why.to_string())?;
    let living = keys.named(jws.kid()).filter(|key| key.lives(expected.now.millis()));
    let claims = jws.verified_by(living).map_err(|why| why.to_string())?;
    let audience = claims.audience();
    let azp = claims.get("azp").map(|azp| azp.as_str() == Some(expected.client_id));
    if claims.issuer() != Some(expected.issuer) {
        return Err("it is of another issuer".to_owned());
    }
    if !audience.contains(&expected.client_id) || !azp.unwrap_or(audience.len() == 1) {
        return Err("it is for another client".to_owned());
    }
    if claims.text("nonce") != Some(expected.nonce) {
        return Err("its nonce is another".to_owned());
    }
    claims.check_times(expected.now.millis(), 0, None).map_err(|why| why.to_string())?;
    let mut whole = payload(token).ok_or("it cannot be read")?;
    let listed = whole.get("amr").map(|amr| json!([amr]));
    whole.extend(listed.map(|amr| ("amr".to_owned(), amr)));
    serde_json::from_value(Value::Object(whole)).map_err(|why| why.to_string())
}
