//! A person's password on their own page: a new one, after a fresh log-in.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::cookies::Browser;
use super::failure::PageFailure;
use super::intent::LoginIntent;
use super::self_service::{back, ours, prove_again};
use super::templates::{PasswordPage, message, page};
use crate::app::App;
use crate::domain::actor::{Actor, Named};
use crate::domain::request::{OwnCode, Refusal};
use crate::domain::wording;
use crate::platform::secret_text::SecretText;
use crate::services::self_service::{PasswordOwner, change_password};
use crate::storage::ReadCost;
use crate::storage::sessions::Session;

const WHY: &str = "To change your password, log in once more, with the one you have now.";

async fn owner(app: &App, session: &Session) -> Result<Option<PasswordOwner>, PageFailure> {
    let (session, now) = (session.clone(), app.clock.now());
    Ok(app.db.read(ReadCost::Point, move |tx| PasswordOwner::find(tx, &session, now)).await?)
}

fn form(app: &App, browser: &Browser, user: &str, problem: Option<Refusal>) -> HttpResponse {
    let status = if problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let problem = problem.map(|refusal| browser.refused(refusal)).unwrap_or_default();
    let shown = PasswordPage { user: wording::strip_invisible(user), problem, csrf: browser.csrf(app) };
    page(app, status, &shown)
}

/// `GET /account/password`
pub(super) async fn show(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let browser = Browser::of(&request, &app);
    let session = browser.session(&app).await?;
    let session = match prove_again(&app, &browser, session, LoginIntent::Password, WHY).await? {
        Ok(session) => session,
        Err(log_in) => return Ok(log_in),
    };
    match owner(&app, &session).await? {
        Some(owner) => Ok(form(&app, &browser, &owner.user, None)),
        None => Ok(back(&app)),
    }
}

/// `POST /account/password`: the other sessions end; the connections too, if that was asked for.
pub(super) async fn change(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (sent, browser, session) = ours(&request, &app, payload).await?;
    let session = match prove_again(&app, &browser, session, LoginIntent::Password, WHY).await? {
        Ok(session) => session,
        Err(log_in) => return Ok(log_in),
    };
    let Some(owner) = owner(&app, &session).await? else { return Ok(back(&app)) };
    let password = SecretText::new(sent.field("password"));
    if let Some(problem) = owner.refusal(password.reveal(), sent.field("again")) {
        return Ok(form(&app, &browser, &owner.user, Some(Refusal::new(OwnCode::PasswordUnsuitable, problem))));
    }
    let hash = app.passwords.hash(session.account.payer(), password).await?;
    let ends_connections = !sent.field("end_connections").is_empty();
    let (own, source, now) = (browser.session_fingerprint(&app), browser.source.clone(), app.clock.now());
    let changed = app.db.write(move |tx| {
        tx.act_as(Actor::User(Named::id(&session.owner_id)).at(source.clone()));
        let own = own.as_ref().map_or(&[][..], |own| own.as_bytes());
        change_password(tx, &session, &hash, own, ends_connections, now)
    });
    changed.await?;
    let detail = match ends_connections {
        true => "You are logged in here, and logged out everywhere else. Your connections have ended.",
        false => "You are logged in here, and logged out everywhere else. Your connections go on as before.",
    };
    Ok(message(
        &app,
        StatusCode::OK,
        "Your password is changed",
        detail,
        Some("On /account you see what is connected under your name."),
    ))
}
