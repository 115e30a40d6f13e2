//! The smaller console of a customer's own administrator: what can reach their users, setup links, how users log in, new secrets.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::support::account::{User, text};
use crate::support::browser::{Browser, Landed, Page};
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::World;

async fn open(world: &World, browser: &Browser, path: &str) -> Page {
    browser.open(&format!("{}{path}", world.gateway.public_url)).await.page()
}

async fn logged_in(world: &World, user: &User) -> Browser {
    let browser = world.browser();
    let page = open(world, &browser, "/account").await;
    browser.log_in(&page, &user.user_name, &user.password).await.page();
    browser
}

story!(an_administrator_sees_what_is_connected_set_up_and_how_users_log_in_and_others_do_not, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let ben = acme.user("ben@acme.test").role("reports").create().await;
    let idp = acme.okta_client().await.connect_as(&ada).await;
    idp.list("/Users").await;
    let globex = world.account("globex").await;
    globex.client(json!({"name": "Of Globex", "profile": "entra"})).await;
    let new = json!({"provider": "entra", "name": "Entra of Acme"});
    let url = text(&acme.admin(Method::POST, "/setup-links").json(&new).await.expect(201).json()["url"]);
    acme.user("scim@acme.test").role("reports").service_account().create().await;

    let browser = world.browser();
    let page = open(&world, &browser, "/account/connections").await;
    let page = browser.log_in(&page, &ada.user_name, &ada.password).await.page();
    assert_eq!(page.url.path(), "/account/connections", "the log-in leads back");
    let words = page.words();
    // Ada is a person: that is said, with what to do in Okta.
    for told in [
        "acme",
        "Okta",
        "Needs attention",
        "a person and not a service account",
        "What to do:",
        "Last request",
        "Entra of Acme",
    ] {
        assert!(words.contains(told), "{told}: {words}");
    }
    assert!(!words.contains("Of Globex"), "{words}");
    let links = open(&world, &browser, "/account/setup-links").await;
    assert!(links.words().contains("Entra of Acme") && links.words().contains("Not opened yet"), "{}", links.words());
    assert!(!links.answer.text().contains(url.rsplit('/').next().expect("a token")), "the link itself is not shown");
    let users = open(&world, &browser, "/account/users").await.words();
    for told in
        ["ada@acme.test , Administrator", "ben@acme.test , User", "Service account", "which may not accept access"]
    {
        assert!(users.contains(told) || users.contains(&told.replace(" ,", ",")), "{told}: {users}");
    }
    assert!(open(&world, &browser, "/account").await.words().contains("How your users log in"));

    let other = logged_in(&world, &ben).await;
    for path in ["/account/connections", "/account/setup-links", "/account/users"] {
        assert_eq!(open(&world, &other, path).await.url.path(), "/account", "{path}");
    }
    assert!(!open(&world, &other, "/account").await.words().contains("How your users log in"));
});

story!(
    an_administrator_renews_a_secret_which_is_shown_once_and_the_old_one_goes_on_for_a_week,
    moving_clock,
    async |world: World| {
        let acme = world.account("acme").await;
        let ada = acme.user("ada@acme.test").role("master_admin").create().await;
        let client = acme.okta_client().await;
        let of_globex = world.account("globex").await.okta_client().await;
        let browser = logged_in(&world, &ada).await;
        let path = |client: &OAuthClient| format!("/account/connections/secret?client={}", client.id);

        // A foreign client is none, and a log-in that is not fresh is asked for once more.
        assert_eq!(open(&world, &browser, &path(&of_globex)).await.answer.status, 404);
        let page = open(&world, &browser, &path(&client)).await;
        assert!(page.words().contains("go on for 7 days"), "{}", page.words());
        let form = page.form_with_button("Create and show it").expect("a form");
        let mut foreign = form.pairs(None);
        foreign.iter_mut().filter(|(name, _)| name == "csrf").for_each(|(_, value)| "made-up".clone_into(value));
        assert_eq!(browser.submit(&page, &form, &foreign).await.page().answer.status, 403);
        let mut others = form.pairs(None);
        others.iter_mut().filter(|(name, _)| name == "client").for_each(|(_, value)| of_globex.id.clone_into(value));
        assert_eq!(browser.submit(&page, &form, &others).await.page().answer.status, 404);
        world.pass(Duration::from_secs(360));
        let asked = browser.press(&page, "Create and show it").await.page();
        assert!(asked.words().contains("log in once more"), "{}", asked.words());
        browser.log_in(&asked, &ada.user_name, &ada.password).await.page();

        let page = open(&world, &browser, &path(&client)).await;
        let shown = browser.press(&page, "Create and show it").await.page();
        let words = shown.words();
        let secret = words.split_whitespace().find(|word| word.starts_with("gws_")).expect("a secret").to_owned();
        assert_eq!(shown.answer.header("cache-control"), Some("no-store"));
        let mut issued = client.issued.clone();
        issued["client_secret"] = json!(secret);
        let renewed = OAuthClient::new(&world, issued);
        renewed.client_credentials().await.expect(200);
        client.client_credentials().await.expect(200);
        for kept in [format!("{:?}", acme.audit().await.0), client.record().await.to_string(), world.logs()] {
            assert!(!kept.contains(&secret), "{kept}");
        }
        let audit = acme.audit().await;
        let row = audit.0.iter().find(|row| row["action"] == "client.credential_renewed").expect("it is recorded");
        assert_eq!(row["actor"], format!("user:{}", ada.id), "{row}");
        crate::support::feed::assert_told(&world, "client.credential_renewed").await;

        world.pass(Duration::from_secs(7 * 86_400 + 1));
        renewed.client_credentials().await.expect(200);
        client.client_credentials().await.expect(401);
    }
);
