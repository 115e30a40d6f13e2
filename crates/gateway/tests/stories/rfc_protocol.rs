//! What RFC 7644 says of deleting, versions, errors, tokens and discovery, statement by statement
//! (`docs/conformance/scim.toml`). Bulk requests are in `bulk.rs`, `/Me` is in `me.rs`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::browser::Landed;
use crate::support::concurrently::all;
use crate::support::http::Answer;
use crate::support::identity_provider::{GROUP, IdentityProvider, LIST, PATCH, USER, a_user};
use crate::support::oauth_client::log_in_if_asked;
use crate::support::testing::World;

/// The words of RFC 7644 table 9 and of RFC 9865 §2.
const SCIM_TYPES: [&str; 14] = [
    "invalidFilter",
    "tooMany",
    "uniqueness",
    "mutability",
    "invalidSyntax",
    "invalidPath",
    "noTarget",
    "invalidValue",
    "invalidVers",
    "sensitive",
    "invalidCursor",
    "expiredCursor",
    "invalidCount",
    "paging",
];

story!(point_35_what_is_deleted_is_gone_and_its_name_is_free, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    for (endpoint, body) in
        [("/Users", a_user("ana@acme.test")), ("/Groups", json!({"schemas": [GROUP], "displayName": "ana@acme.test"}))]
    {
        let made = idp.post(endpoint, &body).await.expect(201).json();
        let path = format!("{endpoint}/{}", text(&made["id"]));
        let deleted = idp.delete(&path).await.expect(204);
        assert!(deleted.body.is_empty());
        idp.get(&path).await.expect_scim_error(404, None);
        idp.put(&path, &body).await.expect_scim_error(404, None);
        idp.patch(&path).replace("displayName", "x").await.expect_scim_error(404, None);
        idp.delete(&path).await.expect_scim_error(404, None);
        let name = if endpoint == "/Users" { "userName" } else { "displayName" };
        for filter in [
            format!("{name} eq \"ana@acme.test\""),
            format!("id eq \"{}\"", text(&made["id"])),
            format!("{name} sw \"ana\""),
        ] {
            assert!(idp.found(endpoint, &filter).await.is_empty(), "{filter}");
        }
        let all = idp.list(&format!("{endpoint}?count=1000")).await;
        assert_eq!(all["totalResults"], if endpoint == "/Users" { 1 } else { 0 });
        let again = idp.post(endpoint, &body).await.expect(201).json();
        assert_ne!(again["id"], made["id"]);
        idp.delete(&again).await.expect(204);
    }
});

story!(point_36_versions_are_entity_tags, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let body = |title: &str| {
        let mut body = a_user("ana@acme.test");
        body["title"] = json!(title);
        body
    };
    let made = idp.post("/Users", &body("0")).await.expect(201);
    let ana = made.json();
    let path = format!("/Users/{}", text(&ana["id"]));
    let tag = |answer: &Answer| answer.header("etag").unwrap_or_default().to_owned();
    let first = tag(&made);
    assert!(first.starts_with("W/\"") && first.ends_with('"'), "{first}");
    let read = idp.get(&path).await.expect(200);
    assert_eq!((tag(&read), read.json()["meta"]["version"].as_str()), (first.clone(), Some(first.as_str())));
    for known in [first.clone(), "*".to_owned(), format!("W/\"x\", {first}"), first.trim_start_matches("W/").to_owned()]
    {
        let answer = idp.get(&path).header("if-none-match", &known).await.expect(304);
        assert!(answer.body.is_empty() && tag(&answer) == first, "{known}");
    }
    idp.get(&path).header("if-none-match", "W/\"other\"").await.expect(200);

    let second = tag(&idp.put(&path, &body("1")).header("if-match", &first).await.expect(200));
    assert_ne!(second, first);
    let list = idp.list("/Users?filter=userName+eq+%22ana@acme.test%22").await;
    assert_eq!(list["Resources"][0]["meta"]["version"], second.as_str());
    idp.get(&path).header("if-none-match", &first).await.expect(200);
    let patch = json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": "title", "value": "stale"}]});
    for stale in [first.clone(), "W/\"x\"".to_owned(), format!("{first}, W/\"x\"")] {
        idp.put(&path, &body("stale")).header("if-match", &stale).await.expect_scim_error(412, None);
        idp.call(Method::PATCH, &path).scim(&patch).header("if-match", &stale).await.expect_scim_error(412, None);
        idp.delete(&path).header("if-match", &stale).await.expect_scim_error(412, None);
    }
    assert_eq!(idp.read(&ana).await["title"], "1");
    let third = tag(&idp.put(&path, &body("2")).header("if-match", &format!("{first}, {second}")).await.expect(200));
    idp.put(&path, &body("3")).header("if-match", "*").await.expect(200);
    idp.delete(&path).header("if-match", &third).await.expect_scim_error(412, None);

    // Of many writers who saw the same version one wins, each time.
    for round in 0..3 {
        let seen = text(&idp.read(&ana).await["meta"]["version"]);
        let writers = (0..6).map(|n| {
            let (call, title) = (idp.put(&path, &body(&format!("{round}.{n}"))), format!("{round}.{n}"));
            let call = call.header("if-match", &seen);
            async move { (call.await.status.as_u16(), title) }
        });
        let outcomes = all(writers.collect()).await;
        let winners: Vec<&String> =
            outcomes.iter().filter(|(status, _)| *status == 200).map(|(_, title)| title).collect();
        assert_eq!(winners.len(), 1, "{outcomes:?}");
        assert!(outcomes.iter().all(|(status, _)| [200, 412].contains(status)), "{outcomes:?}");
        assert_eq!(idp.read(&ana).await["title"], winners[0].as_str());
    }
    let group = idp.create_group("Editors", &[&ana]).await;
    idp.delete(&group).header("if-match", "W/\"99\"").await.expect_scim_error(412, None);
    idp.delete(&group).header("if-match", &text(&group["meta"]["version"])).await.expect(204);
});

