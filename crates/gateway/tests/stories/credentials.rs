//! Credentials of people and operators: what a password may be, who may change it, what an operator may be called.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::support::account::{User, items, text};
use crate::support::browser::{Browser, Landed, Page, Shown};
use crate::support::testing::World;

async fn account_page(world: &World, browser: &Browser) -> Page {
    browser.open(&format!("{}/account", world.gateway.public_url)).await.page()
}

async fn logged_in(world: &World, user: &User) -> Browser {
    let browser = world.browser();
    let page = account_page(world, &browser).await;
    let page = browser.log_in(&page, &user.user_name, &user.password).await.page();
    assert!(is_in(&page), "{}", page.words());
    browser
}

fn is_in(page: &Page) -> bool {
    page.words().contains("Where you are logged in")
}

/// Fills in the form that asks for a new password.
async fn choose(browser: &Browser, page: &Page, password: &str, again: &str, ends_connections: bool) -> Page {
    let mut form = page.forms().into_iter().find(|form| form.has_input("again")).unwrap_or_else(|| {
        panic!("nothing asks for a new password on {}:\n{}", page.url, page.words());
    });
    for input in &mut form.inputs {
        match input.name.as_str() {
            "password" => password.clone_into(&mut input.value),
            "again" => again.clone_into(&mut input.value),
            _ => {}
        }
    }
    form.inputs.retain(|input| input.name != "end_connections");
    let mut pairs = form.pairs(form.buttons.first());
    if ends_connections {
        pairs.push(("end_connections".to_owned(), "yes".to_owned()));
    }
    browser.submit(page, &form, &pairs).await.page()
}

const NEW: &str = "kettle moon radius";

story!(hardening_4_a_password_is_neither_short_nor_common_by_any_door, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.user("ada.lovelace@acme.test").role("master_admin").create().await;
    let refused = [
        "Sh0rt!?",
        "Password123!",
        "P@ssw0rd",
        "qwertyuiop",
        "12345678",
        "ada.lovelace1",
        "Ada.Lovelace@acme.test",
        "acme2026",
    ];
    for password in refused {
        let made = acme.user("ben@acme.test").with("password", json!(password)).attempt().await;
        if !password.to_lowercase().starts_with("ada") {
            let problem = made.expect_problem(400);
            assert!(problem["errors"][0]["field"] == "password", "{problem}");
            assert!(!problem.to_string().contains(password), "{problem}");
        }
        let path = format!("/users/{}", ada.id);
        let changed = acme.admin(Method::PATCH, &path).json(&json!({"password": password})).await;
        let problem = changed.expect_problem(400);
        assert_eq!(problem["errors"][0]["field"], "password", "{password}: {problem}");
    }
    // By themselves.
    let browser = logged_in(&world, &ada).await;
    let page = account_page(&world, &browser).await;
    assert!(page.answer.text().contains("/account/password"), "{}", page.words());
    let page = browser.open(&format!("{}/account/password", world.gateway.public_url)).await.page();
    for password in refused {
        let page = choose(&browser, &page, password, password, false).await;
        assert!(page.answer.status == 400 && page.words().contains("The new password"), "{password}: {}", page.words());
    }
    let page = choose(&browser, &page, NEW, "kettle moon radios", false).await;
    assert!(page.words().contains("not the same"), "{}", page.words());
    logged_in(&world, &ada).await;
    // A password that is there counts as before: what is refused is to choose it.
    let page = choose(&browser, &page, NEW, NEW, false).await;
    assert!(page.words().contains("Your password is changed"), "{}", page.words());
    logged_in(&world, &User { password: NEW.to_owned(), ..ada }).await;
});

