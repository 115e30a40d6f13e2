//! Refusals (RFC 7644 §3.12): what was wrong, and what would be right.
//!
//! An identity provider shows the `detail` of an error to its administrator, so a detail names the attribute and the
//! remedy, in a sentence. It never repeats a password.

use serde_json::{Value, json};

use crate::codes::RefusalCode;
use crate::urn;

/// The store failed (disk, network, a bug). The unit of work is rolled back and the caller answers 500.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub Box<dyn std::error::Error + Send + Sync>);

/// Why a request was refused; the last variant is a failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter is malformed, or uses an attribute or operator that cannot be filtered by.
    #[error("{0}")]
    InvalidFilter(String),
    /// A PATCH path is malformed or names nothing.
    #[error("{0}")]
    InvalidPath(String),
    /// The message does not have the structure of its schema.
    #[error("{0}")]
    InvalidSyntax(String),
    /// A value is missing, or does not fit its attribute.
    #[error("{0}")]
    InvalidValue(String),
    /// The attribute's mutability does not allow this change.
    #[error("{0}")]
    Mutability(String),
    /// The PATCH path selects nothing that could be changed.
    #[error("{0}")]
    NoTarget(String),
    /// Another resource already has this value.
    #[error("{detail}")]
    NotUnique {
        /// The attribute, where the store says which.
        attribute: Option<String>,
        /// The sentence for the administrator.
        detail: String,
    },
    /// The cursor was not made by this service provider, or belongs to another client or query (RFC 9865 §2.1).
    #[error("{0}")]
    InvalidCursor(String),
    /// The cursor has expired.
    #[error("{0}")]
    ExpiredCursor(String),
    /// With a cursor: `count` exceeds the largest page, or differs from that of the first page.
    #[error("{0}")]
    InvalidCount(String),
    /// The answer would take more work than the service provider allows (`tooMany`).
    #[error("{0}")]
    TooMany(String),
    /// The URL holds a value that belongs in a body (RFC 7644 §7.5.2).
    #[error("{0}")]
    Sensitive(String),
    /// The request conflicts with the current state.
    #[error("{0}")]
    Conflict(String),
    /// No such resource or endpoint.
    #[error("{0}")]
    NotFound(String),
    /// `If-Match` names another version than the current one.
    #[error("{0}")]
    Stale(String),
    /// The client lacks the permission.
    #[error("{0}")]
    Forbidden(String),
    /// The body is larger than the service provider accepts.
    #[error("{0}")]
    TooLarge(String),
    /// The service provider does not support this.
    #[error("{0}")]
    NotImplemented(String),
    /// The store failed; the request may be correct.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Error {
    /// The status and `scimType` (RFC 7644 §3.12 tables 8 and 9, RFC 9865 §2.1). No other place chooses a SCIM status.
    pub fn wire(&self) -> (u16, Option<&'static str>) {
        match self {
            Error::InvalidFilter(_) => (400, Some("invalidFilter")),
            Error::InvalidPath(_) => (400, Some("invalidPath")),
            Error::InvalidSyntax(_) => (400, Some("invalidSyntax")),
            Error::InvalidValue(_) => (400, Some("invalidValue")),
            Error::Mutability(_) => (400, Some("mutability")),
            Error::NoTarget(_) => (400, Some("noTarget")),
            Error::NotUnique { .. } => (409, Some("uniqueness")),
            Error::Conflict(_) => (409, None),
            Error::InvalidCursor(_) => (400, Some("invalidCursor")),
            Error::ExpiredCursor(_) => (400, Some("expiredCursor")),
            Error::InvalidCount(_) => (400, Some("invalidCount")),
            Error::TooMany(_) => (400, Some("tooMany")),
            Error::Sensitive(_) => (403, Some("sensitive")),
            Error::NotFound(_) => (404, None),
            Error::Stale(_) => (412, None),
            Error::Forbidden(_) => (403, None),
            Error::TooLarge(_) => (413, None),
            Error::NotImplemented(_) => (501, None),
            Error::Store(_) => (500, None),
        }
    }

    /// The code of the refusal; a failure of the store is none.
    pub fn code(&self) -> Option<RefusalCode> {
        Some(match self {
            Error::InvalidFilter(_) => RefusalCode::InvalidFilter,
            Error::InvalidPath(_) => RefusalCode::InvalidPath,
            Error::InvalidSyntax(_) => RefusalCode::InvalidSyntax,
            Error::InvalidValue(_) => RefusalCode::InvalidValue,
            Error::Mutability(_) => RefusalCode::Mutability,
            Error::NoTarget(_) => RefusalCode::NoTarget,
            Error::NotUnique { .. } => RefusalCode::Uniqueness,
            Error::Conflict(_) => RefusalCode::Conflict,
            Error::InvalidCursor(_) => RefusalCode::InvalidCursor,
            Error::ExpiredCursor(_) => RefusalCode::ExpiredCursor,
            Error::InvalidCount(_) => RefusalCode::InvalidCount,
            Error::TooMany(_) => RefusalCode::TooMany,
            Error::Sensitive(_) => RefusalCode::Sensitive,
            Error::NotFound(_) => RefusalCode::NotFound,
            Error::Stale(_) => RefusalCode::VersionMismatch,
            Error::Forbidden(_) => RefusalCode::Forbidden,
            Error::TooLarge(_) => RefusalCode::TooLarge,
            Error::NotImplemented(_) => RefusalCode::NotImplemented,
            Error::Store(_) => return None,
        })
    }

    /// The sentence for the administrator. Internal details are for the log ([`Display`](std::fmt::Display)) only.
    pub fn detail(&self) -> String {
        match self {
            Error::Store(_) => "The service provider failed. Try again later.".to_owned(),
            refusal => refusal.to_string(),
        }
    }

    /// The body of the error response.
    pub fn body(&self) -> Value {
        let (status, scim_type) = self.wire();
        message(status, scim_type, &self.detail())
    }
}

