//! The page that follows accepting where no identity provider waits: in `gateway demo`, whose reader has no Okta.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::files::FILES;
use super::templates::{self, Way, filters, page, told};
use crate::app::App;
use crate::http::edge::endpoints::resources;

/// What was connected, and what to do with it.
#[derive(Debug, Template)]
#[template(path = "connected.html")]
pub(crate) struct ConnectedPage {
    /// The client's name.
    pub(crate) client: String,
    /// The account's name.
    pub(crate) account: String,
    /// The `userName` of who accepted.
    pub(crate) owner: String,
    /// How many users the client found.
    pub(crate) users: String,
    /// Where connections are listed and ended.
    pub(crate) account_page: String,
    /// What the reader may send, each with its name.
    pub(crate) commands: Vec<(&'static str, String)>,
}

impl ConnectedPage {
    /// As an answer.
    pub(crate) fn answer(&self, app: &App) -> HttpResponse {
        page(app, StatusCode::OK, self)
    }
}

/// The page of a client that was not connected.
pub(crate) fn not_connected(app: &App, why: &str) -> HttpResponse {
    let ways: &[Way] = &[];
    told(
        app,
        StatusCode::BAD_REQUEST,
        "Nothing was connected",
        why,
        Some("Open the address of the demo's last lines again."),
        ways,
    )
}

/// The files that such a page is made of, on a server of its own.
pub(crate) fn files(config: &mut web::ServiceConfig) {
    for resource in resources(FILES, || web::to(templates::wrong_method)) {
        config.service(resource);
    }
}
