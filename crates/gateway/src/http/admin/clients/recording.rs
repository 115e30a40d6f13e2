//! The full recording of a client.

use actix_web::web;

use crate::app::App;
use crate::domain::bodies::clients::recording::{ClientRecording, NewRecording, RecordingState};
use crate::http::admin::answer::NoContent;
use crate::http::admin::body::Body;
use crate::http::admin::operator::Operator;
use crate::http::edge::problem::Problem;
use crate::services::clients::recording;
use crate::storage::ReadCost;

pub(in crate::http::admin) async fn get(
    operator: Operator,
    app: web::Data<App>,
    client: web::Path<String>,
) -> Result<web::Json<RecordingState>, Problem> {
    let recording =
        operator.read(&app, ReadCost::Point, move |tx, mandate| recording::get(tx, mandate, &client)).await?;
    Ok(web::Json(RecordingState { recording }))
}

pub(in crate::http::admin) async fn start(
    operator: Operator,
    app: web::Data<App>,
    client: web::Path<String>,
    body: Body<NewRecording>,
) -> Result<web::Json<ClientRecording>, Problem> {
    if !app.recorder.is_on() {
        let detail = "the request log is off (requests.enabled), and a recording is a part of it";
        return Err(Problem::conflict(detail));
    }
    let now = app.clock.now();
    // A wrong number of hours is told once.
    let new = match body.mistakes.clone().finish() {
        Ok(()) => body.checked(|new| recording::mistakes(new, now))?,
        Err(_) => body.finish()?,
    };
    Ok(web::Json(operator.write(&app, move |tx, mandate| recording::start(tx, mandate, &client, &new)).await?))
}

pub(in crate::http::admin) async fn stop(
    operator: Operator,
    app: web::Data<App>,
    client: web::Path<String>,
) -> Result<NoContent, Problem> {
    operator.write(&app, move |tx, mandate| recording::stop(tx, mandate, &client)).await?;
    Ok(NoContent)
}
