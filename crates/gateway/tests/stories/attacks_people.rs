//! Attacks by way of the person in the browser: prompts and hints, logging in, sessions, consent, logging out (OpenID Connect Core
//! §3.1.2, RFC 9700 §4, OWASP ASVS 5 V6, V7 and V10).

use reqwest::Method;
use serde_json::json;

use crate::account::{User, items, text};
use crate::browser::{Browser, Landing, Page};
use crate::http::Answer;
use crate::identity_provider::IdentityProvider;
use crate::oauth_client::log_in_if_asked;
use crate::relying_party::{AFTER_LOGOUT, RelyingParty, field};
use crate::world::World;

/// What the client is told.
async fn error_of(party: &RelyingParty, browser: &Browser, changes: &[(&str, &str)]) -> String {
    let callback = party.open(browser, changes).await.callback();
    assert_eq!(callback.parameter("code"), None, "{}", callback.0);
    callback.parameter("error").unwrap_or_default()
}

async fn another_user(party: &RelyingParty, name: &str) -> User {
    party.acme.user(name).role("master_admin").service_account().create().await
}

story!(attack_16_prompt_none_never_shows_a_page, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    assert_eq!(error_of(&party, &browser, &[("prompt", "none")]).await, "login_required");
    for more in ["none login", "none consent", "none select_account", "login none"] {
        assert_eq!(error_of(&party, &browser, &[("prompt", more)]).await, "invalid_request");
    }
    let page = party.open(&browser, &[]).await.page();
    let page = party.log_in(&browser, &page).await.page();
    assert_eq!(error_of(&party, &browser, &[("prompt", "none")]).await, "consent_required");
    browser.press(&page, "Accept access").await.callback().code();
    party.open(&browser, &[("prompt", "none")]).await.callback().code();
    // More than was accepted, and access in absence: not without asking.
    let wide = [("prompt", "none"), ("scope", "openid email")];
    assert_eq!(error_of(&party, &browser, &wide).await, "consent_required");
    let provisioning = [("scope", "openid offline_access provision:scim")];
    party.callback(&browser, &provisioning).await.code();
    let silently = [("prompt", "none"), provisioning[0]];
    assert_eq!(error_of(&party, &browser, &silently).await, "consent_required");
    // A log-in that does not suit is none.
    world.make_sessions_older(100);
    assert_eq!(error_of(&party, &browser, &[("prompt", "none"), ("max_age", "10")]).await, "login_required");
    // Somebody of another account is nobody here.
    let zeta = world.account("zeta").await;
    let stranger = world.browser();
    let page = stranger.open(&format!("{}/account", world.gateway.public_url)).await.page();
    let zoe = zeta.service_account().await;
    stranger.log_in(&page, &zoe.user_name, &zoe.password).await.page();
    assert_eq!(error_of(&party, &stranger, &[("prompt", "none")]).await, "login_required");
});

story!(attack_17_whoever_must_log_in_again_finds_no_way_around, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    for bad in ["-1", "abc", "1.5", "99999999999999999999999"] {
        assert_eq!(error_of(&party, &browser, &[("max_age", bad)]).await, "invalid_request");
    }
    // A session that is minutes old, and the consent form of an ordinary request.
    let provisioning = ("scope", "openid offline_access provision:scim");
    let page = party.open(&browser, &[provisioning]).await.page();
    let page = party.log_in(&browser, &page).await.page();
    let ordinary = page.form_with_button("Accept access").expect("a consent form");
    world.make_sessions_older(100);
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
        world.make_sessions_older(100);
    }
});

story!(attack_18_a_hint_is_believed_if_it_is_ours_and_only_its_person_may_answer, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let (adas, bens) = (world.browser(), world.browser());
    let callback = party.callback(&adas, &[]).await;
    let hint = text(&party.tokens(&callback).await["id_token"]);
    let ben = another_user(&party, "ben@acme.test").await;
    let page = party.open(&bens, &[]).await.page();
    let page = bens.log_in(&page, &ben.user_name, &ben.password).await.page();
    bens.press(&page, "Accept access").await.callback().code();

    let silently = [("id_token_hint", hint.as_str()), ("prompt", "none")];
    assert_eq!(error_of(&party, &bens, &silently).await, "login_required");
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
            let error = error_of(&party, browser, &[("id_token_hint", bad), ("prompt", "none")]).await;
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
        assert!(
            !html.contains("<script") && !html.contains("//evil.test>") && !html.contains("' autofocus onfocus"),
            "{html}"
        );
        assert_eq!(field(&page.login_form(), "username"), hint);
        assert_eq!(page.forms().len(), 1);
        let policy = page.answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("script-src"), "{policy}");
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
        assert!(!page.answer.text().contains("<script") && !page.answer.text().contains("style="), "{}", page.url);
    }
});

