//! The statements about bulk requests, each with its number.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Failure, Job, MAX_OPERATIONS};
use crate::error::Error;
use crate::schema::{GROUP, USER};
use crate::testing::{BASE, World};
use crate::urn;

fn request(operations: Value) -> Value {
    json!({ "schemas": [urn::BULK_REQUEST], "Operations": operations })
}

/// Runs a request as a server does: each step a unit of work.
fn run(world: &mut World, body: Value) -> Result<Vec<Value>, Error> {
    let mut job = Job::parse(body, &world.registry, BASE)?;
    while let Some(step) = job.next() {
        let outcome = world.work(|store, cx| step.run(store, cx));
        job.done(outcome.map_err(Failure::from));
    }
    let response = job.response();
    assert_eq!(response["schemas"], json!([urn::BULK_RESPONSE]));
    Ok(response["Operations"].as_array().unwrap().clone())
}

fn bulk(world: &mut World, operations: Value) -> Vec<Value> {
    run(world, request(operations)).expect("a response")
}

fn statuses(answers: &[Value]) -> Vec<&str> {
    answers.iter().map(|answer| answer["status"].as_str().expect("a string")).collect()
}

/// The id at the end of a location.
fn id(answer: &Value) -> String {
    answer["location"].as_str().expect("a location").rsplit('/').next().unwrap().to_owned()
}

fn user(bulk_id: &str, name: &str) -> Value {
    json!({ "method": "POST", "path": "/Users", "bulkId": bulk_id, "data": { "userName": name, "role": "admin" } })
}

fn report(bulk_id: &str, name: &str, manager: &str) -> Value {
    let mut user = user(bulk_id, name);
    user["data"][urn::ENTERPRISE_USER] = json!({ "department": "News", "manager": { "value": manager } });
    user
}

fn group(bulk_id: &str, name: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|member| json!({ "value": member })).collect();
    let data = json!({ "displayName": name, "members": members });
    json!({ "method": "POST", "path": "/Groups", "bulkId": bulk_id, "data": data })
}

fn manager(world: &mut World, answer: &Value) -> Value {
    world.get(USER, &id(answer)).unwrap()[urn::ENTERPRISE_USER]["manager"]["value"].clone()
}

#[test]
fn point_37_every_method_is_answered_in_the_order_of_the_request() {
    let mut world = World::new();
    let (ana, ben, cleo) = (world.user("ana"), world.user("ben"), world.user("cleo"));
    let answers = bulk(
        &mut world,
        json!([
            user("new", "dora"),
            { "method": "PUT", "path": format!("/Users/{ana}"), "bulkId": "mine", "version": "W/\"1\"",
              "data": { "userName": "ana", "role": "billing" } },
            { "method": "patch", "path": format!("Users/{ben}"), "data": { "schemas": [urn::PATCH_OP],
              "Operations": [{ "op": "replace", "path": "title", "value": "Editor" }] } },
            { "method": "DELETE", "path": format!("/Users/{cleo}/"), "version": null },
        ]),
    );
    assert_eq!(statuses(&answers), ["201", "200", "200", "204"]);
    assert_eq!((&answers[0]["method"], &answers[0]["bulkId"]), (&json!("POST"), &json!("new")));
    assert_eq!(answers[0]["version"], "W/\"1\"");
    assert_eq!(answers[1]["bulkId"], "mine");
    assert_eq!(answers[1]["version"], "W/\"2\"");
    assert_eq!(answers[1]["location"], format!("{BASE}/Users/{ana}"));
    assert_eq!(answers[3]["location"], format!("{BASE}/Users/{cleo}"));
    for answer in &answers {
        assert_eq!(answer.get("response"), None, "{answer}");
    }
    assert_eq!(world.get(USER, &id(&answers[0])).unwrap()["userName"], "dora");
    assert_eq!(world.get(USER, &ana).unwrap()["role"], "billing");
    assert_eq!(world.get(USER, &ben).unwrap()["title"], "Editor");
    assert!(world.get(USER, &cleo).is_err());
}

