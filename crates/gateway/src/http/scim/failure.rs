//! Refusals of the SCIM endpoint, all in the form of RFC 7644 §3.12.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use oauth::BearerError;
use scim::route::RouteError;
use serde_json::Value;

use crate::domain::request::{OwnCode, Refusal, RefusalCode};
use crate::services::admission::TooMuch;
use crate::services::budget::Exceeded;
use crate::services::rates::TooFast;
use crate::storage::{DbError, TransactionError};

/// How soon a request may find room that found none, in seconds.
const RETRY_AFTER: &str = "1";

/// Why a SCIM request was not carried out.
#[derive(Debug)]
pub(crate) enum ScimFailure {
    /// The protocol refused it.
    Scim(scim::Error),
    /// The token does not open this door (RFC 6750 §3).
    Bearer(BearerError),
    /// The endpoint has only these methods.
    Method(&'static str),
    /// The body is not JSON by its own declaration.
    MediaType,
    /// The body is compressed.
    Encoding,
    /// The body was not here in this time.
    TooSlow(Duration),
    /// The body has more than this many bytes.
    TooLarge(usize),
    /// There is no room for the request or its answer.
    NoRoom(Exceeded),
    /// The account has as much at once as it may.
    TooMuch(TooMuch),
    /// The client or its account sends more requests in a second than it may.
    TooFast(TooFast),
    /// The database failed.
    Database(DbError),
}

impl ScimFailure {
    /// The status and the error message.
    pub(super) fn message(&self) -> (u16, Value) {
        let message = |status: u16, detail: &str| scim::error::message(status, None, detail);
        match self {
            ScimFailure::Scim(error) => (error.wire().0, error.body()),
            ScimFailure::Bearer(error) => {
                let status = error.status();
                (status, message(status, &error.to_string()))
            }
            ScimFailure::Method(allowed) => (405, message(405, &format!("This endpoint has only {allowed}"))),
            ScimFailure::MediaType => {
                (415, message(415, "Send the body as application/scim+json (or application/json)"))
            }
            ScimFailure::Encoding => (
                415,
                message(
                    415,
                    "Send the body as it is, without a Content-Encoding; compressed bodies are not understood",
                ),
            ),
            ScimFailure::TooSlow(patience) => {
                (408, message(408, &format!("The body was not here after {} seconds", patience.as_secs())))
            }
            ScimFailure::TooLarge(limit) => {
                (413, message(413, &format!("The body may have at most {} KiB", limit / 1024)))
            }
            ScimFailure::NoRoom(Exceeded::Account(most)) => {
                let detail = format!(
                    "The requests of this account and the answers on their way to it take {} MiB at this moment, which is all they may. \
                     Read the answers, ask for less at once, and repeat this in a moment.",
                    most >> 20
                );
                (429, message(429, &detail))
            }
            ScimFailure::NoRoom(Exceeded::All) => (
                503,
                message(
                    503,
                    "The server has more requests and answers in hand than it has room for. Repeat this in a moment.",
                ),
            ),
            ScimFailure::NoRoom(Exceeded::Never(most)) => {
                let detail = format!(
                    "The request and its answer would take more than {} MiB, which is all that an account may have at one time. Send \
                     fewer members at once, or leave them out of the answer (excludedAttributes=members).",
                    most >> 20
                );
                (413, message(413, &detail))
            }
            ScimFailure::TooMuch(too_much) => (429, message(429, &too_much.sentence())),
            ScimFailure::TooFast(too_fast) => (429, message(429, &too_fast.sentence())),
            ScimFailure::Database(cause) => {
                cause.log("a SCIM request failed");
                let meaning = cause.meaning();
                (meaning.status(), message(meaning.status(), meaning.sentence()))
            }
        }
    }

