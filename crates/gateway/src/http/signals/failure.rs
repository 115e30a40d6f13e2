//! Refusals of what identity providers ask for. The draft defines statuses alone
//! (draft-parecki-oauth-global-token-revocation §3.4.2); the body says in OAuth's form what is wrong.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use oauth::provider_token::Disbelief;
use serde_json::json;

use crate::domain::document::DocumentError;
use crate::domain::request::{OwnCode, Refusal, RefusalCode};
use crate::services::signals::disbelieved;
use crate::storage::{DbError, TransactionError};

/// For so many seconds the keys of a provider that has just failed are not asked for again.
const KEYS_AGAIN_S: u32 = 15;

/// Why a request was not carried out.
#[derive(Debug)]
pub(super) enum SignalFailure {
    /// Its token is not believed.
    Token(Disbelief),
    /// It is refused, with this status.
    Refused(u16, Refusal),
    /// The provider's keys cannot be read at the moment.
    Keys(String),
    /// The body has more bytes than this.
    TooLarge(usize),
    /// The endpoint has only these methods.
    Method(String),
    /// The database failed.
    Database(DbError),
}

impl SignalFailure {
    pub(super) fn refusal(&self) -> Refusal {
        match self {
            SignalFailure::Token(why) => disbelieved(why),
            SignalFailure::Refused(_, refusal) => refusal.clone(),
            SignalFailure::Keys(why) => Refusal::new(OwnCode::SignalKeysUnavailable, why.as_str()),
            SignalFailure::TooLarge(limit) => {
                let why = format!("The body may have at most {} KiB.", limit / 1024);
                Refusal::new(OwnCode::BodyTooLarge, why)
            }
            SignalFailure::Method(allowed) => {
                Refusal::new(OwnCode::MethodNotAllowed, format!("This endpoint answers {allowed} only."))
            }
            SignalFailure::Database(cause) => {
                let meaning = cause.meaning();
                Refusal { code: meaning.code(), detail: meaning.sentence().to_owned() }
            }
        }
    }

    /// What the body calls it.
    fn error(&self) -> &'static str {
        match self.status_code().as_u16() {
            401 => "invalid_token",
            403 => "access_denied",
            404 => "not_found",
            422 => "unprocessable",
            500 => "server_error",
            503 => "temporarily_unavailable",
            _ => "invalid_request",
        }
    }
}

impl std::fmt::Display for SignalFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl ResponseError for SignalFailure {
    fn status_code(&self) -> StatusCode {
        let status = match self {
            SignalFailure::Token(_) => 401,
            SignalFailure::Refused(status, _) => *status,
            SignalFailure::Keys(_) => 503,
            SignalFailure::TooLarge(_) => 413,
            SignalFailure::Method(_) => 405,
            SignalFailure::Database(cause) => cause.meaning().status(),
        };
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let (status, error, refusal) = (self.status_code(), self.error(), self.refusal());
        let mut answer = HttpResponse::build(status);
        answer.insert_header((header::CACHE_CONTROL, "no-store"));
        match self {
            SignalFailure::Method(allowed) => {
                answer.insert_header((header::ALLOW, allowed.as_str()));
            }
            SignalFailure::Keys(_) => {
                answer.insert_header((header::RETRY_AFTER, KEYS_AGAIN_S.to_string()));
            }
            SignalFailure::Database(cause) => {
                cause.log("a request of an identity provider failed");
                if let Some(seconds) = cause.meaning().retry_after() {
                    answer.insert_header((header::RETRY_AFTER, seconds));
                }
            }
            // A request without any credentials is told no error (RFC 6750 §3.1).
            SignalFailure::Refused(401, refusal) if refusal.code == RefusalCode::from(OwnCode::SignalTokenMissing) => {
                answer.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
            }
            _ if status == StatusCode::UNAUTHORIZED => {
                answer.insert_header((header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\""));
            }
            _ => {}
        }
        let mut answer = answer.json(json!({"error": error, "error_description": refusal.detail}));
        answer.extensions_mut().insert(refusal);
        answer
    }
}

impl From<DbError> for SignalFailure {
    fn from(error: DbError) -> Self {
        SignalFailure::Database(error)
    }
}

impl From<DocumentError> for SignalFailure {
    fn from(error: DocumentError) -> Self {
        DbError::from(error).into()
    }
}

impl TransactionError for SignalFailure {
    fn database(&self) -> Option<&DbError> {
        match self {
            SignalFailure::Database(error) => Some(error),
            _ => None,
        }
    }
}
