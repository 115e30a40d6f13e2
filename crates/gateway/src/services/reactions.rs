//! Where one protocol's news matters to the other, and to the record: reactions that commit with what caused them.
//!
//! - A user who was deactivated or deleted takes their grants and sessions along: the token belongs to the person who
//!   accepted. Activating them again brings nothing back. It is one small write, however many tokens there are.
//! - So does a user who loses the role that may accept access, as far as their grants open the SCIM endpoint.
//! - An account may name a co-owner, to whom such grants pass instead, and who is told so.
//! - A user is told when connections come to rest on them that had better rest on a service account, and operators when the last user
//!   leaves who may accept access.
//! - What access was resolved from is kept as it was.
//! - A change by which users may do more than before leaves a row of its own, with its cause.
//! - Everything that happened leaves an audit row, and most of it an event in the feed.

use scim::EventKind;
use scim::schema::USER;

use self::access::Effect;
use crate::domain::event::{Event, Kind, ResourceEvent};
use crate::domain::ids::AccountKey;
use crate::domain::notice::DepartureReason;
use crate::platform::timestamp::Timestamp;
use crate::storage::{AnyConn, DbError, TransactionError, Tx, transaction};

mod access;
mod audit_trail;
pub(crate) mod deactivation;
mod feed;
pub(crate) mod last_administrator;
pub(crate) mod notices;
mod past;
mod widenings;

/// Reacts to everything that happened in this unit of work. What happens thereby is reacted to as well.
pub fn run(tx: &mut Tx<'_>) -> Result<(), DbError> {
    while !tx.events.is_empty() {
        for event in std::mem::take(&mut tx.events) {
            let effect = access::of(tx, &event)?;
            if let Some(told) = audit_trail::write(tx, &event)? {
                feed::write(tx, &event, &told, &effect)?;
            }
            react(tx, &event, &effect)?;
        }
    }
    Ok(())
}

/// What follows from an event beside its row in the trail.
fn react(tx: &mut Tx<'_>, event: &Event, effect: &Effect) -> Result<(), DbError> {
    let now = event.at;
    match (&event.kind, event.account) {
        (Kind::Resource(event), Some(account)) => resource_changed(tx, account, now, event, effect),
        (Kind::TakenOver { user, id }, Some(account)) => {
            if tx.open_grant_of_owner(account, id.as_str())?.is_some() {
                notices::tell_at_risk(tx, account, *user, now)?;
            }
            Ok(())
        }
        (Kind::Authorization(event), _) => notices::of_authorization(tx, now, event),
        (Kind::Act(act), Some(account)) => widenings::of_act(tx, account, now, act),
        (_, None) => Ok(()),
    }
}

/// Runs one unit of work on a connection of the caller's own, and what follows from it: for commands and tests.
pub fn unit_of_work<T, E: TransactionError>(
    conn: &mut AnyConn,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
) -> Result<T, E> {
    transaction::unit_of_work(conn, |tx| {
        let value = work(tx)?;
        run(tx)?;
        Ok(value)
    })
}

fn resource_changed(
    tx: &mut Tx<'_>,
    account: AccountKey,
    now: Timestamp,
    event: &ResourceEvent,
    effect: &Effect,
) -> Result<(), DbError> {
    past::keep(tx, account, now, event)?;
    if event.resource_type == USER && matches!(event.kind, EventKind::Activated | EventKind::Restored) {
        // Provisioning has the last word: who is made active again may log in.
        tx.enable_user(account, event.id.as_str())?;
    }
    widenings::of_resource(tx, account, now, event, effect)?;
    let policy = tx.grant_policy();
    if let Some(left) = last_administrator::left_by(event, &policy) {
        last_administrator::tell_of_last(tx, account, now, left)?;
    }
    let Some(leaving) = event.departure(&policy) else { return Ok(()) };
    // The sessions of a user who was deleted went with the user.
    if leaving == DepartureReason::Deactivated {
        tx.end_sessions_of(account, event.id.as_str())?;
    }
    deactivation::end_or_transfer_grants(tx, account, now, event, leaving)
}
