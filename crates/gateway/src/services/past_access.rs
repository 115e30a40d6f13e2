//! Access as it was resolved at an earlier time: from users, memberships, rules and terms as they were then, by the same function as today.

use std::collections::HashMap;

use scim::schema::{GROUP, USER};
use scim::store::Stored;
use scim::{AttributeKey, Id, Store};

use crate::domain::access::{GroupName, Memberships, Rules, Terms};
use crate::domain::account::Account;
use crate::domain::bodies::access::AccessUser;
use crate::domain::ids::AccountKey;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::services::error::ActError;
use crate::services::resolution::{AT_ONCE, Candidate, LOOKED_AT, MOST_EDGES, UserPage, terms};
use crate::storage::access::NamedGroup;
use crate::storage::access_history::PastResource;
use crate::storage::{DbError, Tx};

/// Refuses a time of which nothing is known: one that has not come, and one before access was recorded.
pub(crate) fn check(tx: &mut Tx<'_>, account: &Account, at: Timestamp) -> Result<(), ActError> {
    if at > tx.now() {
        return Err(ActError::field("at", "must not lie in the future: what a user may do then is not known yet"));
    }
    let Some(since) = tx.access_recorded_since(account.seq)? else {
        return Err(ActError::field("at", "access is not recorded yet: ask without a time"));
    };
    let first = since.max(account.created);
    if at < first {
        let first = system::rfc3339(first);
        let detail = format!("access of this account is known since {first}: ask for that time or a later one");
        return Err(ActError::field("at", detail));
    }
    Ok(())
}

/// The terms of an account at a time, and the groups that its rules meant then.
pub(crate) fn terms_at(tx: &mut Tx<'_>, account: &Account, at: Timestamp) -> Result<Terms, DbError> {
    let (rules, past) = match tx.past_terms(account.seq, at)? {
        Some(past) => (past.rules.clone(), Some(past)),
        None => (tx.access_rules(account.seq)?.0, None),
    };
    let groups = groups_of_rules_at(tx, account, &rules, at)?;
    let mut terms = terms(account, &rules, &groups);
    if let Some(past) = past {
        (terms.unset, terms.environments, terms.suspended) = (past.unset, past.environments, past.suspended);
    }
    Ok(terms)
}

/// The groups that each rule meant at a time. A group that was not there then had no members, so that of an id it is enough to know the number.
fn groups_of_rules_at(
    tx: &mut Tx<'_>,
    account: &Account,
    rules: &Rules,
    at: Timestamp,
) -> Result<Vec<Vec<NamedGroup>>, DbError> {
    let (ids, keys) = rules.group_names();
    let named = |seq, id: String, display: String| NamedGroup { seq, id, display };
    let mut by_id: HashMap<String, NamedGroup> =
        tx.groups_by_id(account.seq, &ids)?.into_iter().map(|group| (group.id.clone(), group)).collect();
    for (id, seq) in tx.past_numbers(account.seq, &ids)? {
        by_id.entry(id.clone()).or_insert_with(|| named(seq, id, String::new()));
    }
    let mut candidates: HashMap<i64, NamedGroup> =
        tx.groups_by_name(account.seq, &keys)?.into_iter().map(|(_, group)| (group.seq, group)).collect();
    let mut seqs: Vec<i64> = tx.past_named(account.seq, GROUP, &keys, at)?;
    seqs.extend(candidates.keys().copied());
    for (seq, past) in tx.past_resources(account.seq, &seqs, at)? {
        candidates.insert(seq, named(seq, past.id, past.name));
    }
    let mut by_name: HashMap<String, Vec<NamedGroup>> = HashMap::new();
    for group in candidates.into_values() {
        by_name.entry(scim::key_of_text(&group.display)).or_default().push(group);
    }
    let found = rules.rules.iter().map(|rule| match &rule.group {
        GroupName::Id { id, .. } => by_id.get(id).cloned().into_iter().collect(),
        GroupName::Display(name) => by_name.get(&scim::key_of_text(name)).cloned().unwrap_or_default(),
    });
    Ok(found.collect())
}

/// What groups were called at a time.
pub(crate) fn groups_at(
    tx: &mut Tx<'_>,
    account: &Account,
    seqs: &[i64],
    at: Timestamp,
) -> Result<Vec<NamedGroup>, DbError> {
    let mut groups: HashMap<i64, NamedGroup> =
        tx.groups_by_seq(account.seq, seqs)?.into_iter().map(|group| (group.seq, group)).collect();
    for (seq, past) in tx.past_resources(account.seq, seqs, at)? {
        groups.insert(seq, NamedGroup { seq, id: past.id, display: past.name });
    }
    Ok(groups.into_values().collect())
}

fn candidate(past: PastResource) -> Candidate {
    let PastResource { seq, id, name, facts, .. } = past;
    let user = AccessUser { id, user_name: name };
    Candidate { seq, user, active: facts.active, role: facts.role, environments: facts.environments }
}

