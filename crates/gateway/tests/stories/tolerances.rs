//! Each tolerance is a switch that an operator can turn while clients work, and its uses are counted.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, items};
use crate::support::identity_provider::{IdentityProvider, a_user};
use crate::support::testing::World;

async fn connect(acme: &Account, profile: &str) -> IdentityProvider {
    let body = json!({
        "name": profile, "profile": profile, "grant_types": ["client_credentials"], "scopes": ["provision:scim"],
    });
    acme.client(body).await.connect_by_credentials().await
}

/// What is said about one tolerance.
async fn tolerance(idp: &IdentityProvider, name: &str) -> Value {
    let list = idp.client.admin(Method::GET, "/tolerances").await.expect(200).json();
    items(&list).into_iter().find(|item| item["name"] == name).unwrap_or_else(|| panic!("no {name} in {list}"))
}

async fn switch(idp: &IdentityProvider, tolerances: Value) -> Value {
    idp.client.admin(Method::PATCH, "").json(&json!({"tolerances": tolerances})).await.expect(200).json()
}

story!(a_tolerance_is_switched_for_one_client_from_the_next_request_on_at_every_replica, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let (idp, other) = (connect(&acme, "generic").await, connect(&acme, "generic").await);
    let user = idp.create_user(&a_user("ana@acme.test")).await;
    let off = json!({"op": "replace", "path": "active", "value": "False"});
    for _ in 0..2 {
        idp.patch(&user).operation(off.clone()).await.expect(200);
    }

    let client = switch(&idp, json!({"boolean_strings": false})).await;
    assert_eq!(client["tolerances"]["overridden"], json!({"boolean_strings": false}));
    assert_eq!(client["tolerances"]["off"], json!(["boolean_strings", "primary_role"]));
    for _ in 0..2 {
        let refused = idp.patch(&user).operation(off.clone()).await;
        let detail = refused.expect_scim_error(400, Some("invalidValue"));
        assert!(detail.contains("active is a boolean"), "{detail}");
    }
    other.patch(&user).operation(off.clone()).await.expect(200);
    let said = tolerance(&idp, "boolean_strings").await;
    assert_eq!(
        (&said["on"], &said["by"], &said["profile"]),
        (&json!(false), &json!("override"), &json!(true)),
        "{said}"
    );
    let audit = acme.audit().await;
    assert_eq!(
        (&audit.last()["action"], &audit.last()["detail"]),
        (&json!("client.changed"), &json!("tolerances: boolean_strings off"))
    );

    switch(&idp, json!({"boolean_strings": null})).await;
    for _ in 0..2 {
        idp.patch(&user).operation(off.clone()).await.expect(200);
    }
    assert_eq!(tolerance(&idp, "boolean_strings").await["by"], "profile");
});

story!(what_was_needed_is_counted_at_every_replica_and_adds_up, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let idp = connect(&acme, "generic").await;
    let user = idp.create_user(&a_user("ana@acme.test")).await;
    assert_eq!(tolerance(&idp, "operations_in_any_case").await["forgiven"], 0);
    for n in 0..5 {
        // Twice in one request is once.
        let add = json!({"op": "Add", "path": "title", "value": n.to_string()});
        idp.patch(&user).operation(add.clone()).operation(add).await.expect(200);
    }
    switch(&idp, json!({"operations_in_any_case": false})).await;
    for _ in 0..3 {
        let replace = json!({"op": "Replace", "path": "title", "value": "x"});
        idp.patch(&user).operation(replace).await.expect_scim_error(400, Some("invalidSyntax"));
    }
    // The replica that is asked adds its own counts first, so when both were asked all are there.
    tolerance(&idp, "operations_in_any_case").await;
    let said = tolerance(&idp, "operations_in_any_case").await;
    assert_eq!((&said["forgiven"], &said["refused"]), (&json!(5), &json!(3)), "{said}");
    assert!(said["last_needed"].is_string(), "{said}");
    let unused = tolerance(&idp, "scim_1_urns").await;
    assert_eq!((&unused["forgiven"], &unused["last_needed"]), (&json!(0), &Value::Null));
    let by_credentials = connect(&acme, "generic").await;
    assert_eq!(tolerance(&by_credentials, "operations_in_any_case").await["forgiven"], 0, "each client has its own");
    idp.client.admin(Method::DELETE, "").await.expect(204);
});

story!(a_strict_client_gets_the_rfcs_to_the_letter, async |world: World| {
    let acme = world.account("acme").await;
    let (strict, generic) = (connect(&acme, "strict").await, connect(&acme, "generic").await);
    let user = strict.create_user(&a_user("ana@acme.test")).await;
    let filter = "/Users?filter=emails%5Btype+eq+%22work%22%5D.value+eq+%22ana%40acme.test%22";
    generic.list(filter).await;
    let detail = strict.get(filter).await.expect_scim_error(400, Some("invalidFilter"));
    assert!(detail.contains("brackets"), "{detail}");
    let upsert = strict.patch(&user).replace("phoneNumbers[type eq \"mobile\"].value", "1").await;
    upsert.expect_scim_error(400, Some("noTarget"));
    let mut body = a_user("ben@acme.test");
    body["active"] = json!("true");
    strict.post("/Users", &body).await.expect_scim_error(400, Some("invalidValue"));
    let said = tolerance(&strict, "boolean_strings").await;
    assert_eq!((&said["on"], &said["forgiven"], &said["refused"]), (&json!(false), &json!(0), &json!(1)), "{said}");
});

story!(mistakes_about_tolerances_are_named, async |world: World| {
    let acme = world.account("acme").await;
    let idp = connect(&acme, "okta").await;
    let wrong = json!({"tolerances": {"bolean_strings": true, "manager_id": "yes"}});
    let problem = idp.client.admin(Method::PATCH, "").json(&wrong).await.expect_problem(400);
    let fields: Vec<&Value> = problem["errors"].as_array().into_iter().flatten().map(|error| &error["field"]).collect();
    assert_eq!(fields, ["tolerances.bolean_strings", "tolerances.manager_id"], "{problem}");
    assert!(problem.to_string().contains("boolean_strings"), "it says which there are: {problem}");
    idp.client.admin(Method::PATCH, "").json(&json!({"tolerances": []})).await.expect_problem(400);
    world.admin(Method::GET, "/clients/nobody/tolerances").await.expect_problem(404);
    let made = json!({
        "name": "x", "profile": "strict", "grant_types": ["client_credentials"], "scopes": ["provision:scim"],
        "tolerances": {"boolean_strings": true},
    });
    let made = acme.admin(Method::POST, "/clients").json(&made).await.expect(201).json();
    assert_eq!(made["tolerances"]["on"], json!(["boolean_strings"]));
});
