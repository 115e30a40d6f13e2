//! The vendor on every page: name, logo, colours, and where users find help.

use crate::domain::served_file::{MediaType, ServedFile};

pub mod color;
pub mod logo;
pub mod tokens;

use color::Color;
use tokens::Mode;

/// What of pages is the vendor's.
#[derive(Debug, Clone)]
pub struct Brand {
    /// The name; without one, pages name the host they are on.
    pub name: Option<String>,
    /// The logo.
    pub logo: ServedFile,
    /// The stylesheet with the colours.
    pub stylesheet: ServedFile,
    /// Where users write to.
    pub support: Option<String>,
    /// Links at the foot of every page.
    pub links: Vec<Link>,
}

/// A link at the foot of every page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What is written on it.
    pub label: &'static str,
    /// Where it leads.
    pub url: String,
}

/// The colour of links and primary buttons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accents {
    /// On light pages,
    pub light: Color,
    /// and on dark ones.
    pub dark: Color,
}

impl Accents {
    /// Of the colours that are set. What is not set follows from the other: the same colour, as much lighter or darker as it takes.
    pub fn of(light: Option<Color>, dark: Option<Color>) -> Accents {
        let own = |mode| tokens::color(mode, "brand");
        match (light, dark) {
            (None, None) => Accents { light: own(Mode::Light), dark: own(Mode::Dark) },
            (light, dark) => {
                let given = light.or(dark).unwrap_or_else(|| own(Mode::Light));
                Accents {
                    light: light.unwrap_or_else(|| legible(given, Mode::Light)),
                    dark: dark.unwrap_or_else(|| legible(given, Mode::Dark)),
                }
            }
        }
    }

    /// Overrides the colours of the design.
    pub fn stylesheet(self) -> ServedFile {
        let colors = |accent: Color| format!(":root {{ --brand: {accent}; --on-brand: {}; }}", text_on(accent));
        let (light, dark) = (colors(self.light), colors(self.dark));
        let text = format!("{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}\n");
        ServedFile::new("brand", MediaType::Css, text.into_bytes())
    }
}

/// Text needs this contrast with what it stands on (WCAG 2.2, success criterion 1.4.3).
pub const TEXT: f64 = 4.5;

/// What links stand on.
const GROUNDS: [&str; 3] = ["paper", "card", "well"];

/// The lowest contrast of an accent with what it stands on, and that ground.
fn worst(accent: Color, mode: Mode) -> (f64, Color) {
    let grounds = GROUNDS.map(|name| tokens::color(mode, name));
    let with = |ground: Color| (accent.contrast(ground), ground);
    grounds.map(with).into_iter().min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((1.0, accent))
}

/// The nearest colour that can be read, darker on light pages and lighter on dark ones.
fn legible(accent: Color, mode: Mode) -> Color {
    let end = if mode == Mode::Light { Color::BLACK } else { Color::WHITE };
    let steps = (0..=100).map(|percent| accent.mixed(end, f64::from(percent) / 100.0));
    steps.into_iter().find(|color| worst(*color, mode).0 >= TEXT).unwrap_or(end)
}

/// What text on an accent is written in.
pub fn text_on(accent: Color) -> Color {
    const DARK: Color = Color([0x0a, 0x14, 0x24]);
    if accent.contrast(Color::WHITE) >= accent.contrast(DARK) { Color::WHITE } else { DARK }
}

/// Whether an accent can be read; else what would do.
pub fn check(accent: Color, mode: Mode) -> Result<Color, String> {
    let (contrast, ground) = worst(accent, mode);
    if contrast >= TEXT {
        return Ok(accent);
    }
    // Rounded down, so that what is refused never reads as if it had enough.
    let contrast = (contrast * 10.0).floor() / 10.0;
    let pages = if mode == Mode::Light { "light" } else { "dark" };
    Err(format!(
        "{accent} has a contrast of {contrast}:1 with {ground}, on which links stand on {pages} pages; text needs 4.5:1. {} would do",
        legible(accent, mode)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn color(text: &str) -> Color {
        text.parse().unwrap()
    }

    #[test]
    fn an_accent_that_cannot_be_read_is_refused_with_one_that_can() {
        for (text, mode) in
            [("#ffd400", Mode::Light), ("#86b0ff", Mode::Light), ("#1f5fd0", Mode::Dark), ("#000", Mode::Dark)]
        {
            let refused = check(color(text), mode).unwrap_err();
            let would_do = refused.rsplit(". ").next().unwrap().strip_suffix(" would do").unwrap();
            assert_eq!(check(color(would_do), mode), Ok(color(would_do)), "{refused}");
        }
        let refused = check(color("#ffd400"), Mode::Light).unwrap_err();
        assert!(refused.starts_with("#ffd400 has a contrast of 1.") && refused.contains("needs 4.5:1"), "{refused}");
        assert_eq!(check(color("#1f5fd0"), Mode::Light), Ok(color("#1f5fd0")));
    }

    #[test]
    fn a_colour_that_is_not_set_follows_from_the_other_and_can_be_read() {
        for text in ["#b3261e", "#1f5fd0", "#006d3b", "#ffd400", "#000000", "#ffffff", "#777777"] {
            let given = color(text);
            for accents in [Accents::of(Some(given), None), Accents::of(None, Some(given))] {
                for (accent, mode) in [(accents.light, Mode::Light), (accents.dark, Mode::Dark)] {
                    if accent != given {
                        assert_eq!(check(accent, mode), Ok(accent), "{text}");
                        assert!(accent.contrast(text_on(accent)) >= TEXT, "{text}: {accent}");
                    }
                }
            }
        }
        assert_eq!(Accents::of(Some(color("#b3261e")), None).light, color("#b3261e"));
    }

    #[test]
    fn text_on_every_accent_that_is_not_refused_can_be_read() {
        for mode in [Mode::Light, Mode::Dark] {
            for n in 0..(1 << 12) {
                let accent = Color([n >> 8, n >> 4 & 15, n & 15].map(|part: u32| (part * 17) as u8));
                if check(accent, mode).is_ok() {
                    let text = text_on(accent);
                    assert!(accent.contrast(text) >= TEXT, "{accent} {mode:?}");
                }
            }
        }
    }
}
