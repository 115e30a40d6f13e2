//! Bodies of the admin API, described once: the definition of a body reads it, gives its JSON Schema, and by that its rows in the OpenAPI
//! document and in `docs/admin-api.md`.
//!
//! [`body!`] defines what is read, [`answer!`] what is written. A reader never stops at the first mistake: it notes each and goes on.

use serde::Serialize;
use serde_json::{Map, Value, json};

mod field;
mod kinds;
pub mod query;

pub use field::{Field, Fixed, Flat, Patch, Required};
pub use kinds::{Anything, Checked, Left, Line, Mapped, Name, Sometimes, Text, Texts, Time, Whole, With};
pub(crate) use kinds::{described_words, words};

/// A mistake in one field of a body, or in one parameter of a query.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct FieldError {
    /// Where, as in `redirect_uris[0]`.
    pub field: String,
    /// What would be right.
    pub detail: String,
}

/// The mistakes that were found so far.
#[derive(Debug, Clone, Default)]
pub struct Mistakes {
    found: Vec<FieldError>,
    unknown: Vec<FieldError>,
}

impl Mistakes {
    /// Notes a mistake.
    pub fn note(&mut self, field: impl Into<String>, detail: impl Into<String>) {
        self.found.push(FieldError { field: field.into(), detail: detail.into() });
    }

    /// Notes what else was found wrong. A field that could not be read was taken for absent, so nothing more is told of it.
    pub fn besides(&mut self, found: impl IntoIterator<Item = FieldError>) {
        let read = self.found.len();
        for error in found {
            if self.found[..read].iter().all(|known| known.field != error.field) {
                self.found.push(error);
            }
        }
    }

    /// Notes fields that a body has and its definition has not. They are told last.
    pub fn unknown(&mut self, left: &Map<String, Value>, detail: &str) {
        let errors = left.keys().map(|field| FieldError { field: field.clone(), detail: detail.to_owned() });
        self.unknown.extend(errors);
    }

    /// All of them, if there are any.
    pub fn finish(mut self) -> Result<(), Vec<FieldError>> {
        self.found.append(&mut self.unknown);
        if self.found.is_empty() { Ok(()) } else { Err(self.found) }
    }
}

/// The schemas that have a name, each described once.
#[derive(Debug, Clone, Default)]
pub struct Components(Map<String, Value>);

