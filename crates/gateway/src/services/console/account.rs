//! One account: what stands above each of its pages, and its overview.

use scim::AttributeKey;
use scim::schema::{CanonicalValues, GROUP, USER};

use super::accounts::standing;
use crate::domain::account::{Account, PRODUCT_ENVIRONMENTS};
use crate::domain::bodies::accounts as bodies;
use crate::domain::bodies::health::ClientHealth;
use crate::domain::bodies::setup_links::SetupLink;
use crate::domain::health::{ReasonCode, Severity};
use crate::domain::labels::{Called, Labels};
use crate::domain::operator::{Mandate, Power};
use crate::domain::person;
use crate::domain::standing::Standing;
use crate::platform::timestamp::Timestamp;
use crate::services::error::ActError;
use crate::services::health::{self, Rules};
use crate::services::{accounts, setup_links};
use crate::storage::Tx;
use crate::storage::listed_values::MOST;

/// So many connections are looked at.
const CONNECTIONS: i64 = 50;
/// So many setup links are listed, the newest.
const LINKS: i64 = 10;

/// What stands above each page of an account.
#[derive(Debug, Clone)]
pub struct Head {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// Since when it is suspended.
    pub suspended: Option<Timestamp>,
    /// How many users it has,
    pub users: u64,
    /// groups,
    pub groups: u64,
    /// and connections: no more than one above a bound are counted.
    pub connections: i64,
}

/// The head of an account. Only reads.
pub fn head(tx: &mut Tx<'_>, mandate: &Mandate, id: &str) -> Result<Head, ActError> {
    let account = accounts::find(tx, mandate, Power::Read, id)?;
    head_of(tx, &account)
}

/// The head of an account, and how the account stands at this moment: as its overview says, and the pages of its connections. Only reads.
pub fn head_and_standing(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    rules: &Rules<'_>,
    id: &str,
) -> Result<(Head, Standing), ActError> {
    let account = accounts::find(tx, mandate, Power::Read, id)?;
    let records = tx.clients_after(Some(account.seq), 0, CONNECTIONS)?;
    let looked = health::look(tx, rules, records)?;
    let standing = standing(&account, looked.iter().map(|looked| looked.finding.state));
    Ok((head_of(tx, &account)?, standing))
}

/// The head of the account of a client, if it has one. Only reads.
pub fn head_of(tx: &mut Tx<'_>, account: &Account) -> Result<Head, ActError> {
    let mut store = tx.in_account(account.seq, Timestamp::EPOCH, false);
    let (users, groups) = (store.count(USER)?, store.count(GROUP)?);
    Ok(Head {
        id: account.id.clone(),
        name: account.name.clone(),
        created: account.created,
        suspended: account.suspended,
        users,
        groups,
        connections: tx.count_clients_of(account.seq)?,
    })
}

/// Something that is wrong with a connection.
#[derive(Debug)]
pub struct Need {
    /// The connection: its id
    pub client: String,
    /// and what it is called.
    pub client_name: String,
    /// Whether it does not work at all.
    pub is_broken: bool,
    /// What is so.
    pub sentence: String,
    /// Since when.
    pub since: Timestamp,
    /// What to do.
    pub what_to_do: &'static str,
}

/// A value that users have, and how many do.
#[derive(Debug)]
pub struct Counted {
    /// The value, and what it is called.
    pub called: Called,
    /// How many users have it; `None`: no index knows.
    pub users: Option<u64>,
    /// There may be more.
    pub at_least: bool,
}

/// What an account is like at this moment.
#[derive(Debug)]
pub struct Overview {
    /// What stands above.
    pub head: Head,
    /// How it stands.
    pub standing: Standing,
    /// The account as the admin API answers it.
    pub account: bodies::Account,
    /// What needs an operator, the worst first.
    pub needs: Vec<Need>,
    /// Its connections.
    pub connections: Vec<ClientHealth>,
    /// Its newest setup links.
    pub links: Vec<SetupLink>,
    /// The roles that users may have.
    pub roles: Vec<Counted>,
    /// The environments that users may enter.
    pub environments: Vec<Counted>,
    /// The role of users who come without one, and what it is called.
    pub default_role: Option<Called>,
    /// What the co-owner of connections is called.
    pub co_owner: Option<String>,
}

