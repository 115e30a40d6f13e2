use serde_json::{Value, json};

use crate::schema::USER;
use crate::testing::{World, refusal};
use crate::tolerance::{Tolerance, Tolerances};

/// An account that declares a separator, and a user who is restricted to one environment.
fn world() -> (World, String) {
    let mut world = World::new();
    world.account_values.list_separator = Some(';');
    let body = json!({ "userName": "ana", "role": "admin", "product_environments": ["prod"] });
    let id = world.create(USER, body).expect("a user").resource.id;
    (world, id.as_str().to_owned())
}

fn environments(world: &mut World, id: &str) -> Value {
    world.get(USER, id).expect("the user")["product_environments"].clone()
}

fn patch(op: &str, path: &str, value: Value) -> Value {
    json!([{ "op": op, "path": path, "value": value }])
}

const ENVIRONMENTS: &str = "product_environments";
const OF_ENTRA: &str = "urn:ietf:params:scim:schemas:extension:acme:2.0:User:product_environments";

#[test]
fn a_declared_separator_divides_a_list_by_every_way_that_it_comes() {
    for sent in [
        json!("prod;stage"),
        json!(" stage ; prod "),
        json!(["prod;stage"]),
        json!("prod;;stage;"),
        json!(["prod", "stage;prod"]),
    ] {
        let (mut world, id) = world();
        let created = world.create(USER, json!({ "userName": "ben", "role": "admin", ENVIRONMENTS: sent }));
        let created = created.expect("a user").resource;
        let mut found: Vec<&str> =
            created.attributes()[ENVIRONMENTS].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        found.sort_unstable();
        assert_eq!(found, ["prod", "stage"], "{sent}");
        assert!(world.forgiven.contains(Tolerance::SeparatedValues));
        for path in [ENVIRONMENTS, OF_ENTRA] {
            for op in ["Add", "replace"] {
                world.patch(USER, &id, patch(op, path, sent.clone())).expect("a patch");
                assert_eq!(environments(&mut world, &id).as_array().map(Vec::len), Some(2), "{op} {path} {sent}");
                world.patch(USER, &id, patch("replace", ENVIRONMENTS, json!(["prod"]))).expect("a patch");
            }
        }
    }
}

#[test]
fn a_text_is_the_whole_list_so_what_it_leaves_out_is_taken_away_whichever_operation_brings_it() {
    for op in ["Add", "Replace"] {
        let (mut world, id) = world();
        world.patch(USER, &id, patch(op, OF_ENTRA, json!("prod;stage"))).expect("a patch");
        world.patch(USER, &id, patch(op, OF_ENTRA, json!("stage"))).expect("a patch");
        assert_eq!(environments(&mut world, &id), json!(["stage"]), "{op}");
        // An array says what it adds.
        world.patch(USER, &id, patch("add", ENVIRONMENTS, json!(["prod"]))).expect("a patch");
        assert_eq!(environments(&mut world, &id).as_array().map(Vec::len), Some(2));
    }
}

#[test]
fn a_list_with_nothing_in_it_opens_nothing() {
    for nothing in [";", " ; ", ";;;", "", "  "] {
        let (mut world, id) = world();
        let body = json!({ "userName": "ben", "role": "admin", ENVIRONMENTS: nothing });
        assert_eq!(refusal(world.create(USER, body.clone())), (400, Some("invalidValue")), "{nothing:?}");
        assert_eq!(refusal(world.put(USER, &id, body)), (400, Some("invalidValue")), "{nothing:?}");
        for op in ["add", "replace"] {
            let outcome = world.patch(USER, &id, patch(op, OF_ENTRA, json!(nothing)));
            assert!(outcome.is_err(), "{op} {nothing:?}");
            assert_eq!(environments(&mut world, &id), json!(["prod"]), "{op} {nothing:?}");
        }
    }
}

#[test]
fn without_a_declaration_or_the_tolerance_a_text_is_one_value_and_others_lists_stay_as_they_are() {
    let (mut world, id) = world();
    world.on = Tolerances::EVERY.without(Tolerance::SeparatedValues);
    let sent = || patch("replace", ENVIRONMENTS, json!("prod;stage"));
    assert_eq!(refusal(world.patch(USER, &id, sent())), (400, Some("invalidValue")));
    world.on = Tolerances::EVERY;
    world.account_values.list_separator = None;
    assert_eq!(refusal(world.patch(USER, &id, sent())), (400, Some("invalidValue")));
    world.patch(USER, &id, patch("add", ENVIRONMENTS, json!("stage"))).expect("a patch");
    assert_eq!(environments(&mut world, &id).as_array().map(Vec::len), Some(2), "one value is added");

    // A value that is allowed as it stands is not divided; nor is a complex value, or an attribute of one value.
    world.account_values.list_separator = Some(';');
    let lists = &mut world.account_values.lists;
    lists.insert("account.environments".to_owned(), vec!["prod;eu".to_owned(), "prod".to_owned(), "eu".to_owned()]);
    world.patch(USER, &id, patch("replace", ENVIRONMENTS, json!("prod;eu"))).expect("a patch");
    assert_eq!(environments(&mut world, &id), json!(["prod;eu"]));
    let operations = json!([
        { "op": "replace", "path": "title", "value": "a;b" },
        { "op": "replace", "path": "emails", "value": [{ "value": "a;b@x.test", "type": "work" }] },
    ]);
    world.patch(USER, &id, operations).expect("a patch");
    let ana = world.get(USER, &id).expect("the user");
    assert_eq!((&ana["title"], &ana["emails"][0]["value"]), (&json!("a;b"), &json!("a;b@x.test")));
}
