//! What every [`Store`] must do, as tests: each case takes a fresh store and panics where the port's promise is broken.
//!
//! ```
//! use scim::store::{contract, memory::MemoryStore};
//!
//! contract::run(|_name, case| case(&mut MemoryStore::new()));
//! ```
//!
//! Every case is one unit of work. A case that makes a write fail does nothing after it, for some databases end a
//! transaction there.

use serde_json::{Value, json};

use super::{
    Handle, Mark, MembershipChange, MembershipOutcome, Page, ParkedChange, Query, Start, Store, Stored, WalkId,
    WriteError,
};
use crate::narrow::{Narrow, Plan};
use crate::resource::{Id, Meta, Resource};
use crate::schema::{GROUP, Registry, ResourceTypeId, USER};
use crate::search_keys::{AttributeKey, KeyChange, SearchKey, key_of_text, search_keys};
use crate::sort::Sort;

/// One promise.
pub type Case = fn(&mut dyn Store);

/// All promises, each with its name.
pub const CASES: &[(&str, Case)] = &[
    ("what was inserted is there", inserted_is_there),
    ("an id nobody has is not there", unknown_is_not_there),
    ("handles grow", handles_grow),
    ("an update replaces document, metadata and keys", update_replaces),
    ("a unique value is taken on insert", unique_on_insert),
    ("a unique value is taken on update", unique_on_update),
    ("a unique value can be used again", unique_again),
    ("what was deleted is gone", deleted_is_gone),
    ("a deleted member leaves its groups in a new version", deleted_member_leaves),
    ("a deleted group is nobody's group", deleted_group_leaves),
    ("members join and leave once", members_join_and_leave),
    ("ids of nobody are not resolved", unknown_ids),
    ("whoever has a key is found by it", holders_of_keys),
    ("a group waits for names until it is told otherwise", parked_names),
    ("a whole membership is replaced by its difference", membership_replaced),
    ("memberships are seen from both sides in order", both_sides_in_order),
    ("groups are direct or through others, and circles end", groups_in_groups),
    ("a chain of a thousand groups has an end, closed to a circle too", a_long_chain),
    ("pages are in the order of creation", pages_in_order),
    ("a page after a handle continues", pages_after_handle),
    ("totals follow writes", totals_follow),
    ("every kind of filter is answered", filters_are_answered),
    ("sorting places missing values and keeps the order of equals", sorting),
    ("a sorted list is walked place by place, in both directions", sorted_walks),
    ("a note about a walk is kept in place of the one before", notes_are_kept),
];

/// Runs all of them; `with` makes a fresh store and hands it to the case.
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

fn delete(store: &mut dyn Store, kind: ResourceTypeId, number: u32, now: i64) {
    let stored = stored(store, kind, number);
    let keys = search_keys(&Registry::standard(), &stored.resource);
    store.delete(&stored, &keys, now).expect("a delete");
}

fn change(store: &mut dyn Store, group: Handle, clear: bool, remove: &[u32], add: &[u32]) -> MembershipOutcome {
    let (remove, add) = (handles(store, remove), handles(store, add));
    store.change_members(group, &MembershipChange { clear, remove, add }).expect("a change")
}

fn handles(store: &mut dyn Store, numbers: &[u32]) -> Vec<Handle> {
    let resolved = store.resolve(&ids(numbers)).expect("resources");
    resolved.into_iter().map(|(_, handle)| handle).collect()
}

fn member_ids(store: &mut dyn Store, group: Handle) -> Vec<Id> {
    store.members(group).expect("members").into_iter().map(|member| member.id).collect()
}

fn ids(numbers: &[u32]) -> Vec<Id> {
    numbers.iter().map(|number| id(*number)).collect()
}

