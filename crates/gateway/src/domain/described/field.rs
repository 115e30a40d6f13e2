//! How a field is there: required, optional, or with a `null` that means something.

use serde_json::{Map, Value};

use super::{Body, Components, Mistakes, Object, Read};

/// A field of a body.
pub trait Field: Sized {
    /// Takes it out of the body.
    fn take(fields: &mut Map<String, Value>, name: &'static str, at: &str, mistakes: &mut Mistakes) -> Self;

    /// Describes it as a part of the body.
    fn describe(object: &mut Object, name: &'static str, about: &[&str], components: &mut Components);
}

/// A field that may be left out; `null` is the same.
impl<T: Read> Field for Option<T> {
    fn take(fields: &mut Map<String, Value>, name: &'static str, at: &str, mistakes: &mut Mistakes) -> Self {
        let value = fields.shift_remove(name).filter(|value| !value.is_null())?;
        T::read(value, &format!("{at}{name}"), mistakes)
    }

    fn describe(object: &mut Object, name: &'static str, about: &[&str], components: &mut Components) {
        object.add(name, about, nullable(T::schema(components)), false);
    }
}

/// A field that must be there. With a mistake it has the default of its type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Required<T>(pub T);

impl<T: Read + Default> Field for Required<T> {
    fn take(fields: &mut Map<String, Value>, name: &'static str, at: &str, mistakes: &mut Mistakes) -> Self {
        let place = format!("{at}{name}");
        match fields.shift_remove(name).filter(|value| !value.is_null()) {
            Some(value) => Required(T::read(value, &place, mistakes).unwrap_or_default()),
            None => {
                mistakes.note(place, "is missing");
                Required::default()
            }
        }
    }

    fn describe(object: &mut Object, name: &'static str, about: &[&str], components: &mut Components) {
        object.add(name, about, T::schema(components), true);
    }
}

/// A field of a change: left out, `null`, or a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// It is left out: what was stays.
    #[default]
    Absent,
    /// `null`: what was is taken away, or set to its default.
    Null,
    /// A new value.
    Value(T),
}

impl<T> Patch<T> {
    /// The change, if there is one: `Some(None)` takes away.
    pub fn change(&self) -> Option<Option<&T>> {
        match self {
            Patch::Absent => None,
            Patch::Null => Some(None),
            Patch::Value(value) => Some(Some(value)),
        }
    }

    /// The new value, if there is one.
    pub fn value(&self) -> Option<&T> {
        self.change().flatten()
    }

    /// Whether the body names the field.
    pub fn is_named(&self) -> bool {
        !matches!(self, Patch::Absent)
    }
}

impl<T: Read> Field for Patch<T> {
    fn take(fields: &mut Map<String, Value>, name: &'static str, at: &str, mistakes: &mut Mistakes) -> Self {
        match fields.shift_remove(name) {
            None => Patch::Absent,
            Some(Value::Null) => Patch::Null,
            Some(value) => T::read(value, &format!("{at}{name}"), mistakes).map_or(Patch::Absent, Patch::Value),
        }
    }

    fn describe(object: &mut Object, name: &'static str, about: &[&str], components: &mut Components) {
        object.add(name, about, nullable(T::schema(components)), false);
    }
}

/// The fields of another definition, beside those of this one.
#[derive(Debug, Clone)]
pub struct Flat<B>(pub B);

impl<B: Body> Field for Flat<B> {
    fn take(fields: &mut Map<String, Value>, _: &'static str, at: &str, mistakes: &mut Mistakes) -> Self {
        Flat(B::take(fields, at, mistakes))
    }

    fn describe(object: &mut Object, _: &'static str, _: &[&str], components: &mut Components) {
        B::describe(object, components);
    }
}

/// A field that was set when the thing was made, and that no change may name.
#[derive(Debug, Clone, Copy)]
pub struct Fixed;

impl Field for Fixed {
    fn take(fields: &mut Map<String, Value>, name: &'static str, at: &str, mistakes: &mut Mistakes) -> Self {
        if fields.shift_remove(name).is_some_and(|value| !value.is_null()) {
            mistakes.note(format!("{at}{name}"), "cannot be changed; make a new client");
        }
        Fixed
    }

    fn describe(_: &mut Object, _: &'static str, _: &[&str], _: &mut Components) {}
}

/// The schema of this or `null`.
pub(super) fn nullable(mut schema: Value) -> Value {
    let Some(members) = schema.as_object_mut() else { return schema };
    match members.get_mut("type") {
        Some(Value::String(one)) => {
            let both = [std::mem::take(one), "null".to_owned()];
            members.insert("type".to_owned(), serde_json::json!(both));
            if let Some(Value::Array(words)) = members.get_mut("enum") {
                words.push(Value::Null);
            }
            schema
        }
        Some(_) => schema, // null is among them
        None => serde_json::json!({"anyOf": [schema, {"type": "null"}]}),
    }
}
