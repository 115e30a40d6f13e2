//! Attacks on the token endpoint and on the door of the protected resource, in the form of their requests (RFC 6749 §3.2, RFC 6750).

use reqwest::Method;
use serde_json::json;

use crate::support::testing::World;

const CREDENTIALS: (&str, &str) = ("grant_type", "client_credentials");
const FORM: &str = "application/x-www-form-urlencoded";

story!(attack_35_a_token_is_posted_for, async |world: World| {
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        let paths =
            [("/oauth2/token", "POST, OPTIONS"), ("/oauth2/revoke", "POST, OPTIONS"), ("/oauth2/introspect", "POST")];
        for (path, allow) in paths {
            let refused = world.call(method.clone(), path).await.expect(405);
            assert_eq!(refused.header("allow"), Some(allow));
            refused.oauth_error();
        }
    }
});

story!(attack_36_of_the_url_only_the_scope_counts, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.generic_client().await;
    let own = [("client_id", client.id.as_str()), ("client_secret", client.secret.as_str())];
    for (name, value) in [
        ("client_secret", client.secret.as_str()),
        ("code", "gwc_secret-in-the-url"),
        ("refresh_token", "gwr_secret-in-the-url"),
        ("code_verifier", "secret-in-the-url"),
    ] {
        let url = format!("/oauth2/token?{name}={value}");
        let described = world.post(&url).form(&[&[CREDENTIALS], &own[..]].concat()).await;
        let described = described.expect_oauth_error(400, "invalid_request");
        assert!(described.contains(name), "{described}");
        assert!(!described.contains(value), "not repeated: {described}");
    }
    assert!(!world.logs().contains("secret-in-the-url") && !world.logs().contains(&client.secret), "nor logged");

    let token = |query: &str, form: &[(&'static str, &'static str)]| {
        world.post(&format!("/oauth2/token{query}")).form(&[&[CREDENTIALS], &own[..], form].concat())
    };
    let granted = token("?scope=provision:scim", &[]).await.expect(200).json();
    assert_eq!(granted["scope"], "provision:scim");
    token("?scope=provision%3Ascim", &[("scope", "provision:scim")]).await.expect(200);
    token("?scope=openid", &[("scope", "provision:scim")]).await.expect_oauth_error(400, "invalid_request");
    token("?scope=openid&scope=provision:scim", &[]).await.expect_oauth_error(400, "invalid_request");
});

story!(attack_37_parameters_come_as_a_form, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.generic_client().await;
    let body = json!({"grant_type": "client_credentials", "client_id": client.id, "client_secret": client.secret});
    world.post("/oauth2/token").json(&body).await.expect_oauth_error(400, "invalid_request");
    for kind in ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencodedx", ""] {
        let form = format!("grant_type=client_credentials&client_id={}&client_secret={}", client.id, client.secret);
        world.post("/oauth2/token").body(kind, form).await.expect_oauth_error(400, "invalid_request");
    }
    let form = format!("grant_type=client_credentials&client_id={}&client_secret={}", client.id, client.secret);
    world.post("/oauth2/token").body("Application/X-WWW-Form-URLEncoded; charset=UTF-8", form).await.expect(200);
});

story!(attack_45_a_grant_type_is_known_and_allowed_or_refused, async |world: World| {
    let acme = world.account("acme").await;
    let all = acme.generic_client().await;
    for unknown in ["password", "implicit", "urn:ietf:params:oauth:grant-type:device_code", "CLIENT_CREDENTIALS", "☃"]
    {
        all.token(&[("grant_type", unknown)]).await.expect_oauth_error(400, "unsupported_grant_type");
    }
    let machine = json!({"name": "Machine", "redirect_uris": [], "grant_types": ["client_credentials"]});
    let machine = acme.client(machine).await;
    machine.refresh("gwr_x").await.expect_oauth_error(400, "unauthorized_client");
    let code = [("grant_type", "authorization_code"), ("code", "gwc_x")];
    machine.token(&code).await.expect_oauth_error(400, "unauthorized_client");
    let people = json!({"name": "People", "redirect_uris": ["https://a.test/"], "grant_types": ["authorization_code"]});
    let people = acme.client(people).await;
    people.client_credentials().await.expect_oauth_error(400, "unauthorized_client");
});

