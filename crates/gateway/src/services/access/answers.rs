//! What a user may do, with reasons; and who may enter an environment.

use scim::schema::USER;
use scim::store::Stored;
use scim::{AttributeKey, Id, Store};
use serde_json::Value;

use crate::domain::access::{Access, Memberships, Reason, Terms};
use crate::domain::account::{Account, ENVIRONMENTS_ATTRIBUTE};
use crate::domain::bodies::access::{
    AccessActor, AccessGroup, AccessReason, EnvironmentAccess, ListedAccess, RoleAccess, UserAccess,
};
use crate::domain::described::{Sometimes, Time};
use crate::domain::event::Action;
use crate::domain::operator::{Mandate, Power};
use crate::platform::timestamp::Timestamp;
use crate::services::accounts;
use crate::services::error::ActError;
use crate::services::past_access;
use crate::services::resolution::{Candidate, UserPage, current_terms, of_stored, short, walk};
use crate::storage::audit::AuditRecord;
use crate::storage::audit::search::AuditFilter;
use crate::storage::{DbError, Tx};

/// So many rows of the trail are looked at for the origin of a value.
const LOOKED_AT: i64 = 200;

/// How a user is named.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// By the id.
    Id(&'a str),
    /// By the `userName`, in any letter case.
    UserName(&'a str),
}

/// What a user may do, and why. Only reads.
pub fn of_user(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    account: &str,
    which: Which<'_>,
    at: Option<Timestamp>,
) -> Result<UserAccess, ActError> {
    let account = accounts::find(tx, mandate, Power::Read, account)?;
    let (Which::Id(said) | Which::UserName(said)) = which;
    let Some(at) = at else {
        let stored = find(tx, &account, which)?.ok_or_else(|| ActError::not_found("user", said))?;
        return Ok(with_reasons(tx, &account, &stored)?);
    };
    past_access::check(tx, &account, at)?;
    let found = match which {
        Which::Id(id) => past_access::user_with_id(tx, &account, id, at)?,
        Which::UserName(name) => past_access::user_named(tx, &account, name, at)?,
    };
    let user = found.ok_or_else(|| ActError::not_found("user at that time", said))?;
    let terms = past_access::terms_at(tx, &account, at)?;
    let memberships =
        past_access::memberships_at(tx, account.seq, std::slice::from_ref(&user), at, !terms.rules.is_empty())?;
    let access = user.access(&memberships, &terms, None);
    Ok(told(tx, &account, &terms, (user, access), Some(at))?)
}

/// The user who is named so, if there is one.
pub(super) fn find(tx: &mut Tx<'_>, account: &Account, which: Which<'_>) -> Result<Option<Stored>, DbError> {
    let id = match which {
        Which::Id(id) => Id::new(id),
        Which::UserName(name) => {
            let ids = tx.ids_having(account.seq, AttributeKey::user_name(), &scim::key_of_text(name), 1)?;
            ids.into_iter().next().and_then(Id::new)
        }
    };
    let Some(id) = id else { return Ok(None) };
    Ok(tx.in_account(account.seq, tx.now(), false).get(USER, &id)?)
}

/// What a stored user may do, and why. Only reads.
pub(crate) fn with_reasons(tx: &mut Tx<'_>, account: &Account, stored: &Stored) -> Result<UserAccess, DbError> {
    let (terms, candidate, access) = of_stored(tx, account, stored)?;
    told(tx, account, &terms, (candidate, access), None)
}

/// What a user may do, or might at a time, with its reasons.
fn told(
    tx: &mut Tx<'_>,
    account: &Account,
    terms: &Terms,
    (candidate, access): (Candidate, Access),
    at: Option<Timestamp>,
) -> Result<UserAccess, DbError> {
    let role_attribute = tx.grant_policy().attribute().to_owned();
    let mut reasons = Reasons::new(tx, account, candidate.user.id.clone(), &access, at)?;
    let none_because = none_because(terms, candidate.active, &access);
    let mut role = None;
    if let Some((value, reason)) = &access.role {
        role = Some(RoleAccess { value: value.clone(), reason: reasons.told(tx, &role_attribute, *reason)? });
    }
    let mut environments = Vec::with_capacity(access.environments.len());
    for (value, because) in &access.environments {
        let told = because.iter().map(|reason| reasons.told(tx, ENVIRONMENTS_ATTRIBUTE, *reason));
        environments.push(EnvironmentAccess { value: value.clone(), reasons: told.collect::<Result<_, _>>()? });
    }
    Ok(UserAccess {
        user: candidate.user,
        active: access.active,
        role,
        environments,
        every_environment: access.every,
        none_because: Sometimes(none_because),
        at: Sometimes(at.map(Time)),
    })
}

/// Why a user may enter no environment, where there is none.
fn none_because(terms: &Terms, is_active: bool, access: &Access) -> Option<String> {
    if terms.suspended {
        Some("the account is suspended".to_owned())
    } else if !is_active {
        Some("the user is not active".to_owned())
    } else if access.unset {
        Some(format!(
            "the user has no {ENVIRONMENTS_ATTRIBUTE}, no rule for a group of theirs gives one, and in this account that means none"
        ))
    } else if terms.environments.is_empty() {
        Some("the account has no environments".to_owned())
    } else if access.environments.is_empty() {
        Some("none of the environments that are given to the user is one of the account any more".to_owned())
    } else {
        None
    }
}

/// The reasons of a user in words. What several values have in common is looked for once.
struct Reasons<'a> {
    account: &'a Account,
    user: String,
    /// At this time, where it is not now.
    at: Option<Timestamp>,
    groups: Vec<crate::storage::access::NamedGroup>,
    told: Vec<((String, Reason), AccessReason)>,
}

