//! What clients that exist send to the authorization server, and what was refused of it: ports, credentials, scopes.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, User, items, text};
use crate::support::browser::Landed;
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::World;

/// RFC 7636, appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A public client with these redirect URIs.
pub async fn public_client(acme: &Account, uris: &[&str]) -> OAuthClient {
    let body = json!({"name": "Command line", "profile": "generic", "public": true, "redirect_uris": uris,
        "grant_types": ["authorization_code", "refresh_token"], "scopes": ["offline", "openid", "provision:scim"]});
    acme.client(body).await
}

fn authorization_url(client: &OAuthClient, redirect_uri: &str) -> String {
    client.authorization_url_with(&[
        ("response_type", "code"),
        ("client_id", &client.id),
        ("redirect_uri", redirect_uri),
        ("scope", "openid offline provision:scim"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ])
}

/// A code that was sent to this redirect URI.
pub async fn code(client: &OAuthClient, user: &User, redirect_uri: &str) -> String {
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

const OWN: (&str, &str) = ("grant_type", "client_credentials");

/// What is counted of a tolerance: forgiven, refused.
async fn counted(client: &OAuthClient, name: &str) -> (Value, Value) {
    let list = client.admin(Method::GET, "/tolerances").await.expect(200).json();
    let item =
        items(&list).into_iter().find(|item| item["name"] == name).unwrap_or_else(|| panic!("no {name} in {list}"));
    (item["forgiven"].clone(), item["refused"].clone())
}

async fn machine(acme: &Account, profile: &str) -> OAuthClient {
    let body = json!({"name": profile, "profile": profile, "grant_types": ["client_credentials"], "redirect_uris": [],
        "scopes": ["openid", "provision:scim"]});
    acme.client(body).await
}

story!(report_18_what_a_proxy_adds_does_not_spoil_a_secret_in_the_body, async |world: World| {
    let acme = world.account("acme").await;
    let (client, other) = (machine(&acme, "generic").await, machine(&acme, "generic").await);
    let form = [OWN, ("client_id", client.id.as_str()), ("client_secret", client.secret.as_str())];
    let send =
        |header: &str, form: &[(&str, &str)]| world.post("/oauth2/token").header("authorization", header).form(form);
    for stray in ["Bearer gwa_old", "Bearer", "Negotiate abc", "Basic c3F1aWQ6cGFzc3dvcmQ=", "Basic !!!"] {
        send(stray, &form).await.expect(200);
        send(stray, &[form[0], form[1], ("client_secret", "gws_x")]).await.expect_oauth_error(401, "invalid_client");
    }
    world
        .post("/oauth2/token")
        .basic(&other.id, &other.secret)
        .form(&form)
        .await
        .expect_oauth_error(400, "invalid_request");
    world.post("/oauth2/token").basic(&other.id, "gws_x").form(&form).await.expect_oauth_error(400, "invalid_request");
});

story!(report_18_a_secret_that_was_pasted_with_a_line_break_is_told_as_that, async |world: World| {
    let client = machine(&world.account("acme").await, "generic").await;
    for secret in [
        format!("{}\n", client.secret),
        format!("{}\r\n", client.secret),
        format!("{} ", client.secret),
        "gws_wrong\n".into(),
    ] {
        let form = [OWN, ("client_id", client.id.as_str()), ("client_secret", secret.as_str())];
        let by_body = world.post("/oauth2/token").form(&form).await.expect_oauth_error(401, "invalid_client");
        let by_header = world.post("/oauth2/token").basic(&client.id, &secret).form(&[OWN]).await;
        let by_header = by_header.expect_oauth_error(401, "invalid_client");
        assert!(by_body.contains("line break") && by_body == by_header, "{by_body} {by_header}");
    }
});

story!(report_21_the_same_credentials_twice_count_once, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    for profile in ["entra", "generic", "okta"] {
        let client = machine(&acme, profile).await;
        let twice = async |path: &str, more: &[(&str, &str)]| {
            let own = [("client_id", client.id.as_str()), ("client_secret", client.secret.as_str())];
            world.post(path).basic(&client.id, &client.secret).form(&[&own[..], more].concat()).await
        };
        let token = text(&twice("/oauth2/token", &[OWN]).await.expect(200).json()["access_token"]);
        twice("/oauth2/introspect", &[("token", &token)]).await.expect(200);
        twice("/oauth2/revoke", &[("token", &token)]).await.expect(200);
        counted(&client, "credentials_sent_twice").await;
        assert_eq!(counted(&client, "credentials_sent_twice").await, (json!(3), json!(0)), "{profile}");
        let differ = [OWN, ("client_id", client.id.as_str()), ("client_secret", "gws_other")];
        let refused = world.post("/oauth2/token").basic(&client.id, &client.secret).form(&differ).await;
        refused.expect_oauth_error(400, "invalid_request");
        client
            .admin(Method::PATCH, "")
            .json(&json!({"tolerances": {"credentials_sent_twice": false}}))
            .await
            .expect(200);
        twice("/oauth2/token", &[OWN]).await.expect_oauth_error(400, "invalid_request");
        counted(&client, "credentials_sent_twice").await;
        assert_eq!(counted(&client, "credentials_sent_twice").await, (json!(3), json!(1)), "{profile}");
    }
    let strict = machine(&acme, "strict").await;
    let form = [OWN, ("client_id", strict.id.as_str()), ("client_secret", strict.secret.as_str())];
    let refused = world.post("/oauth2/token").basic(&strict.id, &strict.secret).form(&form).await;
    refused.expect_oauth_error(400, "invalid_request");
    assert_eq!(strict.record().await["tolerances"]["on"], json!([]));
    // A refresh, as authentik sends it.
    let ada = acme.service_account().await;
    let client = acme.generic_client().await;
    let idp = client.connect_as(&ada).await;
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", idp.refresh_token.as_deref().unwrap_or_default()),
        ("client_id", client.id.as_str()),
        ("client_secret", client.secret.as_str()),
    ];
    world.post("/oauth2/token").basic(&client.id, &client.secret).form(&refresh).await.expect(200);
});

