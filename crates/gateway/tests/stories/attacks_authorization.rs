//! Attacks on the authorization endpoint: who asks, where the answer goes, and what a request may look like (RFC 6749 §3.1 and
//! §4.1.2.1, RFC 9700 §2.1 and §4, RFC 9207).

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::Account;
use crate::support::browser::{Callback, Landed, Shown};
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::World;

/// What every request here begins with.
fn asking<'a>(client: &'a OAuthClient, uri: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("response_type", "code"), ("client_id", &client.id), ("redirect_uri", uri), ("state", "s")]
}

/// Refused on a page: the browser stays here, and nothing is sent anywhere.
async fn stays(world: &World, url: &str) -> String {
    let answer = world.get(url).await.expect(400);
    assert_eq!(answer.header("location"), None, "{url}");
    answer.page()
}

/// Refused by redirect, with an error for the client.
async fn is_told(client: &OAuthClient, parameters: &[(&str, &str)], error: &str) -> Callback {
    let callback = client.world.browser().open(&client.authorization_url_with(parameters)).await.callback();
    assert_eq!(callback.parameter("error").as_deref(), Some(error), "{parameters:?}: {}", callback.0);
    assert_eq!(callback.parameter("code"), None);
    assert!(callback.parameter("error_description").is_some_and(|words| words.len() > 10), "{}", callback.0);
    assert_eq!(callback.parameter("iss"), Some(client.world.gateway.public_url.clone()), "{}", callback.0);
    callback
}

async fn register(acme: &Account, uris: &[&str]) -> crate::support::http::Answer {
    acme.admin(Method::POST, "/clients").json(&json!({"name": "Sync", "redirect_uris": uris})).await
}

story!(attack_1_an_unknown_client_is_told_on_a_page, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    let uri = client.redirect_uri();
    let long = "x".repeat(4000);
    for id in ["nobody", "", "ä", "' OR 1=1 --", &long] {
        let parameters = [("response_type", "code"), ("client_id", id), ("redirect_uri", &uri), ("state", "s")];
        stays(&world, &client.authorization_url_with(&parameters)).await;
    }
    stays(&world, &client.authorization_url_with(&[("response_type", "code"), ("redirect_uri", &uri)])).await;
    let twice = [asking(&client, &uri), vec![("client_id", "nobody")]].concat();
    stays(&world, &client.authorization_url_with(&twice)).await;
});

story!(attacks_2_and_3_a_redirect_uri_is_compared_byte_by_byte, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    let uri = client.redirect_uri();
    let (host, path) = ("system-admin.okta.com", "/admin/app/cpc/acme_mediascim_1/oauth/callback");
    assert_eq!(uri, format!("https://{host}{path}"));
    let changed = [
        format!("{uri}/x"),
        format!("{uri}?a=b"),
        format!("{uri}?"),
        format!("{uri}/"),
        format!("{uri}/../callback"),
        format!("{uri}/%2e%2e/callback"),
        format!("{uri} "),
        uri.replace("/oauth/", "/OAuth/"),
        uri.replace("/oauth/", "/o%61uth/"),
        uri.replace("/oauth/", "//oauth/"),
        uri.replace("https", "http"),
        uri.replace("https", "HTTPS"),
        uri.replace(host, "SYSTEM-ADMIN.okta.com"),
        uri.replace(host, &format!("{host}:443")),
        uri.replace(host, &format!("{host}:444")),
        uri.replace(host, &format!("{host}.")),
        uri.replace(host, &format!("{host}.evil.test")),
        uri.replace(host, &format!("{host}@evil.test")),
        uri.replace("https://", "https://evil@"),
        uri.replace(path, ""),
        "https://evil.test/".to_owned(),
        "javascript:alert(1)".to_owned(),
        "//evil.test".to_owned(),
    ];
    for uri in &changed {
        stays(&world, &client.authorization_url_with(&asking(&client, uri))).await;
    }
    let twice = [asking(&client, &uri), vec![("redirect_uri", "https://evil.test/")]].concat();
    stays(&world, &client.authorization_url_with(&twice)).await;
    // The other way round, the very same bytes will do, query and all.
    let client = acme.client(json!({"name": "Sync", "redirect_uris": ["https://client.test/cb?x=1&y=%20"]})).await;
    let page =
        world.browser().open(&client.authorization_url_with(&asking(&client, &client.redirect_uri()))).await.page();
    page.login_form();
});

