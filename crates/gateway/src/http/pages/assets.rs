//! What pages are made of beside their text: stylesheets, the script, icons and the logo, all in this binary or read at the start.

use std::sync::LazyLock;

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};

use super::templates::not_found;
use crate::app::App;
use crate::domain::brand::tokens::DESIGN;
use crate::domain::served_file::{MediaType, ServedFile};
use crate::http::edge::endpoints::{Endpoint, pages};

/// Files beside the pages.
pub static FILES: &[Endpoint] = pages![
    GET "/assets/{name}" => asset, "What pages are made of.";
    GET "/favicon.ico" => icon, "The logo, for browsers that do not read which one a page names.";
    GET "/robots.txt" => robots, "Keeps search engines away.";
];

/// A stylesheet or a script is the same for a year, because its address names its content.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// What is the same on every server of this version.
static OURS: LazyLock<[ServedFile; 4]> = LazyLock::new(|| {
    let file = |stem, media_type, text: &'static str| ServedFile::new(stem, media_type, text.as_bytes());
    [
        file("design", MediaType::Css, DESIGN),
        file("design", MediaType::JavaScript, include_str!("../../../assets/design.js")),
        file("icons", MediaType::Svg, include_str!("../../../assets/icons.svg")),
        file("reference", MediaType::Css, include_str!("../../../assets/reference.css")),
    ]
});

/// The address of a file of ours, such as `design.css`, below the path of the public URL.
pub(super) fn address(name: &str) -> Option<String> {
    let (stem, extension) = name.split_once('.')?;
    let file = OURS.iter().find(|file| file.stem == stem && file.name().ends_with(extension))?;
    Some(format!("/assets/{}", file.name()))
}

/// The address of a file that is part of the brand.
pub(super) fn address_of(file: &ServedFile) -> String {
    format!("/assets/{}", file.name())
}

async fn asset(request: HttpRequest, app: web::Data<App>, name: web::Path<String>) -> HttpResponse {
    let brand = &app.config.brand;
    let mut all = OURS.iter().chain([&brand.logo, &brand.stylesheet]);
    match all.find_map(|file| Some((file.clone(), file.is_named(&name)?))) {
        Some((file, true)) => served(&file, FOR_EVER),
        Some((file, false)) => served(&file, "no-cache"),
        None => not_found(request, app.clone()).await,
    }
}

/// A drawing that is opened by itself is a document of this origin: it loads nothing and runs nothing.
fn served(file: &ServedFile, kept: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(file.media_type.as_str())
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static(kept)))
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .insert_header(("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox"))
        .insert_header(("Cross-Origin-Resource-Policy", "same-origin"))
        .body(file.content.to_vec())
}

async fn icon(app: web::Data<App>) -> HttpResponse {
    served(&app.config.brand.logo, "public, max-age=86400")
}

/// No page is of use in the results of a search: what can be read without logging in tells nothing about the vendor's product.
async fn robots() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400")))
        .body("User-agent: *\nDisallow: /\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_has_an_address_of_its_own_that_names_its_content() {
        let addresses: Vec<String> =
            ["design.css", "design.js", "icons.svg", "reference.css"].iter().filter_map(|name| address(name)).collect();
        assert_eq!(addresses.len(), OURS.len());
        assert!(addresses[0].starts_with("/assets/design.") && addresses[0].ends_with(".css"), "{addresses:?}");
        assert_eq!(address("design.svg"), None);
    }

    #[test]
    fn every_icon_that_a_template_names_is_in_the_sprite() {
        let sprite = include_str!("../../../assets/icons.svg");
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        let mut named = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            for part in text.split("icon(\"").skip(1) {
                let name = part.split('"').next().unwrap();
                assert!(sprite.contains(&format!("id=\"{name}\"")), "{name} of {}", path.display());
                named += 1;
            }
        }
        assert!(named > 10, "templates name icons as icon(\"…\")");
    }

    #[test]
    fn no_page_has_a_style_or_a_script_of_its_own() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            for refused in [" style=", "<style", " onclick=", " onload=", "javascript:"] {
                assert!(!text.contains(refused), "{refused} in {}", path.display());
            }
            assert!(text.matches("<script").all(|_| path.ends_with("layout.html")), "{}", path.display());
        }
    }
}
