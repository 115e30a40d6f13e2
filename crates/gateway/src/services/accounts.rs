//! Accounts: made, changed and deleted, and what is worth knowing of them.
//!
//! The caller has said who acts ([`Tx::act_as`]).

use scim::schema::{CanonicalValues, GROUP, USER};
use scim::{AttributeKey, SearchKey};

use self::removed_values::InUse;
use super::error::{ActError, Consequence, Refusal};
use super::service_provider::ScimEngine;
use super::{operator_logins, reactions};
use crate::domain::access::PastTerms;
use crate::domain::account::{Account, AccountOptions, CloudNames, ENVIRONMENTS_ATTRIBUTE, ServiceAccounts};
use crate::domain::bodies::accounts::{self as bodies, AccountChange, NewAccount};
use crate::domain::bodies::changes;
use crate::domain::bodies::force::Force;
use crate::domain::described::{FieldError, Name, Text, Time};
use crate::domain::event::{Act, Action};
use crate::domain::ids::AccountKey;
use crate::domain::operator::{Mandate, Power, Reach};
use crate::domain::schemas::Schemas;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::storage::{Db, DbError, ReadCost, Tx};

pub mod attributes;
pub mod export;
mod labels;
mod removed_values;
pub mod replacement;
pub mod sign_in;

/// How many names are counted that several groups have, and how many of them are told with their groups.
const SHARED_NAMES: u64 = 1_000;
const NAMED: usize = 20;

/// The account with this id, for an act that needs this power. What is out of reach does not exist.
pub fn find(tx: &mut Tx<'_>, mandate: &Mandate, power: Power, id: &str) -> Result<Account, ActError> {
    mandate.may(power)?;
    let account = tx.account(id)?.filter(|account| mandate.reaches(Some(account.seq)));
    account.ok_or_else(|| ActError::not_found("account", id))
}

/// The same; no other transaction changes it until the unit of work ends.
pub fn lock(tx: &mut Tx<'_>, mandate: &Mandate, power: Power, id: &str) -> Result<Account, ActError> {
    mandate.may(power)?;
    let account = tx.lock_account(id)?.filter(|account| mandate.reaches(Some(account.seq)));
    account.ok_or_else(|| ActError::not_found("account", id))
}

/// An account as operators read it. Only reads.
pub fn get(tx: &mut Tx<'_>, mandate: &Mandate, id: &str) -> Result<bodies::Account, ActError> {
    let account = find(tx, mandate, Power::Read, id)?;
    Ok(overview(tx, &account)?)
}

/// The accounts within reach that follow a row, or the one of this name; each with its row. Only reads.
pub fn list(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    name: Option<&str>,
    after: i64,
    limit: i64,
) -> Result<Vec<(i64, bodies::Account)>, ActError> {
    mandate.may(Power::Read)?;
    let mut accounts: Vec<Account> = match (name, mandate.reach()) {
        (Some(name), _) => tx.account_named(name)?.into_iter().collect(),
        (None, Reach::All) => tx.accounts_after(after, limit)?,
        (None, Reach::Accounts(some)) => tx.accounts_among(some, after, limit)?,
    };
    accounts.retain(|account| mandate.reaches(Some(account.seq)));
    accounts.iter().map(|account| Ok((account.seq.into(), overview(tx, account)?))).collect()
}

fn overview(tx: &mut Tx<'_>, account: &Account) -> Result<bodies::Account, DbError> {
    let mut store = tx.in_account(account.seq, Timestamp::EPOCH, false);
    let (users, groups) = (store.count(USER)?, store.count(GROUP)?);
    let mut warnings = replacement::warnings(tx, account)?;
    if users > 0 && !tx.has_administrator(account.seq)? {
        let policy = tx.grant_policy();
        warnings.push(format!(
            "no active user has a role that may accept access ({}: {}): connections by authorization code cannot be made anew until a \
             user has one",
            policy.attribute(),
            policy.roles().join(" or ")
        ));
    }
    Ok(bodies::Account {
        id: account.id.clone(),
        name: account.name.clone(),
        product_environments: account.product_environments.clone(),
        environment_labels: bodies::Label::of_all(&account.options.environment_labels),
        role_labels: bodies::Label::of_all(&account.options.role_labels),
        default_role: account.default_role.clone(),
        co_owner: account.options.co_owner.clone(),
        own_deactivation: account.options.own_deactivation,
        inactive_match: account.options.inactive_match,
        unique_group_names: account.options.unique_group_names,
        service_accounts: account.options.service_accounts,
        last_administrator: account.options.last_administrator,
        list_separator: account.options.list_separator,
        unset_environments: account.options.unset_environments,
        users,
        groups,
        warnings,
        created: Time(account.created),
        suspended: account.suspended.map(Time),
    })
}

