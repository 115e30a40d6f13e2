//! Logging out: by a link or form of a client (OpenID Connect RP-Initiated Logout 1.0), or by the person's own wish.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use oauth::Subject;
use oauth::logout::{LogoutRequest, PARAMETERS};

use super::cookies::Browser;
use super::failure::PageFailure;
use super::form::Form;
use super::respond::redirect;
use super::templates::{LogoutPage, message, page};
use super::{form, own_keys};
use crate::app::App;
use crate::domain::wording;
use crate::http::edge::query;
use crate::storage::ReadCost;
use crate::storage::sessions::Session;

type Pairs = Vec<(String, String)>;

/// `GET /oauth2/logout`
pub(super) async fn by_query(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let pairs = query::pairs(form::query(&request)?).map_err(|why| PageFailure::Logout(why.to_owned()))?;
    let browser = Browser::of(&request, &app);
    let session = browser.session(&app).await?;
    answer(&app, &browser, session, pairs, false).await
}

/// `POST /oauth2/logout`: a client's form, or ours that asked first.
pub(super) async fn by_form(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let form = Form::read(&app, payload).await?;
    let browser = Browser::of(&request, &app);
    let was_asked = form.field("decision") == "log_out" && browser.sent(&app, form.field("csrf"));
    let stays = form.field("decision") == "stay";
    let pairs = form.into_pairs();
    if stays {
        let detail = "Nothing was changed. You can close this page.";
        return Ok(message(&app, StatusCode::OK, "You are still logged in", detail, None));
    }
    if !was_asked && !browser.claims_session() {
        // Browsers keep our cookies from a form of another site (`SameSite=Lax`), but not from a redirect.
        let known = pairs.iter().filter(|(name, _)| PARAMETERS.contains(&name.as_str()));
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(known).finish();
        return Ok(redirect(&format!("{}/oauth2/logout?{query}", app.public_url)));
    }
    let session = browser.session(&app).await?;
    answer(&app, &browser, session, pairs, was_asked).await
}

async fn answer(
    app: &App,
    browser: &Browser,
    session: Option<Session>,
    pairs: Pairs,
    was_asked: bool,
) -> Result<HttpResponse, PageFailure> {
    let keys = own_keys(app).await?;
    let (work, parameters) = (app.clone(), pairs.clone());
    let understood = app
        .db
        .read(ReadCost::Point, move |tx| {
            Ok::<_, PageFailure>(work.oauth(|cx| oauth::logout::understand(tx, cx, &keys, &parameters))?)
        })
        .await?;
    let asked = understood.map_err(|refused| PageFailure::Logout(refused.to_string()))?;
    match session {
        Some(session) if !was_asked && !asked.is_certainly_about(&Subject::new(session.owner_id.as_str())) => {
            Ok(confirm(app, browser, &asked, pairs))
        }
        _ => log_out(app, browser, &asked, was_asked).await,
    }
}

/// Asks first, because any site can make such a link. What was sent goes along and is read again.
fn confirm(app: &App, browser: &Browser, asked: &LogoutRequest, pairs: Pairs) -> HttpResponse {
    let parameters =
        pairs.into_iter().filter(|(name, value)| PARAMETERS.contains(&name.as_str()) && !value.is_empty()).collect();
    let shown = LogoutPage {
        client: asked.client_name.as_deref().map(wording::strip_invisible),
        parameters,
        csrf: browser.csrf(app),
    };
    let mut answer = page(app, StatusCode::OK, &shown);
    browser.introduce(app, &mut answer);
    answer
}

async fn log_out(
    app: &App,
    browser: &Browser,
    asked: &LogoutRequest,
    was_asked: bool,
) -> Result<HttpResponse, PageFailure> {
    let cookie = browser.log_out(app).await?;
    let mut answer = match asked.redirect(was_asked) {
        Some(url) => redirect(url),
        None => {
            let detail = "What you connected stays connected. To use this browser's log-in again, log in again.";
            message(app, StatusCode::OK, "You are logged out", detail, None)
        }
    };
    let _ = answer.add_cookie(&cookie);
    Ok(answer)
}