    /// The code of the reason.
    pub(super) fn code(&self) -> RefusalCode {
        let own = match self {
            ScimFailure::Scim(error) => return error.code().map_or(OwnCode::ServerFailed.into(), RefusalCode::Scim),
            ScimFailure::Bearer(error) => return error.code().into(),
            ScimFailure::Method(_) => OwnCode::MethodNotAllowed,
            ScimFailure::MediaType => OwnCode::MediaType,
            ScimFailure::Encoding => OwnCode::ContentEncoding,
            ScimFailure::TooSlow(_) => OwnCode::BodyTooSlow,
            ScimFailure::TooLarge(_) => OwnCode::BodyTooLarge,
            ScimFailure::NoRoom(Exceeded::Account(_)) => OwnCode::AccountOutOfRoom,
            ScimFailure::NoRoom(Exceeded::All) => OwnCode::ServerOutOfRoom,
            ScimFailure::NoRoom(Exceeded::Never(_)) => OwnCode::RequestTooLarge,
            ScimFailure::TooMuch(_) => OwnCode::TooMuchAtOnce,
            ScimFailure::TooFast(too_fast) => too_fast.of.into(),
            ScimFailure::Database(cause) => return cause.meaning().code(),
        };
        own.into()
    }

    pub(super) fn answer(&self) -> HttpResponse {
        let (status, body) = self.message();
        let detail = body["detail"].as_str().unwrap_or_default().to_owned();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut answer = HttpResponse::build(status);
        match self {
            ScimFailure::Bearer(error) => {
                answer.insert_header(("WWW-Authenticate", error.www_authenticate()));
            }
            ScimFailure::Method(allowed) => {
                answer.insert_header(("Allow", *allowed));
            }
            // RFC 9110 §12.5.3: what would be understood.
            ScimFailure::Encoding => {
                answer.insert_header(("Accept-Encoding", "identity"));
            }
            ScimFailure::TooMuch(too_much) => {
                answer.insert_header(("Retry-After", too_much.retry_after.to_string()));
            }
            ScimFailure::TooFast(too_fast) => {
                answer.insert_header(("Retry-After", too_fast.retry_after.to_string()));
            }
            ScimFailure::Database(cause) => {
                if let Some(seconds) = cause.meaning().retry_after() {
                    answer.insert_header(("Retry-After", seconds));
                }
            }
            ScimFailure::NoRoom(Exceeded::Account(_) | Exceeded::All) => {
                answer.insert_header(("Retry-After", RETRY_AFTER));
            }
            // What is still to come would be taken for the next request.
            ScimFailure::TooSlow(_) | ScimFailure::TooLarge(_) => {
                answer.force_close();
            }
            _ => {}
        }
        let mut answer = answer.content_type("application/scim+json").body(body.to_string());
        answer.extensions_mut().insert(Refusal { code: self.code(), detail });
        answer
    }
}

impl From<RouteError> for ScimFailure {
    fn from(error: RouteError) -> Self {
        match error {
            RouteError::Method(allowed) => ScimFailure::Method(allowed),
            RouteError::NotFound(detail) => ScimFailure::Scim(scim::Error::NotFound(detail)),
        }
    }
}

impl From<scim::Error> for ScimFailure {
    fn from(error: scim::Error) -> Self {
        match error {
            scim::Error::Store(error) => ScimFailure::Database(error.into()),
            error => ScimFailure::Scim(error),
        }
    }
}

impl From<BearerError> for ScimFailure {
    fn from(error: BearerError) -> Self {
        ScimFailure::Bearer(error)
    }
}

impl From<Exceeded> for ScimFailure {
    fn from(exceeded: Exceeded) -> Self {
        ScimFailure::NoRoom(exceeded)
    }
}

impl From<TooFast> for ScimFailure {
    fn from(error: TooFast) -> Self {
        ScimFailure::TooFast(error)
    }
}

impl From<TooMuch> for ScimFailure {
    fn from(error: TooMuch) -> Self {
        ScimFailure::TooMuch(error)
    }
}

impl From<DbError> for ScimFailure {
    fn from(error: DbError) -> Self {
        ScimFailure::Database(error)
    }
}

impl From<oauth::StoreError> for ScimFailure {
    fn from(error: oauth::StoreError) -> Self {
        ScimFailure::Database(DbError::from(error))
    }
}

impl TransactionError for ScimFailure {
    fn database(&self) -> Option<&DbError> {
        match self {
            ScimFailure::Database(error) => Some(error),
            _ => None,
        }
    }
}
