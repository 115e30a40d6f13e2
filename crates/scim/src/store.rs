//! The port: what SCIM needs of a place to keep resources, as one synchronous trait.
//!
//! Everything a [`Store`] does belongs to one unit of work on one service provider's data: whoever opens it decides
//! which, and whether it is kept. The protocol never sees connections, transactions or accounts.
//!
//! To a store a resource is opaque but for four things: its `id` and metadata, the [`SearchKey`]s it
//! can be found by, its display name, and its memberships, which live beside it and never inside it, so that adding one
//! member to a group of 100 000 writes one row.

use std::cmp::Ordering;

use crate::error::Error;
pub use crate::error::StoreError;
use crate::event::Event;
use crate::query::filter::Predicate;
use crate::query::index_query::IndexQuery;
use crate::query::search_keys::{KeyChange, SearchKey};
use crate::query::sort::{Sort, SortKey};
use crate::resource::{GroupReference, Id, Member, Resource};
use crate::schema::AttributeKey;
use crate::schema::ResourceTypeId;

pub mod contract;
mod groups_in_turn;
pub mod memory;

pub use groups_in_turn::GroupsInTurn;

/// Why a write was not made.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Another resource already holds this value of a `uniqueness: server` attribute.
    #[error("another resource has the same value")]
    NotUnique {
        /// Which attribute; `None` where the database does not say.
        attribute: Option<AttributeKey>,
    },
    /// The value belongs to a [hidden](Protected) resource.
    #[error("a hidden resource has the same value")]
    Reserved {
        /// Which attribute.
        attribute: AttributeKey,
        /// What the resource is, for people.
        what: &'static str,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The store's own name of a stored resource: a number that only grows, in the order of creation.
///
/// Lists without `sortBy` are ordered by it, so a page can be continued wherever the last one ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(pub i64);

/// A resource as read from the store, without its relational attributes.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Where it lies.
    pub handle: Handle,
    /// What it is. `members` and `groups` are not loaded.
    pub resource: Resource,
}

/// What to do to the members of a group, in this order: clear, remove, add.
///
/// The three are already reconciled: nobody is both removed and added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MembershipChange {
    /// Everybody leaves first (a `replace` or a PUT of the whole list). A store must apply the *difference* and touch no
    /// row of a member who stays.
    pub clear: bool,
    /// Who leaves. Not being a member is fine.
    pub remove: Vec<Handle>,
    /// Who joins. Being a member is fine. No duplicates.
    pub add: Vec<Handle>,
}

/// What a [`MembershipChange`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MembershipOutcome {
    /// How many became members and were not before.
    pub added: u64,
    /// How many were members and are not any more.
    pub removed: u64,
}

/// A resource that has a search key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOwner {
    /// Of the key.
    pub attribute: AttributeKey,
    /// The key.
    pub key: String,
    /// Who has it.
    pub handle: Handle,
    /// Their id.
    pub id: Id,
    /// Whether they are active.
    pub active: bool,
    /// Whether only the service provider itself may bring them back: a POST that means them is refused.
    pub guarded: bool,
    /// Whether, and why, no client may change them.
    pub protected: Option<Protected>,
}

/// The service provider lets no client change a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protected {
    /// What the resource is, for people: `a service account`.
    pub what: &'static str,
    /// The resource does not exist for clients; only what has to be unique still is.
    pub hidden: bool,
}

/// Which names a group waits for, from now on and no longer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PendingChange {
    /// No longer. Not being waited for is fine.
    pub remove: Vec<String>,
    /// From now on. Being waited for is fine. No duplicates.
    pub add: Vec<String>,
}

/// A group that waits for somebody of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingMember {
    /// The group.
    pub group: Handle,
    /// Its id.
    pub id: Id,
    /// The name, as it was pending.
    pub name: String,
}

impl MembershipChange {
    /// Nothing is to be done.
    pub fn is_empty(&self) -> bool {
        !self.clear && self.remove.is_empty() && self.add.is_empty()
    }
}