story!(attack_46_answers_with_tokens_are_not_kept_nor_shared, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.generic_client().await;
    let tokens = client.client_credentials().await.expect(200);
    let access_token = tokens.json()["access_token"].as_str().unwrap_or_default().to_owned();
    let introspected = world.post("/oauth2/introspect").basic(&client.id, &client.secret);
    let introspected = introspected.form(&[("token", &access_token)]).await.expect(200);
    let refused = client.token(&[("grant_type", "password")]).await.expect(400);
    for answer in [&tokens, &introspected, &refused] {
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{}", answer.asked);
        assert_eq!(answer.header("pragma"), Some("no-cache"), "{}", answer.asked);
        assert_eq!(answer.header("set-cookie"), None, "{}", answer.asked);
        assert_eq!(answer.header("access-control-allow-origin"), None, "{}", answer.asked);
        assert_eq!(answer.header("access-control-allow-credentials"), None, "{}", answer.asked);
    }
});

story!(attack_47_monstrous_requests_are_refused, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.generic_client().await;
    let own = format!("grant_type=client_credentials&client_id={}&client_secret={}", client.id, client.secret);
    let bodies: Vec<Vec<u8>> = vec![
        format!("{own}&x={}", "x".repeat(17 << 10)).into_bytes(),
        format!("{own}&scope={}", "x".repeat(4097)).into_bytes(),
        format!("{own}&scope=provision:scim%00").into_bytes(),
        [own.as_bytes(), b"&scope=\xff\xfe"].concat(),
        format!("{own}&scope=%ff%fe").into_bytes(),
        format!("{own}&scope=%zz").into_bytes(),
        "&".repeat(16_000).into_bytes(),
        Vec::new(),
    ];
    for endpoint in ["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"] {
        for body in &bodies {
            let answer = world.post(endpoint).body(FORM, body.clone()).await;
            let broken = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
            assert!(matches!(answer.status.as_u16(), 400 | 401 | 413), "{endpoint} {}: {broken}", answer.status);
            answer.oauth_error();
        }
    }
    let long = format!("/oauth2/token?scope={}", "x".repeat(5000));
    let answer = world.post(&long).body(FORM, own).await;
    assert!(answer.status.is_client_error(), "{}", answer.status);
});

story!(attack_60_each_refusal_at_the_door_says_what_is_missing, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let nothing = world.get("/scim/v2/Users").await.expect(401);
    let challenge = nothing.header("www-authenticate").unwrap_or_default().to_owned();
    assert!(challenge.starts_with("Bearer") && !challenge.contains("error"), "RFC 6750 §3.1: {challenge}");
    nothing.scim_error();
    let bad = world.get("/scim/v2/Users").bearer("gwa_nonsense").await.expect(401);
    let challenge = bad.header("www-authenticate").unwrap_or_default().to_owned();
    assert!(challenge.starts_with("Bearer") && challenge.contains("error=\"invalid_token\""), "{challenge}");
    bad.scim_error();
    let refresh_token = idp.refresh_token.clone().unwrap_or_default();
    let narrow =
        idp.client.token(&[("grant_type", "refresh_token"), ("refresh_token", &refresh_token), ("scope", "openid")]);
    let narrow = narrow.await.expect(200).json()["access_token"].as_str().unwrap_or_default().to_owned();
    let lacking = world.get("/scim/v2/Users").bearer(&narrow).await.expect(403);
    let challenge = lacking.header("www-authenticate").unwrap_or_default().to_owned();
    assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
    assert!(challenge.contains("scope=\"provision:scim\""), "{challenge}");
    lacking.scim_error();
});

story!(attack_61_no_token_in_the_url_or_twice, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let token = idp.access_token.as_str();
    for path in ["/scim/v2/Users", "/userinfo"] {
        let refused = world.get(&format!("{path}?access_token={token}")).await;
        let challenge = refused.header("www-authenticate").unwrap_or_default();
        assert_eq!(refused.status.as_u16(), 400, "{path}");
        assert!(challenge.contains("invalid_request"), "{path}: {challenge}");
        let twice = world.get(&format!("{path}?access_token={token}")).bearer(token).await;
        assert_eq!(twice.status.as_u16(), 400, "{path}: two tokens in one request (RFC 6750 §2)");
    }
    assert!(!world.logs().contains(token), "a token in a URL is not logged");
    idp.get("/Users").await.expect(200);
});
