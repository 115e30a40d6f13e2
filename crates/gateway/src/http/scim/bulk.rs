//! `POST /Bulk` (RFC 7644 §3.7): each step of the job is a unit of work of its own, one after the other.
//!
//! A request with an `Idempotency-Key` can be repeated: what came of each step is kept in the transaction of the step, so that a request
//! that broke off, be it by a crash, goes on where it was, and one that was answered gets the same answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use scim::bulk::{Done, FailedOperation, Failure, Job, Step};
use scim::{Id, StoreError};
use serde_json::{Value, json};

use super::answer::json;
use super::caller::Caller;
use super::failure::ScimFailure;
use crate::app::App;
use crate::domain::request::{Changed, Findings, Notes, OwnCode, Part, Refusal, RefusalCode};
use crate::storage::{AccountTx, DbError};

/// By which a client says that requests are one (draft-ietf-httpapi-idempotency-key-header).
const HEADER: &str = "Idempotency-Key";
/// How long such a key is at most.
const LONGEST: usize = 255;

/// What the client calls the request.
type Key = Arc<str>;

pub(super) async fn run(
    headers: &HeaderMap,
    app: &App,
    caller: Caller,
    body: Value,
) -> Result<HttpResponse, ScimFailure> {
    if caller.is_rehearsing() {
        let response = caller.rehearse_bulk(app, body).await?;
        return Ok(json(StatusCode::OK).body(response.to_string()));
    }
    let provider = caller.clone().enter(app).await?;
    let key = key(headers)?;
    if let Some(key) = key.clone() {
        begin(app, &caller, key, &body).await?;
    }
    let job = Job::parse(body, &provider.registry, &app.scim_base)?;
    // A task of its own: a client that hangs up does not leave half a circle behind.
    let response =
        actix_web::rt::spawn(drive(app.clone(), caller, job, key)).await.map_err(|_| DbError::Interrupted)?;
    Ok(json(StatusCode::OK).body(response.to_string()))
}

fn key(headers: &HeaderMap) -> Result<Option<Key>, scim::Error> {
    let mut given = headers.get_all(HEADER);
    let Some(value) = given.next() else { return Ok(None) };
    let key = value.to_str().ok().map(str::trim).filter(|key| !key.is_empty() && key.len() <= LONGEST);
    match (key, given.next()) {
        (Some(key), None) => Ok(Some(key.into())),
        _ => Err(scim::Error::InvalidValue(format!(
            "{HEADER} is one value of 1 to {LONGEST} visible ASCII characters, new for each bulk request and the same when it is repeated."
        ))),
    }
}

/// Keys are each client's own, in each account.
fn tag(app: &App, store: &mut AccountTx<'_, '_>, key: &str) -> [u8; 32] {
    let account = store.account();
    app.keys.tag("bulk request", format!("{account} {} {key}", store.tx().origin.actor.code()).as_bytes())
}

async fn begin(app: &App, caller: &Caller, key: Key, body: &Value) -> Result<(), ScimFailure> {
    let (work, body) = (app.clone(), app.keys.tag("bulk body", body.to_string().as_bytes()));
    let begun = caller.clone().write(app, move |store, _| {
        let id = tag(&work, store, &key);
        let now = store.tx().now();
        Ok(store.tx().begin_bulk_request(&id, &body, now).map_err(StoreError::from)?)
    });
    if begun.await?.value {
        return Ok(());
    }
    let detail = format!(
        "This {HEADER} belongs to another bulk request, with another body, of the last 24 hours. Use a new one for a new request, and \
         repeat a request exactly as it was sent."
    );
    Err(scim::Error::Conflict(detail).into())
}

async fn drive(app: App, caller: Caller, mut job: Job, key: Option<Key>) -> Value {
    let mut steps = Steps::default();
    while let Some(step) = job.next() {
        let (number, name, began) = (job.operation_number(), step.name().map(str::to_owned), Instant::now());
        let mut own = caller.clone();
        own.notes = Notes::default();
        let notes = own.notes.clone();
        let outcome = match (key.clone(), job.step_number()) {
            (Some(key), Some(number)) => perform_once(&app, own, step, key, number).await,
            _ => perform(&app, own, step).await,
        };
        match &outcome {
            Ok(_) => caller.notes.take_down().absorb(notes.take()),
            Err(_) => steps.failed(number, name, began, notes.take()),
        }
        job.done(outcome);
    }
    caller.notes.take_down().parts.extend(job.failed().map(|failed| steps.part(failed)));
    job.response()
}

