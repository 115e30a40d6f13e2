//! Users who come back: a POST whose `userName` or `externalId` a deactivated user has.
//!
//! An identity provider that deactivated somebody may create them again months later. What becomes of that is the service
//! provider's policy ([`InactiveMatch`]); who is in the way is named in any case. A record that somebody can log in to here,
//! or that no identity provider ever wrote, is never handed to a POST: whoever knew its password would be let in again, or
//! a service account would change hands without a word.

use std::collections::BTreeMap;

use crate::context::{Context, InactiveMatch};
use crate::error::Error;
use crate::resource::Resource;
use crate::schema::USER;
use crate::search_keys::{AttributeKey, SearchKey};
use crate::store::{Handle, Holder, Store, Stored};

/// The deactivated user, locked, whom the new one is; `None` where the new one is new.
pub(super) fn returning(
    store: &mut dyn Store,
    cx: &Context<'_>,
    new: &Resource,
    keys: &[SearchKey],
) -> Result<Option<Stored>, Error> {
    let names: Vec<SearchKey> = keys.iter().filter(|key| super::membership::is_name(key)).cloned().collect();
    let holders = store.holders(&names)?;
    let by = |attribute: AttributeKey| holders.iter().filter(move |holder| holder.attribute == attribute);
    // Several have it only where a release before told names apart that are one today.
    let named = by(AttributeKey::user_name()).find(|holder| holder.active).or(by(AttributeKey::user_name()).next());
    if let Some(named) = named.filter(|named| named.active) {
        return Err(taken(Names { store, cx, new }, "userName", named)?);
    }
    let everybody: BTreeMap<Handle, &Holder> = holders.iter().map(|holder| (holder.handle, holder)).collect();
    if everybody.values().all(|holder| holder.active) {
        return Ok(None); // nobody, or an externalId twice, which is its client's affair
    }
    let attribute = if named.is_some() { "userName" } else { "externalId" };
    let mut everybody = everybody.into_values();
    let found = match (everybody.next(), everybody.next()) {
        (Some(only), None) => only,
        (Some(first), Some(second)) => return Err(between(attribute, named.unwrap_or(first), first, second)),
        (None, _) => return Ok(None),
    };
    if found.guarded {
        return Err(guarded(Names { store, cx, new }, attribute, found)?);
    }
    if cx.inactive_match == InactiveMatch::Conflict {
        return Err(inactive(Names { store, cx, new }, attribute, found)?);
    }
    // Asked again, under the lock: somebody else may have brought them back, renamed or deleted them.
    let Some(stored) = store.lock(USER, &found.id)? else { return Ok(None) };
    let now = store.holders(&names)?;
    let mut now = now.iter().filter(|holder| holder.handle == found.handle);
    match now.next() {
        None => Ok(None),
        Some(holder) if holder.active => Err(taken(Names { store, cx, new }, attribute, holder)?),
        Some(holder) if holder.guarded => Err(guarded(Names { store, cx, new }, attribute, holder)?),
        Some(_) => Ok(Some(stored)),
    }
}

fn not_unique(attribute: &str, detail: String) -> Error {
    Error::NotUnique { attribute: Some(attribute.to_owned()), detail }
}

/// Names in a refusal: as they were written, by the user who has them and by the request.
struct Names<'a, 'c> {
    store: &'a mut dyn Store,
    cx: &'a Context<'c>,
    new: &'a Resource,
}

impl Names<'_, '_> {
    /// As the holder has it.
    fn held(&mut self, holder: &Holder) -> Result<String, Error> {
        let key = SearchKey { attribute: holder.attribute, key: holder.key.clone(), unique: false };
        let stored = self.store.get(USER, &holder.id)?;
        let resource = stored.as_ref().map_or(self.new, |stored| &stored.resource);
        Ok(self.cx.registry.written(&key, resource))
    }

    /// A sentence for a request that spells the name otherwise.
    fn otherwise(&self, holder: &Holder, held: &str) -> String {
        let key = SearchKey { attribute: holder.attribute, key: holder.key.clone(), unique: false };
        let asked = self.cx.registry.written(&key, self.new);
        if asked == held { String::new() } else { format!(" {asked:?} is the same name.") }
    }
}

fn taken(mut names: Names<'_, '_>, attribute: &str, holder: &Holder) -> Result<Error, Error> {
    let (name, id) = (names.held(holder)?, &holder.id);
    let otherwise = names.otherwise(holder, &name);
    let detail =
        format!("Another User has the {attribute} {name:?}; it must be unique. It is the User {id}.{otherwise}");
    Ok(not_unique(attribute, detail))
}

fn inactive(mut names: Names<'_, '_>, attribute: &str, holder: &Holder) -> Result<Error, Error> {
    let (name, id) = (names.held(holder)?, &holder.id);
    let detail = format!(
        "The User {id} has the {attribute} {name:?} and is deactivated. Activate that one ({{\"active\": true}} by PUT or PATCH), \
         or delete it.{}",
        names.otherwise(holder, &name)
    );
    Ok(not_unique(attribute, detail))
}

fn guarded(mut names: Names<'_, '_>, attribute: &str, holder: &Holder) -> Result<Error, Error> {
    let (name, id) = (names.held(holder)?, &holder.id);
    let detail = format!(
        "The User {id} has the {attribute} {name:?} and is deactivated. It can log in here with a password or was never \
         provisioned, so it is not restored by creating it again. Activate it ({{\"active\": true}} by PUT or PATCH), or ask \
         the service provider.{}",
        names.otherwise(holder, &name)
    );
    Ok(not_unique(attribute, detail))
}

fn between(attribute: &str, named: &Holder, first: &Holder, second: &Holder) -> Error {
    let other = if named.handle == first.handle { second } else { first };
    let state = |holder: &Holder| if holder.active { "active" } else { "deactivated" };
    let detail = format!(
        "Two Users are meant: {} ({}) and {} ({}) have this userName and this externalId. Decide which one it is, and change or \
         delete the other.",
        named.id,
        state(named),
        other.id,
        state(other)
    );
    not_unique(attribute, detail)
}

#[cfg(test)]
mod tests;
