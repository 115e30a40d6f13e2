//! Pushed authorization requests (RFC 9126).

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::browser::Landed;
use crate::support::http::Call;
use crate::support::identity_provider::IdentityProvider;
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::World;

fn push(client: &OAuthClient, more: &[(&str, &str)]) -> Call {
    let uri = client.redirect_uri();
    let own = [
        ("client_id", client.id.as_str()),
        ("client_secret", client.secret.as_str()),
        ("redirect_uri", uri.as_str()),
        ("response_type", "code"),
        ("scope", "openid offline provision:scim"),
        ("state", "mine"),
    ];
    let kept = own.into_iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name));
    client.world.post("/oauth2/par").form(&kept.chain(more.iter().copied()).collect::<Vec<_>>())
}

async fn pushed(client: &OAuthClient) -> String {
    let answer = push(client, &[]).await.expect(201);
    assert_eq!(answer.header("cache-control"), Some("no-store"), "attack 46");
    assert!(answer.header("set-cookie").is_none());
    let answer: Value = answer.json();
    assert_eq!(answer["expires_in"], 90);
    text(&answer["request_uri"])
}

fn browsers_url(client: &OAuthClient, request_uri: &str, more: &[(&str, &str)]) -> String {
    let pairs = [("client_id", client.id.as_str()), ("request_uri", request_uri)];
    client.authorization_url_with(&[&pairs[..], more].concat())
}

story!(attack_92_a_pushed_request_is_used_once_by_its_client_and_cannot_be_altered, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let (client, other) = (acme.generic_client().await, acme.generic_client().await);
    let request_uri = pushed(&client).await;
    assert!(request_uri.starts_with("urn:ietf:params:oauth:request_uri:"), "{request_uri}");
    world.get(&browsers_url(&other, &request_uri, &[])).await.expect(400).page();

    let evil = [("state", "evil"), ("scope", "admin"), ("redirect_uri", "https://evil.example/"), ("prompt", "none")];
    let browser = world.browser();
    let page = browser.open(&browsers_url(&client, &request_uri, &evil)).await.page();
    let page = browser.log_in(&page, &ada.user_name, &ada.password).await.page();
    let callback = browser.press(&page, "Accept access").await.callback();
    assert_eq!(callback.parameter("state").as_deref(), Some("mine"));
    let tokens = client.exchange(&callback.code()).await.expect(200).json();
    assert_eq!(tokens["scope"], "openid offline provision:scim");
    IdentityProvider::new(client.clone(), &tokens).get("/Users").await.expect(200);
    for _ in 0..2 {
        world.get(&browsers_url(&client, &request_uri, &[])).await.expect(400).page();
    }
    // Two browsers at once, at two replicas: one page.
    let request_uri = pushed(&client).await;
    let calls = (0..6).map(|_| {
        let call = world.get(&browsers_url(&client, &request_uri, &[]));
        async move { call.await.status.as_u16() }
    });
    let statuses = crate::support::concurrently::all(calls.collect()).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    // Nothing is fetched for any other.
    let uri = client.redirect_uri();
    let elsewhere = browsers_url(&client, "http://127.0.0.1:1/request.jwt", &[("redirect_uri", &uri)]);
    let refused = world.browser().open(&elsewhere).await.callback();
    assert_eq!(refused.parameter("error").as_deref(), Some("request_uri_not_supported"));
});

story!(attack_92_a_client_that_must_push_is_refused_in_the_open, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.generic_client().await;
    let change = json!({"require_pushed_authorization_requests": true});
    client.admin(Method::PATCH, "").json(&change).await.expect(200);
    let refused = world.browser().open(&client.authorization_url("1")).await.callback();
    assert_eq!(refused.parameter("error").as_deref(), Some("invalid_request"));
    let request_uri = pushed(&client).await;
    world.get(&browsers_url(&client, &request_uri, &[])).await.expect(200).page();
});

story!(a_push_is_refused_as_the_browser_would_be, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.generic_client().await;
    push(&client, &[("client_secret", "gws_wrong")]).await.expect_oauth_error(401, "invalid_client");
    push(&client, &[("redirect_uri", "https://evil.example/")]).await.expect_oauth_error(400, "invalid_request");
    push(&client, &[("response_type", "token")]).await.expect_oauth_error(400, "unsupported_response_type");
    push(&client, &[("scope", "admin")]).await.expect_oauth_error(400, "invalid_scope");
    push(&client, &[("request_uri", "urn:x")]).await.expect_oauth_error(400, "invalid_request");
    let url = format!("/oauth2/par?client_secret={}", client.secret);
    world.post(&url).form(&[("client_id", client.id.as_str())]).await.expect_oauth_error(400, "invalid_request");
    world.get("/oauth2/par").await.expect(405);
    let metadata = world.get("/.well-known/openid-configuration").await.expect(200).json();
    assert_eq!(
        text(&metadata["pushed_authorization_request_endpoint"]),
        format!("{}/oauth2/par", world.gateway.public_url)
    );
});
