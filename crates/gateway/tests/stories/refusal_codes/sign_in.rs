//! Logging in: by password, by the code of an app, and at an OpenID provider.

use gateway::domain::request::Place;
use gateway::simulate::wire;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Provoked, REACH, until};
use crate::second_factors::{set_up, type_code};
use crate::support::account::{Account, User, items, text};
use crate::support::browser::{Browser, Callback, Landed, Page};
use crate::support::signal_sender::{SignalSender, by_email};
use crate::support::testing::{Database, World};
use crate::upstream::Upstream;

pub const PLACES: &[Place] = &[Place::SignIn];

story!(each_refusal_of_a_log_in_is_in_the_log, settings = [REACH], async |world: World| {
    let mut log = Provoked::of(&world);
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let open = async |browser: &Browser| browser.open(&client.authorization_url("1")).await.page();
    log.ask("stale_form", world.post("/login").form(&[("username", "ada")])).await;
    let browser = world.browser();
    let mut page = open(&browser).await;
    page = browser.log_in(&page, &ada.user_name, "hunter2-guessed").await.page();
    log.page("password_wrong", &page);
    let id = page.answer.header("x-request-id").expect("an id").to_owned();
    for _ in 0..40 {
        if page.answer.status == 429 {
            break;
        }
        page = browser.log_in(&page, "mallory@acme.test", "wrong").await.page();
    }
    log.page("log_in_throttled", &page);
    let path = format!("/requests/{id}");
    let row = until(async || {
        let answer = world.admin(Method::GET, &path).await;
        (answer.status == 200).then(|| items(&answer.json()).remove(0))
    });
    let row = row.await.expect("recorded");
    assert_eq!((&row["account"], &row["client"]), (&json!(acme.id), &json!(client.id)), "{row}");
    assert!(!row.to_string().contains("hunter2"), "{row}");

    // A new password, on the user's own page.
    let own = world.browser();
    let page = own.open(&format!("{}/account/password", world.gateway.public_url)).await.page();
    let page = own.log_in(&page, &ada.user_name, &ada.password).await.page();
    let mut form = page.forms().into_iter().find(|form| form.has_input("again")).expect("a form");
    form.fill_in("password", "one password");
    form.fill_in("again", "another password");
    let pairs = form.pairs(form.buttons.first());
    log.page("password_unsuitable", &own.submit(&page, &form, &pairs).await.page());

    let made_up = format!("{}/password/gwp_made-up", world.gateway.public_url);
    log.page("password_link_refused", &own.open(&made_up).await.page());

    by_setup_link(&world, &acme, &mut log).await;

    // The app beside the password.
    let bob = acme.user("bob@acme.test").role("master_admin").create().await;
    set_up(&world, &bob).await;
    let browser = world.browser();
    let asked = browser.log_in(&open(&browser).await, &bob.user_name, &bob.password).await.page();
    let mut page = type_code(&browser, &asked, "123456").await.page();
    log.page("second_factor_wrong", &page);
    for _ in 0..40 {
        if page.answer.status == 429 {
            break;
        }
        page = type_code(&browser, &page, "123456").await.page();
    }
    log.page("second_factor_throttled", &page);
    let eve = acme.user("eve@acme.test").role("master_admin").create().await;
    set_up(&world, &eve).await;
    let browser = world.browser();
    let asked = browser.log_in(&open(&browser).await, &eve.user_name, &eve.password).await.page();
    acme.admin(Method::DELETE, &format!("/users/{}/second-factor", eve.id)).await.expect(204);
    log.page("second_factor_gone", &type_code(&browser, &asked, "123456").await.page());

    // Disabled by the account's identity provider.
    let provider = SignalSender::of(&acme).await;
    let dan = acme.user("dan@acme.test").role("master_admin").create().await;
    let disabled = "https://schemas.openid.net/secevent/risc/event-type/account-disabled";
    provider.tells(disabled, &by_email("dan@acme.test")).await.expect(202);
    let browser = world.browser();
    let page = browser.log_in(&open(&browser).await, &dan.user_name, &dan.password).await.page();
    log.page("user_disabled_by_provider", &page);

    // At the account's OpenID provider.
    let upstream = Upstream::of(&world).await;
    upstream.configure(&acme, json!({"match_by": "email"})).await;
    let refused = world.browser();
    log.page(
        "password_not_allowed",
        &refused.log_in(&open(&refused).await, &ada.user_name, &ada.password).await.page(),
    );
    let leave = async |browser: &Browser, person: &User| -> Callback {
        let away = browser.press(&open(browser).await, "Continue with Acme ID").await;
        upstream.accept(&upstream.world.browser(), &away, person).await
    };
    let come = async |person: &User| -> Page {
        let browser = world.browser();
        let back = leave(&browser, person).await;
        browser.open(back.0.as_str()).await.page()
    };
    let there = upstream.user("ada@acme.test").await;
    let callback = |pairs: &[(&str, &str)]| {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        format!("{}/login/callback?{query}", world.gateway.public_url)
    };
    let browser = world.browser();
    let back = leave(&browser, &there).await;
    let (state, code) = (back.parameter("state").expect("a state"), back.code());
    let mixed = callback(&[("code", &code), ("state", &state), ("iss", "https://evil.test")]);
    log.page("provider_mixed_up", &browser.open(&mixed).await.page());
    let state = leave(&browser, &there).await.parameter("state").expect("a state");
    let denied = callback(&[("error", "access_denied"), ("error_description", "no way"), ("state", &state)]);
    log.page("provider_refused", &browser.open(&denied).await.page());
    let state = leave(&browser, &there).await.parameter("state").expect("a state");
    let forged = callback(&[("code", "gwc_nonsense"), ("state", &state)]);
    let page = browser.open(&forged).await.page();
    log.page("provider_exchange_failed", &page);
    assert_calls(&world, &page.answer, &[("POST", "/oauth2/token", "call_answered_error")]).await;
    let stranger = upstream.user("eve@elsewhere.test").await;
    log.page("provider_user_unknown", &come(&stranger).await);
    assert!(come(&there).await.is_consent());
    // The name moves on to another person there.
    let renamed =
        json!({"userName": "ada2@acme.test", "emails": [{"value": "ada2@acme.test", "type": "work", "primary": true}]});
    upstream.rename(&there, &renamed).await;
    let namesake = upstream.user("ada@acme.test").await;
    log.page("provider_user_linked", &come(&namesake).await);
    acme.admin(Method::PATCH, &format!("/users/{}", ada.id)).json(&json!({"active": false})).await.expect(200);
    let gone = User { user_name: "ada2@acme.test".to_owned(), ..there.clone() };
    log.page("provider_user_deactivated", &come(&gone).await);
    upstream.configure(&acme, json!({"match_by": "verified_email"})).await;
    let unverified = upstream.user("una@acme.test").await;
    log.page("provider_email_unverified", &come(&unverified).await);
    upstream.configure(&acme, json!({"match_by": "email"})).await;
    let nameless = upstream.nameless("nia").await;
    log.page("provider_email_missing", &come(&nameless).await);
    let browser = world.browser();
    let page = open(&browser).await;
    upstream.configure(&acme, json!({"issuer": "http://127.0.0.1:9"})).await;
    // With a status that a browser does not go on from.
    let form = page.form_with_button("Continue with Acme ID").expect("a form");
    let button = form.button("Continue with Acme ID").expect("a button");
    let action = page.url.join(button.action.as_ref().unwrap_or(&form.action)).expect("a URL");
    let cookies = browser.cookies(&action).expect("cookies");
    let sent = world.post(action.as_str()).form(&form.pairs(Some(button)));
    let answer = sent.header("cookie", cookies.to_str().expect("text")).await.expect(502);
    log.by("provider_unreachable", &answer);
    assert_calls(&world, &answer, &[("GET", "/.well-known/openid-configuration", "call_failed")]).await;
    let browser = world.browser();
    let page = open(&browser).await;
    acme.admin(Method::PATCH, "/sign-in").json(&json!({"provider": null})).await.expect(200);
    log.page("provider_missing", &browser.press(&page, "Continue with Acme ID").await.page());
    crate::refusal_codes::saml::provoke(&world, &mut log).await;
    // Operators are refused in a story of their own.
    log.found.insert("operator_not_admitted");
    log.finish(PLACES).await;
});

