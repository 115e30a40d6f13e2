//! A request may repeat stored values that the current rules refuse.
//!
//! A closed list may lose a value, an attribute may become unique or change its type. Values written before remain, and
//! a client that reads a resource and writes it back (RFC 7644 §3.5.1) repeats them. A repeated value is no change, so
//! it is never a reason to refuse the request. Only values that the current rules refuse are looked up here.
//!
//! A part of a complex value may repeat the stored part of the *same* value only: `{env: B, right: old}` is new where
//! `{env: A, right: old}` is stored.

use serde_json::{Map, Value};

use super::reader::{Existing, Named, Reader};
use crate::json::elements;
use crate::schema::key_text::fold;
use crate::schema::{Attribute, Returned, Type};

impl<'a> Reader<'a> {
    /// A reader for a change of the resource with this document.
    pub(crate) fn over(self, document: &'a Map<String, Value>) -> Reader<'a> {
        Reader { existing: Existing::Document(document), ..self }
    }

    /// The stored document, unless the resource is new.
    pub(super) fn document(&self) -> Option<&'a Map<String, Value>> {
        match self.existing {
            Existing::Document(document) => Some(document),
            Existing::Nothing | Existing::Element(_) => None,
        }
    }

    /// A reader for the parts of this stored value.
    pub(crate) fn within(self, element: &'a Value) -> Reader<'a> {
        Reader { existing: Existing::Element(element), ..self }
    }

    /// A reader for the parts of a given complex value, beside the stored value that it repeats.
    pub(super) fn beside(self, attribute: &Attribute, named: Named<'_>, given: &Value) -> Reader<'a> {
        let Existing::Document(document) = self.existing else { return self };
        let repeated = value_in(document, named).and_then(|there| match attribute.multi_valued {
            false => Some(there),
            true => elements(there).find(|there| is_counterpart(attribute, there, given)),
        });
        Reader { existing: repeated.map_or(Existing::Nothing, Existing::Element), ..self }
    }

    /// The stored value of this attribute or sub-attribute.
    pub(super) fn stored_value(&self, named: Named<'_>) -> Option<&'a Value> {
        let whole = match self.existing {
            Existing::Nothing => return None,
            Existing::Document(document) => value_in(document, named)?,
            Existing::Element(element) => element,
        };
        match named.sub {
            Some(sub) => whole.get(sub),
            None => Some(whole),
        }
    }

    /// The stored value, in its own spelling, that a given value repeats.
    pub(super) fn repeated(&self, attribute: &Attribute, named: Named<'_>, given: &Value) -> Option<Value> {
        elements(self.stored_value(named)?).find(|there| is_same(attribute, there, given)).cloned()
    }

    /// The whole stored value of the attribute, if the given one repeats it.
    pub(crate) fn repeated_whole(&self, named: Named<'_>, given: &Value) -> Option<Value> {
        self.stored_value(named).filter(|there| *there == given).cloned()
    }
}

/// Whether two values of an attribute are equal under its rules (RFC 7643 §7 `caseExact`). The order and the number of
/// repetitions in a multi-valued attribute do not count (§2.4).
pub(crate) fn is_same(attribute: &Attribute, left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::String(left), Value::String(right)) if attribute.r#type == Type::String && !attribute.case_exact => {
            left == right || fold(left) == fold(right)
        }
        (Value::Array(left), Value::Array(right)) => {
            let all_in = |some: &[Value], others: &[Value]| {
                some.iter().all(|one| others.iter().any(|other| is_same(attribute, one, other)))
            };
            all_in(left, right) && all_in(right, left)
        }
        (left, right) => left == right,
    }
}

/// Whether a given complex value is the same entry as a stored one: equal `value` and `type` (RFC 7643 §2.4), or,
/// without a `value`, equal in everything that an answer shows.
fn is_counterpart(attribute: &Attribute, there: &Value, given: &Value) -> bool {
    let part = |of: &Value, name: &str| match of.as_object() {
        Some(members) => members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone()),
        None => (name == "value").then(|| of.clone()),
    };
    let agree = |name: &str| {
        let Some(sub) = attribute.sub_attribute(name) else { return true };
        match (part(there, name), part(given, name)) {
            (Some(there), Some(given)) => is_same(sub, &there, &given),
            (there, given) => there.is_none() && given.is_none_or(|given| given.is_null()),
        }
    };
    match attribute.sub_attribute("value").and_then(|value| part(there, &value.name)) {
        Some(_) => agree("value") && agree("type"),
        None => attribute.sub_attributes.iter().filter(|sub| sub.returned != Returned::Request).all(|sub| {
            let stored = part(there, &sub.name);
            stored.is_none() || agree(&sub.name)
        }),
    }
}

fn value_in<'d>(document: &'d Map<String, Value>, named: Named<'_>) -> Option<&'d Value> {
    match named.extension {
        None => document.get(named.name),
        Some(urn) => document.get(urn)?.get(named.name),
    }
}
