//! Attacks on codes (C of the table), on refresh (E), on introspection and revocation (F): over HTTP, on both databases.

use reqwest::Method;
use serde_json::json;

use crate::support::account::{Account, text};
use crate::support::concurrently::all;
use crate::support::database::Behind;
use crate::support::identity_provider::IdentityProvider;
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::World;

const DAY: i64 = 86_400_000;

/// A code for a new client of this account.
async fn code(acme: &Account) -> (OAuthClient, String) {
    let client = acme.generic_client().await;
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let code = client.authorize(&acme.world.browser(), &ada).await.code();
    (client, code)
}

fn refresh_token(idp: &IdentityProvider) -> String {
    idp.refresh_token.clone().unwrap_or_default()
}

story!(attack_29_a_code_used_twice_ends_all_it_led_to, async |world: World| {
    let acme = world.account("acme").await;
    let (client, code) = code(&acme).await;
    let mut idp = IdentityProvider::new(client.clone(), &client.exchange(&code).await.expect(200).json());
    let first = idp.clone();
    idp.refresh().await;
    client.exchange(&code).await.expect_oauth_error(400, "invalid_grant");
    for idp in [&first, &idp] {
        idp.get("/Users").await.expect_scim_error(401, None);
        assert_eq!(client.introspect(&idp.access_token).await, json!({"active": false}));
        assert_eq!(client.introspect(&refresh_token(idp)).await, json!({"active": false}));
    }
    client.refresh(&refresh_token(&idp)).await.expect_oauth_error(400, "invalid_grant");
});

story!(attack_30_two_exchanges_at_once_give_one_chain_and_one_live_access_token, async |world: World| {
    let acme = world.account("acme").await;
    let (client, code) = code(&acme).await;
    let asked = (0..2).map(|_| async { client.exchange(&code).await.expect(200).json() });
    let answers = all(asked.collect()).await;
    assert_eq!(answers[0]["refresh_token"], answers[1]["refresh_token"]);
    let mut alive = Vec::new();
    for answer in &answers {
        alive.push(client.introspect(&text(&answer["access_token"])).await["active"] == true);
    }
    assert_eq!(alive.iter().filter(|alive| **alive).count(), 1, "{alive:?}");
});

story!(attack_31_a_code_after_its_time_is_refused, async |world: World| {
    let acme = world.account("acme").await;
    let (client, code) = code(&acme).await;
    Behind::of(&world).execute("UPDATE authorization_codes SET expires = expires - 61000");
    let why = client.exchange(&code).await.expect_oauth_error(400, "invalid_grant");
    assert!(why.contains("expired"), "{why}");
});

story!(attack_32_another_clients_code_is_refused_and_stays_good, async |world: World| {
    let acme = world.account("acme").await;
    let (client, code) = code(&acme).await;
    let other = acme.generic_client().await;
    other.exchange(&code).await.expect_oauth_error(400, "invalid_grant");
    let audit = acme.audit().await;
    assert_eq!(audit.last()["action"], "grant.foreign_token", "{}", audit.last());
    client.exchange(&code).await.expect(200);
});

story!(attack_33_the_redirect_uri_is_the_one_that_was_sent, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.generic_client().await;
    let ada = acme.service_account().await;
    let uri = client.redirect_uri();
    for wrong in ["", "https://client.test/callback/", "https://evil.test/callback"] {
        let code = client.authorize(&world.browser(), &ada).await.code();
        let mut form = vec![("grant_type", "authorization_code"), ("code", code.as_str())];
        if !wrong.is_empty() {
            form.push(("redirect_uri", wrong));
        }
        let why = client.token(&form).await.expect_oauth_error(400, "invalid_grant");
        assert!(why.contains("redirect_uri"), "{why}");
        form.retain(|(name, _)| *name != "redirect_uri");
        form.push(("redirect_uri", &uri));
        client.token(&form).await.expect_oauth_error(400, "invalid_grant");
    }
});

story!(attack_34_a_code_is_256_random_bits_and_stored_as_a_hash, async |world: World| {
    let acme = world.account("acme").await;
    let (client, first) = code(&acme).await;
    let second = client.authorize(&world.browser(), &acme.service_account().await).await.code();
    assert_ne!(first, second);
    for code in [first, second] {
        let random = code.strip_prefix("gwc_").unwrap_or_default();
        assert_eq!(random.len(), 43, "256 bits in base64url: {code}");
        assert!(!Behind::of(&world).dump().contains(random), "a code is stored in clear");
    }
});

