//! Regressions from reports of real clients: values that name nothing. See also [removals](super::reports_removal) and
//! [shapes](super::reports_shapes).

use serde_json::{Value, json};

use super::tests::{MANAGER, apply_with, full, one};
use crate::error::Error;
use crate::schema::{GROUP, USER};
use crate::testing::{World, refusal};
use crate::tolerance::{Tolerance, Tolerances};
use crate::urn;

/// The operations with a path, without one, and in another letter case.
pub(super) fn every_way(op: &str, path: &str, value: &Value) -> Vec<Value> {
    let capital = format!("{}{}", op.get(..1).unwrap_or_default().to_uppercase(), op.get(1..).unwrap_or_default());
    let mut ways = vec![one(op, path, value.clone()), one(&capital, path, value.clone())];
    if op != "remove" {
        ways.push(json!([{ "op": op, "value": { (path): value } }]));
    }
    ways
}

pub(super) fn everything() -> Value {
    full(json!({
        "displayName": "Ana", "title": "Editor", "name": { "givenName": "Ana", "familyName": "Ito" },
        "emails": [{ "value": "a@w", "type": "work", "primary": true }, { "value": "a@h", "type": "home" }],
        "roles": [{ "value": "editor" }], "entitlements": [{ "value": "one" }, { "value": "two" }],
        "addresses": [{ "locality": "Rome", "type": "work" }],
        "product_environments": ["prod", "stage"],
        (urn::ENTERPRISE_USER): { "department": "News", "manager": { "value": "2" } },
    }))
}

#[track_caller]
pub(super) fn refused(on: Tolerances, operations: &Value) -> Error {
    let error = apply_with(on, &everything(), operations).expect_err(&operations.to_string());
    assert_eq!(error.wire(), (400, Some("invalidValue")), "{operations}: {error}");
    error
}

/// What the operations make of [`everything`].
#[track_caller]
pub(super) fn after(operations: &Value) -> Value {
    apply_with(Tolerances::EVERY, &everything(), operations).unwrap_or_else(|error| panic!("{operations}: {error}"))
}

#[track_caller]
pub(super) fn unchanged(operations: &Value) {
    assert_eq!(after(operations), everything(), "{operations}");
}

#[test]
fn report_2_null_as_text_and_a_text_in_quotes_are_json_too() {
    for path in ["emails", "roles", "addresses", "product_environments", MANAGER, "name"] {
        for text in ["null", " null "] {
            for op in ["replace", "add"] {
                for operations in every_way(op, path, &json!(text)) {
                    refused(Tolerances::EVERY, &operations);
                }
                refused(Tolerances::NONE, &one(op, path, json!(text)));
            }
        }
    }
    for text in ["\"\"", "\"a", "\"null\" \""] {
        let sent = after(&one("replace", "title", json!(text)));
        assert_eq!(sent["title"], json!(text));
    }
    for operations in every_way("replace", "emails", &json!("\"n@x\"")) {
        assert_eq!(after(&operations)["emails"], json!([{ "value": "n@x" }]), "{operations}");
    }
    // Text is text where nothing else is asked for.
    for text in ["null", "\"Ed\""] {
        assert_eq!(after(&one("replace", "title", json!(text)))["title"], json!(text));
    }
    let mut world = World::new();
    let ana = world.user("ana");
    let group = world.group("Editors", &[&ana]);
    for text in ["null", " null"] {
        let error = world.put(GROUP, &group, json!({ "displayName": "Editors", "members": text })).expect_err(text);
        assert_eq!(error.wire(), (400, Some("invalidValue")), "{error}");
        for op in ["add", "replace", "remove"] {
            for operations in every_way(op, "members", &json!(text)) {
                let error = world.patch(GROUP, &group, operations).expect_err(text);
                assert_eq!(error.wire(), (400, Some("invalidValue")), "{error}");
            }
        }
    }
}

#[test]
fn report_2_a_complex_value_without_a_known_part_neither_clears_nor_succeeds() {
    for path in ["name", MANAGER] {
        for sent in [json!({}), json!([{}]), json!("{}"), json!({ "foo": 1 }), json!([{ "foo": "x" }])] {
            for op in ["replace", "add"] {
                for operations in every_way(op, path, &sent) {
                    refused(Tolerances::EVERY, &operations);
                }
            }
        }
    }
    for sent in [json!({}), json!({ "foo": 1 })] {
        refused(Tolerances::NONE, &one("replace", "name", sent));
    }
    // A PUT that would clear what is stored; where nothing is, it may be sent so.
    let mut world = World::new();
    let body = |name: Value| json!({ "userName": "ana", "role": "admin", "name": name });
    let ana = world.create(USER, body(json!({}))).expect("a user").resource.id.to_string();
    world.put(USER, &ana, body(json!({ "foo": 1 }))).expect("nothing is stored");
    world.put(USER, &ana, body(json!({ "givenName": "Ana" }))).expect("a name");
    for name in [json!({}), json!({ "foo": 1 }), json!([{}])] {
        let error = world.put(USER, &ana, body(name)).expect_err("a name is stored");
        assert_eq!(error.wire(), (400, Some("invalidValue")), "{error}");
    }
    for name in [json!(null), json!({ "givenName": "", "familyName": "" })] {
        world.put(USER, &ana, body(json!({ "givenName": "Ana" }))).expect("a name");
        world.put(USER, &ana, body(name)).expect("it says that there is no name");
        assert_eq!(world.get(USER, &ana).expect("ana").get("name"), None);
    }
}

