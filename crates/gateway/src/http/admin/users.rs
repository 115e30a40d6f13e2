//! Users, as operators make and change them.

use actix_web::web;
use scim::SearchRequest;
use serde_json::Value;

use super::answer::{Created, NoContent};
use super::body::{Body, Params};
use super::operator::Operator;
use crate::app::App;
use crate::domain::bodies::password_links::{NewPasswordLink, PasswordLink};
use crate::domain::bodies::users::{NewUser, User, UserChange, UserList};
use crate::domain::described::query::{Query, query};
use crate::domain::described::{FieldError, Mistakes, Text};
use crate::http::edge::problem::Problem;
use crate::services::password_links::{NewLink, users as password_links};
use crate::services::users::{self, LoginChange};
use crate::storage::ReadCost;

query! {
    /// Which users are listed: as SCIM has it (RFC 7644 §3.4.2).
    pub(super) struct UserQuery {
        /// A SCIM filter, as `userName eq "ada@acme.test"`.
        filter: Text,
        /// The first user of the page, counted from 1.
        start_index as "startIndex": Text,
        /// How many users there are at most.
        count: Text,
        /// The attribute that users are sorted by.
        sort_by as "sortBy": Text,
        /// `ascending` or `descending`.
        sort_order as "sortOrder": Text,
    }
}

impl UserQuery {
    /// As SCIM's engine takes it.
    fn search(&self) -> Result<SearchRequest, scim::Error> {
        let values = [&self.filter, &self.start_index, &self.count, &self.sort_by, &self.sort_order];
        let pairs = UserQuery::NAMES.iter().zip(values);
        SearchRequest::from_query(pairs.filter_map(|(name, value)| Some((*name, value.as_ref()?.as_str()))))
    }
}

/// The hash of a new password; what is wrong with it is noted.
fn noted(hashed: Result<Option<String>, FieldError>, mistakes: &mut Mistakes) -> Option<String> {
    hashed.unwrap_or_else(|FieldError { field, detail }| {
        mistakes.note(field, detail);
        None
    })
}

pub(super) async fn create(
    operator: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    mut body: Body<NewUser>,
) -> Result<Created<User>, Problem> {
    let NewUser { password, rest, .. } = &body.draft;
    let hashed =
        users::hash_password(&app.db, operator.mandate(), &app.passwords, password.as_ref(), &account, None, rest)
            .await?;
    let password_hash = noted(hashed, &mut body.mistakes);
    let NewUser { service_account, rest, .. } = body.finish()?;
    let login = LoginChange { password_hash, service_account, ends_connections: false };
    let attributes = Value::Object(rest);
    let work = app.clone();
    let body = operator
        .write(&app, move |tx, mandate| users::create(tx, mandate, &work.scim_engine(), &account, &attributes, &login))
        .await?;
    Ok(Created { body, location: None })
}

pub(super) async fn list(
    operator: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    query: Params<UserQuery>,
) -> Result<web::Json<UserList>, Problem> {
    let asked = query.0.search()?;
    let work = app.clone();
    let answer = operator
        .read(&app, ReadCost::Scan, move |tx, mandate| {
            users::search(tx, mandate, &work.scim_engine(), &account, &asked)
        })
        .await?;
    Ok(web::Json(answer))
}

pub(super) async fn get(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<web::Json<User>, Problem> {
    let work = app.clone();
    let answer = operator
        .read(&app, ReadCost::Point, move |tx, mandate| users::get(tx, mandate, &work.scim_engine(), &path.0, &path.1))
        .await?;
    Ok(web::Json(answer))
}

pub(super) async fn change(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
    mut body: Body<UserChange>,
) -> Result<web::Json<User>, Problem> {
    let UserChange { password, end_connections, rest, .. } = &body.draft;
    if *end_connections == Some(true) && password.is_none() {
        body.mistakes.note("end_connections", "goes with a new `password`");
    }
    let user = Some(path.1.as_str());
    let hashed =
        users::hash_password(&app.db, operator.mandate(), &app.passwords, password.as_ref(), &path.0, user, rest)
            .await?;
    let password_hash = noted(hashed, &mut body.mistakes);
    let UserChange { service_account, end_connections, rest, .. } = body.finish()?;
    let ends_connections = end_connections.unwrap_or(false);
    let login = LoginChange { password_hash, service_account, ends_connections };
    let change = users::patch_of(rest)?;
    let work = app.clone();
    let answer = operator
        .write(&app, move |tx, mandate| {
            users::change(tx, mandate, &work.scim_engine(), &path.0, &path.1, change.as_ref(), &login)
        })
        .await?;
    Ok(web::Json(answer))
}

pub(super) async fn delete(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<NoContent, Problem> {
    let work = app.clone();
    operator.write(&app, move |tx, mandate| users::delete(tx, mandate, &work.scim_engine(), &path.0, &path.1)).await?;
    Ok(NoContent)
}

/// `POST …/users/{user}/password-link`: the answer is the only place that ever has the link.
pub(super) async fn make_password_link(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
    body: Body<NewPasswordLink>,
) -> Result<Created<PasswordLink>, Problem> {
    let NewPasswordLink { purpose } = body.finish()?;
    let (new, page) = (NewLink::draw(&app.keys), format!("{}/password", app.public_url));
    let lifetimes = app.config.password_links;
    let body = operator
        .write(&app, move |tx, mandate| {
            password_links::create(tx, mandate, (&path.0, &path.1), purpose, &new, &page, lifetimes)
        })
        .await?;
    Ok(Created { body, location: None })
}

/// `DELETE …/users/{user}/second-factor`: their telephone is lost. They log in with their password alone, until they set up another.
pub(super) async fn remove_second_factor(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<NoContent, Problem> {
    operator.write(&app, move |tx, mandate| users::remove_second_factor(tx, mandate, &path.0, &path.1)).await?;
    Ok(NoContent)
}

/// `DELETE …/users/{user}/upstream-identity`: the next to log in at the provider under a name of theirs is who they are.
pub(super) async fn release_identity(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<NoContent, Problem> {
    operator.write(&app, move |tx, mandate| users::release_identity(tx, mandate, &path.0, &path.1)).await?;
    Ok(NoContent)
}
