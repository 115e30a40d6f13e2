//! Each change by which users may do more than before is listed with its cause.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, items, text};
use crate::support::identity_provider::{IdentityProvider, a_user};
use crate::support::testing::World;

/// The causes that were listed since so many were there, oldest first; each with what it was about and how far it is known to reach.
async fn since(acme: &Account, known: &mut usize) -> Vec<(String, String, Value)> {
    let mut all = items(&acme.admin_get("/widenings?limit=1000").await);
    all.reverse();
    let new = all.iter().skip(*known).map(|row| {
        let changes = &row["changes"];
        let whom =
            if changes["users"].is_null() { &changes["users_at_most"]["after"] } else { &changes["users"]["after"] };
        (text(&row["cause"]), text(&row["target"]["name"]), whom.clone())
    });
    let new = new.collect();
    *known = all.len();
    new
}

async fn user(idp: &IdentityProvider, name: &str, own: &[&str]) -> Value {
    let mut user = a_user(name);
    user["product_environments"] = json!(own);
    idp.create_user(&user).await
}

fn member(user: &Value) -> Value {
    json!([{"value": user["id"]}])
}

story!(what_a_user_gets_by_their_own_attributes_is_a_widening, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = user(&idp, "ana@acme.test", &["acme-prod"]).await;
    let mut known = 0;
    assert!(since(&acme, &mut known).await.is_empty(), "a new user is none");
    let told = async |known: &mut usize| -> Vec<String> {
        since(&acme, known).await.into_iter().map(|(cause, _, _)| cause).collect()
    };
    let environments = ["the user's product_environments changed".to_owned()];
    idp.patch(&ana).replace("product_environments", json!(["acme-prod", "acme-stage"])).await.expect(200);
    assert_eq!(told(&mut known).await, environments);
    let row = items(&acme.admin_get("/widenings").await).remove(0);
    assert_eq!(row["changes"]["environments"]["added"], json!(["acme-stage"]));
    assert_eq!((&row["by"]["name"], &row["target"]["id"]), (&json!("Okta"), &ana["id"]));
    assert!(row["request_id"].is_string());
    // Less is none, and neither is what does not decide.
    idp.patch(&ana).replace("product_environments", json!(["acme-stage"])).await.expect(200);
    idp.patch(&ana).replace("title", "Editor").await.expect(200);
    idp.patch(&ana).replace("active", false).await.expect(200);
    assert!(told(&mut known).await.is_empty());
    idp.patch(&ana).replace("active", true).await.expect(200);
    assert_eq!(told(&mut known).await, ["the user's active changed"]);
    idp.patch(&ana).replace("role", "admin").await.expect(200);
    assert_eq!(told(&mut known).await, ["the user's role changed"]);
    idp.put(&ana, &{
        let mut whole = a_user("ana@acme.test");
        whole["role"] = json!("admin");
        whole
    })
    .await
    .expect(200);
    assert_eq!(told(&mut known).await, environments, "unassigned as a whole");
    idp.patch(&ana).replace("product_environments", json!(["*"])).await.expect(200);
    assert!(told(&mut known).await.is_empty(), "they had all already");
    idp.patch(&ana).replace("product_environments", json!([null])).await.expect(400);
    assert!(told(&mut known).await.is_empty(), "what is refused did not happen");
    acme.admin(Method::GET, "/widenings?after=x").await.expect_problem(400);
    let other = world.account("bolt").await;
    assert!(since(&other, &mut 0).await.is_empty());
});

