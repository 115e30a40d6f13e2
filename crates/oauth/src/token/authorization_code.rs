//! Exchanging a code (RFC 6749 §4.1.3, RFC 7636 §4.5).

use super::{Limits, TokenResponse, refresh_token, respond};
use crate::bearer::examine_grant;
use crate::bounds::Bounds;
use crate::client::{Client, GrantType};
use crate::context::Context;
use crate::error::{TokenError, Verdict};
use crate::event::Event;
use crate::grant::EndReason;
use crate::id_token;
use crate::store::{Code, Store};

/// What shows that the one who exchanges is the one who asked.
pub(super) struct Proof<'a> {
    pub(super) redirect_uri: Option<&'a str>,
    pub(super) verifier: Option<&'a str>,
}

/// Spends a code.
///
/// A code seen twice has been in two hands, so everything it led to ends (§4.1.2). A code of another client is refused and stays
/// unspent: whoever guesses at codes must not be able to cut others off.
pub(super) fn exchange(
    store: &mut dyn Store,
    cx: &mut Context<'_>,
    client: &Client,
    code: &str,
    proof: &Proof<'_>,
    limits: &Limits<'_>,
) -> Verdict<TokenResponse> {
    let refuse = |description: &str| Ok(Err(TokenError::invalid_grant(description)));
    let fingerprint = cx.keys.fingerprint(code);
    let Some(found) = store.lock_code(&fingerprint)? else {
        return refuse("the authorization code is unknown");
    };
    if found.client != client.id {
        store.record(Event::ForeignToken { grant: found.grant, client: client.id.to_string() });
        return refuse("the authorization code was issued to another client");
    }
    if found.spent.is_some() {
        store.end_grant(found.grant, cx.now, EndReason::CodeReused)?;
        return refuse("the authorization code was already used, so the access it gave has ended; authenticate again");
    }
    // From here on the code is spent, whatever the rest says: a second guess at the verifier is not to be had.
    store.spend_code(&fingerprint, cx.now)?;
    let timely = match found.expires <= cx.now {
        true => Err("the authorization code has expired; authenticate again"),
        false => is_proven(&found, proof).and_then(|()| is_held(&found, limits)),
    };
    if let Err(description) = timely {
        store.end_grant(found.grant, cx.now, EndReason::CodeRefused)?;
        return refuse(description);
    }
    let grant = match examine_grant(store, found.grant)? {
        Ok(grant) => grant,
        Err(description) => return refuse(description),
    };
    let bounds = match limits.within(cx, client, &found.bounds.resources) {
        Ok(bounds) => bounds,
        Err(refused) => {
            store.end_grant(found.grant, cx.now, EndReason::CodeRefused)?;
            return Ok(Err(refused));
        }
    };
    // A confidential client proves itself at each refresh; of a public one the key is all the proof there is (RFC 9449 §5).
    let key = bounds.key.clone().filter(|_| client.public);
    let chain = Bounds { resources: found.bounds.resources.clone(), key };
    let refresh_token = match grant.scope.is_offline() && client.may(GrantType::RefreshToken) {
        true => Some(refresh_token::first(store, cx, client, &grant, &chain)?),
        false => None,
    };
    let scope = grant.opens(&grant.scope);
    let mut response = respond(cx, client, &grant, scope, bounds, refresh_token);
    if response.scope.contains("openid") {
        response.id_token = id_token::claims(cx, client, &grant);
    }
    Ok(Ok(response))
}

/// The key that the authorization request named (RFC 9449 §10).
fn is_held(code: &Code, limits: &Limits<'_>) -> Result<(), &'static str> {
    match (&code.bounds.key, limits.key) {
        (Some(named), Some(proven)) if named == proven => Ok(()),
        (Some(_), Some(_)) => Err("the DPoP proof is by another key than dpop_jkt of the authorization request"),
        (Some(_), None) => Err("a DPoP proof is missing; the authorization request named a key"),
        (None, _) => Ok(()),
    }
}

fn is_proven(code: &Code, proof: &Proof<'_>) -> Result<(), &'static str> {
    match proof.redirect_uri {
        Some(uri) if uri != code.redirect_uri.as_str() => {
            return Err("redirect_uri is not the one of the authorization request");
        }
        None if code.redirect_uri_was_sent => {
            return Err("redirect_uri is missing; it must be the one of the authorization request");
        }
        _ => {}
    }
    match (&code.challenge, proof.verifier) {
        (None, None) => Ok(()),
        (Some(challenge), Some(verifier)) if challenge.is_met_by(verifier) => Ok(()),
        (Some(_), Some(_)) => Err("code_verifier is not the one the code_challenge was made of"),
        (Some(_), None) => Err("code_verifier is missing"),
        // RFC 9700 §4.8.2: somebody stripped the challenge from the request.
        (None, Some(_)) => Err("code_verifier was sent, but the authorization request had no code_challenge"),
    }
}
