//! Attacks by way of the person who consents: tabs, the consent page, what is remembered, logging out, names (OpenID Connect
//! RP-Initiated Logout, OWASP ASVS 5 V7 and V10).

use reqwest::Method;
use serde_json::json;

use crate::support::account::{items, text};
use crate::support::browser::{Landed, Landing};
use crate::support::identity_provider::IdentityProvider;
use crate::support::oauth_client::log_in_if_asked;
use crate::support::relying_party::{AFTER_LOGOUT, RelyingParty};
use crate::support::testing::World;

story!(attack_71_tabs_do_not_answer_for_each_other, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let ben = party.another_user("ben@acme.test").await;
    let browser = world.browser();
    // Two flows begin before anybody is logged in, and each ends with its own state.
    let first = party.open(&browser, &[("state", "tab-1"), ("prompt", "login")]).await.page();
    let second = party.open(&browser, &[("state", "tab-2")]).await.page();
    let second = party.log_in(&browser, &second).await.page();
    let first = log_in_if_asked(&browser, Landing::Page(first), &party.ada).await.page();
    let first = browser.press(&first, "Accept access").await.callback();
    let second = browser.press(&second, "Accept access").await.callback();
    assert_eq!((first.parameter("state"), second.parameter("state")), (Some("tab-1".into()), Some("tab-2".into())));
    party.tokens(&first).await;
    party.tokens(&second).await;

    // A page that names Ada is not answered by Ben, who logged in in another tab meanwhile: the page is shown anew.
    let scope = ("scope", "openid offline_access");
    let adas = party.open(&browser, &[scope]).await.page();
    assert!(adas.words().contains("ada@acme.test"));
    let other = party.open(&browser, &[scope, ("prompt", "login")]).await.page();
    browser.log_in(&other, &ben.user_name, &ben.password).await.page();
    let grants = party.standing_grants().await;
    let anew = browser.press(&adas, "Accept access").await.page();
    assert!(anew.is_consent() && anew.words().contains("ben@acme.test"), "{}", anew.words());
    assert_eq!(party.standing_grants().await, grants);
    browser.press(&anew, "Accept access").await.callback().code();
});

story!(attack_71_going_back_leads_to_a_page_one_understands, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    let page = party.open(&browser, &[]).await.page();
    let consent = party.log_in(&browser, &page).await.page();
    let url = consent.url.clone();
    let callback = browser.press(&consent, "Accept access").await.callback();
    // While the application has not come for its code, back leads forward to it; from then on, to a page.
    assert_eq!(browser.open(url.as_str()).await.callback().0, callback.0);
    party.tokens(&callback).await;
    let back = browser.open(url.as_str()).await.page();
    assert_eq!(back.answer.status, 200);
    assert!(back.words().contains("already accepted") && back.words().contains("close this page"), "{}", back.words());
    // Further back is a new request, which is as good as the first.
    party.callback(&browser, &[("prompt", "consent")]).await.code();
});

story!(attack_72_the_consent_page_says_everything_that_matters, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let ben = party.another_user("ben@acme.test").await;
    let browser = world.browser();
    let scope = ("scope", "openid email offline_access provision:scim");
    let page = party.open(&browser, &[scope]).await.page();
    let page = browser.log_in(&page, &ben.user_name, &ben.password).await.page();
    for said in
        ["Reports", "acme", "ben@acme.test", "https://rp.test", "every user and group", "e-mail address", "180 days"]
    {
        assert!(page.words().contains(said), "`{said}` in {}", page.words());
    }
    // Not you? The flow goes on as another user.
    let page = browser.press(&page, "Log in as another user").await.page();
    let page = party.log_in(&browser, &page).await.page();
    assert!(page.is_consent() && page.words().contains("ada@acme.test"), "{}", page.words());
    let callback = browser.press(&page, "Deny").await.callback();
    assert_eq!(callback.parameter("error").as_deref(), Some("access_denied"));
    assert_eq!(callback.parameter("state").as_deref(), Some("s-1"));
    assert_eq!(party.standing_grants().await, 0);
    // What lasts for a log-in only says so.
    let page = party.open(&browser, &[("prompt", "select_account")]).await.page();
    assert!(page.is_consent() && page.words().contains("1 hour"), "{}", page.words());
});

