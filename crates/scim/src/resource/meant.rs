//! Accepts values in a shape other than the attribute's: one rule for all attributes, in POST, PUT and PATCH.
//!
//! A shape is accepted where it can mean one thing only, and each is a [`Tolerance`]: an array of one, `{"value": …}`
//! around a simple value, the attribute's own name around its value, JSON as text, a `$ref` in place of an `id`.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::distinct::{Edited, once};
use super::reader::{Named, Reader};
use super::{Id, reference};
use crate::error::Error;
use crate::schema::{Attribute, Mutability, ResourceTypeId, Type};
use crate::tolerance::Tolerance;

/// The values that a request gives for a multi-valued attribute.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    /// The values, each once.
    pub values: Vec<Value>,
    /// Whether there were elements without a value: `null`, `{}`, or a `display` alone.
    pub nothing: bool,
    /// Whether there were elements that state an empty value: `""`, `{"type": "work", "value": ""}`.
    pub blank: bool,
}

impl Listed {
    /// The values, for an operation that needs at least one: an error if elements were given and none has a value.
    pub(crate) fn usable(self, attribute: &Attribute, named: Named<'_>) -> Result<Vec<Value>, Error> {
        match self.values.is_empty() && (self.nothing || self.blank) {
            true => Err(nameless(attribute, named)),
            false => Ok(self.values),
        }
    }
}

/// One element of a multi-valued attribute.
enum Element {
    Value(Value),
    Nothing,
    Blank,
}

