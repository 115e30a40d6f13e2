//! Operators.

use actix_web::web;

use super::answer::{Created, NoContent};
use super::body::Body;
use super::operator::Operator as Caller;
use super::page::Items;
use crate::app::App;
use crate::domain::bodies::operators::{NewOperator, Operator, OperatorToken};
use crate::domain::described::With;
use crate::http::edge::problem::Problem;
use crate::services::operators;
use crate::storage::ReadCost;

pub(super) async fn list(operator: Caller, app: web::Data<App>) -> Result<web::Json<Items<Operator>>, Problem> {
    let items = operator.read(&app, ReadCost::Scan, operators::list).await?;
    Ok(web::Json(Items::all(items)))
}

pub(super) async fn create(
    operator: Caller,
    app: web::Data<App>,
    body: Body<NewOperator>,
) -> Result<Created<With<Operator, OperatorToken>>, Problem> {
    let new = body.checked(|new| operators::mistakes(new, app.clock.now()))?;
    let work = app.clone();
    let body = operator.write(&app, move |tx, mandate| operators::create(tx, mandate, &work.keys, &new)).await?;
    Ok(Created { body, location: None })
}

pub(super) async fn end(operator: Caller, app: web::Data<App>, id: web::Path<String>) -> Result<NoContent, Problem> {
    operator.write(&app, move |tx, mandate| operators::end(tx, mandate, &id)).await?;
    Ok(NoContent)
}
