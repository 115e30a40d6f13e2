//! Refusals of the OAuth endpoints (RFC 6749 §5.2).

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use oauth::dpop::ProofError;
use oauth::{BearerError, ErrorCode, TokenError, TokenRefusal};
use serde_json::json;

use crate::domain::document::DocumentError;
use crate::domain::request::{OwnCode, Refusal, RefusalCode};
use crate::services::rates::TooFast;
use crate::storage::{DbError, TransactionError};

/// Why an OAuth request was not carried out.
#[derive(Debug)]
pub(super) enum OAuthFailure {
    /// The protocol refused it.
    Token(TokenError),
    /// The token does not open this door.
    Bearer(BearerError),
    /// Too many proofs of this client failed from this address; how long to wait, in seconds.
    TooManyFailures(i64),
    /// The client or its account sends more requests in a second than it may.
    TooFast(TooFast),
    /// More requests were pushed than are kept for this client or address; how long to wait, in seconds.
    TooManyPushed(i64),
    /// The body has more bytes than this (RFC 9126 §2.3).
    TooLarge(usize),
    /// The endpoint has only these methods.
    Method(String),
    /// The database failed.
    Database(DbError),
}

impl OAuthFailure {
    /// At an endpoint for clients (RFC 9449 §5).
    pub(super) fn proof(error: ProofError) -> OAuthFailure {
        OAuthFailure::Token(error.into())
    }

    /// The code of the reason.
    pub(super) fn code(&self) -> RefusalCode {
        match self {
            OAuthFailure::Token(error) => error.code().into(),
            OAuthFailure::Bearer(error) => error.code().into(),
            OAuthFailure::TooManyFailures(_) => OwnCode::TooManyFailures.into(),
            OAuthFailure::TooManyPushed(_) => OwnCode::TooManyPushed.into(),
            OAuthFailure::TooFast(too_fast) => OwnCode::from(too_fast.of).into(),
            OAuthFailure::TooLarge(_) => OwnCode::BodyTooLarge.into(),
            OAuthFailure::Method(_) => OwnCode::MethodNotAllowed.into(),
            OAuthFailure::Database(cause) => cause.meaning().code(),
        }
    }

    pub(super) fn malformed(description: &str) -> OAuthFailure {
        OAuthFailure::Token(TokenRefusal::Malformed { detail: description.to_owned() }.into())
    }
}

impl std::fmt::Display for OAuthFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl ResponseError for OAuthFailure {
    fn status_code(&self) -> StatusCode {
        let status = match self {
            OAuthFailure::Token(error) => error.error().wire().0,
            OAuthFailure::Bearer(error) => error.status(),
            OAuthFailure::TooManyFailures(_) | OAuthFailure::TooManyPushed(_) | OAuthFailure::TooFast(_) => 429,
            OAuthFailure::TooLarge(_) => 413,
            OAuthFailure::Method(_) => 405,
            OAuthFailure::Database(cause) => cause.meaning().status(),
        };
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        answer.insert_header((header::CACHE_CONTROL, "no-store")).insert_header((header::PRAGMA, "no-cache"));
        let (code, description) = match self {
            OAuthFailure::Token(error) => {
                if error.error() == ErrorCode::InvalidClient && error.tried_basic {
                    answer.insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"gateway\""));
                }
                (error.error().wire().1, error.text())
            }
            OAuthFailure::Bearer(error) => {
                answer.insert_header((header::WWW_AUTHENTICATE, error.www_authenticate()));
                (error.error(), error.to_string())
            }
            OAuthFailure::TooManyFailures(seconds) => {
                answer.insert_header((header::RETRY_AFTER, seconds.to_string()));
                let description = format!(
                    "this client failed to prove who it is too often from this address; try again in {seconds} seconds"
                );
                ("temporarily_unavailable", description)
            }
            OAuthFailure::TooFast(too_fast) => {
                answer.insert_header((header::RETRY_AFTER, too_fast.retry_after.to_string()));
                ("temporarily_unavailable", too_fast.sentence())
            }
            // RFC 9126 §2.3.
            OAuthFailure::TooManyPushed(seconds) => {
                answer.insert_header((header::RETRY_AFTER, seconds.to_string()));
                let description = format!(
                    "too many authorization requests were pushed by this client or from this address; try again in {seconds} seconds"
                );
                ("temporarily_unavailable", description)
            }
            OAuthFailure::TooLarge(limit) => {
                ("invalid_request", format!("the body may have at most {} KiB", limit / 1024))
            }
            OAuthFailure::Method(allowed) => {
                answer.insert_header((header::ALLOW, allowed.as_str()));
                ("invalid_request", format!("this endpoint answers {allowed} only"))
            }
            OAuthFailure::Database(cause) => {
                cause.log("an OAuth request failed");
                let meaning = cause.meaning();
                let code = match meaning.retry_after() {
                    Some(seconds) => {
                        answer.insert_header((header::RETRY_AFTER, seconds));
                        "temporarily_unavailable"
                    }
                    None => "server_error",
                };
                (code, meaning.sentence().to_owned())
            }
        };
        let mut answer = answer.json(json!({"error": code, "error_description": description}));
        answer.extensions_mut().insert(Refusal { code: self.code(), detail: description });
        answer
    }
}

impl From<TokenError> for OAuthFailure {
    fn from(error: TokenError) -> Self {
        OAuthFailure::Token(error)
    }
}

impl From<BearerError> for OAuthFailure {
    fn from(error: BearerError) -> Self {
        OAuthFailure::Bearer(error)
    }
}

impl From<DocumentError> for OAuthFailure {
    fn from(error: DocumentError) -> OAuthFailure {
        DbError::from(error).into()
    }
}

impl From<DbError> for OAuthFailure {
    fn from(error: DbError) -> Self {
        OAuthFailure::Database(error)
    }
}

impl From<oauth::StoreError> for OAuthFailure {
    fn from(error: oauth::StoreError) -> Self {
        OAuthFailure::Database(error.into())
    }
}

impl From<scim::store::StoreError> for OAuthFailure {
    fn from(error: scim::store::StoreError) -> Self {
        OAuthFailure::Database(error.into())
    }
}

impl TransactionError for OAuthFailure {
    fn database(&self) -> Option<&DbError> {
        match self {
            OAuthFailure::Database(error) => Some(error),
            _ => None,
        }
    }
}
