//! Attacks on the proof of who a client is (RFC 6749 §2.3), and on what it gets by it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{items, text};
use crate::support::http::Answer;
use crate::support::identity_provider::IdentityProvider;
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::World;
use gateway::platform::timestamp::Timestamp;

const CREDENTIALS: (&str, &str) = ("grant_type", "client_credentials");

/// By HTTP Basic.
async fn by_header(client: &OAuthClient, secret: &str) -> Answer {
    client.world.post("/oauth2/token").basic(&client.id, secret).form(&[CREDENTIALS]).await
}

/// In the body.
async fn by_body(client: &OAuthClient, secret: &str) -> Answer {
    let own = [CREDENTIALS, ("client_id", &client.id), ("client_secret", secret)];
    client.world.post("/oauth2/token").form(&own).await
}

story!(attack_38_a_client_proves_itself_in_one_way_at_a_time, async |world: World| {
    let client = world.account("acme").await.generic_client().await;
    let both = [CREDENTIALS, ("client_secret", &client.secret)];
    client.admin(Method::PATCH, "").json(&json!({"tolerances": {"credentials_sent_twice": false}})).await.expect(200);
    let call = world.post("/oauth2/token").basic(&client.id, &client.secret).form(&both);
    call.await.expect_oauth_error(400, "invalid_request");
    let differing = [CREDENTIALS, ("client_secret", "gws_other")];
    let call = world.post("/oauth2/token").basic(&client.id, &client.secret).form(&differing);
    call.await.expect_oauth_error(400, "invalid_request");
    let named = [CREDENTIALS, ("client_id", &client.id)];
    world.post("/oauth2/token").basic(&client.id, &client.secret).form(&named).await.expect(200);
    let other = [CREDENTIALS, ("client_id", "somebody-else")];
    let call = world.post("/oauth2/token").basic(&client.id, &client.secret).form(&other);
    call.await.expect_oauth_error(400, "invalid_request");
    let assertion = [
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJhIiwic3ViIjoiYSJ9."),
    ];
    let call = world.post("/oauth2/token").form(&[&both[..], &named[1..], &assertion].concat());
    call.await.expect_oauth_error(400, "invalid_request");
});

