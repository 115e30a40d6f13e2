//! Operators log in at the console and out again: by password and authenticator app, or at the vendor's OpenID provider.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use scim::resource::user_name::trimmed;

use super::{Submitted, seat};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::request::{OwnCode, Refusal};
use crate::domain::throttle::retry_after;
use crate::domain::wording;
use crate::http::edge::audience::Audience;
use crate::http::edge::endpoints::{Endpoint, pages};
use crate::http::edge::query;
use crate::http::pages::cookies::Browser;
use crate::http::pages::device;
use crate::http::pages::failure::PageFailure;
use crate::http::pages::form::Form;
use crate::http::pages::login::FormMessage;
use crate::http::pages::login::provider::{operators_callback_url, start};
use crate::http::pages::login::second_factor::{begin, recovery_codes, set_up};
use crate::http::pages::login::steps;
use crate::http::pages::respond::redirect;
use crate::http::pages::templates::{SecondFactorPage, filters, not_found, page};
use crate::platform::openid_client::{AuthRequestOptions, Pending};
use crate::platform::outbound::Calls;
use crate::platform::system;
use crate::services::second_factor::{self, Outcome, Typed, session_secret};
use crate::services::sign_in::operator::password::{self, Attempt};
use crate::services::sign_in::operator::{self, AuthenticatedOperator};
use crate::services::sign_in::pending::Purpose;
use crate::services::sign_in::upstream::not_logged_in;
use crate::services::sign_in::{Asks, Refused, carried};
use crate::storage::{DbError, ReadCost, Tx};

pub(super) static ENDPOINTS: &[Endpoint] = pages![
    GET "/console/login" Audience::Anyone => show, "Asks who the operator is.";
    POST "/console/login" Audience::Anyone => submit, "Logs an operator in by password.";
    POST "/console/login/second-factor" Audience::Anyone => second_factor, "Takes the code of an operator's authenticator app after the password.";
    POST "/console/login/provider" Audience::Anyone => provider, "Sends an operator to the vendor's OpenID provider.";
    POST "/console/logout" Audience::Operator => log_out, "Logs an operator out.";
];

const WRONG: &str = "Incorrect code, or it was used already. Wait for the next code and type it.";

/// Where a log-in leads: a page of the console, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Next(String);

impl Next {
    const LONGEST: usize = 2000;

    /// Where the console begins.
    pub(super) fn home() -> Next {
        Next("/console".to_owned())
    }

