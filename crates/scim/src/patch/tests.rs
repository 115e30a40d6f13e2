use serde_json::{Value, json};

use super::PatchRequest;
use super::apply::{Patched, apply};
use crate::error::Error;
use crate::observations::Observations;
use crate::resource::reader::Existing;
use crate::resource::reader::Reader;
use crate::schema::{ResourceTypeId, USER};
use crate::testing::provisioning;
use crate::tolerance::{ToleranceTracker, Tolerances};
use crate::urn;

pub(super) const DEPARTMENT: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";
pub(super) const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";

pub(super) fn apply_with(on: Tolerances, document: &Value, operations: &Value) -> Result<Value, Error> {
    let (registry, account_values) = provisioning();
    let kind: ResourceTypeId = USER;
    let body = json!({ "schemas": [urn::PATCH_OP], "Operations": operations });
    let request = PatchRequest::parse(&body)?;
    let leniency = ToleranceTracker::new(on);
    let observations = Observations::default();
    let base = crate::testing::BASE;
    let reader = Reader {
        account_values: &account_values,
        leniency: &leniency,
        base,
        observations: &observations,
        lists: true,
        existing: Existing::Nothing,
    };
    let document = document.as_object().expect("an object");
    let mut no_members = |_: bool, _: &[crate::resource::Id]| Ok(Vec::new());
    let Patched { document, .. } = apply(&request, document, registry.get(kind), &reader, &mut no_members)?;
    Ok(Value::Object(document))
}

/// The operations lead from one document to the other. The attributes every user has are left out.
fn check(before: Value, operations: Value, after: Value) {
    let result = apply_with(Tolerances::EVERY, &full(before), &operations);
    assert_eq!(result.unwrap_or_else(|error| panic!("{operations}: {error}")), full(after), "{operations}");
}

fn refused(on: Tolerances, before: Value, operations: Value, scim_type: &str) {
    let error = apply_with(on, &full(before), &operations).expect_err(&operations.to_string());
    assert_eq!(error.wire(), (400, Some(scim_type)), "{operations}: {error}");
}

pub(super) fn full(document: Value) -> Value {
    let mut full = json!({ "userName": "ana", "role": "admin", "active": true });
    full.as_object_mut().unwrap().extend(document.as_object().unwrap().clone());
    full
}

pub(super) fn one(op: &str, path: &str, value: Value) -> Value {
    json!([{ "op": op, "path": path, "value": value }])
}

fn without_path(op: &str, value: Value) -> Value {
    json!([{ "op": op, "value": value }])
}

pub(super) fn work_and_home() -> Value {
    json!({ "emails": [
        { "value": "a@w", "type": "work", "primary": true },
        { "value": "a@h", "type": "home" }
    ]})
}

#[test]
fn point_24_the_message_must_be_a_patch() {
    let parse = |body: Value, on: Tolerances| {
        let request = PatchRequest::parse(&body)?;
        request.check(&ToleranceTracker::new(on)).map(|()| request)
    };
    let schemas = json!([urn::PATCH_OP]);
    for wrong in [
        json!({ "Operations": [] }),
        json!({ "schemas": [urn::USER], "Operations": [] }),
        json!({ "schemas": schemas }),
        json!({ "schemas": schemas, "Operations": {} }),
        json!({ "schemas": schemas, "Operations": [7] }),
        json!({ "schemas": schemas, "Operations": [{ "op": "move", "path": "a", "value": 1 }] }),
        json!({ "schemas": schemas, "Operations": [{ "op": 1 }] }),
        json!({ "schemas": schemas, "Operations": [{ "op": "add", "path": "title" }] }),
        json!({ "schemas": schemas, "Operations": [{ "op": "replace", "value": "x" }] }),
        json!([]),
    ] {
        let error = parse(wrong.clone(), Tolerances::EVERY).expect_err(&wrong.to_string());
        assert_eq!(error.wire(), (400, Some("invalidSyntax")), "{wrong}");
    }
    assert!(parse(json!({ "Schemas": schemas, "operations": [] }), Tolerances::EVERY).is_ok());
    assert!(parse(json!({ "schemas": schemas, "Operations": [] }), Tolerances::NONE).is_err());
    let capital = json!({ "schemas": schemas, "Operations": [{ "op": "Replace", "path": "title", "value": "x" }] });
    assert!(parse(capital.clone(), Tolerances::EVERY).is_ok());
    assert!(parse(capital, Tolerances::NONE).is_err());
    let many = vec![json!({ "op": "remove", "path": "title" }); super::MAX_OPERATIONS + 1];
    let error = parse(json!({ "schemas": schemas, "Operations": many }), Tolerances::EVERY).unwrap_err();
    assert_eq!(error.wire(), (413, None));
}

