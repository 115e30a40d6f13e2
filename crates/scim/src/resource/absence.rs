//! Attributes whose absence grants access: a resource without a value is not restricted at all.
//!
//! For these attributes "no value" is more than "unset" (RFC 7643 §2.5). Unassigning the whole attribute asks for
//! unrestricted access and is done: by `[]`, `null`, `remove` with the path alone, or a PUT without it. A value that
//! turns out empty, or the removal of the last value by value, asks for something else and would have the same effect.
//! That is refused, with an error that explains both.
//!
//! An account may say that no value means nothing rather than everything ([`Unset::Restricts`]), or that a change to it is refused
//! ([`Unset::Refused`]). Everything is then asked for by [`EVERY`], which is a value under each of these policies.

use serde_json::{Map, Value};

use super::document::{assign, assigned};
use super::meant::is_blank;
use super::reader::{Named, Reader};
use crate::error::Error;
use crate::json::elements_of;
use crate::observations::Observations;
use crate::schema::{AccountValues, Attribute, EVERY, ResourceType, Schema, Unset};

/// Whether a value names all there is, so that nothing is restricted by it.
fn is_every(value: &Value) -> bool {
    elements_of(Some(value)).any(|one| one.as_str() == Some(EVERY))
}

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

/// The attributes that are restricted in the old document and have no value in the new one.
fn unassigned<'t>(
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    resource_type: &'t ResourceType,
) -> Vec<(Option<&'t Schema>, &'t Attribute)> {
    granting(resource_type)
        .filter(|(extension, attribute)| {
            assigned(old, *extension, attribute).is_some_and(|value| !is_every(value))
                && assigned(new, *extension, attribute).is_none()
        })
        .collect()
}

/// The attributes that were restricted in the old document and are open in the new one.
pub(crate) fn opened(
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    resource_type: &ResourceType,
    account_values: &AccountValues,
) -> Vec<String> {
    unassigned(old, new, resource_type)
        .into_iter()
        .filter(|(_, attribute)| *account_values.unset_of(attribute) != Unset::Restricts)
        .map(|(extension, attribute)| Named::new(extension, attribute).to_string())
        .collect()
}

/// Refuses to unassign what may not be unassigned. A resource that is inactive afterwards keeps its values instead: nothing ever keeps
/// a user active. `name` is what the resource is called.
pub(crate) fn guard(
    old: &Map<String, Value>,
    new: &mut Map<String, Value>,
    resource_type: &ResourceType,
    account_values: &AccountValues,
    name: &str,
    observations: &Observations,
) -> Result<(), Error> {
    let is_active = new.get("active") != Some(&Value::Bool(false));
    for (extension, attribute) in unassigned(old, new, resource_type) {
        let Unset::Refused { everything } = account_values.unset_of(attribute) else { continue };
        if is_active {
            observations.clear_blame();
            observations.blame(attribute);
            let named = Named::new(extension, attribute);
            let name: String = name.chars().take(100).collect();
            return Err(Error::InvalidValue(format!(
                "{named}: this would open {everything} to {name}; send all of them, or {EVERY:?}, to mean it"
            )));
        }
        assign(new, extension, attribute, assigned(old, extension, attribute).cloned());
    }
    Ok(())
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
        let whole = format!("unassign the attribute as a whole: {everything}, or remove it by its path alone");
        let has_list = !self.allowed(attribute).is_empty() && attribute.multi_valued;
        let explicit = format!("send {EVERY:?}");
        Error::InvalidValue(match self.account_values.unset_of(attribute) {
            Unset::Grants => format!(
                "{named}: no value would be left, and without one nothing is restricted: access would be open to all. To restrict \
                 access, send {values}{allowed}. To grant everything, {whole}"
            ),
            Unset::Restricts => format!(
                "{named}: no value would be left, and a value that is none does not say so. To restrict access, send {values}{allowed}. \
                 To take all of it away, {whole}{}",
                if has_list { format!(". To grant everything, {explicit}") } else { String::new() }
            ),
            Unset::Refused { .. } => format!(
                "{named}: no value would be left, and without one nothing is restricted: access would be open to all. To restrict \
                 access, send {values}{allowed}. To grant everything, {explicit} or all values there are"
            ),
        })
    }
}
