//! Tokens that are worth nothing without a key (RFC 9449), over real HTTP and two replicas.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::browser::Landed;
use crate::support::concurrently::all;
use crate::support::http::{Answer, Call};
use crate::support::oauth_client::OAuthClient;
use crate::support::prover::{Prover, now};
use crate::support::testing::World;

const CREDENTIALS: [(&str, &str); 1] = [("grant_type", "client_credentials")];

fn token(client: &OAuthClient, form: &[(&str, &str)], proof: &str) -> Call {
    client.token(form).header("dpop", proof)
}

async fn bound(client: &OAuthClient, prover: &Prover) -> String {
    let answer = token(client, &CREDENTIALS, &prover.proof("POST", "/oauth2/token", None)).await.expect(200).json();
    assert_eq!(answer["token_type"], "DPoP");
    text(&answer["access_token"])
}

fn users(world: &World, access_token: &str, proof: &str) -> Call {
    world.get("/scim/v2/Users").header("authorization", &format!("DPoP {access_token}")).header("dpop", proof)
}

fn challenge(answer: &Answer) -> String {
    answer.header("www-authenticate").unwrap_or_default().to_owned()
}

story!(attack_90_a_bound_token_needs_a_fresh_proof_by_its_key_at_every_replica, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    acme.service_account().await;
    let client = acme.generic_client().await;
    let (mine, thiefs) = (Prover::new(&world), Prover::new(&world));
    let access_token = bound(&client, &mine).await;
    let other = bound(&client, &mine).await;
    let fresh = || mine.proof("GET", "/scim/v2/Users", Some(&access_token));
    let good = fresh();
    users(&world, &access_token, &good).await.expect(200);
    for _ in 0..2 {
        let replayed = users(&world, &access_token, &good).await.expect(401);
        assert!(challenge(&replayed).contains("error=\"invalid_dpop_proof\""), "{}", challenge(&replayed));
        replayed.scim_error();
    }
    // One proof at two replicas at once counts once.
    let once = fresh();
    let calls = (0..8).map(|_| {
        let call = users(&world, &access_token, &once);
        async move { call.await.status.as_u16() }
    });
    let statuses = all(calls.collect()).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    let url = "/scim/v2/Users?filter=userName%20pr&count=1";
    let with_query = world.get(url).header("authorization", &format!("dpop {access_token}")).header("dpop", &fresh());
    with_query.await.expect(200);

    let with = |name: &str, value: Value| {
        let mut claims = mine.claims("GET", "/scim/v2/Users", Some(&access_token));
        claims[name] = value;
        mine.signed(&claims)
    };
    for (what, proof) in [
        ("another key", thiefs.proof("GET", "/scim/v2/Users", Some(&access_token))),
        ("another method", mine.proof("POST", "/scim/v2/Users", Some(&access_token))),
        ("another path", mine.proof("GET", "/scim/v2/Groups", Some(&access_token))),
        ("another host", with("htu", json!("https://evil.example/scim/v2/Users"))),
        ("another token", mine.proof("GET", "/scim/v2/Users", Some(&other))),
        ("no token", mine.proof("GET", "/scim/v2/Users", None)),
        ("an old time", with("iat", json!(now() - 60))),
        ("a time to come", with("iat", json!(now() + 60))),
        ("no jti", with("jti", json!(""))),
        ("no JWT", "nonsense".to_owned()),
    ] {
        let refused = users(&world, &access_token, &proof).await;
        assert_eq!(refused.status.as_u16(), 401, "{what}: {}", refused.text());
        assert!(challenge(&refused).starts_with("DPoP ") && challenge(&refused).contains("algs="), "{what}");
        refused.scim_error();
    }
    // As a bearer token, and without a proof.
    let refused = world.get("/scim/v2/Users").bearer(&access_token).await.expect(401);
    assert!(challenge(&refused).starts_with("DPoP ") && challenge(&refused).contains("invalid_token"));
    let bare = world.get("/scim/v2/Users").header("authorization", &format!("DPoP {access_token}"));
    bare.await.expect_scim_error(401, None);
    let told = client.introspect(&access_token).await;
    assert_eq!((&told["token_type"], &told["cnf"]["jkt"]), (&json!("DPoP"), &json!(mine.thumbprint())));
});

story!(attack_89_clocks_half_a_minute_apart_do_no_harm_and_an_hour_does, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.generic_client().await;
    let mine = Prover::new(&world);
    let access_token = bound(&client, &mine).await;
    for (seconds, status) in [(-3600, 401), (-30, 200), (0, 200), (30, 200), (3600, 401)] {
        let mut claims = mine.claims("GET", "/scim/v2/Users", Some(&access_token));
        claims["iat"] = json!(now().saturating_add_signed(seconds));
        users(&world, &access_token, &mine.signed(&claims)).await.expect(status);
        let mut claims = mine.claims("POST", "/oauth2/token", None);
        claims["iat"] = json!(now().saturating_add_signed(seconds));
        let status = if status == 200 { 200 } else { 400 };
        token(&client, &CREDENTIALS, &mine.signed(&claims)).await.expect(status);
    }
});

