//! Users go to the SAML provider of their account, and come back with a response, or begin there.
//!
//! The provider has the browser send the response as a form. Another site sends it, so no cookie comes along (`SameSite=Lax`), and who it
//! is cannot be told from the browser that began. What is proven therefore waits under a secret, to which the browser is sent on; that
//! request has the cookies. `RelayState` is not read: what a user logs in for is kept here.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use super::{FormMessage, finish, page_for};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::request::{OwnCode, Refusal};
use crate::domain::saml::addresses::Addresses;
use crate::domain::saml::metadata::ServiceProvider;
use crate::domain::saml::request::AuthnRequest;
use crate::domain::saml::response::{Envelope, decoded};
use crate::http::edge::query;
use crate::http::pages::cookies::Browser;
use crate::http::pages::failure::PageFailure;
use crate::http::pages::form::{self, Form};
use crate::http::pages::intent::LoginIntent;
use crate::http::pages::respond::redirect;
use crate::http::pages::templates::not_found;
use crate::platform::openid_client::random;
use crate::platform::system;
use crate::services::sign_in::request_key::{self, RequestKey};
use crate::services::sign_in::saml::{self, Arrived, NONE, PendingSaml, Saml};
use crate::storage::{DbError, ReadCost};

/// The most a form with a response may have, in bytes.
const LIMIT: usize = 384 << 10;

fn refused(refusal: Refusal) -> PageFailure {
    let Refusal { code, detail } = refusal;
    PageFailure::Refused { code, title: "You could not be logged in".to_owned(), detail }
}

fn missing() -> Refusal {
    Refusal::new(OwnCode::SamlMissing, NONE)
}

/// `POST /login/saml`
pub(in crate::http::pages) async fn begin(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (form, browser) = Form::ours(&request, &app, payload).await?;
    let intent = LoginIntent::open(&app, &browser, form.field("request"))?;
    let found = match super::account_of(&app, &intent).await? {
        Some(account) => app.db.read(ReadCost::Point, move |tx| Saml::of(tx, account.seq)).await?,
        None => None,
    };
    match found {
        Some(saml) => start(&app, &browser, &intent, &saml).await,
        None => {
            page_for(&app, &browser, &intent, FormMessage::problem(missing(), actix_web::http::StatusCode::OK)).await
        }
    }
}

/// `GET /saml/{account}/login`: to the user's own page, by way of their provider.
pub(in crate::http::pages) async fn enter(
    request: HttpRequest,
    app: web::Data<App>,
    account: web::Path<String>,
) -> Result<HttpResponse, PageFailure> {
    let browser = Browser::of(&request, &app);
    let id = account.into_inner();
    let found = app.db.read(ReadCost::Point, move |tx| Saml::of_id(tx, &id)).await?;
    let saml = found.ok_or_else(|| refused(missing()))?;
    start(&app, &browser, &LoginIntent::Account, &saml).await
}

/// Sends a browser to a provider.
async fn start(app: &App, browser: &Browser, intent: &LoginIntent, saml: &Saml) -> Result<HttpResponse, PageFailure> {
    // An ID begins with no digit (NCName).
    let (id, now) = (format!("_{}", random()), app.clock.now());
    let addresses = Addresses::of(&app.public_url, &saml.account.id);
    let (issuer, consumer) = match saml.configured.shared_addresses {
        true => (&addresses.shared_audience, &addresses.shared_consumer),
        false => (&addresses.audience, &addresses.consumer),
    };
    // There is no word for `max_age` in SAML: a request with it gets a new log-in.
    let fresh_since = intent.fresh_since();
    let request = AuthnRequest {
        id: &id,
        issuer,
        consumer,
        destination: &saml.configured.sso_url,
        issued: &system::rfc3339(now),
        force: fresh_since.is_some(),
    };
    let url = match saml.configured.sign_requests {
        true => {
            let key = request_key::ensure(&app.db, &app.keys, &app.public_url).await?;
            request.signed_url(|text| key.sign(text))
        }
        false => request.url(),
    };
    let url = url.ok_or_else(|| refused(missing()))?;
    let pending =
        PendingSaml { account: saml.account.seq, intent: intent.seal(app), browser: browser.csrf(app), fresh_since };
    let keys = app.keys.clone();
    app.db.write(move |tx| saml::keep(tx, &keys, &id, &pending, now)).await?;
    let mut answer = redirect(&url);
    browser.introduce(app, &mut answer);
    Ok(answer)
}

/// `POST /saml/{account}/consume`
pub(in crate::http::pages) async fn consume(
    request: HttpRequest,
    app: web::Data<App>,
    account: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let text = response_of(&app, payload).await?;
    arrive(&request, &app, Arrived::OfAccount(account.into_inner()), &text).await
}

/// `POST /saml/consume`
pub(in crate::http::pages) async fn consume_shared(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let text = response_of(&app, payload).await?;
    let issuer = Envelope::parse(&text).map_err(refused)?.claimed_issuer().map(str::to_owned);
    arrive(&request, &app, Arrived::Shared(issuer), &text).await
}

