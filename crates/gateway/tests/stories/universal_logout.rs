//! An identity provider has a user logged out everywhere (Global Token Revocation, Okta's Universal Logout).

use reqwest::Method;
use serde_json::{Value, json};

use crate::second_factors::{set_up, type_code};
use crate::support::account::{Account, User, items, text};
use crate::support::browser::{Browser, Landed, Page};
use crate::support::feed::assert_told;
use crate::support::key_server::{SigningKey, fresh};
use crate::support::oauth_client::OAuthClient;
use crate::support::signal_sender::{REACH, SignalSender, by_email};
use crate::support::testing::World;

/// A browser in which this user of acme is at their own page.
async fn logged_in(world: &World, user: &User) -> Browser {
    let browser = world.browser();
    let page = browser.open(&format!("{}/account", world.gateway.public_url)).await.page();
    let typed = [("username", user.user_name.as_str()), ("password", &user.password), ("account", "acme")];
    let page = browser.fill_in_and_press(&page, "Log in", &typed).await.page();
    assert!(!asks_who(&page), "{}", page.words());
    browser
}

fn asks_who(page: &Page) -> bool {
    page.forms().iter().any(|form| form.has_input("password"))
}

async fn own_page(world: &World, browser: &Browser) -> Page {
    browser.open(&format!("{}/account", world.gateway.public_url)).await.page()
}

/// A client for people, who come back with an ID token.
async fn product(account: &Account) -> OAuthClient {
    let body = json!({"name": "The product", "redirect_uris": ["https://product.test/callback"],
        "grant_types": ["authorization_code", "refresh_token"], "scopes": ["openid", "offline", "profile"],
        "default_scope": ["openid", "offline", "profile"]});
    account.client(body).await
}

story!(after_204_nothing_of_the_user_counts_at_any_replica, settings = [REACH], async |world: World| {
    world.add_replica().await;
    let (acme, other) = (world.account("acme").await, world.account("other").await);
    let provider = SignalSender::of(&acme).await;
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let ben = acme.user("ben@acme.test").role("master_admin").create().await;
    // The same name and address in another account.
    let twin = other.user("ada@acme.test").role("master_admin").create().await;
    let ours = acme.connect_identity_provider_as(&ada).await;
    let bens = acme.connect_identity_provider_as(&ben).await;
    let theirs = other.connect_identity_provider_as(&twin).await;
    let product = product(&acme).await;
    let callback = product.authorize(&world.browser(), &ada).await;
    let tokens = product.exchange(&callback.code()).await.expect(200).json();
    let unused = product.authorize(&world.browser(), &ada).await.code();
    let mine = logged_in(&world, &ada).await;
    let consenting = world.browser();
    let consent = product.consent_page(&consenting, &ada, "s-1").await;
    let bens_browser = logged_in(&world, &ben).await;
    let links = format!("/users/{}/password-link", ada.id);
    let link = text(&acme.admin(Method::POST, &links).json(&json!({})).await.expect(201).json()["url"]);
    let bens_client = ours.client.client_credentials().await.expect(200).json();

    provider.asks(&by_email("ADA@acme.test")).await.expect(204);

    // Twice, so that each replica is asked.
    for _ in 0..2 {
        let why = ours.get("/Users").await.expect_scim_error(401, None);
        assert!(why.contains("logged the user who accepted it out everywhere"), "{why}");
        for refresh in [ours.refresh_token.clone().unwrap_or_default(), text(&tokens["refresh_token"])] {
            let client = if tokens["refresh_token"] == refresh.as_str() { &product } else { &ours.client };
            client.refresh(&refresh).await.expect_oauth_error(400, "invalid_grant");
        }
        world.get("/userinfo").bearer(&text(&tokens["access_token"])).await.expect(401);
        assert_eq!(product.introspect(&text(&tokens["access_token"])).await["active"], false);
        product.exchange(&unused).await.expect_oauth_error(400, "invalid_grant");
        assert!(asks_who(&own_page(&world, &mine).await), "the session is over");
        assert!(world.browser().open(&link).await.page().words().contains("link"), "the link is over");
        // Other people, other accounts, and what belongs to no person.
        bens.get("/Users").await.expect(200);
        theirs.get("/Users").await.expect(200);
        world.get("/scim/v2/Users").bearer(&text(&bens_client["access_token"])).await.expect(200);
        assert!(!asks_who(&own_page(&world, &bens_browser).await));
    }
    let pressed = consenting.press(&consent, "Accept access").await.page();
    assert!(asks_who(&pressed), "a page that was open accepts nothing: {}", pressed.words());
    let opened = world.browser().open(&link).await.page();
    assert!(!opened.forms().iter().any(|form| form.has_input("password")), "{}", opened.words());

    // Told: in the trail, in the feed, and to those who look after the account.
    let trail = items(&world.admin_get(&format!("/audit?account={}&action=sessions.revoked", acme.id)).await);
    assert_eq!(trail.len(), 1, "{trail:?}");
    assert_eq!(trail[0]["actor"], format!("provider:{}", provider.issuer), "{}", trail[0]);
    assert_eq!(
        (&trail[0]["target"], &trail[0]["detail"]),
        (&json!(ada.id), &json!("Global Token Revocation")),
        "{}",
        trail[0]
    );
    assert_told(&world, "sessions.revoked").await;
    let notices = items(&acme.admin_get("/notices").await);
    let told: Vec<&Value> = notices.iter().filter(|notice| notice["kind"] == "logged_out").collect();
    assert!(told.len() == 1 && told[0]["user"].is_null(), "{notices:?}");
    assert!(text(&told[0]["told"]).contains("ended with it"), "{told:?}");

    // Harmless a second time; and the user comes back by logging in, and connects again.
    provider.asks(&by_email("ada@acme.test")).await.expect(204);
    logged_in(&world, &ada).await;
    ours.client.connect_as(&ada).await.get("/Users").await.expect(200);
    bens.get("/Users").await.expect(200);
});

