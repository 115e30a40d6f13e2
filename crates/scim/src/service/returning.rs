//! Users who come back: a POST whose `userName` or `externalId` a deactivated user has.
//!
//! An identity provider that deactivated somebody may create them again months later. What becomes of that is the service
//! provider's policy ([`InactiveMatch`]); who is in the way is named in any case. A record that somebody can log in to here,
//! or that no identity provider ever wrote, is never handed to a POST: whoever knew its password would be let in again, or
//! a service account would change hands without a word.

use std::collections::BTreeMap;

use crate::context::{Context, InactiveMatch};
use crate::error::Error;
use crate::schema::USER;
use crate::search_keys::{AttributeKey, SearchKey};
use crate::store::{Handle, Holder, Store, Stored};

/// The deactivated user, locked, whom the new one is; `None` where the new one is new.
pub(super) fn returning(store: &mut dyn Store, cx: &Context<'_>, keys: &[SearchKey]) -> Result<Option<Stored>, Error> {
    let names: Vec<SearchKey> = keys.iter().filter(|key| super::membership::is_name(key)).cloned().collect();
    let holders = store.holders(&names)?;
    let by = |attribute: AttributeKey| holders.iter().filter(move |holder| holder.attribute == attribute);
    let named = by(AttributeKey::user_name()).next();
    if let Some(named) = named.filter(|named| named.active) {
        return Err(taken("userName", named));
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
        return Err(guarded(attribute, found));
    }
    if cx.inactive_match == InactiveMatch::Conflict {
        return Err(inactive(attribute, found));
    }
    // Asked again, under the lock: somebody else may have brought them back, renamed or deleted them.
    let Some(stored) = store.lock(USER, &found.id)? else { return Ok(None) };
    let now = store.holders(&names)?;
    let mut now = now.iter().filter(|holder| holder.handle == found.handle);
    match now.next() {
        None => Ok(None),
        Some(holder) if holder.active => Err(taken(attribute, holder)),
        Some(holder) if holder.guarded => Err(guarded(attribute, holder)),
        Some(_) => Ok(Some(stored)),
    }
}

fn not_unique(attribute: &str, detail: String) -> Error {
    Error::NotUnique { attribute: Some(attribute.to_owned()), detail }
}

fn name(holder: &Holder) -> String {
    SearchKey { attribute: holder.attribute, key: holder.key.clone(), unique: false }.display()
}

fn taken(attribute: &str, holder: &Holder) -> Error {
    let (name, id) = (name(holder), &holder.id);
    not_unique(attribute, format!("Another User has the {attribute} {name:?}; it must be unique. It is the User {id}."))
}

fn inactive(attribute: &str, holder: &Holder) -> Error {
    let detail = format!(
        "The User {} has the {attribute} {:?} and is deactivated. Activate that one ({{\"active\": true}} by PUT or PATCH), \
         or delete it.",
        holder.id,
        name(holder)
    );
    not_unique(attribute, detail)
}

fn guarded(attribute: &str, holder: &Holder) -> Error {
    let detail = format!(
        "The User {} has the {attribute} {:?} and is deactivated. It can log in here with a password or was never \
         provisioned, so it is not restored by creating it again. Activate it ({{\"active\": true}} by PUT or PATCH), or ask \
         the service provider.",
        holder.id,
        name(holder)
    );
    not_unique(attribute, detail)
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
