//! A bulk request that is repeated under its `Idempotency-Key` does nothing twice, also after a crash in between.

use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::database::Behind;
use crate::support::identity_provider::{GROUP, IdentityProvider, a_user};
use crate::support::testing::World;
use gateway::platform::timestamp::Timestamp;

const REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

fn group(bulk_id: &str, name: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|member| json!({"value": format!("bulkId:{member}")})).collect();
    let data = json!({"schemas": [GROUP], "displayName": name, "members": members});
    json!({"method": "POST", "path": "/Groups", "bulkId": bulk_id, "data": data})
}

fn request(operations: &[Value]) -> Value {
    json!({"schemas": [REQUEST], "Operations": operations})
}

/// A circle of two groups, one on top, a user, and one who cannot be: their name is taken.
fn work() -> Value {
    request(&[
        group("a", "Alpha", &["b"]),
        group("b", "Beta", &["a"]),
        json!({"method": "POST", "path": "/Users", "bulkId": "u", "data": a_user("una@acme.test")}),
        group("t", "Top", &["a", "u"]),
        json!({"method": "POST", "path": "/Users", "bulkId": "v", "data": a_user("una@acme.test")}),
    ])
}

async fn bulk(idp: &IdentityProvider, key: &str, body: &Value) -> Value {
    idp.post("/Bulk", body).header("Idempotency-Key", key).await.expect(200).json()
}

async fn groups(idp: &IdentityProvider) -> Vec<String> {
    let listed = idp.list("/Groups?count=1000").await;
    let mut names: Vec<String> =
        listed["Resources"].as_array().into_iter().flatten().map(|group| text(&group["displayName"])).collect();
    names.sort();
    names
}

story!(hardening_17_a_bulk_request_repeated_under_its_key_does_nothing_twice, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let idp = acme.connect_identity_provider_as(&ada).await;
    let first = bulk(&idp, "one", &work()).await;
    let statuses: Vec<String> =
        first["Operations"].as_array().into_iter().flatten().map(|operation| text(&operation["status"])).collect();
    assert_eq!(statuses, ["201", "201", "201", "201", "409"]);
    for _ in 0..2 {
        assert_eq!(bulk(&idp, "one", &work()).await, first, "the same answer");
    }
    assert_eq!(groups(&idp).await, ["Alpha", "Beta", "Top"]);
    // At once, and at two processes.
    world.add_replica().await;
    let again = request(&[group("x", "Gamma", &[]), group("y", "Delta", &["x"])]);
    let (one, two, three) =
        tokio::join!(bulk(&idp, "two", &again), bulk(&idp, "two", &again), bulk(&idp, "two", &again));
    assert_eq!((&one, &two), (&two, &three));
    assert_eq!(groups(&idp).await, ["Alpha", "Beta", "Delta", "Gamma", "Top"]);
    // Another body under the key is refused, with words; nothing of it is done.
    let other = request(&[group("x", "Epsilon", &[])]);
    let detail = idp.post("/Bulk", &other).header("Idempotency-Key", "two").await.expect_scim_error(409, None);
    assert!(detail.contains("Idempotency-Key"), "{detail}");
    for bad in ["", " ", &"k".repeat(256)] {
        idp.post("/Bulk", &other).header("Idempotency-Key", bad).await.expect_scim_error(400, Some("invalidValue"));
    }
    assert_eq!(groups(&idp).await.len(), 5);
    // Another client's key is another key, and so is another account's.
    let orchard = world.account("orchard").await;
    let other_client = acme.generic_client().await.connect_as(&ada).await;
    for others in [other_client, orchard.connected_identity_provider().await] {
        let made = bulk(&others, "two", &other).await;
        assert_eq!(made["Operations"][0]["status"], "201", "{made}");
    }
    // Without a key each is a request of its own.
    idp.post("/Bulk", &other).await.expect(200);
    idp.post("/Bulk", &other).await.expect(200);
    assert_eq!(groups(&idp).await.iter().filter(|name| *name == "Epsilon").count(), 3);
    // What is kept goes after a day, steps and all.
    let mut behind = Behind::of(&world);
    let day = world.now() + 86_500_000;
    while behind.work(|tx| tx.sweep_expired(Timestamp::of_millis(day), Timestamp::EPOCH, 2)) > 0 {}
    assert_eq!(behind.number("SELECT COUNT(*) AS n FROM bulk_requests"), 0);
    assert_eq!(behind.number("SELECT COUNT(*) AS n FROM bulk_steps"), 0);
});

story!(hardening_17_a_bulk_request_that_a_crash_broke_off_goes_on_where_it_was, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let operations: Vec<Value> = (0..300).map(|n| group(&format!("g{n}"), &format!("Group {n:03}"), &[])).collect();
    let body = request(&operations);
    // Killed in the middle: some groups were made, and the client was not told.
    let sent = tokio::spawn(idp.post("/Bulk", &body).header("Idempotency-Key", "crash").attempt());
    let mut behind = Behind::of(&world);
    while behind.number("SELECT COUNT(*) AS n FROM bulk_steps") < 20 {
        tokio::task::yield_now().await;
    }
    world.kill();
    let _ = sent.await;
    world.start_again().await;
    let begun = groups(&idp).await.len();
    assert!((20..300).contains(&begun), "{begun}");
    let answer = bulk(&idp, "crash", &body).await;
    let made: Vec<&Value> = answer["Operations"].as_array().into_iter().flatten().collect();
    assert!(made.len() == 300 && made.iter().all(|operation| operation["status"] == "201"), "{answer}");
    let names = groups(&idp).await;
    let expected: Vec<String> = (0..300).map(|n| format!("Group {n:03}")).collect();
    assert_eq!(names, expected, "each of them once");
});