story!(attack_73_a_user_who_may_not_give_access_does_not, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let eve = party.acme.user("eve@acme.test").role("billing").create().await;
    let browser = world.browser();
    let page = party.open(&browser, &[("scope", "openid provision:scim")]).await.page();
    let page = browser.log_in(&page, &eve.user_name, &eve.password).await.page();
    assert!(!page.is_consent() && page.words().contains("master_admin"), "{}", page.words());
    // The button is not there; pressed all the same, it does nothing.
    let form = page.form_with_button("Go back to Reports").expect("a form");
    let mut pairs = form.pairs(None);
    pairs.push(("decision".to_owned(), "accept".to_owned()));
    let forced = browser.submit(&page, &form, &pairs).await.page();
    assert!(!forced.is_consent(), "{}", forced.words());
    assert_eq!(party.standing_grants().await, 0);
    let callback = browser.press(&forced, "Go back to Reports").await.callback();
    assert_eq!(callback.parameter("error").as_deref(), Some("access_denied"));
    // Who she is she may say.
    let page = party.open(&browser, &[("scope", "openid email")]).await.page();
    browser.press(&page, "Accept access").await.callback().code();
});

story!(attack_74_remembered_is_only_who_one_is_and_never_for_public_clients, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    party.callback(&browser, &[("scope", "openid email")]).await.code();
    party.open(&browser, &[("scope", "openid email")]).await.callback().code();
    party.open(&browser, &[("scope", "email")]).await.callback().code();
    for asked in [
        &[("prompt", "consent")][..],
        &[("prompt", "select_account")],
        &[("scope", "openid email profile")],
        &[("scope", "openid offline_access")],
    ] {
        assert!(party.open(&browser, asked).await.page().is_consent(), "{asked:?}");
    }
    // For provisioning, the guide's page is shown every time.
    let provisioning = ("scope", "openid offline_access provision:scim");
    party.callback(&browser, &[provisioning]).await.code();
    assert!(party.open(&browser, &[provisioning]).await.page().is_consent());

    let phone = party
        .acme
        .client(json!({"name": "Phone", "public": true, "redirect_uris": ["https://rp.test/cb"], "scopes": ["openid"],
            "default_scope": ["openid"]}))
        .await;
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let public = [("client_id", phone.id.as_str()), ("code_challenge", challenge), ("code_challenge_method", "S256")];
    party.callback(&browser, &public).await.code();
    assert!(party.open(&browser, &public).await.page().is_consent());
    let silently = [&public[..], &[("prompt", "none")]].concat();
    assert_eq!(party.error_of(&browser, &silently).await, "consent_required");
});

story!(attack_75_people_see_what_they_connected_and_end_it_at_once, async |world: World| {
    world.add_replica().await;
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    let callback = party.callback(&browser, &[("scope", "openid offline_access provision:scim")]).await;
    let mut idp = IdentityProvider::new(party.client.clone(), &party.tokens(&callback).await);
    idp.refresh().await;
    party.callback(&browser, &[("scope", "openid email")]).await.code();
    let ben = party.another_user("ben@acme.test").await;
    let bens = party.acme.okta_client().await.connect_as(&ben).await;

    let account = format!("{}/account", world.gateway.public_url);
    let page = browser.open(&account).await.page();
    for said in ["Reports", "every user and group", "e-mail address", "Since", "Last renewed", "acme", "ada@acme.test"]
    {
        assert!(page.words().contains(said), "`{said}` in {}", page.words());
    }
    assert!(!page.words().contains("Okta"), "what is Ben's is Ben's: {}", page.words());
    // A user cannot end another's connection.
    let form = page.form_with_button("End this connection").expect("a button");
    let mut foreign = form.pairs(None);
    foreign.iter_mut().filter(|(name, _)| name == "client").for_each(|(_, value)| bens.client.id.clone_into(value));
    browser.submit(&page, &form, &foreign).await.page();
    bens.get("/Users").await.expect(200);

    let after = browser.press(&page, "End this connection").await.page();
    assert!(after.words().contains("not connected anything"), "{}", after.words());
    for _ in 0..2 {
        idp.get("/Users").await.expect_scim_error(401, None);
    }
    idp.client.refresh(idp.refresh_token.as_deref().unwrap_or_default()).await.expect_oauth_error(400, "invalid_grant");
    bens.get("/Users").await.expect(200);
    let ended = items(&party.acme.admin_get("/grants").await);
    assert!(
        ended.iter().any(|grant| grant["end_reason"].as_str().is_some_and(|why| why.contains("its owner"))),
        "{ended:?}"
    );
    // And what was remembered is forgotten.
    assert!(party.open(&browser, &[]).await.page().is_consent());
});

