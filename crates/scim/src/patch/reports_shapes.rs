//! Regressions from reports of real clients: a shape that is understood is understood at every attribute, and in every
//! method.

use serde_json::{Value, json};

use super::reports::{after, every_way, everything, refused, unchanged};
use super::tests::{DEPARTMENT, MANAGER, apply_with, full, one, work_and_home};
use crate::schema::USER;
use crate::testing::{World, refusal};
use crate::tolerance::{Tolerance, Tolerances};
use crate::urn;

#[test]
fn report_5_one_value_is_understood_at_every_attribute_in_every_shape() {
    let at = |path: &str| -> (Vec<&str>, Value) {
        match path {
            "active" => (vec!["active"], json!(false)),
            "role" => (vec!["role"], json!("billing")),
            "userName" | "displayName" | "title" | "nickName" | "preferredLanguage" => (vec![], json!("x")),
            "name.givenName" => (vec!["name", "givenName"], json!("x")),
            DEPARTMENT => (vec![urn::ENTERPRISE_USER, "department"], json!("x")),
            "manager.value" => (vec![urn::ENTERPRISE_USER, "manager", "value"], json!("x")),
            other => panic!("{other}"),
        }
    };
    for path in [
        "active",
        "role",
        "userName",
        "displayName",
        "title",
        "nickName",
        "name.givenName",
        DEPARTMENT,
        "manager.value",
    ] {
        let (place, value) = at(path);
        let place = if place.is_empty() { vec![path] } else { place };
        for sent in [
            json!([value]),
            json!({ "value": value }),
            json!([{ "value": value }]),
            json!([{ "$ref": null, "value": value }]),
            json!({ "$ref": null, "Value": value, "type": "work", "display": "x", "primary": true }),
        ] {
            for op in ["add", "replace"] {
                for operations in every_way(op, path, &sent) {
                    let document = after(&operations);
                    assert_eq!(place.iter().fold(&document, |at, name| &at[*name]), &value, "{operations}");
                }
            }
        }
        for wrong in [json!([{ "value": [value] }]), json!({ "value": value, "other": 1 }), json!([{ "value": null }])]
        {
            // Where a part of an element is asked for, the element may have other parts.
            if path != "manager.value" || wrong[0]["value"].is_null() && wrong.is_array() {
                refused(Tolerances::EVERY, &one("replace", path, wrong));
            }
        }
    }
    for sent in [json!([{ "value": "prod" }]), json!([{ "$ref": null, "value": "PROD" }]), json!({ "value": "prod" })] {
        for operations in every_way("replace", "product_environments", &sent) {
            assert_eq!(after(&operations)["product_environments"], json!(["prod"]), "{operations}");
        }
    }
}

#[test]
fn report_5_value_after_a_simple_attribute_and_the_own_schema_as_path_are_understood() {
    for (path, sent, place) in [
        ("active.value", json!(false), "/active"),
        ("title.value", json!("x"), "/title"),
        ("role.VALUE", json!("billing"), "/role"),
    ] {
        for op in ["replace", "add"] {
            let document = after(&one(op, path, sent.clone()));
            assert_eq!(document.pointer(place), Some(&sent), "{op} {path}: {document}");
        }
        let strict = apply_with(Tolerances::NONE, &everything(), &one("replace", path, sent));
        assert_eq!(strict.expect_err(path).wire(), (400, Some("invalidPath")));
    }
    let whole = json!({ "active": false, "title": "x", "name": { "givenName": "Q" } });
    let document = after(&one("replace", urn::USER, whole));
    assert_eq!(
        (&document["active"], &document["title"], &document["name"]["givenName"]),
        (&json!(false), &json!("x"), &json!("Q"))
    );
    // To take away a part that is not there takes nothing away.
    for path in ["product_environments.value", "title.value", urn::USER] {
        unchanged(&json!([{ "op": "remove", "path": path }]));
    }
    refused(Tolerances::EVERY, &one("replace", "product_environments.value", json!("")));
}

