use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::Draft;
use crate::error::Error;
use crate::observations::Observations;
use crate::resource::complete::complete;
use crate::resource::reader::{Existing, Reader};
use crate::schema::{GROUP, ResourceTypeId, USER};
use crate::testing::{BASE, World, any_value, is_canonical, provisioning};
use crate::tolerance::{ToleranceTracker, Tolerances};
use crate::urn;

fn accept(kind: ResourceTypeId, body: &Value, on: Tolerances) -> Result<Map<String, Value>, Error> {
    let (registry, account_values) = provisioning();
    let leniency = ToleranceTracker::new(on);
    let observations = Observations::default();
    let reader = Reader {
        account_values: &account_values,
        leniency: &leniency,
        base: BASE,
        observations: &observations,
        lists: true,
        existing: Existing::Nothing,
    };
    let resource_type = registry.get(kind);
    let mut draft = Draft::read(body, resource_type, &reader)?;
    complete(&mut draft.attributes, resource_type, &reader)?;
    Ok(draft.attributes)
}

/// A user with this beside the required attributes becomes a document with that beside them.
fn check(given: Value, expected: Value) {
    let body = user(given.clone());
    let mut document = accept(USER, &body, Tolerances::EVERY).unwrap_or_else(|error| panic!("{given}: {error}"));
    for (name, value) in [("userName", json!("ana")), ("role", json!("admin")), ("active", json!(true))] {
        if expected.get(name).is_none() {
            assert_eq!(document.shift_remove(name), Some(value), "{given}");
        }
    }
    assert_eq!(Value::Object(document), expected, "{given}");
}

fn user(given: Value) -> Value {
    let mut body = json!({ "schemas": [urn::USER], "userName": "ana", "role": "admin" });
    body.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
    body
}

fn check_refused(body: &Value, on: Tolerances, scim_type: &str, says: &str) {
    let error = accept(USER, body, on).expect_err(&body.to_string());
    assert_eq!(error.wire(), (400, Some(scim_type)), "{body}");
    assert!(error.detail().contains(says), "{body}: {}", error.detail());
}

fn refused(given: Value, says: &str) {
    check_refused(&user(given), Tolerances::EVERY, "invalidValue", says);
}

#[test]
fn point_16_what_is_ours_and_what_no_schema_knows_is_ignored() {
    check(json!({ "id": "mine", "meta": { "resourceType": "X" }, "groups": [{ "value": "g" }] }), json!({}));
    check(json!({ "ID": 7, "unknown": { "deep": [1] }, "urn:example:unknown": { "a": 1 }, "a.b": 1 }), json!({}));
    check(json!({ "name": { "givenName": "Ana", "shoeSize": 7 } }), json!({ "name": { "givenName": "Ana" } }));
}

#[test]
fn point_21_null_and_empty_mean_unassigned() {
    check(json!({ "title": null, "nickName": "", "emails": [], "name": {}, "roles": null }), json!({}));
    check(json!({ "emails": [{}, null, { "value": "" }], "name": { "givenName": "", "familyName": null } }), json!({}));
    check(json!({ "active": null }), json!({}));
    check(json!({ (urn::ENTERPRISE_USER): { "department": "" } }), json!({}));
    check(json!({ (urn::ENTERPRISE_USER): null }), json!({}));
}

#[test]
fn point_23_names_match_in_any_case_and_of_two_the_last_counts() {
    check(json!({ "TITLE": "a", "EMAILS": [{ "VALUE": "x" }] }), json!({ "title": "a", "emails": [{ "value": "x" }] }));
    check(json!({ "title": "a", "Title": "b" }), json!({ "title": "b" }));
    check(json!({ "title": "a", "Title": null }), json!({}));
    check(
        json!({ "URN:IETF:params:scim:schemas:extension:ENTERPRISE:2.0:user": { "DEPARTMENT": "News" } }),
        json!({ (urn::ENTERPRISE_USER): { "department": "News" } }),
    );
}

