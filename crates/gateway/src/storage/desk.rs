//! Where units of work are run: connections of one lane, and what is done when one of them fails.
//!
//! **PostgreSQL**: each unit is a transaction on a pooled connection; one that loses a race the database decided, or its connection, is
//! run again. Where the answer to COMMIT is lost, the server is asked what became of it.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::along::{Asking, Question};
use super::backend::{DatabaseUrl, Patience};
use super::error::DbError;
use super::fate::{self, Fate};
use super::pending_members;
use super::session::{Good, Manager, Session};
use super::transaction::{
    BeforeCommit, Purpose, SHARED, TransactionError, begin, begin_reading, commit, complete, roll_back, settle,
};
use super::tx::{Surroundings, Tx};
use super::unit::Asked;
use super::writer::{SqliteJob, Writer};
use crate::domain::grant_policy::GrantPolicy;
use crate::domain::ids::AccountKey;
use crate::domain::metrics::Work;
use crate::domain::metrics::work::Unit;
use crate::platform::clock::Clock;
use crate::platform::turns::Payer;

/// How often a unit of work is run before its conflict is reported,
const ATTEMPTS: u32 = 8;
/// and before it is reported that its connection was lost: it may be what the server dies of.
const CONNECTIONS: u32 = 3;
/// How long a pool may be without a connection for those who wait; and at least how long one is kept.
const WAIT: Duration = Duration::from_secs(10);

/// How often those who wait look whether there is a new pool.
const LOOK: Duration = Duration::from_secs(1);

/// Connections that can be begun anew.
struct Pool {
    manager: Manager,
    size: u32,
    current: RwLock<r2d2::Pool<Manager>>,
    begun: Mutex<Instant>,
}

impl Pool {
    fn builder(size: u32) -> r2d2::Builder<Manager> {
        r2d2::Pool::builder().max_size(size).min_idle(Some(1)).test_on_check_out(false).connection_timeout(WAIT)
    }

    fn current(&self) -> r2d2::Pool<Manager> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Connections that do not come back hold their places for ever: a new pool has them all.
    fn begin_anew(&self, not_within: Duration) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if begun.elapsed() < not_within {
            return;
        }
        *begun = Instant::now();
        let fresh = Pool::builder(self.size).build_unchecked(self.manager.clone());
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }
}

/// What all desks of a database have in common.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) writer: Option<&'a Writer>,
    pub(super) clock: &'a Clock,
    pub(super) before_commit: BeforeCommit,
    pub(super) work: &'a Work,
}

/// What came of a unit of work up to its first question.
pub(super) enum First<T, E> {
    /// It asks this.
    Asks(Question),
    /// It has asked nothing, and ended.
    Done(Result<T, E>),
    /// It is to be done apart.
    Apart,
}

/// A lane's way to the database. Cheap to clone.
#[derive(Clone)]
#[allow(missing_debug_implementations)]
pub(crate) struct Desk {
    pool: Arc<Pool>,
    good: Arc<Good>,
    writer: Option<Writer>,
    url: Arc<DatabaseUrl>,
    around: Surroundings,
    before_commit: BeforeCommit,
    work: Work,
    /// Whether its units of work are long ones, which no other waits for at a commit.
    long: bool,
}

impl Desk {
    /// With so many connections of its own.
    pub(super) fn open(
        url: &Arc<DatabaseUrl>,
        patience: Patience,
        connections: u32,
        around: Around<'_>,
    ) -> Result<Desk, DbError> {
        let Around { writer, clock, before_commit, work } = around;
        let manager = Manager::new(url.clone(), patience);
        let current = RwLock::new(Pool::builder(connections).build(manager.clone())?);
        let pool = Pool { manager, size: connections, current, begun: Mutex::new(Instant::now()) };
        Ok(Desk {
            pool: Arc::new(pool),
            good: Arc::new(Good::new()),
            writer: writer.cloned(),
            url: url.clone(),
            around: Surroundings { policy: Arc::default(), clock: clock.clone(), feeds: true },
            before_commit,
            work: work.clone(),
            long: false,
        })
    }

    /// For units of work that take long.
    pub(super) fn of_long_units(self) -> Desk {
        Desk { long: true, ..self }
    }

    pub(super) fn with_grant_policy(&mut self, policy: &Arc<GrantPolicy>) {
        self.around.policy = policy.clone();
    }

    pub(super) fn with_feed(&mut self, is_written: bool) {
        self.around.feeds = is_written;
    }

    /// A thread with one of its connections did not come back.
    pub(super) fn begin_anew(&self) {
        self.pool.begin_anew(LOOK);
    }

    pub(super) fn writer(&self) -> Option<&Writer> {
        self.writer.as_ref()
    }

    /// How many of its connections are in use, and how many are idle.
    pub(super) fn connections(&self) -> (u32, u32) {
        let state = self.pool.current().state();
        (state.connections - state.idle_connections, state.idle_connections)
    }

    /// A unit of work is begun that was sent at that moment.
    pub(super) fn began(&self, unit: Unit, sent: Instant) {
        self.work.began(unit, sent.elapsed());
    }

