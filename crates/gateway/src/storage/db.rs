//! Units of work: where transactions begin and end, and nowhere else.
//!
//! A unit of work is a closure over a [`Tx`]. It is kept whole or not at all, and it may run more than once, so it has no
//! effect outside its `Tx`.
//!
//! **PostgreSQL**: each unit is a transaction on a connection of its lane: see [`desk`](super::desk).
//!
//! **SQLite** has one writer by nature, so we give it one: a thread that takes the waiting units in turns by account, runs
//! them and commits them together with `synchronous = FULL`, then answers all. What is acknowledged is on the disk, and thirty
//! concurrent writes pay for one sync. Reads have connections of their own and never wait for it.
//!
//! What takes long has a lane of its own ([why](../../../../docs/decisions/0040-why-does-one-account-not-wait-for-another.md)).

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::Span;

use super::backend::{DatabaseUrl, Patience};
use super::desk::{Around, Desk};
use super::error::DbError;
use super::in_use::InUse;
use super::looks::Looks;
use super::pulse::Pulse;
use super::shared_commits::{Shared, SharedCommits, Sharing};
use super::transaction::{BeforeCommit, Purpose, TransactionError};
use super::tx::Tx;
use super::writer::{self, Writer};
use crate::domain::grant_policy::GrantPolicy;
use crate::domain::metrics::Work;
use crate::domain::metrics::work::Unit;
use crate::platform::clock::Clock;
use crate::platform::lane::{self, Kind, Lane, Undone};
use crate::platform::traces::SPANS;
use crate::platform::turns::Payer;

/// How much a read may cost: a short one may run where it is asked on SQLite, a long one never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadCost {
    /// One look-up by key, which says first what it asks ([`Wanted`](super::Wanted), [`Next`](super::Next)): on PostgreSQL those that
    /// wait are asked together, on SQLite it has no transaction as long as it is one statement.
    LookUp,
    /// Lookups by key, one page.
    Point,
    /// Anything that may scan or hash.
    Scan,
}

/// How much of the database this process takes, and how long it waits.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections for what is short.
    pub connections: u32,
    /// Connections for what takes long, and so many threads.
    pub long_connections: u32,
    /// How much that takes long one account may have running at once.
    pub long_each: u32,
    /// How long PostgreSQL may take.
    pub patience: Patience,
}

impl Limits {
    /// The defaults, with so many connections for what is short.
    pub fn of(connections: u32) -> Limits {
        Limits { connections, ..Limits::default() }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { connections: 16, long_connections: 4, long_each: 1, patience: Patience::default() }
    }
}

/// So many threads gather look-ups at most, and so many what is written.
const MOST_GATHERING: usize = 4;

/// How long a unit of work waits until it is begun.
const WAIT: Duration = Duration::from_secs(10);

