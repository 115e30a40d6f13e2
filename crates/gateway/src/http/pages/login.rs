//! Logging in, step by step. Each step has a type of its own, and the next can be had from nothing else:
//!
//! ```text
//! who are you ──▶ Claim ──proof──▶ Proven ──further proof──▶ finish ──▶ a session, and back to the errand
//! ```
//!
//! `steps` has the steps. `provider` is another way to prove who one is, and makes a [`AuthenticatedUser`]; `second_factor` is the
//! further proof that [`steps::further`] may ask for.

use actix_web::cookie::Cookie;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use scim::resource::user_name::trimmed;

use super::cookies::Browser;
use super::device::Device;
use super::failure::PageFailure;
use super::form::Form;
use super::intent::{LoginIntent, open};
use super::respond::redirect;
use super::templates::{LoginPage, page};
use crate::app::App;
use crate::domain::account::Account;
use crate::domain::wording;
use crate::http::edge::query;
use crate::services::consent;
use crate::storage::ReadCost;
use crate::storage::sessions::Session;

pub(super) mod callback;
pub(super) mod provider;
pub(super) mod second_factor;
mod steps;

use steps::{AuthenticatedUser, Next, Refused, Typed};

/// What the page says beside asking.
#[derive(Debug, Default)]
pub(super) struct FormMessage {
    /// What stands in the field already.
    pub(super) username: String,
    /// The account they named.
    pub(super) account: String,
    /// What went wrong.
    pub(super) problem: Option<String>,
    /// What is good to know.
    pub(super) note: Option<String>,
    pub(super) status: StatusCode,
    /// In so many seconds it may be tried again.
    pub(super) retry_after: Option<i64>,
}

impl FormMessage {
    pub(super) fn problem(problem: &str, status: StatusCode) -> FormMessage {
        FormMessage { problem: Some(problem.to_owned()), status, ..FormMessage::default() }
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
    let shown = LoginPage {
        client: intent.asked().map(|asked| wording::strip_invisible(&asked.client_name)),
        provisions: intent.asked().is_some_and(consent::provisions),
        asks_for_account: account.is_none(),
        named_account: wording::strip_invisible(&said.account).chars().take(200).collect(),
        account: account.map(|account| wording::strip_invisible(&account.name)),
        problem: said.problem,
        note: said.note,
        request: intent.seal(app),
        csrf: browser.csrf(app),
        username: wording::strip_invisible(&username).chars().take(200).collect(),
        passwords_for_services: !sign_in.allows_password(false),
        provider: sign_in.provider.map(|provider| wording::strip_invisible(&provider.name)),
    };
    let mut answer = page(app, said.status, &shown);
    browser.introduce(app, &mut answer);
    if let Some(seconds) = said.retry_after {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    Ok(answer)
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
    let intent = LoginIntent::open(&app, sealed)?;
    page_for(&app, &Browser::of(&request, &app), &intent, FormMessage::default()).await
}

/// `POST /login`
pub(super) async fn submit(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (form, browser) = Form::ours(&request, &app, payload).await?;
    let intent = LoginIntent::open(&app, form.field("request"))?;
    let (username, account) = (trimmed(form.field("username")), trimmed(form.field("account")));
    let typed = Typed { username: username.to_owned(), account: account.to_owned() };
    let outcome = match steps::who(&app, &browser, &intent, &typed).await? {
        Ok(claim) => steps::password(&app, &browser, claim, form.field("password")).await?,
        Err(refused) => Err(refused),
    };
    match outcome {
        Ok(proven) => match steps::further(&app, proven).await? {
            Next::Finish(proven) => {
                let session = session_of(&intent, &proven);
                let cookie = browser.log_in_by_form(&app, session, form.field("request")).await?;
                Ok(logged_in(&app, &browser, &intent, &proven, &cookie))
            }
            Next::SecondFactor(proven, asks) => second_factor::ask(&app, &browser, &intent, proven, asks).await,
        },
        Err(Refused { problem, retry_after }) => {
            let status = match retry_after {
                Some(_) => StatusCode::TOO_MANY_REQUESTS,
                None => StatusCode::UNAUTHORIZED,
            };
            let Typed { username, account } = typed;
            let said = FormMessage { username, account, problem: Some(problem), retry_after, status, note: None };
            page_for(&app, &browser, &intent, said).await
        }
    }
}

/// The last step: a session under a new secret, and back to what they came for.
pub(super) async fn finish(
    app: &App,
    browser: &Browser,
    intent: &LoginIntent,
    proven: AuthenticatedUser,
) -> Result<HttpResponse, PageFailure> {
    let cookie = browser.log_in(app, session_of(intent, &proven)).await?;
    Ok(logged_in(app, browser, intent, &proven, &cookie))
}

fn session_of(intent: &LoginIntent, proven: &AuthenticatedUser) -> Session {
    Session {
        account: proven.account,
        owner: proven.resource,
        owner_id: proven.id.clone(),
        // Replicas' clocks differ: a log-in for a request is never older than the request.
        auth_time: proven.at.max(intent.asked().map_or(0, |asked| asked.issued)),
        last_seen: proven.at,
    }
}

/// The answer to who is logged in, by this cookie.
fn logged_in(
    app: &App,
    browser: &Browser,
    intent: &LoginIntent,
    proven: &AuthenticatedUser,
    cookie: &Cookie<'_>,
) -> HttpResponse {
    let device = Device::after_log_in(browser.device.as_ref(), app, &proven.id, proven.at);
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
    let asked = open(&app, form.field("request"))?;
    let cookie = browser.log_out(&app).await?;
    let sealed = LoginIntent::answer(&asked).seal(&app);
    let mut answer = redirect(&format!("{}/login?request={sealed}", app.public_url));
    let _ = answer.add_cookie(&cookie);
    Ok(answer)
}