/// A search, with the filter and the sorting as text.
fn page(store: &mut dyn Store, kind: ResourceTypeId, filter: &str, sort: &str, start: Start<'_>, count: u32) -> Page {
    let registry = Registry::standard();
    let described = registry.get(kind);
    let filter = (!filter.is_empty())
        .then(|| filter.parse::<crate::Filter>().and_then(|f| f.resolve(described)).expect("a filter"));
    let plan = filter.as_ref().map_or(Plan { narrow: Narrow::Any, exact: true }, |filter| filter.plan(described));
    let (path, descending) = sort.strip_prefix('-').map_or((sort, false), |path| (path, true));
    let sort = (!sort.is_empty()).then(|| Sort::new(path, descending, described).expect("a sort"));
    let query = Query {
        resource_type: kind,
        filter: filter.as_ref(),
        narrow: &plan.narrow,
        exact: plan.exact,
        sort: sort.as_ref(),
        start,
        count,
    };
    store.search(&query).expect("a page")
}

fn found(store: &mut dyn Store, kind: ResourceTypeId, filter: &str, sort: &str) -> Vec<Id> {
    let page = page(store, kind, filter, sort, Start::Index(1), 100);
    assert_eq!(page.total, Some(page.resources.len() as u64), "the total of {filter}");
    page.resources.into_iter().map(|stored| stored.resource.id).collect()
}

fn inserted_is_there(store: &mut dyn Store) {
    let document = json!({
        "userName": "Ana", "externalId": "X-1", "name": { "givenName": "Ana \u{e9}\u{1F600}\"\\" }, "active": false,
        "emails": [{ "value": "a@x.test", "type": "work", "primary": true }],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "News" }
    });
    let ana = resource(USER, 1, document);
    let handle = insert(store, &ana);
    for read in [store.get(USER, &ana.id), store.lock(USER, &ana.id)] {
        let read = read.expect("a read").expect("a resource");
        assert_eq!(read.handle, handle);
        assert_eq!(read.resource, ana);
    }
    assert!(store.get(GROUP, &ana.id).expect("a read").is_none(), "a User is no Group");
}

fn unknown_is_not_there(store: &mut dyn Store) {
    user(store, 1, "ana");
    for unknown in ["00000000-0000-4000-8000-000000000002", "123456789012345678901234567890", "nobody", "~"] {
        let unknown = Id::new(unknown).expect("an id");
        assert!(store.get(USER, &unknown).expect("a read").is_none());
        assert!(store.lock(USER, &unknown).expect("a lock").is_none());
    }
}

fn handles_grow(store: &mut dyn Store) {
    let handles = [user(store, 3, "c"), group(store, 2, "b"), user(store, 1, "a")];
    assert!(handles.is_sorted_by(|a, b| a < b), "{handles:?}");
}

fn update_replaces(store: &mut dyn Store) {
    user(store, 1, "ana");
    let changed = update(store, 1, |ana| {
        ana.attributes.insert("userName".to_owned(), "anna".into());
        ana.attributes.insert("displayName".to_owned(), "Anna".into());
        ana.meta.version = 2;
        ana.meta.last_modified = 5_000;
    });
    changed.expect("an update");
    let anna = stored(store, USER, 1).resource;
    assert_eq!(anna.attributes.get("userName"), Some(&json!("anna")));
    assert_eq!(anna.meta, Meta { created: 1_001, last_modified: 5_000, version: 2 });
    assert_eq!(found(store, USER, "userName eq \"ana\"", ""), []);
    assert_eq!(found(store, USER, "userName eq \"ANNA\"", ""), ids(&[1]));
    assert_eq!(found(store, USER, "displayName sw \"ann\"", ""), ids(&[1]));
    assert_eq!(found(store, USER, "meta.lastModified ge \"1970-01-01T00:00:05Z\"", ""), ids(&[1]));
}

fn refused_as_taken(result: Result<(), WriteError>) {
    let registry = Registry::standard();
    match result {
        Err(WriteError::NotUnique { attribute: None }) => {}
        Err(WriteError::NotUnique { attribute: Some(key) }) => {
            assert_eq!(registry.attribute_name(key).as_deref(), Some("userName"));
        }
        other => panic!("not refused as taken: {other:?}"),
    }
}

fn unique_on_insert(store: &mut dyn Store) {
    user(store, 1, "ana");
    let again = resource(USER, 2, json!({ "userName": "ANA" }));
    let keys = search_keys(&Registry::standard(), &again);
    refused_as_taken(store.insert(&again, &keys).map(drop));
}

