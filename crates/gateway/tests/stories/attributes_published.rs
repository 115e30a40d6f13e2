//! What `/Schemas` says of an attribute is what happens, for every kind of declaration.

use serde_json::{Value, json};

use crate::attributes::{BADGES, declare, published, settled};
use crate::support::identity_provider::{ENTERPRISE, IdentityProvider, Located, USER, a_user};
use crate::support::testing::World;

/// Declarations of every kind, each with a value it allows and, where there is one, a value it refuses.
fn every_kind() -> Vec<(&'static str, Value, Value, Value)> {
    vec![
        ("nick", json!({"description": "Any text"}), json!("Ana"), json!({"a": 1})),
        ("exact", json!({"case_exact": true}), json!("Ana"), json!({"a": 1})),
        ("grade", json!({"canonical_values": ["Gold", "Silver"], "indexed": true}), json!("Gold"), json!("Tin")),
        ("site", json!({"canonical_values_from": "account.product_environments"}), json!("acme-prod"), json!("x")),
        ("tags", json!({"multi_valued": true, "indexed": true}), json!(["Red", "Blue"]), json!([{"a": 1}])),
        ("level", json!({"type": "integer", "indexed": true}), json!(42), json!("many")),
        ("ratio", json!({"type": "decimal"}), json!(0.5), json!("half")),
        ("remote", json!({"type": "boolean", "indexed": true}), json!(true), json!("maybe")),
        ("since", json!({"type": "dateTime", "indexed": true}), json!("2026-01-31T08:00:00Z"), json!("yesterday")),
        ("photo", json!({"type": "binary"}), json!("aGVsbG8="), json!("***")),
        ("homepage", json!({"type": "reference"}), json!("https://ana.example/"), json!({"a": 1})),
        ("payroll", json!({"indexed": true, "uniqueness": "server"}), json!("P-1"), json!(["a", "b"])),
        ("hired", json!({"mutability": "immutable"}), json!("2020"), json!({"a": 1})),
        ("score", json!({"mutability": "readOnly"}), json!("9"), Value::Null),
        ("secretName", json!({"returned": "request"}), json!("Zorro"), json!({"a": 1})),
        ("greeting", json!({"default_value": "Hello"}), json!("Hi"), json!({"a": 1})),
        (
            "locker",
            json!({"type": "complex", "sub_attributes": [
                {"name": "value", "indexed": true}, {"name": "floor", "type": "integer", "required": true}]}),
            json!({"value": "A7", "floor": 3}),
            json!({"value": "A7", "floor": "high"}),
        ),
        (
            "keys",
            json!({"type": "complex", "multi_valued": true, "sub_attributes": [{"name": "value"}, {"name": "door"}]}),
            json!([{"value": "k1", "door": "front"}]),
            json!(["a", ["b"]]),
        ),
    ]
}

/// One attribute as it was declared and is published: where it lies, and how a filter calls it.
struct Place {
    schema: &'static str,
    name: &'static str,
}

impl Place {
    fn of(index: usize, name: &'static str) -> Place {
        Place { schema: [USER, BADGES, ENTERPRISE][index % 3], name }
    }

    fn path(&self) -> String {
        format!("{}:{}", self.schema, self.name)
    }

    fn put(&self, user: &mut Value, value: &Value) {
        match self.schema {
            USER => user[self.name] = value.clone(),
            urn => user[urn][self.name] = value.clone(),
        }
    }

    fn get<'v>(&self, user: &'v Value) -> Option<&'v Value> {
        match self.schema {
            USER => user.get(self.name),
            urn => user.get(urn)?.get(self.name),
        }
    }
}

/// The filter that finds exactly this value, for what can be filtered by its value.
fn equals(path: &str, kind: &str, value: &Value) -> Option<String> {
    let first = value.as_array().and_then(|values| values.first()).unwrap_or(value);
    match (kind, first) {
        ("complex", Value::Object(parts)) => Some(format!("{path} eq {}", parts.get("value")?)),
        ("complex", _) => None,
        _ => Some(format!("{path} eq {first}")),
    }
}

fn swapped_case(filter: &str) -> String {
    let (path, value) = filter.split_once(" eq ").unwrap_or((filter, ""));
    let swap = |c: char| if c.is_uppercase() { c.to_lowercase().next() } else { c.to_uppercase().next() };
    format!("{path} eq {}", value.chars().filter_map(swap).collect::<String>())
}

