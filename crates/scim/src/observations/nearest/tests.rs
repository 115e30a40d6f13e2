use serde_json::json;

use super::*;
use crate::schema::{Overlay, Registry, USER};
use crate::testing::World;
use crate::urn::ENTERPRISE_USER;

/// All single edits of a name: a letter dropped, doubled, swapped or replaced, the plural, another case, another style.
fn edits(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let text = |letters: &[char]| letters.iter().collect::<String>();
    let mut all = vec![
        name.to_uppercase(),
        format!("{name}s"),
        name.strip_suffix('s').unwrap_or(name).to_owned(),
        name.replace('_', ""),
        name.replace('_', "-"),
    ];
    let mut snake = String::new();
    let mut camel = String::new();
    for (at, &c) in letters.iter().enumerate() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
        match at > 0 && letters[at - 1] == '_' {
            true => camel.push(c.to_ascii_uppercase()),
            false if c != '_' => camel.push(c),
            false => {}
        }
        let (before, after) = letters.split_at(at);
        all.push(text(&[before, &after[1..]].concat()));
        all.push(text(&[before, &[c], after].concat()));
        all.push(text(&[before, &['q'], &after[1..]].concat()));
        if let Some(&next) = after.get(1) {
            all.push(text(&[before, &[next, c], &after[2..]].concat()));
        }
    }
    all.extend([snake, camel]);
    all
}

#[test]
fn each_single_misspelling_of_a_declared_attribute_is_suggested_right() {
    let overlays: Vec<Overlay> = serde_json::from_value(json!([
        { "name": "role" }, { "name": "product_environments", "multi_valued": true }, { "name": "cost-code" },
        { "name": "shoeSize", "type": "integer" },
        { "schema": "urn:orchard:params:scim:1.0:Desk", "name": "desk_number" },
        { "schema": ENTERPRISE_USER, "name": "trees", "type": "complex", "multi_valued": true,
          "sub_attributes": [{ "name": "kind_of_tree" }, { "name": "plantedOn" }] }
    ]))
    .expect("declarations");
    let registry = Registry::build(&overlays).expect("a registry");
    let mut checked = 0;
    for described in registry.resource_types() {
        let all: Vec<(Option<&str>, &Attribute)> = described.attributes_with_urns().collect();
        for &(urn, attribute) in &all {
            let alike: Vec<&str> =
                all.iter().filter(|(of, _)| *of == urn).map(|(_, other)| other.name.as_str()).collect();
            let prefix = urn.map(|urn| format!("{urn}:")).unwrap_or_default();
            checked += suggests(described, &prefix, attribute, &alike);
            let parts: Vec<&str> = attribute.sub_attributes.iter().map(|part| part.name.as_str()).collect();
            for part in &attribute.sub_attributes {
                checked += suggests(described, &format!("{prefix}{}.", attribute.name), part, &parts);
            }
        }
    }
    assert!(checked > 2500, "{checked} misspellings");
}

fn suggests(described: &ResourceType, prefix: &str, attribute: &Attribute, alike: &[&str]) -> usize {
    let mut checked = 0;
    for wrong in edits(&attribute.name) {
        // Its own name in other letters is no misspelling; and others may be as near to what is one.
        let distance = |name: &str| strsim::osa_distance(&name.to_lowercase(), &wrong.to_lowercase());
        let others = alike.iter().filter(|other| **other != attribute.name);
        let ambiguous = others.clone().any(|other| distance(other) <= distance(&attribute.name).max(1));
        if ambiguous || wrong.eq_ignore_ascii_case(&attribute.name) || wrong.len() < 2 {
            continue;
        }
        let found = nearest(described, &format!("{prefix}{wrong}"));
        assert_eq!(found.as_ref(), Some(&attribute.path), "{prefix}{wrong}");
        checked += 1;
    }
    checked
}

#[test]
fn an_attribute_in_another_place_or_style_is_suggested_and_a_strange_one_is_not() {
    let mut world = World::new();
    world.registry = Registry::build(
        &serde_json::from_value::<Vec<Overlay>>(json!([
            { "name": "product_environments", "multi_valued": true },
            { "schema": "urn:orchard:params:scim:1.0:Desk", "name": "desk_number" }
        ]))
        .expect("declarations"),
    )
    .expect("a registry");
    let described = world.registry.get(USER);
    let department = format!("{ENTERPRISE_USER}:department");
    let desk = "urn:orchard:params:scim:1.0:Desk:desk_number";
    for (sent, expected) in [
        ("productEnvironments", Some("product_environments")),
        ("Product-Environment", Some("product_environments")),
        ("givenName", Some("name.givenName")),
        ("given_name", Some("name.givenName")),
        ("surename", None),
        ("name_familyName", Some("name.familyName")),
        ("name.department", Some(&*department)),
        ("departement", Some(&*department)),
        ("adress", Some("addresses")),
        ("addresses.postal_code", Some("addresses.postalCode")),
        ("phoneNumber.vlaue", Some("phoneNumbers.value")),
        ("title.value", Some("title")),
        ("deskNumber", Some(desk)),
        (&format!("{ENTERPRISE_USER}:product_environments"), Some("product_environments")),
        (&format!("{ENTERPRISE_USER}:desk_number"), Some(desk)),
        (&format!("{ENTERPRISE_USER}.departmen"), Some(&*department)),
        ("urn:orchard:params:scim:1.0:User:desk_number", Some(desk)),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:Usr", Some(ENTERPRISE_USER)),
        ("urn:acme:User", None),
        ("value", None),
        ("x", None),
        ("q", None),
        ("favouriteColour", None),
        ("", None),
    ] {
        assert_eq!(nearest(described, sent).as_deref(), expected, "{sent}");
    }
    let parameters = ["filtr", "startindex", "start_index", "Counts", "aadOptscim062020", "attribute", "x"];
    let found: Vec<_> = crate::SearchRequest::unknown_parameters(parameters).collect();
    assert_eq!(
        found,
        [
            ("filtr", Some("filter")),
            ("start_index", Some("startIndex")),
            ("Counts", Some("count")),
            ("aadOptscim062020", None),
            ("attribute", Some("attributes")),
            ("x", None)
        ]
    );
}
