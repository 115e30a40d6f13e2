//! Which attributes a client sends.

use actix_web::web;

use crate::app::App;
use crate::domain::bodies::clients::fields::FieldList;
use crate::http::admin::operator::Operator;
use crate::http::edge::problem::Problem;
use crate::services::clients::fields;
use crate::services::field_counts;
use crate::storage::ReadCost;

pub(in crate::http::admin) async fn list(
    operator: Operator,
    app: web::Data<App>,
    client: web::Path<String>,
) -> Result<web::Json<FieldList>, Problem> {
    // So that what this process answered a moment ago is in the counts.
    field_counts::add(&app.db, &app.fields).await?;
    let schemas = app.schemas.clone();
    let answer =
        operator.read(&app, ReadCost::Point, move |tx, mandate| fields::list(tx, mandate, &client, &schemas)).await?;
    Ok(web::Json(answer))
}
