//! Streams of security event tokens that are pushed (RFC 8935): what arrives, what an answer means, and that only those get tokens who may.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{items, text};
use crate::support::database::Behind;
use crate::support::hook::{Behaviour, Hook, Sent};
use crate::support::set_receiver::{SetReceiver, Stream, Told, events};
use crate::support::testing::World;

fn pushed(hook: &Hook) -> Value {
    let delivery =
        json!({"method": "urn:ietf:rfc:8935", "endpoint_url": hook.url(), "authorization_header": "Bearer s3cr3t"});
    json!({ "delivery": delivery })
}

/// One that takes what it gets, and its stream.
async fn receiving(world: &World, receiver: &SetReceiver) -> (Hook, Stream) {
    let hook = Hook::start();
    hook.answers(|_| Behaviour::Status(202, ""));
    let stream = receiver.stream(&pushed(&hook)).await;
    assert_eq!(stream.configuration["iss"], world.gateway.public_url);
    (hook, stream)
}

/// What arrived, verified as what is polled is.
async fn believed(stream: &Stream, sent: &[Sent]) -> Vec<Told> {
    let keys = stream.receiver.world.get("/.well-known/jwks.json").await.expect(200).json();
    let one = |sent: &Sent| {
        let jti = crate::support::jwt::Jwt::read(&sent.body).claims["jti"].clone();
        (text(&jti), stream.believed(&keys, &text(&jti), &json!(sent.body)))
    };
    sent.iter().map(one).collect()
}

story!(
    tokens_are_sent_to_the_receiver_in_their_order_with_its_authorization,
    settings = [("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true")],
    async |world: World| {
        let acme = world.account("acme").await;
        let receiver = SetReceiver::of(&world, Some(&acme)).await;
        let (hook, stream) = receiving(&world, &receiver).await;
        let delivery = json!({"method": "urn:ietf:rfc:8935", "endpoint_url": hook.url()});
        assert_eq!(stream.configuration["delivery"], delivery, "what is secret is not shown");
        let polled = receiver.stream(&json!({})).await;
        for n in 0..5 {
            acme.user(&format!("user{n}@acme.test")).create().await;
        }
        receiver.send("POST", "/verify", &json!({"stream_id": stream.id, "state": "b1946ac9"})).await.expect(204);
        let sent = hook.until("it has all", |sent| sent.len() >= 6).await;
        for sent in &sent {
            assert_eq!(sent.headers["content-type"], "application/secevent+jwt");
            assert_eq!(sent.headers["authorization"], "Bearer s3cr3t");
        }
        let told = believed(&stream, &sent).await;
        let (own, told): (Vec<Told>, Vec<Told>) =
            told.into_iter().partition(|(_, claims)| claims["sub_id"]["format"] == "opaque");
        assert_eq!(
            (events(&own), own[0].1["sub_id"]["id"].clone()),
            (vec!["verification".to_owned()], json!(stream.id))
        );
        let (polled, txns) = (polled.told(json!({})).await, |told: &[Told]| {
            told.iter().map(|(_, claims)| text(&claims["txn"])).collect::<Vec<_>>()
        });
        assert_eq!(txns(&told), txns(&polled), "each once, as they are polled");
        let dump = Behind::of(&world).dump();
        assert!(!dump.contains("s3cr3t") && !world.logs().contains("s3cr3t"), "it is kept sealed");
        let path = format!("/ssf/streams/{}/poll", stream.id);
        world.post(&path).bearer(&receiver.token).json(&json!({})).await.expect_problem(409);
    }
);

