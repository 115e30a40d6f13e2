//! The feed is delivered to receivers: what comes of answers, in which order, and what is held.

use std::time::Duration;

use gateway::domain::receiver::standard_webhook::{Secret, Signature};
use gateway::domain::receiver::{Form, State};
use gateway::domain::sealing::RECEIVER_SECRET;
use gateway::storage::receivers::NewReceiver;

use crate::support::database::Behind;
use crate::support::feed::{Reader, types};
use crate::support::hook::{Behaviour, Hook, Sent};
use crate::support::identity_provider::a_user;
use crate::support::testing::{OPERATOR, World};

/// Makes a receiver of all accounts; gives its secret.
fn receiver(world: &World, hook: &Hook) -> String {
    let mut behind = Behind::of(world);
    let keys = behind.keys();
    let secret = Secret::of(Signature::V1, [9; 32]).written().to_string();
    let new = NewReceiver {
        id: "receiver".to_owned(),
        account: None,
        form: Form::StandardWebhook,
        url: hook.url(),
        description: String::new(),
        types: None,
        secret: Some(keys.seal(RECEIVER_SECRET, [1; 24], secret.as_bytes())),
        position: 0,
        state: State::Enabled,
    };
    behind.work(|tx| tx.insert_receiver(&new, tx.now()));
    secret
}

story!(
    a_receiver_gets_the_feed_in_its_order_signed,
    settings = [("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true")],
    async |world: World| {
        let hook = Hook::start();
        let secret = receiver(&world, &hook);
        let acme = world.account("acme").await;
        let idp = acme.connected_identity_provider().await;
        let ana = idp.create_user(&a_user("ana@acme.test")).await;
        idp.patch(&ana).replace("role", "admin").await.expect(200);
        idp.create_group("Editors", &[&ana]).await;
        idp.delete(&ana).await.expect(204);
        let told = Reader::of_all(&world).rest().await;
        let sent = hook.until("it has all", |sent| sent.len() >= told.len()).await;
        assert_eq!(sent.iter().map(|sent| sent.kind()).collect::<Vec<_>>(), types(&told));
        for (sent, told) in sent.iter().zip(&told) {
            assert!(sent.is_signed_by(&secret), "{sent:?}");
            let mut event = sent.event();
            let timestamp = event.as_object_mut().and_then(|event| event.remove("timestamp"));
            assert_eq!((&event, timestamp.as_ref()), (told, Some(&told["time"])), "the event as it is polled");
            assert!(sent.id().starts_with(told["id"].as_str().unwrap_or("none")));
        }
    }
);

story!(
    a_receiver_that_fails_is_tried_again_and_gets_everything_in_order,
    moving_clock,
    settings = [("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true")],
    async |world: World| {
        let hook = Hook::start();
        receiver(&world, &hook);
        hook.answers(|_| Behaviour::Status(500, "down"));
        let acme = world.account("acme").await;
        let first = hook.until("it was tried", |sent| sent.len() == 1).await.remove(0);
        for n in 0..5 {
            acme.user(&format!("user-{n}@acme.test")).create().await;
        }
        // It is tried again after the pause, and not before; what follows waits.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(hook.sent().len(), 1);
        let scraped = world.get("/metrics").bearer(OPERATOR).await.expect(200).text();
        for counted in [
            r#"gateway_receivers{form="standard-webhook",state="held"} 1"#,
            r#"gateway_deliveries_total{form="standard-webhook",outcome="failed"} 1"#,
        ] {
            assert!(scraped.lines().any(|line| line == counted), "{counted} is not in {scraped}");
        }
        world.pass(Duration::from_secs(7));
        let sent = hook.until("it was tried again", |sent| sent.len() == 2).await;
        assert_eq!((sent[1].id(), &sent[1].body), (first.id(), &first.body), "the same, under the same id");
        hook.answers(|_| Behaviour::Status(200, "ok"));
        world.pass(Duration::from_secs(400));
        let told = Reader::of_all(&world).rest().await;
        hook.until("it has all", |sent| sent.len() == told.len() + 2).await;
        assert_eq!(hook.taken().iter().map(|sent| sent.kind()).collect::<Vec<_>>(), types(&told));
        assert!(hook.taken().windows(2).all(|two| two[0].place() < two[1].place()));
    }
);

/// Of the only receiver.
fn state(world: &World) -> (State, String, i64) {
    let receiver = Behind::of(world).work(|tx| tx.receiver("receiver")).expect("it is there");
    (receiver.state, receiver.problem.unwrap_or_default(), receiver.position)
}

