//! OAuth clients.

use actix_web::web;

use super::answer::{Created, NoContent};
use super::body::{Body, Params};
use super::operator::Operator;
use super::page::{Items, Page, PageQuery};
use crate::app::App;
use crate::domain::bodies::clients::{Client, ClientChange, FirstSecret, NewClient};
use crate::domain::described::With;
use crate::http::edge::problem::Problem;
use crate::services::clients::{self, CheckedChange, CheckedClient};
use crate::storage::ReadCost;

pub(super) mod fields;
pub(super) mod recording;
pub(super) mod secrets;
pub(super) mod tokens;
pub(super) mod tolerances;

pub(super) async fn create_in_account(
    operator: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    body: Body<NewClient>,
) -> Result<Created<With<Client, FirstSecret>>, Problem> {
    create(operator, &app, Some(account.into_inner()), body).await
}

pub(super) async fn create_shared(
    operator: Operator,
    app: web::Data<App>,
    body: Body<NewClient>,
) -> Result<Created<With<Client, FirstSecret>>, Problem> {
    create(operator, &app, None, body).await
}

async fn create(
    operator: Operator,
    app: &App,
    account: Option<String>,
    body: Body<NewClient>,
) -> Result<Created<With<Client, FirstSecret>>, Problem> {
    let checked = CheckedClient::of(operator.mandate(), &body.draft, &app.installation()).await;
    let checked = body.and(checked)?;
    let work = app.clone();
    let body = operator
        .write(app, move |tx, mandate| clients::create(tx, mandate, &work.installation(), account.as_deref(), &checked))
        .await?;
    let location = format!("{}/admin/clients/{}", app.admin_url, body.of.client_id);
    Ok(Created { body, location: Some(location) })
}

pub(super) async fn list_of_account(
    operator: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    query: Params<PageQuery>,
) -> Result<web::Json<Items<Client>>, Problem> {
    list(operator, &app, Some(account.into_inner()), query.0.into()).await
}

pub(super) async fn list_shared(
    operator: Operator,
    app: web::Data<App>,
    query: Params<PageQuery>,
) -> Result<web::Json<Items<Client>>, Problem> {
    list(operator, &app, None, query.0.into()).await
}

async fn list(
    operator: Operator,
    app: &App,
    account: Option<String>,
    page: Page,
) -> Result<web::Json<Items<Client>>, Problem> {
    let work = app.clone();
    let rows = operator
        .read(app, ReadCost::Scan, move |tx, mandate| {
            clients::list(tx, mandate, &work.installation(), account.as_deref(), page.after.unwrap_or(0), page.limit)
        })
        .await?;
    Ok(web::Json(page.of_rows(rows)))
}

pub(super) async fn get(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<web::Json<Client>, Problem> {
    let work = app.clone();
    let answer = operator
        .read(&app, ReadCost::Point, move |tx, mandate| clients::get(tx, mandate, &work.installation(), &id))
        .await?;
    Ok(web::Json(answer))
}

pub(super) async fn change(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
    body: Body<ClientChange>,
) -> Result<web::Json<Client>, Problem> {
    let checked = CheckedChange::of(operator.mandate(), &body.draft, &app.installation()).await;
    let checked = body.and(checked)?;
    let work = app.clone();
    let answer = operator
        .write(&app, move |tx, mandate| clients::change(tx, mandate, &work.installation(), &id, &checked))
        .await?;
    Ok(web::Json(answer))
}

pub(super) async fn delete(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<NoContent, Problem> {
    operator.write(&app, move |tx, mandate| clients::delete(tx, mandate, &id)).await?;
    Ok(NoContent)
}