    /// For SQLite's writer: the unit of work, and where its outcome is heard.
    pub(super) fn job<T, E, F>(&self, purpose: Purpose, work: F) -> (SqliteJob, oneshot::Receiver<Result<T, E>>)
    where
        T: Send + 'static,
        E: TransactionError,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let (counts, unit, sent) = (self.work.clone(), purpose.unit(), Instant::now());
        let asked = Asked {
            around: self.around.clone(),
            before_commit: self.before_commit,
            work,
            began: Some(move || counts.began(unit, sent.elapsed())),
            outcome: None,
            answer,
        };
        (SqliteJob { unit: Box::new(asked), durable: purpose == Purpose::Durable, alone: self.long }, answered)
    }

    /// Whether others than this payer had to do with the one writer of late.
    pub(crate) fn is_contended(&self, payer: Payer) -> bool {
        self.writer.as_ref().is_some_and(|writer| writer.serves_others(payer))
    }

    /// Runs a unit of work that only reads, on one snapshot.
    pub(crate) fn read<T, E: TransactionError>(
        &self,
        work: &mut impl FnMut(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        match *self.url {
            DatabaseUrl::Sqlite(_) => self.on_sqlite(&mut *self.pool.current().get().map_err(DbError::from)?, work),
            DatabaseUrl::Postgres(_) => self.on_postgres(Purpose::Reading, work),
        }
    }

    /// Runs a unit of work that may write: on SQLite, when it is this payer's turn.
    pub(crate) fn write<T, E, F>(&self, payer: Payer, mut work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: TransactionError,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let Some(writer) = &self.writer else { return self.on_postgres(Purpose::Durable, &mut work) };
        let (job, answered) = self.job(Purpose::Durable, work);
        writer.send(payer, job)?;
        answered.blocking_recv().unwrap_or_else(|_| Err(DbError::Interrupted.into()))
    }

    /// The same as [`read`](Self::read) on a thread that must not wait, if a connection is free.
    ///
    /// A look-up is run without a transaction first: one statement is a snapshot by itself, and most need no other. One that sent more is run
    /// again in a transaction, and what it found before is forgotten.
    pub(super) fn read_at_once<T, E: TransactionError>(
        &self,
        is_look_up: bool,
        work: &mut impl FnMut(&mut Tx<'_>) -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        let mut session = self.pool.current().try_get()?;
        if is_look_up {
            let before = session.sent();
            let outcome = self.reading(&mut session, work);
            if session.sent() - before <= 1 {
                return Some(outcome);
            }
        }
        Some(self.on_sqlite(&mut session, work))
    }

    fn on_sqlite<T, E: TransactionError>(
        &self,
        session: &mut Session,
        work: &mut impl FnMut(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        begin(&mut session.conn, "BEGIN DEFERRED")?;
        let outcome = self.reading(session, work);
        commit(&mut session.conn)?;
        outcome
    }

    fn reading<T, E: TransactionError>(
        &self,
        session: &mut Session,
        work: &mut impl FnMut(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut tx = Tx::new(&mut session.conn, self.around.clone());
        tx.reads = true;
        work(&mut tx)
    }

    pub(super) fn on_postgres<T, E: TransactionError>(
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
            self.work.runs_again();
            pause(attempt);
            attempt += 1;
        }
    }

    /// A connection that is believed to be good.
    pub(super) fn session(&self) -> Result<r2d2::PooledConnection<Manager>, DbError> {
        loop {
            let mut session = self.connection()?;
            if self.good.includes(&session) {
                return Ok(session);
            }
            session.spend();
        }
    }

    /// A connection of the pool, or of the one that took its place meanwhile.
    fn connection(&self) -> Result<r2d2::PooledConnection<Manager>, DbError> {
        let began = Instant::now();
        loop {
            match self.pool.current().get_timeout(LOOK) {
                Ok(session) => return Ok(session),
                Err(_) if began.elapsed() < WAIT => {}
                Err(error) => {
                    // Threads are no more than connections: where none becomes free, some do not come back.
                    self.pool.begin_anew(WAIT);
                    return Err(error.into());
                }
            }
        }
    }

    /// One try at a unit of work that only reads, on this session; or what it is to ask with others first.
    pub(super) fn look<T, E: TransactionError>(
        &self,
        session: &mut Session,
        asking: Asking,
        work: &mut impl FnMut(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<Result<T, E>, Question> {
        if let Err(error) = begin_reading(&mut session.conn, Purpose::Reading.begin()) {
            return Ok(Err(error.into()));
        }
        let mut tx = Tx::new(&mut session.conn, self.around.clone());
        (tx.runs_again, tx.reads, tx.asking) = (true, true, asking);
        let outcome = complete(&mut tx, self.before_commit, work);
        let asking = std::mem::take(&mut tx.asking);
        if let (Some(DbError::Asked), Asking::For(question)) =
            (outcome.as_ref().err().and_then(TransactionError::database), asking)
        {
            return match roll_back(&mut session.conn) {
                Ok(()) => Err(question),
                Err(error) => Ok(Err(error.into())),
            };
        }
        let ended = match &outcome {
            Ok(_) => self.commit(session, Purpose::Reading, None),
            Err(_) => {
                if outcome.as_ref().err().and_then(TransactionError::database).is_some_and(DbError::is_disconnect) {
                    session.spend();
                }
                roll_back(&mut session.conn)
            }
        };
        Ok(outcome.and_then(|value| ended.map(|()| value).map_err(E::from)))
    }

    /// What a unit of work that writes asks first, if it is to be asked with others.
    pub(super) fn first<T, E: TransactionError>(
        &self,
        session: &mut Session,
        work: &mut impl FnMut(&mut Tx<'_>) -> Result<T, E>,
    ) -> First<T, E> {
        if begin_reading(&mut session.conn, Purpose::Durable.begin()).is_err() {
            return First::Apart;
        }
        let before = session.written();
        let mut tx = Tx::new(&mut session.conn, self.around.clone());
        (tx.runs_again, tx.asking) = (true, Asking::WithOthers);
        let outcome = complete(&mut tx, self.before_commit, work);
        let asking = std::mem::take(&mut tx.asking);
        let has_asked = session.written() != before || !session.owes();
        if roll_back(&mut session.conn).is_err() {
            session.spend();
            return First::Apart;
        }
        match (outcome, asking) {
            (Err(error), Asking::For(question)) if matches!(error.database(), Some(DbError::Asked)) => {
                First::Asks(question)
            }
            (outcome, _) if !has_asked => First::Done(outcome),
            _ => First::Apart,
        }
    }

    /// Begins a transaction that several units of work share.
    pub(super) fn begin_shared(&self, session: &mut Session) -> Result<(), DbError> {
        begin(&mut session.conn, SHARED)
    }

    /// One of them; `None` if nothing of them all may be kept. `number` is that of the transaction, once a statement told it.
    pub(super) fn share<T, E: TransactionError>(
        &self,
        session: &mut Session,
        asking: Asking,
        number: &mut Option<i64>,
        work: &mut impl FnMut(&mut Tx<'_>) -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        // What the one before has put off is written, so that this one puts off its own.
        settle(&mut session.conn).ok()?;
        let before = session.written();
        let mut tx = Tx::new(&mut session.conn, self.around.clone());
        (tx.runs_again, tx.asking) = (true, asking);
        let outcome = complete(&mut tx, self.before_commit, work);
        *number = number.or(tx.number);
        match outcome {
            Ok(value) => Some(Ok(value)),
            Err(error) => (error.database().is_none() && session.written() == before).then_some(Err(error)),
        }
    }

    /// Ends what [`begin_shared`](Self::begin_shared) began: keeps all of it, unless something failed.
    pub(super) fn end_shared(
        &self,
        session: &mut Session,
        number: Option<i64>,
        failed: Option<DbError>,
    ) -> Result<(), DbError> {
        let mut tx = Tx::new(&mut session.conn, self.around.clone());
        tx.number = number;
        let number = failed.map_or_else(|| tx.number(), Err);
        match number.and_then(|number| settle(&mut session.conn).map(|()| number)) {
            Ok(number) => self.commit(session, Purpose::Durable, number),
            Err(error) => {
                if roll_back(&mut session.conn).is_err() {
                    session.spend();
                }
                self.work.runs_again();
                Err(error)
            }
        }
    }

    /// One transaction.
    fn attempt<T, E: TransactionError>(
        &self,
        session: &mut Session,
        purpose: Purpose,
        names: Option<AccountKey>,
        work: &mut impl FnMut(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        match purpose {
            Purpose::Reading => begin_reading(&mut session.conn, purpose.begin())?,
            Purpose::Durable | Purpose::Jotted => begin(&mut session.conn, purpose.begin())?,
        }
        let held = names.map_or(Ok(()), |account| pending_members::lock_names(&mut session.conn, account));
        let outcome = held.map_err(E::from).and_then(|()| {
            let mut tx = Tx::new(&mut session.conn, self.around.clone());
            (tx.runs_again, tx.reads) = (true, purpose == Purpose::Reading);
            let value = complete(&mut tx, self.before_commit, work)?;
            Ok((value, if purpose == Purpose::Durable { tx.number()? } else { tx.number }))
        });
        let outcome = outcome.and_then(|done| settle(&mut session.conn).map(|()| done).map_err(E::from));
        match outcome {
            Ok((value, number)) => self.commit(session, purpose, number).map(|()| value).map_err(E::from),
            Err(error) => {
                // What was put off and failed is why all that followed did.
                let cause = session.conn.failure();
                let _ = roll_back(&mut session.conn);
                Err(cause.map_or(error, |cause| DbError::from(cause).into()))
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

/// Spreads out units of work that collided.
fn pause(attempt: u32) {
    let millis = u64::from(rand::random::<u8>() % 8) * u64::from(attempt);
    #[expect(clippy::disallowed_methods, reason = "on a blocking thread, between two attempts at a transaction")]
    std::thread::sleep(Duration::from_millis(millis));
}
