//! The attributes that an account declares beyond the standard and the configuration.

use actix_web::web;

use super::answer::{NoContent, Put};
use super::body::{Body, Params};
use super::force::Confirmed;
use super::operator::Operator;
use super::page::{Items, PageQuery};
use crate::app::App;
use crate::domain::bodies::attributes::declaration::{self, Name};
use crate::domain::bodies::attributes::{Attribute, Declaration};
use crate::http::edge::problem::Problem;
use crate::services::accounts::attributes::{self, CheckedDeclaration};
use crate::services::indexing;
use crate::storage::ReadCost;

pub(super) async fn list(
    operator: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    _: Params<PageQuery>, // never more than fit on a page
) -> Result<web::Json<Items<Attribute>>, Problem> {
    let work = app.clone();
    let items = operator
        .read(&app, ReadCost::Point, move |tx, mandate| attributes::list(tx, mandate, &work.schemas, &account))
        .await?;
    Ok(web::Json(Items::all(items)))
}

pub(super) async fn get(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<web::Json<Attribute>, Problem> {
    let work = app.clone();
    let answer = operator
        .read(&app, ReadCost::Point, move |tx, mandate| attributes::get(tx, mandate, &work.schemas, &path.0, &path.1))
        .await?;
    Ok(web::Json(answer))
}

/// Declares an attribute, or changes its declaration.
pub(super) async fn put(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
    query: Params<Confirmed>,
    body: Body<Declaration>,
) -> Result<Put<Attribute>, Problem> {
    let (account, name) = path.into_inner();
    let declaration = body.finish()?;
    let is_confirmed = query.0.or(declaration.force);
    let wanted = declaration::read(declaration.fields, &Name::of(&name), &app.schemas).map_err(Problem::invalid)?;
    let checked =
        CheckedDeclaration::of(&app.db, operator.mandate(), &app.schemas, &account, wanted, is_confirmed).await?;
    let work = app.clone();
    let (is_new, body) = operator
        .write(&app, move |tx, mandate| attributes::declare(tx, mandate, &work.schemas, &account, &checked))
        .await?;
    indexing::run_now(app.db.clone(), app.schemas.clone());
    Ok(Put { body, is_new })
}

/// Takes an attribute away, with its values.
pub(super) async fn delete(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<NoContent, Problem> {
    let work = app.clone();
    operator.write(&app, move |tx, mandate| attributes::remove(tx, mandate, &work.schemas, &path.0, &path.1)).await?;
    indexing::run_now(app.db.clone(), app.schemas.clone());
    Ok(NoContent)
}