story!(what_users_get_from_groups_and_from_the_account_is_a_widening, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let mut known = 0;
    acme.admin(Method::PATCH, "").json(&json!({"unset_environments": "none"})).await.expect(200);
    let (ana, ben) =
        (idp.create_user(&a_user("ana@acme.test")).await, user(&idp, "ben@acme.test", &["acme-prod"]).await);
    let inner = idp.create_group("Interns", &[]).await;
    let outer = idp.create_group("Editors", &[]).await;
    idp.patch(&outer).add("members", member(&ben)).await;
    assert!(since(&acme, &mut known).await.is_empty(), "no rule asks for groups");
    let rules = json!({"rules": [{"group_id": outer["id"], "environments": ["acme-prod"]}, {"group_name": "Night", "environments": "*"}]});
    acme.admin(Method::PUT, "/access").json(&rules).await.expect(200);
    let expected = |cause: &str, target: &str, whom: Value| vec![(cause.to_owned(), target.to_owned(), whom)];
    let all = json!("every user of the account");
    let told = since(&acme, &mut known).await;
    assert_eq!(told, expected("the rules of the account were replaced", "acme", all.clone()));
    // Ben has it himself: for him nothing grew.
    idp.patch(&outer)
        .operation(json!({"op": "replace", "path": "members", "value": [{"value": ben["id"]}, {"value": ana["id"]}]}))
        .await;
    let told = since(&acme, &mut known).await;
    assert_eq!(
        told,
        expected("1 user joined or left the group; rule 1 of the account", "Editors", json!(["ana@acme.test"]))
    );
    idp.patch(&outer).operation(json!({"op": "replace", "path": "members", "value": []})).await;
    assert!(since(&acme, &mut known).await.is_empty(), "who leaves has less");
    // A group in a group, and a user in that.
    idp.patch(&inner).add("members", member(&ana)).await;
    assert!(since(&acme, &mut known).await.is_empty(), "no rule is about that group yet");
    idp.patch(&outer).add("members", member(&inner)).await;
    let told = since(&acme, &mut known).await;
    let whom = json!("the users of the groups that joined or left");
    assert_eq!(told, expected("members joined or left the group; rule 1 of the account", "Editors", whom));
    let eve = idp.create_user(&a_user("eve@acme.test")).await;
    idp.patch(&inner).add("members", member(&eve)).await;
    let told = since(&acme, &mut known).await;
    assert_eq!(
        told,
        expected("1 user joined or left the group; rule 1 of the account", "Interns", json!(["eve@acme.test"]))
    );
    // A name that a rule waits for.
    idp.patch(&inner).replace("displayName", "NIGHT").await;
    let told = since(&acme, &mut known).await;
    assert_eq!(
        told.iter().map(|(cause, ..)| cause.as_str()).collect::<Vec<_>>(),
        ["the group got another name; rule 2 of the account"]
    );
    // Where unset is everything, to leave is to get more.
    acme.admin(Method::PATCH, "").json(&json!({"unset_environments": "all"})).await.expect(200);
    let told = since(&acme, &mut known).await;
    assert_eq!(told, expected("users of whom nothing is said may enter every environment since", "acme", all.clone()));
    let only = json!({"rules": [{"group_id": outer["id"], "environments": ["acme-prod"]}]});
    acme.admin(Method::PUT, "/access").json(&only).await.expect(200);
    since(&acme, &mut known).await;
    idp.patch(&inner).operation(json!({"op": "replace", "path": "members", "value": [{"value": ana["id"]}]})).await;
    let told = since(&acme, &mut known).await;
    assert_eq!(
        told,
        expected("1 user joined or left the group; rule 1 of the account", "NIGHT", json!(["eve@acme.test"]))
    );
    idp.delete(&outer).await.expect(204);
    let told = since(&acme, &mut known).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].0.starts_with("the group was deleted; rule 1"), "{told:?}");
    // Another environment, for those who may enter every one; one less, for none.
    let more = json!({"product_environments": ["acme-prod", "acme-stage", "acme-test"]});
    acme.admin(Method::PATCH, "").json(&more).await.expect(200);
    let told = since(&acme, &mut known).await;
    assert_eq!(told[0].0, "the account has another environment, which those may enter who may enter every one");
    acme.admin(Method::PATCH, "").json(&json!({"product_environments": ["acme-prod", "acme-stage"]})).await.expect(200);
    assert!(since(&acme, &mut known).await.is_empty());
});

story!(a_large_change_of_a_group_is_one_widening, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let group = idp.create_group("Editors", &[]).await;
    let rules = json!({"rules": [{"group_id": group["id"], "role": "reports"}]});
    acme.admin(Method::PUT, "/access").json(&rules).await.expect(200);
    let mut known = 0;
    since(&acme, &mut known).await;
    let mut users = Vec::new();
    for n in 0..60 {
        users.push(json!({"value": idp.create_user(&a_user(&format!("user{n}@acme.test"))).await["id"]}));
    }
    idp.patch(&group).add("members", json!(users)).await;
    let told = since(&acme, &mut known).await;
    let cause = "members joined or left the group; rule 1 of the account".to_owned();
    assert_eq!(told, [(cause, "Editors".to_owned(), json!(60))]);
});