#[test]
fn report_5_the_same_shapes_are_understood_in_a_post_and_a_put() {
    let wrapped = |value: Value| json!([{ "$ref": null, "value": value }]);
    let body = json!({
        "userName": wrapped(json!("ana")), "role": wrapped(json!("admin")), "active": wrapped(json!("False")),
        "displayName": { "displayName": "Ana" }, "title": wrapped(json!("Editor")), "name.givenName": "Ana",
        "emails[type eq \"work\"].value": "a@w", "roles[primary eq \"True\"].value": "editor",
        "product_environments": wrapped(json!("prod")),
        (urn::ENTERPRISE_USER): {
            "department": wrapped(json!("News")), "manager": wrapped(json!("boss")), "costCenter": { "value": 7 }
        },
        (format!("{}.employeeNumber", urn::ENTERPRISE_USER)): "4711",
        (format!("{}.nickName", urn::USER)): "An",
    });
    let expected = json!({
        "userName": "ana", "role": "admin", "active": false, "displayName": "Ana", "title": "Editor", "nickName": "An",
        "name": { "givenName": "Ana" }, "emails": [{ "type": "work", "value": "a@w" }],
        "roles": [{ "primary": true, "value": "editor" }], "product_environments": ["prod"],
        (urn::ENTERPRISE_USER): {
            "department": "News", "manager": { "value": "boss" }, "costCenter": "7", "employeeNumber": "4711"
        },
    });
    let mut world = World::new();
    let created = world.create(USER, body.clone()).expect("a user");
    assert_eq!(Value::Object(created.resource.attributes().clone()), expected);
    assert_eq!(created.ignored_attributes, Vec::<String>::new());
    let put = world.put(USER, created.resource.id.as_str(), body.clone()).expect("a put");
    assert!(!put.changed, "{:?}", put.resource);
    let patched = world.patch(USER, created.resource.id.as_str(), json!([{ "op": "replace", "value": body }]));
    assert!(!patched.expect("a patch").changed);
}

#[test]
fn report_5_a_manager_is_chosen_by_a_filter() {
    for (op, path, value, expected) in [
        ("remove", "manager[value eq \"2\"]", json!(null), json!(null)),
        ("remove", "manager[value eq \"1\"]", json!(null), json!({ "value": "2" })),
        ("replace", "manager[value eq \"2\"].value", json!("3"), json!({ "value": "3" })),
        ("replace", "manager[value eq \"2\"]", json!("3"), json!({ "value": "3" })),
        (
            "add",
            "manager[value eq \"2\"]",
            json!({ "$ref": "https://x/y" }),
            json!({ "value": "2", "$ref": "https://x/y" }),
        ),
    ] {
        for path in
            [path.to_owned(), format!("{}:{path}", urn::ENTERPRISE_USER), format!("{}.{path}", urn::ENTERPRISE_USER)]
        {
            let document = after(&one(op, &path, value.clone()));
            assert_eq!(document[urn::ENTERPRISE_USER].get("manager").unwrap_or(&Value::Null), &expected, "{op} {path}");
        }
    }
    let created = apply_with(
        Tolerances::EVERY,
        &full(json!({})),
        &one("add", "manager[value eq \"9\"]", json!({ "$ref": "https://x/9" })),
    );
    assert_eq!(created.unwrap()[urn::ENTERPRISE_USER]["manager"], json!({ "value": "9", "$ref": "https://x/9" }));
    let other =
        apply_with(Tolerances::EVERY, &everything(), &one("replace", "manager[value eq \"1\"].value", json!("3")));
    assert_eq!(other.unwrap_err().wire(), (400, Some("noTarget")));
    let strict = apply_with(Tolerances::NONE, &everything(), &one("remove", "manager[value eq \"2\"]", json!(null)));
    assert_eq!(strict.unwrap_err().wire(), (400, Some("invalidPath")));
}

#[test]
fn report_5_a_reference_names_a_manager_as_it_names_a_member() {
    let reference = format!("{}/Users/9", crate::testing::BASE);
    for value in [json!({ "$ref": reference }), json!([{ "$ref": reference, "value": null }])] {
        let manager = &after(&one("replace", MANAGER, value))[urn::ENTERPRISE_USER]["manager"];
        assert_eq!(manager, &json!({ "value": "9", "$ref": reference }));
    }
    for value in [json!(reference), json!({ "value": reference })] {
        assert_eq!(after(&one("replace", MANAGER, value))[urn::ENTERPRISE_USER]["manager"], json!({ "value": "9" }));
    }
}