story!(
    hardening_4_a_new_password_asks_for_a_fresh_log_in_and_offers_to_end_connections,
    moving_clock,
    async |world: World| {
        let acme = world.account("acme").await;
        let ada = acme.user("ada@acme.test").role("master_admin").create().await;
        let idp = acme.connect_identity_provider_as(&ada).await;
        let (browser, other) = (logged_in(&world, &ada).await, logged_in(&world, &ada).await);
        let url = format!("{}/account/password", world.gateway.public_url);

        // The form of a session that was fresh when it was shown, sent when it is no more.
        let stale = browser.open(&url).await.page();
        world.pass(Duration::from_secs(6 * 60));
        let asked = choose(&browser, &stale, NEW, NEW, true).await;
        asked.login_form();
        assert!(asked.words().contains("once more"), "{}", asked.words());
        let asked = browser.open(&url).await.page();
        asked.login_form();
        assert!(is_in(&account_page(&world, &browser).await), "for all else the session counts");
        // A wrong password does not make it fresh.
        let wrong = browser.log_in(&asked, &ada.user_name, "wrong").await.page();
        wrong.login_form();
        browser.open(&url).await.page().login_form();
        idp.get("/Users").await.expect(200);

        let form = browser.log_in(&wrong, &ada.user_name, &ada.password).await.page();
        assert!(
            form.url.path().ends_with("/account/password") && form.words().contains("End my connections"),
            "{}",
            form.words()
        );
        let done = choose(&browser, &form, NEW, NEW, false).await;
        assert!(done.words().contains("connections go on"), "{}", done.words());
        assert!(is_in(&account_page(&world, &browser).await), "here they stay logged in");
        account_page(&world, &other).await.login_form();
        idp.get("/Users").await.expect(200);

        // And with an end to the connections.
        let ada = User { password: NEW.to_owned(), ..ada };
        let form = browser.open(&url).await.page();
        let another = "granite pillow nine";
        let done = choose(&browser, &form, another, another, true).await;
        assert!(done.words().contains("connections have ended"), "{}", done.words());
        idp.get("/Users").await.expect(401);
        assert!(!account_page(&world, &browser).await.words().contains("End this connection"));
        let page = account_page(&world, &other).await;
        other.log_in(&page, &ada.user_name, &ada.password).await.page().login_form();
        let audit = acme.audit().await;
        let own = |action: &str| {
            let rows =
                audit.0.iter().filter(|row| row["action"] == action && row["actor"] == format!("user:{}", ada.id));
            rows.count()
        };
        assert_eq!((own("user.login_changed"), own("grants.ended")), (2, 1), "{:?}", audit.actions());

        // An operator who sets one is asked the same.
        let ada = User { password: another.to_owned(), ..ada };
        let idp = acme.connect_identity_provider_as(&ada).await;
        let path = format!("/users/{}", ada.id);
        acme.admin(Method::PATCH, &path).json(&json!({"password": NEW})).await.expect(200);
        idp.get("/Users").await.expect(200);
        acme.admin(Method::PATCH, &path).json(&json!({"password": another, "end_connections": true})).await.expect(200);
        idp.get("/Users").await.expect(401);
        acme.admin(Method::PATCH, &path).json(&json!({"end_connections": true})).await.expect_problem(400);
    }
);

story!(
    hardening_4_a_second_factor_is_set_up_and_taken_away_after_a_fresh_log_in,
    moving_clock,
    async |world: World| {
        let acme = world.account("acme").await;
        let ada = acme.user("ada@acme.test").role("master_admin").create().await;
        let browser = logged_in(&world, &ada).await;
        let page = account_page(&world, &browser).await;
        world.pass(Duration::from_secs(6 * 60));
        let asked = browser.press(&page, "Set up an authenticator app").await.page();
        assert!(asked.words().contains("once more"), "{}", asked.words());
        let page = browser.log_in(&asked, &ada.user_name, &ada.password).await.page();
        let set_up = browser.press(&page, "Set up an authenticator app").await.page();
        assert!(set_up.words().contains("Scan this picture"), "{}", set_up.words());
        // The secret is shown, and taken, only while the log-in is fresh.
        world.pass(Duration::from_secs(6 * 60));
        let url = format!("{}/account/second-factor", world.gateway.public_url);
        let again = browser.open(&url).await.page();
        assert!(!again.words().contains("Scan this picture"), "{}", again.words());
        again.login_form();
        let form = set_up.forms().into_iter().find(|form| form.has_input("code")).expect("a form");
        browser.submit(&set_up, &form, &form.pairs(form.buttons.first())).await.page().login_form();
        assert!(!acme.audit().await.actions().contains(&"second_factor.set_up"));
    }
);

