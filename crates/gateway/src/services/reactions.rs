//! Where one protocol's news matters to the other, and to the record: reactions that commit with what caused them.
//!
//! - A user who was deactivated or deleted takes their grants and sessions along: the token belongs to the person who
//!   accepted. Activating them again brings nothing back. It is one small write, however many tokens there are.
//! - So does a user who loses the role that may accept access, as far as their grants open the SCIM endpoint.
//! - An account may name a co-owner, to whom such grants pass instead, and who is told so.
//! - A user is told when connections come to rest on them that had better rest on a service account, and operators when the last user
//!   leaves who may accept access.
//! - Everything that happened leaves an audit row.

use oauth::{EndReason, GrantId};

use crate::domain::account::Account;
use crate::domain::account::{LastAdministrator, OwnDeactivation};
use crate::domain::event::{Act, Action, AdministratorLeft, Event, Kind, ResourceEvent};
use crate::domain::grant_policy::GrantPolicy;
use crate::domain::ids::{AccountKey, UserKey};
use crate::domain::notice::{AtRisk, ConnectionsTransferred, DepartureReason, LastLeft, NoticeKind, Replaced, Stolen};
use crate::domain::person;
use crate::platform::timestamp::Timestamp;
use crate::storage::{AnyConn, DbError, TransactionError, Tx, transaction};

mod trail;

/// Reacts to everything that happened in this unit of work. What happens thereby is reacted to as well.
pub fn run(tx: &mut Tx<'_>) -> Result<(), DbError> {
    while !tx.events.is_empty() {
        for event in std::mem::take(&mut tx.events) {
            trail::write(tx, &event)?;
            react(tx, &event)?;
        }
    }
    Ok(())
}

