//! Why a service could not do its work, whichever door asked for it.

use crate::domain::described::FieldError;
use crate::domain::document::DocumentError;
use crate::domain::operator::Forbidden;
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

/// Why an act of an operator was not done. Nothing of it stays: its unit of work is undone.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// It is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Why an act is refused, naming what is wrong and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// What it is about does not exist.
    #[error("there is no {what} `{id}`")]
    NotFound {
        /// `account`, `client` and so on.
        what: &'static str,
        /// What it was called by.
        id: String,
    },
    /// The operator's role, or reach, does not allow it.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// A product key has no scope for this (RFC 6750 §3.1).
    #[error("{}", out_of_scope(.has, *.needs))]
    OutOfScope {
        /// The scopes of its token.
        has: String,
        /// The one that is needed; none, if it is not for keys at all.
        needs: Option<&'static str>,
    },
    /// Values that cannot be, each by its field.
    #[error("{}", sentences(.0))]
    Invalid(Vec<FieldError>),
    /// It does not go with what is there now.
    #[error("{detail}")]
    Conflict {
        /// What is in the way.
        detail: String,
        /// And where.
        errors: Vec<FieldError>,
    },
    /// It has a consequence that the caller has not confirmed.
    #[error("{}", sentences(.1))]
    Unconfirmed(Consequence, Vec<FieldError>),
    /// What is asked for was there, and is not any more.
    #[error("{0}")]
    Gone(&'static str),
    /// Too much is asked for at once: it may be repeated in a moment.
    #[error("{0}")]
    Busy(&'static str),
    /// The SCIM engine refuses it.
    #[error("{}", .0.detail())]
    Scim(scim::Error),
}

/// What an act would have as a consequence, and has to be confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consequence {
    /// Resources keep values that are no longer allowed.
    ValuesInUse,
    /// Groups keep names that several of them have: of so many names at least.
    SharedNames {
        /// How many names were counted.
        count: usize,
        /// There may be more.
        at_least: bool,
    },
}

fn out_of_scope(has: &str, needs: Option<&str>) -> String {
    match needs {
        Some(needs) => format!("this product key has the scope {has}, and this needs {needs}"),
        None => {
            format!("this product key has the scope {has}, and this is for operators alone: no scope of keys opens it")
        }
    }
}

fn sentences(errors: &[FieldError]) -> String {
    errors.iter().map(|error| format!("{}: {}", error.field, error.detail)).collect::<Vec<_>>().join("; ")
}

impl ActError {
    /// What is asked for does not exist.
    pub fn not_found(what: &'static str, id: &str) -> ActError {
        Refusal::NotFound { what, id: id.to_owned() }.into()
    }

    /// Values are wrong.
    pub fn invalid(errors: Vec<FieldError>) -> ActError {
        Refusal::Invalid(errors).into()
    }

    /// The value of one field is wrong.
    pub fn field(field: &str, detail: impl Into<String>) -> ActError {
        ActError::invalid(vec![FieldError { field: field.to_owned(), detail: detail.into() }])
    }

    /// Something is in the way.
    pub fn conflict(detail: impl Into<String>) -> ActError {
        Refusal::Conflict { detail: detail.into(), errors: Vec::new() }.into()
    }

    /// Refuses values, if any of them is wrong.
    pub fn unless_right(mistakes: impl IntoIterator<Item = FieldError>) -> Result<(), ActError> {
        let mistakes: Vec<FieldError> = mistakes.into_iter().collect();
        if mistakes.is_empty() { Ok(()) } else { Err(ActError::invalid(mistakes)) }
    }
}

impl From<Forbidden> for ActError {
    fn from(forbidden: Forbidden) -> Self {
        ActError::Refused(forbidden.into())
    }
}

impl From<DocumentError> for ActError {
    fn from(error: DocumentError) -> Self {
        ActError::Database(error.into())
    }
}

impl From<oauth::StoreError> for ActError {
    fn from(error: oauth::StoreError) -> Self {
        ActError::Database(error.into())
    }
}

impl From<scim::store::StoreError> for ActError {
    fn from(error: scim::store::StoreError) -> Self {
        ActError::Database(error.into())
    }
}

impl From<scim::Error> for ActError {
    fn from(error: scim::Error) -> Self {
        match error {
            scim::Error::Store(error) => error.into(),
            error => Refusal::Scim(error).into(),
        }
    }
}

impl TransactionError for ActError {
    fn database(&self) -> Option<&DbError> {
        match self {
            ActError::Database(error) => Some(error),
            ActError::Refused(_) => None,
        }
    }
}
