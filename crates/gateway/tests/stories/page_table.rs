//! What every page and form does beside its own work: the table of pages, walked.

use gateway::http::edge::endpoints::Endpoint;
use gateway::http::pages::{ENDPOINTS, setup};
use url::Url;

use crate::support::browser::{Browser, Landed, Shown};
use crate::support::http::{Answer, Call};
use crate::support::relying_party::{RelyingParty, field};
use crate::support::testing::World;

/// What others send from pages of their own: authorization requests (OpenID Connect Core §3.1.2.1), requests to log out (RP-Initiated
/// Logout 1.0 §2), and responses of SAML providers (saml-bindings-2.0 §3.5).
const OF_OTHERS: [&str; 4] = ["/oauth2/auth", "/oauth2/logout", "/saml/consume", "/saml/{account}/consume"];

/// Every page and form that is no operator's.
fn all() -> impl Iterator<Item = &'static Endpoint> {
    ENDPOINTS.iter().chain(setup::ENDPOINTS)
}

/// A request with the cookies of this browser.
fn call(world: &World, method: &str, path: &str, browser: &Browser) -> Call {
    let url = Url::parse(&format!("{}{path}", world.gateway.public_url)).expect("a URL");
    let call = world.call(method.parse().expect("a method"), path);
    match browser.cookies(&url) {
        Some(cookies) => call.header("cookie", cookies.to_str().expect("visible characters")),
        None => call,
    }
}

/// A user who is logged in with this browser and has connected a client.
async fn connected(world: &World) -> (RelyingParty, Browser) {
    let (party, browser) = (RelyingParty::new(world).await, world.browser());
    party.callback(&browser, &[("scope", "openid offline_access provision:scim")]).await.code();
    (party, browser)
}

#[track_caller]
fn is_protected(answer: &Answer) {
    let asked = &answer.asked;
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{asked}");
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{asked}");
    if answer.status.is_redirection() {
        return;
    }
    answer.page();
    assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{asked}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{asked}");
    let policy = answer.header("content-security-policy").unwrap_or_default();
    for part in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{asked}: {policy}");
    }
}

#[test]
fn each_page_says_what_it_is_for() {
    assert!(ENDPOINTS.len() >= 25, "the table is every page and form");
    for page in all() {
        let is_sentence = page.purpose.ends_with('.') && page.purpose.chars().next().is_some_and(char::is_uppercase);
        assert!(is_sentence, "{} {}: {}", page.method, page.path, page.purpose);
    }
}

story!(each_page_is_neither_framed_kept_nor_told_of, async |world: World| {
    let (_, browser) = connected(&world).await;
    for page in all().filter(|page| page.method == "GET") {
        is_protected(&call(&world, page.method.as_str(), page.path, &world.browser()).await);
        is_protected(&call(&world, page.method.as_str(), page.path, &browser).await);
    }
});

story!(each_form_is_refused_where_another_site_sends_it, async |world: World| {
    let (party, browser) = connected(&world).await;
    let account = format!("{}/account", world.gateway.public_url);
    let strangers = world.browser().open(&account).await.page();
    let strangers = field(&strangers.login_form(), "csrf");
    let page = browser.open(&account).await.page();
    let own = page.form_with_button("End this connection").expect("a connection");
    let (client, csrf) = (field(&own, "client"), field(&own, "csrf"));
    let (user_name, password) = (&party.ada.user_name, &party.ada.password);
    for page in all().filter(|page| page.method == "POST" && !OF_OTHERS.contains(&page.path)) {
        for forged in ["", strangers.as_str(), "nonsense"] {
            let pairs = [
                ("csrf", forged),
                ("request", "account"),
                ("client", client.as_str()),
                ("username", user_name),
                ("password", password),
                ("decision", "accept"),
            ];
            is_protected(&call(&world, page.method.as_str(), page.path, &browser).form(&pairs).await.expect(403));
        }
        // The right field in a browser that it was not shown to.
        let pairs = [("csrf", csrf.as_str()), ("request", "account"), ("client", client.as_str())];
        is_protected(&call(&world, page.method.as_str(), page.path, &world.browser()).form(&pairs).await.expect(403));
    }
    // Nothing came of it, and the form that was shown works.
    let page = browser.open(&account).await.page();
    assert!(page.words().contains("End this connection"), "{}", page.words());
    let ended = browser.press(&page, "End this connection").await.page();
    assert!(!ended.words().contains("End this connection"), "{}", ended.words());
});
