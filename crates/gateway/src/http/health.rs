//! Health checks: whether the process lives, and whether it can serve.

use actix_web::{HttpResponse, web};

use crate::app::App;
use crate::serve;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.route("/health/live", web::get().to(live)).route("/health/ready", web::get().to(ready));
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
