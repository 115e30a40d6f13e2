//! The customer's administrator on their setup page: what a link opens, what is shown once, and what the server says it has seen.

use std::time::Duration;

use gateway::simulate::okta::Kind;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, items, text};
use crate::support::browser::{Browser, Landed, Page};
use crate::support::database::Behind;
use crate::support::oauth_client::OAuthClient;
use crate::support::okta::OktaApp;
use crate::support::testing::World;

/// A link of an account: its answer, and the address of the page.
async fn link(acme: &Account, body: Value) -> (Value, String) {
    let made = acme.admin(Method::POST, "/setup-links").json(&body).await.expect(201).json();
    let url = text(&made["url"]);
    (made, url)
}

async fn open(browser: &Browser, url: &str) -> Page {
    browser.open(url).await.page()
}

/// Presses a button of the page after some fields were filled in.
async fn fill(browser: &Browser, page: &Page, button: &str, typed: &[(&str, &str)]) -> Page {
    browser.fill_in_and_press(page, button, typed).await.page()
}

/// The secret that a page shows.
fn shown(page: &Page, prefix: &str) -> Option<String> {
    let body = page.text();
    let at = body.find(prefix)?;
    Some(body[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == '-').collect())
}

async fn state(acme: &Account) -> Value {
    items(&acme.admin_get("/setup-links").await).pop().expect("a link")
}

story!(
    a_secret_is_shown_once_to_the_browser_that_asks_for_it,
    moving_clock,
    settings = [("GATEWAY__LOG__FILTER", "trace")],
    async |world: World| {
        let acme = world.account("acme").await;
        let (made, url) = link(&acme, json!({"provider": "okta"})).await;
        let client = text(&made["client_id"]);

        // Who only looks burns nothing, and a HEAD is no opening.
        let head = world.call(Method::HEAD, &path_of(&url)).await;
        assert_eq!(head.status, 200, "{}", head.text());
        assert_eq!(state(&acme).await["state"], "unopened");
        let prefetch = world.call(Method::GET, &path_of(&url)).header("sec-purpose", "prefetch").await;
        assert_eq!((prefetch.status, &state(&acme).await["state"]), (reqwest::StatusCode::OK, &json!("unopened")));
        for _ in 0..3 {
            let scanned = world.call(Method::GET, &path_of(&url)).await.expect(200);
            assert!(!scanned.text().contains("gws_"), "a GET shows no secret");
            assert_eq!(scanned.header("cache-control"), Some("no-store"));
            assert_eq!(scanned.header("referrer-policy"), Some("no-referrer"));
        }
        assert!(items(&world.admin_get(&format!("/clients/{client}/secrets")).await).is_empty(), "none was made");
        assert_eq!(state(&acme).await["state"], "opened");
        // A form of another browser, or of none, does nothing.
        assert_eq!(world.post(&format!("{}/reveal", path_of(&url))).form(&[("csrf", "x")]).await.status, 403);

        let (first, second) = (world.browser(), world.browser());
        let (one, other) = (open(&first, &url).await, open(&second, &url).await);
        let revealed = fill(&first, &one, "Reveal the client secret", &[]).await;
        let secret = shown(&revealed, "gws_").expect("the secret");
        let refused = fill(&second, &other, "Reveal the client secret", &[]).await;
        assert_eq!(refused.answer.status, 409, "{}", refused.words());
        assert!(
            refused.words().contains("It was revealed on") && !refused.text().contains("gws_"),
            "{}",
            refused.words()
        );
        let again = open(&first, &url).await;
        assert!(shown(&again, "gws_").is_none(), "nor to the same browser");
        assert!(again.words().contains("is not shown again"), "{}", again.words());

        // The Customer Success Manager sees that, and is told; the secret itself is nowhere.
        let seen = state(&acme).await;
        assert_eq!((&seen["state"], &seen["refused_reveals"]), (&json!("opened"), &json!(1)));
        assert!(seen["revealed"]["at"].is_string() && seen["revealed"]["from"].is_string(), "{seen}");
        let notices = acme.admin_get("/notices").await.to_string();
        assert!(notices.contains("secret_asked_again") && notices.contains("was asked for again"), "{notices}");
        let trail = acme.audit().await;
        for action in ["setup_link.opened", "setup_link.revealed", "setup_link.reveal_refused", "client.secret_added"] {
            assert!(trail.actions().contains(&action), "{action}: {:?}", trail.actions());
        }
        let token = url.rsplit('/').next().expect("a token").to_owned();
        let log = acme.admin_get("/requests").await.to_string();
        assert!(log.contains("/setup/{link}/reveal"), "{log}");
        let everything = [notices, json!(trail.0).to_string(), log, seen.to_string()].concat();
        let stored = Behind::of(&world).dump();
        for hidden in [&secret, &token] {
            assert!(!everything.contains(hidden.as_str()), "an operator reads {hidden}");
            assert!(
                !stored.contains(hidden.as_str()) && !world.logs().contains(hidden.as_str()),
                "it is written: {hidden}"
            );
        }

        // A new one ends the former at once; a page that does not know of the last one gets none.
        world.pass(Duration::from_secs(10));
        let renewed = fill(&first, &again, "Create a new client secret", &[]).await;
        let fresh = shown(&renewed, "gws_").expect("another secret");
        assert_ne!(fresh, secret);
        let secrets = items(&world.admin_get(&format!("/clients/{client}/secrets")).await);
        assert_eq!(secrets.len(), 1, "{secrets:?}");
        let stale = fill(&first, &again, "Create a new client secret", &[]).await;
        assert_eq!((stale.answer.status, shown(&stale, "gws_")), (reqwest::StatusCode::CONFLICT, None));
    }
);

