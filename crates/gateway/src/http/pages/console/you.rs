//! The operator's own page: password, authenticator app, sessions, and a token for the shell.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::desk::{Desk, Submitted};
use super::frame::Section;
use super::login::prove;
use super::seat;
use crate::app::App;
use crate::domain::request::{OwnCode, Refusal};
use crate::domain::wording;
use crate::http::edge::audience::Audience;
use crate::http::edge::endpoints::{Endpoint, pages};
use crate::http::pages::failure::PageFailure;
use crate::http::pages::login::second_factor::{recovery_codes, set_up};
use crate::http::pages::respond::redirect;
use crate::http::pages::templates::{SetUp, ShownSession, filters};
use crate::platform::secret_text::SecretText;
use crate::services::operator_logins::{self, Own};
use crate::services::second_factor::{self, Outcome};
use crate::services::sent_form;
use crate::services::sign_in::Refused;
use crate::services::sign_in::operator::password::Attempt;
use crate::storage::ReadCost;
use crate::storage::operator_sessions::LoginKind;

pub(super) static ENDPOINTS: &[Endpoint] = pages![
    GET "/console/you" Audience::Operator => show, "Shows operators how they log in, where they are logged in, and their token.";
    POST "/console/you/sessions/end" Audience::Operator => end_session, "Logs the operator out in another browser.";
    GET "/console/you/password" Audience::Operator => password, "Asks for a new password.";
    POST "/console/you/password" Audience::Operator => change_password, "Changes the operator's password.";
    GET "/console/you/app" Audience::Operator => app_page, "Asks for a code that removes the operator's authenticator app.";
    POST "/console/you/app" Audience::Operator => begin_app, "Begins to set up an authenticator app.";
    POST "/console/you/app/confirm" Audience::Operator => confirm_app, "Takes the first code of an operator's authenticator app.";
    POST "/console/you/app/remove" Audience::Operator => remove_app, "Removes the operator's authenticator app.";
    POST "/console/you/token" Audience::Operator => make_token, "Makes a token of the admin API, and shows it once.";
    POST "/console/you/token/end" Audience::Operator => end_token, "Ends the operator's token.";
];

/// For so long a log-in is fresh enough to change what the operator logs in with, in milliseconds.
const FRESH: i64 = 5 * 60_000;
const HERE: &str = "/console/you";

#[derive(Debug, Template)]
#[template(path = "console/you.html")]
struct YouPage {
    name: String,
    address: Option<String>,
    role: &'static str,
    reach: String,
    has_password: bool,
    /// They came in at the vendor's OpenID provider.
    by_provider: bool,
    recovery_codes: Option<i64>,
    sessions: Vec<ShownSession>,
    token: Option<ShownToken>,
    token_hours: u64,
}

#[derive(Debug)]
struct ShownToken {
    made: String,
    expires: Option<String>,
    is_expired: bool,
    last_used: Option<String>,
}

#[derive(Debug, Template)]
#[template(path = "console/password.html")]
struct PasswordPage {
    address: String,
    /// What is wrong with the password they have,
    wrong: String,
    /// and with the new one.
    problem: String,
}

#[derive(Debug, Template)]
#[template(path = "console/app.html")]
struct AppPage {
    set_up: Option<SetUp>,
    problem: String,
}

#[derive(Template)]
#[template(path = "console/token.html")]
#[allow(missing_debug_implementations)]
struct TokenPage {
    token: String,
    until: String,
}

/// The name of a session in a form: says nothing about its secret.
fn name_of(app: &App, fingerprint: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(&app.keys.tag("console session name", fingerprint)[..16])
}

async fn own(app: &App, desk: &Desk) -> Result<Own, PageFailure> {
    let (id, alive) = (desk.id().to_owned(), seat::alive(app));
    desk.read(app, ReadCost::Point, move |tx| operator_logins::own(tx, &id, alive)).await
}

/// `GET /console/you`
async fn show(desk: Desk, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let own = own(&app, &desk).await?;
    let now = app.clock.now();
    let sessions = own.sessions.into_iter().map(|found| ShownSession {
        name: name_of(&app, &found.fingerprint),
        is_this: found.fingerprint == desk.seat.fingerprint.as_bytes(),
        begun: wording::format_time(found.auth_time),
        seen: wording::format_time(found.last_seen),
        address: found.address,
        browser: found.browser,
    });
    let shown = YouPage {
        name: wording::strip_invisible(desk.name()),
        address: own.login.address.as_deref().map(wording::strip_invisible),
        role: desk.mandate().role().title(),
        reach: super::reach_in_words(&app, &desk).await?,
        has_password: own.login.password_hash.is_some(),
        by_provider: desk.seat.session.kind == LoginKind::Provider,
        recovery_codes: own.recovery_codes,
        sessions: sessions.collect(),
        token: own.token.map(|token| ShownToken {
            made: wording::format_time(token.made),
            expires: token.expires.map(wording::format_time),
            is_expired: token.expires.is_some_and(|expires| expires <= now),
            last_used: token.last_used.map(wording::format_time),
        }),
        token_hours: token_seconds(&app) / 3600,
    };
    Ok(desk.page(&app, Section::You, &shown))
}