fn unique_on_update(store: &mut dyn Store) {
    user(store, 1, "ana");
    user(store, 2, "ben");
    refused_as_taken(update(store, 2, |ben| drop(ben.attributes.insert("userName".to_owned(), "Ana".into()))));
}

fn unique_again(store: &mut dyn Store) {
    user(store, 1, "ana");
    update(store, 1, |ana| drop(ana.attributes.insert("userName".to_owned(), "ANA".into()))).expect("its own name");
    update(store, 1, |ana| drop(ana.attributes.insert("userName".to_owned(), "anna".into()))).expect("a new name");
    user(store, 2, "ana");
    delete(store, USER, 2, 9_000);
    user(store, 3, "ana");
    group(store, 4, "ana");
    group(store, 5, "ana");
    assert_eq!(found(store, USER, "userName eq \"ana\"", ""), ids(&[3]));
    assert_eq!(found(store, GROUP, "displayName eq \"ana\"", ""), ids(&[4, 5]));
}

fn deleted_is_gone(store: &mut dyn Store) {
    user(store, 1, "ana");
    user(store, 2, "ben");
    delete(store, USER, 1, 9_000);
    assert!(store.get(USER, &id(1)).expect("a read").is_none());
    assert!(store.lock(USER, &id(1)).expect("a lock").is_none());
    assert_eq!(found(store, USER, "", ""), ids(&[2]));
    assert_eq!(found(store, USER, "userName eq \"ana\"", ""), []);
    assert_eq!(found(store, USER, "active eq true", ""), ids(&[2]));
}

fn deleted_member_leaves(store: &mut dyn Store) {
    user(store, 1, "ana");
    user(store, 2, "ben");
    let (editors, readers) = (group(store, 3, "Editors"), group(store, 4, "Readers"));
    change(store, editors, false, &[], &[1, 2]);
    change(store, readers, false, &[], &[2]);
    delete(store, USER, 1, 9_000);
    assert_eq!(member_ids(store, editors), ids(&[2]));
    let meta = stored(store, GROUP, 3).resource.meta;
    assert_eq!((meta.version, meta.last_modified, meta.created), (2, 9_000, 1_003));
    assert_eq!(stored(store, GROUP, 4).resource.meta.version, 1, "it was not a member there");
}

fn deleted_group_leaves(store: &mut dyn Store) {
    let ana = user(store, 1, "ana");
    let (editors, _) = (group(store, 2, "Editors"), group(store, 3, "Readers"));
    change(store, editors, false, &[], &[1]);
    delete(store, GROUP, 2, 9_000);
    assert_eq!(store.groups_of(&[ana]).expect("groups"), []);
    assert_eq!(stored(store, USER, 1).resource.meta.version, 1, "a user's version does not follow its groups");
    assert_eq!(found(store, GROUP, "", ""), ids(&[3]));
}

fn members_join_and_leave(store: &mut dyn Store) {
    for (number, name) in [(1, "ana"), (2, "ben"), (3, "cas")] {
        user(store, number, name);
    }
    let editors = group(store, 4, "Editors");
    let outcome = change(store, editors, false, &[], &[1, 2]);
    assert_eq!((outcome.added, outcome.removed), (2, 0));
    let outcome = change(store, editors, false, &[], &[2, 3]);
    assert_eq!((outcome.added, outcome.removed), (1, 0), "who is there does not join again");
    let outcome = change(store, editors, false, &[1], &[]);
    assert_eq!((outcome.added, outcome.removed), (0, 1));
    let outcome = change(store, editors, false, &[1, 9], &[]);
    assert_eq!((outcome.added, outcome.removed), (0, 0), "who is not there cannot leave");
    assert_eq!(member_ids(store, editors), ids(&[2, 3]));
    assert_eq!(stored(store, GROUP, 4).resource.meta.version, 1, "the version is the protocol's affair");
}

