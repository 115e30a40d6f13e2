//! Modules of the OpenID Foundation's conformance suite (Basic OP) that are about the authorization endpoint, the person in the
//! browser, and `/userinfo`, under their own names.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::browser::{Landed, Landing, Shown};
use crate::support::relying_party::RelyingParty;
use crate::support::testing::World;

/// A request with these parameters goes through to a code and tokens.
async fn succeeds(world: &World, changes: &[(&str, &str)]) -> Value {
    let party = RelyingParty::new(world).await;
    let callback = party.callback(&world.browser(), changes).await;
    assert_eq!(callback.parameter("state").as_deref(), Some("s-1"));
    let tokens = party.tokens(&callback).await;
    party.id_token(&tokens).await.claims
}

story!(module_response_type_missing_is_told_to_the_client, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let callback = party.open(&world.browser(), &[("response_type", "")]).await.callback();
    assert_eq!(callback.parameter("error").as_deref(), Some("invalid_request"));
    assert_eq!(callback.parameter("state").as_deref(), Some("s-1"));
});

story!(module_userinfo_get, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let callback = party.callback(&world.browser(), &[("scope", "openid email")]).await;
    let token = text(&party.tokens(&callback).await["access_token"]);
    let got = world.get("/userinfo").bearer(&token).await.expect(200);
    assert!(got.header("cache-control").is_some_and(|value| value.contains("no-store")));
    assert_eq!(got.media_type(), "application/json");
    assert_eq!(got.json()["sub"], party.ada.id.as_str());
});

story!(module_userinfo_post_header, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let callback = party.callback(&world.browser(), &[]).await;
    let token = text(&party.tokens(&callback).await["access_token"]);
    let none: [(&str, &str); 0] = [];
    for call in [world.post("/userinfo").bearer(&token), world.post("/userinfo").bearer(&token).form(&none)] {
        assert_eq!(call.await.expect(200).json()["sub"], party.ada.id.as_str());
    }
});

story!(module_userinfo_post_body, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let callback = party.callback(&world.browser(), &[]).await;
    let token = text(&party.tokens(&callback).await["access_token"]);
    let posted = world.post("/userinfo").form(&[("access_token", token.as_str())]).await.expect(200);
    assert_eq!(posted.json()["sub"], party.ada.id.as_str());
    // Twice is once too often (RFC 6750 §2), and what is no form counts for nothing.
    world.post("/userinfo").bearer(&token).form(&[("access_token", token.as_str())]).await.expect(400);
    world
        .post("/userinfo")
        .form(&[("access_token", token.as_str()), ("access_token", token.as_str())])
        .await
        .expect(400);
    world.post("/userinfo").form(&[("access_token", "gwa_nonsense")]).await.expect(401);
    world.post("/userinfo").json(&json!({"access_token": token})).await.expect(401);
});

story!(module_ensure_request_without_nonce_succeeds_for_code_flow, async |world: World| {
    assert!(succeeds(&world, &[]).await.get("nonce").is_none());
});

story!(module_scope_profile_gives_what_the_user_has, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let claims = party.userinfo("openid profile").await;
    for (name, value) in [
        ("name", "Ada Lovelace"),
        ("given_name", "ada"),
        ("family_name", "Console"),
        ("nickname", "Enchantress"),
        ("preferred_username", "ada@acme.test"),
        ("profile", "https://acme.test/ada"),
        ("picture", "https://acme.test/ada.png"),
        ("zoneinfo", "Europe/London"),
        ("locale", "en-GB"),
    ] {
        assert_eq!(claims[name], value, "{claims}");
    }
    assert!(claims["updated_at"].as_i64().is_some_and(|seconds| seconds > 1_700_000_000 && seconds < 10_000_000_000));
    for other in ["email", "address", "phone_number", "middle_name"] {
        assert!(claims.get(other).is_none(), "{other} in {claims}");
    }
});

story!(module_scope_email, async |world: World| {
    let claims = RelyingParty::new(&world).await.userinfo("openid email").await;
    assert_eq!(claims["email"], "ada@acme.test");
    assert!(claims.get("name").is_none() && claims.get("preferred_username").is_none(), "{claims}");
});

story!(module_scope_address, async |world: World| {
    let claims = RelyingParty::new(&world).await.userinfo("openid address").await;
    let address = json!({"street_address": "12 St James's Square", "locality": "London", "postal_code": "SW1Y 4JH", "country": "GB"});
    assert_eq!(claims["address"], address);
});

story!(module_scope_phone, async |world: World| {
    let claims = RelyingParty::new(&world).await.userinfo("openid phone").await;
    assert_eq!(claims["phone_number"], "+44 20 7946 0000");
});

story!(module_scope_all, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let metadata = world.get("/.well-known/openid-configuration").await.expect(200).json();
    let supported: Vec<&str> =
        metadata["claims_supported"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let claims = party.userinfo("openid profile email address phone").await;
    for name in ["name", "email", "address", "phone_number"] {
        assert!(claims.get(name).is_some() && supported.contains(&name), "{name}: {claims}");
    }
    // Only who is given `openid` may ask.
    let callback = party.callback(&world.browser(), &[("scope", "profile")]).await;
    let token = text(&party.tokens(&callback).await["access_token"]);
    world.get("/userinfo").bearer(&token).await.expect(403);
});

