//! The rules of an account: set as a whole, and answered with what each of them means at this moment.

use std::collections::HashSet;

use crate::domain::access::{EVERY, Environments, GroupName, PastTerms, Precedence, Rule, Rules};
use crate::domain::account::Account;
use crate::domain::bodies::access::{
    self as bodies, AccessActor, AccessGroup, AccessRule, AccessRules, NewAccess, NewRule, NewRules,
};
use crate::domain::described::{FieldError, Time};
use crate::domain::event::{Act, Action, Changes};
use crate::domain::operator::{Mandate, Power};
use crate::domain::schemas::Schemas;
use crate::services::accounts;
use crate::services::error::ActError;
use crate::services::resolution::groups_of_rules;
use crate::storage::access::NamedGroup;
use crate::storage::{DbError, Tx};

/// The rules of an account. Only reads.
pub fn get(tx: &mut Tx<'_>, mandate: &Mandate, account: &str) -> Result<AccessRules, ActError> {
    let account = accounts::find(tx, mandate, Power::Read, account)?;
    Ok(overview(tx, &account)?)
}

fn overview(tx: &mut Tx<'_>, account: &Account) -> Result<AccessRules, DbError> {
    let (rules, version) = tx.access_rules(account.seq)?;
    let groups = groups_of_rules(tx, account, &rules)?;
    let shown = rules.rules.iter().zip(groups).map(|(rule, groups)| shown(account, rule, groups));
    Ok(AccessRules {
        precedence: rules.precedence,
        unset_environments: account.options.unset_environments,
        rules: shown.collect(),
        version,
    })
}

fn shown(account: &Account, rule: &Rule, groups: Vec<NamedGroup>) -> AccessRule {
    let (group_id, group_name, absent) = match &rule.group {
        GroupName::Id { id, display } => {
            let display = groups.first().map_or(display, |group| &group.display);
            (Some(id.clone()), display.clone(), "dead")
        }
        GroupName::Display(name) => (None, name.clone(), "waiting"),
    };
    let Environments(environments) = &rule.environments;
    let is_gone = |name: &&String| *name != EVERY && !account.product_environments.contains(name);
    let gone = environments.iter().filter(is_gone).cloned().collect();
    let (actor, name) = rule.by.clone();
    AccessRule {
        group_id,
        group_name,
        state: if groups.is_empty() { absent } else { "live" }.to_owned(),
        groups: groups.into_iter().map(|group| AccessGroup { id: group.id, display: group.display }).collect(),
        role: rule.role.clone(),
        environments: rule.environments.clone(),
        gone_environments: gone,
        since: Time(rule.since),
        by: AccessActor { actor, name },
    }
}

/// Replaces the rules of an account.
pub fn put(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    schemas: &Schemas,
    account: &str,
    new: &NewAccess,
) -> Result<AccessRules, ActError> {
    let account = accounts::lock(tx, mandate, Power::ChangeAccounts, account)?;
    let (there, version) = tx.access_rules(account.seq)?;
    if let Some(expected) = new.version
        && i64::try_from(expected.0) != Ok(version)
    {
        return Err(ActError::conflict(format!(
            "the rules are at version {version}, and this request replaces version {}: read them again",
            expected.0
        )));
    }
    let before = overview(tx, &account)?;
    let rules = read(tx, &account, schemas, &there, new.precedence.unwrap_or_default(), &new.rules.0)?;
    let is_same = rules.precedence == there.precedence
        && rules.rules.len() == there.rules.len()
        && rules.rules.iter().zip(&there.rules).all(|(new, old)| new.says_the_same(old));
    if is_same && version > 0 {
        return Ok(before);
    }
    tx.keep_past_terms(account.seq, &PastTerms::of(&account, &there))?;
    tx.set_access_rules(account.seq, &rules)?;
    let after = overview(tx, &account)?;
    let changes = Changes::between(&bodies::told(&before), &bodies::told(&after), &[]);
    let act = Act::new(Action::AccessRulesChanged).on_named(&account.id, &account.name).changing(changes);
    tx.raise(tx.now(), Some(account.seq), act);
    Ok(after)
}

