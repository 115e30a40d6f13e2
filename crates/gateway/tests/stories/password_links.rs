//! Links with which people set their password: an operator makes them, or they are mailed; and who cannot accept access for want of one.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::notices::postman;
use crate::support::account::{Account, NewUser, User, text};
use crate::support::browser::{Browser, Landed, Page};
use crate::support::database::Behind;
use crate::support::letter_box::{LetterBox, until};
use crate::support::testing::World;
use crate::upstream::Upstream;

const FIRST: &str = "kettle moon radius";
const SECOND: &str = "orchard violin tablet";

/// A user without a password.
async fn invited(acme: &Account, mut user: NewUser) -> User {
    user.body.as_object_mut().expect("an object").remove("password");
    let id = text(&user.attempt().await.expect(201).json()["id"]);
    let user_name = text(&acme.admin_get(&format!("/users/{id}")).await["userName"]);
    User { id, user_name, password: String::new() }
}

async fn link(acme: &Account, user: &User, body: Value) -> Value {
    acme.admin(Method::POST, &format!("/users/{}/password-link", user.id)).json(&body).await.expect(201).json()
}

/// Chooses a password on the page of a link.
async fn choose(browser: &Browser, page: &Page, password: &str) -> Page {
    let mut form = page.forms().into_iter().find(|form| form.has_input("again")).unwrap_or_else(|| {
        panic!("nothing asks for a password on {}:\n{}", page.url, page.words());
    });
    for input in &mut form.inputs {
        if ["password", "again"].contains(&input.name.as_str()) {
            password.clone_into(&mut input.value);
        }
    }
    let pairs = form.pairs(form.buttons.first());
    browser.submit(page, &form, &pairs).await.page()
}

async fn logs_in(world: &World, user: &User, password: &str) -> Option<Browser> {
    let browser = world.browser();
    let page = browser.open(&format!("{}/account", world.gateway.public_url)).await.page();
    let page = browser.log_in(&page, &user.user_name, password).await.page();
    page.words().contains("Where you are logged in").then_some(browser)
}

async fn is_logged_in(world: &World, browser: &Browser) -> bool {
    let page = browser.open(&format!("{}/account", world.gateway.public_url)).await.page();
    page.words().contains("Where you are logged in")
}

story!(
    an_invitation_says_whose_it_is_counts_once_and_is_written_nowhere,
    settings = [("GATEWAY__BRAND__NAME", "Exampla"), ("GATEWAY__REQUESTS__ENABLED", "true")],
    async |world: World| {
        let acme = world.account("acme").await;
        let ada = invited(&acme, acme.user("ada@acme.test").role("master_admin")).await;
        let made = link(&acme, &ada, json!({})).await;
        assert_eq!((&made["purpose"], &made["user"]), (&json!("invitation"), &json!(ada.id)));
        let url = text(&made["url"]);
        let (page_of_links, secret) = url.rsplit_once('/').expect("a path");
        assert_eq!(page_of_links, format!("{}/password", world.gateway.public_url));

        // What only looks uses nothing up: mail scanners, previews, a second browser.
        for method in [Method::HEAD, Method::GET, Method::HEAD] {
            world.call(method, &url).await.expect(200);
        }
        let browser = world.browser();
        let page = browser.open(&url).await.page();
        let words = page.words();
        for told in ["ada@acme.test", "acme", "Exampla", "Set your password", "This link works once, until"] {
            assert!(words.contains(told), "{told}: {words}");
        }
        assert_eq!(page.answer.header("referrer-policy"), Some("no-referrer"));

        let refused = choose(&browser, &page, "Password123!").await;
        assert!(refused.answer.status == 400 && refused.words().contains("tried first"), "{}", refused.words());
        assert!(choose(&browser, &refused, "ada@acme.test1").await.words().contains("user name"));
        assert!(logs_in(&world, &ada, FIRST).await.is_none());
        let done = choose(&browser, &page, FIRST).await;
        assert!(done.url.path() == "/password" && done.words().contains("Your password is set"), "{}", done.words());
        assert!(logs_in(&world, &ada, FIRST).await.is_some());

        // The same form sent twice, as by a double click, is one use; another password is a second.
        assert!(choose(&browser, &page, FIRST).await.words().contains("Your password is set"));
        assert!(choose(&browser, &page, SECOND).await.words().contains("This link was used"));
        assert!(logs_in(&world, &ada, SECOND).await.is_none());
        let again = browser.open(&url).await.page();
        assert!(again.answer.status == 410 && again.words().contains("This link was used"), "{}", again.words());

        let audit = acme.audit().await;
        let actions = audit.actions();
        assert_eq!(actions.iter().filter(|action| **action == "user.password_link_made").count(), 1, "{actions:?}");
        assert!(actions.contains(&"user.login_changed"));
        let recorded = async || acme.admin_get("/requests?limit=100").await.to_string();
        let mut requests = recorded().await;
        for _ in 0..400 {
            if requests.contains("password_link_refused") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
            requests = recorded().await;
        }
        assert!(requests.contains("/password/{link}"), "{requests}");
        for kept in [format!("{:?}", audit.0), requests, world.logs()] {
            assert!(!kept.contains(&secret[4..]), "{kept}");
        }
    }
);

