//! Forms as they come back: small, and ours.

use actix_web::HttpRequest;
use actix_web::web::Payload;

use super::cookies::Browser;
use super::failure::PageFailure;
use crate::app::App;
use crate::http::body::{self, BodyError};
use crate::http::query;
use crate::storage::DbError;

/// The most a form may have: user name, password and the sealed request.
const LIMIT: usize = 32 << 10;

/// The pairs of a form.
#[derive(Debug)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) async fn read(app: &App, payload: Payload) -> Result<Form, PageFailure> {
        let bytes = body::read(payload, app.patience(LIMIT)).await.map_err(|error| match error {
            BodyError::Stopping => PageFailure::Database(DbError::Interrupted),
            _ => PageFailure::StaleForm,
        })?;
        let text = std::str::from_utf8(&bytes).map_err(|_| PageFailure::StaleForm)?;
        Ok(Form(query::pairs(text).map_err(|_| PageFailure::StaleForm)?))
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

    pub(super) fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }
}
