//! Problem details (RFC 9457): how the admin API says no.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

pub use crate::domain::described::FieldError;
use crate::domain::document::DocumentError;
use crate::storage::{DbError, Meaning, TransactionError};

/// A refusal, naming what is wrong and what would be right.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    title: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    cause: Option<Box<DbError>>,
    challenge: Option<Box<str>>,
    metadata: Option<Box<str>>,
    /// In seconds.
    retry_after: Option<u32>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl Problem {
    fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Problem {
        Problem {
            status,
            title,
            detail: detail.into(),
            errors: Vec::new(),
            cause: None,
            challenge: None,
            metadata: None,
            retry_after: None,
        }
    }

    /// 400: the request cannot be understood.
    pub fn bad_request(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "Bad request", detail)
    }

    /// 400: the body was understood and has mistakes.
    pub fn invalid(errors: Vec<FieldError>) -> Problem {
        let detail = errors.iter().map(|e| format!("{}: {}", e.field, e.detail)).collect::<Vec<_>>().join("; ");
        Problem { errors, ..Problem::new(StatusCode::BAD_REQUEST, "Invalid request", detail) }
    }

    /// 400 for one field.
    pub fn field(field: &str, detail: impl Into<String>) -> Problem {
        Problem::invalid(vec![FieldError { field: field.to_owned(), detail: detail.into() }])
    }

    /// 401
    pub fn unauthorized(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, "Not authorized", detail)
    }

    /// 403: the caller is known, and may not do this.
    pub fn forbidden(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, "Forbidden", detail)
    }

    /// 404
    pub fn not_found(what: &str, id: &str) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "Not found", format!("there is no {what} `{id}`"))
    }

    /// 409
    pub fn conflict(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::CONFLICT, "Conflict", detail)
    }

    /// What is wrong, and what would be right.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Whether it is a failure of the server's, and no refusal.
    pub fn is_of_ours(&self) -> bool {
        self.cause.is_some()
    }

    /// With what is wrong where.
    pub fn with_errors(self, errors: Vec<FieldError>) -> Problem {
        Problem { errors, ..self }
    }

    /// With this challenge (RFC 9110 §11.6.1).
    pub fn with_challenge(self, challenge: String) -> Problem {
        Problem { challenge: Some(challenge.into_boxed_str()), ..self }
    }

    /// Whose challenge names where the resource's metadata is (RFC 9728 §5.1).
    pub fn with_metadata(self, url: String) -> Problem {
        Problem { metadata: Some(url.into_boxed_str()), ..self }
    }

    /// 413
    pub fn too_large(limit: usize) -> Problem {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "Too large",
            format!("the body may have at most {} KiB", limit / 1024),
        )
    }

    /// 503: too much at once.
    pub fn busy(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Busy", detail)
    }

    /// 429: more requests than may be sent; one is let in again after so many seconds.
    pub fn too_fast(detail: impl Into<String>, retry_after: u64) -> Problem {
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests", detail);
        Problem { retry_after: Some(u32::try_from(retry_after).unwrap_or(u32::MAX)), ..problem }
    }

    /// With this status.
    pub fn with_status(status: StatusCode, detail: impl Into<String>) -> Problem {
        Problem::new(status, status.canonical_reason().unwrap_or("Error"), detail)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.title, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        if let Some(cause) = &self.cause {
            cause.log("an admin request failed");
        }
        let mut answer = HttpResponse::build(self.status);
        let usual = (self.status == StatusCode::UNAUTHORIZED).then_some("Bearer realm=\"admin\"");
        if let Some(challenge) = self.challenge.as_deref().or(usual) {
            let metadata =
                self.metadata.as_ref().map(|url| format!(", resource_metadata=\"{url}\"")).unwrap_or_default();
            answer.insert_header(("WWW-Authenticate", format!("{challenge}{metadata}")));
        }
        let busy = (self.status == StatusCode::SERVICE_UNAVAILABLE).then_some(1);
        if let Some(seconds) = self.retry_after.or(busy) {
            answer.insert_header(("Retry-After", seconds.to_string()));
        }
        let body = Body {
            r#type: "about:blank",
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            errors: &self.errors,
        };
        answer
            .content_type("application/problem+json")
            .insert_header(("Cache-Control", "no-store"))
            .body(serde_json::to_string(&body).unwrap_or_default())
    }
}

impl From<DocumentError> for Problem {
    fn from(error: DocumentError) -> Problem {
        DbError::from(error).into()
    }
}

impl From<DbError> for Problem {
    fn from(cause: DbError) -> Problem {
        let meaning = cause.meaning();
        let (status, title) = match meaning {
            Meaning::Broken => (StatusCode::INTERNAL_SERVER_ERROR, "Internal error"),
            Meaning::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Unavailable"),
            Meaning::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "Overloaded"),
            Meaning::Uncertain => (StatusCode::SERVICE_UNAVAILABLE, "Outcome unknown"),
        };
        Problem { cause: Some(Box::new(cause)), ..Problem::new(status, title, meaning.sentence()) }
    }
}

impl From<oauth::StoreError> for Problem {
    fn from(error: oauth::StoreError) -> Problem {
        DbError::from(error).into()
    }
}

impl From<scim::store::StoreError> for Problem {
    fn from(error: scim::store::StoreError) -> Problem {
        DbError::from(error).into()
    }
}

/// A refusal of the SCIM engine, where the admin API uses it.
impl From<scim::Error> for Problem {
    fn from(error: scim::Error) -> Problem {
        match error {
            scim::Error::Store(error) => error.into(),
            error => {
                let (status, _) = error.wire();
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
                Problem::with_status(status, error.detail())
            }
        }
    }
}

impl TransactionError for Problem {
    fn database(&self) -> Option<&DbError> {
        self.cause.as_deref()
    }
}
