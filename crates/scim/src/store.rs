//! The port: what SCIM needs of a place to keep resources, as one synchronous trait.
//!
//! Everything a [`Store`] does belongs to one unit of work on one service provider's data: whoever opens it decides
//! which, and whether it is kept. The protocol never sees connections, transactions or accounts.
//!
//! To a store a resource is opaque but for four things: its `id` and metadata, the [`SearchKey`]s it
//! can be found by, its display name, and its memberships, which live beside it and never inside it, so that adding one
//! member to a group of 100 000 writes one row.

use crate::event::Event;
use crate::narrow::Narrow;
use crate::resource::{GroupReference, Id, Member, Resource};
use crate::schema::ResourceTypeId;
use crate::search_keys::{KeyChange, SearchKey};
use crate::sort::Sort;
use crate::{AttributeKey, Predicate};

pub mod contract;
pub mod memory;

/// The world failed (disk, network, a bug): the unit of work is undone and the caller answers 500.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub Box<dyn std::error::Error + Send + Sync>);

/// Why a write was not made.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Another resource already holds this value of a `uniqueness: server` attribute.
    #[error("another resource has the same value")]
    NotUnique {
        /// Which attribute; `None` where the database does not say.
        attribute: Option<AttributeKey>,
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
/// The three are already reconciled: no id is both removed and added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MembershipChange {
    /// Everybody leaves first (a `replace` or a PUT of the whole list). A store must apply the *difference* and touch no
    /// row of a member who stays.
    pub clear: bool,
    /// Who leaves. Not being a member is fine.
    pub remove: Vec<Id>,
    /// Who joins. Being a member is fine. No duplicates.
    pub add: Vec<Id>,
}

/// What a [`MembershipChange`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MembershipOutcome {
    /// Who became a member and was not before.
    pub added: u64,
    /// Who was a member and is not any more.
    pub removed: u64,
    /// Ids in `add` that name no resource: skipped.
    pub unknown: Vec<Id>,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the n-th match, counted from 1 (RFC 7644 §3.4.2.4).
    Index(u64),
    /// After this resource in creation order.
    After(Handle),
}

/// A search, ready to be run.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// Which resources.
    pub resource_type: ResourceTypeId,
    /// Which of them; `None` for all.
    pub filter: Option<&'a Predicate>,
    /// What an index can tell of the filter: every match is inside. Where [`exact`](Self::exact), every one inside is a
    /// match and no document needs to be read to decide.
    pub narrow: &'a Narrow,
    /// `narrow` answers the whole filter.
    pub exact: bool,
    /// `None`: creation order.
    pub sort: Option<&'a Sort>,
    /// Where to begin.
    pub start: Start,
    /// How many at most; 0 asks for the total alone.
    pub count: u32,
}

/// One page.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Matches in all.
    pub total: u64,
    /// The page, in order.
    pub resources: Vec<Stored>,
}

/// Keeps resources. All methods work inside one unit of work and see its own writes.
pub trait Store {
    /// Reads a resource.
    fn get(&mut self, resource_type: ResourceTypeId, id: &Id) -> Result<Option<Stored>, StoreError>;

    /// Reads a resource and keeps everybody else from changing it until this unit of work ends.
    fn lock(&mut self, resource_type: ResourceTypeId, id: &Id) -> Result<Option<Stored>, StoreError>;

    /// Stores a new resource under its keys.
    fn insert(&mut self, resource: &Resource, keys: &[SearchKey]) -> Result<Handle, WriteError>;

    /// Replaces a locked resource (document, metadata, keys).
    fn update(&mut self, handle: Handle, resource: &Resource, keys: &KeyChange) -> Result<(), WriteError>;

    /// Removes a locked resource with its keys and its memberships on both sides; the groups it was in get a new version
    /// and `last_modified = now` (milliseconds since the epoch).
    fn delete(&mut self, stored: &Stored, keys: &[SearchKey], now: i64) -> Result<(), StoreError>;

    /// Finds resources. Errors with [`SearchError::TooMany`] where the search would take longer than the store allows.
    fn search(&mut self, query: &Query<'_>) -> Result<Page, SearchError>;

    /// All members of a group, or an error: never some of them. In the order of the members' handles.
    fn members(&mut self, group: Handle) -> Result<Vec<Member>, StoreError>;

    /// The groups that each of these resources is directly in, as pairs in the order of both handles.
    fn groups_of(&mut self, members: &[Handle]) -> Result<Vec<(Handle, GroupReference)>, StoreError>;

    /// Changes the membership of a locked group as a difference. Does not touch the group's version.
    fn change_members(&mut self, group: Handle, change: &MembershipChange) -> Result<MembershipOutcome, StoreError>;

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
