//! Security events are fetched from an identity provider's transmitter (Shared Signals, delivery by poll: RFC 8936).

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, items, text};
use crate::support::console::NO_APP;
use crate::support::database::Behind;
use crate::support::hook::Behaviour;
use crate::support::key_server::SigningKey;
use crate::support::poll_transmitter::PollTransmitter;
use crate::support::signal_sender::{REACH, SignalSender, by_email};
use crate::support::testing::World;

const REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const DISABLED: &str = "https://schemas.openid.net/secevent/risc/event-type/account-disabled";
const TOKEN: &str = "poll-token.0123456789_abc~";

/// How long after an answer it is asked again, and a little.
const NEXT: Duration = Duration::from_secs(11);
/// Longer than any pause after failures.
const LATER: Duration = Duration::from_secs(700);

async fn told(account: &Account, action: &str) -> Vec<Value> {
    items(&account.world.admin_get(&format!("/audit?account={}&action={action}&limit=100", account.id)).await)
}

async fn standing(account: &Account) -> Value {
    account.admin_get("/signal-poll").await
}

/// Waits until polling stands so.
async fn until_it_stands(account: &Account, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let found = crate::refusal_codes::until(async || Some(standing(account).await).filter(|standing| is_so(standing)));
    found.await.unwrap_or_else(|| panic!("{what}: not so"))
}

story!(
    what_is_fetched_is_done_once_by_one_replica_and_then_acknowledged,
    moving_clock,
    settings = [REACH],
    async |world: World| {
        world.add_replica().await;
        let (acme, other) = (world.account("acme").await, world.account("other").await);
        let (provider, transmitter) = (SignalSender::of(&acme).await, PollTransmitter::start());
        let ada = acme.user("ada@acme.test").role("master_admin").create().await;
        let ben = acme.user("ben@acme.test").role("master_admin").create().await;
        let twin = other.user("ada@acme.test").role("master_admin").create().await;
        let ours = acme.connect_identity_provider_as(&ada).await;
        let bens = acme.connect_identity_provider_as(&ben).await;
        let theirs = other.connect_identity_provider_as(&twin).await;

        // More than are asked for at once.
        let mut names = Vec::new();
        for n in 0..40 {
            let (event, address) = if n == 39 { (DISABLED, "ada@acme.test") } else { (REVOKED, "eve@acme.test") };
            let (jti, token) = provider.set(event, &by_email(address), &json!({}));
            transmitter.keeps(&jti, token);
            names.push(jti);
        }
        provider.is_polled_at(&transmitter.url(), TOKEN).await;
        transmitter.until("all are acknowledged", || transmitter.waiting() == 0).await;
        let mut acked = transmitter.acked();
        acked.sort();
        names.sort();
        assert_eq!(acked, names, "each once");
        for _ in 0..2 {
            ours.get("/Users").await.expect(401);
            bens.get("/Users").await.expect(200);
            theirs.get("/Users").await.expect(200);
        }
        assert_eq!(told(&acme, "signal.received").await.len(), 40);
        assert_eq!(told(&acme, "sessions.revoked").await.len(), 1);
        assert!(transmitter.asked().iter().all(|sent| sent.headers["authorization"] == format!("Bearer {TOKEN}")));
        until_it_stands(&acme, "it went well", |standing| {
            standing["failures"] == 0 && !standing["last_event"].is_null() && !standing["last_answer"].is_null()
        })
        .await;

        // From then on one of the two asks, each ten seconds.
        let so_far = transmitter.asked().len();
        for n in 1..=4 {
            let before = text(&standing(&acme).await["last_answer"]);
            world.pass(NEXT);
            transmitter.until("it is asked again", || transmitter.asked().len() >= so_far + n).await;
            until_it_stands(&acme, "it is noted", |standing| text(&standing["last_answer"]) != before).await;
        }
        assert_eq!(transmitter.asked().len(), so_far + 4, "by one replica");
        let empty: Value = serde_json::from_str(&transmitter.asked()[so_far].body).expect("JSON");
        assert_eq!(empty, json!({"maxEvents": 15, "returnImmediately": true}));
    }
);

