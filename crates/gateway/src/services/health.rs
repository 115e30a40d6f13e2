//! The health of connections: facts of many clients are collected at once, and a pure rule judges them
//! ([`Finding`]).

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::config::Config;
use crate::domain::account::Account;
use crate::domain::bodies::health::{ClientHealth, Contact, HealthReason, RefusalCount};
use crate::domain::described::Time;
use crate::domain::health::{Activity, Facts, Finding, HealthState, Moment, Reason};
use crate::domain::ids::{AccountKey, ClientKey};
use crate::domain::operator::{Mandate, Power, Reach};
use crate::domain::schemas::Schemas;
use crate::platform::timestamp::Timestamp;
use crate::services::error::ActError;
use crate::services::{accounts, clients};
use crate::storage::clients::ClientRecord;
use crate::storage::health::states::StoredHealth;
use crate::storage::{DbError, Tx};

mod collection;
pub mod recording;
pub mod watching;

/// Two notes of one token are this close, in milliseconds.
const SAME: i64 = 60_000;

/// What health goes by.
#[allow(missing_debug_implementations)]
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// What operators set.
    pub config: &'a Config,
    /// What the protocol goes by.
    pub protocol: &'a oauth::Settings,
    /// The schemas of each account.
    pub schemas: &'a Schemas,
    /// Whether requests are recorded.
    pub is_recorded: bool,
}

/// A client that was looked at.
#[derive(Debug)]
pub struct Looked {
    /// The client.
    pub record: ClientRecord,
    /// Its account.
    pub account: Option<Account>,
    /// What is known.
    pub facts: Facts,
    /// What that means.
    pub finding: Finding,
}

/// A page of clients that were looked at.
#[derive(Debug)]
pub struct Page {
    /// The clients.
    pub items: Vec<ClientHealth>,
    /// The row after which the next page begins.
    pub next: Option<i64>,
}

/// How a client is. Only reads.
pub fn of_client(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    rules: &Rules<'_>,
    client: &str,
) -> Result<ClientHealth, ActError> {
    let record = clients::find(tx, mandate, Power::Read, client)?;
    let shown = shown(tx, rules, vec![record])?.pop();
    shown.ok_or_else(|| ActError::not_found("client", client))
}

/// How the clients of an account are. Those in another state are left out, so a page may have fewer. Only reads.
pub fn of_account(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    rules: &Rules<'_>,
    account: &str,
    state: Option<HealthState>,
    (after, limit): (i64, i64),
) -> Result<Page, ActError> {
    let account = accounts::find(tx, mandate, Power::Read, account)?;
    let records = tx.clients_after(Some(account.seq), after, limit)?;
    let last = records.last().map(|record| i64::from(record.seq)).filter(|_| records.len() as i64 >= limit);
    Ok(page(shown(tx, rules, records)?, state, last))
}

/// How the clients within reach are. Which of the installation are in a state is known from when they were last looked at. Only reads.
pub fn of_all(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    rules: &Rules<'_>,
    state: Option<HealthState>,
    (after, limit): (i64, i64),
) -> Result<Page, ActError> {
    mandate.may(Power::Read)?;
    let (records, last) = match (state, mandate.reach()) {
        (_, Reach::Accounts(accounts)) => {
            let records = tx.clients_of_accounts_after(accounts, after, limit)?;
            let last = records.last().map(|record| i64::from(record.seq)).filter(|_| records.len() as i64 >= limit);
            (records, last)
        }
        (Some(state), Reach::All) => {
            let keys = tx.clients_in_state(state.as_str(), after, limit)?;
            let last = keys.last().map(|key| i64::from(*key)).filter(|_| keys.len() as i64 >= limit);
            (tx.clients_at(&keys)?, last)
        }
        (None, Reach::All) => {
            let records = tx.all_clients_after(after, limit)?;
            let last = records.last().map(|record| i64::from(record.seq)).filter(|_| records.len() as i64 >= limit);
            (records, last)
        }
    };
    Ok(page(shown(tx, rules, records)?, state, last))
}

fn page(mut items: Vec<ClientHealth>, state: Option<HealthState>, next: Option<i64>) -> Page {
    items.retain(|item| state.is_none_or(|state| item.state == state));
    Page { items, next }
}

/// Looks at these clients. Those of deleted accounts are left out.
pub fn look(tx: &mut Tx<'_>, rules: &Rules<'_>, records: Vec<ClientRecord>) -> Result<Vec<Looked>, DbError> {
    let now = tx.now();
    let looked = collection::collect(tx, rules, records, now)?.into_iter().map(|(record, account, facts)| {
        let finding = Finding::of(&facts, &rules.config.health.policy, now);
        Looked { record, account, facts, finding }
    });
    Ok(looked.collect())
}

