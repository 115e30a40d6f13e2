use serde_json::json;

use super::*;
use crate::examples::barbara_jensen;

fn named(registry: &Registry, keys: &[SearchKey]) -> Vec<(String, String)> {
    let name = |key: &SearchKey| registry.attribute_name(key.attribute).expect("an indexed attribute");
    let mut pairs: Vec<_> = keys.iter().map(|key| (name(key), key.key.clone())).collect();
    pairs.sort();
    pairs
}

#[test]
fn a_user_is_found_by_each_value_of_its_indexed_attributes() {
    let registry = Registry::standard();
    let keys = search_keys(&registry, &barbara_jensen());
    let expected = [
        ("active", "true"),
        ("displayName", "babs jensen"),
        ("emails.value", "babs@jensen.org"),
        ("emails.value", "bjensen@example.com"),
        ("externalId", "701984"),
        ("userName", "bjensen@example.com"),
    ];
    assert_eq!(named(&registry, &keys), expected.map(|(name, key)| (name.to_owned(), key.to_owned())));
    assert!(keys.is_sorted());
    let unique: Vec<_> = keys.iter().filter(|key| key.unique).map(|key| key.key.as_str()).collect();
    assert_eq!(unique, ["bjensen@example.com"], "userName alone");
}

#[test]
fn the_same_value_twice_is_one_key() {
    let registry = Registry::standard();
    let mut user = barbara_jensen();
    user.attributes
        .insert("emails".to_owned(), json!([{ "value": "A@x.org" }, { "value": "a@X.ORG", "type": "home" }]));
    let emails = AttributeKey::of("User", None, "emails", Some("value"));
    let found: Vec<_> = search_keys(&registry, &user).into_iter().filter(|key| key.attribute == emails).collect();
    assert_eq!(found.iter().map(|key| key.key.as_str()).collect::<Vec<_>>(), ["a@x.org"]);
}

#[test]
fn a_change_is_what_was_and_is_not_and_what_is_and_was_not() {
    let key = |text: &str| SearchKey { attribute: AttributeKey(1), key: text.to_owned(), unique: false };
    let change = KeyChange::between(&[key("a"), key("b")], &[key("b"), key("c")]);
    assert_eq!(change, KeyChange { removed: vec![key("a")], added: vec![key("c")] });
    assert!(KeyChange::between(&[key("a")], &[key("a")]).is_empty());
}

#[test]
fn numbers_of_attributes_never_change_and_ignore_case() {
    assert_eq!(AttributeKey::of("User", None, "userName", None), AttributeKey::of("User", None, "USERNAME", None));
    assert_eq!(AttributeKey::of("User", None, "userName", None), AttributeKey(NUMBER_OF_USER_NAME));
    let user = AttributeKey::of("User", None, "externalId", None);
    assert_ne!(user, AttributeKey::of("Group", None, "externalId", None));
}

/// Stored in every database: changing it invalidates all indexes.
const NUMBER_OF_USER_NAME: i32 = 1_895_985_888;
