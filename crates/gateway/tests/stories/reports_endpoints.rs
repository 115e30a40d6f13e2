//! What every endpoint does beside its own work: HEAD, `Allow`, and pages of other origins.

use std::collections::BTreeMap;

use gateway::http::edge::endpoints::Endpoint;
use reqwest::Method;
use serde_json::json;

use crate::reports_clients::{VERIFIER, code, public_client};
use crate::support::account::text;
use crate::support::browser::Landed;
use crate::support::http::{Answer, Call};
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::World;

/// Where a GET does something that a HEAD does not.
const ACTS: [&str; 6] =
    ["/oauth2/auth", "/oauth2/consent", "/oauth2/logout", "/login/callback", "/login/saml", "/saml/account/login"];

/// What a table of endpoints says of each path: its methods, as `Allow` lists them.
fn allowed(table: &'static [Endpoint]) -> BTreeMap<String, Vec<&'static str>> {
    let mut paths: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for endpoint in table {
        let methods = paths.entry(endpoint.path.replace(['{', '}'], "")).or_default();
        methods.push(endpoint.method.as_str());
        if endpoint.method == "GET" {
            methods.push("HEAD");
        }
    }
    paths
}

/// Every method that a path has not is refused with those that it has.
async fn refuses_others(call: impl Fn(Method) -> Call, path: &str, allowed: &[&str]) {
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
        if !allowed.contains(&method) {
            let refused = call(Method::from_bytes(method.as_bytes()).expect("a method")).await;
            assert_eq!(refused.status, 405, "{method} {path}: {}", refused.text());
            assert_eq!(refused.header("allow"), Some(&*allowed.join(", ")), "{method} {path}");
        }
    }
}

/// A HEAD is answered as the GET is, without the body.
async fn has_a_head(call: impl Fn(Method) -> Call, path: &str) {
    let (get, head) = (call(Method::GET).await, call(Method::HEAD).await);
    assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
    for name in ["content-type", "cache-control", "www-authenticate", "etag", "location", "vary"] {
        assert_eq!(head.header(name), get.header(name), "{name} of {path}");
    }
    let length = |answer: &Answer| answer.header("content-length").map(str::to_owned);
    assert!(
        length(&head).is_none_or(|said| said == get.body.len().to_string() || get.text().contains("csrf")),
        "{path}"
    );
}

story!(report_18_each_path_has_a_head_where_it_has_a_get_and_says_what_it_allows, async |world: World| {
    use gateway::http::admin;
    use gateway::http::health;
    use gateway::http::oauth;
    use gateway::http::pages;
    use gateway::http::signals;
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    for table in [pages::ENDPOINTS, health::ENDPOINTS, oauth::ENDPOINTS, signals::ENDPOINTS] {
        for (path, methods) in allowed(table) {
            refuses_others(|method| world.call(method, &path), &path, &methods).await;
            if methods.contains(&"GET") && !ACTS.contains(&&*path) {
                has_a_head(|method| world.call(method, &path), &path).await;
            }
        }
    }
    for (path, methods) in allowed(admin::ENDPOINTS) {
        let call = |method: Method| world.admin(method, &path);
        refuses_others(call, &path, &methods).await;
        if methods.contains(&"GET") {
            has_a_head(call, &path).await;
            has_a_head(|method| world.admin(method, &path.replace("account", &acme.id)), &path).await;
            has_a_head(|method| world.call(method, &format!("/admin{path}")), &path).await;
        }
    }
    let user = idp.create_user(&crate::support::identity_provider::a_user("ana@acme.test")).await;
    let item = "GET, HEAD, PUT, PATCH, DELETE";
    for (path, methods) in [
        ("", "GET, HEAD"),
        ("/ServiceProviderConfig", "GET, HEAD"),
        ("/ResourceTypes", "GET, HEAD"),
        ("/ResourceTypes/User", "GET, HEAD"),
        ("/Schemas", "GET, HEAD"),
        ("/Users", "GET, HEAD, POST"),
        (&format!("/Users/{}", text(&user["id"])), item),
        ("/Users/unknown", item),
        ("/Groups", "GET, HEAD, POST"),
        ("/Me", item),
        ("/Roles", "GET, HEAD"),
        ("/Roles/owner", "GET, HEAD"),
        ("/Users/.search", "POST"),
        ("/.search", "POST"),
        ("/Bulk", "POST"),
    ] {
        let methods: Vec<&str> = methods.split(", ").collect();
        refuses_others(|method| idp.call(method, path), path, &methods).await;
        if methods.contains(&"GET") {
            has_a_head(|method| idp.call(method, path), path).await;
        }
    }
});

