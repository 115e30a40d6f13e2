//! The address at which operators logged in before there was a console.

use actix_web::{HttpResponse, web};

use super::respond::redirect;
use crate::app::App;

/// `GET /operator`
pub(super) async fn moved(app: web::Data<App>) -> HttpResponse {
    redirect(&format!("{}/console", app.admin_url))
}
