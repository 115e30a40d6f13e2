//! Changes by which users may do more than before: each is written down with its cause, beside the change itself.
//!
//! What a change does to one user, or to as many as an event names, is resolved and compared. What it does to a large group, or to all users
//! of an account, is not: the row says how many it may concern at most, and costs the same for ten and for 100 000. Nothing is resolved
//! where nothing changed that access depends on. A new user is no widening: the row of their creation says it.

use std::collections::BTreeSet;

use scim::schema::USER;
use scim::store::Store;
use scim::{EventKind, Members};
use serde_json::{Value, json};

use super::access::Effect;
use crate::domain::access::{Access, GroupName, Memberships, Rules, UnsetEnvironments};
use crate::domain::account::Account;
use crate::domain::event::{Act, Action, Changes, ResourceEvent};
use crate::domain::ids::AccountKey;
use crate::platform::timestamp::Timestamp;
use crate::services::resolution::{Candidate, groups_of_rules, terms};
use crate::storage::{DbError, Tx};

/// So many users are named.
const NAMED: usize = 20;
/// So many memberships above a group are looked at; above one that has more, each rule may be meant.
const MOST_EDGES: usize = 100_000;

/// What an event of a user or group means for access.
pub(super) fn of_resource(
    tx: &mut Tx<'_>,
    account: AccountKey,
    now: Timestamp,
    event: &ResourceEvent,
    effect: &Effect,
) -> Result<(), DbError> {
    match &event.kind {
        EventKind::Replaced | EventKind::Patched | EventKind::Restored if event.resource_type == USER => {
            of_user(tx, account, now, event, effect);
            Ok(())
        }
        EventKind::MembershipChanged { added, removed } => of_members(tx, account, now, event, added, removed),
        EventKind::Replaced | EventKind::Patched if event.changes.names().any(|name| name == "displayName") => {
            of_name(tx, account, now, event)
        }
        _ => Ok(()),
    }
}

fn of_user(tx: &mut Tx<'_>, account: AccountKey, now: Timestamp, event: &ResourceEvent, effect: &Effect) {
    let Effect::OfUser(difference) = effect else { return };
    let (Some(was), is) = (&difference.before, &difference.after) else { return };
    if is.grew_from(was) {
        let act = Act::new(Action::AccessWidened).on_named(event.id.as_str(), &event.name).about("user");
        let said = format!("the user's {} changed", difference.changed.join(", "));
        tx.raise(now, Some(account), act.saying(said).changing(changes_between(was, is)));
    }
}

/// What a user may do, before and after.
fn changes_between(was: &Access, is: &Access) -> Changes {
    let shown = |access: &Access| {
        json!({
            "active": access.active,
            "role": access.role.as_ref().map(|(role, _)| role),
            "environments": access.environments.keys().collect::<Vec<_>>(),
            "every_environment": access.every,
        })
    };
    Changes::between(&shown(was), &shown(is), &[])
}

fn of_members(
    tx: &mut Tx<'_>,
    account: AccountKey,
    now: Timestamp,
    event: &ResourceEvent,
    added: &Members,
    removed: &Members,
) -> Result<(), DbError> {
    let (rules, _) = tx.access_rules(account)?;
    if rules.rules.is_empty() {
        return Ok(());
    }
    let Some(account) = tx.account_at(account)? else { return Ok(()) };
    let group = tx.groups_by_id(account.seq, &[event.id.as_str()])?.first().map(|group| group.seq);
    let concerned = concerned(tx, &account, &rules, group, event)?;
    if concerned.is_empty() {
        return Ok(());
    }
    let all = added.count + removed.count;
    let named: Vec<_> = added.named.iter().chain(&removed.named).collect();
    let are_few = named.len() as u64 == all && named.iter().all(|member| member.resource_type == USER);
    let act = Act::new(Action::AccessWidened).on_named(event.id.as_str(), &event.name).about("group");
    let (Some(group), true) = (group, are_few) else {
        let why = if group.is_none() { "the group was deleted" } else { "members joined or left the group" };
        let about = rules_in_words(&concerned);
        let mut changes = Changes::default();
        changes.value("users_at_most", &Value::Null, &users_at_most(added, removed));
        tx.raise(now, Some(account.seq), act.saying(format!("{why}; {about}")).changing(changes));
        return Ok(());
    };
    let mut users = Vec::with_capacity(named.len());
    for member in &named {
        if let Some(stored) = tx.in_account(account.seq, now, false).get(USER, &member.id)? {
            users.push(Candidate::of(&stored, tx.grant_policy().attribute()));
        }
    }
    let joined: BTreeSet<&str> = added.named.iter().map(|member| member.id.as_str()).collect();
    let mut seqs: Vec<i64> = users.iter().map(|user| user.seq).collect();
    seqs.push(group);
    let mut edges = tx.memberships_above(account.seq, &seqs, usize::MAX - 1)?.unwrap_or_default();
    let after = Memberships::new(edges.iter().copied());
    edges.retain(|edge| {
        edge.group != group
            || !users.iter().any(|user| user.seq == edge.member && joined.contains(user.user.id.as_str()))
    });
    let left = users.iter().filter(|user| !joined.contains(user.user.id.as_str()));
    edges.extend(left.map(|user| crate::domain::access::Edge { member: user.seq, group, since: None }));
    let before = Memberships::new(edges);
    let found = groups_of_rules(tx, &account, &rules)?;
    let terms = terms(&account, &rules, &found);
    let grew = |user: &&Candidate| user.access(&after, &terms, None).grew_from(&user.access(&before, &terms, None));
    let grown: Vec<&Candidate> = users.iter().filter(grew).collect();
    if grown.is_empty() {
        return Ok(());
    }
    let mut changes = match grown.as_slice() {
        [one] => changes_between(&one.access(&before, &terms, None), &one.access(&after, &terms, None)),
        _ => Changes::default(),
    };
    let shown: Vec<&str> = grown.iter().take(NAMED).map(|user| user.user.user_name.as_str()).collect();
    changes.value("users", &Value::Null, &json!(shown));
    let said = format!("{} joined or left the group; {}", counted(grown.len()), rules_in_words(&concerned));
    tx.raise(now, Some(account.seq), act.saying(said).changing(changes));
    Ok(())
}