story!(a_log_in_that_was_half_done_begins_no_session, settings = [REACH], async |world: World| {
    let acme = world.account("acme").await;
    let provider = SignalSender::of(&acme).await;
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let (app, recovery) = set_up(&world, &ada).await;
    let browser = world.browser();
    let page = browser.open(&format!("{}/account", world.gateway.public_url)).await.page();
    let asked = browser.log_in(&page, &ada.user_name, &ada.password).await.page();
    provider.asks(&by_email("ada@acme.test")).await.expect(204);
    type_code(&browser, &asked, &app.shows(1)).await;
    assert!(asks_who(&own_page(&world, &browser).await), "the password was typed before");
    let page = own_page(&world, &browser).await;
    let asked = browser.log_in(&page, &ada.user_name, &ada.password).await.page();
    type_code(&browser, &asked, &recovery[0]).await;
    assert!(!asks_who(&own_page(&world, &browser).await), "from the beginning it is a log-in");
});

story!(a_user_is_named_as_the_provider_knows_them, settings = [REACH], async |world: World| {
    let acme = world.account("acme").await;
    let provider = SignalSender::of(&acme).await;
    let connected = acme.connected_identity_provider().await;
    let mut user = crate::support::identity_provider::a_user("ada@acme.test");
    user["externalId"] = json!("00uADA");
    let ada = connected.create_user(&user).await;
    let of = |sub: &str| json!({"format": "iss_sub", "iss": provider.issuer, "sub": sub});
    for subject in [
        of("00uADA"),
        by_email("ada@acme.test"),
        json!({"format": "opaque", "id": "00uADA"}),
        json!({"format": "opaque", "id": ada["id"]}),
        json!({"format": "account", "uri": "acct:ada@acme.test"}),
        json!({"format": "aliases", "identifiers": [of("00uADA"), by_email("ada@acme.test"), by_email("old@acme.test")]}),
    ] {
        provider.asks(&subject).await.expect(204);
    }
    // One who is deactivated has nothing left, and is known.
    connected.patch(&ada).replace("active", false).await.expect(200);
    provider.asks(&of("00uADA")).await.expect(204);
    let trail = items(&world.admin_get(&format!("/audit?account={}&action=sessions.revoked", acme.id)).await);
    assert!(trail.len() == 7 && trail.iter().all(|row| row["target"] == ada["id"]), "{trail:?}");
    let ben = connected.create_user(&crate::support::identity_provider::a_user("ben@acme.test")).await;
    assert!(ben["id"].is_string());
    let both = json!({"format": "aliases", "identifiers": [by_email("ada@acme.test"), by_email("ben@acme.test")]});
    provider.asks(&both).await.expect(422);
    connected.get("/Users").await.expect(200);
});

