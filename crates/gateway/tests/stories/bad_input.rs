//! What no client should send, at the SCIM endpoint: refused by its name, in words, at once, and nothing comes of it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use crate::support::account::text;
use crate::support::concurrently::all;
use crate::support::http::{Answer, SCIM_ERROR};
use crate::support::identity_provider::{GROUP, IdentityProvider, PATCH, USER, a_user};
use crate::support::testing::World;

const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

/// The refusal of a body as it is on the wire.
async fn refused(idp: &IdentityProvider, method: Method, path: &str, body: impl Into<Vec<u8>>) -> Answer {
    let started = Instant::now();
    let answer = idp.call(method, path).body("application/scim+json", body).await;
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{}: at once, not after {:?}",
        answer.asked,
        started.elapsed()
    );
    assert!(answer.status.is_client_error(), "{}: {}\n{}", answer.asked, answer.status, answer.text());
    answer.scim_error();
    assert!(answer.body.len() < 1_000, "no longer than what is worth reading: {}", answer.text());
    answer
}

story!(a_body_says_one_thing_only, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    let path = format!("/Users/{}", text(&ana["id"]));
    let user = |members: &str| format!(r#"{{"schemas": ["{USER}"], "role": "reports", {members}}}"#);
    let patch = |operation: &str| format!(r#"{{"schemas": ["{PATCH}"], "Operations": [{operation}]}}"#);
    for (method, path, body, says) in [
        (Method::POST, "/Users", user(r#""userName": "a", "userName": "b""#), "\"userName\" stands twice"),
        (Method::POST, "/Users", user(r#""userName": "a", "USERNAME": "a""#), "\"USERNAME\" stands twice"),
        (Method::POST, "/Users", user(r#""userName": "a", "name": {"givenName": "x", "givenName": "y"}"#), "givenName"),
        (Method::PUT, &path, user(r#""userName": "a", "active": true, "active": false"#), "\"active\" stands twice"),
        (
            Method::PATCH,
            &path,
            patch(r#"{"op": "add", "op": "remove", "path": "title", "value": "x"}"#),
            "\"op\" stands twice",
        ),
        (
            Method::PATCH,
            &path,
            patch(r#"{"op": "add", "path": "title", "value": "x", "value": "y"}"#),
            "\"value\" stands twice",
        ),
        (
            Method::POST,
            "/Users/.search",
            r#"{"schemas": [], "count": 1, "count": 2}"#.to_owned(),
            "\"count\" stands twice",
        ),
        (Method::POST, "/Users", user(r#""userName": "a", "title": 1e400"#), "number out of range"),
        (Method::POST, "/Users", user(r#""userName": "\ud800""#), "not valid JSON"),
        (Method::POST, "/Users", user(r#""userName": "a", "#), "not valid JSON"),
        (Method::POST, "/Users", "{\"userName\": \"a".to_owned(), "was it cut off?"),
        (Method::POST, "/Users", "{\"a\":".repeat(200_000), "nests deeper than 127"),
        (Method::PATCH, &path, "[".repeat(1_000_000), "nests deeper than 127"),
        (Method::POST, "/Users", " ".repeat(1_000_000), "no body"),
        (Method::POST, "/Users", format!("[{}]", vec!["0"; 500_000].join(",")), "more than 400000 values"),
    ] {
        let answer = refused(&idp, method, path, body).await.expect(400);
        assert_eq!(answer.json()["scimType"], "invalidSyntax", "{}", answer.text());
        assert!(answer.scim_error().contains(says), "{says}: {}", answer.text());
    }
    let not_text = [b"{\"userName\": \"".to_vec(), vec![0xff, 0xfe], b"\"}".to_vec()].concat();
    let answer = refused(&idp, Method::POST, "/Users", not_text).await.expect(400);
    assert!(answer.scim_error().contains("not UTF-8 from byte 15 on"), "{}", answer.text());
    assert_eq!(idp.read(&ana).await, ana);
    assert_eq!(idp.list("/Users").await["totalResults"], 2, "and nothing was made");

    // Strange, and good: a byte order mark, a negative zero, names that differ in the brackets of a path only.
    let marked = [b"\xef\xbb\xbf".to_vec(), a_user("ben@acme.test").to_string().into_bytes()].concat();
    idp.call(Method::POST, "/Users").body("application/scim+json", marked).await.expect(201);
    let zero = format!(r#"{{"schemas": ["{PATCH}"], "Operations": [{{"op": "add", "path": "title", "value": -0}}]}}"#);
    idp.call(Method::PATCH, &path).body("application/scim+json", zero).await.expect(200);
});

story!(what_is_too_much_is_refused_whole, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let strict = acme.strict_identity_provider().await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    let group = idp.create_group("Editors", &[&ana]).await;
    let (ana, path) = (idp.read(&ana).await, format!("/Users/{}", text(&ana["id"])));
    let patch = |operations: Value| json!({"schemas": [PATCH], "Operations": operations}).to_string();
    let title = json!({"op": "add", "path": "title", "value": "x"});
    let value = |n: usize| json!({"value": format!("{n}@acme.test")});
    let many: Vec<Value> = (0..1_001).map(value).collect();
    let emails = json!({"op": "add", "path": "emails", "value": many[..990]});
    let with = |name: &str, value: Value| {
        let mut user = a_user("ben@acme.test");
        user[name] = value;
        user.to_string()
    };
    for (status, scim_type, method, path, body) in [
        (413, None, Method::PATCH, path.as_str(), patch(json!(vec![&title; 50_000]))),
        (413, None, Method::PATCH, &path, patch(json!([title, emails, emails, emails, emails]))),
        (413, None, Method::POST, "/Bulk", json!({"schemas": [BULK], "Operations": vec![json!({"method": "DELETE"}); 100_000]}).to_string()),
        (413, None, Method::POST, "/Users", with("title", json!("x".repeat(5 << 20)))),
        (400, Some("invalidValue"), Method::POST, "/Users", with("title", json!("x".repeat(4_000_000)))),
        (400, Some("invalidValue"), Method::POST, "/Users", with("userName", json!("x".repeat(1_025)))),
        (400, Some("invalidValue"), Method::POST, "/Users", with("emails", json!(many))),
        (400, Some("invalidValue"), Method::PATCH, &path, patch(json!([title, {"op": "add", "path": "emails", "value": many}]))),
        (400, Some("invalidPath"), Method::PATCH, &path, patch(json!([title, {"op": "add", "path": "a".repeat(4_000_000), "value": 1}]))),
        (400, Some("invalidPath"), Method::PATCH, &path, patch(json!([title, {"op": "add", "path": format!("emails[{}", "(".repeat(1_000_000)), "value": 1}]))),
        (400, Some("invalidFilter"), Method::PATCH, &path, patch(json!([title, {"op": "add", "path": format!("emails[{}", "(".repeat(1_000)), "value": 1}]))),
        (400, Some("invalidFilter"), Method::POST, "/Users/.search",
         json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "(".repeat(1_000_000)}).to_string()),
    ] {
        match idp.call(method.clone(), path).body("application/scim+json", body.clone()).attempt().await {
            Ok(_) => {
                let answer = refused(&idp, method, path, body).await;
                answer.expect_scim_error(status, scim_type);
            }
            // A server may hang up on a body it will not read.
            Err(error) => assert!(status == 413 && body.len() > 4 << 20, "{error:?}"),
        }
    }
    assert_eq!(idp.read(&ana).await, ana, "nothing of a refused request is kept");

    // A hundred thousand members of whom none exists, and one who does.
    let mut members: Vec<Value> = (0..60_000).map(|n| json!({"value": format!("member {n}")})).collect();
    members.push(json!({"value": ana["id"]}));
    let body = json!({"schemas": [GROUP], "displayName": "Many", "members": members});
    strict.post("/Groups", &body).await.expect_scim_error(400, Some("invalidValue"));
    assert_eq!(idp.found("/Groups", "displayName eq \"Many\"").await.len(), 0);
    let made = idp.post("/Groups", &body).await.expect(201);
    assert!(made.headers.iter().all(|(_, value)| value.len() < 4_000), "a report one can read");
    assert_eq!(idp.members(&made.json()).await, [text(&ana["id"])]);
    let leave: Vec<Value> =
        (0..11).map(|n| json!({"op": "remove", "path": format!("members[display eq \"nobody{n}\"]")})).collect();
    let group_path = format!("/Groups/{}", text(&group["id"]));
    let answer = refused(&idp, Method::PATCH, &group_path, patch(json!(leave))).await;
    answer.expect_scim_error(413, None);
});

story!(strange_urls_are_answered, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let long = "a".repeat(60_000);
    for (status, query) in [
        (400, "filter=%zz"),
        (400, "filter=%"),
        (400, "filter=%e4"),
        (400, "count=1%00"),
        (400, "count=1e3"),
        (400, "count=one"),
        (400, "startIndex=0x10"),
        (200, "count=99999999999999999999999999999999"),
        (200, "startIndex=-99999999999999999999999999999999"),
        (200, "startIndex=99999999999999999999999999999999"),
        (200, "count=-0"),
        (200, &format!("x={long}")),
        (200, &format!("attributes={long}")),
        (400, &format!("sortBy={long}")),
        (400, &format!("filter={long}")),
        (400, &format!("filter={}", "(".repeat(60_000))),
        (400, &format!("filter={}", vec!["id+pr"; 2_000].join("+and+"))),
        (400, &format!("cursor={long}")),
        (400, "count=1&count=2"),
    ] {
        let answer = idp.get(&format!("/Users?{query}")).await.expect(status);
        if status == 400 {
            answer.scim_error();
            assert!(answer.body.len() < 1_000, "{:.60}: {:.1000}", query, answer.text());
        }
    }
    for id in ["%zz", "%00", "%ff", "..%2f..", &long, "%F0%9F%98%80", "a%0d%0aX-Injected:%201"] {
        let answer = idp.get(&format!("/Users/{id}")).await;
        assert_eq!(answer.status.as_u16(), 404, "{id:.60}");
        assert!(answer.scim_error().len() < 300 && answer.header("x-injected").is_none());
    }
});

/// Bytes to the gateway's port, and what comes back until it hangs up or goes silent.
fn exchange(world: &World, bytes: &[&[u8]]) -> String {
    let url = Url::parse(&world.gateway.routed("/")).expect("an address");
    let mut stream =
        TcpStream::connect((url.host_str().expect("a host"), url.port().expect("a port"))).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout can be set");
    for piece in bytes {
        if stream.write_all(piece).is_err() {
            break; // it hung up
        }
    }
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        answer.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

story!(
    a_body_that_does_not_come_as_announced_is_not_waited_for,
    settings = [("GATEWAY__SERVER__BODY_SECONDS", "1")],
    async |world: World| {
        let idp = world.account("acme").await.connected_identity_provider().await;
        let head = |headers: &str| {
            let token = &idp.access_token;
            format!(
                "POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
                 Content-Type: application/scim+json\r\n{headers}\r\n\r\n"
            )
        };
        let chunk = [b"10000\r\n".to_vec(), vec![b'['; 0x10000], b"\r\n".to_vec()].concat();
        let endless: Vec<&[u8]> = std::iter::repeat_n(chunk.as_slice(), 100).collect();
        let body = br#"{"schemas": []}"#.as_slice();
        for (headers, pieces, status, says) in [
            ("Transfer-Encoding: chunked", endless.clone(), "413", "at most 4096 KiB"),
            ("Transfer-Encoding: chunked", endless[..3].to_vec(), "408", "after 1 seconds"),
            ("Transfer-Encoding: chunked", vec![b"zz\r\n".as_slice()], "400", "could not be read"),
            ("Content-Length: 500", vec![body], "408", "after 1 seconds"),
            ("Content-Length: 99999999999", vec![body], "413", "at most 4096 KiB"),
            ("Content-Length: 5", vec![body], "400", "was it cut off?"),
            ("Content-Length: 15\r\nContent-Encoding: gzip", vec![body], "415", "Content-Encoding"),
        ] {
            let head = head(headers);
            let pieces: Vec<&[u8]> = std::iter::once(head.as_bytes()).chain(pieces).collect();
            let answer = exchange(&world, &pieces);
            // A broken or too large request may be closed without an answer.
            let hung_up = answer.is_empty() && (status == "413" || says == "could not be read");
            assert!(hung_up || answer.starts_with(&format!("HTTP/1.1 {status} ")), "{headers}: {answer:.600}");
            assert!(hung_up || (answer.contains(says) && answer.contains(SCIM_ERROR)), "{headers}: {answer:.600}");
        }
        // What is no HTTP is refused by the server underneath, which knows nothing of SCIM.
        for headers in
            ["Content-Length: -5", "Content-Length: 2\r\nContent-Length: 3", "Content-Length: x", "Bad Header: x"]
        {
            let head = head(headers);
            let answer = exchange(&world, &[head.as_bytes(), body]);
            assert!(answer.starts_with("HTTP/1.1 400 "), "{headers}: {answer:.600}");
        }
        let long = format!("GET /scim/v2/Users?x={} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(1 << 20));
        let answer = exchange(&world, &[long.as_bytes()]);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer:.600}");
        // Without a valid token the body is not even read.
        let anonymous =
            "POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nContent-Length: 5000000\r\n\r\n";
        let started = Instant::now();
        let answer = exchange(&world, &[anonymous.as_bytes()]);
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer:.600}");
        assert!(started.elapsed() < Duration::from_secs(6));
        assert_eq!(idp.list("/Users").await["totalResults"], 1, "and it goes on");
    }
);

story!(no_body_makes_the_server_grow, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let Some((before, _)) = world.memory() else { return };
    let patch = |value: Value| json!({"schemas": [PATCH], "Operations": [{"op": "add", "value": value}]}).to_string();
    let wide: Value = (0..150_000).map(|n| (format!("a{n}"), json!(n))).collect::<serde_json::Map<_, _>>().into();
    let bodies: Vec<String> = vec![
        format!("[{}0]", "0,".repeat(2_000_000)),
        format!("[{}0]", "{\"a\":0},".repeat(500_000)),
        format!("[{}0]", "[[[]]],".repeat(500_000)),
        "[".repeat(4_000_000),
        format!("{{\"a\":\"{}\"}}", "\\u0041".repeat(600_000)),
        format!("{{\"schemas\":[\"{GROUP}\"],\"members\":[{}0]}}", "{\"value\":\"x\"},".repeat(190_000)),
        patch(wide),
    ];
    let path = format!("/Users/{}", text(&idp.found("/Users", "userName pr").await[0]["id"]));
    let round = async || {
        for body in &bodies {
            let calls = (0..4).map(|n| {
                let (method, path) =
                    if n % 2 == 0 { (Method::PATCH, path.as_str()) } else { (Method::POST, "/Groups") };
                let call = idp.call(method, path).body("application/scim+json", body.clone());
                async move { call.await.status.is_server_error() }
            });
            assert!(all(calls.collect()).await.iter().all(|failed| !failed));
        }
    };
    let mut after = Vec::new();
    for _ in 0..4 {
        round().await;
        after.push(world.memory().expect("it was told before"));
    }
    // Four at once, each of 4 MiB: what they are made of takes more room than their text, and is given back.
    assert!(
        after.iter().all(|(_, most)| *most < before + 4 * 160),
        "{before} MiB before, then and at the most: {after:?}"
    );
    // What was let go may not have been given back yet when it is looked; what grows does so every time.
    let least = after.iter().skip(1).map(|(now, _)| *now).min().expect("several");
    assert!(least < before + 160 && least < after[0].0 + 64, "{before} MiB before, then and at the most: {after:?}");
});
