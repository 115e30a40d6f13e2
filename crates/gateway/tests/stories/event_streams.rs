//! What happened to users and groups as security event tokens (RFC 9967): streams of them (OpenID Shared Signals Framework 1.0), and polls
//! (RFC 8936).

use std::time::{Duration, Instant};

use gateway::platform::timestamp::Timestamp;
use serde_json::{Value, json};

use crate::support::account::{items, text};
use crate::support::database::Behind;
use crate::support::feed::Reader;
use crate::support::identity_provider::a_user;
use crate::support::set_receiver::{SetReceiver, events};
use crate::support::testing::World;

const PREFIX: &str = "urn:ietf:params:scim:event:prov:";

fn uri(name: &str) -> String {
    format!("{PREFIX}{name}")
}

story!(the_metadata_say_how_streams_are_made_and_read, async |world: World| {
    let metadata = world.get("/.well-known/ssf-configuration").await.expect(200).json();
    let base = &world.gateway.public_url;
    let openid = world.get("/.well-known/openid-configuration").await.expect(200).json();
    assert_eq!((&metadata["issuer"], &metadata["jwks_uri"]), (&openid["issuer"], &openid["jwks_uri"]));
    assert_eq!((&metadata["spec_version"], &metadata["default_subjects"]), (&json!("1_0"), &json!("ALL")));
    assert_eq!(metadata["authorization_schemes"][0]["spec_urn"], "urn:ietf:rfc:6749");
    for (name, path) in [("configuration", "stream"), ("status", "status"), ("verification", "verify")] {
        assert_eq!(metadata[format!("{name}_endpoint")], format!("{base}/ssf/{path}"));
    }
    let receiver = SetReceiver::of(&world, None).await;
    for method in metadata["delivery_methods_supported"].as_array().expect("methods") {
        let delivery = json!({"method": method, "endpoint_url": "https://receiver.example/events"});
        receiver.stream(&json!({ "delivery": delivery })).await;
    }
});

story!(what_happens_to_users_and_groups_is_told_by_signed_tokens, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let (own, every) = (SetReceiver::of(&world, Some(&acme)).await, SetReceiver::of(&world, None).await);
    let (own, every) = (own.stream(&json!({})).await, every.stream(&json!({"description": "All"})).await);
    assert_eq!(own.told(json!({})).await, [], "it tells what happens from now on");
    let mut reader = Reader::of(&acme);
    reader.rest().await;
    let mut user = a_user("ana@acme.test");
    user["password"] = json!("correct horse battery staple");
    let ana = idp.create_user(&user).await;
    let ben = idp.create_user(&a_user("ben@acme.test")).await;
    let group = idp.create_group("Editors", &[&ana]).await;
    idp.patch(&ana).replace("role", "admin").await.expect(200);
    idp.patch(&ben).replace("active", false).await.expect(200);
    idp.patch(&ben).replace("active", true).await.expect(200);
    idp.patch(&group).replace("displayName", "Editors EU").await.expect(204);
    idp.patch(&group).remove(&format!("members[value eq \"{}\"]", text(&ana["id"]))).await;
    idp.delete(&ben).await.expect(204);
    idp.delete(&group).await.expect(204);

    let told = own.told(json!({})).await;
    let expected = [
        "create:full",
        "create:full",
        "create:full",
        "patch:full",
        "put:full",
        "put:full",
        "deactivate",
        "put:full",
        "activate",
        "patch:full",
        "patch:full",
        "delete",
        "delete",
    ];
    assert_eq!(events(&told), expected);
    let (users, groups) = (text(&ana["id"]), text(&group["id"]));
    let of_ana = json!({"format": "scim", "uri": format!("/Users/{users}"), "id": users, "userName": "ana@acme.test"});
    let created = &told[0].1;
    assert_eq!((&created["sub_id"], &created["account_id"]), (&of_ana, &json!(acme.id)));
    let data = &created["events"][uri("create:full")]["data"];
    assert_eq!((&data["userName"], &data["id"]), (&json!("ana@acme.test"), &ana["id"]));
    assert!(data["schemas"].as_array().is_some_and(|schemas| !schemas.is_empty()), "{data}");
    assert_eq!(told[4].1["events"][uri("put:full")]["data"]["role"], "admin");
    let joined = &told[3].1["events"][uri("patch:full")]["data"]["Operations"];
    assert_eq!(joined[0]["value"][0]["value"], ana["id"], "{joined}");
    assert_eq!(told[3].1["sub_id"]["uri"], format!("/Groups/{groups}"));
    let left = json!({"op": "remove", "path": format!("members[value eq \"{users}\"]")});
    assert_eq!(told[10].1["events"][uri("patch:full")]["data"]["Operations"], json!([left]));
    assert_eq!((&told[11].1["events"][uri("delete")], &told[11].1["sub_id"]["id"]), (&json!({}), &ben["id"]));
    assert!(!json!(told.iter().map(|(_, claims)| claims).collect::<Vec<_>>()).to_string().contains("battery"));

    // It is what the feed tells, each once: the same happening to all streams, by tokens of their own.
    let feed = reader.rest().await;
    let prov: Vec<&Value> = feed
        .iter()
        .filter(|event| {
            ["user", "group"].contains(&text(&event["subject"]["type"]).as_str())
                && text(&event["type"]).split('.').next().is_some_and(|noun| noun != "access" && noun != "grants")
        })
        .collect();
    let of_feed: Vec<String> = prov.iter().map(|event| text(&event["id"])).collect();
    let txns: Vec<String> = told.iter().map(|(_, claims)| text(&claims["txn"])).collect();
    assert_eq!(txns, of_feed);
    let of_all = every.told(json!({})).await;
    assert_eq!(of_all.iter().map(|(_, claims)| text(&claims["txn"])).collect::<Vec<_>>(), txns);
    assert!(of_all.iter().zip(&told).all(|(one, other)| one.0 != other.0 && one.1["aud"] != other.1["aud"]));
    assert_eq!(own.take(&told).await, []);
    assert_eq!(every.take(&of_all[..12]).await, of_all[12..]);
});

