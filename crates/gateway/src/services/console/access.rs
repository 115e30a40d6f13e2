//! The page of an account's access: its rules with what each means now, what unset means, what made access grow, and what a change would do.

use serde_json::{Value, json};

use crate::domain::access::{EVERY, Environments, Precedence, UnsetEnvironments};
use crate::domain::bodies::access::{
    AccessActor, AccessDifference, AccessRule, AccessRules, NewRule, NewRules, ShortAccess, WhatIf, Widening,
};
use crate::domain::described::{Name, Text};
use crate::domain::labels::{Called, Labels};
use crate::domain::operator::{Mandate, Power};
use crate::domain::schemas::Schemas;
use crate::domain::when::When;
use crate::domain::wording::strip_invisible;
use crate::services::access::{rules, what_if, widenings};
use crate::services::accounts;
use crate::services::error::ActError;
use crate::storage::Tx;

/// So many users are named of those who would get more, and of those who would get less.
const NAMED: usize = 20;
/// A preview looks at this many pages of users at most.
const PAGES: usize = 4;
const PAGE: i64 = 5_000;
/// So many names of groups are offered to be chosen.
const OFFERED: i64 = 200;

/// A rule as the page shows it.
#[derive(Debug, Clone)]
pub struct RuleRow {
    /// Its place, counted from 1.
    pub number: usize,
    /// What its group is called.
    pub group: String,
    /// The groups that it means: id and name.
    pub groups: Vec<(String, String)>,
    /// `live`, `waiting` or `dead`.
    pub state: String,
    /// The role it gives.
    pub role: Option<String>,
    /// Whether it gives every environment.
    pub every: bool,
    /// The environments it gives.
    pub environments: Vec<String>,
    /// Those of them that the account has no longer.
    pub gone: Vec<String>,
    /// Since when it is there.
    pub since: When,
    /// Who made it.
    pub by: String,
}

/// A change by which access grew.
#[derive(Debug, Clone)]
pub struct Growth {
    /// When.
    pub at: When,
    /// What it was.
    pub cause: String,
    /// What was changed, or who.
    pub target: String,
    /// Who got more, as far as they are named; empty where it is the target.
    pub users: Vec<String>,
    /// How many it may concern, where they were not counted.
    pub at_most: Option<String>,
    /// Who did it.
    pub by: String,
}

/// What the page shows.
#[derive(Debug, Clone)]
pub struct AccessPage {
    /// The rules in their order.
    pub rules: Vec<RuleRow>,
    /// What goes first.
    pub groups_first: bool,
    /// What unset means: `all`, `none` or `refuse`.
    pub unset: String,
    /// How often the rules were written.
    pub version: i64,
    /// What made access grow last, where the operator may read it,
    pub growths: Vec<Growth>,
    /// and whether there is more.
    pub has_more: bool,
}

/// What a rule can be made of.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Names of groups of the account.
    pub groups: Vec<String>,
    /// The environments of the account.
    pub environments: Vec<Called>,
    /// What roles are called.
    pub role_labels: Labels,
}

/// A user whose access would be another.
#[derive(Debug, Clone)]
pub struct Differs {
    /// The id
    pub id: String,
    /// and the name.
    pub name: String,
    /// What they may do now
    pub before: String,
    /// and what they might then.
    pub after: String,
}

/// What a change would do.
#[derive(Debug, Clone, Default)]
pub struct Preview {
    /// Users who would get something they have not: how many, and the first of them.
    pub more: (usize, Vec<Differs>),
    /// Users who would only lose something.
    pub less: (usize, Vec<Differs>),
    /// Whether not all users were looked at.
    pub is_cut: bool,
}

/// What the page of an account's access shows. Only reads.
pub fn page(tx: &mut Tx<'_>, mandate: &Mandate, account: &str, growths: i64) -> Result<AccessPage, ActError> {
    let (labels, found) =
        (accounts::find(tx, mandate, Power::Read, account)?.options, rules::get(tx, mandate, account)?);
    let row = |(n, rule): (usize, &AccessRule)| {
        let Environments(environments) = &rule.environments;
        let called = |name: &String| labels.environment_labels.of(name).in_text();
        let given = environments.iter().filter(|name| *name != EVERY && !rule.gone_environments.contains(name));
        RuleRow {
            number: n + 1,
            group: strip_invisible(&rule.group_name),
            groups: rule.groups.iter().map(|group| (group.id.clone(), strip_invisible(&group.display))).collect(),
            state: rule.state.clone(),
            role: rule.role.as_ref().map(|role| labels.role_labels.of(role).in_text()),
            every: environments.iter().any(|name| name == EVERY),
            environments: given.map(called).collect(),
            gone: rule.gone_environments.iter().map(|name| strip_invisible(name)).collect(),
            since: When::day(rule.since.0),
            by: actor(&rule.by),
        }
    };
    let (growths, next) = match mandate.has(Power::ReadAudit) {
        true => widenings::list(tx, mandate, account, None, growths)?,
        false => (Vec::new(), None),
    };
    Ok(AccessPage {
        rules: found.rules.iter().enumerate().map(row).collect(),
        groups_first: found.precedence == Precedence::Groups,
        unset: json!(found.unset_environments).as_str().unwrap_or_default().to_owned(),
        version: found.version,
        growths: growths.iter().map(growth).collect(),
        has_more: next.is_some(),
    })
}

