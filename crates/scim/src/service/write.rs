//! Writing: POST (RFC 7644 §3.3), PUT (§3.5.1), PATCH (§3.5.2), DELETE (§3.6).

use serde_json::{Map, Value, json};

use super::body::Draft;
use super::membership::{self, Membership};
use super::refusals::refused;
use super::restore::{find_restorable, refuse_taken};
use super::{Written, loaded, not_found, reader};
use super::{document, group_names};
use crate::context::Context;
use crate::error::Error;
use crate::event::{self, Event, EventKind, Members};
use crate::message::projection::Projection;
use crate::observations::{Form, Observations};
use crate::patch::PatchRequest;
use crate::patch::apply::{Patched, apply};
use crate::precondition::Precondition;
use crate::query::search_keys::{KeyChange, search_keys};
use crate::resource::absence;
use crate::resource::complete::complete;
use crate::resource::document::{assign, assigned};
use crate::resource::members::MembersChange;
use crate::resource::reader::{Named, Reader};
use crate::resource::stored::is_same;
use crate::resource::user_name;
use crate::resource::{Id, Member, Meta, Resource};
use crate::schema::{Attribute, Mutability, Registry, Relation, ResourceType, ResourceTypeId, Schema, USER};
use crate::store::{Departure, Handle, Protected, Store, Stored};

/// Creates a resource from the body of a POST, or restores the deactivated user who has its names.
pub fn create<'p>(
    store: &mut dyn Store,
    cx: &mut Context<'_>,
    resource_type: ResourceTypeId,
    body: &Value,
    projection: impl Into<Option<&'p Projection>>,
) -> Result<Written, Error> {
    cx.observations.begin(resource_type, Form::Create);
    let created = create_or_restore(store, cx, resource_type, body, projection.into());
    cx.observations.settle(cx.registry, &created);
    created
}

fn create_or_restore(
    store: &mut dyn Store,
    cx: &mut Context<'_>,
    resource_type: ResourceTypeId,
    body: &Value,
    projection: Option<&Projection>,
) -> Result<Written, Error> {
    let described = cx.registry.get(resource_type);
    let Draft { attributes, members, .. } = match read_new(body, described, &reader(cx)) {
        Ok(draft) => draft,
        // A restored user may repeat stored values that the current rules refuse.
        Err(error @ Error::InvalidValue(_)) if resource_type == USER => {
            let aside = Observations::default();
            let names = Draft::names(body, described, &Reader { observations: &aside, ..reader(cx) });
            let meta = Meta { created: cx.now, last_modified: cx.now, version: 1 };
            let named = Resource::from_stored(USER, (cx.new_id)(), meta, names);
            return match find_restorable(store, cx, &named, &search_keys(cx.registry, &named)) {
                Ok(Some(stored)) => restore(store, cx, stored, body, projection),
                Err(Error::Store(failed)) => Err(Error::Store(failed)),
                Ok(None) | Err(_) => Err(error),
            };
        }
        Err(error) => return Err(error),
    };
    let meta = Meta { created: cx.now, last_modified: cx.now, version: 1 };
    let resource = Resource::from_stored(resource_type, (cx.new_id)(), meta, attributes);
    let keys = search_keys(cx.registry, &resource);
    if resource_type == USER
        && let Some(stored) = find_restorable(store, cx, &resource, &keys)?
    {
        return restore(store, cx, stored, body, projection);
    }
    cx.observations.clear_blame();
    checked_name(cx, resource_type, None, resource.attributes())?;
    document::check(cx, described, None, resource.attributes())?;
    group_names::check(store, cx, &keys, None)?;
    let handle = store.insert(&resource, &keys).map_err(|error| refused(cx, &resource, error, &keys))?;
    let mut membership = Membership::default();
    if let Some(members) = members {
        membership = changed_members(store, cx, (handle, &resource), members.whole(false))?;
    }
    let all = event::changes(described, &Map::new(), resource.attributes());
    store.record(Event::of(&resource, EventKind::Created).changing(all).showing(described, &resource));
    membership.events().into_iter().for_each(|kind| store.record(Event::of(&resource, kind)));
    let mut stored = Stored { handle, resource };
    if resource_type == USER && !membership::join_pending_groups(store, cx, &stored)? {
        stored.resource.groups = Some(Vec::new()); // who is new is in none
    }
    written(store, cx, stored, projection, true, membership)
}

