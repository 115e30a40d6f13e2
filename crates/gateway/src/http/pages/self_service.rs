//! A person's own page: what they have to be told, what they have connected and where they are logged in, each with a way to end it.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::Fingerprint;

use super::cookies::{self, Browser};
use super::failure::PageFailure;
use super::form::Form;
use super::intent::LoginIntent;
use super::login::{self, FormMessage};
use super::respond::redirect;
use super::templates::{AccountPage, ShownConnection, ShownNotice, ShownSession, page};
use crate::app::App;
use crate::domain::actor::{Actor, Named};
use crate::domain::scopes::PROVISION;
use crate::domain::wording;
use crate::services::self_service::{self, Overview};
use crate::storage::ReadCost;
use crate::storage::sessions::Session;

/// The name of a session in a form: says nothing about its secret.
fn name(app: &App, fingerprint: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(&app.keys.tag("session name", fingerprint)[..16])
}

/// The name of the logged-in user.
pub(super) async fn name_of(app: &App, session: &Session) -> Result<String, PageFailure> {
    let session = session.clone();
    let now = app.clock.now();
    Ok(app.db.read(ReadCost::Point, move |tx| self_service::user_name(tx, &session, now)).await?)
}

/// `GET /account`
pub(super) async fn show(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let browser = Browser::of(&request, &app);
    let Some(session) = browser.session(&app).await? else {
        return login::page_for(&app, &browser, &LoginIntent::Account, FormMessage::default()).await;
    };
    let (alive, own) = (cookies::alive(&app), browser.session_fingerprint(&app));
    let of = session.clone();
    let overview = app.db.read(ReadCost::Scan, move |tx| self_service::overview(tx, &of, alive)).await?;
    let mut answer = page(&app, StatusCode::OK, &shown(&app, &browser, overview, own.as_ref()));
    browser.introduce(&app, &mut answer);
    Ok(answer)
}

fn shown(app: &App, browser: &Browser, overview: Overview, own: Option<&Fingerprint>) -> AccountPage {
    let account = wording::strip_invisible(&overview.account);
    let notices = overview.notices.into_iter().map(|(id, made, matter)| ShownNotice {
        id,
        heading: matter.heading(),
        told: matter.told(made, &account),
        hint: matter.hint(),
    });
    let connections = overview.connections.into_iter().map(|connection| ShownConnection {
        client: connection.client,
        name: wording::strip_invisible(&connection.client_name),
        abilities: wording::abilities(&connection.scope),
        since: wording::format_time(connection.since),
        renewed: connection.renewed.map(wording::format_time),
        provisions: connection.scope.contains(PROVISION),
        last_request: connection.last_request.map(wording::format_time),
    });
    let sessions = overview.sessions.into_iter().map(|found| ShownSession {
        name: name(app, &found.fingerprint),
        is_this: own.is_some_and(|own| own.as_bytes() == found.fingerprint),
        begun: wording::format_time(found.auth_time),
        seen: wording::format_time(found.last_seen),
        address: found.address,
        browser: found.browser,
    });
    AccountPage {
        user: wording::strip_invisible(&overview.user),
        role: overview.role,
        environments: overview.environments,
        notices: notices.collect(),
        connections: connections.collect(),
        sessions: sessions.collect(),
        second_factor: overview.second_factor,
        has_password: overview.has_password,
        administers: overview.administers,
        csrf: browser.csrf(app),
        account,
    }
}

/// A form of this page, and who sent it; without a session they log in first.
pub(super) async fn ours(
    request: &HttpRequest,
    app: &App,
    payload: web::Payload,
) -> Result<(Form, Browser, Option<Session>), PageFailure> {
    let (form, browser) = Form::ours(request, app, payload).await?;
    let session = browser.session(app).await?;
    Ok((form, browser, session))
}

/// The session, if its person proved just now who they are; else the page on which they do so once more. What a thief of a session
/// must not do asks for it: to change what the person logs in with.
pub(super) async fn prove_again(
    app: &App,
    browser: &Browser,
    session: Option<Session>,
    intent: LoginIntent,
    why: &str,
) -> Result<Result<Session, HttpResponse>, PageFailure> {
    let mut said = FormMessage::default();
    if let Some(session) = session {
        if self_service::is_fresh(&session, app.clock.now()) {
            return Ok(Ok(session));
        }
        said.note = Some(why.to_owned());
        said.username = name_of(app, &session).await?;
    }
    Ok(Err(login::page_for(app, browser, &intent, said).await?))
}

pub(super) fn back(app: &App) -> HttpResponse {
    redirect(&format!("{}/account", app.public_url))
}

/// `POST /account/connections/end`: takes back everything that was accepted for a client. Its tokens are dead with the commit.
pub(super) async fn end_connection(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (form, browser, Some(session)) = ours(&request, &app, payload).await? else { return Ok(back(&app)) };
    let client = form.field("client").to_owned();
    app.db
        .write(move |tx| {
            tx.act_as(Actor::User(Named::id(&session.owner_id)).at(browser.source.clone()));
            let now = tx.now();
            self_service::end_connection(tx, &session, &client, now)
        })
        .await?;
    Ok(back(&app))
}

/// `POST /account/notices/seen`: the user confirms a notice.
pub(super) async fn see_notice(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (form, browser, Some(session)) = ours(&request, &app, payload).await? else { return Ok(back(&app)) };
    let notice = form.field("notice").to_owned();
    let seen = app.db.write(move |tx| {
        tx.act_as(Actor::User(Named::id(&session.owner_id)).at(browser.source.clone()));
        let now = tx.now();
        self_service::see_notice(tx, &session, &notice, now)
    });
    seen.await?;
    Ok(back(&app))
}

/// `POST /account/sessions/end`: logs another browser out.
pub(super) async fn end_session(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (form, browser, Some(session)) = ours(&request, &app, payload).await? else { return Ok(back(&app)) };
    let (work, wanted, alive) = (app.clone(), form.field("session").to_owned(), cookies::alive(&app));
    let ended = app.db.write(move |tx| {
        tx.act_as(Actor::User(Named::id(&session.owner_id)).at(browser.source.clone()));
        self_service::end_session(tx, &session, |fingerprint| name(&work, fingerprint) == wanted, alive)
    });
    ended.await?;
    Ok(back(&app))
}
