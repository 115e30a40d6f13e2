//! Values that were allowed when they were written: they may be said again, and no user stays active because of them.

use std::fs;

use reqwest::Method;
use serde_json::{Value, json};

use crate::attributes::{declare, settled};
use crate::support::account::{Account, text};
use crate::support::directories;
use crate::support::identity_provider::{IdentityProvider, Located, PATCH, a_user};
use crate::support::testing::World;

/// Takes environments off the account's list, also those that users have.
async fn only(acme: &Account, environments: &[&str]) {
    let change = json!({"product_environments": environments, "force": true});
    acme.admin(Method::PATCH, "").json(&change).await.expect(200);
}

async fn restricted(idp: &IdentityProvider, name: &str, environments: &[&str]) -> Value {
    let mut user = a_user(name);
    user["product_environments"] = json!(environments);
    idp.create_user(&user).await
}

story!(report_1_an_environment_that_left_the_list_keeps_no_user_active, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let mut users = Vec::new();
    for n in 0..6 {
        users.push(restricted(&idp, &format!("user{n}@acme.test"), &["acme-prod", "acme-stage"]).await);
    }
    only(&acme, &["acme-prod"]).await;
    // As a wizard app does it: what was read, with one change.
    let mut read = idp.read(&users[0]).await;
    assert_eq!(read["product_environments"], json!(["acme-prod", "acme-stage"]));
    read["active"] = json!(false);
    let put = idp.put(&users[0], &read).await.expect(200).json();
    assert_eq!((&put["active"], &put["product_environments"]), (&json!(false), &read["product_environments"]));
    // By PATCH: alone, in one value, attribute by attribute.
    idp.patch(&users[1]).replace("active", false).await.expect(200);
    let mut read = idp.read(&users[2]).await;
    read["active"] = json!(false);
    assert_eq!(idp.patch(&users[2]).merge(read).await.expect(200).json()["active"], false);
    let stored = json!(["acme-stage", "acme-prod"]);
    let patch =
        idp.patch(&users[3]).replace("product_environments", stored.clone()).add("product_environments", stored);
    assert_eq!(patch.replace("active", false).await.expect(200).json()["active"], false);
    // In a bulk request, and by an operator.
    let mut read = idp.read(&users[4]).await;
    read["active"] = json!(false);
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [{"method": "PUT", "path": users[4].path(), "data": read}]});
    assert_eq!(idp.post("/Bulk", &bulk).await.expect(200).json()["Operations"][0]["status"], "200");
    let path = format!("/users/{}", text(&users[5]["id"]));
    let change = json!({"active": false, "product_environments": ["acme-stage"]});
    acme.admin(Method::PATCH, &path).json(&change).await.expect(200);
    for user in &users {
        assert_eq!(idp.read(user).await["active"], false);
    }
    // A user who comes back has what they had; a new one has not.
    let again = json!(["acme-stage"]);
    let mut ana = a_user("user0@acme.test");
    ana["product_environments"] = again.clone();
    let restored = idp.post("/Users", &ana).await.expect(201).json();
    assert_eq!((&restored["id"], &restored["product_environments"]), (&users[0]["id"], &again));
    let mut new = a_user("new@acme.test");
    new["product_environments"] = again;
    let detail = idp.post("/Users", &new).await.expect_scim_error(400, Some("invalidValue"));
    assert!(detail.contains("acme-stage") && detail.contains("allowed values: acme-prod"), "{detail}");
    // A new value beside it is refused, with everything else.
    let mut read = idp.read(&users[0]).await;
    (read["active"], read["product_environments"]) = (json!(false), json!(["acme-stage", "acme-eu"]));
    let detail = idp.put(&users[0], &read).await.expect_scim_error(400, Some("invalidValue"));
    assert!(detail.contains("acme-eu") && !detail.contains("\"acme-stage\""), "{detail}");
    assert_eq!(idp.read(&users[0]).await["active"], true);
    // What is taken away is gone.
    idp.patch(&users[0]).replace("product_environments", json!(["acme-prod"])).await.expect(200);
    let gone = idp.patch(&users[0]).add("product_environments", json!(["acme-stage"])).await;
    gone.expect_scim_error(400, Some("invalidValue"));
});

