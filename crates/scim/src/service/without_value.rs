//! Tests of attributes whose absence grants access: only unassigning removes the last value.

use serde_json::{Value, json};

use crate::event::EventKind;
use crate::message::bulk::Job;
use crate::schema::{Overlay, Registry, USER};
use crate::testing::{World, refusal};

const LIMITS: &str = "urn:orchard:params:scim:schemas:1.0:Limits";

/// A user who is restricted in five ways: by lists, by one value, by complex values, and in an extension.
fn world() -> (World, String) {
    let mut world = World::new();
    let overlays: Vec<Overlay> = serde_json::from_value(json!([
        { "name": "environments", "multi_valued": true, "absence_grants": true, "canonical_values": ["prod", "stage"] },
        { "name": "tenant", "absence_grants": true },
        { "name": "areas", "type": "complex", "multi_valued": true, "absence_grants": true,
          "sub_attributes": [{ "name": "value" }, { "name": "type" }] },
        { "name": "site", "type": "complex", "absence_grants": true, "sub_attributes": [{ "name": "value" }] },
        { "schema": LIMITS, "name": "folders", "multi_valued": true, "absence_grants": true }
    ]))
    .expect("overlays");
    world.registry = Registry::build(&overlays).expect("a registry");
    let id = world.create(USER, body()).expect("a user").resource.id.to_string();
    world.events();
    (world, id)
}

fn body() -> Value {
    json!({
        "userName": "ana", "environments": ["prod"], "tenant": "acme", "areas": [{ "value": "x" }],
        "site": { "value": "north" }, (LIMITS): { "folders": ["a"] }
    })
}

/// Empty values, of multi-valued and single-valued attributes.
fn nothing() -> Vec<Value> {
    vec![json!([null]), json!(""), json!([""])]
}

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T, crate::Error>, name: &str) {
    let error = outcome.expect_err(name);
    assert_eq!(error.wire(), (400, Some("invalidValue")), "{}", error.detail());
    let detail = error.detail();
    for said in [name, "no value would be left", "To restrict access", "To grant everything"] {
        assert!(detail.contains(said), "{said} in: {detail}");
    }
}

#[test]
fn report_3_a_value_of_which_nothing_is_left_is_refused() {
    let (mut world, ana) = world();
    for name in ["environments", "tenant", "areas", "site"] {
        for value in nothing() {
            let mut whole = body();
            whole[name] = value.clone();
            refused(world.put(USER, &ana, whole.clone()), name);
            whole["userName"] = json!("new");
            refused(world.create(USER, whole), name);
            refused(world.patch(USER, &ana, json!([{ "op": "replace", "path": name, "value": value }])), name);
            refused(world.patch(USER, &ana, json!([{ "op": "replace", "value": { (name): value } }])), name);
        }
    }
    refused(world.put(USER, &ana, json!({ "userName": "ana", "environments": [null, ""] })), "environments");
    for value in [json!([{}]), json!([{ "value": "" }]), json!({ "value": "" }), json!([{ "value": null }])] {
        refused(world.patch(USER, &ana, json!([{ "op": "replace", "path": "areas", "value": value }])), "areas");
    }
    refused(world.put(USER, &ana, json!({ "userName": "ana", "site": { "value": "" } })), "site");
    for body in [json!({ (LIMITS): { "folders": [""] } }), json!({ (format!("{LIMITS}:folders")): [""] })] {
        let mut whole = body.clone();
        whole["userName"] = json!("ana");
        refused(world.put(USER, &ana, whole), "folders");
        refused(world.patch(USER, &ana, json!([{ "op": "replace", "value": body }])), "folders");
    }
    assert_eq!(world.events(), []);
}