story!(attack_52_a_used_refresh_token_in_two_hands_ends_the_family, async |world: World| {
    let acme = world.account("acme").await;
    let mut idp = acme.connected_identity_provider().await;
    let stolen = refresh_token(&idp);
    idp.refresh().await;
    idp.refresh().await;
    idp.client.refresh(&stolen).await.expect_oauth_error(400, "invalid_grant");
    idp.get("/Users").await.expect_scim_error(401, None);
    idp.client.refresh(&refresh_token(&idp)).await.expect_oauth_error(400, "invalid_grant");
    let row = acme.audit().await.last().clone();
    assert_eq!((&row["action"], &row["detail"]), (&json!("grant.ended"), &json!("a refresh token was used again")));
});

story!(attack_53_a_lost_answer_is_given_again, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let lost = idp.client.refresh(&refresh_token(&idp)).await.expect(200).json();
    let again = idp.client.refresh(&refresh_token(&idp)).await.expect(200).json();
    assert_eq!(lost["refresh_token"], again["refresh_token"], "one chain");
    let next = idp.client.refresh(&text(&again["refresh_token"])).await.expect(200).json();
    IdentityProvider::new(idp.client.clone(), &next).get("/Users").await.expect(200);
    // So it is a day later.
    let mut behind = Behind::of(&world);
    let current = text(&next["refresh_token"]);
    idp.client.refresh(&current).await.expect(200);
    behind.execute(&format!("UPDATE refresh_tokens SET used = used - {DAY} - 1000 WHERE used IS NOT NULL"));
    let again = idp.client.refresh(&current).await.expect(200).json();
    // When the answer is in use, a caller with the old token is not the one who lost it.
    IdentityProvider::new(idp.client.clone(), &again).get("/Users").await.expect(200);
    behind.execute("UPDATE grants SET delivered_at = delivered_at - 31000");
    idp.client.refresh(&current).await.expect_oauth_error(400, "invalid_grant");
});

story!(attack_55_another_clients_refresh_token_is_refused_and_untouched, async |world: World| {
    let acme = world.account("acme").await;
    let mut idp = acme.connected_identity_provider().await;
    let other = acme.generic_client().await;
    other.refresh(&refresh_token(&idp)).await.expect_oauth_error(400, "invalid_grant");
    assert_eq!(acme.audit().await.last()["action"], "grant.foreign_token");
    idp.refresh().await;
    idp.get("/Users").await.expect(200);
});

story!(attack_56_a_refresh_narrows_the_access_and_never_widens_it, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ask = |scope: &'static str, token: String| {
        let client = idp.client.clone();
        async move { client.token(&[("grant_type", "refresh_token"), ("refresh_token", &token), ("scope", scope)]).await }
    };
    ask("provision:scim admin", refresh_token(&idp)).await.expect_oauth_error(400, "invalid_scope");
    let narrow = ask("openid", refresh_token(&idp)).await.expect(200).json();
    assert_eq!(narrow["scope"], "openid");
    IdentityProvider::new(idp.client.clone(), &narrow).get("/Users").await.expect(403);
    let whole = idp.client.refresh(&text(&narrow["refresh_token"])).await.expect(200).json();
    IdentityProvider::new(idp.client.clone(), &whole).get("/Users").await.expect(200);
});

