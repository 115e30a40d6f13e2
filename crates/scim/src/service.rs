//! The operations of a SCIM service provider (RFC 7644 §3). Each is one unit of work over a [`Store`].
//!
//! The order of the steps is part of the protocol and therefore decided here: lock, `If-Match`, change, validation,
//! comparison with the stored resource, write, events. The caller opens the unit of work and **rolls it back on any
//! error**: an operation may fail after it has written.
//!
//! A request that changes nothing writes nothing: the version and `lastModified` stay (RFC 7644 §3.5.2.1).
//!
//! An attribute that a PUT leaves out (RFC 7644 §3.5.1 leaves the choice) is cleared, or gets its default; members of a
//! group are cleared too. Three things stay: `active`, so that an incomplete request (or `null` in a PATCH) never
//! activates a user; immutable attributes; the password, which is not part of a resource.

use crate::context::Context;
use crate::error::Error;
use crate::message::projection::Projection;
use crate::resource::reader::Existing;
use crate::resource::reader::Reader;
use crate::resource::{Id, Resource};
use crate::schema::{ResourceType, ResourceTypeId};
use crate::size::{Room, Size};
use crate::store::{GroupsInTurn, Store, StoreError, Stored};

mod body;
mod bulk;
mod catalog;
mod document;
mod group_names;
mod membership;
#[cfg(test)]
mod pages;
mod prepared;
mod read;
mod refusals;
mod restore;
#[cfg(test)]
mod rules_change;
mod search;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod without_value;
mod write;

pub use crate::message::list_position::save_position;
pub use membership::MAX_PENDING;
pub use prepared::{Prepared, carry_out, prepare_patch, prepare_replace};
pub use read::get;
pub use search::{find, search, search_all};
pub use write::{check, create, delete, patch, replace};

/// The outcome of a write.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The resource after the write, with members and groups if the projection shows them. Without a projection neither
    /// is loaded.
    pub resource: Resource,
    /// Whether the write changed anything.
    pub changed: bool,
    /// Members that do not exist and were left out; the others were kept. As sent, at most 128 characters of each.
    pub skipped_members: Vec<String>,
    /// Those of them that are pending: a user who gets such a name joins the group.
    pub pending_members: Vec<String>,
    /// Attributes and paths that were ignored because no schema has them: as sent, at most 32 names of at most 128
    /// characters.
    pub ignored_attributes: Vec<String>,
}

fn reader<'a>(cx: &Context<'a>) -> Reader<'a> {
    Reader {
        account_values: cx.account_values,
        leniency: cx.leniency,
        base: cx.base,
        observations: cx.observations,
        lists: true,
        existing: Existing::Nothing,
    }
}

fn not_found(resource_type: &ResourceType, id: &Id) -> Error {
    Error::NotFound(format!("There is no {} with the id {id}.", resource_type.name))
}

/// Loads the relational attributes that a projection shows; none without a projection.
fn loaded(store: &mut dyn Store, stored: Stored, projection: Option<&Projection>) -> Result<Resource, StoreError> {
    let Stored { handle, mut resource } = stored;
    let Some(projection) = projection else { return Ok(resource) };
    if projection.shows_members() {
        resource.members = Some(store.members(handle)?);
    }
    if projection.shows_groups() && resource.groups.is_none() {
        resource.groups = Some(store.groups_of(&[handle])?.into_iter().map(|(_, group)| group).collect());
    }
    Ok(resource)
}

/// Loads the relational attributes of a page. The groups of all resources are read in one query where they are not too
/// many. The page ends before the first resource that does not fit. Returns the size, and whether the page ended early.
fn load_page<'p>(
    store: &mut dyn Store,
    page: &mut Vec<Stored>,
    cx: &Context<'_>,
    projection: impl Fn(ResourceTypeId) -> &'p Projection,
) -> Result<(Size, bool), StoreError> {
    let shown = |stored: &Stored| projection(stored.resource.resource_type);
    let with_groups = page.iter().filter(|stored| shown(stored).shows_groups());
    let mut groups = GroupsInTurn::new(with_groups.map(|stored| stored.handle).collect());
    let (mut room, mut whole) = (Room::of(cx.limits.page_bytes), Size::default());
    for index in 0..page.len() {
        let (most, stored) = (room.references(cx.base), &mut page[index]);
        let projection = projection(stored.resource.resource_type);
        let mut fits = true;
        if projection.shows_members() {
            stored.resource.members = store.members_up_to(stored.handle, most)?;
            fits = stored.resource.members.is_some();
        }
        if projection.shows_groups() {
            stored.resource.groups = Some(groups.of(store, stored.handle)?);
        }
        let size = Size::of_resource(&stored.resource, cx.base);
        if !fits || !room.take(size) {
            page.truncate(index);
            return Ok((whole, true));
        }
        whole = whole.and(size);
    }
    Ok((whole, false))
}