impl PendingChange {
    /// Nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.add.is_empty()
    }
}

/// A place in the order of a list: just after a resource, whether or not it is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageKey {
    /// What the resource was ordered by ([`Sort::key`]); `None` where it had no value, and in creation order.
    pub key: Option<SortKey>,
    /// Which resource.
    pub handle: Handle,
}

impl PageKey {
    /// The place just after a resource, in a list that is sorted so.
    pub fn after(stored: &Stored, sort: Option<&Sort>) -> PageKey {
        PageKey { key: sort.and_then(|sort| sort.key(&stored.resource)), handle: stored.handle }
    }

    /// The order of two places in a list; `None` as the sort is creation order.
    pub fn compare(&self, other: &PageKey, sort: Option<&Sort>) -> Ordering {
        let by_key = match (&self.key, &other.key) {
            (Some(a), Some(b)) => a.cmp(b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        let ascending = by_key.then(self.handle.cmp(&other.handle));
        if sort.is_some_and(Sort::is_descending) { ascending.reverse() } else { ascending }
    }
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start<'a> {
    /// At the n-th match, counted from 1 (RFC 7644 §3.4.2.4).
    Index(u64),
    /// After this place. What it costs does not depend on how far down the list that is.
    After(&'a PageKey),
}

/// Which walk through a list by index: what was asked for, as a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListKey(pub [u8; 32]);

/// A search, ready to be run.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// Which resources.
    pub resource_type: ResourceTypeId,
    /// Which of them; `None` for all.
    pub filter: Option<&'a Predicate>,
    /// What an index can tell of the filter: every match is inside. Where [`exact`](Self::exact), every one inside is a
    /// match and no document needs to be read to decide.
    pub index_query: &'a IndexQuery,
    /// `narrow` answers the whole filter.
    pub exact: bool,
    /// `None`: creation order.
    pub sort: Option<&'a Sort>,
    /// Where to begin.
    pub start: Start<'a>,
    /// How many at most; 0 asks for the total alone.
    pub count: u32,
    /// How many bytes at most ([`Room`](crate::size::Room)). Where the next resource has no room, the page ends, but not before its
    /// first one. A store reads little more than what it returns.
    pub bytes: usize,
}

/// One page.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Matches in all. A page [after](Start::After) a place may be without, where counting would cost more than the page.
    pub total: Option<u64>,
    /// The page, in order.
    pub resources: Vec<Stored>,
    /// The page has fewer than were asked for because there was no room, and there are more.
    pub ended_early: bool,
}

/// Keeps resources. All methods work inside one unit of work and see its own writes.
pub trait Store {
    /// Reads a resource.
    fn get(&mut self, resource_type: ResourceTypeId, id: &Id) -> Result<Option<Stored>, StoreError>;

    /// Reads a resource and keeps everybody else from changing it until this unit of work ends.
    fn lock(&mut self, resource_type: ResourceTypeId, id: &Id) -> Result<Option<Stored>, StoreError>;

    /// Whether, and why, no client may change this locked resource. A request that changes nothing of it is none that does.
    fn protection(&mut self, locked: &Stored) -> Result<Option<Protected>, StoreError> {
        let _ = locked;
        Ok(None)
    }

    /// Stores a new resource under its keys.
    fn insert(&mut self, resource: &Resource, keys: &[SearchKey]) -> Result<Handle, WriteError>;

    /// Replaces a locked resource (document, metadata, keys).
    fn update(&mut self, handle: Handle, resource: &Resource, keys: &KeyChange) -> Result<(), WriteError>;

    /// Removes a locked resource with its keys, the names it waits for, and its memberships on both sides; the groups it was in get a new version
    /// and `last_modified = now` (milliseconds since the epoch).
    fn delete(&mut self, stored: &Stored, keys: &[SearchKey], now: i64) -> Result<(), StoreError>;

