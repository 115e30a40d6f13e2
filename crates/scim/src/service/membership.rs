//! Membership of groups, and pending members (RFC 7643 §4.2).
//!
//! A request names members by `id` or, within the client's tolerances, by a user's `externalId` or `userName`. A name
//! that no user has becomes a *pending member* of the group. It is not a member and no answer lists it as one, but a
//! user who gets that name joins. So the order in which users and groups arrive does not matter.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::Value;

use super::refusals::refused;
use crate::context::Context;
use crate::error::Error;
use crate::event::{Event, EventKind, Members};
use crate::query::search_keys::{KeyChange, SearchKey};
use crate::resource::members::MembersChange;
use crate::resource::{Id, Member, Meta, Resource};
use crate::schema::key_text::{fold, of_folded};
use crate::schema::{AttributeKey, key_of_text};
use crate::schema::{GROUP, ResourceTypeId};
use crate::store::{Handle, KeyOwner, MembershipChange, MembershipOutcome, PendingChange, Store, StoreError, Stored};
use crate::tolerance::Tolerance;

/// The most pending members of a group; further names are left out.
pub const MAX_PENDING: usize = 1000;
/// The most characters of a name that an answer repeats.
const SHOWN: usize = 128;
/// The most names that an error repeats.
const FEW: usize = 3;
/// How many members are read to find out whether a client sees any.
const LOOKED_AT: usize = 100;

/// What became of the members that a request named.
#[derive(Debug, Default)]
pub(super) struct Membership {
    added: Members,
    removed: Members,
    /// Names that were left out.
    omitted: Vec<String>,
    /// Names that are pending.
    pending: Vec<String>,
    /// Names that are pending and were not before.
    newly_pending: Vec<String>,
}

impl Membership {
    /// Changes the members of a group. A name without a resource becomes pending, or is left out and reported; without
    /// the tolerance the request is refused. A list that would replace members and has no usable name is refused as
    /// well.
    pub(super) fn change(
        store: &mut dyn Store,
        cx: &Context<'_>,
        group: Handle,
        id: &Id,
        change: MembersChange,
    ) -> Result<Membership, Error> {
        let MembersChange { clear, remove, mut add, malformed, kinds, mut replacements } = change;
        let mut omitted = malformed;
        if clear {
            replacements = vec![add.clone()];
        }
        let named = add.len();
        add.retain(|name| name != id.as_str());
        if add.len() < named {
            omitted.push(id.to_string()); // a group is not its own member
        }
        let mut known = Known::default();
        let types = known.look_up_ids(store, add.iter().chain(&remove), |id| kinds.contains_key(id))?;
        // A URL whose type differs from the resource's is unusable.
        let leads_nowhere = |name: &String| kinds.get(name).zip(types.get(name)).is_some_and(|(said, is)| said != is);
        omitted.extend(add.iter().filter(|name| leads_nowhere(name)).cloned());
        add.retain(|name| !leads_nowhere(name));
        let remove: Vec<String> = remove.into_iter().filter(|name| !leads_nowhere(name)).collect();
        known.look_up_names(store, cx, add.iter().chain(&remove))?;
        let asks = clear || add.iter().chain(&remove).any(|name| !known.has(name));
        let before: BTreeSet<String> =
            if asks { store.pending_members(group)?.into_iter().collect() } else { BTreeSet::new() };
        let parks = [Tolerance::MembersByName, Tolerance::UnknownMembers].iter().all(|t| cx.leniency.would_forgive(*t));
        if parks && add.iter().any(|name| !known.has(name) && !before.contains(name)) {
            // Another transaction may be giving a user this name now: the lock makes either see the other.
            store.lock_names()?;
            known.look_up_names(store, cx, add.iter())?;
        }
        let missing: Vec<String> = add.iter().filter(|name| !known.has(name)).cloned().collect();
        if let Some(first) = omitted.iter().chain(&missing).next() {
            // An unknown id, recognized by its form or its URL, stays pending if it was, but no members are given up
            // for it.
            let is_name = |name: &String| !kinds.contains_key(name) && !(cx.is_id)(name);
            let waits = |name: &String| before.contains(name) || parks && is_name(name);
            let is_usable =
                |name: &String| name != id.as_str() && !leads_nowhere(name) && (known.has(name) || waits(name));
            let useless = replacements.iter().find(|list| !list.is_empty() && !list.iter().any(is_usable));
            if let Some(names) = useless.filter(|_| cx.leniency.would_forgive(Tolerance::UnknownMembers))
                && (!before.is_empty() || has_members(store, group)?)
            {
                return Err(useless_list(names));
            }
            if !cx.leniency.forgives(Tolerance::UnknownMembers) {
                return Err(unknown_member(first));
            }
        }
        let mut pending = Pending::settle(clear, &remove, &missing, before, parks);
        omitted.append(&mut pending.omitted);
        if !pending.change.is_empty() {
            store.change_pending_members(group, &pending.change)?;
        }
        let joins: BTreeSet<Handle> = add.iter().filter_map(|name| known.handle(name)).collect();
        let leaves: BTreeSet<Handle> = remove.iter().filter_map(|name| known.handle(name)).collect();
        let change = MembershipChange {
            clear,
            remove: leaves.difference(&joins).copied().collect(),
            add: joins.into_iter().collect(),
        };
        let outcome =
            if change.is_empty() { MembershipOutcome::default() } else { store.change_members(group, &change)? };
        let (added, removed) = known.describe(store, outcome)?;
        let newly_pending = pending.change.add;
        Ok(Membership { added, removed, omitted, pending: pending.named, newly_pending })
    }