story!(hardening_4_operators_have_names_of_their_own_and_stand_in_the_trail_by_id, async |world: World| {
    let create = async |name: &str| {
        world.admin(Method::POST, "/operators").json(&json!({"name": name, "role": "platform"})).await
    };
    let ops = create("ops").await.expect(201).json();
    for name in ["ops", "OPS", " ops ", "ｏｐｓ"] {
        let problem = create(name).await.expect_problem(409);
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("\"ops\"")), "{problem}");
    }
    for name in ["o\u{202e}ps", "o\u{2066}ps", "ops\u{200b}", "o\nps", "o\u{7}ps", "bootstrap", ""] {
        let problem = create(name).await.expect_problem(400);
        assert_eq!(problem["errors"][0]["field"], "name", "{problem}");
    }
    let made = world.command(&["operator", "create", "--name", "Ops"], &[]);
    assert!(!made.status.success() && String::from_utf8_lossy(&made.stderr).contains("ops"), "{made:?}");
    let made = world.command(&["operator", "create", "--name", "o\u{202e}ps"], &[]);
    assert!(!made.status.success() && made.stdout.is_empty(), "{made:?}");

    let (id, token) = (text(&ops["id"]), text(&ops["token"]));
    let body = json!({"name": "acme", "product_environments": ["acme-prod"]});
    world.call(Method::POST, "/admin/accounts").bearer(&token).json(&body).await.expect(201);
    let row = async || {
        let rows = items(&world.admin_get("/audit?limit=100").await);
        rows.into_iter().find(|row| row["action"] == "account.created").expect("a row")
    };
    let mine = row().await;
    assert_eq!((&mine["actor"], &mine["actor_name"]), (&json!(format!("operator:{id}")), &json!("ops")));
    // Ended, the name is free, and the row still says who it was.
    world.admin(Method::DELETE, &format!("/operators/{id}")).await.expect(204);
    let next = create("ops").await.expect(201).json();
    assert_ne!(next["id"], json!(id));
    assert_eq!(row().await, mine);
    // An expired token holds no name.
    world.alter("UPDATE operators SET expires = 1 WHERE name = 'ops' AND ended IS NULL");
    create("ops").await.expect(201);
    // The token of the configuration, and a row of an earlier release.
    let audit = items(&world.admin_get("/audit?limit=1").await);
    assert_eq!((&audit[0]["actor"], &audit[0]["actor_name"]), (&json!("operator:bootstrap"), &json!("bootstrap")));
    world.alter("UPDATE audit SET actor = 'operator:old hand', actor_name = NULL WHERE action = 'account.created'");
    assert_eq!(row().await["actor_name"], json!("old hand"));
});

story!(hardening_4_operators_of_one_name_are_told_apart_at_the_start, async |world: World| {
    let create = async |name: &str| {
        world
            .admin(Method::POST, "/operators")
            .json(&json!({"name": name, "role": "platform"}))
            .await
            .expect(201)
            .json()
    };
    let made = [create("ops").await, create("b").await, create("c").await, create("d").await];
    // As an earlier release left them.
    for (n, name) in [(1, "Ops"), (2, "ops"), (3, "o\u{202e}ps\u{200b}")] {
        world.alter(&format!("UPDATE operators SET name = '{name}' WHERE id = '{}'", text(&made[n]["id"])));
    }
    world.alter("UPDATE operators SET name_key = NULL");
    world.kill();
    world.start_again().await;
    let listed = items(&world.admin_get("/operators").await);
    let names: Vec<String> = listed.iter().map(|operator| text(&operator["name"])).collect();
    assert_eq!(names, ["ops", "Ops (2)", "ops (3)", "ops (4)"]);
    for operator in &made {
        world.call(Method::GET, "/admin/accounts").bearer(&text(&operator["token"])).await.expect(200);
    }
    let audit = items(&world.admin_get("/audit?limit=100").await);
    let renamed: Vec<&str> = audit
        .iter()
        .filter(|row| row["action"] == "operator.renamed")
        .filter_map(|row| row["target"].as_str())
        .collect();
    assert_eq!(renamed.len(), 3, "{audit:?}");
    assert!(made[1..].iter().all(|operator| renamed.contains(&text(&operator["id"]).as_str())));
});
