//! Logging in.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use oauth::authorize::AuthorizationRequest;

use super::authorize::{open, redirect};
use super::cookies::Browser;
use super::failure::PageFailure;
use super::form::Form;
use super::pages::{LoginPage, page};
use crate::app::App;
use crate::http::{address, query};
use crate::lifecycle::Actor;
use crate::secret_text::SecretText;
use crate::storage::Cost;
use crate::storage::audit::Entry;
use crate::storage::sessions::Session;
use crate::system;

const WRONG: &str = "The user name or the password is not right.";

/// The login page, for a request that is understood.
pub(super) async fn page_for(
    app: &App,
    browser: &Browser,
    asked: &AuthorizationRequest,
    username: &str,
    problem: Option<&str>,
    status: StatusCode,
) -> Result<HttpResponse, PageFailure> {
    let client = asked.client.clone();
    let account = app.db.read(Cost::Short, move |tx| tx.account_of_client(&client)).await?;
    let username = match (username, &asked.login_hint) {
        ("", Some(hint)) => hint.as_str(),
        (username, _) => username,
    };
    let shown = LoginPage {
        client: asked.client_name.clone(),
        account: account.map(|account| account.name),
        problem: problem.map(str::to_owned),
        request: app.oauth(|cx| asked.seal(cx)),
        csrf: browser.csrf(app),
        username: username.chars().take(200).collect(),
    };
    let mut answer = page(status, &shown);
    if let Some(cookie) = browser.introduction(app) {
        let _ = answer.add_cookie(&cookie);
    }
    Ok(answer)
}

/// `GET /login?request=…`
pub(super) async fn show(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let pairs = query::pairs(request.query_string()).map_err(|_| PageFailure::StaleForm)?;
    let sealed = pairs.iter().find(|(name, _)| name == "request").map_or("", |(_, value)| value);
    let asked = open(&app, sealed)?;
    page_for(&app, &Browser::of(&request, &app), &asked, "", None, StatusCode::OK).await
}

/// `POST /login`
pub(super) async fn submit(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (form, browser, asked) = Form::ours(&request, &app, payload).await?;
    let username = form.field("username").trim();
    let from = address::of(&request, &app.config.trusted_proxies);
    let session = match who(&app, &asked, username, form.field("password"), from).await? {
        Ok(session) => session,
        Err(problem) => {
            return page_for(&app, &browser, &asked, username, Some(problem), StatusCode::UNAUTHORIZED).await;
        }
    };
    let cookie = browser.log_in(&app, session).await?;
    let sealed = app.oauth(|cx| asked.seal(cx));
    let mut answer = redirect(&format!("{}/oauth2/consent?request={sealed}", app.public_url));
    let _ = answer.add_cookie(&cookie);
    Ok(answer)
}

/// Who this is, or what to tell them. An unknown name takes as long as a wrong password and reads the same.
async fn who(
    app: &App,
    asked: &AuthorizationRequest,
    username: &str,
    password: &str,
    from: Option<String>,
) -> Result<Result<Session, &'static str>, PageFailure> {
    let key = scim::key_of_text(username);
    let client = asked.client.clone();
    let candidates = app
        .db
        .read(Cost::Short, move |tx| {
            let account = tx.account_of_client(&client)?;
            tx.logins_named(&key, account.map(|account| account.seq))
        })
        .await?;
    let hashes = candidates.iter().filter_map(|login| login.password_hash.clone()).collect();
    let verdicts = app.passwords.verify(SecretText::new(password), hashes).await.map_err(|_| PageFailure::Busy)?;
    let mut right = candidates.into_iter().zip(verdicts).filter(|(_, right)| *right).map(|(login, _)| login);
    let (found, another) = (right.next(), right.next());
    let now = system::now();
    let (action, target, account) = match &found {
        Some(login) => ("login.succeeded", Some(login.id.clone()), Some(login.account)),
        None => ("login.failed", None, None),
    };
    let entry = Entry { at: now, account, action: action.to_owned(), target, detail: None };
    app.db
        .write(move |tx| {
            tx.act_as(Actor { name: "browser".to_owned(), address: from.clone() });
            tx.audit(entry.clone())
        })
        .await?;
    Ok(match (found, another) {
        (Some(login), None) => {
            Ok(Session { account: login.account, owner: login.resource, owner_id: login.id, auth_time: now })
        }
        (Some(_), Some(_)) => {
            Err("This user name and password exist in more than one account. Ask for a client of your own account.")
        }
        (None, _) => Err(WRONG),
    })
}

/// `POST /oauth2/switch`: not the right person; log in as another.
pub(super) async fn switch(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (_, browser, asked) = Form::ours(&request, &app, payload).await?;
    let cookie = browser.log_out(&app).await?;
    let mut answer = redirect(&format!("{}/login?request={}", app.public_url, app.oauth(|cx| asked.seal(cx))));
    let _ = answer.add_cookie(&cookie);
    Ok(answer)
}
