//! Health checks: whether the process lives, and whether it can serve.

use actix_web::{HttpRequest, HttpResponse, web};

use super::endpoints::{Endpoint, allowed, endpoints, resources};
use crate::app::App;
use crate::serve;

/// Every health check.
pub static ENDPOINTS: &[Endpoint] = endpoints![
    GET "/health/live" => live,
    GET "/health/ready" => ready,
];

pub(super) fn routes(config: &mut web::ServiceConfig) {
    for resource in resources(ENDPOINTS, || web::to(wrong_method)) {
        config.service(resource);
    }
}

async fn wrong_method(request: HttpRequest) -> HttpResponse {
    HttpResponse::MethodNotAllowed().insert_header(("Allow", allowed(&request))).finish()
}

async fn live() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({"status": "live"}))
}

async fn ready(app: web::Data<App>) -> HttpResponse {
    if serve::is_ready(&app).await {
        HttpResponse::Ok().json(serde_json::json!({"status": "ready"}))
    } else {
        HttpResponse::ServiceUnavailable()
            .json(serde_json::json!({"status": "unavailable", "detail": "the database does not answer"}))
    }
}
