use serde_json::json;

use super::*;
use crate::schema::{GROUP, Registry, USER};

fn overlays(declared: Value) -> Vec<Overlay> {
    serde_json::from_value(declared).expect("well-formed declarations")
}

fn built(declared: Value) -> Registry {
    Registry::build(&overlays(declared)).expect("right declarations")
}

#[test]
fn an_attribute_of_the_core_schema_has_everything_it_was_declared_with() {
    let registry = built(json!([
        {"schema": urn::USER, "name": "role", "required": true, "indexed": true, "description": "What the user may do.",
         "canonical_values": ["admin", "reports"], "default": "account.default_role"},
        {"name": "product_environments", "multi_valued": true, "canonical_values_from": "account.product_environments"}
    ]));
    let user = registry.get(USER);
    let role = user.attribute("ROLE").expect("role");
    assert_eq!(role.canonical_values, CanonicalValues::Only(vec!["admin".to_owned(), "reports".to_owned()]));
    assert_eq!(role.default, Some(DefaultValue::Named("account.default_role".to_owned())));
    assert!(role.required && role.indexed && !role.case_exact && role.description.starts_with("What"));
    let environments = user.attribute("product_environments").expect("product_environments");
    assert!(environments.multi_valued && !environments.required);
    assert_eq!(environments.canonical_values, CanonicalValues::OnlyListed("account.product_environments".to_owned()));
    assert!(registry.indexed().iter().any(|indexed| indexed.path == "role"));
    assert_ne!(registry.index_fingerprint(), Registry::standard().index_fingerprint());
}

#[test]
fn an_unknown_urn_makes_an_extension_and_further_attributes_join_it() {
    let registry = built(json!([
        {"schema": "urn:acme:scim:1.0:Team", "resource_type": "Group", "name": "budget", "type": "decimal"},
        {"schema": "URN:ACME:scim:1.0:team", "name": "owner", "type": "complex",
         "sub_attributes": [{"name": "value", "indexed": true}, {"name": "since", "type": "dateTime"}]},
        {"schema": urn::ENTERPRISE_USER, "name": "badge", "type": "integer"}
    ]));
    let group = registry.get(GROUP);
    let (extension, required) = group.extensions.first().expect("an extension");
    assert_eq!((extension.id.as_str(), extension.name.as_str(), *required), ("urn:acme:scim:1.0:Team", "Team", false));
    assert_eq!(extension.attributes.len(), 2);
    assert!(extension.attribute("owner").and_then(|owner| owner.sub_attribute("since")).is_some());
    assert!(registry.get(USER).extension(urn::ENTERPRISE_USER).and_then(|schema| schema.attribute("badge")).is_some());
}

#[test]
fn each_mistake_is_named_with_what_would_be_right() {
    let check = |declared: Value, expected: &str| {
        let mistakes = Registry::build(&overlays(json!([declared.clone()]))).expect_err("a mistake");
        assert!(mistakes.iter().any(|mistake| mistake.contains(expected)), "{declared}: {mistakes:?} lacks {expected}");
    };
    check(json!({}), "name must be a letter");
    check(json!({"name": "shoe size"}), "name must be a letter");
    check(json!({"name": "$ref"}), "name must be a letter");
    check(json!({"name": "USERNAME"}), "already has the attribute userName");
    check(json!({"name": "Meta"}), "already has the attribute meta");
    check(json!({"schema": urn::ENTERPRISE_USER, "name": "division"}), "already has the attribute division");
    check(json!({"name": "a", "canonical_values": ["x"], "canonical_values_from": "y"}), "give one of the two");
    check(json!({"name": "a", "canonical_values": []}), "no value would be allowed");
    check(json!({"name": "a", "canonical_values": ["x", "X"]}), "listed twice");
    check(json!({"name": "a", "type": "integer", "canonical_values": ["1"]}), "for the type string");
    check(json!({"name": "a", "required": true, "mutability": "readOnly"}), "required and readOnly");
    check(json!({"name": "a", "type": "complex"}), "needs sub_attributes");
    check(json!({"name": "a", "sub_attributes": [{"name": "b"}]}), "only an attribute of the type complex");
    check(
        json!({"name": "a", "type": "complex", "sub_attributes": [{"name": "b", "type": "complex"}]}),
        "sub-attribute b: a sub-attribute cannot be complex",
    );
    check(json!({"name": "a", "type": "complex", "sub_attributes": [{"name": "b"}, {"name": "B"}]}), "given twice");
    check(json!({"name": "a", "type": "complex", "indexed": true, "sub_attributes": [{"name": "b"}]}), "mark a sub");
    check(json!({"name": "a", "mutability": "writeOnly"}), "accepted and lost");
    check(json!({"name": "a", "uniqueness": "server"}), "add indexed = true");
    check(json!({"name": "a", "uniqueness": "global", "indexed": true}), "choose \"server\"");
    check(json!({"name": "a", "reference_types": ["User"]}), "needs the type reference");
    check(json!({"name": "a", "default": "x", "default_value": "y"}), "give one of the two");
    check(json!({"name": "a", "type": "boolean", "default_value": "yes"}), "not of the type boolean");
    check(json!({"name": "a", "canonical_values": ["x"], "default_value": "y"}), "not among canonical_values: x");
    check(json!({"name": "a", "multi_valued": true, "default_value": "y"}), "is a list");
    check(json!({"name": "a", "required": true, "absence_grants": true}), "what is required is never absent");
    check(
        json!({"name": "a", "type": "complex", "sub_attributes": [{"name": "b", "absence_grants": true}]}),
        "stands with the attribute",
    );
    check(json!({"schema": "acme", "name": "a"}), "not a schema URN");
    check(json!({"schema": "urn:ietf:params:scim:api:messages:2.0:PatchOp", "name": "a"}), "reserved");
    check(json!({"schema": urn::GROUP, "resource_type": "User", "name": "a"}), "belongs to Group");
    check(json!({"resource_type": "Robot", "name": "a"}), "there are User, Group");
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let declared = json!([{"name": "1"}, {"name": "a"}, {"name": "A"}, {"name": "b", "required": true,
        "mutability": "readOnly", "uniqueness": "server"}]);
    let mistakes = Registry::build(&overlays(declared)).expect_err("mistakes");
    let beginnings: Vec<&str> = mistakes.iter().filter_map(|mistake| mistake.split(':').next()).collect();
    assert_eq!(beginnings, ["attribute 1 (1)", "attribute 3 (A)", "attribute 4 (b)", "attribute 4 (b)"]);
}

#[test]
fn an_unknown_word_in_a_declaration_is_refused() {
    let refused = serde_json::from_value::<Overlay>(json!({"name": "a", "multivalued": true})).expect_err("refused");
    assert!(refused.to_string().contains("multivalued"), "{refused}");
}
