//! The smaller console of a customer's own administrator: the connections of their account, its setup links, and how its users log in.
//! Users who may not accept access have none of these pages, and are led to their own.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::cookies::Browser;
use super::failure::PageFailure;
use super::form;
use super::intent::LoginIntent;
use super::login::{self, FormMessage};
use super::respond::redirect;
use super::self_service::{back, ours, prove_again};
use super::templates::{Way, filters, page, told};
use crate::app::App;
use crate::domain::actor::{Actor, Named};
use crate::domain::health::Severity;
use crate::domain::request::{OwnCode, Refusal};
use crate::domain::setup_link::{CredentialKind, LinkState};
use crate::domain::wording;
use crate::http::edge::query;
use crate::services::administration::{self, Administrator, OwnConnection, Person, Renewable};
use crate::services::error::ActError;
use crate::services::sent_form::SentForm;
use crate::storage::sessions::Session;
use crate::storage::{ReadCost, Tx};

const WHY: &str = "To create a new secret, log in once more. Then press the button again.";

/// What stands around each of these pages.
#[derive(Debug)]
struct Around {
    account: String,
    user: String,
    csrf: String,
}

impl Around {
    fn of(app: &App, browser: &Browser, by: &Administrator) -> Around {
        Around {
            account: wording::strip_invisible(&by.account.name),
            user: wording::strip_invisible(&by.user),
            csrf: browser.csrf(app),
        }
    }
}

/// Which part of a list a page has.
#[derive(Debug)]
struct Paging {
    path: &'static str,
    goes_on: bool,
    next: Option<i64>,
}

/// The row that the query names, for a list to go on from there.
fn after(request: &HttpRequest) -> Option<i64> {
    let pairs = query::pairs(request.query_string()).unwrap_or_default();
    pairs.into_iter().find(|(name, _)| name == "after").and_then(|(_, row)| row.parse().ok())
}

/// The connections of an account.
#[derive(Debug, Template)]
#[template(path = "administration/connections.html")]
struct ConnectionsPage {
    around: Around,
    connections: Vec<Shown>,
    paging: Paging,
}

#[derive(Debug)]
struct Shown {
    client: String,
    name: String,
    words: &'static str,
    look: &'static str,
    reasons: Vec<ShownReason>,
    last_request: Option<(String, Option<String>)>,
    last_import: Option<String>,
    refused: i64,
    expires: Option<String>,
    renews: Option<&'static str>,
}

#[derive(Debug)]
struct ShownReason {
    look: &'static str,
    sentence: String,
    since: String,
    todo: Option<String>,
}

/// What a new secret means.
#[derive(Debug, Template)]
#[template(path = "administration/renew.html")]
struct RenewPage {
    around: Around,
    client: String,
    /// Tells this page's form from every other.
    once: String,
    name: String,
    provider: &'static str,
    kind: &'static str,
    days: i64,
}

/// A new secret, shown once.
#[derive(Template)]
#[template(path = "administration/renewed.html")]
struct RenewedPage {
    around: Around,
    name: String,
    provider: &'static str,
    kind: &'static str,
    secret: String,
    older_end: String,
}

/// The setup links of an account.
#[derive(Debug, Template)]
#[template(path = "administration/links.html")]
struct LinksPage {
    around: Around,
    links: Vec<ShownLink>,
    paging: Paging,
}

#[derive(Debug)]
struct ShownLink {
    name: String,
    provider: &'static str,
    state: &'static str,
    look: &'static str,
    created: String,
    expires: String,
    opened: Option<String>,
    revealed: Option<String>,
}

/// How the users of an account log in.
#[derive(Debug, Template)]
#[template(path = "administration/people.html")]
struct PeoplePage {
    around: Around,
    rule: String,
    people: Vec<ShownPerson>,
    paging: Paging,
}

#[derive(Debug)]
struct ShownPerson {
    name: String,
    user_name: String,
    kind: &'static str,
    ways: String,
    problems: Vec<String>,
    last_seen: Option<String>,
}