impl<'a> Reasons<'a> {
    fn new(
        tx: &mut Tx<'_>,
        account: &'a Account,
        user: String,
        access: &Access,
        at: Option<Timestamp>,
    ) -> Result<Reasons<'a>, DbError> {
        let of_role = access.role.iter().map(|(_, reason)| reason);
        let all = access.environments.values().flatten().chain(of_role);
        let mut seqs: Vec<i64> = Vec::new();
        for reason in all {
            if let Reason::Rule { group, membership, .. } = reason {
                seqs.extend([*group, membership.through]);
            }
        }
        seqs.sort_unstable();
        seqs.dedup();
        let groups = match at {
            Some(at) => past_access::groups_at(tx, account, &seqs, at)?,
            None => tx.groups_by_seq(account.seq, &seqs)?,
        };
        Ok(Reasons { account, user, at, groups, told: Vec::new() })
    }

    fn group(&self, seq: i64) -> AccessGroup {
        let group = self.groups.iter().find(|group| group.seq == seq);
        let (id, display) = group.map(|group| (group.id.clone(), group.display.clone())).unwrap_or_default();
        AccessGroup { id, display }
    }

    fn told(&mut self, tx: &mut Tx<'_>, attribute: &str, reason: Reason) -> Result<AccessReason, DbError> {
        let key = (attribute.to_owned(), reason);
        if let Some((_, told)) = self.told.iter().find(|(known, _)| *known == key) {
            return Ok(told.clone());
        }
        let told = match reason {
            Reason::Own => {
                let row = self.origin_of_value(tx, attribute)?;
                let kind = format!("the user's own {attribute}");
                reason_of("own", kind, row.as_ref().map(|row| row.at), row.as_ref())
            }
            Reason::Unset => {
                let kind = format!(
                    "no {ENVIRONMENTS_ATTRIBUTE} and no rule for a group: in this account that means every environment"
                );
                reason_of("unset", kind, None, None)
            }
            Reason::Rule { rule, group, membership } => {
                let (named, through) = (self.group(group), self.group(membership.through));
                let row = match membership.since {
                    Some(since) => self.row_of_joining(tx, &through.id, since)?,
                    None => None,
                };
                let is_direct = membership.through == group;
                let way = if is_direct { String::new() } else { format!(" through group {:?}", through.display) };
                let kind = format!("group {:?}{way}, {} rule", named.display, ordinal(rule + 1));
                let mut told = reason_of("rule", kind, membership.since, row.as_ref());
                told.rule = Sometimes(Some(rule + 1));
                told.group = Sometimes(Some(named));
                told.through = Sometimes((!is_direct).then_some(through));
                told
            }
        };
        self.told.push((key, told.clone()));
        Ok(told)
    }

    /// The act by which the user got the value they have.
    fn origin_of_value(&self, tx: &mut Tx<'_>, attribute: &str) -> Result<Option<AuditRecord>, DbError> {
        let filter = AuditFilter {
            account: Some(self.account.seq),
            target: Some(self.user.clone()),
            to: self.at.map(|at| at + 1),
            ..AuditFilter::default()
        };
        let rows = tx.audit_page(&filter, None, LOOKED_AT)?.rows;
        Ok(rows.into_iter().find(|row| {
            let changes: Option<Value> = row.changes.as_deref().and_then(|text| serde_json::from_str(text).ok());
            changes.is_some_and(|changes| changes.get(attribute).is_some())
        }))
    }

    /// The act by which the user joined a group: that of the group at that very time.
    fn row_of_joining(&self, tx: &mut Tx<'_>, group: &str, since: Timestamp) -> Result<Option<AuditRecord>, DbError> {
        let filter = AuditFilter {
            account: Some(self.account.seq),
            target: Some(group.to_owned()),
            from: Some(since),
            to: Some(since + 1),
            ..AuditFilter::default()
        };
        let rows = tx.audit_page(&filter, None, LOOKED_AT)?.rows;
        Ok(rows.into_iter().find(|row| row.action == Action::GroupMembershipChanged.code()))
    }
}

