//! Memory: however large what is stored, asked for or sent, the server holds little of it at one time, and one account's share is not
//! another's.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use crate::support::account::{items, text};
use crate::support::concurrently::all;
use crate::support::identity_provider::{GROUP, IdentityProvider, USER, a_user};
use crate::support::testing::World;

const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

/// Resources made as they were before there was a limit: users and groups by SQL that both databases understand.
fn stored_before(world: &World, kind: i16, prefix: &str, many: u32, document: &str) {
    world.alter(&format!(
        "INSERT INTO resources (account, resource_type, id, version, created, last_modified, active, provisioned, display, document) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {many}) \
         SELECT (SELECT seq FROM accounts WHERE name = 'acme'), {kind}, '{prefix}' || i, 1, 1, 1, TRUE, FALSE, '{prefix}' || i, {document} FROM n"
    ));
}

/// A user's document of so many bytes, as SQL.
fn large_user(world: &World, bytes: usize) -> String {
    let padding = match world.database_url().starts_with("sqlite:") {
        true => format!("replace(hex(zeroblob({})), '0', 'a')", bytes / 2),
        false => format!("repeat('a', {bytes})"),
    };
    format!("'{{\"userName\":\"large' || i || '\",\"active\":true,\"title\":\"' || {padding} || '\"}}'")
}

/// What a request looks like on the wire, up to its body.
fn head(idp: &IdentityProvider, method: &str, path: &str, headers: &str) -> String {
    let token = &idp.access_token;
    format!("{method} /scim/v2{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{headers}\r\n")
}

fn connect(world: &World) -> TcpStream {
    let url = Url::parse(&world.gateway.routed("/")).expect("a URL");
    let address = (url.host_str().expect("a host"), url.port().expect("a port"));
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream
}

/// The status and the headers of an answer, and the first of its body.
fn begin(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while !answer.windows(4).any(|four| four == b"\r\n\r\n") {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(n) => answer.extend_from_slice(&piece[..n]),
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn grown(world: &World, before: Option<(u64, u64)>) -> u64 {
    let (before, after) = (before.map_or(0, |(now, _)| now), world.memory().map_or(0, |(_, most)| most));
    after.saturating_sub(before)
}

fn photos(kib: usize) -> Value {
    (0..kib / 10)
        .map(|n| json!({ "value": format!("https://photos.example/{n}/{}", "p".repeat(10_180)), "type": "photo" }))
        .collect()
}

story!(hardening_5_a_document_that_would_be_too_large_is_refused_in_words, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let with = |name: &str, kib: usize| {
        let mut user = a_user(name);
        user["photos"] = photos(kib);
        user
    };
    let ana = idp.create_user(&with("ana@acme.test", 200)).await;
    let says = |detail: String| {
        for part in ["would have 3", "256 KiB are allowed", "photos"] {
            assert!(detail.contains(part), "{detail}");
        }
    };
    let too_large = (400, Some("invalidValue"));
    says(idp.post("/Users", &with("ben@acme.test", 300)).await.expect_scim_error(too_large.0, too_large.1));
    says(idp.put(&ana, &with("ana@acme.test", 300)).await.expect_scim_error(too_large.0, too_large.1));
    says(idp.patch(&ana).replace("photos", photos(300)).await.expect_scim_error(too_large.0, too_large.1));
    let operations = json!([
        { "method": "POST", "path": "/Users", "bulkId": "1", "data": with("cas@acme.test", 300) },
        { "method": "POST", "path": "/Users", "bulkId": "2", "data": a_user("dora@acme.test") },
    ]);
    let bulk = idp.post("/Bulk", &json!({ "schemas": [BULK], "Operations": operations })).await.expect(200).json();
    assert_eq!((&bulk["Operations"][0]["status"], &bulk["Operations"][1]["status"]), (&json!("400"), &json!("201")));
    assert_eq!(bulk["Operations"][0]["response"]["scimType"], "invalidValue");
    says(text(&bulk["Operations"][0]["response"]["detail"]));
    assert_eq!(idp.read(&ana).await["photos"].as_array().map(Vec::len), Some(20), "nothing of it was kept");
});

story!(hardening_5_a_group_of_sixty_thousand_is_put_and_answered, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    stored_before(&world, 1, "member", 60_000, "'{\"userName\":\"member' || i || '\",\"active\":true}'");
    let group = idp.create_group("Everybody", &[]).await;
    let members: Vec<Value> = (1..=60_000).map(|n| json!({ "value": format!("member{n}") })).collect();
    let body = json!({ "schemas": [GROUP], "displayName": "Everybody", "members": members });
    let put = idp.put(&group, &body).await.expect(200).json();
    assert_eq!(put["members"].as_array().map(Vec::len), Some(60_000));
    assert_eq!(idp.members(&group).await.len(), 60_000);
});