fn unknown_ids(store: &mut dyn Store) {
    let ana = user(store, 1, "ana");
    let editors = group(store, 2, "Editors");
    let stranger = Id::new("nobody").expect("an id");
    let mut resolved = store.resolve(&[id(8), id(2), stranger, id(1), id(9)]).expect("an answer");
    resolved.sort();
    assert_eq!(resolved, [(id(1), ana), (id(2), editors)]);
    assert_eq!(store.resolve(&[]).expect("an answer"), []);
}

/// The key of a `userName` or an `externalId`.
fn key(attribute: AttributeKey, key: &str) -> SearchKey {
    SearchKey { attribute, key: key.to_owned(), unique: false }
}

fn holders_of_keys(store: &mut dyn Store) {
    let (by_name, by_external_id) = (AttributeKey::user_name(), AttributeKey::external_id());
    let ana = insert(store, &resource(USER, 1, json!({ "userName": "Ana", "externalId": "X", "active": true })));
    let ben = insert(store, &resource(USER, 2, json!({ "userName": "ben", "externalId": "X", "active": false })));
    insert(store, &resource(USER, 3, json!({ "userName": "X", "externalId": "x", "active": true })));
    insert(store, &resource(GROUP, 4, json!({ "displayName": "Editors", "externalId": "X" })));
    let mut asked = |keys: &[SearchKey]| {
        let mut holders: Vec<(AttributeKey, String, Handle, Id, bool)> = Vec::new();
        for holder in store.holders(keys).expect("holders") {
            holders.push((holder.attribute, holder.key, holder.handle, holder.id, holder.active));
        }
        holders.sort();
        holders
    };
    let named = |key: &str, handle, number, active| (by_name, key.to_owned(), handle, id(number), active);
    let external = |handle, number, active| (by_external_id, "X".to_owned(), handle, id(number), active);
    assert_eq!(asked(&[key(by_name, "ana")]), [named("ana", ana, 1, true)]);
    let mut both = vec![named("ana", ana, 1, true), external(ana, 1, true), external(ben, 2, false)];
    both.sort();
    assert_eq!(asked(&[key(by_name, "ana"), key(by_external_id, "X"), key(by_name, "nobody")]), both);
    assert_eq!(asked(&[key(by_name, "Ana"), key(by_external_id, "nobody")]), [], "keys are folded already");
    assert_eq!(asked(&[]), []);
}

fn park(store: &mut dyn Store, group: Handle, remove: &[&str], add: &[&str]) {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    store.hold_names().expect("held");
    store.change_parked(group, &ParkedChange { remove: names(remove), add: names(add) }).expect("a change");
}

fn parked(store: &mut dyn Store, group: Handle) -> Vec<String> {
    let mut names = store.parked(group).expect("names");
    names.sort();
    names
}

fn parked_names(store: &mut dyn Store) {
    let (editors, readers) = (group(store, 1, "Editors"), group(store, 2, "Readers"));
    let long = "x".repeat(1024);
    assert_eq!(parked(store, editors), [""; 0]);
    park(store, editors, &[], &["ana@x.test", "ANA@x.test", "'; --", "\u{c4}nna", &long]);
    park(store, readers, &[], &["Ana@X.test"]);
    park(store, editors, &["'; --", "nobody"], &["ana@x.test", "00u"]);
    assert_eq!(parked(store, editors), ["00u", "ANA@x.test", "ana@x.test", &long, "\u{c4}nna"]);
    let mut awaiting = |keys: &[&str]| {
        let keys: Vec<String> = keys.iter().map(|key| key_of_text(key)).collect();
        let mut groups: Vec<(Handle, Id, String)> = Vec::new();
        for waiting in store.awaiting(&keys).expect("groups") {
            groups.push((waiting.group, waiting.id, waiting.name));
        }
        groups.sort();
        groups
    };
    let waits = |group, number, name: &str| (group, id(number), name.to_owned());
    let for_ana = [waits(editors, 1, "ANA@x.test"), waits(editors, 1, "ana@x.test"), waits(readers, 2, "Ana@X.test")];
    assert_eq!(awaiting(&["aNa@x.test"]), for_ana);
    assert_eq!(awaiting(&["nobody", "\u{e4}NNA"]), [waits(editors, 1, "\u{c4}nna")]);
    assert_eq!(awaiting(&[&long]), [waits(editors, 1, &long)]);
    assert_eq!(awaiting(&["'; --"]), []);
    assert_eq!(awaiting(&[]), []);
    assert_eq!(member_ids(store, editors), [], "who is waited for is no member");
    delete(store, GROUP, 1, 9_000);
    assert_eq!(store.awaiting(&[key_of_text("00u")]).expect("groups"), [], "a deleted group waits for nobody");
    assert_eq!(parked(store, readers), ["Ana@X.test"]);
}

