//! The doors of the console: who gets in, how long, and what each page and form of it asks for first.

use std::time::Duration;

use gateway::http::pages::console::TABLES;

use crate::second_factors::type_code;
use crate::support::browser::{Browser, Landed, Page, Shown};
use crate::support::console::{PASSWORD, set_password};
use crate::support::relying_party::field;
use crate::support::testing::World;

/// What is open to a browser in which no operator is logged in.
const OUTSIDE: [&str; 2] = ["/console/login", "/console/welcome"];

/// Each endpoint behind the doors: its method, and its path with something in the place of names.
fn inside() -> Vec<(String, String)> {
    let filled = |part: &str| match part.starts_with('{') {
        true => "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b".to_owned(),
        false => part.to_owned(),
    };
    let path = |path: &str| path.split('/').map(filled).collect::<Vec<_>>().join("/");
    let all = TABLES.iter().flat_map(|table| table.iter());
    let inside = all.filter(|endpoint| !OUTSIDE.iter().any(|open| endpoint.path.starts_with(open)));
    inside.map(|endpoint| (endpoint.method.to_string(), path(endpoint.path))).collect()
}

/// The log-in page of a fresh browser, filled in.
async fn log_in(world: &World, browser: &Browser, path: &str, address: &str, password: &str) -> Page {
    let page = browser.open(&world.console(path)).await.page();
    assert_eq!(page.url.path(), "/console/login", "{}", page.words());
    browser.log_in(&page, address, password).await.page()
}

#[test]
fn each_page_of_the_console_says_what_it_is_for() {
    for page in TABLES.iter().flat_map(|table| table.iter()) {
        assert!(page.path.starts_with("/console"), "{}", page.path);
        let is_sentence = page.purpose.ends_with('.') && page.purpose.chars().next().is_some_and(char::is_uppercase);
        assert!(is_sentence, "{} {}: {}", page.method, page.path, page.purpose);
    }
}

