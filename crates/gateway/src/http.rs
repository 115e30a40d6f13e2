//! HTTP: what arrives at which path, and who answers. Handlers parse, run one unit of work, and answer.

use actix_web::web;

pub mod address;
pub mod admin;
mod bearer;
mod below;
pub mod body;
pub mod browser;
pub mod endpoints;
pub mod health;
pub mod oauth;
pub mod problem;
pub mod query;
pub mod scim;
mod stopping;
mod trace;

pub(crate) use below::below;
pub(crate) use browser::failure::told;
pub(crate) use endpoints::head_as_get;
pub(crate) use stopping::close_when_stopping;
pub(crate) use trace::log;

/// All routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource(["/scim/v2", "/scim/v2/{tail:.*}"]).to(scim::handle))
        .configure(health::routes)
        .configure(oauth::routes)
        .configure(browser::routes)
        .configure(admin::routes)
        .default_service(web::to(browser::pages::not_found));
}
