//! What a resource must have (RFC 7643 §2.2 `required`, §2.4 `primary`), and what it gets if it says nothing.

use serde_json::{Map, Value};

use super::body::{assign, assigned};
use super::value::{Named, Reader};
use crate::error::Error;
use crate::schema::{Attribute, Mutability, ResourceType, Schema};

/// Gives a whole document its defaults and refuses it if something required is missing. An extension's requirements
/// count where the extension is present or itself required.
pub(crate) fn complete(
    document: &mut Map<String, Value>,
    resource_type: &ResourceType,
    reader: &Reader<'_>,
) -> Result<(), Error> {
    for attribute in &resource_type.schema.attributes {
        complete_attribute(document, None, attribute, reader)?;
    }
    for (extension, required) in &resource_type.extensions {
        if *required || document.contains_key(&extension.id) {
            for attribute in &extension.attributes {
                complete_attribute(document, Some(extension), attribute, reader)?;
            }
        }
    }
    Ok(())
}

/// The same for one attribute: what a PATCH touched.
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
    match assigned(document, extension, attribute) {
        Some(Value::String(blank)) if attribute.required && blank.trim().is_empty() => {
            Err(reader.missing(attribute, named))
        }
        Some(value) => check(attribute, named, value, reader),
        None => match reader.default(attribute, named)? {
            Some(value) => {
                assign(document, extension, attribute, Some(value));
                Ok(())
            }
            None if attribute.required => Err(reader.missing(attribute, named)),
            None => Ok(()),
        },
    }
}

/// Required sub-attributes are there, and at most one element is primary.
fn check(attribute: &Attribute, named: Named<'_>, value: &Value, reader: &Reader<'_>) -> Result<(), Error> {
    let elements = match value {
        Value::Array(elements) => elements.as_slice(),
        one => std::slice::from_ref(one),
    };
    for sub in attribute.sub_attributes.iter().filter(|sub| sub.required) {
        if sub.mutability != Mutability::ReadOnly && elements.iter().any(|element| element.get(&sub.name).is_none()) {
            return Err(reader.missing(sub, named.sub(sub)));
        }
    }
    if elements.iter().filter(|element| is_primary(element)).count() > 1 {
        return Err(two_primaries(named));
    }
    Ok(())
}

/// Whether an element of a multi-valued attribute is the preferred one.
pub(crate) fn is_primary(element: &Value) -> bool {
    element.get("primary") == Some(&Value::Bool(true))
}

/// RFC 7643 §2.4: `primary` is true at most once.
pub(crate) fn two_primaries(named: Named<'_>) -> Error {
    Error::InvalidValue(format!("{named}: \"primary\": true stands at more than one value; it may stand at one only"))
}
