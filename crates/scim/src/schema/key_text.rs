//! Turns values into text that compares, byte by byte, like the values.
//!
//! Strings are [folded](fold) unless they are `caseExact`. Long strings are truncated to at most [`CUT`] bytes,
//! followed by a marker and a hash of the whole. Truncation preserves equality, and the order against strings up to
//! [`WHOLE`] bytes. No key holds U+0000, which PostgreSQL cannot store.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDateTime};
use precis_core::profile::Rules;
use precis_profiles::UsernameCaseMapped;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Type;

/// The version of this encoding; increased whenever a key changes.
pub(crate) const VERSION: u32 = 2;

/// The longest string, in bytes, that is a key without truncation.
const CUT: usize = 200;

/// The longest literal, in bytes, whose order among keys equals its order among values: shorter than the kept part of
/// any truncated key (at least `CUT - 3` bytes), with room for a prefix that is three bytes longer.
pub(crate) const WHOLE: usize = 190;

/// The marker after the kept part of a truncated key. It is also the smallest character that can follow a string.
pub(crate) const MARK: char = '\u{1}';

/// Folds text for comparison without regard to case: the mappings of the PRECIS profile UsernameCaseMapped (RFC 8265
/// §3.3), which are width, case and NFC. Both small sigmas become one, so that case folds character by character. ASCII
/// text, the common case, changes only in the letters A to Z.
pub(crate) fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Cow::Owned(text.to_ascii_lowercase());
        }
        return Cow::Borrowed(text);
    }
    let wide = UsernameCaseMapped::new().width_mapping_rule(text).unwrap_or(Cow::Borrowed(text));
    let lower: String = wide.chars().flat_map(char::to_lowercase).map(|c| if c == 'ς' { 'σ' } else { c }).collect();
    Cow::Owned(composed(&lower).into_owned())
}

/// A text in NFC, the form in which `caseExact` text is compared.
pub(crate) fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    UsernameCaseMapped::new().normalization_rule(text).unwrap_or(Cow::Borrowed(text))
}

/// The key of a value; `None` where it does not fit the type or is empty.
pub(crate) fn of(r#type: Type, case_exact: bool, value: &Value) -> Option<String> {
    match r#type {
        Type::String | Type::Reference | Type::Binary => {
            let text = value.as_str().filter(|text| !text.is_empty())?;
            Some(of_folded(if case_exact { Cow::Borrowed(text) } else { fold(text) }))
        }
        Type::Boolean => value.as_bool().map(|value| of_boolean(value).to_owned()),
        Type::Integer => value.as_i64().map(of_integer),
        Type::Decimal => value.as_f64().map(of_decimal),
        Type::DateTime => value.as_str().and_then(instant).map(of_integer),
        Type::Complex => None,
    }
}

/// The key of a string that is folded or `caseExact`.
pub(crate) fn of_folded(text: Cow<'_, str>) -> String {
    if text.len() <= CUT {
        return text.into_owned();
    }
    let mut key = prefix(&text, CUT).to_owned();
    key.push(MARK);
    key.push_str(&hex(&Sha256::digest(text.as_bytes())));
    key
}

/// The longest prefix of at most this many bytes.
pub(crate) fn prefix(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

pub(crate) fn of_boolean(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

/// Sixteen hexadecimal digits with the sign bit flipped, so that keys sort like the numbers.
pub(crate) fn of_integer(value: i64) -> String {
    format!("{:016x}", (value as u64) ^ (1 << 63))
}

/// The number behind a key.
pub(crate) fn to_integer(key: &str) -> Option<i64> {
    u64::from_str_radix(key, 16).ok().map(|bits| (bits ^ (1 << 63)) as i64)
}

/// Sixteen hexadecimal digits of the IEEE 754 bits, mirrored below zero, so that keys sort like the numbers.
pub(crate) fn of_decimal(value: f64) -> String {
    let bits = (value + 0.0).to_bits(); // -0.0 becomes 0.0
    let ordered = if bits >> 63 == 1 { !bits } else { bits | (1 << 63) };
    format!("{ordered:016x}")
}

/// Milliseconds since the epoch of a dateTime (RFC 7643 §2.3.5). Without an offset it is UTC. Fractions of a
/// millisecond are cut off, in filters and in values.
pub(crate) fn instant(text: &str) -> Option<i64> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.timestamp_millis());
    }
    let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
    Some(local.and_utc().timestamp_millis())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|nibble| DIGITS[usize::from(nibble)]).collect()
}

