//! Logos: what is accepted, and the one of servers that have none of their own.

use crate::domain::served_file::{MediaType, ServedFile};

/// The most bytes of a logo. It stands on every page, and in the memory of every replica.
pub const MOST: usize = 100 << 10;
/// The most pixels of a side.
const SIDE: u32 = 2048;
/// How a PNG begins (PNG §5.2, §11.2.1).
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
/// What an SVG has no need of as a logo. Pages show it as an image, which runs nothing; opened by itself it is a document.
const ACTIVE: [&str; 5] = ["<script", "<foreignobject", "<!entity", "<iframe", "javascript:"];

/// The logo of servers that have none of their own.
pub fn plain() -> ServedFile {
    named(MediaType::Svg, include_bytes!("../../../assets/logo.svg").to_vec())
}

fn named(media_type: MediaType, content: Vec<u8>) -> ServedFile {
    ServedFile::new("logo", media_type, content)
}

/// A logo out of a file, or what is wrong with it.
pub fn parse(content: Vec<u8>) -> Result<ServedFile, String> {
    if content.len() > MOST {
        return Err(format!("has {} KiB, and a logo may have {} KiB", content.len().div_ceil(1024), MOST >> 10));
    }
    if let Some(header) = content.strip_prefix(PNG) {
        let side = |at: usize| Some(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?));
        let fits = |side: u32| (1..=SIDE).contains(&side);
        return match (side(0), side(4)) {
            (Some(width), Some(height)) if fits(width) && fits(height) => Ok(named(MediaType::Png, content)),
            (Some(width), Some(height)) => {
                Err(format!("is {width} by {height} pixels; a logo has 1 to {SIDE} on each side"))
            }
            _ => Err("is a PNG that breaks off".to_owned()),
        };
    }
    let text = std::str::from_utf8(&content).map_err(|_| NEITHER.to_owned())?;
    if !is_svg(text) {
        return Err(NEITHER.to_owned());
    }
    let lower = text.to_ascii_lowercase();
    match ACTIVE.iter().find(|part| lower.contains(**part)) {
        Some(part) => Err(format!("is an SVG with `{part}`; a logo is a drawing and nothing else")),
        None => Ok(named(MediaType::Svg, content)),
    }
}

const NEITHER: &str = "is neither a PNG nor an SVG";

/// Whether the first element is `svg`.
fn is_svg(text: &str) -> bool {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    for (begin, end) in [("<?xml", "?>"), ("<!DOCTYPE", ">"), ("<!--", "-->")].into_iter().cycle().take(9) {
        if let Some((_, after)) = rest.strip_prefix(begin).and_then(|inside| inside.split_once(end)) {
            rest = after.trim_start();
        }
    }
    rest.strip_prefix("<svg").is_some_and(|rest| rest.starts_with(|c: char| c.is_whitespace() || c == '>'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        [PNG, &width.to_be_bytes(), &height.to_be_bytes(), b"\x08\x06\0\0\0"].concat()
    }

    #[test]
    fn a_logo_is_a_png_or_an_svg_by_its_content() {
        assert_eq!(parse(png(64, 32)).unwrap().media_type, MediaType::Png);
        for svg in [
            r#"<svg xmlns="http://www.w3.org/2000/svg"></svg>"#,
            "\u{feff}<?xml version=\"1.0\"?>\n<!-- Made by hand -->\n<svg>\n</svg>",
            "<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"svg11.dtd\"><svg></svg>",
        ] {
            assert_eq!(parse(svg.into()).unwrap().media_type, MediaType::Svg, "{svg}");
        }
        assert_eq!(plain().media_type, MediaType::Svg);
        assert!(parse(plain().content.to_vec()).is_ok());
    }

    #[test]
    fn what_is_no_logo_is_refused_with_the_reason() {
        let refused = |content: Vec<u8>| parse(content).unwrap_err();
        for none in [&b""[..], b"GIF89a", b"\xff\xd8\xff\xe0", b"<html><svg></svg>", b"<svgx>", b"\x89PNG\r\n"] {
            assert_eq!(refused(none.to_vec()), NEITHER);
        }
        assert!(refused(png(0, 10)).contains("0 by 10 pixels"));
        assert!(refused(png(10, 5000)).contains("10 by 5000 pixels"));
        assert!(refused(PNG.to_vec()).contains("breaks off"));
        assert!(refused(vec![b' '; MOST + 1]).contains("101 KiB"));
        for active in [
            "<svg><SCRIPT>alert(1)</SCRIPT></svg>",
            "<svg><foreignObject/></svg>",
            "<svg><a href='javascript:x'/></svg>",
        ] {
            assert!(refused(active.into()).contains("nothing else"), "{active}");
        }
    }
}
