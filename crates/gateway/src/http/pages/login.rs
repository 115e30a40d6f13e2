//! Logging in: by password here, at an OpenID provider in `provider`; `second_factor` is what may be asked beside a password. The steps
//! are [`sign_in`]'s.

use actix_web::cookie::Cookie;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use scim::resource::user_name::trimmed;

use super::cookies::Browser;
use super::device;
use super::failure::PageFailure;
use super::form::Form;
use super::intent::{LoginIntent, open};
use super::respond::redirect;
use super::templates::{LoginPage, page};
use crate::app::App;
use crate::domain::account::Account;
use crate::domain::actor::Actor;
use crate::domain::request::Refusal;
use crate::domain::sign_in::SignIn;
use crate::domain::wording;
use crate::http::edge::query;
use crate::services::consent;
use crate::services::sign_in::password::{self, Attempt};
use crate::services::sign_in::{self, AuthenticatedUser, Refused};
use crate::storage::{ReadCost, Tx};

pub(super) mod callback;
pub(super) mod forgotten;
pub(super) mod provider;
pub(super) mod saml;
pub(super) mod second_factor;
pub(super) mod steps;

/// What the page says beside asking.
#[derive(Debug, Default)]
pub(super) struct FormMessage {
    /// What stands in the field already.
    pub(super) username: String,
    /// The account they named.
    pub(super) account: String,
    /// What went wrong.
    pub(super) problem: Option<Refusal>,
    /// What is good to know.
    pub(super) note: Option<String>,
    pub(super) status: StatusCode,
    /// In so many seconds it may be tried again.
    pub(super) retry_after: Option<i64>,
}

impl FormMessage {
    pub(super) fn problem(problem: Refusal, status: StatusCode) -> FormMessage {
        FormMessage { problem: Some(problem), status, ..FormMessage::default() }
    }
}