/// A form with a field changed or, without a value, left out.
async fn sent_with(browser: &Browser, page: &Page, button: &str, name: &str, value: Option<&str>) -> Page {
    let form = page.form_with_button(button).unwrap_or_else(|| panic!("no {button}: {}", page.words()));
    let mut pairs = form.pairs(form.button(button));
    pairs.retain(|(n, _)| n != name);
    pairs.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    browser.submit(page, &form, &pairs).await.page()
}

story!(attack_67_a_form_is_ours_and_counts_once, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let (browser, other) = (world.browser(), world.browser());
    let foreign = field(&party.open(&other, &[]).await.page().login_form(), "csrf");
    let login = party.open(&browser, &[]).await.page();
    for csrf in [None, Some(""), Some("nonsense"), Some(foreign.as_str())] {
        assert_eq!(sent_with(&browser, &login, "Log in", "csrf", csrf).await.answer.status, 403);
    }
    let consent = party.log_in(&browser, &login).await.page();
    for button in ["Accept access", "Deny", "Log in as somebody else"] {
        for csrf in [None, Some(foreign.as_str())] {
            assert_eq!(sent_with(&browser, &consent, button, "csrf", csrf).await.answer.status, 403, "{button}");
        }
    }
    assert_eq!(sent_with(&browser, &consent, "Accept access", "request", Some("gwc_x")).await.answer.status, 403);
    assert_eq!(party.standing_grants().await, 0);

    let code = browser.press(&consent, "Accept access").await.callback().code();
    let again = browser.press(&consent, "Accept access").await.page();
    assert_eq!(again.answer.status, 409);
    assert!(again.words().contains("already answered"), "{}", again.words());
    assert_eq!(party.standing_grants().await, 1, "no second code");
    party.client.exchange(&code).await.expect(200);

    // The person's own page too.
    let account = browser.open(&format!("{}/account", world.gateway.public_url)).await.page();
    for csrf in [None, Some(foreign.as_str())] {
        assert_eq!(sent_with(&browser, &account, "End this connection", "csrf", csrf).await.answer.status, 403);
    }
    assert_eq!(party.standing_grants().await, 1);
    let asked = sent_with(&browser, &account, "Log out", "csrf", Some(&foreign)).await;
    assert!(asked.form_with_button("Stay logged in").is_some(), "{}", asked.words());
    assert!(party.is_logged_in(&browser).await);
});

const SESSION: &str = "gateway_session";

story!(attack_68_each_log_in_begins_a_session_and_ends_the_one_before, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    let account = format!("{}/account", world.gateway.public_url);
    // An id that somebody else put there never counts.
    let planted = "gwn_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    browser.set_cookie(SESSION, planted);
    let page = browser.open(&account).await.page();
    party.log_in(&browser, &page).await.page();
    let first = browser.cookie(SESSION).expect("a session");
    assert_ne!(first, planted);
    let page = party.open(&browser, &[("prompt", "login")]).await.page();
    party.log_in(&browser, &page).await.page();
    let second = browser.cookie(SESSION).expect("a session");
    assert_ne!(first, second);

    let opens = async |session: &str| {
        let thief = world.browser();
        thief.set_cookie(SESSION, session);
        let page = thief.open(&account).await.page();
        page.words().contains("Where you are logged in")
    };
    assert!(!opens(planted).await && !opens(&first).await && opens(&second).await);

    // The cookie's attributes, as they are set.
    let raw = world.get("/account").await.expect(200);
    let cookie = raw.header("set-cookie").unwrap_or_default().split(';').next().unwrap_or_default().to_owned();
    let form = crate::html::forms(&raw.text()).remove(0);
    let mut pairs = form.pairs(None);
    pairs.retain(|(name, _)| name != "username" && name != "password");
    pairs.extend([
        ("username".to_owned(), party.ada.user_name.clone()),
        ("password".to_owned(), party.ada.password.clone()),
    ]);
    let answer = world.post("/login").header("cookie", &cookie).form(&pairs).await.expect(303);
    let set: Vec<&str> = answer.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok()).collect();
    assert!(set.iter().any(|cookie| cookie.starts_with("gateway_session=gwn_")), "{set:?}");
    for cookie in set {
        assert!(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"),
            "{cookie}"
        );
        assert!(!cookie.contains("Domain="), "{cookie}");
    }
});