story!(report_1_stricter_declarations_keep_no_user_active, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    declare(&acme, "grade", &json!({"canonical_values": ["a", "b"], "indexed": true})).await.expect(201);
    declare(&acme, "desk", &json!({})).await.expect(201);
    let locker =
        json!({"type": "complex", "multi_valued": true, "sub_attributes": [{"name": "value"}, {"name": "floor"}]});
    declare(&acme, "lockers", &locker).await.expect(201);
    let mut ana = a_user("ana@acme.test");
    (ana["grade"], ana["desk"], ana["lockers"]) = (json!("b"), json!("x".repeat(3000)), json!([{"value": "7"}]));
    let ana = idp.create_user(&ana).await;
    declare(&acme, "grade", &json!({"canonical_values": ["a"], "indexed": true, "force": true})).await.expect(200);
    declare(&acme, "desk", &json!({"indexed": true, "uniqueness": "server"})).await.expect(200);
    let locker = json!({"type": "complex", "multi_valued": true,
        "sub_attributes": [{"name": "value"}, {"name": "floor", "required": true}]});
    declare(&acme, "lockers", &locker).await.expect(200);
    declare(&acme, "costUnit", &json!({"required": true})).await.expect(201);
    settled(&acme).await;
    let mut read = idp.read(&ana).await;
    let detail = idp.put(&ana, &read).await.expect_scim_error(400, Some("invalidValue"));
    assert!(detail.contains("costUnit"), "required of active users: {detail}");
    read["active"] = json!(false);
    let strict = acme.strict_identity_provider().await;
    let put = strict.put(&ana, &read).await.expect(200).json();
    for name in ["grade", "desk", "lockers"] {
        assert_eq!(put[name], read[name], "{name}");
    }
    assert_eq!(put["active"], false);
    // The least that says so is enough: what is required stays.
    let mut ben = a_user("ben@acme.test");
    ben["costUnit"] = json!("7");
    let ben = idp.create_user(&ben).await;
    let least =
        json!({"schemas": [crate::support::identity_provider::USER], "userName": "ben@acme.test", "active": false});
    let put = idp.put(&ben, &least).await.expect(200).json();
    assert_eq!((&put["active"], &put["role"], &put["costUnit"]), (&json!(false), &ben["role"], &json!("7")));
    let operation = json!({"op": "replace", "value": {"active": false, "grade": "c"}});
    let body = json!({"schemas": [PATCH], "Operations": [operation]});
    idp.call(Method::PATCH, &ben.path()).scim(&body).await.expect_scim_error(400, Some("invalidValue"));
});

story!(report_1_a_role_that_left_the_configuration_keeps_no_user_active, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let mut ana = a_user("ana@acme.test");
    ana["role"] = json!("billing");
    let ana = idp.create_user(&ana).await;
    // A file of attributes that knows fewer roles, at a process of its own.
    let file = directories::subdirectory("attributes").join("attributes.toml");
    let defaults = include_str!("../../../../config/attributes.toml");
    fs::write(&file, defaults.replace("    \"billing\",\n", "")).expect("it can be written");
    let process = world.process_with(&[("GATEWAY__ATTRIBUTES__FILE", &file.display().to_string())]).await;
    let log = process.log();
    assert!(log.contains("is no longer allowed") && log.contains("billing") && log.contains("users=1"), "{log}");
    let url = format!("{}/scim/v2{}", process.address, ana.path());
    let call = |method| {
        crate::support::http::Call::new(crate::support::http::client(), method, url.clone()).bearer(&idp.access_token)
    };
    let mut read = call(Method::GET).await.expect(200).json();
    assert_eq!(read["role"], "billing");
    read["role"] = json!("superuser");
    call(Method::PUT).scim(&read).await.expect_scim_error(400, Some("invalidValue"));
    (read["role"], read["active"]) = (json!("BILLING"), json!(false));
    let put = call(Method::PUT).scim(&read).await.expect(200).json();
    assert_eq!((&put["role"], &put["active"]), (&json!("billing"), &json!(false)));
});