story!(
    only_202_takes_a_token_and_all_else_is_tried_again,
    moving_clock,
    settings = [("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true")],
    async |world: World| {
        let acme = world.account("acme").await;
        let receiver = SetReceiver::of(&world, Some(&acme)).await;
        let (hook, stream) = receiving(&world, &receiver).await;
        let mut answers = vec![(202, ""), (503, "down"), (200, "fine")];
        hook.answers(move |_| {
            let (status, body) = answers.pop().unwrap_or((202, ""));
            Behaviour::Status(status, body)
        });
        acme.user("ana@acme.test").create().await;
        acme.user("ben@acme.test").create().await;
        let sent = hook.until("it was sent", |sent| sent.len() == 1).await;
        world.pass(Duration::from_secs(7));
        hook.until("it was sent again", |sent| sent.len() == 2).await;
        world.pass(Duration::from_secs(3600));
        let all = hook.until("it has both", |sent| sent.len() == 4).await;
        let told = believed(&stream, &all).await;
        assert_eq!(told[0].0, believed(&stream, &sent).await[0].0);
        assert!(told[0] == told[1] && told[1] == told[2] && told[2].0 != told[3].0, "the same token until it is taken");
        // What is refused with a code, while others are taken, is put aside for an operator to see.
        let is_refused = |sent: &Sent| sent.body.len() > 10_000;
        hook.answers(move |sent| match is_refused(sent) {
            true => Behaviour::Status(400, r#"{"err": "invalid_request", "description": "too much"}"#),
            false => Behaviour::Status(202, ""),
        });
        let mut large = acme.user("cas@acme.test");
        large.body["title"] = json!("x".repeat(9_000));
        large.create().await;
        acme.user("dan@acme.test").create().await;
        for tries in 5..8 {
            hook.until("it was tried", |sent| sent.len() >= tries).await;
            world.pass(Duration::from_secs(3600));
        }
        let letters = || {
            Behind::of(&world)
                .number("SELECT COUNT(*) AS n FROM dead_letters WHERE problem LIKE '%invalid_request, too much%'")
        };
        while letters() == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let status = receiver.get(&format!("/status?stream_id={}", stream.id)).await.expect(200).json();
        let refused = &status["refused"];
        assert_eq!(
            (&refused["err"], &refused["description"], &refused["count"]),
            (&json!("invalid_request"), &json!("too much"), &json!(1))
        );
        let last = hook.taken().pop().expect("one was taken");
        assert_eq!(believed(&stream, &[last]).await[0].1["sub_id"]["userName"], "dan@acme.test");
        // An operator sees it, and has it sent again, by the stream's id.
        let path = format!("/webhooks/{}/dead-letters", stream.id);
        let letters = items(&world.admin_get(&path).await);
        assert_eq!((letters.len(), &letters[0]["type"]), (1, &json!("user.created")), "{letters:?}");
        let requests = items(&world.admin_get(&format!("/webhooks/{}/deliveries", stream.id)).await);
        assert_eq!(requests[0]["status"], 202, "{requests:?}");
        let other = world.account("orchard").await;
        let limited = json!({"name": "theirs", "role": "platform", "accounts": [other.id]});
        let theirs = text(&world.admin(Method::POST, "/operators").json(&limited).await.expect(201).json()["token"]);
        world.get(&format!("/admin{path}")).bearer(&theirs).await.expect_problem(404);
        hook.answers(|_| Behaviour::Status(202, ""));
        world.admin(Method::POST, &format!("{path}/resend")).json(&json!({})).await.expect(200);
        while !items(&world.admin_get(&path).await).is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let last = hook.taken().pop().expect("it was sent again");
        let (jti, claims) = believed(&stream, &[last]).await.remove(0);
        assert_eq!((&claims["sub_id"]["userName"], &json!(jti)), (&json!("cas@acme.test"), &refused["jti"]));
    }
);

story!(
    a_stream_goes_from_polling_to_pushing_and_back_and_loses_nothing,
    settings = [("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true")],
    async |world: World| {
        let acme = world.account("acme").await;
        let receiver = SetReceiver::of(&world, Some(&acme)).await;
        let stream = receiver.stream(&json!({})).await;
        acme.user("ana@acme.test").create().await;
        acme.user("ben@acme.test").create().await;
        let told = stream.told(json!({})).await;
        assert_eq!(stream.take(&told[..1]).await.len(), 1);
        let hook = Hook::start();
        hook.answers(|_| Behaviour::Status(202, ""));
        let change = |delivery: &Value| {
            receiver.send("PATCH", "/stream", &json!({"stream_id": stream.id, "delivery": delivery}))
        };
        change(&pushed(&hook)["delivery"]).await.expect(200);
        let sent = hook.until("it has the one that was not taken", |sent| sent.len() == 1).await;
        assert_eq!(believed(&stream, &sent).await, told[1..]);
        // The header stays with the address, and goes with another one.
        let same = json!({"method": "urn:ietf:rfc:8935", "endpoint_url": hook.url()});
        change(&same).await.expect(200);
        let kept = || Behind::of(&world).number("SELECT COUNT(*) AS n FROM event_streams WHERE sealed IS NOT NULL");
        assert_eq!(kept(), 1);
        let mut none = same.clone();
        none["authorization_header"] = Value::Null;
        change(&none).await.expect(200);
        assert_eq!(kept(), 0);
        while Behind::of(&world).number("SELECT position AS n FROM receivers")
            < Behind::of(&world).number("SELECT MAX(seq) AS n FROM events WHERE kind LIKE 'user.%'")
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        change(&json!({"method": "urn:ietf:rfc:8936"})).await.expect(200);
        assert_eq!(Behind::of(&world).number("SELECT COUNT(*) AS n FROM receivers"), 0);
        assert_eq!(stream.told(json!({})).await, []);
        acme.user("cas@acme.test").create().await;
        assert_eq!(events(&stream.told(json!({})).await), ["create:full"]);
        assert_eq!(hook.sent().len(), 1);
    }
);

story!(
    a_stream_that_is_paused_or_whose_key_is_disabled_gets_nothing,
    moving_clock,
    settings = [("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true")],
    async |world: World| {
        let acme = world.account("acme").await;
        let receiver = SetReceiver::of(&world, Some(&acme)).await;
        let (hook, stream) = receiving(&world, &receiver).await;
        let turn = |status: &str| receiver.send("POST", "/status", &json!({"stream_id": stream.id, "status": status}));
        turn("paused").await.expect(200);
        acme.user("ana@acme.test").create().await;
        turn("enabled").await.expect(200);
        hook.until("what waited has come", |sent| sent.len() == 1).await;
        receiver.key.admin(Method::PATCH, "").json(&json!({"disabled": true})).await.expect(200);
        acme.user("ben@acme.test").create().await;
        let held = || Behind::of(&world).number("SELECT COUNT(*) AS n FROM receivers WHERE problem LIKE '%disabled%'");
        while held() == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(hook.sent().len(), 1);
        receiver.key.admin(Method::PATCH, "").json(&json!({"disabled": false})).await.expect(200);
        world.pass(Duration::from_secs(7));
        hook.until("it goes on", |sent| sent.len() == 2).await;
        // An operator who stops it is told of, and what happens while it is disabled is not.
        let off = json!({"stream_id": stream.id, "status": "disabled", "reason": "No."});
        world.post("/ssf/status").bearer(crate::support::testing::OPERATOR).json(&off).await.expect(200);
        let sent = hook.until("it is told so", |sent| sent.len() == 3).await;
        assert_eq!(events(&believed(&stream, &sent[2..]).await), ["stream-updated"]);
        acme.user("cas@acme.test").create().await;
        turn("enabled").await.expect(200);
        acme.user("dan@acme.test").create().await;
        let sent = hook.until("it goes on", |sent| sent.len() == 4).await;
        assert_eq!(believed(&stream, &sent[3..]).await[0].1["sub_id"]["userName"], "dan@acme.test");
        let receivers = || Behind::of(&world).number("SELECT COUNT(*) AS n FROM receivers");
        let other = receiver.stream(&pushed(&hook)).await;
        assert_eq!(receivers(), 2);
        world
            .call(Method::DELETE, &format!("/ssf/stream?stream_id={}", other.id))
            .bearer(&receiver.token)
            .await
            .expect(204);
        assert_eq!(receivers(), 1);
        receiver.key.admin(Method::DELETE, "").await.expect(204);
        assert_eq!(receivers(), 0);
        let trail = world.admin_get(&format!("/audit?account={}&action=event_stream.changed", acme.id)).await;
        assert!(items(&trail).len() >= 4);
    }
);

story!(a_receiver_inside_the_network_is_refused, async |world: World| {
    let acme = world.account("acme").await;
    let receiver = SetReceiver::of(&world, Some(&acme)).await;
    for endpoint in [
        "http://receiver.example/",
        "https://127.0.0.1/",
        "https://10.0.0.7/x",
        "https://169.254.169.254/",
        "https://localhost/",
        "events",
        "",
    ] {
        let body = json!({"delivery": {"method": "urn:ietf:rfc:8935", "endpoint_url": endpoint}});
        let problem = receiver.send("POST", "/stream", &body).await.expect_problem(400);
        assert_eq!(problem["errors"][0]["field"], "delivery.endpoint_url", "{endpoint}: {problem}");
    }
    let header = json!({"method": "urn:ietf:rfc:8935", "endpoint_url": "https://receiver.example/", "authorization_header": "Bearer \u{e9}"});
    receiver.send("POST", "/stream", &json!({ "delivery": header })).await.expect_problem(400);
    receiver.send("POST", "/stream", &json!({"delivery": {"method": "urn:ietf:rfc:8935"}})).await.expect_problem(400);
    assert_eq!(receiver.get("/stream").await.expect(200).json(), json!([]));
});
