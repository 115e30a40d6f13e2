//! One account works hard, and the others are served.

use std::future::IntoFuture;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use gateway::storage::DbError;
use reqwest::Method;
use scim::schema::{GROUP, USER};
use scim::store::{MembershipChange, Store};
use scim::{Id, KeyChange};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::account::text;
use crate::support::concurrently::all;
use crate::support::database::Behind;
use crate::support::http::{self, Answer, Call};
use crate::support::identity_provider::{IdentityProvider, a_user};
use crate::support::process::Process;
use crate::support::story::on_postgres;
use crate::support::testing::World;
use crate::support::wire::{Mode, Wire};

/// A filter that no index answers.
const SCAN: &str = "/Users?filter=title+eq+%22Nobody%22";

fn padding() -> String {
    "x".repeat(70 << 10)
}

/// A large request that does not come to an end: it has its account's leave to take long.
async fn unfinished(world: &World, idp: &IdentityProvider, group: &Value) -> TcpStream {
    let url: url::Url = world.gateway.routed("/").parse().expect("a URL");
    let at = (url.host_str().expect("a host").to_owned(), url.port().expect("a port"));
    let mut stream = TcpStream::connect(at).await.expect("it listens");
    let head = format!(
        "PUT /scim/v2/Groups/{} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/scim+json\r\n\
         Content-Length: 100000\r\n\r\n{{",
        text(&group["id"]),
        idp.access_token
    );
    stream.write_all(head.as_bytes()).await.expect("it is taken");
    // Nothing else is let in as soon as this one is.
    while idp.get(SCAN).await.status != 429 {}
    stream
}

fn is_told_to_come_later(answer: Answer) {
    let seconds: Result<u32, _> = answer.header("retry-after").unwrap_or_default().parse();
    assert!(seconds.is_ok_and(|seconds| seconds > 0), "Retry-After is a number of seconds: {:?}", answer.headers);
    let detail = answer.expect_scim_error(429, None);
    for right in ["one after the other", "indexed attribute", "userName", "PATCH", "Repeat this request in"] {
        assert!(detail.contains(right), "{detail}");
    }
}

story!(hardening_6_an_account_has_so_much_at_once_and_others_are_served, async |world: World| {
    let (acme, other) = (world.account("acme").await, world.account("other").await);
    let (loud, quiet) = (acme.connected_identity_provider().await, other.connected_identity_provider().await);
    let (ours, theirs) = (loud.create_group("Editors", &[]).await, quiet.create_group("Editors", &[]).await);
    let ada = loud.create_user(&a_user("ada@acme.test")).await;
    let held = unfinished(&world, &loud, &ours).await;
    // All that takes long.
    let large = json!({ "schemas": [scim::urn::GROUP], "displayName": "Editors", "externalId": padding() });
    let long = [
        loud.get(SCAN),
        loud.get("/Users?sortBy=title"),
        loud.get("/Users?count=1000"),
        loud.post("/Users/.search", &json!({ "schemas": [scim::urn::SEARCH_REQUEST], "filter": "title co \"x\"" })),
        loud.put(&ours, &large),
        loud.post("/Groups", &large),
        loud.post("/Bulk", &json!({ "schemas": [scim::urn::BULK_REQUEST], "Operations": [], "padding": padding() })),
    ];
    for answer in all(long.into_iter().map(|call| async move { call.await }).collect()).await {
        is_told_to_come_later(answer);
    }
    // What is short goes on, in this account and in others; and so does what takes long in others.
    loud.get(&format!("/Users/{}", text(&ada["id"]))).await.expect(200);
    loud.patch(&ada).replace("title", "Editor").await.expect(200);
    loud.get(&format!("/Groups/{}", text(&ours["id"]))).await.expect(200);
    quiet.get(SCAN).await.expect(200);
    let mut large = large;
    large["externalId"] = json!("short");
    large["members"] = json!([{ "value": "nobody", "display": padding() }]);
    let put = quiet.put(&theirs, &large).await.expect(200);
    assert_eq!(put.header("parked-members"), Some("nobody"));
    // When the first is over, the next is let in: a client that is told to come later comes later.
    drop(held);
    loop {
        let answer = loud.get(SCAN).await;
        if answer.status.as_u16() != 429 {
            answer.expect(200);
            break;
        }
    }
});

