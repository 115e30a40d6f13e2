//! The endpoints that clients call: token, pushed requests, revocation, introspection, userinfo, metadata, keys.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use oauth::assertion::ClientCredentials;
use oauth::token::{TokenRequest, TokenResponse};
use serde_json::Value;

use crate::app::App;
use crate::domain::actor::{Actor, Origin};
use crate::domain::request::{Notes, Owner};
use crate::domain::scopes;
use crate::http::edge::bearer;
use crate::http::edge::body::{self, BodyError};
use crate::http::edge::endpoints::{Endpoint, allowed, endpoints, resources};
use crate::http::edge::kept;
use crate::http::edge::query;
use crate::http::edge::recording;
use crate::http::edge::request_id;
use crate::platform::turns::Payer;
use crate::services::claims;
use crate::storage::{DbError, Next, ReadCost, Sharing, Tx};

mod cors;
mod failure;
mod par;
mod proof;
mod userinfo;

use failure::OAuthFailure;
use proof::Attempt;

/// The most a body of these endpoints may have,
const BODY_LIMIT: usize = 16 << 10;
/// and one that pushes an authorization request, beside which credentials stand.
const PUSHED_LIMIT: usize = oauth::authorize::MAX_LENGTH + BODY_LIMIT;

/// Every endpoint for clients.
pub static ENDPOINTS: &[Endpoint] = endpoints![
    POST "/oauth2/token" => token,
    OPTIONS "/oauth2/token" => cors::preflight,
    POST "/oauth2/par" => par::push,
    POST "/oauth2/revoke" => revoke,
    OPTIONS "/oauth2/revoke" => cors::preflight,
    POST "/oauth2/introspect" => introspect,
    GET "/userinfo" => userinfo::answer,
    POST "/userinfo" => userinfo::answer,
    OPTIONS "/userinfo" => cors::preflight,
    GET "/.well-known/openid-configuration" => openid,
    OPTIONS "/.well-known/openid-configuration" => cors::preflight_of_document,
    GET "/.well-known/oauth-authorization-server" => authorization_server,
    OPTIONS "/.well-known/oauth-authorization-server" => cors::preflight_of_document,
    GET "/.well-known/oauth-protected-resource/scim/v2" => scim_endpoint,
    OPTIONS "/.well-known/oauth-protected-resource/scim/v2" => cors::preflight_of_document,
    GET "/.well-known/ssf-configuration" => ssf,
    OPTIONS "/.well-known/ssf-configuration" => cors::preflight_of_document,
    GET "/.well-known/jwks.json" => jwks,
    OPTIONS "/.well-known/jwks.json" => cors::preflight_of_document,
];

pub(super) fn routes(config: &mut web::ServiceConfig) {
    for resource in resources(ENDPOINTS, || web::to(wrong_method)) {
        config.service(resource);
    }
}

async fn wrong_method(request: HttpRequest) -> Result<HttpResponse, OAuthFailure> {
    Err(OAuthFailure::Method(allowed(&request)))
}

/// What every one of the POST endpoints takes: client credentials in the header or body, parameters in the body.
struct Call {
    authorization: Option<String>,
    query: Vec<(String, String)>,
    form: Vec<(String, String)>,
    origin: Origin,
    notes: Notes,
}

impl Call {
    async fn read(request: &HttpRequest, app: &App, payload: web::Payload) -> Result<Call, OAuthFailure> {
        Call::read_up_to(BODY_LIMIT, request, app, payload).await
    }

    async fn read_up_to(
        limit: usize,
        request: &HttpRequest,
        app: &App,
        payload: web::Payload,
    ) -> Result<Call, OAuthFailure> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(OAuthFailure::malformed("send the parameters as application/x-www-form-urlencoded"));
        }
        let bytes = body::read(payload, body::Patience::of(app, limit)).await.map_err(|why| match why {
            BodyError::TooLarge => OAuthFailure::TooLarge(limit),
            BodyError::Stopping => OAuthFailure::Database(DbError::Interrupted),
            BodyError::Broken(_) | BodyError::TooSlow(_) => {
                OAuthFailure::malformed("the body broke off, or came too slowly")
            }
        })?;
        kept::hold(request, &bytes);
        let text = std::str::from_utf8(&bytes).map_err(|_| OAuthFailure::malformed("the body is not UTF-8"))?;
        let form =
            query::pairs(text).map_err(|why| OAuthFailure::malformed(&format!("the body is malformed: {why}")))?;
        let query = query::pairs(request.query_string())
            .map_err(|why| OAuthFailure::malformed(&format!("the query is malformed: {why}")))?;
        let authorization = request.headers().get(header::AUTHORIZATION);
        Ok(Call {
            authorization: authorization.map(|value| value.to_str().unwrap_or("?").to_owned()),
            query,
            form,
            origin: Actor::Unknown.at(request_id::source_of(request, &app.config.server.trusted_proxies)),
            notes: recording::notes_of(request),
        })
    }
}

