//! Watches connections: what was found is kept, and a change that lasts is an event and a notice to those who may accept access, in one unit
//! of work.

use serde_json::{Map, Value, json};

use super::{Looked, Rules, known_since, look, since};
use crate::domain::event::{Act, Action, Changes};
use crate::domain::health::{HealthChange, HealthState, Settling, Watched};
use crate::domain::ids::ClientKey;
use crate::domain::notice::{ConnectionHealth, NoticeKind};
use crate::domain::person;
use crate::platform::timestamp::Timestamp;
use crate::storage::health::states::StoredHealth;
use crate::storage::{DbError, Tx};

/// In `installation`: when connections were first looked at. What is younger is new.
const BEGAN: &str = "health_began";
/// So many administrators are told.
const TOLD: usize = 10;

/// What is to be kept of a client that was looked at.
#[derive(Debug, Clone)]
pub struct Outcome {
    found: StoredHealth,
    told: Option<Told>,
}

impl Outcome {
    /// Whether it is an event, and not only kept.
    pub fn is_told(&self) -> bool {
        self.told.is_some()
    }
}

/// What is to be told of it.
#[derive(Debug, Clone)]
struct Told {
    change: HealthChange,
    client: String,
    client_name: String,
    account: Option<crate::domain::ids::AccountKey>,
    sentences: Vec<String>,
}

/// What came of a look at a batch of clients.
#[derive(Debug, Default)]
pub struct Batch {
    /// Those of which there is nothing new.
    pub same: Vec<ClientKey>,
    /// The others.
    pub outcomes: Vec<Outcome>,
}

/// Begins to look at connections, if that was not done before. Clients that an earlier release made meanwhile are entered.
pub fn begin(tx: &mut Tx<'_>) -> Result<(), DbError> {
    let now = tx.now();
    tx.establish_fact(BEGAN, &now.to_string())?;
    tx.enter_missing_health()?;
    Ok(())
}

/// Looks at the clients that were claimed. Only reads.
pub fn look_at(tx: &mut Tx<'_>, rules: &Rules<'_>, claimed: &[StoredHealth]) -> Result<Batch, DbError> {
    let now = tx.now();
    let began = tx.installation_value(BEGAN)?.and_then(|text| text.parse().ok()).map_or(now, Timestamp::of_millis);
    let keys: Vec<ClientKey> = claimed.iter().map(|stored| stored.client).collect();
    let records = tx.clients_at(&keys)?;
    let mut looked = look(tx, rules, records)?;
    let mut batch = Batch::default();
    for stored in claimed {
        let Some(index) = looked.iter().position(|looked| looked.record.seq == stored.client) else {
            batch.same.push(stored.client);
            continue;
        };
        let looked = looked.swap_remove(index);
        // Of a suspended account nothing is told: what an operator did is no news, and afterwards it goes on where it was.
        if looked.account.as_ref().is_some_and(|account| account.suspended.is_some()) {
            batch.same.push(stored.client);
            continue;
        }
        match outcome(stored, looked, rules, began, now) {
            Some(outcome) => batch.outcomes.push(outcome),
            None => batch.same.push(stored.client),
        }
    }
    Ok(batch)
}

fn outcome(
    stored: &StoredHealth,
    looked: Looked,
    rules: &Rules<'_>,
    began: Timestamp,
    now: Timestamp,
) -> Option<Outcome> {
    let health = &rules.config.health;
    let finding = &looked.finding;
    let watched = match (HealthState::parse(&stored.state), HealthState::parse(&stored.told)) {
        (Some(state), Some(told)) => Watched { state, since: stored.since, told, differs_since: stored.differs_since },
        _ => Watched::first(finding.state, looked.record.created >= began, now),
    };
    let settling = Settling { worse: health.worse, better: health.better };
    let (next, change) = watched.then(finding.state, settling, now);
    let known = known_since(stored);
    let reasons: Map<String, Value> = finding
        .reasons
        .iter()
        .map(|reason| (reason.code.as_str().to_owned(), json!(since(reason, &known, now).millis())))
        .collect();
    let found = StoredHealth {
        client: stored.client,
        state: next.state.as_str().to_owned(),
        since: next.since,
        told: next.told.as_str().to_owned(),
        differs_since: next.differs_since,
        // While the same reasons hold, since when each is known stays as it is.
        reasons: match reasons.keys().eq(known.keys()) {
            true => stored.reasons.clone(),
            false => Value::Object(reasons).to_string(),
        },
        due: now + i64::try_from(health.pause.as_millis()).unwrap_or(i64::MAX),
    };
    if change.is_none() && (StoredHealth { due: stored.due, ..found.clone() }) == *stored {
        return None;
    }
    let worst = |reason: &&crate::domain::health::Reason| reason.code.severity().as_str() == finding.state.as_str();
    let told = change.map(|change| Told {
        change,
        client: looked.record.client.id.as_str().to_owned(),
        client_name: person::short_name(&looked.record.client.name),
        account: looked.record.account,
        sentences: finding.reasons.iter().filter(worst).map(|reason| reason.sentence.clone()).collect(),
    });
    Some(Outcome { found, told })
}

/// Keeps what came of a look, and tells of a change; not if another replica took the claim over meanwhile.
pub fn keep(tx: &mut Tx<'_>, outcome: &Outcome, claimed: Timestamp) -> Result<(), DbError> {
    if !tx.keep_health(&outcome.found, claimed)? {
        return Ok(());
    }
    let Some(told) = &outcome.told else { return Ok(()) };
    let now = tx.now();
    let HealthChange { from, to } = told.change;
    let changes = Changes::between(&json!({"health": from.as_str()}), &json!({"health": to.as_str()}), &[]);
    let said = (!told.sentences.is_empty()).then(|| told.sentences.join(" "));
    let act = Act::new(Action::ClientHealthChanged).on_named(&told.client, &told.client_name);
    tx.raise(now, told.account, act.saying(said).changing(changes));
    let Some(account) = told.account else { return Ok(()) };
    let notice = NoticeKind::ConnectionHealth(ConnectionHealth {
        client: told.client_name.clone(),
        state: to.as_str().to_owned(),
        sentences: told.sentences.clone(),
    });
    let administrators = tx.administrators_to_tell(account, TOLD)?;
    if administrators.is_empty() {
        return tx.insert_notice_to_operators(account, &notice, now);
    }
    administrators.into_iter().try_for_each(|user| tx.insert_notice(account, user, &notice, now))
}