/// An error body (RFC 7644 §3.12) for an error outside this crate, such as 401, 405, 415 or 429. `status` is a string
/// on the wire.
pub fn message(status: u16, scim_type: Option<&str>, detail: &str) -> Value {
    let mut body = json!({ "schemas": [urn::ERROR], "status": status.to_string() });
    if let (Some(body), Some(scim_type)) = (body.as_object_mut(), scim_type) {
        body.insert("scimType".to_owned(), scim_type.into());
    }
    if let Some(body) = body.as_object_mut() {
        body.insert("detail".to_owned(), detail.into());
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_the_status_and_the_type_of_the_tables() {
        let text = String::new;
        let table: Vec<(Error, u16, Option<&str>)> = vec![
            (Error::InvalidFilter(text()), 400, Some("invalidFilter")),
            (Error::InvalidPath(text()), 400, Some("invalidPath")),
            (Error::InvalidSyntax(text()), 400, Some("invalidSyntax")),
            (Error::InvalidValue(text()), 400, Some("invalidValue")),
            (Error::Mutability(text()), 400, Some("mutability")),
            (Error::NoTarget(text()), 400, Some("noTarget")),
            (Error::NotUnique { attribute: None, detail: text() }, 409, Some("uniqueness")),
            (Error::Conflict(text()), 409, None),
            (Error::TooMany(text()), 400, Some("tooMany")),
            (Error::Sensitive(text()), 403, Some("sensitive")),
            (Error::NotFound(text()), 404, None),
            (Error::Stale(text()), 412, None),
            (Error::Forbidden(text()), 403, None),
            (Error::TooLarge(text()), 413, None),
            (Error::NotImplemented(text()), 501, None),
            (Error::Store(StoreError("disk".into())), 500, None),
        ];
        for (error, status, scim_type) in table {
            assert_eq!(error.wire(), (status, scim_type));
            let body = error.body();
            assert_eq!(body["schemas"], json!([urn::ERROR]));
            assert_eq!(body["status"], json!(status.to_string()), "a string");
            assert_eq!(body.get("scimType").and_then(Value::as_str), scim_type);
        }
    }

    #[test]
    fn what_failed_inside_stays_inside() {
        let error = Error::Store(StoreError("password=hunter2 in the connection string".into()));
        assert!(!error.body().to_string().contains("hunter2"));
    }
}
