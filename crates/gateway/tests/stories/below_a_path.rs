//! A gateway below a path of a host that has other things too. Every second request arrives with the path and every other without, as
//! behind a proxy that passes it on and one that strips it.

use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use crate::guide;
use crate::support::account::text;
use crate::support::browser::{Landed, Shown};
use crate::support::http::{self, Call};
use crate::support::identity_provider::a_user;
use crate::support::nginx;
use crate::support::okta::Kind;
use crate::support::process;
use crate::support::relying_party::RelyingParty;
use crate::support::story;
use crate::support::testing::{Database, World};

const BASE: &str = "https://id.test/identity";
const BELOW: (&str, &str) = ("GATEWAY__SERVER__PUBLIC_URL", BASE);

story!(report_17_pages_forms_links_and_cookies_are_below_the_path, settings = [BELOW], async |world: World| {
    world.add_replica().await;
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    // Twice, so that each step is made with the path and without.
    for prompt in ["consent", "login consent", "login"] {
        let callback = party.callback(&browser, &[("scope", "openid offline_access"), ("prompt", prompt)]).await;
        assert_eq!(callback.parameter("iss").as_deref(), Some(BASE));
        let tokens = party.tokens(&callback).await;
        assert_eq!(party.id_token(&tokens).await.claims["iss"], BASE);
    }
    let cookies = |url: &str| browser.cookies(&url.parse().expect("a URL"));
    let ours = cookies(&format!("{BASE}/account")).expect("cookies");
    let ours = ours.to_str().unwrap_or_default();
    for name in ["__Secure-gateway_session=", "__Secure-gateway_browser_", "__Secure-gateway_device="] {
        assert!(ours.contains(name), "{name} in {ours}");
    }
    for not_ours in
        ["https://id.test/", "https://id.test/identity2/account", "https://id.test/other", "http://id.test/identity/"]
    {
        assert_eq!(cookies(not_ours), None, "{not_ours}");
    }
    let raw = world.get("/account").await.expect(200);
    let cookie = raw.header("set-cookie").unwrap_or_default();
    assert!(cookie.ends_with("Path=/identity") && cookie.contains("Secure") && !cookie.contains("Domain"), "{cookie}");
    assert_eq!(raw.header("strict-transport-security"), Some("max-age=63072000"), "the host is not ours alone");

    // Every address on every page is below the path and leads somewhere.
    let page = browser.open(&format!("{BASE}/account")).await.page();
    let asked = browser.open(&party.logout_url(&[])).await.page();
    let consent = party.open(&browser, &[("prompt", "consent")]).await.page();
    let login = party.open(&browser, &[("prompt", "login")]).await.page();
    let lost = browser.open(&format!("{BASE}/nowhere")).await.page();
    let refused = browser.open(&format!("{BASE}/oauth2/auth?client_id=nobody")).await.page();
    let set_up = browser.press(&page, "Set up an authenticator app").await.page();
    assert!(
        lost.words().contains("/identity/nowhere") && lost.words().contains("/identity/scim/v2"),
        "{}",
        lost.words()
    );
    for page in [&page, &asked, &consent, &login, &lost, &refused, &set_up] {
        let html = page.answer.text();
        let addresses: Vec<&str> = [" href=\"", " action=\""]
            .iter()
            .flat_map(|name| html.split(name).skip(1))
            .filter_map(|rest| rest.split('"').next())
            .filter(|address| !address.starts_with('#'))
            .collect();
        assert!(!addresses.is_empty(), "{html}");
        for address in addresses {
            let url = page.url.join(address).expect("a URL");
            assert!(world.gateway.owns(&url), "{address} on {}", page.url);
            let answer = world.get(url.as_str()).await;
            assert_ne!(answer.status.as_u16(), 404, "{address} on {}", page.url);
        }
    }
    let html = page.answer.text();
    let style =
        html.split("href=\"").find(|part| part.contains("/assets/design.")).and_then(|part| part.split('"').next());
    let style = page.url.join(style.expect("a stylesheet")).expect("a URL");
    let style = world.get(style.as_str()).await.expect(200);
    assert_eq!(style.media_type(), "text/css");
    assert_eq!(style.header("cache-control"), Some("public, max-age=31536000, immutable"));

    // A connection is ended, another person logs in, and all are logged out.
    let ended = browser.press(&page, "End this connection").await.page();
    assert!(ended.words().contains("not connected anything"), "{}", ended.words());
    let other = browser.press(&consent, "Log in as another user").await.page();
    other.login_form();
    let page = party.log_in(&browser, &other).await.page();
    assert!(page.is_consent(), "{}", page.words());
    let page = browser.open(&format!("{BASE}/account")).await.page();
    let out = browser.press(&page, "Log out").await.page();
    assert!(out.words().contains("logged out"), "{}", out.words());
    assert!(!party.is_logged_in(&browser).await);
    // A client's form is sent on to the same place.
    let form = [("client_id", party.client.id.as_str())];
    let answer = world.post("/oauth2/logout").form(&form).await.expect(303);
    assert!(answer.header("location").unwrap_or_default().starts_with(&format!("{BASE}/oauth2/logout?")));
    let form = party.parameters(&[]);
    let answer = world.post("/oauth2/auth").form(&form).await.expect(303);
    assert!(answer.header("location").unwrap_or_default().starts_with(&format!("{BASE}/oauth2/consent?")));
});