story!(each_error_is_the_one_of_the_drafts_table, settings = [REACH], async |world: World| {
    let (acme, other) = (world.account("acme").await, world.account("other").await);
    let provider = SignalSender::of(&acme).await;
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let idp = acme.connect_identity_provider_as(&ada).await;
    let subject = by_email("ada@acme.test");
    // 401: no token, another kind of token, another issuer, key, audience or time.
    let bare = world.post(&provider.endpoint).json(&json!({ "sub_id": subject })).await.expect(401);
    assert_eq!(bare.header("www-authenticate"), Some("Bearer"));
    let typed = |typ: &str, more: Value| provider.signed(typ, &provider.claims(&more));
    let gtr = |more: Value| typed("global-token-revocation+jwt", more);
    let stranger = SigningKey::rsa("unknown");
    let forger = SigningKey::p256("sig-1");
    let forged = forger.jwt_with(
        &json!({"alg": "ES256", "typ": "global-token-revocation+jwt", "kid": "sig-1"}),
        &provider.claims(&json!({})),
    );
    let unsigned = {
        let good = gtr(json!({}));
        format!("{}.", good.rsplit_once('.').expect("a signature").0)
    };
    for token in [
        typed("JWT", json!({})),
        typed("secevent+jwt", json!({})),
        typed("logout+jwt", json!({})),
        gtr(json!({"iss": "https://evil.test"})),
        gtr(json!({"aud": format!("{}?x=1", provider.endpoint)})),
        gtr(json!({"aud": world.gateway.public_url})),
        gtr(json!({"aud": null})),
        gtr(json!({"exp": 1})),
        gtr(json!({"exp": null})),
        gtr(json!({"iat": null})),
        gtr(json!({"jti": null})),
        stranger.jwt_with(
            &json!({"alg": "RS256", "typ": "global-token-revocation+jwt", "kid": "other"}),
            &provider.claims(&json!({})),
        ),
        forged,
        unsigned,
        idp.access_token.clone(),
        "nonsense".to_owned(),
    ] {
        let refused = provider.asks_with(&token, &subject).await.expect(401);
        assert!(refused.header("www-authenticate").is_some_and(|told| told.contains("invalid_token")), "{token}");
    }
    // Replay, also of what named no user.
    let once = provider.authorization();
    provider.asks_with(&once, &by_email("eve@acme.test")).await.expect(404);
    provider.asks_with(&once, &subject).await.expect(401);
    // 400: no user is named in a way that is understood.
    for body in [json!({}), json!({"sub_id": "ada"}), json!({"sub_id": {"format": "did", "url": "did:x"}}), json!([])] {
        world.post(&provider.endpoint).bearer(&provider.authorization()).json(&body).await.expect(400);
    }
    world.post(&provider.endpoint).bearer(&provider.authorization()).body("application/json", "{").await.expect(400);
    // 403: of another issuer's subjects it says nothing; another account expects nothing of it.
    let foreign = json!({"format": "iss_sub", "iss": "https://evil.test", "sub": "1"});
    provider.asks(&foreign).await.expect(403);
    let elsewhere = provider.endpoint.replace(&acme.id, &other.id);
    let meant = provider.signed("global-token-revocation+jwt", &provider.claims(&json!({"aud": elsewhere})));
    for url in [elsewhere.clone(), provider.endpoint.replace(&acme.id, "no-account")] {
        world.post(&url).bearer(&meant).json(&json!({ "sub_id": subject })).await.expect(403);
    }
    // What is for one account is for no other, though both have one provider.
    let same = json!({"signals": {"issuer": provider.issuer}});
    other.admin(Method::PATCH, "/sign-in").json(&same).await.expect(200);
    world.post(&elsewhere).bearer(&provider.authorization()).json(&json!({ "sub_id": subject })).await.expect(401);
    // 404, and 422.
    provider.asks(&by_email("gone@acme.test")).await.expect(404);
    idp.get("/Users").await.expect(200);
    assert_eq!(items(&world.admin_get(&format!("/audit?account={}&action=sessions.revoked", acme.id)).await).len(), 0);
    // The keys are elsewhere, or nowhere.
    let keys = provider.server.url("/elsewhere/keys");
    let set = async |jwks: &str| {
        let change = json!({"signals": {"issuer": provider.issuer, "jwks_uri": jwks}});
        acme.admin(Method::PATCH, "/sign-in").json(&change).await.expect(200);
    };
    set(&keys).await;
    assert!(provider.asks(&subject).await.expect(503).header("retry-after").is_some());
    idp.get("/Users").await.expect(200);
    let found = provider.server.url("/found/keys");
    provider.server.put("/found/keys", &provider.key.jwks());
    set(&found).await;
    provider.asks(&subject).await.expect(204);
    idp.get("/Users").await.expect(401);
});

story!(what_authorizes_a_revocation_opens_nothing_else, settings = [REACH], async |world: World| {
    let acme = world.account("acme").await;
    let provider = SignalSender::of(&acme).await;
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    // A client for which the same issuer vouches.
    let audience = format!("{}/oauth2/token", world.gateway.public_url);
    let federation = json!({"issuer": provider.issuer, "subject": ada.id, "audience": audience});
    let body = json!({"name": "Workload", "profile": "generic", "grant_types": ["client_credentials"], "scopes": ["provision:scim"],
        "token_endpoint_auth_method": "private_key_jwt", "federation": federation});
    let client = OAuthClient::new(&world, acme.admin(Method::POST, "/clients").json(&body).await.expect(201).json());
    let assertion = |typ: &str| {
        let claims = json!({"aud": audience, "sub": ada.id, "jti": fresh()});
        provider.signed(typ, &provider.claims(&claims))
    };
    let ask = |assertion: String| {
        world.post("/oauth2/token").form(&[
            ("grant_type", "client_credentials"),
            ("client_id", &client.id),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &assertion),
        ])
    };
    ask(assertion("JWT")).await.expect(200);
    for typ in ["global-token-revocation+jwt", "secevent+jwt"] {
        ask(assertion(typ)).await.expect_oauth_error(401, "invalid_client");
    }
    world.get("/scim/v2/Users").bearer(&provider.authorization()).await.expect(401);
    let url = format!("{}/oauth2/logout?id_token_hint={}", world.gateway.public_url, provider.authorization());
    assert!(world.browser().open(&url).await.page().words().contains("not an ID token"));
});
