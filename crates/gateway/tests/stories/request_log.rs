//! Every request can be seen: what came of it is found by its account, its client, its id, and by the text that an identity provider shows.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{items, text};
use crate::support::database::Behind;
use crate::support::http::Answer;
use crate::support::identity_provider::a_user;
use crate::support::letter_box::until;
use crate::support::testing::World;
use gateway::platform::timestamp::Timestamp;

/// How often what waits is written.
const SECONDS: u64 = 1;

/// Waits until this request is recorded.
async fn recorded(world: &World, answer: &Answer) -> Value {
    let id = answer.header("x-request-id").expect("an id").to_owned();
    for _ in 0..200 {
        let found = world.admin(Method::GET, &format!("/requests/{id}")).await;
        if found.status == 200 {
            return items(&found.json()).remove(0);
        }
        tokio::task::yield_now().await;
        wait().await;
    }
    panic!("{} is not recorded", answer.asked);
}

async fn wait() {
    let began = std::time::Instant::now();
    until("moment", || began.elapsed().as_millis() >= 20).await;
}

fn count(behind: &mut Behind) -> i64 {
    behind.number("SELECT COUNT(*) AS n FROM requests")
}

story!(what_came_of_each_request_is_found_by_its_id, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let mut sent = a_user("ana@acme.test");
    sent["product_environment"] = json!("eu");
    let created = idp.post("/Users", &sent).await.expect(201);
    let ana = created.json();
    let row = recorded(&world, &created).await;
    assert_eq!((&row["method"], &row["endpoint"]), (&json!("POST"), &json!("/scim/v2/Users")), "{row}");
    assert_eq!((&row["account"], &row["status"], &row["client_name"]), (&json!(acme.id), &json!(201), &json!("Okta")));
    assert_eq!((&row["target"], &row["code"], &row["detail"]), (&ana["id"], &Value::Null, &Value::Null), "{row}");
    let misspelt = json!([{"path": "product_environment", "nearest": "product_environments"}]);
    assert_eq!(row["ignored"], misspelt, "{row}");

    let patched = idp.patch(&ana).replace("title", json!("Boss")).await.expect(200);
    let row = recorded(&world, &patched).await;
    assert_eq!((&row["endpoint"], &row["changed"]), (&json!("/scim/v2/Users/{id}"), &json!(["title"])), "{row}");
    assert!(row["microseconds"].as_i64().is_some_and(|n| n > 0) && row["at"].is_string(), "{row}");

    let group = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Editors",
        "members": [{"value": ana["id"]}, {"value": "no-such-user"}]});
    let row = recorded(&world, &idp.post("/Groups", &group).await.expect(201)).await;
    assert_eq!((&row["target_name"], &row["skipped_members"]), (&json!("Editors"), &json!(["no-such-user"])), "{row}");

    let read = idp.get(&format!("/Users/{}", text(&ana["id"]))).await.expect(200);
    let row = recorded(&world, &read).await;
    assert_eq!((&row["method"], &row["target"], &row["status"]), (&json!("GET"), &ana["id"], &json!(200)), "{row}");

    for (refused, status, code, endpoint) in [
        (idp.post("/Users", &sent).await, 409, "uniqueness", "/scim/v2/Users"),
        (idp.get("/Users/0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b").await, 404, "not_found", "/scim/v2/Users/{id}"),
        (idp.get("/Users?filter=nonsense").await, 400, "invalid_filter", "/scim/v2/Users"),
        (idp.patch(&ana).replace("emails[", json!(1)).await, 400, "invalid_filter", "/scim/v2/Users/{id}"),
        (idp.get("/Unicorns").await, 404, "not_found", "/scim/v2/…"),
        (world.get("/scim/v2/Users").await, 401, "token_missing", "/scim/v2/Users"),
    ] {
        let row = recorded(&world, &refused).await;
        let said = refused.json();
        assert_eq!((&row["status"], &row["code"]), (&json!(status), &json!(code)), "{row}");
        assert_eq!((&row["detail"], &row["endpoint"]), (&said["detail"], &json!(endpoint)), "the very text: {row}");
    }
    let row = recorded(&world, &idp.post("/Users", &sent).await).await;
    assert_eq!(row["target_name"], "ana@acme.test", "whom it was about: {row}");

    // A token that was sealed here says whose it was, even where it opens nothing any more.
    idp.client.revoke(&idp.access_token).await.expect(200);
    let row = recorded(&world, &idp.get("/Users").await.expect(401)).await;
    assert_eq!((&row["account"], &row["client"]), (&json!(acme.id), &json!(idp.client.id)), "{row}");

    let wrong = world.post("/oauth2/token").form(&[
        ("grant_type", "client_credentials"),
        ("client_id", &idp.client.id),
        ("client_secret", "wrong"),
    ]);
    let row = recorded(&world, &wrong.await.expect(401)).await;
    assert_eq!((&row["client"], &row["code"]), (&json!(idp.client.id), &json!("credentials_wrong")), "{row}");
    assert_eq!((&row["account"], &row["endpoint"]), (&json!(acme.id), &json!("/oauth2/token")), "{row}");
});

