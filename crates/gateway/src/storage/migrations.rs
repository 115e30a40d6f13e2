//! Migrations, embedded in the binary: one folder for each database, the same steps under the same names.

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::backend::AnyConn;
use super::error::DbError;
use super::releases::{self, Newer};
use crate::each;

const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// Why the schema does not suit this binary.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// A migration failed.
    #[error("migrating the database: {0}")]
    Failed(Box<dyn std::error::Error + Send + Sync>),
    /// The schema lacks migrations.
    #[error(
        "the database schema is behind this binary: {0} migrations are missing. Run `gateway migrate`, or start with \
         database.migrate_on_start=true"
    )]
    Behind(usize),
    /// The schema has migrations that this binary does not know.
    #[error(
        "the database schema is ahead of this binary: it has migration {0}, which this version does not know. Start the \
         version that migrated it, or a newer one"
    )]
    Ahead(String),
    /// A release has been at the database beside which this one may not run.
    #[error(
        "release {release} has been at this database, and {oldest} is the oldest that may run beside it; this is {}. Start {oldest} or a newer one. \
         The way back to {} is a backup from before",
        releases::THIS,
        releases::THIS
    )]
    TooOld {
        /// The newer one.
        release: String,
        /// The oldest that may run beside it.
        oldest: String,
    },
}

/// Brings the schema up to date; says how many migrations were run. The caller holds the [`Turn`](super::turn::Turn).
pub fn run(conn: &mut AnyConn) -> Result<usize, MigrationError> {
    refuse_ahead(conn)?;
    match conn {
        AnyConn::Sqlite(c) => {
            if c.pending_migrations(SQLITE).map_err(MigrationError::Failed)?.is_empty() {
                return Ok(0);
            }
            // A process of an older version may be writing: the lock is waited for here, where nothing was read yet.
            let begin = "BEGIN IMMEDIATE";
            AnsiTransactionManager::begin_transaction_sql(c, begin).map_err(DbError::from)?;
            match c.run_pending_migrations(SQLITE).map(|m| m.len()) {
                Ok(applied) => {
                    AnsiTransactionManager::commit_transaction(c).map_err(DbError::from)?;
                    Ok(applied)
                }
                Err(error) => {
                    let _ = AnsiTransactionManager::rollback_transaction(c);
                    Err(MigrationError::Failed(error))
                }
            }
        }
        AnyConn::Postgres(c) => {
            c.begun().run_pending_migrations(POSTGRES).map(|m| m.len()).map_err(MigrationError::Failed)
        }
    }
}

/// Whether a gateway has been at this database. Makes nothing.
pub fn have_begun(conn: &mut AnyConn) -> Result<bool, DbError> {
    const SQLITE: &str = "SELECT COUNT(*) AS n FROM sqlite_master WHERE name = '__diesel_schema_migrations'";
    const POSTGRES: &str = "SELECT COUNT(*) AS n FROM pg_class WHERE oid = to_regclass('__diesel_schema_migrations')";
    let Tables { n } = match conn {
        AnyConn::Sqlite(c) => diesel::sql_query(SQLITE).get_result(c),
        AnyConn::Postgres(c) => diesel::sql_query(POSTGRES).get_result(c.begun()),
    }?;
    Ok(n > 0)
}

#[derive(QueryableByName)]
struct Tables {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Refuses a schema that this binary cannot work on: it lacks something, or is newer than the next release's.
pub fn check(conn: &mut AnyConn) -> Result<(), MigrationError> {
    match missing(conn)? {
        0 => Ok(()),
        pending => Err(MigrationError::Behind(pending)),
    }
}

/// Refuses a schema that is not exactly this binary's, for what has to know every table.
pub fn check_exactly(conn: &mut AnyConn) -> Result<(), MigrationError> {
    match unknown(conn)?.1 {
        Some(stranger) => Err(MigrationError::Ahead(stranger)),
        None => check(conn),
    }
}

/// How many migrations of this binary the schema lacks; one that is too far ahead is refused.
pub fn missing(conn: &mut AnyConn) -> Result<usize, MigrationError> {
    refuse_ahead(conn)?;
    match conn {
        AnyConn::Sqlite(c) => c.pending_migrations(SQLITE).map(|m| m.len()),
        AnyConn::Postgres(c) => c.begun().pending_migrations(POSTGRES).map(|m| m.len()),
    }
    .map_err(MigrationError::Failed)
}

/// Which schema this binary has: the name of its newest migration, and how many there are.
pub fn schema() -> Result<(String, usize), MigrationError> {
    use diesel::migration::MigrationSource;
    let all = MigrationSource::<diesel::sqlite::Sqlite>::migrations(&SQLITE).map_err(MigrationError::Failed)?;
    let newest = all.iter().map(|one| one.name().version().to_string()).max();
    Ok((newest.unwrap_or_default(), all.len()))
}

/// A schema may be that of the next release, which says so in words that this one understands.
fn refuse_ahead(conn: &mut AnyConn) -> Result<(), MigrationError> {
    let (is_migrated, stranger) = unknown(conn)?;
    if !is_migrated {
        return Ok(());
    }
    match (releases::newer(conn)?, stranger) {
        (Newer::TooNew { release, oldest }, _) => Err(MigrationError::TooOld { release, oldest }),
        (Newer::None, Some(stranger)) => Err(MigrationError::Ahead(stranger)),
        (Newer::None | Newer::Beside, _) => Ok(()),
    }
}

/// Whether there is a schema, and a migration that made it and is not this binary's.
fn unknown(conn: &mut AnyConn) -> Result<(bool, Option<String>), MigrationError> {
    use diesel::migration::MigrationSource;
    let known: Vec<String> = match conn {
        AnyConn::Sqlite(_) => MigrationSource::<diesel::sqlite::Sqlite>::migrations(&SQLITE)
            .map_err(MigrationError::Failed)?
            .iter()
            .map(|m| m.name().version().to_string())
            .collect(),
        AnyConn::Postgres(_) => MigrationSource::<diesel::pg::Pg>::migrations(&POSTGRES)
            .map_err(MigrationError::Failed)?
            .iter()
            .map(|m| m.name().version().to_string())
            .collect(),
    };
    let applied = each!(conn, c => c.applied_migrations()).map_err(MigrationError::Failed)?;
    let stranger = applied.iter().map(ToString::to_string).find(|version| !known.contains(version));
    Ok((!applied.is_empty(), stranger))
}