story!(attack_4_a_fragment_is_refused_when_registering_and_when_asking, async |world: World| {
    let acme = world.account("acme").await;
    let refused = register(&acme, &["https://client.test/cb#here"]).await.expect_problem(400);
    assert!(refused.to_string().contains("redirect_uris[0]"), "{refused}");
    let client = acme.generic_client().await;
    let uri = format!("{}#here", client.redirect_uri());
    stays(&world, &client.authorization_url_with(&asking(&client, &uri))).await;
});

story!(attack_5_only_https_and_loopback_uris_are_registered, async |world: World| {
    let acme = world.account("acme").await;
    for uri in [
        "javascript:alert(1)",
        "data:text/html,hello",
        "http://client.test/cb",
        "https://*.client.test/cb",
        "https://client.test/*",
        "https://user@client.test/cb",
        "ftp://client.test/cb",
        "http://system-admin.okta1.com:1802/admin/app/cpc/acme/oauth/callback",
        "",
    ] {
        let refused = register(&acme, &["https://client.test/cb", uri]).await.expect_problem(400);
        assert!(refused.to_string().contains("redirect_uris[1]"), "{uri}: {refused}");
    }
    register(&acme, &["http://127.0.0.1:8000/cb", "http://[::1]/cb", "http://localhost/cb"]).await.expect(201);
    // Nor can one be smuggled in later.
    let client = acme.generic_client().await;
    let change = json!({"redirect_uris": ["http://client.test/cb"]});
    client.admin(Method::PATCH, "").json(&change).await.expect_problem(400);
});

story!(attack_6_without_a_redirect_uri_only_a_single_registered_one_will_do, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let several =
        acme.client(json!({"name": "Sync", "redirect_uris": ["https://a.test/cb", "https://b.test/cb"]})).await;
    let asked = |client: &OAuthClient| {
        client.authorization_url_with(&[("response_type", "code"), ("client_id", &client.id), ("state", "s")])
    };
    stays(&world, &asked(&several)).await;

    let one = acme.generic_client().await;
    let code = async || {
        let browser = world.browser();
        let page = browser.open(&asked(&one)).await.page();
        let page = browser.log_in(&page, &ada.user_name, &ada.password).await.page();
        let callback = browser.press(&page, "Accept access").await.callback();
        assert!(callback.0.as_str().starts_with(&one.redirect_uri()));
        callback.code()
    };
    // RFC 6749 §4.1.3: the exchange need not name it either; if it does, it has to be the one.
    let bare = [("grant_type", "authorization_code")];
    one.token(&[&bare[..], &[("code", &code().await)]].concat()).await.expect(200);
    one.exchange(&code().await).await.expect(200);
    let other = [("code", code().await), ("redirect_uri", "https://evil.test/".to_owned())];
    let other: Vec<(&str, &str)> = other.iter().map(|(name, value)| (*name, value.as_str())).collect();
    one.token(&[&bare[..], &other].concat()).await.expect_oauth_error(400, "invalid_grant");
});

