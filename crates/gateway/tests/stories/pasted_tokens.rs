//! Static tokens, for identity providers that can only paste one.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, items, text};
use crate::support::http::Call;
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::World;
use gateway::platform::timestamp::Timestamp;

async fn onelogin(acme: &Account) -> OAuthClient {
    let client = acme.client(json!({"name": "OneLogin", "profile": "onelogin"})).await;
    assert!(client.issued.get("client_secret").is_none(), "it would have no use for one");
    client
}

async fn token(client: &OAuthClient, body: Value) -> (Value, String) {
    let made = client.admin(Method::POST, "/tokens").json(&body).await.expect(201).json();
    let token = text(&made["token"]);
    (made, token)
}

fn users(world: &World, token: &str) -> Call {
    world.get("/scim/v2/Users").bearer(token)
}

story!(onelogin_provisions_with_a_token_that_was_pasted, async |world: World| {
    let acme = world.account("acme").await;
    let client = onelogin(&acme).await;
    let (made, token) = token(&client, json!({"name": "OneLogin, production"})).await;
    assert!(token.starts_with("gwt_") && token.len() == 47, "its own prefix, and 256 bits");
    assert_eq!((&made["scopes"], &made["last_used"]), (&json!(["provision:scim"]), &Value::Null));
    assert!(made["expires"].is_string(), "nothing lives for ever: {made}");

    users(&world, &token).await.expect(200);
    let ana = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ana@acme.test", "active": true,
        "name": {"givenName": "Ana", "familyName": "A"}, "role": "admin",
        "emails": [{"value": "ana@acme.test", "primary": true}],
    });
    world.post("/scim/v2/Users").bearer(&token).scim(&ana).await.expect(201);
    let detail = world.get("/scim/v2/Me").bearer(&token).await.expect_scim_error(404, None);
    assert!(detail.contains("no user"), "{detail}");
    world.get("/userinfo").bearer(&token).await.expect(403);

    let listed = items(&client.admin(Method::GET, "/tokens").await.expect(200).json());
    assert_eq!((listed.len(), &listed[0]["name"]), (1, &json!("OneLogin, production")));
    assert!(listed[0]["last_used"].is_string() && listed[0].get("token").is_none(), "{listed:?}");
    let grants = items(&acme.admin_get("/grants").await);
    assert_eq!((&grants[0]["client_id"], &grants[0]["user"]), (&json!(client.id), &Value::Null));
    assert!(acme.audit().await.actions().contains(&"client.token_added"));
    let shown: Vec<Value> =
        [client.record().await, acme.admin_get("/grants").await, json!(acme.audit().await.0)].into();
    assert!(!json!(shown).to_string().contains(&token[4..]) && !world.logs().contains(&token), "shown once");
});

story!(a_static_token_ends_on_every_replica_at_the_next_request, moving_clock, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let refused = async |token: &str, said: &str| {
        for _ in 0..2 {
            let detail = users(&world, token).await.expect_scim_error(401, None);
            assert!(detail.contains(said), "{detail}");
        }
    };
    let works = async |token: &str| {
        for _ in 0..2 {
            users(&world, token).await.expect(200);
        }
    };
    let client = onelogin(&acme).await;
    let (one, first) = token(&client, json!({"name": "one"})).await;
    let (_, second) = token(&client, json!({"name": "two"})).await;
    works(&first).await;
    let path = format!("/tokens/{}", text(&one["id"]));
    client.admin(Method::DELETE, &path).await.expect(204);
    client.admin(Method::DELETE, &path).await.expect_problem(404);
    refused(&first, "ended").await;
    works(&second).await;

    client.admin(Method::PATCH, "").json(&json!({"disabled": true})).await.expect(200);
    refused(&second, "switched off").await;
    client.admin(Method::PATCH, "").json(&json!({"disabled": false})).await.expect(200);
    works(&second).await;

    let soon = gateway::platform::system::rfc3339(Timestamp::of_millis(world.now() + 60_000));
    let (_, short) = token(&client, json!({"name": "short", "expires": soon})).await;
    works(&short).await;
    let warnings = client.record().await["warnings"].to_string();
    assert!(warnings.contains("“short” expires"), "{warnings}");
    world.pass(std::time::Duration::from_secs(61));
    refused(&short, "expired").await;

    let grant = text(&items(&acme.admin_get("/grants").await)[0]["id"]);
    world.admin(Method::DELETE, &format!("/grants/{grant}")).await.expect(204);
    refused(&second, "ended").await;
    let (_, third) = token(&client, json!({"name": "three"})).await;
    works(&third).await;
    client.admin(Method::DELETE, "").await.expect(204);
    refused(&third, "ended").await;
});

story!(a_static_token_is_known_and_revoked_by_its_own_client_only, async |world: World| {
    let acme = world.account("acme").await;
    let (client, other) = (acme.generic_client().await, acme.generic_client().await);
    let (_, token) = token(&client, json!({"name": "ours"})).await;
    let known = client.introspect(&token).await;
    assert_eq!(
        (&known["active"], &known["sub"], &known["scope"]),
        (&json!(true), &json!(client.id), &json!("provision:scim"))
    );
    assert!(known["exp"].as_i64() > known["iat"].as_i64(), "{known}");
    assert_eq!(other.introspect(&token).await, json!({"active": false}));
    other.revoke(&token).await.expect(200);
    users(&world, &token).await.expect(200);
    client.revoke(&token).await.expect(200);
    users(&world, &token).await.expect_scim_error(401, None);
    assert_eq!(client.introspect(&token).await, json!({"active": false}));
    assert!(acme.audit().await.actions().contains(&"static_token.revoked"));
});

story!(a_static_token_opens_its_own_account_only_and_asks_for_sense, async |world: World| {
    let (acme, other) = (world.account("acme").await, world.account("other").await);
    other.service_account().await;
    let client = onelogin(&acme).await;
    let (_, token) = token(&client, json!({"name": "ours", "scopes": ["provision:scim"]})).await;
    assert_eq!(users(&world, &token).await.expect(200).json()["totalResults"], 0, "the other account does not exist");

    let year_2100 = "2100-01-01T00:00:00Z";
    for (body, field) in [
        (json!({}), "name"),
        (json!({"name": "x", "expires": year_2100}), "expires"),
        (json!({"name": "x", "expires": "2020-01-01T00:00:00Z"}), "expires"),
        (json!({"name": "x", "expires": "tomorrow"}), "expires"),
        (json!({"name": "x", "scopes": ["openid"]}), "scopes[0]"),
        (json!({"name": "x", "scopes": []}), "scopes"),
        (json!({"name": "x", "token": "gwt_mine"}), "token"),
    ] {
        let problem = client.admin(Method::POST, "/tokens").json(&body).await.expect_problem(400);
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let shared = json!({"name": "Shared", "redirect_uris": ["https://a.test/"]});
    let shared = world.admin(Method::POST, "/clients").json(&shared).await.expect(201).json();
    let path = format!("/clients/{}/tokens", text(&shared["client_id"]));
    world.admin(Method::POST, &path).json(&json!({"name": "x"})).await.expect_problem(409);
    for n in 1..10 {
        client.admin(Method::POST, "/tokens").json(&json!({"name": n.to_string()})).await.expect(201);
    }
    client.admin(Method::POST, "/tokens").json(&json!({"name": "one too many"})).await.expect_problem(409);

    acme.admin(Method::DELETE, "").await.expect(204);
    users(&world, &token).await.expect_scim_error(401, None);
});
