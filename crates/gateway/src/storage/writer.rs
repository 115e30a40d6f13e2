//! The one writer of SQLite: a thread that runs waiting units of work and commits them together.
//!
//! Accounts take turns by what their units took; a unit that takes long is committed alone, so that no other waits for its end to be
//! acknowledged.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;

use super::backend::AnyConn;
use super::error::DbError;
use super::files::Files;
use super::transaction::{begin, commit, roll_back};
use super::unit::{Unit, Within};
use crate::domain::metrics::Work;
use crate::each;
use crate::platform::turns::{Payer, Turns};

/// How many units of work one commit carries at most.
const BATCH: usize = 64;
/// How long units of work are added to a commit that others wait for.
const FILLING: Duration = Duration::from_millis(10);

/// What was sent longer ago than this is over.
const OF_LATE: Duration = Duration::from_secs(30);

/// A unit of work for the writer.
pub(super) struct SqliteJob {
    /// What it is.
    pub(super) unit: Box<dyn Unit>,
    /// Whether it has to be on the disk before it is answered.
    pub(super) durable: bool,
    /// Whether it has a commit of its own.
    pub(super) alone: bool,
}

/// What the writer is doing, for the readiness check.
#[derive(Debug)]
pub(super) struct Progress {
    start: Instant,
    /// When it got the lock that it holds, in milliseconds from the start, plus one; 0: it holds none.
    holds: AtomicU64,
    /// When it committed last, in the same way.
    committed: AtomicU64,
}

impl Progress {
    fn new() -> Progress {
        Progress { start: Instant::now(), holds: AtomicU64::new(0), committed: AtomicU64::new(0) }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    fn since(&self, moment: &AtomicU64) -> Option<Duration> {
        let moment = moment.load(Ordering::Relaxed);
        (moment > 0).then(|| Duration::from_millis(self.now().saturating_sub(moment)))
    }

    /// For how long it has held the lock.
    pub(super) fn holds(&self) -> Option<Duration> {
        self.since(&self.holds)
    }

    /// How long ago it committed.
    pub(super) fn committed(&self) -> Option<Duration> {
        self.since(&self.committed)
    }
}

/// The way to the writer. It ends when all are gone.
#[derive(Clone)]
pub(super) struct Writer {
    door: Arc<Door>,
    pub(super) progress: Arc<Progress>,
}

struct Door(Arc<Queue>);

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    wake: Condvar,
}

