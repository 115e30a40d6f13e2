//! Second factors: an authenticator app that is set up, asked for, lost, and demanded.

use reqwest::Method;
use serde_json::json;

use crate::support::account::{Account, User};
use crate::support::browser::{Browser, Landed, Landing, Page, Shown};
use crate::support::concurrently::all;
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::World;

/// An authenticator app, as far as the server can tell.
pub struct App(pub gateway::domain::totp::Secret);

impl App {
    /// Set up by typing the letters of the page.
    pub fn reading(page: &Page) -> App {
        let words = page.words();
        let letters: String = words
            .split_whitespace()
            .filter(|word| word.len() == 4 && word.chars().all(|c| matches!(c, 'A'..='Z' | '2'..='7')))
            .collect();
        App::typed(&letters)
    }

    /// Set up with these letters.
    pub fn typed(letters: &str) -> App {
        let letters: String = letters.split_whitespace().collect();
        assert_eq!(letters.len(), 32, "160 bits in base32: {letters}");
        let number = |letter: char| "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter).expect("a letter of base32");
        let bits: Vec<usize> =
            letters.chars().map(number).flat_map(|n| (0..5).rev().map(move |bit| n >> bit & 1)).collect();
        let bytes: Vec<u8> =
            bits.chunks(8).map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | *bit as u8)).collect();
        App(gateway::domain::totp::Secret::from_bytes(&bytes).expect("160 bits"))
    }

    /// What it shows now, or some steps from now.
    pub fn shows(&self, steps: i64) -> String {
        self.shows_at(gateway::platform::clock::Clock::of_the_machine().now(), steps)
    }

    /// What it showed a step ago, which leaves the step of now for later. Where the next step is near, with which it would be too old, that is
    /// waited for.
    pub async fn showed(&self) -> String {
        const STEP: u64 = 30_000;
        let clock = gateway::platform::clock::Clock::of_the_machine();
        let left = STEP - clock.now().millis().unsigned_abs() % STEP;
        if left < STEP / 2 {
            tokio::time::sleep(std::time::Duration::from_millis(left)).await;
        }
        self.shows(-1)
    }

    /// What it shows at this time, or some steps from it.
    pub fn shows_at(&self, now: gateway::platform::timestamp::Timestamp, steps: i64) -> String {
        self.0.password(gateway::domain::totp::Secret::step_at(now) + steps)
    }
}

pub async fn type_code(browser: &Browser, page: &Page, code: &str) -> Landing {
    let form = page.forms().into_iter().find(|form| form.has_input("code"));
    let mut form = form.unwrap_or_else(|| panic!("nothing asks for a code on {}:\n{}", page.url, page.words()));
    form.inputs.iter_mut().filter(|input| input.name == "code").for_each(|input| code.clone_into(&mut input.value));
    let button = form.buttons.first().cloned();
    browser.submit(page, &form, &form.pairs(button.as_ref())).await
}

/// The page after the right password.
async fn at_the_door(client: &OAuthClient, browser: &Browser, ada: &User) -> Page {
    let page = browser.open(&client.authorization_url("1")).await.page();
    browser.log_in(&page, &ada.user_name, &ada.password).await.page()
}

fn recovery_codes(page: &Page) -> Vec<String> {
    let words = page.words();
    let is_code = |word: &&str| word.len() == 19 && word.split('-').count() == 4;
    words.split_whitespace().filter(is_code).map(str::to_owned).collect()
}

/// Sets an app up on the person's own page.
pub async fn set_up(world: &World, ada: &User) -> (App, Vec<String>) {
    let browser = world.browser();
    let page = browser.open(&format!("{}/account", world.gateway.public_url)).await.page();
    let page = browser.log_in(&page, &ada.user_name, &ada.password).await.page();
    let page = browser.press(&page, "Set up an authenticator app").await.page();
    let app = App::reading(&page);
    let page = type_code(&browser, &page, "000000x").await.page();
    let page = type_code(&browser, &page, &app.showed().await).await.page();
    let codes = recovery_codes(&page);
    assert_eq!(codes.len(), 10, "{}", page.words());
    assert_eq!(page.answer.header("cache-control"), Some("no-store"));
    (app, codes)
}

