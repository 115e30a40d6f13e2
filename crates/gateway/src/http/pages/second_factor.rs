//! The authenticator app on a person's own page: setting one up, and taking it away.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::cookies::Browser;
use super::failure::PageFailure;
use super::intent::LoginIntent;
use super::login;
use super::login::second_factor::{recovery_codes, set_up};
use super::self_service::{back, ours, prove_again};
use super::templates::{SecondFactorPage, page};
use crate::app::App;
use crate::domain::actor::{Actor, Named};
use crate::domain::request::{OwnCode, Refusal};
use crate::services::second_factor::{self, Outcome};
use crate::services::sign_in::Owner;
use crate::storage::sessions::Session;

const WHY: &str = "To set up or remove an authenticator app, log in once more. Then press the button again.";
const WRONG: &str = "Incorrect code. Type the code that the app shows now, and check the telephone's clock.";

async fn page_for(
    app: &App,
    browser: &Browser,
    session: &Session,
    problem: Option<Refusal>,
) -> Result<HttpResponse, PageFailure> {
    let set_up = set_up(app, Owner::from(session)).await?;
    if set_up.is_none() {
        return Ok(back(app));
    }
    let status = if problem.is_some() { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
    let problem = problem.map(|refusal| browser.refused(refusal));
    let shown = SecondFactorPage {
        set_up,
        action: "/account/second-factor/confirm",
        problem: problem.unwrap_or_default(),
        request: String::new(),
        proven: String::new(),
        csrf: browser.csrf(app),
    };
    Ok(page(app, status, &shown))
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
    login::second_factor::begin(&app, &browser, Owner::from(&session)).await?;
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
        second_factor::confirm(tx, &keys, &owner, &code, now)
    });
    match outcome.await? {
        Outcome::Confirmed(codes) => Ok(recovery_codes(&app, codes, &format!("{}/account", app.public_url), None)),
        Outcome::Wrong => {
            page_for(&app, &browser, &session, Some(Refusal::new(OwnCode::SecondFactorWrong, WRONG))).await
        }
        Outcome::Wait(_) => {
            let refusal =
                Refusal::new(OwnCode::SecondFactorThrottled, "There were too many wrong codes. Wait a little.");
            page_for(&app, &browser, &session, Some(refusal)).await
        }
        Outcome::Accepted | Outcome::Recovered | Outcome::Gone => Ok(back(&app)),
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
        second_factor::remove(tx, &keys, &owner, &code, now)
    });
    removed.await?;
    Ok(back(&app))
}