#[test]
fn point_38_the_data_of_a_patch_is_a_message_and_no_array() {
    let mut world = World::new();
    let ana = world.user("ana");
    let path = format!("/Users/{ana}");
    let operations = json!([{ "op": "add", "path": "nickName", "value": "A" }]);
    let message = json!({ "schemas": [urn::PATCH_OP], "Operations": operations });
    let answers = bulk(
        &mut world,
        json!([
            { "method": "PATCH", "path": path, "data": operations },
            { "method": "PATCH", "path": path, "data": message },
        ]),
    );
    assert_eq!(statuses(&answers), ["400", "200"]);
    assert_eq!(answers[0]["response"]["scimType"], "invalidSyntax");
    assert_eq!(answers[0]["location"], format!("{BASE}/Users/{ana}"), "a failure says where, unless it was a POST");
}

#[test]
fn point_37_references_resolve_backwards_and_forwards() {
    for turned in [false, true] {
        let mut world = World::new();
        let mut operations = vec![user("u1", "ana"), report("u2", "ben", "bulkId:u1"), group("g", "A", &["bulkId:u2"])];
        if turned {
            operations.reverse();
        }
        let mut answers = bulk(&mut world, Value::Array(operations));
        if turned {
            answers.reverse();
        }
        assert_eq!(statuses(&answers), ["201"; 3]);
        let bulk_ids: Vec<&Value> = answers.iter().map(|answer| &answer["bulkId"]).collect();
        assert_eq!(bulk_ids, ["u1", "u2", "g"]);
        assert_eq!(manager(&mut world, &answers[1]), id(&answers[0]));
        assert_eq!(world.members(&id(&answers[2])), [id(&answers[1])]);
        for answer in &answers {
            assert_eq!(answer["version"], "W/\"1\"", "nothing was written twice");
        }
    }
}

#[test]
fn point_37_references_resolve_in_paths_and_in_the_values_of_a_patch() {
    let mut world = World::new();
    let old = world.user("old");
    let answers = bulk(
        &mut world,
        json!([
            { "method": "PATCH", "path": "/Groups/bulkId:g", "data": { "schemas": [urn::PATCH_OP], "Operations": [
                { "op": "add", "path": "members", "value": [{ "value": "bulkId:u", "$ref": "../Users/bulkId:u" }] },
                { "op": "add", "path": "members", "value": [{ "value": old }] } ] } },
            { "method": "PUT", "path": "/Users/bulkId:u", "data": { "userName": "dora", "role": "billing",
                urn::ENTERPRISE_USER: { "manager": { "value": "BULKID:u", "$ref": "../Users/bulkId:u" } } } },
            { "method": "DELETE", "path": "/Users/bulkId:v" },
            group("g", "Editors", &[]),
            user("u", "cleo"),
            user("v", "short-lived"),
        ]),
    );
    assert_eq!(statuses(&answers), ["200", "200", "204", "201", "201", "201"]);
    let u = id(&answers[4]);
    assert_eq!(world.members(&id(&answers[3])).len(), 2);
    assert_eq!(answers[1]["location"], answers[4]["location"]);
    let dora = world.get(USER, &u).unwrap();
    assert_eq!(dora["userName"], "dora");
    let manager = &dora[urn::ENTERPRISE_USER]["manager"];
    assert_eq!((&manager["value"], &manager["$ref"]), (&json!(u), &json!(format!("../Users/{u}"))));
    assert!(world.get(USER, &id(&answers[5])).is_err());
}

#[test]
fn point_37_an_operation_waits_for_its_reference_and_no_other_comes_before_its_turn() {
    let mut world = World::new();
    let ana = world.user("ana");
    // The name is free only after the second operation.
    let operations = json!([group("g", "A", &["bulkId:u"]), { "method": "DELETE", "path": format!("/Users/{ana}") },
                            user("u", "ana")]);
    assert_eq!(statuses(&bulk(&mut world, operations)), ["201", "204", "201"]);
}

