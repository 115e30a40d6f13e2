//! Every type of event occurs, has its shape, and no secret.

use std::collections::BTreeSet;

use gateway::domain::feed::EventType;
use reqwest::Method;
use serde_json::{Value, json};

use crate::attributes::{declare, settled};
use crate::support::account::{Account, items, text};
use crate::support::feed::{Reader, assert_shape, types};
use crate::support::identity_provider::a_user;
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::World;

/// Types that a story of their own makes occur, which says so by [`assert_told`](crate::support::feed::assert_told).
const ELSEWHERE: [(&str, &str); 7] = [
    ("account.imported", include_str!("moves_of_accounts.rs")),
    ("client.credential_renewed", include_str!("administration.rs")),
    ("client.health_changed", include_str!("health_watched.rs")),
    ("connection.replaced", include_str!("first_use.rs")),
    ("grant.rebound", include_str!("life_of_a_grant.rs")),
    ("grant.ended", include_str!("first_use.rs")),
    ("sessions.revoked", include_str!("universal_logout.rs")),
];

story!(every_type_of_event_occurs_has_its_shape_and_no_secret, async |world: World| {
    let mut secrets: Vec<String> = Vec::new();
    let acme = world.account("acme").await;
    users_and_groups(&acme, &mut secrets).await;
    clients(&acme, &mut secrets).await;
    account(&world, &mut secrets).await;
    let events = Reader::of_all(&world).rest().await;
    events.iter().for_each(assert_shape);
    let seen: BTreeSet<String> = types(&events).into_iter().collect();
    for (kind, story) in ELSEWHERE {
        assert!(story.contains(kind), "the story of {kind} does not say so");
    }
    let elsewhere = ELSEWHERE.map(|(kind, _)| kind);
    let missing: Vec<&str> = EventType::ALL
        .iter()
        .map(|kind| kind.code())
        .filter(|kind| !seen.contains(*kind) && !elsewhere.contains(kind))
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
    assert!(seen.iter().all(|kind| EventType::parse(kind).is_some()), "{seen:?}");
    for event in &events {
        shape_of(event);
        let shown = event.to_string();
        for secret in &secrets {
            assert!(!shown.contains(secret.as_str()), "{secret} in {shown}");
        }
    }
    assert!(secrets.len() >= 8 && secrets.iter().all(|secret| secret.len() >= 4), "{secrets:?}");
});

/// What `docs/events.md` promises of `data` and `subject`.
fn shape_of(event: &Value) {
    let (kind, data) = (text(&event["type"]), &event["data"]);
    let noun = kind.split('.').next().unwrap_or_default().to_owned();
    let subject = text(&event["subject"]["type"]);
    let expected: &[&str] = match kind.as_str() {
        "access.changed" => &["group", "account"],
        "access.widened" => &["user", "group", "account"],
        "access.rules_changed" => &["account"],
        "grants.ended" => &["user"],
        "connection.replaced" => &["grant"],
        _ => &[noun.as_str()],
    };
    assert!(expected.contains(&subject.as_str()), "{event}");
    let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    assert!(is_text(&event["subject"]["id"]), "{event}");
    match kind.as_str() {
        "user.deleted" | "group.deleted" => assert_eq!((data, is_text(&event["subject"]["name"])), (&json!({}), true)),
        "group.membership_changed" => {
            assert!(data["added"].is_array() && data["removed"].is_array() && data["complete"].is_boolean(), "{event}");
            assert!(data["added_count"].is_u64() && data["removed_count"].is_u64(), "{event}");
        }
        "access.changed" => assert!(data["users"].is_array() && data["complete"].is_boolean(), "{event}"),
        "grant.created" => assert!(is_text(&data["client"]) && is_text(&data["scope"]), "{event}"),
        "grant.ended" | "grant.rebound" => assert!(is_text(&data["reason"]), "{event}"),
        _ if noun == "user" => {
            assert!(data["user"]["id"] == event["subject"]["id"] && is_text(&data["user"]["userName"]), "{event}");
            assert!(data["access"]["active"].is_boolean() && data["access"]["environments"].is_array(), "{event}");
        }
        _ if noun == "group" => assert!(data["group"]["id"] == event["subject"]["id"], "{event}"),
        _ => {}
    }
    if ["user.changed", "group.changed", "user.restored"].contains(&kind.as_str()) {
        assert!(data["changes"].is_object(), "{event}");
    }
}