    pub(super) fn changed(&self) -> bool {
        self.added.count > 0 || self.removed.count > 0
    }

    pub(super) fn events(&self) -> Vec<EventKind> {
        let mut events = Vec::new();
        if self.changed() {
            let (added, removed) = (self.added.clone(), self.removed.clone());
            events.push(EventKind::MembershipChanged { added, removed });
        }
        if !self.newly_pending.is_empty() {
            events.push(EventKind::MembersPending { names: shown(&self.newly_pending) });
        }
        if !self.omitted.is_empty() {
            events.push(EventKind::MembersSkipped { ids: shown(&self.omitted) });
        }
        events
    }

    /// The names that are not members now, and those of them that are pending.
    pub(super) fn report(self) -> (Vec<String>, Vec<String>) {
        let Membership { omitted, pending, .. } = self;
        (shown(omitted.iter().chain(&pending)), shown(&pending))
    }
}

/// The resources behind the names of a request.
#[derive(Default)]
struct Known {
    handles: HashMap<String, Handle>,
    /// What those are who were looked up by id, if they are few.
    members: HashMap<Handle, Member>,
}

impl Known {
    fn has(&self, name: &str) -> bool {
        self.handles.contains_key(name)
    }

    fn handle(&self, name: &str) -> Option<Handle> {
        self.handles.get(name).copied()
    }

