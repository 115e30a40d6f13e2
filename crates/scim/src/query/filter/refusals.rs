//! Error messages for filters that cannot be answered (RFC 7644 §3.12 `invalidFilter`).

use serde_json::Value;

use super::Operator;
use crate::error::Error;
use crate::query::path::AttributePath;
use crate::schema::{Attribute, Mutability, Type};

/// The resource type has no such attribute.
pub(super) fn unknown(type_name: &str, path: &AttributePath) -> Error {
    let urn = path.urn.as_ref().map(|urn| format!("{urn}:")).unwrap_or_default();
    let text: String = format!("{urn}{}", path.name).chars().take(200).collect();
    Error::InvalidFilter(format!("A {type_name} has no attribute {text}; /Schemas lists those it has"))
}

/// No resource type has such an attribute.
pub(super) fn unknown_anywhere(path: &str) -> Error {
    let text: String = path.chars().take(200).collect();
    Error::InvalidFilter(format!("No resource has an attribute {text}; /Schemas lists those there are"))
}

/// The attribute has no such sub-attribute.
pub(super) fn unknown_sub(attribute: &Attribute, name: &str) -> Error {
    let name: String = name.chars().take(200).collect();
    Error::InvalidFilter(match attribute.sub_attributes.is_empty() {
        true => format!("{} has no sub-attribute {name}: it has none at all", attribute.name),
        false => format!("{} has no sub-attribute {name}: it has {}", attribute.name, sub_names(attribute)),
    })
}

/// A comparison of a complex attribute that has no `value`.
pub(super) fn complex_needs_sub(attribute: &Attribute) -> Error {
    let name = &attribute.name;
    let parts: Vec<String> = attribute.sub_attributes.iter().map(|sub| format!("{name}.{}", sub.name)).collect();
    Error::InvalidFilter(format!("{name} is complex: name a part of it, {}", parts.join(", ")))
}

/// A comparison after the brackets of a value path, which the grammar of filters does not allow.
pub(super) fn beside_brackets(path: &AttributePath) -> Error {
    let path: String = path.to_string().chars().take(200).collect();
    Error::InvalidFilter(format!(
        "Nothing is compared after brackets ({path}): put the whole condition into them, \
         such as emails[type eq \"work\" and value eq \"ana@orchard.example\"]"
    ))
}

/// An attribute that is never readable, or is computed when it is shown.
pub(super) fn unanswerable(definition: &Attribute, attribute: &Attribute) -> Error {
    let name = match std::ptr::eq(definition, attribute) {
        true => attribute.name.clone(),
        false => format!("{}.{}", attribute.name, definition.name),
    };
    Error::InvalidFilter(match definition.mutability {
        Mutability::WriteOnly => format!("{name} is never disclosed, so nothing can be found by it"),
        _ => format!("{name} is made when it is shown, so nothing can be found by it; use id or value"),
    })
}

/// An operator that the attribute's type does not support.
pub(super) fn unfit_operator(definition: &Attribute, operator: Operator) -> Error {
    let fitting = match definition.r#type {
        Type::Boolean => "eq, ne and pr",
        Type::Binary => "eq, ne, co, sw, ew and pr",
        _ => "eq, ne, gt, ge, lt, le and pr",
    };
    Error::InvalidFilter(format!(
        "{} is of the type {}, which {} cannot compare; {fitting} can",
        definition.name,
        definition.r#type.as_str(),
        operator.as_str()
    ))
}

/// A literal of another type than the attribute's; `fitting` is an example of the right one.
pub(super) fn unfit_literal(definition: &Attribute, value: &Value, fitting: &str) -> Error {
    Error::InvalidFilter(format!(
        "{} is of the type {}, so it is compared with {fitting}, not with {}",
        definition.name,
        definition.r#type.as_str(),
        kind_of(value)
    ))
}

fn sub_names(attribute: &Attribute) -> String {
    let names: Vec<&str> = attribute.sub_attributes.iter().map(|sub| sub.name.as_str()).collect();
    names.join(", ")
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) | Value::Object(_) => "JSON structure",
    }
}