story!(hardening_5_pages_of_large_users_end_early_and_memory_stays, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    stored_before(&world, 1, "large", 12, &large_user(&world, 4_000_000));
    let before = world.memory();
    let page = idp.list("/Users?count=60").await;
    assert!((1..=2).contains(&page["itemsPerPage"].as_u64().expect("a number")), "{}", page["itemsPerPage"]);
    assert_eq!(page["Resources"].as_array().map(Vec::len), page["itemsPerPage"].as_u64().map(|n| n as usize));
    assert!(page["totalResults"].as_u64() > page["itemsPerPage"].as_u64());
    let four = (0..4).map(|_| async { idp.get("/Users?count=60").await.expect(200).body.len() });
    assert!(all(four.collect()).await.iter().all(|bytes| *bytes < 9 << 20));
    // Reading documents to decide about a filter, or to sort.
    for query in ["filter=title%20sw%20%22b%22", "sortBy=nickName&count=60"] {
        idp.get(&format!("/Users?{query}")).await.expect(200);
    }
    let root = idp.get("/?filter=id%20pr&count=60").await.expect(200);
    assert!(root.body.len() < 9 << 20);
    assert!(grown(&world, before) < 240, "{} MiB", grown(&world, before));

    // Each user is listed once: by index, and by cursor.
    let mut expected: Vec<String> = (1..=12).map(|n| format!("large{n}")).collect();
    expected.sort();
    for by_cursor in [false, true] {
        let (mut met, mut cursor): (Vec<String>, Option<String>) = (Vec::new(), Some(String::new()));
        loop {
            let place = match (by_cursor, cursor.take()) {
                (false, _) => format!("startIndex={}", met.len() + 1),
                (true, Some(cursor)) => format!("cursor={cursor}"),
                (true, None) => break,
            };
            let page = idp.get(&format!("/Users?count=60&{place}")).await.expect(200).json();
            let found = page["Resources"].as_array().expect("resources");
            assert_eq!(page["itemsPerPage"].as_u64(), Some(found.len() as u64));
            assert!(!found.is_empty());
            met.extend(found.iter().map(|user| text(&user["id"])));
            cursor = page["nextCursor"].as_str().map(str::to_owned);
            if !by_cursor && page["totalResults"].as_u64() <= Some(met.len() as u64) {
                break;
            }
        }
        met.retain(|id| id.starts_with("large"));
        met.sort();
        assert_eq!(met, expected, "by cursor: {by_cursor}");
    }
    let operators = acme.admin_get("/users?count=60").await;
    assert!(operators["items"].as_array().is_some_and(|items| (1..=4).contains(&items.len())));

    // They were stored before there was a limit: readable, and deactivated and deleted at any size.
    let large = json!({ "id": "large7", "meta": { "resourceType": "User" } });
    idp.patch(&large).replace("title", "smaller").await.expect(200);
    let large = json!({ "id": "large8", "meta": { "resourceType": "User" } });
    idp.patch(&large).add("nickName", "larger").await.expect_scim_error(400, Some("invalidValue"));
    assert_eq!(idp.patch(&large).replace("active", false).await.expect(200).json()["active"], false);
    idp.delete(&large).await.expect(204);
    assert!(grown(&world, before) < 240, "{} MiB", grown(&world, before));
});