story!(the_requests_of_an_account_and_of_a_client_are_listed_and_filtered, async |world: World| {
    let (acme, orchard) = (world.account("acme").await, world.account("orchard").await);
    let idp = acme.connected_identity_provider().await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    for _ in 0..3 {
        idp.post("/Users", &a_user("ana@acme.test")).await.expect(409);
        idp.get("/Users/0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b").await.expect(404);
    }
    let last = idp.get(&format!("/Users/{}", text(&ana["id"]))).await.expect(200);
    recorded(&world, &last).await;
    let client = idp.client.id.clone();
    for base in [format!("/accounts/{}/requests", acme.id), format!("/clients/{client}/requests")] {
        let ask = async |question: &str| items(&world.admin_get(&format!("{base}?{question}")).await);
        assert_eq!(ask("status=409").await.len(), 3);
        assert_eq!(ask("status=4xx").await.len(), 6);
        assert_eq!(ask("code=uniqueness").await.len(), 3);
        assert_eq!(ask("code=uniqueness&status=404").await.len(), 0);
        assert_eq!(ask("target=ana@acme.test&status=409").await.len(), 3);
        assert_eq!(ask(&format!("target={}&status=2xx", text(&ana["id"]))).await.len(), 2);
        assert_eq!(ask("since=2999-01-01T00:00:00Z").await.len(), 0);
        assert!(ask("since=2020-01-01T00:00:00Z").await.len() >= 8);
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page = world.admin_get(&format!("{base}?status=4xx&limit=4{after}")).await;
            assert_eq!(page["dropped"], 0, "{page}");
            seen.extend(items(&page));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        let ids: Vec<String> = seen.iter().map(|row| text(&row["request_id"])).collect();
        // Requests of one millisecond are in no order by their ids.
        let milliseconds: Vec<&str> = ids.iter().map(|id| &id[..10]).collect();
        assert!(milliseconds.is_sorted_by(|one, next| one >= next), "newest first: {ids:?}");
        assert!(ids.len() == 6 && ids.iter().collect::<BTreeSet<_>>().len() == 6, "each once: {ids:?}");
    }
    assert_eq!(items(&orchard.admin_get("/requests").await), Vec::<Value>::new());

    // An operator of one account sees that account's alone.
    let operator = json!({"name": "cs of orchard", "role": "csm", "accounts": [orchard.id]});
    let token = text(&world.admin(Method::POST, "/operators").json(&operator).await.expect(201).json()["token"]);
    let id = last.header("x-request-id").unwrap_or_default().to_owned();
    for (path, status) in [
        (format!("/admin/requests/{id}"), 404),
        ("/admin/requests?text=There+is+no+User+with+the+id".to_owned(), 200),
        (format!("/admin/accounts/{}/requests", acme.id), 404),
        (format!("/admin/clients/{client}/requests"), 404),
        (format!("/admin/accounts/{}/requests", orchard.id), 200),
    ] {
        let answer = world.get(&path).bearer(&token).await.expect(status);
        assert!(status == 404 || items(&answer.json()).is_empty(), "{path}: {}", answer.text());
    }

    for (path, field) in [
        ("status=6xx", "status"),
        ("status=fourhundred", "status"),
        ("code=Not+a+code", "code"),
        ("since=yesterday", "since"),
        ("after=x", "after"),
        ("target=", "target"),
        ("colour=red", "colour"),
    ] {
        let problem = acme.admin(Method::GET, &format!("/requests?{path}")).await.expect_problem(400);
        assert!(text(&problem["errors"][0]["field"]).ends_with(field), "{problem}");
    }
    world.admin(Method::GET, "/requests").await.expect_problem(400);
    world.admin(Method::GET, "/requests?text=").await.expect_problem(400);
    world.admin(Method::GET, "/requests/not-known").await.expect_problem(404);
});

