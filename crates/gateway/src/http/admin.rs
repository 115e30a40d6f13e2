//! The admin API: for Customer Success Managers' tools and for automation. `docs/admin-api.md` is its contract.
//!
//! [`ENDPOINTS`] is all of it. Every handler takes an [`Operator`](operator::Operator), which cannot be had without a token that
//! counts; a story asks each row of the table without one.

use actix_web::http::{StatusCode, header};
use actix_web::middleware::DefaultHeaders;
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};

use crate::http::edge::endpoints::{Endpoint, allowed, endpoints, resources};
use crate::http::edge::problem::{FieldError, Problem};
use crate::http::edge::query;

mod accounts;
mod attributes;
mod audit;
mod clients;
mod grants;
mod input;
mod lookup;
mod notices;
mod operator;
mod operators;
mod page;
mod parked_members;
mod removed_values;
mod shared_names;
mod sign_in;
mod users;

/// Every endpoint of the admin API, below `/admin`; those of one path stand together.
pub static ENDPOINTS: &[Endpoint] = endpoints![
    GET "/accounts" ["name", "limit", "after"] => accounts::list,
    POST "/accounts" => accounts::create,
    GET "/accounts/{account}" => accounts::get,
    PATCH "/accounts/{account}" ["force"] => accounts::change,
    DELETE "/accounts/{account}" => accounts::delete,
    GET "/accounts/{account}/attributes" ["limit", "after"] => attributes::list,
    GET "/accounts/{account}/attributes/{attribute}" => attributes::get,
    PUT "/accounts/{account}/attributes/{attribute}" ["force"] => attributes::put,
    DELETE "/accounts/{account}/attributes/{attribute}" => attributes::delete,
    GET "/accounts/{account}/users" ["filter", "startIndex", "count", "sortBy", "sortOrder"] => users::list,
    POST "/accounts/{account}/users" => users::create,
    GET "/accounts/{account}/users/{user}" => users::get,
    PATCH "/accounts/{account}/users/{user}" => users::change,
    DELETE "/accounts/{account}/users/{user}" => users::delete,
    DELETE "/accounts/{account}/users/{user}/second-factor" => sign_in::remove_second_factor,
    DELETE "/accounts/{account}/users/{user}/upstream-identity" => sign_in::release_identity,
    GET "/accounts/{account}/sign-in" => sign_in::get,
    PATCH "/accounts/{account}/sign-in" => sign_in::change,
    GET "/accounts/{account}/clients" ["limit", "after"] => clients::list_of_account,
    POST "/accounts/{account}/clients" => clients::create_in_account,
    GET "/accounts/{account}/parked-members" ["group", "limit", "after"] => parked_members::list,
    GET "/accounts/{account}/shared-names" ["limit", "after"] => shared_names::list,
    GET "/accounts/{account}/grants" ["limit", "after"] => grants::list,
    GET "/accounts/{account}/notices" ["limit", "after"] => notices::list,
    GET "/clients" ["limit", "after"] => clients::list_shared,
    POST "/clients" => clients::create_shared,
    GET "/clients/{client}" => clients::get,
    PATCH "/clients/{client}" => clients::change,
    DELETE "/clients/{client}" => clients::delete,
    GET "/clients/{client}/tolerances" => clients::tolerances::list,
    GET "/clients/{client}/secrets" => clients::secrets::list,
    POST "/clients/{client}/secrets" => clients::secrets::add,
    DELETE "/clients/{client}/secrets/{secret}" => clients::secrets::end,
    GET "/clients/{client}/tokens" => clients::tokens::list,
    POST "/clients/{client}/tokens" => clients::tokens::add,
    DELETE "/clients/{client}/tokens/{token}" => clients::tokens::end,
    DELETE "/grants/{grant}" => grants::end,
    GET "/operators" => operators::list,
    POST "/operators" => operators::create,
    DELETE "/operators/{operator}" => operators::end,
    GET "/audit" ["account", "limit", "after"] => audit::list,
    GET "/audit/head" => audit::head,
];

/// Refuses parameters of the query that the endpoint has not, or has twice: what is not understood must not be taken for done.
fn check_query(request: &HttpRequest) -> Result<(), Problem> {
    let pattern = request.match_pattern().unwrap_or_default();
    let path = pattern.strip_prefix("/admin").unwrap_or_default();
    let endpoint = ENDPOINTS.iter().find(|endpoint| endpoint.path == path && endpoint.method == request.method());
    let Some(endpoint) = endpoint else { return Ok(()) };
    let pairs = query::pairs(request.query_string())
        .map_err(|e| Problem::bad_request(format!("the query string is malformed: {e}")))?;
    let mut mistakes: Vec<FieldError> = Vec::new();
    for (index, (name, _)) in pairs.iter().enumerate() {
        let detail = match endpoint.query {
            [] => "this endpoint has no parameters in its query".to_owned(),
            known if !known.contains(&name.as_str()) => {
                format!("no parameter of this endpoint; it has {}", known.join(", "))
            }
            _ if pairs[..index].iter().any(|(before, _)| before == name) => "stands twice; send it once".to_owned(),
            _ => continue,
        };
        let field = format!("?{}", name.chars().take(100).collect::<String>());
        mistakes.push(FieldError { field, detail });
    }
    mistakes.truncate(20);
    if mistakes.is_empty() { Ok(()) } else { Err(Problem::invalid(mistakes)) }
}

pub(super) fn routes(config: &mut web::ServiceConfig) {
    let mut scope = web::scope("/admin");
    for resource in resources(ENDPOINTS, || web::to(wrong_method)) {
        scope = scope.service(resource);
    }
    // Secrets and people: nothing on the way keeps them.
    let not_kept = DefaultHeaders::new().add((header::CACHE_CONTROL, "no-store"));
    config.service(scope.default_service(web::to(unknown)).wrap(not_kept));
}

async fn unknown(_operator: operator::Operator, request: HttpRequest) -> Result<HttpResponse, Problem> {
    Err(Problem::not_found("admin endpoint", request.path()))
}

async fn wrong_method(_operator: operator::Operator, request: HttpRequest) -> HttpResponse {
    let detail = format!("{} does not answer {}; see the admin API's documentation", request.path(), request.method());
    let mut answer = Problem::with_status(StatusCode::METHOD_NOT_ALLOWED, detail).error_response();
    if let Ok(allow) = allowed(&request).parse() {
        answer.headers_mut().insert(header::ALLOW, allow);
    }
    answer
}
