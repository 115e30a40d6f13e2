//! Writing what was recorded: who it belongs to is looked up beside the one writer, and the rows are written a batch at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use oauth::GrantId;

use super::{Dropped, Recorder};
use crate::domain::daily::ClientDay;
use crate::domain::health::Seen;
use crate::domain::ids::AccountKey;
use crate::domain::request::{Owner, RequestRecord, Share};
use crate::storage::requests::{Belonging, NewRequest};
use crate::storage::{Db, DbError, ReadCost, Tx};

/// So many rows are written in one unit of work.
const BATCH: usize = 200;
/// So many rows go in one.
const REMOVED: i64 = 500;
/// How often a batch is tried under other numbers.
const ATTEMPTS: usize = 3;

/// What the writer of the request log remembers.
#[derive(Debug, Default)]
pub(super) struct Scribe {
    /// How many rows each account got since it was looked how many it has; `None`: that is still to be done.
    written: HashMap<Option<AccountKey>, Option<u64>>,
    told: Dropped,
}

impl Recorder {
    /// How often what waits is written: a process that is killed loses what it recorded since.
    pub const EVERY: Duration = Duration::from_secs(1);
    /// How often it is told that records were dropped.
    pub const TOLD_EVERY: Duration = Duration::from_secs(60);

    /// Writes what waits, after what is being written. What cannot be written is counted as dropped.
    pub async fn write(&self, db: &Db) -> Result<(), DbError> {
        let mut scribe = self.scribe.lock().await;
        let mut waiting = self.take().into_iter();
        loop {
            let batch: Arc<[RequestRecord]> = waiting.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                return self.count_dropped(db).await;
            }
            match write_batch(db, batch.clone()).await {
                Ok(written) => written.into_iter().for_each(|account| scribe.count(account)),
                Err(error) => {
                    self.lost(batch.iter().chain(waiting.as_slice()));
                    return Err(error);
                }
            }
        }
    }

    /// Adds what was dropped to what all servers dropped, so that each of them can tell.
    async fn count_dropped(&self, db: &Db) -> Result<(), DbError> {
        let dropped = self.take_uncounted();
        if dropped.is_empty() {
            return Ok(());
        }
        let (shares, now) = (dropped.clone(), db.clock().now());
        let counted = db
            .write_relaxed(move |tx| {
                for (share, dropped) in &shares {
                    let owner = match share {
                        Share::Account(account) => Some(*account),
                        Share::Grant(grant) => tx.facts_of_grant(GrantId::new(*grant))?.and_then(|facts| facts.account),
                        Share::Others => None,
                    };
                    tx.add_unrecorded(owner, now, dropped.successes, dropped.failures)?;
                }
                Ok(())
            })
            .await;
        if counted.is_err() {
            self.still_uncounted(dropped);
        }
        counted
    }

    /// Removes the oldest rows of accounts that got many.
    pub async fn trim(&self, db: &Db, keep: u32) -> Result<(), DbError> {
        let mut scribe = self.scribe.lock().await;
        let many = |(account, written): (&Option<AccountKey>, &Option<u64>)| {
            written.is_none_or(|written| written >= u64::from(keep / 20)).then_some(*account)
        };
        let due: Vec<Option<AccountKey>> = scribe.written.iter().filter_map(many).collect();
        for account in due {
            let beyond = db
                .read::<_, DbError, _>(ReadCost::Scan, move |tx| tx.first_request_beyond(account, i64::from(keep)))
                .await?;
            if let Some(last) = beyond {
                while db.write_relaxed(move |tx| tx.remove_requests(account, last, REMOVED)).await? > 0 {}
            }
            scribe.written.insert(account, Some(0));
        }
        Ok(())
    }

    /// Says in the log how many records were dropped since that was said last.
    pub async fn tell(&self) {
        let mut scribe = self.scribe.lock().await;
        let (dropped, told) = (self.dropped(), scribe.told);
        if dropped != told {
            let (successes, failures) = (dropped.successes - told.successes, dropped.failures - told.failures);
            tracing::warn!(successes, failures, "requests were not recorded: more came than could be written");
            scribe.told = dropped;
        }
    }
}

impl Scribe {
    fn count(&mut self, account: Option<AccountKey>) {
        if let Some(written) = self.written.entry(account).or_default() {
            *written += 1;
        }
    }
}

/// Writes a batch; says whose rows it wrote.
async fn write_batch(db: &Db, batch: Arc<[RequestRecord]>) -> Result<Vec<Option<AccountKey>>, DbError> {
    let mut rows = db.read::<_, DbError, _>(ReadCost::Scan, move |tx| looked_up(tx, &batch)).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut attempt = 0;
    loop {
        let written = rows.clone();
        let seen = Seen::of(rows.iter().filter_map(NewRequest::visit));
        let days = ClientDay::of(rows.iter().filter_map(NewRequest::visit));
        let keep = move |tx: &mut Tx<'_>| {
            tx.insert_requests(&written)?;
            tx.note_activity(&seen)?;
            tx.add_client_days(&days)
        };
        match db.write_relaxed(keep).await {
            Ok(()) => return Ok(rows.iter().map(NewRequest::account).collect()),
            // Another server had one of the numbers.
            Err(error) if error.is_unique_violation() && attempt < ATTEMPTS => {
                rows.iter_mut().for_each(NewRequest::renumber);
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// The rows of these records. What belongs to an account that was deleted is none.
fn looked_up(tx: &mut Tx<'_>, batch: &[RequestRecord]) -> Result<Vec<NewRequest>, DbError> {
    let mut known: Vec<(Owner, Option<Belonging>)> = Vec::new();
    let mut rows = Vec::with_capacity(batch.len());
    for record in batch {
        let owner = &record.findings.owner;
        let belonging = match known.iter().find(|(known, _)| known == owner) {
            Some((_, belonging)) => belonging.clone(),
            None => {
                let belonging = tx.belonging_of(owner)?;
                known.push((owner.clone(), belonging.clone()));
                belonging
            }
        };
        let Some(belonging) = belonging else { continue };
        let found = &record.findings;
        let name = match (belonging.account, &found.target, &found.target_name) {
            (Some(account), Some(id), None) if !record.is_success() => tx.name_of_target(account, id)?,
            _ => None,
        };
        rows.push(NewRequest::of(record.clone(), belonging, name));
    }
    Ok(rows)
}
