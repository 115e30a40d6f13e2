//! A change of a connection's health is told: once, to the people who may do something about it, whichever replica finds it.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, items, text};
use crate::support::database::Behind;
use crate::support::letter_box::{LetterBox, until};
use crate::support::oauth_client::OAuthClient;
use crate::support::process::Process;
use crate::support::testing::World;

const FROM: &str = "Provisioning <no-reply@gateway.test>";

/// One more replica, which mails.
async fn postman(world: &World, letters: &LetterBox) -> Process {
    let url = letters.url();
    world.process_with(&[("GATEWAY__MAIL__SMTP_URL", &url), ("GATEWAY__MAIL__FROM", FROM)]).await
}

/// What of health was told in the account: the oldest first.
async fn notices(acme: &Account) -> Vec<Value> {
    let all = items(&acme.admin_get("/notices").await);
    all.into_iter().filter(|notice| notice["kind"] == "connection_health").collect()
}

/// The changes in the audit trail: the latest first.
async fn events(acme: &Account) -> Vec<Value> {
    let path = format!("/audit?account={}&action=client.health_changed", acme.id);
    items(&acme.world.admin_get(&path).await)
}

/// Waits until this was found; all is looked at now and then meanwhile, as the clock is held.
async fn found(world: &World, client: &OAuthClient, state: &str) {
    let sql = format!(
        "SELECT COUNT(*) AS n FROM client_health AS h JOIN clients AS c ON c.seq = h.client WHERE c.id = '{}' AND h.state = '{state}'",
        client.id
    );
    let mut polls = 0;
    until(state, || {
        if polls % 40 == 0 {
            world.alter("UPDATE client_health SET due = 0");
        }
        polls += 1;
        Behind::of(world).number(&sql) == 1
    })
    .await;
}

/// Waits until every connection was looked at anew, and what came of it is written.
async fn looked(world: &World) {
    world.alter("UPDATE client_health SET due = 0");
    let waiting = format!("SELECT COUNT(*) AS n FROM client_health WHERE due = 0 OR due > {}", world.now() + 100_000);
    until("look at all", || Behind::of(world).number(&waiting) == 0).await;
}

fn minutes(world: &World, minutes: u64) {
    world.pass(Duration::from_secs(60 * minutes));
}

story!(
    a_change_that_lasts_is_one_event_one_notice_and_one_letter,
    moving_clock,
    settings = [("GATEWAY__HEALTH__SECONDS", "1")],
    async |world: World| {
        world.add_replica().await;
        let letters = LetterBox::start();
        let _postman = postman(&world, &letters).await;
        world.hold_clock();
        let acme = world.account("acme").await;
        let ada =
            acme.user("Ada@acme.test").role("master_admin").with("displayName", json!("Ada Lovelace")).create().await;
        let robot = acme.service_account().await;
        let client = acme.okta_client().await;
        found(&world, &client, "never_used").await;
        client.connect_as(&robot).await.get("/Users").await.expect(200);
        found(&world, &client, "ok").await;
        minutes(&world, 120);
        looked(&world).await;
        assert!(notices(&acme).await.is_empty() && events(&acme).await.is_empty(), "that it is used is no news");
        // It is disabled for a moment, and then for longer.
        let disable = async |disabled: bool| {
            client.admin(Method::PATCH, "").json(&json!({"disabled": disabled})).await.expect(200);
        };
        disable(true).await;
        found(&world, &client, "broken").await;
        minutes(&world, 5);
        disable(false).await;
        found(&world, &client, "ok").await;
        minutes(&world, 20);
        looked(&world).await;
        assert!(notices(&acme).await.is_empty(), "it comes and goes");
        disable(true).await;
        found(&world, &client, "broken").await;
        minutes(&world, 16);
        let letter = letters.wait_for(1).await.remove(0);
        assert_eq!(letter.to, ["Ada@acme.test"], "a service account reads no mail");
        assert_eq!(letter.header("subject").as_deref(), Some("A connection does not work"));
        let told = notices(&acme).await;
        assert_eq!((told.len(), told[0]["user"].as_str()), (1, Some(ada.id.as_str())), "{told:?}");
        assert_eq!(
            told[0]["told"],
            "The connection of Okta in acme does not work. Okta is disabled: every request of it is refused."
        );
        for _ in 0..3 {
            minutes(&world, 30);
            looked(&world).await;
        }
        let events_now = events(&acme).await;
        assert_eq!(events_now.len(), 1, "{events_now:?}");
        let changed = &events_now[0]["changes"];
        assert!(changed.to_string().contains("broken") && changed.to_string().contains("ok"), "{changed}");
        assert_eq!((&events_now[0]["target"], &events_now[0]["target_name"]), (&json!(client.id), &json!("Okta")));
        assert_eq!((notices(&acme).await.len(), letters.received().len()), (1, 1), "and only once");
        crate::support::feed::assert_told(&world, "client.health_changed").await;
        // It is well again, and that is told when it has lasted for an hour.
        disable(false).await;
        found(&world, &client, "ok").await;
        minutes(&world, 30);
        looked(&world).await;
        assert_eq!(notices(&acme).await.len(), 1);
        minutes(&world, 31);
        letters.wait_for(2).await;
        minutes(&world, 60);
        looked(&world).await;
        let told = notices(&acme).await;
        assert_eq!((told.len(), events(&acme).await.len(), letters.received().len()), (2, 2, 2), "{told:?}");
        assert_eq!(told[1]["told"], "The connection of Okta in acme is well again.");
        let broken = items(&world.admin_get("/health?state=broken").await);
        assert!(broken.is_empty(), "{broken:?}");
    }
);

