//! Housekeeping: everything that is due goes, in small batches, step by step. A step that fails is logged by its name and tried again
//! the next time; the others go on.
//!
//! What is deleted or ended here does not come back. So the time is judged ([`calendar`](crate::platform::trusted_clock)), and no more than a share of
//! the open grants ends within a day because no client uses them: what is beyond waits for the next day, or for an operator
//! (`gateway housekeeping --confirm`).

use std::sync::{Arc, Mutex, PoisonError};

use oauth::Keyring;

use crate::config::Config;
use crate::domain::actor::{Actor, Source};
use crate::domain::daily;
use crate::domain::event::{Act, Action};
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::platform::trusted_clock::{Calendar, Judged};
use crate::storage::audit::chain::{HeadFile, Link, NotWhole, Sealed};
use crate::storage::housekeeping::{Due, SWEEPS};
use crate::storage::{Db, DbError, ReadCost, Tx};

/// How many rows one unit of work removes at most.
const BATCH: i64 = 500;
const DAY: i64 = 24 * 3600 * 1000;
/// Spent and expired codes and refresh tokens are kept so long, so that their reuse is recognized.
const KEEP_SPENT: i64 = 7 * DAY;
/// A grant that has ended can be read about for so long.
const KEEP_ENDED: i64 = 90 * DAY;
/// A notice that was seen can be read about for so long,
const KEEP_SEEN: i64 = 90 * DAY;
/// and one that was not.
const KEEP_UNSEEN: i64 = 366 * DAY;

/// What became of a letter with a link can be read for so long.
const KEEP_LETTERS: i64 = 30 * DAY;

/// In `installation`: the last time that was believed.
const CLOCK: &str = "clock";
/// Until when an operator lets any number of grants end.
const CONFIRMED: &str = "housekeeping_confirmed";
/// Since when the day is counted within which only so many may end, and how many did: `MILLISECONDS:NUMBER`.
const COUNTED: &str = "housekeeping_unused";
/// When it was last told that grants wait.
const TOLD: &str = "housekeeping_told";

/// Who keeps house, and how. Cheap to clone.
#[derive(Clone)]
#[allow(missing_debug_implementations)]
pub struct Housekeeper {
    db: Db,
    keys: Arc<Keyring>,
    config: Arc<Config>,
    calendar: Arc<Calendar>,
    head_file: Option<HeadFile>,
    /// The newest head of the audit trail that this process knows of: it does not go back with the database.
    head: Arc<Mutex<Option<Link>>>,
}

/// What was done.
#[derive(Debug, Default)]
pub struct Done {
    /// How many rows were removed or written.
    pub rows: u64,
    /// By what time, unless it could not be asked for.
    pub judged: Option<Judged>,
    /// Whether grants wait because too many would end.
    pub held_back: bool,
    /// The steps that failed.
    pub failed: Vec<&'static str>,
}

impl Housekeeper {
    /// For this database.
    pub fn new(db: Db, keys: Arc<Keyring>, config: Arc<Config>) -> Housekeeper {
        let calendar = Arc::new(Calendar::new(db.clock().clone()));
        let head_file = config.audit.head_file(db.url());
        Housekeeper { db, keys, config, calendar, head_file, head: Arc::default() }
    }

    /// Believes the clock as it is, and lets everything end that is due, for a day.
    pub async fn confirm(&self) -> Result<(), DbError> {
        self.db
            .write(|tx| {
                let now = tx.database_now()?;
                tx.set_installation_value(CLOCK, &now.to_string())?;
                tx.set_installation_value(CONFIRMED, &(now + DAY).to_string())?;
                tx.act_as(Actor::CommandLine.at(Source::default()));
                let detail = format!("the time is {}; what is due may end", system::rfc3339(now));
                tx.raise(now, None, Act::new(Action::HousekeepingConfirmed).saying(detail));
                Ok(())
            })
            .await
    }

