//! What can go wrong with a database, and whether trying again would help.

use diesel::result::{DatabaseErrorKind, Error as Diesel};

/// The database failed: nothing of the unit of work was kept.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A statement failed.
    #[error("database: {0}")]
    Statement(#[from] Diesel),
    /// No connection.
    #[error("cannot connect to the database: {0}")]
    Connect(#[from] diesel::ConnectionError),
    /// All connections were in use for too long.
    #[error("no database connection became free: {0}")]
    Pool(#[from] r2d2::Error),
    /// The commit that was to carry this and other units of work failed.
    #[error("commit failed: {0}")]
    Commit(String),
    /// Another unit of work was faster, in a way the database reports as a conflict.
    #[error("another unit of work was faster")]
    LostRace,
    /// The names of this account are being given away, and whoever would wait for that holds what others wait for: they are to be
    /// held from the start.
    #[error("names are being given away at this moment")]
    NamesHeld(i64),
    /// What is stored cannot be read: written by another version, or damaged.
    #[error("stored data cannot be read: {0}")]
    Corrupt(String),
    /// A thread died or the process is going down.
    #[error("the unit of work was interrupted")]
    Interrupted,
}

impl DbError {
    /// Whether the same unit of work may succeed when run again: it lost a race that the database decided.
    pub fn is_retryable(&self) -> bool {
        match self {
            DbError::LostRace | DbError::NamesHeld(_) => true,
            DbError::Statement(Diesel::DatabaseError(kind, info)) => match kind {
                DatabaseErrorKind::SerializationFailure => true,
                // diesel hides the SQLSTATE 40P01
                DatabaseErrorKind::Unknown => info.message().contains("deadlock detected"),
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether the connection itself went away (a restarted server), so that a new one may do.
    pub fn is_disconnect(&self) -> bool {
        match self {
            DbError::Statement(Diesel::DatabaseError(DatabaseErrorKind::ClosedConnection, _)) => true,
            DbError::Statement(Diesel::DatabaseError(_, info)) => {
                let text = info.message();
                ["server closed the connection", "terminating connection", "no connection to the server"]
                    .iter()
                    .any(|sign| text.contains(sign))
            }
            _ => false,
        }
    }
}

/// Whether the statement failed because a value is taken; the message or constraint name tells which.
pub(crate) fn unique_violation(error: &Diesel) -> Option<String> {
    match error {
        Diesel::DatabaseError(DatabaseErrorKind::UniqueViolation, info) => {
            Some(info.constraint_name().unwrap_or_else(|| info.message()).to_owned())
        }
        _ => None,
    }
}

impl From<DbError> for scim::store::StoreError {
    fn from(error: DbError) -> Self {
        scim::store::StoreError(Box::new(error))
    }
}

impl From<DbError> for scim::store::SearchError {
    fn from(error: DbError) -> Self {
        scim::store::SearchError::Store(error.into())
    }
}

/// Back again: what the protocols passed through is ours.
impl From<oauth::StoreError> for DbError {
    fn from(error: oauth::StoreError) -> Self {
        error.0.downcast().map_or_else(|other| DbError::Corrupt(other.to_string()), |ours| *ours)
    }
}

/// Back again: what the protocols passed through is ours.
impl From<scim::store::StoreError> for DbError {
    fn from(error: scim::store::StoreError) -> Self {
        error.0.downcast().map_or_else(|other| DbError::Corrupt(other.to_string()), |ours| *ours)
    }
}

impl From<DbError> for oauth::StoreError {
    fn from(error: DbError) -> Self {
        oauth::StoreError(Box::new(error))
    }
}