impl Reader<'_> {
    /// Unwraps the whole value of an attribute from JSON text and from an object with the attribute's own name.
    pub(crate) fn meant<'v>(
        &self,
        attribute: &Attribute,
        named: Named<'_>,
        given: &'v Value,
    ) -> Result<Cow<'v, Value>, Error> {
        let structured = attribute.multi_valued || attribute.r#type == Type::Complex;
        let given = match given {
            Value::String(text) if structured && is_json(text) => Cow::Owned(self.parsed(attribute, named, text)?),
            given => Cow::Borrowed(given),
        };
        let given = self.without_own_name(attribute, named, given)?;
        let own = |element: &Value| own_name(attribute, element).is_some();
        let Value::Array(elements) = &*given else { return Ok(given) };
        if !attribute.multi_valued || !elements.iter().any(own) {
            return Ok(given);
        }
        self.must_forgive_own_name(attribute, named)?;
        let mut flat = Vec::with_capacity(elements.len());
        for element in elements {
            match own_name(attribute, element) {
                None => flat.push(element.clone()),
                Some(Value::Array(inner)) if !inner.is_empty() => flat.extend_from_slice(inner),
                Some(Value::Array(_)) => flat.push(Value::Null),
                Some(inner) => flat.push(inner.clone()),
            }
        }
        Ok(Cow::Owned(Value::Array(flat)))
    }

    /// Unwraps the value of a single-valued attribute from an array of one; `null` where it is unassigned.
    pub(crate) fn lone<'v>(
        &self,
        attribute: &Attribute,
        named: Named<'_>,
        given: &'v Value,
    ) -> Result<Cow<'v, Value>, Error> {
        let given = self.meant(attribute, named, given)?;
        let only = |elements: &[Value]| match elements {
            [] => Ok(false),
            [only] if self.forgives(Tolerance::SingularInArray) => match is_blank(only) {
                true => Err(nameless(attribute, named)),
                false => Ok(true),
            },
            _ => Err(invalid(format!("{named} has one value: send it without an array"))),
        };
        let one = match given {
            Cow::Borrowed(Value::Array(elements)) => match only(elements)? {
                true => elements.first().map_or(Cow::Owned(Value::Null), Cow::Borrowed),
                false => Cow::Owned(Value::Null),
            },
            Cow::Owned(Value::Array(mut elements)) => match only(&elements)? {
                true => Cow::Owned(elements.pop().unwrap_or_default()),
                false => Cow::Owned(Value::Null),
            },
            one => one,
        };
        self.unwrapped(attribute, named, one)
    }

    /// Reads the values of a multi-valued attribute, each once. Elements without a value are left out and reported in
    /// the result.
    pub(crate) fn elements(&self, attribute: &Attribute, named: Named<'_>, given: &Value) -> Result<Listed, Error> {
        let given = self.meant(attribute, named, given)?;
        let given = self.divided(attribute, given);
        let given = match &*given {
            Value::Array(elements) => elements.as_slice(),
            Value::Null => &[],
            one if self.forgives(Tolerance::ElementWithoutArray) => match one {
                Value::String(text) if text.is_empty() => return Ok(Listed { blank: true, ..Listed::default() }),
                one => std::slice::from_ref(one),
            },
            _ => return Err(invalid(format!("{named} is multi-valued: send an array, {}", expected(attribute)))),
        };
        if given.len() > super::reader::MAX_VALUES {
            return Err(invalid(format!("{named} has more than {} values", super::reader::MAX_VALUES)));
        }
        let (mut listed, mut values) = (Listed::default(), Vec::with_capacity(given.len()));
        for element in given {
            match self.element(attribute, named, element)? {
                Element::Value(value) => values.push(Edited::Made(value)),
                Element::Nothing => listed.nothing = true,
                Element::Blank => listed.blank = true,
            }
        }
        listed.values = once(attribute, values);
        Ok(listed)
    }

    fn element(&self, attribute: &Attribute, named: Named<'_>, given: &Value) -> Result<Element, Error> {
        if is_blank(given) {
            return Ok(Element::Nothing);
        }
        let given = self.unwrapped(attribute, named, Cow::Borrowed(given))?;
        let value = match self.plain(attribute, named, &given)? {
            Some(value) if names_something(attribute, &value) => return Ok(Element::Value(value)),
            value => value.unwrap_or_default(),
        };
        let said = given.as_object().into_iter().flatten();
        if said.clone().any(|(key, said)| self.sub_attribute(attribute, key).is_none() && !is_blank(said)) {
            return Err(nameless(attribute, named));
        }
        let mut content = said.filter(|(key, _)| !is_label(key));
        Ok(match value.get("type").is_some() && content.next().is_some() {
            true => Element::Blank,
            false => Element::Nothing,
        })
    }

    /// Unwraps one value.
    pub(crate) fn unwrapped<'v>(
        &self,
        attribute: &Attribute,
        named: Named<'_>,
        given: Cow<'v, Value>,
    ) -> Result<Cow<'v, Value>, Error> {
        let given = match &*given {
            Value::String(text) if attribute.r#type == Type::Complex && is_json(text) => {
                Cow::Owned(self.parsed(attribute, named, text)?)
            }
            _ => given,
        };
        let given = self.without_own_name(attribute, named, given)?;
        // Passwords are never unwrapped: no client sends them so, and secrets are not searched.
        let plain = attribute.r#type != Type::Complex && attribute.mutability != Mutability::WriteOnly;
        if !plain || value_of(&given).is_none() {
            return Ok(given);
        }
        if !self.forgives(Tolerance::ElementForSubAttribute) {
            return Ok(given); // refused by its type
        }
        if value_of(&given).is_some_and(is_blank) {
            return Err(nameless(attribute, named));
        }
        Ok(map(given, value_of))
    }

    /// The value meant for a sub-attribute: `"x"` of `[{"type": "x"}]`, because some clients send the whole element.
    pub(crate) fn part<'v>(&self, sub: &Attribute, named: Named<'_>, value: &'v Value) -> Result<&'v Value, Error> {
        let one = match value {
            Value::Array(elements) if elements.len() == 1 => elements.first().unwrap_or(value),
            one => one,
        };
        match one.as_object().and_then(|element| element.get(&sub.name)) {
            Some(part) if self.forgives(Tolerance::ElementForSubAttribute) => match is_blank(part) {
                true => Err(nameless(sub, named)),
                false => Ok(part),
            },
            _ => Ok(value),
        }
    }

    /// Whether a complex value has no known sub-attribute: `{}`, or unknown members alone.
    pub(crate) fn names_no_part(&self, attribute: &Attribute, given: &Value) -> bool {
        let parts = || given.as_object().into_iter().flatten();
        let names_none = given.is_object()
            && !attribute.sub_attributes.is_empty()
            && parts().all(|(key, _)| self.sub_attribute(attribute, key).is_none());
        if names_none {
            self.observe_unknown_parts(attribute, given);
        }
        names_none
    }

    /// Records the members of a complex value that are no sub-attributes.
    pub(crate) fn observe_unknown_parts(&self, attribute: &Attribute, given: &Value) {
        for (key, value) in given.as_object().into_iter().flatten() {
            if attribute.sub_attribute(key).is_none() && !is_blank(value) {
                self.observations.ignore(format_args!("{}.{key}", attribute.path));
            }
        }
    }

    /// Whether a member of a complex value is a sub-attribute that a client may write.
    pub(crate) fn writes(&self, attribute: &Attribute, key: &str) -> bool {
        attribute.sub_attribute(key).is_some_and(|sub| sub.mutability != Mutability::ReadOnly)
    }

    fn without_own_name<'v>(
        &self,
        attribute: &Attribute,
        named: Named<'_>,
        given: Cow<'v, Value>,
    ) -> Result<Cow<'v, Value>, Error> {
        if own_name(attribute, &given).is_none() {
            return Ok(given);
        }
        self.must_forgive_own_name(attribute, named)?;
        Ok(map(given, |given| own_name(attribute, given)))
    }

    fn must_forgive_own_name(&self, attribute: &Attribute, named: Named<'_>) -> Result<(), Error> {
        match self.forgives(Tolerance::NamedAgain) {
            true => Ok(()),
            false => Err(invalid(format!(
                "the value of {named} has the name {} around it: send the value alone, {}",
                attribute.name,
                expected(attribute)
            ))),
        }
    }

    /// Parses JSON inside a string.
    fn parsed(&self, attribute: &Attribute, named: Named<'_>, text: &str) -> Result<Value, Error> {
        let refused = || {
            let expected = expected(attribute);
            invalid(format!("{named} is a text that looks like JSON: send the JSON itself, without quotes, {expected}"))
        };
        match crate::json::parse(text.as_bytes()) {
            // The text "null" does not unassign an attribute.
            Ok(Value::Null) if self.leniency.would_forgive(Tolerance::JsonText) => Err(nameless(attribute, named)),
            Ok(value) if self.forgives(Tolerance::JsonText) => Ok(value),
            _ => Err(refused()),
        }
    }

    /// The type and `id` of the resource that the `$ref` of a complex value names, if the attribute refers to that
    /// type.
    pub(super) fn referred(&self, attribute: &Attribute, given: &Map<String, Value>) -> Option<(ResourceTypeId, Id)> {
        let sub = attribute.sub_attribute("$ref").filter(|_| attribute.sub_attribute("value").is_some())?;
        let reference = given.iter().rfind(|(key, _)| key.eq_ignore_ascii_case("$ref"))?.1.as_str()?;
        self.forgiven_reference(sub, reference::relative(self.base, reference)?)
    }

    /// The type and `id` of the resource that a `value` names by a whole URL.
    pub(super) fn referred_by_value(&self, attribute: &Attribute, value: &str) -> Option<(ResourceTypeId, Id)> {
        let sub = attribute.sub_attribute("$ref").filter(|_| attribute.sub_attribute("value").is_some())?;
        self.forgiven_reference(sub, reference::absolute(self.base, value)?)
    }

    fn forgiven_reference(&self, sub: &Attribute, found: (ResourceTypeId, Id)) -> Option<(ResourceTypeId, Id)> {
        let refers = sub.reference_types.iter().any(|name| name == reference::type_name(found.0));
        (refers && self.forgives(Tolerance::ReferenceForValue)).then_some(found)
    }
}

