//! What relying parties are told of when and how a person authenticated (OpenID Connect Core §2: `auth_time`, `acr`, `amr`), whichever way the
//! person came in.

use std::time::Duration;

use oauth::authentication::{CLASSES, MULTI_FACTOR, PASSWORD};
use serde_json::{Value, json};

use crate::second_factors::{App, set_up, type_code};
use crate::support::account::User;
use crate::support::browser::{Browser, Callback, Landed, Landing};
use crate::support::jwt::Jwt;
use crate::support::key_server::{KeyServer, SigningKey};
use crate::support::relying_party::RelyingParty;
use crate::support::saml_documents::{self, Document};
use crate::support::saml_provider::{SamlProvider, request_of};
use crate::support::testing::World;
use crate::upstream::Upstream;

/// Lets a gateway call another on this machine.
const REACH: (&str, &str) = ("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true");

/// The claims of the ID token.
async fn claims(party: &RelyingParty, callback: &Callback) -> Value {
    party.id_token(&party.tokens(callback).await).await.claims
}

#[track_caller]
fn assert_told(claims: &Value, acr: Option<&str>, amr: &[&str]) {
    let told = (claims.get("acr"), claims.get("amr"));
    let (acr, amr) = (acr.map(Value::from), (!amr.is_empty()).then(|| json!(amr)));
    assert_eq!(told, (acr.as_ref(), amr.as_ref()), "{claims}");
}

story!(a_password_and_what_is_typed_beside_it_are_told_as_what_they_are, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    let first = claims(&party, &party.callback(&browser, &[]).await).await;
    assert_told(&first, Some(PASSWORD), &["pwd"]);
    // What is wished for is no claim to it, and a session is told as what began it.
    let wish = format!("{MULTI_FACTOR} urn:acme:gold");
    let again = claims(&party, &party.open(&browser, &[("acr_values", &wish)]).await.callback()).await;
    assert_told(&again, Some(PASSWORD), &["pwd"]);
    assert_eq!(first["auth_time"], again["auth_time"]);

    let (app, codes) = set_up(&world, &party.ada).await;
    for (code, amr) in [(app.shows(0), vec!["pwd", "otp", "mfa"]), (codes[0].clone(), vec!["pwd", "mfa"])] {
        let browser = world.browser();
        let page = party.open(&browser, &[]).await.page();
        let page = party.log_in(&browser, &page).await.page();
        let landing = type_code(&browser, &page, &code).await;
        assert_told(&claims(&party, &party.through(&browser, landing).await).await, Some(MULTI_FACTOR), &amr);
    }

    let about = world.get("/.well-known/openid-configuration").await.expect(200).json();
    assert_eq!(about["acr_values_supported"], json!(CLASSES));
    for claim in ["auth_time", "acr", "amr"] {
        assert!(about["claims_supported"].as_array().is_some_and(|claims| claims.contains(&json!(claim))), "{about}");
    }
});

story!(tokens_that_are_refreshed_tell_of_the_log_in_behind_them, moving_clock, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme
        .client(json!({"name": "Reports", "profile": "generic", "redirect_uris": ["https://rp.test/cb"],
            "grant_types": ["authorization_code", "refresh_token"], "scopes": ["openid", "offline", "offline_access", "provision:scim"],
            "access_token_format": "jwt"}))
        .await;
    let ada = acme.service_account().await;
    let mut tokens = client.connect_as(&ada).await;
    let first = Jwt::read(&tokens.access_token).claims;
    assert_told(&first, Some(PASSWORD), &["pwd"]);
    // Who asks about a token is told the same (RFC 9470 §6.2).
    let asked = tokens.client.introspect(&tokens.access_token).await;
    assert_told(&asked, Some(PASSWORD), &["pwd"]);
    assert_eq!(asked["auth_time"], first["auth_time"]);
    world.pass(Duration::from_secs(1000));
    tokens.refresh().await;
    let later = Jwt::read(&tokens.access_token).claims;
    assert_told(&later, Some(PASSWORD), &["pwd"]);
    assert_eq!(first["auth_time"], later["auth_time"]);
    assert!(later["iat"].as_i64() > first["iat"].as_i64());
});

