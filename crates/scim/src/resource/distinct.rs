//! Removes duplicate values of a multi-valued attribute: a value is not added twice (RFC 7644 §3.5.2.1), and a
//! combination of `type` and `value` occurs once (RFC 7643 §2.4).

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::Value;

use crate::schema::key_text::fold;
use crate::schema::{Attribute, Type};

/// A value of a multi-valued attribute after an operation.
pub(crate) enum Edited {
    /// A value that the operation changed or added.
    Made(Value),
    /// A value that the operation did not touch.
    Left(Value),
}

/// The values without duplicates. A changed value that equals an earlier one is merged into it, in its place.
pub(crate) fn once(attribute: &Attribute, values: Vec<Edited>) -> Vec<Value> {
    let mut kept: Vec<Option<Edited>> = Vec::with_capacity(values.len());
    for (first, edited) in firsts(attribute, &values).into_iter().zip(values) {
        let there = kept.get_mut(first).and_then(Option::as_mut);
        let other = match (there, edited) {
            (Some(Edited::Made(there) | Edited::Left(there)), Edited::Made(made)) => {
                lay_over(there, made);
                None
            }
            (Some(Edited::Made(there)), Edited::Left(mut left)) => {
                std::mem::swap(there, &mut left);
                lay_over(there, left);
                None
            }
            (_, edited) => Some(edited),
        };
        kept.push(other);
    }
    kept.into_iter().flatten().map(Edited::into_value).collect()
}

/// For each value, the index of the first equal one, which may be its own.
fn firsts(attribute: &Attribute, values: &[Edited]) -> Vec<usize> {
    let mut seen = HashMap::with_capacity(values.len());
    let places = values.iter().enumerate();
    places.map(|(place, edited)| *seen.entry(identity(attribute, edited.value())).or_insert(place)).collect()
}

impl Edited {
    fn value(&self) -> &Value {
        match self {
            Edited::Made(value) | Edited::Left(value) => value,
        }
    }

    fn into_value(self) -> Value {
        match self {
            Edited::Made(value) | Edited::Left(value) => value,
        }
    }
}

/// A value or sub-attribute in the form in which it is compared (RFC 7643 §7 `caseExact`).
#[derive(PartialEq, Eq, Hash)]
enum Compared<'v> {
    Text(Cow<'v, str>),
    Other(&'v Value),
}

/// What identifies a value: the value itself, or its `value` and `type`.
fn identity<'v>(attribute: &Attribute, value: &'v Value) -> (Compared<'v>, Option<Compared<'v>>) {
    let Some(said) = value.get("value") else { return (compared(Some(attribute), value), None) };
    let part = |name: &str, part: &'v Value| compared(attribute.sub_attribute(name), part);
    (part("value", said), value.get("type").map(|kind| part("type", kind)))
}

fn compared<'v>(attribute: Option<&Attribute>, value: &'v Value) -> Compared<'v> {
    let folds = attribute.is_some_and(|attribute| attribute.r#type == Type::String && !attribute.case_exact);
    match value {
        Value::String(text) if folds => Compared::Text(fold(text)),
        value => Compared::Other(value),
    }
}

fn lay_over(there: &mut Value, made: Value) {
    if let (Value::Object(there), Value::Object(made)) = (there, made) {
        there.extend(made);
    }
}