story!(point_40_every_refusal_is_a_scim_error, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    let path = format!("/Users/{}", text(&ana["id"]));
    let base = idp.client.sheet("scim_base_url");
    let big = [b"{\"a\":\"".to_vec(), vec![b'a'; 4 << 20], b"\"}".to_vec()].concat();
    let refusals = [
        (401, world.get(&format!("{base}/Users"))),
        (401, world.get(&format!("{base}/Nothing")).bearer("x")),
        (401, world.post(&format!("{base}/Users")).scim(&a_user("x"))),
        (404, idp.get("/Nothing")),
        (404, idp.get("/Users/1/2")),
        (404, idp.get("/Users/x")),
        (404, idp.get("/users")),
        (404, idp.get("/Schemas/urn:x")),
        (404, idp.post("/Printers", &json!({}))),
        (405, idp.call(Method::DELETE, "/Users")),
        (405, idp.call(Method::POST, &path).scim(&json!({}))),
        (405, idp.call(Method::PUT, "/Schemas").scim(&json!({}))),
        (405, idp.call(Method::OPTIONS, "/Users")),
        (405, idp.call(Method::TRACE, "/Users")),
        (405, idp.call(Method::from_bytes(b"BREW").expect("a method"), "/Users")),
        (412, idp.delete(&path).header("if-match", "W/\"x\"")),
        (413, idp.call(Method::POST, "/Users").body("application/scim+json", big.clone())),
        (413, idp.call(Method::POST, "/Bulk").body("application/scim+json", big)),
        (415, idp.call(Method::POST, "/Users").body("text/plain", "x")),
        (415, idp.call(Method::PATCH, &path).body("application/xml", "<x/>")),
        (400, idp.call(Method::POST, "/Users").body("application/scim+json", "{")),
        (400, idp.call(Method::POST, "/Users").body("application/scim+json", "")),
        (400, idp.call(Method::PATCH, &path).body("application/scim+json", "\u{0}")),
        (400, idp.get("/Users?filter=x")),
        (400, idp.get("/Users?count=x")),
        (400, idp.get("/Users?cursor=x")),
        (400, idp.get("/Users?filter=%ff")),
        (403, idp.get("/Schemas?filter=id+pr")),
        (409, idp.post("/Users", &a_user("ana@acme.test"))),
    ];
    for (status, call) in refusals {
        let answer = call.await.expect(status);
        answer.scim_error();
        let body = answer.json();
        let known =
            body.get("scimType").is_none_or(|said| said.as_str().is_some_and(|said| SCIM_TYPES.contains(&said)));
        assert!(known, "{body}");
        let members: Vec<&str> = body.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        assert!(members.iter().all(|m| ["schemas", "status", "scimType", "detail"].contains(m)), "{body}");
        assert_eq!(answer.header("allow").is_some(), status == 405, "{}", answer.asked);
    }
    assert_eq!(idp.read(&ana).await, ana);
});

