//! Microsoft Entra ID sends no lists of a customer's own attributes: it joins them, under the URN of an extension that the customer made up.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::testing::World;

const ACME: &str = "urn:ietf:params:scim:schemas:extension:acme:2.0:User";

fn operations(operations: Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})
}

story!(entra_sets_a_role_and_a_joined_list_and_opens_nothing_by_accident, async |world: World| {
    let body = json!({"name": "acme", "product_environments": ["acme-prod", "acme-stage", "acme-test"], "list_separator": ";"});
    let acme = world.account("acme").await;
    let refused = acme.admin(Method::PATCH, "").json(&json!({"list_separator": "/"})).await.expect_problem(400);
    assert!(refused.to_string().contains("list_separator"), "{refused}");
    let change = json!({"product_environments": body["product_environments"], "list_separator": ";"});
    assert_eq!(acme.admin(Method::PATCH, "").json(&change).await.expect(200).json()["list_separator"], ";");
    let entra = acme.client(json!({"name": "Entra", "profile": "entra"})).await.connect_by_credentials().await;

    // As it creates a user who has one application role, and environments joined by Join(";", …).
    let ravi = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ACME],
            "externalId": "ravi.menon", "userName": "ravi.menon@orchard.example", "active": true, "displayName": "Ravi Menon",
            "name": {"givenName": "Ravi", "familyName": "Menon"},
            "emails": [{"primary": true, "type": "work", "value": "ravi.menon@orchard.example"}],
            "roles": [{"primary": "True", "value": "reports"}],
            ACME: {"product_environments": "acme-prod;acme-stage"},
            "meta": {"resourceType": "User"},
    });
    let made = entra.post("/Users", &ravi).await.expect(201).json();
    assert_eq!(
        (&made["role"], &made["product_environments"]),
        (&json!("reports"), &json!(["acme-prod", "acme-stage"]))
    );
    let path = format!("/Users/{}", text(&made["id"]));
    let environments = async || entra.get(&path).await.expect(200).json()["product_environments"].clone();

    // One environment is taken away, whichever operation Entra chooses.
    let target = format!("{ACME}:product_environments");
    for (op, value, left) in [
        ("Replace", "acme-stage;acme-test", json!(["acme-stage", "acme-test"])),
        ("Add", "acme-test", json!(["acme-test"])),
        ("Replace", "acme-prod", json!(["acme-prod"])),
    ] {
        let patch = operations(json!([
            {"op": op, "path": target, "value": value},
            {"op": "Replace", "path": "roles[primary eq \"True\"].value", "value": "billing"},
        ]));
        entra.call(Method::PATCH, &path).json(&patch).await;
        assert_eq!(environments().await, left, "{op} {value}");
    }
    assert_eq!(entra.get(&path).await.expect(200).json()["role"], "billing");

    // A joined list of nothing is not everything; a value that the account does not have says so.
    for (value, told) in [(";", "product_environments"), ("acme-prod;acme-tset", "acme-tset")] {
        let patch = operations(json!([{"op": "Replace", "path": target, "value": value}]));
        let refused = entra.call(Method::PATCH, &path).json(&patch).await.expect(400).json();
        assert!(text(&refused["detail"]).contains(told), "{refused}");
        assert_eq!(environments().await, json!(["acme-prod"]));
    }
    let counted = world.admin_get(&format!("/clients/{}/tolerances", entra.client.id)).await.to_string();
    assert!(counted.contains("separated_values"), "{counted}");
});
