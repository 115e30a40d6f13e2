//! A user who is deactivated or deleted, or who loses the role that may accept access, loses their grants: they end, or pass to the
//! account's co-owner, who is told so.

use oauth::EndReason;

use crate::domain::account::{Account, OwnDeactivation};
use crate::domain::event::{Act, Action, Kind, ResourceEvent};
use crate::domain::ids::AccountKey;
use crate::domain::notice::{ConnectionsTransferred, DepartureReason, NoticeKind};
use crate::domain::person;
use crate::platform::timestamp::Timestamp;
use crate::storage::{DbError, Tx};

/// Grants for provisioning pass to the account's co-owner, if it has one who may own them; all others end.
pub(super) fn end_or_transfer_grants(
    tx: &mut Tx<'_>,
    account: AccountKey,
    now: Timestamp,
    event: &ResourceEvent,
    leaving: DepartureReason,
) -> Result<(), DbError> {
    let (owner, reason) = (event.id.as_str(), leaving.ends());
    if tx.open_grant_of_owner(account, owner)?.is_none() {
        return Ok(());
    }
    if let Some(successor) = tx.lock_co_owner_of(account, owner)? {
        let grants = tx.transfer_grants(account, owner, &successor, now)?;
        if !grants.is_empty() {
            let clients = tx.client_names_of(&grants)?;
            let name = person::name(&event.person());
            let passed = ConnectionsTransferred::new(owner.to_owned(), name, leaving, &clients);
            tx.insert_notice(account, successor.seq, &NoticeKind::ConnectionsPassed(passed), now)?;
        }
        for grant in grants {
            let event = oauth::Event::GrantRebound { grant, from: owner.to_owned(), to: successor.id.clone(), reason };
            tx.raise(now, None, event);
        }
    }
    end_grants(tx, account, owner, now, reason)
}

/// Ends all that a user accepted, if there is anything.
pub(crate) fn end_grants(
    tx: &mut Tx<'_>,
    account: AccountKey,
    owner: &str,
    now: Timestamp,
    reason: EndReason,
) -> Result<(), DbError> {
    if tx.end_grants_of_owner(account, owner, now, reason)? {
        let ended = Act::new(Action::GrantsEnded).on(owner).saying(reason.as_str().to_owned());
        tx.raise(now, Some(account), ended);
    }
    Ok(())
}

/// Whether this unit of work would end the very grant that it works under, and the account's policy is to refuse that.
pub(crate) fn refuses_own_ending(tx: &mut Tx<'_>, account: &Account, owner: &str) -> Result<bool, DbError> {
    if account.options.own_deactivation == OwnDeactivation::Allow {
        return Ok(false);
    }
    let policy = tx.grant_policy();
    let leaves = tx.events.iter().any(|event| match &event.kind {
        Kind::Resource(event) => event.id.as_str() == owner && event.departure(&policy).is_some(),
        Kind::TakenOver { .. } | Kind::Authorization(_) | Kind::Act(_) => false,
    });
    Ok(leaves && tx.lock_co_owner_of(account.seq, owner)?.is_none())
}
