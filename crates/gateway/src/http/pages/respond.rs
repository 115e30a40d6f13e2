//! Answers that send a browser elsewhere.

use actix_web::HttpResponse;
use actix_web::http::header;
use oauth::authorize::AuthorizationRequest;

use super::cookies::Browser;
use crate::app::App;
use crate::domain::request::Refusal;

/// Sends the browser back to the client with an error (RFC 6749 §4.1.2.1).
pub(super) fn refuse(
    app: &App,
    browser: &Browser,
    asked: &AuthorizationRequest,
    error: &'static str,
    refusal: Refusal,
) -> HttpResponse {
    let description = browser.refused(refusal);
    redirect(&app.oauth(|cx| asked.error_url(cx, error, &description)))
}

/// 303: the browser follows with a GET, whichever method it sent (RFC 9700 §4.12).
pub(super) fn redirect(url: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, url))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("Referrer-Policy", "no-referrer"))
        .finish()
}
