//! The attributes of a resource, as values or as the text they were stored as.
//!
//! Most of what is read is answered as it was stored. So text stays text until someone looks into it: a page of a hundred users is
//! written out of a hundred texts, of which only the names at the top are looked at; where all of them are shown, each is passed on as it is.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde::{Deserialize, de};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::urn::is_extension_key;

mod places;

use places::Place;

/// The attributes of a resource. It is a [`Map`] to all who look into it.
#[derive(Clone, Default)]
pub struct Attributes {
    /// As they were stored, unless they were changed since.
    text: Option<Box<str>>,
    /// Where the names at the top and their values stand in it, if each name stands there as it is and no extension is empty.
    places: Option<Box<[Place]>>,
    /// What the text says, if it was asked.
    read: OnceLock<Map<String, Value>>,
    /// Without a text, the values.
    values: Map<String, Value>,
}

impl Attributes {
    /// Of the text of a JSON object.
    pub fn of_text(text: String) -> Result<Attributes, serde_json::Error> {
        let places = match places::of(&text) {
            Some(places) => places.iter().all(|place| !place.is_empty_extension(&text)).then(|| places.into()),
            None => serde_json::from_str::<Entries<'_>>(&text)?.places_in(&text),
        };
        Ok(Attributes { text: Some(text.into_boxed_str()), places, ..Attributes::default() })
    }

    /// The entries, without looking into values that are text.
    pub(crate) fn entries(&self) -> Entries<'_> {
        let as_text = self.text.as_deref().and_then(|text| serde_json::from_str(text).ok());
        as_text.unwrap_or_else(|| Entries::of(self))
    }

    /// What stands between the braces of the text they are, with the names at its top; where it can be passed on as it is.
    /// Each name comes with whether it is that of an extension.
    pub(crate) fn as_written(&self) -> Option<(&str, impl Iterator<Item = (&str, bool)>)> {
        let (text, places) = self.text.as_deref().zip(self.places.as_deref())?;
        let within = text.strip_prefix('{')?.strip_suffix('}')?;
        Some((within, places.iter().map(|place| (&text[place.name.clone()], place.is_extension))))
    }

    /// What is called so: the value of the first of these that there is, each an attribute or a sub-attribute of one. `None` where it is no
    /// text. Where they are text, no other value is read.
    pub(crate) fn text_of_first(&self, paths: &[(&str, Option<&str>)]) -> Option<&str> {
        match self.text.as_deref().zip(self.places.as_deref()).map(|(text, places)| first_in(text, places, paths)) {
            Some(Looked::Found(found)) => found,
            Some(Looked::Escaped) | None => {
                let of_path = |(name, sub): &(&str, Option<&str>)| match sub {
                    None => self.get(*name),
                    Some(sub) => self.get(*name)?.get(*sub),
                };
                paths.iter().find_map(of_path)?.as_str()
            }
        }
    }

    /// The text they are, as long as it was not asked for its values.
    pub(crate) fn unread(&self) -> Option<&str> {
        self.text.as_deref().filter(|_| self.read.get().is_none())
    }
}

/// What came of looking for a text.
enum Looked<'a> {
    Found(Option<&'a str>),
    /// It has escapes.
    Escaped,
}

fn first_in<'a>(text: &'a str, places: &[Place], paths: &[(&str, Option<&str>)]) -> Looked<'a> {
    let at_top = |name: &str| places.iter().rfind(|place| &text[place.name.clone()] == name);
    let of_path = |(name, sub): &(&str, Option<&str>)| {
        let value = &text[at_top(name)?.value.clone()];
        let Some(sub) = sub else { return Some(value) };
        let Entries(entries) = serde_json::from_str(value).ok()?;
        match entries.into_iter().rfind(|(name, _)| name == sub)?.1 {
            Held::Text(value) => Some(value.get()),
            Held::Value(_) => None,
        }
    };
    let Some(value) = paths.iter().find_map(of_path) else { return Looked::Found(None) };
    match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(within) if within.contains('\\') => Looked::Escaped,
        found => Looked::Found(found),
    }
}

impl Deref for Attributes {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Map<String, Value> {
        match &self.text {
            Some(text) => self.read.get_or_init(|| serde_json::from_str(text).unwrap_or_default()),
            None => &self.values,
        }
    }
}

impl DerefMut for Attributes {
    /// They are values from here on.
    fn deref_mut(&mut self) -> &mut Map<String, Value> {
        if let Some(text) = self.text.take() {
            let read = self.read.take();
            self.values = read.unwrap_or_else(|| serde_json::from_str(&text).unwrap_or_default());
        }
        &mut self.values
    }
}

impl From<Map<String, Value>> for Attributes {
    fn from(values: Map<String, Value>) -> Attributes {
        Attributes { values, ..Attributes::default() }
    }
}

impl PartialEq for Attributes {
    fn eq(&self, other: &Attributes) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A value that is held, or the text of one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Held<'a> {
    Value(&'a Value),
    Text(&'a RawValue),
}

impl<'a> Held<'a> {
    pub(crate) fn value(self) -> Cow<'a, Value> {
        match self {
            Held::Value(value) => Cow::Borrowed(value),
            Held::Text(text) => Cow::Owned(serde_json::from_str(text.get()).unwrap_or_default()),
        }
    }

    /// Those of an object; none, if it is no object.
    pub(crate) fn entries(self) -> Entries<'a> {
        match self {
            Held::Value(Value::Object(object)) => Entries::of(object),
            Held::Value(_) => Entries(Vec::new()),
            Held::Text(text) => serde_json::from_str(text.get()).unwrap_or(Entries(Vec::new())),
        }
    }
}