story!(
    an_event_that_is_refused_while_others_are_taken_is_a_dead_letter,
    moving_clock,
    settings = [("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true")],
    async |world: World| {
        let hook = Hook::start();
        receiver(&world, &hook);
        let is_poison = |sent: &Sent| sent.event()["subject"]["name"] == "poison@acme.test";
        hook.answers(move |sent| Behaviour::Status(if is_poison(sent) { 422 } else { 204 }, ""));
        let acme = world.account("acme").await;
        acme.user("ana@acme.test").create().await;
        acme.user("poison@acme.test").create().await;
        acme.user("ben@acme.test").create().await;
        let refused = |sent: &[Sent]| sent.iter().filter(|sent| sent.status == 422).count();
        for (tries, pause) in [(1, 7), (2, 400), (3, 0)] {
            hook.until("it is tried", |sent| refused(sent) == tries).await;
            if tries < 3 {
                let taken = hook.taken();
                assert!(
                    !taken.iter().any(|sent| sent.body.contains("ben@acme.test")),
                    "what follows waits: {taken:#?}"
                );
            }
            world.pass(Duration::from_secs(pause));
        }
        let told = Reader::of_all(&world).rest().await;
        hook.until("it has all others", |_| hook.taken().len() == told.len() - 1).await;
        let mut behind = Behind::of(&world);
        let receiver = behind.work(|tx| tx.receiver("receiver")).expect("it is there");
        let letters = loop {
            let letters = behind.work(|tx| tx.dead_letters_after(receiver.seq, 0, 10));
            if !letters.is_empty() {
                break letters;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let poison = hook.sent().into_iter().find(is_poison).expect("it was sent");
        assert_eq!((letters.len(), letters[0].event, letters[0].tries), (1, poison.place(), 3));
        assert_eq!((letters[0].status, letters[0].problem.as_str()), (Some(422), "it answered 422"));
        // Sent again, it is refused again, and stays; mended, it is taken, and goes.
        for (status, left) in [(400, 1), (200, 0)] {
            hook.answers(move |_| Behaviour::Status(status, ""));
            let before = hook.sent().len();
            assert_eq!(behind.work(|tx| tx.want_dead_letters(receiver.seq, None, tx.now())), 1);
            let sent = hook.until("it is sent again", |sent| sent.len() > before).await;
            assert_eq!((sent[before].id(), &sent[before].body), (poison.id(), &poison.body));
            while behind.number("SELECT COUNT(*) AS n FROM dead_letters WHERE wanted IS NOT NULL") > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            assert_eq!(behind.work(|tx| tx.count_dead_letters(receiver.seq)), left);
        }
        assert_eq!(hook.sent().len(), told.len() + 4);
    }
);

story!(
    a_receiver_that_answers_strangely_is_bounded_and_held,
    moving_clock,
    settings = [("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true")],
    async |world: World| {
        let hook = Hook::start();
        receiver(&world, &hook);
        hook.answers(|_| Behaviour::With(302, "location: http://127.0.0.1:1/elsewhere"));
        let acme = world.account("acme").await;
        hook.until("it was sent", |sent| sent.len() == 1).await;
        let held = async |tries: usize, problem: &str| {
            hook.until("it was tried", |sent| sent.len() == tries).await;
            while !state(&world).1.contains(problem) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        held(1, "a redirect, and redirects are not followed").await;
        // It says when it will be well.
        hook.answers(|_| Behaviour::With(503, "retry-after: 900"));
        world.pass(Duration::from_secs(7));
        held(2, "it answered 503").await;
        world.pass(Duration::from_secs(600));
        tokio::time::sleep(Duration::from_millis(1200)).await;
        assert_eq!(hook.sent().len(), 2, "it asked for fifteen minutes");
        // It never answers: others are served meanwhile, and it is left.
        hook.answers(|_| Behaviour::Silent);
        world.pass(Duration::from_secs(600));
        hook.until("it was sent", |sent| sent.len() == 3).await;
        acme.user("ana@acme.test").create().await;
        held(3, "no answer came from its host within 15 seconds").await;
        // It answers ten megabytes.
        hook.answers(|_| Behaviour::Large(10 << 20));
        world.pass(Duration::from_secs(4000));
        let told = Reader::of_all(&world).rest().await;
        hook.until("it has all", |_| hook.taken().len() == told.len()).await;
        // It is gone.
        hook.answers(|_| Behaviour::Status(410, "bye"));
        acme.user("ben@acme.test").create().await;
        let sent = hook.until("it was sent", |sent| sent.last().is_some_and(|last| last.status == 410)).await.len();
        while state(&world).0 != State::Stopped {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(state(&world).1, "it answered 410: bye");
        world.pass(Duration::from_secs(10_000));
        acme.user("eve@acme.test").create().await;
        tokio::time::sleep(Duration::from_millis(1200)).await;
        assert_eq!(hook.sent().len(), sent, "nothing is sent to one that is gone");
    }
);