story!(hardening_5_a_page_of_large_groups_ends_early, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    stored_before(&world, 1, "member", 30_000, "'{\"userName\":\"member' || i || '\",\"active\":true}'");
    stored_before(&world, 2, "group", 6, "'{\"displayName\":\"group' || i || '\"}'");
    world.alter(
        "INSERT INTO members (group_seq, member_seq) SELECT g.seq, u.seq FROM resources AS g JOIN resources AS u \
         ON g.resource_type = 2 AND u.resource_type = 1 AND u.id LIKE 'member%' WHERE g.id LIKE 'group%'",
    );
    let before = world.memory();
    let mut met = Vec::new();
    for _ in 0..6 {
        let page = idp.get(&format!("/Groups?count=60&startIndex={}", met.len() + 1)).await.expect(200).json();
        let found = page["Resources"].as_array().expect("groups");
        assert_eq!((found.len(), page["itemsPerPage"].as_u64()), (1, Some(1)));
        assert_eq!(found[0]["members"].as_array().map(Vec::len), Some(30_000), "all of them");
        met.extend(found.iter().map(|group| text(&group["id"])));
    }
    met.sort();
    assert_eq!(met, (1..=6).map(|n| format!("group{n}")).collect::<Vec<_>>());
    let without = idp.get("/Groups?count=60&excludedAttributes=members").await.expect(200).json();
    assert_eq!(without["itemsPerPage"], 6);
    assert!(grown(&world, before) < 150, "{} MiB", grown(&world, before));
});

story!(
    hardening_5_answers_that_are_not_read_take_the_share_of_their_account_alone,
    settings = [("GATEWAY__SERVER__ACCOUNT_IN_FLIGHT_MIB", "48"), ("GATEWAY__SERVER__IN_FLIGHT_MIB", "96")],
    async |world: World| {
        let idp = world.account("acme").await.connected_identity_provider().await;
        let other = world.account("zeta").await.connected_identity_provider().await;
        stored_before(&world, 1, "large", 3, &large_user(&world, 12_000_000));
        let ana = idp.create_user(&a_user("ana@acme.test")).await;
        let before = world.memory();
        let mut unread = Vec::new();
        let refused = loop {
            let mut stream = connect(&world);
            stream.write_all(head(&idp, "GET", "/Users/large1", "").as_bytes()).expect("sent");
            let answer = begin(&mut stream);
            if !answer.starts_with("HTTP/1.1 200 ") {
                break answer;
            }
            unread.push(stream);
            assert!(unread.len() < 8, "nothing is refused");
        };
        assert!(refused.starts_with("HTTP/1.1 429 "), "{refused}");
        assert!(refused.to_lowercase().contains("\r\nretry-after: 1\r\n"), "{refused}");
        let refused = idp.get("/Users/large2").await;
        assert_eq!(refused.header("retry-after"), Some("1"));
        let detail = refused.expect_scim_error(429, None);
        assert!(detail.contains("48 MiB"), "{detail}");
        // A deactivation finds room, and another account is not told of it.
        let ana = json!({ "id": ana["id"], "meta": ana["meta"] });
        assert_eq!(idp.patch(&ana).replace("active", false).await.expect(200).json()["active"], false);
        other.create_user(&a_user("ana@zeta.test")).await;
        assert_eq!(other.list("/Users?count=60").await["totalResults"], 2);
        assert!(grown(&world, before) < 200, "{} MiB", grown(&world, before));
        // Room is there again when the connections are gone.
        drop(unread);
        let started = Instant::now();
        while idp.get("/Users/large2").await.status != 200 {
            assert!(started.elapsed() < Duration::from_secs(20));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        idp.get("/Users/large3").await.expect(200);
    }
);

story!(hardening_5_a_large_body_is_read_only_for_a_token_that_counts, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let good = acme.strict_identity_provider().await;
    let grants = items(&acme.admin_get("/grants").await);
    let revoked = grants.iter().find(|grant| grant["client_id"] == idp.client.id.as_str()).expect("its grant");
    world.admin(Method::DELETE, &format!("/grants/{}", text(&revoked["id"]))).await.expect(204);
    let before = world.memory();
    // The refusal comes before any of the body was sent.
    for path in ["/Users", "/Bulk", "/Users/.search"] {
        let mut streams: Vec<TcpStream> = (0..8).map(|_| connect(&world)).collect();
        for stream in &mut streams {
            let head = head(&idp, "POST", path, "Content-Type: application/json\r\nContent-Length: 4000000\r\n");
            stream.write_all(head.as_bytes()).expect("sent");
        }
        for stream in &mut streams {
            let answer = begin(stream);
            assert!(answer.starts_with("HTTP/1.1 401 "), "{path}: {answer:.300}");
        }
    }
    // Where no length is announced, it comes as soon as the body is not small.
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
    let mut stream = connect(&world);
    let head_of = |idp| head(idp, "POST", "/Users", "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n");
    stream.write_all(head_of(&idp).as_bytes()).expect("sent");
    stream.write_all(chunk.as_bytes()).expect("sent");
    let _ = stream.write_all(chunk.as_bytes());
    let answer = begin(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer:.300}");
    assert!(grown(&world, before) < 60, "{} MiB", grown(&world, before));
    // With a token that counts, the same body is read to its end, and found to be no JSON.
    let mut stream = connect(&world);
    let body = [head_of(&good).as_bytes(), chunk.as_bytes(), chunk.as_bytes(), b"0\r\n\r\n"].concat();
    stream.write_all(&body).expect("sent");
    let answer = begin(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer:.300}");
    let big = json!({ "schemas": [USER], "userName": "large@acme.test", "role": "reports", "photos": photos(200) });
    good.post("/Users", &big).await.expect(201);
});

