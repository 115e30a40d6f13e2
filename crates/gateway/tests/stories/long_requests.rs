//! Requests are bounded as a whole and not by parameter, and what is wrong with one is told to the client where that can be.

use reqwest::Method;
use serde_json::json;

use crate::support::account::text;
use crate::support::browser::{Callback, Landed};
use crate::support::http::{self, Call};
use crate::support::relying_party::{AFTER_LOGOUT, RelyingParty};
use crate::support::testing::World;

const SCOPE: (&str, &str) = ("scope", "openid offline_access");

/// Eight kilobytes of what a client may put into a state.
fn state() -> String {
    let visible: String = (' '..='~').collect();
    visible.chars().cycle().take(8 << 10).collect()
}

story!(report_15_a_state_of_eight_kilobytes_goes_all_the_way_and_back, async |world: World| {
    world.add_replica().await;
    let party = RelyingParty::new(&world).await;
    let state = state();
    let long = [SCOPE, ("state", state.as_str()), ("prompt", "consent")];
    // By a link, past a wrong password, a second factor's page and another user's log-in.
    let browser = world.browser();
    let page = party.open(&browser, &long).await.page();
    let page = browser.log_in(&page, &party.ada.user_name, "wrong").await.page();
    let page = party.log_in(&browser, &page).await.page();
    assert!(page.is_consent(), "{}", page.words());
    let page = browser.press(&page, "Log in as another user").await.page();
    let page = party.log_in(&browser, &page).await.page();
    let callback = browser.press(&page, "Accept access").await.callback();
    assert_eq!(callback.parameter("state").as_ref(), Some(&state));
    party.tokens(&callback).await;
    let page = party.open(&browser, &long).await.page();
    let callback = browser.press(&page, "Deny").await.callback();
    assert_eq!(
        (callback.parameter("state").as_ref(), callback.parameter("error").as_deref()),
        (Some(&state), Some("access_denied"))
    );
    // By a form.
    let answer = world.post("/oauth2/auth").form(&party.parameters(&long)).await.expect(303);
    let page = browser.open(answer.header("location").unwrap_or_default()).await.page();
    let callback = browser.press(&page, "Accept access").await.callback();
    assert_eq!(callback.parameter("state").as_ref(), Some(&state));
    // Pushed.
    let own = [("client_id", party.client.id.as_str()), ("client_secret", party.client.secret.as_str())];
    let pushed: Vec<(&str, &str)> =
        party.parameters(&long).into_iter().filter(|(name, _)| *name != "client_id").chain(own).collect();
    let reference = text(&world.post("/oauth2/par").form(&pushed).await.expect(201).json()["request_uri"]);
    let url = party.client.authorization_url_with(&[("client_id", &party.client.id), ("request_uri", &reference)]);
    let page = browser.open(&url).await.page();
    let callback = browser.press(&page, "Accept access").await.callback();
    assert_eq!(callback.parameter("state").as_ref(), Some(&state));
    // And out again.
    let parameters =
        [("client_id", party.client.id.as_str()), ("post_logout_redirect_uri", AFTER_LOGOUT), ("state", &state)];
    let page = browser.open(&party.logout_url(&parameters)).await.page();
    let Callback(after) = browser.press(&page, "Log out").await.callback();
    assert!(after.query_pairs().any(|(name, value)| name == "state" && value == state));
});

story!(report_15_what_is_not_known_is_ignored_however_long_it_is, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    party.callback(&browser, &[SCOPE]).await.code();
    let long = "x".repeat(20 << 10);
    for name in ["vendor", "claims", "ui_locales", &long[..5000]] {
        party.callback(&browser, &[SCOPE, (name, &long)]).await.code();
    }
    // Nor what cannot be read, where it is nothing of ours.
    for broken in ["&vendor=%ff%fe", "&vendor=%zz", "&vendor=%00", "&%ff=x", "&%=%"] {
        let landing = browser.open(&format!("{}{broken}", party.url(&[SCOPE]))).await;
        party.through(&browser, landing).await.code();
    }
    // The same at the endpoints for clients.
    let long = "x".repeat(12 << 10);
    let token = party.client.token(&[("grant_type", "refresh_token"), ("refresh_token", "gwr_x"), ("vendor", &long)]);
    token.await.expect_oauth_error(400, "invalid_grant");
});

