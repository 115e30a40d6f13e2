//! Paths that name an attribute in a non-standard way: a dot after a schema's URN, or the URN of a schema without the
//! attribute.

use crate::query::path::AttributePath;
use crate::schema::{ResourceType, is_name};

/// `urn:…:User:department` of `urn:…:User.department`.
pub(super) fn undotted(path: &AttributePath, resource_type: &ResourceType) -> Option<AttributePath> {
    let mut whole = format!("{}:{}", path.urn.as_ref()?, path.name);
    if path.filter.is_none()
        && let Some(sub) = &path.sub
    {
        whole = format!("{whole}.{sub}");
    }
    let extensions = resource_type.extensions.iter().map(|(schema, _)| schema);
    let below = |urn: &str| {
        let (prefix, rest) = whole.split_at_checked(urn.len())?;
        crate::urn::same(prefix, urn).then(|| rest.strip_prefix('.')).flatten()
    };
    let (schema, rest) = std::iter::once(&resource_type.schema)
        .chain(extensions)
        .find_map(|schema| below(&schema.id).map(|rest| (schema, rest)))?;
    let (name, sub) = match (&path.filter, rest.split_once('.')) {
        (None, Some((name, sub))) => (name, Some(sub.to_owned())),
        (None, None) => (rest, None),
        (Some(_), _) => (rest, path.sub.clone()),
    };
    let filter = path.filter.clone();
    is_name(name).then(|| AttributePath { urn: Some(schema.id.clone()), name: name.to_owned(), filter, sub })
}