async fn users_and_groups(acme: &Account, secrets: &mut Vec<String>) {
    declare(acme, "badge", &json!({"type": "string"})).await.expect(201);
    declare(acme, "badge", &json!({"type": "string", "description": "The badge"})).await.expect(200);
    settled(acme).await;
    let idp = acme.connected_identity_provider().await;
    secrets.extend([
        idp.access_token.clone(),
        idp.refresh_token.clone().unwrap_or_default(),
        idp.client.secret.clone(),
    ]);
    let mut ana = a_user("ana@acme.test");
    (ana["password"], ana["badge"]) = (json!("Pa55-of-ana-by-scim"), json!("B1"));
    secrets.extend(["Pa55-of-ana-by-scim", "Pa55-of-ada"].map(str::to_owned));
    let ana = idp.create_user(&ana).await;
    idp.patch(&ana).replace("product_environments", json!(["acme-prod"])).await.expect(200);
    idp.patch(&ana).remove("product_environments").await.expect(200);
    let group = idp.create_group("Editors", &[]).await;
    let rules = json!({"rules": [{"group_name": "Editors", "role": "admin", "environments": ["acme-stage"]}]});
    acme.admin(Method::PUT, "/access").json(&rules).await.expect(200);
    idp.patch(&group).add("members", json!([{"value": ana["id"]}])).await;
    idp.patch(&group).replace("displayName", "Editors EU").await;
    idp.patch(&ana).replace("active", false).await.expect(200);
    idp.patch(&ana).replace("active", true).await.expect(200);
    idp.patch(&ana).replace("active", false).await.expect(200);
    idp.post("/Users", &a_user("ana@acme.test")).await.expect(201);
    idp.delete(&ana).await.expect(204);
    idp.delete(&group).await.expect(204);
    acme.admin(Method::DELETE, "/attributes/badge").await;
    settled(acme).await;
}

async fn clients(acme: &Account, secrets: &mut Vec<String>) {
    let ada = acme.user("ada@acme.test").role("master_admin").with("password", json!("Pa55-of-ada and more"));
    let ada = ada.create().await;
    let client = acme.generic_client().await;
    let idp = client.connect_as(&ada).await;
    secrets.extend([client.secret.clone(), idp.access_token.clone()]);
    client.admin(Method::PATCH, "").json(&json!({"name": "Renamed"})).await.expect(200);
    let made = client.admin(Method::POST, "/secrets").json(&json!({"label": "next"})).await.expect(201).json();
    secrets.push(text(&made["client_secret"]));
    let listed = items(&client.admin(Method::GET, "/secrets").await.expect(200).json());
    client.admin(Method::DELETE, &format!("/secrets/{}", text(&listed[0]["id"]))).await.expect(204);
    let robot = OAuthClient::new(
        &acme.world,
        acme.admin(Method::POST, "/clients")
            .json(&json!({"name": "Robot", "profile": "generic", "grant_types": ["client_credentials"], "scopes": ["provision:scim"]}))
            .await
            .expect(201)
            .json(),
    );
    let token = robot.admin(Method::POST, "/tokens").json(&json!({"name": "pasted"})).await.expect(201).json();
    secrets.push(text(&token["token"]));
    let listed = items(&robot.admin(Method::GET, "/tokens").await.expect(200).json());
    robot.admin(Method::DELETE, &format!("/tokens/{}", text(&listed[0]["id"]))).await.expect(204);
    for disabled in [true, false] {
        robot.admin(Method::PATCH, "").json(&json!({"disabled": disabled})).await.expect(200);
    }
    robot.admin(Method::DELETE, "").await.expect(204);
    acme.admin(Method::PATCH, &format!("/users/{}", ada.id)).json(&json!({"active": false})).await.expect(200);
}

async fn account(world: &World, secrets: &mut Vec<String>) {
    let orchard = world.account("orchard").await;
    orchard.admin(Method::PATCH, "").json(&json!({"default_role": "reports"})).await.expect(200);
    let secret = "secret-of-the-upstream-provider";
    let sign_in = json!({"provider": {"name": "Orchard ID", "issuer": "https://login.orchard.test", "client_id": "gateway", "client_secret": secret}});
    let changed = orchard.admin(Method::PATCH, "/sign-in").json(&sign_in).await;
    assert!(changed.status.is_success(), "{}", changed.text());
    secrets.push(secret.to_owned());
    orchard.admin(Method::POST, "/suspend").await.expect(200);
    orchard.admin(Method::POST, "/resume").await.expect(200);
    orchard.admin(Method::DELETE, "").await.expect(204);
}
