//! The authorization endpoint (RFC 6749 §3.1): the request is understood, and the page that comes next is shown.

use actix_web::{HttpRequest, HttpResponse, web};
use oauth::authorize::{AuthorizationRequest, MAX_LENGTH, Refusal};
use oauth::id_token_hint::IdTokenHint;

use super::cookies::Browser;
use super::failure::PageFailure;
use super::form::Form;
use super::intent::{LoginIntent, open};
use super::login::{self, FormMessage};
use super::respond::{redirect, refuse};
use super::{consent, form, own_keys, self_service};
use crate::app::App;
use crate::domain::request::{self, Notes, OwnCode};
use crate::http::edge::kept;
use crate::http::edge::query;
use crate::http::edge::recording;
use crate::services;
use crate::storage::{ReadCost, Tx};

/// `GET /oauth2/auth`
pub(super) async fn by_query(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    match understand(&app, parameters(&request)?, &recording::notes_of(&request)).await? {
        Ok(asked) => proceed(&app, &Browser::of(&request, &app), &asked).await,
        Err(url) => Ok(redirect(&url)),
    }
}

/// `POST /oauth2/auth` (OpenID Connect Core §3.1.2.1). Parameters may still stand in the URL, as the scope does that an
/// administrator typed there. Browsers keep our cookies from a form of another site (`SameSite=Lax`), so the session is looked at
/// one redirect later.
pub(super) async fn by_form(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let mut parameters = parameters(&request)?;
    let limit = MAX_LENGTH.saturating_sub(request.query_string().len());
    let body = form::bytes(&app, payload, limit).await?;
    kept::hold(&request, &body);
    parameters.extend(query::lenient(&body));
    Ok(redirect(&match understand(&app, parameters, &recording::notes_of(&request)).await? {
        Ok(asked) => LoginIntent::answer(&asked).url(&app),
        Err(url) => url,
    }))
}

/// The parameters in the URL. One that cannot be read is no reason to refuse the rest, for it may be none of ours; what becomes of it is
/// the protocol's to say.
fn parameters(request: &HttpRequest) -> Result<Vec<(String, String)>, PageFailure> {
    Ok(query::lenient(form::query(request)?.as_bytes()))
}

/// The request, or where the browser is sent with an error.
async fn understand(
    app: &App,
    parameters: Vec<(String, String)>,
    notes: &Notes,
) -> Result<Result<AuthorizationRequest, String>, PageFailure> {
    let is_pushed = oauth::authorize::is_pushed(&parameters);
    if let Some((_, client)) = parameters.iter().find(|(name, _)| name == "client_id") {
        notes.take_down().is_for(client);
    }
    let (work, noted) = (app.clone(), notes.clone());
    let understand = move |tx: &mut Tx<'_>| {
        Ok::<_, PageFailure>(work.oauth_for(tx, &noted, |tx, cx| oauth::authorize::authorize(tx, cx, &parameters))?)
    };
    let understood = match is_pushed {
        true => app.db.write(understand).await?,
        false => app.db.read(ReadCost::Point, understand).await?,
    };
    notes.count(&app.tally, matches!(understood, Err(Refusal::Redirect(_))));
    let mut asked = match understood {
        Ok(asked) => asked,
        Err(Refusal::Page(reason)) => {
            let (code, title) = (reason.code().into(), reason.title().to_owned());
            return Err(PageFailure::Refused { code, title, detail: reason.text() });
        }
        Err(Refusal::Redirect(error)) => {
            let refusal = request::Refusal { code: error.reason.code().into(), detail: error.description() };
            notes.take_down().refusal = Some(refusal);
            return Ok(Err(error.url()));
        }
    };
    if let Some(text) = asked.id_token_hint.take() {
        let keys = own_keys(app).await?;
        let wrong = match app.oauth(|cx| IdTokenHint::read(cx, &keys, &text)) {
            Ok(hint) if hint.is_for(&asked.client) => {
                asked.expected = Some(hint.subject);
                return Ok(Ok(asked));
            }
            Ok(_) => "id_token_hint was issued to another client.".to_owned(),
            Err(not_ours) => format!("{not_ours}."),
        };
        let url = app.oauth(|cx| asked.error_url(cx, "invalid_request", &wrong));
        notes.take_down().refusal = Some(request::Refusal::new(OwnCode::IdTokenHintInvalid, wrong));
        return Ok(Err(url));
    }
    Ok(Ok(asked))
}

/// What comes next for a request that is understood: a log-in, or the consent page. Every way to
/// the second leads through here, so none leads around the first.
pub(super) async fn proceed(
    app: &App,
    browser: &Browser,
    asked: &AuthorizationRequest,
) -> Result<HttpResponse, PageFailure> {
    let session = browser.session(app).await?;
    let logged_in = session.clone();
    match session.filter(|session| services::consent::fits(asked, session)) {
        Some(session) => consent::ask(app, browser, asked, &session).await,
        None if asked.prompt.none => {
            let why = if logged_in.is_some() { "the log-in does not meet the request" } else { "no user is logged in" };
            Ok(refuse(app, browser, asked, "login_required", request::Refusal::new(OwnCode::LoginRequired, why)))
        }
        None => {
            let mut said = FormMessage::default();
            if let Some(session) = logged_in {
                let note = match asked.expected {
                    Some(_) => "You are logged in, but perhaps not as the user this is for.",
                    None => "You are logged in, but this asks you to prove once more that it is you.",
                };
                said.note = Some(note.to_owned());
                if asked.expected.is_none() {
                    said.username = self_service::name_of(app, &session).await?;
                }
            }
            login::page_for(app, browser, &LoginIntent::answer(asked), said).await
        }
    }
}

/// `GET /oauth2/consent?request=…`
pub(super) async fn resume(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let pairs = query::pairs(request.query_string()).map_err(|_| PageFailure::StaleForm)?;
    let sealed = pairs.iter().find(|(name, _)| name == "request").map_or("", |(_, value)| value);
    let browser = Browser::of(&request, &app);
    proceed(&app, &browser, &open(&app, &browser, sealed)?).await
}

/// `POST /oauth2/consent`
pub(super) async fn decide(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (form, browser) = Form::ours(&request, &app, payload).await?;
    let asked = open(&app, &browser, form.field("request"))?;
    match consent::decide(&app, &browser, &asked, &form).await? {
        Some(answer) => Ok(answer),
        None => proceed(&app, &browser, &asked).await,
    }
}
