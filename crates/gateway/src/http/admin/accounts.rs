//! Accounts.

use actix_web::web;

use super::answer::{Created, NoContent};
use super::body::{Body, Params};
use super::force::Force;
use super::operator::Operator;
use super::page::{Items, Limit, Page};
use crate::app::App;
use crate::domain::bodies::accounts::{Account, AccountChange, NewAccount};
use crate::domain::described::Text;
use crate::domain::described::query::{After, query};
use crate::http::edge::problem::Problem;
use crate::services::accounts::{self, CheckedChange};
use crate::storage::ReadCost;

query! {
    /// Which accounts are listed.
    pub(super) struct AccountQuery {
        /// Finds the one account that is called so.
        name: Text,
        /// How many items there are at most; 100 if nothing is said.
        limit: Limit,
        /// The `next` of the page before.
        after: After,
    }
}

pub(super) async fn list(
    operator: Operator,
    app: web::Data<App>,
    query: Params<AccountQuery>,
) -> Result<web::Json<Items<Account>>, Problem> {
    let AccountQuery { name, limit, after } = query.0;
    let page = Page::of(limit, after);
    let rows = operator
        .read(&app, ReadCost::Scan, move |tx, mandate| {
            accounts::list(tx, mandate, name.as_ref().map(|name| name.as_str()), page.after.unwrap_or(0), page.limit)
        })
        .await?;
    Ok(web::Json(page.of_rows(rows)))
}

pub(super) async fn create(
    operator: Operator,
    app: web::Data<App>,
    body: Body<NewAccount>,
) -> Result<Created<Account>, Problem> {
    let role_attribute = &app.config.consent.role_attribute;
    let new = body.checked(|new| accounts::wrong_role(new.default_role.as_ref(), &app.schemas, role_attribute))?;
    let work = app.clone();
    let body = operator.write(&app, move |tx, mandate| accounts::create(tx, mandate, &work.schemas, &new)).await?;
    let location = format!("{}/admin/accounts/{}", app.public_url, body.id);
    Ok(Created { body, location: Some(location) })
}

pub(super) async fn get(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<web::Json<Account>, Problem> {
    let answer = operator.read(&app, ReadCost::Point, move |tx, mandate| accounts::get(tx, mandate, &id)).await?;
    Ok(web::Json(answer))
}

pub(super) async fn change(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
    query: Params<Force>,
    body: Body<AccountChange>,
) -> Result<web::Json<Account>, Problem> {
    let role_attribute = &app.config.consent.role_attribute;
    let change = body.checked(|new| accounts::wrong_role(new.default_role.value(), &app.schemas, role_attribute))?;
    let is_confirmed = query.0.or(change.force);
    let change = CheckedChange::of(&app.db, operator.mandate(), &app.schemas, &id, change, is_confirmed).await?;
    let work = app.clone();
    let answer =
        operator.write(&app, move |tx, mandate| accounts::change(tx, mandate, &work.schemas, &id, &change)).await?;
    Ok(web::Json(answer))
}

pub(super) async fn suspend(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<web::Json<Account>, Problem> {
    let answer = operator.write(&app, move |tx, mandate| accounts::suspend(tx, mandate, &id)).await?;
    Ok(web::Json(answer))
}

pub(super) async fn resume(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<web::Json<Account>, Problem> {
    let answer = operator.write(&app, move |tx, mandate| accounts::resume(tx, mandate, &id)).await?;
    Ok(web::Json(answer))
}

pub(super) async fn delete(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<NoContent, Problem> {
    operator.write(&app, move |tx, mandate| accounts::delete(tx, mandate, &id)).await?;
    Ok(NoContent)
}
