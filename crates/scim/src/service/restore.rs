//! Users who come back: a POST whose `userName` or `externalId` a deactivated user has.
//!
//! An identity provider that deactivated somebody may create them again months later. What becomes of that is the service
//! provider's policy ([`InactiveMatch`]); who is in the way is named in any case. A record that somebody can log in to here,
//! or that no identity provider ever wrote, is never handed to a POST: whoever knew its password would be let in again, or
//! a service account would change hands without a word.

use super::refusals::reserved;
use crate::context::{Context, InactiveMatch};
use crate::error::Error;
use crate::query::search_keys::SearchKey;
use crate::resource::Resource;
use crate::schema::AttributeKey;
use crate::schema::USER;
use crate::store::{Handle, KeyOwner, Protected, Store, Stored};

/// Whom the names of a new user mean among those who have them.
///
/// A `userName` is one user's. An `externalId` is its client's affair, and names a user only where exactly one record has it
/// and that one is deactivated; what several records share, or an active one has, names no user.
enum Meant<'h> {
    /// No user: the new one is new.
    Nobody,
    /// An active user has the `userName`.
    Taken(&'h KeyOwner),
    /// A deactivated user, by this attribute.
    One(&'static str, &'h KeyOwner),
    /// Two deactivated users, by both names or by one that they share.
    Two(&'h KeyOwner, &'h KeyOwner),
}

impl Meant<'_> {
    fn of(owners: &[KeyOwner]) -> Meant<'_> {
        let by = |attribute: AttributeKey| owners.iter().filter(move |owner| owner.attribute == attribute);
        // Several have it only where a release before told names apart that are one today.
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
            (None, None) => Meant::Nobody,
        }
    }

    /// The deactivated user who may be brought back.
    fn found(&self, names: Names<'_, '_>) -> Result<Option<&KeyOwner>, Error> {
        match self {
            Meant::Nobody => Ok(None),
            Meant::Taken(owner) => Err(taken(names, "userName", owner)?),
            Meant::Two(first, second) => Err(between(first, second)),
            Meant::One(attribute, owner) if owner.guarded || owner.protected.is_some() => {
                Err(guarded(names, attribute, owner)?)
            }
            Meant::One(_, owner) => Ok(Some(owner)),
        }
    }
}

/// The deactivated user, locked, whom the new one is; `None` where the new one is new.
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
    // Asked again, under the lock: somebody else may have brought them back, renamed or deleted them.
    let Some(stored) = store.lock(USER, &found.id)? else { return Ok(None) };
    let mut owners = store.find_by_keys(&names)?;
    owners.retain(|owner| !is_hidden(owner));
    let now = Meant::of(&owners);
    let still = now.found(Names { store, cx, new })?.is_some_and(|now| now.handle == stored.handle);
    Ok(still.then_some(stored))
}

/// Refuses a user the name of another one, and says whose it is. Who does not know the other by then is refused by the store.
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

/// Names in a refusal: as they were written, by the user who has them and by the request.
struct Names<'a, 'c> {
    store: &'a mut dyn Store,
    cx: &'a Context<'c>,
    new: &'a Resource,
}

impl Names<'_, '_> {
    /// As the holder has it.
    fn held(&mut self, owner: &KeyOwner) -> Result<String, Error> {
        let key = SearchKey { attribute: owner.attribute, key: owner.key.clone(), unique: false };
        let stored = self.store.get(USER, &owner.id)?;
        let resource = stored.as_ref().map_or(self.new, |stored| &stored.resource);
        Ok(self.cx.registry.written(&key, resource))
    }

    /// As the request has it.
    fn asked(&self, owner: &KeyOwner) -> String {
        let key = SearchKey { attribute: owner.attribute, key: owner.key.clone(), unique: false };
        self.cx.registry.written(&key, self.new)
    }

    /// A sentence for a request that spells the name otherwise.
    fn otherwise(&self, owner: &KeyOwner, held: &str) -> String {
        let asked = self.asked(owner);
        if asked == held { String::new() } else { format!(" {asked:?} is the same name.") }
    }
}

/// What there is to be done about a user who may not be changed.
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
