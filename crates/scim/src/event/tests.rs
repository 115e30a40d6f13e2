use serde_json::json;

use super::*;
use crate::schema::{Overlay, Registry, USER};

fn told(overlays: Value, before: Value, after: Value) -> Vec<(String, bool, Option<Value>, Option<Value>)> {
    let overlays: Vec<Overlay> = serde_json::from_value(overlays).expect("declarations");
    let registry = Registry::build(&overlays).expect("a registry");
    let map = |value: Value| value.as_object().cloned().expect("an object");
    let found = changes(registry.get(USER), &map(before), &map(after));
    found.into_iter().map(|change| (change.path, change.declared, change.before, change.after)).collect()
}

#[test]
fn a_change_is_told_by_its_path_with_what_was_before_and_after() {
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let before =
        json!({"userName": "ana", "name": {"givenName": "Ana", "familyName": "B"}, "title": "x", "active": true});
    let after = json!({"userName": "ana", "name": {"givenName": "Anna", "familyName": "B"}, "active": false,
        enterprise: {"department": "R"}});
    let found = told(json!([]), before, after);
    let change = |path: &str, before: Value, after: Value| {
        let value = |value: Value| Some(value).filter(|value| !value.is_null());
        (path.to_owned(), false, value(before), value(after))
    };
    assert_eq!(
        found,
        [
            change("name.givenName", json!("Ana"), json!("Anna")),
            change("title", json!("x"), Value::Null),
            change("active", json!(true), json!(false)),
            change(&format!("{enterprise}:department"), Value::Null, json!("R")),
        ]
    );
}

#[test]
fn a_declared_attribute_says_so_and_one_that_is_never_returned_has_no_values() {
    let after = json!({"role": "admin", "password": "4711"});
    let found = told(json!([{"name": "role"}]), json!({}), after);
    let role = ("role".to_owned(), true, None, Some(json!("admin")));
    assert_eq!(found, [("password".to_owned(), false, None, None), role]);
}
