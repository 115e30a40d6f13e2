//! What pages are made of beside their text: stylesheets, the script, icons and the logo, all in this binary or read at the start; and their
//! addresses.

use std::sync::LazyLock;

use crate::domain::brand::Brand;
use crate::domain::brand::tokens::DESIGN;
use crate::domain::served_file::{MediaType, ServedFile};

/// What is the same on every server of this version.
static OURS: LazyLock<[ServedFile; 5]> = LazyLock::new(|| {
    let file = |stem, media_type, text: &'static str| ServedFile::new(stem, media_type, text.as_bytes());
    [
        file("design", MediaType::Css, DESIGN),
        file("console", MediaType::Css, include_str!("../../../assets/console.css")),
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

/// A file of ours or of the brand by its address; and whether the address names this very version.
pub(super) fn find(brand: &Brand, name: &str) -> Option<(ServedFile, bool)> {
    let mut all = OURS.iter().chain([&brand.logo, &brand.stylesheet]);
    all.find_map(|file| Some((file.clone(), file.is_named(name)?)))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    /// Every template, also those in folders.
    fn templates() -> Vec<PathBuf> {
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("templates")];
        let mut found = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { found.push(path) }
            }
        }
        found
    }

    #[test]
    fn each_file_has_an_address_of_its_own_that_names_its_content() {
        let addresses: Vec<String> = ["design.css", "console.css", "design.js", "icons.svg", "reference.css"]
            .iter()
            .filter_map(|name| address(name))
            .collect();
        assert_eq!(addresses.len(), OURS.len());
        assert!(addresses[0].starts_with("/assets/design.") && addresses[0].ends_with(".css"), "{addresses:?}");
        assert_eq!(address("design.svg"), None);
    }

    #[test]
    fn every_icon_that_a_template_names_is_in_the_sprite() {
        let sprite = include_str!("../../../assets/icons.svg");
        let mut named = 0;
        for path in templates() {
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
        for path in templates() {
            let text = std::fs::read_to_string(&path).unwrap();
            for refused in [" style=", "<style", " onclick=", " onload=", "javascript:"] {
                assert!(!text.contains(refused), "{refused} in {}", path.display());
            }
            assert!(text.matches("<script").all(|_| path.ends_with("layout.html")), "{}", path.display());
        }
    }
}
