//! What an event means for access: of one user, before and after; or of many, as far as they are named.
//!
//! Nothing is resolved where nothing changed that access depends on. Without rules a user's own attributes decide, and nothing is asked of the
//! database that is not at hand.

use scim::schema::USER;
use scim::store::Store;
use scim::{EventKind, Members};
use serde_json::{Value, json};

use crate::domain::access::past::names;
use crate::domain::access::{Access, GroupName, Memberships};
use crate::domain::account::ENVIRONMENTS_ATTRIBUTE;
use crate::domain::event::{Action, Event, Kind, ResourceEvent};
use crate::domain::ids::AccountKey;
use crate::platform::timestamp::Timestamp;
use crate::services::resolution::{self, Candidate, current_terms, memberships, short};
use crate::storage::{DbError, Tx};

/// What an event means for access.
#[derive(Debug)]
pub(super) enum Effect {
    /// Nothing, or it is told by the events beside it.
    None,
    /// It is about one user.
    OfUser(Box<Difference>),
    /// Many may be concerned: those of a group, or of the account.
    OfMany {
        /// The group; `None`: the account.
        of: Option<NamedGroup>,
        /// What these may do since, who are all that may be concerned; `None`: they are not named.
        users: Option<Vec<Value>>,
    },
}

/// What a user might do before, if they were there and something changed that decides, and may do since.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) before: Option<Access>,
    pub(super) after: Access,
    /// The attributes that decide and changed.
    pub(super) changed: Vec<String>,
}

/// A group by its id and its name.
#[derive(Debug)]
pub(super) struct NamedGroup {
    pub(super) id: String,
    pub(super) name: String,
}

/// What it means. Where the feed is off, only what may widen access is looked at.
pub(super) fn of(tx: &mut Tx<'_>, event: &Event) -> Result<Effect, DbError> {
    let Some(account) = event.account else { return Ok(Effect::None) };
    match &event.kind {
        Kind::Resource(of) if of.resource_type == USER => of_user(tx, account, event.at, of),
        Kind::Resource(of) if tx.feeds() => of_group(tx, account, event.at, of),
        Kind::Act(act) if tx.feeds() && concerns_all(act.action, act.changes.names()) => {
            Ok(Effect::OfMany { of: None, users: None })
        }
        _ => Ok(Effect::None),
    }
}

fn concerns_all<'n>(action: Action, mut changed: impl Iterator<Item = &'n str>) -> bool {
    match action {
        Action::AccessRulesChanged | Action::AccountSuspended | Action::AccountResumed => true,
        Action::AccountChanged => changed.any(|name| ["unset_environments", "product_environments"].contains(&name)),
        _ => false,
    }
}

fn of_user(tx: &mut Tx<'_>, account: AccountKey, now: Timestamp, event: &ResourceEvent) -> Result<Effect, DbError> {
    let is_told = match event.kind {
        EventKind::Created | EventKind::Activated | EventKind::Deactivated => tx.feeds(),
        EventKind::Replaced | EventKind::Patched | EventKind::Restored => true,
        _ => false,
    };
    let Some(document) = event.document.as_ref().filter(|_| is_told) else { return Ok(Effect::None) };
    let policy = tx.grant_policy();
    let decides = |name: &str| [policy.attribute(), ENVIRONMENTS_ATTRIBUTE, "active"].contains(&name);
    let changed: Vec<String> = event.changes.names().filter(|name| decides(name)).map(str::to_owned).collect();
    let is_new = event.kind == EventKind::Created;
    if changed.is_empty() && !tx.feeds() {
        return Ok(Effect::None);
    }
    let Some(account) = tx.account_at(account)? else { return Ok(Effect::None) };
    let terms = current_terms(tx, &account)?;
    let mut after = Candidate::of_document(event.id.as_str(), document, policy.attribute());
    let mut above = Memberships::default();
    // Who is new is in no group; those that waited for them follow.
    if !terms.rules.is_empty() && !is_new {
        let Some(stored) = tx.in_account(account.seq, now, false).get(USER, &event.id)? else {
            return Ok(Effect::None);
        };
        after.seq = stored.handle.0;
        above = memberships(tx, account.seq, std::slice::from_ref(&after), true)?;
    }
    let before = event.before.as_ref().filter(|_| !is_new && !changed.is_empty()).map(|facts| {
        let mut before = after.clone();
        before.active = facts.get("active").and_then(Value::as_bool).unwrap_or(true);
        before.role = policy.role_of(facts).map(str::to_owned);
        if let Some(environments) = &event.environments_before {
            before.environments = environments.as_ref().map(names);
        }
        before.access(&above, &terms, None)
    });
    let after = after.access(&above, &terms, None);
    Ok(Effect::OfUser(Box::new(Difference { before, after, changed })))
}

fn of_group(tx: &mut Tx<'_>, account: AccountKey, now: Timestamp, event: &ResourceEvent) -> Result<Effect, DbError> {
    let is_renamed = || event.values.names().any(|name| name == "displayName");
    let members = match &event.kind {
        EventKind::MembershipChanged { added, removed } => Some((added, removed)),
        EventKind::Created | EventKind::Deleted => None,
        EventKind::Replaced | EventKind::Patched if is_renamed() => None,
        _ => return Ok(Effect::None),
    };
    let (rules, _) = tx.access_rules(account)?;
    if rules.rules.is_empty() {
        return Ok(Effect::None);
    }
    let of = Some(NamedGroup { id: event.id.to_string(), name: event.name.clone() });
    let Some((added, removed)) = members else {
        let by_name = rules.rules.iter().any(|rule| matches!(rule.group, GroupName::Display(_)));
        // A new group has no members, and those of one that is gone are told of beside.
        let is_renamed = by_name && matches!(event.kind, EventKind::Replaced | EventKind::Patched);
        return Ok(if is_renamed { Effect::OfMany { of, users: None } } else { Effect::None });
    };
    Ok(Effect::OfMany { of, users: named(tx, account, now, [added, removed])? })
}

/// What the users may do who joined or left, if they are all named and no group stands for others.
fn named(
    tx: &mut Tx<'_>,
    account: AccountKey,
    now: Timestamp,
    members: [&Members; 2],
) -> Result<Option<Vec<Value>>, DbError> {
    let all: u64 = members.iter().map(|members| members.count).sum();
    let named: Vec<_> = members.iter().flat_map(|members| &members.named).collect();
    if named.len() as u64 != all || named.iter().any(|member| member.resource_type != USER) {
        return Ok(None);
    }
    let Some(account) = tx.account_at(account)? else { return Ok(None) };
    let role = tx.grant_policy();
    let mut users = Vec::with_capacity(named.len());
    for member in named {
        if let Some(stored) = tx.in_account(account.seq, now, false).get(USER, &member.id)? {
            users.push(Candidate::of(&stored, role.attribute()));
        }
    }
    let terms = current_terms(tx, &account)?;
    let above = resolution::memberships(tx, account.seq, &users, true)?;
    let shown = users.iter().map(|user| {
        let access = short(&user.access(&above, &terms, None));
        json!({"id": user.user.id, "userName": user.user.user_name, "access": access})
    });
    Ok(Some(shown.collect()))
}
