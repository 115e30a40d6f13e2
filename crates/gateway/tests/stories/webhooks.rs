//! Webhooks by the admin API: who makes them, what is shown of them, and what operators do with what is refused.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, items, text};
use crate::support::database::Behind;
use crate::support::feed::{Reader, types};
use crate::support::hook::{Behaviour, Hook, Sent};
use crate::support::testing::World;

/// Makes a webhook of an account; gives what was answered.
async fn webhook(acme: &Account, hook: &Hook, more: Value) -> Value {
    let mut body = json!({"url": hook.url()});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    acme.admin(Method::POST, "/webhooks").json(&body).await.expect(201).json()
}

/// What operators of an account are told of its receivers.
async fn notices(acme: &Account) -> Vec<String> {
    let notices = items(&acme.admin_get("/notices").await);
    let of_receivers = notices.iter().filter(|notice| notice["kind"] == "receiver_trouble");
    of_receivers.map(|notice| text(&notice["told"])).collect()
}

/// Waits until a webhook is so.
async fn until(world: &World, id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..1500 {
        let shown = world.admin_get(&format!("/webhooks/{id}")).await;
        if is_so(&shown) {
            return shown;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it never was: {}", world.admin_get(&format!("/webhooks/{id}")).await);
}

story!(
    a_webhook_gets_what_is_meant_for_it_and_no_other_account_s,
    settings = [("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true")],
    async |world: World| {
        let (acme, orchard) = (world.account("acme").await, world.account("orchard").await);
        let (few, all, every) = (Hook::start(), Hook::start(), Hook::start());
        let of_few = webhook(&acme, &few, json!({"types": ["user.created", "group.*"], "description": "few"})).await;
        let of_all = webhook(&acme, &all, json!({})).await;
        let shared = json!({"url": every.url()});
        let shared = world.admin(Method::POST, "/webhooks").json(&shared).await.expect(201).json();
        assert_eq!((&of_few["state"], &of_few["account_id"]), (&json!("enabled"), &json!(acme.id)));
        assert_eq!(shared["account_id"], Value::Null);
        let (mut of_acme, mut of_world) = (Reader::of(&acme), Reader::of_all(&world));
        (of_acme.cursor, of_world.cursor) = (Some(text(&of_all["cursor"])), Some(text(&shared["cursor"])));
        let ana = acme.user("ana@acme.test").create().await;
        orchard.user("eve@orchard.test").create().await;
        acme.admin(Method::PATCH, &format!("/users/{}", ana.id)).json(&json!({"active": false})).await.expect(200);
        acme.user("ben@acme.test").create().await;
        let (told, everything) = (of_acme.rest().await, of_world.rest().await);
        let of = |sent: &[Sent]| sent.iter().map(Sent::kind).collect::<Vec<_>>();
        let sent = all.until("all of acme", |sent| sent.len() == told.len()).await;
        assert_eq!(of(&sent), types(&told));
        let sent = every.until("all of all", |sent| sent.len() == everything.len()).await;
        assert_eq!(of(&sent), types(&everything));
        let sent = few.until("few of acme", |sent| sent.len() == 2).await;
        assert_eq!(of(&sent), ["user.created", "user.created"]);
        assert!(sent.iter().all(|sent| sent.is_signed_by(&text(&of_few["secret"]))));
        // The cursor that is shown is how far it is.
        let shown =
            until(&world, &text(&of_all["id"]), |of| of["waiting"] == 0 && of["last_success"].is_string()).await;
        let mut after = Reader::of(&acme);
        after.cursor = Some(text(&shown["cursor"]));
        assert_eq!(after.rest().await, Vec::<Value>::new());
        assert_eq!(shown["summary"], "It has all events.");
        let listed = items(&acme.admin_get("/webhooks").await);
        assert_eq!(listed.iter().map(|of| &of["id"]).collect::<Vec<_>>(), [&of_few["id"], &of_all["id"]]);
        assert!(listed.iter().all(|of| of.get("secret").is_none()), "a secret is shown once");
        assert_eq!(items(&world.admin_get("/webhooks").await).len(), 1);
        let sent = items(&world.admin_get(&format!("/webhooks/{}/deliveries", text(&of_few["id"]))).await);
        assert!(
            sent.len() == 2 && sent.iter().all(|sent| sent["status"] == 204 && sent["problem"].is_null()),
            "{sent:?}"
        );
        // Deleted, it gets nothing more.
        let id = text(&of_all["id"]);
        world.admin(Method::DELETE, &format!("/webhooks/{id}")).await.expect(204);
        world.admin(Method::GET, &format!("/webhooks/{id}")).await.expect(404);
        acme.user("eve@acme.test").create().await;
        few.until("the others go on", |sent| sent.len() == 3).await;
        assert_eq!(all.sent().len(), told.len());
        let actions: Vec<String> = items(&world.admin_get(&format!("/audit?account={}", acme.id)).await)
            .iter()
            .map(|row| text(&row["action"]))
            .collect();
        for action in ["webhook.created", "webhook.deleted"] {
            assert!(actions.contains(&action.to_owned()), "{actions:?}");
        }
        assert!(!Behind::of(&world).rows(&[]).contains(&text(&of_few["secret"])), "no secret lies open");
    }
);

story!(what_is_wrong_with_a_webhook_is_told_at_once, async |world: World| {
    let acme = world.account("acme").await;
    let refused = async |body: Value, field: &str| {
        let answer = acme.admin(Method::POST, "/webhooks").json(&body).await.expect(400).json();
        assert_eq!(answer["errors"][0]["field"], field, "{body}: {answer}");
    };
    for inside in [
        "http://app.example.com/hooks",
        "https://127.0.0.1/hooks",
        "https://localhost/hooks",
        "https://10.1.2.3/hooks",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://user@app.example.com/",
        "hooks",
    ] {
        refused(json!({"url": inside}), "url").await;
    }
    let url = "https://app.example.com/hooks";
    refused(json!({}), "url").await;
    refused(json!({"url": url, "types": ["user.created", "user.exploded"]}), "types[1]").await;
    refused(json!({"url": url, "types": []}), "types").await;
    refused(json!({"url": url, "types": ["user.created,group.created"]}), "types[0]").await;
    refused(json!({"url": url, "signature": "v2"}), "signature").await;
    refused(json!({"url": url, "after": "yesterday"}), "after").await;
    refused(json!({"url": url, "secret": "mine"}), "secret").await;
    let foreign = Reader::of_all(&world).page("").await["cursor"].clone();
    refused(json!({"url": url, "after": foreign}), "after").await;
    for n in 0..10 {
        let paused = json!({"url": url, "paused": true, "description": format!("number {n}")});
        acme.admin(Method::POST, "/webhooks").json(&paused).await.expect(201);
    }
    acme.admin(Method::POST, "/webhooks").json(&json!({"url": url})).await.expect(409);
    for (method, path) in [
        (Method::GET, ""),
        (Method::PATCH, ""),
        (Method::DELETE, ""),
        (Method::POST, "/test"),
        (Method::POST, "/secret"),
    ] {
        world.admin(method, &format!("/webhooks/none{path}")).json(&json!({})).await.expect(404);
    }
    let id = text(&items(&acme.admin_get("/webhooks").await)[0]["id"]);
    world.admin(Method::POST, &format!("/webhooks/{id}/dead-letters/none/resend")).await.expect(404);
    world.admin(Method::DELETE, &format!("/webhooks/{id}/dead-letters/none")).await.expect(404);
    // A name that leads inside is refused when it is resolved, and so when it is sent to.
    let inside = json!({"url": "https://localhost.localdomain.invalid/hooks"});
    world.admin(Method::PATCH, &format!("/webhooks/{id}")).json(&inside).await.expect(200);
    let tested = world.admin(Method::POST, &format!("/webhooks/{id}/test")).await.expect(200).json();
    assert!(tested["status"].is_null() && tested["taken"] == false, "{tested}");
    assert!(text(&tested["problem"]).contains("public address"), "{tested}");
});

story!(a_webhook_is_for_operators_with_the_power_and_within_reach, async |world: World| {
    let (acme, orchard) = (world.account("acme").await, world.account("orchard").await);
    let new = json!({"url": "https://app.example.com/hooks", "paused": true});
    let of_acme = text(&acme.admin(Method::POST, "/webhooks").json(&new).await.expect(201).json()["id"]);
    let of_all = text(&world.admin(Method::POST, "/webhooks").json(&new).await.expect(201).json()["id"]);
    let operator = async |role: &str, accounts: Value| {
        let body = json!({"name": format!("{role} {accounts}"), "role": role, "accounts": accounts});
        text(&world.admin(Method::POST, "/operators").json(&body).await.expect(201).json()["token"])
    };
    let (csm, support) = (operator("csm", json!([acme.id])).await, operator("support", Value::Null).await);
    let (limited, other) =
        (operator("platform", json!([acme.id])).await, operator("platform", json!([orchard.id])).await);
    let call = |method: Method, path: &str, token: &str| world.call(method, &format!("/admin{path}")).bearer(token);
    let create = format!("/accounts/{}/webhooks", acme.id);
    for token in [&csm, &support] {
        call(Method::GET, &format!("/webhooks/{of_acme}"), token).await.expect(200);
        call(Method::POST, &create, token).json(&new).await.expect(403);
        call(Method::POST, &format!("/webhooks/{of_acme}/test"), token).await.expect(403);
        call(Method::POST, &format!("/webhooks/{of_acme}/secret"), token).await.expect(403);
        call(Method::PATCH, &format!("/webhooks/{of_acme}"), token).json(&json!({"paused": false})).await.expect(403);
    }
    call(Method::POST, &create, &limited).json(&new).await.expect(201);
    call(Method::POST, "/webhooks", &limited).json(&new).await.expect(403);
    for (id, token) in [(&of_acme, &other), (&of_all, &limited)] {
        for (method, path) in
            [(Method::GET, ""), (Method::GET, "/deliveries"), (Method::DELETE, ""), (Method::POST, "/test")]
        {
            call(method, &format!("/webhooks/{id}{path}"), token).await.expect(404);
        }
    }
    call(Method::GET, &create, &other).await.expect(404);
    // What is the account's goes with it.
    acme.admin(Method::DELETE, "").await.expect(204);
    world.admin(Method::GET, &format!("/webhooks/{of_acme}")).await.expect(404);
    world.admin(Method::GET, &format!("/webhooks/{of_all}")).await.expect(200);
});

story!(
    a_webhook_is_tried_out_and_its_secret_is_replaced_without_a_gap,
    moving_clock,
    settings = [("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true")],
    async |world: World| {
        let (acme, hook) = (world.account("acme").await, Hook::start());
        let made = webhook(&acme, &hook, json!({"paused": true})).await;
        let id = text(&made["id"]);
        let test = async || world.admin(Method::POST, &format!("/webhooks/{id}/test")).await.expect(200).json();
        let first = test().await;
        assert_eq!((&first["taken"], &first["status"]), (&json!(true), &json!(204)), "{first}");
        let sent = hook.sent().remove(0);
        assert_eq!((sent.kind(), &sent.event()["id"]), ("webhook.test".to_owned(), &first["event_id"]));
        assert!(sent.is_signed_by(&text(&made["secret"])));
        hook.answers(|_| Behaviour::Status(418, "short and\r\n stout"));
        let second = test().await;
        assert_eq!((&second["taken"], &second["answer"]), (&json!(false), &json!("short and stout")), "{second}");
        assert_eq!(second["problem"], "it answered 418: short and stout");
        hook.answers(|_| Behaviour::Status(200, ""));
        let replaced = world.admin(Method::POST, &format!("/webhooks/{id}/secret")).await.expect(201).json();
        test().await;
        let sent = hook.sent().pop().expect("it was sent");
        assert!(sent.is_signed_by(&text(&made["secret"])) && sent.is_signed_by(&text(&replaced["secret"])));
        assert!(world.admin_get(&format!("/webhooks/{id}")).await["old_secret_expires"].is_string());
        world.pass(Duration::from_secs(25 * 3600));
        test().await;
        let sent = hook.sent().pop().expect("it was sent");
        assert!(!sent.is_signed_by(&text(&made["secret"])) && sent.is_signed_by(&text(&replaced["secret"])));
        // By a key that only the server has.
        let asymmetric = webhook(&acme, &hook, json!({"paused": true, "signature": "v1a"})).await;
        assert_eq!(asymmetric["public_key"], asymmetric["secret"]);
        world.admin(Method::POST, &format!("/webhooks/{}/test", text(&asymmetric["id"]))).await.expect(200);
        let sent = hook.sent().pop().expect("it was sent");
        assert!(sent.headers["webhook-signature"].starts_with("v1a,"), "{sent:?}");
    }
);

story!(
    a_paused_webhook_waits_and_a_lost_one_says_so,
    moving_clock,
    settings = [("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true"), ("GATEWAY__EVENTS__KEEP_DAYS", "1")],
    async |world: World| {
        let (acme, hook) = (world.account("acme").await, Hook::start());
        let made = webhook(&acme, &hook, json!({})).await;
        let id = text(&made["id"]);
        let change = async |body: Value, status: u16| {
            world.admin(Method::PATCH, &format!("/webhooks/{id}")).json(&body).await.expect(status).json()
        };
        assert_eq!(change(json!({"paused": true}), 200).await["state"], "paused");
        acme.user("ana@acme.test").create().await;
        tokio::time::sleep(Duration::from_millis(1200)).await;
        assert_eq!(hook.sent().len(), 0);
        let waits = until(&world, &id, |of| of["waiting"].as_i64() > Some(0)).await;
        assert!(text(&waits["summary"]).starts_with("An operator has paused it"), "{waits}");
        change(json!({"paused": false}), 200).await;
        hook.until("it has what waited", |sent| !sent.is_empty()).await;
        // It is away for longer than events are kept.
        hook.answers(|_| Behaviour::Status(500, ""));
        acme.user("ben@acme.test").create().await;
        for tries in 1..=4 {
            until(&world, &id, |of| of["tries"].as_i64() >= Some(tries)).await;
            if tries < 4 {
                assert_eq!(notices(&acme).await, Vec::<String>::new(), "it is tried again first");
                world.pass(Duration::from_secs(2 * 3_600));
            }
        }
        world.pass(Duration::from_secs(2 * 86_400));
        let mut behind = Behind::of(&world);
        let now = gateway::platform::timestamp::Timestamp::of_millis(world.now() - 86_400_000);
        while behind.work(|tx| tx.forget_events(now, 100)) > 0 {}
        let lost = until(&world, &id, |of| of["state"] == "lost").await;
        assert!(text(&lost["summary"]).contains("Take a snapshot"), "{lost}");
        let actions: Vec<String> = items(&world.admin_get(&format!("/audit?account={}", acme.id)).await)
            .iter()
            .map(|row| text(&row["action"]))
            .collect();
        assert!(actions.contains(&"receiver.lost".to_owned()), "{actions:?}");
        let told = notices(&acme).await;
        assert!(told[0].contains("did not take an event") && told[0].contains("it answered 500"), "{told:?}");
        assert!(told.len() == 2 && told[1].contains("has missed events"), "{told:?}");
        hook.answers(|_| Behaviour::Status(200, ""));
        let wrong = change(json!({"paused": false}), 400).await;
        assert_eq!(wrong["errors"][0]["field"], "after", "{wrong}");
        let snapshot =
            world.get(&format!("/events/snapshot?account={}", acme.id)).bearer(crate::support::testing::OPERATOR);
        let cursor = text(&snapshot.await.expect(200).json()["cursor"]);
        assert_eq!(change(json!({"after": cursor}), 200).await["state"], "enabled");
        let before = hook.sent().len();
        acme.user("eve@acme.test").create().await;
        let sent = hook.until("it goes on", |sent| sent.len() > before).await;
        assert_eq!(sent[before].event()["subject"]["name"], "eve@acme.test");
    }
);

story!(
    dead_letters_are_listed_sent_again_and_given_up,
    moving_clock,
    settings = [("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true")],
    async |world: World| {
        let (acme, hook) = (world.account("acme").await, Hook::start());
        let id = text(&webhook(&acme, &hook, json!({"types": ["user.created"]})).await["id"]);
        hook.answers(|sent| Behaviour::Status(if sent.body.contains("poison") { 422 } else { 204 }, "no such plan"));
        for name in ["poison-1", "ana", "poison-2", "ben"] {
            acme.user(&format!("{name}@acme.test")).create().await;
        }
        for tries in 1..=6 {
            hook.until("it is tried", |sent| sent.iter().filter(|sent| sent.status == 422).count() >= tries).await;
            until(&world, &id, |of| of["tries"].as_i64() > Some(0) || of["dead_letters"].as_i64() > Some(0)).await;
            world.pass(Duration::from_secs(500));
        }
        let shown = until(&world, &id, |of| of["dead_letters"] == 2 && of["waiting"] == 0).await;
        assert_eq!((&shown["state"], &shown["tries"]), (&json!("enabled"), &json!(0)), "{shown}");
        let letters = items(&world.admin_get(&format!("/webhooks/{id}/dead-letters")).await);
        assert!(
            letters
                .iter()
                .all(|letter| letter["problem"] == "it answered 422: no such plan" && letter["status"] == 422)
        );
        let path = |n: usize| format!("/webhooks/{id}/dead-letters/{}", text(&letters[n]["event_id"]));
        hook.answers(|_| Behaviour::Status(204, ""));
        let taken = hook.taken().len();
        assert_eq!(
            world.admin(Method::POST, &format!("{}/resend", path(0))).await.expect(200).json(),
            json!({"count": 1})
        );
        until(&world, &id, |of| of["dead_letters"] == 1).await;
        assert!(hook.taken()[taken].body.contains("poison-1@acme.test"));
        world.admin(Method::DELETE, &path(1)).await.expect(204);
        assert_eq!(items(&world.admin_get(&format!("/webhooks/{id}/dead-letters")).await), Vec::<Value>::new());
        let all = format!("/webhooks/{id}/dead-letters/resend");
        assert_eq!(world.admin(Method::POST, &all).await.expect(200).json(), json!({"count": 0}));
    }
);

story!(
    replicas_that_are_killed_lose_none_and_keep_the_order,
    settings = [("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true")],
    async |world: World| {
        let (acme, hook) = (world.account("acme").await, Hook::start());
        let made = webhook(&acme, &hook, json!({})).await;
        let mut reader = Reader::of(&acme);
        reader.cursor = Some(text(&made["cursor"]));
        let two = !matches!(Behind::of(&world).kind(), gateway::storage::AnyConn::Sqlite(_));
        for round in 0..3 {
            if two {
                world.add_replica().await;
            }
            for n in 0..12 {
                acme.user(&format!("user-{round}-{n}@acme.test")).create().await;
            }
            let before = hook.sent().len();
            hook.until("some of it was sent", |sent| sent.len() > before.max(round * 12)).await;
            world.kill();
            world.start_again().await;
            // As if the time of the lease had passed.
            world.alter("UPDATE receivers SET lease_ends = 0");
        }
        let told = reader.rest().await;
        let last = text(&told.last().expect("there are some")["id"]);
        let sent = hook.until("it has the last", |sent| sent.iter().any(|sent| sent.event()["id"] == last)).await;
        // Without what came again, it is the feed.
        let mut places: Vec<(i64, String)> = Vec::new();
        for sent in &sent {
            if places.last().is_none_or(|(place, _)| sent.place() > *place) {
                places.push((sent.place(), text(&sent.event()["id"])));
            }
        }
        let ids: Vec<String> = places.into_iter().map(|(_, id)| id).collect();
        assert_eq!(
            ids,
            told.iter().map(|event| text(&event["id"])).collect::<Vec<_>>(),
            "none is missing, and none is before another"
        );
    }
);
