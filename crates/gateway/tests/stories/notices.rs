//! What people are told when a connection passes to them: on their page, by mail, and for operators.

use gateway::platform::timestamp::Timestamp;
use gateway::storage::notices::Due;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, User, items, text};
use crate::support::browser::{Browser, Landed, Page};
use crate::support::database::Behind;
use crate::support::letter_box::{AUTHORITY, LetterBox, until};
use crate::support::process::{self, Process};
use crate::support::testing::World;

const DAY: i64 = 86_400_000;
pub const FROM: &str = "Provisioning <no-reply@gateway.test>";

/// The owner of the connections, and the co-owner who takes over from them.
async fn people(acme: &Account) -> (User, User) {
    let named =
        |name: &str| acme.user(&format!("{}@acme.test", name[..3].to_lowercase())).with("displayName", json!(name));
    // Ada's connections rest where they should, so that she is told nothing; and yet she may leave.
    let ada = named("Ada Lovelace").role("master_admin").service_account().create().await;
    let eve = named("Eve Adams").role("master_admin").create().await;
    acme.admin(Method::PATCH, "").json(&json!({"co_owner": eve.id, "service_accounts": "writable"})).await.expect(200);
    (ada, eve)
}

async fn set(acme: &Account, user: &User, change: &Value) {
    acme.admin(Method::PATCH, &format!("/users/{}", user.id)).json(change).await.expect(200);
}

/// Their page, after logging in where that is asked.
async fn page_of(acme: &Account, browser: &Browser, user: &User) -> Page {
    let page = browser.open(&format!("{}/account", acme.world.gateway.public_url)).await.page();
    match page.forms().iter().any(|form| form.has_input("password")) {
        true => browser.log_in(&page, &user.user_name, &user.password).await.page(),
        false => page,
    }
}

async fn notices(acme: &Account) -> Vec<Value> {
    items(&acme.admin_get("/notices").await)
}

/// A replica that mails. Those of the world do not.
pub async fn postman(world: &World, relay: &str) -> Process {
    let settings =
        [("GATEWAY__MAIL__SMTP_URL", relay), ("GATEWAY__MAIL__FROM", FROM), ("GATEWAY__MAIL__RETRY_SECONDS", "1")];
    world.process_with(&settings).await
}

story!(a_co_owner_is_told_on_their_page_until_they_say_so, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let (ada, eve) = people(&acme).await;
    let joe = acme.user("joe@acme.test").role("master_admin").create().await;
    let idp = acme.okta_client().await.connect_as(&ada).await;
    acme.generic_client().await.connect_as(&ada).await;
    let (eves, joes) = (world.browser(), world.browser());
    assert!(page_of(&acme, &eves, &eve).await.form_with_button("Understood").is_none(), "nothing has happened");

    idp.patch(&ada).replace("active", false).await.expect(200);
    let page = page_of(&acme, &eves, &eve).await;
    let words = page.words().replace("Lovelace '", "Lovelace'");
    assert!(words.contains("Connections have passed to you Ada Lovelace's user was deactivated on "), "{words}");
    let sentence = "The connections of Okta and Directory sync in acme now belong to your user: if you leave, they end. You can end \
                    each of them below.";
    assert!(words.contains(sentence), "{words}");
    let told = notices(&acme).await.remove(0);
    assert_eq!((told["user"].as_str(), told["kind"].as_str()), (Some(eve.id.as_str()), Some("connections_passed")));
    assert!(text(&told["told"]).starts_with("Ada Lovelace's user was deactivated on "), "{told}");
    assert_eq!(told["detail"]["from"], ada.id.as_str());
    for nothing in ["seen", "mailed", "next_try", "problem"] {
        assert_eq!(told[nothing], json!(null), "{told}");
    }

    // Joe is told nothing, and cannot say that Eve has seen it.
    let joes_page = page_of(&acme, &joes, &joe).await;
    assert!(joes_page.form_with_button("Understood").is_none(), "{}", joes_page.words());
    let form = page.form_with_button("Understood").expect("a button");
    let csrf = crate::support::relying_party::field(&joes_page.forms()[0], "csrf");
    let mut pairs = form.pairs(None);
    pairs.iter_mut().filter(|(name, _)| name == "csrf").for_each(|(_, value)| csrf.clone_into(value));
    joes.submit(&joes_page, &form, &pairs).await.page();
    // Nor can another site in Eve's browser.
    pairs.iter_mut().filter(|(name, _)| name == "csrf").for_each(|(_, value)| "made-up".clone_into(value));
    eves.submit(&page, &form, &pairs).await;
    assert_eq!(notices(&acme).await[0]["seen"], json!(null));

    let page = eves.press(&page, "Understood").await.page();
    assert!(page.url.path() == "/account" && page.form_with_button("Understood").is_none(), "{}", page.words());
    assert!(page.words().contains("Okta") && page.words().contains("Directory sync"), "the connections stay");
    let seen = notices(&acme).await.remove(0);
    assert!(seen["seen"].is_string(), "{seen}");
    let audit = acme.audit().await;
    assert_eq!(
        (audit.last()["action"].as_str(), text(&audit.last()["actor"])),
        (Some("notice.seen"), format!("user:{}", eve.id))
    );
});

