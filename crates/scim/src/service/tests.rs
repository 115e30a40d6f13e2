use serde_json::{Value, json};

use crate::context::InactiveMatch;
use crate::event::{EventKind, Members};
use crate::message::projection::Projection;
use crate::precondition::Precondition;
use crate::resource::Member;
use crate::schema::{GROUP, USER};
use crate::service;
use crate::store::Protected;
use crate::testing::{BASE, World, named, refusal};
use crate::urn;

const ACTIVE: &str = "active";

fn replace(path: &str, value: Value) -> Value {
    json!([{ "op": "replace", "path": path, "value": value }])
}

#[test]
fn point_16_a_created_user_is_complete() {
    let mut world = World::new();
    let body = json!({
        "schemas": [urn::USER], "id": "mine", "meta": { "version": "x" }, "groups": [], "password": "hunter2",
        "userName": "ana@x.test", "name": { "givenName": "Ana", "familyName": "Ito" }, "externalId": "00u1",
        "emails": [{ "primary": true, "value": "ana@x.test", "type": "work" }], "role": "admin", "locale": null,
        (urn::ENTERPRISE_USER): { "department": "News" }
    });
    let written = world.create(USER, body).unwrap();
    assert!(written.changed);
    assert_eq!(
        world.get(USER, "id-1").unwrap(),
        json!({
            "schemas": [urn::USER, urn::ENTERPRISE_USER],
            "id": "id-1",
            "userName": "ana@x.test", "name": { "givenName": "Ana", "familyName": "Ito" }, "externalId": "00u1",
            "emails": [{ "primary": true, "value": "ana@x.test", "type": "work" }], "role": "admin", "active": true,
            (urn::ENTERPRISE_USER): { "department": "News" },
            "meta": {
                "resourceType": "User", "created": "1970-01-01T00:16:41.000Z", "lastModified": "1970-01-01T00:16:41.000Z",
                "location": format!("{BASE}/Users/id-1"), "version": "W/\"1\""
            }
        })
    );
    assert_eq!(world.events(), [EventKind::Created]);
}

#[test]
fn point_17_a_user_name_is_unique_in_any_case() {
    let mut world = World::new();
    world.user("ana");
    let ben = world.user("ben");
    let again = world.create(USER, json!({ "userName": "ANA", "role": "admin" })).unwrap_err();
    assert_eq!(again.wire(), (409, Some("uniqueness")));
    assert_eq!(
        again.detail(),
        "Another User has the userName \"ana\"; it must be unique. It is the User id-1. \"ANA\" is the same name."
    );
    assert_eq!(refusal(world.patch(USER, &ben, replace("userName", json!("Ana")))), (409, Some("uniqueness")));
    assert!(world.patch(USER, &ben, replace("userName", json!("BEN"))).unwrap().changed);
}

