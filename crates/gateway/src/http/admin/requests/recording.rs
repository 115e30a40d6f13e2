//! What was recorded of a request in full, what it would be answered now, and how it is exported.

use actix_web::web;

use super::question::RequestIdText;
use crate::app::App;
use crate::domain::bodies::requests::{Conversation, RecordedRequest, Replay};
use crate::domain::operator::Power;
use crate::http::admin::operator::Operator;
use crate::http::edge::problem::Problem;
use crate::http::recorded;
use crate::services::requests::{self, Recorded};
use crate::storage::ReadCost;

/// The request of this id that was recorded in full, for an act that needs this power.
async fn find(operator: &Operator, power: Power, app: &App, request: &str) -> Result<Recorded, Problem> {
    let RequestIdText(id) = RequestIdText::of(request)?;
    let keys = app.keys.clone();
    let read =
        operator.read(app, ReadCost::Scan, move |tx, mandate| requests::recorded(tx, mandate, power, &keys, &id));
    read.await
}

/// `GET /admin/requests/{request}/recording`
pub(in crate::http::admin) async fn get(
    operator: Operator,
    app: web::Data<App>,
    request: web::Path<String>,
) -> Result<web::Json<RecordedRequest>, Problem> {
    let found = find(&operator, Power::ReadRecordings, &app, &request).await?;
    Ok(web::Json(RecordedRequest::of(found.id, found.recording)))
}

/// `POST /admin/requests/{request}/replay`
pub(in crate::http::admin) async fn replay(
    operator: Operator,
    app: web::Data<App>,
    request: web::Path<String>,
) -> Result<web::Json<Replay>, Problem> {
    let found = find(&operator, Power::Diagnose, &app, &request).await?;
    Ok(web::Json(recorded::replay::carry_out(&app, found).await?))
}

/// `GET /admin/requests/{request}/conversation`
pub(in crate::http::admin) async fn export(
    operator: Operator,
    app: web::Data<App>,
    request: web::Path<String>,
) -> Result<web::Json<Conversation>, Problem> {
    let found = find(&operator, Power::Diagnose, &app, &request).await?;
    Ok(web::Json(recorded::conversation::export(&app, found).await?))
}
