//! What a client is forgiven, and how often it needed that.

use actix_web::web;

use crate::app::App;
use crate::domain::bodies::clients::tolerances::ToleranceList;
use crate::http::admin::operator::Operator;
use crate::http::edge::problem::Problem;
use crate::services::clients::tolerances;
use crate::services::tolerance_counts;
use crate::storage::ReadCost;

pub(in crate::http::admin) async fn list(
    _: Operator,
    app: web::Data<App>,
    client: web::Path<String>,
) -> Result<web::Json<ToleranceList>, Problem> {
    // So that what this process answered a moment ago is in the counts.
    tolerance_counts::add(&app.db, &app.tally).await?;
    let answer = app.db.read(ReadCost::Point, move |tx| tolerances::list(tx, &client)).await?;
    Ok(web::Json(answer))
}