/// What the page of a setup link refuses.
async fn by_setup_link(world: &World, acme: &Account, log: &mut Provoked) {
    let made = acme.admin(Method::POST, "/setup-links").json(&json!({"provider": "okta"})).await.expect(201).json();
    let url = text(&made["url"]);
    let (first, second) = (world.browser(), world.browser());
    let (one, other) = (first.open(&url).await.page(), second.open(&url).await.page());
    let shown = first.press(&one, "Reveal the client secret").await.page();
    assert!(shown.text().contains("gws_"), "{}", shown.words());
    log.page("secret_revealed_before", &second.press(&other, "Reveal the client secret").await.page());
    let again = first.open(&url).await.page();
    log.page("setup_too_soon", &first.press(&again, "Create a new client secret").await.page());
    let typed = [("variable", "Exampla SCIM User")];
    log.page("variable_name_wrong", &first.fill_in_and_press(&again, "Register", &typed).await.page());
    acme.admin(Method::DELETE, &format!("/setup-links/{}", text(&made["id"]))).await.expect(204);
    log.page("setup_link_closed", &first.open(&url).await.page());

    let made = acme.admin(Method::POST, "/setup-links").json(&json!({"provider": "entra"})).await.expect(201).json();
    let page = first.open(&text(&made["url"])).await.page();
    let wrong = [("issuer", "https://evil.example/"), ("jwks_url", "x"), ("subject", "x"), ("audience", "x")];
    let refused = first.fill_in_and_press(&page, "Register the workload identity", &wrong).await.page();
    log.page("workload_identity_wrong", &refused);
}

