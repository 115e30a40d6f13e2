//! What will end is told before it ends.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, text};
use crate::support::identity_provider::{IdentityProvider, a_user};
use crate::support::key_server::{SigningKey, now};
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::World;

const DAY: u64 = 86_400;

async fn health(client: &OAuthClient) -> Value {
    client.admin(Method::GET, "/health").await.expect(200).json()
}

/// The state, and the codes of the reasons.
async fn state(client: &OAuthClient) -> (String, Vec<String>) {
    let health = health(client).await;
    let codes = health["reasons"].as_array().into_iter().flatten().map(|reason| text(&reason["code"]));
    (text(&health["state"]), codes.collect())
}

#[track_caller]
fn is(found: &(String, Vec<String>), state: &str, codes: &[&str]) {
    assert_eq!((found.0.as_str(), found.1.iter().map(String::as_str).collect::<Vec<_>>()), (state, codes.to_vec()));
}

async fn federated(acme: &Account, more: Value) -> OAuthClient {
    let mut body = json!({
        "name": "Nightly sync", "profile": "generic", "grant_types": ["client_credentials"], "scopes": ["provision:scim"],
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    acme.client(body).await
}

fn days(world: &World, days: u64) {
    world.pass(Duration::from_secs(days * DAY));
}

story!(a_secret_near_its_expiry_is_told_before_the_client_gets_no_token, moving_clock, async |world: World| {
    world.hold_clock();
    let acme = world.account("acme").await;
    let client = federated(&acme, json!({"secret_lifetime_days": 60})).await;
    client.connect_by_credentials().await.get("/Users").await.expect(200);
    is(&state(&client).await, "ok", &[]);
    days(&world, 35);
    client.client_credentials().await.expect(200);
    let told = health(&client).await;
    assert_eq!(
        (&told["state"], &told["reasons"][0]["code"]),
        (&json!("attention"), &json!("secret_expires")),
        "{told}"
    );
    let sentence = text(&told["reasons"][0]["sentence"]);
    assert!(sentence.contains("of Nightly sync expires on") && sentence.ends_with("in 24 days."), "{sentence}");
    // A second secret, which the customer has not entered yet; then they have.
    let second = client.admin(Method::POST, "/secrets").json(&json!({"label": "2027"})).await.expect(201).json();
    let told = text(&health(&client).await["reasons"][0]["sentence"]);
    assert!(told.ends_with("A newer one, “2027”, is there and has not been used yet."), "{told}");
    let renewed = OAuthClient { secret: text(&second["client_secret"]), ..client.clone() };
    world.pass(Duration::from_secs(7200));
    renewed.client_credentials().await.expect(200);
    is(&state(&client).await, "ok", &[]);
    // It is forgotten again, and the foretold happens.
    renewed.admin(Method::DELETE, &format!("/secrets/{}", text(&second["id"]))).await.expect(204);
    is(&state(&client).await, "attention", &["secret_expires"]);
    days(&world, 25);
    client.client_credentials().await.expect_oauth_error(401, "invalid_client");
    is(&state(&client).await, "broken", &["secrets_expired"]);
});

story!(a_connection_near_its_idle_or_absolute_end_is_told_before_it_ends, moving_clock, async |world: World| {
    world.hold_clock();
    let acme = world.account("acme").await;
    acme.user("eve@acme.test").role("master_admin").create().await;
    let (robot, client) = (acme.service_account().await, acme.okta_client().await);
    let lifetimes = json!({"refresh_idle_seconds": 40 * DAY, "refresh_absolute_seconds": 100 * DAY});
    client.admin(Method::PATCH, "").json(&lifetimes).await.expect(200);
    let mut idp = client.connect_as(&robot).await;
    idp.get("/Users").await.expect(200);
    is(&state(&client).await, "ok", &[]);
    days(&world, 31);
    is(&state(&client).await, "attention", &["connection_expires_unused"]);
    idp.refresh().await;
    idp.get("/Users").await.expect(200);
    is(&state(&client).await, "ok", &[]);
    days(&world, 30);
    idp.refresh().await;
    idp.get("/Users").await.expect(200);
    is(&state(&client).await, "ok", &[]);
    days(&world, 15);
    idp.refresh().await;
    idp.get("/Users").await.expect(200);
    is(&state(&client).await, "attention", &["connection_expires"]);
    days(&world, 25);
    let refresh = idp.refresh_token.clone().expect("a refresh token");
    client.refresh(&refresh).await.expect_oauth_error(400, "invalid_grant");
    let ended = state(&client).await;
    assert_eq!(ended.0, "broken", "{ended:?}");
    assert!(ended.1[0] == "connection_expired" || ended.1[0] == "connection_ended", "{ended:?}");
    // A new one, which no client uses in time.
    client.connect_as(&robot).await.get("/Users").await.expect(200);
    is(&state(&client).await, "ok", &[]);
    days(&world, 39);
    is(&state(&client).await, "attention", &["connection_expires_unused"]);
    days(&world, 2);
    is(&state(&client).await, "broken", &["connection_expired"]);
});

story!(a_static_token_near_its_expiry_is_told_before_it_is_refused, moving_clock, async |world: World| {
    world.hold_clock();
    let acme = world.account("acme").await;
    let client = acme.client(json!({"name": "OneLogin", "profile": "onelogin"})).await;
    is(&state(&client).await, "never_used", &["never_connected"]);
    let made = client.admin(Method::POST, "/tokens").json(&json!({"name": "pasted"})).await.expect(201).json();
    is(&state(&client).await, "never_used", &["never_connected"]);
    let tokens = json!({"token_type": "Bearer", "access_token": made["token"]});
    let idp = IdentityProvider::new(client.clone(), &tokens);
    idp.get("/Users").await.expect(200);
    is(&state(&client).await, "ok", &[]);
    days(&world, 340);
    idp.get("/Users").await.expect(200);
    is(&state(&client).await, "attention", &["static_token_expires"]);
    days(&world, 26);
    idp.get("/Users").await.expect(401);
    is(&state(&client).await, "broken", &["static_tokens_expired"]);
});

story!(a_registered_key_that_says_when_it_expires_is_told_before_it_counts_no_more, async |world: World| {
    let acme = world.account("acme").await;
    let key = SigningKey::ed25519("a");
    let with = async |days: i64| {
        let mut jwks = key.jwks();
        jwks["keys"][0]["exp"] = json!(now() + days * DAY as i64);
        federated(&acme, json!({"jwks": jwks})).await
    };
    is(&state(&with(300).await).await, "never_used", &["never_connected"]);
    is(&state(&with(20).await).await, "attention", &["key_expires", "never_connected"]);
    let expired = with(-1).await;
    is(&state(&expired).await, "broken", &["keys_expired", "never_connected"]);
    assert!(expired.record().await["jwks"]["keys"][0]["exp"].is_number());
    let claims = json!({
        "iss": expired.id, "sub": expired.id, "aud": world.gateway.public_url, "jti": "1", "iat": now(), "exp": now() + 60,
    });
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", &key.jwt(&claims)),
    ];
    world.post("/oauth2/token").form(&form).await.expect_oauth_error(401, "invalid_client");
});

story!(silence_beyond_a_clients_own_habits_is_told, moving_clock, async |world: World| {
    world.hold_clock();
    let acme = world.account("acme").await;
    let client = federated(&acme, json!({})).await;
    let visit = async || client.connect_by_credentials().await.get("/Users").await.expect(200);
    for _ in 0..6 {
        visit().await;
        health(&client).await;
        days(&world, 4);
    }
    let listened = || {
        world.alter("DELETE FROM installation WHERE name = 'health_recorded'");
        let until = world.now();
        world.alter(&format!("INSERT INTO installation (name, value) VALUES ('health_recorded', '0:{until}')"));
    };
    visit().await;
    let told = health(&client).await;
    assert_eq!((&told["usual_pause_days"], &told["state"]), (&json!(4), &json!("ok")), "{told}");
    days(&world, 7);
    listened();
    is(&state(&client).await, "ok", &[]);
    days(&world, 1);
    listened();
    is(&state(&client).await, "attention", &["silent"]);
    visit().await;
    is(&state(&client).await, "ok", &[]);
});

story!(members_who_have_been_pending_for_more_than_a_day_are_told, moving_clock, async |world: World| {
    world.hold_clock();
    let acme = world.account("acme").await;
    let client = federated(&acme, json!({})).await;
    let idp = client.connect_by_credentials().await;
    let group = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Editors",
        "members": [{"value": "ana@acme.test"}]});
    idp.post("/Groups", &group).await.expect(201);
    world.pass(Duration::from_secs(23 * 3600));
    is(&state(&client).await, "ok", &["needs_tolerances"]);
    world.pass(Duration::from_secs(2 * 3600));
    let told = health(&client).await;
    assert_eq!(told["state"], "attention", "{told}");
    let sentence = text(&told["reasons"][0]["sentence"]);
    assert!(sentence.contains("“ana@acme.test” in the group “Editors” since"), "{sentence}");
    client.connect_by_credentials().await.create_user(&a_user("ana@acme.test")).await;
    is(&state(&client).await, "ok", &["needs_tolerances"]);
});

story!(
    without_the_request_log_nothing_is_made_up,
    settings = [("GATEWAY__REQUESTS__ENABLED", "false")],
    async |world: World| {
        let acme = world.account("acme").await;
        let client = federated(&acme, json!({})).await;
        is(&state(&client).await, "never_used", &["never_connected", "not_recorded"]);
        client.connect_by_credentials().await.get("/Users").await.expect(200);
        let told = health(&client).await;
        assert_eq!((&told["state"], &told["recorded"]), (&json!("ok"), &json!(false)), "its secret was used: {told}");
        assert_eq!((&told["last_request"], &told["last_import"]), (&Value::Null, &Value::Null));
        assert!(text(&told["reasons"][0]["sentence"]).contains("it is not known when Nightly sync was last there"));
    }
);
