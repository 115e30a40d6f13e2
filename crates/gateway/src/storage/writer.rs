//! The one writer of SQLite: a thread that runs waiting units of work and commits them together.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use tokio::sync::mpsc;

use super::connection::AnyConn;
use super::error::DbError;
use super::files::Files;
use super::transaction::{begin, commit, roll_back};
use crate::each;

/// How many units of work one commit carries at most.
const BATCH: usize = 64;
/// How many may wait before their senders have to.
const QUEUE: usize = 1024;

/// A unit of work for the writer.
pub(super) struct Job {
    /// Runs in its savepoint, and says how to answer; or is told why it cannot run.
    pub(super) run: Run,
    /// Whether it has to be on the disk before it is answered.
    pub(super) durable: bool,
}

/// What it does, and how it answers.
pub(super) type Run = Box<dyn FnOnce(Result<&mut AnyConn, DbError>) -> Answer + Send>;

/// Told `Ok` once the commit is on the disk.
pub(super) type Answer = Box<dyn FnOnce(Result<(), DbError>) + Send>;

/// What the writer is at, for whoever asks whether it gets on.
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
    pub(super) jobs: mpsc::Sender<Job>,
    pub(super) progress: Arc<Progress>,
}

impl Writer {
    /// Lets the writer look whether its files are where they were.
    pub(super) fn nudge(&self) {
        let run: Run = Box::new(|_| Box::new(drop));
        let _ = self.jobs.try_send(Job { run, durable: false });
    }
}

/// Starts it.
pub(super) fn start(mut conn: AnyConn, path: PathBuf) -> Writer {
    let (sender, mut jobs) = mpsc::channel::<Job>(QUEUE);
    let progress = Arc::new(Progress::new());
    let shown = progress.clone();
    std::thread::Builder::new()
        .name("sqlite-writer".to_owned())
        .spawn(move || {
            let (mut synced, mut held, mut files, mut rescued) = (true, None, Files::of(path), false);
            while let Some(first) = held.take().or_else(|| jobs.blocking_recv()) {
                let durable = first.durable;
                let begun = synchronous(&mut conn, &mut synced, durable)
                    .and_then(|()| begin(&mut conn, "BEGIN IMMEDIATE"))
                    .and_then(|()| files.check().inspect_err(|_| drop(roll_back(&mut conn))));
                if let Err(error) = begun {
                    rescue(&mut conn, &files, &error, &mut rescued);
                    (first.run)(Err(error))(Ok(()));
                    continue;
                }
                shown.holds.store(shown.now(), Ordering::Relaxed);
                let mut answers = vec![(first.run)(Ok(&mut conn))];
                while answers.len() < BATCH
                    && let Ok(job) = jobs.try_recv()
                {
                    if job.durable && !durable {
                        held = Some(job); // it waits for a commit of its own kind
                        break;
                    }
                    answers.push((job.run)(Ok(&mut conn)));
                }
                // What is committed into files that nobody finds again would be lost with this process.
                let committed = commit(&mut conn).and_then(|()| files.check());
                shown.holds.store(0, Ordering::Relaxed);
                let failed = committed.err();
                match &failed {
                    None => shown.committed.store(shown.now(), Ordering::Relaxed),
                    Some(error) => {
                        let _ = roll_back(&mut conn);
                        rescue(&mut conn, &files, error, &mut rescued);
                    }
                }
                for answer in answers {
                    answer(match &failed {
                        None => Ok(()),
                        Some(DbError::Displaced(text)) => Err(DbError::Displaced(text.clone())),
                        Some(error) => Err(DbError::Commit(error.to_string())),
                    });
                }
            }
        })
        .expect("a thread can be started");
    Writer { jobs: sender, progress }
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
