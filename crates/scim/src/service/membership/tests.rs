use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::MAX_PENDING;
use crate::error::Error;
use crate::event::{EventKind, Members};
use crate::resource::Member;
use crate::schema::{GROUP, USER};
use crate::service::Written;
use crate::testing::{World, named, refusal};
use crate::tolerance::{Tolerance, Tolerances};

fn members(names: &[&str]) -> Value {
    names.iter().map(|name| json!({ "value": name })).collect()
}

fn op(op: &str, names: &[&str]) -> Value {
    json!([{ "op": op, "path": "members", "value": members(names) }])
}

/// A user with an `externalId`.
fn user(world: &mut World, external_id: &str, user_name: &str) -> String {
    let body = json!({ "userName": user_name, "externalId": external_id, "role": "admin" });
    world.create(USER, body).expect("a user").resource.id.to_string()
}

fn version(world: &mut World, group: &str) -> Value {
    world.get(GROUP, group).expect("a group")["meta"]["version"].clone()
}

#[test]
fn unknown_members_are_reported_and_lose_no_member() {
    let mut world = World::new();
    let ana = world.user("ana");
    let named = json!([{ "value": "nobody" }, { "value": ana }, { "value": 7 }, { "value": "ben@x" }]);
    let body = json!({ "displayName": "Editors", "members": named });
    let written = world.create(GROUP, body.clone()).unwrap();
    assert_eq!(written.skipped_members, ["7", "nobody", "ben@x"]);
    assert_eq!(written.pending_members, ["nobody", "ben@x"]);
    let group = written.resource.id.to_string();
    assert_eq!(world.members(&group), [ana]);
    let events = world.events();
    assert!(events.contains(&EventKind::MembersSkipped { ids: vec!["7".to_owned()] }), "{events:?}");
    assert!(events.contains(&EventKind::MembersPending { names: written.pending_members }), "{events:?}");
    let written = world.patch(GROUP, &group, op("add", &[&group, "nobody"])).unwrap();
    assert_eq!((written.skipped_members, written.changed), (vec![group.clone(), "nobody".to_owned()], false));
    assert_eq!(world.events(), [EventKind::MembersSkipped { ids: vec![group.clone()] }], "no name was pending before");

    world.on = Tolerances::EVERY.without(Tolerance::UnknownMembers);
    assert_eq!(refusal(world.create(GROUP, body)), (400, Some("invalidValue")));
    assert_eq!(refusal(world.patch(GROUP, &group, op("add", &["somebody"]))), (400, Some("invalidValue")));
    assert_eq!(world.list(GROUP, &[]).unwrap()["totalResults"], 1);
}

#[test]
fn who_is_waited_for_joins_when_they_appear_by_either_name() {
    let mut world = World::new();
    let group = world.group("Editors", &["00uANA", "Ben@X.test", "00ucas"]);
    let readers = world.group("Readers", &["00uANA"]);
    assert!(world.members(&group).is_empty());
    assert_eq!(version(&mut world, &group), "W/\"1\"", "a pending member does not change the version");
    world.events();
    let ana = user(&mut world, "00uANA", "ana@x.test");
    let added = Members::one(Member { id: named(&ana), resource_type: USER, display: "ana@x.test".to_owned() });
    let joined = EventKind::MembershipChanged { added, removed: Members::default() };
    assert_eq!(world.events(), [EventKind::Created, joined.clone(), joined]);
    let ben = user(&mut world, "00uBEN", "ben@x.TEST");
    user(&mut world, "00uCAS", "cas@x.test");
    assert_eq!(world.members(&group), [ana.clone(), ben], "an externalId is compared exactly, a userName is not");
    assert_eq!(version(&mut world, &group), "W/\"3\"");
    assert_eq!(world.members(&readers), std::slice::from_ref(&ana));
    let seen = world.get(USER, &ana).unwrap();
    assert_eq!(seen["groups"].as_array().map(Vec::len), Some(2), "{seen}");
    assert_eq!(seen["meta"]["version"], "W/\"1\"");
}

