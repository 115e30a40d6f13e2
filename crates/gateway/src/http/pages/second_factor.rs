//! The authenticator app on a person's own page: setting one up, and taking it away.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::cookies::Browser;
use super::failure::PageFailure;
use super::intent::LoginIntent;
use super::login;
use super::login::second_factor::{recovery_codes, set_up};
use super::self_service::{back, ours, prove_again};
use super::templates::{SecondFactorPage, SetUp, page};
use crate::app::App;
use crate::domain::actor::{Actor, Named};
use crate::domain::request::{OwnCode, Refusal};
use crate::services::second_factor::{self, Outcome};
use crate::services::sign_in::Owner;
use crate::storage::sessions::Session;

const WHY: &str = "To set up or remove an authenticator app, log in once more. Then press the button again.";
const WRONG: &str = "Incorrect code. Type the code that the app shows now, and check the telephone's clock.";

/// Where the form of an app that is set up goes,
const CONFIRM: &str = "/account/second-factor/confirm";
/// and that of one that is taken away.
const REMOVE: &str = "/account/second-factor/remove";

async fn page_for(
    app: &App,
    browser: &Browser,
    session: &Session,
    problem: Option<Refusal>,
) -> Result<HttpResponse, PageFailure> {
    match set_up(app, Owner::from(session).into()).await? {
        Some(set_up) => Ok(asked(app, browser, Some(set_up), CONFIRM, problem)),
        None => Ok(back(app)),
    }
}

/// The page that asks for a code, once more where there is a problem.
fn asked(
    app: &App,
    browser: &Browser,
    set_up: Option<SetUp>,
    action: &'static str,
    problem: Option<Refusal>,
) -> HttpResponse {
    let status = if problem.is_some() { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
    let problem = problem.map(|refusal| browser.refused(refusal));
    let shown = SecondFactorPage {
        set_up,
        action,
        removes: action == REMOVE,
        problem: problem.unwrap_or_default(),
        request: String::new(),
        proven: String::new(),
        csrf: browser.csrf(app),
    };
    page(app, status, &shown)
}

/// Why a code was not accepted.
fn refusal(outcome: &Outcome) -> Option<Refusal> {
    match outcome {
        Outcome::Wrong => Some(Refusal::new(OwnCode::SecondFactorWrong, WRONG)),
        Outcome::Wait(_) => {
            let detail = "There were too many wrong codes. Wait a little.";
            Some(Refusal::new(OwnCode::SecondFactorThrottled, detail))
        }
        Outcome::Confirmed(_) | Outcome::Accepted | Outcome::Recovered | Outcome::Gone => None,
    }
}

/// `GET /account/second-factor`
pub(super) async fn show(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let browser = Browser::of(&request, &app);
    let session = browser.session(&app).await?;
    match prove_again(&app, &browser, session, LoginIntent::Account, WHY).await? {
        Ok(session) => page_for(&app, &browser, &session, None).await,
        Err(log_in) => Ok(log_in),
    }
}

/// `POST /account/second-factor`
pub(super) async fn begin(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (_, browser, session) = ours(&request, &app, payload).await?;
    let session = match prove_again(&app, &browser, session, LoginIntent::Account, WHY).await? {
        Ok(session) => session,
        Err(log_in) => return Ok(log_in),
    };
    login::second_factor::begin(&app, &browser, Owner::from(&session).into()).await?;
    page_for(&app, &browser, &session, None).await
}

/// `POST /account/second-factor/confirm`: the first code shows that the app works.
pub(super) async fn confirm(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (form, browser, session) = ours(&request, &app, payload).await?;
    let session = match prove_again(&app, &browser, session, LoginIntent::Account, WHY).await? {
        Ok(session) => session,
        Err(log_in) => return Ok(log_in),
    };
    let (keys, owner, code) = (app.keys.clone(), Owner::from(&session), form.field("code").to_owned());
    let (from, now) = (browser.source.clone(), app.clock.now());
    let outcome = app.db.write(move |tx| {
        tx.act_as(Actor::User(Named::id(&owner.id)).at(from.clone()));
        second_factor::confirm(tx, &keys, &owner.clone().into(), &code, now)
    });
    let outcome = outcome.await?;
    if let Some(refusal) = refusal(&outcome) {
        return page_for(&app, &browser, &session, Some(refusal)).await;
    }
    match outcome {
        Outcome::Confirmed(codes) => Ok(recovery_codes(&app, codes, &format!("{}/account", app.public_url), None)),
        _ => Ok(back(&app)),
    }
}

/// `POST /account/second-factor/remove`: the user has to enter a code to remove the app.
pub(super) async fn remove(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (form, browser, session) = ours(&request, &app, payload).await?;
    let session = match prove_again(&app, &browser, session, LoginIntent::Account, WHY).await? {
        Ok(session) => session,
        Err(log_in) => return Ok(log_in),
    };
    let (keys, owner, code) = (app.keys.clone(), Owner::from(&session), form.field("code").to_owned());
    let (from, now) = (browser.source.clone(), app.clock.now());
    let removed = app.db.write(move |tx| {
        tx.act_as(Actor::User(Named::id(&owner.id)).at(from.clone()));
        second_factor::remove(tx, &keys, &owner.clone().into(), &code, now)
    });
    match refusal(&removed.await?) {
        Some(refusal) => Ok(asked(&app, &browser, None, REMOVE, Some(refusal))),
        None => Ok(back(&app)),
    }
}