/// Whether an element has more than a label: a `type` or a `display` alone has no value.
pub(crate) fn names_something(attribute: &Attribute, value: &Value) -> bool {
    let Value::Object(object) = value else { return !is_blank(value) };
    let written = |sub: &&Attribute| sub.mutability != Mutability::ReadOnly;
    let only_labels = attribute.sub_attributes.iter().filter(written).all(|sub| is_label(&sub.name));
    object.iter().any(|(name, part)| (only_labels || !is_label(name)) && !is_blank(part))
}

/// Whether a sub-attribute only labels the value (RFC 7643 §2.4).
fn is_label(name: &str) -> bool {
    ["type", "primary", "display"].iter().any(|label| name.eq_ignore_ascii_case(label))
}

/// Whether a value is `null` or text of white space only.
pub(crate) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        _ => false,
    }
}

/// The error for an element without a value.
pub(crate) fn nameless(attribute: &Attribute, named: Named<'_>) -> Error {
    let expected = expected(attribute);
    invalid(match attribute.multi_valued {
        true => format!("{named}: what was sent names no value; send {expected}, or [] to remove all values"),
        false => format!("{named}: what was sent names no value; send {expected}, or null to remove it"),
    })
}

/// An example of a value of this attribute, for error messages.
pub(crate) fn expected(attribute: &Attribute) -> String {
    let one = match attribute.r#type {
        Type::Complex => {
            let part = attribute.sub_attribute("value");
            let part = part.or_else(|| attribute.sub_attributes.iter().find(|sub| !is_label(&sub.name)));
            format!("{{\"{}\": …}}", part.map_or("value", |part| part.name.as_str()))
        }
        Type::Boolean => "true".to_owned(),
        Type::Integer | Type::Decimal => "42".to_owned(),
        Type::String | Type::DateTime | Type::Binary | Type::Reference => "\"…\"".to_owned(),
    };
    if attribute.multi_valued { format!("[{one}]") } else { one }
}