#[test]
fn report_3_the_last_value_does_not_go_by_value() {
    let (mut world, ana) = world();
    for (name, operation) in [
        ("environments", json!({ "op": "remove", "path": "environments[value eq \"prod\"]" })),
        ("environments", json!({ "op": "remove", "path": "environments", "value": ["prod"] })),
        ("environments", json!({ "op": "remove", "path": "environments", "value": "PROD" })),
        ("environments", json!({ "op": "replace", "path": "environments[value eq \"prod\"]", "value": "" })),
        ("environments", json!({ "op": "replace", "path": "environments[value eq \"prod\"]", "value": null })),
        ("areas", json!({ "op": "remove", "path": "areas[value eq \"x\"]" })),
        ("areas", json!({ "op": "remove", "path": "areas[value eq \"x\"].value" })),
        ("areas", json!({ "op": "replace", "path": "areas.value", "value": "" })),
        ("site", json!({ "op": "remove", "path": "site.value" })),
        ("folders", json!({ "op": "remove", "path": format!("{LIMITS}:folders[value eq \"a\"]") })),
    ] {
        refused(world.patch(USER, &ana, json!([operation])), name);
    }
    // A new value in the same request, before or after, is a replacement.
    for operations in [
        json!([{ "op": "remove", "path": "environments[value eq \"prod\"]" }, { "op": "add", "path": "environments", "value": ["stage"] }]),
        json!([{ "op": "add", "path": "environments", "value": ["prod"] }, { "op": "remove", "path": "environments[value eq \"stage\"]" }]),
    ] {
        world.patch(USER, &ana, operations).expect("a replacement");
    }
    assert_eq!(world.get(USER, &ana).unwrap()["environments"], json!(["prod"]));
    // Nor does an earlier empty value change this.
    let evading = json!([{ "op": "replace", "path": "environments", "value": [""] },
        { "op": "remove", "path": "environments[value eq \"prod\"]" }]);
    refused(world.patch(USER, &ana, evading), "environments");
    assert_eq!(world.events(), [EventKind::Patched, EventKind::Patched]);
}

#[test]
fn report_3_to_the_letter_too() {
    let (mut world, ana) = world();
    world.on = crate::tolerance::Tolerances::NONE;
    for operation in [
        json!({ "op": "remove", "path": "environments", "value": ["stage"] }),
        json!({ "op": "remove", "path": "environments[value eq \"prod\"]" }),
        json!({ "op": "replace", "path": "environments", "value": [""] }),
    ] {
        let before = world.get(USER, &ana).unwrap();
        let _ = world.patch(USER, &ana, json!([operation]));
        assert_eq!(world.get(USER, &ana).unwrap()["environments"], before["environments"]);
    }
    world.patch(USER, &ana, json!([{ "op": "remove", "path": "environments" }])).expect("as a whole");
    assert!(world.get(USER, &ana).unwrap().get("environments").is_none());
}

#[test]
fn report_3_unassigning_as_a_whole_grants_and_is_recorded() {
    let opened = |name: &str| EventKind::AccessOpened { attributes: vec![name.to_owned()] };
    let folders = format!("{LIMITS}:folders");
    for (operation, name) in [
        (json!({ "op": "remove", "path": "environments" }), "environments"),
        (json!({ "op": "remove", "path": "environments", "value": null }), "environments"),
        (json!({ "op": "replace", "path": "environments", "value": [] }), "environments"),
        (json!({ "op": "replace", "path": "environments", "value": null }), "environments"),
        (json!({ "op": "replace", "value": { "environments": [] } }), "environments"),
        (json!({ "op": "replace", "path": "tenant", "value": null }), "tenant"),
        (json!({ "op": "remove", "path": "tenant" }), "tenant"),
        (json!({ "op": "remove", "path": "site" }), "site"),
        (json!({ "op": "remove", "path": LIMITS }), folders.as_str()),
        (json!({ "op": "replace", "value": { (LIMITS): { "folders": [] } } }), folders.as_str()),
    ] {
        let (mut world, ana) = world();
        world.patch(USER, &ana, json!([operation])).expect("unassigned");
        assert_eq!(world.events(), [EventKind::Patched, opened(name)], "{operation}");
        world.patch(USER, &ana, json!([operation])).expect("again");
        assert_eq!(world.events(), [], "nothing was opened");
    }
    let (mut world, ana) = world();
    world
        .put(USER, &ana, json!({ "userName": "ana", "environments": [], "tenant": null, "site": { "value": "s" } }))
        .unwrap();
    let attributes = ["environments", "tenant", "areas", &folders].map(str::to_owned).to_vec();
    assert_eq!(world.events(), [EventKind::Replaced, EventKind::AccessOpened { attributes }]);
    // A user without a restriction may stay so, and removing a missing value changes nothing.
    let gone =
        json!([{ "op": "remove", "path": "environments[value eq \"prod\"]" }, { "op": "remove", "path": "tenant" }]);
    assert!(!world.patch(USER, &ana, gone).expect("nothing to do").changed);
    world.create(USER, json!({ "userName": "ben" })).expect("restricted by nothing");
    assert_eq!(world.events(), [EventKind::Created]);
}