story!(report_17_discovery_is_found_before_and_behind_the_path, settings = [BELOW], async |world: World| {
    let process = world.process_with(&[]).await;
    let at = |path: &str| Call::new(http::client(), Method::GET, format!("{}{path}", process.address));
    for name in ["openid-configuration", "oauth-authorization-server"] {
        let mut found = Vec::new();
        for path in [
            format!("/identity/.well-known/{name}"),
            format!("/.well-known/{name}/identity"),
            format!("/.well-known/{name}"),
        ] {
            found.push(at(&path).await.expect(200).json());
        }
        assert_eq!(found[0]["issuer"], BASE);
        assert!(found.iter().all(|document| *document == found[0]), "{found:#?}");
        for (member, value) in found[0].as_object().into_iter().flatten() {
            if let Some(url) = value.as_str().filter(|value| value.starts_with("http") && member != "issuer") {
                assert!(url.starts_with(BASE), "{member}: {url}");
                let answer = world.get(url).await;
                assert_ne!(answer.status.as_u16(), 404, "{member}: {url}");
            }
        }
        at(&format!("/.well-known/{name}/other")).await.expect(404);
    }
    for resource in ["/scim/v2", "/admin"] {
        let name = "/.well-known/oauth-protected-resource";
        for path in [
            format!("/identity{name}{resource}"),
            format!("{name}/identity{resource}"), // RFC 9728 §3.1
            format!("{name}{resource}"),
        ] {
            assert_eq!(at(&path).await.expect(200).json()["resource"], format!("{BASE}{resource}"), "{path}");
        }
        at(&format!("{name}/other{resource}")).await.expect(404);
    }
    for path in ["/identity/health/live", "/health/live", "/identity/.well-known/jwks.json", "/.well-known/jwks.json"] {
        at(path).await.expect(200);
    }
    for path in ["/identity", "/identity/"] {
        at(path).await.expect(200).page();
    }
    for path in ["/identityx/health/live", "/other/health/live", "/health/live/identity"] {
        at(path).await.expect_problem(404);
        at(path).header("accept", "text/html,*/*;q=0.8").await.expect(404).page();
    }
});

story!(report_17_provisioning_links_stay_below_the_path, settings = [BELOW], async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    let scim = format!("{BASE}/scim/v2");
    assert_eq!(client.sheet("scim_base_url"), scim);
    assert_eq!(client.sheet("token_url"), format!("{BASE}/oauth2/token"));
    assert!(client.sheet("authorization_url").starts_with(&format!("{BASE}/oauth2/auth?")));
    let idp = client.connect_as(&acme.service_account().await).await;
    let made = idp.post("/Users", &a_user("ana@acme.test")).await.expect(201);
    let location = made.header("location").unwrap_or_default().to_owned();
    let user = made.json();
    assert_eq!(location, format!("{scim}/Users/{}", text(&user["id"])));
    assert_eq!(user["meta"]["location"], location.as_str());
    let group = idp.create_group("Editors", &[&user]).await;
    let read = idp.read(&group).await;
    assert_eq!(read["members"][0]["$ref"], location.as_str());
    // The address given out is understood where it comes back.
    let reference = json!([{"$ref": location, "value": user["id"]}]);
    idp.patch(&group).replace("members", reference).await;
    assert_eq!(idp.members(&group).await, [text(&user["id"])]);
    let operations = json!([{"method": "POST", "path": "/Users", "bulkId": "b", "data": a_user("ben@acme.test")}]);
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations});
    let bulk = idp.post("/Bulk", &bulk).await.expect(200).json();
    assert!(text(&bulk["Operations"][0]["location"]).starts_with(&format!("{scim}/Users/")), "{bulk}");
    for endpoint in ["/ServiceProviderConfig", "/ResourceTypes/User"] {
        let document = idp.read(endpoint).await;
        assert_eq!(document["meta"]["location"], format!("{scim}{endpoint}"), "{document}");
    }
    // An operator's, and what only one account's operator may.
    let made = world.admin(Method::POST, "/accounts").json(&json!({"name": "zeta"})).await.expect(201);
    assert!(made.header("location").unwrap_or_default().starts_with(&format!("{BASE}/admin/accounts/")));
    world.admin_get(&format!("/audit?account={}", acme.id)).await;
    let provider = json!({"provider": {"name": "Acme ID", "issuer": "https://login.acme.test", "client_id": "x",
        "client_secret": "a secret of theirs"}});
    acme.admin(Method::PATCH, "/sign-in").json(&provider).await.expect(200);
    let sign_in = acme.admin_get("/sign-in").await["provider"].clone();
    assert_eq!(sign_in["redirect_uri"], format!("{BASE}/login/callback"), "{sign_in}");
});

