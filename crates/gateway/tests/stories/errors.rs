//! Malformed input, everywhere: never a 5xx, always an error in the form that part of the server owes.

use reqwest::Method;
use serde_json::json;

use crate::support::account::text;
use crate::support::browser::{Landed, Shown};
use crate::support::http::Answer;
use crate::support::identity_provider::{GROUP, IdentityProvider, PATCH, USER, a_user};
use crate::support::testing::{OPERATOR, World};

/// Bodies that no endpoint can take.
fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let deep = |open: &str, close: &str, n: usize| [open.repeat(n), close.repeat(n)].concat().into_bytes();
    vec![
        ("empty", Vec::new()),
        ("no JSON", b"}{".to_vec()),
        ("half of it", br#"{"schemas": ["#.to_vec()),
        ("null", b"null".to_vec()),
        ("a number", b"42".to_vec()),
        ("an array", b"[]".to_vec()),
        ("text", br#""text""#.to_vec()),
        ("not UTF-8", b"{\"userName\": \"\xff\xfe\"}".to_vec()),
        ("a lone surrogate", br#"{"userName": "\ud800"}"#.to_vec()),
        ("NUL", b"\0\0\0".to_vec()),
        ("deep arrays", deep("[", "]", 50_000)),
        ("deep objects", deep("{\"a\":", "}", 50_000)),
        ("a big number", br#"{"name": 1e999999}"#.to_vec()),
        ("a form", b"grant_type=authorization_code&code=%ff%00&&&=&".to_vec()),
        (
            "wrong types",
            br#"{"schemas": 7, "userName": [1], "displayName": {}, "members": "x", "Operations": {}, "name": 1}"#
                .to_vec(),
        ),
        (
            "nulls",
            br#"{"schemas": null, "userName": null, "displayName": null, "Operations": null, "name": null}"#.to_vec(),
        ),
        ("five megabytes", [b"{\"userName\":\"".to_vec(), vec![b'a'; 5 << 20], b"\"}".to_vec()].concat()),
    ]
}

const MEDIA_TYPES: [&str; 4] =
    ["application/scim+json", "application/json", "application/x-www-form-urlencoded", "image/png"];

#[track_caller]
fn is_refused(answer: &Answer, about: &str) {
    let status = answer.status.as_u16();
    assert!((400..500).contains(&status), "{about}: {} answers {status}\n{}", answer.asked, answer.text());
}

story!(scim_answers_every_malformed_body_with_a_scim_error, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    let group = idp.create_group("Editors", &[&ana]).await;
    let (user, group) = (format!("/Users/{}", text(&ana["id"])), format!("/Groups/{}", text(&group["id"])));
    let endpoints = [
        (Method::POST, "/Users"),
        (Method::POST, "/Groups"),
        (Method::PUT, &user),
        (Method::PUT, &group),
        (Method::PATCH, &user),
        (Method::PATCH, &group),
        (Method::POST, "/Users/.search"),
        (Method::POST, "/Bulk"),
        (Method::PATCH, "/Me"),
        (Method::POST, "/Nothing"),
    ];
    for (method, path) in &endpoints {
        for (about, body) in bodies() {
            for media_type in MEDIA_TYPES {
                let answer = idp.call(method.clone(), path).body(media_type, body.clone()).attempt().await;
                match answer {
                    Ok(answer) => {
                        is_refused(&answer, about);
                        answer.scim_error();
                    }
                    // A server may hang up on a body it will not read.
                    Err(error) => assert_eq!(about, "five megabytes", "{error:?}"),
                }
            }
        }
    }
    assert_eq!(idp.read(&ana).await, ana_again(&idp, &user).await, "and nothing came of it");
    assert_eq!(idp.list("/Users").await["totalResults"], 2);
});

async fn ana_again(idp: &IdentityProvider, path: &str) -> serde_json::Value {
    let user = idp.read(path).await;
    assert_eq!(user["userName"], "ana@acme.test");
    user
}

story!(scim_refuses_what_makes_no_sense_by_its_name, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    let path = format!("/Users/{}", text(&ana["id"]));
    let patch = |operations: serde_json::Value| json!({"schemas": [PATCH], "Operations": operations});
    let patches = [
        (
            json!({"Operations": [{"op": "replace", "path": "title", "value": "x"}], "schemas": [USER]}),
            Some("invalidSyntax"),
        ),
        (json!({"schemas": [PATCH]}), Some("invalidSyntax")),
        (patch(json!([{"op": "shout", "path": "title", "value": "x"}])), Some("invalidSyntax")),
        (patch(json!([{"op": "remove"}])), Some("noTarget")),
        (patch(json!([{"op": "replace", "path": "emails[type eq", "value": "x"}])), Some("invalidFilter")),
        (patch(json!([{"op": "replace", "path": "name..familyName", "value": "x"}])), Some("invalidPath")),
        (patch(json!([{"op": "replace", "path": "emails[shoe eq \"x\"].value", "value": "x"}])), None),
        (patch(json!([{"op": "replace", "path": "userName", "value": ["a", "b"]}])), Some("invalidValue")),
        (patch(json!([{"op": "replace", "path": "userName", "value": ""}])), None),
        (patch(json!([{"op": "replace", "path": "id", "value": "x"}])), Some("mutability")),
        (patch(json!([{"op": "replace", "path": "title", "value": "a\u{0}b"}])), Some("invalidValue")),
    ];
    for (body, scim_type) in patches {
        let answer = idp.call(Method::PATCH, &path).scim(&body).await;
        is_refused(&answer, &body.to_string());
        answer.scim_error();
        if scim_type.is_some() {
            assert_eq!(answer.json()["scimType"].as_str(), scim_type, "{body}: {}", answer.text());
        }
    }
    let creations = [
        json!({"schemas": [USER], "role": "admin"}),
        json!({"schemas": [GROUP], "userName": "x@acme.test", "role": "admin"}),
        json!({"schemas": [USER], "userName": "", "role": "admin"}),
        json!({"schemas": [USER], "userName": "a\u{0}b", "role": "admin"}),
        json!({"schemas": [USER], "userName": "x".repeat(5_000), "role": "admin"}),
        json!({"schemas": [USER], "userName": "x@acme.test", "role": ["admin", "billing"]}),
        json!({"schemas": [USER], "userName": "x@acme.test", "role": "admin", "emails": [
            {"value": "a@acme.test", "primary": true}, {"value": "b@acme.test", "primary": true}]}),
    ];
    for body in creations {
        let answer = idp.post("/Users", &body).await;
        is_refused(&answer, &body.to_string());
        answer.scim_error();
    }
});

story!(scim_answers_strange_urls_and_headers_with_a_scim_error, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let long = format!("/Users/{}", "1".repeat(3_000));
    let missing = [
        "/Users/000000000000000000000000000000",
        "/Users/%00",
        "/Users/%ff%fe",
        "/Users/..%2f..%2fetc",
        "/Users/a%20b",
        &long,
        "/Groups/x",
        "/Nothing",
        "/Schemas/x",
        "/ResourceTypes/x",
        "/Users/1/2/3",
    ];
    for path in missing {
        idp.get(path).await.expect_scim_error(404, None);
    }
    idp.get("/ServiceProviderConfig").await.expect(200);
    for (method, path) in
        [(Method::PUT, "/Users"), (Method::DELETE, "/Groups"), (Method::POST, "/Schemas"), (Method::PATCH, "/Users")]
    {
        let answer = idp.call(method, path).scim(&json!({})).await.expect(405);
        answer.scim_error();
        assert!(answer.header("allow").is_some(), "405 says what is allowed");
    }
    for query in [
        "count=abc",
        "startIndex=1.5",
        "count=99999999999999999999",
        "filter=%ff",
        "sortBy=shoe",
        "sortOrder=sideways",
        "filter=userName+eq+%22a%00b%22",
        "attributes=%00",
        "count=&startIndex=",
    ] {
        let answer = idp.get(&format!("/Users?{query}")).await;
        assert!(!answer.status.is_server_error(), "{query}: {}\n{}", answer.status, answer.text());
        if !answer.status.is_success() {
            answer.scim_error();
        }
    }
    for authorization in
        ["", "Bearer", "Bearer ", "Basic xyz", "bearer gwa_nonsense", "Bearer a b", "Digest x", &"x".repeat(10_000)]
    {
        let answer = world.get("/scim/v2/Users").header("authorization", authorization).await;
        assert!(matches!(answer.status.as_u16(), 400 | 401), "`{authorization:.20}`: {}", answer.status);
        answer.scim_error();
    }
    let anonymous = world.get("/scim/v2/Users").await.expect(401);
    let challenge = anonymous.header("www-authenticate").unwrap_or_default().to_owned();
    assert!(challenge.starts_with("Bearer") && !challenge.contains("error="), "RFC 6750 §3.1: {challenge}");
    // Never in the URL (RFC 9700 §4.3.2), and in any letter case in the header.
    world.get(&format!("/scim/v2/Users?access_token={}", idp.access_token)).await.expect_scim_error(400, None);
    world.get("/scim/v2/Users").header("authorization", &format!("bEARER {}", idp.access_token)).await.expect(200);
    for other in [idp.refresh_token.clone().unwrap_or_default(), OPERATOR.to_owned()] {
        world.get("/scim/v2/Users").bearer(&other).await.expect_scim_error(401, None);
    }
});