/// What was found out about steps that failed, by the number of the operation.
#[derive(Debug, Default)]
struct Steps(HashMap<usize, (i64, Findings)>);

impl Steps {
    fn failed(&mut self, number: Option<usize>, name: Option<String>, began: Instant, mut found: Findings) {
        let Some(number) = number else { return };
        found.changed = Changed::default();
        if let Some(name) = name {
            found.is_about(&name);
        }
        self.0.insert(number, (i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX), found));
    }

    /// The row of an operation that failed: as that of a request of its own, beside the row of the bulk request.
    fn part(&mut self, failed: FailedOperation<'_>) -> Part {
        let (micros, mut findings) = self.0.remove(&failed.number).unwrap_or_default();
        let one = if failed.method == Some("POST") { "" } else { "/{id}" };
        findings.target = failed.id.map(str::to_owned);
        if let (None, None, Some(name)) = (failed.id, &findings.target_name, failed.bulk_id) {
            findings.is_about(&format!("bulkId:{name}"));
        }
        let code = failed.failure.code.and_then(RefusalCode::named);
        let detail = failed.failure.body["detail"].as_str().unwrap_or_default();
        Part {
            method: failed.method.unwrap_or("…"),
            endpoint: failed.endpoint.map_or("/scim/v2/Bulk#".to_owned(), |at| format!("/scim/v2/Bulk#/{at}{one}")),
            status: failed.failure.status,
            refusal: Some(Refusal::new(code.unwrap_or(OwnCode::ServerFailed.into()), detail)),
            micros,
            findings,
        }
    }
}

/// The token is asked for each step: one that ended on the way opens nothing any more.
async fn perform(app: &App, caller: Caller, step: Step) -> Result<Done, Failure> {
    let outcome = caller.write(app, move |store, cx| step.run(store, cx)).await;
    outcome.map(|outcome| outcome.value).map_err(failure)
}

/// The same for a step that another process, or this one, may have done before.
async fn perform_once(app: &App, caller: Caller, step: Step, key: Key, number: i32) -> Result<Done, Failure> {
    let (work, of) = (app.clone(), key.clone());
    let once = caller.clone().write(app, move |store, cx| {
        let request = tag(&work, store, &of);
        if let Some(kept) = store.tx().claim_bulk_step(&request, number).map_err(StoreError::from)? {
            return Ok(read(&kept)?);
        }
        let done = step.run(store, cx)?;
        let kept = json!({"id": done.id.as_str(), "version": done.version}).to_string();
        store.tx().keep_bulk_step(&request, number, &kept).map_err(StoreError::from)?;
        Ok(Ok(done))
    });
    match once.await {
        Ok(outcome) => outcome.value,
        // What failed for the database's sake, or for want of a token, is tried again by who repeats the request.
        Err(ScimFailure::Scim(error)) if error.wire().0 < 500 => {
            let refused = Failure::from(error);
            let (work, kept) = (
                app.clone(),
                json!({"status": refused.status, "body": refused.body, "code": refused.code}).to_string(),
            );
            let keep = caller.clone().write(app, move |store, _| {
                let request = tag(&work, store, &key);
                if let Some(kept) = store.tx().claim_bulk_step(&request, number).map_err(StoreError::from)? {
                    return Ok(read(&kept)?);
                }
                store.tx().keep_bulk_step(&request, number, &kept).map_err(StoreError::from)?;
                Ok(read(&kept)?)
            });
            keep.await.map_or(Err(refused), |outcome| outcome.value)
        }
        Err(error) => Err(failure(error)),
    }
}

fn failure(failure: ScimFailure) -> Failure {
    let (status, body) = failure.message();
    Failure { status, body, code: Some(failure.code().name()) }
}

/// What was kept of a step.
fn read(kept: &str) -> Result<Result<Done, Failure>, StoreError> {
    let corrupt = || StoreError::from(DbError::Corrupt("the outcome of a bulk step".to_owned()));
    let mut kept: Value = serde_json::from_str(kept).map_err(|_| corrupt())?;
    match (kept["status"].as_u64().and_then(|status| u16::try_from(status).ok()), kept["id"].as_str().and_then(Id::new))
    {
        (Some(status), _) => {
            let code = kept["code"].as_str().and_then(RefusalCode::named).map(RefusalCode::name);
            Ok(Err(Failure { status, body: kept["body"].take(), code }))
        }
        (None, Some(id)) => Ok(Ok(Done { id, version: kept["version"].as_str().map(str::to_owned) })),
        (None, None) => Err(corrupt()),
    }
}
