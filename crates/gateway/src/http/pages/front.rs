//! The front door: whose this is, and which way leads on. And the page that shows every part of the pages.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use oauth::Scopes;

use super::templates::{filters, page};
use crate::app::App;
use crate::domain::setup::Drawing;
use crate::domain::wording::{self, Ability};

/// Whose this is, and which way leads on.
#[derive(Debug, Template)]
#[template(path = "front.html")]
struct FrontPage<'a> {
    scim: &'a str,
    authorization: String,
    token: String,
    /// Whether this is where operators come, too.
    has_console: bool,
}

/// `GET /`
pub(super) async fn show(app: web::Data<App>) -> HttpResponse {
    let shown = FrontPage {
        scim: &app.scim_base,
        authorization: format!("{}/oauth2/auth", app.public_url),
        token: format!("{}/oauth2/token", app.public_url),
        has_console: app.admin_url == app.public_url,
    };
    page(&app, StatusCode::OK, &shown)
}

/// Every part of the pages, in every state.
#[derive(Debug, Template)]
#[template(path = "style.html")]
struct StylePage {
    colors: [&'static str; 13],
    icons: Vec<&'static str>,
    drawings: [Drawing; 4],
    abilities: Vec<Ability>,
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
    let drawings = [Drawing::VariableName, Drawing::Integration, Drawing::GroupPriority, Drawing::EntraCredentials];
    let abilities = wording::abilities(&Scopes::parse("openid offline provision:scim").unwrap_or_default());
    page(&app, StatusCode::OK, &StylePage { colors, icons, drawings, abilities })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    const PAGE: &str = include_str!("../../../templates/style.html");
    const SHEETS: [&str; 2] = [include_str!("../../../assets/design.css"), include_str!("../../../assets/console.css")];
    const MACROS: [(&str, &str); 2] = [
        ("ui", include_str!("../../../templates/components.html")),
        ("setup", include_str!("../../../templates/setup_parts.html")),
    ];
    const FRAMES: [&str; 2] =
        [include_str!("../../../templates/visitor.html"), include_str!("../../../templates/layout.html")];

    /// What `/style` cannot show: the frame of pages with one card, and what is there on paper or on a phone alone.
    const ELSEWHERE: [&str; 7] = ["alone", "alone-top", "wider", "only-print", "no-print", "phone-only", "narrow-only"];

    /// The classes of a template, but for those that only its values know.
    fn classes(html: &str) -> BTreeSet<&str> {
        let attributes = html.split("class=\"").skip(1).map(|rest| rest.split('"').next().unwrap_or_default());
        attributes.flat_map(|words| words.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))).collect()
    }

    /// The classes that a stylesheet says something of.
    fn styled(sheet: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let rules = sheet.split("*/").map(|part| part.split("/*").next().unwrap_or_default());
        for selector in rules.flat_map(|rules| rules.split('}')).filter_map(|rule| rule.rsplit_once('{')) {
            for part in selector.0.split('.').skip(1) {
                let end = part.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(part.len());
                found.extend(Some(&part[..end]).filter(|class| class.starts_with(|c: char| c.is_ascii_lowercase())));
            }
        }
        found
    }

    #[test]
    fn every_component_is_on_the_page_of_components() {
        let mut shown = classes(PAGE);
        FRAMES.iter().for_each(|frame| shown.extend(classes(frame)));
        for (name, text) in MACROS {
            for part in text.split("{%- macro ").skip(1) {
                let (called, body) = part.split_once('(').expect("a macro has parameters");
                let call = format!("{name}::{called}(");
                if PAGE.contains(&call) || FRAMES.iter().any(|frame| frame.contains(&call)) {
                    shown.extend(classes(body));
                }
            }
        }
        // The script makes the buttons that copy.
        shown.insert("copy");
        let mut all: BTreeSet<&str> = SHEETS.iter().flat_map(|sheet| styled(sheet)).collect();
        assert!(all.len() > 100, "the stylesheets are read: {all:?}");
        all.retain(|class| !shown.contains(class) && !ELSEWHERE.contains(class));
        assert!(all.is_empty(), "these parts are not on /style: show them in templates/style.html: {all:?}");
    }
}