story!(attack_68_a_session_ends_with_its_user_its_password_and_its_time, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let account = format!("{}/account", world.gateway.public_url);
    let logged_in = async || {
        let browser = world.browser();
        let page = browser.open(&account).await.page();
        party.log_in(&browser, &page).await.page();
        browser
    };
    let stands = async |browser: &Browser| browser.open(&account).await.page().words().contains("Where you are");

    let browser = logged_in().await;
    assert!(stands(&browser).await);
    party.change_ada(&json!({"active": false})).await.expect(200);
    assert!(!stands(&browser).await, "deactivated");
    party.change_ada(&json!({"active": true})).await.expect(200);
    assert!(!stands(&browser).await, "and nothing comes back");

    let browser = logged_in().await;
    party.change_ada(&json!({"password": party.ada.password})).await.expect(200);
    assert!(!stands(&browser).await, "whoever knew the old password has to know the new one");

    // Fifty minutes at a time it lives; sixty without a visit are too many, and eight hours are enough for any.
    let browser = logged_in().await;
    world.make_sessions_older(50 * 60);
    assert!(stands(&browser).await);
    world.make_sessions_older(50 * 60);
    assert!(stands(&browser).await, "it was used in between");
    world.make_sessions_older(61 * 60);
    assert!(!stands(&browser).await, "nobody used it for an hour");
    let browser = logged_in().await;
    for _ in 0..9 {
        world.make_sessions_older(55 * 60);
        stands(&browser).await;
    }
    assert!(!stands(&browser).await, "eight hours have passed");
});

story!(attack_69_an_unknown_name_and_a_wrong_password_are_told_the_same, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let gone = party.acme.user("gone@acme.test").role("master_admin").with("active", json!(false)).create().await;
    let browser = world.browser();
    let page = party.open(&browser, &[]).await.page();
    let mut told = Vec::new();
    for (name, password) in [
        (party.ada.user_name.as_str(), "wrong"),
        ("nobody@acme.test", "wrong"),
        (&gone.user_name, &gone.password),
        ("' OR 1=1 --", "wrong"),
    ] {
        let again = browser.log_in(&page, name, password).await.page();
        let shown = field(&again.login_form(), "username");
        assert_eq!(shown, name);
        let html = again.answer.text().replace(&field(&again.login_form(), "request"), "…");
        let html = html.replace(&crate::html::escaped(name), "…");
        told.push((again.answer.status, html, again.answer.header("retry-after").map(str::to_owned)));
    }
    assert!(told.iter().all(|each| *each == told[0]), "{told:#?}");
    assert_eq!(told[0].0, 401);
});

/// Wrong passwords until it is too many; says after how many.
async fn guess(party: &RelyingParty, browser: &Browser, name: &str, most: usize) -> Option<usize> {
    let page = party.open(browser, &[("prompt", "login")]).await.page();
    for n in 0..most {
        let again = browser.log_in(&page, name, &format!("guess {n}")).await.page();
        match again.answer.status.as_u16() {
            401 => {}
            429 => {
                let seconds: u64 =
                    again.answer.header("retry-after").and_then(|text| text.parse().ok()).expect("seconds");
                assert!((1..=900).contains(&seconds), "{seconds}");
                assert!(
                    again.words().contains("Wait") && again.words().contains("nothing is locked"),
                    "{}",
                    again.words()
                );
                again.login_form();
                return Some(n);
            }
            other => panic!("{other}: {}", again.words()),
        }
    }
    None
}