/// What follows from an event beside its row in the trail.
fn react(tx: &mut Tx<'_>, event: &Event) -> Result<(), DbError> {
    let now = event.at;
    match (&event.kind, event.account) {
        (Kind::Resource(event), Some(account)) => resource_changed(tx, account, now, event),
        (Kind::TakenOver { user, id }, Some(account)) => {
            if tx.open_grant_of_owner(account, id.as_str())?.is_some() {
                tell_at_risk(tx, account, *user, now)?;
            }
            Ok(())
        }
        (Kind::Authorization(event), _) => authorization_changed(tx, now, event),
        (Kind::Act(_), _) | (_, None) => Ok(()),
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
) -> Result<(), DbError> {
    let policy = tx.grant_policy();
    if let Some(left) = left_by(event, &policy) {
        administrator_left(tx, account, now, left)?;
    }
    let Some(leaving) = event.departure(&policy) else { return Ok(()) };
    owner_left(tx, account, now, event, leaving)?;
    match leaving {
        DepartureReason::Deactivated | DepartureReason::Deleted => tx.end_sessions_of(account, event.id.as_str()),
        DepartureReason::RoleLost => Ok(()),
    }
}

/// What they accepted for provisioning passes to the account's co-owner, if there is one who may, and who is told; everything else ends.
fn owner_left(
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
    end_connections(tx, account, owner, now, reason)
}

/// Ends all that a user accepted, if there is anything.
pub(crate) fn end_connections(
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

/// The user without whom no active user of the account could accept access any more, if this unit of work takes them away and the
/// account's policy is to refuse that. Of two units of work that take away the last two, the second is refused.
pub(crate) fn last_administrator(tx: &mut Tx<'_>, account: &Account) -> Result<Option<AdministratorLeft>, DbError> {
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

fn left_by(event: &ResourceEvent, policy: &GrantPolicy) -> Option<AdministratorLeft> {
    let leaving = event.administrator_left(policy)?;
    Some(AdministratorLeft { id: event.id.clone(), name: person::name(&event.person()), leaving })
}

/// Tells the account's operators if it was the last one.
fn administrator_left(
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

/// Tells a user, if connections rest on them, that these rest on a personal user, or on one that an identity provider manages and may
/// change; once, until they have seen it.
pub(crate) fn tell_at_risk(tx: &mut Tx<'_>, account: AccountKey, user: UserKey, now: Timestamp) -> Result<(), DbError> {
    let Some(matter) = at_risk(tx, account, user)? else { return Ok(()) };
    let mut unseen = tx.unseen_notices(user, 100)?.into_iter().filter(|notice| !notice.is_past());
    let told = unseen.any(|notice| notice.matter().as_ref() == Some(&matter));
    if told { Ok(()) } else { tx.insert_notice(account, user, &matter, now) }
}

/// The account lets SCIM change service accounts from now on: tells those that an identity provider has written before.
pub(crate) fn service_accounts_are_writable(
    tx: &mut Tx<'_>,
    account: AccountKey,
    now: Timestamp,
) -> Result<(), DbError> {
    for user in tx.managed_service_accounts(account)? {
        tell_at_risk(tx, account, user, now)?;
    }
    Ok(())
}

/// What of a notice is to be told at this moment. Connections at risk are told of as they are now, and not any more once they are safe or
/// have ended; what happened, happened.
pub(crate) fn still(
    tx: &mut Tx<'_>,
    account: AccountKey,
    user: UserKey,
    matter: NoticeKind,
) -> Result<Option<NoticeKind>, DbError> {
    match matter {
        NoticeKind::ConnectionAtRisk(_) => at_risk(tx, account, user),
        other => Ok(Some(other)),
    }
}

fn at_risk(tx: &mut Tx<'_>, account: AccountKey, user: UserKey) -> Result<Option<NoticeKind>, DbError> {
    let Some(owner) = tx.grant_owner(account, user)? else { return Ok(None) };
    let policy = tx.account_at(account)?.map(|account| account.options.service_accounts).unwrap_or_default();
    if !owner.is_at_risk(policy) {
        return Ok(None);
    }
    let clients = tx.clients_of_owner(account, &owner.id)?;
    let told = AtRisk::new(&clients, !owner.service_account, owner.managed);
    Ok((!clients.is_empty()).then_some(NoticeKind::ConnectionAtRisk(told)))
}

fn authorization_changed(tx: &mut Tx<'_>, now: Timestamp, event: &oauth::Event) -> Result<(), DbError> {
    match event {
        oauth::Event::GrantEnded { grant, reason: EndReason::RefreshTokenReused } => tell_of_theft(tx, now, *grant),
        oauth::Event::ConnectionReplaced { grant, ended } => tell_of_replacement(tx, now, *grant, ended),
        _ => Ok(()),
    }
}

fn tell_of_theft(tx: &mut Tx<'_>, now: Timestamp, grant: GrantId) -> Result<(), DbError> {
    let Some(ended) = tx.connected(grant)? else { return Ok(()) };
    let stolen = Stolen { client: person::short_name(&ended.client_name) };
    tx.insert_notice(ended.account, ended.owner, &NoticeKind::TokenStolen(stolen), now)
}

/// Each owner of what ended is told once.
fn tell_of_replacement(tx: &mut Tx<'_>, now: Timestamp, newer: GrantId, ended: &[GrantId]) -> Result<(), DbError> {
    let Some(newer) = tx.connected(newer)? else { return Ok(()) };
    let name = tx.display_name_of(newer.account, &newer.owner_id)?;
    let mut told = Vec::new();
    for grant in ended {
        let Some(older) = tx.connected(*grant)? else { continue };
        if told.contains(&older.owner) {
            continue;
        }
        told.push(older.owner);
        let replaced = Replaced {
            client: person::short_name(&newer.client_name),
            by: newer.owner_id.clone(),
            by_name: (older.owner != newer.owner).then(|| name.clone()),
            accepted: newer.created,
        };
        tx.insert_notice(older.account, older.owner, &NoticeKind::ConnectionReplaced(replaced), now)?;
    }
    Ok(())
}
