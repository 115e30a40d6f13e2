//! The contract of [`Store`] as tests: each case takes a fresh store and panics where the store breaks a promise of the
//! port.
//!
//! ```
//! use scim::store::{contract, memory::MemoryStore};
//!
//! contract::run(|_name, case| case(&mut MemoryStore::new()));
//! ```
//!
//! Each case is one unit of work. A case stops after a failing write, because some databases abort the transaction
//! there.

use serde_json::{Value, json};

use super::{Departure, Handle, MembershipChange, MembershipOutcome, Page, Query, Start, Store, Stored, WriteError};
use crate::query::index_query::{IndexQuery, Plan};
use crate::query::search_keys::{KeyChange, search_keys};
use crate::query::sort::Sort;
use crate::resource::{Id, Meta, Resource};
use crate::schema::{GROUP, Registry, ResourceTypeId, USER};

mod lists;
mod members;
mod resources;

/// One case.
pub type Case = fn(&mut dyn Store);

/// All cases with their names.
pub const CASES: &[(&str, Case)] = &[
    ("what was inserted is there", resources::inserted_is_there),
    ("an unknown id is not found", resources::unknown_is_not_there),
    ("handles grow", resources::handles_grow),
    ("an update replaces document, metadata and keys", resources::update_replaces),
    ("a unique value is taken on insert", resources::unique_on_insert),
    ("a unique value is taken on update", resources::unique_on_update),
    ("a unique value can be used again", resources::unique_again),
    ("what was deleted is gone", resources::deleted_is_gone),
    ("a deleted member leaves its groups in a new version", members::deleted_member_leaves),
    ("a deleted group is in no member's groups", members::deleted_group_leaves),
    ("members join and leave once", members::members_join_and_leave),
    ("unknown ids are not resolved", members::unknown_ids),
    ("resources are found by their keys", members::owners_of_keys),
    ("a pending member stays until it is removed", members::pending_members_of_groups),
    ("a whole membership is replaced by its difference", members::membership_replaced),
    ("memberships are seen from both sides in order", members::both_sides_in_order),
    ("groups are direct or through others, and circles end", members::groups_in_groups),
    ("a chain of a thousand groups has an end, closed to a circle too", members::a_long_chain),
    ("pages are in the order of creation", lists::pages_in_order),
    ("a page after a handle continues", lists::pages_after_handle),
    ("totals follow writes", lists::totals_follow),
    ("every kind of filter is answered", lists::filters_are_answered),
    ("sorting places missing values and keeps the order of equals", lists::sorting),
    ("a sorted list is read page by page, in both directions", lists::sorted_pages),
    ("a page that has no room for more ends early, and goes on after it", lists::pages_without_room),
    ("members and groups are counted before there are too many", members::references_up_to),
    ("a saved position replaces the one before", lists::positions_are_kept),
];

/// Runs all cases; `with` creates a fresh store and passes it to the case.
pub fn run(mut with: impl FnMut(&str, Case)) {
    for (name, case) in CASES {
        with(name, *case);
    }
}

fn id(number: u32) -> Id {
    Id::new(format!("00000000-0000-4000-8000-{number:012}")).expect("an id")
}

fn resource(kind: ResourceTypeId, number: u32, document: Value) -> Resource {
    let Value::Object(document) = document else { panic!("a document is an object") };
    let moment = 1_000 + i64::from(number);
    Resource::from_stored(kind, id(number), Meta { created: moment, last_modified: moment, version: 1 }, document)
}

fn insert(store: &mut dyn Store, resource: &Resource) -> Handle {
    store.insert(resource, &search_keys(&Registry::standard(), resource)).expect("an insert")
}

fn user(store: &mut dyn Store, number: u32, name: &str) -> Handle {
    insert(store, &resource(USER, number, json!({ "userName": name, "active": true })))
}

fn group(store: &mut dyn Store, number: u32, name: &str) -> Handle {
    insert(store, &resource(GROUP, number, json!({ "displayName": name })))
}

fn stored(store: &mut dyn Store, kind: ResourceTypeId, number: u32) -> Stored {
    store.lock(kind, &id(number)).expect("a lock").expect("a resource")
}

fn update(store: &mut dyn Store, number: u32, change: impl FnOnce(&mut Resource)) -> Result<(), WriteError> {
    let Stored { handle, resource: old } = stored(store, USER, number);
    let mut new = old.clone();
    change(&mut new);
    let registry = Registry::standard();
    let keys = KeyChange::between(&search_keys(&registry, &old), &search_keys(&registry, &new));
    store.update(handle, &new, &keys)
}

fn delete(store: &mut dyn Store, kind: ResourceTypeId, number: u32, now: i64) -> Departure {
    let stored = stored(store, kind, number);
    let keys = search_keys(&Registry::standard(), &stored.resource);
    store.delete(&stored, &keys, now).expect("a delete")
}

fn change(store: &mut dyn Store, group: Handle, clear: bool, remove: &[u32], add: &[u32]) -> MembershipOutcome {
    let (remove, add) = (handles(store, remove), handles(store, add));
    store.change_members(group, &MembershipChange { clear, remove, add }).expect("a change")
}

fn handles(store: &mut dyn Store, numbers: &[u32]) -> Vec<Handle> {
    let resolved = store.resolve(&ids(numbers)).expect("resources");
    resolved.into_iter().map(|(handle, _)| handle).collect()
}

fn member_ids(store: &mut dyn Store, group: Handle) -> Vec<Id> {
    store.members(group).expect("members").into_iter().map(|member| member.id).collect()
}

fn ids(numbers: &[u32]) -> Vec<Id> {
    numbers.iter().map(|number| id(*number)).collect()
}

/// Searches, with filter and sort order given as text.
fn page(store: &mut dyn Store, kind: ResourceTypeId, filter: &str, sort: &str, start: Start<'_>, count: u32) -> Page {
    page_of_bytes(store, kind, filter, sort, start, (count, usize::MAX))
}

/// Searches with limits on resources and bytes.
fn page_of_bytes(
    store: &mut dyn Store,
    kind: ResourceTypeId,
    filter: &str,
    sort: &str,
    start: Start<'_>,
    (count, bytes): (u32, usize),
) -> Page {
    let registry = Registry::standard();
    let described = registry.get(kind);
    let filter = (!filter.is_empty())
        .then(|| filter.parse::<crate::Filter>().and_then(|f| f.resolve(described)).expect("a filter"));
    let plan =
        filter.as_ref().map_or(Plan { index_query: IndexQuery::Any, exact: true }, |filter| filter.plan(described));
    let (path, descending) = sort.strip_prefix('-').map_or((sort, false), |path| (path, true));
    let sort = (!sort.is_empty()).then(|| Sort::new(path, descending, described).expect("a sort"));
    let query = Query {
        resource_type: kind,
        filter: filter.as_ref(),
        index_query: &plan.index_query,
        exact: plan.exact,
        sort: sort.as_ref(),
        start,
        count,
        bytes,
    };
    store.search(&query).expect("a page")
}

fn found(store: &mut dyn Store, kind: ResourceTypeId, filter: &str, sort: &str) -> Vec<Id> {
    let page = page(store, kind, filter, sort, Start::Index(1), 100);
    assert_eq!(page.total, Some(page.resources.len() as u64), "the total of {filter}");
    page.resources.into_iter().map(|stored| stored.resource.id).collect()
}
