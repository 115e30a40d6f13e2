//! The settings of a connection: its name, where its provider is sent back to, its lifetimes, what it is forgiven; deleting it.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde_json::{Map, Value, json};

use super::account::wrong_name;
use super::credentials::{ShownCredential, shown_secret, shown_token};
use super::parts::{self, CHANGED_MEANWHILE, Crumb, DeletePage, Milder, Tally, Typed, is_typed, state_of};
use super::tabs::{of_account, of_client};
use super::{Desk, Section, Submitted};
use crate::app::App;
use crate::domain::bodies::clients::tolerances::ToleranceList;
use crate::domain::bodies::clients::{Client, ClientChange};
use crate::domain::operator::Power;
use crate::domain::profiles::Profile;
use crate::domain::setup_link::Provider;
use crate::domain::wording;
use crate::http::edge::audience::within_reach;
use crate::http::edge::endpoints::{Endpoint, pages};
use crate::http::pages::failure::PageFailure;
use crate::http::pages::frame::filters;
use crate::services::clients::{self, CheckedChange, secrets, tokens, tolerances};
use crate::services::diagnosis::ConnectionHead;
use crate::services::error::{ActError, Refusal};
use crate::storage::ReadCost;

pub(super) static ENDPOINTS: &[Endpoint] = pages![
    GET "/console/clients/{client}/settings" within_reach(Power::Read) => show, "Shows a connection's settings, secrets and tokens.";
    POST "/console/clients/{client}/settings" within_reach(Power::ChangeClients) => save, "Changes a connection's settings.";
    GET "/console/clients/{client}/delete" within_reach(Power::Delete) => ask_to_delete, "Says what deleting a connection takes away.";
    POST "/console/clients/{client}/delete" within_reach(Power::Delete) => delete, "Deletes a connection whose name was typed.";
];

/// What bodies call the fields of this form.
const FIELDS: [(&str, &str, &str); 9] = [
    ("name", "name", "The name"),
    ("okta_app_name", "okta_app_name", "The variable name"),
    ("redirect_uris", "redirect_uris", "The redirect URIs"),
    ("backchannel_logout_uri", "backchannel_logout_uri", "The back-channel logout URI"),
    ("access_token_seconds", "access_token_seconds", "The lifetime of access tokens"),
    ("refresh_idle_seconds", "refresh_idle_seconds", "The time without use"),
    ("refresh_absolute_seconds", "refresh_absolute_seconds", "The greatest age"),
    ("secret_lifetime_days", "secret_lifetime_days", "The lifetime of secrets"),
    ("connections", "connections", "The answer"),
];
const NUMBERS: [&str; 4] =
    ["access_token_seconds", "refresh_idle_seconds", "refresh_absolute_seconds", "secret_lifetime_days"];

/// Something that a connection is forgiven, or not.
#[derive(Debug)]
struct ShownTolerance {
    field: String,
    name: &'static str,
    forgives: &'static str,
    by_profile: &'static str,
    needed: String,
}

#[derive(Debug, Template)]
#[template(path = "console/connection_settings.html")]
struct SettingsPage {
    head: ConnectionHead,
    path: String,
    typed: Typed,
    state: String,
    client_id: String,
    provider: &'static str,
    is_okta: bool,
    has_redirect_uris: bool,
    /// Users log in to it, so it can be told when their sessions end.
    logs_users_in: bool,
    /// What holds where nothing is said.
    lifetimes: [String; 3],
    tolerances: Vec<ShownTolerance>,
    secrets: Vec<ShownCredential>,
    tokens: Vec<ShownCredential>,
    takes_secrets: bool,
    /// Where setup links are made, if it has an account.
    account_path: Option<String>,
    may_change: bool,
    may_link: bool,
    may_manage_secrets: bool,
    may_delete: bool,
}

/// A connection with all that its settings show.
#[derive(Debug)]
struct Settings {
    head: ConnectionHead,
    client: Client,
    secrets: Vec<crate::domain::bodies::clients::secrets::Secret>,
    tokens: Vec<crate::domain::bodies::clients::tokens::Token>,
    tolerances: ToleranceList,
}

