//! What follows from security events of an account's identity provider
//! ([why](../../../../../docs/decisions/0085-what-may-a-security-event-do.md)).

use super::Receiver;
use super::revocation::log_out_everywhere;
use super::subject;
use crate::domain::event::{Act, Action};
use crate::domain::security_event::{Meaning, SecurityEvent};
use crate::platform::timestamp::Timestamp;
use crate::storage::{DbError, Tx};

/// Carries out what an event means, and writes down that it came. The caller has said who acts.
pub fn carry_out(
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
        Meaning::Ends => log_out_everywhere(tx, account, &user, &event.name, now),
        Meaning::Disables => {
            log_out_everywhere(tx, account, &user, &event.name, now)?;
            tx.disable_user(user.resource, &event.name, now)
        }
        Meaning::Enables => tx.enable_user(account.seq, &user.id),
        Meaning::OfTheStream | Meaning::Nothing => Ok(()),
    }
}