async fn response_of(app: &App, payload: web::Payload) -> Result<String, PageFailure> {
    let bytes = form::bytes(app, payload, LIMIT).await?;
    let pairs = query::lenient(&bytes);
    let field = pairs.iter().find(|(name, _)| name == "SAMLResponse").map_or("", |(_, value)| value.as_str());
    decoded(field).map_err(refused)
}

async fn arrive(
    request: &HttpRequest,
    app: &web::Data<App>,
    arrived: Arrived,
    text: &str,
) -> Result<HttpResponse, PageFailure> {
    let browser = Browser::of(request, app);
    let which = arrived.clone();
    let found = app.db.read(ReadCost::Point, move |tx| Saml::find(tx, &which)).await?;
    let saml = found.map_err(refused)?;
    browser.notes.take_down().is_of_account(saml.account.seq);
    let now = app.clock.now();
    let read = {
        let envelope = Envelope::parse(text).map_err(refused)?;
        saml.read(&envelope, &app.public_url, &arrived, now)
    };
    let (assertion, answered) = read.map_err(refused)?;
    let (work, from, secret) = (app.clone(), browser.source.clone(), random());
    let kept = secret.clone();
    let proven = app.db.write(move |tx| {
        tx.act_as(Actor::Browser.at(from.clone()));
        let provider = work.provider(&saml.account)?;
        let keys = &work.keys;
        let proven = work.scim(&provider, now, |cx| saml.prove(tx, cx, keys, &assertion, answered.as_deref()))?;
        if let Ok(ticket) = &proven {
            saml::issue(tx, keys, &kept, ticket, now)?;
        }
        Ok::<_, crate::services::error::ServiceError>(proven)
    });
    proven.await?.map_err(refused)?;
    Ok(redirect(&format!("{}/login/saml?ticket={secret}", app.public_url)))
}

/// `GET /login/saml?ticket=…`: the browser is back, with its cookies.
pub(in crate::http::pages) async fn enter_by_ticket(
    request: HttpRequest,
    app: web::Data<App>,
) -> Result<HttpResponse, PageFailure> {
    let pairs = query::pairs(request.query_string()).map_err(|_| PageFailure::StaleForm)?;
    let secret = pairs.into_iter().find(|(name, _)| name == "ticket").map(|(_, value)| value).unwrap_or_default();
    let browser = Browser::of(&request, &app);
    let (keys, now) = (app.keys.clone(), app.clock.now());
    let ticket = app.db.write(move |tx| saml::redeem(tx, &keys, &secret, now)).await?;
    let ticket = ticket.ok_or(PageFailure::StaleForm)?;
    let intent = match &ticket.begun {
        Some(begun) if browser.sent(&app, &begun.browser) => LoginIntent::open(&app, &browser, &begun.intent)?,
        Some(_) => return Err(PageFailure::StaleForm),
        None => LoginIntent::Account,
    };
    finish(&app, &browser, &intent, &ticket.user).await
}

/// `GET /saml/{account}/metadata`
pub(in crate::http::pages) async fn metadata(
    request: HttpRequest,
    app: web::Data<App>,
    account: web::Path<String>,
) -> Result<HttpResponse, PageFailure> {
    let (id, keys) = (account.into_inner(), app.keys.clone());
    let known = app.db.read(ReadCost::Point, move |tx| {
        let Some(account) = tx.account(&id)? else { return Ok::<_, DbError>(None) };
        let signs = account.options.sign_in.saml.is_some_and(|saml| saml.sign_requests);
        let key = if signs { request_key::find(tx, &keys)? } else { None };
        Ok(Some((account.id, key)))
    });
    Ok(match known.await? {
        Some((id, key)) => {
            let certificates = key.map(|key| key.certificates()).unwrap_or_default();
            let own = Addresses::of(&app.public_url, &id).service_provider();
            described(&ServiceProvider { signs: !certificates.is_empty(), certificates, ..own })
        }
        None => not_found(request, app).await,
    })
}

/// `GET /saml/metadata`
pub(in crate::http::pages) async fn shared_metadata(app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let certificates = request_key(&app).await?.map(|key| key.certificates()).unwrap_or_default();
    Ok(described(&ServiceProvider { certificates, ..Addresses::shared(&app.public_url) }))
}

async fn request_key(app: &App) -> Result<Option<RequestKey>, PageFailure> {
    let keys = app.keys.clone();
    Ok(app.db.read(ReadCost::Point, move |tx| request_key::find(tx, &keys)).await?)
}

/// `GET /saml/certificate`: of the requests that are signed.
pub(in crate::http::pages) async fn certificate(
    request: HttpRequest,
    app: web::Data<App>,
) -> Result<HttpResponse, PageFailure> {
    Ok(match request_key(&app).await? {
        Some(key) => HttpResponse::Ok()
            .content_type("application/x-pem-file")
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"saml-requests.pem\""))
            .insert_header(("X-Content-Type-Options", "nosniff"))
            .body(key.pem()),
        None => not_found(request, app).await,
    })
}

fn described(provider: &ServiceProvider) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/samlmetadata+xml")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .insert_header(("Content-Security-Policy", "default-src 'none'; sandbox"))
        .body(provider.xml())
}