story!(a_saml_provider_says_when_and_how_a_person_logged_in, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let saml = SamlProvider::of(&world, &party.acme, json!({})).await;
    let browser = world.browser();
    let away = async |changes: &[(&str, &str)]| {
        let page = party.open(&browser, changes).await.page();
        browser.press(&page, "Continue with Acme SAML").await
    };
    let back = async |document: Document| {
        let landing = browser.open(&saml.accepted(&document.response()).await).await;
        claims(&party, &party.through(&browser, landing).await).await
    };
    let hour_ago = world.now() - 3_600_000;
    let of = saml.answer(&away(&[]).await, "ada@acme.test");
    let mut attributes = of.attributes.clone();
    let methods = "http://schemas.microsoft.com/claims/authnmethodsreferences".to_owned();
    attributes.push((methods, "http://schemas.microsoft.com/claims/multipleauthn".to_owned()));
    let told = back(Document { authenticated: hour_ago, attributes, ..of }).await;
    assert_told(&told, Some(PASSWORD), &["pwd", "mfa"]);
    assert_eq!(told["auth_time"], json!(hour_ago / 1000), "and not when they came back");

    // The session is as old as the log-in behind it.
    let callback = party.open(&browser, &[("max_age", "7200"), ("prompt", "none")]).await.callback();
    assert_eq!(claims(&party, &callback).await["auth_time"], json!(hour_ago / 1000));
    assert_eq!(party.error_of(&browser, &[("max_age", "600"), ("prompt", "none")]).await, "login_required");
    for demand in [("max_age", "600"), ("prompt", "login")] {
        let away = away(&[demand]).await;
        let Landing::Left(url) = &away else { panic!("still here") };
        assert!(request_of(url).contains("ForceAuthn=\"true\""), "{url}");
        // By a clock that is two minutes behind; and by a provider that does not say how.
        let context = format!("{}unspecified", saml_documents::CLASSES);
        let of = saml.answer(&away, "ada@acme.test");
        let told = back(Document { authenticated: of.now - 120_000, context, ..of }).await;
        assert_told(&told, None, &[]);
        let auth_time = told["auth_time"].as_i64().unwrap_or_default() * 1000;
        let oldest = if demand.0 == "max_age" { 600_000 } else { 5_000 };
        assert!((world.now() - oldest..=world.now()).contains(&auth_time), "{demand:?}: {told}");
    }
});

/// Goes through the pages of an OpenID provider as this person, with this app.
async fn log_in_there(there: &Browser, away: &Landing, person: &User, app: &App) -> Callback {
    let Landing::Left(url) = away else { panic!("still here: {away:?}") };
    let mut landing = there.open(url.as_str()).await;
    for _ in 0..5 {
        landing = match landing {
            Landing::Left(url) => return Callback(url),
            Landing::Page(page) if page.is_consent() => there.press(&page, "Accept access").await,
            Landing::Page(page) if page.forms().iter().any(|form| form.has_input("code")) => {
                // Each code counts once.
                let landing = type_code(there, &page, &app.shows(0)).await;
                match landing {
                    Landing::Page(page) if page.words().contains("Incorrect") => {
                        type_code(there, &page, &app.shows(1)).await
                    }
                    landing => landing,
                }
            }
            Landing::Page(page) => there.log_in(&page, &person.user_name, &person.password).await,
        };
    }
    panic!("no way back: {landing:?}")
}

story!(
    an_openid_provider_says_when_and_how_a_person_logged_in,
    moving_clock,
    settings = [REACH],
    async |world: World| {
        let upstream = Upstream::of(&world).await;
        let party = RelyingParty::new(&world).await;
        let person = upstream.user("ada@acme.test").await;
        upstream.configure(&party.acme, json!({"match_by": "email"})).await;
        let (app, _) = set_up(&upstream.world, &person).await;
        let there = upstream.world.browser();
        let away = async |browser: &Browser, changes: &[(&str, &str)]| {
            let page = party.open(browser, changes).await.page();
            browser.press(&page, "Continue with Acme ID").await
        };
        let asked = |away: &Landing, name: &str| match away {
            Landing::Left(url) => url.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned()),
            Landing::Page(page) => panic!("still here: {}", page.words()),
        };
        let back = async |browser: &Browser, away: &Landing| {
            let back = log_in_there(&there, away, &person, &app).await;
            browser.open(back.0.as_str()).await
        };
        let browser = world.browser();
        let first = away(&browser, &[("acr_values", "urn:acme:gold")]).await;
        assert_eq!(asked(&first, "acr_values").as_deref(), Some("urn:acme:gold"));
        assert_eq!((asked(&first, "prompt"), asked(&first, "max_age")), (None, None));
        let landing = back(&browser, &first).await;
        let told = claims(&party, &party.through(&browser, landing).await).await;
        assert_told(&told, Some(MULTI_FACTOR), &["pwd", "otp", "mfa"]);

        // Half an hour later, by our clock, they are still logged in there. They come back at once, and are told as logged in then.
        world.pass(Duration::from_secs(1800));
        let browser = world.browser();
        let landing = back(&browser, &away(&browser, &[]).await).await;
        let later = claims(&party, &party.through(&browser, landing).await).await;
        assert_eq!((&later["auth_time"], &later["amr"]), (&told["auth_time"], &told["amr"]));
        assert!(later["iat"].as_i64() >= told["iat"].as_i64().map(|at| at + 1800), "{later}");

        // Too old for this request: the provider is told, and where it does not act on that, told to ask anew, once.
        let asks = away(&browser, &[("max_age", "600")]).await;
        assert_eq!((asked(&asks, "max_age").as_deref(), asked(&asks, "prompt")), (Some("600"), None));
        let anew = back(&browser, &asks).await;
        assert_eq!(
            (asked(&anew, "max_age").as_deref(), asked(&anew, "prompt").as_deref()),
            (Some("600"), Some("login"))
        );
        // Its clock is half an hour behind, so each log-in there is too old.
        let refused = back(&browser, &anew).await.page();
        assert!(refused.words().contains("did not ask you to log in again"), "{}", refused.words());
    }
);