impl Components {
    /// A reference to the schema of this name, which is described the first time.
    pub fn named(&mut self, name: &str, describe: impl FnOnce(&mut Components) -> Value) -> Value {
        if !self.0.contains_key(name) {
            self.0.insert(name.to_owned(), Value::Null);
            let schema = describe(self);
            self.0.insert(name.to_owned(), schema);
        }
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    /// The schema of this name.
    pub fn schema(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn into_schemas(mut self) -> Map<String, Value> {
        self.0.sort_keys();
        self.0
    }
}

/// What has a JSON Schema.
pub trait Described {
    /// An object leaves it out where there is none.
    const CAN_BE_ABSENT: bool = false;

    /// Its schema; `components` takes those that have a name.
    fn schema(components: &mut Components) -> Value;

    /// One value of it, as documents show it.
    fn example() -> Value {
        Value::Null
    }

    /// Whether an object leaves it out.
    fn is_absent(&self) -> bool {
        false
    }
}

/// A value that is read from JSON.
pub trait Read: Described + Sized {
    /// Reads it; `at` is where it stands. What is wrong is noted, and then there is no value.
    fn read(value: Value, at: &str, mistakes: &mut Mistakes) -> Option<Self>;
}

/// A JSON object with the fields of a definition.
pub trait Body: Described + Sized {
    /// Takes its fields, and leaves the others.
    fn take(fields: &mut Map<String, Value>, at: &str, mistakes: &mut Mistakes) -> Self;

    /// Describes its fields.
    fn describe(object: &mut Object, components: &mut Components);

    /// Reads an object that has these fields and no others.
    fn read_whole(mut fields: Map<String, Value>, mistakes: &mut Mistakes) -> Self {
        let body = Self::take(&mut fields, "", mistakes);
        mistakes.unknown(&fields, "is not a field of this request");
        body
    }
}

/// The schema of an object, while its fields are described.
#[derive(Debug, Default)]
pub struct Object {
    properties: Map<String, Value>,
    required: Vec<&'static str>,
    is_open: bool,
}

impl Object {
    /// Adds a field.
    pub fn add(&mut self, name: &'static str, about: &[&str], schema: Value, required: bool) {
        self.properties.insert(name.to_owned(), described(schema, about));
        if required {
            self.required.push(name);
        }
    }

    /// It may have other fields.
    pub fn open(&mut self) {
        self.is_open = true;
    }

    /// The schema. `is_closed` says that other fields are refused.
    pub fn into_schema(self, about: &[&str], example: &Value, is_closed: bool) -> Value {
        let mut schema = json!({"type": "object", "description": sentence(about), "properties": self.properties});
        if !self.required.is_empty() {
            schema["required"] = json!(self.required);
        }
        if is_closed || self.is_open {
            schema["additionalProperties"] = json!(self.is_open);
        }
        if !example.is_null() {
            schema["examples"] = json!([example]);
        }
        schema
    }
}

/// A schema with a description. A reference keeps its own beside it (JSON Schema 2020-12).
fn described(mut schema: Value, about: &[&str]) -> Value {
    let about = sentence(about);
    if !about.is_empty() {
        schema["description"] = json!(about);
    }
    schema
}

/// The lines of a doc comment as one paragraph.
pub fn sentence(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// `a, b or c`
pub fn alternatives(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// The name of a field on the wire.
macro_rules! wire {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $wire:literal) => {
        $wire
    };
}
pub(crate) use wire;

/// Defines a body that is read: a struct whose fields are [`Field`]s, an example, and where it says `..rest` a last field for everything
/// else that the body has.
macro_rules! body {
    (
        $(#[doc = $about:literal])*
        $vis:vis struct $name:ident {
            $($(#[doc = $doc:literal])* $field:ident $(as $wire:literal)? : $kind:ty,)*
            $(..$rest:ident)?
        }
        example $example:tt
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone)]
        #[allow(unreachable_pub, dead_code)] // some fields only describe
        $vis struct $name {
            $($(#[doc = $doc])* pub $field: $kind,)*
            $(#[doc = "Everything else."] pub $rest: serde_json::Map<String, serde_json::Value>,)?
        }

        impl $crate::domain::described::Described for $name {
            fn schema(components: &mut $crate::domain::described::Components) -> serde_json::Value {
                components.named(stringify!($name), |components| {
                    let mut object = $crate::domain::described::Object::default();
                    <$name as $crate::domain::described::Body>::describe(&mut object, components);
                    let example = <$name as $crate::domain::described::Described>::example();
                    object.into_schema(&[$($about),*], &example, true)
                })
            }

            fn example() -> serde_json::Value {
                serde_json::json!($example)
            }
        }

        impl $crate::domain::described::Body for $name {
            fn take(
                fields: &mut serde_json::Map<String, serde_json::Value>,
                at: &str,
                mistakes: &mut $crate::domain::described::Mistakes,
            ) -> $name {
                use $crate::domain::described::Field;
                $name {
                    $($field: <$kind as Field>::take(fields, $crate::domain::described::wire!($field $($wire)?), at, mistakes),)*
                    $($rest: std::mem::take(fields),)?
                }
            }

            fn describe(
                object: &mut $crate::domain::described::Object,
                components: &mut $crate::domain::described::Components,
            ) {
                use $crate::domain::described::Field;
                $(<$kind as Field>::describe(object, $crate::domain::described::wire!($field $($wire)?), &[$($doc),*], components);)*
                $(object.open(); let _ = stringify!($rest);)?
            }
        }
    };
}
pub(crate) use body;

/// Makes a [`body!`] a part of another: an object in one of its fields.
macro_rules! part {
    ($name:ident) => {
        impl $crate::domain::described::Read for $name {
            fn read(
                value: serde_json::Value,
                at: &str,
                mistakes: &mut $crate::domain::described::Mistakes,
            ) -> Option<$name> {
                $crate::domain::described::read_part(value, at, mistakes)
            }
        }
    };
}
pub(crate) use part;

/// Reads an object that is a field of another.
pub fn read_part<B: Body>(value: Value, at: &str, mistakes: &mut Mistakes) -> Option<B> {
    let Value::Object(mut fields) = value else {
        mistakes.note(at, "must be an object, or null for none");
        return None;
    };
    let part = B::take(&mut fields, &format!("{at}."), mistakes);
    if !fields.is_empty() {
        let mut object = Object::default();
        B::describe(&mut object, &mut Components::default());
        let known: Vec<&str> = object.properties.keys().map(String::as_str).collect();
        let known = alternatives(&known).replace(" or ", " and ");
        for unknown in fields.keys() {
            mistakes.note(format!("{at}.{unknown}"), format!("is not a setting; there are {known}"));
        }
    }
    Some(part)
}

/// Defines a body that is answered: a struct whose fields are [`Described`], and an example.
macro_rules! answer {
    (
        $(#[doc = $about:literal])*
        $vis:vis struct $name:ident {
            $($(#[doc = $doc:literal])* $field:ident $(as $wire:literal)? : $kind:ty,)*
        }
        example $example:tt
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, serde::Serialize)]
        #[allow(unreachable_pub)]
        $vis struct $name {
            $(
                $(#[doc = $doc])*
                #[serde(skip_serializing_if = "crate::domain::described::Described::is_absent")]
                $(#[serde(rename = $wire)])?
                pub $field: $kind,
            )*
        }

        impl $crate::domain::described::Described for $name {
            fn schema(components: &mut $crate::domain::described::Components) -> serde_json::Value {
                use $crate::domain::described::{Described, Object};
                components.named(stringify!($name), |components| {
                    let mut object = Object::default();
                    $({
                        let schema = <$kind as Described>::schema(components);
                        let required = !<$kind as Described>::CAN_BE_ABSENT;
                        object.add($crate::domain::described::wire!($field $($wire)?), &[$($doc),*], schema, required);
                    })*
                    object.into_schema(&[$($about),*], &<$name as Described>::example(), false)
                })
            }

            fn example() -> serde_json::Value {
                serde_json::json!($example)
            }
        }
    };
}
pub(crate) use answer;

#[cfg(test)]
mod tests;