#[test]
fn report_5_a_dot_after_the_urn_is_a_colon() {
    let document = json!([
        { "op": "replace", "path": format!("{}.employeeNumber", urn::ENTERPRISE_USER), "value": "4711" },
        { "op": "Add", "path": format!("{}.manager.value", urn::ENTERPRISE_USER), "value": "3" },
        { "op": "replace", "path": format!("{}.displayName", urn::USER), "value": "A" },
        { "op": "replace", "path": format!("{}.name.givenName", urn::USER), "value": "B" },
        { "op": "replace", "path": format!("{}.emails[type eq \"work\"].value", urn::USER), "value": "c@w" },
        { "op": "replace", "value": { (format!("{}.department", urn::ENTERPRISE_USER)): "D" } },
    ]);
    let document = after(&document);
    let under_urn = &document[urn::ENTERPRISE_USER];
    assert_eq!(
        (&under_urn["employeeNumber"], &under_urn["manager"]["value"], &under_urn["department"]),
        (&json!("4711"), &json!("3"), &json!("D"))
    );
    assert_eq!(
        (&document["displayName"], &document["name"]["givenName"], &document["emails"][0]["value"]),
        (&json!("A"), &json!("B"), &json!("c@w"))
    );
}

#[test]
fn report_5_an_attribute_of_ours_is_understood_under_the_urn_of_an_extension() {
    const ACME: &str = "urn:ietf:params:scim:schemas:extension:acme:2.0:User";
    for urn in [ACME, urn::ENTERPRISE_USER, "urn:ietf:params:scim:schemas:extension:2.0:User"] {
        for op in ["add", "replace"] {
            for operations in [
                one(op, &format!("{urn}:role"), json!("billing")),
                one(op, urn, json!({ "role": "billing" })),
                json!([{ "op": op, "value": { (urn): { "role": "billing" } } }]),
                json!([{ "op": op, "value": { (format!("{urn}:role")): "billing" } }]),
            ] {
                assert_eq!(after(&operations)["role"], "billing", "{operations}");
            }
        }
        let mut world = World::new();
        let body = json!({ "userName": "ana", (urn): { "role": "billing", "product_environments": ["prod"] } });
        let created = world.create(USER, body.clone()).expect("a user").resource;
        assert_eq!(created.attributes()["role"], "billing");
        assert_eq!(created.attributes()["product_environments"], json!(["prod"]));
        assert!(!world.put(USER, created.id.as_str(), body).expect("a put").changed);
        let both = json!({ (urn): { "role": "billing" }, "userName": "ben", "role": "admin" });
        let created = world.create(USER, both).expect("a user");
        assert_eq!(created.resource.attributes()["role"], "admin", "under its own name it counts more");
        assert_eq!(created.ignored_attributes, [format!("{urn}:role")]);
    }
    refused(Tolerances::EVERY, &one("replace", &format!("{ACME}:role"), json!("boss")));
    // What the standard has is known by its place, and another vendor's URN is another vendor's.
    for operations in [
        one("replace", &format!("{ACME}:active"), json!(false)),
        one("replace", ACME, json!({ "userName": "x", "title": "x" })),
        one("replace", "urn:acme:2.0:User:role", json!("billing")),
        one("replace", "urn:acme:2.0:User", json!({ "role": "billing" })),
        json!([{ "op": "replace", "value": { "urn:acme:2.0:User": { "role": "billing" } } }]),
    ] {
        unchanged(&operations);
    }
}

