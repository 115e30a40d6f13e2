//! What was made inside an account that is gone: nothing of it counts, and nothing of it looks as if it were for all accounts.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{items, text};
use crate::support::database::Behind;
use crate::support::testing::World;

async fn operator(world: &World, account: &str) -> Value {
    let body = json!({"name": "csm", "role": "platform", "accounts": [account]});
    world.admin(Method::POST, "/operators").json(&body).await.expect(201).json()
}

story!(hardening_17_an_operator_of_a_deleted_account_is_none_any_more, async |world: World| {
    let (acme, orchard) = (world.account("acme").await, world.account("orchard").await);
    let made = operator(&world, &acme.id).await;
    assert_eq!(made["accounts"], json!([acme.id]), "{made}");
    let (id, token) = (text(&made["id"]), text(&made["token"]));
    let client = acme.okta_client().await;
    world.get(&format!("/admin/accounts/{}", acme.id)).bearer(&token).await.expect(200);

    acme.admin(Method::DELETE, "").await.expect(204);
    for (method, path) in [
        (Method::GET, format!("/accounts/{}", acme.id)),
        (Method::GET, format!("/accounts/{}", orchard.id)),
        (Method::GET, format!("/clients/{}", client.id)),
        (Method::GET, format!("/audit?account={}", acme.id)),
        (Method::GET, "/accounts".to_owned()),
        (Method::GET, "/operators".to_owned()),
        (Method::DELETE, format!("/operators/{id}")),
    ] {
        world.call(method, &format!("/admin{path}")).bearer(&token).await.expect_problem(401);
    }
    let listed = world.admin_get("/operators").await;
    assert!(items(&listed).iter().all(|operator| operator["id"] != id), "{listed}");
    let trail = world.admin_get("/audit").await;
    let ended = items(&trail).into_iter().find(|row| row["action"] == "operator.ended").expect("it is recorded");
    assert_eq!((&ended["target"], &ended["detail"]), (&json!(id), &json!("the account was deleted")));
    // The name is free again, and a deleted account gets no operator.
    operator(&world, &orchard.id).await;
    let body = json!({"name": "late", "role": "platform", "accounts": [acme.id]});
    world.admin(Method::POST, "/operators").json(&body).await.expect_problem(404);
});

story!(hardening_17_an_operator_whom_a_release_before_left_behind_is_told_apart, async |world: World| {
    let acme = world.account("acme").await;
    let made = operator(&world, &acme.id).await;
    let global = world
        .admin(Method::POST, "/operators")
        .json(&json!({"name": "all", "role": "platform"}))
        .await
        .expect(201)
        .json();
    // As a release before did: the account alone. Rows go later.
    Behind::of(&world).execute(&format!("UPDATE accounts SET deleted = 1, name_key = NULL WHERE id = '{}'", acme.id));
    let listed = world.admin_get("/operators").await;
    for operator in items(&listed) {
        let expected = match operator["id"] == made["id"] {
            true => json!([]),
            false => Value::Null,
        };
        assert_eq!(operator["accounts"], expected, "{listed}");
    }
    assert!(items(&listed).iter().any(|operator| operator["id"] == global["id"]));
    for path in ["/accounts", "/operators", &format!("/accounts/{}", acme.id)] {
        world.get(&format!("/admin{path}")).bearer(&text(&made["token"])).await.expect_problem(401);
    }
});

story!(hardening_17_clients_tokens_and_sessions_of_a_deleted_account_open_nothing, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let client = &idp.client;
    acme.admin(Method::DELETE, "").await.expect(204);

    idp.get("/Users").await.expect(401);
    let form = |fields: String| {
        world.post("/oauth2/token").basic(&client.id, &client.secret).body("application/x-www-form-urlencoded", fields)
    };
    let refresh = idp.refresh_token.clone().expect("a refresh token");
    for body in
        [format!("grant_type=refresh_token&refresh_token={refresh}"), "grant_type=client_credentials".to_owned()]
    {
        let refused = form(body.clone()).await;
        assert!((400..=401).contains(&refused.status.as_u16()), "{body}: {}", refused.status);
    }
    for path in ["/introspect", "/revoke"] {
        let asked = world.post(&format!("/oauth2{path}")).basic(&client.id, &client.secret);
        let asked = asked.body("application/x-www-form-urlencoded", format!("token={}", idp.access_token)).await;
        assert_eq!(asked.status, 401, "{path}");
    }
    // Neither the client nor the account is in any list, or looks as if it were for all accounts.
    world.admin(Method::GET, &format!("/clients/{}", client.id)).await.expect_problem(404);
    let shared = world.admin_get("/clients").await;
    assert!(items(&shared).iter().all(|listed| listed["client_id"] != json!(client.id)), "{shared}");
    let accounts = world.admin_get("/accounts").await;
    assert!(items(&accounts).iter().all(|listed| listed["id"] != json!(acme.id)), "{accounts}");
});