story!(
    an_acknowledgement_that_gets_lost_makes_nothing_happen_twice,
    moving_clock,
    settings = [REACH],
    async |world: World| {
        let acme = world.account("acme").await;
        let (provider, transmitter) = (SignalSender::of(&acme).await, PollTransmitter::start());
        let ada = acme.user("ada@acme.test").role("master_admin").create().await;
        let ours = acme.connect_identity_provider_as(&ada).await;
        let (jti, token) = provider.set(REVOKED, &by_email("ada@acme.test"), &json!({}));
        transmitter.keeps(&jti, token);
        transmitter.loses_an_acknowledgement();
        provider.is_polled_at(&transmitter.url(), TOKEN).await;
        until_it_stands(&acme, "the acknowledgement got lost", |standing| standing["failures"] == 1).await;
        // It was done before.
        ours.get("/Users").await.expect(401);
        assert_eq!((transmitter.waiting(), transmitter.acked().len()), (1, 0));
        let since = acme.connect_identity_provider_as(&ada).await;
        world.pass(Duration::from_secs(30));
        transmitter.until("it is acknowledged", || transmitter.acked() == [jti.clone()]).await;
        since.get("/Users").await.expect(200);
        assert_eq!(told(&acme, "signal.received").await.len(), 1);
        // By push, too, it is known.
        let (jti, token) = provider.set(REVOKED, &by_email("ada@acme.test"), &json!({}));
        transmitter.keeps(&jti, token.clone());
        provider.pushes(&token).await.expect(202);
        since.get("/Users").await.expect(401);
        let again = acme.connect_identity_provider_as(&ada).await;
        until_it_stands(&acme, "it goes well", |standing| standing["failures"] == 0).await;
        world.pass(NEXT);
        transmitter.until("it is acknowledged", || transmitter.acked().contains(&jti)).await;
        again.get("/Users").await.expect(200);
    }
);

story!(
    what_is_not_believed_is_told_back_with_the_codes_of_the_rfc,
    moving_clock,
    settings = [REACH],
    async |world: World| {
        let acme = world.account("acme").await;
        let (provider, transmitter) = (SignalSender::of(&acme).await, PollTransmitter::start());
        let ada = acme.user("ada@acme.test").role("master_admin").create().await;
        let ours = acme.connect_identity_provider_as(&ada).await;
        let subject = by_email("ada@acme.test");
        let set = |more: Value| provider.set(REVOKED, &subject, &more);
        let forger = SigningKey::p256("sig-1");
        let claims = provider.event(REVOKED, &subject, &json!({}));
        let header = json!({"alg": "ES256", "typ": "secevent+jwt", "kid": "sig-1"});
        let mut expected = Vec::new();
        for ((jti, token), code) in [
            ((text(&claims["jti"]), forger.jwt_with(&header, &claims)), "invalid_key"),
            (set(json!({"iss": "https://evil.test"})), "invalid_issuer"),
            (set(json!({"aud": "https://evil.test"})), "invalid_audience"),
            (set(json!({"iat": 1})), "invalid_request"),
            (set(json!({"events": {}})), "invalid_request"),
            (("another".to_owned(), set(json!({})).1), "invalid_request"),
            (("nonsense".to_owned(), "nonsense".to_owned()), "invalid_request"),
            (("large".to_owned(), "x".repeat(70_000)), "invalid_request"),
            (
                (
                    "id-token".to_owned(),
                    provider.signed("JWT", &provider.event(REVOKED, &subject, &json!({"jti": "id-token"}))),
                ),
                "invalid_request",
            ),
        ] {
            transmitter.keeps(&jti, token);
            expected.push((jti, code));
        }
        transmitter.keeps("number", 7);
        expected.push(("number".to_owned(), "invalid_request"));
        let (unknown, token) = provider.set(REVOKED, &by_email("eve@acme.test"), &json!({}));
        transmitter.keeps(&unknown, token);
        provider.is_polled_at(&transmitter.url(), TOKEN).await;
        transmitter.until("all are told of", || transmitter.waiting() == 0).await;
        let errors = transmitter.errors();
        for (jti, code) in &expected {
            assert_eq!(errors[jti]["err"], *code, "{jti}: {errors:?}");
            assert!(errors[jti]["description"].is_string(), "{errors:?}");
        }
        assert_eq!((errors.len(), transmitter.acked()), (expected.len(), vec![unknown]));
        ours.get("/Users").await.expect(200);
        let refused = told(&acme, "signal.refused").await;
        assert_eq!(refused.len(), expected.len(), "{refused:?}");
        assert!(refused.iter().any(|row| text(&row["detail"]).contains("invalid_key")), "{refused:?}");
        // A transmitter that hands out the same again and again is not asked without end, and not written of.
        let asked = transmitter.asked().len();
        transmitter.keeps("nonsense", "nonsense");
        transmitter
            .does(Some(Behaviour::Says(json!({"sets": {"nonsense": "nonsense"}, "moreAvailable": true}).to_string())));
        world.pass(NEXT);
        transmitter.until("it is asked", || transmitter.asked().len() >= asked + 2).await;
        let before = text(&standing(&acme).await["last_answer"]);
        world.pass(NEXT);
        until_it_stands(&acme, "it is noted", |standing| text(&standing["last_answer"]) != before).await;
        assert!(transmitter.asked().len() <= asked + 6, "{}", transmitter.asked().len());
        assert_eq!(told(&acme, "signal.refused").await.len(), expected.len());
    }
);

