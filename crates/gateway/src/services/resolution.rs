//! Access as it is resolved from what is stored.
//!
//! Nothing of it is stored: an answer is computed when it is asked for, by [`domain::access`](crate::domain::access), from the users, the
//! memberships and the rules of that moment. So a change of any of them counts from the next question on.

use std::collections::{BTreeMap, HashMap};

use scim::schema::USER;
use scim::store::Stored;
use serde_json::{Map, Value};

use crate::domain::access::resolve::RuleTerms;
use crate::domain::access::{Access, GroupName, Memberships, PastFacts, Person, Rules, Terms, resolve};
use crate::domain::account::Account;
use crate::domain::bodies::access::{AccessUser, ShortAccess};
use crate::domain::ids::AccountKey;
use crate::storage::access::NamedGroup;
use crate::storage::{DbError, Tx};

/// So many users are looked at by one request for a list; where few of them are meant, a page ends early and says where the next begins.
pub(crate) const LOOKED_AT: usize = 5_000;
/// So many are read at once.
pub(crate) const AT_ONCE: i64 = 200;
/// So many memberships of theirs and of the groups above.
pub(crate) const MOST_EDGES: usize = 100_000;

/// A user as far as access depends on them.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    /// Their number in storage.
    pub(crate) seq: i64,
    /// Who.
    pub(crate) user: AccessUser,
    pub(crate) active: bool,
    pub(crate) role: Option<String>,
    pub(crate) environments: Option<Vec<String>>,
}

impl Candidate {
    pub(crate) fn of(stored: &Stored, role_attribute: &str) -> Candidate {
        let resource = &stored.resource;
        let candidate = Candidate::of_document(resource.id.as_str(), resource.attributes(), role_attribute);
        Candidate { seq: stored.handle.0, active: resource.is_active(), ..candidate }
    }

    /// The same of a user whose row was not read: their number is not known.
    pub(crate) fn of_document(id: &str, attributes: &Map<String, Value>, role_attribute: &str) -> Candidate {
        let user_name = attributes.get("userName").and_then(Value::as_str).unwrap_or_default().to_owned();
        let is_active = attributes.get("active").and_then(Value::as_bool).unwrap_or(true);
        let PastFacts { active, role, environments } = PastFacts::of(attributes, is_active, role_attribute);
        Candidate { seq: 0, user: AccessUser { id: id.to_owned(), user_name }, active, role, environments }
    }

    /// What they may do by these terms; `without` is a group that counts as deleted.
    pub(crate) fn access(&self, memberships: &Memberships, terms: &Terms, without: Option<i64>) -> Access {
        let groups = if terms.rules.is_empty() { BTreeMap::new() } else { memberships.of(self.seq, without) };
        let person = Person {
            active: self.active,
            role: self.role.as_deref(),
            environments: self.environments.as_deref(),
            groups: &groups,
        };
        resolve(&person, terms)
    }
}

/// The groups that each rule means, in the order of the rules.
pub(crate) fn groups_of_rules(
    tx: &mut Tx<'_>,
    account: &Account,
    rules: &Rules,
) -> Result<Vec<Vec<NamedGroup>>, DbError> {
    let (ids, keys) = rules.group_names();
    let (with_ids, with_names) = tx.groups_by_id_or_name(account.seq, &ids, &keys)?;
    let by_id: HashMap<String, NamedGroup> = with_ids.into_iter().map(|group| (group.id.clone(), group)).collect();
    let mut by_name: HashMap<String, Vec<NamedGroup>> = HashMap::new();
    for (key, group) in with_names {
        by_name.entry(key).or_default().push(group);
    }
    let found = rules.rules.iter().map(|rule| match &rule.group {
        GroupName::Id { id, .. } => by_id.get(id).cloned().into_iter().collect(),
        GroupName::Display(name) => by_name.get(&scim::key_of_text(name)).cloned().unwrap_or_default(),
    });
    Ok(found.collect())
}

