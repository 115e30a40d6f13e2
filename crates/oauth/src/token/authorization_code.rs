//! Exchanging a code (RFC 6749 §4.1.3, RFC 7636 §4.5).

use super::{RequestedConstraints, TokenResponse, refresh_token, respond};
use crate::client::{Client, GrantType};
use crate::constraints::TokenConstraints;
use crate::context::Context;
use crate::error::{TokenError, Verdict};
use crate::event::{Event, Presented};
use crate::grant::{EndReason, Grant};
use crate::scope::OPENID;
use crate::store::{Code, Store, StoreError};
use crate::token::bearer::examine_grant;
use crate::token::id_token;
use crate::token_id::Link;

/// What shows that the one who exchanges is the one who asked.
pub(super) struct Proof<'a> {
    pub(super) redirect_uri: Option<&'a str>,
    pub(super) verifier: Option<&'a str>,
}

/// Spends a code.
///
/// A code seen twice has been in two hands, so everything it led to ends (§4.1.2); but for the client whose answer was lost, which
/// [exchanges it again](retried). A code of another client is refused and stays unspent, so that guessing codes
/// cuts no client off.
pub(super) fn exchange(
    store: &mut dyn Store,
    cx: &mut Context<'_>,
    client: &Client,
    code: &str,
    proof: &Proof<'_>,
    requested: &RequestedConstraints<'_>,
) -> Verdict<TokenResponse> {
    let refuse = |description: &str| Ok(Err(TokenError::invalid_grant(description)));
    let Some(mut found) = store.lock_code(&cx.keys.fingerprint(code))? else {
        return refuse("the authorization code is unknown");
    };
    if found.client != client.id {
        store.record(Event::ForeignToken { grant: found.grant, client: client.id.to_string() });
        return refuse("the authorization code was issued to another client");
    }
    let proven = is_proven(&found, proof).and_then(|()| is_held(&found, requested));
    match found.spent {
        Some(spent) => {
            let again = proven.is_ok() && cx.is_in_grace(spent);
            let retried = if again { retried(store, cx, &found, code, requested)? } else { None };
            let Some(grant) = retried else {
                store.end_grant(found.grant, cx.now, EndReason::CodeReused)?;
                return refuse(
                    "the authorization code was already used, so the access it gave has ended; authenticate again",
                );
            };
            let answer = Link { generation: 0, reissue: found.reissues };
            refresh_token::supersede(store, cx, &grant, answer, Presented::Code)?;
            found.reissues = found.reissues.saturating_add(1);
        }
        None => found.spent = Some(cx.now),
    }
    // From here on the code is spent, also if a later check fails: there is no second guess at the verifier.
    store.spend_code(&found)?;
    let is_first = found.reissues == 0;
    let timely = match found.expires <= cx.now && is_first {
        true => Err("the authorization code has expired; authenticate again"),
        false => proven,
    };
    if let Err(description) = timely {
        store.end_grant(found.grant, cx.now, EndReason::CodeRefused)?;
        return refuse(description);
    }
    let grant = match examine_grant(store, found.grant)? {
        Ok(grant) => grant,
        Err(description) => return refuse(description),
    };
    let constraints = match requested.within(cx, client, &found.constraints.resources) {
        Ok(constraints) => constraints,
        Err(refused) => {
            store.end_grant(found.grant, cx.now, EndReason::CodeRefused)?;
            return Ok(Err(refused));
        }
    };
    // A confidential client proves itself at each refresh; of a public one the key is all the proof there is (RFC 9449 §5).
    let key = constraints.key.clone().filter(|_| client.public);
    let chain = TokenConstraints { resources: found.constraints.resources.clone(), key };
    let refresh_token = match grant.scope.is_offline() && client.may(GrantType::RefreshToken) {
        true if is_first => Some(refresh_token::first(store, cx, client, &grant, code, &chain)?),
        true => Some(refresh_token::first_of(cx, &grant, code)),
        false => None,
    };
    let scope = grant.opens(&grant.scope);
    let link = Link { generation: 0, reissue: found.reissues };
    let mut response = respond(cx, client, &grant, scope, constraints, Some(link), refresh_token);
    if response.scope.contains(OPENID) {
        response.id_token = id_token::claims(cx, client, &grant);
    }
    Ok(Ok(response))
}

/// The grant of a code that was exchanged a moment ago, if this is its client once more, whose answer was lost: nothing that was issued
/// has been used, and the key is the same. A log-in that no verifier proves (RFC 7636) is not answered again, as OpenID Connect wants it:
/// its user logs in once more, and nothing stands still.
fn retried(
    store: &mut dyn Store,
    cx: &Context<'_>,
    code: &Code,
    presented: &str,
    requested: &RequestedConstraints<'_>,
) -> Result<Option<Grant>, StoreError> {
    let unused = |grant: &Grant| grant.ended.is_none() && grant.delivered.is_none();
    let Some(grant) = store.lock_grant(code.grant)?.filter(unused) else { return Ok(None) };
    if code.challenge.is_none() && cx.settings.remembers_consent(&grant.scope) {
        return Ok(None);
    }
    let issued = store.refresh_token_of(grant.id, 0)?;
    let expected = cx.keys.fingerprint(&refresh_token::first_of(cx, &grant, presented));
    let same = issued.is_none_or(|token| {
        let bound = token.constraints.key.as_ref();
        token.used.is_none() && token.fingerprint == expected && bound.is_none_or(|key| requested.key == Some(key))
    });
    Ok(same.then_some(grant))
}

/// The key that the authorization request named (RFC 9449 §10).
fn is_held(code: &Code, requested: &RequestedConstraints<'_>) -> Result<(), &'static str> {
    match (&code.constraints.key, requested.key) {
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
        // RFC 9700 §4.8.2: an attacker stripped the challenge from the request.
        (None, Some(_)) => Err("code_verifier was sent, but the authorization request had no code_challenge"),
    }
}
