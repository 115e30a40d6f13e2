//! The description of the admin API: `/openapi.json` for programs (OpenAPI 3.1), `/openapi` to read.
//!
//! Both are made from [the table of endpoints](crate::http::admin::ENDPOINTS), whose handlers say by their types what they take and
//! answer. There is no data in them, so they need no token.

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use askama::Template;

use crate::app::App;
use crate::http::edge::endpoints::{Endpoint, endpoints, resources};
use crate::http::pages::templates::{self, filters};

mod document;
mod reference;
#[cfg(test)]
mod tests;

use reference::Reference;

/// Where the description is.
pub static ENDPOINTS: &[Endpoint] = endpoints![
    GET "/openapi.json" => document,
    GET "/openapi" => page,
];

/// The description, but for where the server is.
pub(crate) fn description() -> &'static serde_json::Value {
    &document::DOCUMENT
}

pub(super) fn routes(config: &mut web::ServiceConfig) {
    for resource in resources(ENDPOINTS, || web::to(templates::wrong_method)) {
        config.service(resource);
    }
}

async fn document(app: web::Data<App>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .body(document::text(&app.admin_url))
}

/// The admin API, to be read.
#[derive(Template)]
#[template(path = "openapi.html")]
struct ReferencePage<'a> {
    reference: &'a Reference,
    /// `https://gateway.example`
    base: &'a str,
}

async fn page(app: web::Data<App>) -> HttpResponse {
    let page = ReferencePage { reference: &reference::REFERENCE, base: &app.admin_url };
    let mut answer = templates::page(&app, StatusCode::OK, &page);
    answer.headers_mut().insert(CACHE_CONTROL, header("public, max-age=300"));
    answer
}

fn header(text: &'static str) -> actix_web::http::header::HeaderValue {
    actix_web::http::header::HeaderValue::from_static(text)
}