story!(attack_39_a_wrong_secret_and_an_unknown_client_look_alike, async |world: World| {
    let client = world.account("acme").await.generic_client().await;
    let unknown = OAuthClient { id: "0123456789abcdef0123456789abcdef".to_owned(), ..client.clone() };
    let mut bodies: Vec<String> = Vec::new();
    for (client, secret) in [(&client, "gws_wrong"), (&unknown, "gws_wrong"), (&unknown, &*client.secret)] {
        let (header, body) = (by_header(client, secret).await, by_body(client, secret).await);
        let challenge = header.header("www-authenticate").unwrap_or_default();
        assert!(challenge.starts_with("Basic"), "{challenge}");
        assert_eq!(body.header("www-authenticate"), None, "only who tried Basic is invited to");
        for answer in [header, body] {
            bodies.push(answer.text());
            answer.expect_oauth_error(401, "invalid_client");
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
});

story!(attack_40_a_client_is_held_to_its_own_method, async |world: World| {
    let acme = world.account("acme").await;
    for (method, header, body) in
        [("any", 200, 200), ("client_secret_basic", 200, 401), ("client_secret_post", 401, 200)]
    {
        let asked =
            json!({"name": "Machine", "grant_types": ["client_credentials"], "token_endpoint_auth_method": method});
        let client = acme.client(asked).await;
        assert_eq!(client.issued["token_endpoint_auth_method"], method);
        by_header(&client, &client.secret).await.expect(header);
        by_body(&client, &client.secret).await.expect(body);
    }
    let default = acme.generic_client().await;
    assert_eq!(default.issued["token_endpoint_auth_method"], "any", "who pastes cannot choose");
});

story!(attack_41_basic_is_form_encoded_and_nonsense_is_a_401, async |world: World| {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let client = world.account("acme").await.generic_client().await;
    let send =
        async |header: String| world.post("/oauth2/token").header("authorization", &header).form(&[CREDENTIALS]).await;
    let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
    let encoded: String = client.secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
    send(basic(&format!("{}:{encoded}", client.id))).await.expect(200);
    send(basic(&format!("{}:{}", client.id, client.secret))).await.expect(200);
    send(basic(&format!("{}:{}+", client.id, client.secret))).await.expect_oauth_error(401, "invalid_client");
    for nonsense in [
        "Basic",
        "Basic !!!!",
        "Basic AAAA",
        &basic("no colon"),
        &basic(":"),
        &basic("%ff%fe:%00"),
        "Digest x",
        "Bearer x",
    ] {
        let refused = send(nonsense.to_owned()).await;
        refused.expect_oauth_error(401, "invalid_client");
    }
});

story!(attack_42_secrets_live_side_by_side_and_end_on_every_replica, moving_clock, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let client = acme.generic_client().await;
    let soon = gateway::platform::system::rfc3339(Timestamp::of_millis(world.now() + 60_000));
    let add = async |body: Value| client.admin(Method::POST, "/secrets").json(&body).await.expect(201).json();
    let short = add(json!({"label": "short", "expires": soon})).await;
    let second = add(json!({"label": "second"})).await;
    for secret in [&client.secret, &text(&short["client_secret"]), &text(&second["client_secret"])] {
        for _ in 0..2 {
            by_header(&client, secret).await.expect(200);
            by_body(&client, secret).await.expect(200);
        }
    }
    let warnings = client.record().await["warnings"].to_string();
    assert!(warnings.contains("“short” expires"), "{warnings}");
    let listed = items(&client.admin(Method::GET, "/secrets").await.expect(200).json());
    assert!(listed.iter().all(|secret| secret["last_used"].is_string()), "{listed:?}");
    world.pass(std::time::Duration::from_secs(61));
    client.admin(Method::DELETE, &format!("/secrets/{}", text(&second["id"]))).await.expect(204);
    for _ in 0..2 {
        let said = by_body(&client, &text(&short["client_secret"])).await.expect_oauth_error(401, "invalid_client");
        assert!(said.contains("expired"), "{said}");
        by_body(&client, &text(&second["client_secret"])).await.expect_oauth_error(401, "invalid_client");
        by_body(&client, &client.secret).await.expect(200);
    }
});

story!(attack_43_a_confidential_client_does_not_get_by_on_its_name, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.generic_client().await;
    for form in [vec![CREDENTIALS], vec![CREDENTIALS, ("client_id", &client.id)]] {
        for path in ["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"] {
            let form = [&form[..], &[("token", "gwa_x")]].concat();
            world.post(path).form(&form).await.expect_oauth_error(401, "invalid_client");
        }
    }
    by_header(&client, "").await.expect_oauth_error(401, "invalid_client");
    by_body(&client, "").await.expect_oauth_error(401, "invalid_client");
});

story!(attack_44_a_client_that_is_switched_off_or_gone_takes_its_tokens_along, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let client = acme.generic_client().await;
    let mut idp = client.connect_as(&acme.service_account().await).await;
    let own = client.connect_by_credentials().await;
    let dead = async |idp: &IdentityProvider| {
        for idp in [idp, &own] {
            for _ in 0..2 {
                idp.get("/Users").await.expect_scim_error(401, None);
            }
        }
        let refresh_token = idp.refresh_token.clone().unwrap_or_default();
        for _ in 0..2 {
            client.refresh(&refresh_token).await.expect_oauth_error(401, "invalid_client");
            by_header(&client, &client.secret).await.expect_oauth_error(401, "invalid_client");
        }
    };
    client.admin(Method::PATCH, "").json(&json!({"disabled": true})).await.expect(200);
    dead(&idp).await;
    client.admin(Method::PATCH, "").json(&json!({"disabled": false})).await.expect(200);
    idp.get("/Users").await.expect(200);
    idp.refresh().await;
    client.admin(Method::DELETE, "").await.expect(204);
    dead(&idp).await;
});