story!(of_two_browsers_that_use_a_link_at_once_one_sets_the_password, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let ada = invited(&acme, acme.user("ada@acme.test").role("master_admin")).await;
    let url = text(&link(&acme, &ada, json!({})).await["url"]);
    let (one, other) = (world.browser(), world.browser());
    let (page, others) = (one.open(&url).await.page(), other.open(&url).await.page());
    let (first, second) = tokio::join!(choose(&one, &page, FIRST), choose(&other, &others, SECOND));
    let outcomes = [&first, &second].map(|page| page.words().contains("Your password is set"));
    assert!(outcomes == [true, false] || outcomes == [false, true], "{}\n{}", first.words(), second.words());
    let (right, wrong) = if outcomes[0] { (FIRST, SECOND) } else { (SECOND, FIRST) };
    assert!(logs_in(&world, &ada, right).await.is_some());
    assert!(logs_in(&world, &ada, wrong).await.is_none());
});

story!(
    a_recovery_logs_out_everywhere_tells_its_user_and_ends_with_its_hour_or_a_newer_one,
    moving_clock,
    async |world: World| {
        let acme = world.account("acme").await;
        let ada = acme.user("ada@acme.test").role("master_admin").create().await;
        let idp = acme.connect_identity_provider_as(&ada).await;
        let there = logs_in(&world, &ada, &ada.password).await.expect("the first password");
        let path = format!("/users/{}/password-link", ada.id);
        let problem = acme.admin(Method::POST, &path).json(&json!({"purpose": "invitation"})).await.expect_problem(400);
        assert!(problem["errors"][0]["detail"].as_str().is_some_and(|text| text.contains("recovery")), "{problem}");

        let older = link(&acme, &ada, json!({})).await;
        assert_eq!(older["purpose"], "recovery");
        let newer = text(&link(&acme, &ada, json!({"purpose": "recovery"})).await["url"]);
        let browser = world.browser();
        let page = browser.open(&text(&older["url"])).await.page();
        assert!(page.answer.status == 410 && page.words().contains("a newer link took its place"), "{}", page.words());

        let page = browser.open(&newer).await.page();
        assert!(choose(&browser, &page, SECOND).await.words().contains("Your password is set"));
        assert!(!is_logged_in(&world, &there).await, "every session ended");
        assert!(logs_in(&world, &ada, &ada.password).await.is_none());
        let here = logs_in(&world, &ada, SECOND).await.expect("the new one");
        idp.get("/Users").await.expect(200);
        let words = here.open(&format!("{}/account", world.gateway.public_url)).await.page().words();
        assert!(
            words.contains("Your password was set") && words.contains("by a link that an operator made"),
            "{words}"
        );

        // A link that was not used in its hour is over; so is one of a user who was deactivated, or whose password was set otherwise.
        let late = text(&link(&acme, &ada, json!({})).await["url"]);
        let page = browser.open(&late).await.page();
        world.pass(Duration::from_secs(3601));
        let page = choose(&browser, &page, FIRST).await;
        assert!(page.answer.status == 410 && page.words().contains("This link is over"), "{}", page.words());
        let other_way = text(&link(&acme, &ada, json!({})).await["url"]);
        let user = format!("/users/{}", ada.id);
        acme.admin(Method::PATCH, &user).json(&json!({"password": FIRST})).await.expect(200);
        assert_eq!(browser.open(&other_way).await.page().answer.status, 410);
        let last = text(&link(&acme, &ada, json!({})).await["url"]);
        acme.admin(Method::PATCH, &user).json(&json!({"active": false})).await.expect(200);
        assert_eq!(browser.open(&last).await.page().answer.status, 410);
        acme.admin(Method::POST, &path).json(&json!({})).await.expect_problem(409);
        let globex = world.account("globex").await;
        globex.admin(Method::POST, &path).json(&json!({})).await.expect_problem(404);
    }
);

/// Asks for a link by the log-in page.
pub async fn forgets(world: &World, browser: &Browser, name: &str) -> Page {
    let page = browser.open(&format!("{}/account", world.gateway.public_url)).await.page();
    assert!(page.words().contains("Forgot your password?"), "{}", page.words());
    let page = browser.open(&format!("{}/login/forgotten", world.gateway.public_url)).await.page();
    let mut form = page.forms().into_iter().find(|form| form.has_input("username")).expect("a form");
    form.fill_in("username", name);
    let pairs = form.pairs(form.buttons.first());
    browser.submit(&page, &form, &pairs).await.page()
}

