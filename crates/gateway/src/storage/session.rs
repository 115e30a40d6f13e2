//! Pooled connections, and which of them are not used again.
//!
//! A server that was restarted leaves a pool of dead sessions; one that was read-only for a while (a failover,
//! `default_transaction_read_only`) leaves sessions that stay read-only for as long as they live. The first unit of work that meets
//! such a session shows that all opened before this moment may be the same: they leave the pool, and the unit runs again on a new one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::Connection;
use diesel::connection::{AnsiTransactionManager, InstrumentationEvent, SimpleConnection, TransactionManager};

use super::backend::{AnyConn, DatabaseUrl, Patience};
use super::error::DbError;
use super::fate;
use super::files::Files;
use crate::each;

/// What a session this young shows is how the database is now. So a database that stays read-only is not asked for new
/// connections by every request.
const YOUNG: Duration = Duration::from_millis(200);

/// A pooled connection.
#[allow(missing_debug_implementations)]
pub(super) struct Session {
    pub(super) conn: AnyConn,
    opened: Instant,
    /// Which server it leads to, and which of its histories.
    pub(super) origin: Option<String>,
    /// How many statements were sent on it, if it is SQLite's.
    sent: Arc<AtomicU64>,
    /// Whether it leaves the pool.
    spent: bool,
}

impl Session {
    /// Takes it out of the pool as soon as it is given back.
    pub(super) fn spend(&mut self) {
        self.spent = true;
    }

    /// A number that changes with what may have been written on it.
    pub(super) fn written(&self) -> u64 {
        match &self.conn {
            AnyConn::Postgres(session) => session.written(),
            AnyConn::Sqlite(_) => 0,
        }
    }

    /// A number that changes with each statement on SQLite.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Whether its transaction has not begun.
    pub(super) fn owes(&self) -> bool {
        matches!(&self.conn, AnyConn::Postgres(session) if session.owes())
    }

    /// Whether a failure of it tells nothing of a session opened now.
    pub(super) fn is_old(&self) -> bool {
        self.opened.elapsed() > YOUNG
    }
}

/// Counts the statements of a connection to SQLite from here on.
fn count_sent(conn: &mut AnyConn) -> Arc<AtomicU64> {
    let sent = Arc::new(AtomicU64::new(0));
    if let AnyConn::Sqlite(c) = conn {
        let counted = sent.clone();
        c.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if matches!(event, InstrumentationEvent::StartQuery { .. }) {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    sent
}

/// Opens the connections of a pool.
#[derive(Debug, Clone)]
pub(super) struct Manager {
    url: Arc<DatabaseUrl>,
    patience: Patience,
    /// Of SQLite: a connection that is opened where the log was removed would make another in its place.
    files: Option<Arc<Mutex<Files>>>,
}

impl Manager {
    pub(super) fn new(url: Arc<DatabaseUrl>, patience: Patience) -> Manager {
        let files = match &*url {
            DatabaseUrl::Sqlite(path) => Some(Arc::new(Mutex::new(Files::of(path.clone())))),
            DatabaseUrl::Postgres(_) => None,
        };
        Manager { url, patience, files }
    }

    /// Whether the files are where they were.
    fn look(&self) -> Result<(), DbError> {
        let files = self.files.as_ref().map(|files| files.lock().unwrap_or_else(PoisonError::into_inner));
        files.map_or(Ok(()), |mut files| files.check())
    }
}

impl r2d2::ManageConnection for Manager {
    type Connection = Session;
    type Error = DbError;

    fn connect(&self) -> Result<Session, DbError> {
        let opened = Instant::now();
        self.look()?;
        let mut conn = self.url.connect_for(self.patience)?;
        self.look()?;
        let (origin, sent) = (fate::origin(&mut conn), count_sent(&mut conn));
        Ok(Session { conn, opened, origin, sent, spent: false })
    }

    fn is_valid(&self, session: &mut Session) -> Result<(), DbError> {
        each!(&mut session.conn, c => c.batch_execute("SELECT 1"))?;
        Ok(())
    }

    fn has_broken(&self, session: &mut Session) -> bool {
        fn broken<C>(conn: &mut C) -> bool
        where
            C: Connection<TransactionManager = AnsiTransactionManager>,
        {
            AnsiTransactionManager::is_broken_transaction_manager(conn)
        }
        std::thread::panicking() || session.spent || each!(&mut session.conn, c => broken(c))
    }
}

/// Since when sessions of the pool are believed to be good.
#[derive(Debug)]
pub(super) struct Good {
    start: Instant,
    since: AtomicU64,
}

impl Good {
    pub(super) fn new() -> Good {
        Good { start: Instant::now(), since: AtomicU64::new(0) }
    }

    /// Those opened before now are not.
    pub(super) fn begins_now(&self) {
        self.since.fetch_max(self.age(Instant::now()), Ordering::Relaxed);
    }

    pub(super) fn includes(&self, session: &Session) -> bool {
        self.age(session.opened) >= self.since.load(Ordering::Relaxed)
    }

    fn age(&self, instant: Instant) -> u64 {
        u64::try_from(instant.duration_since(self.start).as_micros()).unwrap_or(u64::MAX)
    }
}