fn actor(by: &AccessActor) -> String {
    match (&by.name, by.actor.split_once(':')) {
        // To people a client is a customer.
        (Some(name), Some(("client", _))) => format!("connection {}", strip_invisible(name)),
        (Some(name), Some((kind, _))) => format!("{} {}", kind.replace('_', " "), strip_invisible(name)),
        _ => by.actor.clone(),
    }
}

/// As a sentence begins.
fn as_begun(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn growth(row: &Widening) -> Growth {
    let changes = &row.changes.0;
    let after = |name: &str| changes.get(name).and_then(|change| change.get("after"));
    let users = after("users").and_then(Value::as_array).into_iter().flatten();
    let at_most = after("users_at_most").map(|value| match value {
        Value::Number(number) => format!("{number} users at most"),
        other => other.as_str().unwrap_or_default().to_owned(),
    });
    Growth {
        at: When::at(row.at.0),
        cause: as_begun(&strip_invisible(&row.cause)),
        target: row.target.name.as_deref().map(strip_invisible).unwrap_or_default(),
        users: users.filter_map(Value::as_str).map(strip_invisible).collect(),
        at_most,
        by: actor(&row.by),
    }
}

/// What a rule of the account can be made of. Only reads.
pub fn parts(tx: &mut Tx<'_>, mandate: &Mandate, account: &str) -> Result<Parts, ActError> {
    let account = accounts::find(tx, mandate, Power::Read, account)?;
    let groups = tx.resources_after(account.seq, scim::schema::GROUP, 0, OFFERED)?;
    let mut groups: Vec<String> = groups.iter().map(|group| strip_invisible(group.resource.display())).collect();
    groups.sort_unstable();
    groups.dedup();
    let labels = &account.options.environment_labels;
    let environments = account.product_environments.iter().map(|name| labels.of(name)).collect();
    Ok(Parts { groups, environments, role_labels: account.options.role_labels })
}

/// The id of the only group of an account with this name; why there is none, otherwise.
pub fn group_named(tx: &mut Tx<'_>, mandate: &Mandate, account: &str, name: &str) -> Result<String, ActError> {
    let account = accounts::find(tx, mandate, Power::Read, account)?;
    let found = tx.groups_by_name(account.seq, &[scim::key_of_text(name)])?;
    match found.as_slice() {
        [(_, group)] => Ok(group.id.clone()),
        [] => Err(ActError::field("group", "is that of no group of this account now")),
        _ => Err(ActError::field(
            "group",
            format!("is that of {} groups: a rule for one of them is set by its id, over the API", found.len()),
        )),
    }
}

/// Rules as they are sent to be set again.
pub fn as_sent(rules: &AccessRules) -> Vec<NewRule> {
    let sent = |rule: &AccessRule| NewRule {
        group_id: rule.group_id.clone().map(Text),
        group_name: match rule.group_id {
            Some(_) => None,
            None => Some(Name(rule.group_name.clone())),
        },
        role: rule.role.clone().map(Text),
        environments: Some(rule.environments.clone()).filter(|environments| !environments.is_empty()),
    };
    rules.rules.iter().map(sent).collect()
}

/// What other rules or another policy would do to all users. Only reads.
pub fn preview(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    schemas: &Schemas,
    account: &str,
    (new, precedence, unset): (&[NewRule], Precedence, UnsetEnvironments),
) -> Result<Preview, ActError> {
    let change = WhatIf {
        rules: Some(NewRules(new.to_vec())),
        precedence: Some(precedence),
        unset_environments: Some(unset),
        without_group: None,
        without_environment: None,
    };
    let labels = accounts::find(tx, mandate, Power::Read, account)?.options;
    let mut preview = Preview { is_cut: true, ..Preview::default() };
    let mut after = 0;
    for _ in 0..PAGES {
        let (items, next) = what_if::of_account(tx, mandate, schemas, account, &change, after, PAGE)?;
        for one in &items {
            let (count, named) = if one.grows { &mut preview.more } else { &mut preview.less };
            *count += 1;
            if named.len() < NAMED {
                named.push(differs(one, &labels.environment_labels, &labels.role_labels));
            }
        }
        match next {
            Some(next) => after = next,
            None => {
                preview.is_cut = false;
                break;
            }
        }
    }
    Ok(preview)
}

fn differs(one: &AccessDifference, environments: &Labels, roles: &Labels) -> Differs {
    let told = |access: &ShortAccess| {
        let role = access.role.as_ref().map_or_else(|| "no role".to_owned(), |role| roles.of(role).in_text());
        let environments = match (access.every_environment, access.environments.as_slice()) {
            (true, _) => "every environment".to_owned(),
            (false, []) => "no environment".to_owned(),
            (false, some) => some.iter().map(|name| environments.of(name).in_text()).collect::<Vec<_>>().join(", "),
        };
        format!("{role}; {environments}")
    };
    Differs {
        id: one.user.id.clone(),
        name: strip_invisible(&one.user.user_name),
        before: told(&one.before),
        after: told(&one.after),
    }
}
