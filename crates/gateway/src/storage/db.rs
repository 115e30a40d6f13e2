//! Units of work: where transactions begin and end, and nowhere else.
//!
//! A unit of work is a closure over a [`Tx`]. It is kept whole or not at all, and it may run more than once, so it has no
//! effect outside its `Tx`.
//!
//! **PostgreSQL**: each unit is a transaction on a pooled connection, on a blocking thread; one that loses a race the
//! database decided, or its connection, is run again. Where the answer to COMMIT is lost, the server is asked what became of it.
//!
//! **SQLite** has one writer by nature, so we give it one: a thread that takes the waiting units, runs each in a savepoint
//! and commits them together with `synchronous = FULL`, then answers all. What is acknowledged is on the disk, and thirty
//! concurrent writes pay for one sync. Reads have connections of their own and never wait for it.

use std::sync::Arc;
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use tokio::sync::oneshot;

use super::connection::{AnyConn, DatabaseUrl};
use super::error::DbError;
use super::fate::{self, Fate};
use super::parked;
use super::pulse::Pulse;
use super::session::{Good, Session};
use super::transaction::{begin, commit, roll_back};
use super::tx::Tx;
use super::writer::{self, Answer, Job, Writer};
use crate::domain::grant_policy::GrantPolicy;
use crate::each;

/// How often a unit of work is run before its conflict is reported,
const ATTEMPTS: u32 = 8;
/// and before it is reported that its connection was lost: it may be what the server dies of.
const CONNECTIONS: u32 = 3;

/// What follows from what a unit of work did; it runs at the unit's end, in its transaction, and its failure undoes the unit.
pub type BeforeCommit = fn(&mut Tx<'_>) -> Result<(), DbError>;

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Durable,
    Jotted,
    Reading,
}

impl Purpose {
    /// How PostgreSQL is told.
    fn begin(self) -> &'static str {
        match self {
            Purpose::Durable => "BEGIN ISOLATION LEVEL READ COMMITTED",
            Purpose::Jotted => "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit TO off",
            Purpose::Reading => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }
}

/// An error of a unit of work that may stem from the database.
pub trait Fault: From<DbError> + Send + 'static {
    /// The database's error, if that is what it is.
    fn database(&self) -> Option<&DbError>;
}

impl Fault for DbError {
    fn database(&self) -> Option<&DbError> {
        Some(self)
    }
}

/// How much a read may cost: a short one may run where it is asked on SQLite, a long one never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Lookups by key, one page.
    Short,
    /// Anything that may scan or hash.
    Long,
}

/// The database. Cheap to clone.
#[derive(Clone)]
#[allow(missing_debug_implementations)]
pub struct Db {
    pool: r2d2::Pool<DatabaseUrl>,
    good: Arc<Good>,
    writer: Option<Writer>,
    url: Arc<DatabaseUrl>,
    policy: Arc<GrantPolicy>,
    before_commit: BeforeCommit,
}

impl Db {
    /// Connects. `connections` bounds the pool.
    pub fn open(url: DatabaseUrl, connections: u32, before_commit: BeforeCommit) -> Result<Db, DbError> {
        let pool = r2d2::Pool::builder()
            .max_size(connections)
            .min_idle(Some(1))
            .test_on_check_out(false)
            .connection_timeout(Duration::from_secs(10))
            .build(url.clone())?;
        let writer = match &url {
            DatabaseUrl::Sqlite(path) => Some(writer::start(url.connect()?, path.clone())),
            DatabaseUrl::Postgres(_) => None,
        };
        Ok(Db { pool, good: Arc::new(Good::new()), writer, url: Arc::new(url), policy: Arc::default(), before_commit })
    }

    /// Says who may own a grant, so that whoever no longer may loses theirs; without it nobody is judged by a role.
    #[must_use]
    pub fn governed_by(mut self, policy: GrantPolicy) -> Db {
        self.policy = Arc::new(policy);
        self
    }

    /// Where the data lies.
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// Starts to look whether it can be written.
    pub fn pulse(&self) -> Pulse {
        Pulse::start((*self.url).clone(), self.writer.clone())
    }

