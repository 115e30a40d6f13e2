//! Operators.

use actix_web::web;

use super::answer::{Created, NoContent};
use super::body::Body;
use super::operator::Operator as Caller;
use super::page::Items;
use crate::app::App;
use crate::domain::bodies::operators::{NewOperator, Operator, OperatorChange, OperatorLink, OperatorToken};
use crate::domain::described::{Time, With};
use crate::http::edge::problem::Problem;
use crate::services::password_links::NewLink;
use crate::services::{operator_logins, operators};
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
    let body = operator
        .write(&app, move |tx, mandate| operators::create(tx, mandate, &work.keys, &welcome(&work), &new))
        .await?;
    Ok(Created { body, location: None })
}

/// Where links to a password lead.
fn welcome(app: &App) -> String {
    format!("{}/console/welcome", app.admin_url)
}

pub(super) async fn link(
    operator: Caller,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<Created<OperatorLink>, Problem> {
    let link = NewLink::draw(&app.keys);
    let stored = link.clone();
    let made =
        operator.write(&app, move |tx, mandate| operator_logins::invite(tx, mandate, &stored, &id, None)).await?;
    let body = OperatorLink { password_link: link.url(&welcome(&app)), expires: Time(made.expires) };
    Ok(Created { body, location: None })
}

pub(super) async fn change(
    operator: Caller,
    app: web::Data<App>,
    id: web::Path<String>,
    body: Body<OperatorChange>,
) -> Result<web::Json<Operator>, Problem> {
    let change = body.finish()?;
    let changed = operator.write(&app, move |tx, mandate| operators::change(tx, mandate, &id, &change)).await?;
    Ok(web::Json(changed))
}

pub(super) async fn end(operator: Caller, app: web::Data<App>, id: web::Path<String>) -> Result<NoContent, Problem> {
    operator.write(&app, move |tx, mandate| operators::end(tx, mandate, &id)).await?;
    Ok(NoContent)
}