story!(attack_48_a_clients_own_token_speaks_of_no_person, async |world: World| {
    let client = world.account("acme").await.generic_client().await;
    let wide = [CREDENTIALS, ("scope", "openid offline offline_access provision:scim")];
    let tokens = client.token(&wide).await.expect(200).json();
    assert_eq!(tokens["scope"], "provision:scim", "what speaks of a person is dropped, and that is said");
    assert!(tokens.get("refresh_token").is_none() && tokens.get("id_token").is_none(), "{tokens}");
    for personal in ["openid", "offline", "openid offline_access"] {
        client.token(&[CREDENTIALS, ("scope", personal)]).await.expect_oauth_error(400, "invalid_scope");
    }
    let idp = IdentityProvider::new(client, &tokens);
    idp.get("/Me").await.expect_scim_error(404, None);
    world.get("/userinfo").bearer(&idp.access_token).await.expect(403);
});

story!(
    attack_49_who_fails_too_often_waits_and_nobody_else_does,
    settings = [("GATEWAY__SERVER__TRUSTED_PROXIES", "127.0.0.1")],
    async |world: World| {
        world.add_replica().await;
        let acme = world.account("acme").await;
        let (client, other) = (acme.generic_client().await, acme.generic_client().await);
        let from = async |address: &str, client: &OAuthClient, secret: &str| {
            let own = [CREDENTIALS, ("client_id", &client.id), ("client_secret", secret)];
            world.post("/oauth2/token").header("x-forwarded-for", address).form(&own).await
        };
        for _ in 0..20 {
            from("203.0.113.7", &client, "gws_guess").await.expect(401);
        }
        for _ in 0..2 {
            let refused = from("203.0.113.7", &client, "gws_guess").await;
            let seconds = refused.header("retry-after").and_then(|text| text.parse::<u32>().ok());
            assert!(seconds.is_some_and(|seconds| (1..=301).contains(&seconds)), "{seconds:?}");
            refused.expect_oauth_error(429, "temporarily_unavailable");
            from("203.0.113.7", &client, &client.secret).await.expect(200);
        }
        from("203.0.113.8", &client, &client.secret).await.expect(200);
        from("203.0.113.7", &other, &other.secret).await.expect(200);
        for _ in 0..25 {
            let unknown = OAuthClient { id: "unregistered".to_owned(), ..client.clone() };
            from("203.0.113.9", &unknown, "gws_guess").await.expect(401);
        }
        from("203.0.113.9", &client, &client.secret).await.expect(200);
    }
);

story!(entras_secrets_live_one_to_three_years, async |world: World| {
    let acme = world.account("acme").await;
    let entra = acme.client(json!({"name": "Entra", "profile": "entra"})).await;
    let expires = text(&entra.issued["client_secret_expires"]);
    let years = |text: &str| {
        let time = chrono::DateTime::parse_from_rfc3339(text).expect("a time").timestamp_millis();
        (time - gateway::platform::clock::Clock::of_the_machine().now().millis()) as f64 / (365.25 * 86_400_000.0)
    };
    assert!((1.0..=3.0).contains(&years(&expires)), "{expires}");
    let too_long = json!({"expires": "2100-01-01T00:00:00Z"});
    let problem = entra.admin(Method::POST, "/secrets").json(&too_long).await.expect_problem(400);
    assert_eq!(problem["errors"][0]["field"], "expires");
    let added = entra.admin(Method::POST, "/secrets").json(&json!({"label": "next"})).await.expect(201).json();
    assert!((1.0..=3.0).contains(&years(&text(&added["expires"]))), "{added}");

    // Others live until they are ended, unless their client says otherwise.
    let other = acme.generic_client().await;
    assert_eq!(other.issued["client_secret_expires"], Value::Null);
    other.admin(Method::PATCH, "").json(&json!({"secret_lifetime_days": 20})).await.expect(200);
    let added = other.admin(Method::POST, "/secrets").json(&json!({"label": "brief"})).await.expect(201).json();
    assert!(years(&text(&added["expires"])) < 0.06, "{added}");
    let record = other.record().await;
    assert!(record["warnings"].to_string().contains("“brief” expires"), "{record}");
    assert_eq!(record["secret_lifetime_days"], 20);
    let listed = items(&other.admin(Method::GET, "/secrets").await.expect(200).json());
    assert!(listed.iter().any(|secret| secret["warning"].is_string()), "{listed:?}");
    for bad in [json!(0), json!(-1), json!("x"), json!(10_000)] {
        other.admin(Method::PATCH, "").json(&json!({"secret_lifetime_days": bad})).await.expect_problem(400);
    }
});
