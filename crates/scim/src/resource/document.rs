//! The document of a resource: where it holds the value of an attribute, and which entries are no longer attributes.

use serde_json::{Map, Value};

use super::Resource;
use crate::schema::{Attribute, Mutability, Registry, Relation, Schema};

/// Whether a client's value for this attribute is ignored, because only the service provider sets it.
pub(crate) fn is_ours(extension: Option<&Schema>, attribute: &Attribute) -> bool {
    attribute.mutability == Mutability::ReadOnly
        || attribute.relation == Some(Relation::Groups)
        || (extension.is_none() && matches!(attribute.name.as_str(), "id" | "meta" | "schemas"))
}

/// Sets or removes the value of an attribute in a document.
pub(crate) fn assign(
    document: &mut Map<String, Value>,
    extension: Option<&Schema>,
    attribute: &Attribute,
    value: Option<Value>,
) {
    let Some(extension) = extension else {
        match value {
            Some(value) => drop(document.insert(attribute.name.clone(), value)),
            None => drop(document.shift_remove(&attribute.name)),
        }
        return;
    };
    match value {
        Some(value) => {
            let under_urn = document.entry(extension.id.clone()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(under_urn) = under_urn {
                under_urn.insert(attribute.name.clone(), value);
            }
        }
        None => {
            if let Some(Value::Object(under_urn)) = document.get_mut(&extension.id) {
                under_urn.shift_remove(&attribute.name);
                if under_urn.is_empty() {
                    document.shift_remove(&extension.id);
                }
            }
        }
    }
}

/// The value of an attribute in a document.
pub(crate) fn assigned<'d>(
    document: &'d Map<String, Value>,
    extension: Option<&Schema>,
    attribute: &Attribute,
) -> Option<&'d Value> {
    match extension {
        None => document.get(&attribute.name),
        Some(extension) => document.get(&extension.id)?.get(&attribute.name),
    }
}

/// Removes the value of an attribute from a document and returns it.
pub(crate) fn taken(
    document: &mut Map<String, Value>,
    extension: Option<&Schema>,
    attribute: &Attribute,
) -> Option<Value> {
    let value = match extension {
        None => document.get_mut(&attribute.name),
        Some(extension) => document.get_mut(&extension.id)?.get_mut(&attribute.name),
    };
    value.map(Value::take)
}

impl Registry {
    /// Removes entries that are no longer attributes. Returns whether there were any.
    pub fn prune(&self, resource: &mut Resource) -> bool {
        let mut pruned = false;
        for retired in self.retired.iter().filter(|retired| retired.resource_type == resource.resource_type) {
            let document = &mut resource.attributes;
            pruned |= match &retired.extension {
                None => document.shift_remove(&retired.name).is_some(),
                Some(urn) => {
                    let Some(Value::Object(under_urn)) = document.get_mut(urn) else { continue };
                    let removed = under_urn.shift_remove(&retired.name).is_some();
                    if under_urn.is_empty() {
                        document.shift_remove(urn);
                    }
                    removed
                }
            };
        }
        pruned
    }
}