story!(attack_76_no_user_is_logged_out_by_a_link_or_sent_to_a_stranger, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let browser = world.browser();
    let callback = party.callback(&browser, &[]).await;
    let token = text(&party.tokens(&callback).await["id_token"]);
    // An image's request comes without cookies (SameSite=Lax), and with them it would only ask.
    let image = world.get("/oauth2/logout").await.expect(200);
    assert!(image.headers.get_all("set-cookie").iter().all(|c| !c.to_str().is_ok_and(|c| c.contains("gwn_"))));
    for parameters in [&[][..], &[("client_id", party.client.id.as_str())], &[("state", "x")]] {
        let page = browser.open(&party.logout_url(parameters)).await.page();
        assert!(page.form_with_button("Stay logged in").is_some(), "{}", page.words());
        assert!(party.is_logged_in(&browser).await);
    }
    // Another user's token is no better than none. A user who chooses to stay is still logged in.
    let ben = party.another_user("ben@acme.test").await;
    let bens = world.browser();
    let page = party.open(&bens, &[]).await.page();
    bens.log_in(&page, &ben.user_name, &ben.password).await.page();
    let page = bens.open(&party.logout_url(&[("id_token_hint", &token)])).await.page();
    let page = bens.press(&page, "Stay logged in").await.page();
    assert!(page.words().contains("still logged in"), "{}", page.words());
    assert!(party.is_logged_in(&bens).await);
    // A client without a token gets the browser back after the user was asked.
    let parameters =
        [("client_id", party.client.id.as_str()), ("post_logout_redirect_uri", AFTER_LOGOUT), ("state", "y")];
    let page = browser.open(&party.logout_url(&parameters)).await.page();
    assert!(page.words().contains("Reports"), "{}", page.words());
    let callback = browser.press(&page, "Log out").await.callback();
    assert_eq!(callback.0.as_str(), format!("{AFTER_LOGOUT}&state=y"));
    assert!(!party.is_logged_in(&browser).await);
    // No token and no client sends the browser to a URI that is not registered to the letter.
    let other = party.acme.generic_client().await;
    for (id, uri) in [
        (party.client.id.as_str(), "https://rp.test/bye"),
        (&party.client.id, "https://rp.test/bye?x=1&y=2"),
        (&party.client.id, "https://RP.test/bye?x=1"),
        (&other.id, AFTER_LOGOUT),
        ("nobody", AFTER_LOGOUT),
    ] {
        let page = bens.open(&party.logout_url(&[("client_id", id), ("post_logout_redirect_uri", uri)])).await.page();
        assert_eq!(page.answer.status, 400, "{id} {uri}: {}", page.words());
    }
    let mixed = [("client_id", other.id.as_str()), ("id_token_hint", token.as_str())];
    assert_eq!(bens.open(&party.logout_url(&mixed)).await.page().answer.status, 400);
    let twice = [("state", "a"), ("state", "b")];
    assert_eq!(bens.open(&party.logout_url(&twice)).await.page().answer.status, 400);
    for bad in ["javascript:alert(1)", "http://rp.test/bye", "https://rp.test/bye#x"] {
        let change = json!({"post_logout_redirect_uris": [bad]});
        party.client.admin(Method::PATCH, "").json(&change).await.expect_problem(400);
    }
});

story!(attack_77_names_are_text_on_every_page, async |world: World| {
    let party = RelyingParty::new(&world).await;
    let nasty = "<img src=//evil.test/x onerror=alert(1)>\u{202e}moc.atko\u{202c} Оkta"; // with a Cyrillic О
    party.client.admin(Method::PATCH, "").json(&json!({"name": nasty})).await.expect(200);
    let browser = world.browser();
    let login = party.open(&browser, &[]).await.page();
    let consent = party.log_in(&browser, &party.open(&browser, &[]).await.page()).await.page();
    let account = {
        browser.press(&consent, "Accept access").await.callback().code();
        browser.open(&format!("{}/account", world.gateway.public_url)).await.page()
    };
    let logout = browser.open(&party.logout_url(&[("client_id", &party.client.id)])).await.page();
    for page in [&login, &consent, &account, &logout] {
        let html = page.answer.text();
        assert_eq!(
            html.matches("<img").count(),
            html.matches("<img src=\"/assets/logo.").count(),
            "ours alone: {html}"
        );
        assert!(!html.contains('\u{202e}') && !html.contains('\u{202c}'), "{html}");
        assert!(page.words().contains("<img src=//evil.test/x"), "{}", page.words());
        let named = html.matches("&#60;img").count() + html.matches("&lt;img").count();
        let apart = html.matches("<bdi>&#60;img").count() + html.matches("<bdi>&lt;img").count();
        let label = html.matches("aria-label=\"End this connection: ").count();
        assert_eq!(named, apart + label, "each stands apart, so that it turns nothing around: {html}");
        let policy = page.answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains("img-src 'self'"), "{policy}");
    }
    // A name alone proves nothing. The page names beside it where the answer goes, in letters without look-alikes.
    assert!(consent.words().contains("https://rp.test"), "{}", consent.words());
});