fn changed_members(
    store: &mut dyn Store,
    cx: &Context<'_>,
    (handle, group): (Handle, &Resource),
    change: MembersChange,
) -> Result<Membership, Error> {
    let blame = |_: &Error| cx.observations.blame_named(cx.registry.get(group.resource_type), "members");
    Membership::change(store, cx, handle, &group.id, change).inspect_err(blame)
}

fn checked_name(
    cx: &Context<'_>,
    resource_type: ResourceTypeId,
    old: Option<&Map<String, Value>>,
    new: &Map<String, Value>,
) -> Result<(), Error> {
    let blame = |_: &Error| cx.observations.blame_named(cx.registry.get(resource_type), "userName");
    user_name::check(resource_type, old, new).inspect_err(blame)
}

fn read_new(body: &Value, resource_type: &ResourceType, reader: &Reader<'_>) -> Result<Draft, Error> {
    let mut draft = Draft::read(body, resource_type, reader)?;
    complete(&mut draft.attributes, resource_type, reader)?;
    Ok(draft)
}

/// Gives a deactivated user the attributes of a POST. Attributes whose absence grants access stay if the body lacks
/// them.
fn restore(
    store: &mut dyn Store,
    cx: &Context<'_>,
    mut stored: Stored,
    body: &Value,
    projection: Option<&Projection>,
) -> Result<Written, Error> {
    let described = cx.registry.get(USER);
    cx.registry.prune(&mut stored.resource);
    let old = stored.resource.attributes();
    let reader = reader(cx).over(old);
    let draft = Draft::read(body, described, &reader)?;
    draft.check_nameless(old, described, cx.observations)?;
    let Draft { mut attributes, .. } = draft;
    absence::keep(old, &mut attributes, described);
    complete(&mut attributes, described, &reader)?;
    carry_over(old, &mut attributes, described, cx.observations)?;
    finish(store, cx, stored, attributes, Membership::default(), EventKind::Restored, projection)
}

/// Whether a POST with this body is complete and all values are allowed: the checks of [`create`] that need no store.
pub fn check(cx: &Context<'_>, resource_type: ResourceTypeId, body: &Value) -> Result<(), Error> {
    let described = cx.registry.get(resource_type);
    let Draft { attributes, .. } = read_new(body, described, &reader(cx))?;
    user_name::check(resource_type, None, &attributes)?;
    document::check(cx, described, None, &attributes)
}

/// Replaces a resource by the body of a PUT. Never creates one.
pub fn replace<'p>(
    store: &mut dyn Store,
    cx: &Context<'_>,
    resource_type: ResourceTypeId,
    id: &Id,
    body: &Value,
    if_match: &Precondition,
    projection: impl Into<Option<&'p Projection>>,
) -> Result<Written, Error> {
    let stored = locked(store, cx.registry, resource_type, id, if_match)?;
    cx.observations.begin(resource_type, Form::Replace);
    let written = replaced(cx, &stored, body)
        .and_then(|rewritten| make(store, cx, stored, rewritten, EventKind::Replaced, projection.into()));
    cx.observations.settle(cx.registry, &written);
    written
}

/// The resource that a request leads to.
#[derive(Debug, Clone)]
pub(super) struct Rewritten {
    pub(super) document: Map<String, Value>,
    /// The change of its members, if there is one.
    pub(super) members: Option<MembersChange>,
}

