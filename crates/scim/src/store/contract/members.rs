//! Cases about members, pending members, and groups in groups.

use serde_json::json;

use super::{change, delete, found, group, id, ids, insert, member_ids, resource, stored, user};
use crate::query::search_keys::SearchKey;
use crate::resource::{Id, Member};
use crate::schema::{AttributeKey, key_of_text};
use crate::schema::{GROUP, USER};
use crate::store::{GroupsInTurn, Handle, PendingChange, Store};

pub(super) fn deleted_member_leaves(store: &mut dyn Store) {
    user(store, 1, "ana");
    user(store, 2, "ben");
    let (editors, readers) = (group(store, 3, "Editors"), group(store, 4, "Readers"));
    change(store, editors, false, &[], &[1, 2]);
    change(store, readers, false, &[], &[2]);
    let departure = delete(store, USER, 1, 9_000);
    let left = Member { id: id(3), resource_type: GROUP, display: "Editors".to_owned() };
    assert_eq!((departure.groups, departure.members, departure.count), (vec![left], Vec::new(), 0));
    assert_eq!(member_ids(store, editors), ids(&[2]));
    let meta = stored(store, GROUP, 3).resource.meta;
    assert_eq!((meta.version, meta.last_modified, meta.created), (2, 9_000, 1_003));
    assert_eq!(stored(store, GROUP, 4).resource.meta.version, 1, "it was not a member there");
}

pub(super) fn deleted_group_leaves(store: &mut dyn Store) {
    let ana = user(store, 1, "ana");
    let (editors, _) = (group(store, 2, "Editors"), group(store, 3, "Readers"));
    change(store, editors, false, &[], &[1]);
    let departure = delete(store, GROUP, 2, 9_000);
    assert_eq!((departure.groups, departure.members, departure.count), (Vec::new(), vec![ana], 1));
    assert_eq!(store.groups_of(&[ana]).expect("groups"), []);
    assert_eq!(stored(store, USER, 1).resource.meta.version, 1, "a user's version does not follow its groups");
    assert_eq!(found(store, GROUP, "", ""), ids(&[3]));
}

pub(super) fn members_join_and_leave(store: &mut dyn Store) {
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
    assert_eq!((outcome.joined, outcome.left), (Vec::new(), super::handles(store, &[1])));
    let outcome = change(store, editors, false, &[1, 9], &[]);
    assert_eq!((outcome.added, outcome.removed), (0, 0), "who is not there cannot leave");
    assert_eq!(member_ids(store, editors), ids(&[2, 3]));
    assert_eq!(stored(store, GROUP, 4).resource.meta.version, 1, "the version is the protocol's affair");
}

pub(super) fn unknown_ids(store: &mut dyn Store) {
    let ana = user(store, 1, "ana");
    let editors = group(store, 2, "Editors");
    let stranger = Id::new("nobody").expect("an id");
    let mut resolved = store.resolve(&[id(8), id(2), stranger, id(1), id(9)]).expect("an answer");
    resolved.sort_by_key(|(handle, _)| *handle);
    let member =
        |number, resource_type, display: &str| Member { id: id(number), resource_type, display: display.to_owned() };
    let both = [(ana, member(1, USER, "ana")), (editors, member(2, GROUP, "Editors"))];
    assert_eq!(resolved, both);
    assert_eq!(store.describe(&[editors, Handle(i64::MAX), ana]).expect("an answer"), both);
    assert_eq!(store.describe(&[]).expect("an answer"), []);
    assert_eq!(store.resolve(&[]).expect("an answer"), []);
}

/// The key of a `userName` or an `externalId`.
fn key(attribute: AttributeKey, key: &str) -> SearchKey {
    SearchKey { attribute, key: key.to_owned(), unique: false }
}

