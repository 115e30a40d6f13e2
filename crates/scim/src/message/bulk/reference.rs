//! References to resources that do not exist yet (RFC 7644 §3.7.2): `bulkId:x` as a value, and as the last segment of a
//! `$ref`.

use serde_json::{Map, Value};

use crate::resource::Id;
use crate::resource::locate::{Place, locate};
use crate::schema::ResourceType;

/// `x` of `bulkId:x`.
pub(super) fn name(text: &str) -> Option<&str> {
    let (prefix, name) = text.split_at_checked("bulkId:".len())?;
    (prefix.eq_ignore_ascii_case("bulkId:") && !name.is_empty()).then_some(name)
}

/// The `bulkId` that the value of a member refers to.
fn referred<'v>(key: &str, text: &'v str) -> Option<&'v str> {
    let segment = if key.eq_ignore_ascii_case("$ref") { text.rsplit('/').next()? } else { text };
    name(segment)
}

/// Calls `found` for every `bulkId` reference in a value, repetitions included.
pub(super) fn each<'v>(key: &str, value: &'v Value, found: &mut dyn FnMut(&'v str)) {
    match value {
        Value::String(text) => {
            if let Some(name) = referred(key, text) {
                found(name);
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| each(key, element, found)),
        Value::Object(object) => each_in(object, found),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Calls `found` for every `bulkId` reference in an object.
pub(super) fn each_in<'v>(object: &'v Map<String, Value>, found: &mut dyn FnMut(&'v str)) {
    object.iter().for_each(|(key, value)| each(key, value, found));
}

/// Replaces references by ids. A reference whose id is unknown stays.
pub(super) fn resolve(value: &mut Value, id_of: &mut dyn FnMut(&str) -> Option<Id>) {
    resolve_at("", value, id_of);
}

fn resolve_at(key: &str, value: &mut Value, id_of: &mut dyn FnMut(&str) -> Option<Id>) {
    match value {
        Value::String(text) => {
            let Some(name) = referred(key, text) else { return };
            if let Some(id) = id_of(name) {
                let before = text.len() - name.len() - "bulkId:".len();
                *text = [text.get(..before).unwrap_or_default(), id.as_str()].concat();
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| resolve_at(key, element, id_of)),
        Value::Object(object) => object.iter_mut().for_each(|(key, value)| resolve_at(key, value, id_of)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Removes references to missing resources from a body. Returns them in the form in which a PATCH can add them later:
/// elements of a multi-valued attribute, or the whole attribute.
pub(super) fn set_apart(body: &mut Map<String, Value>, missing: &dyn Fn(&str) -> bool) -> Map<String, Value> {
    let refers = |key: &str, value: &Value| {
        let mut found = false;
        each(key, value, &mut |name| found |= missing(name));
        found
    };
    let concerned: Vec<String> =
        body.iter().filter(|(key, value)| refers(key, value)).map(|(key, _)| key.clone()).collect();
    let mut apart = Map::new();
    for key in concerned {
        let taken = match body.get_mut(&key) {
            Some(Value::Array(elements)) => {
                let (taken, kept) = std::mem::take(elements).into_iter().partition(|element| refers(&key, element));
                *elements = kept;
                Value::Array(taken)
            }
            // An extension: its attributes stand below its URN.
            Some(Value::Object(inner)) if crate::urn::is_extension_key(&key) => {
                Value::Object(set_apart(inner, missing))
            }
            _ => body.shift_remove(&key).unwrap_or_default(),
        };
        apart.insert(key, taken);
    }
    apart
}

/// Calls `found` for every reference in a new resource. The flag says whether the resource can be created without it.
pub(super) fn each_linkable<'v>(body: &'v Value, resource_type: &ResourceType, found: &mut dyn FnMut(&'v str, bool)) {
    let Value::Object(body) = body else { return };
    for (key, value) in body {
        let extension = match locate(resource_type, key).map(|located| located.place) {
            Some(Place::Extension(extension)) => extension,
            Some(Place::Core) => &resource_type.schema,
            Some(Place::Attribute(_, attribute)) => {
                each(key, value, &mut |name| found(name, !attribute.required));
                continue;
            }
            None => {
                each(key, value, &mut |name| found(name, true));
                continue;
            }
        };
        match value {
            Value::Object(inner) => inner.iter().for_each(|(key, value)| {
                let linkable = extension.attribute(key).is_none_or(|attribute| !attribute.required);
                each(key, value, &mut |name| found(name, linkable));
            }),
            other => each(key, other, &mut |name| found(name, true)),
        }
    }
}