#[test]
fn point_37_circular_references_are_linked() {
    let mut world = World::new();
    let answers = bulk(
        &mut world,
        json!([
            group("late", "Late", &["bulkId:u1"]),
            report("u1", "ana", "bulkId:u3"),
            report("u2", "ben", "bulkId:u1"),
            report("u3", "cleo", "bulkId:u2"),
            report("self", "dora", "bulkId:self"),
            group("g1", "A", &["bulkId:u1", "bulkId:g2"]),
            group("g2", "B", &["bulkId:g1", "bulkId:u2"]),
        ]),
    );
    assert_eq!(statuses(&answers), ["201"; 7], "{answers:?}");
    for (report, boss) in [(1, 3), (2, 1), (3, 2), (4, 4)] {
        assert_eq!(manager(&mut world, &answers[report]), id(&answers[boss]), "{report}");
        let shown = world.get(USER, &id(&answers[report])).unwrap();
        assert_eq!(shown[urn::ENTERPRISE_USER]["department"], "News");
        assert_eq!(shown["meta"]["version"], answers[report]["version"], "the version after the link");
    }
    let members = |world: &mut World, group: usize| world.members(&id(&answers[group]));
    assert_eq!(members(&mut world, 0), [id(&answers[1])]);
    for (group, expected) in [(5, [1, 6]), (6, [5, 2])] {
        let found = members(&mut world, group);
        assert_eq!(found.len(), 2);
        for member in expected {
            assert!(found.contains(&id(&answers[member])), "{group}: {found:?}");
        }
    }
    let written_twice = answers.iter().filter(|answer| answer["version"] == "W/\"2\"").count();
    assert_eq!(written_twice, 3, "each circle is opened once, and only there");
}

#[test]
fn point_37_a_circle_that_cannot_be_closed_is_a_conflict_and_leaves_nothing() {
    let mut world = World::new();
    world.user("taken");
    let operations = json!([report("u1", "ana", "bulkId:u2"), report("u2", "Taken", "bulkId:u1"), user("u3", "eve")]);
    let answers = bulk(&mut world, operations);
    assert_eq!(statuses(&answers), ["409", "409", "201"]);
    assert_eq!(answers[1]["response"]["scimType"], "uniqueness");
    assert!(answers[0]["response"]["detail"].as_str().unwrap().contains("bulkId:u2"), "{}", answers[0]);
    assert_eq!(answers[0].get("location"), None, "a POST that failed has no location");
    assert_eq!(world.list(USER, &[]).unwrap()["totalResults"], 2, "not half of it");

    // Neither does a longer one, though one of its operations has run already; an operation outside it has waited.
    let operations = json!([
        report("u1", "ana", "bulkId:u3"),
        { "method": "PATCH", "path": format!("/Users/{}", id(&answers[2])), "data": { "schemas": [urn::PATCH_OP],
          "Operations": [{ "op": "add", "path": "manager", "value": { "value": "bulkId:u1" } }] } },
        report("u2", "ben", "bulkId:u1"),
        report("u3", "taken", "bulkId:u2"),
        group("g", "A", &["bulkId:u2"]),
    ]);
    assert_eq!(statuses(&bulk(&mut world, operations)), ["409"; 5]);
    assert_eq!(world.list(USER, &[]).unwrap()["totalResults"], 2);
    assert_eq!(manager(&mut world, &answers[2]), Value::Null);

    // Where a value is required nothing can be created without it.
    let mut needs_each_other = [user("a", "bulkId:b"), user("b", "bulkId:a")];
    needs_each_other[0]["data"]["title"] = json!("bulkId:b");
    let answers = bulk(&mut world, json!(needs_each_other));
    assert_eq!(statuses(&answers), ["409", "409"]);
    assert_eq!(world.list(USER, &[]).unwrap()["totalResults"], 2);
}