#[test]
fn simple_attributes_are_set_and_taken_away() {
    for op in ["add", "replace", "Add", "REPLACE"] {
        check(json!({}), one(op, "title", json!("x")), json!({ "title": "x" }));
        check(json!({ "title": "y" }), one(op, "TITLE", json!("x")), json!({ "title": "x" }));
        check(json!({ "title": "y" }), one(op, "title", json!(null)), json!({}));
        check(json!({ "title": "y" }), one(op, "title", json!("")), json!({}));
        for no in [json!(false), json!("False"), json!([false]), json!("false")] {
            check(json!({}), one(op, "active", no), json!({ "active": false }));
        }
        check(
            json!({}),
            one(op, DEPARTMENT, json!("News")),
            json!({ (urn::ENTERPRISE_USER): { "department": "News" } }),
        );
    }
    check(json!({ "title": "y" }), json!([{ "op": "remove", "path": "title" }]), json!({}));
    check(json!({}), json!([{ "op": "remove", "path": "title" }]), json!({}));
    let news = json!({ (urn::ENTERPRISE_USER): { "department": "News" } });
    check(news.clone(), json!([{ "op": "remove", "path": DEPARTMENT }]), json!({}));
    check(news.clone(), json!([{ "op": "remove", "path": urn::ENTERPRISE_USER }]), json!({}));
    check(news, json!([{ "op": "replace", "path": "department", "value": "" }]), json!({}));
}

#[test]
fn point_27_a_complex_attribute_keeps_what_is_not_named() {
    let name = json!({ "name": { "givenName": "Ana", "familyName": "Ito" } });
    for op in ["add", "replace"] {
        let expected = json!({ "name": { "givenName": "Anna", "familyName": "Ito" } });
        check(name.clone(), one(op, "name", json!({ "givenName": "Anna" })), expected.clone());
        check(name.clone(), one(op, "name.givenName", json!("Anna")), expected.clone());
        check(name.clone(), without_path(op, json!({ "name": { "givenName": "Anna" } })), expected);
        let family = json!({ "name": { "familyName": "Ito" } });
        check(name.clone(), one(op, "name", json!({ "givenName": null })), family.clone());
        check(json!({}), one(op, "name.familyName", json!("Ito")), family);
        check(name.clone(), one(op, "name", json!(null)), json!({}));
    }
    let given = json!({ "name": { "givenName": "Ana" } });
    check(name, json!([{ "op": "remove", "path": "name.familyName" }]), given.clone());
    check(given, json!([{ "op": "remove", "path": "name.givenName" }]), json!({}));
}

#[test]
fn a_manager_is_set_in_every_shape_and_its_reference_does_not_go_stale() {
    let manager = |manager: Value| json!({ (urn::ENTERPRISE_USER): { "manager": manager } });
    let bare = manager(json!({ "value": "m" }));
    for value in [json!("m"), json!({ "value": "m" }), json!([{ "value": "m" }]), json!({ "managerId": "m" })] {
        check(json!({}), one("Add", MANAGER, value.clone()), bare.clone());
        check(json!({}), one("Replace", "manager", value), bare.clone());
    }
    let referenced = manager(json!({ "value": "o", "$ref": "https://x/Users/o" }));
    check(referenced.clone(), one("Replace", MANAGER, json!("m")), bare.clone());
    check(referenced.clone(), one("Replace", MANAGER, json!({ "value": "m" })), bare.clone());
    check(referenced.clone(), one("replace", &format!("{MANAGER}.value"), json!("m")), bare);
    check(referenced.clone(), one("Replace", MANAGER, json!("")), json!({}));
    check(referenced, json!([{ "op": "Remove", "path": MANAGER }]), json!({}));
}

