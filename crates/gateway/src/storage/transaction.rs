//! Transactions: how they begin and end, and what runs inside.

use diesel::connection::{AnsiTransactionManager, TransactionManager};

use super::backend::AnyConn;
use super::error::DbError;
use super::tx::{Surroundings, Tx};
use crate::domain::metrics::work::Unit;
use crate::each;

/// What follows from what a unit of work did; it runs at the unit's end, in its transaction, and its failure undoes the unit.
pub type BeforeCommit = fn(&mut Tx<'_>) -> Result<(), DbError>;

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Durable,
    Jotted,
    Reading,
}

impl Purpose {
    /// As it is counted.
    pub(super) fn unit(self) -> Unit {
        match self {
            Purpose::Durable => Unit::Write,
            Purpose::Jotted => Unit::Jot,
            Purpose::Reading => Unit::Read,
        }
    }

    /// How PostgreSQL is told.
    pub(super) fn begin(self) -> &'static str {
        match self {
            Purpose::Durable => "BEGIN ISOLATION LEVEL READ COMMITTED",
            Purpose::Jotted => "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit TO off",
            Purpose::Reading => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }
}

/// How PostgreSQL is told of a transaction that several units of work share. No lock is waited for as long as it takes to look for a
/// deadlock: what would wait is done apart.
pub(super) const SHARED: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout TO 50";

/// An error of a unit of work that may stem from the database.
pub trait TransactionError: From<DbError> + Send + 'static {
    /// The database's error, if that is what it is.
    fn database(&self) -> Option<&DbError>;
}

impl TransactionError for DbError {
    fn database(&self) -> Option<&DbError> {
        Some(self)
    }
}

/// Runs one unit of work on a connection of the caller's own, and nothing that follows from it: for commands and tests.
pub fn unit_of_work<T, E: TransactionError>(
    conn: &mut AnyConn,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
) -> Result<T, E> {
    // On SQLite a transaction that begins by reading could not go on to write once another has written.
    let begin_sql = if matches!(conn, AnyConn::Sqlite(_)) { "BEGIN IMMEDIATE" } else { "BEGIN" };
    begin(conn, begin_sql)?;
    let mut tx = Tx::new(conn, Surroundings::of_a_command());
    let outcome = work(&mut tx);
    match outcome.and_then(|value| settle(conn).map(|()| value).map_err(E::from)) {
        Ok(value) => commit(conn).map(|()| value).map_err(E::from),
        Err(error) => {
            roll_back(conn)?;
            Err(error)
        }
    }
}

/// Reads on a connection of the caller's own, on one snapshot: for commands.
pub fn read_on<T, E: TransactionError>(
    conn: &mut AnyConn,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let begin_sql = match conn {
        AnyConn::Sqlite(_) => "BEGIN DEFERRED",
        AnyConn::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    };
    begin(conn, begin_sql)?;
    let outcome = work(&mut Tx::new(conn, Surroundings::of_a_command()));
    roll_back(conn)?;
    outcome
}

/// The work, and what follows from it.
pub(super) fn complete<T, E: TransactionError>(
    tx: &mut Tx<'_>,
    before_commit: BeforeCommit,
    work: &mut impl FnMut(&mut Tx<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let value = work(tx)?;
    before_commit(tx)?;
    Ok(value)
}

/// Runs one unit inside the writer's transaction, and what follows from it. Its failure undoes nothing.
pub(super) fn guarded<T, E: TransactionError>(
    conn: &mut AnyConn,
    around: Surroundings,
    before_commit: BeforeCommit,
    work: &mut impl FnMut(&mut Tx<'_>) -> Result<T, E>,
) -> Result<T, E> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| complete(&mut Tx::new(conn, around), before_commit, work)))
        .unwrap_or_else(|_| Err(DbError::Interrupted.into()))
}

/// Runs one unit inside the writer's transaction; its failure undoes it alone.
pub(super) fn nested<T, E: TransactionError>(
    conn: &mut AnyConn,
    around: Surroundings,
    before_commit: BeforeCommit,
    work: &mut impl FnMut(&mut Tx<'_>) -> Result<T, E>,
) -> Result<T, E> {
    each!(&mut *conn, c => AnsiTransactionManager::begin_transaction(c)).map_err(DbError::from)?;
    match guarded(conn, around, before_commit, work) {
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

/// Does a part of a unit of work that may fail by itself: what it did is undone then, and the rest stays.
pub(crate) fn attempt<T, E: From<DbError>>(
    tx: &mut Tx<'_>,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
) -> Result<T, E> {
    each!(&mut *tx.conn, c => AnsiTransactionManager::begin_transaction(c)).map_err(DbError::from)?;
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(tx)))
        .unwrap_or_else(|_| Err(DbError::Interrupted.into()));
    match outcome.and_then(|value| settle(tx.conn).map(|()| value).map_err(E::from)) {
        Ok(value) => {
            commit(tx.conn)?;
            Ok(value)
        }
        Err(error) => {
            tx.events.clear();
            tx.written = None;
            roll_back(tx.conn)?;
            Err(error)
        }
    }
}

pub(super) fn begin(conn: &mut AnyConn, sql: &str) -> Result<(), DbError> {
    Ok(each!(conn, c => AnsiTransactionManager::begin_transaction_sql(c, sql))?)
}

/// Writes what was put off.
pub(super) fn settle(conn: &mut AnyConn) -> Result<(), DbError> {
    match conn {
        AnyConn::Postgres(session) => Ok(session.settle()?),
        AnyConn::Sqlite(_) => Ok(()),
    }
}

/// A transaction that only reads: on PostgreSQL it begins with its first statement, unless that is the only one.
pub(super) fn begin_reading(conn: &mut AnyConn, sql: &'static str) -> Result<(), DbError> {
    match conn {
        AnyConn::Postgres(session) => session.owe(sql),
        AnyConn::Sqlite(_) => begin(conn, sql)?,
    }
    Ok(())
}

pub(super) fn commit(conn: &mut AnyConn) -> Result<(), DbError> {
    if let AnyConn::Postgres(session) = conn {
        if session.spared() {
            return Ok(());
        }
        if let Some(error) = session.failure() {
            return Err(error.into());
        }
    }
    Ok(each!(conn, c => AnsiTransactionManager::commit_transaction(c))?)
}

pub(super) fn roll_back(conn: &mut AnyConn) -> Result<(), DbError> {
    if let AnyConn::Postgres(session) = conn {
        session.forget_later();
        if session.spared() {
            return Ok(());
        }
    }
    Ok(each!(conn, c => AnsiTransactionManager::rollback_transaction(c))?)
}