// In a core schema, in a new extension and in the enterprise extension.
story!(what_is_published_is_what_is_validated, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    for (index, (name, declaration, ..)) in every_kind().iter().enumerate() {
        let place = Place::of(index, name);
        declare(&acme, &place.path(), declaration).await.expect(201);
    }
    settled(&acme).await;
    for (index, (name, declaration, right, wrong)) in every_kind().into_iter().enumerate() {
        let place = Place::of(index, name);
        let said = published(&idp, place.schema, name).await.unwrap_or_else(|| panic!("{name} is not published"));
        for (field, word) in [
            ("type", "type"),
            ("multi_valued", "multiValued"),
            ("mutability", "mutability"),
            ("returned", "returned"),
            ("uniqueness", "uniqueness"),
            ("case_exact", "caseExact"),
            ("canonical_values", "canonicalValues"),
        ] {
            if let Some(declared) = declaration.get(field) {
                assert_eq!(&said[word], declared, "{name}.{word}");
            }
        }
        is_as_published(&idp, &place, &said, &right, &wrong).await;
    }
    // Exactly the URNs of the extensions a user has attributes of.
    let plain = idp.create_user(&a_user("plain@acme.test")).await;
    assert_eq!(plain["schemas"], json!([USER]));
    let types = idp.get("/ResourceTypes/User").await.expect(200).json();
    assert!(types["schemaExtensions"].as_array().is_some_and(|e| e.iter().any(|e| e["schema"] == BADGES)), "{types}");
});

async fn is_as_published(idp: &IdentityProvider, place: &Place, said: &Value, right: &Value, wrong: &Value) {
    let name = place.name;
    let kind = said["type"].as_str().unwrap_or_default();
    let unique = said["uniqueness"] == "server";
    let mut user = a_user(&format!("{name}@acme.test"));
    place.put(&mut user, right);
    let made = idp.create_user(&user).await;
    if said["mutability"] == "readOnly" {
        assert_eq!(place.get(&made), None, "{name}: only the service provider writes it");
        return;
    }
    let full = idp.get(&format!("{}?attributes=userName,{}", made.path(), place.path()));
    assert_eq!(place.get(&full.await.expect(200).json()), Some(right), "{name}");
    if said["returned"] == "request" {
        assert_eq!(place.get(&made), None, "{name} is shown to who asks for it");
    } else {
        assert_eq!(place.get(&made), Some(right), "{name}");
    }
    let mut refused = a_user(&format!("{name}-wrong@acme.test"));
    place.put(&mut refused, wrong);
    let detail = idp.post("/Users", &refused).await.expect_scim_error(400, Some("invalidValue"));
    assert!(detail.contains(name), "{name}: {detail}");
    if let Some(canonical) = said["canonicalValues"].as_array() {
        assert!(
            canonical.contains(right) && canonical.iter().all(|value| detail.contains(value.as_str().unwrap_or("?")))
        );
    }
    // Others without a value, or with another, are not found.
    let mut second = a_user(&format!("{name}-second@acme.test"));
    if unique {
        place.put(&mut second, right);
        let detail = idp.post("/Users", &second).await.expect_scim_error(409, Some("uniqueness"));
        assert!(detail.contains(name), "{name}: {detail}");
        place.put(&mut second, &json!("P-2"));
    }
    idp.create_user(&second).await;
    let Some(filter) = equals(&place.path(), kind, right) else { return };
    let here = |names: Vec<String>| names.into_iter().filter(|n| n.starts_with(&format!("{name}@"))).count();
    assert_eq!(here(idp.names(&filter).await), 1, "{filter}");
    assert_eq!(idp.names(&filter).await.len(), 1, "{filter}");
    if kind == "string" {
        let found = idp.names(&swapped_case(&filter)).await.len();
        assert_eq!(found == 1, said["caseExact"] == json!(false), "{}", swapped_case(&filter));
    }
    assert_eq!(idp.names(&format!("not ({filter}) and userName sw \"{name}@\"")).await.len(), 0, "{filter}");
    assert_eq!(here(idp.names(&format!("{} pr", place.path())).await), 1);
    if kind != "complex" && kind != "binary" {
        let sorted = idp.list(&format!("/Users?sortBy={}&count=1", place.path())).await;
        assert_eq!(sorted["itemsPerPage"], 1, "{name} can be sorted by");
    }
    let patched = idp.patch(&made).operation(json!({"op": "replace", "path": place.path(), "value": wrong})).await;
    assert_eq!(patched.status.as_u16(), 400, "{name}: {}", patched.text());
    let removed = idp.patch(&made).remove(&place.path()).await;
    if said["mutability"] == "immutable" {
        removed.expect_scim_error(400, Some("mutability"));
        return;
    }
    removed.expect(200);
    let left = if name == "greeting" { 1 } else { 0 };
    assert_eq!(here(idp.names(&format!("{} pr", place.path())).await), left, "{name} is gone, or its default is back");
    idp.patch(&made).operation(json!({"op": "add", "path": place.path(), "value": right})).await.expect(200);
    assert_eq!(here(idp.names(&filter).await), 1, "{filter}");
}
