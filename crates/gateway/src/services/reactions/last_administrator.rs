//! The last user of an account who may accept access: they are kept, or the operators are told, as the account's policy is.

use crate::domain::account::{Account, LastAdministrator};
use crate::domain::event::{AdministratorLeft, Kind, ResourceEvent};
use crate::domain::grant_policy::GrantPolicy;
use crate::domain::ids::AccountKey;
use crate::domain::notice::{LastLeft, NoticeKind};
use crate::domain::person;
use crate::platform::timestamp::Timestamp;
use crate::storage::{DbError, Tx};

/// The user without whom no active user of the account could accept access any more, if this unit of work takes them away and the
/// account's policy is to refuse that. Of two units of work that take away the last two, the second is refused.
pub(crate) fn refuses_to_lose(tx: &mut Tx<'_>, account: &Account) -> Result<Option<AdministratorLeft>, DbError> {
    if account.options.last_administrator == LastAdministrator::Allow {
        return Ok(None);
    }
    let policy = tx.grant_policy();
    let left = tx.events.iter().find_map(|event| match &event.kind {
        Kind::Resource(event) => left_by(event, &policy),
        Kind::TakenOver { .. } | Kind::Authorization(_) | Kind::Act(_) => None,
    });
    let Some(left) = left else { return Ok(None) };
    tx.hold_administrators(account.seq)?;
    Ok((!tx.has_administrator(account.seq)?).then_some(left))
}

pub(super) fn left_by(event: &ResourceEvent, policy: &GrantPolicy) -> Option<AdministratorLeft> {
    let leaving = event.administrator_left(policy)?;
    Some(AdministratorLeft { id: event.id.clone(), name: person::name(&event.person()), leaving })
}

/// Tells the account's operators if it was the last one.
pub(super) fn tell_of_last(
    tx: &mut Tx<'_>,
    account: AccountKey,
    now: Timestamp,
    left: AdministratorLeft,
) -> Result<(), DbError> {
    tx.hold_administrators(account)?;
    if tx.has_administrator(account)? {
        return Ok(());
    }
    let left = LastLeft { user: left.id.to_string(), name: left.name, reason: left.leaving };
    tx.insert_notice_to_operators(account, &NoticeKind::LastAdministratorLeft(left), now)
}