    pub(super) fn read(text: &str) -> Next {
        let below = text.strip_prefix("/console").filter(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
        let is_plain = text.len() <= Next::LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        let leads_back = text.starts_with("/console/login") || text.starts_with("/console/logout");
        match below.is_some() && is_plain && !leads_back {
            true => Next(text.to_owned()),
            false => Next::home(),
        }
    }

    fn url(&self, app: &App) -> String {
        format!("{}{}", app.admin_url, self.0)
    }
}

/// Where operators log in.
#[derive(Debug, Template)]
#[template(path = "console/login.html")]
struct LoginPage {
    problem: Option<String>,
    /// The host of the vendor's OpenID provider.
    provider: Option<String>,
    username: String,
    next: String,
    csrf: String,
}

fn page_for(app: &App, browser: &Browser, next: &Next, said: FormMessage) -> HttpResponse {
    let host = |issuer: &str| {
        let rest = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
        rest.split('/').next().unwrap_or(rest).to_owned()
    };
    let shown = LoginPage {
        problem: said.problem.map(|refusal| browser.refused(refusal)),
        provider: app.config.operator_sign_in.as_ref().map(|configured| host(&configured.issuer)),
        username: wording::strip_invisible(&said.username).chars().take(200).collect(),
        next: next.0.clone(),
        csrf: browser.csrf(app),
    };
    let mut answer = page(app, said.status, &shown);
    browser.introduce(app, &mut answer);
    if let Some(seconds) = said.retry_after {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    answer
}

/// `GET /console/login?next=…`
async fn show(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let pairs = query::pairs(request.query_string()).map_err(|_| PageFailure::StaleForm)?;
    let parameter = |name: &str| pairs.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value);
    let next = Next::read(parameter("next"));
    let browser = Browser::of(&request, &app);
    Ok(match seat::find(&app, &browser).await? {
        // Once more, for what asks for a fresh log-in.
        Some(seat) if parameter("again") == "yes" => {
            let username = seat.operator.address.unwrap_or_default();
            page_for(&app, &browser, &next, FormMessage { username, ..FormMessage::default() })
        }
        Some(_) => redirect(&next.url(&app)),
        None => page_for(&app, &browser, &next, FormMessage::default()),
    })
}

/// `POST /console/login`
async fn submit(request: HttpRequest, app: web::Data<App>, payload: web::Payload) -> Result<HttpResponse, PageFailure> {
    let (form, browser) = Form::ours(&request, &app, payload).await?;
    let next = Next::read(form.field("next"));
    let attempt = Attempt {
        address: trimmed(form.field("username")).to_owned(),
        device: browser.device.clone(),
        source: browser.source.clone(),
    };
    let operator = match prove(&app, &attempt, form.field("password")).await? {
        Ok(operator) => operator,
        Err(Refused { refusal, retry_after }) => {
            let status = match retry_after {
                Some(_) => StatusCode::TOO_MANY_REQUESTS,
                None => StatusCode::UNAUTHORIZED,
            };
            let said = FormMessage { username: attempt.address, retry_after, ..FormMessage::problem(refusal, status) };
            return Ok(page_for(&app, &browser, &next, said));
        }
    };
    go_on(&app, &browser, &next, operator, form.field("csrf")).await
}

/// After the password: what is asked for beside it, or the way in. The text tells this form from others of the browser.
pub(super) async fn go_on(
    app: &App,
    browser: &Browser,
    next: &Next,
    operator: AuthenticatedOperator,
    form: &str,
) -> Result<HttpResponse, PageFailure> {
    let (proven, required) = (operator.clone(), app.config.console.second_factor);
    match app.db.read(ReadCost::Point, move |tx| operator::further(tx, &proven, required)).await? {
        Some(asks) => {
            if asks == Asks::SetUp {
                begin(app, browser, operator.holder()).await?;
            }
            let said = FormMessage { status: StatusCode::OK, ..FormMessage::default() };
            ask(app, browser, next, &operator, said).await
        }
        None => {
            let secret = seat::secret_of_form(app, browser, &operator, form);
            enter(app, browser, next, &operator, secret).await
        }
    }
}

/// Who an operator is, by address and password.
pub(super) async fn prove(
    app: &App,
    attempt: &Attempt,
    typed: &str,
) -> Result<Result<AuthenticatedOperator, Refused>, PageFailure> {
    let (keys, tried, from) = (app.keys.clone(), attempt.clone(), attempt.source.clone());
    let who = move |tx: &mut Tx<'_>, now| password::who(tx, &keys, &tried, now);
    steps::prove(app, typed, who, move |verified, tx, now| verified.prove(tx, from.clone(), now)).await
}

/// The last step: a session, and on to the page that was asked for.
async fn enter(
    app: &App,
    browser: &Browser,
    next: &Next,
    operator: &AuthenticatedOperator,
    secret: String,
) -> Result<HttpResponse, PageFailure> {
    let derived = seat::beginning(app, browser, operator, secret);
    let fresh = seat::beginning(app, browser, operator, oauth::generated(oauth::Prefix::Session, &mut system::fill));
    let alive = seat::alive(app);
    let cookies = [seat::cookie_of(app, &derived), seat::cookie_of(app, &fresh)];
    let joined = app.db.write(move |tx| match derived.begin_or_join(tx, alive)? {
        true => Ok::<_, DbError>(true),
        false => fresh.begin(tx).map(|_| false),
    });
    let [derived, fresh] = cookies;
    let cookie = if joined.await? { derived } else { fresh };
    let mut answer = inside(app, browser, next, operator);
    let _ = answer.add_cookie(&cookie);
    Ok(answer)
}

/// The way in, without its session.
fn inside(app: &App, browser: &Browser, next: &Next, operator: &AuthenticatedOperator) -> HttpResponse {
    let mut answer = redirect(&next.url(app));
    let _ = answer.add_cookie(&device::after_log_in(browser.device.as_ref(), app, operator.id(), operator.at()));
    answer
}

/// The page after the password.
async fn ask(
    app: &App,
    browser: &Browser,
    next: &Next,
    operator: &AuthenticatedOperator,
    said: FormMessage,
) -> Result<HttpResponse, PageFailure> {
    let set_up = set_up(app, operator.holder()).await?;
    let shown = SecondFactorPage {
        action: "/console/login/second-factor",
        removes: false,
        problem: said.problem.map(|refusal| browser.refused(refusal)).unwrap_or_default(),
        request: next.0.clone(),
        proven: carried::seal(&app.keys, operator, browser.csrf(app), set_up.is_some()),
        set_up,
        csrf: browser.csrf(app),
    };
    let mut answer = page(app, said.status, &shown);
    if let Some(seconds) = said.retry_after {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    Ok(answer)
}

/// `POST /console/login/second-factor`
async fn second_factor(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (form, browser) = Form::ours(&request, &app, payload).await?;
    let next = Next::read(form.field("request"));
    let (alive, sealed) = (seat::alive(&app), form.field("proven"));
    let opened = carried::open::<AuthenticatedOperator>(&app.keys, sealed, |to| browser.sent(&app, to), alive.now);
    let (operator, sets_up) = opened.ok_or(PageFailure::StaleForm)?;
    let typed = Typed { code: form.field("code").to_owned(), sets_up };
    let secret = session_secret(&app.keys, sealed, &typed.code);
    let session = seat::beginning(&app, &browser, &operator, secret);
    let cookie = seat::cookie_of(&app, &session);
    let (keys, holder, from) = (app.keys.clone(), operator.holder(), browser.source.clone());
    let (actor, id) = (operator.actor(), operator.id().to_owned());
    let outcome = app.db.write(move |tx| {
        tx.act_as(actor.clone().at(from.clone()));
        // One who was ended meanwhile comes no further.
        match tx.operator_login(&id)? {
            Some(_) => second_factor::log_in(tx, &keys, &holder, &typed, &session, alive),
            None => Ok(Outcome::Gone),
        }
    });
    let entered = || {
        let mut answer = inside(&app, &browser, &next, &operator);
        let _ = answer.add_cookie(&cookie);
        answer
    };
    match outcome.await? {
        Outcome::Accepted | Outcome::Recovered => Ok(entered()),
        Outcome::Confirmed(codes) => Ok(recovery_codes(&app, codes, &next.url(&app), Some(&entered()))),
        Outcome::Wrong => {
            let said = FormMessage::problem(Refusal::new(OwnCode::SecondFactorWrong, WRONG), StatusCode::UNAUTHORIZED);
            ask(&app, &browser, &next, &operator, said).await
        }
        Outcome::Wait(until) => {
            let seconds = retry_after(until, alive.now);
            let problem = format!("There were too many wrong codes. Wait {} and try again.", wording::wait(seconds));
            let refusal = Refusal::new(OwnCode::SecondFactorThrottled, problem);
            let said = FormMessage::problem(refusal, StatusCode::TOO_MANY_REQUESTS);
            let said = FormMessage { retry_after: Some(seconds), ..said };
            ask(&app, &browser, &next, &operator, said).await
        }
        Outcome::Gone => {
            let taken_away = "Your authenticator app was taken away meanwhile. Log in again.";
            let refusal = Refusal::new(OwnCode::SecondFactorGone, taken_away);
            Ok(page_for(&app, &browser, &next, FormMessage::problem(refusal, StatusCode::UNAUTHORIZED)))
        }
    }
}

/// `POST /console/login/provider`
async fn provider(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (form, browser) = Form::ours(&request, &app, payload).await?;
    let Some(configured) = &app.config.operator_sign_in else { return Ok(not_found(request, app.clone()).await) };
    let next = Next::read(form.field("next"));
    let provider = operator::provider(configured, &operators_callback_url(&app));
    let options = AuthRequestOptions { login: true, ..AuthRequestOptions::default() };
    match start(&app, &browser, &provider, Purpose::Operator { next: next.0.clone() }, options).await? {
        Ok(answer) => Ok(answer),
        Err(problem) => Ok(page_for(&app, &browser, &next, FormMessage::problem(problem, StatusCode::BAD_GATEWAY))),
    }
}

/// Back from the provider: a session for an operator who is on the list.
pub(in crate::http::pages) async fn came_back(
    app: &App,
    browser: &Browser,
    code: Result<&str, Refusal>,
    next: &str,
    pending: &Pending,
) -> Result<HttpResponse, PageFailure> {
    let next = Next::read(next);
    let refused =
        |problem: Refusal| Ok(page_for(app, browser, &next, FormMessage::problem(problem, StatusCode::UNAUTHORIZED)));
    let Some(configured) = app.config.operator_sign_in.clone() else {
        return refused(Refusal::new(OwnCode::OperatorSignInOff, "Operators do not log in at a provider any more."));
    };
    let code = match code {
        Ok(code) => code,
        Err(problem) => return refused(problem),
    };
    let calls = Calls::default();
    let send = app.outbound.relying_party(&calls);
    let provider = operator::provider(&configured, &operators_callback_url(app));
    let identified = app.providers.finish(&provider, pending, code, &send).await;
    browser.notes.take_down().called(calls.take());
    let identity = match identified {
        Ok(identity) => identity,
        Err(error) => {
            tracing::warn!(%error, "an operator could not log in");
            return refused(not_logged_in(&error));
        }
    };
    let (now, from) = (app.clock.now(), browser.source.clone());
    let admitted = operator::admitted(&configured, &identity);
    let entered = app.db.write(move |tx| match &admitted {
        Ok((address, role)) => operator::sign_in(tx, &configured, &identity, (address, *role), from.clone()),
        Err(problem) => {
            tx.act_as(Actor::Browser.at(from.clone()));
            operator::refused(tx, &identity, now);
            Ok(Err(problem.clone()))
        }
    });
    match entered.await? {
        Ok(operator) => {
            let secret = oauth::generated(oauth::Prefix::Session, &mut system::fill);
            enter(app, browser, &next, &operator, secret).await
        }
        Err(problem) => refused(problem),
    }
}

/// `POST /console/logout`
async fn log_out(sent: Submitted, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    seat::end(&app, &sent.desk.browser, &sent.desk.seat).await?;
    let mut answer = redirect(&format!("{}/console/login", app.admin_url));
    let _ = answer.add_cookie(&seat::no_cookie(&app));
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::Next;

    #[test]
    fn a_log_in_leads_to_pages_of_the_console_only() {
        for ours in
            ["/console", "/console/accounts/0198?tab=users", "/console?q=acme", "/console/audit?from=2026-11-01"]
        {
            assert_eq!(Next::read(ours).0, ours);
        }
        let long = format!("/console/{}", "x".repeat(Next::LONGEST));
        for other in [
            "",
            "/",
            "/account",
            "/consoles",
            "/console.evil.example",
            "//evil.example/console",
            "https://evil.example/console",
            "/console\\evil",
            "/console/\r\nSet-Cookie: x=y",
            "/console/login?next=/console",
            "/console/logout",
            &long,
        ] {
            assert_eq!(Next::read(other).0, "/console", "{other:?}");
        }
    }
}
