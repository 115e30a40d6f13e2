//! What clients that exist send to the authorization server, and what was refused of it: ports, methods, origins, credentials, scopes.

use reqwest::Method;
use serde_json::{Value, json};

use crate::account::{Account, User};
use crate::oauth_client::OAuthClient;
use crate::world::World;

/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A public client with these redirect URIs.
async fn public_client(acme: &Account, uris: &[&str]) -> OAuthClient {
    let body = json!({"name": "Command line", "profile": "generic", "public": true, "redirect_uris": uris,
        "grant_types": ["authorization_code", "refresh_token"], "scopes": ["offline", "openid", "provision:scim"]});
    acme.client(body).await
}

fn authorization_url(client: &OAuthClient, redirect_uri: &str) -> String {
    client.authorization_url_with(&[
        ("response_type", "code"),
        ("client_id", &client.id),
        ("redirect_uri", redirect_uri),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ])
}

/// A code that was sent to this redirect URI.
async fn code(client: &OAuthClient, user: &User, redirect_uri: &str) -> String {
    let browser = client.world.browser();
    let page = browser.open(&authorization_url(client, redirect_uri)).await.page();
    let page = browser.log_in(&page, &user.user_name, &user.password).await.page();
    let callback = browser.press(&page, "Accept access").await.callback();
    assert!(callback.0.as_str().starts_with(redirect_uri), "{}", callback.0);
    callback.code()
}

story!(report_16_a_native_app_listens_on_any_port_of_its_loopback_address, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let uris = ["http://127.0.0.1/cb", "http://[::1]/cb", "http://localhost/cb"];
    let client = public_client(&acme, &uris).await;
    let exchange = async |code: &str, redirect_uri: Option<&str>| {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", client.id.as_str()),
            ("code", code),
            ("code_verifier", VERIFIER),
        ];
        let named = redirect_uri.map(|uri| ("redirect_uri", uri));
        world.post("/oauth2/token").form(&form.into_iter().chain(named).collect::<Vec<_>>()).await
    };
    for uri in ["http://127.0.0.1:51004/cb", "http://[::1]:49152/cb"] {
        exchange(&code(&client, &ada, uri).await, Some(uri)).await.expect(200);
        // The token request names the very URI of the authorization request, port and all.
        for other in [Some(uri.replace("5", "6")), Some(uri.replace("49152", "49153")), Some(uris[0].to_owned()), None]
        {
            if other.as_deref() == Some(uri) {
                continue;
            }
            let refused = exchange(&code(&client, &ada, uri).await, other.as_deref()).await;
            refused.expect_oauth_error(400, "invalid_grant");
        }
    }
    // Pushed, too.
    let pushed = [
        ("client_id", client.id.as_str()),
        ("response_type", "code"),
        ("redirect_uri", "http://127.0.0.1:8123/cb"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    world.post("/oauth2/par").form(&pushed).await.expect(201);
    for other in [
        "http://localhost:51004/cb",
        "http://127.0.0.2:51004/cb",
        "http://127.0.0.1:51004/cb/x",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:51004@evil.test/cb",
        "https://127.0.0.1:51004/cb",
    ] {
        world.get(&authorization_url(&client, other)).await.expect(400).page();
    }
    // A client that can keep a secret is no native app.
    let confidential = acme.client(json!({"name": "Server", "redirect_uris": ["http://127.0.0.1/cb"]})).await;
    world.get(&authorization_url(&confidential, "http://127.0.0.1:51004/cb")).await.expect(400).page();
    world.get(&authorization_url(&confidential, "http://127.0.0.1/cb")).await.expect(200).page();
});

story!(report_16_what_cannot_work_is_not_registered_and_what_is_registered_stays, async |world: World| {
    let acme = world.account("acme").await;
    for field in ["redirect_uris", "post_logout_redirect_uris"] {
        for bad in [
            "https://a.test/cb?code=1",
            "https://a.test/cb?x=1&st%61te=1",
            "http://127.0.0.1:0/cb",
            "http://127.1/cb",
            "http://0x7f.1/cb",
            "http://2130706433/cb",
            "http://0177.0.0.1/cb",
            "http://[::ffff:127.0.0.1]/cb",
            "https://a.test./cb",
            "https://%61.test/cb",
        ] {
            let mut body = json!({"name": "Sync", "redirect_uris": ["https://a.test/cb"]});
            body[field] = json!(["https://b.test/cb", bad]);
            let problem = acme.admin(Method::POST, "/clients").json(&body).await.expect_problem(400);
            assert_eq!(problem["errors"][0]["field"], format!("{field}[1]"), "{bad}: {problem}");
        }
    }
    // An older version let it in: it can be kept, or taken out, and blocks no other change.
    let client = acme.client(json!({"name": "Sync", "redirect_uris": ["https://a.test/cb"]})).await;
    let old: Value = json!(["https://a.test/cb?code=1"]);
    world.alter(&format!("UPDATE clients SET redirect_uris = '{old}' WHERE id = '{}'", client.id));
    let change = async |change: Value| client.admin(Method::PATCH, "").json(&change).await;
    assert_eq!(change(json!({"name": "Other"})).await.expect(200).json()["redirect_uris"], old);
    change(json!({"redirect_uris": old})).await.expect(200);
    change(json!({"redirect_uris": ["https://a.test/cb"]})).await.expect(200);
    change(json!({"redirect_uris": old})).await.expect_problem(400);
});