story!(attack_90_two_proofs_are_one_too_many, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.generic_client().await;
    let mine = Prover::new(&world);
    let access_token = bound(&client, &mine).await;
    let one = mine.proof("GET", "/scim/v2/Users", Some(&access_token));
    let two = mine.proof("GET", "/scim/v2/Users", Some(&access_token));
    let refused = users(&world, &access_token, &one).another_header("dpop", &two).await.expect(401);
    assert!(challenge(&refused).contains("invalid_dpop_proof"));
    let (one, two) = (mine.proof("POST", "/oauth2/token", None), mine.proof("POST", "/oauth2/token", None));
    let refused = token(&client, &CREDENTIALS, &one).another_header("dpop", &two).await;
    refused.expect_oauth_error(400, "invalid_dpop_proof");
});

story!(attack_90_the_token_endpoint_binds_and_insists, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let client = acme.generic_client().await;
    let mine = Prover::new(&world);
    let proof = mine.proof("POST", "/oauth2/token", None);
    token(&client, &CREDENTIALS, &proof).await.expect(200);
    token(&client, &CREDENTIALS, &proof).await.expect_oauth_error(400, "invalid_dpop_proof");
    for bad in [mine.proof("GET", "/oauth2/token", None), mine.proof("POST", "/oauth2/par", None), "x".to_owned()] {
        token(&client, &CREDENTIALS, &bad).await.expect_oauth_error(400, "invalid_dpop_proof");
    }
    client.admin(Method::PATCH, "").json(&json!({"dpop_bound_access_tokens": true})).await.expect(200);
    client.token(&CREDENTIALS).await.expect_oauth_error(400, "invalid_dpop_proof");
    bound(&client, &mine).await;

    // The whole flow with a key named at the beginning, and who accepted.
    let url = format!("{}&dpop_jkt={}", client.authorization_url("1"), mine.thumbprint());
    let code = async || {
        let browser = world.browser();
        let page = browser.open(&url).await.page();
        let page = browser.log_in(&page, &ada.user_name, &ada.password).await.page();
        browser.press(&page, "Accept access").await.callback().code()
    };
    let uri = client.redirect_uri();
    let thiefs = Prover::new(&world);
    let exchange = async |code: &str, prover: &Prover| {
        let form = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", uri.as_str())];
        token(&client, &form, &prover.proof("POST", "/oauth2/token", None)).await
    };
    exchange(&code().await, &thiefs).await.expect_oauth_error(400, "invalid_grant");
    let tokens = exchange(&code().await, &mine).await.expect(200).json();
    assert_eq!(tokens["token_type"], "DPoP");
    let access_token = text(&tokens["access_token"]);
    let userinfo = |proof: &str| {
        world.get("/userinfo").header("authorization", &format!("DPoP {access_token}")).header("dpop", proof)
    };
    let proof = mine.proof("GET", "/userinfo", Some(&access_token));
    assert_eq!(userinfo(&proof).await.expect(200).json()["sub"], ada.id.as_str());
    let refused = userinfo(&proof).await.expect(401);
    assert!(challenge(&refused).contains("invalid_dpop_proof"));
    world.get("/userinfo").bearer(&access_token).await.expect(401);
});

story!(attack_90_a_public_client_refreshes_with_its_key_only, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let body = json!({"name": "Command line", "profile": "generic", "public": true, "redirect_uris": ["http://127.0.0.1/callback"],
        "grant_types": ["authorization_code", "refresh_token"], "scopes": ["offline", "provision:scim"],
        "access_token_format": "jwt", "access_token_signing_alg": "ES256"});
    let client = acme.client(body).await;
    let (mine, thiefs) = (Prover::new(&world), Prover::new(&world));
    let uri = client.redirect_uri();
    // RFC 7636, appendix B; pushed, so that the key is named by the proof alone (RFC 9449 section 10.1).
    let pairs = [
        ("client_id", client.id.as_str()),
        ("redirect_uri", uri.as_str()),
        ("response_type", "code"),
        ("scope", "offline provision:scim"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ];
    let pushed = world.post("/oauth2/par").form(&pairs).header("dpop", &mine.proof("POST", "/oauth2/par", None));
    let request_uri = text(&pushed.await.expect(201).json()["request_uri"]);
    let url = client.authorization_url_with(&[("client_id", client.id.as_str()), ("request_uri", &request_uri)]);
    let browser = world.browser();
    let page = browser.open(&url).await.page();
    let page = browser.log_in(&page, &ada.user_name, &ada.password).await.page();
    let code = browser.press(&page, "Accept access").await.callback().code();
    let send = async |form: &[(&str, &str)], prover: &Prover| {
        let own = [("client_id", client.id.as_str())];
        let call = world.post("/oauth2/token").form(&[form, &own[..]].concat());
        call.header("dpop", &prover.proof("POST", "/oauth2/token", None)).await
    };
    let exchange = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", uri.as_str()),
        ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
    ];
    let mut tokens = send(&exchange, &mine).await.expect(200).json();
    for _ in 0..2 {
        let access_token = text(&tokens["access_token"]);
        assert_eq!(crate::support::jwt::Jwt::read(&access_token).claims["cnf"]["jkt"], mine.thumbprint().as_str());
        users(&world, &access_token, &mine.proof("GET", "/scim/v2/Users", Some(&access_token))).await.expect(200);
        let refresh_token = text(&tokens["refresh_token"]);
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.as_str())];
        send(&refresh, &thiefs).await.expect_oauth_error(400, "invalid_grant");
        tokens = send(&refresh, &mine).await.expect(200).json();
    }
});