fn membership_replaced(store: &mut dyn Store) {
    for (number, name) in [(1, "ana"), (2, "ben"), (3, "cas")] {
        user(store, number, name);
    }
    let editors = group(store, 4, "Editors");
    change(store, editors, false, &[], &[1, 2]);
    let outcome = change(store, editors, true, &[], &[2, 3]);
    assert_eq!((outcome.added, outcome.removed), (1, 1));
    assert_eq!(member_ids(store, editors), ids(&[2, 3]));
    let outcome = change(store, editors, true, &[], &[3, 2]);
    assert_eq!((outcome.added, outcome.removed), (0, 0), "the same again");
    let outcome = change(store, editors, true, &[], &[]);
    assert_eq!((outcome.added, outcome.removed), (0, 2));
    assert_eq!(member_ids(store, editors), []);
}

fn both_sides_in_order(store: &mut dyn Store) {
    let ana = insert(store, &resource(USER, 5, json!({ "userName": "ana", "displayName": "Ana Ito" })));
    let ben = user(store, 4, "ben");
    let editors = group(store, 3, "Editors");
    let all = group(store, 2, "Everybody");
    change(store, all, false, &[], &[3, 4, 5]);
    change(store, editors, false, &[], &[5]);
    let members = store.members(all).expect("members");
    let described: Vec<_> = members.iter().map(|m| (m.id.clone(), m.resource_type, m.display.as_str())).collect();
    assert_eq!(described, [(id(5), USER, "Ana Ito"), (id(4), USER, "ben"), (id(3), GROUP, "Editors")]);
    let groups = store.groups_of(&[ana, ben, editors]).expect("groups");
    let described: Vec<_> = groups.iter().map(|(m, g)| (*m, g.id.clone(), g.display.as_str(), g.direct)).collect();
    let expected = [
        (ana, id(3), "Editors", true),
        (ana, id(2), "Everybody", true),
        (ben, id(2), "Everybody", true),
        (editors, id(2), "Everybody", true),
    ];
    assert_eq!(described, expected);
    assert_eq!(store.groups_of(&[]).expect("groups"), []);
    let read = store.get(GROUP, &id(2)).expect("a read").expect("a group");
    assert_eq!((read.resource.members, read.resource.groups), (None, None), "not loaded unasked");
}

/// ana is in a, a in b, b in c, c in a and in d; ben is in b and in d.
fn groups_in_groups(store: &mut dyn Store) {
    let (ana, ben, cas) = (user(store, 1, "ana"), user(store, 2, "ben"), user(store, 3, "cas"));
    let [a, b, c, d] = [4, 5, 6, 7].map(|number| group(store, number, &format!("group{number}")));
    change(store, a, false, &[], &[1, 6]);
    change(store, b, false, &[], &[2, 4]);
    change(store, c, false, &[], &[5]);
    change(store, d, false, &[], &[2, 6]);
    let groups = store.groups_of(&[ana, ben, cas, c]).expect("groups");
    let described: Vec<_> = groups.iter().map(|(m, g)| (*m, g.id.clone(), g.direct)).collect();
    let expected = [
        (ana, id(4), true),
        (ana, id(5), false),
        (ana, id(6), false),
        (ana, id(7), false),
        (ben, id(4), false),
        (ben, id(5), true),
        (ben, id(6), false),
        (ben, id(7), true),
        (c, id(4), true),
        (c, id(5), false),
        (c, id(7), true),
    ];
    assert_eq!(described, expected);
    for number in [4, 5, 6, 7] {
        assert_eq!(found(store, USER, &format!("groups eq \"{}\"", id(number)), ""), ids(&[1, 2]));
    }
    assert_eq!(found(store, USER, &format!("groups[value eq \"{}\" and type eq \"direct\"]", id(7)), ""), ids(&[2]));
    delete(store, GROUP, 5, 9_000);
    let left = store.groups_of(&[ana, ben]).expect("groups");
    let left: Vec<_> = left.iter().map(|(m, g)| (*m, g.id.clone(), g.direct)).collect();
    assert_eq!(left, [(ana, id(4), true), (ben, id(7), true)]);
}

