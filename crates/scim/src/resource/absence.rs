//! Attributes whose absence grants access: a resource without a value is not restricted at all.
//!
//! For these attributes "no value" is more than "unset" (RFC 7643 §2.5). Unassigning the whole attribute asks for
//! unrestricted access and is done: by `[]`, `null`, `remove` with the path alone, or a PUT without it. A value that
//! turns out empty, or the removal of the last value by value, asks for something else and would have the same effect.
//! That is refused, with an error that explains both.

use serde_json::{Map, Value};

use super::document::{assign, assigned};
use super::meant::is_blank;
use super::reader::{Named, Reader};
use crate::error::Error;
use crate::schema::{Attribute, ResourceType, Schema};

/// Whether a value unassigns its attribute: `null` or `[]`.
pub(crate) fn unassigns(given: &Value) -> bool {
    given.is_null() || given.as_array().is_some_and(Vec::is_empty)
}

/// Whether a value is empty at any depth but does not unassign the attribute.
pub(crate) fn says_nothing(given: &Value) -> bool {
    fn is_empty(given: &Value) -> bool {
        match given {
            Value::Array(elements) => elements.iter().all(is_empty),
            Value::Object(members) => members.values().all(is_empty),
            one => is_blank(one),
        }
    }
    !unassigns(given) && is_empty(given)
}

/// The attributes of a resource type whose absence grants access.
pub(crate) fn granting(resource_type: &ResourceType) -> impl Iterator<Item = (Option<&Schema>, &Attribute)> {
    let core = resource_type.schema.attributes.iter().map(|attribute| (None, attribute));
    let extensions = resource_type.extensions.iter();
    let others = extensions.flat_map(|(extension, _)| extension.attributes.iter().map(move |a| (Some(extension), a)));
    core.chain(others).filter(|(_, attribute)| attribute.absence_grants)
}

/// The attributes that are restricted in the old document and not in the new one.
pub(crate) fn opened(old: &Map<String, Value>, new: &Map<String, Value>, resource_type: &ResourceType) -> Vec<String> {
    granting(resource_type)
        .filter(|(extension, attribute)| {
            assigned(old, *extension, attribute).is_some() && assigned(new, *extension, attribute).is_none()
        })
        .map(|(extension, attribute)| Named::new(extension, attribute).to_string())
        .collect()
}

/// Copies these attributes from the old document where the new one does not mention them, so the resource stays
/// restricted.
pub(crate) fn keep(old: &Map<String, Value>, new: &mut Map<String, Value>, resource_type: &ResourceType) {
    for (extension, attribute) in granting(resource_type) {
        if assigned(new, extension, attribute).is_none()
            && let Some(there) = assigned(old, extension, attribute)
        {
            assign(new, extension, attribute, Some(there.clone()));
        }
    }
}

impl Reader<'_> {
    /// The error for a change that would remove the last value of such an attribute without unassigning it.
    pub(crate) fn nothing_left(&self, attribute: &Attribute, named: Named<'_>) -> Error {
        let (values, everything) = match attribute.multi_valued {
            true => ("the values that are to remain, one at least", "send [] as its value"),
            false => ("a value", "send null as its value"),
        };
        let allowed = match self.allowed(attribute) {
            [] => String::new(),
            some => format!(" (allowed values: {})", some.join(", ")),
        };
        Error::InvalidValue(format!(
            "{named}: no value would be left, and without one nothing is restricted: access would be open to all. To restrict \
             access, send {values}{allowed}. To grant everything, unassign the attribute as a whole: {everything}, or remove it by \
             its path alone"
        ))
    }
}