story!(attacks_7_to_9_what_a_request_asks_for_is_code_by_query_and_said_once, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.generic_client().await;
    let uri = client.redirect_uri();
    let base = [("client_id", client.id.as_str()), ("redirect_uri", &uri), ("state", "s")];
    let with = |more: &[(&'static str, &'static str)]| [&base[..], more].concat();
    is_told(&client, &with(&[]), "invalid_request").await;
    for response_type in ["token", "id_token", "code token", "code id_token", "none", "CODE"] {
        is_told(&client, &with(&[("response_type", response_type)]), "unsupported_response_type").await;
    }
    for mode in ["fragment", "form_post", "jwt", "Query"] {
        let asked = with(&[("response_type", "code"), ("response_mode", mode)]);
        is_told(&client, &asked, "invalid_request").await;
    }
    for name in ["response_type", "scope", "state", "nonce", "prompt", "max_age", "code_challenge", "login_hint"] {
        let value = if name == "response_type" { "code" } else { "1" };
        let asked = [with(&[("response_type", "code")]), vec![(name, value), (name, value)]].concat();
        let callback = is_told(&client, &asked, "invalid_request").await;
        assert!(callback.parameter("error_description").is_some_and(|words| words.contains(name)), "{}", callback.0);
    }
});

story!(attack_10_unknown_parameters_are_ignored, async |world: World| {
    let acme = world.account("acme").await;
    let (client, ada) = (acme.generic_client().await, acme.service_account().await);
    let uri = client.redirect_uri();
    let strange = vec![("extra", "foobar"), ("extra", "twice"), ("resource_server", ""), ("ünknown", "☃")];
    let browser = world.browser();
    let page = browser.open(&client.authorization_url_with(&[asking(&client, &uri), strange].concat())).await.page();
    let page = browser.log_in(&page, &ada.user_name, &ada.password).await.page();
    client.exchange(&browser.press(&page, "Accept access").await.callback().code()).await.expect(200);
});

story!(attack_11_the_state_comes_back_as_it_was, async |world: World| {
    let acme = world.account("acme").await;
    let (client, ada) = (acme.generic_client().await, acme.service_account().await);
    let uri = client.redirect_uri();
    let hostile = "\r\nSet-Cookie: a=b\r\n\r\n<script>alert(1)</script>&code=evil#\"'%00%0d%0aäöü☃𐍈 + ".repeat(14);
    assert!(hostile.len() > 1024);
    let parameters =
        vec![("response_type", "code"), ("client_id", &client.id), ("redirect_uri", &uri), ("state", &hostile)];
    let browser = world.browser();
    let page = browser.open(&client.authorization_url_with(&parameters)).await.page();
    assert!(!page.answer.text().contains("<script>"), "sealed or escaped");
    let page = browser.log_in(&page, &ada.user_name, &ada.password).await.page();
    assert!(!page.answer.text().contains("<script>"));
    let callback = browser.press(&page, "Accept access").await.callback();
    assert_eq!(callback.parameter("state").as_deref(), Some(hostile.as_str()));
    assert_ne!(callback.code(), "evil");

    let refused = [parameters.clone(), vec![("prompt", "nonsense")]].concat();
    let callback = is_told(&client, &refused, "invalid_request").await;
    assert_eq!(callback.parameter("state").as_deref(), Some(hostile.as_str()));
    let raw = world.get(&client.authorization_url_with(&refused)).await;
    assert!(raw.header("set-cookie").is_none_or(|cookie| !cookie.starts_with("a=")));
    assert!(
        raw.header("location").is_some_and(|location| location.is_ascii() && !location.contains(['\r', '\n', '<']))
    );
});

story!(attack_12_every_redirect_names_the_issuer, async |world: World| {
    let acme = world.account("acme").await;
    let (client, ada) = (acme.generic_client().await, acme.service_account().await);
    let browser = world.browser();
    client.authorize(&browser, &ada).await; // which insists on `iss`
    let page = client.consent_page(&browser, &ada, "s").await;
    let denied = browser.press(&page, "Deny").await.callback();
    assert_eq!(denied.parameter("iss"), Some(world.gateway.public_url.clone()));
    let uri = client.redirect_uri();
    let wrong = [asking(&client, &uri), vec![("scope", "admin")]].concat();
    is_told(&client, &wrong, "invalid_scope").await;
    let metadata = world.get("/.well-known/openid-configuration").await.expect(200).json();
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], Value::Bool(true));
    assert_eq!(metadata["issuer"], world.gateway.public_url.as_str());
});

