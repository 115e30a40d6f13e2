//! The feed of every change: what is told, to whom, in which order, and how a reader goes on.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use gateway::storage::AnyConn;
use gateway::storage::events::NewEvent;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::database::Behind;
use crate::support::feed::{Copy, Reader, assert_shape, types};
use crate::support::identity_provider::a_user;
use crate::support::testing::{OPERATOR, World};

/// Those of users and groups, each with the name of what it is about.
fn told(events: &[Value]) -> Vec<(String, String)> {
    let of = events.iter().filter(|event| ["user", "group"].contains(&text(&event["subject"]["type"]).as_str()));
    of.map(|event| (text(&event["type"]), text(&event["subject"]["name"]))).collect()
}

story!(what_happens_to_users_and_groups_is_told_in_its_order, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let mut reader = Reader::of(&acme);
    let before = reader.rest().await;
    before.iter().for_each(assert_shape);
    assert!(types(&before).contains(&"grant.created".to_owned()), "{before:#?}");
    let (ana, ben) = (idp.create_user(&a_user("ana@acme.test")).await, idp.create_user(&a_user("ben@acme.test")).await);
    let group = idp.create_group("Editors", &[&ana]).await;
    idp.patch(&ana).replace("role", "admin").await.expect(200);
    idp.patch(&ben).replace("active", false).await.expect(200);
    idp.patch(&group).add("members", json!([{"value": ben["id"]}])).await;
    idp.patch(&group).replace("displayName", "Editors EU").await;
    idp.delete(&ben).await.expect(204);
    idp.delete(&group).await.expect(204);
    let events = reader.rest().await;
    events.iter().for_each(assert_shape);
    let name = |name: &str| name.to_owned();
    let (ana_is, ben_is, editors) = ("ana@acme.test", "ben@acme.test", "Editors");
    let expected: Vec<(String, String)> = [
        ("user.created", ana_is),
        ("user.created", ben_is),
        ("group.created", editors),
        ("group.membership_changed", editors),
        ("user.changed", ana_is),
        ("access.widened", ana_is),
        ("user.changed", ben_is),
        ("user.deactivated", ben_is),
        ("group.membership_changed", editors),
        ("group.changed", "Editors EU"),
        ("group.membership_changed", "Editors EU"),
        ("user.deleted", ben_is),
        ("group.membership_changed", "Editors EU"),
        ("group.deleted", "Editors EU"),
    ]
    .map(|(kind, of)| (name(kind), name(of)))
    .into();
    assert_eq!(told(&events), expected);
    let ids: HashSet<String> = before.iter().chain(&events).map(|event| text(&event["id"])).collect();
    assert_eq!(ids.len(), before.len() + events.len(), "each has an id of its own");
    assert!(events.iter().all(|event| event["actor"]["type"] == "client" && event["actor"]["name"] == "Okta"));
    assert!(events.iter().all(|event| event["account"] == json!({"id": acme.id, "name": "acme"})));

    // All that a copy needs, before and after.
    let changed = &events[4]["data"];
    assert_eq!(changed["changes"]["role"], json!({"before": "media_library_user", "after": "admin"}), "{changed}");
    assert_eq!((&changed["user"]["id"], &changed["user"]["role"]), (&ana["id"], &json!("admin")), "{changed}");
    let access = |role: &str| json!({"active": true, "role": role, "environments": ["acme-prod", "acme-stage"], "every_environment": true});
    assert_eq!((&changed["access_before"], &changed["access"]), (&access("media_library_user"), &access("admin")));
    assert_eq!(events[6]["data"]["access"]["active"], false, "{}", events[6]);
    assert_eq!(events[6]["data"]["access_before"]["active"], true, "{}", events[6]);
    let left = json!([{"type": "user", "id": ben["id"], "name": ben_is}]);
    assert_eq!(events[10]["data"]["removed"], left);

    // Twice applied is once applied, and it is what SCIM says.
    let mut copy = Copy::default();
    copy.apply(&before);
    copy.apply(&events);
    let once = copy.clone();
    copy.apply(&events);
    assert_eq!(copy, once);
    assert_eq!(copy, Copy::by_scim(&idp).await);
});

