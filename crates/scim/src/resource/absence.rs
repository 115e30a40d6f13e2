//! Attributes whose absence grants: without a value the resource is not restricted at all.
//!
//! For them no value is not "unset" (RFC 7643 §2.5). Unassigning one as a whole says "everything", and is done: `[]`, `null`,
//! `remove` by its path alone, a PUT without it. A value of which nothing is left, or the last value taken away by value, says
//! something else and would come to the same: that is refused, in words that say how to get the one and the other.

use serde_json::{Map, Value};

use super::document::{assign, assigned};
use super::meant::is_blank;
use super::reader::{Named, Reader};
use crate::error::Error;
use crate::schema::{Attribute, ResourceType, Schema};

/// Whether a value says that its attribute has none, and nothing else.
pub(crate) fn unassigns(given: &Value) -> bool {
    given.is_null() || given.as_array().is_some_and(Vec::is_empty)
}

/// Whether nothing stands in a value, however it is wrapped, and it does not just say that there is none.
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

/// The attributes of a resource type whose absence grants.
pub(crate) fn granting(resource_type: &ResourceType) -> impl Iterator<Item = (Option<&Schema>, &Attribute)> {
    let core = resource_type.schema.attributes.iter().map(|attribute| (None, attribute));
    let extensions = resource_type.extensions.iter();
    let others = extensions.flat_map(|(extension, _)| extension.attributes.iter().map(move |a| (Some(extension), a)));
    core.chain(others).filter(|(_, attribute)| attribute.absence_grants)
}

/// Those that one document restricts and the other does not.
pub(crate) fn opened(old: &Map<String, Value>, new: &Map<String, Value>, resource_type: &ResourceType) -> Vec<String> {
    granting(resource_type)
        .filter(|(extension, attribute)| {
            assigned(old, *extension, attribute).is_some() && assigned(new, *extension, attribute).is_none()
        })
        .map(|(extension, attribute)| Named::new(extension, attribute).to_string())
        .collect()
}

/// Leaves a resource as restricted as it is, where the new document says nothing about it.
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
    /// The refusal of a change that would leave such an attribute without a value and does not say so.
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
