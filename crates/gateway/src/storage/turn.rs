//! One process starts at a time.
//!
//! Until a process serves, it makes what is missing: the file and its journal mode, the schema, the first rows, keys. Processes that
//! start together take turns at all of it: on PostgreSQL under an advisory lock that a session of its own holds, on SQLite under a lock
//! on a file beside the database. A process that dies gives its turn back.

use diesel::connection::SimpleConnection;

use super::backend::{AnyConn, DatabaseUrl};
use super::error::DbError;

/// Any fixed number does; older versions hold it while they migrate.
const LOCK: &str = "SELECT pg_advisory_lock(7305261093)";

/// The right to start, until it is dropped.
#[allow(missing_debug_implementations)]
pub struct Turn {
    _held: Held,
}

#[allow(dead_code)] // held, and never looked at
enum Held {
    Session(AnyConn),
    File(std::fs::File),
}

impl Turn {
    /// Waits until no other process is starting on this database.
    pub fn take(url: &DatabaseUrl) -> Result<Turn, DbError> {
        let held = match url {
            DatabaseUrl::Sqlite(path) => {
                let mut lock = path.as_os_str().to_owned();
                lock.push(".lock");
                let cannot = |e: std::io::Error| DbError::Files(format!("{}: {e}", lock.display()));
                let mut options = std::fs::OpenOptions::new();
                options.write(true).create(true).truncate(false);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                let file = options.open(&lock).map_err(cannot)?;
                file.lock().map_err(cannot)?;
                Held::File(file)
            }
            DatabaseUrl::Postgres(_) => {
                let mut conn = url.connect()?;
                if let AnyConn::Postgres(c) = &mut conn {
                    c.begun().batch_execute(LOCK)?;
                }
                Held::Session(conn)
            }
        };
        Ok(Turn { _held: held })
    }
}