async fn logs_in(party: &RelyingParty, browser: &Browser) -> u16 {
    let page = party.open(browser, &[("prompt", "login")]).await.page();
    match party.log_in(browser, &page).await {
        Landing::Page(page) if !page.is_consent() => page.answer.status.as_u16(),
        _ => 200,
    }
}

story!(attack_70_guessing_gets_slow_and_its_victim_is_not_locked_out, async |world: World| {
    world.add_replica().await; // what one counts the other knows
    let party = RelyingParty::new(&world).await;
    let (adas, guesser) = (world.browser(), world.browser());
    assert_eq!(logs_in(&party, &adas).await, 200);

    assert_eq!(guess(&party, &guesser, "Ada@ACME.test", 10).await, Some(5), "ten wrong passwords are too many");
    // The right password has to wait too, or the wait would tell; but not in the browser that Ada has always used.
    assert_eq!(logs_in(&party, &guesser).await, 429);
    assert_eq!(logs_in(&party, &world.browser()).await, 429);
    assert_eq!(logs_in(&party, &adas).await, 200);
    // A name that nobody has is treated the same.
    assert_eq!(guess(&party, &world.browser(), "nobody@acme.test", 10).await, Some(5));

    // Being told to wait does not prolong the wait, and it ends.
    let before = world.alter("UPDATE attempts SET failures = failures WHERE failures > 5");
    assert_eq!(logs_in(&party, &world.browser()).await, 429);
    assert_eq!(world.alter("UPDATE attempts SET failures = failures WHERE failures > 5"), before);
    world.alter("UPDATE attempts SET last = last - 3600000");
    assert_eq!(logs_in(&party, &world.browser()).await, 200);
    // A log-in ends the count of its name here.
    assert_eq!(guess(&party, &world.browser(), &party.ada.user_name, 10).await, Some(5));
});

story!(attack_70_a_known_browser_guesses_no_faster, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let known = world.browser();
    assert_eq!(logs_in(&party, &known).await, 200);
    assert_eq!(guess(&party, &known, &party.ada.user_name, 20).await, Some(10));
    // It counts for this browser alone.
    assert_eq!(logs_in(&party, &world.browser()).await, 200);
    // It is known to Ada, not to Ben.
    let ben = another_user(&party, "ben@acme.test").await;
    assert_eq!(guess(&party, &known, &ben.user_name, 20).await, Some(5));
});

story!(attack_70_who_guesses_from_elsewhere_makes_nobody_here_wait, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let process = world.process_with(&[("GATEWAY__SERVER__TRUSTED_PROXIES", "127.0.0.1")]).await;
    let at = |address: &str| world.browser().at(&process, address);
    assert_eq!(guess(&party, &at("203.0.113.1"), &party.ada.user_name, 10).await, Some(5));
    assert_eq!(logs_in(&party, &at("203.0.113.1")).await, 429);
    assert_eq!(logs_in(&party, &at("198.51.100.7")).await, 200, "elsewhere nobody waits");
    // From everywhere at once it is the name that slows down, by half a minute at most.
    let mut slowed = false;
    for n in 2..10 {
        slowed |= guess(&party, &at(&format!("203.0.113.{n}")), &party.ada.user_name, 4).await.is_some();
    }
    assert!(slowed, "twenty guesses wherever they came from");
    let page = party.open(&at("198.51.100.8"), &[]).await.page();
    let browser = at("198.51.100.8");
    let page = match page.answer.status.as_u16() {
        200 => party.open(&browser, &[]).await.page(),
        other => panic!("{other}"),
    };
    let waiting = party.log_in(&browser, &page).await.page();
    let seconds: u64 = waiting.answer.header("retry-after").and_then(|text| text.parse().ok()).unwrap_or(0);
    assert!(waiting.answer.status == 429 && seconds <= 30, "{}: {seconds}", waiting.answer.status);
    world.alter("UPDATE attempts SET last = last - 31000");
    assert_eq!(logs_in(&party, &at("198.51.100.8")).await, 200);
});

