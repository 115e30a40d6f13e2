//! Streams of security event tokens, managed (OpenID Shared Signals Framework 1.0 §8): by the product key whose they are, by operators, and by no one else.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{items, text};
use crate::support::database::Behind;
use crate::support::set_receiver::{SetReceiver, events};
use crate::support::testing::{OPERATOR, World};

fn uri(name: &str) -> String {
    format!("urn:ietf:params:scim:event:prov:{name}")
}

story!(a_receiver_reads_changes_and_ends_its_streams, async |world: World| {
    let acme = world.account("acme").await;
    let receiver = SetReceiver::of(&world, Some(&acme)).await;
    assert_eq!(receiver.get("/stream").await.expect(200).json(), json!([]));
    let stream = receiver.stream(&json!({"description": "One", "events_requested": [uri("delete")]})).await;
    let read = || receiver.get(&format!("/stream?stream_id={}", stream.id));
    assert_eq!(read().await.expect(200).json(), stream.configuration);
    assert_eq!(receiver.get("/stream").await.expect(200).json(), json!([stream.configuration]));

    // PATCH leaves what it does not name; PUT takes it away. What the server sets may be sent as it is.
    let changed = receiver
        .send("PATCH", "/stream", &json!({"stream_id": stream.id, "description": "Two"}))
        .await
        .expect(200)
        .json();
    assert_eq!((&changed["description"], &changed["events_requested"]), (&json!("Two"), &json!([uri("delete")])));
    let mut whole = changed.clone();
    whole["aud"] = json!([changed["aud"]]);
    whole["events_requested"] = json!([uri("deactivate")]);
    let replaced = receiver.send("PUT", "/stream", &whole).await.expect(200).json();
    assert_eq!(replaced["events_delivered"], json!([uri("deactivate")]));
    let replaced = receiver.send("PUT", "/stream", &json!({"stream_id": stream.id})).await.expect(200).json();
    assert_eq!((replaced.get("description"), replaced.get("events_requested")), (None, None));
    assert_eq!(read().await.expect(200).json(), replaced);
    for name in ["iss", "aud", "events_supported", "events_delivered", "min_verification_interval"] {
        let wrong = json!({"stream_id": stream.id, name: "https://other.example"});
        let problem = receiver.send("PATCH", "/stream", &wrong).await.expect_problem(400);
        assert_eq!(problem["errors"][0]["field"], name);
    }
    receiver.send("PATCH", "/stream", &json!({"description": "x"})).await.expect_problem(400);

    // Of another key, of the same account even, it does not exist; nor is one of no key.
    let (sibling, bolt) = (SetReceiver::of(&world, Some(&acme)).await, world.account("bolt").await);
    let (foreign, every) = (SetReceiver::of(&world, Some(&bolt)).await, SetReceiver::of(&world, None).await);
    let poll = format!("/streams/{}/poll", stream.id);
    for other in [&sibling, &foreign, &every] {
        assert_eq!(other.get("/stream").await.expect(200).json(), json!([]));
        let named = json!({"stream_id": stream.id, "status": "disabled"});
        for (method, path) in
            [("PATCH", "/stream"), ("PUT", "/stream"), ("POST", "/status"), ("POST", "/verify"), ("POST", &poll)]
        {
            other.send(method, path, &named).await.expect_problem(404);
        }
        for path in ["/stream", "/status"] {
            other.get(&format!("{path}?stream_id={}", stream.id)).await.expect_problem(404);
        }
        let path = format!("/ssf/stream?stream_id={}", stream.id);
        world.call(Method::DELETE, &path).bearer(&other.token).await.expect_problem(404);
    }
    for path in ["/status", "/status?stream_id=", "/stream?stream_id=nothing", "/stream?other=1"] {
        let status = receiver.get(path).await.status.as_u16();
        assert!([400, 404].contains(&status), "{path}: {status}");
    }
    for _ in 0..9 {
        receiver.stream(&json!({})).await;
    }
    receiver.send("POST", "/stream", &json!({})).await.expect_problem(409);
    let end = || world.call(Method::DELETE, &format!("/ssf/stream?stream_id={}", stream.id)).bearer(&receiver.token);
    end().await.expect(204);
    end().await.expect_problem(404);
    receiver.send("POST", &poll, &json!({})).await.expect_problem(404);
    world.call(Method::DELETE, "/ssf/stream").bearer(&receiver.token).await.expect_problem(400);
    let trail = world.admin_get(&format!("/audit?account={}&limit=100", acme.id)).await;
    let done: Vec<String> =
        items(&trail).iter().filter(|row| row["target"] == stream.id).map(|row| text(&row["action"])).collect();
    assert_eq!(
        done,
        [
            "event_stream.deleted",
            "event_stream.changed",
            "event_stream.changed",
            "event_stream.changed",
            "event_stream.created"
        ]
    );
});