/// What a page reads, for an administrator who is logged in; for others where they belong.
async fn for_administrator<T: Send + 'static>(
    request: &HttpRequest,
    app: &web::Data<App>,
    read: impl FnMut(&mut Tx<'_>, &App, &Administrator) -> Result<T, ActError> + Send + 'static,
) -> Result<Result<(Browser, Administrator, T), HttpResponse>, PageFailure> {
    let browser = Browser::of(request, app);
    let Some(session) = browser.session(app).await? else {
        return Ok(Err(login::page_for(app, &browser, &LoginIntent::Connections, FormMessage::default()).await?));
    };
    let (work, mut read) = (app.clone(), read);
    let found = app.db.read(ReadCost::Scan, move |tx| {
        let Some(by) = administration::administrator(tx, &session)? else { return Ok(None) };
        let found = read(tx, &work, &by)?;
        Ok::<_, ActError>(Some((by, found)))
    });
    match found.await {
        Ok(Some((by, found))) => Ok(Ok((browser, by, found))),
        Ok(None) => Ok(Err(back(app))),
        Err(ActError::Refused(refusal)) => Ok(Err(refused(app, &browser, &refusal.to_string()))),
        Err(ActError::Database(error)) => Err(error.into()),
    }
}

/// What is asked for is not there, or cannot be done.
fn refused(app: &App, browser: &Browser, why: &str) -> HttpResponse {
    let detail = browser.refused(Refusal::new(OwnCode::NoSuchEndpoint, format!("{why}.")));
    let ways = [Way { path: "/account/connections", label: "Your connections" }];
    told(app, StatusCode::NOT_FOUND, "This cannot be done here", &detail, None, &ways)
}

fn answer(app: &App, browser: &Browser, shown: &impl Template) -> HttpResponse {
    let mut answer = page(app, StatusCode::OK, shown);
    browser.introduce(app, &mut answer);
    answer
}

/// `GET /account/connections`
pub(super) async fn connections(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let after = after(&request);
    let found = for_administrator(&request, &app, move |tx, app, by| {
        let rules = app.health_rules();
        administration::connections(tx, &rules, by, after.unwrap_or_default())
    });
    let (browser, by, found) = match found.await? {
        Ok(found) => found,
        Err(answer) => return Ok(answer),
    };
    let paging = Paging { path: "/account/connections", goes_on: after.is_some(), next: found.next };
    let connections = found.items.into_iter().map(shown).collect();
    Ok(answer(&app, &browser, &ConnectionsPage { around: Around::of(&app, &browser, &by), connections, paging }))
}

fn shown(connection: OwnConnection) -> Shown {
    let OwnConnection { health, provider, renewable } = connection;
    let renews = renewable.map(CredentialKind::name);
    let reasons = health.reasons.into_iter().filter(|reason| reason.severity >= Severity::NeverUsed);
    let reasons = reasons.map(|reason| ShownReason {
        look: if reason.severity == Severity::Broken { "broken" } else { "attention" },
        sentence: reason.sentence,
        since: wording::day(reason.since.0),
        todo: reason.code.by_customer(provider.name()),
    });
    Shown {
        client: health.client_id,
        name: wording::strip_invisible(&health.client_name),
        words: health.state.words(),
        look: health.state.look(),
        reasons: reasons.collect(),
        last_request: health.last_request.map(|contact| (wording::format_time(contact.at.0), contact.address)),
        last_import: health.last_import.map(|contact| wording::format_time(contact.at.0)),
        refused: health.refusals.iter().map(|refusal| refusal.count).sum(),
        expires: health.expires.map(|time| wording::day(time.0)),
        renews,
    }
}

/// `GET /account/connections/secret?client=…`: nothing is done yet.
pub(super) async fn ask_to_renew(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let browser = Browser::of(&request, &app);
    let session = browser.session(&app).await?;
    if let Err(log_in) = prove_again(&app, &browser, session, LoginIntent::Connections, WHY).await? {
        return Ok(log_in);
    }
    let pairs = query::pairs(request.query_string()).map_err(|_| PageFailure::StaleForm)?;
    let client = pairs.into_iter().find(|(name, _)| name == "client").map(|(_, client)| client).unwrap_or_default();
    let asked = client.clone();
    let found = for_administrator(&request, &app, move |tx, _, by| administration::to_renew(tx, by, &asked));
    let (browser, by, found) = match found.await? {
        Ok(found) => found,
        Err(answer) => return Ok(answer),
    };
    let Renewable { name, provider, kind } = found;
    let shown = RenewPage {
        around: Around::of(&app, &browser, &by),
        client,
        once: form::drawn_mark(),
        name: wording::strip_invisible(&name),
        provider: provider.name(),
        kind: kind.name(),
        days: administration::KEPT / 86_400_000,
    };
    Ok(answer(&app, &browser, &shown))
}