story!(attack_71_tabs_do_not_answer_for_each_other, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let ben = another_user(&party, "ben@acme.test").await;
    let browser = world.browser();
    // Two flows begin before anybody is logged in, and each ends with its own state.
    let first = party.open(&browser, &[("state", "tab-1"), ("prompt", "login")]).await.page();
    let second = party.open(&browser, &[("state", "tab-2")]).await.page();
    let second = party.log_in(&browser, &second).await.page();
    let first = log_in_if_asked(&browser, Landing::Page(first), &party.ada).await.page();
    let first = browser.press(&first, "Accept access").await.callback();
    let second = browser.press(&second, "Accept access").await.callback();
    assert_eq!((first.parameter("state"), second.parameter("state")), (Some("tab-1".into()), Some("tab-2".into())));
    party.tokens(&first).await;
    party.tokens(&second).await;

    // A page that names Ada is not answered by Ben, who logged in in another tab meanwhile: the page is shown anew.
    let scope = ("scope", "openid offline_access");
    let adas = party.open(&browser, &[scope]).await.page();
    assert!(adas.words().contains("ada@acme.test"));
    let other = party.open(&browser, &[scope, ("prompt", "login")]).await.page();
    browser.log_in(&other, &ben.user_name, &ben.password).await.page();
    let grants = party.standing_grants().await;
    let anew = browser.press(&adas, "Accept access").await.page();
    assert!(anew.is_consent() && anew.words().contains("ben@acme.test"), "{}", anew.words());
    assert_eq!(party.standing_grants().await, grants);
    browser.press(&anew, "Accept access").await.callback().code();
});

story!(attack_71_going_back_leads_to_a_page_one_understands, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    let page = party.open(&browser, &[]).await.page();
    let consent = party.log_in(&browser, &page).await.page();
    let url = consent.url.clone();
    browser.press(&consent, "Accept access").await.callback().code();
    let back = browser.open(url.as_str()).await.page();
    assert_eq!(back.answer.status, 409);
    assert!(back.words().contains("already answered"), "{}", back.words());
    // Further back is a new request, which is as good as the first.
    party.callback(&browser, &[("prompt", "consent")]).await.code();
});

story!(attack_72_the_consent_page_says_everything_that_matters, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let ben = another_user(&party, "ben@acme.test").await;
    let browser = world.browser();
    let scope = ("scope", "openid email offline_access provision:scim");
    let page = party.open(&browser, &[scope]).await.page();
    let page = browser.log_in(&page, &ben.user_name, &ben.password).await.page();
    for said in
        ["Reports", "acme", "ben@acme.test", "https://rp.test", "every user and group", "e-mail address", "180 days"]
    {
        assert!(page.words().contains(said), "`{said}` in {}", page.words());
    }
    // Not you? The flow goes on as somebody else.
    let page = browser.press(&page, "Log in as somebody else").await.page();
    let page = party.log_in(&browser, &page).await.page();
    assert!(page.is_consent() && page.words().contains("ada@acme.test"), "{}", page.words());
    let callback = browser.press(&page, "Deny").await.callback();
    assert_eq!(callback.parameter("error").as_deref(), Some("access_denied"));
    assert_eq!(callback.parameter("state").as_deref(), Some("s-1"));
    assert_eq!(party.standing_grants().await, 0);
    // What lasts for a log-in only says so.
    let page = party.open(&browser, &[("prompt", "select_account")]).await.page();
    assert!(page.is_consent() && page.words().contains("1 hour"), "{}", page.words());
});

story!(attack_73_whoever_may_not_give_access_does_not, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let eve = party.acme.user("eve@acme.test").role("billing").create().await;
    let browser = world.browser();
    let page = party.open(&browser, &[("scope", "openid provision:scim")]).await.page();
    let page = browser.log_in(&page, &eve.user_name, &eve.password).await.page();
    assert!(!page.is_consent() && page.words().contains("master_admin"), "{}", page.words());
    // The button is not there; pressed all the same, it does nothing.
    let form = page.form_with_button("Deny").expect("a form");
    let mut pairs = form.pairs(None);
    pairs.push(("decision".to_owned(), "accept".to_owned()));
    let forced = browser.submit(&page, &form, &pairs).await.page();
    assert!(!forced.is_consent(), "{}", forced.words());
    assert_eq!(party.standing_grants().await, 0);
    let callback = browser.press(&forced, "Deny").await.callback();
    assert_eq!(callback.parameter("error").as_deref(), Some("access_denied"));
    // Who she is she may say.
    let page = party.open(&browser, &[("scope", "openid email")]).await.page();
    browser.press(&page, "Accept access").await.callback().code();
});

