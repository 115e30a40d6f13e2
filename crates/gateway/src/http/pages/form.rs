//! Forms as they come back: small, and ours.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Payload};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::authorize::MAX_LENGTH;

use super::cookies::Browser;
use super::failure::PageFailure;
use crate::app::App;
use crate::http::edge::body::{self, BodyError};
use crate::platform::system;
use crate::storage::DbError;

/// The most a form of ours may have: user name, password, and a sealed request as long as it may be.
const LIMIT: usize = 64 << 10;

/// The pairs of a form.
#[derive(Debug)]
pub(super) struct Form(Vec<(String, String)>);

/// The bytes of a form.
pub(super) async fn bytes(app: &App, payload: Payload, limit: usize) -> Result<Bytes, PageFailure> {
    body::read(payload, body::Patience::of(app, limit)).await.map_err(|why| match why {
        BodyError::TooLarge => PageFailure::TooLarge { status: StatusCode::PAYLOAD_TOO_LARGE, limit },
        BodyError::Stopping => PageFailure::Database(DbError::Interrupted),
        BodyError::Broken(_) | BodyError::TooSlow(_) => PageFailure::StaleForm,
    })
}

/// What tells the forms of one page from those of every other: drawn when the page is shown.
pub(super) fn drawn_mark() -> String {
    let mut bytes = [0; 12];
    system::fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The query of a request, if it is no longer than any may be.
pub(super) fn query(request: &HttpRequest) -> Result<&str, PageFailure> {
    match request.query_string() {
        query if query.len() <= MAX_LENGTH => Ok(query),
        _ => Err(PageFailure::TooLarge { status: StatusCode::URI_TOO_LONG, limit: MAX_LENGTH }),
    }
}

impl Form {
    pub(super) async fn read(app: &App, payload: Payload) -> Result<Form, PageFailure> {
        let bytes = bytes(app, payload, LIMIT).await?;
        let text = std::str::from_utf8(&bytes).map_err(|_| PageFailure::StaleForm)?;
        Ok(Form(crate::http::edge::query::pairs(text).map_err(|_| PageFailure::StaleForm)?))
    }

    /// A form that we showed to this browser; any other is refused.
    pub(super) async fn ours(
        request: &HttpRequest,
        app: &App,
        payload: Payload,
    ) -> Result<(Form, Browser), PageFailure> {
        let form = Form::read(app, payload).await?;
        let browser = Browser::of(request, app);
        if !browser.sent(app, form.field("csrf")) {
            return Err(PageFailure::StaleForm);
        }
        Ok((form, browser))
    }

    /// A field; empty if there is none.
    pub(super) fn field(&self, name: &str) -> &str {
        self.0.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str())
    }

    /// Every value of a field that may stand several times.
    #[allow(dead_code)] // of checkboxes
    pub(super) fn values<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// What was typed and is no secret, so that it is not lost with the form.
    pub(super) fn typed(self) -> Vec<(String, String)> {
        let is_kept = |(name, value): &(String, String)| {
            !value.is_empty()
                && !["csrf", "password", "again", "code", "token", "secret"].iter().any(|no| name.contains(no))
        };
        self.0.into_iter().filter(is_kept).collect()
    }

    /// All of it, as it was sent.
    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    pub(super) fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }
}