/// What is wrong with a default role: it is one of those that the declaration of the attribute lists, where it lists any.
pub fn wrong_role(role: Option<&Text>, schemas: &Schemas, role_attribute: &str) -> Option<FieldError> {
    let Text(role) = role?;
    let roles = roles(schemas, role_attribute).filter(|roles| !roles.contains(role))?;
    let detail = format!("must be one of {}", roles.join(", "));
    Some(FieldError { field: "default_role".to_owned(), detail })
}

/// The roles that users may have, where the declaration of the attribute lists them.
pub fn roles<'s>(schemas: &'s Schemas, role_attribute: &str) -> Option<&'s [String]> {
    match &schemas.configured().get(USER).attribute(role_attribute)?.canonical_values {
        CanonicalValues::Only(roles) => Some(roles),
        _ => None,
    }
}

/// Makes an account.
pub fn create(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    schemas: &Schemas,
    new: &NewAccount,
) -> Result<bodies::Account, ActError> {
    mandate.may_everywhere(Power::CreateAccounts)?;
    ActError::unless_right(wrong_role(new.default_role.as_ref(), schemas, tx.grant_policy().attribute()))?;
    let options = AccountOptions {
        inactive_match: new.inactive_match.unwrap_or_default(),
        own_deactivation: new.own_deactivation.unwrap_or_default(),
        unique_group_names: new.unique_group_names.unwrap_or_default(),
        service_accounts: new.service_accounts.unwrap_or_default(),
        last_administrator: new.last_administrator.unwrap_or_default(),
        list_separator: new.list_separator,
        unset_environments: new.unset_environments.unwrap_or_default(),
        ..Default::default()
    };
    let mut account = Account {
        seq: AccountKey::NO_ROW,
        id: system::new_uuid(),
        name: new.name.0.0.clone(),
        product_environments: new.product_environments.clone().unwrap_or_default().0,
        default_role: new.default_role.as_ref().map(|role| role.0.clone()),
        created: tx.now(),
        suspended: None,
        options,
    };
    let (environments, roles) = (new.environment_labels.as_ref(), new.role_labels.as_ref());
    labels::apply(&mut account, schemas, tx.grant_policy().attribute(), environments.map(Some), roles.map(Some))?;
    tx.insert_account(&mut account)?.map_err(|_| taken(&account.name))?;
    let created = Act::new(Action::AccountCreated).on_named(&account.id, &account.name);
    tx.raise(tx.now(), Some(account.seq), created);
    Ok(overview(tx, &account)?)
}

/// A change whose consequences were looked at: it has none that the caller has not confirmed.
#[derive(Debug, Clone)]
pub struct CheckedChange {
    change: AccountChange,
    is_confirmed: bool,
}

