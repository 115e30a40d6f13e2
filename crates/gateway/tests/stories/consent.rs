//! The browser flow: who may accept, what the page tells them, and what follows from it.

use reqwest::Method;
use serde_json::json;

use crate::support::account::items;
use crate::support::browser::{Landed, Landing, Shown};
use crate::support::identity_provider::a_user;
use crate::support::oauth_client::log_in_if_asked;
use crate::support::testing::World;

story!(deactivating_the_service_account_ends_its_connection, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let mut idp = acme.connect_identity_provider_as(&ada).await;
    idp.refresh().await;
    idp.patch(&ada).replace("active", false).await.expect(200);
    idp.get("/Users").await.expect_scim_error(401, None);
    assert!(acme.audit().await.actions().contains(&"user.deactivated"));
    let refresh_token = idp.refresh_token.clone().unwrap_or_default();
    idp.client.refresh(&refresh_token).await.expect_oauth_error(400, "invalid_grant");

    // Activating the user again does not resurrect it; accepting anew does.
    let path = format!("/users/{}", ada.id);
    acme.admin(Method::PATCH, &path).json(&json!({"active": true})).await.expect(200);
    idp.get("/Users").await.expect_scim_error(401, None);
    idp.client.refresh(&refresh_token).await.expect_oauth_error(400, "invalid_grant");
    idp.client.connect_as(&ada).await.get("/Users").await.expect(200);
});

story!(deleting_the_service_account_ends_its_connection, async |world: World| {
    let acme = world.account("acme").await;
    let (by_scim, by_admin) = (
        acme.user("one@acme.test").role("master_admin").create().await,
        acme.user("two@acme.test").role("master_admin").create().await,
    );
    let first = acme.connect_identity_provider_as(&by_scim).await;
    let second = first.client.connect_as(&by_admin).await;
    second.delete(&by_scim).await.expect(204);
    first.get("/Users").await.expect_scim_error(401, None);
    acme.admin(Method::DELETE, &format!("/users/{}", by_admin.id)).await.expect(204);
    second.get("/Users").await.expect_scim_error(401, None);
});

story!(ending_a_grant_ends_its_tokens, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let grants = items(&acme.admin_get("/grants").await);
    assert_eq!(grants.len(), 1, "{grants:?}");
    let path = format!("/grants/{}", grants[0]["id"].to_string().trim_matches('"'));
    world.admin(Method::DELETE, &path).await.expect(204);
    idp.get("/Users").await.expect_scim_error(401, None);
    idp.client.refresh(idp.refresh_token.as_deref().unwrap_or_default()).await.expect_oauth_error(400, "invalid_grant");
});

story!(a_user_who_denies_is_sent_back_with_access_denied, async |world: World| {
    let acme = world.account("acme").await;
    let (client, ada) = (acme.okta_client().await, acme.service_account().await);
    let browser = world.browser();
    let page = client.consent_page(&browser, &ada, "xyz").await;
    let callback = browser.press(&page, "Deny").await.callback();
    assert_eq!(callback.parameter("error").as_deref(), Some("access_denied"));
    assert_eq!(callback.parameter("state").as_deref(), Some("xyz"));
    assert_eq!(callback.parameter("iss"), Some(world.gateway.public_url.clone()));
    assert_eq!(callback.parameter("code"), None);
    assert_eq!(items(&acme.admin_get("/grants").await).len(), 0);
});

story!(a_user_whose_role_may_not_provision_cannot_accept, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    let ben = acme.user("ben@acme.test").role("billing").service_account().create().await;
    let browser = world.browser();
    let page = client.consent_page(&browser, &ben, "xyz").await;
    assert!(!page.is_consent(), "{}", page.words());
    assert!(page.words().contains("master_admin"), "it says whose turn it is: {}", page.words());
    assert_eq!(items(&acme.admin_get("/grants").await).len(), 0);
});

story!(the_consent_page_says_who_will_provision_what, async |world: World| {
    let acme = world.account("acme").await;
    let (client, service) = (acme.okta_client().await, acme.service_account().await);
    let page = client.consent_page(&world.browser(), &service, "1").await;
    let words = page.words();
    for said in ["acme", "scim@acme.test", "Okta"] {
        assert!(words.contains(said), "`{said}` in: {words}");
    }
    assert!(!page.warns(), "nothing to warn of: {words}");
    for (header, value) in [("x-frame-options", "DENY"), ("referrer-policy", "no-referrer")] {
        assert_eq!(page.answer.header(header), Some(value));
    }
    assert!(page.answer.header("cache-control").is_some_and(|v| v.contains("no-store")));
    let policy = page.answer.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("script-src 'unsafe-inline'"), "{policy}");
});

