//! A suspended account: everything of it is refused at once, in words that say so, and everything is there again when it is resumed.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{items, text};
use crate::support::browser::Landed;
use crate::support::testing::World;

const CODE: &str = "account_suspended";

story!(a_suspended_account_is_refused_everywhere_and_resumed_as_it_was, async |world: World| {
    let (acme, other) = (world.account("acme").await, world.account("other").await);
    let ada = acme.service_account().await;
    let (client, shared) =
        (acme.okta_client().await, json!({"name": "Catalog", "profile": "okta", "okta_app_name": "media_catalog"}));
    let mut idp = client.connect_as(&ada).await;
    let pasted = client.admin(Method::POST, "/tokens").json(&json!({"name": "pasted"})).await.expect(201).json();
    let pasted = text(&pasted["token"]);
    let shared = world.admin(Method::POST, "/clients").json(&shared).await.expect(201).json();
    let shared = crate::support::oauth_client::OAuthClient::new(&world, shared);
    let of_shared = shared.connect_as(&ada).await;
    let elsewhere = other.connected_identity_provider().await;
    let browser = world.browser();
    client.consent_page(&browser, &ada, "1").await;
    let before = acme.admin_get("/users").await;
    let rows = acme.audit().await.0.len();

    let suspended = acme.admin(Method::POST, "/suspend").await.expect(200).json();
    assert!(suspended["suspended"].is_string(), "{suspended}");
    let again = acme.admin(Method::POST, "/suspend").await.expect(200).json();
    assert_eq!(again["suspended"], suspended["suspended"], "it stays so since then");

    // Tokens, of its own client, of a shared one, and pasted ones.
    for token in [&idp.access_token, &pasted, &of_shared.access_token] {
        let refused = world.get("/scim/v2/Users").bearer(token).await.expect(401);
        let told = format!("{:?}{}", refused.header("www-authenticate"), refused.text());
        assert!(told.contains("suspended"), "{told}");
    }
    assert_eq!(shared.introspect(&of_shared.access_token).await["active"], json!(false));
    // The token endpoint.
    let refresh = |idp: &crate::support::identity_provider::IdentityProvider| idp.refresh_token.clone().expect("one");
    let refused = client.refresh(&refresh(&idp)).await.expect_oauth_error(401, "invalid_client");
    assert!(refused.contains("suspended"), "{refused}");
    let refused = shared.refresh(&refresh(&of_shared)).await.expect_oauth_error(400, "invalid_grant");
    assert!(refused.contains("suspended"), "{refused}");
    // Accepting, and logging in.
    let page = world.browser().open(&client.authorization_url("2")).await.page();
    assert!(page.words().contains("suspended") && page.words().contains(CODE), "{}", page.words());
    let stranger = world.browser();
    let page = stranger.open(&shared.authorization_url("3")).await.page();
    let page = stranger.log_in(&page, &ada.user_name, &ada.password).await.page();
    assert!(!page.is_consent(), "{}", page.words());
    let own = browser.open(&format!("{}/account", world.gateway.public_url)).await.page();
    assert!(!own.words().contains(&ada.user_name), "the session does not count: {}", own.words());
    // Operators see why, and another account notices nothing.
    let health = client.admin(Method::GET, "/health").await.expect(200).json();
    assert_eq!((&health["state"], &health["reasons"][0]["code"]), (&json!("broken"), &json!(CODE)), "{health}");
    assert_eq!(acme.admin_get("/users").await, before);
    elsewhere.get("/Users").await.expect(200);

    let resumed = acme.admin(Method::POST, "/resume").await.expect(200).json();
    assert_eq!(resumed["suspended"], Value::Null);
    acme.admin(Method::POST, "/resume").await.expect(200);
    for token in [&idp.access_token, &pasted, &of_shared.access_token] {
        world.get("/scim/v2/Users").bearer(token).await.expect(200);
    }
    idp.refresh().await;
    idp.get("/Users").await.expect(200);
    shared.refresh(&refresh(&of_shared)).await.expect(200);
    let page = browser.open(&client.authorization_url("4")).await.page();
    assert!(page.is_consent(), "the session counts again: {}", page.words());
    assert_eq!(acme.admin_get("/users").await, before);
    let audit = acme.audit().await;
    let acts: Vec<&str> = audit.0.iter().rev().skip(rows).filter_map(|row| row["action"].as_str()).collect();
    let of_account: Vec<&&str> = acts.iter().filter(|act| act.starts_with("account.")).collect();
    assert_eq!(of_account, [&"account.suspended", &"account.resumed"], "{acts:?}");
    let row = audit.0.iter().find(|row| row["action"] == "account.suspended").expect("a row");
    assert_eq!(row["changes"]["suspended"]["before"], Value::Null, "{row}");
    assert!(items(&acme.admin_get("/grants").await).iter().all(|grant| grant["ended"].is_null()));
});