story!(each_way_of_leaving_is_told_in_its_own_words_and_only_where_a_connection_ends, async |world: World| {
    let acme = world.account("acme").await;
    let (ada, eve) = people(&acme).await;
    let client = acme.generic_client().await;
    // Without connections there is nothing to tell.
    set(&acme, &ada, &json!({"active": false})).await;
    set(&acme, &ada, &json!({"active": true})).await;
    assert!(notices(&acme).await.is_empty());
    client.connect_as(&ada).await;
    set(&acme, &ada, &json!({"role": "reports"})).await;
    set(&acme, &ada, &json!({"role": "master_admin"})).await;
    Behind::of(&world).work(|tx| tx.settle_endings(100));
    client.connect_as(&ada).await;
    acme.admin(Method::DELETE, &format!("/users/{}", ada.id)).await.expect(204);
    let told: Vec<String> = notices(&acme).await.iter().map(|notice| text(&notice["told"])).collect();
    assert_eq!(told.len(), 2);
    assert!(told[0].starts_with("Ada Lovelace lost the role that may accept access on "), "{}", told[0]);
    assert!(told[1].starts_with("Ada Lovelace's user was deleted on "), "{}", told[1]);
    assert!(
        told[1].ends_with("The connection of Directory sync in acme now belongs to your user: if you leave, it ends.")
    );
    let list = acme.admin_get("/notices?limit=1").await;
    let next = acme.admin_get(&format!("/notices?limit=1&after={}", text(&list["next"]))).await;
    assert_eq!((text(&items(&list)[0]["told"]), text(&items(&next)[0]["told"])), (told[0].clone(), told[1].clone()));

    // No user comes after Eve, so what she has ends; and only the account's operators are left to be told.
    set(&acme, &eve, &json!({"active": false})).await;
    let told: Vec<Value> = notices(&acme).await.drain(2..).collect();
    assert_eq!((told.len(), &told[0]["user"]), (1, &json!(null)), "{told:?}");
});

story!(a_thousand_grants_are_one_notice, async |world: World| {
    let acme = world.account("acme").await;
    let (ada, _) = people(&acme).await;
    for n in 0..8 {
        let body = json!({"name": format!("Client {n}"), "profile": "generic", "redirect_uris": ["https://client.test/callback"],
            "grant_types": ["authorization_code"], "scopes": ["provision:scim"]});
        acme.client(body).await.connect_as(&ada).await;
    }
    Behind::of(&world).execute(
        "INSERT INTO grants (client, account, owner, owner_id, scope, created) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10) \
         SELECT g.client, g.account, g.owner, g.owner_id, g.scope, g.created FROM n, grants AS g",
    );
    set(&acme, &ada, &json!({"active": false})).await;
    let told = notices(&acme).await;
    assert_eq!(told.len(), 1);
    let told = text(&told[0]["told"]);
    assert!(
        told.contains("The connections of Client 0, Client 1, Client 2, Client 3, Client 4 and 3 more in acme"),
        "{told}"
    );
});

