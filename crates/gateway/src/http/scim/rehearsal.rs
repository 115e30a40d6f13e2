//! A request that was recorded in full is carried out again against today's state, and undone: what it would be answered, and what it would
//! change ([why so](../../../../../docs/decisions/0052-what-is-kept-of-a-request-in-full.md)).

use actix_web::HttpResponse;
use actix_web::body::MessageBody;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use oauth::GrantId;

use super::answer;
use super::caller::Caller;
use super::failure::ScimFailure;
use super::message::{Content, Message};
use super::place;
use crate::app::App;
use crate::domain::ids::AccountKey;
use crate::domain::request::full::{FullRecording, KeptBody};
use crate::domain::request::{Findings, Refusal};
use crate::storage::DbError;

/// What a recorded request would be answered, and what it would do.
#[derive(Debug)]
pub(crate) struct Rehearsed {
    /// The status.
    pub(crate) status: u16,
    /// Why it would be refused.
    pub(crate) refusal: Option<Refusal>,
    /// The body.
    pub(crate) body: Bytes,
    /// What was found out about it.
    pub(crate) findings: Findings,
}

/// Why nothing can be said at this moment.
#[derive(Debug)]
pub(crate) enum NotRehearsed {
    /// The account has as much at once as it may.
    Busy(String),
    /// The database failed.
    Database(DbError),
}

/// Carries it out as the client of this grant, and undoes it.
pub(crate) async fn rehearse(
    app: &App,
    account: AccountKey,
    grant: GrantId,
    recording: &FullRecording,
) -> Result<Rehearsed, NotRehearsed> {
    let sent = (recording.method.as_str(), recording.below.as_deref().unwrap_or_default());
    let caller = Caller::rehearsing(app, account, grant, sent);
    let notes = caller.notes.clone();
    let answer = match carried_out(app, &caller, recording).await {
        Ok(answer) => answer,
        Err(failure) => match caller.mask_failure(app, failure).await {
            ScimFailure::Database(error) => return Err(NotRehearsed::Database(error)),
            busy @ (ScimFailure::TooMuch(_) | ScimFailure::NoRoom(_)) => {
                return Err(NotRehearsed::Busy(busy.message().1["detail"].as_str().unwrap_or_default().to_owned()));
            }
            failure => failure.answer(),
        },
    };
    let status = answer.status().as_u16();
    let refusal = answer.extensions().get::<Refusal>().cloned();
    let mut findings = notes.take();
    if status >= 400 {
        findings.changed = Default::default();
    }
    let body = answer.into_body().try_into_bytes().unwrap_or_default();
    Ok(Rehearsed { status, refusal, body, findings })
}

async fn carried_out(app: &App, caller: &Caller, recording: &FullRecording) -> Result<HttpResponse, ScimFailure> {
    let mut headers = HeaderMap::new();
    for (name, value) in &recording.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&recording.query).finish();
    let body = match &recording.body {
        KeptBody::Json(value) => Bytes::from(value.to_string()),
        _ => Bytes::new(),
    };
    let message = Message {
        method: &recording.method,
        below: place::within(recording.below.as_deref().unwrap_or_default()),
        query: &query,
        headers: &headers,
        content: Content::Recorded(body),
    };
    caller.admitted(app).await?;
    answer(message, app, caller.clone()).await
}
