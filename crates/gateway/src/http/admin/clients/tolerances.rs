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
    operator: Operator,
    app: web::Data<App>,
    client: web::Path<String>,
) -> Result<web::Json<ToleranceList>, Problem> {
    // So that what this process answered a moment ago is in the counts.
    tolerance_counts::add(&app.db, &app.tally).await?;
    let answer =
        operator.read(&app, ReadCost::Point, move |tx, mandate| tolerances::list(tx, mandate, &client)).await?;
    Ok(web::Json(answer))
}