/// The resource that a PUT leads to.
pub(super) fn replaced(cx: &Context<'_>, stored: &Stored, body: &Value) -> Result<Rewritten, Error> {
    let (resource_type, old) = (stored.resource.resource_type, stored.resource.attributes());
    let described = cx.registry.get(resource_type);
    let reader = reader(cx).over(old);
    let draft = Draft::read(body, described, &reader)?;
    draft.check_nameless(old, described, cx.observations)?;
    let Draft { mut attributes, members, .. } = draft;
    carry_over(old, &mut attributes, described, cx.observations)?;
    complete(&mut attributes, described, &reader)?;
    let related = described.schema.attributes.iter().find(|attribute| attribute.relation == Some(Relation::Members));
    let members = related.map(|attribute| Ok::<_, Error>(members.unwrap_or_default().said(attribute)?.whole(true)));
    let members = members.transpose().inspect_err(|_| cx.observations.blame_named(described, "members"))?;
    Ok(Rewritten { document: attributes, members })
}

/// The resource that a PATCH leads to.
pub(super) fn patched(
    store: &mut dyn Store,
    cx: &Context<'_>,
    stored: &Stored,
    request: &PatchRequest,
) -> Result<Rewritten, Error> {
    let described = cx.registry.get(stored.resource.resource_type);
    let Patched { document, membership: edit } = {
        let mut load = |stored_too: bool, others: &[Id]| described_members(store, cx, stored, stored_too, others);
        apply(request, stored.resource.attributes(), described, &reader(cx), &mut load)?
    };
    Ok(Rewritten { document, members: edit.change() })
}

/// Applies a change, in a store whose resource is still the one it was computed on.
pub(super) fn make(
    store: &mut dyn Store,
    cx: &Context<'_>,
    stored: Stored,
    rewritten: Rewritten,
    kind: EventKind,
    projection: Option<&Projection>,
) -> Result<Written, Error> {
    let Rewritten { document, members } = rewritten;
    let membership = match members {
        Some(change) => changed_members(store, cx, (stored.handle, &stored.resource), change)?,
        None => Membership::default(),
    };
    finish(store, cx, stored, document, membership, kind, projection)
}

/// Applies a PATCH.
pub fn patch<'p>(
    store: &mut dyn Store,
    cx: &Context<'_>,
    resource_type: ResourceTypeId,
    id: &Id,
    request: &PatchRequest,
    if_match: &Precondition,
    projection: impl Into<Option<&'p Projection>>,
) -> Result<Written, Error> {
    let stored = locked(store, cx.registry, resource_type, id, if_match)?;
    cx.observations.begin(resource_type, Form::Patch);
    let written = patched(store, cx, &stored, request)
        .and_then(|rewritten| make(store, cx, stored, rewritten, EventKind::Patched, projection.into()));
    cx.observations.settle(cx.registry, &written);
    written
}

/// Deletes a resource and removes it from all groups.
pub fn delete(
    store: &mut dyn Store,
    cx: &Context<'_>,
    resource_type: ResourceTypeId,
    id: &Id,
    if_match: &Precondition,
) -> Result<(), Error> {
    let stored = locked(store, cx.registry, resource_type, id, if_match)?;
    changeable(store, cx, &stored)?;
    let keys = search_keys(cx.registry, &stored.resource);
    let departure = store.delete(&stored, &keys, cx.now)?;
    let resource = &stored.resource;
    departed(store, resource, departure)?.into_iter().for_each(|event| store.record(event));
    let all = event::changes(cx.registry.get(resource_type), resource.attributes(), &Map::new());
    store.record(Event::of(resource, EventKind::Deleted).changing(all));
    Ok(())
}

/// What the deletion of a resource means for groups: it left those it was in, and its own members left it.
fn departed(store: &mut dyn Store, gone: &Resource, departure: Departure) -> Result<Vec<Event>, Error> {
    let Departure { groups, members, count } = departure;
    let left = |removed| EventKind::MembershipChanged { added: Members::default(), removed };
    let itself = Member { id: gone.id.clone(), resource_type: gone.resource_type, display: gone.display().to_owned() };
    let of_group = |group: Member| Event {
        kind: left(Members::one(itself.clone())),
        resource_type: group.resource_type,
        id: group.id,
        name: group.display,
        facts: Vec::new(),
        changes: Vec::new(),
        shown: None,
    };
    let mut events: Vec<Event> = groups.into_iter().map(of_group).collect();
    if count > 0 {
        let named = store.describe(&members)?.into_iter().map(|(_, member)| member).collect();
        events.push(Event::of(gone, left(Members { named, count })));
    }
    Ok(events)
}

