//! One browser, several tabs, and no cookie yet: as when it restores what was open before.

use serde_json::json;

use crate::support::browser::{Browser, Landed, Landing, Page, Shown};
use crate::support::concurrently::all;
use crate::support::relying_party::{AFTER_LOGOUT, RelyingParty, field};
use crate::support::testing::World;

/// As many tabs, all of them asked for before the first answer is there.
async fn restored(browser: &Browser, urls: &[String]) -> Vec<Page> {
    assert_eq!(browser.cookies(&urls[0].parse().expect("a URL")), None, "nothing is known of it");
    all(urls.iter().map(|url| browser.open(url)).collect()).await.into_iter().map(Landing::page).collect()
}

/// Every tab is logged in and accepted in, in this order.
async fn go_through(party: &RelyingParty, changes: &[(&str, &str)], order: &[usize]) {
    let browser = party.world.browser();
    let states: Vec<String> = order.iter().map(|n| format!("tab-{n}")).collect();
    let mut urls = Vec::new();
    for n in 0..order.len() {
        let state = format!("tab-{n}");
        urls.push(party.url(&[changes, &[("state", state.as_str())]].concat()));
    }
    let tabs = restored(&browser, &urls).await;
    let mut consents = Vec::new();
    for n in order {
        let consent = party.log_in(&browser, &tabs[*n]).await.page();
        assert!(consent.is_consent(), "tab {n} of {order:?}: {} {}", consent.answer.status, consent.words());
        consents.push(consent);
    }
    for (consent, state) in consents.iter().zip(&states) {
        let callback = browser.press(consent, "Accept access").await.callback();
        assert_eq!(callback.parameter("state").as_ref(), Some(state));
        party.tokens(&callback).await;
    }
}

story!(report_14_tabs_that_are_restored_at_once_all_work_in_any_order, async |world: World| {
    world.add_replica().await;
    let party = RelyingParty::new(&world).await;
    let offline = ("scope", "openid offline_access");
    for order in [&[0, 1][..], &[1, 0], &[2, 0, 1], &[4, 3, 1, 0, 2]] {
        go_through(&party, &[offline], order).await;
    }
    go_through(&party, &[offline, ("prompt", "login")], &[1, 0]).await;
    go_through(&party, &[offline, ("max_age", "0")], &[0, 1]).await;
});

story!(report_14_a_tab_beside_the_page_of_connections_and_one_that_failed_work_too, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    let account = format!("{}/account", world.gateway.public_url);
    let tabs = restored(&browser, &[party.url(&[("state", "tab")]), account.clone(), party.url(&[])]).await;
    // A wrong password shows the form anew; it and the tabs beside it still count.
    let wrong = browser.log_in(&tabs[0], &party.ada.user_name, "not the password").await.page();
    assert_eq!(wrong.answer.status, 401);
    let mine = party.log_in(&browser, &tabs[1]).await.page();
    assert!(mine.words().contains("Your connections"), "{}", mine.words());
    assert!(party.log_in(&browser, &wrong).await.page().is_consent());
    assert!(party.log_in(&browser, &tabs[2]).await.page().is_consent());
    // One that is too old says so, and spoils no other.
    let forms = tabs[2].login_form();
    let mut stale = forms.pairs(None);
    stale.iter_mut().filter(|(name, _)| name == "request").for_each(|(_, value)| value.truncate(40));
    assert_eq!(browser.submit(&tabs[2], &forms, &stale).await.page().answer.status, 403);
    assert!(browser.open(&account).await.page().words().contains("Where you are logged in"));
});

story!(report_14_two_questions_whether_to_log_out_are_answered_in_any_order, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let logged_in = world.browser();
    party.callback(&logged_in, &[]).await.code();
    let session = logged_in.cookie("gateway_session").expect("a session");
    let url = party.logout_url(&[
        ("client_id", party.client.id.as_str()),
        ("post_logout_redirect_uri", AFTER_LOGOUT),
        ("state", "bye"),
    ]);
    let browser = world.browser();
    browser.set_cookie("gateway_session", &session);
    let questions = all(vec![browser.open(&url), browser.open(&url)]).await;
    for question in questions.into_iter().rev() {
        let after = browser.press(&question.page(), "Log out").await.callback();
        assert_eq!(after.0.as_str(), format!("{AFTER_LOGOUT}&state=bye"));
    }
    assert!(!party.is_logged_in(&browser).await);
});

story!(report_14_a_form_of_another_browser_counts_nowhere_however_many_tabs_there_are, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let (attacker, victim) = (world.browser(), world.browser());
    let urls = [party.url(&[("state", "a")]), party.url(&[("state", "b")])];
    let (theirs, tabs) = (restored(&attacker, &urls).await, restored(&victim, &urls).await);
    for theirs in &theirs {
        let csrf = field(&theirs.login_form(), "csrf");
        for tab in &tabs {
            let form = tab.login_form();
            let mut pairs = form.pairs(None);
            pairs.iter_mut().filter(|(name, _)| name == "csrf").for_each(|(_, value)| value.clone_from(&csrf));
            assert_eq!(victim.submit(tab, &form, &pairs).await.page().answer.status, 403);
        }
    }
    // Each secret has a cookie of its own, for this server alone.
    let answer = world.get(&urls[0]).await.expect(200);
    let cookie = answer.header("set-cookie").unwrap_or_default();
    assert!(cookie.starts_with("gateway_browser_") && cookie.contains("HttpOnly; SameSite=Lax"), "{cookie}");
});

story!(report_14_a_browser_with_very_many_tabs_stays_within_bounds, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    let urls: Vec<String> = (0..40).map(|n| party.url(&[("state", &n.to_string())])).collect();
    let tabs = restored(&browser, &urls).await;
    let url = urls[0].parse().expect("a URL");
    let count =
        || browser.cookies(&url).map_or(0, |all| all.to_str().unwrap_or_default().matches("gateway_browser_").count());
    assert_eq!(count(), 40);
    // The next page takes away what is too much, the oldest first; all that are left count.
    party.open(&browser, &[]).await.page();
    assert_eq!(count(), 32);
    let mut left = 0;
    for tab in &tabs {
        left += usize::from(party.log_in(&browser, tab).await.page().is_consent());
    }
    assert_eq!(left, 32);
    let made = party.acme.admin_get("/grants").await;
    assert_eq!(made["items"], json!([]), "no access was accepted");
});
