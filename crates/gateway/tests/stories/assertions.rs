//! Clients that sign: `private_key_jwt`, and identity providers that vouch for their workloads.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, text};
use crate::support::concurrently::all;
use crate::support::http::Call;
use crate::support::identity_provider::IdentityProvider;
use crate::support::key_server::{KeyServer, SigningKey, encode, fresh, now};
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::World;

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const LOOPBACK: (&str, &str) = ("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true");

async fn client_with(acme: &Account, name: &str, value: Value) -> OAuthClient {
    let mut body = json!({"name": "Machine", "grant_types": ["client_credentials"], "redirect_uris": []});
    body[name] = value;
    let client = acme.client(body).await;
    assert_eq!(client.issued["token_endpoint_auth_method"], "private_key_jwt");
    assert!(client.issued.get("client_secret").is_none(), "who signs needs no secret");
    client
}

/// What `private_key_jwt` says, with changes; `null` takes out.
fn claims(client: &OAuthClient, changes: Value) -> Value {
    let audience = client.world.gateway.public_url.clone();
    let mut claims = json!({
        "iss": client.id, "sub": client.id, "aud": audience, "jti": fresh(), "iat": now(), "exp": now() + 60,
    });
    for (name, value) in changes.as_object().expect("an object") {
        match value {
            Value::Null => drop(claims.as_object_mut().expect("an object").remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

fn ask(world: &World, assertion: &str) -> Call {
    ask_as(world, None, assertion)
}

fn ask_as(world: &World, client: Option<&str>, assertion: &str) -> Call {
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_assertion_type", TYPE),
        ("client_assertion", assertion),
        ("scope", "provision:scim"),
    ];
    form.extend(client.map(|id| ("client_id", id)));
    world.post("/oauth2/token").form(&form)
}

async fn refused(call: Call, said: &str) {
    let description = call.await.expect_oauth_error(401, "invalid_client");
    assert!(description.contains(said), "{description}");
}

story!(a_client_signs_instead_of_sending_a_secret, async |world: World| {
    let acme = world.account("acme").await;
    for key in [SigningKey::ed25519("a"), SigningKey::p256("b"), SigningKey::rsa("c")] {
        let client = client_with(&acme, "jwks", key.jwks()).await;
        let record = client.record().await;
        assert_eq!(record["jwks"]["keys"][0]["kid"], key.kid.as_str(), "{record}");
        assert!(record["jwks"]["keys"][0].get("x5c").is_none(), "only what makes the key is kept: {record}");

        let tokens = ask(&world, &key.jwt(&claims(&client, json!({})))).await.expect(200).json();
        let idp = IdentityProvider::new(client.clone(), &tokens);
        idp.get("/Users").await.expect(200);

        let form = |assertion: String| {
            let pairs = [("token", idp.access_token.clone()), ("client_assertion_type", TYPE.to_owned())];
            [&pairs[..], &[("client_assertion", assertion)]].concat()
        };
        let assertion = key.jwt(&claims(&client, json!({})));
        let known = world.post("/oauth2/introspect").form(&form(assertion.clone())).await.expect(200).json();
        assert_eq!((&known["active"], &known["client_id"]), (&json!(true), &json!(client.id)));
        refused(world.post("/oauth2/introspect").form(&form(assertion)), "used before").await;
        world.post("/oauth2/revoke").form(&form(key.jwt(&claims(&client, json!({}))))).await.expect(200);
        idp.get("/Users").await.expect_scim_error(401, None);
    }
});

story!(
    attack_50_an_assertion_that_is_not_right_is_refused_and_no_server_is_called,
    settings = [LOOPBACK],
    async |world: World| {
        let acme = world.account("acme").await;
        let (own, other) = (SigningKey::p256("own"), SigningKey::p256("own"));
        let rsa = SigningKey::rsa("rsa");
        let keys = json!({"keys": [own.public, rsa.public]});
        let client = client_with(&acme, "jwks", keys).await;
        let evil = KeyServer::start();
        evil.put("/keys", &other.jwks());
        let good = || claims(&client, json!({}));

        for (change, said) in [
            (json!({"aud": "https://elsewhere.example"}), "aud"),
            (json!({"aud": format!("{}/scim/v2", world.gateway.public_url)}), "aud"),
            (json!({"aud": null}), "aud"),
            (json!({"exp": now() - 60}), "expired"),
            (json!({"exp": null}), "exp"),
            (json!({"exp": now() + 700}), "too far"),
            (json!({"nbf": now() + 60}), "future"),
            (json!({"jti": null}), "jti"),
            (json!({"iss": "somebody"}), "iss"),
        ] {
            refused(ask_as(&world, Some(&client.id), &own.jwt(&claims(&client, change))), said).await;
        }
        refused(ask(&world, &other.jwt(&good())), "signature").await;
        for kid in ["../../../etc/passwd", "' OR '1'='1", &evil.url("/keys")] {
            refused(ask(&world, &own.jwt_with(&json!({"alg": "ES256", "kid": kid}), &good())), "no key").await;
        }
        let none = format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(good().to_string()));
        refused(ask(&world, &none), "alg").await;
        // HS256 with the public key as the secret, for servers that confuse the two.
        let signed = format!("{}.{}", encode(r#"{"alg":"HS256","kid":"rsa"}"#), encode(good().to_string()));
        let confused =
            ring::hmac::Key::new(ring::hmac::HMAC_SHA256, rsa.public["n"].as_str().unwrap_or_default().as_bytes());
        let mac = ring::hmac::sign(&confused, signed.as_bytes());
        refused(ask(&world, &format!("{signed}.{}", encode(mac))), "alg").await;
        for header in [
            json!({"alg": "ES256", "kid": "own", "jku": evil.url("/keys")}),
            json!({"alg": "ES256", "kid": "own", "x5u": evil.url("/keys")}),
            json!({"alg": "ES256", "kid": "own", "jwk": other.public}),
        ] {
            refused(ask(&world, &other.jwt_with(&header, &good())), "signature").await;
        }
        assert_eq!(evil.visits(), 0, "no header sends us anywhere");
    }
);

story!(attack_50_an_assertion_counts_once_on_all_replicas, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let key = SigningKey::ed25519("a");
    let client = client_with(&acme, "jwks", key.jwks()).await;
    let other = client_with(&acme, "jwks", SigningKey::ed25519("b").jwks()).await;
    for _ in 0..3 {
        let assertion = key.jwt(&claims(&client, json!({})));
        let asked = (0..6).map(|_| {
            let (world, assertion) = (world.clone(), assertion.clone());
            async move { ask(&world, &assertion).await.status.as_u16() }
        });
        let statuses = all(asked.collect()).await;
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 5, "{statuses:?}");
    }
    refused(ask_as(&world, Some(&other.id), &key.jwt(&claims(&client, json!({})))), "").await;
});

story!(attack_51_keys_are_fetched_from_the_public_internet_only, async |world: World| {
    let acme = world.account("acme").await;
    let server = KeyServer::start();
    server.put("/keys", &SigningKey::p256("a").jwks());
    let key = SigningKey::p256("a");
    let client = client_with(&acme, "jwks", key.jwks()).await;
    let addresses = [
        server.url("/keys"),
        server.url("/keys").replace("http:", "https:"),
        "https://localhost/keys".to_owned(),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "https://10.0.0.1/keys".to_owned(),
        "https://[::1]/keys".to_owned(),
        "https://[::ffff:192.168.0.1]/keys".to_owned(),
        "https://2130706433/keys".to_owned(),
        "file:///etc/passwd".to_owned(),
        "http://idp.example/keys".to_owned(),
        "https://user:pass@idp.example/keys".to_owned(),
    ];
    for address in &addresses {
        let body = json!({"name": "Machine", "grant_types": ["client_credentials"], "jwks_uri": address});
        let problem = acme.admin(Method::POST, "/clients").json(&body).await.expect_problem(400);
        assert_eq!(problem["errors"][0]["field"], "jwks_uri", "{address}: {problem}");
        let problem = client.admin(Method::PATCH, "").json(&json!({"jwks_uri": address})).await.expect_problem(400);
        assert_eq!(problem["errors"][0]["field"], "jwks_uri", "{address}: {problem}");
        let federation = json!({"issuer": address, "subject": "s", "audience": "api://a"});
        let problem =
            client.admin(Method::PATCH, "").json(&json!({"federation": federation})).await.expect_problem(400);
        assert_eq!(problem["errors"][0]["field"], "federation.issuer", "{address}: {problem}");
    }
    assert_eq!(server.visits(), 0);
    ask(&world, &key.jwt(&claims(&client, json!({})))).await.expect(200);
});

story!(
    attack_51_what_was_registered_is_checked_again_when_it_is_fetched,
    settings = [LOOPBACK],
    async |world: World| {
        let acme = world.account("acme").await;
        let (server, key) = (KeyServer::start(), SigningKey::p256("a"));
        server.put("/keys", &key.jwks());
        let fetch = async |answer: &str, said: &str| {
            // Each at an address of its own, so that nothing is remembered of the one before.
            let path = format!("/{}", fresh());
            server.put(&path, &key.jwks());
            let client = client_with(&acme, "jwks_uri", json!(server.url(&path))).await;
            server.put_raw(&path, answer);
            refused(ask(&world, &key.jwt(&claims(&client, json!({})))), said).await;
            assert!(server.asked(&path) >= 2, "once at the registration, once here");
        };
        let redirect = format!("HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", server.url("/keys"));
        fetch(&redirect, "redirects").await;
        fetch(&format!("HTTP/1.1 200 OK\r\n\r\n{}", " ".repeat(1 << 20)), "64 KiB").await;
        fetch("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", "JWK set").await;
        fetch("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n", "500").await;
        let private =
            r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"AA"}]}"#;
        fetch(&format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{private}", private.len()), "private").await;
        // A redirect is refused when it is registered, too.
        server.put_raw("/moved", redirect);
        let body = json!({"name": "Machine", "grant_types": ["client_credentials"], "jwks_uri": server.url("/moved")});
        acme.admin(Method::POST, "/clients").json(&body).await.expect_problem(400);
        assert_eq!(server.asked("/keys"), 0, "no redirect was followed");
        // A key server that does not answer at the moment may be registered, with a warning.
        server.put_raw("/later", "HTTP/1.1 503 Later\r\ncontent-length: 0\r\n\r\n");
        let body = json!({"name": "Machine", "grant_types": ["client_credentials"], "jwks_uri": server.url("/later")});
        let made = acme.admin(Method::POST, "/clients").json(&body).await.expect(201).json();
        assert!(made["warnings"][0].as_str().is_some_and(|warning| warning.contains("503")), "{made}");
    }
);

