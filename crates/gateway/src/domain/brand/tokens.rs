//! The colours of the design, read from its stylesheet: they are defined there and nowhere else.

use super::color::Color;

/// The stylesheet of all pages.
pub const DESIGN: &str = include_str!("../../../assets/design.css");

/// What the reader's system asks pages to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Mode {
    Light,
    Dark,
}

/// The value of `--name`. Dark pages have that of light ones where they have none of their own.
fn value(mode: Mode, name: &str) -> Option<&'static str> {
    const DARK: &str = "@media (prefers-color-scheme: dark) {";
    let (light, dark) = DESIGN.split_once(DARK)?;
    let dark = dark.split_once("\n}")?.0;
    let found = |block: &'static str| {
        let declared = format!("--{name}:");
        block.split([';', '{', '\n']).find_map(|part| part.trim().strip_prefix(&declared)).map(str::trim)
    };
    match mode {
        Mode::Light => found(light),
        Mode::Dark => found(dark).or_else(|| found(light)),
    }
}

/// The colour `--name`. A name that the design does not have is black: a test asks for every name that is used.
pub fn color(mode: Mode, name: &str) -> Color {
    value(mode, name).and_then(|value| value.parse().ok()).unwrap_or(Color::BLACK)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [&str; 4] = ["ok", "attention", "broken", "neutral"];

    fn token(mode: Mode, name: &str) -> Color {
        let value = value(mode, name).unwrap_or_else(|| panic!("--{name} is not in the design"));
        value.parse().unwrap_or_else(|why| panic!("--{name}: {why}"))
    }

    #[track_caller]
    fn has(mode: Mode, least: f64, front: &str, back: &str) {
        let contrast = token(mode, front).contrast(token(mode, back));
        assert!(contrast >= least, "--{front} on --{back} has {contrast:.2}:1 in {mode:?}, and needs {least}:1");
    }

    #[test]
    fn text_has_a_contrast_of_four_and_a_half_on_all_that_it_stands_on() {
        for mode in [Mode::Light, Mode::Dark] {
            for back in ["paper", "card", "well"] {
                for front in ["ink", "soft", "brand"] {
                    has(mode, 4.5, front, back);
                }
            }
            has(mode, 4.5, "on-brand", "brand");
            for state in STATES {
                let well = format!("{state}-well");
                for (front, back) in
                    [(state, &*well), (state, "card"), (state, "paper"), ("ink", &well), ("soft", &well)]
                {
                    has(mode, 4.5, front, back);
                }
            }
            for state in ["broken", "ok"] {
                has(mode, 4.5, "card", state);
            }
        }
    }

    #[test]
    fn borders_of_controls_have_a_contrast_of_three() {
        for mode in [Mode::Light, Mode::Dark] {
            for back in ["card", "paper", "well"] {
                has(mode, 3.0, "edge", back);
                has(mode, 3.0, "brand", back);
                has(mode, 3.0, "broken", back);
            }
            for state in STATES {
                has(mode, 3.0, "edge", &format!("{state}-well"));
            }
        }
    }

    #[test]
    fn controls_take_their_border_from_the_token_that_is_checked() {
        for control in [".button, button {", "input:not([type=radio], [type=checkbox]), select, textarea { width"] {
            let rule = DESIGN.split(control).nth(1).unwrap_or_else(|| panic!("no rule {control}"));
            let rule = rule.split('}').next().unwrap();
            assert!(rule.contains("border: 1px solid var(--edge)"), "{control}: {rule}");
        }
    }

    #[test]
    fn each_colour_of_dark_pages_is_one_of_light_pages() {
        for name in ["paper", "card", "well", "ink", "soft", "line", "edge", "brand", "on-brand"] {
            assert_ne!(token(Mode::Light, name), token(Mode::Dark, name), "--{name} has a dark value");
        }
    }
}
