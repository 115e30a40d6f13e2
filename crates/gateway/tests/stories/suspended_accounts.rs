//! A suspended account: everything of it is refused at once, in words that say so, and everything is there again when it is resumed.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{items, text};
use crate::support::browser::Landed;
use crate::support::testing::World;

const CODE: &str = "account_suspended";

story!(a_suspended_account_is_refused_everywhere_and_resumed_as_it_was, async |world: World| {
    let (acme, other) = (world.account("acme").await, world.account("other").await);
    let ada = acme.service_account().await;
    let (client, shared) =
        (acme.okta_client().await, json!({"name": "Catalog", "profile": "okta", "okta_app_name": "media_catalog"}));
    let mut idp = client.connect_as(&ada).await;
    let pasted = client.admin(Method::POST, "/tokens").json(&json!({"name": "pasted"})).await.expect(201).json();
    let pasted = text(&pasted["token"]);
    let shared = world.admin(Method::POST, "/clients").json(&shared).await.expect(201).json();
    let shared = crate::support::oauth_client::OAuthClient::new(&world, shared);
    let of_shared = shared.connect_as(&ada).await;
    let elsewhere = other.connected_identity_provider().await;
    let browser = world.browser();
    client.consent_page(&browser, &ada, "1").await;
    let before = acme.admin_get("/users").await;
    let rows = acme.audit().await.0.len();

    let suspended = acme.admin(Method::POST, "/suspend").await.expect(200).json();
    assert!(suspended["suspended"].is_string(), "{suspended}");
    let again = acme.admin(Method::POST, "/suspend").await.expect(200).json();
    assert_eq!(again["suspended"], suspended["suspended"], "it stays so since then");

    // Tokens, of its own client, of a shared one, and pasted ones.
    for token in [&idp.access_token, &pasted, &of_shared.access_token] {
        let refused = world.get("/scim/v2/Users").bearer(token).await.expect(401);
        let told = format!("{:?}{}", refused.header("www-authenticate"), refused.text());
        assert!(told.contains("suspended"), "{told}");
    }
    assert_eq!(shared.introspect(&of_shared.access_token).await["active"], json!(false));
    // The token endpoint.
    let refresh = |idp: &crate::support::identity_provider::IdentityProvider| idp.refresh_token.clone().expect("one");
    let refused = client.refresh(&refresh(&idp)).await.expect_oauth_error(401, "invalid_client");
    assert!(refused.contains("suspended"), "{refused}");
    let refused = shared.refresh(&refresh(&of_shared)).await.expect_oauth_error(400, "invalid_grant");
    assert!(refused.contains("suspended"), "{refused}");
    // Accepting, and logging in.
    let page = world.browser().open(&client.authorization_url("2")).await.page();
    assert!(page.words().contains("suspended") && page.words().contains(CODE), "{}", page.words());
    let stranger = world.browser();
    let page = stranger.open(&shared.authorization_url("3")).await.page();
    let page = stranger.log_in(&page, &ada.user_name, &ada.password).await.page();
    assert!(!page.is_consent(), "{}", page.words());
    let own = browser.open(&format!("{}/account", world.gateway.public_url)).await.page();
    assert!(!own.words().contains(&ada.user_name), "the session does not count: {}", own.words());
    // Operators see why, and another account notices nothing.
    let health = client.admin(Method::GET, "/health").await.expect(200).json();
    assert_eq!((&health["state"], &health["reasons"][0]["code"]), (&json!("broken"), &json!(CODE)), "{health}");
    assert_eq!(acme.admin_get("/users").await, before);
    elsewhere.get("/Users").await.expect(200);

    let resumed = acme.admin(Method::POST, "/resume").await.expect(200).json();
    assert_eq!(resumed["suspended"], Value::Null);
    acme.admin(Method::POST, "/resume").await.expect(200);
    for token in [&idp.access_token, &pasted, &of_shared.access_token] {
        world.get("/scim/v2/Users").bearer(token).await.expect(200);
    }
    idp.refresh().await;
    idp.get("/Users").await.expect(200);
    shared.refresh(&refresh(&of_shared)).await.expect(200);
    let page = browser.open(&client.authorization_url("4")).await.page();
    assert!(page.is_consent(), "the session counts again: {}", page.words());
    assert_eq!(acme.admin_get("/users").await, before);
    let audit = acme.audit().await;
    let acts: Vec<&str> = audit.0.iter().rev().skip(rows).filter_map(|row| row["action"].as_str()).collect();
    let of_account: Vec<&&str> = acts.iter().filter(|act| act.starts_with("account.")).collect();
    assert_eq!(of_account, [&"account.suspended", &"account.resumed"], "{acts:?}");
    let row = audit.0.iter().find(|row| row["action"] == "account.suspended").expect("a row");
    assert_eq!(row["changes"]["suspended"]["before"], Value::Null, "{row}");
    assert!(items(&acme.admin_get("/grants").await).iter().all(|grant| grant["ended"].is_null()));
});