story!(keys_at_an_address_are_remembered_and_a_new_one_is_found, settings = [LOOPBACK], async |world: World| {
    let acme = world.account("acme").await;
    let (server, first, second) = (KeyServer::start(), SigningKey::ed25519("1"), SigningKey::ed25519("2"));
    server.put("/keys", &first.jwks());
    let client = client_with(&acme, "jwks_uri", json!(server.url("/keys"))).await;
    let at_registration = server.asked("/keys");
    for _ in 0..3 {
        ask(&world, &first.jwt(&claims(&client, json!({})))).await.expect(200);
    }
    assert_eq!(server.asked("/keys"), at_registration + 1, "one fetch serves all");
    server.put("/keys", &json!({"keys": [first.public, second.public]}));
    ask(&world, &second.jwt(&claims(&client, json!({})))).await.expect(200);
    assert_eq!(server.asked("/keys"), at_registration + 2, "an unknown name is looked for");
    for n in 0..10 {
        let unknown =
            second.jwt_with(&json!({"alg": "EdDSA", "kid": format!("unknown {n}")}), &claims(&client, json!({})));
        refused(ask(&world, &unknown), "no key").await;
    }
    assert!(server.asked("/keys") <= at_registration + 5, "but not without end: {}", server.asked("/keys"));
});