story!(nothing_of_the_console_is_reached_without_a_session_and_no_form_without_its_token, async |world: World| {
    let ada = world.operator("ada@vendor.test", "platform").await;
    let eve = world.operator("eve@vendor.test", "platform").await;
    let foreign = eve.form_token().await;
    let outside = world.browser().open(&world.console("")).await.page();
    let of_the_log_in = field(&outside.login_form(), "csrf");
    for (method, path) in inside() {
        let call = || world.call(method.parse().expect("a method"), &path);
        if method == "GET" {
            let answer = call().await;
            assert_eq!(answer.status.as_u16(), 303, "{method} {path}");
            let next: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
            let led = format!("{}/console/login?next={next}", world.gateway.public_url);
            assert_eq!(answer.header("location"), Some(led.as_str()), "{method} {path}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            continue;
        }
        let typed = [("csrf", "x"), ("name", "typed by hand"), ("password", "and never shown")];
        let answer = call().form(&typed).await.expect(401);
        let told = answer.page();
        assert!(told.contains("session has ended") && told.contains("typed by hand"), "{method} {path}: {told}");
        assert!(!told.contains("never shown"), "{method} {path}: {told}");
        let below = path.trim_start_matches("/console");
        for forged in ["", "nonsense", foreign.as_str(), of_the_log_in.as_str()] {
            let answer = ada.send(&method, below, Some(&[("csrf", forged)])).await;
            assert_eq!(answer.status.as_u16(), 403, "{method} {path} with the token {forged:?}");
        }
    }
    // Nothing came of it.
    let page = ada.open("/operators").await;
    assert!(page.words().contains("ada@vendor.test") && page.words().contains("eve@vendor.test"), "{}", page.words());
});

story!(operators_log_in_by_password_and_app_and_land_where_they_wanted_to_be, async |world: World| {
    let ada = world.operator("ada@vendor.test", "platform").await;
    let app = ada.app.as_ref().expect("an app is required");
    // A wrong password and an unknown address read the same.
    let browser = world.browser();
    let wrong = log_in(&world, &browser, "/operators?x=1", "ada@vendor.test", "not it").await;
    let unknown = log_in(&world, &browser, "/operators", "unknown@vendor.test", "not it").await;
    let problem = "The e-mail address or the password is not right.";
    for page in [&wrong, &unknown] {
        assert_eq!(page.answer.status.as_u16(), 401);
        assert!(page.words().contains(problem), "{}", page.words());
    }
    // From the page that refused the first attempt it goes on to what was asked for.
    let asked = browser.log_in(&wrong, " ADA@vendor.test ", PASSWORD).await.page();
    assert!(
        browser.open(&world.console("/you")).await.page().url.path().ends_with("/login"),
        "not by the password alone"
    );
    let refused = type_code(&browser, &asked, "000000").await.page();
    assert_eq!(refused.answer.status.as_u16(), 401, "{}", refused.words());
    let code = app.shows(1);
    let page = type_code(&browser, &refused, &code).await.page();
    assert_eq!((page.url.path(), page.url.query()), ("/console/operators", Some("x=1")), "{}", page.words());
    // A code counts once, in any browser.
    let thief = world.browser();
    let asked = log_in(&world, &thief, "", "ada@vendor.test", PASSWORD).await;
    assert_eq!(type_code(&thief, &asked, &code).await.page().answer.status.as_u16(), 401);

    // Guesses from elsewhere slow down; a browser that the operator has used is not slowed down by them.
    let stranger = world.browser();
    let mut page = stranger.open(&world.console("")).await.page();
    for _ in 0..6 {
        page = stranger.log_in(&page, "ada@vendor.test", "guess").await.page();
    }
    assert_eq!(page.answer.status.as_u16(), 429, "{}", page.words());
    assert!(page.answer.header("retry-after").is_some());
    let page = browser.press(&browser.open(&world.console("/you")).await.page(), "Log out").await.page();
    assert_eq!(page.url.path(), "/console/login");
    let asked = browser.log_in(&page, "ada@vendor.test", PASSWORD).await.page();
    assert!(asked.words().contains("Enter your code"), "{}", asked.words());

    let audit = world.admin_get("/audit?limit=200").await.to_string();
    for action in ["operator.signed_in", "operator.login_failed", "operator.session_ended", "second_factor.set_up"] {
        assert!(audit.contains(action), "{action}");
    }
    assert!(!audit.contains(PASSWORD) && !audit.contains("guess"));
});

story!(a_session_of_the_console_ends_by_itself_and_a_form_of_it_says_so, moving_clock, async |world: World| {
    let ada = world.operator("ada@vendor.test", "platform").await;
    let eve = world.operator("eve@vendor.test", "support").await;
    let token = ada.form_token().await;
    // In use it lasts for twelve hours, and no longer.
    for _ in 0..13 {
        world.pass(Duration::from_secs(55 * 60));
        let page = ada.open("/operators").await;
        assert_eq!(page.url.path(), "/console/operators", "in use: {}", page.words());
    }
    world.pass(Duration::from_secs(6 * 60));
    assert_eq!(ada.send("GET", "/you", None).await.status.as_u16(), 303);
    assert_eq!(eve.send("GET", "/you", None).await.status.as_u16(), 303, "an hour without use");
    let typed = [("csrf", token.as_str()), ("address", "ben@vendor.test"), ("role", "csm"), ("reach", "all")];
    let answer = ada.send("POST", "/operators/invite", Some(&typed)).await.expect(401);
    assert!(answer.page().contains("ben@vendor.test"), "what was typed is not lost");
});

story!(a_link_to_a_password_is_looked_at_often_and_counts_once, moving_clock, async |world: World| {
    let (id, link) = world.invited("ben@vendor.test", "csm", None).await;
    // A scanner of mail opens links, and sends HEAD.
    for _ in 0..3 {
        let page = world.browser().open(&link).await.page();
        assert!(page.words().contains("Welcome"), "{}", page.words());
    }
    world.call("HEAD".parse().expect("a method"), &link).await.expect(200);
    let browser = world.browser();
    let page = browser.open(&link).await.page();
    let weak = set_password(&browser, &page, "password1234").await;
    assert_eq!(weak.answer.status.as_u16(), 400, "{}", weak.words());
    let next = set_password(&browser, &weak, PASSWORD).await;
    assert!(next.words().contains("Set up your authenticator app"), "{}", next.words());
    // The other browser had the page open.
    let late = world.browser();
    let used = late.open(&link).await.page();
    assert_eq!(used.answer.status.as_u16(), 410, "{}", used.words());
    assert!(used.words().contains("was used"), "{}", used.words());

    // A newer one takes the place of the older, and both expire.
    let make = async || {
        let path = format!("/operators/{id}/password-link");
        let made = world.admin(reqwest::Method::POST, &path).await.expect(201).json();
        crate::support::account::text(&made["password_link"])
    };
    let (older, newer) = (make().await, make().await);
    let page = world.browser().open(&older).await.page();
    assert!(page.answer.status.as_u16() == 410 && page.words().contains("newer one"), "{}", page.words());
    assert!(world.browser().open(&newer).await.page().words().contains("Choose another password"));
    // A link that replaces a password logs every browser out.
    let eve = world.operator("eve@vendor.test", "csm").await;
    let path = format!("/operators/{}/password-link", eve.id);
    let made = world.admin(reqwest::Method::POST, &path).await.expect(201).json();
    let browser = world.browser();
    let page = browser.open(&crate::support::account::text(&made["password_link"])).await.page();
    let page = set_password(&browser, &page, "another harbour at night 8").await;
    assert!(page.words().contains("Enter your code"), "the app is still asked for: {}", page.words());
    assert_eq!(eve.send("GET", "/you", None).await.status.as_u16(), 303, "logged out");
    world.pass(Duration::from_secs(3601));
    let page = world.browser().open(&newer).await.page();
    assert!(page.answer.status.as_u16() == 410 && page.words().contains("expired"), "{}", page.words());
    let page = world.browser().open(&world.console("/welcome/gwp_unknown")).await.page();
    assert_eq!(page.answer.status.as_u16(), 410);
});