#[test]
fn a_user_who_gets_the_name_later_joins_then_and_only_once() {
    let mut world = World::new();
    let group = world.group("Editors", &["00uANA"]);
    let ana = world.user("ana");
    let name = json!([{ "op": "add", "path": "externalId", "value": "00uANA" }]);
    world.patch(USER, &ana, name).unwrap();
    assert_eq!(world.members(&group), std::slice::from_ref(&ana));
    world.patch(GROUP, &group, op("remove", &[&ana])).unwrap();
    for other in ["00uX", "00uANA"] {
        world.put(USER, &ana, json!({ "userName": "ana", "role": "admin", "externalId": other })).unwrap();
    }
    assert!(world.members(&group).is_empty(), "no name is pending any more");
}

#[test]
fn names_are_parked_until_they_are_removed_or_the_list_is_replaced() {
    type Change<'c> = &'c dyn Fn(&mut World, &str);
    let changes: [Change<'_>; 5] = [
        &|world, group| drop(world.patch(GROUP, group, op("remove", &["00uANA"])).unwrap()),
        &|world, group| {
            let one = json!([{ "op": "remove", "path": "members[value eq \"00uANA\"]" }]);
            world.patch(GROUP, group, one).unwrap();
        },
        &|world, group| drop(world.patch(GROUP, group, json!([{ "op": "remove", "path": "members" }])).unwrap()),
        &|world, group| drop(world.patch(GROUP, group, op("replace", &["ben"])).unwrap()),
        &|world, group| {
            let body = json!({ "displayName": "Editors", "members": members(&["ben"]) });
            world.put(GROUP, group, body).unwrap();
        },
    ];
    for (n, change) in changes.iter().enumerate() {
        let mut world = World::new();
        let group = world.group("Editors", &["00uANA", "ben"]);
        change(&mut world, &group);
        user(&mut world, "00uANA", "ana");
        assert!(world.members(&group).is_empty(), "{n}");
        let ben = world.user("BEN");
        let expected: &[String] = if n == 2 { &[] } else { &[ben] };
        assert_eq!(world.members(&group), expected, "{n}");
    }
}

#[test]
fn a_user_who_is_there_is_found_by_name_too_and_a_put_of_the_same_changes_nothing() {
    let mut world = World::new();
    let (ana, ben) = (user(&mut world, "00uANA", "ana@x"), user(&mut world, "00uBEN", "ben@x"));
    let group = world.group("Editors", &["00uANA", "BEN@x", &ana]);
    assert_eq!(world.members(&group), [ana.clone(), ben.clone()]);
    let body = json!({ "displayName": "Editors", "members": members(&["ana@x", &ben]) });
    let written = world.put(GROUP, &group, body).unwrap();
    assert!(!written.changed && written.skipped_members.is_empty());
    world.patch(GROUP, &group, op("remove", &["00uBEN"])).unwrap();
    assert_eq!(world.members(&group), std::slice::from_ref(&ana));
    user(&mut world, "00uANA", "another");
    let written = world.patch(GROUP, &group, op("replace", &["00uANA"])).unwrap();
    assert_eq!(written.pending_members, ["00uANA"], "the name is ambiguous");

    world.on = Tolerances::EVERY.without(Tolerance::MembersByName);
    let written = world.patch(GROUP, &group, op("add", &["ben@x"])).unwrap();
    assert_eq!((written.skipped_members.len(), written.pending_members.len()), (1, 0), "left out, and not waited for");
    assert!(world.members(&group).is_empty());
}

