//! Collects what is known of many clients: a fixed number of statements, however many clients there are.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;

use oauth::EndReason;
use oauth::client::{ClientKeys, Connections, GrantType};
use scim::schema::{CanonicalValues, USER};
use serde_json::{Map, Value};

use super::{Rules, by_key, recording};
use crate::domain::account::{Account, PRODUCT_ENVIRONMENTS};
use crate::domain::fields::REQUESTS;
use crate::domain::health::{
    AccountFacts, ClientFacts, Connection, Credential, DAY, Ended, Facts, FieldFacts, Misspelt, Pending, Refusal,
    Refusals,
};
use crate::domain::ids::{AccountKey, ClientKey, UserKey};
use crate::domain::person;
use crate::domain::scopes;
use crate::platform::timestamp::Timestamp;
use crate::storage::clients::ClientRecord;
use crate::storage::health::facts::{CountedField, OldPendingMember, PENDING, ProvisioningGrant, UserOfGrant};
use crate::storage::{DbError, Tx};

/// So many connections of a client are told of.
const CONNECTIONS: usize = 8;

/// So long a code is good for, in milliseconds.
const CODE: i64 = 60_000;

/// A client with its account and the facts.
type Collected = (ClientRecord, Option<Account>, Facts);

pub(super) fn collect(
    tx: &mut Tx<'_>,
    rules: &Rules<'_>,
    records: Vec<ClientRecord>,
    now: Timestamp,
) -> Result<Vec<Collected>, DbError> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<ClientKey> = records.iter().map(|record| record.seq).collect();
    let ids: Vec<&str> = records.iter().map(|record| record.client.id.as_str()).collect();
    let open = by_client(tx.open_provisioning_grants(&keys)?, |grant| grant.client, CONNECTIONS);
    let newest = by_client(tx.newest_provisioning_grants(&keys)?, |grant| grant.client, usize::MAX);
    let mut of: BTreeSet<AccountKey> = records.iter().filter_map(|record| record.account).collect();
    of.extend(open.values().flatten().map(|grant| grant.account));
    let of: Vec<AccountKey> = of.into_iter().collect();
    let accounts = by_key(tx.accounts_at(&of)?);
    let owners = Owners::of(tx, &accounts, open.values().chain(newest.values()).flatten())?;
    let tokens: Vec<i64> = open.values().flatten().map(|grant| grant.seq).collect();
    let tokens: HashMap<i64, _> =
        tx.newest_refresh_tokens(&tokens)?.into_iter().map(|token| (token.grant, token)).collect();
    let own: HashMap<ClientKey, Timestamp> = tx.own_grants_of(&keys)?.into_iter().collect();
    let mut activity: HashMap<ClientKey, _> = tx.activity_of(&keys)?.into_iter().collect();
    let mut secrets = grouped(tx.secrets_of(&keys)?);
    let mut statics = grouped(tx.static_tokens_of(&keys)?);
    let mut refused = grouped(tx.refused_since(&ids, now - DAY)?.into_iter().map(|refused| {
        let (first, last) = (refused.first(), refused.last());
        let refusal = Refusal {
            code: refused.code,
            endpoint: refused.endpoint,
            method: refused.method,
            status: refused.status,
            count: refused.count,
            first,
            last,
        };
        (refused.client, refusal)
    }));
    let mut tolerances = grouped(tx.tolerances_needed_by(&keys)?);
    let attributes = AccessAttributes::of(rules);
    let counted = match &attributes {
        Some(attributes) => tx.access_fields_of(&keys, &attributes.role, &attributes.environments)?,
        None => Vec::new(),
    };
    let mut counted = grouped(counted.into_iter().map(|field| (field.client, field)));
    let pending = grouped(tx.old_pending_members(&of, now - DAY)?.into_iter().map(|member| (member.account, member)));
    let recorded_since = if rules.is_recorded { recording::since(tx, now)? } else { None };

    let mut collected = Vec::with_capacity(records.len());
    for record in records {
        let account = match record.account {
            // The clients of a deleted account are gone, whenever their rows go.
            Some(account) => match accounts.get(&account) {
                Some(account) => Some(account.clone()),
                None => continue,
            },
            None => None,
        };
        let key = record.seq;
        let lives = record.client.lifetimes(rules.protocol);
        let connection = |grant: &ProvisioningGrant| {
            let owner = owners.users.get(&grant.owner).filter(|owner| owner.active)?;
            let at = accounts.get(&grant.account)?;
            let token = tokens.get(&grant.seq);
            let idle = millis(lives.refresh_idle);
            // Without a refresh token there is the access token that a code was exchanged for, and no other.
            let absolute = match token {
                Some(_) => lives.refresh_absolute.map(millis),
                None => Some(millis(lives.access_token) + CODE),
            };
            Some(Connection {
                grant: grant.seq,
                account: account_facts(at),
                created: grant.created,
                used: grant.delivered,
                refreshed: token.filter(|token| token.generation > 0).map(|token| token.created),
                idle_end: token.map(|token| (token.created + idle).min(token.expires)),
                absolute_end: absolute.map(|absolute| grant.created + absolute),
                idle,
                absolute,
                owner_id: owner.id.clone(),
                owner: name_of(owner),
                is_service_account: owners.services.contains(&owner.seq),
                is_managed: owner.managed,
                co_owner: owners.co_owner(at, &owner.id),
                is_last: owners.is_last(grant.account, owner.seq),
            })
        };
        let connections = open.get(&key).map(Vec::as_slice).unwrap_or_default().iter().filter_map(connection).collect();
        let ended = newest.get(&key).and_then(|grants| ended(grants, &owners));
        let facts = Facts {
            client: client_facts(&record, account.as_ref()),
            account: account.as_ref().map(account_facts),
            is_recorded: rules.is_recorded,
            recorded_since,
            activity: activity.remove(&key),
            connections,
            ended,
            own_grant: own.get(&key).copied(),
            secrets: secrets
                .remove(&key)
                .unwrap_or_default()
                .into_iter()
                .map(|secret| Credential {
                    name: secret.label.unwrap_or(secret.id),
                    created: secret.created,
                    expires: secret.expires,
                    last_used: secret.last_used,
                })
                .collect(),
            tokens: statics
                .remove(&key)
                .unwrap_or_default()
                .into_iter()
                .map(|token| Credential {
                    name: token.name,
                    created: token.created,
                    expires: Some(token.expires),
                    last_used: token.last_used,
                })
                .collect(),
            refusals: Refusals(refused.remove(record.client.id.as_str()).unwrap_or_default()),
            fields: attributes
                .as_ref()
                .map(|attributes| attributes.facts(counted.remove(&key).unwrap_or_default()))
                .unwrap_or_default(),
            tolerances: tolerances.remove(&key).unwrap_or_default(),
            pending: record.account.and_then(|account| pending.get(&account)).and_then(|members| pending_of(members)),
        };
        collected.push((record, account, facts));
    }
    Ok(collected)
}