story!(
    links_of_a_suspended_account_say_so_and_are_not_used_up,
    settings = [
        ("GATEWAY__BRAND__NAME", "Exampla"),
        ("GATEWAY__BRAND__SUPPORT_EMAIL", "help@exampla.test"),
        ("GATEWAY__REQUESTS__ENABLED", "true"),
        ("GATEWAY__SERVER__TRUSTED_PROXIES", "127.0.0.1"),
        crate::support::console::NO_APP
    ],
    async |world: World| {
        let acme = world.account("acme").await;
        let ada = acme.user("ada@acme.test").role("master_admin").create().await;
        let made = acme.admin(Method::POST, "/setup-links").json(&json!({"provider": "okta"})).await.expect(201).json();
        let (setup, link) = (text(&made["url"]), text(&made["id"]));
        let unopened =
            acme.admin(Method::POST, "/setup-links").json(&json!({"provider": "entra"})).await.expect(201).json();
        let password = format!("/users/{}/password-link", ada.id);
        let password = text(&acme.admin(Method::POST, &password).json(&json!({})).await.expect(201).json()["url"]);
        let browser = world.browser();
        let (on_setup, on_password) = (browser.open(&setup).await.page(), browser.open(&password).await.page());
        let of_link = async |id: &str| {
            let links = items(&acme.admin_get("/setup-links").await);
            links.into_iter().find(|link| link["id"] == id).expect("a link")
        };
        let before = of_link(&link).await;

        let rows = acme.audit().await.0.len();
        acme.admin(Method::POST, "/suspend").await.expect(200);
        let told = ["The account is suspended", "acme", "Nothing is lost", "help@exampla.test"];
        let suspended = |page: &crate::support::browser::Page| {
            let words = page.words();
            assert_eq!(page.answer.status, 403, "{words}");
            told.iter().for_each(|told| assert!(words.contains(told), "{told}: {words}"));
            assert!(page.forms().is_empty(), "nothing can be pressed: {words}");
        };
        // The setup page, opened and by each of its forms.
        for url in [&setup, &text(&unopened["url"])] {
            suspended(&world.browser().open(url).await.page());
        }
        for (button, typed) in [
            ("Reveal the client secret", vec![]),
            ("Register", vec![("variable", "acme_mediascim_1")]),
            ("Finish", vec![]),
        ] {
            suspended(&browser.fill_in_and_press(&on_setup, button, &typed).await.page());
        }
        assert_eq!(of_link(&link).await, before, "nothing of it was changed");
        assert_eq!(of_link(&text(&unopened["id"])).await["state"], "unopened");
        // The link to a password, opened and used.
        suspended(&world.browser().open(&password).await.page());
        let mut form = on_password.forms().into_iter().find(|form| form.has_input("again")).expect("a form");
        for name in ["password", "again"] {
            form.fill_in(name, "orchard violin tablet");
        }
        let pairs = form.pairs(form.buttons.first());
        suspended(&browser.submit(&on_password, &form, &pairs).await.page());
        let acts = acme.audit().await;
        assert_eq!(acts.0.len(), rows + 1, "suspending, and nothing else: {:?}", acts.actions());
        let logged = crate::refusal_codes::until(async || {
            let found = acme.admin_get("/requests?code=account_suspended&limit=100").await.to_string();
            (found.contains("/password/{link}") && found.contains("/setup/{link}")).then_some(found)
        });
        assert!(logged.await.is_some(), "the request log says why");

        // Asking for a link is answered as always, and the letter says what there is to say, without a link.
        let letters = crate::support::letter_box::LetterBox::start();
        let postman = crate::notices::postman(&world, &letters.url()).await;
        let visitor = world.browser().at(&postman, "203.0.113.9");
        let page = crate::password_links::forgets(&world, &visitor, "ada@acme.test").await;
        assert!(page.words().contains("Look into your mailbox"), "{}", page.words());
        let letter = letters.wait_for(1).await.pop().expect("a letter");
        assert_eq!(letter.header("subject").as_deref(), Some("No new password while the account is suspended"));
        assert!(
            letter.body().contains("The account is suspended") && !letter.body().contains("gwp_"),
            "{}",
            letter.body()
        );

        // The console says it of the account and of each connection; a tool is told that it does not work, and why.
        let client = text(&before["client_id"]);
        let health = world.admin(Method::GET, &format!("/clients/{client}/health")).await.expect(200).json();
        assert_eq!((&health["state"], &health["reasons"][0]["code"]), (&json!("broken"), &json!(CODE)), "{health}");
        let nora = world.operator("nora@vendor.test", "csm").await;
        let overview = nora.open(&format!("/accounts/{}", acme.id)).await.words();
        assert!(overview.contains("Suspended") && !overview.contains("Not working"), "{overview}");
        for below in ["", "/settings"] {
            let page = nora.open(&format!("/clients/{client}{below}")).await.words();
            assert!(page.contains("Suspended") && !page.contains("Not working"), "{page}");
        }

        acme.admin(Method::POST, "/resume").await.expect(200);
        let revealed = browser.fill_in_and_press(&on_setup, "Reveal the client secret", &[]).await.page();
        assert!(revealed.text().contains("gws_"), "{}", revealed.words());
        let set = browser.submit(&on_password, &form, &pairs).await.page();
        assert!(set.words().contains("Your password is set"), "{}", set.words());
    }
);
