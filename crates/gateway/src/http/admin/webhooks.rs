//! Webhooks: to whom the feed is delivered.

use actix_web::web;

use super::answer::{Created, NoContent};
use super::body::{Body, Params};
use super::operator::Operator;
use super::page::{self, Items, Page, PageQuery};
use crate::app::App;
use crate::domain::bodies::webhooks::{
    NewWebhook, Webhook, WebhookChange, WebhookDeadLetter, WebhookDelivery, WebhookResend, WebhookSecret, WebhookTest,
};
use crate::domain::described::With;
use crate::http::edge::problem::Problem;
use crate::services::webhooks::{self, Drawn};
use crate::storage::ReadCost;

type Shown = Created<With<Webhook, WebhookSecret>>;

pub(super) async fn list_of_account(
    operator: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    query: Params<PageQuery>,
) -> Result<web::Json<Items<Webhook>>, Problem> {
    list(&operator, &app, Some(account.into_inner()), query.0.into()).await
}

pub(super) async fn list_shared(
    operator: Operator,
    app: web::Data<App>,
    query: Params<PageQuery>,
) -> Result<web::Json<Items<Webhook>>, Problem> {
    list(&operator, &app, None, query.0.into()).await
}

async fn list(
    operator: &Operator,
    app: &App,
    account: Option<String>,
    page: Page,
) -> Result<web::Json<Items<Webhook>>, Problem> {
    let (end, webhooks) = (app.feed.end(&app.db).await?, app.webhooks());
    let range = (page.after.unwrap_or(0), page.limit);
    let rows = operator
        .read(app, ReadCost::Scan, move |tx, mandate| webhooks.list(tx, mandate, account.as_deref(), range, end))
        .await?;
    Ok(web::Json(page.of_rows(rows)))
}

pub(super) async fn create_in_account(
    operator: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    body: Body<NewWebhook>,
) -> Result<Shown, Problem> {
    create(&operator, &app, Some(account.into_inner()), body).await
}

pub(super) async fn create_shared(
    operator: Operator,
    app: web::Data<App>,
    body: Body<NewWebhook>,
) -> Result<Shown, Problem> {
    create(&operator, &app, None, body).await
}

async fn create(
    operator: &Operator,
    app: &App,
    account: Option<String>,
    body: Body<NewWebhook>,
) -> Result<Shown, Problem> {
    let new = body.checked(|new| webhooks::mistakes(new, &app.outbound))?;
    let (end, webhooks, drawn) = (app.feed.end(&app.db).await?, app.webhooks(), Drawn::fresh());
    let body = operator
        .write(app, move |tx, mandate| webhooks.create(tx, mandate, account.as_deref(), (&new, &drawn), end))
        .await?;
    Ok(Created { location: Some(format!("{}/admin/webhooks/{}", app.admin_url, body.of.id)), body })
}

pub(super) async fn get(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<web::Json<Webhook>, Problem> {
    let (end, webhooks) = (app.feed.end(&app.db).await?, app.webhooks());
    let read = operator.read(&app, ReadCost::Scan, move |tx, mandate| webhooks.get(tx, mandate, &id, end));
    Ok(web::Json(read.await?))
}

pub(super) async fn change(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
    body: Body<WebhookChange>,
) -> Result<web::Json<Webhook>, Problem> {
    let change = body.checked(|change| webhooks::mistakes_of_change(change, &app.outbound))?;
    let (end, webhooks) = (app.feed.end(&app.db).await?, app.webhooks());
    let changed = operator.write(&app, move |tx, mandate| webhooks.change(tx, mandate, &id, &change, end)).await?;
    Ok(web::Json(changed))
}

pub(super) async fn delete(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<NoContent, Problem> {
    operator.write(&app, move |tx, mandate| webhooks::delete(tx, mandate, &id)).await?;
    Ok(NoContent)
}

pub(super) async fn replace_secret(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<Created<WebhookSecret>, Problem> {
    let (webhooks, drawn) = (app.webhooks(), Drawn::fresh());
    let body = operator.write(&app, move |tx, mandate| webhooks.replace_secret(tx, mandate, &id, &drawn)).await?;
    Ok(Created { body, location: None })
}

pub(super) async fn test(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<web::Json<WebhookTest>, Problem> {
    let (receiver, event) = operator.write(&app, move |tx, mandate| webhooks::test(tx, mandate, &id)).await?;
    Ok(web::Json(webhooks::tested(&event, app.deliverer.test(&receiver, &event).await?)))
}

pub(super) async fn deliveries(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
    query: Params<PageQuery>,
) -> Result<web::Json<Items<WebhookDelivery>>, Problem> {
    page::of_account(&operator, &app, id.into_inner(), query.0.into(), |tx, mandate, id, page| {
        webhooks::deliveries(tx, mandate, id, page.after, page.limit)
    })
    .await
}

pub(super) async fn dead_letters(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
    query: Params<PageQuery>,
) -> Result<web::Json<Items<WebhookDeadLetter>>, Problem> {
    page::of_account(&operator, &app, id.into_inner(), query.0.into(), |tx, mandate, id, page| {
        webhooks::dead_letters(tx, mandate, id, (page.after.unwrap_or(0), page.limit))
    })
    .await
}

pub(super) async fn resend_all(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<web::Json<WebhookResend>, Problem> {
    let resent = operator.write(&app, move |tx, mandate| webhooks::resend(tx, mandate, &id, None)).await?;
    Ok(web::Json(resent))
}

pub(super) async fn resend(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<web::Json<WebhookResend>, Problem> {
    let resent = operator.write(&app, move |tx, mandate| webhooks::resend(tx, mandate, &path.0, Some(&path.1))).await?;
    Ok(web::Json(resent))
}

pub(super) async fn discard(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<NoContent, Problem> {
    operator.write(&app, move |tx, mandate| webhooks::discard(tx, mandate, &path.0, &path.1)).await?;
    Ok(NoContent)
}
