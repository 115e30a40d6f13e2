//! What access tokens look like and what they are for: JWTs (RFC 9068), resources (RFC 8707), and how little a stranger's JWT is worth.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth::jose::{Jwk, Jws};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::browser::Landed;
use crate::support::identity_provider::IdentityProvider;
use crate::support::jwt::Jwt;
use crate::support::testing::World;

/// A client as `generic_client` makes it, with more.
fn body(more: &Value) -> Value {
    let mut body = json!({
        "name": "Directory sync", "profile": "generic", "redirect_uris": ["https://client.test/callback"],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "scopes": ["openid", "offline", "offline_access", "provision:scim"],
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

async fn public_key(world: &World, token: &str) -> Jwk {
    let keys = world.get("/.well-known/jwks.json").await.expect(200).json();
    let kid = Jwt::read(token).header["kid"].clone();
    let key = keys["keys"].as_array().into_iter().flatten().find(|key| key["kid"] == kid).cloned();
    Jwk::parse(&key.expect("the key is published")).expect("a public key")
}

/// A JWT with another header or other claims, and the signature of the first.
fn altered(token: &str, header: Option<&Value>, claims: Option<&Value>) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let encoded = |value: Option<&Value>, part: &str| {
        value.map_or_else(|| part.to_owned(), |value| URL_SAFE_NO_PAD.encode(value.to_string()))
    };
    format!("{}.{}.{}", encoded(header, parts[0]), encoded(claims, parts[1]), parts[2])
}

story!(jwt_access_tokens_verify_elsewhere_and_end_here_at_once, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let client =
            acme.client(body(&json!({"access_token_format": "jwt", "access_token_signing_alg": algorithm}))).await;
        let idp = client.connect_as(&ada).await;
        let token = Jwt::read(&idp.access_token);
        assert_eq!((&token.header["typ"], &token.header["alg"]), (&json!("at+jwt"), &json!(algorithm)));
        let claims =
            Jws::parse(&idp.access_token).expect("a JWS").verified_by([&public_key(&world, &idp.access_token).await]);
        let claims = claims.expect("signed by the published key");
        assert_eq!((claims.subject(), claims.text("client_id")), (Some(ada.id.as_str()), Some(client.id.as_str())));
        assert_eq!(claims.issuer(), Some(world.gateway.public_url.as_str()));
        assert!(claims.audience().contains(&format!("{}/scim/v2", world.gateway.public_url).as_str()));
        for claim in ["exp", "iat", "jti", "scope", "auth_time"] {
            assert!(token.claims.get(claim).is_some(), "{claim} in {}", token.claims);
        }
        for _ in 0..2 {
            idp.get("/Users").await.expect(200);
        }
        assert_eq!(client.introspect(&idp.access_token).await["active"], true);
        client.revoke(&idp.access_token).await.expect(200);
        for _ in 0..2 {
            idp.get("/Users").await.expect_scim_error(401, None);
        }
        assert_eq!(client.introspect(&idp.access_token).await, json!({"active": false}));
        let machine = client.connect_by_credentials().await;
        assert_eq!(Jwt::read(&machine.access_token).claims["sub"], client.id.as_str());
        machine.get("/Users").await.expect(200);
        client.admin(Method::PATCH, "").json(&json!({"disabled": true})).await.expect(200);
        for _ in 0..2 {
            machine.get("/Users").await.expect_scim_error(401, None);
        }
    }
});