story!(report_18_a_head_uses_nothing_up, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let client = acme.generic_client().await;
    let uri = client.redirect_uri();
    let form = [
        ("client_id", client.id.as_str()),
        ("client_secret", client.secret.as_str()),
        ("redirect_uri", uri.as_str()),
        ("response_type", "code"),
        ("scope", "openid"),
    ];
    let request_uri = text(&world.post("/oauth2/par").form(&form).await.expect(201).json()["request_uri"]);
    let pushed = client.authorization_url_with(&[("client_id", client.id.as_str()), ("request_uri", &request_uri)]);
    for _ in 0..3 {
        let head = world.call(Method::HEAD, &pushed).await.expect(200);
        assert_eq!(
            (head.body.len(), head.header("set-cookie"), head.header("cache-control")),
            (0, None, Some("no-store"))
        );
    }
    let browser = world.browser();
    let page = browser.open(&pushed).await.page();
    let page = browser.log_in(&page, &ada.user_name, &ada.password).await.page();
    let code = browser.press(&page, "Accept access").await.callback().code();
    let tokens = client.exchange(&code).await.expect(200).json();

    // A remembered consent would be answered with a code at once, and a log-out with a hint would end the session.
    let session = format!("gateway_session={}", browser.cookie("gateway_session").expect("a session"));
    let again = client.authorization_url_with(&[form[0], form[2], form[3], form[4], ("prompt", "none")]);
    let out = format!("/oauth2/logout?id_token_hint={}", text(&tokens["id_token"]));
    for url in [&again, &out] {
        let head = world.call(Method::HEAD, url).header("cookie", &session).await.expect(200);
        assert_eq!((head.header("location"), head.header("set-cookie")), (None, None), "{url}");
    }
    browser.open(&again).await.callback().code();
});

/// What a browser asks before it sends a request for a page of this origin.
fn preflight(world: &World, path: &str, origin: &str) -> Call {
    let call = world.call(Method::OPTIONS, path).header("origin", origin);
    call.header("access-control-request-method", "POST").header("access-control-request-headers", "content-type,dpop")
}

const MAY: &str = "access-control-allow-origin";