async fn read(desk: &Desk, app: &App, id: &str) -> Result<Settings, PageFailure> {
    app.gather().await?;
    let (work, mandate, id) = (App::clone(app), desk.mandate().clone(), id.to_owned());
    desk.read(app, ReadCost::Scan, move |tx| {
        let client = clients::get(tx, &mandate, &work.installation(), &id)?;
        let (head, _) = ConnectionHead::find(tx, &mandate, &work.health_rules(), &id)?;
        Ok::<_, ActError>(Settings {
            secrets: secrets::list(tx, &mandate, &id)?,
            tokens: tokens::list(tx, &mandate, &id)?,
            tolerances: tolerances::list(tx, &mandate, &id)?,
            head,
            client,
        })
    })
    .await
}

/// What the form shows of a connection: what others change of it meanwhile shows in this.
fn shown_state(app: &App, client: &Client) -> String {
    state_of(
        app,
        &(
            (&client.name, &client.okta_app_name, &client.redirect_uris, client.disabled),
            (&client.backchannel_logout_uri, client.backchannel_logout_session_required),
            (client.access_token_seconds, client.refresh_idle_seconds, client.refresh_absolute_seconds),
            (client.secret_lifetime_days, &client.connections, &client.tolerances),
        ),
    )
}

fn field_of(tolerance: &str) -> String {
    format!("tolerance-{tolerance}")
}

fn typed_of(settings: &Settings) -> Typed {
    let client = &settings.client;
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let mut typed = Typed::with([
        ("name", client.name.clone()),
        ("okta_app_name", client.okta_app_name.clone().unwrap_or_default()),
        ("redirect_uris", client.redirect_uris.join("\n")),
        ("backchannel_logout_uri", client.backchannel_logout_uri.clone().unwrap_or_default()),
        ("logout_session", if client.backchannel_logout_session_required { "yes".to_owned() } else { String::new() }),
        ("access_token_seconds", number(client.access_token_seconds)),
        ("refresh_idle_seconds", number(client.refresh_idle_seconds)),
        ("refresh_absolute_seconds", number(client.refresh_absolute_seconds)),
        ("secret_lifetime_days", number(client.secret_lifetime_days.map(u64::from))),
        ("connections", json!(client.connections).as_str().unwrap_or_default().to_owned()),
        ("disabled", if client.disabled { "yes".to_owned() } else { String::new() }),
    ]);
    for item in settings.tolerances.items.iter().filter(|item| item.by == "override") {
        typed.set(&field_of(item.name), if item.on { "on" } else { "off" }.to_owned());
    }
    typed
}

/// The way to a page below a connection.
fn crumbs_below(settings: &Settings, label: &str) -> Vec<Crumb> {
    let client = &settings.client;
    let mut crumbs = vec![Crumb::to("Accounts", "/console")];
    if let Some(account) = &settings.head.account {
        crumbs.push(Crumb::to(&account.name, of_account(&account.id)));
    }
    crumbs.extend([Crumb::to(&client.name, of_client(&client.client_id)), Crumb::here(label)]);
    crumbs
}

fn provider_name(client: &Client) -> &'static str {
    match Profile::parse(client.profile).map(Provider::of) {
        Some(Provider::Other) | None => "Another identity provider",
        Some(provider) => provider.name(),
    }
}

/// An application, and not a connection for provisioning, which may ask for an ID token by the way.
fn logs_users_in(client: &Client) -> bool {
    let has = |name: &str| client.scopes.iter().any(|scope| scope == name);
    client.backchannel_logout_uri.is_some() || has("openid") && !has("provision:scim")
}