fn token_seconds(app: &App) -> u64 {
    app.config.console.token_seconds
}

/// `POST /console/you/sessions/end`
async fn end_session(sent: Submitted, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let (id, wanted, alive, work) =
        (desk.id().to_owned(), form.field("session").to_owned(), seat::alive(&app), app.clone());
    desk.write(&app, move |tx| {
        operator_logins::end_session(tx, &id, |fingerprint| name_of(&work, fingerprint) == wanted, alive)
    })
    .await?;
    Ok(desk.done(&app, HERE, "That browser is logged out."))
}

fn password_form(
    app: &App,
    desk: &Desk,
    address: &str,
    wrong: Option<Refusal>,
    problem: Option<Refusal>,
    status: StatusCode,
) -> HttpResponse {
    let said = |refusal: Option<Refusal>| refusal.map(|refusal| desk.browser.refused(refusal)).unwrap_or_default();
    let shown = PasswordPage { address: address.to_owned(), wrong: said(wrong), problem: said(problem) };
    desk.page_with(app, status, Section::You, &shown)
}

/// `GET /console/you/password`
async fn password(desk: Desk, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let own = own(&app, &desk).await?;
    Ok(match (own.login.password_hash, own.login.address) {
        (Some(_), Some(address)) => password_form(&app, &desk, &address, None, None, StatusCode::OK),
        _ => redirect(&format!("{}{HERE}", app.admin_url)),
    })
}

/// `POST /console/you/password`: the one they have is asked for, and guesses at it are counted as at the log-in. Other sessions end.
async fn change_password(sent: Submitted, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let own = own(&app, &desk).await?;
    let Some(address) = own.login.address.clone().filter(|_| own.login.password_hash.is_some()) else {
        return Ok(redirect(&format!("{}{HERE}", app.admin_url)));
    };
    let password = SecretText::new(form.field("password"));
    if let Some(problem) = operator_logins::refusal(&address, desk.name(), password.reveal(), form.field("again")) {
        let problem = Refusal::new(OwnCode::PasswordUnsuitable, problem);
        return Ok(password_form(&app, &desk, &address, None, Some(problem), StatusCode::BAD_REQUEST));
    }
    let browser = &desk.browser;
    let attempt = Attempt { address: address.clone(), device: browser.device.clone(), source: browser.source.clone() };
    if let Err(Refused { refusal, retry_after }) = prove(&app, &attempt, form.field("current")).await? {
        let (refusal, status) = match retry_after {
            Some(_) => (refusal, StatusCode::TOO_MANY_REQUESTS),
            None => {
                let wrong = "That is not the password that you have now.";
                (Refusal::new(OwnCode::PasswordWrong, wrong), StatusCode::UNAUTHORIZED)
            }
        };
        return Ok(password_form(&app, &desk, &address, Some(refusal), None, status));
    }
    let payer = super::welcome::payer_of(browser);
    let hash = app.passwords.hash(payer, password).await?;
    let (login, fingerprint) = (own.login, desk.seat.fingerprint.clone());
    desk.write(&app, move |tx| operator_logins::set_password(tx, &login, &hash, fingerprint.as_bytes())).await?;
    Ok(desk.done(&app, HERE, "Your password is changed. Every other browser is logged out."))
}

/// Where a log-in that is not fresh is made anew, for what a thief of a session must not do.
fn log_in_again(app: &App) -> HttpResponse {
    redirect(&format!("{}/console/login?again=yes&next={HERE}", app.admin_url))
}

fn is_fresh(app: &App, desk: &Desk) -> bool {
    app.clock.now() - desk.seat.session.auth_time <= FRESH
}

