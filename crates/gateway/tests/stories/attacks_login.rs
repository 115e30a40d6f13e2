//! Attacks by way of logging in: forms, sessions, guessed names and passwords (OWASP ASVS 5 V6, V7 and V10, RFC 9700 §4).

use std::time::Duration;

use gateway::domain::actor::{Actor, Source};
use gateway::platform::clock::Clock;
use gateway::platform::password_hasher::Passwords;
use gateway::services::sign_in::password::{Attempt, who};
use serde_json::json;

use crate::support::browser::{Browser, Landed, Landing, Page, Shown};
use crate::support::database::Behind;
use crate::support::relying_party::{RelyingParty, field};
use crate::support::testing::World;

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
    for button in ["Accept access", "Deny", "Log in as another user"] {
        for csrf in [None, Some(foreign.as_str())] {
            assert_eq!(sent_with(&browser, &consent, button, "csrf", csrf).await.answer.status, 403, "{button}");
        }
    }
    assert_eq!(sent_with(&browser, &consent, "Accept access", "request", Some("gwc_x")).await.answer.status, 403);
    assert_eq!(party.standing_grants().await, 0);

    let code = browser.press(&consent, "Accept access").await.callback().code();
    let again = browser.press(&consent, "Accept access").await.callback().code();
    assert_eq!(again, code, "no second code");
    assert_eq!(party.standing_grants().await, 1);
    party.client.exchange(&code).await.expect(200);
    let again = browser.press(&consent, "Accept access").await.page();
    assert!(again.words().contains("already accepted"), "{}", again.words());
    assert_eq!(party.standing_grants().await, 1);

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
    // A session id that an attacker planted never counts.
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
    let form = gateway::simulate::html::forms(&raw.text()).remove(0);
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

story!(attack_68_a_session_ends_with_its_user_its_password_and_its_time, moving_clock, async |world: World| {
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
    assert!(!stands(&browser).await, "sessions of the old password end");

    // Fifty minutes at a time it lives; sixty without a visit are too many, and eight hours are enough for any.
    let browser = logged_in().await;
    world.pass(Duration::from_secs(50 * 60));
    assert!(stands(&browser).await);
    world.pass(Duration::from_secs(50 * 60));
    assert!(stands(&browser).await, "it was used in between");
    world.pass(Duration::from_secs(61 * 60));
    assert!(!stands(&browser).await, "it was unused for an hour");
    let browser = logged_in().await;
    for _ in 0..9 {
        world.pass(Duration::from_secs(55 * 60));
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
        let html = html.replace(&crate::support::http::escaped(name), "…");
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

story!(attack_70_guessing_gets_slow_and_its_victim_is_not_locked_out, moving_clock, async |world: World| {
    world.hold_clock();
    world.add_replica().await; // what one counts the other knows
    let party = RelyingParty::new(&world).await;
    let (adas, guesser) = (world.browser(), world.browser());
    assert_eq!(logs_in(&party, &adas).await, 200);

    assert_eq!(guess(&party, &guesser, "Ada@ACME.test", 10).await, Some(5), "ten wrong passwords are too many");
    // The right password has to wait too, or the wait would tell; but not in the browser that Ada has always used.
    assert_eq!(logs_in(&party, &guesser).await, 429);
    assert_eq!(logs_in(&party, &world.browser()).await, 429);
    assert_eq!(logs_in(&party, &adas).await, 200);
    // An unknown name is treated the same.
    assert_eq!(guess(&party, &world.browser(), "nobody@acme.test", 10).await, Some(5));

    // Being told to wait does not prolong the wait, and it ends.
    let before = world.alter("UPDATE attempts SET failures = failures WHERE failures > 5");
    assert_eq!(logs_in(&party, &world.browser()).await, 429);
    assert_eq!(world.alter("UPDATE attempts SET failures = failures WHERE failures > 5"), before);
    world.pass(Duration::from_secs(3600));
    assert_eq!(logs_in(&party, &world.browser()).await, 200);
    // A log-in ends the count of its name here.
    assert_eq!(guess(&party, &world.browser(), &party.ada.user_name, 10).await, Some(5));
});

story!(attack_70_a_known_browser_guesses_no_faster, moving_clock, async |world: World| {
    world.hold_clock();
    let party = RelyingParty::new(&world).await;
    let known = world.browser();
    assert_eq!(logs_in(&party, &known).await, 200);
    assert_eq!(guess(&party, &known, &party.ada.user_name, 20).await, Some(10));
    // It counts for this browser alone.
    assert_eq!(logs_in(&party, &world.browser()).await, 200);
    // It is known to Ada, not to Ben.
    let ben = party.another_user("ben@acme.test").await;
    assert_eq!(guess(&party, &known, &ben.user_name, 20).await, Some(5));
});

story!(attack_70_who_guesses_from_elsewhere_makes_no_user_here_wait, moving_clock, async |world: World| {
    world.hold_clock();
    let party = RelyingParty::new(&world).await;
    let process = world.process_with(&[("GATEWAY__SERVER__TRUSTED_PROXIES", "127.0.0.1")]).await;
    let at = |address: &str| world.browser().at(&process, address);
    assert_eq!(guess(&party, &at("203.0.113.1"), &party.ada.user_name, 10).await, Some(5));
    assert_eq!(logs_in(&party, &at("203.0.113.1")).await, 429);
    assert_eq!(logs_in(&party, &at("198.51.100.7")).await, 200, "no wait from another address");
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
    world.pass(Duration::from_secs(31));
    assert_eq!(logs_in(&party, &at("198.51.100.8")).await, 200);
});

story!(a_password_that_is_changed_while_it_is_compared_lets_no_one_in, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let mut behind = Behind::of(&world);
    let (keys, now, passwords) = (behind.keys(), Clock::of_the_machine().now(), Passwords::start(1, 4));
    let attempt = Attempt {
        client: None,
        username: party.ada.user_name.clone(),
        account: String::new(),
        device: None,
        source: Source::default(),
    };
    for is_changed in [false, true] {
        let candidate = behind.work(|tx| who(tx, &keys, &attempt, now)).expect("she need not wait");
        let counted = behind.work(|tx| candidate.count(tx, now)).expect("she need not wait");
        if is_changed {
            party.change_ada(&json!({"password": "another one, and as long"})).await.expect(200);
        }
        let verified = counted.verify(&passwords, &party.ada.password).await.expect("it is compared");
        let proven = behind.work(|tx| {
            tx.act_as(Actor::Browser.at(Source::default()));
            verified.prove(tx, now)
        });
        assert_eq!(proven.is_err(), is_changed, "{proven:?}");
    }
});