#[test]
fn point_34_a_value_without_a_path_has_plain_dotted_and_qualified_keys() {
    check(
        json!({}),
        without_path(
            "replace",
            json!({
                "displayName": "Ravi", "name.givenName": "R", "active": "False", "id": "other", "meta": {}, "unknown": 1,
                "groups": [{ "value": "g" }], "schemas": ["x"], "not a path!": 1, "no.such": 2,
                (DEPARTMENT): "Sport", "urn:ietf:params:scim:schemas:core:2.0:User:title": "Editor",
                (urn::ENTERPRISE_USER): { "division": "D", "manager.value": "m" },
                "emails[type eq \"work\"].value": "r@w"
            }),
        ),
        json!({
            "displayName": "Ravi", "name": { "givenName": "R" }, "active": false, "title": "Editor",
            "emails": [{ "type": "work", "value": "r@w" }],
            (urn::ENTERPRISE_USER): { "department": "Sport", "division": "D", "manager": { "value": "m" } }
        }),
    );
    check(json!({}), without_path("add", json!({})), json!({}));
    check(json!({}), without_path("add", json!({ (urn::USER): { "title": "x" } })), json!({ "title": "x" }));
}

#[test]
fn point_26_add_appends_once() {
    let emails = |list: Value| json!({ "emails": list });
    let before = emails(json!([{ "value": "a" }]));
    check(
        before.clone(),
        one("add", "emails", json!([{ "value": "b" }])),
        emails(json!([{ "value": "a" }, { "value": "b" }])),
    );
    check(before.clone(), one("add", "emails", json!({ "value": "a" })), before.clone());
    check(before.clone(), one("add", "emails", json!([])), before.clone());
    check(
        before.clone(),
        one("add", "emails", json!([{ "value": "a", "display": "A" }])),
        emails(json!([{ "value": "a", "display": "A" }])),
    );
    check(before, one("replace", "emails", json!([{ "value": "b" }])), emails(json!([{ "value": "b" }])));
    let environments = |list: Value| json!({ "product_environments": list });
    check(
        environments(json!(["prod"])),
        one("Add", "product_environments", json!("STAGE")),
        environments(json!(["prod", "stage"])),
    );
    check(
        environments(json!(["prod"])),
        one("Add", "product_environments", json!(["prod"])),
        environments(json!(["prod"])),
    );
    check(environments(json!(["prod"])), one("replace", "product_environments", json!([])), json!({}));
}