story!(hardening_6_sixteen_at_once_are_done_one_after_the_other, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    for n in 0..3 {
        idp.create_user(&json!({ "schemas": [scim::urn::USER], "userName": format!("user{n}"), "title": "Editor", "role": "billing" })).await;
    }
    let scans = (0..16).map(|_| async { idp.get("/Users?filter=title+eq+%22Editor%22").await }).collect();
    for answer in all(scans).await {
        assert_eq!(answer.expect(200).json()["totalResults"], 3);
    }
});

/// More members than a short unit of work may touch.
const MANY: usize = 2_100;

/// Users of the account `acme`, and all of them in a group.
fn fill(world: &World, group: &Value) -> Vec<String> {
    Behind::of(world).work(|tx| {
        let now = gateway::platform::clock::Clock::of_the_machine().now();
        let account = tx.account_called("acme")?.expect("an account");
        let mut store = tx.in_account(account, now, true);
        let mut ids = Vec::with_capacity(MANY);
        let mut add = Vec::with_capacity(MANY);
        for n in 0..MANY {
            let meta = scim::resource::Meta { created: now.millis(), last_modified: now.millis(), version: 1 };
            let attributes = json!({ "userName": format!("member{n}"), "role": "billing", "active": true });
            let Value::Object(attributes) = attributes else { unreachable!() };
            let user = scim::Resource::from_stored(USER, gateway::platform::system::new_id(), meta, attributes);
            add.push(store.insert(&user, &[]).map_err(|e| DbError::Corrupt(e.to_string()))?);
            ids.push(user.id.to_string());
        }
        let id = Id::new(text(&group["id"])).expect("an id");
        let mut locked = store.lock(GROUP, &id)?.expect("the group");
        store.change_members(locked.handle, &MembershipChange { add, ..MembershipChange::default() })?;
        locked.resource.meta.version += 1;
        store
            .update(locked.handle, &locked.resource, &KeyChange::default())
            .map_err(|e| DbError::Corrupt(e.to_string()))?;
        Ok(ids)
    })
}

story!(hardening_6_what_turns_out_to_take_long_is_done_all_the_same, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let group = idp.create_group("Everybody", &[]).await;
    let ids = fill(&world, &group);
    let read = idp.read(&group).await;
    assert_eq!(read["members"].as_array().map(Vec::len), Some(MANY));
    let list = idp.list("/Groups").await;
    assert_eq!(list["Resources"][0]["members"].as_array().map(Vec::len), Some(MANY));
    // A short body that takes ten away of many, and adds one that no user has.
    let elements = |ids: &[String]| ids.iter().map(|id| json!({ "value": id })).collect::<Vec<_>>();
    let mut members = elements(&ids[10..]);
    members.push(json!({ "value": "nobody@acme.test" }));
    let body = json!({ "schemas": [scim::urn::GROUP], "displayName": "Everybody", "members": members });
    let put = idp.put(&group, &body).await.expect(200);
    assert_eq!(put.header("parked-members"), Some("nobody@acme.test"));
    assert_eq!(put.header("etag"), put.json()["meta"]["version"].as_str());
    assert_eq!(put.json()["members"].as_array().map(Vec::len), Some(MANY - 10));
    let last = acme.audit().await.last()["detail"].as_str().map(str::to_owned);
    assert_eq!(last.as_deref(), Some("waits for 1: nobody@acme.test"));
    // Once more: nothing changes, and nothing is written.
    let again = idp.put(&group, &body).await.expect(200);
    assert_eq!(again.header("etag"), put.header("etag"));
    idp.put(&group, &body).header("If-Match", "W/\"1\"").await.expect_scim_error(412, None);
    // Two of three at once are about other members, and none is lost.
    let user = idp.create_user(&a_user("late@acme.test")).await;
    let (all_members, late) = (elements(&ids), vec![json!({ "value": user["id"] })]);
    let together = all(vec![
        idp.patch(&group).operation(json!({ "op": "add", "path": "members", "value": all_members })).into_future(),
        idp.patch(&group).operation(json!({ "op": "add", "path": "members", "value": late })).into_future(),
    ]);
    for answer in together.await {
        answer.expect(204);
    }
    assert_eq!(idp.members(&group).await.len(), MANY + 1);
    // A body that says next to nothing.
    idp.patch(&group).remove("members").await.expect(204);
    assert!(idp.members(&group).await.is_empty());
    idp.patch(&group).operation(json!({ "op": "add", "path": "members", "value": elements(&ids) })).await.expect(204);
    let small = json!({ "schemas": [scim::urn::GROUP], "displayName": "Everybody", "members": elements(&ids[..1]) });
    assert_eq!(idp.put(&group, &small).await.expect(200).json()["members"].as_array().map(Vec::len), Some(1));
    idp.patch(&group).operation(json!({ "op": "add", "path": "members", "value": elements(&ids) })).await.expect(204);
    idp.delete(&group).await.expect(204);
    idp.get(&format!("/Groups/{}", text(&group["id"]))).await.expect(404);
});

