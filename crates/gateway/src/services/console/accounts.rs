//! The list of accounts, those that need an operator first.

use std::collections::HashMap;

use scim::schema::USER;

use crate::domain::account::Account;
use crate::domain::bodies::health::ClientHealth;
use crate::domain::health::{HealthState, Severity};
use crate::domain::ids::AccountKey;
use crate::domain::operator::{Mandate, Power, Reach};
use crate::domain::profiles::Profile;
use crate::domain::standing::Standing;
use crate::platform::timestamp::Timestamp;
use crate::services::error::ActError;
use crate::services::health::{self, Rules};
use crate::storage::Tx;
use crate::storage::standings::{AccountFilter, AccountPage, Place};

/// Which accounts are asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Those that have this text in their name or their environments.
    pub text: String,
    /// Those that stand so.
    pub standing: Option<Standing>,
    /// Those after this place.
    pub after: Option<Place>,
}

/// A page of accounts.
#[derive(Debug)]
pub struct AccountList {
    /// The accounts.
    pub items: Vec<ListedAccount>,
    /// Where the next page begins.
    pub next: Option<Place>,
    /// How many stand so, in the order of [`Standing::ALL`].
    pub counts: [i64; 5],
}

/// An account of the list.
#[derive(Debug)]
pub struct ListedAccount {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// How it stands at this moment.
    pub standing: Standing,
    /// The worst of what is wrong, in a sentence.
    pub why: Option<String>,
    /// How much else is wrong.
    pub more: usize,
    /// How many connections it has, as far as they were looked at.
    pub connections: usize,
    /// The identity providers of these.
    pub providers: Vec<Profile>,
    /// How many users it has.
    pub users: u64,
    /// When any of its connections was there last.
    pub last_request: Option<Timestamp>,
}

/// The accounts within reach, those that need an operator first. Only reads.
pub fn list(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    rules: &Rules<'_>,
    asked: &Asked,
    limit: i64,
) -> Result<AccountList, ActError> {
    mandate.may(Power::Read)?;
    let among = match mandate.reach() {
        Reach::All => None,
        Reach::Accounts(accounts) => Some(accounts.to_vec()),
    };
    let counts = tx.counts_by_standing(among.as_deref())?;
    let filter = AccountFilter { standing: asked.standing, text: Some(asked.text.clone()), among };
    let AccountPage { accounts, next } = tx.accounts_by_standing(&filter, asked.after.as_ref(), limit)?;
    let keys: Vec<AccountKey> = accounts.iter().map(|account| account.seq).collect();
    let clients = tx.first_clients_of(&keys)?;
    let records = tx.clients_at(&clients)?;
    let profiles: HashMap<String, Profile> =
        records.iter().map(|record| (record.client.id.as_str().to_owned(), Profile::of(&record.client))).collect();
    let mut found: HashMap<String, Vec<ClientHealth>> = HashMap::new();
    for health in health::of_records(tx, rules, records)? {
        if let Some(account) = health.account.clone() {
            found.entry(account).or_default().push(health);
        }
    }
    let mut users: HashMap<AccountKey, i64> = HashMap::new();
    for (account, resource_type, part) in tx.resource_counts_of(&keys)? {
        if resource_type == USER.0 {
            *users.entry(account).or_default() += part;
        }
    }
    let items = accounts.into_iter().map(|account| {
        let healths = found.remove(&account.id).unwrap_or_default();
        let users = users.get(&account.seq).copied().unwrap_or(0).max(0) as u64;
        listed(account, &healths, &profiles, users)
    });
    let mut items: Vec<ListedAccount> = items.collect();
    items.sort_by_key(|account| account.standing);
    Ok(AccountList { items, next, counts })
}

fn listed(
    account: Account,
    healths: &[ClientHealth],
    profiles: &HashMap<String, Profile>,
    users: u64,
) -> ListedAccount {
    let mut wrong: Vec<_> = healths
        .iter()
        .flat_map(|health| &health.reasons)
        .filter(|reason| matches!(reason.severity, Severity::Attention | Severity::Broken))
        .collect();
    wrong.sort_by_key(|reason| (std::cmp::Reverse(reason.severity), reason.code));
    let mut providers: Vec<Profile> = Vec::new();
    for profile in healths.iter().filter_map(|health| profiles.get(&health.client_id)) {
        if !providers.contains(profile) {
            providers.push(*profile);
        }
    }
    ListedAccount {
        standing: standing(&account, healths.iter().map(|health| health.state)),
        why: wrong.first().map(|reason| reason.sentence.clone()),
        more: wrong.len().saturating_sub(1),
        connections: healths.len(),
        providers,
        users,
        last_request: healths.iter().filter_map(|health| Some(health.last_request.as_ref()?.at.0)).max(),
        id: account.id,
        name: account.name,
    }
}

/// How an account with connections in these states stands.
pub(super) fn standing(account: &Account, states: impl IntoIterator<Item = HealthState>) -> Standing {
    Standing::of(account.suspended.is_some(), states)
}