fn path_of(url: &str) -> String {
    format!("/setup/{}", url.rsplit('/').next().expect("a token"))
}

story!(a_closed_link_says_what_to_do_and_opens_nothing, moving_clock, async |world: World| {
    let acme = world.account("acme").await;
    let (made, url) = link(&acme, json!({"provider": "onelogin", "contact": "nora@vendor.example"})).await;
    let browser = world.browser();
    let page = open(&browser, &url).await;
    assert!(page.words().contains("SCIM JSON Template") && page.words().contains("Reveal the static token"));

    // Another account's link is another page, and there is none of a link that is cut off.
    let globex = world.account("globex").await;
    let (_, theirs) = link(&globex, json!({"provider": "ping"})).await;
    let other = open(&browser, &theirs).await;
    assert!(other.words().contains("globex") && !other.words().contains("acme"), "{}", other.words());
    let cut = world.call(Method::GET, &path_of(&url[..url.len() - 3])).await;
    assert_eq!(cut.status, 404);
    assert!(cut.text().contains("There is no such setup link"), "{}", cut.text());
    let odd = world.call(Method::DELETE, &path_of(&url)).await;
    assert_eq!(odd.status, 405);
    assert!(!odd.text().contains(&path_of(&url)), "{}", odd.text());

    let token = fill(&browser, &page, "Reveal the static token", &[]).await;
    let token = shown(&token, "gwt_").expect("the token");
    world.call(Method::GET, "/scim/v2/Users?count=1").bearer(&token).await.expect(200);
    let page = open(&browser, &url).await;
    assert!(page.words().contains("Calls from OneLogin"), "{}", page.words());
    let done = fill(&browser, &page, "Mark as done: Enable provisioning", &[]).await;
    assert!(done.words().contains("marked done"), "{}", done.words());

    // Revoked while it is open in a browser: the forms do nothing any more.
    acme.admin(Method::DELETE, &format!("/setup-links/{}", text(&made["id"]))).await.expect(204);
    let closed = fill(&browser, &done, "Create a new static token", &[]).await;
    assert_eq!(closed.answer.status, 410);
    assert!(closed.words().contains("was revoked"), "{}", closed.words());
    assert!(closed.answer.text().contains("mailto:nora@vendor.example"));
    world.call(Method::GET, "/scim/v2/Users?count=1").bearer(&token).await.expect(200);

    let (_, url) = link(&acme, json!({"client_id": made["client_id"]})).await;
    let page = open(&browser, &url).await;
    assert!(
        page.words().contains("It was revealed on") && page.words().contains("marked done"),
        "what came of the former goes on"
    );
    let finished = fill(&browser, &page, "Finish", &[]).await;
    assert!(finished.words().contains("The setup is finished"), "{}", finished.words());
    assert_eq!(state(&acme).await["state"], "finished");

    let (_, url) = link(&acme, json!({"provider": "jumpcloud"})).await;
    world.pass(Duration::from_secs(15 * 86_400));
    let expired = world.call(Method::GET, &path_of(&url)).await;
    assert_eq!(expired.status, 410);
    assert!(expired.text().contains("This setup link has expired"), "{}", expired.text());
});

