//! The pages people see: logging in and out, accepting access and taking it back (RFC 6749 §3.1, §4.1; OpenID Connect Core §3.1.2).
//!
//! The authorization request travels sealed in a hidden field of each form, so nothing of a flow is kept here: any replica
//! can serve the next step, and two tabs do not disturb each other. What is kept is who is logged in (`sessions`).

use actix_web::{HttpResponse, guard, web};
use oauth::jose::Jwks;

use crate::app::App;
use crate::http::edge::endpoints::{self, Endpoint, endpoints, resources};
use crate::storage::DbError;

mod answered;
mod authorize;
mod binding;
mod consent;
mod cookie_jar;
mod cookies;
mod device;
pub(crate) mod failure;
mod form;
mod intent;
mod login;
mod logout;
mod operator;
mod password;
mod respond;
mod second_factor;
mod self_service;
pub mod templates;

/// Every page and form.
pub static ENDPOINTS: &[Endpoint] = endpoints![
    GET "/oauth2/auth" => authorize::by_query,
    POST "/oauth2/auth" => authorize::by_form,
    GET "/login" => login::show,
    POST "/login" => login::submit,
    POST "/login/second-factor" => login::second_factor::submit,
    POST "/login/provider" => login::provider::begin,
    GET "/login/callback" => login::callback::callback,
    GET "/oauth2/consent" => authorize::resume,
    POST "/oauth2/consent" => authorize::decide,
    POST "/oauth2/switch" => login::switch,
    GET "/oauth2/logout" => logout::by_query,
    POST "/oauth2/logout" => logout::by_form,
    GET "/account" => self_service::show,
    POST "/account/connections/end" => self_service::end_connection,
    POST "/account/notices/seen" => self_service::see_notice,
    POST "/account/sessions/end" => self_service::end_session,
    GET "/account/password" => password::show,
    POST "/account/password" => password::change,
    GET "/account/second-factor" => second_factor::show,
    POST "/account/second-factor" => second_factor::begin,
    POST "/account/second-factor/confirm" => second_factor::confirm,
    POST "/account/second-factor/remove" => second_factor::remove,
    GET "/operator" => operator::show,
    POST "/operator/sign-in" => operator::begin,
    GET "/assets/page.css" => stylesheet,
];

/// Where a GET may answer a request, end a session or use something up, which a HEAD must not: who only looks gets an empty page.
const ACTS: [&str; 4] = ["/oauth2/auth", "/oauth2/consent", "/oauth2/logout", "/login/callback"];

pub(super) fn routes(config: &mut web::ServiceConfig) {
    for path in ACTS {
        config.service(web::resource(path).guard(guard::fn_guard(endpoints::is_head)).to(templates::nothing_yet));
    }
    for resource in resources(ENDPOINTS, || web::to(templates::wrong_method)) {
        config.service(resource);
    }
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
