//! Files beside the pages, as they are served.

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};

use super::assets;
use super::login::saml;
use super::templates::not_found;
use crate::app::App;
use crate::domain::served_file::ServedFile;
use crate::http::edge::audience::Audience;
use crate::http::edge::endpoints::{Endpoint, pages};

/// Files beside the pages.
pub static FILES: &[Endpoint] = pages![
    GET "/assets/{name}" Audience::Anyone => asset, "What pages are made of.";
    GET "/favicon.ico" Audience::Anyone => icon, "The logo, for browsers that do not read which one a page names.";
    GET "/saml/certificate" Audience::Anyone => saml::certificate, "Answers the certificate of requests to SAML providers that are signed.";
    GET "/saml/metadata" Audience::Anyone => saml::shared_metadata, "Tells SAML providers what all accounts share.";
    GET "/saml/{account}/metadata" Audience::Anyone => saml::metadata, "Tells a SAML provider what it has to know for this account.";
    GET "/robots.txt" Audience::Anyone => robots, "Keeps search engines away.";
];

/// A stylesheet or a script is the same for a year, because its address names its content.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

async fn asset(request: HttpRequest, app: web::Data<App>, name: web::Path<String>) -> HttpResponse {
    match assets::find(&app.config.brand, &name) {
        Some((file, true)) => served(&file, FOR_EVER),
        Some((file, false)) => served(&file, "no-cache"),
        None => not_found(request, app).await,
    }
}

/// A drawing that is opened by itself is a document of this origin: it loads nothing and runs nothing.
fn served(file: &ServedFile, kept: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(file.media_type.as_str())
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static(kept)))
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .insert_header(("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox"))
        .insert_header(("Cross-Origin-Resource-Policy", "same-origin"))
        .body(file.content.to_vec())
}

async fn icon(app: web::Data<App>) -> HttpResponse {
    served(&app.config.brand.logo, "public, max-age=86400")
}

/// No page is of use in the results of a search: what can be read without logging in tells nothing about the vendor's product.
async fn robots() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400")))
        .body("User-agent: *\nDisallow: /\n")
}