    /// Looks up ids. Returns the types of those for which `asks` is true.
    fn look_up_ids<'n>(
        &mut self,
        store: &mut dyn Store,
        names: impl Iterator<Item = &'n String>,
        asks: impl Fn(&str) -> bool,
    ) -> Result<HashMap<String, ResourceTypeId>, StoreError> {
        let ids: Vec<Id> = names.filter_map(|name| Id::new(name.as_str())).collect();
        let mut types = HashMap::new();
        if !ids.is_empty() {
            for (handle, member) in store.resolve(&ids)? {
                let id = member.id.to_string();
                if asks(&id) {
                    types.insert(id.clone(), member.resource_type);
                }
                if ids.len() <= Members::NAMED {
                    self.members.insert(handle, member);
                }
                self.handles.insert(id, handle);
            }
        }
        Ok(types)
    }

    /// Who joined and who left. Those who were not looked up by id are asked for in one question.
    fn describe(&self, store: &mut dyn Store, outcome: MembershipOutcome) -> Result<(Members, Members), StoreError> {
        let MembershipOutcome { joined, added, left, removed } = outcome;
        let strangers = joined.iter().chain(&left).copied().filter(|handle| !self.members.contains_key(handle));
        let strangers: Vec<Handle> = strangers.collect();
        let mut found = HashMap::new();
        if !strangers.is_empty() {
            found.extend(store.describe(&strangers)?);
        }
        let named = |handles: Vec<Handle>| -> Vec<Member> {
            let member = |handle| self.members.get(&handle).or_else(|| found.get(&handle)).cloned();
            handles.into_iter().filter_map(member).collect()
        };
        Ok((Members { named: named(joined), count: added }, Members { named: named(left), count: removed }))
    }

    /// Looks up users by `externalId` (exactly) if only one has it, otherwise by `userName` if only one has it.
    fn look_up_names<'n>(
        &mut self,
        store: &mut dyn Store,
        cx: &Context<'_>,
        names: impl Iterator<Item = &'n String>,
    ) -> Result<(), StoreError> {
        let names: Vec<&str> = names.map(String::as_str).filter(|name| !self.has(name)).collect();
        if names.is_empty() || !cx.leniency.would_forgive(Tolerance::MembersByName) {
            return Ok(());
        }
        let keys: Vec<SearchKey> = names.iter().flat_map(|name| [external_id(name), user_name(name)]).collect();
        let mut owners: HashMap<(AttributeKey, String), Vec<Handle>> = HashMap::new();
        let hidden = |owner: &KeyOwner| owner.protected.is_some_and(|protected| protected.hidden);
        for owner in store.find_by_keys(&keys)?.into_iter().filter(|owner| !hidden(owner)) {
            owners.entry((owner.attribute, owner.key)).or_default().push(owner.handle);
        }
        let mut with = |key: SearchKey| owners.remove(&(key.attribute, key.key)).unwrap_or_default();
        for name in names {
            let found = match with(external_id(name)).as_slice() {
                [] => match with(user_name(name)).as_slice() {
                    [one] => Some(*one),
                    _ => None,
                },
                [one] => Some(*one),
                _ => None, // the name is ambiguous
            };
            if let Some(handle) = found {
                cx.leniency.forgives(Tolerance::MembersByName);
                self.handles.insert(name.to_owned(), handle);
            }
        }
        Ok(())
    }
}

/// The change that a request makes to the pending members of a group.
#[derive(Default)]
struct Pending {
    change: PendingChange,
    /// Names of the request that are pending now.
    named: Vec<String>,
    /// Names that are left out: over the limit, or not accepted as pending.
    omitted: Vec<String>,
}

impl Pending {
    fn settle(clear: bool, remove: &[String], missing: &[String], before: BTreeSet<String>, parks: bool) -> Pending {
        let missing_set: HashSet<&String> = missing.iter().collect();
        let removed: HashSet<&String> = remove.iter().collect();
        let stays = |name: &String| missing_set.contains(name) || !clear && !removed.contains(name);
        let (kept, gone): (BTreeSet<String>, BTreeSet<String>) = before.into_iter().partition(stays);
        let mut pending = Pending::default();
        for name in missing {
            if kept.contains(name) {
                pending.named.push(name.clone());
            } else if parks && kept.len() + pending.change.add.len() < MAX_PENDING {
                pending.named.push(name.clone());
                pending.change.add.push(name.clone());
            } else {
                pending.omitted.push(name.clone());
            }
        }
        pending.change.remove = gone.into_iter().collect();
        pending
    }
}

