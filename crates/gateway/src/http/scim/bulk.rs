//! `POST /Bulk` (RFC 7644 §3.7): each step of the job is a unit of work of its own, one after the other.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use scim::bulk::{Done, Failure, Job, Step};
use serde_json::Value;

use super::answer::json;
use super::caller::Caller;
use super::failure::ScimFailure;
use crate::app::App;
use crate::storage::DbError;

pub(super) async fn run(app: &App, caller: Caller, body: Value) -> Result<HttpResponse, ScimFailure> {
    let provider = caller.clone().enter(app).await?;
    let job = Job::parse(body, &provider.registry, &app.scim_base)?;
    // A task of its own: a client that hangs up does not leave half a circle behind.
    let response = actix_web::rt::spawn(drive(app.clone(), caller, job)).await.map_err(|_| DbError::Interrupted)?;
    Ok(json(StatusCode::OK).body(response.to_string()))
}

async fn drive(app: App, caller: Caller, mut job: Job) -> Value {
    while let Some(step) = job.next() {
        job.done(perform(&app, &caller, step).await);
    }
    job.response()
}

/// The token is asked for each step: one that ended on the way opens nothing any more.
async fn perform(app: &App, caller: &Caller, step: Step) -> Result<Done, Failure> {
    let outcome = caller.clone().change(app, move |store, cx| step.run(store, cx)).await;
    outcome.map(|outcome| outcome.value).map_err(|failure| {
        let (status, body) = failure.message();
        Failure { status, body }
    })
}