story!(an_administrator_sets_okta_up_by_the_page_and_sees_it_work, async |world: World| {
    let acme = world.account("acme").await;
    let (made, url) = link(&acme, json!({"provider": "okta"})).await;
    let browser = world.browser();
    let page = open(&browser, &url).await;
    for said in [
        "Use Group Priority",
        "Combine values across groups",
        "acme-prod",
        "user.cld_role",
        "Other Requestable",
        "Push now",
    ] {
        assert!(page.words().contains(said), "{said}");
    }
    // The vendor's product has no single sign-on of its own, so people sign in here.
    for end in [format!("/saml/{}/consume", acme.id), format!("/saml/{}", acme.id), "/saml/consume".to_owned()] {
        let address = format!("{}{end}", world.gateway.public_url);
        assert!(page.words().contains(&address), "{address}: {}", page.words());
    }

    // The password of the service account, chosen by the customer.
    let weak = fill(&browser, &page, "Set the password", &[("password", "okta-provisioning")]).await;
    assert_eq!(weak.answer.status, 400, "{}", weak.words());
    let password = "a passphrase of Acme's own";
    let page = fill(&browser, &page, "Set the password", &[("password", password)]).await;
    assert!(page.words().contains("The password is set"), "{}", page.words());

    // The variable name, in the forms in which it comes.
    let wrong = fill(&browser, &page, "Register", &[("variable", "Exampla SCIM User")]).await;
    assert_eq!(wrong.answer.status, 400);
    assert!(wrong.words().contains("is the display name"), "{}", wrong.words());
    let pasted = "https://acme-admin.okta.com/admin/app/acme_mediascim_1/instance/0oab1c2/#tab-general";
    let page = fill(&browser, &page, "Register", &[("variable", pasted)]).await;
    assert!(page.words().contains("The variable name is registered"), "{}", page.words());

    let revealed = fill(&browser, &page, "Reveal the client secret", &[]).await;
    let secret = shown(&revealed, "gws_").expect("the secret");
    let mut client = world.admin_get(&format!("/clients/{}", text(&made["client_id"]))).await;
    assert!(client["redirect_uris"].to_string().contains("/cpc/acme_mediascim_1/"), "{client}");
    client["client_secret"] = json!(secret);

    // Okta authenticates: the administrator logs in as the service account.
    let client = OAuthClient::new(&world, client);
    let asked = open(&browser, &client.authorization_url("state-1")).await;
    let consent = browser.log_in(&asked, "okta-provisioning", password).await.page();
    let code = browser.press(&consent, "Accept access").await.callback().code();
    let tokens = client.exchange(&code).await.expect(200).json();
    let idp = crate::support::identity_provider::IdentityProvider::new(client, &tokens);
    let okta = OktaApp::new(Kind::Wizard, idp);
    okta.test_credentials().await;
    let page = open(&browser, &url).await;
    assert!(page.words().contains("Calls from Okta"), "{}", page.words());
    assert!(page.words().contains("Logged in as a service account"), "{}", page.words());

    // A user without environments: everyone can enter all of them, and the page says so and where to mend it.
    okta.assign("00u1", "ada@acme.test", json!({"role": "reports", "product_environment": ["acme-prod"]})).await;
    let page = open(&browser, &url).await;
    assert!(page.words().contains("Role arrives"), "{}", page.words());
    assert!(page.words().contains("Product environments never arrived yet"), "{}", page.words());
    assert!(page.answer.text().contains("href=\"#attributes\""));
    okta.assign("00u2", "bob@acme.test", json!({"role": "reports", "product_environments": ["acme-prod"]})).await;
    let bob = okta.find_user("bob@acme.test").await.expect("Bob");
    okta.push_group("Editors", &[&bob]).await;
    let page = open(&browser, &url).await;
    assert!(page.words().contains("Product environments arrive"), "{}", page.words());
    assert!(page.words().contains("Groups arrive"), "{}", page.words());
    assert!(page.words().contains("Everything was seen"), "{}", page.words());
    for action in ["user.login_changed", "client.changed", "setup_link.revealed"] {
        let rows = acme.audit().await.0;
        let by_link =
            rows.iter().any(|row| row["action"] == action && row["actor"].to_string().contains("setup_link:"));
        assert!(by_link, "{action} was done by the link");
    }
});