/// How many users may be concerned; a group that is a member stands for users that were not counted.
fn users_at_most(added: &Members, removed: &Members) -> Value {
    let mut named = added.named.iter().chain(&removed.named);
    if named.any(|member| member.resource_type != USER) {
        return json!("the users of the groups that joined or left");
    }
    json!(added.count + removed.count)
}

fn counted(users: usize) -> String {
    if users == 1 { "1 user".to_owned() } else { format!("{users} users") }
}

/// The rules about a group or about one above it, counted from 1. Of a group that is gone, those that named it.
fn concerned(
    tx: &mut Tx<'_>,
    account: &Account,
    rules: &Rules,
    group: Option<i64>,
    event: &ResourceEvent,
) -> Result<Vec<usize>, DbError> {
    let numbered = rules.rules.iter().enumerate();
    let Some(group) = group else {
        let names_it = |name: &GroupName| match name {
            GroupName::Id { id, .. } => id == event.id.as_str(),
            GroupName::Display(name) => is_name(name, &event.name),
        };
        return Ok(numbered.filter(|(_, rule)| names_it(&rule.group)).map(|(n, _)| n + 1).collect());
    };
    let found = groups_of_rules(tx, account, rules)?;
    let above = tx.memberships_above(account.seq, &[group], MOST_EDGES)?;
    let reached: Option<BTreeSet<i64>> =
        above.map(|edges| edges.iter().map(|edge| edge.group).chain([group]).collect());
    let is_meant =
        |n: usize| found[n].iter().any(|one| reached.as_ref().is_none_or(|reached| reached.contains(&one.seq)));
    Ok(numbered.filter(|(n, _)| is_meant(*n)).map(|(n, _)| n + 1).collect())
}

fn is_name(one: &str, other: &str) -> bool {
    scim::key_of_text(one) == scim::key_of_text(other)
}

fn rules_in_words(rules: &[usize]) -> String {
    let numbers: Vec<String> = rules.iter().take(NAMED).map(ToString::to_string).collect();
    let noun = if rules.len() == 1 { "rule" } else { "rules" };
    format!("{noun} {} of the account", numbers.join(", "))
}

/// A group got another name, and rules go by names.
fn of_name(tx: &mut Tx<'_>, account: AccountKey, now: Timestamp, event: &ResourceEvent) -> Result<(), DbError> {
    let name = |facts: &Option<serde_json::Map<String, Value>>| {
        facts.as_ref().and_then(|facts| Some(facts.get("displayName")?.as_str()?.to_owned()))
    };
    let (was, is) = (name(&event.before), name(&event.after));
    if event.resource_type == USER || was.is_none() || was == is {
        return Ok(());
    }
    let (rules, _) = tx.access_rules(account)?;
    let is_one = |rule: &GroupName| match rule {
        GroupName::Id { .. } => false,
        GroupName::Display(named) => [&was, &is].into_iter().flatten().any(|name| is_name(named, name)),
    };
    let numbered = rules.rules.iter().enumerate();
    let concerned: Vec<usize> = numbered.filter(|(_, rule)| is_one(&rule.group)).map(|(n, _)| n + 1).collect();
    if concerned.is_empty() {
        return Ok(());
    }
    let mut changes = Changes::default();
    changes.value("displayName", &json!(was), &json!(is));
    let said = format!("the group got another name; {}", rules_in_words(&concerned));
    let act = Act::new(Action::AccessWidened).on_named(event.id.as_str(), &event.name).about("group");
    tx.raise(now, Some(account), act.saying(said).changing(changes));
    Ok(())
}

/// What an act of an operator on the account means for the access of all its users.
pub(super) fn of_act(tx: &mut Tx<'_>, account: AccountKey, now: Timestamp, act: &Act) -> Result<(), DbError> {
    let why = match act.action {
        Action::AccessRulesChanged if !act.changes.is_empty() => "the rules of the account were replaced",
        Action::AccountChanged => match account_grew(tx, account, act)? {
            Some(why) => why,
            None => return Ok(()),
        },
        _ => return Ok(()),
    };
    let mut changes = Changes::default();
    changes.value("users_at_most", &Value::Null, &json!("every user of the account"));
    let widened = Act { target: act.target.clone(), ..Act::new(Action::AccessWidened).about("account") };
    tx.raise(now, Some(account), widened.saying(why.to_owned()).changing(changes));
    Ok(())
}

fn account_grew(tx: &mut Tx<'_>, account: AccountKey, act: &Act) -> Result<Option<&'static str>, DbError> {
    let names: Vec<&str> = act.changes.names().collect();
    if !names.contains(&"unset_environments") && !names.contains(&"product_environments") {
        return Ok(None);
    }
    let told: Value = act.changes.to_json().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let Some(account) = tx.account_at(account)? else { return Ok(None) };
    let was_none = told["unset_environments"]["before"] == json!("none");
    if was_none && account.options.unset_environments != UnsetEnvironments::None {
        return Ok(Some("users of whom nothing is said may enter every environment since"));
    }
    let more = told["product_environments"].get("added").is_some();
    Ok(more.then_some("the account has another environment, which those may enter who may enter every one"))
}
