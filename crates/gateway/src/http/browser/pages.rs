//! The pages themselves, and the headers every page carries.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

/// Log in.
#[derive(Debug, Template)]
#[template(path = "login.html")]
pub(super) struct LoginPage {
    pub(super) client: String,
    pub(super) account: Option<String>,
    pub(super) problem: Option<String>,
    pub(super) request: String,
    pub(super) csrf: String,
    pub(super) username: String,
}

/// Accept access.
#[derive(Debug, Template)]
#[template(path = "consent.html")]
pub(super) struct ConsentPage {
    pub(super) client: String,
    pub(super) destination: String,
    pub(super) account: String,
    pub(super) user: String,
    pub(super) role: String,
    pub(super) needed_roles: String,
    pub(super) may_accept: bool,
    pub(super) service_account: bool,
    pub(super) provisioned: bool,
    pub(super) sentences: Vec<&'static str>,
    pub(super) idle_days: u64,
    pub(super) request: String,
    pub(super) csrf: String,
}

/// Something to be told, usually bad.
#[derive(Debug, Template)]
#[template(path = "message.html")]
pub(super) struct MessagePage {
    pub(super) title: String,
    pub(super) detail: String,
    pub(super) hint: Option<String>,
}

/// A page: not to be framed, cached or told of to other sites (RFC 9700 §4.2, §4.16), and without scripts.
pub(super) fn page(status: StatusCode, page: &impl Template) -> HttpResponse {
    match page.render() {
        Ok(html) => HttpResponse::build(status)
            .content_type("text/html; charset=utf-8")
            .insert_header(("Cache-Control", "no-store"))
            .insert_header(("X-Frame-Options", "DENY"))
            .insert_header((
                "Content-Security-Policy",
                "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'",
            ))
            .insert_header(("Referrer-Policy", "no-referrer"))
            .insert_header(("X-Content-Type-Options", "nosniff"))
            .body(html),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            HttpResponse::InternalServerError().finish()
        }
    }
}

pub(super) fn message(status: StatusCode, title: &str, detail: &str, hint: Option<&str>) -> HttpResponse {
    page(status, &MessagePage { title: title.to_owned(), detail: detail.to_owned(), hint: hint.map(str::to_owned) })
}

/// For paths that nothing answers.
pub(in crate::http) async fn not_found(request: HttpRequest) -> HttpResponse {
    let path: String = request.path().chars().take(80).collect();
    message(
        StatusCode::NOT_FOUND,
        "There is nothing here",
        &format!("No page has the address {path}."),
        Some("Identity providers connect to /scim/v2, /oauth2/auth and /oauth2/token."),
    )
}

/// For paths that answer other methods.
pub(super) async fn wrong_method(request: HttpRequest) -> HttpResponse {
    message(
        StatusCode::METHOD_NOT_ALLOWED,
        "That does not work here",
        &format!("{} does not answer {}.", request.path(), request.method()),
        None,
    )
}