#[test]
fn report_2_null_clears_an_extension_as_it_clears_an_attribute() {
    for operations in every_way("replace", urn::ENTERPRISE_USER, &json!(null)) {
        assert_eq!(after(&operations).get(urn::ENTERPRISE_USER), None, "{operations}");
    }
}

#[test]
fn report_2_what_names_nothing_neither_replaces_nor_adds_nor_removes() {
    let nothing = [
        json!([{}]),
        json!({}),
        json!([null]),
        json!([""]),
        json!(["  "]),
        json!(""),
        json!([[]]),
        json!([["a@x"]]),
        json!([{ "display": "x" }]),
        json!([{ "type": "work" }]),
        json!([{ "type": "work", "primary": true }]),
        json!([{ "value": "" }]),
        json!([{ "value": null, "type": "work" }]),
        json!([{ "value": " " }]),
        json!([{ "mail": "a@x" }]),
        json!([{ "mail": "a@x" }, { "value": "b@x" }]),
        json!([{ "emails": [], "roles": [] }]),
        json!("[{}]"),
        json!("[\"\"]"),
        json!("[{'value': 'a@x'}]"),
        json!("[{\"value\": \"a@x\"}"),
        json!("{\"mail\": \"a@x\"}"),
        json!(true),
    ];
    for path in ["emails", "roles", "entitlements", "addresses"] {
        for op in ["replace", "add", "remove"] {
            for value in &nothing {
                for operations in every_way(op, path, value) {
                    let detail = refused(Tolerances::EVERY, &operations).detail();
                    assert!(detail.contains('{') || detail.contains("[["), "it shows what was expected: {detail}");
                }
                if op == "replace" {
                    refused(Tolerances::NONE, &one(op, path, value.clone()));
                }
            }
        }
    }
    for value in [
        json!([{}]),
        json!([null]),
        json!([""]),
        json!(""),
        json!([[]]),
        json!([{ "x": 1 }]),
        json!({}),
        json!("[\"\"]"),
    ] {
        for op in ["replace", "add", "remove"] {
            refused(Tolerances::EVERY, &one(op, "product_environments", value.clone()));
        }
    }
    for value in [json!({}), json!([{}]), json!([""]), json!({ "mail": "x" }), json!({ "display": "x" }), json!([[]])] {
        refused(Tolerances::EVERY, &one("replace", "emails[type eq \"work\"]", value.clone()));
        if value.get("display").is_none() {
            refused(Tolerances::EVERY, &one("add", "emails[type eq \"work\"]", value));
        }
    }
}

#[test]
fn report_2_nothing_and_no_value_are_said_by_null_and_by_an_empty_array() {
    for path in ["emails", "roles", "entitlements", "addresses"] {
        for value in [json!(null), json!([])] {
            let mut expected = everything();
            expected.as_object_mut().unwrap().shift_remove(path);
            for operations in every_way("replace", path, &value) {
                assert_eq!(after(&operations), expected, "{operations}");
            }
            unchanged(&one("add", path, value));
        }
        unchanged(&one("remove", path, json!([])));
    }
}

#[test]
fn report_2_what_can_mean_one_thing_is_understood_under_a_name_of_its_own() {
    let value = json!([{ "value": "n@w", "type": "work" }]);
    let text = value.to_string();
    let cases = [
        (Tolerance::JsonText, json!(text)),
        (Tolerance::JsonText, json!(format!("\n {text} "))),
        (Tolerance::JsonText, json!("{\"value\": \"n@w\", \"type\": \"work\"}")),
        (Tolerance::JsonText, json!(["{\"value\": \"n@w\", \"type\": \"work\"}"])),
        (Tolerance::NamedAgain, json!({ "emails": value })),
        (Tolerance::NamedAgain, json!({ "Emails": value[0] })),
        (Tolerance::NamedAgain, json!([{ "emails": value }])),
        (Tolerance::NamedAgain, json!([{ "emails": value[0] }])),
        (Tolerance::NamedAgain, json!(format!("{{\"emails\": {text}}}"))),
    ];
    for (tolerance, sent) in cases {
        for operations in every_way("replace", "emails", &sent) {
            assert_eq!(after(&operations)["emails"], value, "{operations}");
            refused(Tolerances::EVERY.without(tolerance), &operations);
        }
        let mut document = full(json!({}));
        document["emails"] = value.clone();
        let added = apply_with(Tolerances::EVERY, &full(json!({})), &one("add", "emails", sent.clone()));
        assert_eq!(added.unwrap(), document, "{sent}");
        let removed = apply_with(Tolerances::EVERY, &document, &one("remove", "emails", sent.clone()));
        assert_eq!(removed.unwrap(), full(json!({})), "{sent}");
    }
    // The text of a `value` is the value, even if it looks like JSON.
    let role = json!([{ "value": "{\"id\": \"1\", \"value\": \"editor\"}" }]);
    assert_eq!(after(&one("replace", "roles", role.clone()))["roles"], role);
}

