//! Tokens: how they are got, spent, renewed, asked about and ended.

use reqwest::Method;
use serde_json::json;

use crate::support::account::text;
use crate::support::browser::Landed;
use crate::support::concurrently::all;
use crate::support::identity_provider::IdentityProvider;
use crate::support::testing::World;

story!(client_credentials_provision_the_clients_account, async |world: World| {
    let acme = world.account("acme").await;
    acme.service_account().await;
    let client = acme.generic_client().await;
    let answer = client.client_credentials().await.expect(200); // with its scope in the token URL's query
    assert!(answer.header("cache-control").is_some_and(|v| v.contains("no-store")));
    let tokens = answer.json();
    assert_eq!(tokens["scope"], "provision:scim");
    assert!(tokens.get("refresh_token").is_none() && tokens.get("id_token").is_none(), "{tokens}");
    let idp = IdentityProvider::new(client.clone(), &tokens);
    assert_eq!(idp.names("userName pr").await, ["scim@acme.test"]);

    // By Basic, with no scope at all: the client's default.
    let form = "grant_type=client_credentials";
    let basic = world.post("/oauth2/token").basic(&client.id, &client.secret);
    let tokens = basic.body("application/x-www-form-urlencoded", form).await.expect(200).json();
    IdentityProvider::new(client, &tokens).get("/Users").await.expect(200);
});

story!(the_token_endpoint_refuses_by_the_book, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.generic_client().await;
    let other = acme.generic_client().await;
    let entra = acme
        .client(
            json!({"name": "Entra", "profile": "generic", "redirect_uris": [], "grant_types": ["client_credentials"],
                       "scopes": ["provision:scim"]}),
        )
        .await;
    let body = |pairs: &[(&str, &str)]| {
        let pairs: Vec<(String, String)> = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        world.post("/oauth2/token").form(&pairs)
    };
    body(&[]).await.expect_oauth_error(400, "invalid_request");
    client.token(&[]).await.expect_oauth_error(400, "invalid_request");
    client.token(&[("grant_type", "password")]).await.expect_oauth_error(400, "unsupported_grant_type");
    client.token(&[("grant_type", "authorization_code")]).await.expect_oauth_error(400, "invalid_request");
    client.exchange("gwc_unknown").await.expect_oauth_error(400, "invalid_grant");
    client.refresh("gwr_unknown").await.expect_oauth_error(400, "invalid_grant");
    entra.refresh("gwr_unknown").await.expect_oauth_error(400, "unauthorized_client");
    let wide = [("grant_type", "client_credentials"), ("scope", "provision:scim admin")];
    client.token(&wide).await.expect_oauth_error(400, "invalid_scope");
    let twice = [("grant_type", "client_credentials"), ("grant_type", "client_credentials")];
    client.token(&twice).await.expect_oauth_error(400, "invalid_request");
    let wrong =
        [("grant_type", "client_credentials"), ("client_id", client.id.as_str()), ("client_secret", "gws_wrong")];
    body(&wrong).await.expect_oauth_error(401, "invalid_client");
    let unknown = [("grant_type", "client_credentials"), ("client_id", "nobody"), ("client_secret", "gws_wrong")];
    body(&unknown).await.expect_oauth_error(401, "invalid_client");
    let basic =
        world.post("/oauth2/token").basic(&client.id, "gws_wrong").form(&[("grant_type", "client_credentials")]);
    let refused = basic.await.expect(401);
    assert!(refused.header("www-authenticate").is_some_and(|v| v.starts_with("Basic")));
    // Only `scope` may stand in the query: secrets there end up in logs.
    let url = format!("/oauth2/token?client_id={}&client_secret={}", client.id, client.secret);
    let leaky = world.post(&url).form(&[("grant_type", "client_credentials")]).await;
    assert!(matches!(leaky.status.as_u16(), 400 | 401), "{}", leaky.status);
    leaky.oauth_error();

    // A code belongs to the client it was issued to, and is spent once; spent twice, it takes its tokens along.
    let ada = acme.service_account().await;
    let code = client.authorize(&world.browser(), &ada).await.code();
    other.exchange(&code).await.expect_oauth_error(400, "invalid_grant");
    let tokens = client.exchange(&code).await.expect(200).json();
    let idp = IdentityProvider::new(client.clone(), &tokens);
    idp.get("/Users").await.expect(200);
    client.exchange(&code).await.expect_oauth_error(400, "invalid_grant");
    idp.get("/Users").await.expect_scim_error(401, None);
});