    /// Finds resources. Errors with [`SearchError::TooMany`] where the search would take longer than the store allows.
    fn search(&mut self, query: &Query<'_>) -> Result<Page, SearchError>;

    /// All members of a group, or an error: never some of them. In the order of the members' handles.
    fn members(&mut self, group: Handle) -> Result<Vec<Member>, StoreError>;

    /// The same where they are no more than so many; `None` where they are.
    fn members_up_to(&mut self, group: Handle, most: usize) -> Result<Option<Vec<Member>>, StoreError> {
        Ok(Some(self.members(group)?).filter(|members| members.len() <= most))
    }

    /// The groups that each of these resources is in, directly or through other groups, as pairs in the order of both
    /// handles. Groups may contain each other in a circle; no group is in itself.
    fn groups_of(&mut self, members: &[Handle]) -> Result<Vec<(Handle, GroupReference)>, StoreError>;

    /// The same where they are no more than so many pairs; `None` where they are.
    fn groups_of_up_to(
        &mut self,
        members: &[Handle],
        most: usize,
    ) -> Result<Option<Vec<(Handle, GroupReference)>>, StoreError> {
        Ok(Some(self.groups_of(members)?).filter(|groups| groups.len() <= most))
    }

    /// Which of these ids are of resources, and of which type. They cannot be deleted by others until this unit of work ends.
    fn resolve(&mut self, ids: &[Id]) -> Result<Vec<(Id, Handle, ResourceTypeId)>, StoreError>;

    /// Who has one of these keys; a resource with two of them comes twice. They cannot be deleted by others until this unit of
    /// work ends.
    fn find_by_keys(&mut self, keys: &[SearchKey]) -> Result<Vec<KeyOwner>, StoreError>;

    /// Keeps others from giving a user a name until this unit of work ends. Who is at it already has finished when this
    /// returns, and is seen by what is asked afterwards.
    fn lock_names(&mut self) -> Result<(), StoreError>;

    /// Keeps others from giving a group a name until this unit of work ends, as far as they [hold](Store::lock_group_names) names
    /// themselves; later reads see what those before did.
    fn lock_group_names(&mut self) -> Result<(), StoreError>;

    /// The names that a group waits for.
    fn pending_members(&mut self, group: Handle) -> Result<Vec<String>, StoreError>;

    /// Changes the names that a locked group waits for. Names are added only under [`lock_names`](Self::lock_names).
    fn change_pending_members(&mut self, group: Handle, change: &PendingChange) -> Result<(), StoreError>;

    /// The groups that wait for a name with one of these keys ([`key_of_text`](crate::key_of_text)), two at most; the key
    /// narrows, the name decides. Asked by whoever has just written a user.
    fn find_pending_members(&mut self, keys: &[String]) -> Result<Vec<PendingMember>, StoreError>;

    /// Changes the membership of a locked group as a difference. Does not touch the group's version.
    fn change_members(&mut self, group: Handle, change: &MembershipChange) -> Result<MembershipOutcome, StoreError>;

    /// What was [kept](Store::save_position) last for a walk of whoever asks, if it is not too old to be kept any longer.
    fn load_position(&mut self, list: &ListKey) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keeps a note for a walk of whoever asks, in place of the one before, for at least as long as a cursor is good for. It
    /// may be lost in a power failure.
    fn save_position(&mut self, list: &ListKey, note: &[u8], now: i64) -> Result<(), StoreError>;

    /// Takes note of what happened; kept or lost with the unit of work.
    fn record(&mut self, event: Event);
}

/// Why a search has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// Too many resources would have to be read (RFC 7644 §3.12 `tooMany`).
    #[error("the filter would have to read too many resources")]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SearchError> for Error {
    fn from(error: SearchError) -> Error {
        match error {
            SearchError::TooMany => Error::TooMany(
                "The query would have to read too many resources; add a condition on an indexed attribute, such as \
                 userName or externalId, or sort by one of these or by meta.lastModified."
                    .to_owned(),
            ),
            SearchError::Store(error) => Error::Store(error),
        }
    }
}
