//! Notices that follow from what happened: connections at risk, refresh tokens that were stolen, connections that replaced others.

use oauth::{EndReason, GrantId};

use crate::domain::ids::{AccountKey, UserKey};
use crate::domain::notice::{AtRisk, NoticeKind, ReceiverTrouble, Replaced, Stolen, Trouble};
use crate::domain::person;
use crate::platform::timestamp::Timestamp;
use crate::storage::receivers::Receiver;
use crate::storage::{DbError, Tx};

/// Tells a user, if connections rest on them, that these rest on a personal user, or on one that an identity provider manages and may
/// change; once, until they have seen it.
pub(crate) fn tell_at_risk(tx: &mut Tx<'_>, account: AccountKey, user: UserKey, now: Timestamp) -> Result<(), DbError> {
    let Some(matter) = at_risk(tx, account, user)? else { return Ok(()) };
    let mut unseen = tx.unseen_notices(account, user, 100)?.into_iter().filter(|notice| !notice.is_past());
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

/// What of a notice is to be told at this moment. That a password was asked for says something as long as its link may count. Connections at risk are told of as they are now, and not any more once they are safe or
/// have ended; what happened, happened.
pub(crate) fn still(
    tx: &mut Tx<'_>,
    account: AccountKey,
    user: UserKey,
    matter: NoticeKind,
) -> Result<Option<NoticeKind>, DbError> {
    match matter {
        NoticeKind::ConnectionAtRisk(_) => at_risk(tx, account, user),
        NoticeKind::PasswordAsked(asked) => {
            let recent = asked.is_recent(tx.now());
            Ok(recent.then_some(NoticeKind::PasswordAsked(asked)))
        }
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

pub(super) fn of_authorization(tx: &mut Tx<'_>, now: Timestamp, event: &oauth::Event) -> Result<(), DbError> {
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

/// Tells operators of an account that a receiver of its events is in trouble. What is of all accounts has no operators of its own: the console,
/// the metrics and the log show it.
pub(crate) fn tell_of_receiver(
    tx: &mut Tx<'_>,
    of: &Receiver,
    trouble: Trouble,
    problem: Option<&str>,
) -> Result<(), DbError> {
    let Some(account) = of.account else { return Ok(()) };
    let told = ReceiverTrouble::of((&of.id, &of.description, &of.url), of.form, trouble, problem);
    tx.insert_notice_to_operators(account, &NoticeKind::ReceiverTrouble(told), tx.now())
}
