//! Health checks: whether the process lives, and whether it can serve.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use crate::app::App;
use crate::http::edge::endpoints::{Endpoint, allowed, endpoints, resources};

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
    HttpResponse::Ok().json(json!({"status": "live"}))
}

/// Ready means that the database can be written; the answer takes half a second at most.
async fn ready(app: web::Data<App>) -> HttpResponse {
    if app.stopping.has_begun() {
        return HttpResponse::ServiceUnavailable()
            .json(json!({"status": "stopping", "detail": "the server was told to stop"}));
    }
    match app.pulse.check().await {
        Ok(()) => HttpResponse::Ok().json(json!({"status": "ready"})),
        Err(detail) => HttpResponse::ServiceUnavailable()
            .insert_header((header::RETRY_AFTER, "1"))
            .json(json!({"status": "unavailable", "detail": detail})),
    }
}