fn a_long_chain(store: &mut dyn Store) {
    let ana = user(store, 1, "ana");
    let groups: Vec<Handle> = (2..1_002).map(|number| group(store, number, "a link")).collect();
    for (number, link) in (1..).zip(&groups) {
        change(store, *link, false, &[], &[number]);
    }
    for circle in [false, true] {
        if circle {
            change(store, groups[0], false, &[], &[1_001]);
        }
        let found_groups = store.groups_of(&[ana]).expect("groups");
        assert_eq!(found_groups.len(), 1_000);
        assert_eq!(found_groups.iter().filter(|(_, group)| group.direct).count(), 1);
        assert_eq!(found(store, USER, &format!("groups eq \"{}\"", id(1_001)), ""), ids(&[1]));
    }
}

fn pages_in_order(store: &mut dyn Store) {
    for number in [7, 3, 9, 1, 5] {
        user(store, number, &format!("user{number}"));
        group(store, number + 10, "a group");
    }
    let mut check = |filter: &str, first: u64, count: u32, expected: &[u32], total: u64| {
        let page = page(store, USER, filter, "", Start::Index(first), count);
        let found: Vec<Id> = page.resources.into_iter().map(|stored| stored.resource.id).collect();
        assert_eq!((found, page.total), (ids(expected), Some(total)), "{filter:?} from {first}, {count}");
    };
    for filter in ["", "userName sw \"user\"", "userName co \"SER\"", "active eq true"] {
        check(filter, 1, 2, &[7, 3], 5);
        check(filter, 3, 2, &[9, 1], 5);
        check(filter, 5, 2, &[5], 5);
        check(filter, 6, 2, &[], 5);
        check(filter, 1_000_000_000, 2, &[], 5);
        check(filter, 1, 0, &[], 5);
        check(filter, 1, 100, &[7, 3, 9, 1, 5], 5);
    }
    check("userName gt \"user3\"", 2, 1, &[9], 3);
    check("userName eq \"none\"", 1, 10, &[], 0);
}

fn pages_after_handle(store: &mut dyn Store) {
    let handles: Vec<Handle> = [4, 2, 3, 1].map(|number| user(store, number, &format!("user{number}"))).to_vec();
    for filter in ["", "userName co \"user\""] {
        let after = |handle| Mark { key: None, handle };
        let next = page(store, USER, filter, "", Start::After(&after(handles[1])), 1);
        assert_eq!(next.resources.iter().map(|stored| stored.handle).collect::<Vec<_>>(), [handles[2]]);
        let last = page(store, USER, filter, "", Start::After(&after(handles[3])), 10);
        assert!(last.resources.is_empty());
    }
}

fn totals_follow(store: &mut dyn Store) {
    let total = |store: &mut dyn Store| page(store, USER, "", "", Start::Index(1), 0).total.expect("a total");
    assert_eq!(total(store), 0);
    user(store, 1, "ana");
    user(store, 2, "ben");
    group(store, 3, "Editors");
    assert_eq!(total(store), 2);
    delete(store, USER, 1, 9_000);
    assert_eq!(total(store), 1);
}