story!(a_co_owner_gets_one_letter, async |world: World| {
    let letters = LetterBox::start();
    let acme = world.account("acme").await;
    let (ada, eve) = people(&acme).await;
    // Two replicas mail, and one more letter would be found.
    let (_one, _two) = (postman(&world, &letters.url()).await, postman(&world, &letters.url()).await);
    let client = acme.okta_client().await;
    for round in 1..=4 {
        client.connect_as(&ada).await;
        set(&acme, &ada, &json!({"active": false})).await;
        letters.wait_for(round).await;
        set(&acme, &ada, &json!({"active": true})).await;
        Behind::of(&world).work(|tx| tx.settle_endings(100));
    }
    let mailed = || Behind::of(&world).number("SELECT COUNT(*) AS n FROM notices WHERE mailed IS NOT NULL");
    until("note of it", || mailed() == 4).await;
    let received = letters.received();
    let ids: std::collections::BTreeSet<_> = received.iter().map(|letter| letter.header("message-id")).collect();
    assert_eq!((received.len(), ids.len()), (4, 4), "each once");

    let letter = &received[0];
    assert_eq!(
        (letter.from.as_str(), letter.to.as_slice()),
        ("no-reply@gateway.test", ["eve@acme.test".to_owned()].as_slice())
    );
    let header = |name| letter.header(name).unwrap_or_default();
    assert_eq!(header("from"), FROM);
    assert_eq!(header("to"), "\"Eve Adams\" <eve@acme.test>");
    assert_eq!(header("subject"), "A connection has passed to you");
    assert_eq!(header("auto-submitted"), "auto-generated");
    assert!(header("content-type").starts_with("text/plain"), "{}", letter.text);
    let told = notices(&acme).await;
    assert!(told.iter().all(|notice| notice["mailed"].is_string() && notice["tries"] == 1), "{told:?}");
    assert_eq!(header("message-id"), format!("<{}@gateway.test>", text(&told[0]["id"])));
    for said in ["Hello Eve Adams,", &text(&told[0]["told"]), &format!("{}/account\r\n", world.gateway.public_url)] {
        assert!(letter.body().contains(said), "{said:?} in {}", letter.text);
    }
    let audit = acme.audit().await;
    let row = audit.0.iter().find(|row| row["action"] == "notice.mailed").expect("it is recorded");
    assert_eq!(row["target"], eve.id.as_str());
});

story!(what_a_relay_does_not_take_is_tried_again, async |world: World| {
    let acme = world.account("acme").await;
    let (ada, _) = people(&acme).await;
    let port = process::free_port();
    let postman = postman(&world, &format!("smtp://127.0.0.1:{port}")).await;
    acme.okta_client().await.connect_as(&ada).await;
    set(&acme, &ada, &json!({"active": false})).await;

    // At first there is no relay at all.
    let tried = || Behind::of(&world).number("SELECT COUNT(*) AS n FROM notices WHERE problem IS NOT NULL");
    until("note of the problem", || tried() == 1).await;
    let waiting = notices(&acme).await.remove(0);
    assert!(text(&waiting["problem"]).starts_with("the relay cannot be talked to: "), "{waiting}");
    assert_eq!(waiting["mailed"], json!(null));
    // Then it does not want it yet.
    let letters = LetterBox::on(port);
    let later = "451 4.3.0 come back later, \u{7}please";
    letters.refuses(&[later, later]);
    let busy = || Behind::of(&world).number("SELECT COUNT(*) AS n FROM notices WHERE problem LIKE '%come back%'");
    until("note of the problem", || busy() == 1).await;
    let waiting = notices(&acme).await.remove(0);
    assert_eq!(waiting["problem"], "the relay answered 451 4.3.0 come back later,  please", "{waiting}");
    // At last it does.
    letters.wait_for(1).await;
    let mailed = || Behind::of(&world).number("SELECT COUNT(*) AS n FROM notices WHERE mailed IS NOT NULL");
    until("note of it", || mailed() == 1).await;
    let sent = notices(&acme).await.remove(0);
    assert_eq!((&sent["problem"], &sent["next_try"]), (&json!(null), &json!(null)), "{sent}");
    assert!(sent["tries"].as_i64() >= Some(3), "{sent}");
    assert_eq!(letters.received().len(), 1, "and once only");
    assert!(postman.log().contains("it will be tried again"), "{}", postman.log());
});

