//! A connection to PostgreSQL, and what was put off on it.
//!
//! Each statement is a round trip, and costs both sides as much as many a statement's work does. So what is only to be said sometime
//! before the next statement is owed, and said with it: what is written ([`later`](super::later)), and the BEGIN of a transaction
//! that only reads. One that turns out to need a single
//! statement, which is a snapshot by itself, is spared BEGIN and COMMIT ([`PgSession::as_it_is`]).

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

use diesel::connection::AnsiTransactionManager;
use diesel::result::Error;
use diesel::{PgConnection, RunQueryDsl};

use super::later::{Later, PutOff};

/// A connection to PostgreSQL.
#[allow(missing_debug_implementations)] // diesel's connections have none
pub struct PgSession {
    conn: PgConnection,
    /// The BEGIN that is to be sent before the next statement.
    owed: Option<&'static str>,
    /// What is to be written with the next statement.
    later: Later,
    /// How many statements were sent that could have changed something, or begun a transaction.
    asked: u64,
    /// How many of them were not known to only read, and how many were put off.
    written: u64,
    /// Why something owed failed: no transaction on this connection ends well until this is told.
    failed: Option<Error>,
    /// Which of several rows it counts in.
    shard: u16,
    /// Whether the rows of accounts lie on several nodes: there, a statement is sent as it is, as no node can do several in one.
    is_spread: bool,
}

/// The connections of a process count in one row after the other, beginning anywhere.
static NEXT_SHARD: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(rand::random()));

impl PgSession {
    pub(super) fn new(conn: PgConnection, is_spread: bool) -> PgSession {
        let shard = NEXT_SHARD.fetch_add(1, Ordering::Relaxed);
        PgSession { conn, owed: None, later: Later::default(), asked: 0, written: 0, failed: None, shard, is_spread }
    }

    /// Whether the rows of accounts lie on several nodes.
    pub(super) fn is_spread(&self) -> bool {
        self.is_spread
    }

    /// A transaction begins with the next statement.
    pub(super) fn owe(&mut self, begin: &'static str) {
        (self.owed, self.failed) = (Some(begin), None);
    }

    /// The connection, after what it owes. Where that fails, so does the end of the transaction.
    pub fn begun(&mut self) -> &mut PgConnection {
        self.written += 1;
        self.begun_to_read()
    }

    /// The same for a statement that changes nothing, but may lock.
    pub(super) fn begun_to_read(&mut self) -> &mut PgConnection {
        self.asked += 1;
        if let Some(begin) = self.owed.take()
            && let Err(error) = AnsiTransactionManager::begin_transaction_sql(&mut self.conn, begin)
        {
            self.failed = Some(error);
        }
        if let Some(statement) = std::mem::take(&mut self.later).alone()
            && let Err(error) = statement.execute(&mut self.conn)
        {
            self.failed.get_or_insert(error);
        }
        &mut self.conn
    }

    /// Writes it with the next statement.
    pub(super) fn put_off(&mut self, one: PutOff) {
        self.written += 1;
        if let Some(one) = self.later.put_off(one) {
            self.begun_to_read();
            self.later.put_off(one);
        }
        if self.is_spread {
            self.begun_to_read();
        }
    }

    /// What is put off, for a statement that takes it along.
    pub(super) fn take_later(&mut self) -> Later {
        std::mem::take(&mut self.later)
    }

    /// Whether something is put off.
    pub(super) fn owes_writes(&self) -> bool {
        !self.later.is_empty()
    }

    /// Writes what is put off.
    pub(super) fn settle(&mut self) -> Result<(), Error> {
        if !self.later.is_empty() {
            self.begun_to_read();
        }
        self.failed.take().map_or(Ok(()), Err)
    }

    /// Which of so many rows it counts in: always the same one, and seldom that of another connection, so that transactions which count do
    /// not wait for each other.
    pub(super) fn shard(&self, of: u16) -> u16 {
        self.shard % of
    }

    /// A number that changes with each statement but those that are put off, and the one that reads alone.
    pub(super) fn asked(&self) -> u64 {
        self.asked
    }

    /// A number that changes with each statement that may have written something, or that is put off.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// The connection, for a statement that only reads: alone, unless a transaction has begun.
    pub(super) fn as_it_is(&mut self) -> &mut PgConnection {
        &mut self.conn
    }

    /// Whether a transaction is to begin with the next statement.
    pub(super) fn owes(&self) -> bool {
        self.owed.is_some()
    }

    /// The transaction is over before it began, if it is still owed.
    pub(super) fn spared(&mut self) -> bool {
        self.owed.take().is_some()
    }

    /// What is put off is not written.
    pub(super) fn forget_later(&mut self) {
        (self.later, self.failed) = (Later::default(), None);
    }

    /// Why something owed failed, once.
    pub(super) fn failure(&mut self) -> Option<Error> {
        self.failed.take()
    }
}
