//! What would become of the access of all users if something were changed: looked at before it is done.

use super::rules;
use crate::domain::bodies::access::{AccessDifference, WhatIf};
use crate::domain::operator::{Mandate, Power};
use crate::domain::schemas::Schemas;
use crate::services::accounts;
use crate::services::error::ActError;
use crate::services::resolution::{UserPage, groups_of_rules, short, terms, walk};
use crate::storage::Tx;

/// The users for whom it would make a difference, in the order they were made. Only reads.
pub fn of_account(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    schemas: &Schemas,
    account: &str,
    change: &WhatIf,
    after: i64,
    limit: i64,
) -> Result<UserPage<AccessDifference>, ActError> {
    let account = accounts::find(tx, mandate, Power::Read, account)?;
    let WhatIf { rules: new, precedence, unset_environments, without_group, without_environment } = change;
    let is_one = new.is_some() || precedence.is_some() || unset_environments.is_some();
    if !is_one && without_group.is_none() && without_environment.is_none() {
        return Err(ActError::field("rules", "is missing: say at least one thing that would be different"));
    }
    let (there, _) = tx.access_rules(account.seq)?;
    let now = terms(&account, &there, &groups_of_rules(tx, &account, &there)?);
    let precedence = precedence.unwrap_or(there.precedence);
    let changed = match new {
        Some(new) => rules::read(tx, &account, schemas, &there, precedence, new)?,
        None => crate::domain::access::Rules { precedence, ..there },
    };
    let mut then = terms(&account, &changed, &groups_of_rules(tx, &account, &changed)?);
    then.unset = unset_environments.unwrap_or(then.unset);
    let mut without = None;
    if let Some(group) = without_group {
        let found = tx.groups_by_id(account.seq, &[group.as_str()])?.into_iter().next();
        let wrong = || ActError::field("without_group", "must be the id of a group of this account");
        let group = found.ok_or_else(wrong)?.seq;
        then.rules.iter_mut().for_each(|rule| rule.groups.retain(|seq| *seq != group));
        without = Some(group);
    }
    if let Some(name) = without_environment {
        if !then.environments.contains(&name.0) {
            let there = then.environments.join(", ");
            return Err(ActError::field(
                "without_environment",
                format!("must be an environment of this account: {there}"),
            ));
        }
        then.environments.retain(|known| *known != name.0);
    }
    let with_groups = !(now.rules.is_empty() && then.rules.is_empty());
    let found = walk(tx, &account, after, limit, with_groups, |user, memberships| {
        let (before, after) = (user.access(memberships, &now, None), user.access(memberships, &then, without));
        (!after.is_like(&before)).then(|| AccessDifference {
            user: user.user.clone(),
            grows: after.grew_from(&before),
            before: short(&before),
            after: short(&after),
        })
    })?;
    Ok(found)
}