/// Adds a user who got a name to the groups where that name is pending. The groups get a new version, as with any
/// change. Returns whether there were any.
pub(super) fn join_pending_groups(store: &mut dyn Store, cx: &Context<'_>, user: &Stored) -> Result<bool, Error> {
    let mut joined = false;
    let text = |name: &str| user.resource.attributes().get(name).and_then(Value::as_str);
    let (external_id, user_name) = (text("externalId"), text("userName").map(fold));
    let means_them = |name: &str| Some(name) == external_id || user_name.as_ref().is_some_and(|n| *n == fold(name));
    let mut keys: Vec<String> = [text("externalId"), text("userName")].into_iter().flatten().map(key_of_text).collect();
    keys.dedup();
    let waiting = store.find_pending_members(&keys)?.into_iter().filter(|waiting| means_them(&waiting.name));
    let groups: BTreeMap<Handle, Id> = waiting.map(|waiting| (waiting.group, waiting.id)).collect();
    for (handle, id) in groups {
        let Some(group) = store.lock(GROUP, &id)? else { continue };
        // Read again, under the lock.
        let remove: Vec<String> = store.pending_members(handle)?.into_iter().filter(|name| means_them(name)).collect();
        if remove.is_empty() {
            continue;
        }
        store.change_pending_members(handle, &PendingChange { remove, add: Vec::new() })?;
        let joins = MembershipChange { add: vec![user.handle], ..MembershipChange::default() };
        if store.change_members(handle, &joins)?.added == 0 {
            continue;
        }
        let old = group.resource.meta;
        let last_modified = cx.now.max(old.last_modified);
        let meta = Meta { created: old.created, last_modified, version: old.version + 1 };
        let moved = Resource { meta, ..group.resource };
        let written = store.update(handle, &moved, &KeyChange::default());
        written.map_err(|error| refused(cx, &moved, error, &[]))?;
        joined = true;
        let Resource { id, resource_type, .. } = user.resource.clone();
        let added = Members::one(Member { id, resource_type, display: user.resource.display().to_owned() });
        let kind = EventKind::MembershipChanged { added, removed: Members::default() };
        store.record(Event::of(&moved, kind));
    }
    Ok(joined)
}

/// Whether the key is one of the names that can be pending: `externalId` or `userName`.
pub(super) fn is_name(key: &SearchKey) -> bool {
    [AttributeKey::external_id(), AttributeKey::user_name()].contains(&key.attribute)
}

/// The key of a user's `externalId`.
fn external_id(text: &str) -> SearchKey {
    SearchKey { attribute: AttributeKey::external_id(), key: of_folded(text.into()), unique: false }
}

/// The key of a `userName`.
fn user_name(text: &str) -> SearchKey {
    SearchKey { attribute: AttributeKey::user_name(), key: key_of_text(text), unique: true }
}

/// Whether the group has members that this client sees.
fn has_members(store: &mut dyn Store, group: Handle) -> Result<bool, StoreError> {
    Ok(store.members_up_to(group, LOOKED_AT)?.is_none_or(|members| !members.is_empty()))
}

/// The error for a list that would replace members and has no usable name.
fn useless_list(names: &[String]) -> Error {
    let few = shown(names.iter().take(FEW)).join(", ");
    let more = names.len().saturating_sub(FEW);
    let few = if more == 0 { few } else { format!("{few} and {more} more") };
    Error::InvalidValue(format!(
        "members: not one of the values sent is a resource that can be a member of this group: {few}. The members it has stay. \
         Create the users first and send the ids we answered; to remove all members, send []."
    ))
}

fn unknown_member(name: &str) -> Error {
    let name: String = name.chars().take(SHOWN).collect();
    Error::InvalidValue(format!(
        "members.value: {name} is not the id of a resource that can be a member of this group; send the id we answered \
         when it was created"
    ))
}

fn shown<'n>(names: impl IntoIterator<Item = &'n String>) -> Vec<String> {
    names.into_iter().map(|name| name.chars().take(SHOWN).collect()).collect()
}

#[cfg(test)]
mod tests;
