//! Restoring users: a POST with the `userName` or `externalId` of a deactivated user.
//!
//! An identity provider may create a user again months after deactivating it. The service provider's policy
//! ([`InactiveMatch`]) decides what happens; an error always names the existing user. A user who can log in with a
//! password here, or who was never provisioned, is not restored by a POST: that would let in any person who knows the
//! password, or hand over a service account.

use super::refusals::reserved;
use crate::context::{Context, InactiveMatch};
use crate::error::Error;
use crate::query::search_keys::SearchKey;
use crate::resource::Resource;
use crate::schema::AttributeKey;
use crate::schema::USER;
use crate::store::{Handle, KeyOwner, Protected, Store, Stored};

/// Which existing user a new user's names refer to.
///
/// A `userName` belongs to one user. An `externalId` is the client's own and refers to a user only if exactly one
/// record has it and that record is deactivated.
enum Meant<'h> {
    /// No user: the new user is created.
    NoUser,
    /// An active user has the `userName`.
    Taken(&'h KeyOwner),
    /// A deactivated user, found by this attribute.
    One(&'static str, &'h KeyOwner),
    /// Two deactivated users: one for each name, or two that share one.
    Two(&'h KeyOwner, &'h KeyOwner),
}

impl Meant<'_> {
    fn of(owners: &[KeyOwner]) -> Meant<'_> {
        let by = |attribute: AttributeKey| owners.iter().filter(move |owner| owner.attribute == attribute);
        // Several users have one name only where an earlier release kept apart names that are equal today.
        let mut by_user_name = by(AttributeKey::user_name());
        if let Some(active) = by_user_name.clone().find(|owner| owner.active) {
            return Meant::Taken(active);
        }
        let mut sharing = by(AttributeKey::external_id());
        let by_external_id = match (sharing.next(), sharing.next()) {
            (Some(only), None) if !only.active => Some(only),
            _ => None,
        };
        let first = by_user_name.next();
        let other = by_user_name.next().or(by_external_id);
        match (first, other) {
            (Some(named), Some(other)) if other.handle != named.handle => Meant::Two(named, other),
            (Some(named), _) => Meant::One("userName", named),
            (None, Some(only)) => Meant::One("externalId", only),
            (None, None) => Meant::NoUser,
        }
    }

    /// The deactivated user who may be restored.
    fn found(&self, names: Names<'_, '_>) -> Result<Option<&KeyOwner>, Error> {
        match self {
            Meant::NoUser => Ok(None),
            Meant::Taken(owner) => Err(taken(names, "userName", owner)?),
            Meant::Two(first, second) => Err(between(first, second)),
            Meant::One(attribute, owner) if owner.guarded || owner.protected.is_some() => {
                Err(guarded(names, attribute, owner)?)
            }
            Meant::One(_, owner) => Ok(Some(owner)),
        }
    }
}

/// The deactivated user that a POST restores, locked; `None` where the user is new.
pub(super) fn find_restorable(
    store: &mut dyn Store,
    cx: &Context<'_>,
    new: &Resource,
    keys: &[SearchKey],
) -> Result<Option<Stored>, Error> {
    let names: Vec<SearchKey> = keys.iter().filter(|key| super::membership::is_name(key)).cloned().collect();
    let mut owners = store.find_by_keys(&names)?;
    let is_reserved = |owner: &&KeyOwner| is_hidden(owner) && owner.attribute == AttributeKey::user_name();
    if let Some(hidden) = owners.iter().find(is_reserved) {
        let what = hidden.protected.map_or("reserved", |protected| protected.what);
        let asked = Names { store, cx, new }.asked(hidden);
        return Err(reserved("userName", &asked, what));
    }
    owners.retain(|owner| !is_hidden(owner));
    let meant = Meant::of(&owners);
    let Some(found) = meant.found(Names { store, cx, new })? else { return Ok(None) };
    if let (InactiveMatch::Conflict, Meant::One(attribute, owner)) = (cx.inactive_match, &meant) {
        return Err(inactive(Names { store, cx, new }, attribute, owner)?);
    }
    // Read again, under the lock: another transaction may have restored, renamed or deleted the user.
    let Some(stored) = store.lock(USER, &found.id)? else { return Ok(None) };
    let mut owners = store.find_by_keys(&names)?;
    owners.retain(|owner| !is_hidden(owner));
    let now = Meant::of(&owners);
    let still = now.found(Names { store, cx, new })?.is_some_and(|now| now.handle == stored.handle);
    Ok(still.then_some(stored))
}

