//! Error messages for writes that a store refuses.

use crate::context::Context;
use crate::error::Error;
use crate::query::search_keys::SearchKey;
use crate::resource::Resource;
use crate::store::WriteError;

/// Another resource has the value, and clients do not see it.
pub(super) fn reserved(attribute: &str, value: &str, what: &str) -> Error {
    let detail = format!(
        "The {attribute} {value:?} belongs to {what} of the service provider, which provisioning does not see. Exclude this user from \
         provisioning in the identity provider, choose another {attribute}, or ask the service provider."
    );
    Error::NotUnique { attribute: Some(attribute.to_owned()), detail }
}

/// The error for a write that the store refused. A value that is not unique is shown as it was written.
pub(super) fn refused(cx: &Context<'_>, resource: &Resource, error: WriteError, keys: &[SearchKey]) -> Error {
    let resource_type = cx.registry.get(resource.resource_type);
    let attribute = match error {
        WriteError::Store(error) => return Error::Store(error),
        WriteError::NotUnique { attribute } => attribute,
        WriteError::Reserved { attribute, what } => {
            let key = keys.iter().find(|key| key.attribute == attribute);
            let value = key.map(|key| cx.registry.written(key, resource)).unwrap_or_default();
            return reserved(&cx.registry.attribute_name(attribute).unwrap_or_default(), &value, what);
        }
    };
    // Where the database does not name the attribute, a single unique key leaves no doubt.
    let mut unique = keys.iter().filter(|key| key.unique);
    let key = match attribute {
        Some(attribute) => unique.find(|key| key.attribute == attribute),
        None => unique.next().filter(|_| unique.next().is_none()),
    };
    let Some(key) = key else {
        let detail = format!("Another {} has the same value of an attribute that must be unique.", resource_type.name);
        return Error::NotUnique { attribute: None, detail };
    };
    let attribute = cx.registry.attribute_name(key.attribute);
    let value = cx.registry.written(key, resource);
    let name = attribute.as_deref().unwrap_or("value");
    let detail = format!("Another {} has the {name} {value:?}; it must be unique.", resource_type.name);
    Error::NotUnique { attribute, detail }
}
