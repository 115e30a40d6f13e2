//! Notices: what users of an account had to be told, and whether it reached them.

use actix_web::web;

use super::body::Params;
use super::operator::Operator;
use super::page::{self, Items, PageQuery};
use crate::app::App;
use crate::domain::bodies::notices::Notice;
use crate::http::edge::problem::Problem;
use crate::services::notices;

pub(super) async fn list(
    operator: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    query: Params<PageQuery>,
) -> Result<web::Json<Items<Notice>>, Problem> {
    let is_mailed = app.config.mail.is_some();
    page::of_account(&operator, &app, account.into_inner(), query.0.into(), move |tx, mandate, account, page| {
        notices::list(tx, mandate, account, is_mailed, page.after.unwrap_or(0), page.limit)
    })
    .await
}