/// How these clients are. Those of deleted accounts are left out. Only reads.
pub fn of_records(
    tx: &mut Tx<'_>,
    rules: &Rules<'_>,
    records: Vec<ClientRecord>,
) -> Result<Vec<ClientHealth>, DbError> {
    shown(tx, rules, records)
}

fn shown(tx: &mut Tx<'_>, rules: &Rules<'_>, records: Vec<ClientRecord>) -> Result<Vec<ClientHealth>, DbError> {
    let now = tx.now();
    let looked = look(tx, rules, records)?;
    let keys: Vec<ClientKey> = looked.iter().map(|looked| looked.record.seq).collect();
    let stored: HashMap<ClientKey, StoredHealth> =
        tx.health_of(&keys)?.into_iter().map(|stored| (stored.client, stored)).collect();
    Ok(looked.into_iter().map(|looked| representation(&looked, stored.get(&looked.record.seq), now)).collect())
}

/// Since when reasons are known, by their codes.
pub(crate) fn known_since(stored: &StoredHealth) -> Map<String, Value> {
    serde_json::from_str(&stored.reasons).unwrap_or_default()
}

/// Since when a reason is so, or at least known to be.
pub(crate) fn since(reason: &Reason, known: &Map<String, Value>, now: Timestamp) -> Timestamp {
    let known = known.get(reason.code.as_str()).and_then(Value::as_i64).map(Timestamp::of_millis);
    reason.since.or(known).unwrap_or(now).min(now)
}

fn representation(looked: &Looked, stored: Option<&StoredHealth>, now: Timestamp) -> ClientHealth {
    let Looked { record, account, facts, finding } = looked;
    let known = stored.map(known_since).unwrap_or_default();
    let reason = |reason: &Reason| HealthReason {
        code: reason.code,
        severity: reason.code.severity(),
        sentence: reason.sentence.clone(),
        since: Time(since(reason, &known, now)),
        what_to_do: reason.code.remedy(),
    };
    let activity = facts.activity.as_ref();
    let of = |which: fn(&Activity) -> &Option<Moment>| activity.and_then(|activity| which(activity).clone());
    let used = facts.tokens.iter().filter_map(|token| token.last_used).max().map(|at| Moment { at, address: None });
    let mut refusals: Vec<RefusalCount> = Vec::new();
    for refusal in &facts.refusals.0 {
        match refusals.iter_mut().find(|known| known.code == refusal.code) {
            Some(known) => {
                known.count += refusal.count;
                known.last = Time(known.last.0.max(refusal.last));
            }
            None => refusals.push(RefusalCount {
                code: refusal.code.clone(),
                count: refusal.count,
                last: Time(refusal.last),
            }),
        }
    }
    refusals.sort_by(|one, other| (other.count, &one.code).cmp(&(one.count, &other.code)));
    ClientHealth {
        client_id: record.client.id.as_str().to_owned(),
        client_name: record.client.name.clone(),
        account: account.as_ref().map(|account| account.id.clone()),
        account_name: account.as_ref().map(|account| account.name.clone()),
        state: finding.state,
        since: stored
            .filter(|stored| stored.state == finding.state.as_str())
            .map_or(Time(now), |stored| Time(stored.since)),
        reasons: finding.reasons.iter().map(reason).collect(),
        last_request: contact(of(|activity| &activity.last_request).or(used)),
        last_success: contact(of(|activity| &activity.last_success)),
        last_refresh: contact(last_token(facts)),
        last_import: contact(of(|activity| &activity.last_import)),
        recorded: facts.is_recorded,
        usual_pause_days: activity.and_then(|activity| activity.days.longest_pause()),
        expires: facts.connections.iter().filter_map(|connection| connection.end()).max().map(Time),
        refusals,
    }
}

fn contact(moment: Option<Moment>) -> Option<Contact> {
    moment.map(|moment| Contact { at: Time(moment.at), address: moment.address })
}

/// The last token that the client was given: what was recorded, or a refresh token that is there.
fn last_token(facts: &Facts) -> Option<Moment> {
    let recorded = facts.activity.as_ref().and_then(|activity| activity.last_token.clone());
    let refreshed = facts.connections.iter().filter_map(|connection| connection.refreshed).max();
    match (recorded, refreshed) {
        (Some(recorded), Some(refreshed)) if recorded.at + SAME < refreshed => {
            Some(Moment { at: refreshed, address: None })
        }
        (Some(recorded), _) => Some(recorded),
        (None, refreshed) => refreshed.map(|at| Moment { at, address: None }),
    }
}

/// The accounts by their keys.
fn by_key(accounts: Vec<Account>) -> HashMap<AccountKey, Account> {
    accounts.into_iter().map(|account| (account.seq, account)).collect()
}
