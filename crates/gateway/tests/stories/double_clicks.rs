//! A button that is pressed twice: at once, a moment later, at another replica. It is one act, and ends well.

use crate::support::account::items;
use crate::support::browser::{Browser, Landed, Landing, Page};
use crate::support::concurrently::all;
use crate::support::http::Call;
use crate::support::relying_party::RelyingParty;
use crate::support::testing::World;
use gateway::simulate::html::Form;

const SCOPE: (&str, &str) = ("scope", "openid offline_access provision:scim");

async fn consent(party: &RelyingParty, browser: &Browser, changes: &[(&str, &str)]) -> Page {
    let page = party.open(browser, &[&[SCOPE, ("prompt", "consent")], changes].concat()).await;
    let page = match page.page() {
        page if page.is_consent() => page,
        page => party.log_in(browser, &page).await.page(),
    };
    assert!(page.is_consent(), "{}", page.words());
    page
}

/// The same button so many times, each time before any answer is there.
async fn pressed(browser: &Browser, page: &Page, button: &str, times: usize) -> Vec<Landing> {
    all((0..times).map(|_| browser.press(page, button)).collect()).await
}

fn callbacks(landings: Vec<Landing>) -> Vec<url::Url> {
    landings.into_iter().map(|landing| landing.callback().0).collect()
}

async fn accepting_twice_is_accepting_once(world: World) {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    for (n, times) in [2, 3, 8].into_iter().enumerate() {
        let page = consent(&party, &browser, &[("state", &format!("s{n}"))]).await;
        let urls = callbacks(pressed(&browser, &page, "Accept access", times).await);
        assert!(urls.iter().all(|url| *url == urls[0]), "{urls:?}");
        // And later, while the client has not come for the code.
        assert_eq!(browser.press(&page, "Accept access").await.callback().0, urls[0]);
        let made = items(&party.acme.admin_get("/grants").await);
        assert_eq!(made.len(), n + 1, "one grant for each request: {made:?}");
        let callback = crate::support::browser::Callback(urls[0].clone());
        let tokens = party.tokens(&callback).await;
        // From then on a page says that all is well.
        let after = browser.press(&page, "Accept access").await.page();
        assert_eq!(after.answer.status, 200);
        for said in ["already accepted", "close this page", "/account"] {
            assert!(after.words().contains(said), "{said}: {}", after.words());
        }
        let token = tokens["access_token"].as_str().unwrap_or_default();
        world.get("/scim/v2/Users").bearer(token).await.expect(200);
    }
    let made = items(&party.acme.admin_get("/grants").await);
    assert_eq!(made.len(), 3, "{made:?}");
    let audit = party.acme.audit().await;
    assert_eq!(audit.actions().iter().filter(|action| **action == "grant.created").count(), 3, "{:?}", audit.actions());
}

story!(report_13_accepting_twice_is_accepting_once, async |world: World| {
    accepting_twice_is_accepting_once(world).await;
});

story!(report_13_accepting_twice_at_two_replicas_is_accepting_once, async |world: World| {
    world.add_replica().await;
    accepting_twice_is_accepting_once(world).await;
});

