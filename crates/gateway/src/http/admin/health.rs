//! How connections are: of one client, of an account, of the installation.

use actix_web::web;

use super::body::Params;
use super::operator::Operator;
use super::page::{Limit, Page};
use crate::app::App;
use crate::domain::bodies::health::{ClientHealth, HealthList};
use crate::domain::described::query::{After, query};
use crate::domain::health::HealthState;
use crate::http::edge::problem::Problem;
use crate::services::health;
use crate::storage::ReadCost;

query! {
    /// Which connections are listed.
    pub(super) struct HealthQuery {
        /// Those that are in this state.
        state: HealthState,
        /// How many clients are looked at at most; 100 if nothing is said. With `state`, a page may have fewer, or none, and a `next` all
        /// the same.
        limit: Limit,
        /// The `next` of the page before.
        after: After,
    }
}

/// `GET /admin/clients/{client}/health`
pub(super) async fn of_client(
    operator: Operator,
    app: web::Data<App>,
    client: web::Path<String>,
) -> Result<web::Json<ClientHealth>, Problem> {
    app.gather().await?;
    let work = app.clone();
    let answer = operator
        .read(&app, ReadCost::Scan, move |tx, mandate| health::of_client(tx, mandate, &work.health_rules(), &client))
        .await?;
    Ok(web::Json(answer))
}

/// `GET /admin/accounts/{account}/health`
pub(super) async fn of_account(
    operator: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    query: Params<HealthQuery>,
) -> Result<web::Json<HealthList>, Problem> {
    app.gather().await?;
    let (state, part) = read(query.0);
    let work = app.clone();
    let page = operator
        .read(&app, ReadCost::Scan, move |tx, mandate| {
            health::of_account(tx, mandate, &work.health_rules(), &account, state, part)
        })
        .await?;
    Ok(web::Json(list(page)))
}

/// `GET /admin/health`
pub(super) async fn of_all(
    operator: Operator,
    app: web::Data<App>,
    query: Params<HealthQuery>,
) -> Result<web::Json<HealthList>, Problem> {
    app.gather().await?;
    let (state, part) = read(query.0);
    let work = app.clone();
    let page = operator
        .read(&app, ReadCost::Scan, move |tx, mandate| health::of_all(tx, mandate, &work.health_rules(), state, part))
        .await?;
    Ok(web::Json(list(page)))
}

fn read(query: HealthQuery) -> (Option<HealthState>, (i64, i64)) {
    let HealthQuery { state, limit, after } = query;
    let page = Page::of(limit, after);
    (state, (page.after.unwrap_or(0), page.limit))
}

fn list(page: health::Page) -> HealthList {
    HealthList { items: page.items, next: page.next.map(|row| row.to_string()) }
}