/// The login page.
pub(super) async fn page_for(
    app: &App,
    browser: &Browser,
    intent: &LoginIntent,
    said: FormMessage,
) -> Result<HttpResponse, PageFailure> {
    let account = account_of(app, intent).await?;
    let sign_in = account.as_ref().map(|account| account.options.sign_in.clone()).unwrap_or_default();
    let username = match (said.username, intent.asked().and_then(|asked| asked.login_hint.clone())) {
        (username, Some(hint)) if username.is_empty() => hint,
        (username, _) => username,
    };
    let provisions = intent.asked().is_some_and(consent::provisions);
    let shown = LoginPage {
        client: intent.asked().map(|asked| wording::strip_invisible(&asked.client_name)),
        destination: intent.asked().map(|asked| asked.redirect_uri.origin()),
        provisions,
        leads_to_provider: sign_in.provider_name().is_some() && !provisions,
        asks_for_account: account.is_none(),
        named_account: wording::strip_invisible(&said.account).chars().take(200).collect(),
        account: account.map(|account| wording::strip_invisible(&account.name)),
        problem: said.problem.map(|refusal| browser.refused(refusal)),
        note: said.note,
        request: intent.seal(app),
        csrf: browser.csrf(app),
        username: wording::strip_invisible(&username).chars().take(200).collect(),
        passwords_for_services: !sign_in.allows_password(false),
        providers: providers(&sign_in),
    };
    let mut answer = page(app, said.status, &shown);
    browser.introduce(app, &mut answer);
    if let Some(seconds) = said.retry_after {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    Ok(answer)
}

/// The providers that users of an account can log in at: where a button leads, and what it says.
fn providers(sign_in: &SignIn) -> Vec<(&'static str, String)> {
    let openid = sign_in.provider.as_ref().map(|provider| ("/login/provider", provider.name.as_str()));
    let saml = sign_in.saml.as_ref().map(|saml| ("/login/saml", saml.name.as_str()));
    openid.into_iter().chain(saml).map(|(path, name)| (path, wording::strip_invisible(name))).collect()
}

/// The account of the client that sent them, if it has one.
async fn account_of(app: &App, intent: &LoginIntent) -> Result<Option<Account>, PageFailure> {
    Ok(match intent.client().cloned() {
        Some(client) => app.db.read(ReadCost::Point, move |tx| tx.account_of_client(&client)).await?,
        None => None,
    })
}

/// `GET /login?request=…`
pub(super) async fn show(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let pairs = query::pairs(request.query_string()).map_err(|_| PageFailure::StaleForm)?;
    let sealed = pairs.iter().find(|(name, _)| name == "request").map_or("account", |(_, value)| value);
    let browser = Browser::of(&request, &app);
    let intent = LoginIntent::open(&app, &browser, sealed)?;
    page_for(&app, &browser, &intent, FormMessage::default()).await
}

/// `POST /login`
pub(super) async fn submit(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (form, browser) = Form::ours(&request, &app, payload).await?;
    let intent = LoginIntent::open(&app, &browser, form.field("request"))?;
    let attempt = Attempt {
        client: intent.client().cloned(),
        username: trimmed(form.field("username")).to_owned(),
        account: trimmed(form.field("account")).to_owned(),
        device: browser.device.clone(),
        source: browser.source.clone(),
    };
    let user = match prove(&app, &attempt, form.field("password")).await? {
        Ok(user) => user,
        Err(Refused { refusal, retry_after }) => {
            let status = match retry_after {
                Some(_) => StatusCode::TOO_MANY_REQUESTS,
                None => StatusCode::UNAUTHORIZED,
            };
            let Attempt { username, account, .. } = attempt;
            let said = FormMessage { username, account, problem: Some(refusal), retry_after, status, note: None };
            return page_for(&app, &browser, &intent, said).await;
        }
    };
    browser.notes.take_down().acts(user.account(), user.id());
    let proven = user.clone();
    match app.db.read(ReadCost::Point, move |tx| sign_in::further(tx, &proven)).await? {
        Some(asks) => second_factor::ask(&app, &browser, &intent, user, asks).await,
        None => {
            let session = user.session(intent.requested());
            let cookie = browser.log_in_by_form(&app, session, form.field("request")).await?;
            Ok(logged_in(&app, &browser, &intent, &user, &cookie))
        }
    }
}

/// Who a user is, by name and password.
async fn prove(app: &App, attempt: &Attempt, typed: &str) -> Result<Result<AuthenticatedUser, Refused>, PageFailure> {
    let (keys, tried, from) = (app.keys.clone(), attempt.clone(), attempt.source.clone());
    let who = move |tx: &mut Tx<'_>, now| password::who(tx, &keys, &tried, now);
    steps::prove(app, typed, who, move |verified, tx, now| {
        tx.act_as(Actor::Browser.at(from.clone()));
        verified.prove(tx, now)
    })
    .await
}

/// The last step: a session under a new secret, and back to what they came for.
pub(super) async fn finish(
    app: &App,
    browser: &Browser,
    intent: &LoginIntent,
    user: &AuthenticatedUser,
) -> Result<HttpResponse, PageFailure> {
    browser.notes.take_down().acts(user.account(), user.id());
    let cookie = browser.log_in(app, user.session(intent.requested())).await?;
    Ok(logged_in(app, browser, intent, user, &cookie))
}

/// The answer to a user who is logged in, by this cookie.
fn logged_in(
    app: &App,
    browser: &Browser,
    intent: &LoginIntent,
    user: &AuthenticatedUser,
    cookie: &Cookie<'_>,
) -> HttpResponse {
    let device = device::after_log_in(browser.device.as_ref(), app, user.id(), user.at());
    let mut answer = redirect(&intent.url(app));
    let _ = answer.add_cookie(cookie);
    let _ = answer.add_cookie(&device);
    answer
}

/// `POST /oauth2/switch`: not the right person; log in as another.
pub(super) async fn switch(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (form, browser) = Form::ours(&request, &app, payload).await?;
    let asked = open(&app, &browser, form.field("request"))?;
    let cookie = browser.log_out(&app).await?;
    let sealed = LoginIntent::answer(&asked).seal(&app);
    let mut answer = redirect(&format!("{}/login?request={sealed}", app.public_url));
    let _ = answer.add_cookie(&cookie);
    Ok(answer)
}