pub(super) fn owners_of_keys(store: &mut dyn Store) {
    let (by_name, by_external_id) = (AttributeKey::user_name(), AttributeKey::external_id());
    let ana = insert(store, &resource(USER, 1, json!({ "userName": "Ana", "externalId": "X", "active": true })));
    let ben = insert(store, &resource(USER, 2, json!({ "userName": "ben", "externalId": "X", "active": false })));
    insert(store, &resource(USER, 3, json!({ "userName": "X", "externalId": "x", "active": true })));
    insert(store, &resource(GROUP, 4, json!({ "displayName": "Editors", "externalId": "X" })));
    let mut asked = |keys: &[SearchKey]| {
        let mut owners: Vec<(AttributeKey, String, Handle, Id, bool)> = Vec::new();
        for owner in store.find_by_keys(keys).expect("holders") {
            owners.push((owner.attribute, owner.key, owner.handle, owner.id, owner.active));
        }
        owners.sort();
        owners
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

fn change_pending(store: &mut dyn Store, group: Handle, remove: &[&str], add: &[&str]) {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    store.lock_names().expect("held");
    store.lock_group_names().expect("held");
    store.change_pending_members(group, &PendingChange { remove: names(remove), add: names(add) }).expect("a change");
}

fn pending_members(store: &mut dyn Store, group: Handle) -> Vec<String> {
    let mut names = store.pending_members(group).expect("names");
    names.sort();
    names
}

pub(super) fn pending_members_of_groups(store: &mut dyn Store) {
    let (editors, readers) = (group(store, 1, "Editors"), group(store, 2, "Readers"));
    let long = "x".repeat(1024);
    assert_eq!(pending_members(store, editors), [""; 0]);
    change_pending(store, editors, &[], &["ana@x.test", "ANA@x.test", "'; --", "\u{c4}nna", &long]);
    change_pending(store, readers, &[], &["Ana@X.test"]);
    change_pending(store, editors, &["'; --", "nobody"], &["ana@x.test", "00u"]);
    assert_eq!(pending_members(store, editors), ["00u", "ANA@x.test", "ana@x.test", &long, "\u{c4}nna"]);
    let mut awaiting = |keys: &[&str]| {
        let keys: Vec<String> = keys.iter().map(|key| key_of_text(key)).collect();
        let mut groups: Vec<(Handle, Id, String)> = Vec::new();
        for waiting in store.find_pending_members(&keys).expect("groups") {
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
    assert_eq!(
        store.find_pending_members(&[key_of_text("00u")]).expect("groups"),
        [],
        "a deleted group has no pending members"
    );
    assert_eq!(pending_members(store, readers), ["Ana@X.test"]);
}

pub(super) fn membership_replaced(store: &mut dyn Store) {
    for (number, name) in [(1, "ana"), (2, "ben"), (3, "cas")] {
        user(store, number, name);
    }
    let editors = group(store, 4, "Editors");
    change(store, editors, false, &[], &[1, 2]);
    let outcome = change(store, editors, true, &[], &[2, 3]);
    assert_eq!((outcome.added, outcome.removed), (1, 1));
    assert_eq!((outcome.joined, outcome.left), (super::handles(store, &[3]), super::handles(store, &[1])));
    assert_eq!(member_ids(store, editors), ids(&[2, 3]));
    let outcome = change(store, editors, true, &[], &[3, 2]);
    assert_eq!((outcome.added, outcome.removed), (0, 0), "the same again");
    let outcome = change(store, editors, true, &[], &[]);
    assert_eq!((outcome.added, outcome.removed), (0, 2));
    assert_eq!(member_ids(store, editors), []);
}

pub(super) fn both_sides_in_order(store: &mut dyn Store) {
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
pub(super) fn groups_in_groups(store: &mut dyn Store) {
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

pub(super) fn a_long_chain(store: &mut dyn Store) {
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

pub(super) fn references_up_to(store: &mut dyn Store) {
    let users: Vec<Handle> = (1..=5).map(|number| user(store, number, &format!("user{number}"))).collect();
    let groups: Vec<Handle> = (11..=13).map(|number| group(store, number, "a group")).collect();
    for group in &groups {
        change(store, *group, false, &[], &[1, 2, 3, 4, 5]);
    }
    for (most, fits) in [(0, false), (4, false), (5, true), (usize::MAX, true)] {
        let members = store.members_up_to(groups[0], most).expect("members");
        assert_eq!(members, fits.then(|| store.members(groups[0]).expect("members")), "{most}");
    }
    for (most, fits) in [(0, false), (14, false), (15, true), (usize::MAX, true)] {
        let found = store.groups_of_up_to(&users, most).expect("groups");
        assert_eq!(found, fits.then(|| store.groups_of(&users).expect("groups")), "{most}");
    }
    // Nested groups: more pairs than rows of members.
    let outer = group(store, 14, "an outer group");
    change(store, outer, false, &[], &[11]);
    assert_eq!(store.groups_of_up_to(&users, 19).expect("groups"), None);
    assert_eq!(store.groups_of_up_to(&users, 20).expect("groups").map(|found| found.len()), Some(20));
    let mut in_turn = GroupsInTurn::new(users.clone());
    for user in [users[0], users[1], users[4]] {
        assert_eq!(in_turn.of(store, user).expect("groups").len(), 4);
    }
}