story!(attack_74_remembered_is_only_who_one_is_and_never_for_public_clients, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    party.callback(&browser, &[("scope", "openid email")]).await.code();
    party.open(&browser, &[("scope", "openid email")]).await.callback().code();
    party.open(&browser, &[("scope", "email")]).await.callback().code();
    for asked in [
        &[("prompt", "consent")][..],
        &[("prompt", "select_account")],
        &[("scope", "openid email profile")],
        &[("scope", "openid offline_access")],
    ] {
        assert!(party.open(&browser, asked).await.page().is_consent(), "{asked:?}");
    }
    // For provisioning, the guide's page is shown every time.
    let provisioning = ("scope", "openid offline_access provision:scim");
    party.callback(&browser, &[provisioning]).await.code();
    assert!(party.open(&browser, &[provisioning]).await.page().is_consent());

    let phone = party
        .acme
        .client(json!({"name": "Phone", "public": true, "redirect_uris": ["https://rp.test/cb"], "scopes": ["openid"],
            "default_scope": ["openid"]}))
        .await;
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let public = [("client_id", phone.id.as_str()), ("code_challenge", challenge), ("code_challenge_method", "S256")];
    party.callback(&browser, &public).await.code();
    assert!(party.open(&browser, &public).await.page().is_consent());
    let silently = [&public[..], &[("prompt", "none")]].concat();
    assert_eq!(error_of(&party, &browser, &silently).await, "consent_required");
});

story!(attack_75_people_see_what_they_connected_and_end_it_at_once, async |world: World| {
    world.add_replica().await;
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    let callback = party.callback(&browser, &[("scope", "openid offline_access provision:scim")]).await;
    let mut idp = IdentityProvider::new(party.client.clone(), &party.tokens(&callback).await);
    idp.refresh().await;
    party.callback(&browser, &[("scope", "openid email")]).await.code();
    let ben = another_user(&party, "ben@acme.test").await;
    let bens = party.acme.okta_client().await.connect_as(&ben).await;

    let account = format!("{}/account", world.gateway.public_url);
    let page = browser.open(&account).await.page();
    for said in ["Reports", "every user and group", "e-mail address", "Since", "Last renewed", "acme", "ada@acme.test"]
    {
        assert!(page.words().contains(said), "`{said}` in {}", page.words());
    }
    assert!(!page.words().contains("Okta"), "what is Ben's is Ben's: {}", page.words());
    // Nobody ends what is another's.
    let form = page.form_with_button("End this connection").expect("a button");
    let mut foreign = form.pairs(None);
    foreign.iter_mut().filter(|(name, _)| name == "client").for_each(|(_, value)| bens.client.id.clone_into(value));
    browser.submit(&page, &form, &foreign).await.page();
    bens.get("/Users").await.expect(200);

    let after = browser.press(&page, "End this connection").await.page();
    assert!(after.words().contains("not connected anything"), "{}", after.words());
    for _ in 0..2 {
        idp.get("/Users").await.expect_scim_error(401, None);
    }
    idp.client.refresh(idp.refresh_token.as_deref().unwrap_or_default()).await.expect_oauth_error(400, "invalid_grant");
    bens.get("/Users").await.expect(200);
    let ended = items(&party.acme.admin_get("/grants").await);
    assert!(
        ended.iter().any(|grant| grant["end_reason"].as_str().is_some_and(|why| why.contains("its owner"))),
        "{ended:?}"
    );
    // And what was remembered is forgotten.
    assert!(party.open(&browser, &[]).await.page().is_consent());
});

