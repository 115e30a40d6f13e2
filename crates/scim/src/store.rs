//! The storage port: what the protocol needs of a store, as one synchronous trait.
//!
//! All calls on a [`Store`] belong to one unit of work on one account's data. The caller opens it, chooses the account,
//! and commits or rolls back. The protocol never sees connections, transactions or accounts.
//!
//! A store treats a resource as opaque except for its `id` and metadata, its [`SearchKey`]s, its display name, and its
//! memberships. Memberships are kept beside the resource, so adding one member to a group of 100 000 writes one row.

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

#[cfg(any(test, feature = "testing"))]
pub mod contract;
mod groups_in_turn;
pub mod memory;

pub use groups_in_turn::GroupsInTurn;

/// Why a write failed.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Another resource already holds this value of a `uniqueness: server` attribute.
    #[error("another resource has the same value")]
    NotUnique {
        /// Which attribute; `None` where the database does not say.
        attribute: Option<AttributeKey>,
    },
    /// A [hidden](Protected) resource has the value.
    #[error("a hidden resource has the same value")]
    Reserved {
        /// The attribute.
        attribute: AttributeKey,
        /// What kind of resource it is, for people.
        what: &'static str,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The store's key of a resource: a number that only grows, in the order of creation.
///
/// Lists without `sortBy` are ordered by it, so a page can continue after any resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(pub i64);

/// A resource as read from the store, without its relational attributes.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The store's key.
    pub handle: Handle,
    /// The resource, without `members` and `groups`.
    pub resource: Resource,
}

/// A change of a group's members, applied in this order: clear, remove, add.
///
/// No member is both removed and added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MembershipChange {
    /// All members leave first (a `replace` or a PUT of the whole list). A store must apply the *difference* and touch
    /// no row of a member who stays.
    pub clear: bool,
    /// Members to remove. One that is not in the group is ignored.
    pub remove: Vec<Handle>,
    /// Members to add. One that is in the group is ignored. No duplicates.
    pub add: Vec<Handle>,
}

/// The effect of a [`MembershipChange`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MembershipOutcome {
    /// Who became members and were not before: the first [`Members::NAMED`](crate::Members::NAMED) of them.
    pub joined: Vec<Handle>,
    /// How many became members.
    pub added: u64,
    /// Who were members and are not any more: the first of them.
    pub left: Vec<Handle>,
    /// How many left.
    pub removed: u64,
}

/// What went with a deleted resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Departure {
    /// The groups it was a member of, each as it is shown among members.
    pub groups: Vec<Member>,
    /// Of a deleted group, who was in it: the first [`Members::NAMED`](crate::Members::NAMED) of them.
    pub members: Vec<Handle>,
    /// How many that were.
    pub count: u64,
}

/// A resource, found by one of its search keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOwner {
    /// The attribute of the key.
    pub attribute: AttributeKey,
    /// The key.
    pub key: String,
    /// The store's key of the resource.
    pub handle: Handle,
    /// The id of the resource.
    pub id: Id,
    /// Whether the resource is active.
    pub active: bool,
    /// Whether a POST may not restore this user.
    pub guarded: bool,
    /// Whether, and why, clients may not change this resource.
    pub protected: Option<Protected>,
}

/// Marks a resource that clients may not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protected {
    /// What kind of resource it is, for people: `a service account`.
    pub what: &'static str,
    /// Whether clients do not see the resource at all. Its unique values stay taken.
    pub hidden: bool,
}

/// A change of a group's pending members.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PendingChange {
    /// Names that are no longer pending. One that was not pending is ignored.
    pub remove: Vec<String>,
    /// Names that become pending. One that is pending already is ignored. No duplicates.
    pub add: Vec<String>,
}

/// A name that is pending in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingMember {
    /// The group's key.
    pub group: Handle,
    /// The group's id.
    pub id: Id,
    /// The name as the request spelled it.
    pub name: String,
}

impl MembershipChange {
    /// Whether there is nothing to change.
    pub fn is_empty(&self) -> bool {
        !self.clear && self.remove.is_empty() && self.add.is_empty()
    }
}

impl PendingChange {
    /// Whether there is nothing to change.
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.add.is_empty()
    }
}

/// A position in a sorted list: just after a resource, which may be deleted by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageKey {
    /// The sort key of the resource ([`Sort::key`]); `None` where it has no value, and in creation order.
    pub key: Option<SortKey>,
    /// The store's key of the resource.
    pub handle: Handle,
}

impl PageKey {
    /// The position just after a resource. Without a sort the list is in creation order.
    pub fn after(stored: &Stored, sort: Option<&Sort>) -> PageKey {
        PageKey { key: sort.and_then(|sort| sort.key(&stored.resource)), handle: stored.handle }
    }

    /// Compares two positions of a list. Without a sort the list is in creation order.
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

/// The beginning of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start<'a> {
    /// At the n-th match, counted from 1 (RFC 7644 §3.4.2.4).
    Index(u64),
    /// After this position. The cost does not depend on how far down the list it is.
    After(&'a PageKey),
}

/// The key of a saved list position: a hash of the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListKey(pub [u8; 32]);

/// A search, resolved and planned.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// The resource type.
    pub resource_type: ResourceTypeId,
    /// The matches; `None` for all resources.
    pub filter: Option<&'a Predicate>,
    /// A superset of the matches that an index can enumerate. Where [`exact`](Self::exact) is set it is the set of
    /// matches, and no document has to be read to decide.
    pub index_query: &'a IndexQuery,
    /// Whether `index_query` selects exactly the matches.
    pub exact: bool,
    /// The order; `None` for creation order.
    pub sort: Option<&'a Sort>,
    /// Where the page begins.
    pub start: Start<'a>,
    /// The most resources of the page; 0 asks for the total only.
    pub count: u32,
    /// The most bytes of the page ([`Room`](crate::size::Room)). The page ends before the first resource that does not
    /// fit, but never before its first one. A store reads little more than it returns.
    pub bytes: usize,
}

