//! The admin API: for Customer Success Managers' tools and for automation. `docs/admin-api.md` is its contract.
//!
//! Every handler takes an [`Operator`](operator::Operator), which cannot be had without a token that counts.

use actix_web::http::StatusCode;
use actix_web::web::{delete, get, patch, post, put, resource};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::problem::Problem;

mod accounts;
mod attributes;
mod audit;
mod clients;
mod grants;
mod input;
mod operator;
mod operators;
mod page;
mod parked_members;
mod users;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    let wrong_method = || web::to(wrong_method);
    config.service(
        web::scope("/admin")
            .service(
                resource("/accounts")
                    .route(get().to(accounts::list))
                    .route(post().to(accounts::create))
                    .default_service(wrong_method()),
            )
            .service(
                resource("/accounts/{account}")
                    .route(get().to(accounts::get))
                    .route(patch().to(accounts::change))
                    .route(delete().to(accounts::delete))
                    .default_service(wrong_method()),
            )
            .service(
                resource("/accounts/{account}/attributes")
                    .route(get().to(attributes::list))
                    .default_service(wrong_method()),
            )
            .service(
                resource("/accounts/{account}/attributes/{attribute}")
                    .route(get().to(attributes::get))
                    .route(put().to(attributes::put))
                    .route(delete().to(attributes::delete))
                    .default_service(wrong_method()),
            )
            .service(
                resource("/accounts/{account}/users")
                    .route(get().to(users::list))
                    .route(post().to(users::create))
                    .default_service(wrong_method()),
            )
            .service(
                resource("/accounts/{account}/users/{user}")
                    .route(get().to(users::get))
                    .route(patch().to(users::change))
                    .route(delete().to(users::delete))
                    .default_service(wrong_method()),
            )
            .service(
                resource("/accounts/{account}/clients")
                    .route(get().to(clients::list_of_account))
                    .route(post().to(clients::create_in_account))
                    .default_service(wrong_method()),
            )
            .service(
                resource("/accounts/{account}/parked-members")
                    .route(get().to(parked_members::list))
                    .default_service(wrong_method()),
            )
            .service(
                resource("/accounts/{account}/grants").route(get().to(grants::list)).default_service(wrong_method()),
            )
            .service(
                resource("/clients")
                    .route(get().to(clients::list_shared))
                    .route(post().to(clients::create_shared))
                    .default_service(wrong_method()),
            )
            .service(
                resource("/clients/{client}")
                    .route(get().to(clients::get))
                    .route(patch().to(clients::change))
                    .route(delete().to(clients::delete))
                    .default_service(wrong_method()),
            )
            .service(
                resource("/clients/{client}/tolerances")
                    .route(get().to(clients::tolerances::list))
                    .default_service(wrong_method()),
            )
            .service(
                resource("/clients/{client}/secrets")
                    .route(get().to(clients::secrets::list))
                    .route(post().to(clients::secrets::add))
                    .default_service(wrong_method()),
            )
            .service(
                resource("/clients/{client}/secrets/{secret}")
                    .route(delete().to(clients::secrets::end))
                    .default_service(wrong_method()),
            )
            .service(
                resource("/clients/{client}/tokens")
                    .route(get().to(clients::tokens::list))
                    .route(post().to(clients::tokens::add))
                    .default_service(wrong_method()),
            )
            .service(
                resource("/clients/{client}/tokens/{token}")
                    .route(delete().to(clients::tokens::end))
                    .default_service(wrong_method()),
            )
            .service(resource("/grants/{grant}").route(delete().to(grants::end)).default_service(wrong_method()))
            .service(
                resource("/operators")
                    .route(get().to(operators::list))
                    .route(post().to(operators::create))
                    .default_service(wrong_method()),
            )
            .service(
                resource("/operators/{operator}").route(delete().to(operators::end)).default_service(wrong_method()),
            )
            .service(resource("/audit").route(get().to(audit::list)).default_service(wrong_method()))
            .default_service(web::to(unknown)),
    );
}

async fn unknown(_operator: operator::Operator, request: HttpRequest) -> Result<HttpResponse, Problem> {
    Err(Problem::not_found("admin endpoint", request.path()))
}

async fn wrong_method(_operator: operator::Operator, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let detail = format!("{} does not answer {}; see the admin API's documentation", request.path(), request.method());
    Err(Problem::with_status(StatusCode::METHOD_NOT_ALLOWED, detail))
}
