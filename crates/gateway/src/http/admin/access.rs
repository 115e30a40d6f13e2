//! Access: the rules of an account, what a user may do, who may enter an environment, and what a change would make of it.

use actix_web::web;

use super::audit::question::Moment;
use super::body::{Body, Params};
use super::operator::Operator;
use super::page::{Items, Limit, Page, PageQuery};
use crate::app::App;
use crate::domain::bodies::access::{
    AccessDifference, AccessRules, ListedAccess, NewAccess, UserAccess, WhatIf, Widening,
};
use crate::domain::described::query::{After, query};
use crate::domain::described::{FieldError, Text};
use crate::http::edge::problem::Problem;
use crate::services::access::answers::{self, Listed, Which};
use crate::services::access::{rules, what_if, widenings};
use crate::services::resolution::UserPage;
use crate::storage::ReadCost;

query! {
    /// Of which time.
    pub(super) struct AtTime {
        /// What the user might do at this time, which is not before access was recorded; now, if nothing is said.
        at: Moment,
    }
}

query! {
    /// Which user is meant.
    pub(super) struct NamedUser {
        /// The name the user logs in by, in any letter case.
        user_name as "userName": Text,
        /// What the user might do at this time, which is not before access was recorded; now, if nothing is said. The name is that of then.
        at: Moment,
    }
}

query! {
    /// Which users are listed.
    pub(super) struct ListedUsers {
        /// Those who may enter this environment.
        environment: Text,
        /// Those who have this role.
        role: Text,
        /// Those of this time, which is not before access was recorded; of now, if nothing is said.
        at: Moment,
        /// How many items there are at most; 100 if nothing is said.
        limit: Limit,
        /// The `next` of the page before.
        after: After,
    }
}

fn answer<T>((items, next): UserPage<T>) -> web::Json<Items<T>> {
    web::Json(Items { items, next: next.map(|row| row.to_string()) })
}

pub(super) async fn get(
    operator: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
) -> Result<web::Json<AccessRules>, Problem> {
    let answer = operator.read(&app, ReadCost::Point, move |tx, mandate| rules::get(tx, mandate, &account)).await?;
    Ok(web::Json(answer))
}

pub(super) async fn put(
    operator: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    body: Body<NewAccess>,
) -> Result<web::Json<AccessRules>, Problem> {
    let new = body.finish()?;
    let work = app.clone();
    let answer =
        operator.write(&app, move |tx, mandate| rules::put(tx, mandate, &work.schemas, &account, &new)).await?;
    Ok(web::Json(answer))
}

pub(super) async fn of_user(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
    query: Params<AtTime>,
) -> Result<web::Json<UserAccess>, Problem> {
    let at = query.0.at.map(|Moment(at)| at);
    let answer = operator
        .read(&app, ReadCost::Point, move |tx, mandate| answers::of_user(tx, mandate, &path.0, Which::Id(&path.1), at))
        .await?;
    Ok(web::Json(answer))
}

pub(super) async fn of_named(
    operator: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    query: Params<NamedUser>,
) -> Result<web::Json<UserAccess>, Problem> {
    let at = query.0.at.map(|Moment(at)| at);
    let Some(Text(name)) = query.0.user_name else {
        let missing = FieldError { field: "userName".to_owned(), detail: "is missing: say whose access".to_owned() };
        return Err(Problem::invalid(vec![missing]));
    };
    let answer = operator
        .read(&app, ReadCost::Point, move |tx, mandate| {
            answers::of_user(tx, mandate, &account, Which::UserName(&name), at)
        })
        .await?;
    Ok(web::Json(answer))
}

pub(super) async fn list(
    operator: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    query: Params<ListedUsers>,
) -> Result<web::Json<Items<ListedAccess>>, Problem> {
    let ListedUsers { environment, role, at, limit, after } = query.0;
    let page = Page::of(limit, after);
    let (environment, role) = (environment.map(|name| name.0), role.map(|role| role.0));
    let listed = Listed { environment, role, at: at.map(|Moment(at)| at) };
    let found = operator
        .read(&app, ReadCost::Scan, move |tx, mandate| {
            answers::list(tx, mandate, &account, &listed, page.after.unwrap_or(0), page.limit)
        })
        .await?;
    Ok(answer(found))
}

pub(super) async fn what_if(
    operator: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    query: Params<PageQuery>,
    body: Body<WhatIf>,
) -> Result<web::Json<Items<AccessDifference>>, Problem> {
    let change = body.finish()?;
    let (page, work) = (Page::from(query.0), app.clone());
    let found = operator
        .read(&app, ReadCost::Scan, move |tx, mandate| {
            what_if::of_account(tx, mandate, &work.schemas, &account, &change, page.after.unwrap_or(0), page.limit)
        })
        .await?;
    Ok(answer(found))
}

pub(super) async fn widenings(
    operator: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    query: Params<PageQuery>,
) -> Result<web::Json<Items<Widening>>, Problem> {
    let page = Page::from(query.0);
    let found = operator
        .read(&app, ReadCost::Scan, move |tx, mandate| widenings::list(tx, mandate, &account, page.after, page.limit))
        .await?;
    Ok(answer(found))
}