story!(report_18_pages_of_registered_origins_read_what_is_for_public_clients, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let app =
        public_client(&acme, &["https://APP.test:443/cb", "http://localhost:3000/cb", "http://127.0.0.1/cb"]).await;
    let other = public_client(&acme, &["https://other.test/cb"]).await;
    let server = acme.generic_client().await;
    let secret = acme.client(json!({"name": "Server", "redirect_uris": ["https://server.test/cb"]})).await;
    let registered = ["https://app.test", "http://localhost:3000", "http://127.0.0.1:5173", "https://other.test"];
    let strangers = [
        "https://evil.test",
        "https://server.test",
        "https://app.test:8443",
        "http://app.test",
        "https://app.test.evil.test",
        "http://localhost:3001",
        "null",
        "app.test",
        "https://client.test",
    ];
    for path in ["/oauth2/token", "/oauth2/revoke", "/userinfo"] {
        for origin in registered {
            let asked = preflight(&world, path, origin).await.expect(204);
            assert_eq!(asked.header(MAY), Some(origin), "{path}");
            assert!(asked.header("access-control-allow-methods").is_some_and(|said| said.contains("POST")));
            let headers = asked.header("access-control-allow-headers").unwrap_or_default().to_ascii_lowercase();
            assert!(["authorization", "content-type", "dpop"].iter().all(|name| headers.contains(name)), "{headers}");
            assert!(asked.header("vary").is_some_and(|said| said.contains("Origin")));
            assert_eq!(asked.header("access-control-allow-credentials"), None);
        }
        for origin in strangers {
            let asked = preflight(&world, path, origin).await.expect(204);
            assert_eq!(
                (asked.header(MAY), asked.header("access-control-allow-methods")),
                (None, None),
                "{path} {origin}"
            );
            assert!(asked.header("vary").is_some_and(|said| said.contains("Origin")));
        }
        let asked = world.call(Method::OPTIONS, path).await.expect(204);
        assert!(asked.header("allow").is_some_and(|said| said.contains("POST, OPTIONS")), "{path}");
    }
    // The answers themselves: for the pages of the client that the request names, and for refusals too.
    let refresh = |client: &OAuthClient, origin: &str| {
        let form = [("grant_type", "refresh_token"), ("refresh_token", "gwr_x"), ("client_id", client.id.as_str())];
        world.post("/oauth2/token").header("origin", origin).form(&form)
    };
    for (client, origin, may) in [
        (&app, "https://app.test", true),
        (&app, "http://127.0.0.1:5173", true),
        (&app, "https://other.test", false),
        (&app, "https://evil.test", false),
        (&other, "https://other.test", true),
        (&secret, "https://server.test", false),
        (&server, "https://client.test", false),
    ] {
        let answer = refresh(client, origin).await;
        assert_eq!(answer.header(MAY), may.then_some(origin), "{origin}");
        assert_eq!(answer.header("vary"), Some("Origin"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
    let revoked = [("token", "gwr_x"), ("client_id", app.id.as_str())];
    let revoked = world.post("/oauth2/revoke").header("origin", "https://app.test").form(&revoked).await.expect(200);
    assert_eq!(revoked.header(MAY), Some("https://app.test"));
    let unnamed = world.post("/oauth2/token").header("origin", "https://app.test").json(&json!({})).await.expect(400);
    assert_eq!(unnamed.header(MAY), Some("https://app.test"), "a refusal can be read too");
    let ada = acme.service_account().await;
    let code = code(&app, &ada, "http://127.0.0.1/cb").await;
    let exchange = [
        ("grant_type", "authorization_code"),
        ("client_id", app.id.as_str()),
        ("code", code.as_str()),
        ("redirect_uri", "http://127.0.0.1/cb"),
        ("code_verifier", VERIFIER),
    ];
    let tokens = world.post("/oauth2/token").header("origin", "https://app.test").form(&exchange).await.expect(200);
    assert_eq!(tokens.header(MAY), Some("https://app.test"));
    let token = text(&tokens.json()["access_token"]);
    let userinfo = |token: &str, origin: &str| world.get("/userinfo").bearer(token).header("origin", origin);
    assert_eq!(userinfo(&token, "https://app.test").await.header(MAY), Some("https://app.test"));
    assert_eq!(userinfo(&token, "https://other.test").await.header(MAY), None, "another client's page");
    let refused = userinfo("gwa_x", "https://app.test").await.expect(401);
    assert_eq!(refused.header(MAY), Some("https://app.test"), "a script sees that its token is over");
    assert!(refused.header("access-control-expose-headers").is_some_and(|said| said.contains("WWW-Authenticate")));

    for path in
        ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/.well-known/jwks.json"]
    {
        assert_eq!(world.get(path).header("origin", "https://evil.test").await.expect(200).header(MAY), Some("*"));
        assert_eq!(preflight(&world, path, "https://evil.test").await.expect(204).header(MAY), Some("*"));
    }
    for path in [
        "/scim/v2/Users",
        "/admin/accounts",
        "/login",
        "/oauth2/auth",
        "/account",
        "/oauth2/introspect",
        "/health/live",
    ] {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let call = world.call(method, path).header("origin", "https://app.test").bearer(&token);
            let answer = call.header("access-control-request-method", "GET").await;
            assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control")), "{}", answer.asked);
        }
    }
    // What is registered counts from the next request on.
    app.admin(Method::PATCH, "").json(&json!({"redirect_uris": ["https://new.test/cb"]})).await.expect(200);
    assert_eq!(preflight(&world, "/oauth2/token", "https://app.test").await.header(MAY), None);
    assert_eq!(preflight(&world, "/oauth2/token", "https://new.test").await.header(MAY), Some("https://new.test"));
    other.admin(Method::DELETE, "").await.expect(204);
    assert_eq!(preflight(&world, "/oauth2/token", "https://other.test").await.header(MAY), None);
});

story!(report_18_the_origins_of_clients_that_were_there_before_are_known, async |world: World| {
    let acme = world.account("acme").await;
    let uris = [
        "https://A.test:443/cb?x=1",
        "https://b.test?x=/",
        "https://c.test",
        "http://localhost:80/cb",
        "http://127.0.0.1:9/cb",
        "http://[::1]:1/cb",
        "https://d.test:4430/cb",
    ];
    public_client(&acme, &uris).await;
    let origins = [
        "https://a.test",
        "https://b.test",
        "https://c.test",
        "http://localhost",
        "http://127.0.0.1:1234",
        "http://[::1]:5678",
        "https://d.test:4430",
    ];
    let known = async || {
        for origin in origins {
            assert_eq!(preflight(&world, "/oauth2/token", origin).await.header(MAY), Some(origin));
        }
    };
    known().await;
    world.alter("DELETE FROM client_origins");
    let migration = match world.database_url().starts_with("sqlite") {
        true => include_str!("../../../../migrations/sqlite/0018_oauth_clients/up.sql"),
        false => include_str!("../../../../migrations/postgres/0018_oauth_clients/up.sql"),
    };
    let fill = migration.split(';').find(|sql| sql.contains("INSERT INTO client_origins")).expect("it fills the table");
    assert_eq!(world.alter(fill), origins.len());
    known().await;
});
