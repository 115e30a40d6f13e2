//! Connections to either database.

use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, SqliteConnection};

use super::error::DbError;

/// A connection to one of the two databases.
#[allow(missing_debug_implementations)] // diesel's connections have none
pub enum AnyConn {
    /// PostgreSQL.
    Postgres(PgConnection),
    /// SQLite.
    Sqlite(SqliteConnection),
}

/// Runs the same diesel statement on whichever database this is: the body is compiled once for each.
#[macro_export]
macro_rules! each {
    ($conn:expr, $c:ident => $body:expr) => {
        match $conn {
            $crate::storage::AnyConn::Postgres($c) => $body,
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
            DatabaseUrl::Postgres(url) => Ok(AnyConn::Postgres(postgres(url)?)),
        }
    }
}

impl DatabaseUrl {
    /// Opens a connection that cannot write, to a database that exists.
    pub fn connect_read_only(&self) -> Result<AnyConn, DbError> {
        match self {
            DatabaseUrl::Sqlite(path) => {
                let path = path.to_string_lossy();
                let escaped = percent_encoding::utf8_percent_encode(&path, OF_SQLITE_URIS);
                let mut conn = SqliteConnection::establish(&format!("file:{escaped}?mode=ro"))?;
                conn.batch_execute("PRAGMA busy_timeout = 10000; PRAGMA query_only = ON")?;
                Ok(AnyConn::Sqlite(conn))
            }
            DatabaseUrl::Postgres(url) => {
                let mut conn = postgres(url)?;
                conn.batch_execute("SET default_transaction_read_only = on")?;
                Ok(AnyConn::Postgres(conn))
            }
        }
    }
}

/// What a path may not have in a `file:` URI as SQLite reads it.
const OF_SQLITE_URIS: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS.add(b'%').add(b'?').add(b'#');

fn postgres(url: &str) -> Result<PgConnection, DbError> {
    let mut conn = PgConnection::establish(&with_parameters(url, &[("connect_timeout", "5")]))?;
    // Compiling a statement takes longer than any of ours runs. And all have an index: a plan that was made while a table was new and
    // seemed small would go through it from end to end for as long as the connection keeps it.
    conn.batch_execute("SET jit = off; SET enable_seqscan = off")?;
    Ok(conn)
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

fn sqlite(path: &Path) -> Result<SqliteConnection, DbError> {
    // A new database is nobody else's to read; SQLite gives its side files the same mode. What is wrong with the path, SQLite
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
