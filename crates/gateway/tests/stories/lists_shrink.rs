//! Lists of allowed values that lose some: who has them is said first.

use reqwest::Method;
use serde_json::{Value, json};

use crate::attributes::declare;
use crate::support::account::{Account, text};
use crate::support::identity_provider::{GROUP, a_user};
use crate::support::testing::World;

async fn change(acme: &Account, environments: &[&str], force: bool) -> crate::support::http::Answer {
    let mut change = json!({"product_environments": environments});
    if force {
        change["force"] = json!(true);
    }
    acme.admin(Method::PATCH, "").json(&change).await
}

fn detail(problem: &Value) -> String {
    text(&problem["detail"])
}

story!(report_1_removing_an_environment_says_how_many_users_have_it, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let other = world.account("orchard").await.connected_identity_provider().await;
    let idp = acme.connected_identity_provider().await;
    for n in 0..3 {
        let mut user = a_user(&format!("user{n}@acme.test"));
        user["product_environments"] = if n == 0 { json!(["acme-stage", "acme-prod"]) } else { json!(["acme-stage"]) };
        user["active"] = json!(n != 2);
        idp.create_user(&user).await;
    }
    other.create_user(&a_user("ana@orchard.test")).await;
    let problem = change(&acme, &["acme-prod", "acme-eu"], false).await.expect_problem(409);
    for said in ["3 users have", "acme-stage", "\"force\": true"] {
        assert!(detail(&problem).contains(said), "{said} in: {problem}");
    }
    assert_eq!(problem["errors"][0]["field"], "product_environments");
    assert_eq!(acme.admin_get("").await["product_environments"], json!(["acme-prod", "acme-stage"]), "nothing changed");
    let problem = change(&acme, &[], false).await.expect_problem(409);
    assert!(detail(&problem).contains("1 user has the product_environments \"acme-prod\""), "{problem}");
    let problem = change(&acme, &["ACME-PROD", "acme-stage"], false).await.expect_problem(409);
    assert!(detail(&problem).contains("acme-prod"), "letter case matters: {problem}");
    // What no user has goes, as does a change of the order or of something else.
    change(&acme, &["acme-stage", "acme-prod", "acme-eu"], false).await.expect(200);
    change(&acme, &["acme-prod", "acme-stage"], false).await.expect(200);
    acme.admin(Method::PATCH, "").json(&json!({"name": "acme 2"})).await.expect(200);
    acme.admin(Method::PATCH, "").json(&json!({"product_environments": [], "force": "yes"})).await.expect_problem(400);
    let changed = change(&acme, &["acme-prod"], true).await.expect(200).json();
    assert_eq!(changed["product_environments"], json!(["acme-prod"]));
    assert_eq!(idp.names("product_environments eq \"acme-stage\"").await.len(), 3, "who has it keeps it");
    assert_eq!(acme.audit().await.last()["action"], "account.changed");
    let query = acme.admin(Method::PATCH, "?force=true").json(&json!({"product_environments": []})).await;
    query.expect(200);
});

story!(report_1_a_shorter_list_of_a_declared_attribute_says_who_has_what_it_loses, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    for (name, indexed) in [("grade", true), ("level", false)] {
        let declared = |values: Value| json!({"canonical_values": values, "indexed": indexed});
        declare(&acme, name, &declared(json!(["Gold", "silver", "tin"]))).await.expect(201);
        for n in 0..2 {
            let mut user = a_user(&format!("{name}{n}@acme.test"));
            user[name] = json!("gold");
            idp.create_user(&user).await;
        }
        let problem = declare(&acme, name, &declared(json!(["silver"]))).await.expect_problem(409);
        let said = detail(&problem);
        assert!(said.contains(&format!("2 users have the {name} \"Gold\"")) && !said.contains("tin"), "{said}");
        declare(&acme, name, &declared(json!(["GOLD", "silver"]))).await.expect(200);
        let mut forced = declared(json!(["silver"]));
        forced["force"] = json!(true);
        let now = declare(&acme, name, &forced).await.expect(200).json();
        assert_eq!((&now["canonical_values"], now.get("force")), (&json!(["silver"]), None));
    }
    // A list where there was none, a part of a complex attribute, and groups.
    let part = |list: Value| json!({"type": "complex", "multi_valued": true, "sub_attributes": [{"name": "value", "canonical_values": list}]});
    declare(&acme, "lockers", &part(Value::Null)).await.expect(201);
    let mut ana = a_user("ana@acme.test");
    ana["lockers"] = json!([{"value": "A7"}, {"value": "B1"}]);
    idp.create_user(&ana).await;
    let problem = declare(&acme, "lockers", &part(json!(["B1"]))).await.expect_problem(409);
    assert!(detail(&problem).contains("1 user has the lockers.value \"a7\""), "{problem}");
    declare(&acme, "lockers", &part(json!(["A7", "B1"]))).await.expect(200);
    let purpose = format!("{GROUP}:purpose");
    declare(&acme, &purpose, &json!({"canonical_values": ["work", "play"]})).await.expect(201);
    let group = json!({"schemas": [GROUP], "displayName": "Editors", "purpose": "play"});
    let group = idp.post("/Groups", &group).await.expect(201).json();
    let problem = declare(&acme, &purpose, &json!({"canonical_values": ["work"]})).await.expect_problem(409);
    assert!(detail(&problem).contains("1 group has the purpose \"play\""), "{problem}");
    declare(&acme, &purpose, &json!({"canonical_values": ["work"], "force": true})).await.expect(200);
    let mut read = idp.read(&group).await;
    read["displayName"] = json!("Writers");
    assert_eq!(idp.put(&group, &read).await.expect(200).json()["purpose"], "play");
});