story!(what_is_refused_or_changes_nothing_is_not_told, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    let group = idp.create_group("Editors", &[]).await;
    let mut reader = Reader::of_all(&world);
    reader.rest().await;
    idp.post("/Users", &a_user("ana@acme.test")).await.expect_scim_error(409, Some("uniqueness"));
    idp.post("/Users", &json!({"userName": 7})).await.expect(400);
    idp.patch(&ana).replace("role", "no such role").await.expect(400);
    idp.patch(&ana).replace("active", true).await.expect(200);
    idp.put(&ana, &json!({"schemas": ana["schemas"]})).await.expect(400);
    idp.delete("/Users/none").await.expect(404);
    idp.patch(&group).remove("members").await;
    acme.admin(Method::PATCH, "").json(&json!({"name": ""})).await.expect(400);
    acme.admin(Method::POST, "/users").json(&json!({"userName": "ben@acme.test"})).await.expect(400);
    world.admin(Method::POST, "/accounts").json(&json!({"name": "acme"})).await.expect(409);
    let failed = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "failOnErrors": 1, "Operations": [
        {"method": "PATCH", "path": format!("/Users/{}", text(&ana["id"])), "data": {"Operations": [{"op": "replace", "path": "role", "value": 7}]}}]});
    idp.post("/Bulk", &failed).await.expect(200);
    assert_eq!(reader.rest().await, Vec::<Value>::new());
});

story!(a_cursor_goes_on_for_what_it_was_answered_and_any_other_is_refused, async |world: World| {
    let (acme, orchard) = (world.account("acme").await, world.account("orchard").await);
    acme.user("ana@acme.test").create().await;
    orchard.user("eve@orchard.test").create().await;
    let (mut all, mut one) = (Reader::of_all(&world), Reader::of(&acme));
    let (everything, of_acme) = (all.rest().await, one.rest().await);
    let of = |event: &&Value, account: &str| event["account"]["id"] == account;
    let counted = |events: &[Value], account: &str| events.iter().filter(|event| of(event, account)).count();
    assert_eq!(counted(&of_acme, &acme.id), of_acme.len());
    assert_eq!((counted(&everything, &acme.id), counted(&everything, &orchard.id) > 0), (of_acme.len(), true));
    // Page by page it is the same.
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let after = if cursor.is_empty() { String::new() } else { format!("&after={cursor}") };
        let page = world.get(&format!("/events?limit=1{after}")).bearer(OPERATOR).await.expect(200).json();
        cursor = text(&page["cursor"]);
        pages.extend(page["events"].as_array().cloned().unwrap_or_default());
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(pages, everything);
    let only = world.get("/events?type=user.created,grant.*").bearer(OPERATOR).await.expect(200).json();
    let names: Vec<String> =
        only["events"].as_array().unwrap().iter().map(|event| text(&event["subject"]["name"])).collect();
    assert_eq!(names, ["ana@acme.test", "eve@orchard.test"]);

    let ask = |query: String| world.get(&format!("/events?{query}")).bearer(OPERATOR);
    let (of_all, of_one) = (all.cursor.clone().unwrap(), one.cursor.clone().unwrap());
    for wrong in ["", "7", "a.b", "all", "....", &of_all.replace('.', "-"), &format!("{of_all}0.1"), &of_one] {
        let problem = ask(format!("after={wrong}")).await.expect_problem(400);
        assert_eq!(problem["errors"][0]["field"], "after", "{wrong}");
    }
    ask(format!("account={}&after={of_all}", acme.id)).await.expect_problem(400);
    ask(format!("account={}&after={of_one}", orchard.id)).await.expect_problem(400);
    ask(format!("after=00000000.{}", of_all.split_once('.').unwrap().1)).await.expect_problem(400);
    for query in [
        "type=user.patched",
        "type=",
        "type=*",
        "wait=61",
        "wait=x",
        "limit=0",
        "limit=1001",
        "before=1",
        "after=a&after=b",
    ] {
        ask(query.to_owned()).await.expect_problem(400);
    }
    ask("account=nowhere".to_owned()).await.expect_problem(404);
    let (ahead, last) = of_all.rsplit_once('.').unwrap();
    let problem = ask(format!("after={ahead}.{}", last.parse::<i64>().unwrap() + 1000)).await.expect_problem(410);
    assert!(text(&problem["detail"]).contains("snapshot"), "{problem}");

    // Who reads: operators who may read, each what they reach.
    world.get("/events").await.expect_problem(401);
    world.get("/events").bearer("gwo_nonsense").await.expect_problem(401);
    let of_orchard = json!({"name": "cs of orchard", "role": "support", "accounts": [orchard.id]});
    let made = world.admin(Method::POST, "/operators").json(&of_orchard).await.expect(201).json();
    let theirs = world.get("/events").bearer(&text(&made["token"])).await.expect(200).json();
    let theirs = theirs["events"].as_array().unwrap();
    assert!(!theirs.is_empty() && counted(theirs, &orchard.id) == theirs.len(), "{theirs:#?}");
    world.get(&format!("/events?account={}", acme.id)).bearer(&text(&made["token"])).await.expect_problem(404);
    world.post("/events").bearer(OPERATOR).await.expect_problem(405);
    world.get("/events/nonsense").bearer(OPERATOR).await.expect_problem(404);
});

