//! Attacks on the authorization request as a person meets it: prompts, hints, posted requests, framed pages (OpenID Connect Core
//! §3.1.2, RFC 9700 §4).

use std::time::Duration;

use crate::support::account::text;
use crate::support::browser::{Landed, Shown};
use crate::support::http::Answer;
use crate::support::relying_party::{RelyingParty, field};
use crate::support::testing::World;

story!(attack_16_prompt_none_never_shows_a_page, moving_clock, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    assert_eq!(party.error_of(&browser, &[("prompt", "none")]).await, "login_required");
    for more in ["none login", "none consent", "none select_account", "login none"] {
        assert_eq!(party.error_of(&browser, &[("prompt", more)]).await, "invalid_request");
    }
    let page = party.open(&browser, &[]).await.page();
    let page = party.log_in(&browser, &page).await.page();
    assert_eq!(party.error_of(&browser, &[("prompt", "none")]).await, "consent_required");
    browser.press(&page, "Accept access").await.callback().code();
    party.open(&browser, &[("prompt", "none")]).await.callback().code();
    // More than was accepted, and access in absence: not without asking.
    let wide = [("prompt", "none"), ("scope", "openid email")];
    assert_eq!(party.error_of(&browser, &wide).await, "consent_required");
    let provisioning = [("scope", "openid offline_access provision:scim")];
    party.callback(&browser, &provisioning).await.code();
    let silently = [("prompt", "none"), provisioning[0]];
    assert_eq!(party.error_of(&browser, &silently).await, "consent_required");
    // A log-in that does not suit is none.
    world.pass(Duration::from_secs(100));
    assert_eq!(party.error_of(&browser, &[("prompt", "none"), ("max_age", "10")]).await, "login_required");
    // A user of another account is unknown here.
    let zeta = world.account("zeta").await;
    let stranger = world.browser();
    let page = stranger.open(&format!("{}/account", world.gateway.public_url)).await.page();
    let zoe = zeta.service_account().await;
    stranger.log_in(&page, &zoe.user_name, &zoe.password).await.page();
    assert_eq!(party.error_of(&stranger, &[("prompt", "none")]).await, "login_required");
});

story!(attack_17_a_user_who_must_log_in_again_finds_no_way_around, moving_clock, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    for bad in ["-1", "abc", "1.5", "99999999999999999999999"] {
        assert_eq!(party.error_of(&browser, &[("max_age", bad)]).await, "invalid_request");
    }
    // A session that is minutes old, and the consent form of an ordinary request.
    let provisioning = ("scope", "openid offline_access provision:scim");
    let page = party.open(&browser, &[provisioning]).await.page();
    let page = party.log_in(&browser, &page).await.page();
    let ordinary = page.form_with_button("Accept access").expect("a consent form");
    world.pass(Duration::from_secs(100));
    let before = party.auth_time(&party.callback(&browser, &[]).await).await;

    for demand in [("prompt", "login"), ("max_age", "0"), ("max_age", "60")] {
        let asked = party.open(&browser, &[provisioning, demand]).await.page();
        let sealed = field(&asked.login_form(), "request");
        // The old session opens the consent page of this request…
        let url = format!("{}/oauth2/consent?request={sealed}", world.gateway.public_url);
        let opened = browser.open(&url).await.page();
        assert!(!opened.is_consent(), "{demand:?}: {}", opened.words());
        opened.login_form();
        // …or sends the consent form of another with this request in it: in vain.
        let mut pairs = ordinary.pairs(ordinary.button("Accept access"));
        pairs.iter_mut().filter(|(name, _)| name == "request").for_each(|(_, value)| sealed.clone_into(value));
        let forged = browser.submit(&opened, &ordinary, &pairs).await.page();
        assert!(!forged.is_consent(), "{demand:?}: {}", forged.words());
        // A log-in for it goes through, once and not in circles, and the ID token tells.
        let consent = party.log_in(&browser, &forged).await.page();
        assert!(consent.is_consent(), "{demand:?}: {}", consent.words());
        let callback = browser.press(&consent, "Accept access").await.callback();
        assert!(party.auth_time(&callback).await - before >= 100, "{demand:?}");
        world.pass(Duration::from_secs(100));
    }
});