fn filters_are_answered(store: &mut dyn Store) {
    let emails = |work: &str, home: &str| json!([{"value": work, "type": "work"}, {"value": home, "type": "home"}]);
    let documents = [
        json!({ "userName": "Ana", "externalId": "abc", "active": true, "emails": emails("ana@w.test", "ana@h.test") }),
        json!({ "userName": "ben", "externalId": "ABC", "active": false, "emails": emails("ben@w.test", "ana@w.test") }),
        json!({ "userName": "\u{c4}nna_%", "displayName": "\u{df}", "title": "Editor", "active": true }),
        json!({ "userName": "zo\u{eb}\u{10FFFF}", "displayName": "It's \"so\" \\", "active": true }),
    ];
    for (number, document) in (1u32..).zip(documents) {
        insert(store, &resource(USER, number, document));
    }
    let (editors, all) = (group(store, 5, "Editors"), group(store, 6, "Everybody"));
    change(store, editors, false, &[], &[1, 2]);
    change(store, all, false, &[], &[2, 3, 5]);
    let mut check = |kind: ResourceTypeId, filter: &str, expected: &[u32]| {
        assert_eq!(found(store, kind, filter, ""), ids(expected), "{filter}");
    };
    check(USER, "userName eq \"ANA\"", &[1]);
    check(USER, "userName ne \"ana\"", &[2, 3, 4]);
    check(USER, "userName eq \"\u{e4}NNA_%\"", &[3]);
    check(USER, "userName sw \"\u{e4}nna_\"", &[3]);
    check(USER, "userName sw \"_\"", &[]);
    check(USER, "userName ew \"A\"", &[1]);
    check(USER, "userName co \"n\"", &[1, 2, 3]);
    check(USER, "userName ge \"ben\" and userName lt \"zp\"", &[2, 4]);
    check(USER, "userName sw \"zo\u{eb}\u{10FFFF}\"", &[4]);
    check(USER, "externalId eq \"abc\"", &[1]);
    check(USER, "externalId eq \"ABC\" or userName eq \"ana\"", &[1, 2]);
    check(USER, "externalId pr", &[1, 2]);
    check(USER, "not (externalId pr)", &[3, 4]);
    check(USER, "active eq false", &[2]);
    check(USER, "active eq true and not (userName eq \"ana\")", &[3, 4]);
    check(USER, "displayName eq \"It's \\\"so\\\" \\\\\"", &[4]);
    check(USER, "title eq \"editor\"", &[3]);
    check(USER, "emails.value eq \"ANA@w.test\"", &[1, 2]);
    check(USER, "emails eq \"ana@w.test\"", &[1, 2]);
    check(USER, "emails[type eq \"work\"].value eq \"ana@w.test\"", &[1]);
    check(USER, "emails[type eq \"home\" and value sw \"ana@\"]", &[1, 2]);
    check(USER, "emails.value sw \"ana\" and emails.value sw \"ben\"", &[2]);
    check(USER, &format!("id eq \"{}\"", id(2)), &[2]);
    check(USER, &format!("id eq \"{}\" and userName eq \"ana\"", id(2)), &[]);
    check(USER, "id eq \"nobody\"", &[]);
    check(USER, &format!("groups eq \"{}\"", id(5)), &[1, 2]);
    check(USER, &format!("groups eq \"{}\"", id(6)), &[1, 2, 3]);
    check(USER, &format!("groups.value eq \"{}\" and active eq true", id(6)), &[1, 3]);
    check(USER, &format!("groups[type eq \"direct\" and value eq \"{}\"]", id(6)), &[2, 3]);
    check(USER, "groups.type eq \"indirect\"", &[1]);
    check(USER, &format!("not (groups eq \"{}\")", id(6)), &[4]);
    check(USER, "meta.lastModified gt \"1970-01-01T00:00:01.002Z\"", &[3, 4]);
    check(USER, "meta.lastModified le \"1970-01-01T01:00:01.002+01:00\"", &[1, 2]);
    check(GROUP, "displayName sw \"e\"", &[5, 6]);
    check(GROUP, &format!("members eq \"{}\"", id(2)), &[5, 6]);
    check(GROUP, &format!("id eq \"{}\" and members eq \"{}\"", id(6), id(1)), &[]);
    check(GROUP, &format!("members[value eq \"{}\"]", id(5)), &[6]);
    check(GROUP, &format!("not (members.value eq \"{}\")", id(1)), &[6]);
    check(GROUP, "members.type eq \"Group\"", &[6]);
}

