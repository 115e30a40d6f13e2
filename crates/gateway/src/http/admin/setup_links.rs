//! Setup links: by which a customer's administrator sets a client up.

use actix_web::web;

use super::answer::{Created, NoContent};
use super::body::{Body, Params};
use super::operator::Operator;
use super::page::{self, Items, PageQuery};
use crate::app::App;
use crate::domain::bodies::setup_links::{NewSetupLink, SetupLink, ShownLink};
use crate::domain::described::With;
use crate::http::edge::problem::Problem;
use crate::services::sent_form::Drawn;
use crate::services::setup_links::{self, CheckedLink};

pub(super) async fn list(
    operator: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    query: Params<PageQuery>,
) -> Result<web::Json<Items<SetupLink>>, Problem> {
    page::of_account(&operator, &app, account.into_inner(), query.0.into(), |tx, mandate, account, page| {
        setup_links::list(tx, mandate, account, page.after.unwrap_or(0), page.limit)
    })
    .await
}

pub(super) async fn create(
    operator: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    body: Body<NewSetupLink>,
) -> Result<Created<With<SetupLink, ShownLink>>, Problem> {
    let checked = CheckedLink::of(operator.mandate(), &body.draft, &app.installation(), app.clock.now()).await;
    let checked = body.and(checked)?;
    let work = app.clone();
    let body = operator
        .write(&app, move |tx, mandate| {
            let (lifetime, drawn) = (work.config.setup.link_lifetime, Drawn::fresh(oauth::Prefix::SetupLink));
            setup_links::create(tx, mandate, &work.installation(), lifetime, &account, (&checked, &drawn))
        })
        .await?;
    Ok(Created { body, location: None })
}

pub(super) async fn revoke(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<NoContent, Problem> {
    operator.write(&app, move |tx, mandate| setup_links::revoke(tx, mandate, &path.0, &path.1)).await?;
    Ok(NoContent)
}
