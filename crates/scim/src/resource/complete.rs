//! Defaults and required attributes of a whole document (RFC 7643 §2.2 `required`, §2.4 `primary`).

use serde_json::{Map, Value};

use super::document::{assign, assigned};
use super::reader::{Named, Reader};
use crate::error::Error;
use crate::json::elements_of;
use crate::schema::{Attribute, Mutability, ResourceType, Schema};

/// Fills in defaults and refuses a document without a required attribute. An extension's requirements apply where the
/// extension is present or itself required.
///
/// A missing attribute never prevents a deactivation: the document then keeps the stored value, if there is one.
pub(crate) fn complete(
    document: &mut Map<String, Value>,
    resource_type: &ResourceType,
    reader: &Reader<'_>,
) -> Result<(), Error> {
    for attribute in &resource_type.schema.attributes {
        complete_or_keep(document, None, attribute, reader)?;
    }
    for (extension, required) in &resource_type.extensions {
        if *required || document.contains_key(&extension.id) {
            for attribute in &extension.attributes {
                complete_or_keep(document, Some(extension), attribute, reader)?;
            }
        }
    }
    Ok(())
}

fn complete_or_keep(
    document: &mut Map<String, Value>,
    extension: Option<&Schema>,
    attribute: &Attribute,
    reader: &Reader<'_>,
) -> Result<(), Error> {
    reader.observations.clear_blame();
    let completed = complete_attribute(document, extension, attribute, reader);
    if completed.is_err() {
        reader.observations.blame(attribute);
    }
    let deactivates = document.get("active") == Some(&Value::Bool(false));
    match reader.document().filter(|_| deactivates) {
        Some(stored) if completed.is_err() && assigned(document, extension, attribute).is_none() => {
            assign(document, extension, attribute, assigned(stored, extension, attribute).cloned());
            Ok(())
        }
        _ => completed,
    }
}

/// Applies the default and the requirement of one attribute that a PATCH touched.
pub(crate) fn complete_attribute(
    document: &mut Map<String, Value>,
    extension: Option<&Schema>,
    attribute: &Attribute,
    reader: &Reader<'_>,
) -> Result<(), Error> {
    if attribute.relation.is_some() || attribute.mutability == Mutability::WriteOnly {
        return Ok(());
    }
    let named = Named::new(extension, attribute);
    let stored = reader.document().and_then(|stored| assigned(stored, extension, attribute));
    match assigned(document, extension, attribute) {
        // A stored value is not validated again: it may be older than the current rules.
        Some(value) if stored == Some(value) => Ok(()),
        Some(Value::String(blank)) if attribute.required && blank.trim().is_empty() => {
            Err(reader.missing(attribute, named))
        }
        Some(value) => check(attribute, named, value, stored, reader),
        None => match reader.default(attribute, named) {
            Ok(Some(value)) => {
                assign(document, extension, attribute, Some(value));
                Ok(())
            }
            Ok(None) if attribute.required => Err(reader.missing(attribute, named)),
            Ok(None) => Ok(()),
            // A default that the current rules refuse is not an error of this change.
            Err(_) if reader.document().is_some() && stored.is_none() && !attribute.required => Ok(()),
            Err(error) => Err(error),
        },
    }
}

/// Checks that required sub-attributes are present and at most one element is primary.
fn check(
    attribute: &Attribute,
    named: Named<'_>,
    value: &Value,
    stored: Option<&Value>,
    reader: &Reader<'_>,
) -> Result<(), Error> {
    let elements = match value {
        Value::Array(elements) => elements.as_slice(),
        one => std::slice::from_ref(one),
    };
    let is_new = |element: &Value| elements_of(stored).all(|there| there != element);
    for sub in attribute.sub_attributes.iter().filter(|sub| sub.required) {
        let lacks = |element: &Value| element.get(&sub.name).is_none() && is_new(element);
        if sub.mutability != Mutability::ReadOnly && elements.iter().any(lacks) {
            reader.observations.blame(sub);
            return Err(reader.missing(sub, named.sub(sub)));
        }
    }
    if elements.iter().filter(|element| is_primary(element)).count() > 1 {
        return Err(two_primaries(named));
    }
    Ok(())
}

/// Whether an element of a multi-valued attribute is the primary one.
pub(crate) fn is_primary(element: &Value) -> bool {
    element.get("primary") == Some(&Value::Bool(true))
}

/// RFC 7643 §2.4: `primary` is true at most once.
pub(crate) fn two_primaries(named: Named<'_>) -> Error {
    Error::InvalidValue(format!("{named}: \"primary\": true stands at more than one value; it may stand at one only"))
}