story!(a_double_submission_or_lost_response_leaves_one_living_chain, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    let idp = client.connect_as(&acme.service_account().await).await;
    let first = idp.refresh_token.clone().unwrap_or_default();

    // Twenty workers notice at once that the access token has run out.
    let twenty: Vec<_> = (0..20)
        .map(|_| {
            let (client, token) = (client.clone(), first.clone());
            async move { client.refresh(&token).await.expect(200).json() }
        })
        .collect();
    let answers = all(twenty).await;
    let mut successors: Vec<String> = answers.iter().map(|a| text(&a["refresh_token"])).collect();
    successors.dedup();
    assert_eq!(successors.len(), 1, "each answer has the live token");
    for answer in &answers {
        IdentityProvider::new(client.clone(), answer).get("/Users?count=1").await.expect(200);
    }
    // The answer to this one is lost; the client tries again with what it has.
    client.refresh(&successors[0]).await.expect(200);
    let third = client.refresh(&successors[0]).await.expect(200).json();
    client.refresh(&text(&third["refresh_token"])).await.expect(200);
});

story!(a_stolen_refresh_token_ends_the_whole_grant, async |world: World| {
    let acme = world.account("acme").await;
    let mut idp = acme.connected_identity_provider().await;
    let stolen = idp.refresh_token.clone().unwrap_or_default();
    idp.refresh().await;
    idp.refresh().await; // the successor of the stolen one is in use
    idp.client.refresh(&stolen).await.expect_oauth_error(400, "invalid_grant");
    idp.get("/Users").await.expect_scim_error(401, None);
    let latest = idp.refresh_token.clone().unwrap_or_default();
    idp.client.refresh(&latest).await.expect_oauth_error(400, "invalid_grant");
    assert!(acme.audit().await.actions().iter().any(|a| a.starts_with("grant.") && *a != "grant.created"));
});

story!(a_secret_is_rotated_without_an_outage, async |world: World| {
    let acme = world.account("acme").await;
    let old = acme.generic_client().await;
    let mut new = old.clone();
    let made = old.admin(Method::POST, "/secrets").json(&json!({"label": "autumn"})).await.expect(201).json();
    new.secret = text(&made["client_secret"]);
    old.client_credentials().await.expect(200);
    new.client_credentials().await.expect(200);

    let listed = old.world.admin_get(&format!("/clients/{}/secrets", old.id)).await;
    assert!(!listed.to_string().contains(&new.secret), "shown once");
    let secrets = crate::support::account::items(&listed);
    assert_eq!(secrets.len(), 2, "{listed}");
    let first = secrets.iter().find(|s| s["id"] != made["id"]).map(|s| text(&s["id"])).unwrap_or_default();
    old.admin(Method::DELETE, &format!("/secrets/{first}")).await.expect(204);
    old.client_credentials().await.expect_oauth_error(401, "invalid_client");
    new.client_credentials().await.expect(200);
    assert!(!old.record().await.to_string().contains("gws_"), "a secret is never read back");
});

story!(a_disabled_client_is_refused_at_once, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let client = idp.client.clone();
    client.admin(Method::PATCH, "").json(&json!({"disabled": true})).await.expect(200);
    idp.get("/Users").await.expect_scim_error(401, None);
    client.client_credentials().await.expect_oauth_error(401, "invalid_client");
    world.get(&client.authorization_url("1")).await.expect(400).page();
    client.admin(Method::PATCH, "").json(&json!({"disabled": false})).await.expect(200);
    client.client_credentials().await.expect(200);
    client.admin(Method::DELETE, "").await.expect(204);
    client.client_credentials().await.expect_oauth_error(401, "invalid_client");
});

story!(tokens_are_introspected_and_revoked, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let (client, other) = (idp.client.clone(), acme.generic_client().await);
    let refresh_token = idp.refresh_token.clone().unwrap_or_default();
    let told = client.introspect(&idp.access_token).await;
    assert_eq!((&told["active"], told["client_id"].as_str()), (&json!(true), Some(client.id.as_str())), "{told}");
    assert!(told["scope"].as_str().is_some_and(|s| s.contains("provision:scim")) && told["exp"].is_u64(), "{told}");
    assert_eq!(client.introspect(&refresh_token).await["active"], true);
    assert_eq!(client.introspect("gwa_nonsense").await, json!({"active": false}));
    world.post("/oauth2/introspect").form(&[("token", "x")]).await.expect_oauth_error(401, "invalid_client");

    // Revoking what is another's, or nothing, succeeds and changes nothing (RFC 7009 §2.2).
    other.revoke(&idp.access_token).await.expect(200);
    other.revoke(&refresh_token).await.expect(200);
    client.revoke("gwa_nonsense").await.expect(200);
    idp.get("/Users").await.expect(200);

    // An access token ends alone; a refresh token takes its grant along.
    let second = IdentityProvider::new(client.clone(), &client.refresh(&refresh_token).await.expect(200).json());
    client.revoke(&idp.access_token).await.expect(200);
    idp.get("/Users").await.expect_scim_error(401, None);
    assert_eq!(client.introspect(&idp.access_token).await, json!({"active": false}));
    second.get("/Users").await.expect(200);
    client.revoke(&second.refresh_token.clone().unwrap_or_default()).await.expect(200);
    second.get("/Users").await.expect_scim_error(401, None);
});