async fn person(acme: &Account) -> User {
    acme.user("ada@acme.test").role("master_admin").create().await
}

story!(a_user_with_an_authenticator_app_is_asked_for_its_code, async |world: World| {
    let acme = world.account("acme").await;
    let (client, ada) = (acme.okta_client().await, person(&acme).await);
    let (app, codes) = set_up(&world, &ada).await;

    // The password alone opens nothing, neither this flow nor the page of their connections.
    let browser = world.browser();
    let asked = at_the_door(&client, &browser, &ada).await;
    assert!(!asked.is_consent());
    let elsewhere = browser.open(&format!("{}/account", world.gateway.public_url)).await.page();
    elsewhere.login_form();

    let wrong = type_code(&browser, &asked, "123456").await.page();
    assert_eq!(wrong.answer.status.as_u16(), 401);
    let code = app.shows(0);
    let page = type_code(&browser, &wrong, &code).await.page();
    assert!(page.is_consent(), "{}", page.words());
    let granted = browser.press(&page, "Accept access").await.callback().code();
    client.exchange(&granted).await.expect(200);

    // A code counts once, in any browser.
    let thief = world.browser();
    let asked = at_the_door(&client, &thief, &ada).await;
    let page = type_code(&thief, &asked, &code).await.page();
    assert!(!page.is_consent() && page.answer.status.as_u16() == 401, "{}", page.words());

    // A recovery code gets in once, however it is typed.
    let typed = codes[3].to_uppercase().replace('-', " ");
    assert!(type_code(&thief, &page, &typed).await.page().is_consent());
    let again = world.browser();
    let asked = at_the_door(&client, &again, &ada).await;
    assert!(!type_code(&again, &asked, &codes[3]).await.page().is_consent());

    let audit = acme.audit().await;
    for action in ["second_factor.set_up", "second_factor.failed", "second_factor.recovery_code_used"] {
        assert!(audit.actions().contains(&action), "{action} in {:?}", audit.actions());
    }
});

story!(a_proof_by_password_is_good_in_its_own_browser_only, async |world: World| {
    let acme = world.account("acme").await;
    let (client, ada) = (acme.okta_client().await, person(&acme).await);
    let (app, _) = set_up(&world, &ada).await;
    let (browser, other) = (world.browser(), world.browser());
    let asked = at_the_door(&client, &browser, &ada).await;
    let theirs = at_the_door(&client, &other, &ada).await;
    // The page of one browser with the `csrf` of another.
    let mut form = theirs.forms().into_iter().find(|form| form.has_input("code")).expect("a form");
    let stolen = asked.forms().into_iter().find(|form| form.has_input("code")).expect("a form");
    let proven = stolen.inputs.iter().find(|input| input.name == "proven").expect("what is proven").value.clone();
    for input in &mut form.inputs {
        match input.name.as_str() {
            "proven" => input.value.clone_from(&proven),
            "code" => input.value = app.shows(0),
            _ => {}
        }
    }
    let page = other.submit(&theirs, &form, &form.pairs(form.buttons.first())).await.page();
    assert_eq!(page.answer.status.as_u16(), 403, "{}", page.words());
});

