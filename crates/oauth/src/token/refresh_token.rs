//! Refreshing (RFC 6749 §6), with rotation (RFC 9700 §4.14) that survives lost responses and double submission.
//!
//! The successor of a refresh token is *derived* from it under a key of ours, so whoever presents the same token again (a retry,
//! a second worker, another replica) gets the same successor, and there is one live chain whatever the network does. Once the
//! successor has been used, the predecessor is in two hands and we cannot tell whose: the grant ends.

use super::{Limits, TokenResponse, respond};
use crate::bearer::examine_grant;
use crate::bounds::Bounds;
use crate::client::{Client, Lifetimes};
use crate::context::{Context, millis};
use crate::error::{ErrorCode, TokenError, Verdict};
use crate::event::Event;
use crate::grant::{EndReason, Grant};
use crate::scope::Scopes;
use crate::secret::{Prefix, generated};
use crate::store::{RefreshToken, Store, StoreError};

/// The first token of a grant's chain.
pub(super) fn first(
    store: &mut dyn Store,
    cx: &mut Context<'_>,
    client: &Client,
    grant: &Grant,
    bounds: &Bounds,
) -> Result<String, StoreError> {
    let token = generated(Prefix::RefreshToken, cx.entropy);
    insert(store, cx, client, grant, &token, 0, bounds)?;
    Ok(token)
}

/// When a refresh token stops counting if it is not used before, in milliseconds since the epoch. What an operator takes from a client's
/// lifetimes counts at once; what they add counts for the tokens issued from then on.
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
    bounds: &Bounds,
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
        bounds: bounds.clone(),
    })
}

/// Answers with a fresh access token and the successor. A refusal that ends the grant has to be kept.
pub(super) fn exchange(
    store: &mut dyn Store,
    cx: &mut Context<'_>,
    client: &Client,
    presented: &str,
    asked: Option<&Scopes>,
    limits: &Limits<'_>,
) -> Verdict<TokenResponse> {
    let refuse = |description: &str| Ok(Err(TokenError::invalid_grant(description)));
    let fingerprint = cx.keys.fingerprint(presented);
    let Some((token, grant)) = store.lock_refresh_token(&fingerprint)? else {
        return refuse("the refresh token is unknown");
    };
    if grant.client != client.id {
        store.record(Event::ForeignToken { grant: grant.id, client: client.id.to_string() });
        return refuse("the refresh token was issued to another client");
    }
    if let Err(description) = examine_grant(store, grant.id)? {
        return refuse(description);
    }
    if token.bounds.key.as_ref().is_some_and(|key| limits.key != Some(key)) {
        return refuse("the refresh token is bound to a key: send a DPoP proof by that key");
    }
    let next = token.generation.saturating_add(1);
    // The end of the chain: what has to be alive. Of a retry it is the successor that nobody has used.
    let last = match token.used {
        None => token.clone(),
        Some(used) => {
            let successor = store.refresh_token_of(grant.id, next)?.filter(|next| next.used.is_none());
            let in_time = cx.now <= used.saturating_add(millis(cx.settings.refresh_retry_window_s));
            let Some(successor) = successor.filter(|_| in_time) else {
                store.end_grant(grant.id, cx.now, EndReason::RefreshTokenReused)?;
                return refuse("the refresh token was already used, so the access has ended; authenticate again");
            };
            successor
        }
    };
    let lifetimes = client.lifetimes(cx.settings);
    if lifetimes.absolute_end(&grant).is_some_and(|end| end <= cx.now) {
        return refuse("the access was accepted too long ago, however often it was used since; authenticate again");
    }
    if expiry(&lifetimes, &last, &grant) <= cx.now {
        return refuse("the refresh token has expired because it was not used for too long; authenticate again");
    }
    if let Some(beyond) = asked.and_then(|asked| asked.beyond(&grant.scope)) {
        let description = format!("the scope {beyond} goes beyond what was accepted: {}", grant.scope);
        return Ok(Err(TokenError::new(ErrorCode::InvalidScope, description)));
    }
    let scope = grant.opens(asked.unwrap_or(&grant.scope));
    if scope.is_empty() {
        let description = "the grant has passed to another user, and says no more who somebody is; authenticate again";
        return Ok(Err(TokenError::new(ErrorCode::InvalidScope, description)));
    }
    let bounds = match limits.within(cx, client, &token.bounds.resources) {
        Ok(bounds) => bounds,
        Err(refused) => return Ok(Err(refused)),
    };
    let successor = cx.keys.successor(presented, grant.id.0, next);
    if token.used.is_none() {
        store.use_refresh_token(&fingerprint, cx.now)?;
        insert(store, cx, client, &grant, &successor, next, &token.bounds)?;
    }
    Ok(Ok(respond(cx, client, &grant, scope, bounds, Some(successor))))
}
