//! People's own page: what they connected, where they are logged in, and how they leave.

use crate::support::browser::Landed;
use crate::support::relying_party::RelyingParty;
use crate::support::testing::World;
use gateway::platform::timestamp::Timestamp;

story!(people_see_where_they_are_logged_in_and_log_others_out, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let account = format!("{}/account", world.gateway.public_url);
    let (here, there) = (world.browser(), world.browser());
    for browser in [&here, &there] {
        let page = browser.open(&account).await.page();
        assert!(page.words().contains("Log in to see your connections"), "{}", page.words());
        let page = party.log_in(browser, &page).await.page();
        assert_eq!(page.url.path(), "/account");
    }
    let page = here.open(&account).await.page();
    assert!(page.words().contains("This browser") && page.words().contains("Another browser"), "{}", page.words());
    assert!(page.words().contains("127.0.0.1"), "{}", page.words());
    here.press(&page, "Log out another browser").await.page();
    assert!(there.open(&account).await.page().words().contains("Log in to see"));
    let page = here.open(&account).await.page();
    assert!(!page.words().contains("Another browser"), "{}", page.words());

    let page = here.press(&page, "Log out").await.page();
    assert!(page.words().contains("You are logged out"), "{}", page.words());
    assert!(here.open(&account).await.page().words().contains("Log in to see"));
    assert!(party.acme.audit().await.actions().iter().filter(|action| **action == "session.ended").count() == 2);
});

story!(another_persons_session_is_not_to_be_ended, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let ben = party.acme.user("ben@acme.test").create().await;
    let account = format!("{}/account", world.gateway.public_url);
    let (adas, elsewhere, bens) = (world.browser(), world.browser(), world.browser());
    for browser in [&adas, &elsewhere] {
        let page = browser.open(&account).await.page();
        party.log_in(browser, &page).await.page();
    }
    let page = bens.open(&account).await.page();
    let bens_page = bens.log_in(&page, &ben.user_name, &ben.password).await.page();
    let adas_page = adas.open(&account).await.page();
    let adas_form = adas_page.form_with_button("Log out another browser").expect("a form");
    let bens_csrf = crate::support::relying_party::field(&bens_page.forms()[0], "csrf");
    let mut pairs = adas_form.pairs(None);
    pairs.iter_mut().filter(|(name, _)| name == "csrf").for_each(|(_, value)| bens_csrf.clone_into(value));
    bens.submit(&bens_page, &adas_form, &pairs).await.page();
    assert!(elsewhere.open(&account).await.page().words().contains("Where you are logged in"));
});

story!(what_was_counted_of_failed_log_ins_is_swept_when_it_says_nothing_any_more, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    let page = party.open(&browser, &[]).await.page();
    browser.log_in(&page, "nobody@acme.test", "wrong").await.page();
    let kept = world.alter("UPDATE attempts SET failures = failures");
    assert_eq!(kept, 3, "a name here, the address, the name");
    let url: gateway::storage::DatabaseUrl = world.database_url().parse().expect("a database");
    let mut conn = url.connect().expect("it answers");
    let mut sweep = |now| {
        gateway::services::reactions::unit_of_work(&mut conn, |tx| tx.sweep_expired(now, Timestamp::EPOCH, 100))
            .expect("it works");
    };
    sweep(Timestamp::EPOCH);
    assert_eq!(world.alter("UPDATE attempts SET failures = failures"), 3);
    sweep(Timestamp::MAX);
    assert_eq!(world.alter("UPDATE attempts SET failures = failures"), 0);
});
