//! HTTP: what arrives at which path, and who answers. Handlers parse, run one unit of work, and answer.

use actix_web::web;

pub mod admin;
pub mod edge;
pub mod health;
pub mod metrics;
pub mod oauth;
pub mod openapi;
pub mod pages;
mod recorded;
pub mod scim;
pub mod signals;

pub(crate) use edge::below::below;
pub(crate) use edge::endpoints::head_as_get;
pub(crate) use edge::request_id::identify;
pub(crate) use edge::stopping::close_when_stopping;
pub(crate) use pages::failure::told;

/// All routes.
pub fn routes(config: &mut web::ServiceConfig) {
    public(config);
    pages::console_routes(config);
    operators_tools(config);
}

/// Those for identity providers, clients and users.
pub fn public(config: &mut web::ServiceConfig) {
    config
        .service(web::resource(["/scim/v2", "/scim/v2/{tail:.*}"]).to(scim::handle))
        .configure(health::routes)
        .configure(oauth::routes)
        .configure(signals::routes)
        .configure(pages::routes)
        .default_service(web::to(pages::templates::nothing_there));
}

/// Those for operators, on a listener of their own.
pub fn of_operators(config: &mut web::ServiceConfig) {
    config
        .configure(health::routes)
        .configure(pages::console_alone)
        .configure(operators_tools)
        .default_service(web::to(pages::templates::nothing_there));
}

fn operators_tools(config: &mut web::ServiceConfig) {
    config.configure(metrics::routes).configure(admin::routes).configure(openapi::routes);
}