fn millis(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000)
}

fn client_facts(record: &ClientRecord, account: Option<&Account>) -> ClientFacts {
    let client = &record.client;
    let authentication = &client.options.authentication;
    let keys = match &authentication.keys {
        Some(ClientKeys::Jwks(set)) if authentication.federation.is_none() => {
            set.expiries().map(|expiry| expiry.map(Timestamp::of_millis)).collect()
        }
        _ => Vec::new(),
    };
    ClientFacts {
        name: person::short_name(&client.name),
        created: record.created,
        suspended: account.and_then(|account| account.suspended),
        disabled: client.disabled,
        provisions: client.scopes.contains(scopes::PROVISION),
        takes_secrets: !client.public && authentication.method.takes_secrets(),
        has_keys: authentication.keys.is_some() || authentication.federation.is_some(),
        by_credentials: client.may(GrantType::ClientCredentials),
        replaces: client.options.connections == Connections::Replace,
        keys,
    }
}

fn account_facts(account: &Account) -> AccountFacts {
    AccountFacts {
        name: person::short_name(&account.name),
        default_role: account.default_role.clone(),
        environments: account.product_environments.len(),
        service_accounts: account.options.service_accounts,
        own_deactivation: account.options.own_deactivation,
        last_administrator: account.options.last_administrator,
    }
}

/// The newest connection, if it has ended: one that was used, or else an attempt.
fn ended(grants: &[ProvisioningGrant], owners: &Owners) -> Option<Ended> {
    let is_used = |grant: &&ProvisioningGrant| grant.delivered.is_some();
    let newest = grants.iter().find(is_used).or_else(|| grants.first())?;
    let owner = owners.users.get(&newest.owner).map(name_of);
    Some(Ended {
        at: newest.ended?,
        created: newest.created,
        reason: newest.end_reason.as_deref().and_then(EndReason::recorded),
        owner,
        was_used: newest.delivered.is_some(),
    })
}

fn pending_of(members: &[OldPendingMember]) -> Option<Pending> {
    let oldest = members.first()?;
    Some(Pending {
        count: members.len() as i64,
        more: members.len() >= PENDING,
        since: oldest.since,
        member: person::short_name(&oldest.value),
        group: person::short_name(&oldest.group),
    })
}

/// The users on whom connections rest, and those who could take their place.
struct Owners {
    users: HashMap<UserKey, UserOfGrant>,
    services: HashSet<UserKey>,
    /// Those of each account who may accept access, the first few; `None`: no index knows them.
    administrators: Option<Vec<(AccountKey, UserKey)>>,
    /// The co-owner of each account that has one who may take over: id and name.
    co_owners: HashMap<AccountKey, (String, String)>,
}

