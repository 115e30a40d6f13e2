//! What follows from security events of an account's identity provider
//! ([why](../../../../../docs/decisions/0085-what-may-a-security-event-do.md)).

use oauth::Keyring;
use oauth::jose::Claims;
use oauth::provider_token::ProviderToken;

use super::Receiver;
use super::revocation::{Until, log_out_everywhere};
use super::subject;
use crate::domain::event::{Act, Action};
use crate::domain::security_event::{self, Meaning, SecurityEvent};
use crate::platform::timestamp::Timestamp;
use crate::services::service_provider::{ScimEngine, ServiceProvider};
use crate::storage::{DbError, Tx};

/// By so much may the clock of a provider be behind ours, in milliseconds.
const LEEWAY_MS: i64 = 60_000;

/// The events of a token that is believed.
pub fn events_of(claims: &Claims) -> Result<Vec<SecurityEvent>, &'static str> {
    let of_token = claims.get("toe").and_then(security_event::instant).or(claims.issued());
    security_event::read(claims.get("events"), claims.get("sub_id"), of_token)
}

/// Does what a token tells, once: `false` if that was done before. The caller has said who acts.
pub fn take(
    tx: &mut Tx<'_>,
    engine: &ScimEngine,
    keys: &Keyring,
    receiver: &Receiver,
    token: &ProviderToken,
    events: &[SecurityEvent],
    now: Timestamp,
) -> Result<bool, DbError> {
    if !receiver.spend(tx, keys, token)? {
        return Ok(false);
    }
    let provider = ServiceProvider::of(&engine.schemas, &receiver.account)?;
    for event in events {
        engine.run(&provider, now, |cx| carry_out(tx, cx, receiver, event))?;
    }
    Ok(true)
}

/// Carries out what an event means, and writes down that it came.
fn carry_out(
    tx: &mut Tx<'_>,
    cx: &mut scim::Context<'_>,
    receiver: &Receiver,
    event: &SecurityEvent,
) -> Result<(), DbError> {
    let (account, now) = (&receiver.account, Timestamp::of_millis(cx.now));
    let mut received = Act::new(Action::SignalReceived);
    let user = match (event.meaning, &event.subject) {
        (Meaning::OfTheStream | Meaning::Nothing, _) => Err("nothing follows from it".to_owned()),
        (_, Err(why)) => Err(format!("its subject is not understood: {why}")),
        (_, Ok(named)) => {
            subject::find(tx, cx, account, &receiver.issuer.issuer, named)?.map_err(|refusal| refusal.detail)
        }
    };
    let said = match &user {
        Ok(user) => {
            received = received.on(&user.id);
            event.name.clone()
        }
        Err(why) => format!("{}: {why}", event.name),
    };
    tx.raise(now, Some(account.seq), received.saying(said));
    let Ok(user) = user else { return Ok(()) };
    match event.meaning {
        Meaning::Revokes => {
            // What began later is none of the sessions that ended. Their clock may be behind ours.
            let until = event.happened.map(|at| Timestamp::of_millis(at.saturating_add(LEEWAY_MS)));
            log_out_everywhere(tx, account, &user, &event.name, Until(until.filter(|until| *until < now)), now)
        }
        Meaning::Ends => log_out_everywhere(tx, account, &user, &event.name, Until::NOW, now),
        Meaning::Disables => {
            log_out_everywhere(tx, account, &user, &event.name, Until::NOW, now)?;
            tx.disable_user(account.seq, user.resource, &event.name, now)
        }
        Meaning::Enables => tx.enable_user(account.seq, &user.id),
        Meaning::OfTheStream | Meaning::Nothing => Ok(()),
    }
}
