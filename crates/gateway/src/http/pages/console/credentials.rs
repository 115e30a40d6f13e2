//! Secrets and static tokens of a connection: who used which when; new ones, for operators who may see them; ending one.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde_json::{Map, json};

use super::parts::{self, ConfirmPage, Crumb};
use super::tabs::of_client;
use super::{Desk, Section, Submitted};
use crate::app::App;
use crate::domain::bodies::clients::secrets::{NewSecret, Secret};
use crate::domain::bodies::clients::tokens::{NewToken, Token};
use crate::domain::operator::Power;
use crate::domain::when::When;
use crate::domain::wording;
use crate::http::edge::audience::within_reach;
use crate::http::edge::endpoints::{Endpoint, pages};
use crate::http::pages::failure::PageFailure;
use crate::http::pages::frame::filters;
use crate::platform::timestamp::Timestamp;
use crate::services::clients::{self, secrets, tokens};
use crate::services::error::{ActError, Refusal};
use crate::services::sent_form;
use crate::storage::clients::ClientRecord;
use crate::storage::{ReadCost, Tx};

pub(super) static ENDPOINTS: &[Endpoint] = pages![
    POST "/console/clients/{client}/secrets" within_reach(Power::ManageSecrets) => create_secret, "Creates a client secret, and shows it this once.";
    GET "/console/clients/{client}/secrets/{secret}/end" within_reach(Power::ManageSecrets) => ask_to_end_secret, "Says what ending a client secret does.";
    POST "/console/clients/{client}/secrets/{secret}/end" within_reach(Power::ManageSecrets) => end_secret, "Ends a client secret.";
    POST "/console/clients/{client}/tokens" within_reach(Power::ManageSecrets) => create_token, "Creates a static token, and shows it this once.";
    GET "/console/clients/{client}/tokens/{token}/end" within_reach(Power::ManageSecrets) => ask_to_end_token, "Says what ending a static token does.";
    POST "/console/clients/{client}/tokens/{token}/end" within_reach(Power::ManageSecrets) => end_token, "Ends a static token.";
];

const SECRET: &str = "client secret";
const TOKEN: &str = "static token";

/// A secret or a token of the list.
#[derive(Debug)]
pub(super) struct ShownCredential {
    pub(super) name: String,
    pub(super) created: When,
    pub(super) expires: Option<When>,
    pub(super) is_near: bool,
    pub(super) last_used: Option<When>,
    /// Where it is ended.
    pub(super) end: String,
}

pub(super) fn shown_secret(client: &str, secret: &Secret, now: Timestamp) -> ShownCredential {
    let named = secret.label.as_deref().map(wording::strip_invisible);
    ShownCredential {
        name: named.unwrap_or_else(|| format!("without a label, of {}", wording::day(secret.created.0))),
        created: When::day(secret.created.0),
        expires: secret.expires.map(|at| When::day(at.0)),
        is_near: secret.warning.is_some(),
        last_used: secret.last_used.map(|at| When::ago(at.0, now)),
        end: format!("{}/secrets/{}/end", of_client(client), secret.id),
    }
}

pub(super) fn shown_token(client: &str, token: &Token, now: Timestamp) -> ShownCredential {
    ShownCredential {
        name: wording::strip_invisible(&token.name),
        created: When::day(token.created.0),
        expires: Some(When::day(token.expires.0)),
        is_near: token.warning.is_some(),
        last_used: token.last_used.map(|at| When::ago(at.0, now)),
        end: format!("{}/tokens/{}/end", of_client(client), token.id),
    }
}

/// Shown once.
#[derive(Template)]
#[template(path = "console/secret_shown.html")]
struct ShownOncePage {
    crumbs: Vec<Crumb>,
    what: &'static str,
    client: String,
    value: String,
    next: String,
}

async fn name_of(desk: &Desk, app: &App, id: &str) -> Result<String, PageFailure> {
    named(desk, app, id, |_, _| Ok(())).await
}