story!(a_reader_waits_for_what_happens_next, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let mut reader = Reader::of(&acme);
    reader.rest().await;
    let begun = Instant::now();
    let (page, _) = tokio::join!(reader.page("&wait=30"), async {
        // Of another type, and of another account.
        world.account("orchard").await;
        acme.user("ana@acme.test").create().await;
    });
    assert_eq!(types(page["events"].as_array().unwrap()), ["user.created"]);
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
    // Nothing comes, and the time is over.
    let page = reader.page("&wait=1").await;
    assert_eq!((&page["events"], &page["more"]), (&json!([]), &json!(false)));
    // A server that stops answers at once.
    let begun = Instant::now();
    let waiting = reader.clone();
    let waits = world.get(&waiting.path("&wait=60")).bearer(OPERATOR).attempt();
    let other = world.get(&waiting.path("&wait=60")).bearer(OPERATOR).attempt();
    let (one, two, _) = tokio::join!(waits, other, async {
        // Both are waiting before this has been answered.
        reader.page("&wait=1").await;
        world.stop().await
    });
    for answer in [one, two] {
        assert_eq!(answer.expect("it is answered").expect(200).json()["events"], json!([]));
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
});

story!(
    what_is_not_kept_any_more_is_gone_for_a_reader,
    moving_clock,
    settings = [("GATEWAY__EVENTS__KEEP_DAYS", "2")],
    async |world: World| {
        world.hold_clock();
        let acme = world.account("acme").await;
        let mut behind = Behind::of(&world);
        let mut reader = Reader::of(&acme);
        assert!(!reader.rest().await.is_empty());
        let old = reader.cursor.clone().unwrap();
        acme.user("ana@acme.test").create().await;
        let late = reader.rest().await;
        let late_cursor = reader.cursor.clone().unwrap();
        world.pass(Duration::from_secs(3 * 86_400));
        acme.user("ben@acme.test").create().await;
        let now = world.now();
        while behind
            .work(|tx| tx.forget_events(gateway::platform::timestamp::Timestamp::of_millis(now - 2 * 86_400_000), 1))
            > 0
        {}
        let ask = |cursor: &str| world.get(&format!("/events?account={}&after={cursor}", acme.id)).bearer(OPERATOR);
        ask(&old).await.expect_problem(410);
        // The last that is gone was read by this one, who misses nothing.
        let page = ask(&late_cursor).await.expect(200).json();
        assert_eq!(types(page["events"].as_array().unwrap()), ["user.created"]);
        assert_eq!(types(&late), ["user.created"]);
        let all = Reader::of(&acme).rest().await;
        assert_eq!(all.len(), 1, "who is new begins with the oldest that is kept");
    }
);