story!(
    a_transmitter_that_does_not_answer_well_is_tried_again_and_the_operator_sees_it,
    moving_clock,
    settings = [REACH],
    async |world: World| {
        let acme = world.account("acme").await;
        let (provider, transmitter) = (SignalSender::of(&acme).await, PollTransmitter::start());
        let ada = acme.user("ada@acme.test").role("master_admin").create().await;
        let (jti, token) = provider.set(REVOKED, &by_email("ada@acme.test"), &json!({}));
        transmitter.keeps(&jti, token.clone());
        let named = json!({"sets": {jti.as_str(): token}}).to_string();
        for (n, (instead, problem)) in [
            (Behaviour::Status(503, "busy"), "it answered 503: busy"),
            (Behaviour::Status(401, ""), "it answered 401"),
            (Behaviour::With(302, "location: http://127.0.0.1:1/"), "a redirect"),
            (Behaviour::Status(200, "<html>"), "no JSON object"),
            (Behaviour::Status(200, "{\"sets\": 7}"), "no JSON object"),
            (Behaviour::Large(10 << 20), "1024 KiB"),
            (Behaviour::Silent, "no answer came"),
        ]
        .into_iter()
        .enumerate()
        {
            transmitter.does(Some(instead));
            match n {
                0 => provider.is_polled_at(&transmitter.url(), TOKEN).await,
                _ => world.pass(LATER),
            }
            let standing = until_it_stands(&acme, problem, |standing| standing["failures"] == n + 1).await;
            assert!(text(&standing["problem"]).contains(problem), "{problem}: {standing}");
            assert!(standing["failing_since"].is_string() && standing["next_poll"].is_string(), "{standing}");
        }
        let failed = told(&acme, "signal.poll_failed").await;
        assert_eq!(failed.len(), 1, "once for all of it: {failed:?}");
        let metrics = async || {
            let scraped = world.get("/metrics").bearer(crate::support::testing::OPERATOR).await.expect(200);
            String::from_utf8(scraped.body.to_vec()).expect("text")
        };
        let shown = metrics().await;
        assert!(shown.contains("gateway_signal_polls{state=\"failing\"} 1"), "{shown}");
        assert!(shown.contains("gateway_signal_poll_requests_total{outcome=\"failed\"} 7"), "{shown}");

        // Its keys cannot be read: neither taken nor refused.
        provider.server.be_tenant("acme", &json!({"keys": "none"}));
        transmitter.does(Some(Behaviour::Says(named)));
        world.pass(LATER);
        let standing = until_it_stands(&acme, "no keys", |standing| standing["failures"] == 8).await;
        assert!(text(&standing["problem"]).contains("keys of"), "{standing}");
        assert!(transmitter.errors().is_empty() && transmitter.acked().is_empty());
        assert!(told(&acme, "sessions.revoked").await.is_empty());

        // All is well again, and nothing is lost.
        provider.server.be_tenant("acme", &provider.key.jwks());
        transmitter.does(None);
        world.pass(LATER);
        transmitter.until("it is acknowledged", || transmitter.acked() == [jti.clone()]).await;
        let done = told(&acme, "sessions.revoked").await;
        assert!(done.len() == 1 && done[0]["target"] == ada.id.as_str(), "{done:?}");
        until_it_stands(&acme, "it goes well", |standing| standing["failures"] == 0 && standing["problem"].is_null())
            .await;
        assert_eq!(told(&acme, "signal.poll_recovered").await.len(), 1);
        assert!(metrics().await.contains("gateway_signal_polls_failing_seconds 0"));
    }
);