story!(oauth_answers_malformed_input_with_an_oauth_error, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.generic_client().await;
    for path in ["/oauth2/token", "/oauth2/revoke", "/oauth2/introspect"] {
        for (about, body) in bodies() {
            for media_type in MEDIA_TYPES {
                let call = world.post(path).basic(&client.id, &client.secret).body(media_type, body.clone());
                match call.attempt().await {
                    // To revoke what is no token succeeds (RFC 7009 §2.2), as far as it is a form at all.
                    Ok(answer) if answer.status.is_success() && path != "/oauth2/token" => {}
                    Ok(answer) => {
                        is_refused(&answer, about);
                        answer.oauth_error();
                    }
                    Err(error) => assert_eq!(about, "five megabytes", "{error:?}"),
                }
            }
        }
        world.get(path).await.expect(405).oauth_error();
        for authorization in ["Basic", "Basic %%%", "Basic Og==", "Basic /////w==", "Bearer x", &"x".repeat(10_000)] {
            let call = world.post(path).header("authorization", authorization);
            let answer = call.form(&[("grant_type", "client_credentials"), ("token", "x")]).await;
            assert!(matches!(answer.status.as_u16(), 400 | 401), "`{authorization:.20}`: {}", answer.status);
            answer.oauth_error();
        }
    }
    let nul = client.token(&[("grant_type", "authorization_code"), ("code", "a\0b"), ("redirect_uri", "\u{7}")]).await;
    is_refused(&nul, "NUL");
    nul.oauth_error();
});