story!(what_is_not_acknowledged_comes_again_from_every_replica_and_after_a_kill, async |world: World| {
    let acme = world.account("acme").await;
    let stream = SetReceiver::of(&world, Some(&acme)).await.stream(&json!({})).await;
    for n in 0..6 {
        acme.user(&format!("user{n}@acme.test")).create().await;
    }
    world.add_replica().await;
    // Requests alternate between the replicas.
    let told = stream.told(json!({})).await;
    assert_eq!(events(&told), ["create:full"; 6]);
    assert_eq!(stream.told(json!({})).await, told, "nothing is noted of what is told");
    let (first, rest) = (&told[..1], &told[1..]);
    // In any order, and more than once.
    let ids: Vec<&String> = [&told[4], &told[2], &told[4]].map(|(jti, _)| jti).into();
    let left = stream.told(json!({ "ack": ids })).await;
    assert_eq!(left, [&told[..2], &told[3..4], &told[5..]].concat());
    world.kill();
    world.start_again().await;
    assert_eq!(stream.told(json!({})).await, left);
    assert_eq!(stream.take(rest).await, first);
    assert_eq!(stream.take(first).await, []);
    assert_eq!(stream.take(&told).await, [], "what is acknowledged is not told again, however often it is");
    let number = |sql: &str| Behind::of(&world).number(sql);
    assert_eq!(number("SELECT position AS n FROM event_streams"), number("SELECT MAX(seq) AS n FROM events"));
});

