//! An authorization request, sealed for its way through a browser.

use serde::{Deserialize, Serialize};

use super::{AuthorizationRequest, Prompt};
use crate::client::{ClientId, RedirectUri};
use crate::constraints::TokenConstraints;
use crate::context::Context;
use crate::grant::Subject;
use crate::pkce::Challenge;
use crate::scope::Scopes;

const PURPOSE: &str = "authorization request";

#[derive(Serialize, Deserialize)]
struct Wire {
    id: String,
    issued: i64,
    client: String,
    name: String,
    uri: String,
    sent: bool,
    scope: String,
    state: Option<String>,
    nonce: Option<String>,
    challenge: Option<String>,
    prompt: Prompt,
    max_age: Option<u64>,
    #[serde(rename = "hint")]
    login_hint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acr_values: Option<String>,
    #[serde(default, rename = "bounds")]
    constraints: TokenConstraints,
    expected: Option<String>,
}

/// What a request weighs in the form in which it is carried along.
pub(super) fn weight(request: &AuthorizationRequest) -> usize {
    text(request).len()
}

pub(super) fn seal(request: &AuthorizationRequest, cx: &mut Context<'_>) -> String {
    cx.seal(PURPOSE, text(request).as_bytes())
}

fn text(request: &AuthorizationRequest) -> String {
    let request = request.clone();
    let wire = Wire {
        id: request.id,
        issued: request.issued,
        client: request.client.as_str().to_owned(),
        name: request.client_name,
        uri: request.redirect_uri.as_str().to_owned(),
        sent: request.redirect_uri_was_sent,
        scope: request.scope.to_string(),
        state: request.state,
        nonce: request.nonce,
        challenge: request.challenge.map(|challenge| challenge.as_str().to_owned()),
        prompt: request.prompt,
        max_age: request.max_age,
        login_hint: request.login_hint,
        acr_values: request.acr_values,
        constraints: request.constraints,
        expected: request.expected.map(|subject| subject.as_str().to_owned()),
    };
    serde_json::to_string(&wire).unwrap_or_default()
}

pub(super) fn open(cx: &Context<'_>, text: &str) -> Option<AuthorizationRequest> {
    let wire: Wire = serde_json::from_slice(&cx.keys.open(PURPOSE, text)?).ok()?;
    let challenge = match wire.challenge {
        Some(text) => Some(Challenge::new(&text)?),
        None => None,
    };
    Some(AuthorizationRequest {
        id: wire.id,
        issued: wire.issued,
        client: ClientId::new(wire.client)?,
        client_name: wire.name,
        redirect_uri: RedirectUri::from_stored(wire.uri),
        redirect_uri_was_sent: wire.sent,
        scope: Scopes::parse(&wire.scope)?,
        state: wire.state,
        nonce: wire.nonce,
        challenge,
        prompt: wire.prompt,
        max_age: wire.max_age,
        login_hint: wire.login_hint,
        acr_values: wire.acr_values,
        constraints: wire.constraints,
        id_token_hint: None,
        expected: wire.expected.map(Subject::new),
    })
}
