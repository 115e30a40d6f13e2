//! What a proxy or a stranger says about the way a request came changes nothing.

use reqwest::Method;

use crate::support::directories;
use crate::support::http::{self, Call};
use crate::support::process::{self, Process};
use crate::support::testing::World;

/// Everything by which proxies say who asked for what.
const FORGED: [(&str, &str); 6] = [
    ("host", "evil.example"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-port", "444"),
    ("forwarded", "host=evil.example;proto=https"),
    ("x-original-url", "https://evil.example/"),
];

story!(attack_87_the_issuer_is_the_public_url_to_the_byte_for_each_request, async |world: World| {
    let base = world.gateway.public_url.clone();
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        let plain = world.get(path).await.expect(200);
        let forged = world.get(path).headers(&FORGED).await.expect(200);
        assert_eq!(plain.json()["issuer"].as_str(), Some(base.as_str()));
        assert_eq!(plain.text(), forged.text());
    }
    // A page's form and cookies, and where a refusal is sent.
    let url = client.authorization_url("1");
    let (plain, forged) = (world.get(&url).await.expect(200), world.get(&url).headers(&FORGED).await.expect(200));
    assert!(!forged.text().contains("evil.example"));
    let attributes = |answer: &http::Answer| {
        let cookie = answer.header("set-cookie").unwrap_or_default();
        let (name, rest) = cookie.split_once('=').unwrap_or_default();
        let (name, _of_its_own) = name.split_at("gateway_browser_".len());
        format!("{name} {}", rest.split_once(';').map_or("", |(_, attributes)| attributes))
    };
    assert_eq!(attributes(&plain), attributes(&forged));
    let refused = world.get(&client.authorization_url("2").replace("response_type=code", "response_type=token"));
    let location = refused.headers(&FORGED).await.expect(303).header("location").unwrap_or_default().to_owned();
    let location = url::Url::parse(&location).expect("a URL");
    assert!(location.query_pairs().any(|(name, value)| name == "iss" && value == base), "{location}");
    // The address in the audit trail is the peer's, for no proxy is configured as trusted.
    let forged = world.admin(Method::POST, "/accounts").header("x-forwarded-for", "203.0.113.9");
    forged.json(&serde_json::json!({"name": "zeta"})).await.expect(201);
    assert_eq!(world.admin_get("/audit?limit=1").await["items"][0]["address"], "127.0.0.1");
});

#[test]
fn attack_87_and_88_behind_https_cookies_are_bound_to_the_host_and_browsers_stay_with_tls() {
    crate::support::story::run(async {
        let directory = directories::subdirectory("https");
        let port = process::free_port();
        let settings = |url: &str| [("GATEWAY__SERVER__PUBLIC_URL", url.to_owned())];
        let process = Process::start(&directory, port, &settings("https://id.example.com/")).await;
        let process = process.unwrap_or_else(|why| panic!("{why}"));
        let get = |path: &str| Call::new(http::client(), Method::GET, format!("{}{path}", process.address));
        let document = get("/.well-known/openid-configuration").await.expect(200);
        assert_eq!(document.json()["issuer"], "https://id.example.com", "without the slash, everywhere the same");
        for path in ["/.well-known/openid-configuration", "/health/live", "/nowhere", "/scim/v2/Users"] {
            let answer = get(path).await;
            assert_eq!(
                answer.header("strict-transport-security"),
                Some("max-age=63072000; includeSubDomains"),
                "{path}"
            );
        }
        for (url, bind, word) in
            [("http://id.example.com", "127.0.0.1", "https://"), ("", "0.0.0.0", "server.public_url")]
        {
            let mut settings = settings(url).to_vec();
            settings.push(("GATEWAY__SERVER__BIND", format!("{bind}:{}", process::free_port())));
            let refused = process::command(&["serve"], &directory, &settings).output().expect("it can be run");
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert!(!refused.status.success() && said.contains(word), "{said}");
        }
    });
}