impl CheckedChange {
    /// Looks at the consequences of a change for an account's users: whether any has an environment that leaves the list.
    pub async fn of(
        db: &Db,
        mandate: &Mandate,
        schemas: &Schemas,
        id: &str,
        change: AccountChange,
        is_confirmed: bool,
    ) -> Result<CheckedChange, ActError> {
        if let Some(CloudNames(environments)) = change.product_environments.as_ref().filter(|_| !is_confirmed) {
            let (schemas, id, environments) = (schemas.clone(), id.to_owned(), environments.clone());
            let mandate = mandate.clone();
            let (seq, removed, ruled) = db
                .read(ReadCost::Point, move |tx| {
                    let mut account = find(tx, &mandate, Power::ChangeAccounts, &id)?;
                    let (before, registry) = (account.account_values(), schemas.of(&account)?);
                    let gone: Vec<String> = account
                        .product_environments
                        .iter()
                        .filter(|name| !environments.contains(name))
                        .cloned()
                        .collect();
                    account.product_environments.clone_from(&environments);
                    let removed = registry.removed(&before, &registry, &account.account_values());
                    let (rules, _) = tx.access_rules(account.seq)?;
                    let ruled = gone.iter().map(|name| {
                        let gives = rules.rules.iter().filter(|rule| rule.environments.0.contains(name));
                        InUse::by_rules(ENVIRONMENTS_ATTRIBUTE, name, gives.count() as u64)
                    });
                    Ok::<_, ActError>((account.seq, removed, ruled.filter(InUse::is_there).collect::<Vec<_>>()))
                })
                .await?;
            let mut in_use = removed_values::in_use(db, seq, removed).await?;
            in_use.extend(ruled);
            if let Some(fates) = change.force.as_ref().and_then(Force::fates) {
                in_use.retain(|one| !one.is_of(ENVIRONMENTS_ATTRIBUTE, |value| fates.environments.contains_key(value)));
            }
            removed_values::refuse("product_environments", &in_use)?;
        }
        Ok(CheckedChange { change, is_confirmed })
    }
}

/// Changes an account.
pub fn change(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    engine: &ScimEngine,
    id: &str,
    checked: &CheckedChange,
) -> Result<bodies::Account, ActError> {
    let CheckedChange { change, is_confirmed } = checked;
    let policy = tx.grant_policy();
    let mut account = lock(tx, mandate, Power::ChangeAccounts, id)?;
    ActError::unless_right(wrong_role(change.default_role.value(), &engine.schemas, policy.attribute()))?;
    let stood = account.clone();
    let before = overview(tx, &account)?;
    let were = account.options.service_accounts;
    let becomes_unique = change.unique_group_names == Some(true) && !account.options.unique_group_names;
    if becomes_unique && !is_confirmed {
        refuse_shared_names(tx, &account)?;
    }
    apply(change, &mut account);
    let (environments, roles) = (change.environment_labels.change(), change.role_labels.change());
    labels::apply(&mut account, &engine.schemas, policy.attribute(), environments, roles)?;
    tx.update_account(&account)?.map_err(|_| taken(&account.name))?;
    if let Some(Text(user)) = change.co_owner.value()
        && tx.successor_of(account.seq, "")?.is_none()
    {
        let detail = format!(
            "must be the id of an active user of this account whose {} is {}, and `{user}` is not",
            policy.attribute(),
            policy.roles().join(" or ")
        );
        return Err(ActError::field("co_owner", detail));
    }
    if account.options.service_accounts == ServiceAccounts::Writable && were != ServiceAccounts::Writable {
        reactions::notices::service_accounts_are_writable(tx, account.seq, tx.now())?;
    }
    let decides = |account: &Account| (account.product_environments.clone(), account.options.unset_environments);
    if decides(&stood) != decides(&account) {
        keep_terms(tx, &stood)?;
    }
    let replaced = replacement::begin(tx, engine, &stood, &account, change.force.as_ref().and_then(Force::fates))?;
    let after = overview(tx, &account)?;
    let changed = Act::new(Action::AccountChanged).on_named(&account.id, &account.name);
    let changed = changed.saying((!replaced.is_empty()).then(|| replaced.join("; ")));
    tx.raise(tx.now(), Some(account.seq), changed.changing(changes(&before, &after)));
    Ok(after)
}

/// What says who may do what in a locked account was so until now.
fn keep_terms(tx: &mut Tx<'_>, account: &Account) -> Result<(), DbError> {
    let (rules, _) = tx.access_rules(account.seq)?;
    tx.keep_past_terms(account.seq, &PastTerms::of(account, &rules))
}