impl Call {
    /// The client that the body names: a page's script has no header to name it in.
    fn client(&self) -> Option<String> {
        self.form.iter().find(|(name, _)| name == "client_id").map(|(_, client)| client.clone())
    }
}

impl Call {
    /// What a token is asked for with, as metrics name it.
    fn grant_type(&self) -> Option<&'static str> {
        let (_, sent) = self.form.iter().find(|(name, _)| name == "grant_type")?;
        let known = ["authorization_code", "refresh_token", "client_credentials"];
        Some(known.into_iter().find(|known| known == sent).unwrap_or("other"))
    }

    /// Whose turn it takes: the client's, however it is named.
    fn payer(&self) -> Payer {
        let named = self.client().or_else(|| self.authorization.clone());
        named.map_or(Payer::SERVER, |client| Payer::called("client", &client))
    }
}

async fn token(request: HttpRequest, app: web::Data<App>, payload: web::Payload) -> HttpResponse {
    let call = Call::read(&request, &app, payload).await;
    let client = call.as_ref().ok().and_then(Call::client);
    let answer = match call {
        Ok(call) => exchange(&request, &app, call).await,
        Err(failure) => Err(failure),
    };
    let answer = answer.unwrap_or_else(|failure| failure.error_response());
    cors::share(&request, &app, client.as_deref(), answer).await
}

async fn exchange(request: &HttpRequest, app: &App, call: Call) -> Result<HttpResponse, OAuthFailure> {
    let payer = call.payer();
    call.notes.take_down().grant_type = call.grant_type();
    let dpop = bearer::proof(request, app).map_err(OAuthFailure::proof)?;
    let asked = TokenRequest::parse(call.authorization.as_deref(), &call.query, &call.form)?.with_proof(dpop);
    let asked = proof::with_keys(app, &call.notes, asked).await?;
    let attempt = Attempt::of(app, &asked, &call.origin, call.notes.clone()).presenting(asked.presents());
    let issued = attempt.watch(app, issue(app, payer, asked, call.origin, attempt.notes.clone())).await?;
    attempt.notes.take_down().owner = Owner::Grant(issued.grant.number);
    let keys = match issued.has_to_be_signed() {
        true => app.signer.current().await?,
        false => app.signer.cached(),
    };
    Ok(uncached().json(issued.body(|unsigned| keys.sign(unsigned))?))
}

/// A client-credentials token needs no write unless it is the client's first, so it is tried as a read.
async fn issue(
    app: &App,
    payer: Payer,
    asked: TokenRequest,
    origin: Origin,
    notes: Notes,
) -> Result<TokenResponse, OAuthFailure> {
    let asked = std::sync::Arc::new(asked);
    if asked.may_only_read() {
        let (work, request, notes) = (app.clone(), asked.clone(), notes.clone());
        let read = move |tx: &mut Tx<'_>| {
            tx.client_will_ask_for(Some(Next::OwnGrant));
            let mut read = work.oauth_for(tx, &notes, |tx, cx| oauth::token::exchange_reading(tx, cx, &request))?;
            if let Some(Ok(issued)) = &mut read {
                claims::add_to(tx, &work.settings, issued)?;
            }
            Ok::<_, OAuthFailure>(read)
        };
        if let Some(verdict) = app.db.read_for(payer, ReadCost::LookUp, read).await? {
            return Ok(verdict?);
        }
    }
    let work = app.clone();
    let write = move |tx: &mut Tx<'_>| {
        tx.act_as(origin.clone());
        tx.client_will_ask_for(work.oauth(|cx| asked.will_refresh(cx)).map(Next::Refresh));
        let mut issued = work.oauth_for(tx, &notes, |tx, cx| oauth::token::exchange(tx, cx, &asked))?;
        if let Ok(issued) = &mut issued {
            claims::add_to(tx, &work.settings, issued)?;
        }
        Ok::<_, OAuthFailure>(issued)
    };
    Ok(app.db.write_with_others(payer, Sharing::AsItGoes, write).await??)
}

