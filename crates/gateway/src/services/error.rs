//! Why a service could not do its work, whichever door asked for it.

use crate::storage::{DbError, TransactionError};

/// Why a service could not do its work. What it refuses is no failure: that is in its answer.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// Something that was sealed cannot be opened with the master keys that are configured.
    #[error("a stored secret cannot be opened with the master keys that are configured")]
    Unreadable,
}

impl From<oauth::StoreError> for ServiceError {
    fn from(error: oauth::StoreError) -> Self {
        ServiceError::Database(DbError::from(error))
    }
}

impl From<scim::store::StoreError> for ServiceError {
    fn from(error: scim::store::StoreError) -> Self {
        ServiceError::Database(DbError::from(error))
    }
}

impl TransactionError for ServiceError {
    fn database(&self) -> Option<&DbError> {
        match self {
            ServiceError::Database(error) => Some(error),
            ServiceError::Unreadable => None,
        }
    }
}