story!(attack_57_idle_and_absolute_expiry_are_the_clients_own_and_say_which_they_are, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let mut behind = Behind::of(&world);
    let lives = json!({"refresh_idle_seconds": 3600, "refresh_absolute_seconds": 86_400, "access_token_seconds": 120});
    let client = idp.client.admin(Method::PATCH, "").json(&lives).await.expect(200).json();
    assert_eq!(client["lifetimes"], lives);
    let tokens = idp.client.refresh(&refresh_token(&idp)).await.expect(200).json();
    assert_eq!(tokens["expires_in"], 120);
    let current = text(&tokens["refresh_token"]);
    let told = idp.client.introspect(&current).await;
    let lasts = told["exp"].as_i64().unwrap_or_default() - told["iat"].as_i64().unwrap_or_default();
    assert_eq!(lasts, 3600, "{told}");

    let earlier = |seconds: i64| {
        let ms = seconds * 1000;
        format!("UPDATE refresh_tokens SET created = created - {ms}, expires = expires - {ms}")
    };
    behind.execute(&earlier(3601));
    let why = idp.client.refresh(&current).await.expect_oauth_error(400, "invalid_grant");
    assert!(why.contains("not used for too long"), "{why}");
    assert_eq!(idp.client.introspect(&current).await, json!({"active": false}));
    behind.execute(&earlier(-3601));
    behind.execute("UPDATE grants SET created = created - 86300000");
    let last = idp.client.refresh(&current).await.expect(200).json();
    assert!(last["expires_in"].as_u64().is_some_and(|s| s <= 100), "what ends, ends with its tokens: {last}");
    behind.execute("UPDATE grants SET created = created - 200000");
    let why = idp.client.refresh(&text(&last["refresh_token"])).await.expect_oauth_error(400, "invalid_grant");
    assert!(why.contains("too long ago"), "{why}");

    // What an operator takes away counts at once, and what makes no sense is said by field.
    let wrong = json!({"refresh_idle_seconds": 59, "refresh_absolute_seconds": -1, "access_token_seconds": 86_401});
    let problem = idp.client.admin(Method::PATCH, "").json(&wrong).await.expect_problem(400);
    assert_eq!(problem["errors"].as_array().map(Vec::len), Some(3), "{problem}");
    let usual = json!({"refresh_idle_seconds": null, "refresh_absolute_seconds": null, "access_token_seconds": null});
    let client = idp.client.admin(Method::PATCH, "").json(&usual).await.expect(200).json();
    assert_eq!(client["lifetimes"]["refresh_idle_seconds"], 180 * 86_400);
    assert_eq!(client["lifetimes"]["refresh_absolute_seconds"], json!(null));
});

story!(attack_58_a_user_who_may_no_more_loses_their_connection_at_once, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let by_admin = json!({"active": false});
    let role = json!({"role": "reports"});
    for (n, (change, reason)) in [(by_admin, "deactivated"), (role, "lost the role")].into_iter().enumerate() {
        let ada = acme.user(&format!("ada{n}@acme.test")).role("master_admin").create().await;
        let idp = acme.generic_client().await.connect_as(&ada).await;
        acme.admin(Method::PATCH, &format!("/users/{}", ada.id)).json(&change).await.expect(200);
        for _ in 0..2 {
            idp.get("/Users").await.expect_scim_error(401, None);
            idp.client.refresh(&refresh_token(&idp)).await.expect_oauth_error(400, "invalid_grant");
            assert_eq!(idp.client.introspect(&idp.access_token).await, json!({"active": false}));
        }
        let grants = crate::support::account::items(&acme.admin_get("/grants").await);
        let reasons = grants.iter().filter_map(|grant| grant["end_reason"].as_str()).filter(|why| why.contains(reason));
        assert_eq!(reasons.count(), 1, "{grants:?}");
    }
    // By SCIM, under its own token, with a PUT.
    let ada = acme.user("self@acme.test").role("master_admin").create().await;
    let idp = acme.generic_client().await.connect_as(&ada).await;
    let mut body = idp.read(&ada).await;
    body["role"] = json!("reports");
    idp.put(&ada, &body).await.expect(200);
    idp.get("/Users").await.expect_scim_error(401, None);
    // A role that still may is no loss.
    let joe = acme.user("joe@acme.test").role("master_admin").create().await;
    let idp = acme.generic_client().await.connect_as(&joe).await;
    idp.patch(&joe).replace("title", "Robot").replace("role", "master_admin").await.expect(200);
    idp.get("/Users").await.expect(200);
});

story!(attack_59_what_ended_stays_ended, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let path = format!("/users/{}", ada.id);
    let ways = [
        (json!({"active": false}), json!({"active": true})),
        (json!({"role": "reports"}), json!({"role": "master_admin"})),
    ];
    for (away, back) in ways {
        let idp = acme.generic_client().await.connect_as(&ada).await;
        acme.admin(Method::PATCH, &path).json(&away).await.expect(200);
        acme.admin(Method::PATCH, &path).json(&back).await.expect(200);
        // Before the worker has written the ending into the grants, and after.
        for _ in 0..2 {
            for _ in 0..2 {
                idp.get("/Users").await.expect_scim_error(401, None);
                idp.client.refresh(&refresh_token(&idp)).await.expect_oauth_error(400, "invalid_grant");
            }
            let mut behind = Behind::of(&world);
            while behind.work(|tx| tx.settle_endings(1)) > 0 {}
            assert_eq!(behind.number("SELECT COUNT(*) AS n FROM endings"), 0);
        }
        // A new consent is a new grant, and stands.
        acme.generic_client().await.connect_as(&ada).await.get("/Users").await.expect(200);
    }
});