#[test]
fn values_take_the_declared_type_where_that_is_harmless() {
    for yes in [json!(true), json!("true"), json!("True"), json!([true]), json!(["TRUE"])] {
        check(json!({ "active": yes }), json!({ "active": true }));
    }
    check(json!({ "active": "False" }), json!({ "active": false }));
    check(json!({ "title": 42 }), json!({ "title": "42" }));
    check(json!({ "title": ["x"] }), json!({ "title": "x" }));
    check(json!({ "emails": { "value": "x" } }), json!({ "emails": [{ "value": "x" }] }));
    check(json!({ "emails": ["x", "y", "x"] }), json!({ "emails": [{ "value": "x" }, { "value": "y" }] }));
    check(json!({ "product_environments": "Prod" }), json!({ "product_environments": ["prod"] }));
}

#[test]
fn a_manager_is_understood_in_every_shape() {
    let expected = json!({ (urn::ENTERPRISE_USER): { "manager": { "value": "m" } } });
    for manager in [
        json!("m"),
        json!({ "value": "m" }),
        json!([{ "value": "m", "$ref": null }]),
        json!({ "managerId": "m", "displayName": "Ours" }),
    ] {
        check(json!({ (urn::ENTERPRISE_USER): { "manager": manager } }), expected.clone());
    }
    check(json!({ "manager": "m" }), expected.clone());
    check(json!({ "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager": "m" }), expected);
    check(json!({ (urn::USER): { "title": "Editor" } }), json!({ "title": "Editor" }));
}

#[test]
fn what_does_not_suit_its_attribute_is_refused_by_name() {
    refused(json!({ "active": "maybe" }), "active is a boolean");
    refused(json!({ "active": [true, false] }), "active has one value");
    refused(json!({ "title": { "a": 1 } }), "title is a string");
    refused(json!({ "name": "Ana" }), "name is an object");
    refused(json!({ "name": { "givenName": [["x"]] } }), "name.givenName is a string");
    refused(json!({ "emails": [["x"]] }), "emails is an object");
    refused(json!({ (urn::ENTERPRISE_USER): 7 }), "is an object of the extension's attributes");
    refused(json!({ (urn::ENTERPRISE_USER): { "department": {} } }), "enterprise:2.0:User:department is a string");
    refused(json!({ "x509Certificates": [{ "value": "not base64!" }] }), "base64");
    refused(json!({ "title": "a\u{0}b" }), "U+0000");
    refused(json!({ "title": "x".repeat(64 * 1024 + 1) }), "title is 65537 bytes long");
    refused(json!({ "userName": "x".repeat(1025) }), "userName is 1025 bytes long");
    refused(json!({ "emails": vec!["x"; 1001] }), "more than 1000");
}

#[test]
fn a_password_is_checked_dropped_and_never_repeated() {
    check(json!({ "password": "hunter2" }), json!({}));
    let error = accept(USER, &user(json!({ "password": { "hunter2": 1 } })), Tolerances::EVERY).unwrap_err();
    assert_eq!(error.detail(), "password is a string: send it in double quotes");
}

#[test]
fn a_closed_list_is_enforced_and_explained() {
    check(json!({ "role": "billing" }), json!({ "role": "billing" }));
    check(json!({ "product_environments": ["PROD", "stage"] }), json!({ "product_environments": ["prod", "stage"] }));
    refused(json!({ "role": "boss" }), "role: \"boss\" is not allowed; allowed values: master_admin, admin, billing");
    refused(
        json!({ "product_environments": ["prod", "moon"] }),
        "\"moon\" is not allowed; allowed values: prod, stage",
    );
    refused(json!({ "badge": "Gold" }), "differs from \"gold\" only in letter case");
    refused(json!({ "nothing": "x" }), "no value is allowed at present");
}

#[test]
fn a_required_attribute_gets_its_default_or_is_asked_for() {
    let (registry, mut account_values) = provisioning();
    let resource_type = registry.get(USER);
    let tolerance = Tolerances::EVERY;
    for role in [json!(null), json!(""), json!([])] {
        check_refused(&user(json!({ "role": role })), tolerance, "invalidValue", "role is required");
        check_refused(&user(json!({ "role": role })), tolerance, "invalidValue", "master_admin, admin, billing");
    }
    check_refused(&json!({ "role": "admin" }), tolerance, "invalidValue", "userName is required");
    check_refused(&user(json!({ "userName": "" })), tolerance, "invalidValue", "userName is required");

    account_values.defaults.insert("account.default_role".to_owned(), "billing".to_owned());
    let leniency = ToleranceTracker::generous();
    let observations = Observations::default();
    let reader = Reader {
        account_values: &account_values,
        leniency: &leniency,
        base: BASE,
        observations: &observations,
        lists: true,
        existing: Existing::Nothing,
    };
    let mut document = Draft::read(&json!({ "userName": "ana" }), resource_type, &reader).unwrap().attributes;
    complete(&mut document, resource_type, &reader).unwrap();
    assert_eq!(Value::Object(document), json!({ "userName": "ana", "role": "billing", "active": true }));
}