/// An account at a glance. Only reads.
pub fn overview(tx: &mut Tx<'_>, mandate: &Mandate, rules: &Rules<'_>, id: &str) -> Result<Overview, ActError> {
    let account = accounts::find(tx, mandate, Power::Read, id)?;
    let head = head_of(tx, &account)?;
    let records = tx.clients_after(Some(account.seq), 0, CONNECTIONS)?;
    let connections = health::of_records(tx, rules, records)?;
    let standing = standing(&account, connections.iter().map(|health| health.state));
    let links = setup_links::newest(tx, mandate, id, None, LINKS)?.into_iter().map(|(_, link)| link).collect();
    let registry = rules.schemas.of(&account)?;
    let users = registry.get(USER);
    let role = users.attribute(&rules.config.consent.role_attribute);
    let listed = |values: &CanonicalValues| *values == CanonicalValues::OnlyListed(PRODUCT_ENVIRONMENTS.to_owned());
    let environments = users.schema.attributes.iter().find(|attribute| listed(&attribute.canonical_values));
    let roles = match role.map(|role| &role.canonical_values) {
        Some(CanonicalValues::Only(roles)) => roles.clone(),
        _ => Vec::new(),
    };
    let key_of = |path: &str| {
        registry.indexed().iter().find(|indexed| indexed.resource_type == USER && indexed.path == path).cloned()
    };
    let by_role = role.and_then(|role| key_of(&role.path));
    let by_environment = environments.and_then(|environments| key_of(&environments.path));
    let co_owner = match &account.options.co_owner {
        Some(user) => tx
            .active_users_called(&[(account.seq, user)])?
            .first()
            .map(|(_, _, document)| person::name(&serde_json::from_str(document).unwrap_or_default())),
        None => None,
    };
    let mut asked: Vec<(AttributeKey, String)> = Vec::new();
    for (indexed, values) in [(&by_role, &roles), (&by_environment, &account.product_environments)] {
        let Some(indexed) = indexed else { continue };
        asked.extend(values.iter().map(|value| indexed.key_of(value)).map(|key| (key.attribute, key.key)));
    }
    let mut counts = tx.counts_of_values(account.seq, &asked)?.into_iter();
    let mut counted = |is_indexed: bool, labels: &Labels, values: &[String]| -> Vec<Counted> {
        let one = |value: &String| {
            let users = if is_indexed { counts.next() } else { None };
            Counted { called: labels.of(value), users, at_least: users.is_some_and(|users| users >= MOST) }
        };
        values.iter().map(one).collect()
    };
    let roles = counted(by_role.is_some(), &account.options.role_labels, &roles);
    let environments =
        counted(by_environment.is_some(), &account.options.environment_labels, &account.product_environments);
    Ok(Overview {
        head,
        standing,
        account: accounts::get(tx, mandate, id)?,
        needs: needs(&connections),
        connections,
        links,
        roles,
        environments,
        default_role: account.default_role.as_ref().map(|role| account.options.role_labels.of(role)),
        co_owner,
    })
}

fn needs(connections: &[ClientHealth]) -> Vec<Need> {
    let mut wrong: Vec<_> = connections
        .iter()
        .flat_map(|health| health.reasons.iter().map(move |reason| (health, reason)))
        // That the account is suspended stands above, and not once for each of its connections.
        .filter(|(_, reason)| reason.code != ReasonCode::AccountSuspended)
        .filter(|(_, reason)| matches!(reason.severity, Severity::Attention | Severity::Broken))
        .collect();
    wrong.sort_by_key(|(_, reason)| (std::cmp::Reverse(reason.severity), reason.code));
    wrong
        .into_iter()
        .map(|(health, reason)| Need {
            client: health.client_id.clone(),
            client_name: health.client_name.clone(),
            is_broken: reason.severity == Severity::Broken,
            sentence: reason.sentence.clone(),
            since: reason.since.0,
            what_to_do: reason.what_to_do,
        })
        .collect()
}
