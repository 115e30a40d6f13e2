//! Reads JSON bodies (RFC 8259) within limits, and refuses ambiguous ones.
//!
//! An object with a duplicate name is refused: dropping either value would be silent data loss, and an intermediary may
//! have checked the other one (RFC 8259 §4, RFC 7493 §2.3). SCIM names compare without regard to letter case (RFC 7643
//! §2.1), so `userName` and `username` are duplicates.
//!
//! The caller limits the length in bytes. This module limits depth and the number of values, because parsed values take
//! more memory than their text and nesting takes stack.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::error::Error;

/// The deepest nesting of arrays and objects: the limit of `serde_json`. SCIM needs six levels.
pub const MAX_DEPTH: usize = 127;
/// The most values in one body. Every element, member and literal counts; a group of 100 000 members has half as many.
pub const MAX_VALUES: usize = 400_000;
/// Up to this many names, comparing all pairs is cheaper than hashing.
const FEW: usize = 16;

/// Reads a body. A byte order mark is ignored (RFC 8259 §8.1).
pub fn parse(bytes: &[u8]) -> Result<Value, Error> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(refused("The request has no body; a JSON object was expected.".to_owned()));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        refused(format!("The body is not UTF-8 from byte {} on; JSON is sent in UTF-8.", error.valid_up_to() + 1))
    })?;
    let mut left = MAX_VALUES;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Reader { left: &mut left }.deserialize(&mut deserializer);
    value.and_then(|value| deserializer.end().map(|()| value)).map_err(|error| refused(what_is_wrong(&error)))
}

fn refused(detail: String) -> Error {
    Error::InvalidSyntax(detail)
}

fn what_is_wrong(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let what = text.strip_suffix(&place).unwrap_or(&text);
    match what {
        _ if error.is_data() => format!("{what} (line {}, column {}).", error.line(), error.column()),
        "recursion limit exceeded" => {
            format!("The body nests deeper than {MAX_DEPTH} arrays and objects; no SCIM message needs more than a few.")
        }
        _ if error.is_eof() => format!("The body ends before its JSON does ({what}{place}); was it cut off?"),
        _ => format!("The body is not valid JSON: {what}{place}."),
    }
}

/// Deserializes one value and everything nested in it.
struct Reader<'l> {
    left: &'l mut usize,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.left.checked_sub(1) {
            Some(left) => *self.left = left,
            None => {
                return Err(D::Error::custom(format!(
                    "The body has more than {MAX_VALUES} values; send it in several requests"
                )));
            }
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(Reader { left: &mut *self.left })? {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        let mut folded: HashSet<String> = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.len() == FEW {
                folded.extend(object.keys().map(|name| fold(name)));
            }
            let twice = match object.len() {
                ..FEW => object.keys().any(|there| same(there, &name)),
                _ => !folded.insert(fold(&name)),
            };
            if twice {
                let name: String = name.chars().take(100).collect();
                return Err(A::Error::custom(format!("The name \"{name}\" stands twice in one object; send it once")));
            }
            let value = members.next_value_seed(Reader { left: &mut *self.left })?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

/// Whether two names are duplicates. Inside the brackets of a path, letter case may matter.
fn same(one: &str, other: &str) -> bool {
    one == other || (one.eq_ignore_ascii_case(other) && !one.contains('['))
}

fn fold(name: &str) -> String {
    if name.contains('[') { name.to_owned() } else { name.to_ascii_lowercase() }
}

/// The elements of an array, or the value itself where it is not an array.
pub(crate) fn elements(value: &Value) -> std::slice::Iter<'_, Value> {
    match value {
        Value::Array(elements) => elements.iter(),
        single => std::slice::from_ref(single).iter(),
    }
}

