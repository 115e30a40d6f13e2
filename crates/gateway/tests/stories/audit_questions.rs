//! The audit trail answers: who gave Ana the role, when, through which client, and what it was before; who left this group and by whom.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{items, text};
use crate::support::database::Behind;
use crate::support::identity_provider::a_user;
use crate::support::testing::World;

async fn ask(world: &World, question: &str) -> Vec<Value> {
    items(&world.admin_get(&format!("/audit?{question}")).await)
}

story!(who_gave_ana_the_role_is_answered_for_scim_and_the_admin_api_also_after_all_is_deleted, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    let id = text(&ana["id"]);
    idp.patch(&ana).replace("role", json!("master_admin")).await.expect(200);
    acme.admin(Method::PATCH, &format!("/users/{id}")).json(&json!({"role": "media_library_user"})).await.expect(200);
    idp.delete(&ana).await.expect(204);
    acme.admin(Method::DELETE, "").await.expect(204);

    let rows = ask(&world, &format!("account={}&target={id}&action=user.patched", acme.id)).await;
    let [by_operator, by_client] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!(by_client["changes"]["role"]["after"], "master_admin", "{by_client}");
    assert_eq!(by_operator["changes"]["role"], json!({"before": "master_admin", "after": "media_library_user"}));
    assert!(text(&by_client["actor"]).starts_with("client:") && by_client["actor_name"] == "Okta", "{by_client}");
    assert_eq!(
        (&by_operator["actor"], &by_operator["actor_name"]),
        (&json!("operator:bootstrap"), &json!("bootstrap"))
    );
    for row in &rows {
        assert_eq!((&row["account"], &row["account_name"]), (&json!(acme.id), &json!("acme")), "{row}");
        assert!(row["target_name"].is_string() && row["at"].is_string(), "{row}");
    }
    let deleted = ask(&world, &format!("target={id}&action=user.deleted")).await;
    assert_eq!(deleted[0]["changes"]["userName"], json!({"before": "ana@acme.test", "after": null}), "{deleted:?}");
    let by_that_client = ask(&world, &format!("actor={}&target={id}", text(&by_client["actor"]))).await;
    assert!(by_that_client.len() >= 3 && by_that_client.iter().all(|row| row["actor"] == by_client["actor"]));
});

story!(who_left_a_group_and_by_whom_is_answered_however_they_left, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let (ana, ben) = (idp.create_user(&a_user("ana@acme.test")).await, idp.create_user(&a_user("ben@acme.test")).await);
    let group = idp.create_group("Editors", &[&ana, &ben]).await;
    idp.patch(&group).add("members", json!([{"value": ana["id"]}])).await;
    idp.delete(&ben).await.expect(204);
    acme.admin(Method::DELETE, &format!("/users/{}", text(&ana["id"]))).await.expect(204);
    let rows = ask(&world, &format!("target={}&action=group.membership_changed", text(&group["id"]))).await;
    let [by_operator, by_client, joined] = rows.as_slice() else { panic!("{rows:?}") };
    let left = |row: &Value| text(&row["changes"]["members"]["removed"][0]["id"]);
    assert_eq!((left(by_operator), left(by_client)), (text(&ana["id"]), text(&ben["id"])));
    assert_eq!(by_operator["actor"], "operator:bootstrap");
    assert!(text(&by_client["actor"]).starts_with("client:"), "{by_client}");
    assert_eq!(joined["changes"]["members"]["added"].as_array().map(Vec::len), Some(2), "{joined}");
    assert!(rows.iter().all(|row| row["target_name"] == "Editors"), "{rows:?}");
});

story!(questions_to_the_audit_trail_combine_and_page, async |world: World| {
    let (acme, orchard) = (world.account("acme").await, world.account("orchard").await);
    for n in 0..7 {
        acme.user(&format!("user{n}@acme.test")).create().await;
        orchard.user(&format!("user{n}@orchard.test")).create().await;
    }
    // Some rows are sealed when they are asked for, and the others wait for their seal.
    let mut behind = Behind::of(&world);
    let keys = behind.keys();
    let now = gateway::platform::clock::Clock::of_the_machine().now();
    behind.work(|tx| tx.seal_audit(&keys, now, 9)).expect("rows to seal");
    for question in [
        format!("account={}&action=user.created", acme.id),
        format!("account={}&actor=operator:bootstrap&action=user.created", acme.id),
        format!("account={}&action=user.created&from=2020-01-01T00:00:00Z&to=2999-01-01T00:00:00%2B01:00", acme.id),
    ] {
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page = world.admin_get(&format!("/audit?{question}&limit=3{after}")).await;
            seen.extend(items(&page));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(seen.len(), 7, "{question}");
        assert!(seen.iter().all(|row| row["account"] == acme.id && row["action"] == "user.created"), "{seen:?}");
    }
    assert_eq!(ask(&world, "action=user.created&limit=50").await.len(), 14);
    let of_all = ask(&world, "limit=500").await;
    behind.seal();
    assert_eq!(ask(&world, "limit=500").await, of_all, "the seal changes no answer");
    assert_eq!(ask(&world, "to=2020-01-01T00:00:00Z").await.len(), 0);
    assert_eq!(ask(&world, "actor=operator:nobody").await.len(), 0);
    for (question, field, says) in [
        ("action=user.create", "action", "user.created"),
        ("action=unicorn.seen", "action", "user.patched"),
        ("actor=ana", "actor", "client:ID"),
        ("target=", "target", "id"),
        ("from=yesterday", "from", "RFC 3339"),
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "to", "after `from`"),
        ("after=x", "after", "next"),
    ] {
        let problem = world.admin(Method::GET, &format!("/audit?{question}")).await.expect_problem(400);
        assert!(text(&problem["errors"][0]["field"]).ends_with(field), "{problem}");
        assert!(text(&problem["errors"][0]["detail"]).contains(says), "{problem}");
    }
    world.admin(Method::GET, "/audit?account=nobody").await.expect_problem(404);
});

story!(no_secret_is_in_the_audit_trail, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    let idp = acme.connected_identity_provider().await;
    let mut body = a_user("ana@acme.test");
    body["password"] = json!("planted-by-scim-4711");
    let ana = idp.create_user(&body).await;
    idp.patch(&ana).replace("password", json!("planted-again-4711")).await;
    let user = acme.user("ben@acme.test").with("password", json!("planted-by-admin-4711")).create().await;
    let changed = json!({"password": "planted-anew-by-admin-4711"});
    acme.admin(Method::PATCH, &format!("/users/{}", user.id)).json(&changed).await.expect(200);
    let path = format!("/clients/{}/secrets", client.id);
    let added = world.admin(Method::POST, &path).json(&json!({})).await.expect(201).json();
    let operator = world.admin(Method::POST, "/operators").json(&json!({"name": "csm"})).await.expect(201).json();
    let trail = world.admin_get("/audit?limit=1000").await.to_string();
    for secret in [&added["client_secret"], &added["secret"], &operator["token"]].into_iter().filter_map(Value::as_str)
    {
        assert!(!trail.contains(secret), "a secret is in the trail");
    }
    assert!(!trail.contains("4711"), "a password is in the trail");
});
