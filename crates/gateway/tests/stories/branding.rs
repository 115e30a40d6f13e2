//! Whose pages they are: name, logo, colours, help and the files that pages are made of.

use crate::support::browser::{Landed, Shown};
use crate::support::relying_party::{RelyingParty, field};
use crate::support::testing::World;

const NAME: (&str, &str) = ("GATEWAY__BRAND__NAME", "Exampla & Söhne");
const SUPPORT: (&str, &str) = ("GATEWAY__BRAND__SUPPORT_EMAIL", "support@exampla.example");
const PRIVACY: (&str, &str) = ("GATEWAY__BRAND__PRIVACY_URL", "https://exampla.example/privacy");
const ACCENT: (&str, &str) = ("GATEWAY__BRAND__ACCENT", "#8a1c7c");

/// The addresses of a page that begin so, as they stand in it.
fn addresses(html: &str, beginning: &str) -> Vec<String> {
    let parts = html.split('"').filter(|part| part.starts_with(beginning));
    parts.map(|part| part.split('#').next().unwrap_or(part).to_owned()).collect()
}

story!(
    every_page_says_whose_it_is_and_where_help_is,
    settings = [NAME, SUPPORT, PRIVACY, ACCENT],
    async |world: World| {
        let party = RelyingParty::new(&world).await;
        let (browser, base) = (world.browser(), &world.gateway.public_url);
        let login = party.open(&browser, &[]).await.page();
        let consent = party.log_in(&browser, &login).await.page();
        let mut pages = vec![login, consent];
        for path in
            ["/", "/style", "/openapi", "/account", "/oauth2/logout", "/nowhere", "/oauth2/auth", "/account/password"]
        {
            pages.push(browser.open(&format!("{base}{path}")).await.page());
        }
        for page in &pages {
            let html = page.answer.text();
            let title = html.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next()).unwrap_or_default();
            assert!(title.ends_with(" · Exampla &#38; Söhne") && title.len() > 25, "{}: {title}", page.url);
            assert_eq!(html.matches("<h1").count(), 1, "{}", page.url);
            assert_eq!(html.matches("<main id=\"main\"").count(), 1, "{}", page.url);
            for said in ["mailto:support@exampla.example", "https://exampla.example/privacy", "href=\"#main\""] {
                assert!(html.contains(said), "{said} on {}", page.url);
            }
            assert!(page.has_only_our_script(), "{}", page.url);
        }
        let brand = addresses(&pages[2].answer.text(), "/assets/brand.");
        let css = world.get(&brand[0]).await.expect(200).text();
        assert!(
            css.contains("--brand: #8a1c7c; --on-brand: #ffffff;") && css.contains("prefers-color-scheme: dark"),
            "{css}"
        );
    }
);

story!(files_of_pages_are_kept_for_ever_under_the_name_of_their_content, async |world: World| {
    let front = world.get("/").header("accept", "text/html").await.expect(200).page();
    let files = addresses(&front, "/assets/");
    assert!(files.len() >= 5, "{files:?}");
    for path in &files {
        let file = world.get(path).await.expect(200);
        assert_eq!(file.header("cache-control"), Some("public, max-age=31536000, immutable"), "{path}");
        assert_eq!(file.header("x-content-type-options"), Some("nosniff"), "{path}");
        let policy = file.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains("default-src 'none'") && policy.ends_with("sandbox"), "{path}: {policy}");
        // A replica of another version asks for another hash: it gets what there is, not to be kept.
        let mut parts: Vec<&str> = path.split('.').collect();
        parts[1] = "000000000000";
        let other = world.get(&parts.join(".")).await.expect(200);
        assert_eq!((other.header("cache-control"), other.text()), (Some("no-cache"), file.text()), "{path}");
    }
    let script = files.iter().find(|path| path.ends_with(".js")).expect("a script");
    assert_eq!(world.get(script).await.media_type(), "text/javascript");
    for none in ["/assets/design.css", "/assets/nothing.000000000000.css", "/assets/design.000000000000.svg"] {
        world.get(none).await.expect(404);
    }
    assert_eq!(world.get("/favicon.ico").await.expect(200).media_type(), "image/svg+xml");
    assert!(world.get("/robots.txt").await.expect(200).text().contains("Disallow: /"));
});

story!(what_is_not_there_is_a_page_for_browsers_and_a_problem_for_programs, async |world: World| {
    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for path in ["/nowhere", "/admin2", "/index.php"] {
        let page = world.get(path).header("accept", BROWSER).await.expect(404).page();
        assert!(page.contains("There is no such page") && page.contains(path) && page.contains("href=\"/\""), "{page}");
        world.get(path).await.expect_problem(404);
        world.get(path).header("accept", "application/json").await.expect_problem(404);
    }
    let page = world.post("/account").header("accept", BROWSER).await.expect(405);
    assert_eq!(page.header("allow"), Some("GET, HEAD"));
    assert!(page.page().contains("does not answer POST"));
    world.get("/scim/v2/Nothing").header("accept", BROWSER).await.expect_scim_error(401, None);
});

story!(a_failure_says_what_to_do_and_what_support_asks_for, settings = [SUPPORT], async |world: World| {
    let browser = world.browser();
    let base = &world.gateway.public_url;
    let refused = browser.open(&format!("{base}/oauth2/auth?client_id=unknown")).await.page();
    let id = refused.answer.header("x-request-id").unwrap_or_default().to_owned();
    let words = refused.words();
    for said in [id.as_str(), "client_unknown", "Details for support", "support@exampla.example", "Nothing was allowed"]
    {
        assert!(!said.is_empty() && words.contains(said), "{said}: {words}");
    }
    let stale = browser.open(&format!("{base}/login?request=stale")).await.page();
    assert!(stale.words().contains("If your identity provider sent you here"), "{}", stale.words());
});

story!(a_session_is_shown_by_what_its_browser_calls_itself, async |world: World| {
    const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/604.1";
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    let page = browser.open(&format!("{}/account", world.gateway.public_url)).await.page();
    let cookies = browser.cookies(&page.url).expect("cookies");
    let form = page.login_form();
    let pairs = [
        ("csrf", field(&form, "csrf")),
        ("request", field(&form, "request")),
        ("username", party.ada.user_name.clone()),
        ("password", party.ada.password.clone()),
    ];
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let call = world.post("/login").header("user-agent", SAFARI).header("cookie", cookies.to_str().expect("text"));
    call.form(&pairs).await.expect(303);
    let other = world.browser();
    let page = other.open(page.url.as_str()).await.page();
    let page = party.log_in(&other, &page).await.page();
    assert!(page.words().contains("Safari on iPhone"), "{}", page.words());
    let page = other.press(&page, "Log out Safari on iPhone").await.page();
    assert!(!page.words().contains("Safari on iPhone"), "{}", page.words());
});