story!(attack_63_no_token_opens_another_account, async |world: World| {
    let (acme, orchard) = (world.account("acme").await, world.account("orchard").await);
    let (ours, theirs) = (acme.connected_identity_provider().await, orchard.connected_identity_provider().await);
    let user = &acme.users().await[0];
    theirs.get(&format!("/Users/{}", text(&user["id"]))).await.expect_scim_error(404, None);
    for token in [&ours.access_token, &refresh_token(&ours)] {
        assert_eq!(theirs.client.introspect(token).await, json!({"active": false}));
    }
    let exchanged = theirs.client.refresh(&refresh_token(&ours)).await;
    exchanged.expect_oauth_error(400, "invalid_grant");
});

story!(attack_64_introspection_wants_proof_and_says_nothing_of_what_is_not_there, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ask = |form: &[(&str, &str)]| world.post("/oauth2/introspect").form(form);
    ask(&[("token", &idp.access_token)]).await.expect_oauth_error(401, "invalid_client");
    let wrong = [("token", idp.access_token.as_str()), ("client_id", &idp.client.id), ("client_secret", "gws_wrong")];
    ask(&wrong).await.expect_oauth_error(401, "invalid_client");
    let revoked = idp.client.client_credentials().await.expect(200).json();
    idp.client.revoke(&text(&revoked["access_token"])).await.expect(200);
    let long = "x".repeat(3000);
    for token in ["garbage", "gwa_garbage", "gwr_garbage", "é", long.as_str(), &text(&revoked["access_token"])] {
        let own = [("token", token), ("client_id", idp.client.id.as_str()), ("client_secret", &idp.client.secret)];
        let answer = ask(&own).await.expect(200);
        assert_eq!(answer.text(), r#"{"active":false}"#, "{token}");
    }
});

story!(attack_65_who_may_revoke_what, async |world: World| {
    let acme = world.account("acme").await;
    let mut idp = acme.connected_identity_provider().await;
    let other = acme.generic_client().await;
    for token in [&idp.access_token, &refresh_token(&idp)] {
        other.revoke(token).await.expect(200);
    }
    idp.client.revoke("gwr_unknown").await.expect(200);
    idp.get("/Users").await.expect(200);
    let access = idp.access_token.clone();
    idp.refresh().await;
    let hinted = [("token", access.as_str()), ("token_type_hint", "nonsense")];
    let own = [("client_id", idp.client.id.as_str()), ("client_secret", &idp.client.secret)];
    world.post("/oauth2/revoke").form(&[&hinted[..], &own].concat()).await.expect(200);
    assert_eq!(idp.client.introspect(&access).await, json!({"active": false}));
    idp.get("/Users").await.expect(200);
    idp.client.revoke(&refresh_token(&idp)).await.expect(200);
    idp.get("/Users").await.expect_scim_error(401, None);
    idp.client.refresh(&refresh_token(&idp)).await.expect_oauth_error(400, "invalid_grant");
});

story!(attack_66_a_strange_authorization_header_is_read_or_refused_and_never_breaks_anything, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let token = &idp.access_token;
    let ask = |header: String| world.get("/scim/v2/Users").header("authorization", &header);
    for good in [format!("bearer {token}"), format!("BEARER {token}"), format!("Bearer  {token}")] {
        ask(good).await.expect(200);
    }
    let junk = [
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer{token}"),
        format!("Token {token}"),
        format!("Bearer {token}x"),
        format!("Bearer {token} {token}"),
        format!("Bearer {token},"),
        format!("Bearer \"{token}\""),
        format!("Bearer {}", "a".repeat(10_000)),
        "Basic !!!!".to_owned(),
        "é".to_owned(),
        "\u{1}\u{2}".replace(['\u{1}', '\u{2}'], "\t"),
    ];
    for header in junk {
        let answer = ask(header.clone()).await;
        assert!(matches!(answer.status.as_u16(), 400 | 401 | 431), "{header}: {}", answer.status);
    }
    let mut seed = 7_u64;
    for _ in 0..200 {
        let mut text = String::new();
        for _ in 0..(seed % 60) {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push(char::from(b' ' + ((seed >> 33) % 95) as u8));
        }
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        for path in ["/scim/v2/Users", "/userinfo", "/admin/accounts"] {
            let answer = world.get(path).header("authorization", &text).await;
            assert!(matches!(answer.status.as_u16(), 400 | 401), "{text}: {}", answer.status);
        }
    }
});