story!(report_17_oktas_administrator_connects_and_provisions_below_a_path, settings = [BELOW], async |world: World| {
    guide::the_guide_is_true(world, Kind::Catalog).await;
});

#[test]
fn report_17_a_public_url_that_cannot_be_right_is_refused_at_the_start() {
    let directory = crate::support::directories::subdirectory("public-url");
    for (url, word) in [
        ("https://id.test/identity?x", "query"),
        ("https://id.test/identity#x", "fragment"),
        ("https://id.test/identity//", "empty"),
        ("https://id.test/scim", "/scim"),
        ("https://id.test/identity;", "letters"),
    ] {
        let settings = [("GATEWAY__SERVER__PUBLIC_URL", url.to_owned())];
        let refused = process::command(&["serve"], &directory, &settings).output().expect("it can be run");
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("server.public_url") && said.contains(word), "{said}");
    }
}

/// The same browser, through a real proxy.
async fn behind_nginx(strips: bool) {
    let port = process::free_port();
    let base = format!("http://127.0.0.1:{port}/identity");
    let settings = [("GATEWAY__SERVER__PUBLIC_URL", base.as_str())];
    let world = World::start(Database::sqlite().await, &settings).await;
    let Some(nginx) = nginx::before(&world, port, strips).await else { return };
    let party = RelyingParty::new(&world).await;
    let browser = world.browser().through(&nginx.address);
    let callback = party.callback(&browser, &[("scope", "openid offline_access provision:scim")]).await;
    let page = browser.open(&format!("{base}/account")).await.page();
    assert!(page.words().contains("Reports"), "{}", page.words());
    let get = |path: &str| Call::new(http::client(), Method::GET, format!("{}{path}", nginx.address));
    for path in [
        "/identity/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/identity",
        "/.well-known/openid-configuration/identity",
    ] {
        assert_eq!(get(path).await.expect(200).json()["issuer"], base.as_str(), "{path}");
    }
    let resource = get("/.well-known/oauth-protected-resource/identity/scim/v2").await.expect(200).json();
    assert_eq!(resource["resource"], format!("{base}/scim/v2"));
    get("/identity/robots.txt").await.expect(200);
    let exchange = [
        ("grant_type", "authorization_code"),
        ("code", &callback.code()),
        ("redirect_uri", "https://rp.test/cb"),
        ("client_id", &party.client.id),
        ("client_secret", &party.client.secret),
    ];
    let tokens: Value = Call::new(http::client(), Method::POST, format!("{base}/oauth2/token"))
        .form(&exchange)
        .await
        .expect(200)
        .json();
    let token = text(&tokens["access_token"]);
    let made = Call::new(http::client(), Method::POST, format!("{base}/scim/v2/Users")).bearer(&token);
    let made = made.scim(&a_user("ana@acme.test")).await.expect(201);
    let location = Url::parse(made.header("location").unwrap_or_default()).expect("a URL");
    get(location.path()).bearer(&token).await.expect(200);
    // What else is on the host stays its own.
    assert_eq!(get("/elsewhere").await.expect(200).text(), "another product");
    assert_eq!(browser.cookies(&Url::parse(&format!("{}/elsewhere", nginx.address)).expect("a URL")), None);
    let out = browser.press(&page, "Log out").await.page();
    assert!(out.words().contains("logged out"), "{}", out.words());
}

#[test]
fn report_17_behind_an_nginx_that_passes_the_path_on() {
    story::run(behind_nginx(false));
}

#[test]
fn report_17_behind_an_nginx_that_strips_the_path() {
    story::run(behind_nginx(true));
}