story!(module_ensure_other_scope_order_succeeds, async |world: World| {
    let claims = RelyingParty::new(&world).await.userinfo("email  profile openid").await;
    assert!(claims.get("email").is_some() && claims.get("name").is_some(), "{claims}");
});

story!(module_display_page, async |world: World| {
    succeeds(&world, &[("display", "page")]).await;
});

story!(module_display_popup, async |world: World| {
    succeeds(&world, &[("display", "popup")]).await;
});

story!(module_ui_locales, async |world: World| {
    succeeds(&world, &[("ui_locales", "fr-CA fr en xx")]).await;
});

story!(module_claims_locales, async |world: World| {
    succeeds(&world, &[("claims_locales", "fr-CA fr en xx")]).await;
});

story!(module_ensure_request_with_acr_values_succeeds, async |world: World| {
    succeeds(&world, &[("acr_values", "urn:mace:incommon:iap:silver 1 2")]).await;
});

story!(module_ensure_request_with_unknown_parameter_succeeds, async |world: World| {
    succeeds(&world, &[("extra", "foobar"), ("another", "{}")]).await;
});

story!(module_claims_essential_is_passed_over_and_what_the_scope_opens_is_given, async |world: World| {
    // Core §5.5: a server that does not support the parameter ignores it, and says so in its metadata.
    let asked = r#"{"userinfo": {"name": {"essential": true}}, "id_token": {"auth_time": {"essential": true}}}"#;
    let claims = succeeds(&world, &[("claims", asked), ("scope", "openid profile")]).await;
    assert!(claims["auth_time"].is_i64(), "{claims}");
    let metadata = world.get("/.well-known/openid-configuration").await.expect(200).json();
    assert_eq!(metadata["claims_parameter_supported"], false);
});

story!(module_login_hint_is_in_the_field, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    let page = party.open(&browser, &[("login_hint", "ada@acme.test")]).await.page();
    assert_eq!(crate::support::relying_party::field(&page.login_form(), "username"), "ada@acme.test");
    party.through(&browser, Landing::Page(page)).await.code();
});

story!(module_ensure_registered_redirect_uri_or_a_page, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let page = party.open(&world.browser(), &[("redirect_uri", "https://rp.test/cb/foobar")]).await.page();
    assert_eq!(page.answer.status, 400);
});

story!(module_ensure_post_request_succeeds_and_finds_the_session, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    party.callback(&browser, &[]).await.code();
    // Another site's form brings no cookie along, so the session is looked at after a redirect.
    let pairs: Vec<_> = party.parameters(&[]).into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let posted = world.post("/oauth2/auth").form(&pairs).await.expect(303);
    let next = posted.header("location").unwrap_or_default().to_owned();
    assert!(next.starts_with(&format!("{}/oauth2/consent?", world.gateway.public_url)), "{next}");
    let callback = browser.open(&next).await.callback();
    assert_eq!(callback.parameter("state").as_deref(), Some("s-1"));
    party.tokens(&callback).await;
});

story!(module_prompt_login_asks_for_the_password_again_and_auth_time_moves, moving_clock, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    party.callback(&browser, &[]).await.code();
    world.pass(Duration::from_secs(100));
    let before = party.auth_time(&party.open(&browser, &[]).await.callback()).await;
    let page = party.open(&browser, &[("prompt", "login")]).await.page();
    assert_eq!(crate::support::relying_party::field(&page.login_form(), "username"), party.ada.user_name);
    let callback = party.log_in(&browser, &page).await.callback();
    let after = party.auth_time(&callback).await;
    assert!(after - before >= 100, "{before}, then {after}");
});

story!(module_prompt_none_not_logged_in, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let callback = party.open(&world.browser(), &[("prompt", "none")]).await.callback();
    assert_eq!(callback.parameter("error").as_deref(), Some("login_required"));
    assert_eq!(callback.parameter("state").as_deref(), Some("s-1"));
});

story!(module_prompt_none_logged_in_succeeds_at_once, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    let first = party.callback(&browser, &[]).await;
    let first = party.id_token(&party.tokens(&first).await).await.claims;
    let callback = party.open(&browser, &[("prompt", "none"), ("nonce", "n-2")]).await.callback();
    let second = party.id_token(&party.tokens(&callback).await).await.claims;
    assert_eq!((&first["sub"], &first["auth_time"]), (&second["sub"], &second["auth_time"]));
    assert_eq!(second["nonce"], "n-2");
});

story!(module_max_age_1_makes_an_older_session_log_in_again, moving_clock, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    party.callback(&browser, &[]).await.code();
    world.pass(Duration::from_secs(10));
    let before = party.auth_time(&party.open(&browser, &[]).await.callback()).await;
    let page = party.open(&browser, &[("max_age", "1")]).await.page();
    let callback = party.log_in(&browser, &page).await.callback();
    assert!(party.auth_time(&callback).await > before);
});

story!(module_max_age_10000_is_satisfied_by_the_session, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    let before = party.auth_time(&party.callback(&browser, &[("max_age", "10000")]).await).await;
    let callback = party.open(&browser, &[("max_age", "10000")]).await.callback();
    assert_eq!(party.auth_time(&callback).await, before);
});

story!(module_id_token_hint_of_who_is_logged_in_goes_through, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    let callback = party.callback(&browser, &[]).await;
    let hint = text(&party.tokens(&callback).await["id_token"]);
    let callback = party.open(&browser, &[("prompt", "none"), ("id_token_hint", &hint)]).await.callback();
    party.tokens(&callback).await;
});