story!(a_replica_that_dies_with_a_letter_in_its_hand_loses_nothing, moving_clock, async |world: World| {
    let acme = world.account("acme").await;
    let (ada, _) = people(&acme).await;
    acme.okta_client().await.connect_as(&ada).await;
    set(&acme, &ada, &json!({"active": false})).await;
    let mut behind = Behind::of(&world);
    let now = Timestamp::of_millis(world.now());
    let due = Due { now, since: now - DAY };
    let mut claim = || behind.work(|tx| tx.claim_notices(due, now + 3_600_000, 8)).len();
    assert_eq!((claim(), claim()), (1, 0), "the second claim finds nothing");
    let letters = LetterBox::start();
    let _postman = postman(&world, &letters.url()).await;
    // An hour passes without a word from the replica that claimed it.
    world.pass(std::time::Duration::from_secs(3_601));
    letters.wait_for(1).await;
    let mailed = || Behind::of(&world).number("SELECT COUNT(*) AS n FROM notices WHERE mailed IS NOT NULL");
    until("note of it", || mailed() == 1).await;
    assert_eq!(notices(&acme).await[0]["tries"], 2);
});

story!(a_relay_is_believed_only_with_a_certificate, async |world: World| {
    let letters = LetterBox::with_tls();
    let url = format!("smtps://mailer:secret@localhost:{}", letters.port());
    letters.answers_logins("235 welcome");
    let acme = world.account("acme").await;
    let (ada, _) = people(&acme).await;
    acme.okta_client().await.connect_as(&ada).await;
    set(&acme, &ada, &json!({"active": false})).await;
    let stranger = postman(&world, &url).await;
    let refused = || Behind::of(&world).number("SELECT COUNT(*) AS n FROM notices WHERE problem IS NOT NULL");
    until("note of the problem", || refused() == 1).await;
    let problem = text(&notices(&acme).await[0]["problem"]);
    assert!(problem.contains("certificate"), "{problem}");
    assert!(letters.heard().is_empty(), "not a word is said");
    drop(stranger);
    let settings = [
        ("GATEWAY__MAIL__SMTP_URL", url.as_str()),
        ("GATEWAY__MAIL__FROM", FROM),
        ("GATEWAY__MAIL__RETRY_SECONDS", "1"),
        ("SSL_CERT_FILE", AUTHORITY), // in place of the operating system's
    ];
    let _friend = world.process_with(&settings).await;
    let letter = letters.wait_for(1).await.remove(0);
    assert_eq!(letter.to, ["eve@acme.test"]);
    assert!(letters.heard().iter().any(|line| line.starts_with("AUTH PLAIN ")), "{:?}", letters.heard());
});

story!(what_cannot_be_mailed_is_given_up_and_what_was_seen_or_is_old_is_not_mailed, async |world: World| {
    let letters = LetterBox::start();
    let acme = world.account("acme").await;
    let (ada, eve) = people(&acme).await;
    let client = acme.okta_client().await;
    let pass = async || {
        client.connect_as(&ada).await;
        set(&acme, &ada, &json!({"active": false})).await;
        set(&acme, &ada, &json!({"active": true})).await;
        Behind::of(&world).work(|tx| tx.settle_endings(100));
    };
    // One that Eve saw, one from four days ago, and one of a kind that only a newer version knows.
    pass().await;
    let browser = world.browser();
    let page = page_of(&acme, &browser, &eve).await;
    browser.press(&page, "Understood").await.page();
    pass().await;
    world
        .alter(&format!("UPDATE notices SET made = made - {0}, next_try = next_try - {0} WHERE seen IS NULL", 4 * DAY));
    pass().await;
    world.alter("UPDATE notices SET kind = 'from_the_future' WHERE seq = (SELECT MAX(seq) FROM notices)");
    let page = page_of(&acme, &browser, &eve).await;
    assert_eq!(page.words().matches("has passed to you").count(), 1, "the old one is shown: {}", page.words());
    let told = notices(&acme).await;
    assert_eq!((&told[2]["kind"], &told[2]["told"]), (&json!("from_the_future"), &json!(null)));
    let postman = postman(&world, &letters.url()).await;
    // One that is not taken until the three days are over: the address is wrong.
    pass().await;
    letters.wait_for(1).await;
    letters.refuses(&["550 5.1.1 nobody here"; 9]);
    pass().await;
    let refused = || Behind::of(&world).number("SELECT COUNT(*) AS n FROM notices WHERE problem IS NOT NULL");
    until("note of the problem", || refused() == 1).await;
    // An hour before it is too old, the next pause of an hour is too long.
    world.alter(&format!(
        "UPDATE notices SET made = made - {}, tries = 13 WHERE problem IS NOT NULL",
        3 * DAY - 3_600_000
    ));
    let given_up =
        || Behind::of(&world).number("SELECT COUNT(*) AS n FROM audit WHERE action = 'notice.undeliverable'");
    until("end of it", || given_up() == 1).await;
    let last = notices(&acme).await.pop().unwrap_or_default();
    assert_eq!((&last["mailed"], &last["next_try"]), (&json!(null), &json!(null)), "{last}");
    assert_eq!(last["problem"], "the relay answered 550 5.1.1 nobody here");
    assert!(postman.log().contains("is given up"), "{}", postman.log());
    assert_eq!(letters.received().len(), 1, "nothing but the one that was due");
});