story!(attack_76_nobody_is_logged_out_by_a_link_or_sent_to_a_stranger, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    let callback = party.callback(&browser, &[]).await;
    let token = text(&party.tokens(&callback).await["id_token"]);
    // An image's request comes without cookies (SameSite=Lax), and with them it would only ask.
    let image = world.get("/oauth2/logout").await.expect(200);
    assert!(image.headers.get_all("set-cookie").iter().all(|c| !c.to_str().is_ok_and(|c| c.contains("gwn_"))));
    for parameters in [&[][..], &[("client_id", party.client.id.as_str())], &[("state", "x")]] {
        let page = browser.open(&party.logout_url(parameters)).await.page();
        assert!(page.form_with_button("Stay logged in").is_some(), "{}", page.words());
        assert!(party.is_logged_in(&browser).await);
    }
    // Another person's token is no better than none; and whoever stays, stays.
    let ben = another_user(&party, "ben@acme.test").await;
    let bens = world.browser();
    let page = party.open(&bens, &[]).await.page();
    bens.log_in(&page, &ben.user_name, &ben.password).await.page();
    let page = bens.open(&party.logout_url(&[("id_token_hint", &token)])).await.page();
    let page = bens.press(&page, "Stay logged in").await.page();
    assert!(page.words().contains("still logged in"), "{}", page.words());
    assert!(party.is_logged_in(&bens).await);
    // A client without a token gets the browser back from somebody who was asked.
    let parameters =
        [("client_id", party.client.id.as_str()), ("post_logout_redirect_uri", AFTER_LOGOUT), ("state", "y")];
    let page = browser.open(&party.logout_url(&parameters)).await.page();
    assert!(page.words().contains("Reports"), "{}", page.words());
    let callback = browser.press(&page, "Log out").await.callback();
    assert_eq!(callback.0.as_str(), format!("{AFTER_LOGOUT}&state=y"));
    assert!(!party.is_logged_in(&browser).await);
    // To a URI that is not registered, to the letter, nobody is sent: not by any token or client.
    let other = party.acme.generic_client().await;
    for (id, uri) in [
        (party.client.id.as_str(), "https://rp.test/bye"),
        (&party.client.id, "https://rp.test/bye?x=1&y=2"),
        (&party.client.id, "https://RP.test/bye?x=1"),
        (&other.id, AFTER_LOGOUT),
        ("nobody", AFTER_LOGOUT),
    ] {
        let page = bens.open(&party.logout_url(&[("client_id", id), ("post_logout_redirect_uri", uri)])).await.page();
        assert_eq!(page.answer.status, 400, "{id} {uri}: {}", page.words());
    }
    let mixed = [("client_id", other.id.as_str()), ("id_token_hint", token.as_str())];
    assert_eq!(bens.open(&party.logout_url(&mixed)).await.page().answer.status, 400);
    let twice = [("state", "a"), ("state", "b")];
    assert_eq!(bens.open(&party.logout_url(&twice)).await.page().answer.status, 400);
    for bad in ["javascript:alert(1)", "http://rp.test/bye", "https://rp.test/bye#x"] {
        let change = json!({"post_logout_redirect_uris": [bad]});
        party.client.admin(Method::PATCH, "").json(&change).await.expect_problem(400);
    }
});

story!(attack_77_names_are_text_on_every_page, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let nasty = "<img src=//evil.test/x onerror=alert(1)>\u{202e}moc.atko\u{202c} Оkta"; // with a Cyrillic О
    party.client.admin(Method::PATCH, "").json(&json!({"name": nasty})).await.expect(200);
    let browser = world.browser();
    let login = party.open(&browser, &[]).await.page();
    let consent = party.log_in(&browser, &party.open(&browser, &[]).await.page()).await.page();
    let account = {
        browser.press(&consent, "Accept access").await.callback().code();
        browser.open(&format!("{}/account", world.gateway.public_url)).await.page()
    };
    let logout = browser.open(&party.logout_url(&[("client_id", &party.client.id)])).await.page();
    for page in [&login, &consent, &account, &logout] {
        let html = page.answer.text();
        assert!(!html.contains("<img") && !html.contains('\u{202e}') && !html.contains('\u{202c}'), "{html}");
        assert!(page.words().contains("<img src=//evil.test/x"), "{}", page.words());
        let named = html.matches("&#60;img").count() + html.matches("&lt;img").count();
        let apart = html.matches("<bdi>&#60;img").count() + html.matches("<bdi>&lt;img").count();
        let label = html.matches("aria-label=\"End the connection with").count();
        assert_eq!(named, apart + label, "each stands apart, so that it turns nothing around: {html}");
        let policy = page.answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains("img-src 'self'"), "{policy}");
    }
    // A name alone speaks for nobody: where the answer goes stands beside it, in letters that have no look-alikes.
    assert!(consent.words().contains("https://rp.test"), "{}", consent.words());
});