#[test]
fn report_5_the_primary_role_is_the_role_where_a_client_says_so() {
    const PRIMARY: &str = "roles[primary eq \"True\"].value";
    assert_eq!(after(&one("Replace", PRIMARY, json!("BILLING")))["role"], "billing");
    assert_eq!(after(&one("Add", "roles", json!([{ "value": "billing", "primary": "True" }])))["role"], "billing");
    for (operations, why) in [
        (one("Replace", PRIMARY, json!("editor")), "means nothing here"),
        (one("Add", "roles", json!([{ "value": "billing" }])), "is not primary"),
        (
            json!([{ "op": "add", "path": PRIMARY, "value": "billing" }, { "op": "add", "path": "role", "value": "admin" }]),
            "is sent",
        ),
    ] {
        assert_eq!(after(&operations)["role"], "admin", "{why}");
    }
    let on = Tolerances::EVERY.without(Tolerance::PrimaryRole);
    assert_eq!(apply_with(on, &everything(), &one("Replace", PRIMARY, json!("billing"))).unwrap()["role"], "admin");
    let mut world = World::new();
    let body = json!({ "userName": "ana", "roles": [{ "value": "billing", "primary": "True" }] });
    let created = world.create(USER, body.clone()).expect("a user").resource;
    assert_eq!(created.attributes()["role"], "billing");
    // The role was changed by other means; the same roles again do not change it back.
    world.patch(USER, created.id.as_str(), one("replace", "role", json!("admin"))).unwrap();
    let again = world.patch(USER, created.id.as_str(), one("replace", PRIMARY, json!("billing"))).unwrap();
    assert!(!again.changed);
    world.on = on;
    assert_eq!(
        refusal(world.create(USER, json!({ "userName": "ben", "roles": body["roles"] }))),
        (400, Some("invalidValue"))
    );
}

#[test]
fn report_5_what_was_ignored_is_named() {
    let mut world = World::new();
    let ana = world.user("ana");
    let operations = json!([
        { "op": "replace", "path": "dispalyName", "value": "x" },
        { "op": "replace", "path": "name.givnName", "value": "x" },
        { "op": "replace", "path": "emails[type eq \"work\"].valu", "value": "x" },
        { "op": "replace", "path": "urn:acme:2.0:User:size", "value": "x" },
        { "op": "replace", "path": "dispalyName", "value": "y" },
        { "op": "add", "value": {
            "shoeSize": 1, "not a path!": 1, "name": { "givenName": "Ana", "middel": "x" }, "id": "x", "meta": {}, "groups": [],
            "emails": [{ "value": "a@w", "$ref": null, "mail": "x" }], (urn::ENTERPRISE_USER): { "size": 1 },
            "urn:acme:thing": { "a": 1 }
        } },
    ]);
    let written = world.patch(USER, &ana, operations).expect("a patch");
    assert_eq!(
        written.ignored_attributes,
        [
            "dispalyName",
            "name.givnName",
            "emails[type eq \"work\"].valu",
            "urn:acme:2.0:User:size",
            "shoeSize",
            "not a path!",
            "name.middel",
            "emails.mail",
            &format!("{}:size", urn::ENTERPRISE_USER),
            "urn:acme:thing",
        ]
    );
    let body = json!({ "userName": "ben", "role": "admin", "nickname": "B", "shoeSize": 1, "meta": {}, "a.b": 1, "name": { "x": 1 } });
    let created = world.create(USER, body.clone()).expect("a user");
    assert_eq!(created.ignored_attributes, ["name.x", "shoeSize", "a.b"]);
    assert_eq!(world.put(USER, created.resource.id.as_str(), body).expect("a put").ignored_attributes.len(), 3);
    let many: Value =
        (0..5000).map(|n| json!({ "op": "add", "path": format!("a{n}{}", "x".repeat(200)), "value": 1 })).collect();
    let written = world.patch(USER, &ana, many).expect("a patch");
    assert!(written.ignored_attributes.len() == 32 && written.ignored_attributes.iter().all(|name| name.len() == 128));
}

#[test]
fn report_5_nothing_of_this_holds_for_a_strict_client() {
    for (path, value) in [
        ("displayName", json!([{ "$ref": null, "value": "x" }])),
        ("title", json!({ "value": "x" })),
        ("product_environments", json!([{ "value": "prod" }])),
        (MANAGER, json!("{\"value\": \"x\"}")),
        ("name", json!({ "name": { "givenName": "x" } })),
    ] {
        let outcome = apply_with(Tolerances::NONE, &everything(), &one("replace", path, value.clone()));
        assert_eq!(outcome.map_err(|error| error.wire()), Err((400, Some("invalidValue"))), "{path} {value}");
    }
    for path in [
        format!("{}.department", urn::ENTERPRISE_USER),
        "urn:ietf:params:scim:schemas:extension:acme:2.0:User:role".to_owned(),
    ] {
        let outcome = apply_with(Tolerances::NONE, &everything(), &one("replace", &path, json!("billing")));
        assert_eq!(outcome.map_err(|error| error.wire()), Err((400, Some("invalidPath"))), "{path}");
    }
    assert!(
        apply_with(Tolerances::NONE, &full(work_and_home()), &one("replace", "emails", json!([{ "value": "x" }])))
            .is_ok()
    );
}

