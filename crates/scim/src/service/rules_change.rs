//! Tests of rules that change after values were written: stored values may be repeated, new ones may not.

use serde_json::{Value, json};

use crate::schema::{CanonicalValues, Registry, USER};
use crate::testing::{World, refusal};

const TEAM: &str = "urn:orchard:params:scim:schemas:1.0:Team";

fn overlays(later: bool) -> Value {
    let lists = |early: Value, late: Value| if later { late } else { early };
    json!([
        { "name": "role", "required": true, "indexed": true,
          "canonical_values": lists(json!(["admin", "billing", "Reports"]), json!(["admin", "billing"])) },
        { "name": "environments", "multi_valued": true, "case_exact": true,
          "canonical_values": lists(json!(["prod", "stage"]), json!(["prod", "test"])) },
        { "name": "rights", "type": "complex", "multi_valued": true, "sub_attributes": [
            { "name": "where" },
            { "name": "what", "canonical_values": lists(json!(["read", "write"]), json!(["read"])) },
            { "name": "since", "required": later } ] },
        { "name": "licences", "type": "complex", "multi_valued": true, "sub_attributes": [
            { "name": "value", "canonical_values": lists(json!(["gold", "tin"]), json!(["tin"])) }, { "name": "note" } ] },
        { "name": "badge", "mutability": "immutable", "canonical_values": lists(json!(["gold", "tin"]), json!(["tin"])) },
        { "name": "motto", "indexed": true, "uniqueness": if later { "server" } else { "none" } },
        { "name": "floor", "type": if later { "integer" } else { "string" } },
        { "name": "skills", "multi_valued": !later },
        { "name": "costUnit", "required": later },
        { "schema": TEAM, "name": "lead", "canonical_values": lists(json!(["ana"]), json!(["ben"])) },
        { "schema": TEAM, "name": "seat", "required": later }
    ])
}

fn rules(later: bool) -> Registry {
    Registry::build(&serde_json::from_value::<Vec<_>>(overlays(later)).expect("overlays")).expect("a registry")
}

/// A user written before the rules became stricter.
fn later() -> (World, String) {
    let mut world = World::new();
    world.registry = rules(false);
    let ana = json!({
        "userName": "ana", "role": "reports", "environments": ["prod", "stage"],
        "rights": [{ "where": "a", "what": "write" }, { "where": "b", "what": "read" }],
        "licences": [{ "value": "gold", "note": "old" }],
        "badge": "gold", "motto": "x".repeat(2_000), "floor": "seventh", "skills": ["a", "b"], (TEAM): { "lead": "ana" }
    });
    let id = world.create(USER, ana).expect("by the old rules").resource.id.to_string();
    world.registry = rules(true);
    (world, id)
}

#[test]
fn report_1_what_was_read_may_be_written_back() {
    let (mut world, ana) = later();
    let read = world.get(USER, &ana).unwrap();
    let mut off = read.clone();
    off["active"] = json!(false);
    let written = world.put(USER, &ana, off.clone()).expect("deactivated");
    assert!(!written.resource.is_active());
    assert_eq!(Value::Object(written.resource.attributes().clone())["environments"], json!(["prod", "stage"]));
    let now = world.get(USER, &ana).unwrap();
    assert!(
        read.as_object().unwrap().iter().all(|(name, value)| name == "active" || name == "meta" || now[name] == *value)
    );
    // The same without tolerances and by PATCH: as one value, and attribute by attribute.
    let (mut world, ana) = later();
    world.on = crate::tolerance::Tolerances::NONE;
    world.put(USER, &ana, off.clone()).expect("deactivated");
    let (mut world, ana) = later();
    world.patch(USER, &ana, json!([{ "op": "replace", "value": off }])).expect("deactivated");
    for op in ["add", "replace"] {
        let (mut world, ana) = later();
        let off = off
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| !["id", "meta", "schemas", "groups"].contains(&name.as_str()));
        let operations: Vec<Value> =
            off.map(|(name, value)| json!({ "op": op, "path": name, "value": value })).collect();
        assert!(!world.patch(USER, &ana, json!(operations)).expect("deactivated").resource.is_active());
    }
    let (mut world, ana) = later();
    world.patch(USER, &ana, json!([{ "op": "replace", "path": "active", "value": false }])).expect("deactivated");
}

