//! Exchanging a code (RFC 6749 §4.1.3, RFC 7636 §4.5).

use super::{RequestedConstraints, TokenResponse, refresh_token, respond};
use crate::client::{Client, GrantType};
use crate::constraints::TokenConstraints;
use crate::context::Context;
use crate::error::{TokenRefusal, Verdict};
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
    let refuse = |reason: TokenRefusal| Ok(Err(reason.into()));
    let Some(mut found) = store.lock_code(&cx.keys.fingerprint(code))? else {
        return refuse(TokenRefusal::CodeUnknown);
    };
    if found.client != client.id {
        store.record(Event::ForeignToken { grant: found.grant, client: client.id.to_string() });
        return refuse(TokenRefusal::CodeOfOtherClient);
    }
    let proven = is_proven(&found, proof).and_then(|()| is_held(&found, requested));
    match found.spent {
        Some(spent) => {
            let again = proven.is_ok() && cx.is_in_grace(spent);
            let retried = if again { retried(store, cx, &found, code, requested)? } else { None };
            let Some(grant) = retried else {
                store.end_grant(found.grant, cx.now, EndReason::CodeReused)?;
                return refuse(TokenRefusal::CodeReused);
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
        true => Err(TokenRefusal::CodeExpired),
        false => proven,
    };
    if let Err(reason) = timely {
        store.end_grant(found.grant, cx.now, EndReason::CodeRefused)?;
        return refuse(reason);
    }
    let grant = match examine_grant(store, found.grant)? {
        Ok(grant) => grant,
        Err(reason) => return refuse(TokenRefusal::GrantInvalid { reason }),
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
    let unused = |grant: &Grant| !grant.is_ended() && grant.delivered.is_none();
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
fn is_held(code: &Code, requested: &RequestedConstraints<'_>) -> Result<(), TokenRefusal> {
    match (&code.constraints.key, requested.key) {
        (Some(named), Some(proven)) if named == proven => Ok(()),
        (Some(_), Some(_)) => Err(TokenRefusal::CodeKeyMismatch),
        (Some(_), None) => Err(TokenRefusal::CodeKeyMissing),
        (None, _) => Ok(()),
    }
}

fn is_proven(code: &Code, proof: &Proof<'_>) -> Result<(), TokenRefusal> {
    match proof.redirect_uri {
        Some(uri) if uri != code.redirect_uri.as_str() => {
            return Err(TokenRefusal::RedirectUriMismatch);
        }
        None if code.redirect_uri_was_sent => {
            return Err(TokenRefusal::RedirectUriMissing);
        }
        _ => {}
    }
    match (&code.challenge, proof.verifier) {
        (None, None) => Ok(()),
        (Some(challenge), Some(verifier)) if challenge.is_met_by(verifier) => Ok(()),
        (Some(_), Some(_)) => Err(TokenRefusal::VerifierMismatch),
        (Some(_), None) => Err(TokenRefusal::VerifierMissing),
        // RFC 9700 §4.8.2: an attacker stripped the challenge from the request.
        (None, Some(_)) => Err(TokenRefusal::VerifierUnexpected),
    }
}