story!(a_pasted_error_finds_its_request_among_fifty_by_its_text_alone, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let mut planted = Vec::new();
    for n in 0..50 {
        let refused = match n % 5 {
            0 => idp.get(&format!("/Users/0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a{n:02}")).await,
            1 => idp.get(&format!("/Users?filter=nonsense{n}+eq+%22x%22")).await,
            2 => idp.get(&format!("/ResourceTypes/Unicorn{n}")).await,
            3 => idp.get(&format!("/Unicorns{n}")).await,
            _ => idp.post("/Users", &json!({"userName": format!("u{n}@acme.test"), "role": format!("king{n}")})).await,
        };
        assert!(refused.status.is_client_error(), "{}: {}", refused.asked, refused.text());
        planted.push(refused);
    }
    for answer in planted.iter().rev().take(1) {
        recorded(&world, answer).await;
    }
    for (n, answer) in planted.iter().enumerate() {
        let detail = text(&answer.json()["detail"]);
        let shown = match n % 4 {
            0 => format!("Automatic provisioning of user to app Dragon failed: Error while trying to push: {detail}"),
            1 => json!({"errorSummary": format!("Errors reported by remote server: {detail}")}).to_string(),
            2 => detail.replace('"', "&quot;").replace(' ', "\n"),
            _ => detail.to_uppercase().replace('"', "\u{201d}"),
        };
        let query: String = url::form_urlencoded::byte_serialize(shown.as_bytes()).collect();
        let found = items(&world.admin_get(&format!("/requests?text={query}&limit=5")).await);
        let id = answer.header("x-request-id").unwrap_or_default();
        assert_eq!(found.first().map(|row| text(&row["request_id"])).as_deref(), Some(id), "{shown}: {found:?}");
    }
});

story!(a_process_that_stops_writes_what_it_has_and_one_that_is_killed_loses_seconds_at_most, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let mut behind = Behind::of(&world);
    for _ in 0..20 {
        idp.get("/Users").await.expect(200);
    }
    let asked = "SELECT COUNT(*) AS n FROM requests WHERE method = 'GET' AND endpoint = '/scim/v2/Users'";
    world.stop().await;
    assert_eq!(behind.number(asked), 20, "it writes before it ends");
    world.start_again().await;
    for _ in 0..20 {
        idp.get("/Users").await.expect(200);
    }
    let began = std::time::Instant::now();
    until("row", || behind.number(asked) == 40).await;
    assert!(began.elapsed().as_secs() <= 2 * SECONDS + 3, "{:?}", began.elapsed());
    idp.get("/Users").await.expect(200);
    world.kill();
    world.start_again().await;
    let kept = behind.number(asked);
    assert!((40..=41).contains(&kept), "{kept}");
});

story!(two_servers_add_up_in_the_request_log, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    world.add_replica().await;
    let mut behind = Behind::of(&world);
    let before = count(&mut behind);
    for _ in 0..30 {
        idp.get("/Users").await.expect(200);
    }
    let asked = "SELECT COUNT(*) AS n FROM requests WHERE method = 'GET' AND endpoint = '/scim/v2/Users'";
    until("row of both", || behind.number(asked) == 30).await;
    assert!(before <= count(&mut behind) - 30);
    assert!(items(&acme.admin_get("/requests?limit=1000&status=2xx").await).len() >= 30);
});