story!(
    a_forgotten_password_is_recovered_by_mail_and_no_answer_tells_whether_there_is_such_a_user,
    settings = [
        ("GATEWAY__SERVER__TRUSTED_PROXIES", "127.0.0.1"),
        ("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true"),
        ("GATEWAY__BRAND__SUPPORT_EMAIL", "help@exampla.test")
    ],
    async |world: World| {
        let acme = world.account("acme").await;
        let ada = acme.user("ada@acme.test").role("master_admin").create().await;
        acme.user("okta@acme.test").role("master_admin").service_account().create().await;
        invited(&acme, acme.user("ben@acme.test").role("master_admin")).await;
        let gone = acme.user("eve@acme.test").role("master_admin").create().await;
        acme.admin(Method::PATCH, &format!("/users/{}", gone.id)).json(&json!({"active": false})).await.expect(200);
        let globex = world.account("globex").await;
        globex.user("joe@globex.test").role("master_admin").create().await;
        Upstream::of(&world).await.configure(&globex, json!({})).await;

        // Without mail the page says whom to ask.
        let page = world.browser().open(&format!("{}/login/forgotten", world.gateway.public_url)).await.page();
        assert!(page.forms().is_empty() && page.words().contains("Write to help@exampla.test"), "{}", page.words());

        let letters = LetterBox::start();
        let postman = postman(&world, &letters.url()).await;
        let elsewhere = |n: u8| world.browser().at(&postman, &format!("203.0.113.{n}"));
        let mut answers = Vec::new();
        let names = [
            "ada@acme.test",
            "ben@acme.test",
            "eve@acme.test",
            "joe@globex.test",
            "stranger@acme.test",
            "okta@acme.test",
        ];
        for (n, name) in names.into_iter().enumerate() {
            let page = forgets(&world, &elsewhere(n as u8), name).await;
            answers.push((page.answer.status, page.url.to_string(), page.words()));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
        assert!(answers[0].2.contains("Look into your mailbox"), "{}", answers[0].2);
        letters.wait_for(2).await;
        let left = || Behind::of(&world).number("SELECT COUNT(*) AS n FROM forgotten_passwords");
        until("the names to be looked for", || left() == 0).await;
        let received = letters.received();
        let to = |address: &str| received.iter().find(|letter| letter.to == [address.to_owned()]).cloned();
        assert_eq!(received.len(), 2, "to users who log in with a password, and no others");
        assert!(to("okta@acme.test").is_some());
        let letter = to("ada@acme.test").expect("a letter").body();
        assert!(letter.contains("for your user in acme was asked for") && letter.contains("203.0.113.0"), "{letter}");
        let url = letter.lines().find(|line| line.contains("/password/gwp_")).expect("a link").trim().to_owned();
        for kept in [format!("{:?}", acme.audit().await.0), acme.admin_get("/notices").await.to_string(), postman.log()]
        {
            assert!(!kept.contains(&url[url.len() - 30..]), "{kept}");
        }

        let here = world.browser();
        let page = choose(&here, &here.open(&url).await.page(), SECOND).await;
        assert!(page.words().contains("Your password is set"), "{}", page.words());
        let own = logs_in(&world, &ada, SECOND).await.expect("the new password");
        let words = own.open(&format!("{}/account", world.gateway.public_url)).await.page().words();
        assert!(words.contains("by a link that was mailed to you"), "{words}");

        // Whether there is a user makes no difference to how often it may be asked for either.
        let mut throttled = Vec::new();
        for name in ["ada@acme.test", "stranger@acme.test"] {
            let mut tries = 0;
            let page = loop {
                tries += 1;
                let page = forgets(&world, &elsewhere(100 + tries), name).await;
                if page.answer.status == 429 || tries > 10 {
                    break page;
                }
            };
            let words = page.words();
            throttled.push((
                page.answer.status.as_u16(),
                tries,
                words[..words.find("try again").unwrap_or(0)].to_owned(),
            ));
        }
        assert_eq!(throttled[0], throttled[1]);
        assert!(throttled[0].0 == 429 && throttled[0].2.contains("too often"), "{throttled:?}");
    }
);

story!(a_service_account_that_cannot_accept_access_is_named_as_such_wherever_it_is_shown, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    let okta = invited(&acme, acme.user("okta@acme.test").role("reports").service_account()).await;
    let user = format!("/users/{}", okta.id);
    let list = acme.admin_get("/users?count=10").await;
    for shown in [acme.admin_get(&user).await, list["items"][0].clone()] {
        let warnings = shown["warnings"].to_string();
        assert!(warnings.contains("has no password") && warnings.contains("has the role `reports`"), "{warnings}");
    }
    let of_client = async || world.admin_get(&format!("/clients/{}", client.id)).await["warnings"].clone();
    let named = format!("({}) has no password", okta.id);
    assert!(of_client().await.to_string().contains(&named), "{}", of_client().await);

    acme.admin(Method::PATCH, &user).json(&json!({"role": "master_admin"})).await.expect(200);
    let left = acme.admin_get(&user).await["warnings"].as_array().cloned().unwrap_or_default();
    assert_eq!((left.len(), text(&left[0]).contains("has no password")), (1, true), "{left:?}");
    let browser = world.browser();
    let page = browser.open(&text(&link(&acme, &okta, json!({})).await["url"])).await.page();
    choose(&browser, &page, FIRST).await;
    assert_eq!(acme.admin_get(&user).await["warnings"], json!([]));
    assert_eq!(of_client().await, json!([]));
});
