//! The pages people see: logging in and out, accepting access and taking it back (RFC 6749 §3.1, §4.1; OpenID Connect Core §3.1.2).
//!
//! The authorization request travels sealed in a hidden field of each form, so nothing of a flow is kept here: any replica
//! can serve the next step, and two tabs do not disturb each other. What is kept is who is logged in (`sessions`).

use actix_web::{HttpResponse, web};
use oauth::jose::Jwks;

use crate::app::App;
use crate::storage::DbError;

mod account;
mod authorize;
mod binding;
mod consent;
mod cookies;
mod device;
mod errand;
pub(crate) mod failure;
mod form;
mod login;
mod logout;
mod operator;
pub mod pages;
pub(in crate::http) mod second_factor;

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
            web::resource("/login/second-factor")
                .route(web::post().to(login::second_factor::submit))
                .default_service(web::to(pages::wrong_method)),
        )
        .service(
            web::resource("/login/provider")
                .route(web::post().to(login::provider::begin))
                .default_service(web::to(pages::wrong_method)),
        )
        .service(
            web::resource("/login/callback")
                .route(web::get().to(login::provider::back))
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
        .service(
            web::resource("/oauth2/logout")
                .route(web::get().to(logout::by_query))
                .route(web::post().to(logout::by_form))
                .default_service(web::to(pages::wrong_method)),
        )
        .service(
            web::resource("/account").route(web::get().to(account::show)).default_service(web::to(pages::wrong_method)),
        )
        .service(
            web::resource("/account/connections/end")
                .route(web::post().to(account::end_connection))
                .default_service(web::to(pages::wrong_method)),
        )
        .service(
            web::resource("/account/notices/seen")
                .route(web::post().to(account::see_notice))
                .default_service(web::to(pages::wrong_method)),
        )
        .service(
            web::resource("/account/sessions/end")
                .route(web::post().to(account::end_session))
                .default_service(web::to(pages::wrong_method)),
        )
        .service(
            web::resource("/account/second-factor")
                .route(web::get().to(second_factor::show))
                .route(web::post().to(second_factor::begin))
                .default_service(web::to(pages::wrong_method)),
        )
        .service(
            web::resource("/account/second-factor/confirm")
                .route(web::post().to(second_factor::confirm))
                .default_service(web::to(pages::wrong_method)),
        )
        .service(
            web::resource("/account/second-factor/remove")
                .route(web::post().to(second_factor::remove))
                .default_service(web::to(pages::wrong_method)),
        )
        .service(
            web::resource("/operator")
                .route(web::get().to(operator::show))
                .default_service(web::to(pages::wrong_method)),
        )
        .service(
            web::resource("/operator/sign-in")
                .route(web::post().to(operator::begin))
                .default_service(web::to(pages::wrong_method)),
        )
        .route("/assets/page.css", web::get().to(stylesheet));
}

/// The keys that ID tokens of ours are checked with when clients bring them back.
async fn own_keys(app: &App) -> Result<Jwks, DbError> {
    let published = app.signer.jwks().await?;
    Jwks::published(&published).ok_or_else(|| DbError::Corrupt("the published keys cannot be read".to_owned()))
}

async fn stylesheet() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/css; charset=utf-8")
        .insert_header(("Cache-Control", "public, max-age=86400"))
        .body(include_str!("../../templates/page.css"))
}
