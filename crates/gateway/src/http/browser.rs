//! The pages people see: logging in and accepting access (RFC 6749 §3.1, §4.1; OpenID Connect Core §3.1.2).
//!
//! The authorization request travels sealed in a hidden field of each form, so nothing of a flow is kept here: any replica
//! can serve the next step, and two tabs do not disturb each other. What is kept is who is logged in (`sessions`).

use actix_web::{HttpResponse, web};

mod authorize;
mod consent;
mod cookies;
mod failure;
mod form;
mod login;
pub mod pages;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/oauth2/auth")
                .route(web::get().to(authorize::by_query))
                .route(web::post().to(authorize::by_form))
                .default_service(web::to(pages::wrong_method)),
        )
        .service(
            web::resource("/login")
                .route(web::get().to(login::show))
                .route(web::post().to(login::submit))
                .default_service(web::to(pages::wrong_method)),
        )
        .service(
            web::resource("/oauth2/consent")
                .route(web::get().to(consent::show))
                .route(web::post().to(consent::decide))
                .default_service(web::to(pages::wrong_method)),
        )
        .service(
            web::resource("/oauth2/switch")
                .route(web::post().to(login::switch))
                .default_service(web::to(pages::wrong_method)),
        )
        .route("/assets/page.css", web::get().to(stylesheet));
}

async fn stylesheet() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/css; charset=utf-8")
        .insert_header(("Cache-Control", "public, max-age=86400"))
        .body(include_str!("../../templates/page.css"))
}