    /// Does everything that is due.
    pub async fn sweep(&self) -> Done {
        let mut done = Done::default();
        // First what needs no time, and above all the seal.
        self.seal(&mut done).await;
        self.step(&mut done, "writing down ended grants", |tx| tx.settle_endings(BATCH)).await;
        self.step(&mut done, "emptying deleted accounts", |tx| tx.empty_deleted_accounts(BATCH)).await;
        let judged = match self.now().await {
            Ok(judged) => judged,
            Err(error) => {
                failed(&mut done, "asking for the time", &error);
                return done;
            }
        };
        done.judged = Some(judged);
        let now = judged.now;
        let due = Due { now, spent_before: now - KEEP_SPENT, limit: BATCH };
        let idle_since = now - self.config.oauth.session_idle_seconds as i64 * 1000;
        let tell = move |tx: &mut Tx<'_>| tx.tell_of_idle(now, idle_since, BATCH);
        self.step(&mut done, "telling clients of sessions that were left alone", tell).await;
        for (name, sweep) in SWEEPS {
            self.step(&mut done, name, move |tx| sweep(tx, due)).await;
        }
        self.end_unused(&mut done, due).await;
        self.step(&mut done, "forgetting ended grants", move |tx| tx.forget_grants(now - KEEP_ENDED, BATCH)).await;
        let (seen, unseen) = (now - KEEP_SEEN, now - KEEP_UNSEEN);
        self.step(&mut done, "forgetting notices", move |tx| tx.forget_notices(seen, unseen, BATCH)).await;
        self.step(&mut done, "forgetting letters", move |tx| tx.forget_letters(now - KEEP_LETTERS, BATCH)).await;
        let old = now - i64::from(self.config.requests.keep_days) * DAY;
        self.step(&mut done, "forgetting requests", move |tx| tx.forget_requests(old, BATCH)).await;
        self.step(&mut done, "forgetting what was not recorded", move |tx| tx.forget_unrecorded(old, BATCH)).await;
        let old = now - i64::from(self.config.events.keep_days) * DAY;
        self.step(&mut done, "forgetting events", move |tx| tx.forget_events(old, BATCH)).await;
        self.step(&mut done, "forgetting dead letters", |tx| tx.forget_dead_letters(BATCH)).await;
        let first = daily::day_of(now) - daily::KEPT;
        self.step(&mut done, "forgetting daily counts", move |tx| tx.forget_days(first, BATCH)).await;
        if let Some(days) = self.config.audit.retention_days {
            let before = now - i64::from(days) * DAY;
            let forget = move |tx: &mut Tx<'_>| tx.forget_access_history(before, BATCH);
            self.step(&mut done, "forgetting earlier access", forget).await;
            self.forget_audit(&mut done, now - i64::from(days) * DAY).await;
        }
        done
    }

    async fn seal(&self, done: &mut Done) {
        let mut known = match self.known_head().await {
            Ok(known) => known,
            Err(error) => return failed(done, "sealing the audit trail", &error),
        };
        let before = known.clone();
        loop {
            let (keys, now, head) = (self.keys.clone(), self.db.clock().now(), known.clone());
            match self.db.write(move |tx| tx.seal_audit(&keys, now, BATCH, head.as_ref())).await {
                Ok(None) => break,
                Ok(Some(sealed)) => {
                    done.rows += sealed.rows;
                    tell_of_seal(&sealed);
                    known = Some(sealed.head);
                }
                Err(error) => {
                    failed(done, "sealing the audit trail", &error);
                    break;
                }
            }
        }
        if known != before {
            self.keep_head(known);
        }
    }