story!(guessing_codes_is_slowed_down, async |world: World| {
    let acme = world.account("acme").await;
    let (client, ada) = (acme.okta_client().await, person(&acme).await);
    set_up(&world, &ada).await;
    let browser = world.browser();
    let mut page = at_the_door(&client, &browser, &ada).await;
    for _ in 0..20 {
        page = type_code(&browser, &page, "000000").await.page();
        if page.answer.status.as_u16() == 429 {
            assert!(page.answer.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
            return;
        }
        assert_eq!(page.answer.status.as_u16(), 401);
    }
    panic!("twenty guesses in a row");
});

story!(an_account_can_demand_a_second_factor_of_people, async |world: World| {
    let acme = world.account("acme").await;
    let (client, ada, service) = (acme.okta_client().await, person(&acme).await, acme.service_account().await);
    acme.admin(Method::PATCH, "/sign-in").json(&json!({"second_factor": "required"})).await.expect(200);
    let browser = world.browser();
    let page = at_the_door(&client, &browser, &ada).await;
    assert!(!page.is_consent(), "{}", page.words());
    let app = App::reading(&page);
    let page = type_code(&browser, &page, &app.shows(0)).await.page();
    assert_eq!(recovery_codes(&page).len(), 10);
    let page = browser.open(&client.authorization_url("1")).await.page();
    assert!(page.is_consent(), "they are logged in: {}", page.words());
    // A service account needs no second factor: no person carries its device.
    assert!(at_the_door(&client, &world.browser(), &service).await.is_consent());
});

story!(a_wrong_code_takes_no_app_away_and_the_page_says_so, async |world: World| {
    let acme = world.account("acme").await;
    let (client, ada) = (acme.okta_client().await, person(&acme).await);
    let (_, codes) = set_up(&world, &ada).await;
    let browser = world.browser();
    let page = browser.open(&format!("{}/account", world.gateway.public_url)).await.page();
    let page = browser.log_in(&page, &ada.user_name, &ada.password).await.page();
    let own = type_code(&browser, &page, &codes[0]).await.page();
    let refused = type_code(&browser, &own, "000000x").await.page();
    assert_eq!(refused.answer.status.as_u16(), 401);
    let words = refused.words();
    assert!(words.contains("Remove your authenticator app") && words.contains("Incorrect code"), "{words}");
    assert!(!at_the_door(&client, &world.browser(), &ada).await.is_consent(), "the app is still asked for");
    let own = type_code(&browser, &refused, &codes[1]).await.page();
    assert!(own.words().contains("Set up an authenticator app"), "{}", own.words());
    assert!(at_the_door(&client, &world.browser(), &ada).await.is_consent());
});

story!(an_operator_takes_a_lost_app_away, async |world: World| {
    let acme = world.account("acme").await;
    let (client, ada) = (acme.okta_client().await, person(&acme).await);
    set_up(&world, &ada).await;
    assert!(!at_the_door(&client, &world.browser(), &ada).await.is_consent());
    let path = format!("/users/{}/second-factor", ada.id);
    acme.admin(Method::DELETE, &path).await.expect(204);
    acme.admin(Method::DELETE, &path).await.expect_problem(404);
    assert!(at_the_door(&client, &world.browser(), &ada).await.is_consent());
    assert!(acme.audit().await.actions().contains(&"second_factor.removed"));
});

/// The same code, typed once and sent so often before any answer is there.
async fn type_code_twice(browser: &Browser, page: &Page, code: &str) -> Vec<Page> {
    let landings = all((0..2).map(|_| type_code(browser, page, code)).collect()).await;
    landings.into_iter().map(Landing::page).collect()
}

story!(report_13_a_code_that_is_sent_twice_by_one_form_logs_in_once, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let (client, ada) = (acme.okta_client().await, person(&acme).await);
    let (app, codes) = set_up(&world, &ada).await;
    let browser = world.browser();
    let asked = at_the_door(&client, &browser, &ada).await;
    let code = app.shows(0);
    for page in type_code_twice(&browser, &asked, &code).await {
        assert!(page.is_consent(), "{} {}", page.answer.status, page.words());
    }
    assert!(type_code(&browser, &asked, &code).await.page().is_consent(), "and a moment later");
    let mine = browser.open(&format!("{}/account", world.gateway.public_url)).await.page();
    assert_eq!(
        mine.words().matches("Another browser").count(),
        1,
        "one session, beside the one that set it up: {}",
        mine.words()
    );
    let failed = acme.audit().await.actions().iter().filter(|action| **action == "second_factor.failed").count();
    assert_eq!(failed, 1, "only the first try of setting it up");
    // Another code, another form and another browser are another matter.
    assert_eq!(type_code(&browser, &asked, "000000").await.page().answer.status, 401);
    let anew = at_the_door(&client, &world.browser(), &ada).await;
    assert_eq!(type_code(&browser, &anew, &code).await.page().answer.status, 403, "a form of another browser");
    let other = world.browser();
    let anew = at_the_door(&client, &other, &ada).await;
    assert_eq!(type_code(&other, &anew, &code).await.page().answer.status, 401, "a code counts once");
    // A recovery code too.
    for page in type_code_twice(&other, &anew, &codes[0]).await {
        assert!(page.is_consent(), "{} {}", page.answer.status, page.words());
    }
    let third = world.browser();
    let anew = at_the_door(&client, &third, &ada).await;
    assert_eq!(type_code(&third, &anew, &codes[0]).await.page().answer.status, 401);
    // After logging out the form leads nowhere.
    let page = other.open(&format!("{}/account", world.gateway.public_url)).await.page();
    other.press(&page, "Log out").await.page();
    assert_eq!(type_code(&other, &anew, &codes[0]).await.page().answer.status, 403);
});