story!(where_events_are_fetched_is_set_like_every_address_and_its_token_is_kept_sealed, async |world: World| {
    let acme = world.account("acme").await;
    let change = async |body: Value| acme.admin(Method::PATCH, "/sign-in").json(&body).await;
    let poll = |endpoint: &str, token: &str| json!({"signal_poll": {"endpoint": endpoint, "token": token}});
    let early = change(poll("https://id.acme.example/poll", TOKEN)).await.expect(400).json();
    assert!(text(&early["errors"][0]["detail"]).contains("issuer"), "{early}");
    change(json!({"signals": {"issuer": "https://id.acme.example"}})).await.expect(200);
    for endpoint in ["http://id.acme.example/poll", "https://10.0.0.1/poll", "https://169.254.169.254/", "poll", ""] {
        let refused = change(poll(endpoint, TOKEN)).await.expect(400).json();
        assert_eq!(refused["errors"][0]["field"], "signal_poll.endpoint", "{endpoint}: {refused}");
    }
    for token in ["two words", "a\"b", "ü", "a,b"] {
        let refused = change(poll("https://id.acme.example/poll", token)).await.expect(400).json();
        assert_eq!(refused["errors"][0]["field"], "signal_poll.token", "{token}: {refused}");
    }
    let set = change(poll("https://id.acme.example/poll", TOKEN)).await.expect(200);
    assert!(!set.json().to_string().contains(TOKEN), "never read back");
    let shown = |set: &Value| set["signals"]["poll"].clone();
    let is = |endpoint: &str, has_token: bool| json!({"endpoint": endpoint, "has_token": has_token});
    assert_eq!(shown(&set.json()), is("https://id.acme.example/poll", true));
    assert!(!Behind::of(&world).dump().contains(TOKEN), "it is sealed");
    let rows = told(&acme, "account.sign_in_changed").await;
    assert!(rows.iter().any(|row| row.to_string().contains("id.acme.example/poll")), "{rows:?}");
    assert!(!rows.iter().any(|row| row.to_string().contains(TOKEN)), "{rows:?}");
    // The token stays with its endpoint, and with no other.
    let kept = change(json!({"signal_poll": {"endpoint": "https://id.acme.example/poll"}})).await.expect(200).json();
    assert_eq!(shown(&kept), is("https://id.acme.example/poll", true));
    let moved = change(json!({"signal_poll": {"endpoint": "https://evil.example/poll"}})).await.expect(200).json();
    assert_eq!(shown(&moved), is("https://evil.example/poll", false));
    // What verifies events does not go before what fetches them.
    let needed = change(json!({"signals": null})).await.expect(400).json();
    assert_eq!(needed["errors"][0]["field"], "signal_poll", "{needed}");
    let none = change(json!({"signals": null, "signal_poll": null})).await.expect(200).json();
    assert_eq!((shown(&none), standing(&acme).await["endpoint"].clone()), (Value::Null, Value::Null));
});

story!(events_are_fetched_as_the_console_says, settings = [NO_APP, REACH], async |world: World| {
    let (acme, nora) = (world.account("acme").await, world.operator("nora@vendor.test", "csm").await);
    let provider = SignalSender::of(&acme).await;
    let transmitter = PollTransmitter::start();
    let path = format!("/accounts/{}/sign-in", acme.id);
    let page = nora.open(&path).await;
    let html = page.answer.text();
    assert!(html.contains(&provider.events) && html.contains(&provider.endpoint), "what is copied to the provider");
    let (jti, token) = provider.set(REVOKED, &by_email("eve@acme.test"), &json!({"aud": "https://stream.test/7"}));
    transmitter.keeps(&jti, token);
    let url = transmitter.url();
    let typed = [("signals_audience", "https://stream.test/7"), ("poll_endpoint", url.as_str()), ("poll_token", TOKEN)];
    let saved = nora.press(&page, "Save", &typed).await;
    assert!(saved.words().contains("is saved"), "{}", saved.words());
    assert!(!saved.answer.text().contains(TOKEN));
    transmitter.until("it is acknowledged", || transmitter.acked() == [jti.clone()]).await;
    until_it_stands(&acme, "it went well", |standing| !standing["last_event"].is_null()).await;
    let page = nora.open(&path).await;
    assert!(page.words().contains("last event"), "{}", page.words());
    // What is wrong is told at its field, and what is empty ends it.
    let wrong = nora.press(&page, "Save", &[("poll_token", "two words")]).await;
    assert!(wrong.words().contains("must be a bearer token"), "{}", wrong.words());
    nora.press(&nora.open(&path).await, "Save", &[("poll_endpoint", "")]).await;
    assert_eq!(acme.admin_get("/sign-in").await["signals"]["poll"], Value::Null);
});