/// What a client is called, if it has what is looked for.
async fn named(
    desk: &Desk,
    app: &App,
    id: &str,
    has: impl Fn(&mut Tx<'_>, &ClientRecord) -> Result<(), ActError> + Send + 'static,
) -> Result<String, PageFailure> {
    let (mandate, id) = (desk.mandate().clone(), id.to_owned());
    let found = desk
        .read(app, ReadCost::Point, move |tx| {
            let found = clients::find(tx, &mandate, Power::ManageSecrets, &id)?;
            has(tx, &found)?;
            Ok::<_, ActError>(found.client.name)
        })
        .await?;
    Ok(wording::strip_invisible(&found))
}

fn crumbs(id: &str, name: &str, label: &str) -> Vec<Crumb> {
    vec![Crumb::to("Accounts", "/console"), Crumb::to(name, format!("{}/settings", of_client(id))), Crumb::here(label)]
}

fn shown_once(
    desk: &Desk,
    app: &App,
    id: &str,
    (what, client, made): (&'static str, String, Result<String, Refusal>),
) -> Result<HttpResponse, PageFailure> {
    let value = made.map_err(ActError::Refused)?;
    let next = format!("{}/settings", of_client(id));
    let shown = ShownOncePage { crumbs: crumbs(id, &client, what), what, client, value, next };
    Ok(desk.page(app, Section::Accounts, &shown))
}

/// `POST /console/clients/{client}/secrets`
async fn create_secret(
    sent: Submitted,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let mut fields = Map::new();
    if !form.field("label").trim().is_empty() {
        fields.insert("label".to_owned(), json!(form.field("label")));
    }
    // What is out of reach is not there, before what was typed is looked at.
    let name = name_of(&desk, &app, &id).await?;
    let new = parts::body::<NewSecret>(fields).map_err(ActError::invalid)?;
    let (work, mandate, which, form) = (app.clone(), desk.mandate().clone(), id.clone(), desk.sent());
    let drawn = form.drawn(oauth::Prefix::ClientSecret);
    let made = desk.act(&app, move |tx| {
        let make =
            |tx: &mut Tx<'_>| secrets::create(tx, &mandate, &work.keys, &work.config.oauth, &which, (&new, &drawn));
        sent_form::once(tx, &form, make, |tx| secrets::again(tx, &mandate, &which, &drawn))
    });
    let made = made.await?;
    shown_once(&desk, &app, &id, ("New client secret", name, made.map(|made| made.client_secret)))
}

/// `POST /console/clients/{client}/tokens`
async fn create_token(
    sent: Submitted,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let mut fields = Map::new();
    fields.insert("name".to_owned(), json!(form.field("token_name")));
    // What is out of reach is not there, before what was typed is looked at.
    let name = name_of(&desk, &app, &id).await?;
    let new = parts::body::<NewToken>(fields).map_err(ActError::invalid)?;
    let (work, mandate, which, form) = (app.clone(), desk.mandate().clone(), id.clone(), desk.sent());
    let drawn = form.drawn(oauth::Prefix::StaticToken);
    let made = desk.act(&app, move |tx| {
        let make = |tx: &mut Tx<'_>| work.oauth(|cx| tokens::create(tx, &mandate, cx, &which, (&new, &drawn)));
        sent_form::once(tx, &form, make, |tx| tokens::again(tx, &mandate, &which, &drawn))
    });
    let made = made.await?;
    shown_once(&desk, &app, &id, ("New static token", name, made.map(|made| made.with.token)))
}

/// Says what ending this does; `part` is where it is below its client, who is called so.
fn ask_to_end(
    desk: &Desk,
    app: &App,
    (id, client): (&str, &str),
    what: &'static str,
    part: &str,
) -> Result<HttpResponse, PageFailure> {
    let shown = ConfirmPage {
        crumbs: crumbs(id, client, what),
        title: format!("End this {what}?"),
        about: "This cannot be undone.".to_owned(),
        points: vec![
            format!(
                "An identity provider that still uses it is refused from the next request on: {client} stops working."
            ),
            "Look first when it was last used, and that the newer one is.".to_owned(),
        ],
        action: format!("{}/{part}/end", of_client(id)),
        hidden: Vec::new(),
        button: format!("End this {what}"),
        is_danger: true,
        keep: "Keep it".to_owned(),
        keep_path: format!("{}/settings", of_client(id)),
    };
    Ok(desk.page_with(app, StatusCode::OK, Section::Accounts, &shown))
}

fn ended(desk: &Desk, app: &App, id: &str, what: &str) -> HttpResponse {
    desk.done(app, &format!("{}/settings", of_client(id)), &format!("The {what} is ended."))
}

/// `GET /console/clients/{client}/secrets/{secret}/end`
async fn ask_to_end_secret(
    desk: Desk,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageFailure> {
    let (client, secret) = path.into_inner();
    let part = format!("secrets/{secret}");
    let has = move |tx: &mut Tx<'_>, of: &ClientRecord| {
        let is_there = tx.client_secrets(of.seq)?.iter().any(|found| found.id == secret);
        if is_there { Ok(()) } else { Err(ActError::not_found(SECRET, &secret)) }
    };
    let name = named(&desk, &app, &client, has).await?;
    ask_to_end(&desk, &app, (&client, &name), SECRET, &part)
}

/// `GET /console/clients/{client}/tokens/{token}/end`
async fn ask_to_end_token(
    desk: Desk,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageFailure> {
    let (client, token) = path.into_inner();
    let part = format!("tokens/{token}");
    let has = move |tx: &mut Tx<'_>, of: &ClientRecord| {
        let is_there = tx.static_tokens(of.seq)?.iter().any(|found| found.id == token);
        if is_there { Ok(()) } else { Err(ActError::not_found(TOKEN, &token)) }
    };
    let name = named(&desk, &app, &client, has).await?;
    ask_to_end(&desk, &app, (&client, &name), TOKEN, &part)
}

/// `POST /console/clients/{client}/secrets/{secret}/end`
async fn end_secret(
    sent: Submitted,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageFailure> {
    let (client, secret) = path.into_inner();
    let (mandate, which) = (sent.desk.mandate().clone(), client.clone());
    sent.desk.write(&app, move |tx| secrets::revoke(tx, &mandate, &which, &secret)).await?;
    Ok(ended(&sent.desk, &app, &client, SECRET))
}

/// `POST /console/clients/{client}/tokens/{token}/end`
async fn end_token(
    sent: Submitted,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageFailure> {
    let (client, token) = path.into_inner();
    let (mandate, which) = (sent.desk.mandate().clone(), client.clone());
    sent.desk.write(&app, move |tx| tokens::revoke(tx, &mandate, &which, &token)).await?;
    Ok(ended(&sent.desk, &app, &client, TOKEN))
}