story!(the_consent_page_warns_of_people_who_may_leave, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    let person = acme.user("ada@acme.test").role("master_admin").create().await;
    let page = client.consent_page(&world.browser(), &person, "1").await;
    assert!(page.warns() && page.words().contains("service account"), "{}", page.words());

    // The identity provider takes charge of a service account: where it may change one, it may deactivate it one day.
    let service = acme.service_account().await;
    let idp = client.connect_as(&service).await;
    let mut managed = a_user("managed@acme.test");
    managed["role"] = json!("master_admin");
    let managed = idp.create_user(&managed).await;
    let path = format!("/users/{}", managed["id"].as_str().unwrap_or_default());
    let change = json!({"password": "correct horse battery staple", "service_account": true});
    acme.admin(Method::PATCH, &path).json(&change).await.expect(200);
    let managed = crate::support::account::User { user_name: "managed@acme.test".to_owned(), ..service };
    let page = client.consent_page(&world.browser(), &managed, "2").await;
    assert!(!page.warns(), "{}", page.words());
    acme.admin(Method::PATCH, "").json(&json!({"service_accounts": "writable"})).await.expect(200);
    let page = client.consent_page(&world.browser(), &managed, "3").await;
    assert!(page.warns() && page.words().contains("managed"), "{}", page.words());
});

story!(a_wrong_password_shows_the_form_again, async |world: World| {
    let acme = world.account("acme").await;
    let (client, ada) = (acme.okta_client().await, acme.service_account().await);
    let browser = world.browser();
    let page = browser.open(&client.authorization_url("1")).await.page();
    let again = browser.log_in(&page, &ada.user_name, "wrong").await.page();
    let stranger = browser.log_in(&again, "nobody@acme.test", "wrong").await.page();
    assert_eq!(again.answer.status, stranger.answer.status, "the answer does not tell which user exists");
    let landed = browser.log_in(&stranger, &ada.user_name, &ada.password).await.page();
    assert!(landed.is_consent());
});

story!(an_inactive_user_cannot_log_in, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    let gone = acme.user("gone@acme.test").role("master_admin").with("active", json!(false)).create().await;
    let browser = world.browser();
    let page = browser.open(&client.authorization_url("1")).await.page();
    let page = browser.log_in(&page, &gone.user_name, &gone.password).await.page();
    assert!(!page.is_consent());
    page.login_form();
});

story!(two_tabs_finish_both_flows, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let (okta, other) = (acme.okta_client().await, acme.generic_client().await);
    let browser = world.browser();
    let first = browser.open(&okta.authorization_url("tab-1")).await.page();
    let second = browser.open(&other.authorization_url("tab-2")).await.page();
    let second = browser.log_in(&second, &ada.user_name, &ada.password).await.page();
    let first = log_in_if_asked(&browser, Landing::Page(first), &ada).await.page();
    let first = browser.press(&first, "Accept access").await.callback();
    let second = browser.press(&second, "Accept access").await.callback();
    assert_eq!(first.parameter("state").as_deref(), Some("tab-1"));
    assert_eq!(second.parameter("state").as_deref(), Some("tab-2"));
    okta.exchange(&first.code()).await.expect(200);
    other.exchange(&second.code()).await.expect(200);
});

story!(a_consent_form_counts_once, async |world: World| {
    let acme = world.account("acme").await;
    let (client, ada) = (acme.okta_client().await, acme.service_account().await);
    let browser = world.browser();
    let page = client.consent_page(&browser, &ada, "1").await;
    let code = browser.press(&page, "Accept access").await.callback().code();
    let again = browser.press(&page, "Accept access").await.callback().code();
    assert_eq!(again, code, "the same once more");
    client.exchange(&code).await.expect(200);
    let again = browser.press(&page, "Accept access").await;
    assert!(matches!(&again, Landing::Page(page) if !page.is_consent()), "{again:?}");
    assert_eq!(items(&acme.admin_get("/grants").await).len(), 1);
});

story!(a_consent_form_of_another_browser_is_refused, async |world: World| {
    let acme = world.account("acme").await;
    let (client, ada) = (acme.okta_client().await, acme.service_account().await);
    let page = client.consent_page(&world.browser(), &ada, "1").await;
    let mallory = world.browser().press(&page, "Accept access").await;
    assert!(matches!(&mallory, Landing::Page(page) if !page.is_consent()), "{mallory:?}");
    assert_eq!(items(&acme.admin_get("/grants").await).len(), 0);
});