/// Rules as they were sent, checked against what there is: every mistake at once. What is stored may be repeated, and keeps since when it
/// is there.
pub(super) fn read(
    tx: &mut Tx<'_>,
    account: &Account,
    schemas: &Schemas,
    there: &Rules,
    precedence: Precedence,
    NewRules(new): &NewRules,
) -> Result<Rules, ActError> {
    let mut mistakes: Vec<FieldError> = Vec::new();
    let ids: Vec<&str> = new.iter().filter_map(|rule| Some(rule.group_id.as_ref()?.as_str())).collect();
    let groups = tx.groups_by_id(account.seq, &ids)?;
    let policy = tx.grant_policy();
    let checks = Checks { account, roles: accounts::roles(schemas, policy.attribute()), there, groups: &groups };
    let (now, actor) = (tx.now(), &tx.origin.actor);
    let by = (actor.code(), actor.name().map(str::to_owned));
    let mut taken: HashSet<usize> = HashSet::new();
    let mut rules = Vec::with_capacity(new.len());
    for (number, rule) in new.iter().enumerate() {
        let at = format!("rules[{number}]");
        let Some(group) = checks.group(rule, &at, &mut mistakes) else { continue };
        checks.values(rule, &group, &at, &mut mistakes);
        let environments = rule.environments.clone().unwrap_or_default();
        let role = rule.role.as_ref().map(|role| role.0.clone());
        let mut rule = Rule { group, role, environments, since: now, by: by.clone() };
        let same = there.rules.iter().enumerate().find(|(n, old)| !taken.contains(n) && old.says_the_same(&rule));
        if let Some((n, same)) = same {
            taken.insert(n);
            (rule.since, rule.by) = (same.since, same.by.clone());
        }
        rules.push(rule);
    }
    ActError::unless_right(mistakes)?;
    Ok(Rules { precedence, rules })
}

/// What rules are checked against.
struct Checks<'a> {
    account: &'a Account,
    roles: Option<&'a [String]>,
    there: &'a Rules,
    groups: &'a [NamedGroup],
}

impl Checks<'_> {
    fn group(&self, rule: &NewRule, at: &str, mistakes: &mut Vec<FieldError>) -> Option<GroupName> {
        let mut wrong = |field: &str, detail: String| {
            mistakes.push(FieldError { field: format!("{at}.{field}"), detail });
            None
        };
        match (&rule.group_id, &rule.group_name) {
            (None, None) => wrong("group_id", "is missing: name the group by its id, or by `group_name`".to_owned()),
            (Some(_), Some(_)) => wrong("group_name", "goes without `group_id`: say either".to_owned()),
            (None, Some(name)) => Some(GroupName::Display(name.0.clone())),
            (Some(id), None) => {
                if let Some(group) = self.groups.iter().find(|group| group.id == id.0) {
                    return Some(GroupName::Id { id: id.0.clone(), display: group.display.clone() });
                }
                let stored = self.there.rules.iter().map(|rule| &rule.group);
                let mut dead =
                    stored.filter(|group| matches!(group, GroupName::Id { id: known, .. } if *known == id.0));
                match dead.next() {
                    Some(group) => Some(group.clone()),
                    None => {
                        wrong("group_id", format!("must be the id of a group of this account, and `{}` is not", id.0))
                    }
                }
            }
        }
    }

    fn values(&self, rule: &NewRule, group: &GroupName, at: &str, mistakes: &mut Vec<FieldError>) {
        let mut wrong =
            |field: &str, detail: String| mistakes.push(FieldError { field: format!("{at}{field}"), detail });
        let stored = || self.there.rules.iter().filter(|old| old.group.is(group));
        if let Some(role) = &rule.role
            && let Some(roles) = self.roles
            && !roles.contains(&role.0)
            && !stored().any(|old| old.role.as_ref() == Some(&role.0))
        {
            wrong(".role", format!("must be one of {}", roles.join(", ")));
        }
        if rule.role.as_ref().is_some_and(|role| role.is_empty() || role.len() > 200) {
            wrong(".role", "must have 1 to 200 bytes".to_owned());
        }
        let Environments(environments) = rule.environments.clone().unwrap_or_default();
        for (i, name) in environments.iter().enumerate() {
            let is_known = name == EVERY || self.account.product_environments.contains(name);
            if !is_known && !stored().any(|old| old.environments.0.contains(name)) {
                let there = self.account.product_environments.join(", ");
                wrong(
                    &format!(".environments[{i}]"),
                    format!("must be an environment of this account: {there}; or \"*\""),
                );
            }
        }
        if rule.role.is_none() && environments.is_empty() {
            wrong("", "gives nothing: say a `role`, `environments`, or both".to_owned());
        }
    }
}