fn apply(change: &AccountChange, account: &mut Account) {
    let options = &mut account.options;
    options.own_deactivation = change.own_deactivation.unwrap_or(options.own_deactivation);
    options.service_accounts = change.service_accounts.unwrap_or(options.service_accounts);
    options.last_administrator = change.last_administrator.unwrap_or(options.last_administrator);
    options.inactive_match = change.inactive_match.unwrap_or(options.inactive_match);
    options.unset_environments = change.unset_environments.unwrap_or(options.unset_environments);
    options.unique_group_names = change.unique_group_names.unwrap_or(options.unique_group_names);
    if let Some(separator) = change.list_separator.change() {
        options.list_separator = separator.copied();
    }
    if let Some(co_owner) = change.co_owner.change() {
        options.co_owner = co_owner.map(|user| user.0.clone());
    }
    if let Some(Name(name)) = &change.name {
        account.name.clone_from(name);
    }
    if let Some(CloudNames(environments)) = &change.product_environments {
        account.product_environments.clone_from(environments);
    }
    if let Some(role) = change.default_role.change() {
        account.default_role = role.map(|role| role.0.clone());
    }
}

/// Suspends an account: its users, clients and identity providers are refused from the next request on, and nothing is lost. One that is
/// suspended already stays so since then.
pub fn suspend(tx: &mut Tx<'_>, mandate: &Mandate, id: &str) -> Result<bodies::Account, ActError> {
    set_suspended(tx, mandate, id, true)
}

/// Takes a suspension back: what counted before counts again, as far as its own time has not run out.
pub fn resume(tx: &mut Tx<'_>, mandate: &Mandate, id: &str) -> Result<bodies::Account, ActError> {
    set_suspended(tx, mandate, id, false)
}

fn set_suspended(tx: &mut Tx<'_>, mandate: &Mandate, id: &str, suspend: bool) -> Result<bodies::Account, ActError> {
    let (mut account, now) = (lock(tx, mandate, Power::SuspendAccounts, id)?, tx.now());
    if account.suspended.is_some() == suspend {
        return Ok(overview(tx, &account)?);
    }
    let before = overview(tx, &account)?;
    keep_terms(tx, &account)?;
    account.suspended = suspend.then_some(now);
    tx.set_suspended(account.seq, account.suspended)?;
    tx.stand_anew(account.seq)?;
    let after = overview(tx, &account)?;
    let action = if suspend { Action::AccountSuspended } else { Action::AccountResumed };
    let act = Act::new(action).on_named(&account.id, &account.name);
    tx.raise(now, Some(account.seq), act.changing(changes(&before, &after)));
    Ok(after)
}

/// Deletes an account. Operators who are limited to it end with it.
pub fn delete(tx: &mut Tx<'_>, mandate: &Mandate, id: &str) -> Result<(), ActError> {
    let (account, now) = (lock(tx, mandate, Power::Delete, id)?, tx.now());
    tx.delete_account(account.seq, now)?;
    tx.raise(now, Some(account.seq), Act::new(Action::AccountDeleted).on_named(&account.id, &account.name));
    for left in tx.operators_left_without(account.seq)? {
        operator_logins::end(tx, &left, Some((account.seq, "the account was deleted")))?;
    }
    Ok(())
}

/// Says which names several groups have already.
fn refuse_shared_names(tx: &mut Tx<'_>, account: &Account) -> Result<(), ActError> {
    let name = AttributeKey::group_name();
    let shared = tx.shared_keys(account.seq, name, SHARED_NAMES)?;
    if shared.is_empty() {
        return Ok(());
    }
    let mut errors = Vec::new();
    for (key, count) in shared.iter().take(NAMED) {
        let ids = tx.ids_having(account.seq, name, key, 5)?;
        let shown = SearchKey { attribute: name, key: key.clone(), unique: false }.display();
        let more = if *count > ids.len() as u64 { ", …" } else { "" };
        let detail = format!("{count} groups have the name {shown:?}: {}{more}", ids.join(", "));
        errors.push(FieldError { field: "unique_group_names".to_owned(), detail });
    }
    let names = Consequence::SharedNames { count: shared.len(), at_least: shared.len() as u64 == SHARED_NAMES };
    Err(Refusal::Unconfirmed(names, errors).into())
}

fn taken(name: &str) -> ActError {
    ActError::conflict(format!("there is already an account named `{name}`; choose another name"))
}

#[cfg(test)]
mod tests;