impl Serialize for Held<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Held::Value(value) => value.serialize(serializer),
            Held::Text(text) => text.serialize(serializer),
        }
    }
}

/// The entries of an object, in their order.
#[derive(Debug, Clone)]
pub(crate) struct Entries<'a>(pub(crate) Vec<(Cow<'a, str>, Held<'a>)>);

impl<'a> Entries<'a> {
    /// Where they stand in the text that they were read from.
    fn places_in(&self, text: &str) -> Option<Box<[Place]>> {
        let range = |part: &str| {
            let start = (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
            Some(start..start + part.len())
        };
        let place = |(name, value): &(Cow<'_, str>, Held<'_>)| {
            let (Cow::Borrowed(name), Held::Text(value)) = (name, value) else { return None };
            let is_extension = is_extension_key(name);
            let place = Place { name: range(name)?, value: range(value.get())?, is_extension };
            (!place.is_empty_extension(text)).then_some(place)
        };
        self.0.iter().map(place).collect()
    }

    fn of(object: &'a Map<String, Value>) -> Entries<'a> {
        Entries(object.iter().map(|(name, value)| (Cow::Borrowed(name.as_str()), Held::Value(value))).collect())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ReadEntries)
    }
}

struct ReadEntries;

impl<'de> Visitor<'de> for ReadEntries {
    type Value = Entries<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
        let mut entries = Vec::with_capacity(16);
        while let Some(Name(name)) = map.next_key()? {
            entries.push((name, Held::Text(map.next_value()?)));
        }
        Ok(Entries(entries))
    }
}

impl Place {
    /// Whether it is an extension without a value, as far as can be told.
    fn is_empty_extension(&self, text: &str) -> bool {
        self.is_extension && !text[self.value.clone()].starts_with("{\"")
    }
}

/// A name that is borrowed where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(ReadName)
    }
}

struct ReadName;

impl<'de> Visitor<'de> for ReadName {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: de::Error>(self, name: &'de str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Borrowed(name)))
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Owned(name.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str = r#"{"userName":"ana","n\u00e4me":"x","name":{"formatted":"Ana","givenName":"A"},"active":true}"#;

    fn values() -> Map<String, Value> {
        serde_json::from_str(TEXT).unwrap()
    }

    #[test]
    fn text_and_values_are_the_same_to_who_looks_into_them() {
        let text = Attributes::of_text(TEXT.to_owned()).unwrap();
        assert_eq!(text.unread(), Some(TEXT));
        let names: Vec<String> = text.entries().0.into_iter().map(|(name, _)| name.into_owned()).collect();
        assert_eq!(names, values().keys().cloned().collect::<Vec<_>>());
        assert!(text.entries().0.iter().all(|(name, held)| *held.value() == values()[name.as_ref()]));
        let inner = text.entries().0.into_iter().find(|(name, _)| name == "name").unwrap().1.entries();
        assert_eq!(inner.0.len(), 2);
        assert_eq!(text, Attributes::from(values()));
        assert_eq!(*text, values());
    }

    #[test]
    fn what_is_changed_is_no_longer_what_was_stored() {
        let mut text = Attributes::of_text(TEXT.to_owned()).unwrap();
        assert_eq!(text["userName"], "ana");
        text.insert("userName".to_owned(), json!("anna"));
        assert_eq!(text["userName"], "anna");
        let (_, name) = text.entries().0.remove(0);
        assert_eq!(*name.value(), json!("anna"));
        assert_eq!(text.len(), values().len());
        assert_eq!(text.unread(), None);
    }

    #[test]
    fn what_a_resource_is_called_is_found_in_its_text() {
        let paths = [("displayName", None), ("name", Some("formatted")), ("userName", None)];
        for text in [
            TEXT,
            "{}",
            r#"{"userName":"ana"}"#,
            r#"{"userName":"a\u006ea"}"#,
            r#"{"name":{"givenName":"A"},"userName":"ana"}"#,
            r#"{"name":{"form\u0061tted":"A"},"userName":"ana"}"#,
            r#"{"name":"Ana","userName":"ana"}"#,
            r#"{"displayName":1,"userName":"ana"}"#,
            r#"{"displayName":"","userName":"ana"}"#,
            r#"{ "displayName": "D", "userName": "ana" }"#,
            r#"{"a":{"displayName":"D"},"b":["userName"]}"#,
        ] {
            let values = Attributes::from(serde_json::from_str::<Map<String, Value>>(text).unwrap());
            let found = Attributes::of_text(text.to_owned()).unwrap();
            assert_eq!(found.text_of_first(&paths), values.text_of_first(&paths), "{text}");
        }
    }

    #[test]
    fn text_that_is_no_object_is_refused() {
        for text in ["", "[]", "null", "1", "{", r#"{"a":}"#, r#"{"a":1} x"#, r#"{"a":[1,}"#] {
            assert!(Attributes::of_text(text.to_owned()).is_err(), "{text}");
        }
    }
}
