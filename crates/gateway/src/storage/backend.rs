//! Connections to either database.

use std::path::{Path, PathBuf};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection};

use super::error::DbError;
use super::pg_session::PgSession;

/// A connection to one of the two databases.
#[allow(missing_debug_implementations)] // diesel's connections have none
pub enum AnyConn {
    /// PostgreSQL.
    Postgres(PgSession),
    /// SQLite.
    Sqlite(SqliteConnection),
}

impl AnyConn {
    /// Whether the rows of accounts lie on several nodes, each account's together (Citus).
    pub(super) fn is_spread(&self) -> bool {
        matches!(self, AnyConn::Postgres(session) if session.is_spread())
    }

    /// Why something that was put off could not be written, once.
    pub(super) fn failure(&mut self) -> Option<diesel::result::Error> {
        match self {
            AnyConn::Postgres(session) => session.failure(),
            AnyConn::Sqlite(_) => None,
        }
    }
}

/// Runs the same diesel statement on whichever database this is: the body is compiled once for each.
#[macro_export]
macro_rules! each {
    ($conn:expr, $c:ident => $body:expr) => {
        match $conn {
            $crate::storage::AnyConn::Postgres(session) => {
                let $c = session.begun();
                $body
            }
            $crate::storage::AnyConn::Sqlite($c) => $body,
        }
    };
}

/// Where the data lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite:PATH`
    Sqlite(PathBuf),
    /// `postgres://…`, with its password
    Postgres(String),
}

/// How long PostgreSQL may take for what requests ask of it. Migrations and commands take as long as they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// `statement_timeout`
    pub statement: Duration,
    /// `lock_timeout`
    pub lock: Duration,
    /// `idle_in_transaction_session_timeout`
    pub idle: Duration,
    /// `tcp_user_timeout`, and after how much silence the peer is asked whether it is there.
    pub network: Duration,
    /// How long a unit of work may take before its thread and its connection are given up.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Patience {
            statement: seconds(20),
            lock: seconds(10),
            idle: seconds(30),
            network: seconds(15),
            answer: seconds(40),
        }
    }
}

impl Patience {
    /// For libpq: a connection whose packets are not confirmed is dead.
    fn parameters(self) -> Vec<(&'static str, String)> {
        let seconds = self.network.as_secs();
        vec![
            ("tcp_user_timeout", self.network.as_millis().to_string()),
            ("keepalives_idle", seconds.to_string()),
            ("keepalives_interval", (seconds / 3).max(1).to_string()),
            ("keepalives_count", "3".to_owned()),
        ]
    }

    /// For the server.
    fn settings(self) -> String {
        let Patience { statement, lock, idle, .. } = self;
        let (statement, lock, idle) = (statement.as_millis(), lock.as_millis(), idle.as_millis());
        format!(
            "; SET statement_timeout = {statement}; SET lock_timeout = {lock}; \
             SET idle_in_transaction_session_timeout = {idle}"
        )
    }
}

impl std::str::FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return match url::Url::parse(text) {
                Ok(_) => Ok(DatabaseUrl::Postgres(text.to_owned())),
                Err(e) => Err(format!("is not a valid postgres:// URL: {e}")),
            };
        }
        match text.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path)) {
            Some("") => Err("names no file: write sqlite:PATH".to_owned()),
            Some(":memory:") => Err("cannot be in memory: write sqlite:PATH".to_owned()),
            Some(path) => Ok(DatabaseUrl::Sqlite(PathBuf::from(path))),
            None => Err("must begin with sqlite: or postgres://".to_owned()),
        }
    }
}

impl DatabaseUrl {
    /// What kind of database it is.
    pub fn kind(&self) -> &'static str {
        match self {
            DatabaseUrl::Sqlite(_) => "sqlite",
            DatabaseUrl::Postgres(_) => "postgresql",
        }
    }

    /// For people: without a password.
    pub fn display(&self) -> String {
        match self {
            DatabaseUrl::Sqlite(path) => format!("SQLite in {}", path.display()),
            DatabaseUrl::Postgres(url) => match url::Url::parse(url) {
                Ok(url) => format!("PostgreSQL at {}{}", url.host_str().unwrap_or("localhost"), url.path()),
                Err(_) => "PostgreSQL".to_owned(),
            },
        }
    }

    /// Opens a connection.
    pub fn connect(&self) -> Result<AnyConn, DbError> {
        match self {
            DatabaseUrl::Sqlite(path) => Ok(AnyConn::Sqlite(sqlite(path)?)),
            DatabaseUrl::Postgres(url) => Ok(AnyConn::Postgres(postgres(url, None)?)),
        }
    }

    /// Opens the connection of the one writer of SQLite.
    pub(super) fn connect_to_write(&self) -> Result<AnyConn, DbError> {
        let mut conn = self.connect()?;
        if let AnyConn::Sqlite(c) = &mut conn {
            c.batch_execute(OF_THE_WRITER)?;
        }
        Ok(conn)
    }

    /// Opens a connection for requests, which do not wait for ever.
    pub(super) fn connect_for(&self, patience: Patience) -> Result<AnyConn, DbError> {
        match self {
            DatabaseUrl::Sqlite(_) => self.connect(),
            DatabaseUrl::Postgres(url) => Ok(AnyConn::Postgres(postgres(url, Some(patience))?)),
        }
    }
}

