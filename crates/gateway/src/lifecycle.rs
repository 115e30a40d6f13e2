//! Where one protocol's news matters to the other, and to the record: reactions that commit with what caused them.
//!
//! - A user who was deactivated or deleted takes their grants and sessions along: the token belongs to the person who
//!   accepted. Activating them again brings nothing back.
//! - Everything that happened leaves an audit row.

use oauth::EndReason;
use scim::schema::USER;
use scim::{Event, EventKind};

use crate::storage::audit::Entry;
use crate::storage::{DbError, Tx};

/// Who is at work, for the audit trail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Actor {
    /// `operator:ops`, `client:…`, `user:…`; empty for the server itself.
    pub name: String,
    /// The network address the request came from.
    pub address: Option<String>,
}

/// Something that happened in a unit of work.
#[derive(Debug)]
pub enum News {
    /// To a resource.
    Resource {
        /// In this account,
        account: i64,
        /// at this time (milliseconds since the epoch).
        now: i64,
        /// What.
        event: Event,
    },
    /// To a client, grant or token.
    Authorization {
        /// At this time.
        now: i64,
        /// What.
        event: oauth::Event,
    },
}

/// Reacts to everything that happened in this unit of work. Reactions may make news of their own.
pub(crate) fn react(tx: &mut Tx<'_>) -> Result<(), DbError> {
    while !tx.news.is_empty() {
        for news in std::mem::take(&mut tx.news) {
            match news {
                News::Resource { account, now, event } => resource_changed(tx, account, now, &event)?,
                News::Authorization { now, event } => authorization_changed(tx, now, &event)?,
            }
        }
    }
    Ok(())
}

fn resource_changed(tx: &mut Tx<'_>, account: i64, now: i64, event: &Event) -> Result<(), DbError> {
    let noun = if event.resource_type == USER { "user" } else { "group" };
    let (verb, detail) = match &event.kind {
        EventKind::Created => ("created", None),
        EventKind::Restored => ("restored", None),
        EventKind::Replaced => ("replaced", None),
        EventKind::Patched => ("patched", None),
        EventKind::Activated => ("activated", None),
        EventKind::Deactivated => ("deactivated", None),
        EventKind::Deleted => ("deleted", None),
        EventKind::MembershipChanged { added, removed } => {
            ("membership_changed", Some(format!("{added} joined, {removed} left")))
        }
        EventKind::MembersParked { names } => ("members_parked", Some(format!("waits for {}", listed(names)))),
        EventKind::MembersSkipped { ids } => ("members_skipped", Some(format!("left out {}", listed(ids)))),
    };
    tx.audit(Entry {
        at: now,
        account: Some(account),
        action: format!("{noun}.{verb}"),
        target: Some(event.id.to_string()),
        detail,
    })?;
    if event.resource_type == USER
        && let Some(reason) = ends_grants(&event.kind)
    {
        tx.end_grants_of_owner(account, event.id.as_str(), now, reason)?;
        tx.end_sessions_of(account, event.id.as_str())?;
    }
    Ok(())
}

/// How many, and the first of them.
fn listed(names: &[String]) -> String {
    let first: Vec<&str> = names.iter().take(20).map(String::as_str).collect();
    let more = if names.len() > first.len() { ", …" } else { "" };
    format!("{}: {}{more}", names.len(), first.join(", "))
}

/// The token belongs to the person who accepted.
fn ends_grants(kind: &EventKind) -> Option<EndReason> {
    match kind {
        EventKind::Deactivated => Some(EndReason::OwnerDeactivated),
        EventKind::Deleted => Some(EndReason::OwnerDeleted),
        _ => None,
    }
}

fn authorization_changed(tx: &mut Tx<'_>, now: i64, event: &oauth::Event) -> Result<(), DbError> {
    let (action, target, detail) = event.describe();
    let account = tx.account_of_grant(event.grant())?;
    tx.audit(Entry { at: now, account, action: action.to_owned(), target: Some(target), detail })
}