story!(
    hardening_5_requests_take_the_share_of_their_account_alone,
    settings = [
        ("GATEWAY__SERVER__ACCOUNT_IN_FLIGHT_MIB", "8"),
        ("GATEWAY__SERVER__IN_FLIGHT_MIB", "16"),
        // More bodies at once than there is room for.
        ("GATEWAY__SCIM__LONG_REQUESTS_PER_ACCOUNT", "4")
    ],
    async |world: World| {
        let idp = world.account("acme").await.connected_identity_provider().await;
        let other = world.account("zeta").await.connected_identity_provider().await;
        let before = world.memory();
        // Bodies that are almost here.
        let mut waiting = Vec::new();
        for _ in 0..12 {
            let mut stream = connect(&world);
            let head = head(&idp, "POST", "/Users", "Content-Type: application/json\r\nContent-Length: 4000000\r\n");
            stream.write_all(head.as_bytes()).expect("sent");
            let _ = stream.write_all("a".repeat(3_500_000).as_bytes());
            waiting.push(stream);
        }
        let started = Instant::now();
        let refused = loop {
            let answer = idp.post("/Users", &json!({ "x": "a".repeat(3_000_000) })).await;
            if answer.status == 429 {
                break answer;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "{}", answer.status);
        };
        assert_eq!(refused.header("retry-after"), Some("1"));
        other.create_user(&a_user("ana@zeta.test")).await;
        assert!(grown(&world, before) < 60, "{} MiB", grown(&world, before));
        drop(waiting);
        let started = Instant::now();
        while idp.post("/Users", &a_user("ana@acme.test")).await.status == 429 {
            assert!(started.elapsed() < Duration::from_secs(20));
        }
        // What an account may never have is not to be repeated.
        let members: Vec<Value> = (0..60_000).map(|n| json!({ "value": n.to_string() })).collect();
        let never = idp.post("/Groups", &json!({ "schemas": [GROUP], "displayName": "all", "members": members })).await;
        assert_eq!(never.header("retry-after"), None);
        never.expect_scim_error(413, None);
    }
);