#[test]
fn report_3_a_user_who_comes_back_is_as_restricted_as_before() {
    let (mut world, ana) = world();
    world.patch(USER, &ana, json!([{ "op": "replace", "path": "active", "value": false }])).unwrap();
    world.events();
    let again = json!({ "userName": "ANA", "environments": [], "tenant": null, "site": { "value": "south" }, "title": "Editor" });
    let written = world.create(USER, again).expect("restored");
    assert_eq!(written.resource.id.as_str(), ana);
    let now = Value::Object(written.resource.attributes().clone());
    let before = body();
    for name in ["environments", "tenant", "areas", LIMITS] {
        assert_eq!(now[name], before[name], "{name}");
    }
    assert_eq!((&now["site"], &now["title"]), (&json!({ "value": "south" }), &json!("Editor")));
    assert_eq!(world.events(), [EventKind::Restored, EventKind::Activated]);
}

#[test]
fn report_3_a_default_does_not_take_the_place_of_a_restriction() {
    let mut world = World::new();
    let overlay = json!([{ "name": "environments", "multi_valued": true, "absence_grants": true, "default_value": ["prod", "stage"] }]);
    world.registry = Registry::build(&serde_json::from_value::<Vec<Overlay>>(overlay).unwrap()).unwrap();
    let ana = json!({ "userName": "ana", "active": false, "environments": ["stage"] });
    world.create(USER, ana).unwrap();
    let written = world.create(USER, json!({ "userName": "ana" })).expect("restored");
    assert_eq!(written.resource.attributes()["environments"], json!(["stage"]));
    refused(
        world.put(USER, written.resource.id.as_str(), json!({ "userName": "ana", "environments": [""] })),
        "environments",
    );
}

#[test]
fn report_3_in_bulk_too() {
    let (mut world, ana) = world();
    let bulk = json!({ "schemas": [crate::urn::BULK_REQUEST], "Operations": [
        { "method": "PUT", "path": format!("/Users/{ana}"), "data": { "userName": "ana", "environments": [""] } },
        { "method": "POST", "bulkId": "b", "path": "/Users", "data": { "userName": "ben", "tenant": "" } },
        { "method": "PATCH", "path": format!("/Users/{ana}"), "data": { "schemas": [crate::urn::PATCH_OP],
            "Operations": [{ "op": "remove", "path": "environments[value eq \"prod\"]" }] } }
    ]});
    let registry = world.registry.clone();
    let mut job = Job::parse(bulk, &registry, crate::testing::BASE).expect("a job");
    while let Some(step) = job.next() {
        let done = world.work(|store, cx| step.run(store, cx));
        job.done(done.map_err(Into::into));
    }
    let response = job.response();
    let statuses: Vec<&Value> = response["Operations"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, ["400", "400", "400"], "{response}");
    assert_eq!(refusal(world.get(USER, "id-2")), (404, None));
}
