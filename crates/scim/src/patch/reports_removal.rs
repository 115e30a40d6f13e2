//! Regressions from reports of real clients: `remove` with a value.

use serde_json::json;

use super::reports::{after, everything, refused, unchanged};
use super::tests::{DEPARTMENT, MANAGER, apply_with, full, one};
use crate::tolerance::Tolerances;
use crate::urn;

#[test]
fn report_4_a_remove_with_a_value_removes_only_what_is_stored() {
    let keeps = [
        (MANAGER, json!("1")),
        (MANAGER, json!({ "value": "1" })),
        (MANAGER, json!([{ "$ref": null, "value": "1" }])),
        ("manager", json!(["1", "3"])),
        ("manager.value", json!("1")),
        ("manager[value eq \"1\"]", json!(null)),
        ("manager[value eq \"2\"]", json!("1")),
        ("displayName", json!("Another")),
        ("displayName", json!([{ "value": "Another" }])),
        ("title", json!(["x", "y"])),
        (DEPARTMENT, json!("Sport")),
        ("name", json!({ "givenName": "Other" })),
        ("name", json!({ "givenName": "Ana", "familyName": "Other" })),
        ("name.givenName", json!("Other")),
        ("emails[type eq \"work\"].value", json!("other@w")),
        ("emails[type eq \"work\"].value", json!([{ "value": "other@w" }])),
        ("emails[type eq \"work\"]", json!({ "value": "other@w" })),
        ("emails[type eq \"work\"]", json!([{ "value": "a@h" }])),
        ("emails.type", json!("fax")),
        ("emails", json!([{ "value": "a@w", "type": "home" }])),
        ("roles", json!("author")),
        ("product_environments", json!(["retired"])),
        ("product_environments[value eq \"prod\"]", json!("stage")),
        (urn::ENTERPRISE_USER, json!({ "department": "Sport", "manager": "1", "division": "x" })),
    ];
    for (path, value) in keeps {
        unchanged(&one("remove", path, value.clone()));
        unchanged(&one("Remove", path, value));
    }
}

#[test]
fn report_4_a_remove_with_the_value_that_is_stored_removes_it() {
    let without = |path: &[&str]| {
        let mut document = everything();
        let (last, above) = path.split_last().unwrap();
        let parent = above.iter().fold(&mut document, |value, name| &mut value[*name]);
        parent.as_object_mut().unwrap().shift_remove(*last);
        document
    };
    let manager = || without(&[urn::ENTERPRISE_USER, "manager"]);
    let mut home = everything();
    home["emails"] = json!([{ "value": "a@h", "type": "home" }]);
    let gone = [
        (MANAGER, json!("2"), manager()),
        (MANAGER, json!({ "value": "2", "displayName": "Boss" }), manager()),
        (MANAGER, json!([{ "$ref": null, "value": "2" }]), manager()),
        ("manager", json!(["1", "2"]), manager()),
        ("manager.value", json!("2"), manager()),
        ("manager[value eq \"2\"]", json!(null), manager()),
        (MANAGER, json!(null), manager()),
        (MANAGER, json!(""), manager()),
        ("displayName", json!("ANA"), without(&["displayName"])),
        ("displayName", json!([{ "value": "Ana" }]), without(&["displayName"])),
        ("title", json!(null), without(&["title"])),
        (DEPARTMENT, json!("news"), without(&[urn::ENTERPRISE_USER, "department"])),
        (urn::ENTERPRISE_USER, json!({ "department": "News" }), without(&[urn::ENTERPRISE_USER, "department"])),
        (urn::ENTERPRISE_USER, json!(null), without(&[urn::ENTERPRISE_USER])),
        ("name", json!({ "givenName": "ana" }), without(&["name"])),
        ("name.givenName", json!("Ana"), without(&["name", "givenName"])),
        ("emails[type eq \"work\"].value", json!("A@W"), home.clone()),
        ("emails[type eq \"work\"].value", json!(null), home.clone()),
        ("emails[type eq \"work\"]", json!([{ "value": "a@w" }]), home.clone()),
        ("emails", json!([{ "value": "a@w", "display": "Ana", "primary": false }]), home),
        ("addresses[type eq \"work\"].locality", json!(null), without(&["addresses"])),
        ("roles", json!("EDITOR"), without(&["roles"])),
        ("roles.value", json!("editor"), without(&["roles"])),
    ];
    for (path, value, expected) in gone {
        assert_eq!(after(&one("remove", path, value.clone())), expected, "{path} {value}");
    }
    // The list it was on has changed since.
    let retired = full(json!({ "product_environments": ["retired", "prod"] }));
    let removed = apply_with(Tolerances::EVERY, &retired, &one("remove", "product_environments", json!(["retired"])));
    assert_eq!(removed.unwrap(), full(json!({ "product_environments": ["prod"] })));
    // `badge` and `manager.value` are exact.
    let exact = full(json!({ (urn::ENTERPRISE_USER): { "manager": { "value": "Ab" } } }));
    let kept = apply_with(Tolerances::EVERY, &exact, &one("remove", MANAGER, json!("aB")));
    assert_eq!(kept.unwrap(), exact);
}

#[test]
fn report_4_no_husk_is_left_or_made() {
    for value in [json!(null), json!("")] {
        let operations = one("replace", "emails[type eq \"work\"].value", value);
        assert_eq!(after(&operations)["emails"], json!([{ "value": "a@h", "type": "home" }]), "{operations}");
    }
    for (path, value) in [
        ("phoneNumbers[type eq \"fax\"].display", json!("Fax")),
        ("phoneNumbers[type eq \"fax\"].primary", json!(true)),
        ("phoneNumbers.type", json!("fax")),
        ("phoneNumbers[type eq \"fax\"]", json!({ "display": "Fax" })),
    ] {
        let error = apply_with(Tolerances::EVERY, &everything(), &one("add", path, value)).expect_err(path);
        assert_eq!(error.wire(), (400, Some("noTarget")), "{path}");
    }
    unchanged(&one("replace", "phoneNumbers[type eq \"fax\"].value", json!("")));
}

#[test]
fn report_4_a_remove_that_names_nothing_or_has_another_type_is_refused() {
    for (path, value) in [
        ("title", json!([{}])),
        ("title", json!({ "a": 1 })),
        ("title", json!([""])),
        (MANAGER, json!([[]])),
        ("name.givenName", json!({ "a": 1 })),
        ("emails[type eq \"work\"].value", json!([{ "a": 1 }])),
        (urn::ENTERPRISE_USER, json!("x")),
    ] {
        refused(Tolerances::EVERY, &one("remove", path, value));
    }
}
