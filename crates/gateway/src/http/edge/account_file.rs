//! An account as a file of JSON Lines, whichever door asks for it.

use actix_web::HttpResponse;

use super::lines;
use crate::app::App;
use crate::domain::operator::Mandate;
use crate::services::accounts::export::{self, Place};
use crate::services::error::ActError;
use crate::storage::ReadCost;

/// The account with this id, for an operator. What they may not read is refused before the answer begins; each later piece asks again.
pub(crate) async fn answer(app: &App, mandate: &Mandate, id: String) -> Result<HttpResponse, ActError> {
    let (app, mandate) = (app.clone(), mandate.clone());
    let name = format!("{id}.jsonl");
    let read = move |at: Place| {
        let (app, mandate, id) = (app.clone(), mandate.clone(), id.clone());
        async move {
            let engine = app.scim_engine();
            app.db.read(ReadCost::Scan, move |tx| export::next(tx, &mandate, &engine, &id, at.clone())).await
        }
    };
    let first = read(Place::Beginning).await?;
    Ok(lines::answer(&name, first, read))
}