/// What decides in an account that has these rules.
pub(crate) fn terms(account: &Account, rules: &Rules, groups: &[Vec<NamedGroup>]) -> Terms {
    let rules_terms = rules.rules.iter().zip(groups).map(|(rule, groups)| RuleTerms {
        groups: groups.iter().map(|group| group.seq).collect(),
        role: rule.role.clone(),
        environments: rule.environments.0.clone(),
    });
    Terms {
        precedence: rules.precedence,
        rules: rules_terms.collect(),
        unset: account.options.unset_environments,
        environments: account.product_environments.clone(),
        suspended: account.suspended.is_some(),
    }
}

/// What decides in an account at this moment.
pub(crate) fn current_terms(tx: &mut Tx<'_>, account: &Account) -> Result<Terms, DbError> {
    let (rules, _) = tx.access_rules(account.seq)?;
    let groups = groups_of_rules(tx, account, &rules)?;
    Ok(terms(account, &rules, &groups))
}

/// The memberships of these users, and of all groups above them; none where no rule asks for them.
pub(crate) fn memberships(
    tx: &mut Tx<'_>,
    account: AccountKey,
    users: &[Candidate],
    is_asked: bool,
) -> Result<Memberships, DbError> {
    if !is_asked {
        return Ok(Memberships::default());
    }
    let seqs: Vec<i64> = users.iter().map(|user| user.seq).collect();
    let mut edges = Vec::new();
    for some in seqs.chunks(AT_ONCE as usize) {
        match tx.memberships_above(account, some, MOST_EDGES)? {
            Some(found) => edges.extend(found),
            None => {
                for one in some {
                    edges.extend(tx.memberships_above(account, &[*one], usize::MAX - 1)?.unwrap_or_default());
                }
            }
        }
    }
    // Users of one page are below the same groups.
    edges.sort_unstable_by_key(|edge| (edge.member, edge.group));
    edges.dedup();
    Ok(Memberships::new(edges))
}

/// One user with what they may do, and the terms of the account by which they may.
pub(crate) fn of_stored(
    tx: &mut Tx<'_>,
    account: &Account,
    stored: &Stored,
) -> Result<(Terms, Candidate, Access), DbError> {
    let terms = current_terms(tx, account)?;
    let candidate = Candidate::of(stored, tx.grant_policy().attribute());
    let memberships = memberships(tx, account.seq, std::slice::from_ref(&candidate), !terms.rules.is_empty())?;
    let access = candidate.access(&memberships, &terms, None);
    Ok((terms, candidate, access))
}

/// A page of a list of users: what is shown of each, and the row after which the next page begins.
pub type UserPage<T> = (Vec<T>, Option<i64>);

/// Looks at the users of an account that follow a row, in the order they were made, until so many are shown or enough were looked at.
pub(crate) fn walk<T>(
    tx: &mut Tx<'_>,
    account: &Account,
    after: i64,
    limit: i64,
    with_groups: bool,
    mut shown: impl FnMut(&Candidate, &Memberships) -> Option<T>,
) -> Result<UserPage<T>, DbError> {
    let limit = usize::try_from(limit).unwrap_or(1).max(1);
    let (mut items, mut last, mut looked_at) = (Vec::new(), after, 0);
    let policy = tx.grant_policy();
    loop {
        let page = tx.resources_after(account.seq, USER, last, AT_ONCE)?;
        if page.is_empty() {
            return Ok((items, None));
        }
        let users: Vec<Candidate> = page.iter().map(|stored| Candidate::of(stored, policy.attribute())).collect();
        let memberships = memberships(tx, account.seq, &users, with_groups)?;
        for user in &users {
            last = user.seq;
            items.extend(shown(user, &memberships));
            if items.len() >= limit {
                return Ok((items, Some(last)));
            }
        }
        looked_at += users.len();
        if looked_at >= LOOKED_AT {
            return Ok((items, Some(last)));
        }
    }
}

/// What a user may do, without reasons.
pub(crate) fn short(access: &Access) -> ShortAccess {
    ShortAccess {
        active: access.active,
        role: access.role.as_ref().map(|(role, _)| role.clone()),
        environments: access.environments.keys().cloned().collect(),
        every_environment: access.every,
    }
}