story!(a_new_log_in_at_an_openid_provider_is_one, settings = [REACH], async |world: World| {
    let upstream = Upstream::of(&world).await;
    let party = RelyingParty::new(&world).await;
    let person = upstream.user("ada@acme.test").await;
    upstream.configure(&party.acme, json!({"match_by": "email"})).await;
    let there = upstream.world.browser();
    let browser = world.browser();
    for (n, demand) in [("prompt", ""), ("prompt", "login"), ("max_age", "0")].into_iter().enumerate() {
        let requested = world.now() / 1000;
        let page = party.open(&browser, &[demand]).await.page();
        let away = browser.press(&page, "Continue with Acme ID").await;
        let back = upstream.accept(&there, &away, &person).await;
        let landing = browser.open(back.0.as_str()).await;
        let told = claims(&party, &party.through(&browser, landing).await).await;
        assert_told(&told, Some(PASSWORD), &["pwd"]);
        assert!(told["auth_time"].as_i64().is_some_and(|at| at >= requested), "{n}: {told}");
    }
});

story!(a_method_that_comes_as_one_text_is_passed_on_as_what_it_is, settings = [REACH], async |world: World| {
    let (server, key) = (KeyServer::start(), SigningKey::rsa("k"));
    let (issuer, path) = (server.url("/acme"), |path: &str| server.url(&format!("/acme{path}")));
    server.put("/acme/keys", &key.jwks());
    let discovery = json!({"issuer": issuer, "authorization_endpoint": path("/authorize"), "token_endpoint": path("/token"),
        "jwks_uri": path("/keys"), "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"]});
    server.put("/acme/.well-known/openid-configuration", &discovery);
    let party = RelyingParty::new(&world).await;
    let provider =
        json!({"name": "Acme ID", "issuer": issuer, "client_id": "gateway", "client_secret": "s", "match_by": "email"});
    party.acme.admin(reqwest::Method::PATCH, "/sign-in").json(&json!({"provider": provider})).await.expect(200);
    // Comes back with these claims, or without what is null.
    let back = async |more: Value, signed_by: &SigningKey| {
        let browser = world.browser();
        let page = party.open(&browser, &[]).await.page();
        let Landing::Left(url) = browser.press(&page, "Continue with Acme ID").await else { panic!("still here") };
        let sent = |name: &str| url.query_pairs().find(|(n, _)| n == name).expect(name).1.into_owned();
        let now = world.now() / 1000;
        let mut claims = json!({"iss": issuer, "aud": "gateway", "sub": "ada", "iat": now, "exp": now + 300, "auth_time": now,
            "nonce": sent("nonce"), "email": "ada@acme.test", "amr": "pwd"});
        for (name, value) in more.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        server.put(
            "/acme/token",
            &json!({"access_token": "a", "token_type": "Bearer", "id_token": signed_by.jwt(&claims)}),
        );
        let back = format!("{}/login/callback?code=c&state={}", world.gateway.public_url, sent("state"));
        (browser.open(&back).await, browser)
    };
    let (landing, browser) = back(json!({}), &key).await;
    let told = claims(&party, &party.through(&browser, landing).await).await;
    assert_told(&told, None, &["pwd"]);
    let (landing, browser) = back(json!({"amr": ["pwd", "otp"]}), &key).await;
    let told = claims(&party, &party.through(&browser, landing).await).await;
    assert_told(&told, None, &["pwd", "otp"]);
    // It is verified as every other.
    for (more, key) in [
        (json!({"nonce": "another"}), &key),
        (json!({"iss": "https://evil.test"}), &key),
        (json!({"aud": "another"}), &key),
        (json!({"aud": ["gateway", "another"]}), &key),
        (json!({"azp": "another"}), &key),
        (json!({"exp": world.now() / 1000 - 1}), &key),
        (json!({}), &SigningKey::p256("k")),
    ] {
        let (landing, _) = back(more.clone(), key).await;
        let page = landing.page();
        assert!(!page.is_consent() && page.words().contains("Acme ID"), "{more}: {}", page.words());
    }
});