/// What waits is no more than there are requests, of which connections bound the number.
#[derive(Default)]
struct State {
    turns: Turns<SqliteJob>,
    /// The last two accounts that sent something, and when.
    senders: [Option<(Payer, Instant)>; 2],
    closed: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is next; `None` when there will be nothing any more.
    fn wait(&self) -> Option<(Payer, SqliteJob)> {
        let mut state = self.lock();
        loop {
            if let Some(next) = state.turns.next(|_| true) {
                return Some(next);
            }
            if state.closed {
                return None;
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What is next, if it may go into a commit of this kind. The unit before it is paid for.
    fn another(&self, durable: bool, (payer, took): (Payer, Duration), more: bool) -> Option<(Payer, SqliteJob)> {
        let mut state = self.lock();
        state.turns.charge(payer, took);
        let fits = |job: &SqliteJob| more && !job.alone && (durable || !job.durable);
        state.turns.peek().is_some_and(fits).then(|| state.turns.next(|_| true))?
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.wake.notify_all();
    }
}

/// Tells those who would send more that the thread has ended.
struct Ends(Arc<Queue>);

impl Drop for Ends {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.closed = true;
        state.turns = Turns::default();
    }
}

impl Writer {
    /// Puts a unit of work into its payer's line, unless the writer has ended or the line is overlong. A part of a long one is begun.
    pub(super) fn send(&self, payer: Payer, job: SqliteJob) -> Result<(), DbError> {
        let queue = &self.door.0;
        let mut state = queue.lock();
        if state.closed {
            return Err(DbError::Interrupted);
        }
        if !job.alone && state.turns.is_overlong(payer) {
            return Err(DbError::Overloaded);
        }
        if payer.is_account() {
            if state.senders[0].is_some_and(|(last, _)| last != payer) {
                state.senders[1] = state.senders[0];
            }
            state.senders[0] = Some((payer, Instant::now()));
        }
        state.turns.push(payer, job);
        drop(state);
        queue.wake.notify_one();
        Ok(())
    }

    /// How many units of work wait.
    pub(super) fn waiting(&self) -> usize {
        self.door.0.lock().turns.len()
    }

    /// Whether others than this payer sent something of late.
    pub(super) fn serves_others(&self, payer: Payer) -> bool {
        let of_late = |(other, at): &(Payer, Instant)| *other != payer && at.elapsed() < OF_LATE;
        self.door.0.lock().senders.iter().flatten().any(of_late)
    }

    /// Lets the writer look whether its files are where they were.
    pub(super) fn nudge(&self) {
        drop(self.send(Payer::SERVER, SqliteJob { unit: Box::new(Nudge), durable: false, alone: false }));
    }
}

/// Does nothing.
struct Nudge;

impl Unit for Nudge {
    fn run(&mut self, _: &mut AnyConn, _: Within) -> bool {
        false
    }

    fn refuse(&mut self, _: DbError) {}

    fn answer(self: Box<Self>, _: Result<(), DbError>) {}
}

/// After a transaction had to be undone for one of its units, so many that follow give each a savepoint: what makes units fail may go on.
const CAREFUL: u32 = 64;

/// The units of work of one transaction.
struct Batch {
    units: Vec<Box<dyn Unit>>,
    within: Within,
}

impl Batch {
    /// One more. What fails and leaves something behind is undone with all, and those before it are run again.
    fn run(&mut self, conn: &mut AnyConn, mut unit: Box<dyn Unit>) -> Result<(), DbError> {
        let is_left = unit.run(conn, self.within);
        let undone = if is_left { self.begin_anew(conn) } else { Ok(()) };
        self.units.push(unit);
        undone
    }

    fn begin_anew(&mut self, conn: &mut AnyConn) -> Result<(), DbError> {
        self.within = Within::Savepoint;
        roll_back(conn)?;
        begin(conn, "BEGIN IMMEDIATE")?;
        for unit in &mut self.units {
            unit.run(conn, self.within);
        }
        Ok(())
    }
}

/// Starts it.
pub(super) fn start(mut conn: AnyConn, path: PathBuf, work: Work) -> Writer {
    let queue = Arc::new(Queue::default());
    let progress = Arc::new(Progress::new());
    let (shown, waiting) = (progress.clone(), queue.clone());
    std::thread::Builder::new()
        .name("sqlite-writer".to_owned())
        .spawn(move || {
            let ends = Ends(waiting);
            let queue = &ends.0;
            let (mut synced, mut files, mut rescued, mut careful) = (true, Files::of(path), false, 0_u32);
            while let Some((mut payer, mut first)) = queue.wait() {
                let (durable, alone, began) = (first.durable, first.alone, Instant::now());
                let begun = synchronous(&mut conn, &mut synced, durable)
                    .and_then(|()| begin(&mut conn, "BEGIN IMMEDIATE"))
                    .and_then(|()| files.check().inspect_err(|_| drop(roll_back(&mut conn))));
                if let Err(error) = begun {
                    rescue(&mut conn, &files, &error, &mut rescued);
                    first.unit.refuse(error);
                    first.unit.answer(Ok(()));
                    continue;
                }
                shown.holds.store(shown.now(), Ordering::Relaxed);
                let within = if careful > 0 { Within::Savepoint } else { Within::Transaction };
                let mut batch = Batch { units: Vec::new(), within };
                let mut done = batch.run(&mut conn, first.unit);
                let mut since = began;
                while done.is_ok() {
                    let now = Instant::now();
                    let more = !alone && batch.units.len() < BATCH && now - began < FILLING;
                    let Some((next, job)) = queue.another(durable, (payer, now - since), more) else { break };
                    (payer, since) = (next, now);
                    done = batch.run(&mut conn, job.unit);
                }
                careful = if batch.within == within { careful.saturating_sub(1) } else { CAREFUL };
                // What is committed into files that were removed would be lost with this process.
                let committed = done.and_then(|()| commit(&mut conn)).and_then(|()| files.check());
                shown.holds.store(0, Ordering::Relaxed);
                let failed = committed.err();
                match &failed {
                    None => {
                        shown.committed.store(shown.now(), Ordering::Relaxed);
                        work.committed(batch.units.len());
                    }
                    Some(error) => {
                        let _ = roll_back(&mut conn);
                        rescue(&mut conn, &files, error, &mut rescued);
                    }
                }
                for unit in batch.units {
                    unit.answer(match &failed {
                        None => Ok(()),
                        Some(DbError::Displaced(text)) => Err(DbError::Displaced(text.clone())),
                        Some(error) => Err(DbError::Commit(error.to_string())),
                    });
                }
            }
        })
        .expect("a thread can be started");
    Writer { door: Arc::new(Door(queue)), progress }
}

/// What was acknowledged lies in a write-ahead log that has no name any more: it is copied into the database file, which has. Not where
/// another log lies at its place, for its owner would not know of it.
fn rescue(conn: &mut AnyConn, files: &Files, error: &DbError, rescued: &mut bool) {
    if !*rescued && matches!(error, DbError::Displaced(_)) && files.only_the_log_is_gone() {
        *rescued = true;
        let saved = each!(conn, c => c.batch_execute("PRAGMA wal_checkpoint(FULL)"));
        match saved {
            Ok(()) => tracing::warn!("copied the removed write-ahead log into the database file"),
            Err(error) => {
                tracing::error!(%error, "the removed write-ahead log could not be copied into the database file")
            }
        }
    }
}

/// Whether the next commit waits for the disk.
fn synchronous(conn: &mut AnyConn, now: &mut bool, wanted: bool) -> Result<(), DbError> {
    if *now != wanted {
        let sql = if wanted { "PRAGMA synchronous = FULL" } else { "PRAGMA synchronous = NORMAL" };
        each!(conn, c => c.batch_execute(sql))?;
        *now = wanted;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
