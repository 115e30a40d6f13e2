//! What was recorded of a request in full.

use actix_web::web;

use super::{question::RequestIdText, reaches};
use crate::app::App;
use crate::domain::bodies::requests::RecordedRequest;
use crate::domain::ids::{AccountKey, ClientKey};
use crate::domain::request::full::FullRecording;
use crate::http::admin::operator::Operator;
use crate::http::edge::problem::Problem;
use crate::storage::ReadCost;
use crate::storage::requests::search::StoredRequest;

/// What an operator reads where there is no recording.
const HOW: &str = "this request was not recorded in full, so only what came of it is known. Record its client for a while \
     (`PUT /admin/clients/{client}/recording` with `{\"hours\": 1}`), let the identity provider send it again, and use the id of that request";

/// A request that was recorded in full.
pub(super) struct Found {
    pub(super) id: String,
    pub(super) row: StoredRequest,
    pub(super) client: ClientKey,
    pub(super) recording: FullRecording,
}

impl Found {
    pub(super) fn account(&self) -> Option<AccountKey> {
        self.row.account
    }
}

/// The request of this id that was recorded in full, among what an operator reaches.
pub(super) async fn find(operator: &Operator, app: &App, request: &str) -> Result<Found, Problem> {
    let RequestIdText(id) = RequestIdText::of(request)?;
    let (operator, keys) = (operator.clone(), app.keys.clone());
    let found = app.db.read(ReadCost::Scan, move |tx| {
        let mut rows = tx.requests_called(&id)?;
        rows.retain(|row| reaches(&operator, row));
        if rows.is_empty() {
            return Err(Problem::not_found("recorded request", &id));
        }
        let numbers: Vec<i64> = rows.iter().map(|row| row.seq).collect();
        let Some((seq, client, recording)) = tx.recording_of(&keys, &numbers)? else {
            return Err(Problem::conflict(HOW));
        };
        let row = rows.into_iter().find(|row| row.seq == seq);
        let row = row.ok_or_else(|| Problem::not_found("recorded request", &id))?;
        Ok(Found { id: id.clone(), row, client, recording })
    });
    found.await
}

/// `GET /admin/requests/{request}/recording`
pub(in crate::http::admin) async fn get(
    operator: Operator,
    app: web::Data<App>,
    request: web::Path<String>,
) -> Result<web::Json<RecordedRequest>, Problem> {
    let found = find(&operator, &app, &request).await?;
    Ok(web::Json(RecordedRequest::of(found.id, found.recording)))
}