#[test]
fn report_2_no_group_is_emptied_by_what_names_no_member() {
    let no_member = [
        json!([{}]),
        json!([null]),
        json!(""),
        json!([""]),
        json!([[]]),
        json!([7]),
        json!({}),
        json!([{ "display": "ana" }]),
        json!([{ "value": "" }]),
        json!([{ "$ref": "https://other.example/Users/id-1" }]),
        json!([{ "$ref": "https://scim.example/scim/v2/Roles/id-1" }]),
        json!({ "members": [{}] }),
        json!("[{}]"),
        json!("[{'value': 'id-1'}]"),
    ];
    let mut world = World::new();
    (1..=3).for_each(|number| drop(world.user(&format!("user{number}"))));
    let group = world.group("Editors", &["id-1", "id-2"]);
    for on in [Tolerances::EVERY, Tolerances::NONE] {
        world.on = on;
        for value in &no_member {
            for op in ["replace", "add", "remove"] {
                for operations in every_way(op, "members", value) {
                    // To the letter, `remove` has no value.
                    if op == "remove" && on == Tolerances::NONE {
                        continue;
                    }
                    let outcome = world.patch(GROUP, &group, operations.clone());
                    let (status, _) = refusal(outcome);
                    assert_eq!(status, 400, "{operations}");
                }
            }
            let body = json!({ "schemas": [urn::GROUP], "displayName": "Editors", "members": value });
            assert_eq!(refusal(world.put(GROUP, &group, body)), (400, Some("invalidValue")), "{value}");
            assert_eq!(world.members(&group), ["id-1", "id-2"], "{value}");
        }
    }
}

#[test]
fn report_2_a_reference_names_a_member_of_its_own_type_only() {
    let mut world = World::new();
    let (ana, ben) = (world.user("ana"), world.user("ben"));
    let inner = world.group("Inner", &[]);
    let group = world.group("Editors", &[]);
    let reference = |endpoint: &str, id: &str| json!([{ "$ref": format!("{}/{endpoint}/{id}", crate::testing::BASE) }]);
    for (value, members) in [
        (reference("Users", &ana), vec![ana.clone()]),
        (reference("Groups", &inner), vec![inner.clone()]),
        (json!([{ "$ref": format!("../Users/{ben}"), "value": null }]), vec![ben.clone()]),
    ] {
        world.patch(GROUP, &group, one("replace", "members", value.clone())).expect("a patch");
        assert_eq!(world.members(&group), members, "{value}");
        let written = world.put(GROUP, &group, json!({ "displayName": "Editors", "members": value })).expect("a put");
        assert!(!written.changed, "{value}");
    }
    let written = world.patch(GROUP, &group, one("add", "members", reference("Groups", &ana))).expect("a patch");
    assert_eq!((written.skipped_members, written.changed), (vec![ana.clone()], false), "no group has this id");
    world.patch(GROUP, &group, one("remove", "members", reference("Groups", &ben))).expect("a patch");
    assert_eq!(world.members(&group), std::slice::from_ref(&ben));
    world.patch(GROUP, &group, one("remove", "members", reference("Users", &ben))).expect("a patch");
    assert!(world.members(&group).is_empty());
}

#[test]
fn report_2_in_a_body_empty_elements_clear_nothing_that_is_there() {
    let mut world = World::new();
    let stored = json!([{ "value": "a@w", "type": "work" }]);
    let body = |emails: Value| json!({ "userName": "ana", "role": "admin", "emails": emails });
    let ana = world.create(USER, body(stored.clone())).expect("a user").resource.id.to_string();
    let nothing = [
        json!([{}]),
        json!([null]),
        json!([""]),
        json!({}),
        json!([{ "value": "" }]),
        json!([{ "display": "x" }]),
        json!([{ "type": "work" }]),
        json!("[{}]"),
        json!([{ "mail": "a@x" }]),
        json!("[{'value': 'a@x'}]"),
        json!([{ "emails": [] }]),
    ];
    for value in nothing {
        let refused = world.put(USER, &ana, body(value.clone()));
        assert_eq!(refusal(refused), (400, Some("invalidValue")), "{value}");
        assert_eq!(world.get(USER, &ana).unwrap()["emails"], stored, "{value}");
    }
    // A template that says: this kind of value is empty.
    let blank = json!([{ "type": "work", "value": "" }]);
    let written = world.put(USER, &ana, body(blank.clone())).expect("a put");
    assert_eq!(written.resource.attributes().get("emails"), None);
    let written = world.put(USER, &ana, body(json!([{}]))).expect("nothing is lost");
    assert!(!written.changed);
    let mut other = body(blank);
    other["userName"] = json!("ben");
    assert_eq!(world.create(USER, other).expect("a user").resource.attributes().get("emails"), None);
}
