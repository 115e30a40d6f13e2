//! Where a member of a resource's JSON object belongs (RFC 7643 §3.3): names compare without regard to letter case
//! (§2.1), extensions stand under their URN.

use crate::schema::{Attribute, ResourceType, Schema};
use crate::urn;

/// What a key of a resource's object stands for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'r> {
    /// An attribute of the core schema, a common one, or one of an extension.
    Attribute(Option<&'r Schema>, &'r Attribute),
    /// An extension: its attributes are the members of an object below this key.
    Extension(&'r Schema),
    /// The core schema by its URN: likewise.
    Core,
}

/// Looks a key up; `None` if it names nothing we know. `unqualified` finds an extension's attribute by its bare name
/// where only one has it.
pub(crate) fn locate<'r>(resource_type: &'r ResourceType, key: &str, unqualified: bool) -> Option<Place<'r>> {
    if let Some(attribute) = resource_type.attribute(key) {
        return Some(Place::Attribute(None, attribute));
    }
    if key.contains(':') {
        return by_urn(resource_type, key);
    }
    let mut found = resource_type
        .extensions
        .iter()
        .filter_map(|(extension, _)| Some(Place::Attribute(Some(extension), extension.attribute(key)?)));
    let only = found.next().filter(|_| unqualified)?;
    found.next().is_none().then_some(only)
}

fn by_urn<'r>(resource_type: &'r ResourceType, key: &str) -> Option<Place<'r>> {
    if urn::same(key, &resource_type.schema.id) {
        return Some(Place::Core);
    }
    if let Some(name) = below(&resource_type.schema.id, key) {
        return Some(Place::Attribute(None, resource_type.attribute(name)?));
    }
    resource_type.extensions.iter().find_map(|(extension, _)| {
        if urn::same(key, &extension.id) {
            return Some(Place::Extension(extension));
        }
        let name = below(&extension.id, key)?;
        Some(Place::Attribute(Some(extension), extension.attribute(name)?))
    })
}

/// `department` of `urn:…:User:department`.
fn below<'k>(schema: &str, key: &'k str) -> Option<&'k str> {
    let (prefix, rest) = key.split_at_checked(schema.len())?;
    urn::same(prefix, schema).then(|| rest.strip_prefix(':')).flatten()
}
