//! Where the names and values at the top of a document stand in its text.
//!
//! A page of a hundred users looks at a hundred documents for that alone. It is all checked to be JSON, and no value is made of it.

use std::ops::Range;

use crate::urn::is_extension_key;

/// A name at the top of a document, without its quotes, and its value.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) name: Range<usize>,
    pub(super) value: Range<usize>,
    /// Whether it names an extension.
    pub(super) is_extension: bool,
}

/// How deep values may stand in each other.
const DEEPEST: usize = 100;

/// The places in a JSON object that is written as we write it: without white space, its names without escapes and values not too deep.
/// `None` where it is not so.
pub(super) fn of(text: &str) -> Option<Vec<Place>> {
    let mut scan = Scan { bytes: text.as_bytes(), at: 0 };
    let mut places = Vec::with_capacity(16);
    scan.expect(b'{')?;
    if !scan.skip(b'}') {
        loop {
            let name = scan.at + 1;
            let has_escapes = scan.string()?;
            let name = name..scan.at - 1;
            scan.expect(b':')?;
            let value = scan.at;
            scan.value(0)?;
            if has_escapes {
                return None;
            }
            let is_extension = is_extension_key(&text[name.clone()]);
            places.push(Place { name, value: value..scan.at, is_extension });
            if !scan.skip(b',') {
                break;
            }
        }
        scan.expect(b'}')?;
    }
    (scan.at == text.len()).then_some(places)
}

/// The bytes of a string that are looked at.
static ENDS_RUN: [bool; 256] = {
    let mut ends = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        ends[byte] = true;
        byte += 1;
    }
    ends[b'"' as usize] = true;
    ends[b'\\' as usize] = true;
    ends
};

/// Goes through a text. Each method passes what it is named after, which has to come next.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn next(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Passes this byte, if it comes next.
    fn skip(&mut self, byte: u8) -> bool {
        let is_next = self.next() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.skip(byte).then_some(())
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        match self.next()? {
            b'"' => self.string().map(drop),
            b'{' | b'[' if depth == DEEPEST => None,
            b'{' => self.inner(b'}', depth, |scan| {
                scan.string()?;
                scan.expect(b':')
            }),
            b'[' => self.inner(b']', depth, |_| Some(())),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.number(),
        }
    }

    /// An object or an array, whose values each come after `before`.
    fn inner(&mut self, end: u8, depth: usize, before: impl Fn(&mut Self) -> Option<()>) -> Option<()> {
        self.at += 1;
        if self.skip(end) {
            return Some(());
        }
        loop {
            before(self)?;
            self.value(depth + 1)?;
            if !self.skip(b',') {
                return self.expect(end);
            }
        }
    }

    /// Says whether it has escapes.
    fn string(&mut self) -> Option<bool> {
        self.expect(b'"')?;
        let mut has_escapes = false;
        loop {
            self.at += self.bytes[self.at..].iter().position(|byte| ENDS_RUN[usize::from(*byte)])?;
            match self.bytes[self.at] {
                b'"' => {
                    self.at += 1;
                    return Some(has_escapes);
                }
                b'\\' => {
                    self.escape()?;
                    has_escapes = true;
                }
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        let digits = match self.bytes.get(self.at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 0,
            b'u' => 4,
            _ => return None,
        };
        let end = self.at + 2 + digits;
        let are_digits = self.bytes.get(self.at + 2..end)?.iter().all(u8::is_ascii_hexdigit);
        self.at = end;
        are_digits.then_some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let is_next = self.bytes[self.at..].starts_with(word);
        self.at += word.len();
        is_next.then_some(())
    }

    fn number(&mut self) -> Option<()> {
        self.skip(b'-');
        if !self.skip(b'0') {
            self.digits()?;
        }
        if self.skip(b'.') {
            self.digits()?;
        }
        if self.skip(b'e') || self.skip(b'E') {
            let _ = self.skip(b'+') || self.skip(b'-');
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let digits = self.bytes[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += digits;
        (digits > 0).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::of;

    fn found(text: &str) -> Option<Vec<(&str, &str)>> {
        Some(of(text)?.into_iter().map(|place| (&text[place.name], &text[place.value])).collect())
    }

    #[test]
    fn names_and_values_are_found_where_they_stand() {
        let text = r#"{"a":"x\"}","b":{"c":[1,{}],"d":null},"é":-1.5e+3,"e":[],"f":true}"#;
        let wanted =
            [("a", r#""x\"}""#), ("b", r#"{"c":[1,{}],"d":null}"#), ("é", "-1.5e+3"), ("e", "[]"), ("f", "true")];
        assert_eq!(found(text).unwrap(), wanted);
        assert_eq!(found("{}").unwrap(), []);
    }

    #[test]
    fn what_is_not_written_as_we_write_it_is_left_to_others() {
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(200), "]".repeat(200));
        for text in [r#"{ "a":1}"#, r#"{"a" :1}"#, r#"{"a":1} "#, r#"{"\u0061":1}"#, &deep] {
            assert!(of(text).is_none(), "{text}");
            assert!(text.len() > 300 || serde_json::from_str::<Map<String, Value>>(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_never_taken_for_it() {
        let wrong = [
            "",
            "{",
            "[]",
            "1",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{"a":1}}"#,
            r#"{"a":[1,]}"#,
            r#"{"a":[1}}"#,
        ];
        let values = [
            "01",
            "1.",
            "-",
            ".5",
            "1e",
            "tru",
            "nul",
            r#""\x""#,
            r#""\u12g4""#,
            r#""\u12"#,
            "\"\n\"",
            "\"",
            "{\"b\"}",
            "{1:2}",
            "[,]",
        ];
        let values = values.map(|value| format!(r#"{{"a":{value}}}"#));
        for text in wrong.into_iter().chain(values.iter().map(String::as_str)) {
            assert!(serde_json::from_str::<Map<String, Value>>(text).is_err(), "{text}");
            assert!(of(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_text_with_a_slip_is_json_to_both_or_to_none(
            text in r#"\{"[a-c]":(\[1,"\\n"\]|\{"a":-0\.5\}|"x"|null),"b":\[[0-9e.,\-]{0,4}\]\}"#,
            at in 0usize..40,
            slip in "[\"{}\\[\\],:\\\\0-9a-f]?",
        ) {
            let mut text = text;
            let at = at.min(text.len());
            text.replace_range(at..(at + 1).min(text.len()), &slip);
            if of(&text).is_some() {
                prop_assert!(serde_json::from_str::<Map<String, Value>>(&text).is_ok(), "{text}");
            }
        }
    }
}