story!(a_hostile_name_or_address_changes_nothing_but_itself, async |world: World| {
    let letters = LetterBox::start();
    let _postman = postman(&world, &letters.url()).await;
    let acme = world.account("acme").await;
    let hostile = "a\r\nBcc: x@evil.test\r\n\r\n.\r\nMAIL FROM:<x@evil.test>";
    let ada = acme.user("ada@acme.test").with("displayName", json!(hostile)).role("master_admin").create().await;
    let emails = json!([
        {"value": "eve@acme.test\r\nRCPT TO:<x@evil.test>", "type": "work", "primary": true},
        {"value": "eve@acme.test, x@evil.test", "type": "home"},
    ]);
    let eve =
        acme.user("eve@acme.test").with("displayName", json!(hostile)).with("emails", emails).role("master_admin");
    let eve = eve.create().await;
    acme.admin(Method::PATCH, "").json(&json!({"co_owner": eve.id})).await.expect(200);
    let client = json!({"name": "Okta\u{202e} <b>&", "profile": "okta", "okta_app_name": "acme_mediascim_1"});
    acme.client(client).await.connect_as(&ada).await;
    set(&acme, &ada, &json!({"active": false})).await;

    let letter = letters.wait_for(1).await.remove(0);
    assert_eq!(letter.to, ["eve@acme.test"], "who is left is the name they log in by");
    assert!(!letter.headers().iter().any(|name| name == "bcc"), "{}", letter.text);
    assert_eq!(letter.headers().len(), 8, "{}", letter.text);
    assert_eq!(letters.received().len(), 1);
    let heard = letters.heard();
    assert!(!heard.iter().any(|line| line.starts_with("RCPT") && line.contains("evil")), "{heard:?}");
    let page = page_of(&acme, &world.browser(), &eve).await;
    assert!(page.words().contains("Okta <b>& in acme"), "escaped: {}", page.words());
    assert!(!page.answer.text().contains('\u{202e}'));
});

