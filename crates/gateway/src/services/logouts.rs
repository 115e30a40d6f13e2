//! Clients are told that a session of their user ended (OpenID Connect Back-Channel Logout 1.0): what a logout token says, and where it goes.

use oauth::signing::UnsignedJwt;
use oauth::{Client, RedirectUri};
use serde_json::json;

use crate::domain::bodies::clients::ClientOptions;
use crate::domain::described::{Mistakes, Text};
use crate::platform::outbound::Outbound;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::storage::relying_parties::ClaimedLogout;

/// How long a logout token is valid, in seconds (§4: two minutes at most are recommended).
const LIFETIME_S: i64 = 120;
/// The event that it tells of (§2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Notes what is wrong with the address at which a client wants to be told.
pub fn check(options: &ClientOptions, outbound: &Outbound, mistakes: &mut Mistakes) {
    let Some(Text(uri)) = options.backchannel_logout_uri.value() else { return };
    if let Some(detail) = RedirectUri::register(uri).err().or_else(|| outbound.url(uri).err()) {
        mistakes.note("backchannel_logout_uri", detail);
    }
}

/// Sets what is asked for, which was checked.
pub fn set(asked: &ClientOptions, options: &mut oauth::client::Options) {
    if let Some(uri) = asked.backchannel_logout_uri.change() {
        options.backchannel_logout_uri = uri.map(|Text(uri)| uri.clone());
    }
    if let Some(required) = asked.backchannel_logout_session_required {
        options.backchannel_logout_session_required = required;
    }
}

/// The logout token (§2.4): one of its own for each try, and never with a nonce, so that it is no ID token.
pub fn token(issuer: &str, client: &Client, of: &ClaimedLogout, now: Timestamp) -> UnsignedJwt {
    let issued = now.millis() / 1000;
    UnsignedJwt {
        algorithm: client.options.tokens.id_token_signed_response_alg,
        typ: "logout+jwt",
        claims: json!({
            "iss": issuer, "aud": client.id.as_str(), "sub": of.subject, "sid": of.sid, "iat": issued, "exp": issued + LIFETIME_S,
            "jti": system::new_uuid(), "events": {EVENT: {}},
        }),
    }
}