story!(attack_62_no_jwt_but_our_own_access_token_opens_the_door, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let client = acme.client(body(&json!({"access_token_format": "jwt"}))).await;
    let code = client.authorize(&world.browser(), &ada).await.code();
    let tokens = client.exchange(&code).await.expect(200).json();
    let (good, id_token) = (text(&tokens["access_token"]), text(&tokens["id_token"]));
    let idp = IdentityProvider::new(client.clone(), &tokens);
    idp.get("/Users").await.expect(200);
    let Jwt { header, claims, .. } = Jwt::read(&good);
    let with = |value: &Value, name: &str, to: Value| {
        let mut value = value.clone();
        value[name] = to;
        value
    };
    let head = |name: &str, to: Value| altered(&good, Some(&with(&header, name, to)), None);
    let key = public_key(&world, &good).await.to_value();
    let hmac = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key["n"].as_str().unwrap_or_default().as_bytes());
    let forged = altered(&good, Some(&with(&header, "alg", json!("HS256"))), None);
    let (signed, _) = forged.rsplit_once('.').unwrap_or_default();
    let tag = URL_SAFE_NO_PAD.encode(ring::hmac::sign(&hmac, signed.as_bytes()));
    let unsigned = altered(&good, Some(&json!({"alg": "none", "typ": "at+jwt"})), None);
    for (what, token) in [
        ("an ID token", id_token),
        ("typ JWT", head("typ", json!("JWT"))),
        ("alg none", format!("{}.", unsigned.rsplit_once('.').unwrap_or_default().0)),
        ("HS256 with the public key", format!("{signed}.{tag}")),
        ("an unknown kid", head("kid", json!("unknown"))),
        ("a kid that is a path", head("kid", json!("../../etc/passwd"))),
        ("an unknown crit", head("crit", json!(["exp"]))),
        ("a key of its own", head("jwk", key)),
        ("another audience", altered(&good, None, Some(&with(&claims, "aud", json!(["https://evil.example"]))))),
        ("another issuer", altered(&good, None, Some(&with(&claims, "iss", json!("https://evil.example"))))),
        ("more scope", altered(&good, None, Some(&with(&claims, "scope", json!("admin"))))),
        ("what is sealed inside", text(&claims["grant"])),
        ("the same as an opaque token", format!("gwa_{}", text(&claims["grant"]))),
        ("a refresh token", idp.refresh_token.clone().unwrap_or_default()),
    ] {
        let stranger = IdentityProvider { access_token: token.clone(), ..idp.clone() };
        let refused = stranger.get("/Users").await;
        assert_eq!(refused.status.as_u16(), 401, "{what}: {}", refused.text());
        refused.scim_error();
        let refused = world.get("/userinfo").bearer(&token).await;
        assert_eq!(refused.status.as_u16(), 401, "{what}");
    }
    for token in [head("kid", json!("unknown")), forged] {
        assert_eq!(client.introspect(&token).await, json!({"active": false}), "attack 64: nothing more is said");
    }
});