story!(point_41_a_token_is_asked_for_by_a_challenge_and_needs_the_scope, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let client = acme.generic_client().await;
    let idp = client.connect_as(&ada).await;
    let users = format!("{}/Users", client.sheet("scim_base_url"));
    let challenge = |answer: Answer| {
        let answer = answer.expect(401);
        answer.scim_error();
        answer.header("www-authenticate").unwrap_or_default().to_owned()
    };
    for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let said = challenge(world.call(method.clone(), &users).await);
        assert!(said.starts_with("Bearer ") && !said.contains("error"), "{method}: {said}");
        let said = challenge(world.call(method.clone(), &users).bearer("nonsense").await);
        assert!(said.starts_with("Bearer ") && said.contains("error=\"invalid_token\""), "{method}: {said}");
    }
    for place in ["/Me", "/Bulk", "/Schemas", "/ServiceProviderConfig", "/Users/x", "/Nothing", "/Groups/.search"] {
        let said = challenge(world.get(&format!("{}{place}", client.sheet("scim_base_url"))).await);
        assert!(said.starts_with("Bearer "), "{place}: {said}");
    }
    // A token for something else.
    let redirect_uri = client.redirect_uri();
    let asked = [
        ("response_type", "code"),
        ("client_id", client.id.as_str()),
        ("redirect_uri", redirect_uri.as_str()),
        ("scope", "openid"),
        ("state", "state-1"),
    ];
    let browser = world.browser();
    let landing = browser.open(&client.authorization_url_with(&asked)).await;
    // What was accepted already is not asked for again.
    let code = log_in_if_asked(&browser, landing, &ada).await.callback().code();
    let tokens = client.exchange(&code).await.expect(200).json();
    let only_openid = IdentityProvider::new(client.clone(), &tokens);
    for call in [
        only_openid.get("/Users"),
        only_openid.post("/Users", &a_user("x@acme.test")),
        only_openid.get("/Nothing"),
        only_openid.get("/Schemas"),
    ] {
        let answer = call.await.expect(403);
        answer.scim_error();
        let said = answer.header("www-authenticate").unwrap_or_default();
        assert!(said.contains("error=\"insufficient_scope\"") && said.contains("provision:scim"), "{said}");
    }
    assert_eq!(idp.list("/Users").await["totalResults"], 1, "and nothing was made");
});

story!(point_42_discovery_is_a_list_that_no_client_filters, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    for endpoint in ["/Schemas", "/ResourceTypes"] {
        let whole = idp.get(endpoint).await.expect(200).json();
        assert_eq!(whole["schemas"], json!([LIST]));
        let listed = whole["Resources"].as_array().cloned().unwrap_or_default();
        assert_eq!(whole["totalResults"].as_u64(), Some(listed.len() as u64));
        assert!(listed.len() > 1 && whole["itemsPerPage"] == whole["totalResults"], "{whole}");
        for query in ["count=1", "startIndex=2", "sortBy=id&sortOrder=descending", "count=0&cursor=", "cursor=forged"] {
            assert_eq!(idp.get(&format!("{endpoint}?{query}")).await.expect(200).json(), whole, "{query} is ignored");
        }
        for one in &listed {
            let named = if endpoint == "/Schemas" { "id" } else { "name" };
            assert_eq!(&idp.read(&format!("{endpoint}/{}", text(&one[named]))).await, one);
            assert_eq!(
                &world.get(&text(&one["meta"]["location"])).bearer(&idp.access_token).await.expect(200).json(),
                one
            );
            assert!(!text(&one["id"]).contains(":api:messages:"), "a message is no resource: {one}");
        }
        idp.get(&format!("{endpoint}/Printer")).await.expect_scim_error(404, None);
    }
    for place in
        ["/Schemas", "/ResourceTypes", "/ServiceProviderConfig", &format!("/Schemas/{USER}"), "/ResourceTypes/User"]
    {
        for filter in ["id+eq+%22User%22", "", "%28"] {
            idp.get(&format!("{place}?filter={filter}")).await.expect_scim_error(403, None);
        }
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let answer = idp.call(method, place).scim(&json!({})).await.expect(405);
            assert_eq!(answer.header("allow"), Some("GET, HEAD"), "{place}");
            answer.scim_error();
        }
        idp.call(Method::HEAD, place).await.expect(200);
    }
});