pub(crate) fn elements_of(value: Option<&Value>) -> std::slice::Iter<'_, Value> {
    value.map(elements).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::testing::any_value;

    #[track_caller]
    fn says(body: impl AsRef<[u8]>, words: &str) {
        let error = parse(body.as_ref()).expect_err(words);
        assert_eq!(error.wire(), (400, Some("invalidSyntax")));
        assert!(error.detail().contains(words), "{}", error.detail());
    }

    #[test]
    fn what_is_no_json_is_refused_in_words() {
        says("", "no body");
        says(" \r\n\t", "no body");
        says(b"\xef\xbb\xbf", "no body");
        says("{\"a\": ", "was it cut off?");
        says("{\"a\": \"x", "was it cut off?");
        says("{a: 1}", "not valid JSON: key must be a string at line 1 column 2");
        says("{\"a\": 1,}", "trailing comma");
        says("{} {}", "trailing characters");
        says("{\"a\": 'x'}", "not valid JSON");
        says("{\"a\": 1e400}", "number out of range");
        says("{\"a\": \"\\ud800\"}", "not valid JSON");
        says("{\"a\": \"\u{1}\"}", "control character");
        says(b"{\"userName\": \"\xe4nna\"}", "not UTF-8 from byte 15 on");
        says(b"{\0\"\0a\0", "not valid JSON");
        says(b"\xff\xfe{\0}\0", "not UTF-8 from byte 1 on");
        says(b"\x1f\x8b\x08\x00", "not UTF-8 from byte 2 on");
        says("[".repeat(1_000_000), "nests deeper than 127");
        says("{\"a\":".repeat(100_000), "nests deeper than 127");
    }

    #[test]
    fn a_name_that_stands_twice_is_refused() {
        says(r#"{"userName": "a", "userName": "b"}"#, "\"userName\" stands twice");
        says(r#"{"userName": "a", "username": "a"}"#, "\"username\" stands twice");
        says(r#"{"userName": "a", "user\u004eame": "b"}"#, "stands twice");
        says(r#"{"name": {"givenName": "a", "GIVENNAME": "b"}}"#, "line 1, column");
        says(r#"{"Operations": [{"op": "add", "op": "remove"}]}"#, "\"op\" stands twice");
        let many: Vec<String> = (0..100).map(|n| format!("\"a{n}\": {n}")).collect();
        assert_eq!(parse(format!("{{{}}}", many.join(",")).as_bytes()).unwrap()["a99"], 99);
        says(format!("{{{}, \"A7\": 0}}", many.join(",")), "\"A7\" stands twice");
        says(format!("{{{}, \"a99\": 0}}", many.join(",")), "\"a99\" stands twice");
        // Inside brackets are values, which may tell letters apart.
        let paths = r#"{"members[value eq \"a\"].display": 1, "members[value eq \"A\"].display": 2}"#;
        assert_eq!(parse(paths.as_bytes()).unwrap().as_object().map(Map::len), Some(2));
    }

    #[test]
    fn a_body_has_no_more_values_than_so_many() {
        let ones = |count: usize| format!("[{}]", vec!["1"; count].join(","));
        assert!(parse(ones(MAX_VALUES - 1).as_bytes()).is_ok());
        says(ones(MAX_VALUES), "more than 400000 values");
        let objects = format!("[{}]", vec!["{\"a\":{}}"; MAX_VALUES / 2].join(","));
        says(objects, "several requests");
    }

    #[test]
    fn numbers_and_text_are_what_they_say() {
        let body =
            r#"{"a": [0, -0, -0.0, 1.5, 18446744073709551615, -9223372036854775808, 1e3, "\ud83d\ude00", null, true]}"#;
        let expected: Value = serde_json::from_str(body).unwrap();
        assert_eq!(parse(body.as_bytes()).unwrap(), expected);
        assert_eq!(parse(b"\xef\xbb\xbf{}").unwrap(), json!({}));
        assert_eq!(parse(b"7").unwrap(), json!(7));
    }

    proptest! {
        #[test]
        fn what_has_every_name_once_is_read_as_it_was_written(value in any_value()) {
            let text = value.to_string();
            if let Ok(read) = parse(text.as_bytes()) {
                prop_assert_eq!(read, value);
            } else {
                prop_assert!(parse(text.as_bytes()).unwrap_err().detail().contains("twice"), "{}", text);
            }
        }

        #[test]
        fn any_bytes_are_read_as_by_the_library_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(read) = parse(&bytes) {
                let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
                prop_assert_eq!(read, serde_json::from_slice::<Value>(text).unwrap());
            }
        }
    }
}