story!(an_operator_sees_streams_and_stops_them_and_is_no_receiver, async |world: World| {
    let (acme, bolt) = (world.account("acme").await, world.account("bolt").await);
    let (receiver, other) = (SetReceiver::of(&world, Some(&acme)).await, SetReceiver::of(&world, Some(&bolt)).await);
    let (stream, foreign) = (receiver.stream(&json!({})).await, other.stream(&json!({})).await);
    let mut tokens = Vec::new();
    for role in ["csm", "support"] {
        let body = json!({"name": role, "role": role, "accounts": [acme.id]});
        tokens.push(text(&world.admin(Method::POST, "/operators").json(&body).await.expect(201).json()["token"]));
    }
    let listed = |token: &str| world.get("/ssf/stream").bearer(token);
    assert_eq!(listed(&tokens[0]).await.expect(200).json(), json!([stream.configuration]));
    assert_eq!(listed(OPERATOR).await.expect(200).json(), json!([stream.configuration, foreign.configuration]));
    let by = |token: &str, method: &str, path: &str, body: &Value| {
        world.call(method.parse().expect("a method"), &format!("/ssf{path}")).bearer(token).json(body)
    };
    by(OPERATOR, "POST", "/stream", &json!({})).await.expect_problem(409);
    by(OPERATOR, "POST", &format!("/streams/{}/poll", stream.id), &json!({})).await.expect_problem(409);
    for (method, path) in [("PATCH", "/stream"), ("PUT", "/stream"), ("POST", "/verify")] {
        by(OPERATOR, method, path, &json!({"stream_id": stream.id})).await.expect_problem(409);
    }
    let paused = json!({"stream_id": stream.id, "status": "paused", "reason": "Too many requests."});
    by(&tokens[1], "POST", "/status", &paused).await.expect_problem(403);
    by(&tokens[0], "POST", "/status", &json!({"stream_id": foreign.id, "status": "paused"})).await.expect_problem(404);
    acme.user("ana@acme.test").create().await;
    by(&tokens[0], "POST", "/status", &paused).await.expect(200);
    // The receiver is told, and nothing else is.
    let told = stream.told(json!({})).await;
    let said = json!({"https://schemas.openid.net/secevent/ssf/event-type/stream-updated": {"status": "paused", "reason": "Too many requests."}});
    assert_eq!((told.len(), &told[0].1["events"]), (1, &said));
    assert_eq!(told[0].1["sub_id"], json!({"format": "opaque", "id": stream.id}));
    assert_eq!(stream.take(&told).await, []);
    by(&tokens[0], "POST", "/status", &json!({"stream_id": stream.id, "status": "enabled"})).await.expect(200);
    assert_eq!(events(&stream.told(json!({})).await), ["stream-updated", "create:full"]);
    let delete =
        |token: &str| world.call(Method::DELETE, &format!("/ssf/stream?stream_id={}", stream.id)).bearer(token);
    delete(&tokens[1]).await.expect_problem(403);
    delete(&tokens[0]).await.expect(204);
    stream.poll(&json!({})).await.expect_problem(404);
});