/// Refuses a name that another user has, and names that user. The store refuses one that was taken in the meantime.
pub(super) fn refuse_taken(
    store: &mut dyn Store,
    cx: &Context<'_>,
    new: &Resource,
    added: &[SearchKey],
    itself: Handle,
) -> Result<(), Error> {
    let name = added.iter().find(|key| new.resource_type == USER && key.attribute == AttributeKey::user_name());
    let Some(name) = name else { return Ok(()) };
    let owners = store.find_by_keys(std::slice::from_ref(name))?;
    match owners.iter().find(|owner| owner.handle != itself && !is_hidden(owner)) {
        Some(owner) => Err(taken(Names { store, cx, new }, "userName", owner)?),
        None => Ok(()),
    }
}

fn not_unique(attribute: &str, detail: String) -> Error {
    Error::NotUnique { attribute: Some(attribute.to_owned()), detail }
}

fn is_hidden(owner: &KeyOwner) -> bool {
    owner.protected.is_some_and(|protected| protected.hidden)
}

/// Formats names for an error: as stored and as in the request.
struct Names<'a, 'c> {
    store: &'a mut dyn Store,
    cx: &'a Context<'c>,
    new: &'a Resource,
}

impl Names<'_, '_> {
    /// The name as stored.
    fn held(&mut self, owner: &KeyOwner) -> Result<String, Error> {
        let key = SearchKey { attribute: owner.attribute, key: owner.key.clone(), unique: false };
        let stored = self.store.get(USER, &owner.id)?;
        let resource = stored.as_ref().map_or(self.new, |stored| &stored.resource);
        Ok(self.cx.registry.written(&key, resource))
    }

    /// The name as in the request.
    fn asked(&self, owner: &KeyOwner) -> String {
        let key = SearchKey { attribute: owner.attribute, key: owner.key.clone(), unique: false };
        self.cx.registry.written(&key, self.new)
    }

    /// A sentence for a request that spells the name differently.
    fn otherwise(&self, owner: &KeyOwner, held: &str) -> String {
        let asked = self.asked(owner);
        if asked == held { String::new() } else { format!(" {asked:?} is the same name.") }
    }
}

/// What to do about a user whom clients may not change.
fn protected(owner: &KeyOwner) -> Option<String> {
    let Protected { what, .. } = owner.protected?;
    Some(format!(
        " It is {what}, which provisioning may read but not change: exclude it from provisioning in the identity provider, or ask \
         the service provider."
    ))
}

fn taken(mut names: Names<'_, '_>, attribute: &str, owner: &KeyOwner) -> Result<Error, Error> {
    let (name, id) = (names.held(owner)?, &owner.id);
    let otherwise = names.otherwise(owner, &name);
    let detail = format!(
        "Another User has the {attribute} {name:?}; it must be unique. It is the User {id}.{otherwise}{}",
        protected(owner).unwrap_or_default()
    );
    Ok(not_unique(attribute, detail))
}

fn inactive(mut names: Names<'_, '_>, attribute: &str, owner: &KeyOwner) -> Result<Error, Error> {
    let (name, id) = (names.held(owner)?, &owner.id);
    let detail = format!(
        "The User {id} has the {attribute} {name:?} and is deactivated. Activate that one ({{\"active\": true}} by PUT or PATCH), \
         or delete it.{}",
        names.otherwise(owner, &name)
    );
    Ok(not_unique(attribute, detail))
}

fn guarded(mut names: Names<'_, '_>, attribute: &str, owner: &KeyOwner) -> Result<Error, Error> {
    let (name, id) = (names.held(owner)?, &owner.id);
    if let Some(remedy) = protected(owner) {
        let detail = format!("The User {id} has the {attribute} {name:?} and is deactivated.{remedy}");
        return Ok(not_unique(attribute, detail));
    }
    let detail = format!(
        "The User {id} has the {attribute} {name:?} and is deactivated. It can log in here with a password or was never \
         provisioned, so it is not restored by creating it again. Activate it ({{\"active\": true}} by PUT or PATCH), or ask \
         the service provider.{}",
        names.otherwise(owner, &name)
    );
    Ok(not_unique(attribute, detail))
}

fn between(named: &KeyOwner, other: &KeyOwner) -> Error {
    let detail = format!(
        "Two Users are meant, both deactivated: {} and {} have this userName or this externalId. Decide which one it is, and change or \
         delete the other.",
        named.id, other.id
    );
    not_unique("userName", detail)
}

#[cfg(test)]
mod tests;