#[test]
fn report_11_what_the_service_provider_keeps_is_read_and_not_changed() {
    let mut world = World::new();
    let robot = world.create(USER, json!({ "userName": "Robot", "role": "admin", "title": "Old" })).unwrap().resource;
    let ben = world.user("ben");
    let group = world.group("Robots", &[]);
    let protected = Protected { what: "a service account", hidden: false };
    world.store.protected.insert(robot.id.clone(), protected);
    let id = robot.id.to_string();
    let as_it_is = world.get(USER, &id).unwrap();
    world.events();
    for written in [
        world.put(USER, &id, as_it_is.clone()),
        world.patch(USER, &id, replace("title", json!("Old"))),
        world.patch(USER, &id, json!([{ "op": "remove", "path": "nickName" }])),
    ] {
        assert!(!written.expect("what changes nothing is no change").changed);
    }
    let mut renamed = as_it_is.clone();
    renamed["userName"] = json!("robot");
    let changes = [
        world.put(USER, &id, renamed),
        world.put(USER, &id, json!({ "userName": "Robot", "role": "admin" })),
        world.patch(USER, &id, replace("role", json!("billing"))),
        world.patch(USER, &id, replace("active", json!(false))),
        world.patch(USER, &id, replace("externalId", json!("00u1"))),
    ];
    for change in changes {
        let error = change.unwrap_err();
        assert_eq!(error.wire(), (403, None), "{error}");
        let said = error.detail().to_owned();
        let words = ["\"Robot\"", id.as_str(), "a service account", "Exclude it from provisioning", "ask the service"];
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }
    assert_eq!(world.delete(USER, &id).unwrap_err().wire(), (403, None));
    assert_eq!(world.get(USER, &id).unwrap(), as_it_is);
    // Replacing the members of a group changes no user.
    world.patch(GROUP, &group, json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }])).unwrap();
    assert_eq!(world.members(&group), std::slice::from_ref(&id));
    // The name is taken, and the error names the user; a deactivated user is not restored.
    for state in [true, false] {
        world.store.protected.remove(&robot.id);
        world.patch(USER, &id, replace("active", json!(state))).unwrap();
        world.store.protected.insert(robot.id.clone(), protected);
        let error = world.create(USER, json!({ "userName": "ROBOT", "role": "admin" })).unwrap_err();
        assert_eq!(error.wire(), (409, Some("uniqueness")));
        let said = error.detail().to_owned();
        assert!(said.contains(&id) && said.contains("a service account") && said.contains("exclude it"), "{said}");
    }
    assert_eq!(refusal(world.patch(USER, &ben, replace("userName", json!("ROBOT")))), (409, Some("uniqueness")));
}