story!(report_13_an_app_that_is_set_up_by_a_double_click_has_one_secret_and_shows_its_codes, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let (client, ada) = (acme.okta_client().await, person(&acme).await);
    let browser = world.browser();
    let page = browser.open(&format!("{}/account", world.gateway.public_url)).await.page();
    let page = browser.log_in(&page, &ada.user_name, &ada.password).await.page();
    let both = all(vec![
        browser.press(&page, "Set up an authenticator app"),
        browser.press(&page, "Set up an authenticator app"),
    ]);
    let pages: Vec<Page> = both.await.into_iter().map(Landing::page).collect();
    let (first, second) = (App::reading(&pages[0]), App::reading(&pages[1]));
    assert_eq!(first.shows(0), second.shows(0), "one picture");
    let shown = type_code_twice(&browser, &pages[0], &first.shows(0)).await;
    assert_eq!(recovery_codes(&shown[0]).len(), 10, "{}", shown[0].words());
    assert_eq!(recovery_codes(&shown[0]), recovery_codes(&shown[1]));
    // They count.
    let door = world.browser();
    let asked = at_the_door(&client, &door, &ada).await;
    assert!(type_code(&door, &asked, &recovery_codes(&shown[1])[9]).await.page().is_consent());
    // Taken away twice is taken away.
    let page = browser.open(&format!("{}/account", world.gateway.public_url)).await.page();
    for page in type_code_twice(&browser, &page, &recovery_codes(&shown[0])[1]).await {
        assert!(page.answer.status == 200 && page.words().contains("Set up an authenticator app"), "{}", page.words());
    }
});

story!(report_13_who_has_to_set_an_app_up_may_click_twice, async |world: World| {
    let acme = world.account("acme").await;
    let (client, ada) = (acme.okta_client().await, person(&acme).await);
    acme.admin(Method::PATCH, "/sign-in").json(&json!({"second_factor": "required"})).await.expect(200);
    let browser = world.browser();
    let page = browser.open(&client.authorization_url("1")).await.page();
    let log_in = || browser.log_in(&page, &ada.user_name, &ada.password);
    let pages: Vec<Page> = all(vec![log_in(), log_in()]).await.into_iter().map(Landing::page).collect();
    let app = App::reading(&pages[1]);
    assert_eq!(App::reading(&pages[0]).shows(0), app.shows(0), "one picture");
    let shown = type_code_twice(&browser, &pages[0], &app.shows(0)).await;
    assert_eq!(recovery_codes(&shown[0]).len(), 10, "{}", shown[0].words());
    assert_eq!(recovery_codes(&shown[0]), recovery_codes(&shown[1]));
    assert!(browser.open(&client.authorization_url("1")).await.page().is_consent());
    // Another browser's page has a secret of its own: what was begun elsewhere is never confirmed here.
    let ben = acme.user("ben@acme.test").role("master_admin").create().await;
    let (one, other) = (world.browser(), world.browser());
    let theirs = at_the_door(&client, &one, &ben).await;
    let mine = at_the_door(&client, &other, &ben).await;
    assert_ne!(App::reading(&theirs).shows(0), App::reading(&mine).shows(0));
});