story!(a_user_or_group_is_named_as_its_identity_provider_names_it_in_each_event, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let mut reader = Reader::of(&acme);
    reader.rest().await;
    let mut ana = a_user("ana@acme.test");
    ana["externalId"] = json!("00u1");
    let ana = idp.create_user(&ana).await;
    let editors = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Editors", "externalId": "00g1",
        "members": [{"value": ana["id"]}]});
    let editors = idp.post("/Groups", &editors).await.expect(201).json();
    let ben = idp.create_user(&a_user("ben@acme.test")).await;
    idp.patch(&ana).replace("active", false).await.expect(200);
    for gone in [&ana, &editors, &ben] {
        idp.delete(gone).await.expect(204);
    }
    let events = reader.rest().await;
    for event in events.iter().filter(|event| ["user", "group"].contains(&text(&event["subject"]["type"]).as_str())) {
        let expected = match event["subject"]["name"].as_str() {
            Some("ana@acme.test") => json!("00u1"),
            Some("Editors") => json!("00g1"),
            _ => Value::Null,
        };
        // A group that a deleted user leaves is known by its id and name.
        let is_left = event["type"] == "group.membership_changed" && event["data"]["removed_count"] == 1;
        let is_named = event["subject"]["externalId"] == expected;
        assert!(is_named || is_left && event["subject"]["externalId"].is_null(), "{event}");
        for (noun, resource) in event["data"].as_object().expect("data") {
            if noun == "user" || noun == "group" {
                assert_eq!(resource["externalId"], expected, "{event}");
            }
        }
    }
    let kinds = types(&events);
    for kind in ["user.deleted", "group.deleted", "group.membership_changed", "user.deactivated"] {
        assert!(kinds.iter().any(|told| told == kind), "{kinds:?}");
    }
});

story!(where_the_feed_is_off_nothing_is_told_and_readers_begin_anew_afterwards, async |world: World| {
    let acme = world.account("acme").await;
    let mut reader = Reader::of(&acme);
    reader.rest().await;
    let cursor = reader.cursor.clone().unwrap();
    world.stop().await;
    let mut off = world.process_with(&[("GATEWAY__EVENTS__ENABLED", "false")]).await;
    let client = crate::support::http::client();
    let call = |method, path: &str| {
        crate::support::http::Call::new(client.clone(), method, format!("{}{path}", off.address)).bearer(OPERATOR)
    };
    let user = acme.user("ana@acme.test").body;
    call(Method::POST, &format!("/admin/accounts/{}/users", acme.id)).json(&user).await.expect(201);
    call(Method::GET, "/events").await.expect_problem(409);
    off.terminate().await;
    assert_eq!(Behind::of(&world).number("SELECT COUNT(*) AS n FROM events WHERE kind = 'user.created'"), 0);
    world.start_again().await;
    world.get(&format!("/events?account={}&after={cursor}", acme.id)).bearer(OPERATOR).await.expect_problem(410);
    acme.user("ben@acme.test").create().await;
    assert_eq!(types(&Reader::of(&acme).rest().await), ["user.created"]);
});

story!(an_event_that_commits_late_is_told_after_none_that_follows_it, async |world: World| {
    let acme = world.account("acme").await;
    let mut reader = Reader::of_all(&world);
    reader.rest().await;
    let mut behind = Behind::of(&world);
    if matches!(behind.kind(), AnyConn::Sqlite(_)) {
        return; // one writer, and no other begins before it has ended
    }
    let (took, has_taken) = std::sync::mpsc::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let late = std::thread::spawn(move || {
        behind.work(|tx| {
            let body = r#""account":null,"actor":{"type":"server","id":null,"name":null},"request":null,"subject":null,"data":{}"#;
            let id = gateway::platform::system::new_uuid();
            let event = NewEvent { id, at: tx.now(), account: None, label: None, kind: "client.created", body: body.to_owned() };
            tx.insert_event(event)?;
            let number = tx.last_event_number()?; // what was put off is written first
            took.send(number).expect("the story goes on");
            may_go_on.recv().expect("the story goes on");
            Ok(())
        });
    });
    let number = has_taken.recv().expect("it has a number");
    // The later number commits first.
    let ana = acme.user("ana@acme.test").create().await;
    let page = reader.page("").await;
    assert_eq!(
        (&page["events"], &page["more"]),
        (&json!([]), &json!(false)),
        "nothing is told beyond the one that is open"
    );
    assert_eq!(
        page["cursor"].as_str().and_then(|cursor| cursor.rsplit('.').next()),
        Some((number - 1).to_string().as_str())
    );
    // Who waits is told as soon as it has ended.
    let (page, ()) = tokio::join!(reader.page("&wait=20"), async {
        Reader::of(&acme).page("&wait=1").await;
        go_on.send(()).expect("it waits");
    });
    late.join().expect("it has committed");
    let events = page["events"].as_array().unwrap();
    assert_eq!(types(events), ["client.created", "user.created"]);
    assert_eq!(events[1]["subject"]["id"], json!(ana.id));
});