story!(attack_62_a_token_for_another_resource_is_refused, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let client = acme.client(body(&json!({"resources": ["https://api.client.test/"]}))).await;
    let (scim, issuer) = (format!("{}/scim/v2", world.gateway.public_url), world.gateway.public_url.clone());
    let get = async |resources: &[&str]| {
        let pairs = resources.iter().map(|resource| ("resource", *resource));
        client.token(&[("grant_type", "client_credentials")].into_iter().chain(pairs).collect::<Vec<_>>()).await
    };
    for (resources, status) in [
        (&[][..], 200),
        (&[scim.as_str()], 200),
        (&["https://api.client.test/", scim.as_str()], 200),
        (&["https://api.client.test/"], 401),
        (&[issuer.as_str()], 401),
    ] {
        let idp = IdentityProvider::new(client.clone(), &get(resources).await.expect(200).json());
        idp.get("/Users").await.expect(status);
    }
    for bad in ["https://evil.example/", "/scim/v2", "https://api.client.test/#x", "https://api.client.test"] {
        get(&[bad]).await.expect_oauth_error(400, "invalid_target");
    }
    // Asked for in the browser, kept by the refresh token, and never widened.
    let uri = client.redirect_uri();
    let asked = [
        ("response_type", "code"),
        ("client_id", client.id.as_str()),
        ("redirect_uri", uri.as_str()),
        ("scope", "openid offline provision:scim"),
        ("resource", "https://api.client.test/"),
        ("resource", issuer.as_str()),
    ];
    let browser = world.browser();
    let page = browser.open(&client.authorization_url_with(&asked)).await.page();
    let page = browser.log_in(&page, &ada.user_name, &ada.password).await.page();
    assert!(
        page.words().contains("Used at https://api.client.test/ Ends"),
        "the consent page names the audience: {}",
        page.words()
    );
    let code = browser.press(&page, "Accept access").await.callback().code();
    let mut idp = IdentityProvider::new(client.clone(), &client.exchange(&code).await.expect(200).json());
    for _ in 0..2 {
        idp.get("/Users").await.expect_scim_error(401, None);
        world.get("/userinfo").bearer(&idp.access_token).await.expect(200);
        assert_eq!(client.introspect(&idp.access_token).await["aud"], json!(["https://api.client.test/", issuer]));
        idp.refresh().await;
    }
    let widened = [
        ("grant_type", "refresh_token"),
        ("refresh_token", idp.refresh_token.as_deref().unwrap_or_default()),
        ("resource", scim.as_str()),
    ];
    client.token(&widened).await.expect_oauth_error(400, "invalid_target");
    let evil = [&asked[..4], &[("resource", "https://evil.example/")]].concat();
    let refused = world.browser().open(&client.authorization_url_with(&evil)).await.callback();
    assert_eq!(refused.parameter("error").as_deref(), Some("invalid_target"));
});

story!(a_client_says_how_its_tokens_are_signed_and_what_is_wrong_is_named, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let client = acme.generic_client().await;
    assert_eq!(
        (&client.issued["access_token_format"], &client.issued["id_token_signed_response_alg"]),
        (&json!("opaque"), &json!("RS256"))
    );
    for algorithm in ["ES256", "EdDSA", "RS256"] {
        let change = json!({"id_token_signed_response_alg": algorithm});
        assert_eq!(
            client.admin(Method::PATCH, "").json(&change).await.expect(200).json()["id_token_signed_response_alg"],
            algorithm
        );
        let code = client.authorize(&world.browser(), &ada).await.code();
        let tokens = client.exchange(&code).await.expect(200).json();
        let id_token = text(&tokens["id_token"]);
        let key = public_key(&world, &id_token).await;
        let claims = Jws::parse(&id_token).expect("a JWS").verified_by([&key]).expect("signed by the published key");
        let digest = match algorithm {
            "EdDSA" => ring::digest::digest(&ring::digest::SHA512, text(&tokens["access_token"]).as_bytes()),
            _ => ring::digest::digest(&ring::digest::SHA256, text(&tokens["access_token"]).as_bytes()),
        };
        let half = URL_SAFE_NO_PAD.encode(&digest.as_ref()[..digest.as_ref().len() / 2]);
        assert_eq!(claims.text("at_hash"), Some(half.as_str()), "{algorithm}");
    }
    let wrong = json!({"access_token_format": "saml", "access_token_signing_alg": "none", "id_token_signed_response_alg": "HS256",
        "resources": ["https://a.example/", "relative"], "dpop_bound_access_tokens": "yes"});
    let problem = client.admin(Method::PATCH, "").json(&wrong).await.expect_problem(400);
    let fields: Vec<String> = problem["errors"].as_array().into_iter().flatten().map(|e| text(&e["field"])).collect();
    assert!(fields.contains(&"dpop_bound_access_tokens".to_owned()), "{problem}");
    let mut rest = wrong.clone();
    rest["dpop_bound_access_tokens"] = json!(true);
    let problem = client.admin(Method::PATCH, "").json(&rest).await.expect_problem(400);
    let fields: Vec<String> = problem["errors"].as_array().into_iter().flatten().map(|e| text(&e["field"])).collect();
    assert_eq!(
        fields,
        ["access_token_format", "access_token_signing_alg", "id_token_signed_response_alg", "resources[1]"]
    );
});
