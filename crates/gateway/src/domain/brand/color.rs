//! Colours, and how well one is seen on another (WCAG 2.2, "relative luminance" and "contrast ratio").

use std::str::FromStr;

/// Red, green and blue of sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color(pub [u8; 3]);

impl Color {
    /// `#000000`
    pub const BLACK: Color = Color([0; 3]);
    /// `#ffffff`
    pub const WHITE: Color = Color([255; 3]);

    fn luminance(self) -> f64 {
        let linear = self.0.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    /// From 1, the same, to 21, black on white.
    pub fn contrast(self, other: Color) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// So much of another colour in this one: 0 is this one, 1 the other. As `color-mix(in srgb, …)` does.
    pub fn mixed(self, other: Color, share: f64) -> Color {
        let mut mixed = self.0;
        for (part, with) in mixed.iter_mut().zip(other.0) {
            *part = (f64::from(*part) * (1.0 - share) + f64::from(with) * share).round() as u8;
        }
        Color(mixed)
    }
}

impl FromStr for Color {
    type Err = String;

    /// `#1f5fd0` or `#15d`.
    fn from_str(text: &str) -> Result<Color, String> {
        let wrong = || format!("`{text}` is no colour: write it as #1f5fd0");
        let digits = text.trim().strip_prefix('#').ok_or_else(wrong)?;
        let digits: Vec<u32> = digits.chars().map(|c| c.to_digit(16)).collect::<Option<_>>().ok_or_else(wrong)?;
        let part = |high: u32, low: u32| (high << 4 | low) as u8;
        match digits[..] {
            [r, g, b] => Ok(Color([part(r, r), part(g, g), part(b, b)])),
            [r, s, g, h, b, c] => Ok(Color([part(r, s), part(g, h), part(b, c)])),
            _ => Err(wrong()),
        }
    }
}

impl std::fmt::Display for Color {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [r, g, b] = self.0;
        write!(f, "#{r:02x}{g:02x}{b:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_computed_as_wcag_does() {
        assert!((Color::BLACK.contrast(Color::WHITE) - 21.0).abs() < 1e-9);
        assert!((Color::WHITE.contrast(Color::WHITE) - 1.0).abs() < 1e-9);
        let grey: Color = "#767676".parse().unwrap();
        assert!((grey.contrast(Color::WHITE) - 4.54).abs() < 0.01, "the lightest grey for text on white");
    }

    #[test]
    fn colours_are_read_as_they_are_written_in_stylesheets() {
        assert_eq!("#15D".parse(), Ok(Color([0x11, 0x55, 0xdd])));
        assert_eq!(" #1f5fd0 ".parse::<Color>().unwrap().to_string(), "#1f5fd0");
        for wrong in ["", "#", "1f5fd0", "#1f5fd", "#1f5fdg", "blue", "rgb(1,2,3)", "#1f5fd0ff", "#é"] {
            assert!(wrong.parse::<Color>().unwrap_err().contains("#1f5fd0"), "{wrong}");
        }
    }
}