#[test]
fn report_19_a_conflict_shows_names_as_they_were_written() {
    let mut world = World::new();
    let zoe = |name: &str| json!({ "userName": name, "role": "admin" });
    let id = world.create(USER, zoe("Zoë.Smith@Acme.test")).unwrap().resource.id.to_string();
    let ben = world.user("ben");
    let said = world.create(USER, zoe("Zoë.Smith@Acme.test")).unwrap_err().detail().to_owned();
    assert!(said.contains("\"Zoë.Smith@Acme.test\"") && !said.contains("same name"), "{said}");
    let said = world.create(USER, zoe("ZOË.Smith@acme.test")).unwrap_err().detail().to_owned();
    assert!(said.contains("\"Zoë.Smith@Acme.test\"") && said.contains("\"ZOË.Smith@acme.test\" is the same"), "{said}");
    // The error for a changed name says what was sent, who has the name, and how it is spelled there.
    let patched = world.patch(USER, &ben, replace("userName", json!("ZOË.Smith@acme.test"))).unwrap_err();
    let put = world.put(USER, &ben, zoe("ZOË.Smith@acme.test")).unwrap_err();
    for said in [patched.detail(), put.detail()] {
        for part in
            ["userName \"Zoë.Smith@Acme.test\"", &format!("User {id}."), "\"ZOË.Smith@acme.test\" is the same name"]
        {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
    assert!(
        world.patch(USER, &id, replace("userName", json!("ZOË.Smith@acme.test"))).is_ok(),
        "its own, spelt otherwise"
    );
    world.patch(USER, &id, replace("userName", json!("Zoë.Smith@Acme.test"))).unwrap();
    world.patch(USER, &id, replace("active", json!(false))).unwrap();
    world.inactive_match = InactiveMatch::Conflict;
    let said = world.create(USER, zoe("Zoë.Smith@ACME.test")).unwrap_err().detail().to_owned();
    assert!(said.contains("\"Zoë.Smith@Acme.test\"") && said.contains("\"Zoë.Smith@ACME.test\""), "{said}");
}

#[test]
fn point_18_nothing_is_made_or_changed_under_an_unknown_id() {
    let mut world = World::new();
    let body = json!({ "userName": "x", "role": "admin" });
    assert_eq!(refusal(world.put(USER, "nobody", body)), (404, None));
    assert_eq!(refusal(world.patch(USER, "nobody", replace("title", json!("x")))), (404, None));
    assert_eq!(refusal(world.get(USER, "nobody")), (404, None));
    assert_eq!(refusal(world.delete(USER, "nobody")), (404, None));
    let group = world.group("Editors", &[]);
    assert_eq!(refusal(world.get(USER, &group)), (404, None), "a Group is no User");
    assert_eq!(world.list(USER, &[]).unwrap()["totalResults"], 0);
}

#[test]
fn point_20_what_a_put_leaves_out_is_cleared_but_for_active_and_immutable() {
    let mut world = World::new();
    world.account_values.defaults.insert("account.default_role".to_owned(), "billing".to_owned());
    let body = json!({ "userName": "ana", "role": "admin", "title": "x", "active": false, "badge": "gold" });
    world.create(USER, body).unwrap();
    world.events();
    world.put(USER, "id-1", json!({ "userName": "ana" })).unwrap();
    let ana = world.get(USER, "id-1").unwrap();
    assert_eq!(ana.get("title"), None);
    assert_eq!(ana[ACTIVE], false, "a request without `active` activates no user");
    assert_eq!((&ana["badge"], &ana["role"]), (&json!("gold"), &json!("billing")));
    assert_eq!(world.events(), [EventKind::Replaced]);
    world.patch(USER, "id-1", json!([{ "op": "replace", "value": { "active": null, "title": "y" } }])).unwrap();
    assert_eq!(world.get(USER, "id-1").unwrap()[ACTIVE], false, "nor by saying null");
    let silver = json!({ "userName": "ana", "badge": "silver" });
    assert_eq!(refusal(world.put(USER, "id-1", silver)), (400, Some("mutability")));
}

#[test]
fn point_26_what_changes_nothing_writes_nothing() {
    let mut world = World::new();
    let ana = world.user("ana");
    let group = world.group("Editors", &[&ana]);
    world.events();
    let before = (world.get(USER, &ana).unwrap(), world.get(GROUP, &group).unwrap());
    let (user_body, group_body) = before.clone();
    assert!(!world.put(USER, &ana, user_body).unwrap().changed, "what was read is put back");
    assert!(!world.put(GROUP, &group, group_body).unwrap().changed);
    assert!(!world.patch(USER, &ana, replace("userName", json!("ana"))).unwrap().changed);
    assert!(!world.patch(USER, &ana, json!([])).unwrap().changed);
    let again = json!([
        { "op": "add", "path": "members", "value": [{ "value": ana }] },
        { "op": "remove", "path": "members[value eq \"nobody\"]" }
    ]);
    assert!(!world.patch(GROUP, &group, again).unwrap().changed);
    assert_eq!((world.get(USER, &ana).unwrap(), world.get(GROUP, &group).unwrap()), before);
    assert_eq!(world.events(), []);
}

#[test]
fn point_25_a_failing_operation_leaves_everything_as_it_was() {
    let mut world = World::new();
    let ana = world.user("ana");
    let group = world.group("Editors", &[&ana]);
    let before = (world.get(USER, &ana).unwrap(), world.get(GROUP, &group).unwrap());
    let operations = json!([
        { "op": "replace", "path": "title", "value": "x" },
        { "op": "replace", "path": "active", "value": "perhaps" }
    ]);
    assert_eq!(refusal(world.patch(USER, &ana, operations)), (400, Some("invalidValue")));
    let operations = json!([
        { "op": "remove", "path": "members" },
        { "op": "remove", "path": "displayName" }
    ]);
    assert_eq!(refusal(world.patch(GROUP, &group, operations)), (400, Some("mutability")));
    assert_eq!((world.get(USER, &ana).unwrap(), world.get(GROUP, &group).unwrap()), before);
}

#[test]
fn activity_is_reported_beside_the_change() {
    let mut world = World::new();
    let ana = world.user("ana");
    world.events();
    world.patch(USER, &ana, json!([{ "op": "Replace", "path": "active", "value": "False" }])).unwrap();
    assert_eq!(world.events(), [EventKind::Patched, EventKind::Deactivated]);
    world.put(USER, &ana, json!({ "userName": "ana", "role": "admin", "active": true })).unwrap();
    assert_eq!(world.events(), [EventKind::Replaced, EventKind::Activated]);
    world.delete(USER, &ana).unwrap();
    assert_eq!(world.events(), [EventKind::Deleted]);
}

#[test]
fn point_35_a_deleted_user_is_gone_and_the_name_is_free() {
    let mut world = World::new();
    let ana = world.user("ana");
    let group = world.group("Editors", &[&ana]);
    world.delete(USER, &ana).unwrap();
    assert_eq!(refusal(world.get(USER, &ana)), (404, None));
    assert_eq!(refusal(world.delete(USER, &ana)), (404, None));
    assert_eq!(world.list(USER, &[]).unwrap()["totalResults"], 0);
    assert!(world.members(&group).is_empty());
    assert_eq!(world.get(GROUP, &group).unwrap()["meta"]["version"], "W/\"2\"");
    world.user("ana");
}

#[test]
fn point_36_of_two_writers_who_saw_the_same_version_one_is_told() {
    let mut world = World::new();
    let ana = named(&world.user("ana"));
    let seen = Precondition::if_match(Some("W/\"1\""));
    let mut write = |title: &str, precondition: &Precondition| {
        let projection = world.projection(USER);
        let body = json!({ "userName": "ana", "role": "admin", "title": title });
        let result = world.work(|store, cx| service::replace(store, cx, USER, &ana, &body, precondition, &projection));
        refusal(result)
    };
    assert_eq!(write("first", &seen), (200, None));
    assert_eq!(write("second", &seen), (412, None));
    assert_eq!(write("third", &Precondition::if_match(Some("W/\"1\", W/\"2\""))), (200, None));
    assert_eq!(write("fourth", &Precondition::if_match(Some("*"))), (200, None));
    let stale = world.work(|store, cx| service::delete(store, cx, USER, &ana, &seen));
    assert_eq!(refusal(stale), (412, None));
    assert_eq!(world.get(USER, ana.as_str()).unwrap()["title"], "fourth");
}

#[test]
fn members_come_and_go_by_every_kind_of_operation() {
    let mut world = World::new();
    let [ana, ben, cas] = ["ana", "ben", "cas"].map(|name| world.user(name));
    let group = world.group("Editors", &[]);
    let check = |world: &mut World, operations: Value, expected: &[&String]| {
        let written = world.patch(GROUP, &group, operations.clone()).unwrap_or_else(|e| panic!("{operations}: {e}"));
        assert!(written.skipped_members.is_empty());
        assert_eq!(world.members(&group).iter().collect::<Vec<_>>(), expected, "{operations}");
    };
    let op = |op: &str, path: &str, value: Value| json!([{ "op": op, "path": path, "value": value }]);
    let none: &[&String] = &[];
    check(&mut world, op("Add", "members", json!([{ "$ref": null, "value": ana }])), &[&ana]);
    check(&mut world, op("add", "members", json!([{ "value": ben }, { "value": ana }])), &[&ana, &ben]);
    check(&mut world, op("Remove", "members", json!([{ "$ref": null, "value": ana }])), &[&ben]);
    check(&mut world, op("Remove", "members", json!([])), &[&ben]);
    check(&mut world, op("replace", "members", json!([{ "value": cas }])), &[&cas]);
    check(&mut world, op("add", &format!("members[value eq \"{ana}\"]"), json!(null)), &[&ana, &cas]);
    let by_id = json!([{ "op": "remove", "path": format!("members[value eq \"{cas}\" or value eq \"{ben}\"]") }]);
    check(&mut world, by_id, &[&ana]);
    let mixed = json!([
        { "op": "remove", "path": format!("members[value eq \"{ana}\"]") },
        { "op": "add", "path": "members", "value": [{ "value": ben }, { "value": cas }] },
        { "op": "remove", "path": "members", "value": [{ "value": cas }] },
        { "op": "add", "value": { "members": [{ "value": ana }], "id": group, "displayName": "Editors" } }
    ]);
    check(&mut world, mixed, &[&ana, &ben]);
    check(&mut world, json!([{ "op": "remove", "path": "members[display eq \"ANA\"]" }]), &[&ben]);
    check(&mut world, json!([{ "op": "remove", "path": "members[type eq \"Group\"]" }]), &[&ben]);
    let added_and_removed = json!([
        { "op": "add", "path": "members", "value": [{ "value": cas }] },
        { "op": "remove", "path": "members[type eq \"User\" and display sw \"c\"]" }
    ]);
    check(&mut world, added_and_removed, &[&ben]);
    check(&mut world, json!([{ "op": "remove", "path": "members" }]), none);
    check(&mut world, json!([{ "op": "replace", "value": { "members": [ana, cas] } }]), &[&ana, &cas]);
    check(&mut world, op("replace", "members", json!([])), none);
}

#[test]
fn point_48_a_member_is_replaced_never_edited() {
    let mut world = World::new();
    let ana = world.user("ana");
    let group = world.group("Editors", &[&ana]);
    for sub in ["value", "type", "$ref", "display"] {
        let path = format!("members[value eq \"{ana}\"].{sub}");
        assert_eq!(refusal(world.patch(GROUP, &group, replace(&path, json!("x")))), (400, Some("mutability")), "{sub}");
    }
    assert_eq!(world.members(&group), [ana]);
}

#[test]
fn a_group_moves_when_its_membership_really_changed() {
    let mut world = World::new();
    let ana = world.user("ana");
    let group = world.group("Editors", &[]);
    world.events();
    let version = |world: &mut World| world.get(GROUP, &group).unwrap()["meta"]["version"].clone();
    let it = Members::one(Member { id: named(&ana), resource_type: USER, display: "ana".to_owned() });
    let changed = |added: &Members, removed: &Members| EventKind::MembershipChanged {
        added: added.clone(),
        removed: removed.clone(),
    };
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": ana }] }]);
    world.patch(GROUP, &group, add.clone()).unwrap();
    assert_eq!(version(&mut world), "W/\"2\"");
    assert_eq!(world.events(), [EventKind::Patched, changed(&it, &Members::default())]);
    world.patch(GROUP, &group, add).unwrap();
    assert_eq!(version(&mut world), "W/\"2\"");
    world.put(GROUP, &group, json!({ "displayName": "Editors" })).unwrap();
    assert!(world.members(&group).is_empty(), "a PUT without members clears them");
    assert_eq!(version(&mut world), "W/\"3\"");
    assert_eq!(world.events(), [EventKind::Replaced, changed(&Members::default(), &it)]);
}

#[test]
fn point_46_groups_of_a_user_are_computed() {
    let mut world = World::new();
    let ana = world.user("ana");
    let group = world.group("Editors", &[&ana]);
    let user = world.get(USER, &ana).unwrap();
    let reference = format!("{BASE}/Groups/{group}");
    assert_eq!(user["groups"], json!([{ "value": group, "$ref": reference, "type": "direct", "display": "Editors" }]));
    assert_eq!(refusal(world.patch(USER, &ana, replace("groups", json!([])))), (400, Some("mutability")));
    world.put(USER, &ana, json!({ "userName": "ana", "role": "admin", "groups": [] })).unwrap();
    assert_eq!(world.members(&group), std::slice::from_ref(&ana));
    let group = world.get(GROUP, &group).unwrap();
    let reference = format!("{BASE}/Users/{ana}");
    assert_eq!(group["members"], json!([{ "value": ana, "$ref": reference, "type": "User" }]));
}

#[test]
fn points_1_to_3_a_list_counts_matches_and_cuts_pages() {
    let mut world = World::new();
    for number in 0..5 {
        world.user(&format!("user{number}"));
    }
    world.limits.max_page = 4;
    world.limits.default_page = 3;
    let mut check = |query: &[(&str, &str)], total: u64, start: u64, names: &[&str]| {
        let list = world.list(USER, query).unwrap_or_else(|error| panic!("{query:?}: {error}"));
        let resources = list["Resources"].as_array().unwrap();
        assert_eq!(list["schemas"], json!([urn::LIST_RESPONSE]));
        assert_eq!(resources.iter().map(|user| user["userName"].as_str().unwrap()).collect::<Vec<_>>(), names);
        let counters = (&list["totalResults"], &list["startIndex"], &list["itemsPerPage"]);
        assert_eq!(counters, (&json!(total), &json!(start), &json!(names.len())), "{query:?}");
    };
    let filter = ("filter", "userName sw \"USER\"");
    check(&[("filter", "userName eq \"none\"")], 0, 1, &[]);
    check(&[("filter", "externalId pr and not (externalId pr)")], 0, 1, &[]);
    check(&[], 5, 1, &["user0", "user1", "user2"]);
    check(&[filter, ("startIndex", "0")], 5, 1, &["user0", "user1", "user2"]);
    check(&[filter, ("startIndex", "-5"), ("count", "1")], 5, 1, &["user0"]);
    check(&[("count", "-1")], 5, 1, &[]);
    check(&[("count", "0")], 5, 1, &[]);
    check(&[("count", "99999999999999999999")], 5, 1, &["user0", "user1", "user2", "user3"]);
    check(&[("startIndex", "4"), ("count", "10")], 5, 4, &["user3", "user4"]);
    check(&[("startIndex", "6")], 5, 6, &[]);
    check(&[("sortBy", "userName"), ("sortOrder", "descending"), ("count", "2")], 5, 1, &["user4", "user3"]);
    check(&[("aadOptscim062020", ""), ("", ""), ("count", "1")], 5, 1, &["user0"]);
}

#[test]
fn point_10_what_cannot_be_answered_is_refused_never_everything() {
    let mut world = World::new();
    world.user("ana");
    let mut check = |query: &[(&str, &str)], scim_type: &str| {
        assert_eq!(refusal(world.list(USER, query)), (400, Some(scim_type)), "{query:?}");
    };
    check(&[("filter", "")], "invalidFilter");
    check(&[("filter", "shoeSize eq 7")], "invalidFilter");
    check(&[("filter", "userName")], "invalidFilter");
    check(&[("filter", "userName eq \"a\""), ("filter", "userName eq \"b\"")], "invalidSyntax");
    check(&[("count", "many")], "invalidValue");
    check(&[("sortOrder", "up")], "invalidValue");
    check(&[("attributes", "userName"), ("excludedAttributes", "name")], "invalidSyntax");
}

#[test]
fn point_5_memberships_are_found_from_both_sides() {
    let mut world = World::new();
    let (ana, ben) = (world.user("ana"), world.user("ben"));
    let group = world.group("Editors", &[&ana]);
    let check = |world: &mut World, kind, filter: &str, total: u64| {
        let list = world.list(kind, &[("filter", filter), ("attributes", "id")]).unwrap();
        assert_eq!(list["totalResults"], total, "{filter}");
    };
    check(&mut world, GROUP, &format!("id eq \"{group}\" and members eq \"{ana}\""), 1);
    check(&mut world, GROUP, &format!("id eq \"{group}\" and members eq \"{ben}\""), 0);
    check(&mut world, USER, &format!("groups.value eq \"{group}\""), 1);
}

#[test]
fn to_the_letter_a_remove_of_members_ignores_its_value() {
    let mut world = World::strict();
    let schemas = json!([urn::GROUP]);
    world.create(USER, json!({ "schemas": [urn::USER], "userName": "ana", "role": "admin" })).unwrap();
    world.create(USER, json!({ "schemas": [urn::USER], "userName": "ben", "role": "admin" })).unwrap();
    let members = json!([{ "value": "id-1" }, { "value": "id-2" }]);
    world.create(GROUP, json!({ "schemas": schemas, "displayName": "G", "members": members })).unwrap();
    let remove = json!([{ "op": "remove", "path": "members", "value": [{ "value": "id-1" }] }]);
    world.patch(GROUP, "id-3", remove).unwrap();
    assert!(world.members("id-3").is_empty());
}

#[test]
fn members_are_read_only_where_they_are_shown() {
    let mut world = World::new();
    let ana = world.user("ana");
    let group = named(&world.group("Editors", &[&ana]));
    let without = Projection::new(world.registry.get(GROUP), None, Some("members")).unwrap();
    let read = world.work(|store, cx| service::get(store, cx, GROUP, &group, &without)).unwrap();
    assert_eq!(read.members, None);
}
