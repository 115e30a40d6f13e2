//! The kinds of values that bodies have.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::field::nullable;
use super::{Components, Described, Field, Mistakes, Object, Read};
use crate::platform::system;
use crate::platform::timestamp::Timestamp;

const TEXT: &str = "must be text without NUL characters";

/// Text without NUL characters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Text(pub String);

impl Described for Text {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "string"})
    }
}

impl Read for Text {
    fn read(value: Value, at: &str, mistakes: &mut Mistakes) -> Option<Text> {
        match value {
            Value::String(text) if !text.contains('\0') => Some(Text(text)),
            _ => {
                mistakes.note(at, TEXT);
                None
            }
        }
    }
}

impl std::ops::Deref for Text {
    type Target = String;

    fn deref(&self) -> &String {
        &self.0
    }
}

/// What something is called: 1 to 200 characters, none of them a control character.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Name(pub String);

impl Described for Name {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "string", "minLength": 1, "maxLength": 200})
    }
}

impl Read for Name {
    fn read(value: Value, at: &str, mistakes: &mut Mistakes) -> Option<Name> {
        let text = Text::read(value, at, mistakes)?.0.trim().to_owned();
        if text.is_empty() || text.chars().count() > 200 || text.chars().any(char::is_control) {
            mistakes.note(at, "must have 1 to 200 characters and no control characters");
            return None;
        }
        Some(Name(text))
    }
}

impl std::ops::Deref for Name {
    type Target = String;

    fn deref(&self) -> &String {
        &self.0
    }
}

/// A line of text: 1 to 2048 characters, none of them a control character.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line(pub String);

impl Described for Line {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "string", "minLength": 1, "maxLength": 2048})
    }
}

impl Read for Line {
    fn read(value: Value, at: &str, mistakes: &mut Mistakes) -> Option<Line> {
        match value {
            Value::String(text)
                if !text.trim().is_empty() && text.len() <= 2048 && !text.chars().any(char::is_control) =>
            {
                Some(Line(text.trim().to_owned()))
            }
            _ => {
                mistakes.note(at, "must be text of 1 to 2048 characters");
                None
            }
        }
    }
}

/// A list of texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts(pub Vec<String>);

impl Described for Texts {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "array", "items": {"type": "string"}})
    }
}

impl Read for Texts {
    fn read(value: Value, at: &str, mistakes: &mut Mistakes) -> Option<Texts> {
        let Value::Array(values) = value else {
            mistakes.note(at, "must be a list of texts");
            return None;
        };
        let texts = values.into_iter().enumerate().filter_map(|(i, value)| match value {
            Value::String(text) if !text.contains('\0') => Some(text),
            _ => {
                mistakes.note(format!("{at}[{i}]"), TEXT);
                None
            }
        });
        Some(Texts(texts.collect()))
    }
}

impl Described for bool {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "boolean"})
    }
}

impl Read for bool {
    fn read(value: Value, at: &str, mistakes: &mut Mistakes) -> Option<bool> {
        let flag = value.as_bool();
        if flag.is_none() {
            mistakes.note(at, "must be true or false");
        }
        flag
    }
}

/// A whole number within bounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Whole<const LEAST: u64, const MOST: u64>(pub u64);

impl<const LEAST: u64, const MOST: u64> Described for Whole<LEAST, MOST> {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "integer", "minimum": LEAST, "maximum": MOST})
    }
}

impl<const LEAST: u64, const MOST: u64> Read for Whole<LEAST, MOST> {
    fn read(value: Value, at: &str, mistakes: &mut Mistakes) -> Option<Self> {
        let number = value.as_u64().filter(|n| (LEAST..=MOST).contains(n)).map(Whole);
        if number.is_none() {
            mistakes.note(at, format!("must be a whole number from {LEAST} to {MOST}"));
        }
        number
    }
}

/// A point in time, in milliseconds since the epoch; RFC 3339 on the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Time(pub Timestamp);

impl Described for Time {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "string", "format": "date-time"})
    }

    fn example() -> Value {
        json!("2026-11-23T20:00:00.000Z")
    }
}

impl Read for Time {
    fn read(value: Value, at: &str, mistakes: &mut Mistakes) -> Option<Time> {
        let text = Text::read(value, at, mistakes)?;
        let time = chrono::DateTime::parse_from_rfc3339(&text)
            .ok()
            .map(|time| Time(Timestamp::of_millis(time.timestamp_millis())));
        if time.is_none() {
            mistakes.note(at, "must be a time such as 2027-01-31T00:00:00Z");
        }
        time
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&system::rfc3339(self.0))
    }
}

/// A JSON object whose members are described elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Anything(pub Map<String, Value>);

impl Described for Anything {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "object"})
    }
}