fn app_form(app: &App, desk: &Desk, set_up: Option<SetUp>, problem: Option<Refusal>) -> HttpResponse {
    let status = if problem.is_some() { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
    let problem = problem.map(|refusal| desk.browser.refused(refusal)).unwrap_or_default();
    desk.page_with(app, status, Section::You, &AppPage { set_up, problem })
}

/// `GET /console/you/app`
async fn app_page(desk: Desk, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let own = own(&app, &desk).await?;
    Ok(match own.recovery_codes {
        Some(_) => app_form(&app, &desk, None, None),
        None => redirect(&format!("{}{HERE}", app.admin_url)),
    })
}

/// `POST /console/you/app`
async fn begin_app(sent: Submitted, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, .. } = sent;
    if !is_fresh(&app, &desk) {
        return Ok(log_in_again(&app));
    }
    let own = own(&app, &desk).await?;
    let (keys, holder, shown_to, now) =
        (app.keys.clone(), operator_logins::holder(&own.login), desk.session_token().to_owned(), app.clock.now());
    desk.write(&app, move |tx| second_factor::begin(tx, &keys, &holder, &shown_to, now)).await?;
    match set_up(&app, operator_logins::holder(&own.login)).await? {
        Some(set_up) => Ok(app_form(&app, &desk, Some(set_up), None)),
        None => Ok(redirect(&format!("{}{HERE}", app.admin_url))),
    }
}

/// Why a code was not accepted.
fn refusal(outcome: &Outcome) -> Option<Refusal> {
    match outcome {
        Outcome::Wrong => Some(Refusal::new(
            OwnCode::SecondFactorWrong,
            "Incorrect code. Type the code that the app shows now, and check the telephone's clock.",
        )),
        Outcome::Wait(_) => {
            Some(Refusal::new(OwnCode::SecondFactorThrottled, "There were too many wrong codes. Wait a little."))
        }
        Outcome::Confirmed(_) | Outcome::Accepted | Outcome::Recovered | Outcome::Gone => None,
    }
}

/// `POST /console/you/app/confirm`
async fn confirm_app(sent: Submitted, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    if !is_fresh(&app, &desk) {
        return Ok(log_in_again(&app));
    }
    let holder = operator_logins::holder(&own(&app, &desk).await?.login);
    let (keys, of, code, now) = (app.keys.clone(), holder.clone(), form.field("code").to_owned(), app.clock.now());
    let outcome = desk.write(&app, move |tx| second_factor::confirm(tx, &keys, &of, &code, now)).await?;
    if let Some(refusal) = refusal(&outcome) {
        let set_up = set_up(&app, holder).await?;
        return Ok(app_form(&app, &desk, set_up, Some(refusal)));
    }
    match outcome {
        Outcome::Confirmed(codes) => Ok(recovery_codes(&app, codes, &format!("{}{HERE}", app.admin_url), None)),
        _ => Ok(redirect(&format!("{}{HERE}", app.admin_url))),
    }
}

/// `POST /console/you/app/remove`: a code of the app shows that it is theirs.
async fn remove_app(sent: Submitted, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let holder = operator_logins::holder(&own(&app, &desk).await?.login);
    let (keys, code, now) = (app.keys.clone(), form.field("code").to_owned(), app.clock.now());
    let outcome = desk.write(&app, move |tx| second_factor::remove(tx, &keys, &holder, &code, now)).await?;
    match refusal(&outcome) {
        Some(refusal) => Ok(app_form(&app, &desk, None, Some(refusal))),
        None => {
            let said = match app.config.console.second_factor {
                true => "Your authenticator app is removed. Set up another one now, or when you next log in.",
                false => "Your authenticator app is removed.",
            };
            Ok(desk.done(&app, HERE, said))
        }
    }
}

/// `POST /console/you/token`
async fn make_token(sent: Submitted, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, .. } = sent;
    let form = desk.sent();
    let token = form.drawn(oauth::Prefix::Operator).secret.reveal().to_owned();
    let (id, fingerprint) = (desk.id().to_owned(), app.keys.fingerprint(&token));
    let expires = app.clock.now() + token_seconds(&app) as i64 * 1000;
    desk.write(&app, move |tx| {
        sent_form::once(
            tx,
            &form,
            |tx| operator_logins::replace_token(tx, &id, fingerprint.as_bytes(), expires),
            |tx| operator_logins::token_again(tx, &id, fingerprint.as_bytes()),
        )
    })
    .await?;
    let shown = TokenPage { token, until: wording::format_time(expires) };
    Ok(desk.page(&app, Section::You, &shown))
}

/// `POST /console/you/token/end`
async fn end_token(sent: Submitted, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, .. } = sent;
    let (id, mandate) = (desk.id().to_owned(), desk.mandate().clone());
    desk.write(&app, move |tx| operator_logins::end_token(tx, &mandate, &id, &id)).await?;
    Ok(desk.done(&app, HERE, "Your token is ended."))
}