/// These users as they were, those who were there; by number. Numbers without a stored user are those of deleted ones.
fn users_at(
    tx: &mut Tx<'_>,
    account: &Account,
    stored: &[Stored],
    deleted: &[i64],
    at: Timestamp,
) -> Result<Vec<Candidate>, DbError> {
    let policy = tx.grant_policy();
    let seqs: Vec<i64> = stored.iter().map(|user| user.handle.0).chain(deleted.iter().copied()).collect();
    let mut past = tx.past_resources(account.seq, &seqs, at)?;
    let mut users = Vec::with_capacity(seqs.len());
    for user in stored {
        let was_there = user.resource.meta.created <= at.millis();
        match past.remove(&user.handle.0) {
            Some(past) if was_there => users.push(candidate(past)),
            None if was_there => users.push(Candidate::of(user, policy.attribute())),
            _ => {}
        }
    }
    users.extend(past.into_values().filter(|past| deleted.contains(&past.seq) && past.created <= at).map(candidate));
    users.sort_unstable_by_key(|user| user.seq);
    Ok(users)
}

/// The user with this id at a time, also one who was deleted since.
pub(crate) fn user_with_id(
    tx: &mut Tx<'_>,
    account: &Account,
    id: &str,
    at: Timestamp,
) -> Result<Option<Candidate>, DbError> {
    let Some(id) = Id::new(id) else { return Ok(None) };
    let found = match tx.in_account(account.seq, at, false).get(USER, &id)? {
        Some(stored) => users_at(tx, account, &[stored], &[], at)?,
        None => {
            let numbers = tx.past_numbers(account.seq, &[id.as_str()])?;
            let seqs: Vec<i64> = numbers.into_iter().map(|(_, seq)| seq).collect();
            users_at(tx, account, &[], &seqs, at)?
        }
    };
    Ok(found.into_iter().next())
}

/// The user who had this name at a time, also one who was deleted or renamed since.
pub(crate) fn user_named(
    tx: &mut Tx<'_>,
    account: &Account,
    name: &str,
    at: Timestamp,
) -> Result<Option<Candidate>, DbError> {
    let key = scim::key_of_text(name);
    let mut ids = tx.ids_having(account.seq, AttributeKey::user_name(), &key, 1)?;
    let seqs = tx.past_named(account.seq, USER, std::slice::from_ref(&key), at)?;
    ids.extend(tx.past_resources(account.seq, &seqs, at)?.into_values().map(|past| past.id));
    for id in ids {
        let found = user_with_id(tx, account, &id, at)?;
        if let Some(user) = found.filter(|user| scim::key_of_text(&user.user.user_name) == key) {
            return Ok(Some(user));
        }
    }
    Ok(None)
}

/// The memberships of these users at a time, and of all groups above them.
pub(crate) fn memberships_at(
    tx: &mut Tx<'_>,
    account: AccountKey,
    users: &[Candidate],
    at: Timestamp,
    is_asked: bool,
) -> Result<Memberships, DbError> {
    if !is_asked {
        return Ok(Memberships::default());
    }
    let seqs: Vec<i64> = users.iter().map(|user| user.seq).collect();
    let mut edges = match tx.memberships_above_at(account, &seqs, at, MOST_EDGES)? {
        Some(edges) => edges,
        None => {
            let mut edges = Vec::new();
            for seq in seqs {
                edges.extend(tx.memberships_above_at(account, &[seq], at, usize::MAX - 1)?.unwrap_or_default());
            }
            edges
        }
    };
    edges.sort_unstable_by_key(|edge| (edge.member, edge.group));
    edges.dedup();
    Ok(Memberships::new(edges))
}

/// Looks at the users there were at a time who follow a row, as [`walk`](crate::services::resolution::walk) does at those of today.
pub(crate) fn walk_at<T>(
    tx: &mut Tx<'_>,
    account: &Account,
    at: Timestamp,
    (after, limit): (i64, i64),
    with_groups: bool,
    mut shown: impl FnMut(&Candidate, &Memberships) -> Option<T>,
) -> Result<UserPage<T>, DbError> {
    let limit = usize::try_from(limit).unwrap_or(1).max(1);
    let (mut items, mut last, mut looked_at) = (Vec::new(), after, 0);
    loop {
        let mut stored = tx.resources_after(account.seq, USER, last, AT_ONCE)?;
        let mut deleted = tx.deleted_users_after(account.seq, at, last, AT_ONCE)?;
        // As far as both are known.
        let of_stored = stored.last().map(|user| user.handle.0);
        let of_deleted = deleted.last().copied().filter(|_| deleted.len() as i64 == AT_ONCE);
        let end = of_stored.into_iter().chain(of_deleted).min().or_else(|| deleted.last().copied());
        let Some(end) = end else { return Ok((items, None)) };
        stored.retain(|user| user.handle.0 <= end);
        deleted.retain(|seq| *seq <= end);
        let users = users_at(tx, account, &stored, &deleted, at)?;
        let memberships = memberships_at(tx, account.seq, &users, at, with_groups)?;
        for user in &users {
            items.extend(shown(user, &memberships));
            if items.len() >= limit {
                return Ok((items, Some(user.seq)));
            }
        }
        last = end;
        looked_at += stored.len() + deleted.len();
        if looked_at >= LOOKED_AT {
            return Ok((items, Some(last)));
        }
    }
}