/// The key of a text that is compared without regard to case, such as a `userName`.
pub fn key_of_text(text: &str) -> String {
    of_folded(fold(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn decomposed(text: &str) -> String {
        // Canonical decomposition of what the tests write: by the composition of each pair.
        text.chars()
            .map(|c| match c {
                'é' => "e\u{301}".to_owned(),
                'É' => "E\u{301}".to_owned(),
                'İ' => "I\u{307}".to_owned(),
                'Å' => "A\u{30a}".to_owned(),
                '각' => "\u{1100}\u{1161}\u{11a8}".to_owned(),
                'ガ' => "\u{30ab}\u{3099}".to_owned(),
                'ᾴ' => "α\u{301}\u{345}".to_owned(),
                other => other.to_string(),
            })
            .collect()
    }

    #[test]
    fn report_6_composed_decomposed_wide_and_capital_letters_are_one() {
        for (text, folded) in [
            ("BJensen", "bjensen"),
            ("Ärger", "ärger"),
            ("ΟΔΟΣ", "οδοσ"),
            ("οδος", "οδοσ"),
            ("", ""),
            ("josé", "josé"),
            ("JOSE\u{301}", "josé"),
            ("Ａｄａ＠ａｃｍｅ．ｔｅｓｔ", "ada@acme.test"),
            ("ｶﾞ", "ガ"),
            ("각", "각"),
            ("\u{1100}\u{1161}\u{11a8}", "각"),
            ("İ", "i\u{307}"),
            ("ß", "ß"),
            ("ẞ", "ß"),
            ("\u{212b}", "å"), // the sign of the angstrom
            ("ǅ", "ǆ"),
            ("q\u{307}\u{323}", "q\u{323}\u{307}"), // marks in their canonical order
            ("ada\u{3000}lovelace", "ada lovelace"),
            ("ⅷ", "ⅷ"), // compatibility is not width
        ] {
            assert_eq!(fold(text), folded, "{text:?}");
            assert_eq!(fold(&decomposed(text)), folded, "{text:?} decomposed");
            assert_eq!(fold(folded), folded, "{folded:?} again");
            assert_eq!(composed(&decomposed(text)), composed(text), "{text:?}");
        }
    }

    #[test]
    fn report_6_each_character_that_is_folded_stays_as_it_is() {
        for c in (0..=0x10ffff).filter_map(char::from_u32) {
            let once = fold(c.encode_utf8(&mut [0; 4])).into_owned();
            assert_eq!(fold(&once), once, "U+{:04X}", u32::from(c));
            let upper: String = c.to_uppercase().collect();
            if upper.chars().count() == 1 && !"ıſ".contains(c) && upper.to_lowercase() == c.to_string() {
                assert_eq!(fold(&upper), once, "U+{:04X}", u32::from(c));
            }
        }
    }

    #[test]
    fn numbers_and_instants_keep_their_order() {
        let integers = [i64::MIN, -5, -1, 0, 1, 2, 10, i64::MAX].map(of_integer);
        assert!(integers.is_sorted());
        let decimals = [f64::MIN, -2.5, -0.25, 0.0, 0.25, 2.5, 10.0, f64::MAX].map(of_decimal);
        assert!(decimals.is_sorted());
        assert_eq!(of_decimal(-0.0), of_decimal(0.0));
        let noon = instant("2011-05-13T12:00:00Z");
        assert!(noon.is_some());
        assert_eq!(instant("2011-05-13T14:00:00+02:00"), noon);
        assert_eq!(instant("2011-05-13T12:00:00.000"), noon);
        assert_eq!(instant("yesterday"), None);
    }

    #[test]
    fn a_long_string_keeps_its_beginning_and_its_identity() {
        let long = "é".repeat(101);
        let key = of_folded(Cow::Borrowed(&long));
        assert!(key.starts_with(&"é".repeat(100)) && key.len() == CUT + 1 + 64);
        assert_ne!(key, of_folded(Cow::Owned(format!("{long}!"))));
        assert_eq!(of_folded(Cow::Owned("x".repeat(200))), "x".repeat(200));
    }

    #[test]
    fn a_value_of_another_type_or_an_empty_one_has_no_key() {
        assert_eq!(of(Type::Integer, false, &json!("5")), None);
        assert_eq!(of(Type::Boolean, false, &json!("true")), None);
        assert_eq!(of(Type::String, false, &json!("")), None);
        assert_eq!(of(Type::Boolean, false, &json!(true)), Some("true".to_owned()));
    }
}