impl Owners {
    fn of<'g>(
        tx: &mut Tx<'_>,
        accounts: &HashMap<AccountKey, Account>,
        grants: impl Iterator<Item = &'g ProvisioningGrant>,
    ) -> Result<Owners, DbError> {
        let keys: BTreeSet<UserKey> = grants.map(|grant| grant.owner).collect();
        let keys: Vec<UserKey> = keys.into_iter().collect();
        let users: HashMap<UserKey, UserOfGrant> =
            tx.users_of_grants(&keys)?.into_iter().map(|user| (user.seq, user)).collect();
        let services = tx.service_accounts_among(&keys)?.into_iter().collect();
        let of: Vec<AccountKey> = accounts.keys().copied().collect();
        let administrators = tx.first_administrators(&of)?;
        let named: Vec<(AccountKey, &str)> =
            accounts.values().filter_map(|account| Some((account.seq, account.options.co_owner.as_deref()?))).collect();
        let policy = tx.grant_policy();
        let mut co_owners = HashMap::new();
        for (account, id, document) in tx.active_users_called(&named)? {
            let attributes: Map<String, Value> = serde_json::from_str(&document).unwrap_or_default();
            if policy.may_own_grant(&attributes) {
                let name = person::name(&attributes);
                co_owners.insert(account, (id, name));
            }
        }
        Ok(Owners { users, services, administrators, co_owners })
    }

    /// To whom the connections of this user would pass.
    fn co_owner(&self, account: &Account, owner: &str) -> Option<String> {
        let (id, name) = self.co_owners.get(&account.seq)?;
        (id != owner).then(|| name.clone())
    }

    fn is_last(&self, account: AccountKey, owner: UserKey) -> bool {
        let Some(administrators) = &self.administrators else { return false };
        let mut of_account = administrators.iter().filter(|(of, _)| *of == account).map(|(_, user)| *user);
        of_account.next() == Some(owner) && of_account.all(|user| user == owner)
    }
}

/// What a user is called.
fn name_of(user: &UserOfGrant) -> String {
    person::name(&serde_json::from_str(&user.document).unwrap_or_default())
}

/// The attributes of users that decide about access.
struct AccessAttributes {
    role: String,
    environments: String,
    has_role: bool,
    has_environments: bool,
}

impl AccessAttributes {
    fn of(rules: &Rules<'_>) -> Option<AccessAttributes> {
        let attributes = &rules.schemas.configured().get(USER).schema.attributes;
        let role = rules.config.consent.role_attribute.clone();
        let is_list =
            |values: &CanonicalValues| *values == CanonicalValues::OnlyListed(PRODUCT_ENVIRONMENTS.to_owned());
        let environments = attributes.iter().find(|attribute| is_list(&attribute.canonical_values));
        let has_role = attributes.iter().any(|attribute| *attribute.path == *role);
        Some(AccessAttributes {
            has_role,
            has_environments: environments.is_some(),
            environments: environments.map_or_else(|| role.clone(), |attribute| attribute.path.to_string()),
            role,
        })
    }

    fn facts(&self, counted: Vec<CountedField>) -> FieldFacts {
        let arrived = |name: &str| {
            counted.iter().filter(|field| field.name == name).map(|field| field.arrived + field.changed).sum()
        };
        let misspelt = counted.iter().filter(|field| !field.known && field.ignored > 0).filter_map(|field| {
            Some(Misspelt {
                name: person::short_name(&field.name),
                nearest: field.nearest.clone()?,
                count: field.ignored,
                last: field.last_ignored,
            })
        });
        FieldFacts {
            users: counted
                .iter()
                .find(|field| field.name == REQUESTS)
                .map_or(0, |field| (field.arrived - field.refused).max(0)),
            role: self.has_role.then(|| arrived(&self.role)),
            environments: self.has_environments.then(|| arrived(&self.environments)),
            misspelt: misspelt.collect(),
        }
    }
}

/// What there is, client by client: the first so many of each.
fn by_client<T>(rows: Vec<T>, client: impl Fn(&T) -> ClientKey, most: usize) -> HashMap<ClientKey, Vec<T>> {
    let mut all: HashMap<ClientKey, Vec<T>> = HashMap::new();
    for row in rows {
        let of_client = all.entry(client(&row)).or_default();
        if of_client.len() < most {
            of_client.push(row);
        }
    }
    all
}

fn grouped<K: Eq + Hash, T>(rows: impl IntoIterator<Item = (K, T)>) -> HashMap<K, Vec<T>> {
    let mut all: HashMap<K, Vec<T>> = HashMap::new();
    for (key, row) in rows {
        all.entry(key).or_default().push(row);
    }
    all
}
