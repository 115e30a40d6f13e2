//! The authorization endpoint (RFC 6749 §3.1): the request is understood, and the page that comes next is shown.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use oauth::authorize::{AuthorizationRequest, Refusal};

use super::cookies::Browser;
use super::failure::PageFailure;
use super::form::Form;
use super::{consent, login};
use crate::app::App;
use crate::http::query;
use crate::storage::sessions::Session;
use crate::storage::{Cost, Tx};
use crate::system;

/// `GET /oauth2/auth`
pub(super) async fn by_query(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    begin(&request, &app, parameters(&request)?).await
}

/// `POST /oauth2/auth` (OpenID Connect Core §3.1.2.1). Parameters may still stand in the URL, as the scope does that an
/// administrator typed there.
pub(super) async fn by_form(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let mut parameters = parameters(&request)?;
    parameters.extend(Form::read(payload).await?.into_pairs());
    begin(&request, &app, parameters).await
}

fn parameters(request: &HttpRequest) -> Result<Vec<(String, String)>, PageFailure> {
    query::pairs(request.query_string()).map_err(|why| PageFailure::Refused {
        title: "This address is malformed".to_owned(),
        detail: format!("The part after the question mark cannot be read: {why}."),
    })
}

async fn begin(
    request: &HttpRequest,
    app: &App,
    parameters: Vec<(String, String)>,
) -> Result<HttpResponse, PageFailure> {
    let is_pushed = oauth::authorize::is_pushed(&parameters);
    let work = app.clone();
    let understand =
        move |tx: &mut Tx<'_>| Ok::<_, PageFailure>(work.oauth(|cx| oauth::authorize::authorize(tx, cx, &parameters))?);
    let understood = match is_pushed {
        true => app.db.write(understand).await?,
        false => app.db.read(Cost::Short, understand).await?,
    };
    let asked = match understood {
        Ok(asked) => asked,
        Err(Refusal::Page { title, detail }) => return Err(PageFailure::Refused { title, detail }),
        Err(Refusal::Redirect(error)) => return Ok(redirect(&error.url())),
    };
    let browser = Browser::of(request, app);
    let session = browser.session(app).await?.filter(|session| !must_log_in(&asked, session));
    match session {
        Some(_) if asked.prompt.none => Ok(refuse(app, &asked, "consent_required", "nobody has accepted this yet")),
        None if asked.prompt.none => Ok(refuse(app, &asked, "login_required", "nobody is logged in")),
        Some(session) => consent::page_for(app, &browser, &asked, &session).await,
        None => login::page_for(app, &browser, &asked, "", None, StatusCode::OK).await,
    }
}

/// `prompt=login`, and `max_age` when the log-in is older.
fn must_log_in(asked: &AuthorizationRequest, session: &Session) -> bool {
    let age = (system::now() - session.auth_time) / 1000;
    asked.prompt.login || asked.max_age.is_some_and(|most| age > i64::try_from(most).unwrap_or(i64::MAX))
}

fn refuse(app: &App, asked: &AuthorizationRequest, code: &'static str, description: &str) -> HttpResponse {
    redirect(&app.oauth(|cx| asked.error_url(cx, code, description)))
}

/// 303: the browser follows with a GET, whatever it sent (RFC 9700 §4.12).
pub(super) fn redirect(url: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, url))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("Referrer-Policy", "no-referrer"))
        .finish()
}

/// The authorization request that a form carries, if we sealed it and it is not too old.
pub(super) fn open(app: &App, sealed: &str) -> Result<AuthorizationRequest, PageFailure> {
    app.oauth(|cx| AuthorizationRequest::open(cx, sealed)).ok_or(PageFailure::StaleForm)
}
