//! Refreshing (RFC 6749 §6), with rotation (RFC 9700 §4.14) that survives lost responses and double submission.
//!
//! The successor of a refresh token is *derived* from it under a key of ours, so a client that presents the same token again (a retry,
//! a second worker, another replica) gets the same successor, and there is one live chain even over an unreliable network. What a token that
//! is presented again means is decided by whether its successor's generation was [delivered](crate::token::delivery): [`judge`].

use super::{RequestedConstraints, TokenResponse, respond};
use crate::client::{Client, Lifetimes};
use crate::constraints::TokenConstraints;
use crate::context::{Context, millis};
use crate::error::{TokenRefusal, Verdict};
use crate::event::{Event, Presented};
use crate::grant::{EndReason, Grant};
use crate::scope::Scopes;
use crate::store::{RefreshToken, Store, StoreError};
use crate::token::bearer::examine_grant;
use crate::token::delivery;
use crate::token_id::Link;

/// How often a refresh token is answered within the grace although its successor is in use: identity providers work with some eight
/// workers at once.
const LATE_WORKERS: i32 = 16;

/// The first token of a grant's chain: derived from the code, so that a code that is exchanged again leads to the same one.
pub(super) fn first(
    store: &mut dyn Store,
    cx: &mut Context<'_>,
    client: &Client,
    grant: &Grant,
    code: &str,
    constraints: &TokenConstraints,
) -> Result<String, StoreError> {
    let token = first_of(cx, grant, code);
    insert(store, cx, client, grant, &token, 0, constraints)?;
    Ok(token)
}

/// The same without keeping it.
pub(super) fn first_of(cx: &Context<'_>, grant: &Grant, code: &str) -> String {
    cx.keys.successor(code, grant.id.number, 0)
}

/// When a refresh token stops counting if it is not used before, in milliseconds since the epoch. A shorter
/// lifetime takes effect at once; a longer one takes effect for the tokens issued from then on.
pub(crate) fn expiry(lifetimes: &Lifetimes, token: &RefreshToken, grant: &Grant) -> i64 {
    let idle = token.created.saturating_add(millis(lifetimes.refresh_idle)).min(token.expires);
    lifetimes.absolute_end(grant).map_or(idle, |end| end.min(idle))
}

fn insert(
    store: &mut dyn Store,
    cx: &Context<'_>,
    client: &Client,
    grant: &Grant,
    token: &str,
    generation: i32,
    constraints: &TokenConstraints,
) -> Result<(), StoreError> {
    let lifetimes = client.lifetimes(cx.settings);
    let idle = cx.now.saturating_add(millis(lifetimes.refresh_idle));
    store.insert_refresh_token(&RefreshToken {
        fingerprint: cx.keys.fingerprint(token),
        grant: grant.id,
        generation,
        created: cx.now,
        expires: lifetimes.absolute_end(grant).map_or(idle, |end| end.min(idle)),
        used: None,
        reissues: 0,
        repeats: 0,
        constraints: constraints.clone(),
    })
}

/// What a refresh token means that is presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    /// It is the end of its chain and gets a successor.
    Refresh,
    /// Another worker of the client presented it a moment ago. It gets the same answer.
    Parallel,
    /// The answer was lost. It gets the same successor, and the access tokens of the earlier answer end.
    LostAnswer,
    /// More workers than any client has come late.
    TooMany,
    /// Two parties have it.
    Theft,
}

/// Decides by what storage knows: whether the successor's generation is in use, and since when, and when the token was last answered.
/// `in_grace` says whether that is so short a time ago that workers of one client may still be at it. A thief looks like one of them
/// meanwhile, so a public client whose tokens are bound to no key has no grace.
pub(super) fn judge(
    token: &RefreshToken,
    successor: Option<&RefreshToken>,
    grant: &Grant,
    in_grace: impl Fn(i64) -> bool,
) -> Means {
    let Some(answered) = token.used else { return Means::Refresh };
    let Some(successor) = successor.filter(|successor| successor.used.is_none()) else { return Means::Theft };
    match grant.delivered.filter(|delivered| delivered.generation >= successor.generation) {
        None if in_grace(answered) => Means::Parallel,
        None => Means::LostAnswer,
        Some(in_use) if !in_grace(in_use.at) => Means::Theft,
        Some(_) if token.repeats < LATE_WORKERS => Means::Parallel,
        Some(_) => Means::TooMany,
    }
}