story!(report_13_the_first_decision_stands_and_the_second_is_told, async |world: World| {
    world.add_replica().await;
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    // Denied twice, then accepted.
    let page = consent(&party, &browser, &[]).await;
    let urls = callbacks(pressed(&browser, &page, "Deny", 3).await);
    assert!(urls.iter().all(|url| *url == urls[0] && url.as_str().contains("error=access_denied")), "{urls:?}");
    assert_eq!(browser.press(&page, "Deny").await.callback().0, urls[0]);
    let late = browser.press(&page, "Accept access").await.page();
    assert!(late.answer.status == 409 && late.words().contains("already denied"), "{}", late.words());
    let back = browser.open(page.url.as_str()).await.page();
    assert!(back.words().contains("already denied") || back.is_consent(), "{}", back.words());
    assert_eq!(party.standing_grants().await, 0);
    // Accepted, then denied.
    let page = consent(&party, &browser, &[]).await;
    let accepted = browser.press(&page, "Accept access").await.callback();
    let late = browser.press(&page, "Deny").await.page();
    assert!(late.answer.status == 409 && late.words().contains("already accepted"), "{}", late.words());
    assert!(late.words().contains("/account"), "it says where to take it back: {}", late.words());
    party.tokens(&accepted).await;
    // Both at once: one of them counts, and the other says so.
    for _ in 0..6 {
        let before = party.standing_grants().await;
        let page = consent(&party, &browser, &[]).await;
        let both = all(vec![browser.press(&page, "Accept access"), browser.press(&page, "Deny")]).await;
        let accepted = match both.as_slice() {
            [Landing::Left(url), Landing::Page(page)] if page.words().contains("already accepted") => {
                assert!(url.as_str().contains("code="), "{url}");
                1
            }
            [Landing::Page(page), Landing::Left(url)] if page.words().contains("already denied") => {
                assert!(url.as_str().contains("error=access_denied"), "{url}");
                0
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(party.standing_grants().await, before + accepted);
    }
});

story!(report_13_what_cannot_be_used_any_more_is_not_given_again, moving_clock, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    // The client did not come for the code in time.
    let page = consent(&party, &browser, &[]).await;
    browser.press(&page, "Accept access").await.callback().code();
    world.pass(std::time::Duration::from_secs(61));
    let late = browser.press(&page, "Accept access").await.page();
    assert!(late.answer.status == 409 && late.words().contains("not in use"), "{}", late.words());
    assert!(late.words().contains("Authenticate button"), "what to do next: {}", late.words());
    // It was taken back meanwhile.
    let page = consent(&party, &browser, &[]).await;
    browser.press(&page, "Accept access").await.callback().code();
    let account = browser.open(&format!("{}/account", world.gateway.public_url)).await.page();
    let twice = pressed(&browser, &account, "End this connection", 2).await;
    for landing in twice {
        let page = landing.page();
        assert!(page.answer.status == 200 && page.words().contains("Your connections"), "{}", page.words());
    }
    let late = browser.press(&page, "Accept access").await.page();
    assert!(late.words().contains("not in use"), "{}", late.words());
    assert_eq!(party.standing_grants().await, 0);
    // Another person finds it answered, and gets nothing of it.
    let page = consent(&party, &browser, &[]).await;
    let ben = party.another_user("ben@acme.test").await;
    let url = page.url.clone();
    let bens = world.browser();
    let theirs = bens.log_in(&bens.open(&party.url(&[SCOPE])).await.page(), &ben.user_name, &ben.password).await.page();
    browser.press(&page, "Accept access").await.callback().code();
    let form = theirs.form_with_button("Accept access").expect("a form");
    let own = page.form_with_button("Accept access").expect("a form");
    let pairs = with(&form, "request", &crate::support::relying_party::field(&own, "request"));
    let late = bens.submit(&theirs, &form, &pairs).await.page();
    assert!(late.answer.status == 409 && late.words().contains("Another user"), "{}", late.words());
    if let Landing::Page(page) = bens.open(url.as_str()).await {
        assert!(page.words().contains("Another user") || page.words().contains("Log in"), "{}", page.words());
    }
    assert_eq!(party.standing_grants().await, 1);
    party.client.admin(reqwest::Method::DELETE, "").await.expect(204);
    let late = browser.press(&page, "Accept access").await.page();
    assert!(late.answer.status.is_client_error(), "{}", late.words());
});

/// What a form sends with a field of another.
fn with(form: &Form, name: &str, value: &str) -> Vec<(String, String)> {
    let mut pairs = form.pairs(form.button("Accept access"));
    pairs.iter_mut().filter(|(n, _)| n == name).for_each(|(_, old)| value.clone_into(old));
    pairs
}

story!(report_13_logging_in_and_out_twice_is_once, async |world: World| {
    world.add_replica().await;
    let party = RelyingParty::new(&world).await;
    for _ in 0..3 {
        let browser = world.browser();
        let page = party.open(&browser, &[SCOPE, ("prompt", "login")]).await.page();
        let twice = all(vec![party.log_in(&browser, &page), party.log_in(&browser, &page)]).await;
        for landing in twice {
            let page = landing.page();
            assert!(page.is_consent(), "{} {}", page.answer.status, page.words());
        }
        let page = browser.open(&format!("{}/account", world.gateway.public_url)).await.page();
        assert!(!page.words().contains("Another browser"), "one session: {}", page.words());
        let before = ended(&party).await;
        for landing in pressed(&browser, &page, "Log out", 3).await {
            let page = landing.page();
            assert!(page.words().contains("logged out"), "{}", page.words());
        }
        assert!(!party.is_logged_in(&browser).await);
        assert_eq!(ended(&party).await, before + 1, "it ended once");
    }
    // Remembered access leads to the same place, however often the log-in before it was sent.
    let browser = world.browser();
    party.callback(&browser, &[("scope", "openid")]).await.code();
    let page = party.open(&browser, &[("scope", "openid"), ("prompt", "login")]).await.page();
    let urls = callbacks(all(vec![party.log_in(&browser, &page), party.log_in(&browser, &page)]).await);
    assert_eq!(urls[0], urls[1]);
});

story!(report_13_logging_in_at_the_own_page_twice_is_one_session_and_later_ones_are_others, async |world: World| {
    world.add_replica().await;
    let party = RelyingParty::new(&world).await;
    let account = format!("{}/account", world.gateway.public_url);
    let browser = world.browser();
    let page = browser.open(&account).await.page();
    for landing in all((0..4).map(|_| party.log_in(&browser, &page)).collect()).await {
        let page = landing.page();
        assert!(page.answer.status == 200 && page.words().contains("Your connections"), "{}", page.words());
        assert!(!page.words().contains("Another browser"), "one session: {}", page.words());
    }
    // The same form once more: this browser is known now, so it is another log-in, which takes the place of the one before.
    let first = browser.cookie("gateway_session");
    let mine = party.log_in(&browser, &page).await.page();
    let second = browser.cookie("gateway_session");
    assert!(first.is_some() && second.is_some() && first != second, "each log-in has a secret of its own");
    assert!(!mine.words().contains("Another browser"), "{}", mine.words());
    // What was ended stays ended, also when the form is sent again.
    browser.press(&mine, "Log out").await.page();
    party.log_in(&browser, &page).await.page();
    let third = browser.cookie("gateway_session");
    assert!(third.is_some() && third != second && third != first);
    // A wrong password beside the right one spoils nothing.
    let other = world.browser();
    let page = other.open(&account).await.page();
    let both = all(vec![
        other.log_in(&page, &party.ada.user_name, "wrong"),
        other.log_in(&page, &party.ada.user_name, &party.ada.password),
    ]);
    let statuses: Vec<u16> = both.await.into_iter().map(|landing| landing.page().answer.status.as_u16()).collect();
    assert_eq!(statuses, [401, 200]);
});

async fn ended(party: &RelyingParty) -> usize {
    party.acme.audit().await.actions().iter().filter(|action| **action == "session.ended").count()
}

story!(report_13_a_code_is_kept_in_no_clear_form, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    let page = consent(&party, &browser, &[]).await;
    let code = browser.press(&page, "Accept access").await.callback().code();
    assert!(!crate::support::database::Behind::of(&world).dump().contains(&code));
    // A guess without the key leads nowhere.
    let guess: Call = party.client.exchange(&code.replace("gwc_", "gwc_x"));
    guess.await.expect_oauth_error(400, "invalid_grant");
    party.client.exchange(&code).await.expect(200);
});
