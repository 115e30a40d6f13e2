//! Accepting access, denying it, and logging out.

use std::time::Duration;

use gateway::domain::request::Place;
use reqwest::Method;
use serde_json::json;

use super::{Provoked, not_followed, until};
use crate::support::browser::{Browser, Landed, Page};
use crate::support::relying_party::RelyingParty;
use crate::support::testing::World;

pub const PLACES: &[Place] = &[Place::Consent];

async fn consent(party: &RelyingParty, browser: &Browser) -> Page {
    let asked = [("scope", "openid offline_access provision:scim"), ("prompt", "consent")];
    let page = match party.open(browser, &asked).await.page() {
        page if page.is_consent() => page,
        page => party.log_in(browser, &page).await.page(),
    };
    assert!(page.is_consent(), "{}", page.words());
    page
}

story!(each_refusal_on_the_way_through_consent_is_in_the_log, moving_clock, async |world: World| {
    let mut log = Provoked::of(&world);
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    log.ask("login_required", world.get(&party.url(&[("prompt", "none")]))).await;
    log.ask("id_token_hint_invalid", world.get(&party.url(&[("id_token_hint", "nonsense")]))).await;
    log.ask("logout_refused", world.get(&party.logout_url(&[("client_id", "nosuch")]))).await;

    let page = consent(&party, &browser).await;
    let silent = not_followed(&world, &browser, &party.url(&[("prompt", "none")])).await;
    log.by("consent_required", &silent);
    let denied = browser.press(&page, "Deny").await.callback();
    log.carried("consent_denied", &party.client, &denied).await;
    log.page("answered_denied", &browser.press(&page, "Accept access").await.page());

    let page = consent(&party, &browser).await;
    browser.press(&page, "Accept access").await.callback().code();
    log.page("denied_too_late", &browser.press(&page, "Deny").await.page());
    world.pass(Duration::from_secs(61));
    log.page("answered_in_vain", &browser.press(&page, "Accept access").await.page());

    // Another user's browser with the form of this one.
    let page = consent(&party, &browser).await;
    let ben = party.another_user("ben@acme.test").await;
    let bens = world.browser();
    let asked = [("scope", "openid offline_access provision:scim"), ("prompt", "consent")];
    let theirs = bens.log_in(&party.open(&bens, &asked).await.page(), &ben.user_name, &ben.password).await.page();
    browser.press(&page, "Accept access").await.callback().code();
    let mut form = theirs.form_with_button("Accept access").expect("a form");
    let own = page.form_with_button("Accept access").expect("a form");
    let request = crate::support::relying_party::field(&own, "request");
    assert!(form.fill_in("request", &request), "{form:?}");
    let pairs = form.pairs(form.button("Accept access"));
    log.page("answered_by_another", &bens.submit(&theirs, &form, &pairs).await.page());

    let stranger = world.account("orchard").await.service_account().await;
    let strange = world.browser();
    let account = format!("{}/account", world.gateway.public_url);
    let page = strange.open(&account).await.page();
    strange.log_in(&page, &stranger.user_name, &stranger.password).await.page();
    log.page("other_account", &party.open(&strange, &[]).await.page());

    // The page that says who may accept.
    let cleaner = party.acme.user("cleo@acme.test").role("reports").create().await;
    let theirs = world.browser();
    let page = party.open(&theirs, &asked).await.page();
    let page = theirs.log_in(&page, &cleaner.user_name, &cleaner.password).await.page();
    let path = format!("/requests/{}", page.answer.header("x-request-id").expect("an id"));
    let row = until(async || {
        let answer = world.admin(Method::GET, &path).await;
        (answer.status == 200).then(|| crate::support::account::items(&answer.json()).remove(0))
    });
    let row = row.await.expect("recorded");
    assert_eq!(
        (&row["code"], &row["actor"]),
        (&json!("role_missing"), &json!(format!("user:{}", cleaner.id))),
        "{row}"
    );
    assert!(
        row["detail"].as_str().is_some_and(|said| said.contains("reports") && said.contains("master_admin")),
        "{row}"
    );
    log.found.insert("role_missing");

    let page = consent(&party, &browser).await;
    let change = json!({"redirect_uris": ["https://elsewhere.test/cb"]});
    party.client.admin(Method::PATCH, "").json(&change).await.expect(200);
    log.page("consent_unanswerable", &browser.press(&page, "Accept access").await.page());
    let back = json!({"redirect_uris": ["https://rp.test/cb"]});
    party.client.admin(Method::PATCH, "").json(&back).await.expect(200);

    // Switched off while the page was open: told to the client, by the code that a client has everywhere.
    let page = consent(&party, &browser).await;
    party.client.admin(Method::PATCH, "").json(&json!({"disabled": true})).await.expect(200);
    let refused = browser.press(&page, "Accept access").await.callback();
    log.carried("client_disabled", &party.client, &refused).await;
    log.finish(PLACES).await;
});

story!(each_step_in_a_browser_is_in_the_log_with_its_client_and_user, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    let page = consent(&party, &browser).await;
    browser.press(&page, "Accept access").await.callback().code();
    let account = browser.open(&format!("{}/account", world.gateway.public_url)).await.page();
    let id = account.answer.header("x-request-id").expect("an id").to_owned();
    let path = format!("/requests/{id}");
    until(async || (world.admin(Method::GET, &path).await.status == 200).then_some(())).await.expect("recorded");
    let rows = crate::support::account::items(&party.acme.admin_get("/requests?limit=100").await);
    let user = json!(format!("user:{}", party.ada.id));
    for (method, endpoint, status, actor, client) in [
        ("GET", "/oauth2/auth", 200, false, true),
        ("POST", "/login", 303, true, true),
        ("GET", "/oauth2/consent", 200, true, true),
        ("POST", "/oauth2/consent", 303, true, true),
        ("GET", "/account", 200, true, false),
    ] {
        let row = rows.iter().find(|row| row["method"] == method && row["endpoint"] == endpoint);
        let row = row.unwrap_or_else(|| panic!("{method} {endpoint}: {rows:?}"));
        assert_eq!((&row["status"], &row["account"]), (&json!(status), &json!(party.acme.id)), "{row}");
        assert_eq!(row["actor"] == user, actor, "{row}");
        assert_eq!(row["client"] == party.client.id.as_str(), client, "{row}");
        assert!(row["code"].is_null(), "{row}");
    }
});