story!(attack_18_a_hint_is_believed_if_it_is_ours_and_only_its_person_may_answer, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let (adas, bens) = (world.browser(), world.browser());
    let callback = party.callback(&adas, &[]).await;
    let hint = text(&party.tokens(&callback).await["id_token"]);
    let ben = party.another_user("ben@acme.test").await;
    let page = party.open(&bens, &[]).await.page();
    let page = bens.log_in(&page, &ben.user_name, &ben.password).await.page();
    bens.press(&page, "Accept access").await.callback().code();

    let silently = [("id_token_hint", hint.as_str()), ("prompt", "none")];
    assert_eq!(party.error_of(&bens, &silently).await, "login_required");
    party.open(&adas, &silently).await.callback().code();
    // Ben is asked to log in, and again when it is still Ben; as Ada he gets on.
    let page = party.open(&bens, &[("id_token_hint", &hint)]).await.page();
    let page = bens.log_in(&page, &ben.user_name, &ben.password).await.page();
    assert!(!page.is_consent(), "{}", page.words());
    party.log_in(&bens, &page).await.callback().code();

    let parts: Vec<&str> = hint.split('.').collect();
    let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", parts[1]);
    let unsigned = format!("{}.{}.", parts[0], parts[1]);
    let other = party.acme.generic_client().await;
    let others = other.authorize(&world.browser(), &party.ada).await.code();
    let others = text(&other.exchange(&others).await.expect(200).json()["id_token"]);
    for bad in [none.as_str(), &unsigned, &hint[1..], "nonsense", &others] {
        for browser in [&adas, &world.browser()] {
            let error = party.error_of(browser, &[("id_token_hint", bad), ("prompt", "none")]).await;
            assert_eq!(error, "invalid_request", "{bad}");
        }
    }
});

story!(attack_19_a_login_hint_is_text, async |world: World| {
    let party = RelyingParty::new(&world).await;
    for hint in
        [r#""><script>alert(1)</script>"#, "' autofocus onfocus=alert(1) x='", "</form><form action=//evil.test>"]
    {
        let page = party.open(&world.browser(), &[("login_hint", hint)]).await.page();
        let html = page.answer.text();
        assert!(page.has_only_our_script(), "{html}");
        assert!(!html.contains("//evil.test>") && !html.contains("' autofocus onfocus"), "{html}");
        assert_eq!(field(&page.login_form(), "username"), hint);
        assert_eq!(page.forms().len(), 1);
        let policy = page.answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    }
});

story!(attack_21_a_posted_request_is_understood_like_any_other, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let post = async |changes: &[(&str, &str)]| -> Answer {
        world.post("/oauth2/auth").form(&party.parameters(changes)).await
    };
    let location = |answer: Answer| answer.expect(303).header("location").unwrap_or_default().to_owned();
    for (changes, error) in [
        (&[("response_type", "token")][..], "unsupported_response_type"),
        (&[("scope", "admin")], "invalid_scope"),
        (&[("max_age", "-1")], "invalid_request"),
    ] {
        let url = location(post(changes).await);
        assert!(url.starts_with("https://rp.test/cb?") && url.contains(error), "{url}");
    }
    post(&[("redirect_uri", "https://evil.test/")]).await.expect(400).page();
    // Silence is kept one redirect later.
    let next = location(post(&[("prompt", "none")]).await);
    let callback = world.browser().open(&next).await.callback();
    assert_eq!(callback.parameter("error").as_deref(), Some("login_required"));
    let next = location(post(&[]).await);
    let browser = world.browser();
    let landing = browser.open(&next).await;
    party.tokens(&party.through(&browser, landing).await).await;
});

story!(attack_22_pages_are_not_framed_kept_or_told_of, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    let base = &world.gateway.public_url;
    let login = party.open(&browser, &[]).await.page();
    let mut pages = vec![party.open(&browser, &[]).await.page(), browser.open(&format!("{base}/account")).await.page()];
    pages.push(party.log_in(&browser, &login).await.page());
    for path in
        ["/account", "/oauth2/logout", "/nowhere", "/oauth2/auth", "/oauth2/consent?request=x", "/login?request=x"]
    {
        pages.push(browser.open(&format!("{base}{path}")).await.page());
    }
    for page in &pages {
        for (name, value) in [
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(page.answer.header(name), Some(value), "{name} of {}", page.url);
        }
        let policy = page.answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"), "{policy}");
        assert!(page.has_only_our_script() && !page.answer.text().contains("style="), "{}", page.url);
    }
});