story!(admin_answers_malformed_input_with_problem_details, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    let ada = acme.service_account().await;
    let account = format!("/accounts/{}", acme.id);
    let endpoints = [
        (Method::POST, "/accounts".to_owned()),
        (Method::PATCH, account.clone()),
        (Method::POST, format!("{account}/users")),
        (Method::PATCH, format!("{account}/users/{}", ada.id)),
        (Method::POST, format!("{account}/clients")),
        (Method::POST, "/clients".to_owned()),
        (Method::PATCH, format!("/clients/{}", client.id)),
        (Method::POST, format!("/clients/{}/secrets", client.id)),
        (Method::POST, "/operators".to_owned()),
    ];
    for (method, path) in &endpoints {
        for (about, body) in bodies() {
            match world.admin(method.clone(), path).body("application/json", body).attempt().await {
                // An empty change is a change; nothing is required of a secret.
                Ok(answer) if answer.status.is_success() => {
                    assert!(*method == Method::PATCH || path.ends_with("/secrets"), "{about}: {}", answer.asked);
                }
                Ok(answer) => {
                    is_refused(&answer, about);
                    answer.problem();
                }
                Err(error) => assert_eq!(about, "five megabytes", "{error:?}"),
            }
        }
        world.call(method.clone(), &format!("/admin{path}")).json(&json!({})).await.expect_problem(401);
    }
    for path in ["/accounts/x", "/accounts/%00", "/clients/%ff", "/nothing", "/accounts/x/users/y", "/grants/x"] {
        world.admin(Method::GET, path).await;
        let answer = world.admin(Method::GET, path).await;
        assert!(matches!(answer.status.as_u16(), 404 | 405), "{path}: {}", answer.status);
        answer.problem();
    }
    world.admin(Method::PUT, "/accounts").json(&json!({})).await.expect_problem(405);

    // Every mistake of a client at once, each by its field.
    let wrong = json!({"name": "", "profile": "generic", "redirect_uris": ["javascript:alert(1)", "https://ok.test/", "https://x.test/#f"],
        "grant_types": ["authorization_code", "password"], "scopes": ["everything"]});
    let answer = acme.admin(Method::POST, "/clients").json(&wrong).await.expect(400);
    let problem = answer.problem();
    let fields: Vec<&str> =
        problem["errors"].as_array().into_iter().flatten().filter_map(|e| e["field"].as_str()).collect();
    for field in ["redirect_uris[0]", "redirect_uris[2]", "grant_types[1]", "scopes[0]"] {
        assert!(fields.contains(&field), "{field} in {problem}");
    }
});

story!(the_browser_flow_answers_malformed_input_with_a_page, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    let browser = world.browser();
    let page = browser.open(&client.authorization_url("1")).await.page();
    let form = page.login_form();
    let action = page.url.join(&form.action).expect("a URL");
    for (about, body) in bodies() {
        for media_type in MEDIA_TYPES {
            match world.post(action.as_str()).body(media_type, body.clone()).attempt().await {
                Ok(answer) => {
                    assert!(!answer.status.is_server_error(), "{about}: {}", answer.text());
                    if !answer.status.is_redirection() {
                        answer.page();
                    }
                }
                Err(error) => assert_eq!(about, "five megabytes", "{error:?}"),
            }
        }
    }
    for query in [
        "",
        "?",
        "?client_id",
        "?client_id=%00&redirect_uri=%ff",
        "?client_id=a&client_id=b",
        "?state=%0d%0aSet-Cookie:x",
    ] {
        let answer = world.get(&format!("/oauth2/auth{query}")).await.expect(400);
        answer.page();
        assert!(answer.header("set-cookie").is_none_or(|cookie| !cookie.contains("Cookie:x")));
    }
    // What a person typed is shown as text.
    let url = format!("{}&login_hint=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", client.authorization_url("1"));
    let page = browser.open(&url).await.page();
    assert!(!page.answer.text().contains("<script>alert"), "{}", page.answer.text());
});
