//! Modules of the OpenID Foundation's conformance suite (RP-Initiated Logout OP), under their own names.

use crate::support::account::text;
use crate::support::browser::{Browser, Landed, Page};
use crate::support::relying_party::{AFTER_LOGOUT, RelyingParty};
use crate::support::testing::World;

/// A browser that is logged in, and the ID token it was logged in for.
async fn logged_in(world: &World) -> (RelyingParty, Browser, String) {
    let party = RelyingParty::new(world).await;
    let browser = world.browser();
    let callback = party.callback(&browser, &[]).await;
    let token = text(&party.tokens(&callback).await["id_token"]);
    assert!(party.is_logged_in(&browser).await);
    (party, browser, token)
}

/// An error in words: no redirect, and the person is logged in as before.
async fn refused(party: &RelyingParty, browser: &Browser, parameters: &[(&str, &str)]) {
    let page = browser.open(&party.logout_url(parameters)).await.page();
    assert_eq!(page.answer.status, 400, "{}", page.words());
    assert!(party.is_logged_in(browser).await);
}

/// The question whether to log out.
async fn asked(party: &RelyingParty, browser: &Browser, parameters: &[(&str, &str)]) -> Page {
    let page = browser.open(&party.logout_url(parameters)).await.page();
    assert!(page.form_with_button("Log out").is_some(), "{}", page.words());
    assert!(party.is_logged_in(browser).await, "a link alone does not log the user out");
    page
}

/// The question, answered; and a page at the end.
async fn asked_and_then_on_a_page(party: &RelyingParty, browser: &Browser, parameters: &[(&str, &str)]) {
    let page = asked(party, browser, parameters).await;
    let page = browser.press(&page, "Log out").await.page();
    assert!(page.words().contains("logged out"), "{}", page.words());
    assert!(!party.is_logged_in(browser).await);
}

story!(module_rp_initiated_logout_discovery_names_the_endpoint, async |world: World| {
    let metadata = world.get("/.well-known/openid-configuration").await.expect(200).json();
    assert_eq!(text(&metadata["end_session_endpoint"]), format!("{}/oauth2/logout", world.gateway.public_url));
});

story!(module_rp_initiated_logout_ends_the_session_and_brings_the_state_back, async |world: World| {
    let (party, browser, token) = logged_in(&world).await;
    let parameters =
        [("id_token_hint", token.as_str()), ("post_logout_redirect_uri", AFTER_LOGOUT), ("state", "a b&c")];
    let callback = browser.open(&party.logout_url(&parameters)).await.callback();
    assert_eq!(callback.0.as_str(), format!("{AFTER_LOGOUT}&state=a+b%26c"));
    assert!(!party.is_logged_in(&browser).await);
    // What was accepted stays accepted: a log-out ends a log-in, not a connection.
    assert!(party.standing_grants().await > 0);
});

story!(module_rp_initiated_logout_by_a_form_of_the_client, async |world: World| {
    let (party, browser, token) = logged_in(&world).await;
    let pairs = [("id_token_hint", token.as_str()), ("client_id", &party.client.id), ("state", "x")];
    // Another site's form brings no cookie along; the redirect does.
    let posted = world.post("/oauth2/logout").form(&pairs).await.expect(303);
    let next = posted.header("location").unwrap_or_default().to_owned();
    let page = browser.open(&next).await.page();
    assert!(page.words().contains("logged out"), "{}", page.words());
    assert!(!party.is_logged_in(&browser).await);
});

story!(module_bad_post_logout_redirect_uri, async |world: World| {
    let (party, browser, token) = logged_in(&world).await;
    for uri in ["https://rp.test/other", "https://rp.test/bye", "https://evil.test/", "javascript:alert(1)", "/account"]
    {
        refused(&party, &browser, &[("id_token_hint", &token), ("post_logout_redirect_uri", uri)]).await;
    }
});

story!(module_query_added_to_post_logout_redirect_uri, async |world: World| {
    let (party, browser, token) = logged_in(&world).await;
    let uri = format!("{AFTER_LOGOUT}&foo=bar");
    refused(&party, &browser, &[("id_token_hint", &token), ("post_logout_redirect_uri", &uri)]).await;
});

story!(module_modified_id_token_hint, async |world: World| {
    let (party, browser, token) = logged_in(&world).await;
    let mut modified = token.clone();
    let last = modified.pop();
    modified.push(if last == Some('A') { 'B' } else { 'A' });
    modified.insert(modified.len() - 20, 'A');
    let parameters = [("id_token_hint", modified.as_str()), ("post_logout_redirect_uri", AFTER_LOGOUT), ("state", "x")];
    refused(&party, &browser, &parameters).await;
});

story!(module_bad_id_token_hint, async |world: World| {
    let (party, browser, _) = logged_in(&world).await;
    for hint in ["bad", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ."] {
        let parameters = [("id_token_hint", hint), ("post_logout_redirect_uri", AFTER_LOGOUT), ("state", "x")];
        refused(&party, &browser, &parameters).await;
    }
});

story!(module_no_id_token_hint_asks_and_goes_nowhere, async |world: World| {
    let (party, browser, _) = logged_in(&world).await;
    asked_and_then_on_a_page(&party, &browser, &[("post_logout_redirect_uri", AFTER_LOGOUT), ("state", "x")]).await;
});

story!(module_no_params, async |world: World| {
    let (party, browser, _) = logged_in(&world).await;
    asked_and_then_on_a_page(&party, &browser, &[]).await;
    // No user is logged in who could be asked.
    let page = browser.open(&party.logout_url(&[])).await.page();
    assert!(page.words().contains("logged out"), "{}", page.words());
});

story!(module_no_post_logout_redirect_uri, async |world: World| {
    let (party, browser, token) = logged_in(&world).await;
    let page = browser.open(&party.logout_url(&[("id_token_hint", &token), ("state", "x")])).await.page();
    assert!(page.words().contains("logged out"), "{}", page.words());
    assert!(!party.is_logged_in(&browser).await);
});

story!(module_no_state, async |world: World| {
    let (party, browser, token) = logged_in(&world).await;
    let parameters = [("id_token_hint", token.as_str()), ("post_logout_redirect_uri", AFTER_LOGOUT)];
    let callback = browser.open(&party.logout_url(&parameters)).await.callback();
    assert_eq!(callback.0.as_str(), AFTER_LOGOUT);
});

story!(module_only_state, async |world: World| {
    let (party, browser, _) = logged_in(&world).await;
    asked_and_then_on_a_page(&party, &browser, &[("state", "x")]).await;
});