story!(notices_go_with_their_time_and_their_person, async |world: World| {
    let acme = world.account("acme").await;
    let (ada, eve) = people(&acme).await;
    let joe = acme.user("joe@acme.test").role("master_admin").create().await;
    acme.user("pat@acme.test").role("master_admin").create().await; // who stays
    acme.okta_client().await.connect_as(&ada).await;
    set(&acme, &ada, &json!({"active": false})).await; // to Eve
    let browser = world.browser();
    let page = page_of(&acme, &browser, &eve).await;
    browser.press(&page, "Understood").await.page();
    acme.admin(Method::PATCH, "").json(&json!({"co_owner": joe.id})).await.expect(200);
    set(&acme, &eve, &json!({"role": "reports"})).await; // to Joe
    let mut behind = Behind::of(&world);
    let now = Timestamp::of_millis(world.now());
    let count = |behind: &mut Behind| behind.number("SELECT COUNT(*) AS n FROM notices");
    assert_eq!(behind.work(|tx| tx.forget_notices(now - 90 * DAY, now - 366 * DAY, 10)), 0);
    assert_eq!(count(&mut behind), 2);
    assert_eq!(behind.work(|tx| tx.forget_notices(now + DAY, now - 366 * DAY, 10)), 1, "the one that was seen");
    assert_eq!(behind.work(|tx| tx.forget_notices(now - 90 * DAY, now + DAY, 10)), 1, "in the end the other too");

    set(&acme, &eve, &json!({"role": "master_admin"})).await;
    acme.admin(Method::PATCH, "").json(&json!({"co_owner": eve.id})).await.expect(200);
    Behind::of(&world).work(|tx| tx.settle_endings(100));
    set(&acme, &joe, &json!({"active": false})).await; // to Eve again
    assert_eq!(count(&mut behind), 1);
    acme.admin(Method::DELETE, &format!("/users/{}", eve.id)).await.expect(204);
    assert_eq!(count(&mut behind), 0, "a deleted user is told nothing");

    let (bob, zoe) = (acme.user("bob@acme.test"), acme.user("zoe@acme.test"));
    let (bob, zoe) = (bob.role("master_admin").service_account(), zoe.role("master_admin"));
    let (bob, zoe) = (bob.create().await, zoe.create().await);
    acme.admin(Method::PATCH, "").json(&json!({"co_owner": zoe.id})).await.expect(200);
    acme.generic_client().await.connect_as(&bob).await;
    set(&acme, &bob, &json!({"active": false})).await;
    assert_eq!(count(&mut behind), 1);
    acme.admin(Method::DELETE, "").await.expect(204);
    while behind.work(|tx| tx.empty_deleted_accounts(100)) > 0 {}
    assert_eq!(count(&mut behind), 0);
});

// A relay that asks for a password, does not like it, and repeats it.
story!(the_relays_password_is_written_nowhere, settings = [("GATEWAY__LOG__FILTER", "trace")], async |world: World| {
    let password = "Relay's passphrase 9";
    let letters = LetterBox::start();
    letters.answers_logins(&format!("535 5.7.8 no, {password} is wrong, and so is"));
    let relay = format!("smtp://mailer:Relay%27s%20passphrase%209@127.0.0.1:{}", letters.port());
    let postman = postman(&world, &relay).await;
    let acme = world.account("acme").await;
    let (ada, _) = people(&acme).await;
    acme.okta_client().await.connect_as(&ada).await;
    set(&acme, &ada, &json!({"active": false})).await;
    let mut behind = Behind::of(&world);
    until("note of the problem", || behind.number("SELECT COUNT(*) AS n FROM notices WHERE problem IS NOT NULL") == 1)
        .await;
    let problem = text(&notices(&acme).await[0]["problem"]);
    assert!(problem.starts_with("the relay answered 535 5.7.8 no, (secret) is wrong"), "{problem}");
    let spoken: Vec<String> = letters.heard().into_iter().filter(|line| line.starts_with("AUTH ")).collect();
    let encoded = spoken[0].split(' ').nth(2).unwrap_or_default().to_owned();
    assert!(encoded.len() > 20, "it was said to the relay: {spoken:?}");
    let (log, dump) = (postman.log(), behind.dump());
    assert!(log.contains("TRACE") && log.contains("a notice was not mailed"), "the log is talkative");
    for secret in [password, "Relay%27s%20passphrase", &encoded] {
        assert!(!log.contains(secret) && !dump.contains(secret) && !problem.contains(secret), "{secret} is told");
    }
    // Nor does the command line tell it, when something is wrong.
    let wrong = relay.replace("smtp://", "imap://");
    let refused = world.command(&["serve"], &[("GATEWAY__MAIL__SMTP_URL", &wrong), ("GATEWAY__MAIL__FROM", FROM)]);
    let said = format!("{}{}", String::from_utf8_lossy(&refused.stdout), String::from_utf8_lossy(&refused.stderr));
    assert!(!refused.status.success() && said.contains("mail.smtp_url: "), "{said}");
    assert!(!said.contains("passphrase"), "{said}");
});