/// `["x"]` of `{"emails": ["x"]}`. `{"value": "x"}` is an element and is not unwrapped here.
fn own_name<'v>(attribute: &Attribute, given: &'v Value) -> Option<&'v Value> {
    if attribute.name == "value" || attribute.mutability == Mutability::WriteOnly {
        return None;
    }
    let mut members = given.as_object()?.iter();
    let (key, inner) = members.next()?;
    let only = members.next().is_none();
    (only && key.eq_ignore_ascii_case(&attribute.name) && attribute.sub_attribute(key).is_none()).then_some(inner)
}

/// `"x"` of `{"$ref": null, "value": "x"}`, provided that no other information would be lost.
fn value_of(given: &Value) -> Option<&Value> {
    let given = given.as_object()?;
    let known = |key: &str| is_label(key) || ["value", "$ref"].iter().any(|name| key.eq_ignore_ascii_case(name));
    let value = given.iter().find(|(key, _)| key.eq_ignore_ascii_case("value"))?.1;
    (given.keys().all(|key| known(key)) && !value.is_object() && !value.is_array()).then_some(value)
}

/// Whether a text looks like a JSON array or object, `null`, or a quoted JSON string.
fn is_json(text: &str) -> bool {
    let text = text.trim();
    let quoted = text.len() > 1 && text.starts_with('"') && text.ends_with('"');
    text.starts_with(['[', '{']) || quoted || text == "null"
}

fn map<'v>(given: Cow<'v, Value>, part: impl for<'g> Fn(&'g Value) -> Option<&'g Value>) -> Cow<'v, Value> {
    match given {
        Cow::Borrowed(given) => Cow::Borrowed(part(given).unwrap_or(given)),
        Cow::Owned(given) => Cow::Owned(part(&given).cloned().unwrap_or_default()),
    }
}

fn invalid(detail: String) -> Error {
    Error::InvalidValue(detail)
}