story!(entra_connects_by_workload_identity_federation, settings = [LOOPBACK], async |world: World| {
    let acme = world.account("acme").await;
    let (tenant, key) = (KeyServer::start(), SigningKey::rsa("entra-1"));
    let issuer = tenant.be_tenant("ce5f061f", &key.jwks());
    let appid = "api://b5ba7a93-4452-4522-aeb4-a2b5da870c16";
    // As Entra's page shows it, pasted by the administrator.
    let client = acme
        .client(json!({
            "name": "Entra", "profile": "entra",
            "federation": {"issuer": issuer, "subject": "fabric-object-id", "audience": format!("{appid}/.default")},
        }))
        .await;
    assert_eq!(client.issued["federation"]["audience"], appid, "{}", client.issued);
    assert_eq!(client.issued["warnings"], json!([]));
    assert!(client.issued.get("client_secret").is_none());

    let token = |changes: Value| {
        let mut claims = json!({
            "iss": issuer, "sub": "fabric-object-id", "aud": appid, "iat": now(), "nbf": now(), "exp": now() + 3900,
            "appid": "b5ba7a93-4452-4522-aeb4-a2b5da870c16", "ver": "2.0", "tid": "ce5f061f",
        });
        claims.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
        key.jwt(&claims)
    };
    let form = |assertion: &str| {
        world.post("/oauth2/token").form(&[
            ("grant_type", "client_credentials"),
            ("client_id", &client.id),
            ("client_assertion_type", TYPE),
            ("client_assertion", assertion),
            ("scope", "scim"),
        ])
    };
    let vouched = token(json!({}));
    for _ in 0..2 {
        let tokens = form(&vouched).await.expect(200).json();
        assert_eq!((&tokens["scope"], &tokens["token_type"]), (&json!("provision:scim"), &json!("Bearer")));
        assert!(tokens["expires_in"].as_i64().is_some_and(|seconds| (3600..=21_600).contains(&seconds)), "{tokens}");
        let entra = IdentityProvider::new(client.clone(), &tokens);
        assert!(entra.names(r#"userName eq "nobody""#).await.is_empty());
    }
    assert_eq!(tenant.asked("/ce5f061f/discovery/v2.0/keys"), 2, "once to try it out, once to use it");
    for (change, said) in [
        (json!({"sub": "another workload of the tenant"}), "sub"),
        (json!({"aud": "api://another"}), "aud"),
        (json!({"iss": tenant.url("/another/v2.0")}), "iss"),
        (json!({"exp": now() - 60}), "expired"),
    ] {
        refused(form(&token(change)), said).await;
    }
    // Another customer's tenant is trusted for no client here.
    let foreign = SigningKey::ed25519("entra-1").jwt(&json!({
        "iss": issuer, "sub": "fabric-object-id", "aud": appid, "exp": now() + 3900,
    }));
    refused(form(&foreign), "").await;
    client.admin(Method::PATCH, "").json(&json!({"disabled": true})).await.expect(200);
    refused(form(&vouched), "switched off").await;
});

story!(a_secret_is_replaced_by_a_federation_without_an_outage, settings = [LOOPBACK], async |world: World| {
    let acme = world.account("acme").await;
    let (tenant, key) = (KeyServer::start(), SigningKey::rsa("entra-1"));
    let issuer = tenant.be_tenant("t", &key.jwks());
    let client = acme.client(json!({"name": "Entra", "profile": "entra"})).await;
    client.client_credentials().await.expect(200);
    let federation = json!({"issuer": issuer, "subject": "s", "audience": "api://a", "jwks_uri": tenant.url("/t/discovery/v2.0/keys")});
    let changed = client.admin(Method::PATCH, "").json(&json!({"federation": federation})).await.expect(200).json();
    assert_eq!(changed["token_endpoint_auth_method"], "any");
    let vouched = key.jwt(&json!({"iss": issuer, "sub": "s", "aud": "api://a", "exp": now() + 600}));
    ask_as(&world, Some(&client.id), &vouched).await.expect(200);
    client.client_credentials().await.expect(200);
    let only = json!({"token_endpoint_auth_method": "private_key_jwt"});
    client.admin(Method::PATCH, "").json(&only).await.expect(200);
    ask_as(&world, Some(&client.id), &vouched).await.expect(200);
    client.client_credentials().await.expect_oauth_error(401, "invalid_client");
    client.admin(Method::POST, "/secrets").json(&json!({})).await.expect_problem(409);
    let back = json!({"token_endpoint_auth_method": "any", "federation": null});
    client.admin(Method::PATCH, "").json(&back).await.expect(200);
    client.client_credentials().await.expect(200);
    refused(ask_as(&world, Some(&client.id), &vouched), "no keys").await;
});

story!(what_cannot_be_right_about_keys_is_said_by_field, async |world: World| {
    let acme = world.account("acme").await;
    let key = SigningKey::p256("a");
    let mut private = key.public.clone();
    private["d"] = json!("AAAA");
    for (body, field) in [
        (json!({"jwks": {"keys": [private]}}), "jwks.keys[0]"),
        (json!({"jwks": {"keys": []}}), "jwks"),
        (json!({"jwks": {"keys": [key.public, key.public]}}), "jwks.keys[1]"),
        (json!({"jwks": {"keys": [{"kty": "oct", "k": "x"}]}}), "jwks.keys[0]"),
        (json!({"token_endpoint_auth_method": "private_key_jwt"}), "token_endpoint_auth_method"),
        (json!({"token_endpoint_auth_method": "client_secret_jwt"}), "token_endpoint_auth_method"),
        (json!({"token_endpoint_auth_method": "none", "public": false}), "token_endpoint_auth_method"),
        (json!({"federation": {"issuer": "x"}}), "federation"),
    ] {
        let mut whole = json!({"name": "Machine", "grant_types": ["client_credentials"]});
        whole.as_object_mut().expect("an object").extend(body.as_object().expect("an object").clone());
        let problem = acme.admin(Method::POST, "/clients").json(&whole).await.expect_problem(400);
        let fields: Vec<String> =
            problem["errors"].as_array().into_iter().flatten().map(|error| text(&error["field"])).collect();
        assert!(fields.iter().any(|named| named == field), "{body}: {problem}");
    }
    let body = json!({"name": "Phone", "token_endpoint_auth_method": "none", "redirect_uris": ["https://a.test/"]});
    let phone = acme.client(body).await;
    assert_eq!((&phone.issued["public"], &phone.issued["token_endpoint_auth_method"]), (&json!(true), &json!("none")));
});