fn page(desk: &Desk, app: &App, settings: Settings, typed: Typed) -> SettingsPage {
    let mandate = desk.mandate();
    let client = &settings.client;
    let lives = &client.lifetimes;
    let needed = |forgiven: i64| match forgiven {
        0 => String::new(),
        1 => "needed once".to_owned(),
        times => format!("needed {times} times"),
    };
    let tolerances = settings.tolerances.items.iter().map(|item| ShownTolerance {
        field: field_of(item.name),
        name: item.name,
        forgives: item.forgives,
        by_profile: if item.profile { "forgiven" } else { "refused" },
        needed: needed(item.forgiven),
    });
    let now = app.clock.now();
    SettingsPage {
        path: of_client(&client.client_id),
        state: shown_state(app, client),
        client_id: client.client_id.clone(),
        provider: provider_name(client),
        is_okta: client.profile == Profile::Okta.as_str(),
        has_redirect_uris: client.profile != Profile::Okta.as_str()
            && (!client.redirect_uris.is_empty() || client.grant_types.contains(&"authorization_code")),
        logs_users_in: logs_users_in(client),
        lifetimes: [
            wording::duration(lives.access_token_seconds),
            wording::duration(lives.refresh_idle_seconds),
            lives.refresh_absolute_seconds.map_or_else(|| "never over".to_owned(), wording::duration),
        ],
        tolerances: tolerances.collect(),
        takes_secrets: !client.public && client.token_endpoint_auth_method != "private_key_jwt",
        account_path: client.account.as_deref().map(of_account),
        may_change: mandate.has(Power::ChangeClients),
        may_link: mandate.has(Power::ManageSetupLinks) && client.account.is_some() && !client.public,
        may_manage_secrets: mandate.has(Power::ManageSecrets),
        may_delete: mandate.has(Power::Delete),
        secrets: settings.secrets.iter().map(|secret| shown_secret(&client.client_id, secret, now)).collect(),
        tokens: settings.tokens.iter().map(|token| shown_token(&client.client_id, token, now)).collect(),
        typed,
        head: settings.head,
    }
}

/// `GET /console/clients/{client}/settings`
async fn show(desk: Desk, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let settings = read(&desk, &app, &id).await?;
    let typed = typed_of(&settings);
    Ok(desk.page(&app, Section::Accounts, &page(&desk, &app, settings, typed)))
}

/// What differs from what holds, as the change that it is.
fn change_of(typed: &Typed, settings: &Settings) -> Map<String, Value> {
    let before = typed_of(settings);
    let mut fields = Map::new();
    let differs = |name: &str| typed.value(name).trim() != before.value(name).trim();
    if differs("name") {
        fields.insert("name".to_owned(), json!(typed.value("name")));
    }
    if differs("okta_app_name") {
        let name = typed.value("okta_app_name").trim();
        fields.insert("okta_app_name".to_owned(), if name.is_empty() { Value::Null } else { json!(name) });
    }
    if settings.client.profile != Profile::Okta.as_str()
        && typed.lines("redirect_uris") != before.lines("redirect_uris")
    {
        fields.insert("redirect_uris".to_owned(), json!(typed.lines("redirect_uris")));
    }
    if logs_users_in(&settings.client) {
        if differs("backchannel_logout_uri") {
            let uri = typed.value("backchannel_logout_uri").trim();
            let uri = if uri.is_empty() { Value::Null } else { json!(uri) };
            fields.insert("backchannel_logout_uri".to_owned(), uri);
        }
        if typed.has("logout_session") != settings.client.backchannel_logout_session_required {
            fields.insert("backchannel_logout_session_required".to_owned(), json!(typed.has("logout_session")));
        }
    }
    for field in NUMBERS.into_iter().filter(|field| differs(field)) {
        let text = typed.value(field).trim();
        let value = match text.parse::<u64>() {
            _ if text.is_empty() => Value::Null,
            Ok(number) => json!(number),
            // The mistake is told by the reader of the body.
            Err(_) => json!(text),
        };
        fields.insert(field.to_owned(), value);
    }
    if differs("connections") && typed.has("connections") {
        fields.insert("connections".to_owned(), json!(typed.value("connections")));
    }
    if typed.has("disabled") != settings.client.disabled {
        fields.insert("disabled".to_owned(), json!(typed.has("disabled")));
    }
    let mut switches = Map::new();
    for item in &settings.tolerances.items {
        let field = field_of(item.name);
        if differs(&field) {
            let value = match typed.value(&field) {
                "on" => json!(true),
                "off" => json!(false),
                _ => Value::Null,
            };
            switches.insert(item.name.to_owned(), value);
        }
    }
    if !switches.is_empty() {
        fields.insert("tolerances".to_owned(), Value::Object(switches));
    }
    fields
}

