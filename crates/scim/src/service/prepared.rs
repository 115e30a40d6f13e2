//! Large PUT and PATCH requests, computed on a snapshot before they are applied.
//!
//! Reading the names of sixty thousand members and comparing them with the current ones takes long and only reads. It
//! should not hold up a store with one writer, or with locks. [`prepare_replace`] and [`prepare_patch`] compute the
//! difference on a snapshot, usually a small one. [`carry_out`] applies it if the resource has not changed since; it
//! also looks up the new members.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value};

use super::write::{Rewritten, locked, make, patched, replaced};
use super::{Written, not_found};
use crate::context::Context;
use crate::error::Error;
use crate::event::EventKind;
use crate::message::projection::Projection;
use crate::observations::{Form, Observations};
use crate::patch::PatchRequest;
use crate::precondition::Precondition;
use crate::resource::Id;
use crate::resource::members::MembersChange;
use crate::schema::ResourceTypeId;
use crate::store::{Handle, Store, Stored};

/// A change computed on a snapshot.
#[derive(Debug, Clone)]
pub struct Prepared {
    seen: Seen,
    rewritten: Rewritten,
    kind: EventKind,
    observations: Observations,
}

/// The state that the change was computed on.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    version: i64,
    attributes: Map<String, Value>,
    /// The names of the pending members.
    pending: BTreeSet<String>,
}

impl Prepared {
    /// The number of members that join or leave.
    pub fn differences(&self) -> usize {
        self.rewritten.members.as_ref().map_or(0, |change| change.add.len() + change.remove.len())
    }
}

/// Computes the effect of [`replace`](super::replace). Only reads.
pub fn prepare_replace(
    store: &mut dyn Store,
    cx: &Context<'_>,
    resource_type: ResourceTypeId,
    id: &Id,
    body: &Value,
    if_match: &Precondition,
) -> Result<Prepared, Error> {
    let stored = seen(store, cx, resource_type, id, if_match)?;
    cx.observations.begin(resource_type, Form::Replace);
    let prepared =
        replaced(cx, &stored, body).and_then(|rewritten| prepare(store, cx, stored, rewritten, EventKind::Replaced));
    settle_refusal(cx, prepared)
}

/// Computes the effect of [`patch`](super::patch). Only reads.
pub fn prepare_patch(
    store: &mut dyn Store,
    cx: &Context<'_>,
    resource_type: ResourceTypeId,
    id: &Id,
    request: &PatchRequest,
    if_match: &Precondition,
) -> Result<Prepared, Error> {
    let stored = seen(store, cx, resource_type, id, if_match)?;
    cx.observations.begin(resource_type, Form::Patch);
    let prepared = patched(store, cx, &stored, request)
        .and_then(|rewritten| prepare(store, cx, stored, rewritten, EventKind::Patched));
    settle_refusal(cx, prepared)
}

/// Applies the change. Returns `None`, and writes nothing, if the resource has changed since.
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
    let Prepared { seen, rewritten, kind, observations } = prepared.clone();
    let pending = if rewritten.members.is_some() { waited_for(store, stored.handle)? } else { BTreeSet::new() };
    if (seen.version, &seen.attributes, &seen.pending)
        != (stored.resource.meta.version, stored.resource.attributes(), &pending)
    {
        return Ok(None);
    }
    cx.observations.take_over(&observations);
    let written = make(store, cx, stored, rewritten, kind, projection.into());
    cx.observations.settle(cx.registry, &written);
    written.map(Some)
}

/// A refusal is the outcome of the request; a change is not made yet.
fn settle_refusal(cx: &Context<'_>, prepared: Result<Prepared, Error>) -> Result<Prepared, Error> {
    if prepared.is_err() {
        cx.observations.settle(cx.registry, &prepared);
    }
    prepared
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
    cx: &Context<'_>,
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
    Ok(Prepared { seen, rewritten, kind, observations: cx.observations.clone() })
}

/// The change without the members who are in the group and stay.
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
