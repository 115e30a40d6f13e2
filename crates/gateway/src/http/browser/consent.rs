//! Accepting access, or not.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use oauth::Subject;
use oauth::authorize::AuthorizationRequest;
use oauth::consent::{self, Acceptance};
use scim::schema::USER;
use scim::{Id, Store};

use super::authorize::{open, redirect};
use super::cookies::Browser;
use super::failure::PageFailure;
use super::form::Form;
use super::login;
use super::pages::{ConsentPage, page};
use crate::app::App;
use crate::http::{address, query};
use crate::lifecycle::Actor;
use crate::storage::sessions::Session;
use crate::storage::{Cost, Tx};
use crate::system;

/// The person who is asked.
#[derive(Debug)]
struct Person {
    account: String,
    name: String,
    role: Option<String>,
    service_account: bool,
    provisioned: bool,
}

impl Person {
    /// `None` if they are gone, or if the client belongs to another account.
    fn find(
        app: &App,
        tx: &mut Tx<'_>,
        asked: &AuthorizationRequest,
        session: &Session,
    ) -> Result<Option<Person>, PageFailure> {
        let of_client = tx.account_of_client(&asked.client)?;
        if of_client.is_some_and(|account| account.seq != session.account) {
            return Ok(None);
        }
        let (Some(account), Some(id)) = (tx.account_at(session.account)?, Id::new(session.owner_id.clone())) else {
            return Ok(None);
        };
        let mut store = tx.in_account(account.seq, system::now(), false);
        let Some(user) = store.get(USER, &id)?.filter(|user| user.resource.is_active()) else {
            return Ok(None);
        };
        let provisioned = store.is_provisioned(user.handle)?;
        let text =
            |name: &str| user.resource.attributes().get(name).and_then(|value| value.as_str()).map(str::to_owned);
        Ok(Some(Person {
            account: account.name,
            name: text("userName").unwrap_or_else(|| user.resource.display().to_owned()),
            role: text(&app.config.consent_role_attribute),
            service_account: tx.is_service_account(user.handle.0)?,
            provisioned,
        }))
    }

    fn may_accept(&self, app: &App) -> bool {
        self.role.as_ref().is_some_and(|role| app.config.consent_roles.contains(role))
    }
}

/// The consent page, for somebody who is logged in.
pub(super) async fn page_for(
    app: &App,
    browser: &Browser,
    asked: &AuthorizationRequest,
    session: &Session,
) -> Result<HttpResponse, PageFailure> {
    let (work, asking, logged_in) = (app.clone(), asked.clone(), session.clone());
    let person = app.db.read(Cost::Short, move |tx| Person::find(&work, tx, &asking, &logged_in)).await?;
    let Some(person) = person else {
        let problem = "You are logged in to another account than the one this connection is for.";
        return login::page_for(app, browser, asked, "", Some(problem), StatusCode::OK).await;
    };
    let shown = ConsentPage {
        client: asked.client_name.clone(),
        destination: asked.redirect_uri.origin(),
        account: person.account.clone(),
        may_accept: person.may_accept(app),
        user: person.name,
        role: person.role.unwrap_or_else(|| "none".to_owned()),
        needed_roles: app.config.consent_roles.join(" or "),
        service_account: person.service_account,
        provisioned: person.provisioned,
        sentences: sentences(asked),
        idle_days: app.config.oauth.refresh_idle_seconds / 86_400,
        request: app.oauth(|cx| asked.seal(cx)),
        csrf: browser.csrf(app),
    };
    let mut answer = page(StatusCode::OK, &shown);
    if let Some(cookie) = browser.introduction(app) {
        let _ = answer.add_cookie(&cookie);
    }
    Ok(answer)
}

/// What the scopes mean, in words.
fn sentences(asked: &AuthorizationRequest) -> Vec<&'static str> {
    let mut sentences = Vec::new();
    if asked.scope.contains("provision:scim") {
        sentences.push("read, create, change, deactivate and delete every user and group");
        sentences.push("set users' roles and product environments");
    }
    if asked.scope.contains("offline") || asked.scope.contains("offline_access") {
        sentences.push("do so at any time, without asking again");
    }
    if asked.scope.contains("openid") {
        sentences.push("learn who accepted");
    }
    sentences
}

/// `GET /oauth2/consent?request=…`
pub(super) async fn show(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let pairs = query::pairs(request.query_string()).map_err(|_| PageFailure::StaleForm)?;
    let sealed = pairs.iter().find(|(name, _)| name == "request").map_or("", |(_, value)| value);
    let asked = open(&app, sealed)?;
    let browser = Browser::of(&request, &app);
    match browser.session(&app).await? {
        Some(session) => page_for(&app, &browser, &asked, &session).await,
        None => login::page_for(&app, &browser, &asked, "", None, StatusCode::OK).await,
    }
}

/// `POST /oauth2/consent`
pub(super) async fn decide(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (form, browser, asked) = Form::ours(&request, &app, payload).await?;
    let Some(session) = browser.session(&app).await? else {
        return login::page_for(&app, &browser, &asked, "", None, StatusCode::OK).await;
    };
    if form.field("decision") != "accept" {
        return Ok(redirect(&app.oauth(|cx| consent::deny(cx, &asked))));
    }
    let from = address::of(&request, &app.config.trusted_proxies);
    let (work, asking, person) = (app.clone(), asked.clone(), session.clone());
    let accepted = app
        .db
        .write(move |tx| {
            let Some(found) = Person::find(&work, tx, &asking, &person)?.filter(|found| found.may_accept(&work)) else {
                return Ok(None);
            };
            tx.act_as(Actor { name: format!("user:{}", found.name), address: from.clone() });
            let subject = Subject::new(person.owner_id.clone());
            match work.oauth(|cx| consent::accept(tx, cx, &asking, &subject, person.auth_time))? {
                Acceptance::Redirect(url) => Ok(Some(url)),
                // An error undoes the unit of work, and with it the grant that was made a moment ago.
                Acceptance::AlreadyUsed => Err(PageFailure::AlreadyAnswered),
            }
        })
        .await?;
    match accepted {
        Some(url) => Ok(redirect(&url)),
        // Their role changed between the page and the button.
        None => page_for(&app, &browser, &asked, &session).await,
    }
}
