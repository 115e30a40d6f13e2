//! What accounts declare, where the configuration changes beneath it.

use std::fs;

use reqwest::Method;
use serde_json::{Value, json};

use crate::attributes::{declare, published, settled};
use crate::support::account::items;
use crate::support::directories;
use crate::support::http::{self, Call};
use crate::support::identity_provider::{Located, USER, a_user};
use crate::support::testing::{OPERATOR, World};

/// The defaults, and what a vendor adds in a later version.
const LATER: &str = r#"
[[attribute]]
name = "desk"
type = "integer"
indexed = true

[[attribute]]
name = "building"
indexed = true
"#;

story!(a_new_configuration_makes_the_index_anew_with_what_accounts_declare, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    declare(&acme, "payroll", &json!({"indexed": true, "uniqueness": "server"})).await.expect(201);
    declare(&acme, "desk", &json!({"type": "integer"})).await.expect(201);
    settled(&acme).await;
    let user = |name: &str, payroll: &str, desk: u32| {
        let mut user = a_user(name);
        user["payroll"] = json!(payroll);
        user["desk"] = json!(desk);
        user
    };
    let ana = idp.create_user(&user("ana@acme.test", "P-1", 7)).await;
    idp.create_user(&user("bo@acme.test", "P-2", 8)).await;

    let file = directories::subdirectory("attributes").join("attributes.toml");
    let defaults = include_str!("../../../../config/attributes.toml");
    fs::write(&file, format!("{defaults}{LATER}")).expect("it can be written");
    let later = world.process_with(&[("GATEWAY__ATTRIBUTES__FILE", &file.display().to_string())]).await;
    // Who goes by the configuration of before, and who goes by the new one, find the same.
    assert_eq!(idp.names("payroll eq \"p-1\"").await, ["ana@acme.test"]);
    idp.post("/Users", &user("cy@acme.test", "p-2", 9)).await.expect_scim_error(409, Some("uniqueness"));
    let call = |method: Method, path: &str| Call::new(http::client(), method, format!("{}{path}", later.address));
    let found = async |filter: &str| {
        let path = format!("/scim/v2/Users?filter={filter}");
        call(Method::GET, &path).bearer(&idp.access_token).await.expect(200).json()["totalResults"].clone()
    };
    assert_eq!(found("payroll+eq+%22P-2%22").await, 1);
    assert_eq!(found("desk+eq+7").await, 1, "by the index that the new configuration asked for");

    // The account's own declaration of the same name stands back, and goes without taking anything along.
    let of = format!("/admin/accounts/{}/attributes", acme.id);
    let states = async || {
        let listed = call(Method::GET, &of).bearer(OPERATOR).await.expect(200).json();
        items(&listed).iter().map(|one| (one["name"].clone(), one["state"].clone())).collect::<Vec<(Value, Value)>>()
    };
    assert_eq!(states().await, [(json!("payroll"), json!("ready")), (json!("desk"), json!("overruled"))]);
    let refused = call(Method::PUT, &format!("{of}/desk")).bearer(OPERATOR).json(&json!({"type": "string"})).await;
    refused.expect_problem(400);
    call(Method::DELETE, &format!("{of}/desk")).bearer(OPERATOR).await.expect(204);
    assert_eq!(states().await, [(json!("payroll"), json!("ready"))]);
    let read = call(Method::GET, &format!("/scim/v2{}", ana.path())).bearer(&idp.access_token).await.expect(200).json();
    assert_eq!((&read["desk"], &read["payroll"]), (&json!(7), &json!("P-1")));
    assert!(published(&idp, USER, "payroll").await.is_some());
});