fn is_unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    let seconds: Result<u32, _> = answer.header("retry-after").unwrap_or_default().parse();
    assert!(seconds.is_ok_and(|seconds| seconds > 0), "Retry-After is a number of seconds: {:?}", answer.headers);
}

fn call(process: &Process, idp: &IdentityProvider, method: Method, path: &str) -> Call {
    Call::new(http::client(), method, format!("{}/scim/v2{path}", process.address)).bearer(&idp.access_token)
}

#[test]
fn hardening_6_a_postgresql_that_swallows_answers_has_no_thread_for_good() {
    on_postgres(&[], async |world: World| {
        let idp = world.account("acme").await.connected_identity_provider().await;
        let wire = Wire::to(&world.database_url());
        let url = wire.url(&world.database_url());
        let settings = [
            ("GATEWAY__DATABASE__URL", url.as_str()),
            ("GATEWAY__DATABASE__CONNECTIONS", "2"),
            ("GATEWAY__DATABASE__LONG_CONNECTIONS", "1"),
            ("GATEWAY__DATABASE__STATEMENT_SECONDS", "1"),
            ("GATEWAY__DATABASE__LOCK_SECONDS", "1"),
            ("GATEWAY__DATABASE__ANSWER_SECONDS", "2"),
        ];
        let process = world.process_with(&settings).await;
        call(&process, &idp, Method::GET, "/Users?count=1").await.expect(200);
        // As many as there are threads, and more.
        wire.set(Mode::Silent);
        let calls = (0..6).map(|n| {
            let method = if n % 2 == 0 { Method::GET } else { Method::POST };
            let call = call(&process, &idp, method, "/Users");
            let call = if n % 2 == 0 { call } else { call.json(&a_user(&format!("user{n}"))) };
            async move { call.await }
        });
        for answer in all(calls.collect()).await {
            is_unavailable(&answer);
        }
        // What was swallowed is never answered; on new connections everything works again.
        wire.cut_off();
        while call(&process, &idp, Method::GET, "/Users?count=1").await.status != 200 {}
        let calls = (0..4).map(|_| async { call(&process, &idp, Method::GET, "/Users?count=1").await });
        for answer in all(calls.collect()).await {
            answer.expect(200);
        }
        call(&process, &idp, Method::POST, "/Users").json(&a_user("after@acme.test")).await.expect(201);
    });
}

#[test]
fn hardening_6_what_postgresql_cancels_is_503_and_never_500() {
    on_postgres(&[], async |world: World| {
        let idp = world.account("acme").await.connected_identity_provider().await;
        let user = idp.create_user(&a_user("ada@acme.test")).await;
        let path = format!("/Users/{}", text(&user["id"]));
        let patch = json!({ "schemas": [scim::urn::PATCH_OP], "Operations": [{ "op": "replace", "path": "title", "value": "x" }] });
        let mut behind = PgConnection::establish(&world.database_url()).expect("it answers");
        // 55P03, lock_not_available; 57014, query_canceled.
        for (statement, lock) in [("30", "1"), ("1", "30")] {
            let settings =
                [("GATEWAY__DATABASE__STATEMENT_SECONDS", statement), ("GATEWAY__DATABASE__LOCK_SECONDS", lock)];
            let process = world.process_with(&settings).await;
            behind.batch_execute("BEGIN; SELECT 1 FROM resources FOR UPDATE").expect("it is locked");
            let answer = call(&process, &idp, Method::PATCH, &path).json(&patch).await;
            is_unavailable(&answer);
            behind
                .batch_execute("ROLLBACK; BEGIN; LOCK TABLE resources IN ACCESS EXCLUSIVE MODE")
                .expect("it is locked");
            is_unavailable(&call(&process, &idp, Method::GET, &path).await);
            is_unavailable(&call(&process, &idp, Method::GET, SCAN).await);
            behind.batch_execute("ROLLBACK").expect("it is free");
            call(&process, &idp, Method::PATCH, &path).json(&patch).await.expect(200);
        }
    });
}
