//! The front door: whose this is, and which way leads on. And the page that shows every part of the pages.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::templates::{filters, page};
use crate::app::App;

/// Whose this is, and which way leads on.
#[derive(Debug, Template)]
#[template(path = "front.html")]
struct FrontPage<'a> {
    scim: &'a str,
    authorization: String,
    token: String,
}

/// `GET /`
pub(super) async fn show(app: web::Data<App>) -> HttpResponse {
    let shown = FrontPage {
        scim: &app.scim_base,
        authorization: format!("{}/oauth2/auth", app.public_url),
        token: format!("{}/oauth2/token", app.public_url),
    };
    page(&app, StatusCode::OK, &shown)
}

/// Every part of the pages, in every state.
#[derive(Debug, Template)]
#[template(path = "style.html")]
struct StylePage {
    colors: [&'static str; 13],
    icons: Vec<&'static str>,
}

/// `GET /style`
pub(super) async fn style(app: web::Data<App>) -> HttpResponse {
    let sprite = include_str!("../../../assets/icons.svg");
    let icons = sprite.split("<symbol id=\"").skip(1).filter_map(|symbol| symbol.split('"').next()).collect();
    let colors = [
        "paper",
        "card",
        "well",
        "line",
        "edge",
        "soft",
        "ink",
        "brand",
        "on-brand",
        "ok",
        "attention",
        "broken",
        "neutral",
    ];
    page(&app, StatusCode::OK, &StylePage { colors, icons })
}