fn sorting(store: &mut dyn Store) {
    let documents = [
        json!({ "userName": "delta", "displayName": "b" }),
        json!({ "userName": "Alpha" }),
        json!({ "userName": "charlie", "displayName": "B" }),
        json!({ "userName": "bravo", "displayName": "a" }),
    ];
    for (number, document) in (1u32..).zip(documents) {
        insert(store, &resource(USER, number, document));
    }
    let mut check = |sort: &str, expected: &[u32]| assert_eq!(found(store, USER, "", sort), ids(expected), "{sort}");
    check("userName", &[2, 4, 3, 1]);
    check("-userName", &[1, 3, 4, 2]);
    check("displayName", &[4, 1, 3, 2]);
    check("-displayName", &[2, 3, 1, 4]);
    check("-meta.created", &[4, 3, 2, 1]);
    let second = page(store, USER, "userName co \"a\"", "userName", Start::Index(2), 2);
    let found: Vec<Id> = second.resources.into_iter().map(|stored| stored.resource.id).collect();
    assert_eq!((found, second.total), (ids(&[4, 3]), Some(4)));
}

fn sorted_walks(store: &mut dyn Store) {
    let long = "x".repeat(300);
    let names = ["b", "", "B", "a", "", "Z", "\u{e9}", &long, &format!("{long}!"), ""];
    for (number, name) in (1u32..).zip(names) {
        let mut document = json!({ "userName": format!("user{}", number * 7 % 10), "title": name });
        if !name.is_empty() {
            document["displayName"] = json!(name);
        }
        insert(store, &resource(USER, number, document));
    }
    let all = ["displayName", "userName", "title", "id", "meta.created", "meta.lastModified", "active"];
    for path in all.iter().flat_map(|path| [(*path).to_owned(), format!("-{path}")]) {
        for filter in ["", "userName pr", "userName co \"user\"", "displayName pr or not (displayName pr)"] {
            let whole = page(store, USER, filter, &path, Start::Index(1), 100);
            assert_eq!((whole.resources.len(), whole.total), (10, Some(10)), "{path} {filter}");
            let expected: Vec<Handle> = whole.resources.iter().map(|stored| stored.handle).collect();
            let by_index = (1..=10).map(|n| page(store, USER, filter, &path, Start::Index(n), 1).resources[0].handle);
            assert_eq!(by_index.collect::<Vec<_>>(), expected, "by index: {path} {filter}");
            let described = Registry::standard();
            let (name, descending) = path.strip_prefix('-').map_or((path.as_str(), false), |name| (name, true));
            let sort = Sort::new(name, descending, described.get(USER)).expect("a sort");
            let marks = whole.resources.iter().map(|stored| Mark::after(stored, Some(&sort))).collect::<Vec<_>>();
            assert!(marks.is_sorted_by(|a, b| a.compare(b, Some(&sort)).is_lt()), "{path} {filter}");
            for (n, mark) in marks.iter().enumerate() {
                let rest = page(store, USER, filter, &path, Start::After(mark), 3).resources;
                let rest: Vec<Handle> = rest.iter().map(|stored| stored.handle).collect();
                assert_eq!(rest, expected[n + 1..(n + 4).min(10)], "after {n}: {path} {filter}");
            }
        }
    }
}

fn notes_are_kept(store: &mut dyn Store) {
    let (walk, other) = (WalkId([1; 32]), WalkId([2; 32]));
    assert_eq!(store.recall(&walk).expect("a note"), None);
    store.keep(&walk, b"here", 1_000).expect("kept");
    store.keep(&walk, b"there", 2_000).expect("kept");
    assert_eq!(store.recall(&walk).expect("a note").as_deref(), Some(&b"there"[..]));
    assert_eq!(store.recall(&other).expect("a note"), None);
}