#[test]
fn a_group_waits_for_so_many_and_no_more() {
    let mut world = World::new();
    let names: Vec<String> = (0..MAX_PENDING + 5).map(|n| format!("user{n:05}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let body = json!({ "displayName": "Everybody", "members": members(&names) });
    let written = world.create(GROUP, body).unwrap();
    let group = written.resource.id.to_string();
    assert_eq!((written.skipped_members.len(), written.pending_members.len()), (MAX_PENDING + 5, MAX_PENDING));
    let written = world.patch(GROUP, &group, op("add", &["one more"])).unwrap();
    assert_eq!((written.skipped_members.len(), written.pending_members.len()), (1, 0));
    world.patch(GROUP, &group, op("remove", &[names[0]])).unwrap();
    let written = world.patch(GROUP, &group, op("add", &["one more"])).unwrap();
    assert_eq!(written.pending_members.len(), 1, "there is room again");
}

/// The request that gives a group these members and removes the others.
fn replacing(world: &mut World, group: &str, members: &Value, way: usize) -> Result<Written, Error> {
    match way {
        0 => world.patch(GROUP, group, json!([{ "op": "replace", "path": "members", "value": members }])),
        1 => world.patch(GROUP, group, json!([{ "op": "Replace", "value": { "members": members } }])),
        2 => world.put(GROUP, group, json!({ "displayName": "Editors", "members": members })),
        _ => {
            let operations =
                json!([{ "op": "remove", "path": "members" }, { "op": "add", "path": "members", "value": members }]);
            world.patch(GROUP, group, operations)
        }
    }
}

fn reference(endpoint: &str, id: &str) -> Value {
    json!({ "$ref": format!("{}/{endpoint}/{id}", crate::testing::BASE) })
}

#[track_caller]
fn refused(outcome: Result<Written, Error>, says: &[&str]) {
    let error = outcome.expect_err("a refusal");
    let detail = error.detail();
    assert_eq!(error.wire(), (400, Some("invalidValue")), "{detail}");
    for said in says.iter().chain(&["Create the users first", "send []"]) {
        assert!(detail.contains(said), "{said} in: {detail}");
    }
}

#[test]
fn report_2_members_are_not_given_up_for_a_list_without_members() {
    let mut world = World::new();
    let (ana, ben) = (user(&mut world, "00uANA", "ana"), user(&mut world, "00uBEN", "ben"));
    let inner = world.group("Inner", &[]);
    let group = world.group("Editors", &[&ana, &ben]);
    world.delete(USER, &ben).expect("deleted");
    world.events();
    let lists = [
        (json!([{ "value": ben }]), ben.as_str()),
        (json!([ben, "id-77", "id-78", "id-79", "id-80"]), "id-77, id-78 and 2 more"),
        (json!([reference("Groups", &ana)]), ana.as_str()),
        (json!([reference("Users", &inner), { "value": ben }]), inner.as_str()),
        (json!([reference("Users", "00uNEW")]), "00uNEW"),
        (json!([{ "value": group }]), group.as_str()),
        (json!([{ "value": ben }, { "value": 7 }, {}]), ben.as_str()),
    ];
    for (list, says) in &lists {
        for way in 0..4 {
            refused(replacing(&mut world, &group, list, way), &[says]);
            assert_eq!(world.members(&group), std::slice::from_ref(&ana), "{list}");
        }
        let path = format!("members[value eq \"{ana}\"]");
        let one = json!([{ "op": "replace", "path": path, "value": list }]);
        refused(world.patch(GROUP, &group, one), &[says]);
    }
    assert_eq!(world.events(), [], "nothing happened");
    // Where names cannot be pending, a name is as useless as an unknown id.
    world.on = Tolerances::EVERY.without(Tolerance::MembersByName);
    for way in 0..4 {
        refused(replacing(&mut world, &group, &members(&["00uNEW", "ben"]), way), &["00uNEW, ben"]);
    }
    assert_eq!(world.members(&group), std::slice::from_ref(&ana));
    assert!(world.forgiven.is_empty() || !world.forgiven.contains(Tolerance::UnknownMembers));
}

#[test]
fn report_2_one_member_who_is_there_or_waited_for_is_enough() {
    for way in 0..4 {
        let mut world = World::new();
        let (ana, ben) = (user(&mut world, "00uANA", "ana"), user(&mut world, "00uBEN", "ben"));
        let group = world.group("Editors", &[&ana]);
        let list = json!([{ "value": "id-77" }, reference("Groups", &ana), { "value": ben }]);
        let written = replacing(&mut world, &group, &list, way).expect("one is there");
        assert_eq!(world.members(&group), std::slice::from_ref(&ben));
        assert!(written.skipped_members.contains(&ana) && written.skipped_members.contains(&"id-77".to_owned()));
        let written = replacing(&mut world, &group, &members(&["id-77", "00uNEW"]), way).expect("one is waited for");
        let pending: BTreeSet<String> = written.pending_members.into_iter().collect();
        assert_eq!(pending, ["00uNEW", "id-77"].map(str::to_owned).into());
        assert!(world.members(&group).is_empty());
        // The name is pending, and the request repeats it.
        for same in [&["00uNEW", "id-77"][..], &["id-77"]] {
            replacing(&mut world, &group, &members(same), way).expect("what is waited for already");
        }
        refused(replacing(&mut world, &group, &members(&["id-78"]), way), &["id-78"]);
        let new = user(&mut world, "id-77", "new");
        assert_eq!(world.members(&group), [new]);
        replacing(&mut world, &group, &json!([]), way).expect("an empty list clears");
        assert!(world.members(&group).is_empty());
        replacing(&mut world, &group, &members(&["id-78"]), way).expect("no member is given up");
    }
}

#[test]
fn report_2_a_list_in_several_operations_is_one_list() {
    let mut world = World::new();
    let (ana, ben) = (world.user("ana"), world.user("ben"));
    let group = world.group("Editors", &[&ana]);
    let chunks = json!([
        { "op": "replace", "path": "members", "value": members(&["id-77"]) },
        { "op": "add", "path": "members", "value": members(&[&ben]) }
    ]);
    world.patch(GROUP, &group, chunks).expect("ben is there");
    assert_eq!(world.members(&group), [ben]);
    world.patch(GROUP, &group, op("add", &["id-78"])).expect("no member is given up");
    world.patch(GROUP, &group, op("remove", &["id-79"])).expect("nor here");
}

#[test]
fn who_leaves_is_named_however_they_leave() {
    let mut world = World::new();
    let (ana, ben) = (world.user("ana"), world.user("ben"));
    let group = world.group("Editors", &[&ana, &ben]);
    let nested = world.group("All", &[&group]);
    let left = |world: &mut World| {
        let changed = |event: EventKind| match event {
            EventKind::MembershipChanged { removed, .. } => Some((removed.named, removed.count)),
            _ => None,
        };
        world.events().into_iter().filter_map(changed).collect::<Vec<_>>()
    };
    let member =
        |id: &str, resource_type, display: &str| Member { id: named(id), resource_type, display: display.to_owned() };
    left(&mut world);
    world.put(GROUP, &group, json!({ "displayName": "Editors", "members": [{ "value": ben }] })).unwrap();
    assert_eq!(left(&mut world), [(vec![member(&ana, USER, "ana")], 1)], "of a whole list");
    world.delete(USER, &ben).unwrap();
    assert_eq!(left(&mut world), [(vec![member(&ben, USER, "ben")], 1)], "with the user");
    let many: Vec<String> = (0..60).map(|n| world.user(&format!("user{n}"))).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let big = world.group("Many", &many);
    world.events();
    world.delete(GROUP, &big).unwrap();
    let gone = left(&mut world);
    assert_eq!((gone[0].0.len(), gone[0].1), (Members::NAMED, 60), "with the group");
    world.delete(GROUP, &group).unwrap();
    assert_eq!(left(&mut world), [(vec![member(&group, GROUP, "Editors")], 1)], "a group that is a member");
    assert!(world.members(&nested).is_empty());
}