#[test]
fn report_5_a_value_stands_once_however_it_comes() {
    let environments = |operations: Value| after(&operations)["product_environments"].clone();
    let both = json!(["prod", "stage"]);
    for operations in [
        one("replace", "product_environments[value eq \"prod\"].value", json!("stage")),
        one("replace", "product_environments[value eq \"prod\"]", json!("STAGE")),
        one("replace", "product_environments[value eq \"stage\"]", json!([{ "value": "stage" }])),
        one("replace", "product_environments[value eq \"none\"]", json!("prod")),
        one("add", "product_environments[value eq \"prod\"].value", json!("stage")),
        one("add", "product_environments", json!(["prod", "PROD", "stage", { "value": "prod" }])),
        one("add", "product_environments.value", json!("prod")),
        one("replace", "product_environments", json!(["prod", "stage", "Prod", "stage"])),
    ] {
        let left = environments(operations.clone());
        let expected = match operations[0]["path"].as_str().unwrap_or_default().contains("\"prod\"") {
            true => json!(["stage"]),
            false => both.clone(),
        };
        assert_eq!(left, expected, "{operations}");
    }
    // A complex value is the one it is by its `value` and `type`.
    let emails = |operations: Value| after(&operations)["emails"].clone();
    let work = json!({ "value": "a@w", "type": "work", "primary": true });
    let home = json!({ "value": "a@h", "type": "home" });
    for sent in [
        json!([home, { "value": "a@h", "type": "home", "display": "A" }]),
        json!([home, { "value": "a@h", "type": "home" }, { "value": "a@h", "type": "home", "display": "A" }]),
    ] {
        let replaced = emails(one("replace", "emails", sent.clone()));
        assert_eq!(replaced, json!([{ "value": "a@h", "type": "home", "display": "A" }]), "{sent}");
        let added = emails(one("add", "emails", sent.clone()));
        assert_eq!(added, json!([work, { "value": "a@h", "type": "home", "display": "A" }]), "{sent}");
    }
    let moved = json!([
        { "op": "replace", "path": "emails[type eq \"home\"].value", "value": "A@w" },
        { "op": "replace", "path": "emails[value eq \"a@w\" and type eq \"home\"].type", "value": "work" }
    ]);
    let merged = json!([{ "value": "A@w", "type": "work", "primary": true }]);
    assert_eq!(emails(moved), merged);
    let whole = one("replace", "emails[type eq \"work\"]", json!({ "value": "a@h", "type": "home", "primary": true }));
    assert_eq!(emails(whole), json!([{ "value": "a@h", "type": "home", "primary": true }]));
    let types = emails(one("replace", "emails.value", json!("one@x")));
    assert_eq!(types.as_array().map(Vec::len), Some(2), "of two types: {types}");
    let places = json!([{ "locality": "Rome", "type": "work" }, { "locality": "Oslo", "type": "work" }]);
    assert_eq!(after(&one("replace", "addresses", places.clone()))["addresses"], places, "these have no value");
    let moved = json!([
        { "op": "replace", "path": "addresses", "value": places },
        { "op": "replace", "path": "addresses[locality eq \"Oslo\"].locality", "value": "Rome" }
    ]);
    assert_eq!(after(&moved)["addresses"], json!([places[0], places[0]]), "nothing says that they are one");
}

#[test]
fn report_5_a_value_stands_once_in_a_body_too() {
    let mut world = World::new();
    let body = json!({
        "userName": "ana", "role": "admin", "product_environments": ["prod", "PROD", { "value": "prod" }],
        "roles": ["editor", { "value": "Editor", "display": "E" }, { "value": "editor", "type": "x" }],
    });
    let ana = world.create(USER, body.clone()).expect("a user");
    let stored = ana.resource.attributes();
    assert_eq!(stored["product_environments"], json!(["prod"]));
    let roles = json!([{ "value": "Editor", "display": "E" }, { "value": "editor", "type": "x" }]);
    assert_eq!(stored["roles"], roles);
    assert!(!world.put(USER, ana.resource.id.as_str(), body).expect("the same").changed);
}
