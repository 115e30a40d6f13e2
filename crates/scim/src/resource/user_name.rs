//! Which texts are allowed as a `userName` (RFC 7644 §5, RFC 8265 §3), and the key it is looked up by at a log-in.
//!
//! Names are [compared](mod@crate::query::search_keys) by the mappings of the PRECIS profile UsernameCaseMapped. The
//! allowed characters are those of the FreeformClass of RFC 8264 §4.3, not of the IdentifierClass, because real names
//! contain spaces and symbols (`Ada Lovelace`, `ada_acme.test#EXT#@hub.test`). A stored name is repeated, read and
//! deactivated with any characters in it.

use precis_core::{DerivedPropertyValue, FreeformClass, StringClass};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::schema::key_text::{fold, key_of_text};
use crate::schema::{ResourceTypeId, USER};

const NAME: &str = "userName";

/// Whether a character is white space or has no width.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{3164}' | '\u{ffa0}')
}

/// The name without white space and invisible characters at both ends.
pub fn trimmed(name: &str) -> &str {
    name.trim_matches(is_blank)
}

/// The key that a log-in looks a name up by: [`key_of_text`] of the [trimmed] name.
pub fn log_in_key(name: &str) -> String {
    key_of_text(trimmed(name))
}

/// A character of the name that is not allowed: a control character, one that changes the text direction, or an
/// invisible one (RFC 8264 §4.3). Characters newer than the tables are allowed.
pub fn unseen(name: &str) -> Option<char> {
    // In NFC, because composed Hangul is a letter and its parts are not.
    fold(name).chars().find(|c| {
        use DerivedPropertyValue::{Disallowed, SpecClassDis};
        matches!(FreeformClass::default().get_value_from_char(*c), Disallowed | SpecClassDis)
    })
}

/// Refuses a new name that cannot be typed at a log-in. A stored name may be repeated.
pub(crate) fn check(
    resource_type: ResourceTypeId,
    old: Option<&Map<String, Value>>,
    new: &Map<String, Value>,
) -> Result<(), Error> {
    let Some(name) = new.get(NAME).and_then(Value::as_str).filter(|_| resource_type == USER) else { return Ok(()) };
    let stored = old.and_then(|old| old.get(NAME)).and_then(Value::as_str);
    if name.is_ascii() && !name.bytes().any(|byte| byte <= b' ' || byte == 0x7f) || stored == Some(name) {
        return Ok(());
    }
    let refused = |what: String| Err(Error::InvalidValue(format!("userName {what}")));
    let (first, last) = (name.chars().next(), name.chars().next_back());
    if let Some((place, c)) = [("begins", first), ("ends", last)]
        .into_iter()
        .find_map(|(place, c)| Some((place, c.filter(|c| is_blank(*c))?)))
    {
        return refused(format!(
            "{place} with {}, which cannot be typed at a log-in; send it without white space at its ends",
            named(c)
        ));
    }
    match unseen(name) {
        Some(c) => refused(format!(
            "contains {}, which is a control character or cannot be seen; a user name is letters, digits, symbols and \
             spaces (RFC 8265)",
            named(c)
        )),
        None => Ok(()),
    }
}

fn named(c: char) -> String {
    let name = match c {
        ' ' => "a space",
        '\t' => "a tab",
        '\n' | '\r' => "a line break",
        '\u{a0}' => "a no-break space",
        '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => "a zero-width character",
        '\u{3000}' => "an ideographic space",
        _ => "the character",
    };
    format!("{name} (U+{:04X})", u32::from(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn verdict(old: Option<&str>, new: &str) -> Result<(), String> {
        let document = |name: &str| json!({"userName": name}).as_object().cloned().expect("an object");
        check(USER, old.map(document).as_ref(), &document(new)).map_err(|error| error.detail())
    }

    #[test]
    fn report_6_a_name_has_no_white_space_at_its_ends_and_nothing_invisible_inside() {
        for blank in [
            " ", "\t", "\n", "\r\n", "\u{a0}", "\u{3000}", "\u{200b}", "\u{feff}", "\u{2060}", "\u{200d}", "\u{202e}",
            "\u{85}",
        ] {
            for name in [format!("ada{blank}"), format!("{blank}ada"), format!("{blank}ada{blank}")] {
                let why = verdict(None, &name).expect_err(&format!("{name:?}"));
                assert!(why.contains("U+") && why.starts_with("userName"), "{why}");
                assert_eq!(verdict(Some(&name), &name), Ok(()), "what is stored is repeated");
                assert!(verdict(Some("ada"), &name).is_err());
                assert_eq!(log_in_key(&name), "ada", "{name:?}");
            }
        }
        assert!(verdict(None, "ada ").is_err_and(|why| why.contains("ends with a space (U+0020)")));
        for name in
            ["a\tda", "a\nda", "a\u{7f}da", "a\u{200b}da", "a\u{202e}da", "a\u{85}da", "a\u{ad}da", "a\u{2066}da"]
        {
            assert!(verdict(None, name).is_err_and(|why| why.contains("U+")), "{name:?}");
        }
    }

    #[test]
    fn report_6_names_of_people_and_of_providers_are_names() {
        for name in [
            "ada",
            "Ada Lovelace",
            "ada@acme.test",
            "ada_acme.test#EXT#@hub.onmicrosoft.test",
            "ACME\\ada",
            "o'brien+hr%x&y/z=1",
            "josé",
            "jose\u{301}",
            "Ａｄａ",
            "각",
            "\u{1100}\u{1161}\u{11a8}",
            "山田 太郎",
            "山田\u{3000}太郎",
            "Σίσυφος",
            "straße",
            "İpek",
            "محمد",
            "l·l·u",
            "ada😀",
            "क्ष",
        ] {
            assert_eq!(verdict(None, name), Ok(()), "{name:?}");
        }
    }
}
