//! What an operator does with a webhook: tries it out, pauses it, lets it go on, sends refused events again, replaces its secret, deletes it.

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use super::{At, SecretPage, changed, found};
use crate::app::App;
use crate::domain::bodies::webhooks::WebhookChange;
use crate::domain::wording;
use crate::http::pages::console::parts::{self, ConfirmPage};
use crate::http::pages::console::{Desk, Section, Submitted};
use crate::http::pages::failure::PageFailure;
use crate::services::error::ActError;
use crate::services::sent_form;
use crate::services::webhooks::{self as service, Drawn};
use crate::storage::Tx;

/// Pauses a webhook, or lets it go on, and says so on its page.
async fn set(desk: &Desk, app: &App, at: &At, fields: Value, said: &str) -> Result<HttpResponse, PageFailure> {
    found(desk, app, at).await?;
    let Value::Object(fields) = fields else { return Err(ActError::not_found("webhook", &at.id).into()) };
    let change = parts::body::<WebhookChange>(fields).map_err(ActError::invalid)?;
    changed(desk, app, &at.id, change).await?.map_err(ActError::Refused)?;
    Ok(desk.done(app, &at.webhook(&at.id), said))
}

/// `POST …/pause`
pub(super) async fn pause(sent: Submitted, app: web::Data<App>, at: At) -> Result<HttpResponse, PageFailure> {
    let said = "The webhook is paused. What happens meanwhile waits for it, for as long as events are kept.";
    set(&sent.desk, &app, &at, json!({"paused": true}), said).await
}

/// `POST …/resume`
pub(super) async fn resume(sent: Submitted, app: web::Data<App>, at: At) -> Result<HttpResponse, PageFailure> {
    let mut fields = json!({"paused": false});
    let begin = sent.form.field("begin");
    if !begin.is_empty() {
        fields["after"] = json!(begin);
    }
    set(&sent.desk, &app, &at, fields, "The webhook goes on: what waits is sent now.").await
}

/// `POST …/test`
pub(super) async fn test(sent: Submitted, app: web::Data<App>, at: At) -> Result<HttpResponse, PageFailure> {
    let desk = sent.desk;
    found(&desk, &app, &at).await?;
    let (mandate, which) = (desk.mandate().clone(), at.id.clone());
    let (receiver, event) = desk.write(&app, move |tx| service::test(tx, &mandate, &which)).await?;
    let result = service::tested(&event, app.deliverer.test(&receiver, &event).await?);
    let said = match result.problem {
        None => format!("The test event was taken: {} in {} ms.", result.status.unwrap_or_default(), result.took_ms),
        Some(problem) => format!("The test event was not taken: {problem}"),
    };
    Ok(desk.done(&app, &at.webhook(&at.id), &said))
}

/// `POST …/resend`
pub(super) async fn resend(sent: Submitted, app: web::Data<App>, at: At) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    found(&desk, &app, &at).await?;
    let event = Some(form.field("event").to_owned()).filter(|event| !event.is_empty());
    let (mandate, which) = (desk.mandate().clone(), at.id.clone());
    let resent = desk.write(&app, move |tx| service::resend(tx, &mandate, &which, event.as_deref())).await?;
    let said = match resent.count {
        1 => "The event is sent again: load this page anew to see how that went.".to_owned(),
        n => format!("{n} events are sent again: load this page anew to see how that went."),
    };
    Ok(desk.done(&app, &at.webhook(&at.id), &said))
}

/// `POST …/secret`
pub(super) async fn replace_secret(sent: Submitted, app: web::Data<App>, at: At) -> Result<HttpResponse, PageFailure> {
    let desk = sent.desk;
    let of = found(&desk, &app, &at).await?;
    let (webhooks, mandate, form, which) = (app.webhooks(), desk.mandate().clone(), desk.sent(), at.id.clone());
    let (made, seed) = form.seeds();
    let drawn = Drawn::of(made, seed);
    let made = desk.act(&app, move |tx| {
        let make = |tx: &mut Tx<'_>| webhooks.replace_secret(tx, &mandate, &which, &drawn);
        sent_form::once(tx, &form, make, |tx| webhooks.replaced_before(tx, &mandate, &which, &drawn))
    });
    let value = made.await?.map_err(ActError::Refused)?.secret;
    let is_public = of.public_key.0.is_some();
    let page = SecretPage {
        crumbs: at.crumbs(&desk, &app, "New secret").await?,
        url: of.url,
        is_new: false,
        is_public,
        value,
        next: at.webhook(&at.id),
    };
    Ok(desk.page(&app, Section::Accounts, &page))
}

/// `GET …/delete`
pub(super) async fn ask_to_delete(desk: Desk, app: web::Data<App>, at: At) -> Result<HttpResponse, PageFailure> {
    let of = found(&desk, &app, &at).await?;
    let page = ConfirmPage {
        crumbs: at.crumbs(&desk, &app, "Delete").await?,
        title: "Delete this webhook?".to_owned(),
        about: "This cannot be undone. You can pause it instead: then nothing is lost.".to_owned(),
        points: vec![
            format!("Nothing is sent to {} any more.", wording::strip_invisible(&of.url)),
            format!(
                "Events that it has not taken ({}) and those that it refused ({}) are not sent.",
                of.waiting, of.dead_letters
            ),
            "The events themselves stay in the feed.".to_owned(),
        ],
        action: format!("{}/delete", at.webhook(&at.id)),
        hidden: Vec::new(),
        button: "Delete this webhook".to_owned(),
        is_danger: true,
        keep: "Keep it".to_owned(),
        keep_path: at.webhook(&at.id),
    };
    Ok(desk.page(&app, Section::Accounts, &page))
}

/// `POST …/delete`
pub(super) async fn delete(sent: Submitted, app: web::Data<App>, at: At) -> Result<HttpResponse, PageFailure> {
    let desk = sent.desk;
    found(&desk, &app, &at).await?;
    let (mandate, list) = (desk.mandate().clone(), at.list());
    desk.write(&app, move |tx| service::delete(tx, &mandate, &at.id)).await?;
    Ok(desk.done(&app, &list, "The webhook is deleted."))
}