/// A JSON object that is checked as a whole later, so that anything is taken.
impl Described for Value {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "object"})
    }
}

impl Read for Value {
    fn read(value: Value, _: &str, _: &mut Mistakes) -> Option<Value> {
        Some(value)
    }
}

impl Described for String {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "string"})
    }
}

impl Described for &'static str {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "string"})
    }
}

/// A value that is read as one type and described as another: a later check, which knows more, tells what is wrong with it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Checked<T, S>(pub T, PhantomData<S>);

impl<T, S: Described> Described for Checked<T, S> {
    fn schema(components: &mut Components) -> Value {
        S::schema(components)
    }
}

impl<T: Read, S: Described> Read for Checked<T, S> {
    fn read(value: Value, at: &str, mistakes: &mut Mistakes) -> Option<Self> {
        Some(Checked(T::read(value, at, mistakes)?, PhantomData))
    }
}

/// A field that is described, and left for the reader of everything else.
#[derive(Debug, Clone, Copy, Default)]
pub struct Left<T, const REQUIRED: bool>(PhantomData<T>);

impl<T: Described, const REQUIRED: bool> Field for Left<T, REQUIRED> {
    fn take(_: &mut Map<String, Value>, _: &'static str, _: &str, _: &mut Mistakes) -> Self {
        Left(PhantomData)
    }

    fn describe(object: &mut Object, name: &'static str, about: &[&str], components: &mut Components) {
        object.add(name, about, T::schema(components), REQUIRED);
    }
}

macro_rules! number {
    ($($number:ty),*) => {
        $(impl Described for $number {
            fn schema(_: &mut Components) -> Value {
                json!({"type": "integer"})
            }
        })*
    };
}
number!(u32, u64, i32, i64, usize);

impl<T: Described> Described for Vec<T> {
    fn schema(components: &mut Components) -> Value {
        json!({"type": "array", "items": T::schema(components)})
    }

    fn example() -> Value {
        json!([T::example()])
    }
}

/// In an answer: `null` where there is none.
impl<T: Described> Described for Option<T> {
    fn schema(components: &mut Components) -> Value {
        nullable(T::schema(components))
    }

    fn example() -> Value {
        T::example()
    }
}

/// In an answer: left out where there is none.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Sometimes<T>(pub Option<T>);

impl<T: Described> Described for Sometimes<T> {
    const CAN_BE_ABSENT: bool = true;

    fn schema(components: &mut Components) -> Value {
        T::schema(components)
    }

    fn is_absent(&self) -> bool {
        self.0.is_none()
    }
}

/// An object whose members all have one type.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Mapped<T>(pub BTreeMap<String, T>);

impl<T: Described> Described for Mapped<T> {
    fn schema(components: &mut Components) -> Value {
        json!({"type": "object", "additionalProperties": T::schema(components)})
    }
}

/// An answer with the fields of two definitions.
#[derive(Debug, Clone, Serialize)]
pub struct With<A, B> {
    /// The one,
    #[serde(flatten)]
    pub of: A,
    /// and what stands beside it.
    #[serde(flatten)]
    pub with: B,
}

impl<A: Described, B: Described> Described for With<A, B> {
    fn schema(components: &mut Components) -> Value {
        json!({"allOf": [A::schema(components), B::schema(components)]})
    }

    fn example() -> Value {
        let (mut example, with) = (A::example(), B::example());
        if let (Value::Object(example), Value::Object(with)) = (&mut example, with) {
            example.extend(with);
        }
        example
    }
}

/// Describes a type as words; reading it is another's.
macro_rules! described_words {
    ($kind:ty, $words:expr) => {
        impl $crate::domain::described::Described for $kind {
            fn schema(_: &mut $crate::domain::described::Components) -> serde_json::Value {
                serde_json::json!({"type": "string", "enum": $words})
            }
        }
    };
}
pub(crate) use described_words;

/// Describes an enum as the words it has on the wire, and reads them.
macro_rules! words {
    ($kind:ty { $($variant:path = $word:literal),* $(,)? }) => {
        impl $crate::domain::described::Described for $kind {
            fn schema(_: &mut $crate::domain::described::Components) -> serde_json::Value {
                serde_json::json!({"type": "string", "enum": [$($word),*]})
            }
        }

        impl $crate::domain::described::Read for $kind {
            fn read(
                value: serde_json::Value,
                at: &str,
                mistakes: &mut $crate::domain::described::Mistakes,
            ) -> Option<$kind> {
                match value.as_str() {
                    $(Some($word) => Some($variant),)*
                    _ => {
                        let words = $crate::domain::described::alternatives(&[$($word),*]);
                        mistakes.note(at, format!("must be {words}"));
                        None
                    }
                }
            }
        }
    };
}
pub(crate) use words;
