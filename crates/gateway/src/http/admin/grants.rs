//! Grants: who accepted what, and ending it.

use actix_web::web;

use super::answer::NoContent;
use super::body::Params;
use super::operator::Operator;
use super::page::{self, Items, PageQuery};
use crate::app::App;
use crate::domain::bodies::grants::Grant;
use crate::http::edge::problem::Problem;
use crate::services::grants;

pub(super) async fn list(
    operator: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    query: Params<PageQuery>,
) -> Result<web::Json<Items<Grant>>, Problem> {
    page::of_account(&operator, &app, account.into_inner(), query.0.into(), |tx, mandate, account, page| {
        grants::list(tx, mandate, account, page.after.unwrap_or(0), page.limit)
    })
    .await
}

pub(super) async fn end(operator: Operator, app: web::Data<App>, id: web::Path<String>) -> Result<NoContent, Problem> {
    operator.write(&app, move |tx, mandate| grants::revoke(tx, mandate, &id)).await?;
    Ok(NoContent)
}