    /// Runs a unit of work that may write. When this returns `Ok`, what it wrote is durable.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: Fault,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.change(work, Purpose::Durable).await
    }

    /// The same for what nobody was promised: when this returns everybody sees it, whichever process they ask, and only a
    /// failure of the machine may take it back.
    pub async fn jot<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: Fault,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.change(work, Purpose::Jotted).await
    }

    async fn change<T, E, F>(&self, mut work: F, purpose: Purpose) -> Result<T, E>
    where
        T: Send + 'static,
        E: Fault,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        match &self.writer {
            Some(writer) => {
                let (answer, answered) = oneshot::channel();
                let (policy, before_commit) = (self.policy.clone(), self.before_commit);
                let durable = purpose == Purpose::Durable;
                let run = Box::new(move |conn: Result<&mut AnyConn, DbError>| -> Answer {
                    let outcome = conn.map_err(E::from).and_then(|conn| nested(conn, policy, before_commit, &mut work));
                    Box::new(move |committed| {
                        let _ = answer.send(match committed {
                            Ok(()) => outcome,
                            Err(error) => outcome.and(Err(error.into())),
                        });
                    })
                });
                if writer.jobs.send(Job { run, durable }).await.is_err() {
                    return Err(DbError::Interrupted.into());
                }
                answered.await.unwrap_or_else(|_| Err(DbError::Interrupted.into()))
            }
            None => {
                let db = self.clone();
                blocking(move || db.on_postgres(purpose, &mut work)).await
            }
        }
    }

    /// Runs a unit of work that only reads, on one snapshot.
    pub async fn read<T, E, F>(&self, cost: Cost, mut work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: Fault,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        if cost == Cost::Short
            && self.writer.is_some()
            && let Some(mut session) = self.pool.try_get()
        {
            return self.on_sqlite(&mut session, &mut work);
        }
        let db = self.clone();
        blocking(move || match *db.url {
            DatabaseUrl::Sqlite(_) => db.on_sqlite(&mut *db.pool.get().map_err(DbError::from)?, &mut work),
            DatabaseUrl::Postgres(_) => db.on_postgres(Purpose::Reading, &mut work),
        })
        .await
    }

    fn on_sqlite<T, E: Fault>(
        &self,
        session: &mut Session,
        work: &mut impl FnMut(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        begin(&mut session.conn, "BEGIN DEFERRED")?;
        let outcome = work(&mut Tx::new(&mut session.conn, self.policy.clone()));
        commit(&mut session.conn)?;
        outcome
    }

    fn on_postgres<T, E: Fault>(
        &self,
        purpose: Purpose,
        work: &mut impl FnMut(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let (mut attempt, mut names) = (1, None);
        loop {
            let mut session = self.session()?;
            let outcome = self.attempt(&mut session, purpose, names, work);
            let Err(error) = outcome else { return outcome };
            let again = error.database().is_some_and(|cause| self.runs_again(cause, attempt, purpose, &mut session));
            if !again {
                return Err(error);
            }
            if let Some(DbError::NamesHeld(account)) = error.database() {
                names = Some(*account);
            }
            drop(session);
            pause(attempt);
            attempt += 1;
        }
    }

    /// A connection that is believed to be good.
    fn session(&self) -> Result<r2d2::PooledConnection<DatabaseUrl>, DbError> {
        loop {
            let mut session = self.pool.get()?;
            if self.good.includes(&session) {
                return Ok(session);
            }
            session.spend();
        }
    }

    /// One transaction.
    fn attempt<T, E: Fault>(
        &self,
        session: &mut Session,
        purpose: Purpose,
        names: Option<i64>,
        work: &mut impl FnMut(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        begin(&mut session.conn, purpose.begin())?;
        let held = names.map_or(Ok(()), |account| parked::hold_names(&mut session.conn, account));
        let outcome = held.map_err(E::from).and_then(|()| {
            let mut tx = Tx::new(&mut session.conn, self.policy.clone());
            tx.runs_again = true;
            let value = complete(&mut tx, self.before_commit, work)?;
            Ok((value, if purpose == Purpose::Durable { tx.number()? } else { tx.number }))
        });
        match outcome {
            Ok((value, number)) => self.commit(session, purpose, number).map(|()| value).map_err(E::from),
            Err(error) => {
                let _ = roll_back(&mut session.conn);
                Err(error)
            }
        }
    }

    fn commit(&self, session: &mut Session, purpose: Purpose, number: Option<i64>) -> Result<(), DbError> {
        match commit(&mut session.conn) {
            Err(lost) if lost.is_disconnect() => {
                session.spend();
                match (purpose, number) {
                    // What was read was read, and what wrote nothing has nothing to lose.
                    (Purpose::Reading, _) | (Purpose::Durable, None) => Ok(()),
                    (Purpose::Jotted, None) => Err(DbError::Uncertain(lost.to_string())),
                    (_, Some(number)) => match fate::of(&self.url, session.origin.as_deref(), number)? {
                        Fate::Committed => Ok(()),
                        Fate::Aborted => Err(lost),
                    },
                }
            }
            answered => answered,
        }
    }

    /// Whether the same work may do better in a new transaction. Its session leaves the pool if it is the session that failed.
    fn runs_again(&self, cause: &DbError, attempt: u32, purpose: Purpose, session: &mut Session) -> bool {
        let read_only = purpose != Purpose::Reading && cause.is_read_only();
        if cause.is_disconnect() || read_only {
            session.spend();
            if session.is_old() || !read_only {
                self.good.begins_now();
            }
            return attempt < CONNECTIONS && (session.is_old() || !read_only);
        }
        attempt < ATTEMPTS && cause.is_retryable()
    }
}

/// Runs one unit of work on a connection of the caller's own, and nothing that follows from it: for commands and tests.
pub fn unit_of_work<T, E: Fault>(conn: &mut AnyConn, work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E> {
    // On SQLite a transaction that begins by reading could not go on to write once another has written.
    let begin_sql = if matches!(conn, AnyConn::Sqlite(_)) { "BEGIN IMMEDIATE" } else { "BEGIN" };
    begin(conn, begin_sql)?;
    let mut tx = Tx::new(conn, Arc::default());
    let outcome = work(&mut tx);
    match outcome {
        Ok(value) => commit(conn).map(|()| value).map_err(E::from),
        Err(error) => {
            roll_back(conn)?;
            Err(error)
        }
    }
}

/// Reads on a connection of the caller's own, on one snapshot: for commands.
pub fn read_on<T, E: Fault>(conn: &mut AnyConn, work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E> {
    let begin_sql = match conn {
        AnyConn::Sqlite(_) => "BEGIN DEFERRED",
        AnyConn::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    };
    begin(conn, begin_sql)?;
    let outcome = work(&mut Tx::new(conn, Arc::default()));
    roll_back(conn)?;
    outcome
}

async fn blocking<T, E: Fault>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
{
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(DbError::Interrupted.into()))
}

/// Spreads out units of work that collided.
fn pause(attempt: u32) {
    let millis = u64::from(rand::random::<u8>() % 8) * u64::from(attempt);
    #[expect(clippy::disallowed_methods, reason = "on a blocking thread, between two attempts at a transaction")]
    std::thread::sleep(Duration::from_millis(millis));
}

/// The work, and what follows from it.
fn complete<T, E: Fault>(
    tx: &mut Tx<'_>,
    before_commit: BeforeCommit,
    work: &mut impl FnMut(&mut Tx<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let value = work(tx)?;
    before_commit(tx)?;
    Ok(value)
}

/// Runs one unit inside the writer's transaction; its failure undoes it alone.
fn nested<T, E: Fault>(
    conn: &mut AnyConn,
    policy: Arc<GrantPolicy>,
    before_commit: BeforeCommit,
    work: &mut impl FnMut(&mut Tx<'_>) -> Result<T, E>,
) -> Result<T, E> {
    each!(&mut *conn, c => AnsiTransactionManager::begin_transaction(c)).map_err(DbError::from)?;
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        complete(&mut Tx::new(conn, policy), before_commit, work)
    }))
    .unwrap_or_else(|_| Err(DbError::Interrupted.into()));
    match outcome {
        Ok(value) => {
            commit(conn)?;
            Ok(value)
        }
        Err(error) => {
            roll_back(conn)?;
            Err(error)
        }
    }
}
