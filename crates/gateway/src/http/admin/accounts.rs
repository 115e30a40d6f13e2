//! Accounts.

use actix_web::body::BoxBody;
use actix_web::{HttpRequest, HttpResponse, Responder, web};

use super::answer::{Created, NoContent};
use super::body::{Body, Params};
use super::force::Confirmed;
use super::operator::Operator;
use super::page::{Items, Limit, Page};
use crate::app::App;
use crate::domain::bodies::accounts::{Account, AccountChange, NewAccount};
use crate::domain::bodies::force::Force;
use crate::domain::described::query::{After, query};
use crate::domain::described::{Components, Text};
use crate::http::edge::account_file;
use crate::http::edge::operation::{Answers, Success};
use crate::http::edge::problem::Problem;
use crate::services::accounts::{self, CheckedChange, replacement};
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
    let location = format!("{}/admin/accounts/{}", app.admin_url, body.id);
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
    query: Params<Confirmed>,
    body: Body<AccountChange>,
) -> Result<web::Json<Account>, Problem> {
    let role_attribute = &app.config.consent.role_attribute;
    let change = body.checked(|new| accounts::wrong_role(new.default_role.value(), &app.schemas, role_attribute))?;
    let is_confirmed = query.0.or(change.force.as_ref().and_then(Force::of_all));
    let change = CheckedChange::of(&app.db, operator.mandate(), &app.schemas, &id, change, is_confirmed).await?;
    let engine = app.scim_engine();
    let answer = operator.write(&app, move |tx, mandate| accounts::change(tx, mandate, &engine, &id, &change)).await?;
    replacement::run_now(app.db.clone(), app.scim_engine());
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

/// `GET /admin/accounts/{account}/export`: the account as JSON Lines.
pub(super) async fn export(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<AccountLines, Problem> {
    Ok(AccountLines(account_file::answer(&app, operator.mandate(), id.into_inner()).await?))
}

/// A file with a line for the account, each user, each group, and each member.
#[derive(Debug)]
pub(super) struct AccountLines(HttpResponse);

impl Answers for AccountLines {
    fn describe(_: &mut Components) -> Vec<Success> {
        let about = "`application/jsonl`, a line of JSON each: {\"kind\": \"account\", \"account\": Account}, then for each user {\"kind\": \
                     \"user\", \"user\": …} and for each group {\"kind\": \"group\", \"group\": …} as SCIM shows them, and behind each group, for \
                     each of its members, {\"kind\": \"member\", \"group\": id, \"member\": id}.";
        vec![Success { status: 200, about, body: None }]
    }
}

impl Responder for AccountLines {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.0
    }
}

pub(super) async fn delete(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<NoContent, Problem> {
    operator.write(&app, move |tx, mandate| accounts::delete(tx, mandate, &id)).await?;
    Ok(NoContent)
}