#[test]
fn report_1_a_new_value_outside_the_list_stays_refused() {
    let (mut world, ana) = later();
    let body = |name: &str, value: Value| {
        let mut body = json!({ "userName": "ana", "role": "reports", "costUnit": "7", "active": false });
        body[name] = value;
        body
    };
    for (name, value) in [
        ("role", json!("superuser")),
        ("environments", json!(["prod", "stage", "elsewhere"])),
        ("environments", json!(["STAGE"])),
        ("rights", json!([{ "where": "b", "what": "write", "since": "1" }])),
        ("rights", json!([{ "where": "a", "what": "read" }])),
        ("licences", json!([{ "value": "silver" }])),
        ("floor", json!("eighth")),
        ("badge", json!("tin")),
        ("motto", json!("y".repeat(2_000))),
        (TEAM, json!({ "lead": "cas", "seat": "1" })),
    ] {
        let refused = refusal(world.put(USER, &ana, body(name, value.clone())));
        assert!(matches!(refused, (400, Some("invalidValue" | "mutability"))), "{name} {value}: {refused:?}");
        let operation = json!([{ "op": "replace", "value": { (name): value.clone(), "active": false } }]);
        let refused = refusal(world.patch(USER, &ana, operation));
        assert!(matches!(refused, (400, Some("invalidValue" | "mutability"))), "{name} {value}: {refused:?}");
    }
    // What one value may repeat, another value of the attribute may not.
    for path in ["rights[where eq \"b\"].what", "rights[where eq \"c\"].what"] {
        let operation = json!([{ "op": "replace", "path": path, "value": "write" }]);
        assert_eq!(refusal(world.patch(USER, &ana, operation)), (400, Some("invalidValue")), "{path}");
    }
    world
        .patch(USER, &ana, json!([{ "op": "replace", "path": "rights[where eq \"a\"].what", "value": "WRITE" }]))
        .unwrap();
    assert!(world.get(USER, &ana).unwrap()["active"].as_bool().unwrap());
}

#[test]
fn report_1_old_values_beside_new_ones_and_without_them() {
    let (mut world, ana) = later();
    // One who is restricted by old and new: both stay, in the spelling stored, and either can go.
    let patch = |world: &mut World, op: &str, value: Value| {
        let operation = json!([{ "op": op, "path": "environments", "value": value }]);
        world.patch(USER, &ana, operation).map(|written| written.resource.attributes().get("environments").cloned())
    };
    assert_eq!(patch(&mut world, "add", json!(["stage", "test"])).unwrap(), Some(json!(["prod", "stage", "test"])));
    assert_eq!(patch(&mut world, "replace", json!(["stage", "test"])).unwrap(), Some(json!(["stage", "test"])));
    assert_eq!(patch(&mut world, "remove", json!(["stage"])).unwrap(), Some(json!(["test"])));
    assert_eq!(refusal(patch(&mut world, "add", json!(["stage"]))), (400, Some("invalidValue")), "gone is gone");
    // A part may change beside one that is old, and a value of it repeated in another letter case is the one stored.
    let licences = json!([{ "op": "replace", "path": "licences", "value": [{ "value": "GOLD", "note": "new" }] }]);
    let written = world.patch(USER, &ana, licences).unwrap();
    assert_eq!(written.resource.attributes()["licences"], json!([{ "value": "gold", "note": "new" }]));
    let role = json!([{ "op": "replace", "path": "role", "value": "REPORTS" }]);
    assert!(!world.patch(USER, &ana, role).unwrap().changed);
}

#[test]
fn report_1_what_is_left_out_does_not_block_a_deactivation() {
    let (mut world, ana) = later();
    let bare = |active: bool| json!({ "userName": "ana", "active": active, (TEAM): { "lead": "ana" } });
    assert_eq!(refusal(world.put(USER, &ana, bare(true))), (400, Some("invalidValue")));
    let written = world.put(USER, &ana, bare(false)).expect("deactivated");
    let now = written.resource.attributes();
    assert_eq!((&now["role"], now.get("costUnit"), now.get("environments")), (&json!("Reports"), None, None));
    assert_eq!(
        refusal(world.put(USER, &ana, json!({ "userName": "", "role": "x", "active": false }))),
        (400, Some("invalidValue"))
    );
}

#[test]
fn report_1_a_user_who_comes_back_may_have_what_they_had() {
    let (mut world, ana) = later();
    world.patch(USER, &ana, json!([{ "op": "replace", "path": "active", "value": false }])).unwrap();
    let again = |user_name: &str, role: &str| json!({ "userName": user_name, "role": role, "costUnit": "7", "environments": ["stage"] });
    assert_eq!(refusal(world.create(USER, again("ben", "reports"))), (400, Some("invalidValue")));
    assert_eq!(refusal(world.create(USER, again("ana", "superuser"))), (400, Some("invalidValue")));
    let written = world.create(USER, again("ANA", "reports")).expect("restored");
    assert_eq!((written.resource.id.as_str(), written.resource.is_active()), (ana.as_str(), true));
    assert_eq!(written.resource.attributes()["role"], "Reports");
    assert_eq!(refusal(world.create(USER, again("ana", "reports"))), (400, Some("invalidValue")), "and once only");
}

#[test]
fn report_1_a_list_in_the_vocabulary_of_a_customer() {
    let mut world = World::new();
    let ana = json!({ "userName": "ana", "role": "admin", "product_environments": ["stage"] });
    let ana = world.create(USER, ana).unwrap().resource.id.to_string();
    world.account_values.lists.insert("account.environments".to_owned(), vec!["prod".to_owned()]);
    let mut read = world.get(USER, &ana).unwrap();
    read["active"] = json!(false);
    world.put(USER, &ana, read).expect("deactivated");
    assert_eq!(world.get(USER, &ana).unwrap()["product_environments"], json!(["stage"]), "and restricted as before");
    let user = world.registry.get(USER).attribute("product_environments").unwrap();
    assert!(matches!(&user.canonical_values, CanonicalValues::OnlyListed(_)));
}