#[test]
fn point_47_a_group_needs_a_name() {
    let error = accept(GROUP, &json!({ "schemas": [urn::GROUP] }), Tolerances::EVERY).unwrap_err();
    assert!(error.detail().contains("displayName is required"));
    let members = json!({ "displayName": "G", "members": [{ "value": "a" }] });
    assert_eq!(
        Value::Object(accept(GROUP, &members, Tolerances::EVERY).unwrap()),
        json!({ "displayName": "G" }),
        "members are not part of the document"
    );
}

#[test]
fn point_31_two_primaries_are_refused() {
    refused(json!({ "emails": [{ "value": "a", "primary": true }, { "value": "b", "primary": "True" }] }), "primary");
    check(
        json!({ "emails": [{ "value": "a", "primary": true }, { "value": "b", "primary": false }] }),
        json!({ "emails": [{ "value": "a", "primary": true }, { "value": "b", "primary": false }] }),
    );
}

#[test]
fn point_22_schemas_name_the_base_schema_or_something_we_forgive() {
    let tolerant = Tolerances::EVERY;
    let with = |schemas: Value| json!({ "schemas": schemas, "userName": "ana", "role": "admin" });
    for fine in [
        json!([urn::USER]),
        json!([urn::ENTERPRISE_USER, urn::USER, urn::USER, "urn:unknown"]),
        json!(["URN:ietf:params:scim:schemas:core:2.0:user"]),
    ] {
        assert!(accept(USER, &with(fine.clone()), Tolerances::NONE).is_ok(), "{fine}");
    }
    for forgiven in [json!(null), json!([]), json!(["urn:scim:schemas:core:1.0"]), json!(["urn:scim:schemas:core:2.0"])]
    {
        assert!(accept(USER, &with(forgiven.clone()), tolerant).is_ok(), "{forgiven}");
        check_refused(&with(forgiven), Tolerances::NONE, "invalidSyntax", urn::USER);
    }
    for wrong in [json!([urn::GROUP]), json!([urn::PATCH_OP]), json!(7), json!([7])] {
        check_refused(&with(wrong), tolerant, "invalidSyntax", urn::USER);
    }
    for no_object in [json!([]), json!("x"), json!(null)] {
        check_refused(&no_object, tolerant, "invalidSyntax", "JSON object");
    }
}

#[test]
fn to_the_letter_nothing_is_coerced() {
    let strict = |given: Value, says: &str| check_refused(&user(given), Tolerances::NONE, "invalidValue", says);
    strict(json!({ "active": "true" }), "active is a boolean");
    strict(json!({ "active": [true] }), "active has one value");
    strict(json!({ "title": 42 }), "title is a string");
    strict(json!({ "emails": { "value": "x" } }), "emails is multi-valued");
    strict(json!({ "emails": ["x"] }), "emails is an object");
}

proptest! {
    #[test]
    fn any_body_becomes_canonical_or_is_refused(body in any_value(), strict in any::<bool>()) {
        let tolerance = if strict { Tolerances::NONE } else { Tolerances::EVERY };
        match accept(USER, &body, tolerance) {
            Ok(document) => prop_assert!(is_canonical(&Value::Object(document.clone())), "{body} became {document:?}"),
            Err(error) => prop_assert!(error.wire().0 == 400, "{body}: {error}"),
        }
    }

    #[test]
    fn what_was_answered_can_be_put_back_without_a_change(given in any_value()) {
        let mut body = json!({ "userName": "ana", "role": "admin" });
        if let (Some(body), Value::Object(given)) = (body.as_object_mut(), given) {
            body.extend(given.into_iter().filter(|(name, _)| !["userName", "role"].contains(&name.as_str())));
        }
        let mut world = World::new();
        if world.create(USER, body).is_ok() {
            let answered = world.get(USER, "id-1").expect("a user");
            let written = world.put(USER, "id-1", answered.clone());
            prop_assert!(written.is_ok_and(|written| !written.changed), "{answered}");
        }
    }
}