    /// The newest head that is known outside the database: to this process, or in the file. Where there is neither, it is the one in the
    /// database from now on.
    async fn known_head(&self) -> Result<Option<Link>, DbError> {
        let known = self.head.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if known.is_some() {
            return Ok(known);
        }
        let kept = self.head_file.as_ref().map_or(Ok(None), |file| file.read(&self.keys));
        if let Ok(Some(kept)) = kept {
            *self.head.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept.clone());
            return Ok(Some(kept));
        }
        let keys = self.keys.clone();
        let head = self.db.read::<_, DbError, _>(ReadCost::Point, move |tx| tx.audit_head(&keys)).await?;
        match kept {
            // A new database in the place of another.
            Err(_) if head.as_ref().is_some_and(Link::is_beginning) => {}
            Err(why) => tracing::error!(
                "the head of the audit trail that is kept outside the database is lost: {why}. The one in the database is kept from now on"
            ),
            Ok(_) => {}
        }
        self.keep_head(head.clone());
        Ok(head)
    }

    /// From here on this is the newest head.
    fn keep_head(&self, head: Option<Link>) {
        if let (Some(file), Some(head)) = (&self.head_file, &head)
            && let Err(error) = file.write(&self.keys, head)
        {
            tracing::warn!(%error, "the head of the audit trail could not be kept outside the database");
        }
        *self.head.lock().unwrap_or_else(PoisonError::into_inner) = head;
    }

    async fn forget_audit(&self, done: &mut Done, before: Timestamp) {
        loop {
            let keys = self.keys.clone();
            match self.db.write(move |tx| tx.forget_audit(&keys, before)).await {
                Ok(Ok(0)) => return,
                Ok(Ok(rows)) => done.rows += rows,
                Ok(Err(NotWhole(segment))) => {
                    tracing::error!(
                        segment,
                        "the oldest segment of the audit trail is not what was sealed, so nothing of it is removed: `gateway audit verify`"
                    );
                    return;
                }
                Err(error) => return failed(done, "forgetting the audit trail", &error),
            }
        }
    }

    /// The time as it is believed; noted for the next start and for other replicas.
    pub async fn now(&self) -> Result<Judged, DbError> {
        let noted = |tx: &mut Tx<'_>| Ok((tx.database_now()?, time_noted(tx, CLOCK)?));
        let (wall, noted): (Timestamp, Option<Timestamp>) =
            self.db.read::<_, DbError, _>(ReadCost::Point, noted).await?;
        let judged = self.calendar.judge(wall, noted);
        match judged.doubted {
            None if noted.is_none_or(|noted| noted < judged.now) => {
                self.db.write_relaxed(move |tx| tx.set_installation_value(CLOCK, &judged.now.to_string())).await?;
            }
            None => {}
            Some(ahead) => tracing::error!(
                clock = system::rfc3339(wall),
                believed = system::rfc3339(judged.now),
                "the clock jumped ahead by {} minutes: nothing ends or goes by it. If it is right, it is believed in a day, or after \
                 `gateway housekeeping --confirm`",
                ahead / 60_000
            ),
        }
        Ok(judged)
    }

    /// Ends grants that no client used, as many as may end in a day.
    async fn end_unused(&self, done: &mut Done, due: Due) {
        let share = i64::from(self.config.housekeeping.largest_share_percent);
        loop {
            let allowed = self.db.read::<_, DbError, _>(ReadCost::Scan, move |tx| {
                let confirmed = time_noted(tx, CONFIRMED)?.is_some_and(|until| due.now < until);
                Ok(match tx.refresh_tokens_are_due(due)? {
                    true if confirmed => Some(BATCH),
                    true => {
                        let (_, ended) = counted(tx, due.now)?;
                        Some((((tx.open_grants()? + ended) * share / 100).max(1) - ended).min(BATCH))
                    }
                    false => None,
                })
            });
            let batch = match allowed.await {
                Ok(None) => return,
                Ok(Some(limit @ 1..)) => self.db.write(move |tx| end_and_count(tx, Due { limit, ..due })).await,
                Ok(Some(_)) => {
                    done.held_back = true;
                    self.db.write(move |tx| tell_once(tx, due.now, share)).await.map(|()| 0)
                }
                Err(error) => Err(error),
            };
            match batch {
                Ok(0) => return,
                Ok(rows) => done.rows += rows,
                Err(error) => return failed(done, "ending unused grants", &error),
            }
        }
    }

    /// One step, batch after batch.
    async fn step<F>(&self, done: &mut Done, name: &'static str, work: F)
    where
        F: FnMut(&mut Tx<'_>) -> Result<u64, DbError> + Clone + Send + 'static,
    {
        loop {
            match self.db.write(work.clone()).await {
                Ok(0) => return,
                Ok(rows) => done.rows += rows,
                Err(error) => return failed(done, name, &error),
            }
        }
    }
}

/// A copy of the log, kept elsewhere, shows later whether the whole trail was replaced.
fn tell_of_seal(sealed: &Sealed) {
    let (head, rows) = (&sealed.head, sealed.rows);
    if sealed.is_broken {
        tracing::error!(
            %head,
            rows,
            "the note of where the audit trail ended is missing, or does not fit the trail or the head that is kept outside the database, so \
             what was there before may have been cut off: `gateway audit verify`"
        );
    } else {
        tracing::info!(%head, rows, "sealed rows of the audit trail");
    }
}

fn failed(done: &mut Done, step: &'static str, error: &DbError) {
    tracing::error!(step, %error, "a step of housekeeping failed; it will be tried again, and the others go on");
    done.failed.push(step);
}

fn time_noted(tx: &mut Tx<'_>, name: &str) -> Result<Option<Timestamp>, DbError> {
    Ok(tx.installation_value(name)?.and_then(|text| text.parse().ok()).map(Timestamp::of_millis))
}

/// Since when the day is counted, and how many connections ended in it.
fn counted(tx: &mut Tx<'_>, now: Timestamp) -> Result<(Timestamp, i64), DbError> {
    let noted = tx.installation_value(COUNTED)?;
    let noted = noted.and_then(|text| {
        text.split_once(':').and_then(|(at, n)| Some((Timestamp::of_millis(at.parse().ok()?), n.parse().ok()?)))
    });
    Ok(noted.filter(|(since, _): &(Timestamp, i64)| (0..DAY).contains(&(now - *since))).unwrap_or((now, 0)))
}

/// A refresh token that no client used is a connection, whether its grant ends with it or stands for a code a little longer.
fn end_and_count(tx: &mut Tx<'_>, due: Due) -> Result<u64, DbError> {
    let rows = tx.sweep_expired_refresh_tokens(due)?;
    let (since, ended) = counted(tx, due.now)?;
    tx.set_installation_value(COUNTED, &format!("{since}:{}", ended + rows as i64))?;
    Ok(rows)
}

/// Grants wait: in the log and in the audit trail, once a day.
fn tell_once(tx: &mut Tx<'_>, now: Timestamp, share: i64) -> Result<(), DbError> {
    if time_noted(tx, TOLD)?.is_some_and(|told| now - told < DAY) {
        return Ok(());
    }
    tx.set_installation_value(TOLD, &now.to_string())?;
    let detail = format!(
        "more than {share} % of all open grants would end within a day because they were not used; the rest waits"
    );
    tracing::error!("{detail}. If that is right: `gateway housekeeping --confirm`");
    tx.raise(now, None, Act::new(Action::HousekeepingHeldBack).saying(detail));
    Ok(())
}
