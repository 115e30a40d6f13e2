//! `[brand]`: whose pages these are.

use std::path::Path;

use lettre::Address;
use url::Url;

use super::file;
use super::reader::{Reader, Section};
use crate::domain::brand::color::Color;
use crate::domain::brand::tokens::Mode;
use crate::domain::brand::{Accents, Brand, Link, check, logo};
use crate::domain::served_file::ServedFile;
use crate::domain::wording::strip_invisible;

/// The most characters of a name: it stands beside the logo, on a phone too.
const LONGEST: usize = 40;

pub(super) fn read(r: &mut Reader) -> Brand {
    let mut s = r.section("brand");
    let about =
        "Your product's name: beside the logo and in the title of every page. Without it: the host of the public URL.";
    let name = s.optional("name", "Exampla", "up to 40 characters", about, |text| name(&text));
    let about = "Your logo, on every page and as its icon: a PNG of up to 2048 pixels a side or an SVG without scripts, of up to 100 KiB. It is read at the \
         start.";
    let logo = s.optional("logo_file", "/etc/gateway/logo.svg", "path", about, |path| logo_file(Path::new(&path)));
    let light = s.optional(
        "accent",
        "#1f5fd0",
        "colour, such as #1f5fd0",
        "The colour of links and primary buttons on light pages. A contrast below 4.5:1 stops the start, with a colour that would do. Without it: \
         accent_dark, made darker.",
        |text| accent(&text, Mode::Light),
    );
    let dark = s.optional(
        "accent_dark",
        "#86b0ff",
        "colour, such as #86b0ff",
        "The same on dark pages, which a reader's system asks for. Without it: accent, made lighter.",
        |text| accent(&text, Mode::Dark),
    );
    let about = "Where users write to who need help: on every page, and named by error pages.";
    let support = s.optional("support_email", "support@example.com", "address", about, |text| address(&text));
    let links = [
        link(&mut s, "Help", "help_url", "https://example.com/help", "A link at the foot of every page: help."),
        link(
            &mut s,
            "Privacy",
            "privacy_url",
            "https://example.com/privacy",
            "The same: what you do with personal data.",
        ),
        link(&mut s, "Terms", "terms_url", "https://example.com/terms", "The same: your terms."),
    ];
    Brand {
        name,
        logo: logo.unwrap_or_else(logo::plain),
        stylesheet: Accents::of(light, dark).stylesheet(),
        support,
        links: links.into_iter().flatten().collect(),
    }
}

fn name(text: &str) -> Result<String, String> {
    let text = text.trim();
    match text.chars().count() {
        _ if text != strip_invisible(text) => Err("has characters that cannot be seen".to_owned()),
        1..=LONGEST => Ok(text.to_owned()),
        n => Err(format!("has {n} characters; a name has 1 to {LONGEST}")),
    }
}

fn logo_file(path: &Path) -> Result<ServedFile, String> {
    let content = file::bytes(path, logo::MOST)?;
    logo::parse(content).map_err(|why| format!("`{}` {why}", path.display()))
}

fn accent(text: &str, mode: Mode) -> Result<Color, String> {
    check(text.parse()?, mode)
}

fn address(text: &str) -> Result<String, String> {
    let address: Address =
        text.trim().parse().map_err(|_| format!("`{text}` is no address: write support@example.com"))?;
    Ok(address.to_string())
}

fn link(
    s: &mut Section<'_>,
    label: &'static str,
    name: &'static str,
    example: &'static str,
    about: &'static str,
) -> Option<Link> {
    let url = s.optional(name, example, "URL", about, |text| {
        let url = Url::parse(text.trim()).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
        let url = url.filter(|url| url.has_host() && url.username().is_empty() && url.password().is_none());
        url.map(String::from).ok_or_else(|| format!("`{text}` is no address of a page: write https://example.com/help"))
    })?;
    Some(Link { label, url })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn brand(variables: &[(&str, &str)]) -> Result<Brand, Vec<String>> {
        Config::from_variables(variables).map(|config| config.brand).map_err(|errors| errors.0)
    }

    #[test]
    fn a_server_without_a_brand_has_the_colours_of_the_design() {
        let brand = brand(&[]).unwrap();
        assert!(brand.name.is_none() && brand.support.is_none() && brand.links.is_empty());
        assert_eq!(brand.logo, logo::plain());
        let css = String::from_utf8(brand.stylesheet.content.to_vec()).unwrap();
        assert!(css.contains("--brand: #1f5fd0; --on-brand: #ffffff;") && css.contains("--brand: #86b0ff;"), "{css}");
    }

    #[test]
    fn a_vendor_sets_name_logo_colours_and_links() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logo.svg");
        std::fs::write(&path, "<svg></svg>").unwrap();
        let brand = brand(&[
            ("GATEWAY__BRAND__NAME", " Exampla "),
            ("GATEWAY__BRAND__LOGO_FILE", path.to_str().unwrap()),
            ("GATEWAY__BRAND__ACCENT", "#8a1c7c"),
            ("GATEWAY__BRAND__SUPPORT_EMAIL", "support@exampla.example"),
            ("GATEWAY__BRAND__PRIVACY_URL", "https://exampla.example/privacy"),
        ])
        .unwrap();
        assert_eq!(brand.name.as_deref(), Some("Exampla"));
        assert_eq!(&*brand.logo.content, b"<svg></svg>");
        assert_eq!(brand.links, [Link { label: "Privacy", url: "https://exampla.example/privacy".to_owned() }]);
        let css = String::from_utf8(brand.stylesheet.content.to_vec()).unwrap();
        assert!(css.starts_with(":root { --brand: #8a1c7c; --on-brand: #ffffff; }"), "{css}");
    }

    #[test]
    fn each_mistake_of_a_brand_says_what_would_be_right() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logo.gif");
        std::fs::write(&path, "GIF89a").unwrap();
        let long = "x".repeat(41);
        for (name, value, said) in [
            ("ACCENT", "#ffd400", "would do"),
            ("ACCENT", "red", "write it as #1f5fd0"),
            ("ACCENT_DARK", "#1f5fd0", "on dark pages"),
            ("LOGO_FILE", path.to_str().unwrap(), "neither a PNG nor an SVG"),
            ("LOGO_FILE", "/nowhere/logo.svg", "cannot read `/nowhere/logo.svg`"),
            ("NAME", &long, "a name has 1 to 40"),
            ("NAME", "Ex\u{202e}ampla", "cannot be seen"),
            ("SUPPORT_EMAIL", "support", "write support@example.com"),
            ("HELP_URL", "javascript:alert(1)", "write https://example.com/help"),
            ("TERMS_URL", "example.com/terms", "write https://example.com/help"),
        ] {
            let mistakes = brand(&[(&format!("GATEWAY__BRAND__{name}"), value)]).unwrap_err();
            let key = format!("brand.{}: ", name.to_lowercase());
            assert!(mistakes.len() == 1 && mistakes[0].starts_with(&key) && mistakes[0].contains(said), "{mistakes:?}");
        }
    }
}