story!(point_43_what_is_claimed_is_true, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let config = idp.read("/ServiceProviderConfig").await;
    let supported = |feature: &str| config[feature]["supported"].as_bool().expect("a claim");
    let types = idp.read("/ResourceTypes").await;
    let schemas = idp.read("/Schemas").await;
    let named = |list: &Value, member: &str| -> Vec<String> {
        list["Resources"].as_array().into_iter().flatten().map(|one| text(&one[member])).collect()
    };
    for described in types["Resources"].as_array().into_iter().flatten() {
        assert!(named(&schemas, "id").contains(&text(&described["schema"])), "{described}");
        for extension in described["schemaExtensions"].as_array().into_iter().flatten() {
            assert!(named(&schemas, "id").contains(&text(&extension["schema"])), "{described}");
        }
        let list = idp.list(&text(&described["endpoint"])).await;
        for resource in list["Resources"].as_array().into_iter().flatten() {
            assert_eq!(resource["meta"]["resourceType"], described["name"]);
            assert_eq!(resource["schemas"][0], described["schema"]);
        }
    }
    let mut names: Vec<String> = Vec::new();
    for n in 0..3 {
        names.push(text(&idp.create_user(&a_user(&format!("u{n}@acme.test"))).await["userName"]));
    }
    let ana = idp.found("/Users", "userName eq \"u0@acme.test\"").await.remove(0);
    assert!(supported("patch"));
    assert_eq!(idp.patch(&ana).replace("title", "x").await.expect(200).json()["title"], "x");
    assert!(supported("filter"));
    assert_eq!(idp.names("title eq \"x\"").await, ["u0@acme.test"]);
    let most = config["filter"]["maxResults"].as_u64().expect("a number");
    assert!(
        idp.list(&format!("/Users?count={}&filter=userName+pr", most + 1)).await["itemsPerPage"].as_u64() <= Some(most)
    );
    assert!(supported("sort"));
    let sorted = idp.list("/Users?sortBy=userName&sortOrder=descending&filter=userName+sw+%22u%22").await;
    names.reverse();
    assert_eq!(named(&sorted, "userName"), names);
    assert!(supported("etag"));
    idp.delete(&ana).header("if-match", "W/\"x\"").await.expect_scim_error(412, None);
    assert!(supported("bulk"));
    let operations = config["bulk"]["maxOperations"].as_u64().expect("a number");
    let bulk = |count: u64| {
        let operation = json!({"method": "DELETE", "path": "/Users/nobody"});
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "failOnErrors": 1,
            "Operations": vec![operation; count as usize]})
    };
    idp.post("/Bulk", &bulk(operations)).await.expect(200);
    idp.post("/Bulk", &bulk(operations + 1)).await.expect_scim_error(413, None);
    let payload = config["bulk"]["maxPayloadSize"].as_u64().expect("a number") as usize;
    let mut largest = bulk(1).to_string();
    largest.push_str(&" ".repeat(payload - largest.len()));
    idp.call(Method::POST, "/Bulk").body("application/scim+json", largest.clone()).await.expect(200);
    largest.push(' ');
    idp.call(Method::POST, "/Bulk").body("application/scim+json", largest).await.expect_scim_error(413, None);
    assert!(!supported("changePassword"));
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    idp.patch(&ada).replace("password", "another password altogether").await.expect(200);
    let (browser, client) = (world.browser(), acme.okta_client().await);
    let page = log_in_if_asked(&browser, browser.open(&client.authorization_url("1")).await, &ada).await.page();
    assert!(page.answer.text().contains("Accept access"), "the old password is good");
    assert_eq!(config["authenticationSchemes"][0]["type"], "oauthbearertoken");
    assert_eq!((&config["pagination"]["cursor"], &config["pagination"]["index"]), (&json!(true), &json!(true)));
    assert_eq!(config["meta"]["resourceType"], "ServiceProviderConfig");
    assert_eq!(
        world.get(&text(&config["meta"]["location"])).bearer(&idp.access_token).await.expect(200).json(),
        config
    );
});

story!(point_44_bodies_are_scim_json_in_utf_8, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let mut body = a_user("ana@acme.test");
    body["displayName"] = json!("Änne 山田 😀 \u{202e}");
    for media_type in [
        "application/scim+json",
        "application/json",
        "application/scim+json; charset=utf-8",
        "application/json;charset=UTF-8",
        "Application/SCIM+JSON",
        "application/scim+json; profile=x",
    ] {
        let answer =
            idp.call(Method::POST, "/Users").body(media_type, body.to_string()).header("accept", "application/json");
        let answer = answer.await.expect(201);
        let said = answer.header("content-type").unwrap_or_default().to_ascii_lowercase();
        assert!(said.starts_with("application/scim+json") && !said.contains("iso-"), "{said}");
        let made = answer.json();
        assert_eq!(made["displayName"], body["displayName"], "{media_type}");
        let read = idp.get(&format!("/Users/{}", text(&made["id"]))).header("accept", "*/*").await.expect(200);
        assert_eq!((read.media_type(), &read.json()["displayName"]), ("application/scim+json", &body["displayName"]));
        idp.delete(&made).await.expect(204);
    }
    for media_type in
        ["text/plain", "application/x-www-form-urlencoded", "application/xml", "multipart/form-data; boundary=x"]
    {
        let detail =
            idp.call(Method::POST, "/Users").body(media_type, body.to_string()).await.expect_scim_error(415, None);
        assert!(detail.contains("application/scim+json"), "{detail}");
    }
    let latin = b"{\"userName\": \"\xe4nne\"}".to_vec();
    idp.call(Method::POST, "/Users")
        .body("application/scim+json", latin)
        .await
        .expect_scim_error(400, Some("invalidSyntax"));
    for place in ["/Users", "/Groups", "/Schemas", "/ResourceTypes", "/ServiceProviderConfig"] {
        assert_eq!(idp.get(place).await.expect(200).media_type(), "application/scim+json", "{place}");
    }
});