story!(a_stream_that_is_paused_keeps_its_place_and_one_that_is_disabled_does_not, async |world: World| {
    let acme = world.account("acme").await;
    let receiver = SetReceiver::of(&world, Some(&acme)).await;
    let stream = receiver.stream(&json!({})).await;
    let turn = |status: &str| {
        receiver.send("POST", "/status", &json!({"stream_id": stream.id, "status": status, "reason": "We move."}))
    };
    let status = || receiver.get(&format!("/status?stream_id={}", stream.id));
    assert_eq!(status().await.expect(200).json(), json!({"stream_id": stream.id, "status": "enabled"}));
    let paused = turn("paused").await.expect(200).json();
    assert_eq!(paused, json!({"stream_id": stream.id, "status": "paused", "reason": "We move."}));
    assert_eq!(status().await.expect(200).json(), paused);
    acme.user("ana@acme.test").create().await;
    assert_eq!(stream.told(json!({})).await, []);
    turn("enabled").await.expect(200);
    let told = stream.told(json!({})).await;
    assert_eq!(events(&told), ["create:full"]);
    turn("disabled").await.expect(200);
    acme.user("ben@acme.test").create().await;
    assert_eq!(stream.told(json!({})).await, []);
    turn("enabled").await.expect(200);
    assert_eq!(stream.told(json!({})).await, [], "what happened meanwhile is not told");
    acme.user("cas@acme.test").create().await;
    assert_eq!(events(&stream.told(json!({})).await), ["create:full"]);
    for wrong in
        [json!({"stream_id": stream.id}), json!({"stream_id": stream.id, "status": "on"}), json!({"status": "paused"})]
    {
        receiver.send("POST", "/status", &wrong).await.expect_problem(400);
    }
});

story!(what_ended_opens_no_stream_any_more, async |world: World| {
    let acme = world.account("acme").await;
    let receiver = SetReceiver::of(&world, Some(&acme)).await;
    let stream = receiver.stream(&json!({})).await;
    let poll = || stream.poll(&json!({"returnImmediately": true}));
    poll().await.expect(200);
    receiver.key.admin(Method::PATCH, "").json(&json!({"disabled": true})).await.expect(200);
    poll().await.expect_problem(401);
    receiver.get("/stream").await.expect_problem(401);
    receiver.key.admin(Method::PATCH, "").json(&json!({"disabled": false})).await.expect(200);
    poll().await.expect(200);
    let streams = || Behind::of(&world).number("SELECT COUNT(*) AS n FROM event_streams");
    assert_eq!(streams(), 1);
    receiver.key.admin(Method::DELETE, "").await.expect(204);
    poll().await.expect_problem(401);
    assert_eq!(streams(), 0, "a key's streams go with it");
    let (other, reads) =
        (SetReceiver::of(&world, Some(&acme)).await, json!({"name": "Reads", "scopes": ["read:scim"]}));
    let stream = other.stream(&json!({})).await;
    let reads = acme.client(reads).await;
    let token =
        text(&reads.admin(Method::POST, "/tokens").json(&json!({"name": "x"})).await.expect(201).json()["token"]);
    world.get("/ssf/stream").bearer(&token).await.expect_problem(403);
    world.get("/ssf/stream").await.expect_problem(401);
    acme.admin(Method::DELETE, "").await.expect(204);
    stream.poll(&json!({"returnImmediately": true})).await.expect_problem(401);
});

story!(a_token_about_an_event_is_no_credential_and_a_credential_is_none, async |world: World| {
    let acme = world.account("acme").await;
    let receiver = SetReceiver::of(&world, Some(&acme)).await;
    let stream = receiver.stream(&json!({})).await;
    acme.user("ana@acme.test").create().await;
    let answer = stream.poll(&json!({})).await.expect(200).json();
    let token = text(answer["sets"].as_object().and_then(|sets| sets.values().next()).expect("a token"));
    for path in ["/scim/v2/Users", "/userinfo"] {
        assert_eq!(world.get(path).bearer(&token).await.status, 401, "{path}");
    }
    for path in ["/admin/accounts", "/ssf/stream", "/events"] {
        world.get(path).bearer(&token).await.expect_problem(401);
    }
    let logout = world.get(&format!("/oauth2/logout?id_token_hint={token}")).await;
    assert!(logout.text().contains("id_token_hint"), "{}", logout.text());
    let inspected = receiver.key.introspect(&token).await;
    assert_eq!(inspected["active"], false);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion", token.as_str()),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
    ];
    world.post("/oauth2/token").form(&form).await.expect_oauth_error(401, "invalid_client");
});