#[test]
fn point_37_who_refers_to_a_failure_fails_and_the_others_do_not() {
    let mut world = World::new();
    let operations = json!([
        group("g1", "A", &["bulkId:bad", "bulkId:good"]),
        group("g2", "B", &["bulkId:good"]),
        { "method": "POST", "path": "/Users", "bulkId": "bad", "data": { "userName": "x", "role": "emperor" } },
        user("good", "ana"),
        { "method": "PATCH", "path": "/Groups/bulkId:g1", "data": {} },
        group("g3", "C", &["bulkId:nobody"]),
        user("good", "again"),
    ]);
    let answers = bulk(&mut world, operations);
    assert_eq!(statuses(&answers), ["409", "201", "400", "201", "409", "400", "400"]);
    for answer in &answers {
        let failed = !answer["status"].as_str().unwrap().starts_with('2');
        assert_eq!(answer.get("response").is_some(), failed, "{answer}");
        if failed {
            assert_eq!(answer["response"]["status"], answer["status"]);
            assert_eq!(answer["response"]["schemas"], json!([urn::ERROR]));
        }
    }
    assert_eq!(world.list(GROUP, &[]).unwrap()["totalResults"], 1);
}

#[test]
fn point_37_fail_on_errors_stops_after_so_many() {
    let check = |most: u64, expected: &[&str]| {
        let mut world = World::new();
        let mut body =
            request(json!([user("a", "ana"), user("b", "ana"), user("c", "cleo"), user("d", "ana"), user("e", "eve")]));
        body["failOnErrors"] = json!(most);
        let answers = run(&mut world, body).unwrap();
        assert_eq!(statuses(&answers), expected, "{most}");
        let created = answers.iter().filter(|answer| answer["status"] == "201").count();
        assert_eq!(world.list(USER, &[]).unwrap()["totalResults"], created, "{most}");
    };
    check(1, &["201", "409"]);
    check(2, &["201", "409", "201", "409"]);
    check(3, &["201", "409", "201", "409", "201"]);
}

#[test]
fn point_37_what_was_begun_before_the_stop_is_linked_or_undone() {
    let mut world = World::new();
    world.user("taken");
    let mut body =
        request(json!([report("u1", "ana", "bulkId:u2"), report("u2", "taken", "bulkId:u1"), user("u3", "eve"),]));
    body["failOnErrors"] = json!(2);
    let answers = run(&mut world, body.clone()).unwrap();
    assert_eq!(statuses(&answers), ["409", "409", "201"], "the third has no reference and came first");
    body["failOnErrors"] = json!(1);
    body["Operations"][2] = report("u3", "fred", "bulkId:u1");
    let answers = run(&mut world, body).unwrap();
    assert_eq!(statuses(&answers), ["409", "409"], "what was not begun is not answered");
    assert_eq!(world.list(USER, &[]).unwrap()["totalResults"], 2);
}

#[test]
fn point_37_a_malformed_operation_fails_alone() {
    let mut world = World::new();
    let check = |world: &mut World, operation: Value, status: &str| {
        let answers = bulk(world, json!([operation, user("fine", "ana")]));
        assert_eq!(statuses(&answers), [status, "201"], "{operation}");
        let ana = id(&answers[1]);
        world.delete(USER, &ana).unwrap();
    };
    let bad = |name: &str, value: Value| {
        let mut operation = user("x", "x");
        operation[name] = value;
        operation
    };
    check(&mut world, json!(7), "400");
    check(&mut world, json!({}), "400");
    check(&mut world, bad("method", json!("GET")), "400");
    check(&mut world, bad("method", json!(7)), "400");
    check(&mut world, bad("bulkId", json!(null)), "400");
    check(&mut world, bad("path", json!(null)), "404");
    check(&mut world, bad("path", json!("/Printers")), "404");
    check(&mut world, bad("path", json!("/Users/7")), "400");
    check(&mut world, bad("method", json!("DELETE")), "400");
    check(&mut world, bad("data", json!(null)), "400");
    check(&mut world, bad("data", json!([])), "400");
    check(&mut world, json!({ "method": "DELETE", "path": "/Users/a/b" }), "404");
    check(&mut world, json!({ "method": "DELETE", "path": "/Users/nobody" }), "404");
    let old = world.user("old");
    let stale = json!({ "method": "DELETE", "path": format!("/Users/{old}"), "version": "W/\"7\"" });
    check(&mut world, stale, "412");
}