impl DatabaseUrl {
    /// Opens a connection that cannot write, to a database that exists.
    pub fn connect_read_only(&self) -> Result<AnyConn, DbError> {
        match self {
            DatabaseUrl::Sqlite(path) => {
                let mut conn = sqlite_to_read(path)?;
                conn.batch_execute("PRAGMA query_only = ON")?;
                Ok(AnyConn::Sqlite(conn))
            }
            DatabaseUrl::Postgres(url) => {
                let mut session = postgres(url, None)?;
                session.begun().batch_execute("SET default_transaction_read_only = on")?;
                Ok(AnyConn::Postgres(session))
            }
        }
    }
}

/// Opens an SQLite database that exists, and cannot write there; but into a copy.
pub(super) fn sqlite_to_read(path: &Path) -> Result<SqliteConnection, DbError> {
    let path = path.to_string_lossy();
    let escaped = percent_encoding::utf8_percent_encode(&path, OF_SQLITE_URIS);
    let mut conn = SqliteConnection::establish(&format!("file:{escaped}?mode=ro"))?;
    conn.batch_execute("PRAGMA busy_timeout = 10000")?;
    Ok(conn)
}

/// What a path may not have in a `file:` URI as SQLite reads it.
const OF_SQLITE_URIS: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS.add(b'%').add(b'?').add(b'#');

/// Whether the extension is there that spreads tables over several nodes.
const IS_SPREAD: &str = "SELECT count(*) AS n FROM pg_extension WHERE extname = 'citus'";

#[derive(QueryableByName)]
struct Extensions {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

fn postgres(url: &str, patience: Option<Patience>) -> Result<PgSession, DbError> {
    let parameters = patience.map(Patience::parameters).unwrap_or_default();
    let mut parameters: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
    parameters.push(("connect_timeout", "5"));
    let mut conn = PgConnection::establish(&with_parameters(url, &parameters))?;
    // Compiling a statement takes longer than any of ours runs. And all have an index: a plan that was made while a table was new and
    // seemed small would go through it from end to end for as long as the connection keeps it.
    let settings = patience.map(Patience::settings).unwrap_or_default();
    conn.batch_execute(&format!("SET jit = off; SET enable_seqscan = off{settings}"))?;
    let Extensions { n } = diesel::sql_query(IS_SPREAD).get_result(&mut conn)?;
    Ok(PgSession::new(conn, n > 0))
}

/// The URL with these parameters too, where the operator did not set them.
pub(super) fn with_parameters(url: &str, parameters: &[(&str, &str)]) -> String {
    let Ok(mut url) = url::Url::parse(url) else { return url.to_owned() };
    for (name, value) in parameters {
        if url.query_pairs().all(|(given, _)| given != *name) {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
    url.into()
}

/// The log is copied into the file when it has 4 000 pages (16 MiB): what many units of work change, as the upper pages of an index, is copied once
/// for all of them. And what they change stays in memory, or would be read from the log again and again. The connections that write beside the
/// writer, as the readiness check's when it is idle, copy a log of more than 1 000 pages, as SQLite does by itself.
const OF_THE_WRITER: &str = "PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -8192";

fn sqlite(path: &Path) -> Result<SqliteConnection, DbError> {
    // A new database is readable by its owner only; SQLite gives its side files the same mode. What is wrong with the path, SQLite
    // itself says better.
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let _ = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    }
    let mut conn = SqliteConnection::establish(&path.to_string_lossy())?;
    // FULL: what is acknowledged is on the disk. 2 MiB of cache a connection; the file itself is mapped, so that pages are
    // shared between connections by the kernel instead of being copied into each.
    conn.batch_execute(
        "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
         PRAGMA cache_size = -2048; PRAGMA mmap_size = 8589934592; PRAGMA temp_store = MEMORY; \
         PRAGMA journal_size_limit = 67108864",
    )?;
    Ok(conn)
}