async fn revoke(request: HttpRequest, app: web::Data<App>, payload: web::Payload) -> HttpResponse {
    let call = Call::read(&request, &app, payload).await;
    let client = call.as_ref().ok().and_then(Call::client);
    let answer = match call {
        Ok(call) => revoke_token(&app, call).await,
        Err(failure) => Err(failure),
    };
    let answer = answer.unwrap_or_else(|failure| failure.error_response());
    cors::share(&request, &app, client.as_deref(), answer).await
}

async fn revoke_token(app: &App, call: Call) -> Result<HttpResponse, OAuthFailure> {
    let asked = oauth::revoke::RevocationRequest::parse(call.authorization.as_deref(), &call.query, &call.form)?;
    let asked = proof::with_keys(app, &call.notes, asked).await?;
    let attempt = Attempt::of(app, &asked, &call.origin, call.notes.clone());
    let (work, notes, payer) = (app.clone(), attempt.notes.clone(), call.payer());
    let revoked = app.db.write_for(payer, move |tx| {
        tx.act_as(call.origin.clone());
        Ok::<_, OAuthFailure>(work.oauth_for(tx, &notes, |tx, cx| oauth::revoke::revoke(tx, cx, &asked))?)
    });
    attempt.watch(app, async { Ok(revoked.await??) }).await?;
    Ok(uncached().finish())
}

async fn introspect(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, OAuthFailure> {
    let call = Call::read(&request, &app, payload).await?;
    let asked = oauth::introspect::IntrospectionRequest::parse(call.authorization.as_deref(), &call.query, &call.form)?;
    app.signer
        .ensure_key_known(call.form.iter().find(|(name, _)| name == "token").map(|(_, token)| token.as_str()))
        .await?;
    let mut asked = proof::with_keys(&app, &call.notes, asked).await?;
    let attempt = Attempt::of(&app, &asked, &call.origin, call.notes.clone());
    let (work, notes, noted) = (app.clone(), attempt.notes.clone(), asked.has_assertion());
    let payer = call.payer();
    let answer = move |tx: &mut Tx<'_>| {
        tx.client_will_ask_for(work.oauth(|cx| asked.will_look_up(cx)).map(Next::Token));
        let told = work.oauth_for(tx, &notes, |tx, cx| oauth::introspect::introspect(tx, cx, &asked))?;
        Ok::<_, OAuthFailure>(match told {
            Ok(told) => Ok(claims::introspected(tx, &work.settings, told)?),
            Err(refused) => Err(refused),
        })
    };
    let answer = attempt.watch(&app, async {
        // An assertion is noted, so that it counts once; nothing else is written.
        Ok(if noted {
            app.db.write_for(payer, answer).await
        } else {
            app.db.read_for(payer, ReadCost::LookUp, answer).await
        }??)
    });
    let answer = answer.await?;
    Ok(uncached().json(answer))
}

async fn openid(app: web::Data<App>) -> HttpResponse {
    metadata(oauth::metadata::openid_configuration(&app.settings))
}

async fn authorization_server(app: web::Data<App>) -> HttpResponse {
    metadata(oauth::metadata::authorization_server(&app.settings))
}

async fn scim_endpoint(app: web::Data<App>) -> HttpResponse {
    let resource = scopes::scim_reading(app.scim_base.clone());
    metadata(oauth::metadata::protected_resource(&app.settings, &resource, "SCIM 2.0"))
}

/// What transmits security event tokens, and how (SSF 1.0 §7).
async fn ssf(app: web::Data<App>) -> HttpResponse {
    metadata(app.event_streams().metadata())
}

async fn jwks(app: web::Data<App>) -> Result<HttpResponse, OAuthFailure> {
    Ok(metadata(app.signer.jwks().await?))
}

/// Public documents: any client may read them and cache them for a while.
fn metadata(document: Value) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .json(document)
}

fn uncached() -> actix_web::HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CACHE_CONTROL, "no-store")).insert_header((header::PRAGMA, "no-cache"));
    answer
}
