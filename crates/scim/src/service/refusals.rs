//! Why a resource was not written, in words that say what is in the way.

use crate::context::Context;
use crate::error::Error;
use crate::query::search_keys::SearchKey;
use crate::resource::Resource;
use crate::store::WriteError;

/// The user who has this value is none for this client, and yet in its way.
pub(super) fn reserved(attribute: &str, value: &str, what: &str) -> Error {
    let detail = format!(
        "The {attribute} {value:?} belongs to {what} of the service provider, which provisioning does not see. Exclude this user from \
         provisioning in the identity provider, choose another {attribute}, or ask the service provider."
    );
    Error::NotUnique { attribute: Some(attribute.to_owned()), detail }
}

/// A write of a resource that the store did not make. What is not unique is named as it was written.
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
    // Where the database does not say which, there is no doubt if only one has to be unique.
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