#[test]
fn point_30_a_filter_replaces_whole_values_or_a_part_of_each() {
    let emails = |list: Value| json!({ "emails": list });
    let three = emails(json!([{ "value": "a", "type": "work" }, { "value": "b", "type": "work" }, { "value": "c" }]));
    check(
        three.clone(),
        one("replace", "emails[type eq \"work\"].display", json!("D")),
        emails(
            json!([{ "value": "a", "type": "work", "display": "D" }, { "value": "b", "type": "work", "display": "D" }, { "value": "c" }]),
        ),
    );
    check(
        three.clone(),
        one("replace", "emails[value eq \"A\"]", json!({ "value": "z" })),
        emails(json!([{ "value": "z" }, { "value": "b", "type": "work" }, { "value": "c" }])),
    );
    check(
        three.clone(),
        one("replace", "emails[type eq \"work\"]", json!({ "value": "z" })),
        emails(json!([{ "value": "z" }, { "value": "c" }])),
    );
    check(
        three.clone(),
        one("add", "emails[value eq \"c\"]", json!({ "type": "home" })),
        emails(
            json!([{ "value": "a", "type": "work" }, { "value": "b", "type": "work" }, { "value": "c", "type": "home" }]),
        ),
    );
    check(
        three.clone(),
        json!([{ "op": "remove", "path": "emails[type eq \"work\"]" }]),
        emails(json!([{ "value": "c" }])),
    );
    check(
        three.clone(),
        json!([{ "op": "remove", "path": "emails[type eq \"work\"].type" }]),
        emails(json!([{ "value": "a" }, { "value": "b" }, { "value": "c" }])),
    );
    check(three.clone(), json!([{ "op": "remove", "path": "emails[type eq \"none\"]" }]), three.clone());
    check(three.clone(), json!([{ "op": "remove", "path": "emails" }]), json!({}));
    check(
        three,
        one("remove", "emails", json!([{ "value": "A", "type": "WORK" }, { "value": "c" }])),
        emails(json!([{ "value": "b", "type": "work" }])),
    );
}

#[test]
fn point_29_a_path_without_a_match_creates_the_value_unless_we_are_strict() {
    for op in ["Add", "replace"] {
        let mut after = work_and_home();
        after["phoneNumbers"] = json!([{ "type": "mobile", "value": "1" }]);
        check(work_and_home(), one(op, "phoneNumbers[type eq \"mobile\"].value", json!("1")), after);
        check(
            json!({}),
            one(op, "roles[primary eq \"True\"].value", json!("editor")),
            json!({ "roles": [{ "primary": true, "value": "editor" }] }),
        );
        check(
            json!({}),
            one(op, "emails[type eq \"work\"]", json!({ "value": "x" })),
            json!({ "emails": [{ "type": "work", "value": "x" }] }),
        );
        check(json!({}), one(op, "emails[type eq \"work\"].value", json!("")), json!({}));
        let who_knows = one(op, "emails[type eq \"work\" or value co \"x\"].value", json!("x"));
        refused(Tolerances::EVERY, json!({}), who_knows, "noTarget");
    }
    refused(Tolerances::NONE, json!({}), one("replace", "emails[type eq \"work\"].value", json!("x")), "noTarget");
}

#[test]
fn what_a_patch_costs_is_bounded() {
    let emails: Vec<Value> = (0..1000).map(|number| json!({ "value": format!("{number}@x") })).collect();
    let there = full(json!({ "emails": emails }));
    let patch = |operation: Value, count: usize| apply_with(Tolerances::EVERY, &there, &json!(vec![operation; count]));
    let one = json!({ "op": "add", "path": "emails[value eq \"7@x\"].type", "value": "work" });
    assert!(patch(one.clone(), 1_900).is_ok());
    let whole = json!({ "op": "add", "path": "emails", "value": emails });
    let listed = json!({ "op": "remove", "path": "emails", "value": vec![json!({ "value": "nobody" }); 1000] });
    for (operation, count) in [(one, 2_100), (whole, 3), (listed, 3)] {
        let error = patch(operation, count).expect_err("too much");
        assert_eq!(error.wire(), (413, None));
        assert!(error.detail().contains("several requests"), "{error}");
    }
}

#[test]
fn point_31_one_value_is_primary() {
    let emails = |list: Value| json!({ "emails": list });
    let after = emails(json!([
        { "value": "a@w", "type": "work", "primary": false },
        { "value": "a@h", "type": "home", "primary": true }
    ]));
    check(work_and_home(), one("replace", "emails[type eq \"home\"].primary", json!(true)), after.clone());
    check(work_and_home(), one("add", "emails[type eq \"home\"]", json!({ "primary": "True" })), after);
    check(
        work_and_home(),
        one("add", "emails", json!([{ "value": "n", "primary": true }])),
        emails(json!([
            { "value": "a@w", "type": "work", "primary": false },
            { "value": "a@h", "type": "home" },
            { "value": "n", "primary": true }
        ])),
    );
    let two = json!([{ "value": "n", "primary": true }, { "value": "m", "primary": true }]);
    let tolerant = Tolerances::EVERY;
    refused(tolerant, work_and_home(), one("add", "emails", two.clone()), "invalidValue");
    refused(tolerant, work_and_home(), one("replace", "emails", two), "invalidValue");
    refused(tolerant, work_and_home(), one("replace", "emails.primary", json!(true)), "invalidValue");
    let with_the_old = json!([{ "value": "a@w", "type": "work", "primary": true }, { "value": "m", "primary": true }]);
    refused(tolerant, work_and_home(), one("replace", "emails", with_the_old), "invalidValue");
}

