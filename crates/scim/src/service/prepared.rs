//! A large PUT or PATCH, worked out before it is made.
//!
//! To read the names of sixty thousand members, and to compare them with those who are there, takes long and needs nothing but reading.
//! A store with one writer, or with locks, should not be held up by it. So it can be done beforehand, on a snapshot: [`prepare_replace`]
//! and [`prepare_patch`] leave a difference, which is small where little changes, and [`carry_out`] makes it, if the resource is still what
//! it was. What is left to find out (who the new members are, and that they exist) is found out then.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value};

use super::write::{Rewritten, locked, make, patched, replaced};
use super::{Written, not_found};
use crate::context::Context;
use crate::error::Error;
use crate::event::EventKind;
use crate::message::projection::Projection;
use crate::patch::PatchRequest;
use crate::precondition::Precondition;
use crate::resource::Id;
use crate::resource::members::MembersChange;
use crate::schema::ResourceTypeId;
use crate::store::{Handle, Store, Stored};

/// A change that has been worked out.
#[derive(Debug, Clone)]
pub struct Prepared {
    seen: Seen,
    rewritten: Rewritten,
    kind: EventKind,
}

/// What it was worked out on.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    version: i64,
    attributes: Map<String, Value>,
    /// Names that the group waits for.
    pending: BTreeSet<String>,
}

impl Prepared {
    /// How many members are named whose membership is not what was asked for.
    pub fn differences(&self) -> usize {
        self.rewritten.members.as_ref().map_or(0, |change| change.add.len() + change.remove.len())
    }
}

/// Works out what [`replace`](super::replace) would do. Only reads.
pub fn prepare_replace(
    store: &mut dyn Store,
    cx: &Context<'_>,
    resource_type: ResourceTypeId,
    id: &Id,
    body: &Value,
    if_match: &Precondition,
) -> Result<Prepared, Error> {
    let stored = seen(store, cx, resource_type, id, if_match)?;
    let rewritten = replaced(cx, &stored, body)?;
    prepare(store, stored, rewritten, EventKind::Replaced)
}

/// Works out what [`patch`](super::patch) would do. Only reads.
pub fn prepare_patch(
    store: &mut dyn Store,
    cx: &Context<'_>,
    resource_type: ResourceTypeId,
    id: &Id,
    request: &PatchRequest,
    if_match: &Precondition,
) -> Result<Prepared, Error> {
    let stored = seen(store, cx, resource_type, id, if_match)?;
    let rewritten = patched(store, cx, &stored, request)?;
    prepare(store, stored, rewritten, EventKind::Patched)
}

/// Makes the change. `None`: the resource is not what it was any more, and nothing was done.
pub fn carry_out<'p>(
    store: &mut dyn Store,
    cx: &Context<'_>,
    resource_type: ResourceTypeId,
    id: &Id,
    if_match: &Precondition,
    prepared: &Prepared,
    projection: impl Into<Option<&'p Projection>>,
) -> Result<Option<Written>, Error> {
    let stored = locked(store, cx.registry, resource_type, id, if_match)?;
    let Prepared { seen, rewritten, kind } = prepared.clone();
    let pending = if rewritten.members.is_some() { waited_for(store, stored.handle)? } else { BTreeSet::new() };
    if (seen.version, &seen.attributes, &seen.pending)
        != (stored.resource.meta.version, stored.resource.attributes(), &pending)
    {
        return Ok(None);
    }
    make(store, cx, stored, rewritten, kind, projection.into()).map(Some)
}

fn seen(
    store: &mut dyn Store,
    cx: &Context<'_>,
    resource_type: ResourceTypeId,
    id: &Id,
    if_match: &Precondition,
) -> Result<Stored, Error> {
    let stored = store.get(resource_type, id)?;
    let mut stored = stored.ok_or_else(|| not_found(cx.registry.get(resource_type), id))?;
    if_match.check(&stored.resource)?;
    cx.registry.prune(&mut stored.resource);
    Ok(stored)
}

fn waited_for(store: &mut dyn Store, group: Handle) -> Result<BTreeSet<String>, Error> {
    Ok(store.pending_members(group)?.into_iter().collect())
}

fn prepare(
    store: &mut dyn Store,
    stored: Stored,
    mut rewritten: Rewritten,
    kind: EventKind,
) -> Result<Prepared, Error> {
    let mut pending = BTreeSet::new();
    if let Some(change) = rewritten.members.take() {
        pending = waited_for(store, stored.handle)?;
        rewritten.members = Some(narrowed(store, stored.handle, &pending, change)?);
    }
    let version = stored.resource.meta.version;
    let seen = Seen { version, attributes: stored.resource.attributes().clone(), pending };
    Ok(Prepared { seen, rewritten, kind })
}

/// The same change of a group's members, without those who are there and stay.
fn narrowed(
    store: &mut dyn Store,
    group: Handle,
    pending: &BTreeSet<String>,
    change: MembersChange,
) -> Result<MembersChange, Error> {
    let there: HashMap<String, ResourceTypeId> =
        store.members(group)?.into_iter().map(|member| (member.id.to_string(), member.resource_type)).collect();
    let contradicts = |name: &String| change.kinds.get(name).zip(there.get(name)).is_some_and(|(said, is)| said != is);
    if change.add.iter().chain(&change.remove).any(contradicts) {
        return Ok(change); // a URL with the wrong type leads nowhere: rare, and nothing to be clever about
    }
    let MembersChange { clear, mut remove, mut add, malformed, kinds, mut replacements } = change;
    if clear {
        replacements = vec![add.clone()];
        let stays: HashSet<&String> = add.iter().collect();
        remove = there.keys().chain(pending).filter(|name| !stays.contains(name)).cloned().collect();
    }
    add.retain(|name| !there.contains_key(name));
    replacements.retain(|names| !names.iter().any(|name| there.contains_key(name))); // who is there is of use
    Ok(MembersChange { clear: false, remove, add, malformed, kinds, replacements })
}

#[cfg(test)]
mod tests;
