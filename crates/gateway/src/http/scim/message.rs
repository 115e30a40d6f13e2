//! Reading the message of a request: within limits, and no more of it than its sender may make us hold.

use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpRequest, web};
use scim::Size;
use serde_json::Value;

use super::caller::Caller;
use super::caller::long;
use super::failure::ScimFailure;
use super::place;
use crate::app::App;
use crate::domain::request::full::{Held, LARGEST};
use crate::http::edge::body::{self, BodyError, Incoming, Patience, within};
use crate::storage::DbError;

/// A body that has more bytes is read only under a token that counts: valid, not revoked, of the right scope. Below, the work itself
/// finds out, in the transaction that it needs anyway.
const SMALL: usize = long::LARGE;

/// A request as handlers read it: one that came, or one that was recorded.
pub(super) struct Message<'m> {
    pub(super) method: &'m str,
    /// The path below the base URL.
    pub(super) below: &'m str,
    pub(super) query: &'m str,
    pub(super) headers: &'m HeaderMap,
    pub(super) content: Content,
}

/// Where the body of a request comes from.
pub(super) enum Content {
    /// From the network.
    Sent(web::Payload),
    /// From a recording.
    Recorded(web::Bytes),
}

impl Message<'_> {
    /// One that came.
    pub(super) fn of(request: &HttpRequest, payload: web::Payload) -> Message<'_> {
        Message {
            method: request.method().as_str(),
            below: place::within(request.match_info().query("tail")),
            query: request.query_string(),
            headers: request.headers(),
            content: Content::Sent(payload),
        }
    }
}

/// RFC 7644 §3.8: `application/scim+json`; `application/json` is accepted too, with or without parameters.
pub(super) async fn read_json(
    headers: &HeaderMap,
    app: &App,
    caller: &Caller,
    content: Content,
) -> Result<Value, ScimFailure> {
    let kind = headers.get(header::CONTENT_TYPE).map(|v| v.to_str().unwrap_or_default());
    let kind = kind.map(|text| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    if kind.as_deref().is_some_and(|kind| !matches!(kind, "application/scim+json" | "application/json" | "")) {
        return Err(ScimFailure::MediaType);
    }
    let coding = headers.get(header::CONTENT_ENCODING).map(|v| v.to_str().unwrap_or("?"));
    if coding.is_some_and(|coding| !coding.trim().eq_ignore_ascii_case("identity")) {
        return Err(ScimFailure::Encoding);
    }
    let payload = match content {
        Content::Sent(payload) => payload,
        Content::Recorded(bytes) => return Ok(scim::json::parse(&bytes)?),
    };
    let limit = app.config.scim.max_body_bytes;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|announced| announced > limit as u64) {
        return Err(ScimFailure::TooLarge(limit));
    }
    if announced.is_some_and(|announced| announced > SMALL as u64) {
        caller.counts(app).await?;
        if let Err(failure) = caller.admitted(app).await {
            // What is refused before it is read is taken in all the same, so that the client hears of it.
            body::discard(payload, Patience::of(app, limit)).await;
            return Err(failure);
        }
    }
    let mut incoming = Incoming::new(payload, limit);
    let reading = async {
        while incoming.more().await.map_err(|error| refused(error, limit))? {
            // No length was announced.
            if incoming.len() > SMALL {
                caller.counts(app).await?;
            }
            caller.charge.request(incoming.capacity())?;
        }
        Ok::<_, ScimFailure>(())
    };
    within(&Patience::of(app, limit), reading).await?;
    let bytes = incoming.into_bytes();
    caller.notes.take_down().body = Some(Held::of(&bytes));
    let held = if bytes.len() <= LARGEST { bytes.len() } else { 0 };
    let value = long::parse(app, caller, bytes).await?;
    caller.charge.request(Size::of(&value).total() + held)?;
    Ok(value)
}

fn refused(error: BodyError, limit: usize) -> ScimFailure {
    match error {
        BodyError::TooLarge => ScimFailure::TooLarge(limit),
        error => error.into(),
    }
}

impl From<BodyError> for ScimFailure {
    fn from(error: BodyError) -> ScimFailure {
        match error {
            BodyError::TooLarge => ScimFailure::TooLarge(0),
            BodyError::TooSlow(patience) => ScimFailure::TooSlow(patience),
            BodyError::Stopping => ScimFailure::Database(DbError::Interrupted),
            BodyError::Broken(why) => {
                tracing::debug!(why, "a body could not be read");
                let detail = "The body could not be read: it broke off, or its transfer coding is malformed.";
                scim::Error::InvalidSyntax(detail.to_owned()).into()
            }
        }
    }
}