story!(
    an_end_that_was_foretold_is_told_to_the_operators_where_no_person_is_left,
    moving_clock,
    settings = [("GATEWAY__HEALTH__SECONDS", "1")],
    async |world: World| {
        world.hold_clock();
        let (acme, zeta) = (world.account("acme").await, world.account("zeta").await);
        let ada = acme.user("Ada@acme.test").role("master_admin").create().await;
        let client = acme.okta_client().await;
        let idp = client.connect_as(&ada).await;
        idp.patch(&ada).replace("title", "Countess").await.expect(200);
        found(&world, &client, "attention").await;
        minutes(&world, 16);
        let count = || Behind::of(&world).number("SELECT COUNT(*) AS n FROM notices WHERE kind = 'connection_health'");
        until("notice", || count() == 1).await;
        let first = notices(&acme).await.remove(0);
        assert_eq!(first["user"], ada.id.as_str());
        assert!(text(&first["told"]).contains("it ends its own connection"), "{first}");
        let listed = items(&world.admin_get("/health?state=attention").await);
        assert_eq!((listed.len(), &listed[0]["client_id"]), (1, &json!(client.id)));
        idp.patch(&ada).replace("active", false).await.expect(200);
        found(&world, &client, "broken").await;
        minutes(&world, 16);
        until("second notice", || count() == 2).await;
        let told = notices(&acme).await;
        assert_eq!((&told[1]["user"], &told[1]["detail"]["state"]), (&Value::Null, &json!("broken")), "{told:?}");
        assert!(text(&told[1]["told"]).contains("was deactivated"), "{told:?}");
        assert!(notices(&zeta).await.is_empty(), "it is told in its own account alone");
        assert_eq!(items(&world.admin_get("/health?state=broken").await).len(), 1);
        assert!(items(&zeta.admin_get("/health?state=broken").await).is_empty());
    }
);

story!(
    what_was_so_before_is_no_news,
    moving_clock,
    settings = [("GATEWAY__HEALTH__SECONDS", "1")],
    async |world: World| {
        world.hold_clock();
        let acme = world.account("acme").await;
        let client = acme.okta_client().await;
        client.admin(Method::PATCH, "").json(&json!({"disabled": true})).await.expect(200);
        found(&world, &client, "broken").await;
        // As an earlier release left it.
        world.alter("DELETE FROM client_health");
        world.alter(&format!("UPDATE installation SET value = '{}' WHERE name = 'health_began'", world.now() + 1));
        let later = world.process_with(&[("GATEWAY__HEALTH__SECONDS", "1")]).await;
        found(&world, &client, "broken").await;
        minutes(&world, 30);
        looked(&world).await;
        assert!(events(&acme).await.is_empty() && notices(&acme).await.is_empty());
        drop(later);
        client.admin(Method::DELETE, "").await.expect(204);
        assert_eq!(Behind::of(&world).number("SELECT COUNT(*) AS n FROM client_health"), 0, "it goes with its client");
    }
);
