//! `remove` with a `value`: removes the listed values that are stored, and nothing else.

use serde_json::Value;

use crate::error::Error;
use crate::resource::meant::nameless;
use crate::resource::reader::{Named, Reader};
use crate::schema::Attribute;
use crate::schema::key_text::fold;
use crate::tolerance::Tolerance;

/// Whether the value of an operation lists nothing, as if it were absent.
pub(super) fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The values that a `remove` lists, of an attribute or a sub-attribute; `None` where it lists none and so removes
/// everything the path selects.
pub(super) fn listed(
    reader: &Reader<'_>,
    attribute: &Attribute,
    named: Named<'_>,
    value: &Value,
) -> Result<Option<Vec<Value>>, Error> {
    if says_nothing(value) || !reader.forgives(Tolerance::RemoveListedValues) {
        return Ok(None);
    }
    let reader = comparing(reader);
    if attribute.multi_valued {
        return reader.elements(attribute, named, value)?.usable(attribute, named).map(Some);
    }
    let each = match value {
        Value::Array(elements) if elements.len() > 1 => elements.as_slice(),
        one => std::slice::from_ref(one),
    };
    let read = |one| reader.single(attribute, named, one)?.ok_or_else(|| nameless(attribute, named));
    each.iter().map(read).collect::<Result<Vec<Value>, Error>>().map(Some)
}

/// A reader for values that are only compared with stored ones. It skips closed lists, which may have changed since.
pub(super) fn comparing<'a>(reader: &Reader<'a>) -> Reader<'a> {
    Reader { lists: false, ..*reader }
}

/// Whether a stored value is among the listed ones; true where nothing is listed.
pub(super) fn is_listed(attribute: &Attribute, listed: Option<&[Value]>, stored: &Value) -> bool {
    listed.is_none_or(|listed| listed.iter().any(|listed| means(attribute, listed, stored)))
}

/// Whether a listed value matches a stored one: every sub-attribute it has is equal. Beside a `value`, display texts
/// and computed sub-attributes are not compared.
fn means(attribute: &Attribute, listed: &Value, stored: &Value) -> bool {
    let same = |attribute: &Attribute, left: &Value, right: &Value| match (left, right) {
        (Value::String(left), Value::String(right)) if !attribute.case_exact => fold(left) == fold(right),
        _ => left == right,
    };
    let Value::Object(said) = listed else { return same(attribute, listed, stored) };
    let by_value = said.contains_key("value");
    said.iter().all(|(name, said)| {
        let aside = by_value && ["display", "primary", "$ref"].contains(&name.as_str());
        let there = attribute.sub_attribute(name).zip(stored.get(name));
        aside || there.is_some_and(|(sub, there)| same(sub, said, there))
    })
}