/// `POST /console/clients/{client}/settings`
async fn save(sent: Submitted, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let mut typed = Typed::of(form);
    let settings = read(&desk, &app, &id).await?;
    let change = match parts::body::<ClientChange>(change_of(&typed, &settings)) {
        Ok(change) => CheckedChange::of(desk.mandate(), &change, &app.installation()).await,
        Err(mistakes) => Err(mistakes),
    };
    let change = match change {
        Ok(change) => change,
        Err(mistakes) => {
            typed.mistakes(&mistakes, &FIELDS);
            let shown = page(&desk, &app, settings, typed);
            return Ok(desk.page_with(&app, StatusCode::BAD_REQUEST, Section::Accounts, &shown));
        }
    };
    let (work, mandate, which) = (app.clone(), desk.mandate().clone(), id.clone());
    let state = typed.value("state").to_owned();
    let saved = desk
        .act(&app, move |tx| {
            let at = work.installation();
            if shown_state(&work, &clients::get(tx, &mandate, &at, &which)?) != state {
                return Err(ActError::conflict(CHANGED_MEANWHILE));
            }
            clients::change(tx, &mandate, &at, &which, &change)
        })
        .await?;
    match saved {
        Ok(client) => {
            let mut said = format!("The settings of {} are saved.", wording::strip_invisible(&client.name));
            for warning in client.warnings.iter().filter(|warning| warning.contains("could be read")) {
                said.push_str(&format!(" {warning}."));
            }
            Ok(desk.done(&app, &format!("{}/settings", of_client(&id)), &said))
        }
        Err(refusal) => {
            let status = match refusal {
                Refusal::Invalid(_) => StatusCode::BAD_REQUEST,
                _ => StatusCode::CONFLICT,
            };
            typed.refused(refusal, &FIELDS);
            let settings = read(&desk, &app, &id).await?;
            Ok(desk.page_with(&app, status, Section::Accounts, &page(&desk, &app, settings, typed)))
        }
    }
}

fn deletion(settings: &Settings, typed: Typed) -> DeletePage {
    let (client, path) = (&settings.client, of_client(&settings.client.client_id));
    let mut milder = Vec::new();
    if !client.disabled {
        milder.push(Milder {
            icon: "pause",
            path: format!("{path}/settings#disabled"),
            label: "Disable it".to_owned(),
            about: "All its requests are refused at once, and nothing is lost. It goes on when you enable it again.",
        });
    }
    DeletePage {
        crumbs: crumbs_below(settings, "Delete"),
        what: "connection",
        name: wording::strip_invisible(&client.name),
        about: "The identity provider is refused from the next request on. This cannot be undone. Users and groups stay as they are.",
        tallies: vec![
            Tally { label: "Secrets", count: settings.secrets.len().to_string() },
            Tally { label: "Static tokens", count: settings.tokens.len().to_string() },
        ],
        milder,
        action: format!("{path}/delete"),
        keep_path: format!("{path}/settings"),
        typed,
    }
}

/// `GET /console/clients/{client}/delete`
async fn ask_to_delete(desk: Desk, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let settings = read(&desk, &app, &id).await?;
    Ok(desk.page(&app, Section::Accounts, &deletion(&settings, Typed::default())))
}

/// `POST /console/clients/{client}/delete`
async fn delete(sent: Submitted, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let settings = read(&desk, &app, &id).await?;
    let mut typed = Typed::of(form);
    if !is_typed(&typed, &settings.client.name) {
        wrong_name(&mut typed, &settings.client.name, "connection");
        let shown = deletion(&settings, typed);
        return Ok(desk.page_with(&app, StatusCode::BAD_REQUEST, Section::Accounts, &shown));
    }
    let mandate = desk.mandate().clone();
    desk.write(&app, move |tx| clients::delete(tx, &mandate, &id)).await?;
    let next = settings.client.account.as_deref().map_or_else(|| "/console".to_owned(), of_account);
    Ok(desk.done(&app, &next, &format!("{} is deleted.", wording::strip_invisible(&settings.client.name))))
}
