//! Where the console begins.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::{Desk, Section};
use crate::app::App;
use crate::http::edge::endpoints::{Endpoint, pages};
use crate::http::pages::failure::PageFailure;
use crate::http::pages::templates::filters;

pub(super) static ENDPOINTS: &[Endpoint] = pages![
    GET "/console" => show, "Shows where the console begins.";
];

#[derive(Debug, Template)]
#[template(path = "console/home.html")]
struct HomePage;

async fn show(desk: Desk, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    Ok(desk.page(&app, Section::Accounts, &HomePage))
}