/// Refuses to change a resource that the service provider protects.
fn changeable(store: &mut dyn Store, cx: &Context<'_>, locked: &Stored) -> Result<(), Error> {
    let Some(Protected { what, .. }) = store.protection(locked)? else { return Ok(()) };
    let resource = &locked.resource;
    let kind = &cx.registry.get(resource.resource_type).name;
    let name = resource.attributes().get("userName").and_then(Value::as_str).unwrap_or_else(|| resource.display());
    Err(Error::Forbidden(format!(
        "The {kind} {name:?} ({}) is {what}, which provisioning may read but not change or delete. Exclude it from provisioning in \
         the identity provider, or ask the service provider to allow that it is changed.",
        resource.id
    )))
}

/// Members in the form in which the filter of a PATCH path sees them.
fn described_members(
    store: &mut dyn Store,
    cx: &Context<'_>,
    group: &Stored,
    stored_too: bool,
    others: &[Id],
) -> Result<Vec<(Id, Value)>, Error> {
    let mut members = if stored_too { store.members(group.handle)? } else { Vec::new() };
    for id in others {
        for resource_type in cx.registry.resource_types() {
            if let Some(Stored { resource, .. }) = store.get(resource_type.id, id)? {
                let display = resource.display().to_owned();
                members.push(Member { id: resource.id, resource_type: resource_type.id, display });
            }
        }
    }
    let element = |Member { id, resource_type, display }| {
        let kind = &cx.registry.get(resource_type).name;
        let element = json!({ "value": id.as_str(), "type": kind, "display": display });
        (id, element)
    };
    Ok(members.into_iter().map(element).collect())
}

/// Locks a resource and evaluates `If-Match` under the lock: of two writers with the same version, the second is
/// refused.
pub(super) fn locked(
    store: &mut dyn Store,
    registry: &Registry,
    resource_type: ResourceTypeId,
    id: &Id,
    if_match: &Precondition,
) -> Result<Stored, Error> {
    let stored = store.lock(resource_type, id)?;
    let mut stored = stored.ok_or_else(|| not_found(registry.get(resource_type), id))?;
    if_match.check(&stored.resource)?;
    registry.prune(&mut stored.resource);
    Ok(stored)
}

/// Copies the attributes that a PUT without them keeps; see the [module](super) documentation.
fn carry_over(
    old: &Map<String, Value>,
    new: &mut Map<String, Value>,
    resource_type: &ResourceType,
    observations: &Observations,
) -> Result<(), Error> {
    let mut keep = |extension: Option<&Schema>, attribute: &Attribute| {
        let Some(there) = assigned(old, extension, attribute) else { return Ok(()) };
        let given = assigned(new, extension, attribute);
        let is_active = extension.is_none() && attribute.name == "active";
        match attribute.mutability {
            Mutability::Immutable if given.is_some_and(|given| !is_same(attribute, given, there)) => {
                observations.clear_blame();
                observations.blame(attribute);
                Err(Error::Mutability(format!(
                    "{} is immutable: it keeps the value it has",
                    Named::new(extension, attribute)
                )))
            }
            Mutability::Immutable | Mutability::ReadOnly => {
                assign(new, extension, attribute, Some(there.clone()));
                Ok(())
            }
            _ if is_active && given.is_none() => {
                assign(new, extension, attribute, Some(there.clone()));
                Ok(())
            }
            Mutability::ReadWrite | Mutability::WriteOnly => Ok(()),
        }
    };
    resource_type.schema.attributes.iter().try_for_each(|attribute| keep(None, attribute))?;
    resource_type
        .extensions
        .iter()
        .try_for_each(|(extension, _)| extension.attributes.iter().try_for_each(|a| keep(Some(extension), a)))
}