#[test]
fn point_28_what_cannot_be_removed_or_written_is_refused() {
    let tolerant = Tolerances::EVERY;
    refused(tolerant, json!({}), json!([{ "op": "remove" }]), "noTarget");
    refused(tolerant, json!({}), json!([{ "op": "remove", "path": "userName" }]), "mutability");
    refused(tolerant, json!({}), json!([{ "op": "remove", "path": "role" }]), "mutability");
    for ours in ["id", "meta", "groups", "meta.created"] {
        refused(tolerant, json!({}), json!([{ "op": "remove", "path": ours }]), "mutability");
        refused(tolerant, json!({}), one("replace", ours, json!("x")), "mutability");
    }
    refused(tolerant, json!({}), one("replace", &format!("{MANAGER}.displayName"), json!("x")), "mutability");
    refused(tolerant, json!({}), one("replace", "userName", json!(null)), "invalidValue");
    refused(tolerant, json!({}), one("replace", "role", json!("")), "invalidValue");
    refused(tolerant, json!({}), one("replace", "role", json!("boss")), "invalidValue");
    refused(tolerant, json!({}), one("replace", "active", json!("maybe")), "invalidValue");
    refused(tolerant, json!({}), one("replace", "emails[type eq", json!("x")), "invalidFilter");
    refused(tolerant, json!({}), one("replace", "emails.", json!("x")), "invalidPath");
    refused(tolerant, json!({}), one("replace", "emails[type eq \"work\"]", json!([{}, {}])), "invalidValue");
}

#[test]
fn point_19_an_immutable_value_stays() {
    let tolerant = Tolerances::EVERY;
    check(json!({}), one("add", "badge", json!("gold")), json!({ "badge": "gold" }));
    check(json!({ "badge": "gold" }), one("replace", "badge", json!("gold")), json!({ "badge": "gold" }));
    refused(tolerant, json!({ "badge": "gold" }), one("replace", "badge", json!("silver")), "mutability");
    refused(tolerant, json!({ "badge": "gold" }), json!([{ "op": "remove", "path": "badge" }]), "mutability");
}

#[test]
fn an_unknown_attribute_is_ignored_unless_we_are_strict() {
    for path in ["shoeSize", "name.shoeSize", "urn:example:thing:size", "emails[type eq \"work\"].shoeSize"] {
        check(json!({}), one("replace", path, json!("x")), json!({}));
        refused(Tolerances::NONE, json!({}), one("replace", path, json!("x")), "invalidPath");
    }
}

#[test]
fn a_value_older_than_the_rules_does_not_block_other_changes() {
    let before = json!({ "role": "retired_role" });
    check(before.clone(), one("replace", "title", json!("x")), json!({ "role": "retired_role", "title": "x" }));
    check(before, one("replace", "role", json!("billing")), json!({ "role": "billing" }));
}

#[test]
fn a_password_is_accepted_and_kept_nowhere() {
    check(json!({}), without_path("replace", json!({ "password": "hunter2" })), json!({}));
    check(json!({}), one("replace", "password", json!("hunter2")), json!({}));
    check(json!({}), json!([{ "op": "remove", "path": "password" }]), json!({}));
    refused(Tolerances::EVERY, json!({}), one("replace", "password", json!({ "a": 1 })), "invalidValue");
}