/// Keeps in the token that it is answered; says whether there was anything to keep.
pub(super) fn answered(token: &mut RefreshToken, means: Means, in_use: bool, now: i64, grace_ms: i64) -> bool {
    match means {
        Means::Refresh => token.used = Some(now),
        Means::LostAnswer => {
            token.reissues = token.reissues.saturating_add(1);
            // The workers that wait for this answer get the same one.
            token.used = Some(now);
        }
        Means::Parallel if in_use => token.repeats = token.repeats.saturating_add(1),
        // A grace that is half over begins anew, so that the next worker still gets the same answer.
        Means::Parallel if token.used.is_some_and(|used| now.saturating_sub(used) > grace_ms / 2) => {
            token.used = Some(now)
        }
        Means::Parallel | Means::TooMany | Means::Theft => return false,
    }
    true
}

/// Answers with a fresh access token and the successor. A refusal that ends the grant has to be kept.
pub(super) fn exchange(
    store: &mut dyn Store,
    cx: &mut Context<'_>,
    client: &Client,
    presented: &str,
    asked: Option<&Scopes>,
    requested: &RequestedConstraints<'_>,
) -> Verdict<TokenResponse> {
    let refuse = |reason: TokenRefusal| Ok(Err(reason.into()));
    let Some((mut token, grant)) = store.lock_refresh_token(&cx.keys.fingerprint(presented))? else {
        return refuse(TokenRefusal::RefreshTokenUnknown);
    };
    if grant.client != client.id {
        store.record(Event::ForeignToken { grant: grant.id, client: client.id.to_string() });
        return refuse(TokenRefusal::RefreshTokenOfOtherClient);
    }
    if let Err(reason) = examine_grant(store, grant.id)? {
        return refuse(TokenRefusal::GrantInvalid { reason });
    }
    if token.constraints.key.as_ref().is_some_and(|key| requested.key != Some(key)) {
        return refuse(TokenRefusal::RefreshTokenKeyMissing);
    }
    let next = token.generation.saturating_add(1);
    let successor = match token.used {
        Some(_) => store.refresh_token_of(grant.id, next)?,
        None => None,
    };
    let is_proven = !client.public || token.constraints.key.is_some();
    let means = judge(&token, successor.as_ref(), &grant, |then| is_proven && cx.is_in_grace(then));
    match means {
        Means::Theft => {
            store.end_grant(grant.id, cx.now, EndReason::RefreshTokenReused)?;
            return refuse(TokenRefusal::RefreshTokenReused);
        }
        Means::TooMany => {
            return refuse(TokenRefusal::RefreshTokenSuperseded);
        }
        Means::Refresh | Means::Parallel | Means::LostAnswer => {}
    }
    let lifetimes = client.lifetimes(cx.settings);
    if lifetimes.absolute_end(&grant).is_some_and(|end| end <= cx.now) {
        return refuse(TokenRefusal::GrantTooOld);
    }
    // The end of the chain is what has to be alive.
    if expiry(&lifetimes, successor.as_ref().unwrap_or(&token), &grant) <= cx.now {
        return refuse(TokenRefusal::RefreshTokenExpired);
    }
    if let Some(beyond) = asked.and_then(|asked| asked.beyond(&grant.scope)) {
        return refuse(TokenRefusal::ScopeNotAccepted { scope: beyond.to_owned(), accepted: grant.scope.to_string() });
    }
    let scope = grant.opens(asked.unwrap_or(&grant.scope));
    if scope.is_empty() {
        return refuse(TokenRefusal::GrantTransferred);
    }
    let constraints = match requested.within(cx, client, &token.constraints.resources) {
        Ok(constraints) => constraints,
        Err(refused) => return Ok(Err(refused)),
    };
    let successor = cx.keys.successor(presented, grant.id.number, next);
    match means {
        Means::Refresh => {
            delivery::mark(store, cx, &grant, token.generation)?;
            insert(store, cx, client, &grant, &successor, next, &token.constraints)?;
        }
        Means::LostAnswer => {
            supersede(store, cx, &grant, Link { generation: next, reissue: token.reissues }, Presented::RefreshToken)?;
        }
        Means::Parallel | Means::TooMany | Means::Theft => {}
    }
    if answered(&mut token, means, grant.has_delivered(next), cx.now, cx.grace_ms()) {
        store.use_refresh_token(&token)?;
    }
    let link = Link { generation: next, reissue: token.reissues };
    Ok(Ok(respond(cx, client, &grant, scope, constraints, Some(link), Some(successor))))
}

/// Ends the access tokens of an answer that is about to be given again.
pub(super) fn supersede(
    store: &mut dyn Store,
    cx: &Context<'_>,
    grant: &Grant,
    answer: Link,
    presented: Presented,
) -> Result<(), StoreError> {
    store.revoke_token(&answer.id(grant.id), cx.now.saturating_add(cx.settings.longest_ms()))?;
    store.record(Event::AnsweredAgain { grant: grant.id, presented });
    Ok(())
}
