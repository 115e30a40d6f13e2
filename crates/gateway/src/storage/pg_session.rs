//! A connection to PostgreSQL, and what was put off on it.
//!
//! Each statement is a round trip, and costs both sides as much as many a statement's work does. So what is only to be said sometime
//! before the next statement is owed, and said with it: the BEGIN of a transaction that only reads. One that turns out to need a single
//! statement, which is a snapshot by itself, is spared BEGIN and COMMIT ([`PgSession::as_it_is`]).

use diesel::PgConnection;
use diesel::connection::AnsiTransactionManager;
use diesel::result::Error;

/// A connection to PostgreSQL.
#[allow(missing_debug_implementations)] // diesel's connections have none
pub struct PgSession {
    conn: PgConnection,
    /// The BEGIN that is to be sent before the next statement.
    owed: Option<&'static str>,
    /// Why it failed: no transaction on this connection ends well until this is told.
    failed: Option<Error>,
}

impl PgSession {
    pub(super) fn new(conn: PgConnection) -> PgSession {
        PgSession { conn, owed: None, failed: None }
    }

    /// A transaction begins with the next statement.
    pub(super) fn owe(&mut self, begin: &'static str) {
        (self.owed, self.failed) = (Some(begin), None);
    }

    /// The connection, after what it owes. Where that fails, so does the end of the transaction.
    pub fn begun(&mut self) -> &mut PgConnection {
        if let Some(begin) = self.owed.take()
            && let Err(error) = AnsiTransactionManager::begin_transaction_sql(&mut self.conn, begin)
        {
            self.failed = Some(error);
        }
        &mut self.conn
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

    /// Why a BEGIN failed, once.
    pub(super) fn failure(&mut self) -> Option<Error> {
        self.failed.take()
    }
}