story!(a_poll_says_how_many_it_wants_and_whether_it_waits, async |world: World| {
    let acme = world.account("acme").await;
    let stream = SetReceiver::of(&world, Some(&acme)).await.stream(&json!({})).await;
    for n in 0..3 {
        acme.user(&format!("user{n}@acme.test")).create().await;
    }
    let one = stream.poll(&json!({"maxEvents": 1})).await.expect(200).json();
    assert_eq!((one["sets"].as_object().map(|sets| sets.len()), &one["moreAvailable"]), (Some(1), &json!(true)));
    let told = stream.told(json!({})).await;
    assert_eq!(one["sets"].as_object().and_then(|sets| sets.keys().next()), Some(&told[0].0));
    let ids: Vec<&String> = told[..2].iter().map(|(jti, _)| jti).collect();
    let only = stream.poll(&json!({"maxEvents": 0, "ack": ids})).await.expect(200).json();
    assert_eq!(only, json!({"sets": {}, "moreAvailable": true}), "it only acknowledges");
    let last = stream.told(json!({})).await;
    assert_eq!(last, told[2..]);
    let nothing = stream.poll(&json!({"ack": [last[0].0], "returnImmediately": true})).await.expect(200).json();
    assert_eq!(nothing, json!({"sets": {}, "moreAvailable": false}));
    // One that waits is answered when there is something.
    let began = Instant::now();
    let (waiting, late) = (json!({}), acme.user("late@acme.test"));
    let (answer, _) = tokio::join!(stream.poll(&waiting), late.create());
    let answer = answer.expect(200).json();
    assert_eq!(answer["sets"].as_object().map(|sets| sets.len()), Some(1), "{answer}");
    assert!(began.elapsed() < Duration::from_secs(25));

    for (body, field) in [
        (json!({"maxEvents": -1}), "maxEvents"),
        (json!({"maxEvents": "1"}), "maxEvents"),
        (json!({"ack": "x"}), "ack"),
        (json!({"ack": [7]}), "ack[0]"),
        (json!({"setErrs": []}), "setErrs"),
        (json!({"returnImmediately": "yes"}), "returnImmediately"),
    ] {
        let problem = stream.poll(&body).await.expect_problem(400);
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    for body in ["[]", "{", "7"] {
        let path = text(&stream.configuration["delivery"]["endpoint_url"]);
        world.post(&path).bearer(&stream.receiver.token).body("application/json", body).await.expect_problem(400);
    }
    // What was never told means nothing, and does no harm.
    let unknown = json!({"ack": ["", "x", "a.1.99999999", "0198a6b2.1.-1"], "setErrs": {"y": {"err": "invalid_key"}}, "returnImmediately": true});
    let again = stream.poll(&unknown).await.expect(200).json();
    assert_eq!(again["sets"], answer["sets"]);
});

story!(a_token_that_is_refused_is_noted_and_not_told_again, async |world: World| {
    let acme = world.account("acme").await;
    let receiver = SetReceiver::of(&world, Some(&acme)).await;
    let stream = receiver.stream(&json!({})).await;
    acme.user("ana@acme.test").create().await;
    acme.user("ben@acme.test").create().await;
    let told = stream.told(json!({})).await;
    let errors = json!({&told[0].0: {"err": "invalid_key", "description": "the key is\u{7} unknown"}, &told[1].0: 7});
    assert_eq!(stream.told(json!({ "setErrs": errors })).await, []);
    let status = receiver.get(&format!("/status?stream_id={}", stream.id)).await.expect(200).json();
    assert_eq!((&status["status"], &status["refused"]["count"]), (&json!("enabled"), &json!(2)));
    let trail = world.admin_get(&format!("/audit?account={}&action=event_stream.token_refused", acme.id)).await;
    let details: Vec<String> = items(&trail).iter().map(|row| text(&row["detail"])).collect();
    assert_eq!(details.len(), 2);
    assert!(details.iter().any(|detail| detail.contains("invalid_key, the key is unknown")), "{details:?}");
});

story!(a_stream_tells_what_its_receiver_asked_for, async |world: World| {
    let acme = world.account("acme").await;
    let receiver = SetReceiver::of(&world, Some(&acme)).await;
    let wanted = ["create:notice", "put:notice", "delete"].map(uri);
    let asked = [&wanted[..], &["urn:example:other".to_owned()]].concat();
    let stream = receiver.stream(&json!({"events_requested": asked, "description": "Names only"})).await;
    let is = &stream.configuration;
    assert_eq!((&is["events_requested"], &is["events_delivered"]), (&json!(asked), &json!(wanted)));
    assert_eq!(is["events_supported"].as_array().map(Vec::len), Some(9));
    let ana = acme.user("ana@acme.test").create().await;
    let idp = acme.connected_identity_provider().await;
    idp.patch(&idp.get(&format!("/Users/{}", ana.id)).await.expect(200).json())
        .replace("active", false)
        .await
        .expect(200);
    idp.create_group("Editors", &[]).await;
    let told = stream.told(json!({})).await;
    let of_ana: Vec<String> = told
        .iter()
        .filter(|(_, claims)| claims["sub_id"]["id"] == ana.id)
        .map(|(_, claims)| claims["events"].to_string())
        .collect();
    assert_eq!(of_ana.len(), 2, "{told:#?}");
    assert!(
        of_ana[0].contains("create:notice") && of_ana[0].contains("\"userName\"") && !of_ana[0].contains("ana@"),
        "{of_ana:?}"
    );
    assert_eq!(of_ana[1], json!({uri("put:notice"): {"attributes": ["active"]}}).to_string());

    let refused = |body: Value| receiver.send("POST", "/stream", &body);
    for (body, field) in [
        (json!({"events_requested": [uri("put:full")]}), "events_requested"),
        (json!({"events_requested": []}), "events_requested"),
        (json!({"events_requested": "all"}), "events_requested"),
        (json!({"events_requested": vec![uri("delete"); 101]}), "events_requested"),
        (json!({"delivery": {"method": "fax"}}), "delivery.method"),
        (json!({"delivery": {}}), "delivery.method"),
        (json!({"description": ""}), "description"),
    ] {
        let problem = refused(body).await.expect_problem(400);
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    assert_eq!(receiver.get("/stream").await.expect(200).json().as_array().map(Vec::len), Some(1), "nothing was made");
});

story!(
    a_verification_says_what_it_was_asked_to_say_and_is_not_asked_for_too_often,
    moving_clock,
    async |world: World| {
        let acme = world.account("acme").await;
        let receiver = SetReceiver::of(&world, Some(&acme)).await;
        let stream = receiver.stream(&json!({})).await;
        let verify = |state: &str| receiver.send("POST", "/verify", &json!({"stream_id": stream.id, "state": state}));
        verify("b1946ac9").await.expect(204);
        let told = stream.told(json!({})).await;
        let said = json!({"https://schemas.openid.net/secevent/ssf/event-type/verification": {"state": "b1946ac9"}});
        assert_eq!((told.len(), &told[0].1["events"]), (1, &said));
        assert_eq!(told[0].1["sub_id"], json!({"format": "opaque", "id": stream.id}));
        assert_eq!(stream.told(json!({})).await, told);
        let early = verify("again").await;
        let wait: u64 = early.header("retry-after").and_then(|wait| wait.parse().ok()).expect("Retry-After");
        early.expect_problem(429);
        assert!((1..=10).contains(&wait), "{wait}");
        assert_eq!(stream.take(&told).await, []);
        world.pass(Duration::from_secs(11));
        // Held while the stream is paused; a disabled one holds nothing.
        let turn = |status: &str| receiver.send("POST", "/status", &json!({"stream_id": stream.id, "status": status}));
        turn("paused").await.expect(200);
        verify("held").await.expect(204);
        assert_eq!(stream.told(json!({})).await, []);
        turn("enabled").await.expect(200);
        assert_eq!(events(&stream.told(json!({})).await), ["verification"]);
        turn("disabled").await.expect(200);
        world.pass(Duration::from_secs(11));
        verify("late").await.expect_problem(400);
        turn("enabled").await.expect(200);
        assert_eq!(stream.told(json!({})).await, []);
        receiver.send("POST", "/verify", &json!({})).await.expect_problem(400);
    }
);

story!(a_stream_that_has_missed_something_says_so_and_begins_anew, moving_clock, async |world: World| {
    let acme = world.account("acme").await;
    let receiver = SetReceiver::of(&world, Some(&acme)).await;
    let stream = receiver.stream(&json!({})).await;
    acme.user("ana@acme.test").create().await;
    world.pass(Duration::from_secs(3 * 86_400));
    let before = Timestamp::of_millis(world.now() - 86_400_000);
    while Behind::of(&world).work(|tx| tx.forget_events(before, 10)) > 0 {}
    acme.user("ben@acme.test").create().await;
    let told = stream.told(json!({})).await;
    assert_eq!(events(&told), ["stream-updated"]);
    let said = &told[0].1["events"]["https://schemas.openid.net/secevent/ssf/event-type/stream-updated"];
    assert_eq!(said["status"], "disabled");
    assert!(text(&said["reason"]).contains("anew"), "{said}");
    let status = receiver.get(&format!("/status?stream_id={}", stream.id)).await.expect(200).json();
    assert_eq!((&status["status"], &status["reason"]), (&json!("disabled"), &said["reason"]));
    assert_eq!(stream.take(&told).await, []);
    receiver.send("POST", "/status", &json!({"stream_id": stream.id, "status": "enabled"})).await.expect(200);
    acme.user("cas@acme.test").create().await;
    let told = stream.told(json!({})).await;
    assert_eq!((told.len(), &told[0].1["sub_id"]["userName"]), (1, &json!("cas@acme.test")));
    let trail = world.admin_get(&format!("/audit?account={}&action=event_stream.stopped", acme.id)).await;
    assert_eq!(items(&trail).len(), 1);
});