/// The calls that were made for this answer are rows of its request.
async fn assert_calls(world: &World, answer: &wire::Answer, calls: &[(&str, &str, &str)]) {
    let path = format!("/requests/{}", answer.header("x-request-id").expect("an id"));
    let rows = until(async || {
        let answer = world.admin(Method::GET, &path).await;
        (answer.status == 200).then(|| items(&answer.json()))
    });
    let rows = rows.await.expect("recorded");
    for (method, end, code) in calls {
        let is_it =
            |row: &&Value| row["method"] == *method && text(&row["endpoint"]).ends_with(end) && row["code"] == *code;
        assert!(rows.iter().any(|row| is_it(&row)), "{method} {end} {code}: {rows:?}");
    }
    assert!(!json!(rows).to_string().contains("gwc_"), "no code of a log-in: {rows:?}");
}

#[test]
fn an_operator_who_is_not_admitted_is_in_the_log() {
    crate::support::story::run(async {
        let provider = World::start(Database::sqlite().await, &[]).await;
        let (upstream, settings) = Upstream::of_operators(provider).await;
        let settings: Vec<(&'static str, &str)> =
            settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let world = World::start(Database::sqlite().await, &settings).await;
        upstream.sends_back_to(&world).await;
        let eve = upstream.user("eve@vendor.test").await;
        let browser = world.browser();
        let page = browser.open(&format!("{}/operator", world.gateway.public_url)).await.page();
        let provider = page.forms().into_iter().find(|form| form.action.ends_with("/console/login/provider"));
        let provider = provider.expect("the vendor's provider");
        let away = browser.submit(&page, &provider, &provider.pairs(provider.buttons.first())).await;
        let back = upstream.accept(&upstream.world.browser(), &away, &eve).await;
        let mut log = Provoked::of(&world);
        log.page("operator_not_admitted", &browser.open(back.0.as_str()).await.page());
        log.finish(&[]).await;
    });
}