story!(report_21_scopes_divided_by_commas_are_understood_for_clients_that_send_them, async |world: World| {
    let acme = world.account("acme").await;
    let (ping, okta) = (machine(&acme, "ping").await, machine(&acme, "okta").await);
    let ask = async |client: &OAuthClient, scope: &str| {
        let own = [OWN, ("client_id", client.id.as_str()), ("client_secret", client.secret.as_str())];
        let in_body = world.post("/oauth2/token").form(&[&own[..], &[("scope", scope)]].concat()).await;
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("scope", scope).finish();
        let in_url = world.post(&format!("/oauth2/token?{query}")).form(&own).await;
        assert_eq!(in_body.status, in_url.status, "{scope}");
        in_body
    };
    let divided = [
        "provision:scim,openid",
        "provision:scim, openid,",
        "openid+provision:scim",
        "openid%20provision%3Ascim",
        "openid\tprovision:scim",
        "provision:scim,",
    ];
    for scope in divided {
        assert_eq!(ask(&ping, scope).await.expect(200).json()["scope"], "provision:scim", "{scope:?}");
        let said = ask(&okta, scope).await.expect_oauth_error(400, "invalid_scope");
        assert!(said.contains("divided by spaces"), "{said}");
    }
    ask(&ping, "provision:scim,admin").await.expect_oauth_error(400, "invalid_scope");
    ask(&okta, "openid   provision:scim ").await.expect(200);
    let times = 2 * divided.len();
    assert_eq!(counted(&ping, "scope_separators").await, (json!(times + 2), json!(0)));
    assert_eq!(counted(&okta, "scope_separators").await, (json!(0), json!(times)));

    // In the browser's request and in a pushed one.
    let client = acme.generic_client().await;
    let ada = acme.service_account().await;
    let uri = client.redirect_uri();
    let form = [
        ("client_id", client.id.as_str()),
        ("client_secret", client.secret.as_str()),
        ("redirect_uri", uri.as_str()),
        ("response_type", "code"),
        ("scope", "openid,provision:scim"),
    ];
    world.post("/oauth2/par").form(&form).await.expect(201);
    let url = client.authorization_url_with(&[form[0], form[2], form[3], form[4]]);
    let browser = world.browser();
    let page = browser.open(&url).await.page();
    let page = browser.log_in(&page, &ada.user_name, &ada.password).await.page();
    let code = browser.press(&page, "Accept access").await.callback().code();
    assert_eq!(client.exchange(&code).await.expect(200).json()["scope"], "openid provision:scim");
    assert_eq!(counted(&client, "scope_separators").await, (json!(2), json!(0)));
    client.admin(Method::PATCH, "").json(&json!({"tolerances": {"scope_separators": false}})).await.expect(200);
    world.post("/oauth2/par").form(&form).await.expect_oauth_error(400, "invalid_scope");
    let refused = world.browser().open(&url).await.callback();
    assert_eq!(refused.parameter("error").as_deref(), Some("invalid_scope"));
});