story!(userinfo_tells_who_accepted, async |world: World| {
    let acme = world.account("acme").await;
    acme.admin(Method::PATCH, "").json(&json!({"service_accounts": "writable"})).await.expect(200);
    let ada = acme.service_account().await;
    let idp = acme.connect_identity_provider_as(&ada).await;
    let claims = world.get("/userinfo").bearer(&idp.access_token).await.expect(200).json();
    assert_eq!((claims["sub"].as_str(), &claims["role"]), (Some(ada.id.as_str()), &json!("master_admin")), "{claims}");
    idp.patch(&ada).replace("product_environments", json!(["acme-prod"])).await.expect(200);
    let claims = world.get("/userinfo").bearer(&idp.access_token).await.expect(200).json();
    assert_eq!(claims["product_environments"], json!(["acme-prod"]), "{claims}");
    let refused = world.get("/userinfo").bearer("gwa_nonsense").await.expect(401);
    assert!(refused.header("www-authenticate").is_some_and(|v| v.contains("invalid_token")));
    // A token of no person, without `openid`.
    let machine = idp.client.connect_by_credentials().await;
    let refused = world.get("/userinfo").bearer(&machine.access_token).await;
    assert!(matches!(refused.status.as_u16(), 401 | 403), "{}", refused.status);
});

story!(a_token_opens_only_what_its_scope_names, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.generic_client().await;
    let ada = acme.service_account().await;
    let uri = client.redirect_uri();
    let url = client.authorization_url_with(&[
        ("response_type", "code"),
        ("client_id", &client.id),
        ("redirect_uri", &uri),
        ("scope", "openid"),
    ]);
    let browser = world.browser();
    let page = browser.open(&url).await.page();
    let page = browser.log_in(&page, &ada.user_name, &ada.password).await.page();
    let code = browser.press(&page, "Accept access").await.callback().code();
    let tokens = client.exchange(&code).await.expect(200).json();
    assert!(tokens.get("refresh_token").is_none(), "`offline` was not asked for: {tokens}");
    let idp = IdentityProvider::new(client, &tokens);
    let refused = idp.get("/Users").await.expect(403);
    assert!(refused.header("www-authenticate").is_some_and(|v| v.contains("insufficient_scope")));
    refused.scim_error();
    world.get("/userinfo").bearer(&idp.access_token).await.expect(200);
});

story!(a_public_client_proves_itself_by_pkce, async |world: World| {
    let acme = world.account("acme").await;
    let body = json!({"name": "Command line", "profile": "generic", "public": true, "redirect_uris": ["http://127.0.0.1/callback"],
        "grant_types": ["authorization_code", "refresh_token"], "scopes": ["offline", "provision:scim"]});
    let client = acme.client(body).await;
    assert!(client.secret.is_empty(), "a public client keeps no secret: {}", client.issued);
    let (ada, uri) = (acme.service_account().await, client.redirect_uri());
    let asked = [("response_type", "code"), ("client_id", client.id.as_str()), ("redirect_uri", uri.as_str())];
    let bare = world.browser().open(&client.authorization_url_with(&asked)).await.callback();
    assert_eq!(bare.parameter("error").as_deref(), Some("invalid_request"), "{}", bare.0);

    // RFC 7636, appendix B.
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let challenge =
        [("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"), ("code_challenge_method", "S256")];
    let url = client.authorization_url_with(&[&asked[..], &challenge].concat());
    let exchange = async |verifier: Option<&str>| {
        let browser = world.browser();
        let page = browser.open(&url).await.page();
        let page = browser.log_in(&page, &ada.user_name, &ada.password).await.page();
        let code = browser.press(&page, "Accept access").await.callback().code();
        let grant =
            [("grant_type", "authorization_code"), ("client_id", client.id.as_str()), ("redirect_uri", uri.as_str())];
        let proof = [("code", code.as_str())].into_iter().chain(verifier.map(|v| ("code_verifier", v)));
        world.post("/oauth2/token").form(&grant.into_iter().chain(proof).collect::<Vec<_>>()).await
    };
    exchange(None).await.expect_oauth_error(400, "invalid_grant");
    exchange(Some(&verifier.replace('d', "e"))).await.expect_oauth_error(400, "invalid_grant");
    let tokens = exchange(Some(verifier)).await.expect(200).json();
    let idp = IdentityProvider::new(client.clone(), &tokens);
    idp.get("/Users").await.expect(200);
    let refresh = [
        ("grant_type", "refresh_token"),
        ("client_id", client.id.as_str()),
        ("refresh_token", idp.refresh_token.as_deref().unwrap_or_default()),
    ];
    world.post("/oauth2/token").form(&refresh).await.expect(200);
});