#[test]
fn point_37_a_malformed_or_too_large_request_is_refused_whole() {
    let mut world = World::new();
    let mut check = |body: Value, status: u16| {
        let error = run(&mut world, body.clone()).expect_err("a refusal");
        assert_eq!(error.wire().0, status, "{body:.200}");
    };
    check(json!([]), 400);
    check(json!({ "Operations": [] }), 400);
    check(json!({ "schemas": [urn::PATCH_OP], "Operations": [] }), 400);
    check(json!({ "schemas": [urn::BULK_REQUEST] }), 400);
    check(json!({ "schemas": [urn::BULK_REQUEST], "Operations": {} }), 400);
    for fail_on_errors in [json!(0), json!(-1), json!("1"), json!(1.5)] {
        check(json!({ "schemas": [urn::BULK_REQUEST], "Operations": [], "failOnErrors": fail_on_errors }), 400);
    }
    check(request(Value::Array(vec![json!({}); MAX_OPERATIONS + 1])), 413);
    assert_eq!(run(&mut world, request(json!([]))).unwrap(), Vec::<Value>::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// With any references every resource is created once and every reference is resolved. If one resource cannot be
    /// created, it and those that need it are not, and all others are.
    #[test]
    fn point_37_any_references_at_all_are_resolved(
        managers in prop::collection::vec(0_usize..6, 6),
        members in prop::collection::vec(prop::collection::btree_set(0_usize..10, 0..4), 4),
        failing in prop::option::of(0_usize..6),
        order in Just((0_usize..10).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let mut world = World::new();
        world.user("taken");
        let mut operations: Vec<Value> = managers.iter().enumerate().map(|(n, manager)| {
            let name = if failing == Some(n) { "taken".to_owned() } else { format!("name{n}") };
            report(&n.to_string(), &name, &format!("bulkId:{manager}"))
        }).collect();
        for (n, members) in members.iter().enumerate() {
            let members: Vec<String> =
                members.iter().filter(|&&m| m != n + 6).map(|member| format!("bulkId:{member}")).collect();
            let members: Vec<&str> = members.iter().map(String::as_str).collect();
            operations.push(group(&(n + 6).to_string(), "G", &members));
        }
        let shuffled: Vec<Value> = order.iter().map(|&n| operations[n].clone()).collect();
        let answers = bulk(&mut world, Value::Array(shuffled));
        let of = |n: usize| &answers[order.iter().position(|&other| other == n).unwrap()];
        let needs = |n: usize| -> Vec<usize> {
            if n < 6 { vec![managers[n]] } else { members[n - 6].iter().copied().filter(|&m| m != n).collect() }
        };
        let mut doomed = [false; 10];
        if let Some(failing) = failing {
            doomed[failing] = true;
        }
        for _ in 0..10 {
            for n in 0..10 {
                doomed[n] |= needs(n).iter().any(|&needed| doomed[needed]);
            }
        }
        for (n, &doomed) in doomed.iter().enumerate() {
            prop_assert_eq!(&of(n)["status"], if doomed { "409" } else { "201" }, "{}", n);
            if doomed {
                continue;
            }
            let expected: Vec<String> = needs(n).into_iter().map(|needed| id(of(needed))).collect();
            if n < 6 {
                prop_assert_eq!(manager(&mut world, of(n)), expected[0].as_str());
            } else {
                let mut found = world.get(GROUP, &id(of(n))).unwrap()["members"].as_array().cloned().unwrap_or_default();
                found.sort_by_key(|member| expected.iter().position(|id| member["value"] == id.as_str()));
                let found: Vec<&str> = found.iter().map(|member| member["value"].as_str().unwrap()).collect();
                prop_assert_eq!(found, expected);
            }
        }
        let created = doomed.iter().take(6).filter(|doomed| !**doomed).count();
        prop_assert_eq!(&world.list(USER, &[]).unwrap()["totalResults"], created + 1);
    }
}