/// `POST /account/connections/secret`: the answer is the only place that ever has the new secret.
pub(super) async fn renew(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (form, browser, session) = ours(&request, &app, payload).await?;
    let session: Session = match prove_again(&app, &browser, session, LoginIntent::Connections, WHY).await? {
        Ok(session) => session,
        Err(log_in) => return Ok(log_in),
    };
    let (work, source, client) = (app.clone(), browser.source.clone(), form.field("client").to_owned());
    let sent = SentForm::of(&app.keys, &["renew", &session.owner_id, form.field("once"), &client]);
    let renewed = app.db.write(move |tx| {
        tx.act_as(Actor::User(Named::id(&session.owner_id)).at(source.clone()));
        let Some(by) = administration::administrator(tx, &session)? else { return Ok(None) };
        let renewed = work.oauth(|cx| administration::renew(tx, cx, &work.config.oauth, &by, (&client, &sent)))?;
        Ok::<_, ActError>(Some((by, renewed)))
    });
    match renewed.await {
        Ok(Some((by, renewed))) => {
            let shown = RenewedPage {
                around: Around::of(&app, &browser, &by),
                name: wording::strip_invisible(&renewed.of.name),
                provider: renewed.of.provider.name(),
                kind: renewed.of.kind.name(),
                secret: renewed.secret,
                older_end: wording::format_time(renewed.older_end),
            };
            Ok(page(&app, StatusCode::OK, &shown))
        }
        Ok(None) => Ok(redirect(&format!("{}/account", app.public_url))),
        Err(ActError::Refused(refusal)) => Ok(refused(&app, &browser, &refusal.to_string())),
        Err(ActError::Database(error)) => Err(error.into()),
    }
}

/// `GET /account/setup-links`
pub(super) async fn links(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let after = after(&request);
    let found = for_administrator(&request, &app, move |tx, _, by| administration::links(tx, by, after));
    let (browser, by, found) = match found.await? {
        Ok(found) => found,
        Err(answer) => return Ok(answer),
    };
    let paging = Paging { path: "/account/setup-links", goes_on: after.is_some(), next: found.next };
    let links = found.items.into_iter().map(|link| {
        let (state, look) = match link.state {
            LinkState::Unopened => ("Not opened yet", "neutral"),
            LinkState::Opened => ("Opened", "ok"),
            LinkState::Finished => ("Finished", "ok"),
            LinkState::Expired => ("Expired", "attention"),
            LinkState::Revoked => ("Revoked", "neutral"),
        };
        ShownLink {
            name: wording::strip_invisible(&link.client_name),
            provider: link.provider.name(),
            state,
            look,
            created: wording::format_time(link.created.0),
            expires: wording::format_time(link.expires.0),
            opened: link.opened.map(|done| wording::format_time(done.at.0)),
            revealed: link.revealed.map(|done| wording::format_time(done.at.0)),
        }
    });
    let links = links.collect();
    Ok(answer(&app, &browser, &LinksPage { around: Around::of(&app, &browser, &by), links, paging }))
}

/// `GET /account/users`
pub(super) async fn people(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let after = after(&request);
    let found = for_administrator(&request, &app, move |tx, _, by| {
        Ok(administration::people(tx, by, after.unwrap_or_default())?)
    });
    let (browser, by, found) = match found.await? {
        Ok(found) => found,
        Err(answer) => return Ok(answer),
    };
    let sign_in = &by.account.options.sign_in;
    let rule = match (sign_in.provider_name(), sign_in.allows_password(false)) {
        (Some(provider), true) => format!("People log in with {provider}, or with a password."),
        (Some(provider), false) => format!("People log in with {provider}. Passwords are for service accounts."),
        (None, true) => "Everyone logs in with a user name and a password.".to_owned(),
        (None, false) => "Passwords are for service accounts only.".to_owned(),
    };
    let paging = Paging { path: "/account/users", goes_on: after.is_some(), next: found.next };
    let shown = PeoplePage {
        around: Around::of(&app, &browser, &by),
        rule: wording::strip_invisible(&rule),
        people: found.items.into_iter().map(person).collect(),
        paging,
    };
    Ok(answer(&app, &browser, &shown))
}

fn person(person: Person) -> ShownPerson {
    let Person { name, user_name, state, problems, administers } = person;
    let ways = [
        (state.password, "password"),
        (state.second_factor, "authenticator app"),
        (state.provider, "your identity provider"),
    ];
    let ways: Vec<&str> = ways.into_iter().filter(|(has, _)| *has).map(|(_, way)| way).collect();
    ShownPerson {
        name,
        user_name: wording::strip_invisible(&user_name),
        kind: match (state.service_account, administers) {
            (true, _) => "Service account",
            (false, true) => "Administrator",
            (false, false) => "User",
        },
        ways: if ways.is_empty() { "no way yet".to_owned() } else { ways.join(", ") },
        problems,
        last_seen: state.last_seen.map(wording::format_time),
    }
}