/// Writes the difference between the stored resource and the new one, if there is any.
fn finish(
    store: &mut dyn Store,
    cx: &Context<'_>,
    stored: Stored,
    mut new: Map<String, Value>,
    membership: Membership,
    kind: EventKind,
    projection: Option<&Projection>,
) -> Result<Written, Error> {
    let (old, described) = (&stored.resource, cx.registry.get(stored.resource.resource_type));
    absence::guard(old.attributes(), &mut new, described, cx.account_values, old.display(), cx.observations)?;
    let rewritten = new != *stored.resource.attributes();
    if rewritten {
        changeable(store, cx, &stored)?;
        let described = cx.registry.get(stored.resource.resource_type);
        document::check(cx, described, Some(stored.resource.attributes()), &new)?;
    }
    let Stored { handle, resource: old } = stored;
    cx.observations.clear_blame();
    checked_name(cx, old.resource_type, Some(old.attributes()), &new)?;
    if !rewritten && !membership.changed() {
        membership.events().into_iter().for_each(|kind| store.record(Event::of(&old, kind)));
        return written(store, cx, Stored { handle, resource: old }, projection, false, membership);
    }
    let meta = Meta {
        created: old.meta.created,
        last_modified: cx.now.max(old.meta.last_modified),
        version: old.meta.version + 1,
    };
    let new = Resource::from_stored(old.resource_type, old.id.clone(), meta, new);
    let (keys, change) = if rewritten {
        let keys = search_keys(cx.registry, &new);
        let change = KeyChange::between(&search_keys(cx.registry, &old), &keys);
        (keys, change)
    } else {
        (Vec::new(), KeyChange::default())
    };
    group_names::check(store, cx, &change.added, Some(handle))?;
    refuse_taken(store, cx, &new, &change.added, handle)?;
    store.update(handle, &new, &change).map_err(|error| refused(cx, &new, error, &keys))?;
    let described = cx.registry.get(old.resource_type);
    let changes = if rewritten { event::changes(described, old.attributes(), new.attributes()) } else { Vec::new() };
    let note = |kind, changes| Event::of(&new, kind).changing(changes);
    let with_all = |kind, changes| note(kind, changes).showing(described, &new);
    let only = |is: &dyn Fn(&str) -> bool| changes.iter().filter(|change| is(&change.path)).cloned().collect();
    let rewrites = if rewritten { with_all(kind, changes.clone()) } else { note(kind, Vec::new()) };
    store.record(rewrites);
    let opened = absence::opened(old.attributes(), new.attributes(), described, cx.account_values);
    if !opened.is_empty() {
        let before = only(&|path| opened.iter().any(|name| path == name || path.starts_with(&format!("{name}."))));
        store.record(note(EventKind::AccessOpened { attributes: opened.clone() }, before));
    }
    match (old.is_active(), new.is_active()) {
        (true, false) => store.record(with_all(EventKind::Deactivated, only(&|path| path == "active"))),
        (false, true) => store.record(with_all(EventKind::Activated, only(&|path| path == "active"))),
        _ => {}
    }
    membership.events().into_iter().for_each(|kind| store.record(note(kind, Vec::new())));
    let stored = Stored { handle, resource: new };
    if stored.resource.resource_type == USER && change.added.iter().any(membership::is_name) {
        membership::join_pending_groups(store, cx, &stored)?;
    }
    written(store, cx, stored, projection, true, membership)
}

fn written(
    store: &mut dyn Store,
    cx: &Context<'_>,
    stored: Stored,
    projection: Option<&Projection>,
    changed: bool,
    membership: Membership,
) -> Result<Written, Error> {
    let (skipped_members, pending_members) = membership.report();
    cx.observations.members(&skipped_members, &pending_members);
    let ignored_attributes = cx.observations.ignored_names();
    let resource = loaded(store, stored, projection)?;
    Ok(Written { resource, changed, skipped_members, pending_members, ignored_attributes })
}