story!(attack_13_no_mistake_makes_an_open_redirector, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.generic_client().await;
    let mistakes: [&[(&str, &str)]; 6] = [
        &[("prompt", "none"), ("scope", "admin")],
        &[("prompt", "none"), ("prompt", "none")],
        &[("response_type", "token")],
        &[("request", "x")],
        &[("request_uri", "https://evil.test/")],
        &[("code_challenge_method", "plain")],
    ];
    for mistake in mistakes {
        let base = [("client_id", client.id.as_str()), ("redirect_uri", "https://evil.test/cb"), ("state", "s")];
        let page = stays(&world, &client.authorization_url_with(&[&base[..], mistake].concat())).await;
        assert!(!page.contains("href=\"https://evil.test"), "not even as a link: {page}");
    }
});

story!(attack_14_after_a_form_the_browser_is_sent_on_with_a_get, async |world: World| {
    // A 307 would carry the password, or the form, along (RFC 9700 §4.12). `Browser` insists on 302 or 303 at every step.
    let acme = world.account("acme").await;
    let (client, ada) = (acme.generic_client().await, acme.service_account().await);
    let callback = client.authorize(&world.browser(), &ada).await;
    assert!(!callback.0.as_str().contains(&ada.password) && !callback.0.as_str().contains("csrf"), "{}", callback.0);
});

story!(attack_15_no_scope_is_granted_that_the_client_may_not_have, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let body =
        json!({"name": "Sync", "redirect_uris": ["https://client.test/cb"], "scopes": ["openid", "provision:scim"]});
    let client = acme.client(body).await;
    let uri = client.redirect_uri();
    for scope in ["openid offline", "admin", "provision:scim admin", "\u{fc}", "a\"b"] {
        is_told(&client, &[asking(&client, &uri), vec![("scope", scope)]].concat(), "invalid_scope").await;
    }
    // What is taken away from a client between the page and the button is not granted either.
    let browser = world.browser();
    let asked =
        client.authorization_url_with(&[asking(&client, &uri), vec![("scope", "openid provision:scim")]].concat());
    let page = browser.open(&asked).await.page();
    let page = browser.log_in(&page, &ada.user_name, &ada.password).await.page();
    let narrowed = json!({"scopes": ["openid"], "default_scope": ["openid"]});
    client.admin(Method::PATCH, "").json(&narrowed).await.expect(200);
    let callback = browser.press(&page, "Accept access").await.callback();
    assert_eq!(callback.parameter("error").as_deref(), Some("invalid_scope"), "{}", callback.0);
});

story!(attack_20_request_objects_are_refused_and_nothing_is_fetched, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.generic_client().await;
    let uri = client.redirect_uri();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket that can be asked");
    let trap = format!("http://{}/request.jwt", listener.local_addr().expect("an address"));
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzY29wZSI6ImFkbWluIn0.";
    for (name, value, error) in [
        ("request", unsigned, "request_not_supported"),
        ("request_uri", trap.as_str(), "request_uri_not_supported"),
        ("request_uri", "file:///etc/passwd", "request_uri_not_supported"),
    ] {
        let url = client.authorization_url_with(&[asking(&client, &uri), vec![(name, value)]].concat());
        let callback = world.browser().open(&url).await.callback();
        let told = callback.parameter("error").unwrap_or_default();
        assert!(told == error || (name == "request_uri" && told == "invalid_request_uri"), "{}", callback.0);
    }
    let none = listener.accept().expect_err("no connection came");
    assert_eq!(none.kind(), std::io::ErrorKind::WouldBlock);
});