/// How the database is loaded at a moment, as this process sees it.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Of each pool: how many connections are in use, and how many are idle.
    pub connections: [(&'static str, (u32, u32)); 2],
    /// Of each lane, what waits and is at work.
    pub lanes: [(&'static str, lane::Load); 2],
    /// How many units of work wait for SQLite's writer, where there is one.
    pub writer_queue: Option<usize>,
}

/// The database. Cheap to clone.
#[derive(Clone)]
#[allow(missing_debug_implementations)]
pub struct Db {
    desk: Desk,
    lane: Lane,
    /// Where look-ups are gathered, if there are connections enough.
    looks: Option<Looks>,
    /// and where what may share a transaction is.
    commits: Option<SharedCommits>,
    long_desk: Desk,
    long_lane: Lane,
    url: Arc<DatabaseUrl>,
    clock: Clock,
    work: Work,
    _in_use: Option<Arc<InUse>>,
}

impl Db {
    /// Connects, by the machine's clock. `connections` bounds the pool.
    pub fn open(url: DatabaseUrl, connections: u32, before_commit: BeforeCommit) -> Result<Db, DbError> {
        Db::within(url, Limits::of(connections), Clock::of_the_machine(), before_commit)
    }

    /// Connects, within these limits.
    pub fn within(url: DatabaseUrl, limits: Limits, clock: Clock, before_commit: BeforeCommit) -> Result<Db, DbError> {
        let Limits { connections, long_connections, long_each, patience } = limits;
        let work = Work::default();
        let in_use = match &url {
            DatabaseUrl::Sqlite(path) => Some(Arc::new(InUse::share(path)?)),
            DatabaseUrl::Postgres(_) => None,
        };
        let writer = match &url {
            DatabaseUrl::Sqlite(path) => Some(writer::start(url.connect_to_write()?, path.clone(), work.clone())),
            DatabaseUrl::Postgres(_) => None,
        };
        let url = Arc::new(url);
        let around = Around { writer: writer.as_ref(), clock: &clock, before_commit, work: &work };
        let desk = Desk::open(&url, patience, connections, around)?;
        let long_desk = Desk::open(&url, patience, long_connections, around)?.of_long_units();
        let is_sqlite = writer.is_some();
        // On SQLite, most that is short is read where it is asked, and needs connections that are free.
        let gathering = if is_sqlite { 0 } else { threads_that_gather(connections) };
        let threads = if is_sqlite { (connections / 2).max(1) as usize } else { connections as usize - 2 * gathering };
        let short = Kind {
            name: "database",
            threads,
            each: (threads - threads / 4).max(1),
            waiting: usize::MAX,
            waiting_each: usize::MAX,
            refuses_early: true,
            wait: WAIT,
            given_up: (!is_sqlite).then_some(patience.answer),
            gives_way: false,
        };
        let long = Kind {
            name: "database-long",
            threads: long_connections as usize,
            each: long_each as usize,
            wait: 6 * WAIT,
            refuses_early: false,
            given_up: short.given_up.map(|short| 4 * short),
            gives_way: true,
            ..short
        };
        let (hung, long_hung) = (desk.clone(), long_desk.clone());
        Ok(Db {
            commits: (gathering > 0).then(|| SharedCommits::new(&desk, gathering, WAIT, patience.answer)),
            looks: (gathering > 0).then(|| Looks::new(&desk, gathering, WAIT, patience.answer)),
            lane: Lane::new(short, move || hung.begin_anew()),
            long_lane: Lane::new(long, move || long_hung.begin_anew()),
            desk,
            long_desk,
            url,
            clock,
            work,
            _in_use: in_use,
        })
    }

    /// Says who may own a grant, so that users who no longer may lose theirs; without it no role is checked.
    #[must_use]
    pub fn with_grant_policy(mut self, policy: GrantPolicy) -> Db {
        let policy = Arc::new(policy);
        self.desk.with_grant_policy(&policy);
        self.long_desk.with_grant_policy(&policy);
        self.tell_those_gathered();
        self
    }

    /// Says whether what happens is written into the feed; without it, it is.
    #[must_use]
    pub fn with_feed(mut self, is_written: bool) -> Db {
        self.desk.with_feed(is_written);
        self.long_desk.with_feed(is_written);
        self.tell_those_gathered();
        self
    }

    /// Those that are asked or done together go by the same.
    fn tell_those_gathered(&self) {
        if let Some(looks) = &self.looks {
            looks.go_by(&self.desk);
        }
        if let Some(commits) = &self.commits {
            commits.go_by(&self.desk);
        }
    }

    /// Where the data lies.
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// What time it is for every unit of work.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What is counted of units of work.
    pub fn work(&self) -> &Work {
        &self.work
    }

    /// How it is loaded at this moment.
    pub fn load(&self) -> Load {
        Load {
            connections: [("short", self.desk.connections()), ("long", self.long_desk.connections())],
            lanes: [("short", self.short_load()), ("long", self.long_lane.load())],
            writer_queue: self.desk.writer().map(Writer::waiting),
        }
    }

    fn short_load(&self) -> lane::Load {
        let gathered = [self.looks.as_ref().map(Looks::load), self.commits.as_ref().map(SharedCommits::load)];
        gathered.into_iter().flatten().fold(self.lane.load(), |sum, load| lane::Load {
            waiting: sum.waiting + load.waiting,
            at_work: sum.at_work + load.at_work,
        })
    }

    /// Starts to look whether it can be written.
    pub fn pulse(&self) -> Pulse {
        Pulse::start((*self.url).clone(), self.desk.writer().cloned(), self.clock.clone())
    }

    /// Runs a unit of work that may write. When this returns `Ok`, what it wrote is durable.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: TransactionError,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.write_for(Payer::SERVER, work).await
    }

    /// The same, when it is this payer's turn.
    pub async fn write_for<T, E, F>(&self, payer: Payer, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: TransactionError,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.change(payer, work, Purpose::Durable).await
    }

    /// The same for one that is small: on PostgreSQL, those that wait share a transaction.
    pub(crate) async fn write_with_others<T, E, F>(&self, payer: Payer, sharing: Sharing, mut work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: TransactionError,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        if let Some(commits) = &self.commits {
            let begun = self.begin(Purpose::Durable.unit());
            match commits.run(payer, sharing, begun.sent, work).await {
                Shared::Done(outcome) => {
                    self.count(begun, &outcome);
                    return outcome;
                }
                Shared::Apart(apart) => work = apart,
            }
        }
        self.change(payer, work, Purpose::Durable).await
    }

    /// Like `write`, without waiting for fsync: visible at once, but may be lost in a power failure.
    pub async fn write_relaxed<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: TransactionError,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.jot_for(Payer::SERVER, work).await
    }

    /// The same, when it is this payer's turn.
    pub async fn jot_for<T, E, F>(&self, payer: Payer, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: TransactionError,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.change(payer, work, Purpose::Jotted).await
    }

    async fn change<T, E, F>(&self, payer: Payer, mut work: F, purpose: Purpose) -> Result<T, E>
    where
        T: Send + 'static,
        E: TransactionError,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let begun = self.begin(purpose.unit());
        let (unit, sent) = (begun.unit, begun.sent);
        let outcome = match self.desk.writer() {
            Some(writer) => {
                let (job, answered) = self.desk.job(purpose, work);
                match writer.send(payer, job) {
                    Ok(()) => answered.await.unwrap_or_else(|_| Err(DbError::Interrupted.into())),
                    Err(error) => Err(error.into()),
                }
            }
            None => {
                let desk = self.desk.clone();
                let run = move || {
                    desk.began(unit, sent);
                    desk.on_postgres(purpose, &mut work)
                };
                on(&self.lane, payer, true, run).await
            }
        };
        self.count(begun, &outcome);
        outcome
    }

    fn begin(&self, unit: Unit) -> Begun {
        let system = match *self.url {
            DatabaseUrl::Sqlite(_) => "sqlite",
            DatabaseUrl::Postgres(_) => "postgresql",
        };
        let span = tracing::info_span!(
            target: SPANS,
            "unit of work",
            otel.name = unit.name(),
            otel.kind = "client",
            otel.status_code = tracing::field::Empty,
            db.system.name = system
        );
        Begun { unit, sent: Instant::now(), span }
    }

    fn count<T, E: TransactionError>(&self, begun: Begun, outcome: &Result<T, E>) {
        let cause = outcome.as_ref().err().and_then(TransactionError::database);
        // What takes long has not failed: it is done at length.
        let failed = cause.is_some_and(|cause| !matches!(cause, DbError::TakesLong));
        if failed {
            begun.span.record("otel.status_code", "ERROR");
        }
        self.work.answered(begun.unit, begun.sent.elapsed(), failed);
    }

    /// Runs a unit of work that only reads, on one snapshot.
    pub async fn read<T, E, F>(&self, cost: ReadCost, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: TransactionError,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.read_for(Payer::SERVER, cost, work).await
    }

    /// The same, when it is this payer's turn.
    pub async fn read_for<T, E, F>(&self, payer: Payer, cost: ReadCost, mut work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: TransactionError,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let begun = self.begin(Unit::Read);
        if cost == ReadCost::LookUp
            && let Some(looks) = &self.looks
        {
            let outcome = looks.run(payer, begun.sent, work).await;
            self.count(begun, &outcome);
            return outcome;
        }
        if cost != ReadCost::Scan
            && self.desk.writer().is_some()
            && let Some(outcome) = self.desk.read_at_once(cost == ReadCost::LookUp, &mut work)
        {
            self.count(begun, &outcome);
            return outcome;
        }
        let (desk, sent) = (self.desk.clone(), begun.sent);
        let run = move || {
            desk.began(Unit::Read, sent);
            desk.read(&mut work)
        };
        let outcome = on(&self.lane, payer, false, run).await;
        self.count(begun, &outcome);
        outcome
    }

    /// Does what takes long, beside the lane of what is short: with connections of its own, on a thread that gives way to others.
    pub(crate) async fn at_length<T, E, F>(&self, payer: Payer, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: TransactionError,
        F: FnOnce(&Desk) -> Result<T, E> + Send + 'static,
    {
        let begun = self.begin(Unit::Long);
        let (desk, sent) = (self.long_desk.clone(), begun.sent);
        let run = move || {
            desk.began(Unit::Long, sent);
            work(&desk)
        };
        let outcome = on(&self.long_lane, payer, true, run).await;
        self.count(begun, &outcome);
        outcome
    }
}

/// So many threads gather look-ups, of so many connections: one for each processor, and few of few.
fn threads_that_gather(connections: u32) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    processors.min(MOST_GATHERING).min(connections as usize / 4)
}

/// A unit of work that is asked for.
struct Begun {
    unit: Unit,
    sent: Instant,
    span: Span,
}

/// Does it on a thread of this lane.
async fn on<T, E: TransactionError>(
    lane: &Lane,
    payer: Payer,
    may_write: bool,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
{
    let undone = match lane.run(payer, work).await {
        Ok(outcome) => return outcome,
        Err(undone) => undone,
    };
    Err(E::from(match undone {
        Undone::Full => DbError::Overloaded,
        Undone::Waited => DbError::Busy("no thread for the database became free"),
        Undone::Hung if may_write => DbError::Uncertain("the database did not answer".to_owned()),
        Undone::Hung => DbError::Busy("the database did not answer"),
        Undone::Interrupted => DbError::Interrupted,
    }))
}