story!(
    old_rows_and_those_beyond_the_limit_go,
    settings = [("GATEWAY__REQUESTS__KEEP_ROWS", "1000")],
    async |world: World| {
        let acme = world.account("acme").await;
        let idp = acme.connected_identity_provider().await;
        let last = idp.get("/Users").await.expect(200);
        recorded(&world, &last).await;
        let mut behind = Behind::of(&world);
        let account = behind.number("SELECT seq AS n FROM accounts WHERE name = 'acme'");
        let columns = "seq, bits, account, method, endpoint, status, micros";
        let series = match behind.kind() {
            gateway::storage::AnyConn::Postgres(_) => "(SELECT i FROM generate_series(1, 3000) AS i)",
            gateway::storage::AnyConn::Sqlite(_) => {
                "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT i FROM n)"
            }
        };
        behind.execute(&format!(
        "INSERT INTO requests ({columns}) SELECT i, i, {account}, 'GET', '/scim/v2/Users', 200, 1 FROM {series} AS s"
    ));
        // The next look at how many there are is due after so many more.
        for _ in 0..60 {
            idp.get("/Users").await.expect(200);
        }
        until("limit", || {
            behind.number(&format!("SELECT COUNT(*) AS n FROM requests WHERE account = {account}")) <= 1060
        })
        .await;
        assert_eq!(behind.number("SELECT COUNT(*) AS n FROM requests WHERE seq <= 2000"), 0, "the oldest go");
        while behind.work(|tx| tx.forget_requests(Timestamp::of_millis(1_000_000), 500)) > 0 {}
        assert_eq!(
            behind.number("SELECT COUNT(*) AS n FROM requests WHERE seq <= 3000"),
            0,
            "and those that are too old"
        );
        assert!(count(&mut behind) > 60);
        acme.admin(Method::DELETE, "").await.expect(204);
        while behind.work(|tx| tx.empty_deleted_accounts(500)) > 0 {}
        assert_eq!(behind.number(&format!("SELECT COUNT(*) AS n FROM requests WHERE account = {account}")), 0);
    }
);

story!(
    what_is_not_recorded_is_counted_by_all_servers_together,
    settings = [("GATEWAY__REQUESTS__WAITING", "16")],
    async |world: World| {
        let (acme, other) = (world.account("acme").await, world.account("other").await);
        let idp = acme.connected_identity_provider().await;
        world.add_replica().await;
        let mut behind = Behind::of(&world);
        let account = behind.number("SELECT seq AS n FROM accounts WHERE name = 'acme'");
        let asked = "FROM requests WHERE endpoint = '/scim/v2/Users' AND account =";
        let recorded = format!("SELECT COUNT(*) AS n {asked} {account}");
        let of_account = format!("FROM unrecorded_requests WHERE account = {account}");
        let dropped = format!("SELECT CAST(COALESCE(SUM(successes + failures), 0) AS BIGINT) AS n {of_account}");
        let mut sent = 0;
        // Both write once a second: a slow machine needs more than one attempt to overtake them.
        while behind.number(&dropped) == 0 {
            for _ in 0..40 {
                idp.get("/Users").await.expect(200);
            }
            sent += 40;
        }
        until("count of all that was sent", || behind.number(&recorded) + behind.number(&dropped) >= sent).await;
        let told = acme.admin_get("/requests?since=2020-01-01T00:00:00Z").await["dropped"].as_i64().expect("a number");
        assert!(told > 0 && told == behind.number(&dropped), "{told}");
        let clients = acme.admin_get("/clients").await;
        let client = text(&items(&clients)[0]["client_id"]);
        let of_client = world.admin(Method::GET, &format!("/clients/{client}/requests")).await.expect(200).json();
        assert_eq!(of_client["dropped"], told);
        assert_eq!(acme.admin_get("/requests?since=2999-01-01T00:00:00Z").await["dropped"], 0);
        assert_eq!(other.admin_get("/requests").await["dropped"], 0, "another account's are not counted");
        while behind.work(|tx| tx.forget_unrecorded(Timestamp::of_millis(i64::MAX), 500)) > 0 {}
        assert_eq!(acme.admin_get("/requests").await["dropped"], 0);
    }
);

story!(
    a_log_that_is_off_records_nothing,
    settings = [("GATEWAY__REQUESTS__ENABLED", "false")],
    async |world: World| {
        let acme = world.account("acme").await;
        let idp = acme.connected_identity_provider().await;
        idp.get("/Users").await.expect(200);
        world.stop().await;
        assert_eq!(count(&mut Behind::of(&world)), 0);
    }
);