fn reason_of(kind: &str, text: String, since: Option<Timestamp>, row: Option<&AuditRecord>) -> AccessReason {
    let when = since.and_then(|since| chrono::DateTime::from_timestamp_millis(since.millis()));
    let when = when.map(|when| format!(", since {}", when.format("%-d %B %Y"))).unwrap_or_default();
    let actor = row.map(|row| match (&row.actor_name, row.actor.split_once(':')) {
        (Some(name), Some((kind, _))) => format!(", by {kind} {name}"),
        _ => format!(", by {}", row.actor),
    });
    AccessReason {
        kind: kind.to_owned(),
        text: format!("{text}{when}{}", actor.unwrap_or_default()),
        rule: Sometimes(None),
        group: Sometimes(None),
        through: Sometimes(None),
        since: Sometimes(since.map(Time)),
        by: Sometimes(row.map(|row| AccessActor { actor: row.actor.clone(), name: row.actor_name.clone() })),
    }
}

/// `second`, and `12th` where words get long.
fn ordinal(number: usize) -> String {
    const WORDS: [&str; 10] =
        ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];
    if let Some(word) = WORDS.get(number.wrapping_sub(1)) {
        return (*word).to_owned();
    }
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// Who is listed.
#[derive(Debug, Clone, Default)]
pub struct Listed {
    /// Those who may enter this environment.
    pub environment: Option<String>,
    /// Those who have this role.
    pub role: Option<String>,
    /// At this time, where it is not now.
    pub at: Option<Timestamp>,
}

/// The users of an account who may do something, with what they may do, in the order they were made. Only reads.
pub fn list(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    account: &str,
    listed: &Listed,
    after: i64,
    limit: i64,
) -> Result<UserPage<ListedAccess>, ActError> {
    let account = accounts::find(tx, mandate, Power::Read, account)?;
    let terms = match listed.at {
        Some(at) => {
            past_access::check(tx, &account, at)?;
            past_access::terms_at(tx, &account, at)?
        }
        None => current_terms(tx, &account)?,
    };
    if let Some(environment) = listed.environment.as_ref().filter(|name| !terms.environments.contains(name)) {
        let there = terms.environments.join(", ");
        let detail = format!("must be an environment of this account, and `{environment}` is not; there are {there}");
        return Err(ActError::field("environment", detail));
    }
    let with_groups = !terms.rules.is_empty();
    let shown = |user: &Candidate, memberships: &Memberships| {
        let access = user.access(memberships, &terms, None);
        let enters = listed.environment.as_ref().is_none_or(|environment| access.enters(environment));
        let role = access.role.as_ref().map(|(role, _)| role);
        let is_meant = access.active && enters && listed.role.as_ref().is_none_or(|wanted| role == Some(wanted));
        is_meant.then(|| ListedAccess { user: user.user.clone(), access: short(&access) })
    };
    Ok(match listed.at {
        Some(at) => past_access::walk_at(tx, &account, at, (after, limit), with_groups, shown)?,
        None => walk(tx, &account, after, limit, with_groups, shown)?,
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn rules_are_counted_in_words() {
        let told: Vec<String> = [1, 2, 10, 11, 12, 21, 22, 23, 111].map(super::ordinal).to_vec();
        assert_eq!(told, ["first", "second", "tenth", "11th", "12th", "21st", "22nd", "23rd", "111th"]);
    }
}