story!(report_15_what_is_wrong_is_told_to_the_client_once_it_is_known, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    let long = "x".repeat(8 << 10);
    let huge = "x".repeat(24 << 10);
    let told = async |url: &str, code: &str, state: Option<&str>| {
        let callback = browser.open(url).await.callback();
        assert!(callback.0.as_str().starts_with("https://rp.test/cb?"), "{}", callback.0);
        assert_eq!(callback.parameter("error").as_deref(), Some(code), "{}", callback.0);
        assert_eq!(callback.parameter("state").as_deref(), state, "{}", callback.0);
        assert_eq!(callback.parameter("iss"), Some(world.gateway.public_url.clone()));
        assert!(callback.parameter("error_description").is_some_and(|words| words.len() < 1000), "{}", callback.0);
    };
    for (name, value, code) in [
        ("request", &long, "request_not_supported"),
        ("request_uri", &long, "request_uri_not_supported"),
        ("registration", &long, "registration_not_supported"),
        ("response_type", &long, "unsupported_response_type"),
        ("scope", &long, "invalid_scope"),
        ("resource", &long, "invalid_target"),
        ("prompt", &long, "invalid_request"),
        ("id_token_hint", &long, "invalid_request"),
        ("nonce", &huge, "invalid_request"),
        ("login_hint", &huge, "invalid_request"),
    ] {
        told(&party.url(&[(name, value)]), code, Some("s-1")).await;
    }
    for broken in ["nonce=%ff", "login_hint=%00", "prompt=%fflogin", "nonce=a&nonce=b"] {
        told(&format!("{}&{broken}", party.url(&[])), "invalid_request", Some("s-1")).await;
    }
    told(&format!("{}&state=%ff", party.url(&[("state", "")])), "invalid_request", None).await;
    // Where the answer may go has to be known first.
    for changes in [
        [("client_id", "nobody"), ("request", long.as_str())],
        [("redirect_uri", "https://evil.test/"), ("request", &long)],
        [("redirect_uri", "https://evil.test/"), ("nonce", &huge)],
        [("redirect_uri", &long), ("nonce", &long)],
    ] {
        let page = party.open(&browser, &changes).await.page();
        assert_eq!(page.answer.status, 400, "{}", page.words());
    }
});

story!(report_15_what_is_too_long_as_a_whole_is_told_on_a_page, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let long = "x".repeat(33 << 10);
    let url = party.url(&[("vendor", &long)]);
    let page = world.get(&url).await.expect(414);
    assert!(page.page().contains("32 KiB"), "{}", page.text());
    world.get(&party.logout_url(&[("vendor", &long)])).await.expect(414).page();
    for size in [33 << 10, 100 << 10] {
        let long = "x".repeat(size);
        let page = world.post("/oauth2/auth").form(&party.parameters(&[("vendor", &long)])).await.expect(413);
        assert!(page.page().contains("too long"), "{}", page.text());
    }
    // What no server reads is answered all the same, by a status.
    let process = world.process_with(&[]).await;
    for size in [70 << 10, 200 << 10] {
        let url = format!("{}/oauth2/auth?vendor={}", process.address, "x".repeat(size));
        let answer = raw(&process.address, &url).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    // A pushed request says it as RFC 9126 §2.3 has it.
    let own = [("client_id", party.client.id.as_str()), ("client_secret", party.client.secret.as_str())];
    for (size, status) in [(20 << 10, 201), (60 << 10, 413)] {
        let vendor = "x".repeat(size);
        let pushed: Vec<(&str, &str)> = party
            .parameters(&[("vendor", &vendor)])
            .into_iter()
            .filter(|(name, _)| *name != "client_id")
            .chain(own)
            .collect();
        let answer = world.post("/oauth2/par").form(&pushed).await.expect(status);
        if status == 413 {
            answer.oauth_error();
        }
    }
});

/// What a server answers that may hang up early: its first line.
async fn raw(address: &str, url: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let host = address.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(host).await.expect("it listens");
    let path = url.trim_start_matches(address);
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = [0; 64];
    let read = stream.read(&mut answer).await.unwrap_or_default();
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

story!(
    report_15_a_long_state_survives_the_way_through_an_openid_provider,
    settings = [("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true")],
    async |world: World| {
        let upstream = crate::upstream::Upstream::of(&world).await;
        let party = RelyingParty::new(&world).await;
        let there = upstream.user("ada@acme.test").await;
        upstream.configure(&party.acme, json!({"match_by": "email"})).await;
        let (state, hint) = (state(), "h".repeat(4 << 10));
        let browser = world.browser();
        let page = party.open(&browser, &[SCOPE, ("state", &state), ("login_hint", &hint)]).await.page();
        let away = browser.press(&page, "Continue with Acme ID").await;
        let back = upstream.accept(&upstream.world.browser(), &away, &there).await;
        let page = browser.open(back.0.as_str()).await.page();
        let callback = browser.press(&page, "Accept access").await.callback();
        assert_eq!(callback.parameter("state").as_ref(), Some(&state));
        // A link that a mail program has made longer is refused as any other.
        let answer = Call::new(
            http::client(),
            Method::GET,
            format!("{}/login?request={}", world.gateway.public_url, "x".repeat(9000)),
        );
        answer.await.expect(403).page();
    }
);
