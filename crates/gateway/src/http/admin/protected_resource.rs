//! What the admin API says of itself as a protected resource (RFC 9728): where product keys get their tokens, and for which scopes.

use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL};
use actix_web::{HttpResponse, web};

use crate::app::App;
use crate::domain::scopes;

/// Where it stands (§3.1).
pub(super) const PATH: &str = "/.well-known/oauth-protected-resource/admin";

/// `GET /.well-known/oauth-protected-resource/admin`
pub(super) async fn metadata(app: web::Data<App>) -> HttpResponse {
    let resource = scopes::admin_endpoint(&app.admin_url);
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .json(oauth::metadata::protected_resource(&app.settings, &resource, "Admin API"))
}

/// Its URL, as challenges name it (§5.1).
pub(super) fn url(app: &App) -> String {
    format!("{}{PATH}", app.admin_url)
}