/// One page.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The number of matches. `None` is allowed for a page [after](Start::After) a position, where counting costs more
    /// than the page.
    pub total: Option<u64>,
    /// The resources of the page, in order.
    pub resources: Vec<Stored>,
    /// Whether the page has fewer resources than asked for because of `bytes`, and there are more.
    pub ended_early: bool,
}

/// A store of resources. All methods run inside one unit of work and see its own writes.
pub trait Store {
    /// Reads a resource.
    fn get(&mut self, resource_type: ResourceTypeId, id: &Id) -> Result<Option<Stored>, StoreError>;

    /// Reads a resource and locks it against changes by other transactions until this unit of work ends.
    fn lock(&mut self, resource_type: ResourceTypeId, id: &Id) -> Result<Option<Stored>, StoreError>;

    /// Whether, and why, clients may not change this locked resource. A request without effect counts as no change.
    fn protection(&mut self, locked: &Stored) -> Result<Option<Protected>, StoreError> {
        let _ = locked;
        Ok(None)
    }

    /// Stores a new resource with its search keys.
    fn insert(&mut self, resource: &Resource, keys: &[SearchKey]) -> Result<Handle, WriteError>;

    /// Replaces the document, metadata and keys of a locked resource.
    fn update(&mut self, handle: Handle, resource: &Resource, keys: &KeyChange) -> Result<(), WriteError>;

    /// Deletes a locked resource with its keys, pending members and memberships on both sides. The groups it was in get
    /// a new version and `last_modified = now` (milliseconds since the epoch).
    fn delete(&mut self, stored: &Stored, keys: &[SearchKey], now: i64) -> Result<Departure, StoreError>;

    /// Finds resources. [`SearchError::TooMany`] where the search would take more work than the store allows.
    fn search(&mut self, query: &Query<'_>) -> Result<Page, SearchError>;

    /// All members of a group in the order of their handles; never a part of them.
    fn members(&mut self, group: Handle) -> Result<Vec<Member>, StoreError>;

    /// All members of a group if they are at most `most`; otherwise `None`.
    fn members_up_to(&mut self, group: Handle, most: usize) -> Result<Option<Vec<Member>>, StoreError> {
        Ok(Some(self.members(group)?).filter(|members| members.len() <= most))
    }

    /// The groups that each of these resources is in, directly or through other groups, as pairs in the order of both
    /// handles. Groups may contain each other in a cycle; no group is in itself.
    fn groups_of(&mut self, members: &[Handle]) -> Result<Vec<(Handle, GroupReference)>, StoreError>;

    /// The pairs of [`groups_of`](Self::groups_of) if they are at most `most`; otherwise `None`.
    fn groups_of_up_to(
        &mut self,
        members: &[Handle],
        most: usize,
    ) -> Result<Option<Vec<(Handle, GroupReference)>>, StoreError> {
        Ok(Some(self.groups_of(members)?).filter(|groups| groups.len() <= most))
    }

    /// The resources with these ids, as members. Locks them against deletion until this unit of work ends.
    fn resolve(&mut self, ids: &[Id]) -> Result<Vec<(Handle, Member)>, StoreError>;

    /// These resources as members, in the order of their handles. Deleted ones are left out.
    fn describe(&mut self, handles: &[Handle]) -> Result<Vec<(Handle, Member)>, StoreError>;

    /// The resources with these search keys; one with two of the keys is returned twice. Locks them against deletion
    /// until this unit of work ends.
    fn find_by_keys(&mut self, keys: &[SearchKey]) -> Result<Vec<KeyOwner>, StoreError>;

    /// Locks the assignment of names to users until this unit of work ends. Waits for transactions that are assigning
    /// names; later reads see them.
    fn lock_names(&mut self) -> Result<(), StoreError>;

    /// Locks the assignment of names to groups until this unit of work ends, against transactions that take the same
    /// lock. Later reads see what earlier holders of the lock wrote.
    fn lock_group_names(&mut self) -> Result<(), StoreError>;

    /// The names of a group's pending members.
    fn pending_members(&mut self, group: Handle) -> Result<Vec<String>, StoreError>;

    /// Changes the pending members of a locked group. Names are added only under [`lock_names`](Self::lock_names).
    fn change_pending_members(&mut self, group: Handle, change: &PendingChange) -> Result<(), StoreError>;

    /// The pending members whose name has one of these keys ([`key_of_text`](crate::key_of_text)), of which there are
    /// at most two. The caller compares the names themselves. Called after a user was written.
    fn find_pending_members(&mut self, keys: &[String]) -> Result<Vec<PendingMember>, StoreError>;

    /// Changes the membership of a locked group as a difference. Does not touch the group's version.
    fn change_members(&mut self, group: Handle, change: &MembershipChange) -> Result<MembershipOutcome, StoreError>;

    /// The bytes that [`save_position`](Store::save_position) saved last for this client and list, unless they have
    /// expired.
    fn load_position(&mut self, list: &ListKey) -> Result<Option<Vec<u8>>, StoreError>;

    /// Saves bytes for this client and list, replacing earlier ones. They stay at least as long as a cursor is valid,
    /// but may be lost in a power failure.
    fn save_position(&mut self, list: &ListKey, note: &[u8], now: i64) -> Result<(), StoreError>;

    /// Records an event. It is committed or rolled back with the unit of work.
    fn record(&mut self, event: Event);
}

/// Why a search failed.
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
