//! Accounts are walls; clients may be issued inside one, or to be shared by all.

use reqwest::Method;
use serde_json::json;

use crate::support::account::{items, text};
use crate::support::browser::Landed;
use crate::support::identity_provider::a_user;
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::World;

story!(one_account_never_sees_the_others_data, async |world: World| {
    let (acme, orchard) = (world.account("acme").await, world.account("orchard").await);
    let (ours, theirs) = (acme.connected_identity_provider().await, orchard.connected_identity_provider().await);
    let ana = ours.create_user(&a_user("ana@shared.test")).await;
    let editors = ours.create_group("Editors", &[&ana]).await;

    assert_eq!(theirs.names(r#"userName eq "ana@shared.test""#).await, [""; 0]);
    assert_eq!(theirs.list("/Users").await["totalResults"], 1, "their service account alone");
    assert_eq!(theirs.list("/Groups").await["totalResults"], 0);
    for path in [format!("/Users/{}", text(&ana["id"])), format!("/Groups/{}", text(&editors["id"]))] {
        theirs.get(&path).await.expect_scim_error(404, None);
        theirs.patch(&path).replace("displayName", "x").await.expect_scim_error(404, None);
        theirs.delete(&path).await.expect_scim_error(404, None);
    }
    theirs.put(&ana, &a_user("x@shared.test")).await.expect_scim_error(404, None);
    // The same name is free there, and a user of this account is no member there.
    theirs.create_user(&a_user("ana@shared.test")).await;
    let group = theirs.create_group("Editors", &[&ana]).await;
    assert!(theirs.members(&group).await.is_empty());
    assert_eq!(ours.read(&ana).await["id"], ana["id"]);

    // Environments are the account's own.
    let mut user = a_user("joe@shared.test");
    user["product_environments"] = json!(["acme-prod"]);
    let detail = theirs.post("/Users", &user).await.expect_scim_error(400, Some("invalidValue"));
    assert!(detail.contains("orchard-prod") && !detail.contains("acme-stage"), "{detail}");

    // Nor does the console mix them.
    let path = format!("/users/{}", text(&ana["id"]));
    orchard.admin(Method::GET, &path).await.expect_problem(404);
    let foreign = format!("token={}", ours.access_token);
    let asked = world.post("/oauth2/introspect").basic(&theirs.client.id, &theirs.client.secret);
    let asked = asked.body("application/x-www-form-urlencoded", foreign).await.expect(200);
    assert_eq!(asked.json(), json!({"active": false}));
});

story!(a_shared_clients_account_follows_who_accepts, async |world: World| {
    let (acme, orchard) = (world.account("acme").await, world.account("orchard").await);
    let body = json!({"name": "Catalog", "profile": "okta", "okta_app_name": "media_catalog"});
    let issued = world.admin(Method::POST, "/clients").json(&body).await.expect(201).json();
    let shared = OAuthClient::new(&world, issued);
    let ours = shared.connect_as(&acme.service_account().await).await;
    let theirs = shared.connect_as(&orchard.service_account().await).await;
    ours.create_user(&a_user("ana@acme.test")).await;
    assert_eq!(ours.list("/Users").await["totalResults"], 2);
    assert_eq!(theirs.names("userName pr").await, ["scim@orchard.test"]);
    // Without a user there is no account to speak of.
    shared.client_credentials().await.expect_oauth_error(400, "unauthorized_client");
});

story!(an_accounts_client_is_for_its_own_users, async |world: World| {
    let (acme, orchard) = (world.account("acme").await, world.account("orchard").await);
    let client = acme.okta_client().await;
    let stranger = orchard.service_account().await;
    let browser = world.browser();
    let page = browser.open(&client.authorization_url("1")).await.page();
    let page = browser.log_in(&page, &stranger.user_name, &stranger.password).await.page();
    assert!(!page.is_consent(), "{}", page.words());
    assert_eq!(items(&orchard.admin_get("/grants").await).len(), 0);
});

story!(the_life_of_an_account, async |world: World| {
    let acme = world.account("acme").await;
    let read = acme.admin_get("").await;
    assert_eq!(read["product_environments"], json!(["acme-prod", "acme-stage"]));
    let taken = world.admin(Method::POST, "/accounts").json(&json!({"name": "acme"})).await;
    taken.expect_problem(409);
    let found = items(&world.admin_get("/accounts?name=acme").await);
    assert_eq!(found.iter().map(|a| text(&a["id"])).collect::<Vec<_>>(), [acme.id.as_str()]);

    let idp = acme.connected_identity_provider().await;
    let change = json!({"product_environments": ["acme-eu"], "default_role": "reports"});
    let changed = acme.admin(Method::PATCH, "").json(&change).await.expect(200).json();
    assert_eq!(changed["default_role"], "reports");
    let mut user = a_user("ana@acme.test");
    user["product_environments"] = json!(["acme-eu"]);
    user.as_object_mut().and_then(|user| user.remove("role"));
    assert_eq!(idp.create_user(&user).await["role"], "reports", "the account's default");
    assert_eq!(acme.admin_get("").await["users"], 2);

    acme.admin(Method::DELETE, "").await.expect(204);
    acme.admin(Method::GET, "").await.expect_problem(404);
    idp.get("/Users").await.expect_scim_error(401, None);
    idp.client.client_credentials().await.expect_oauth_error(401, "invalid_client");
    // The name is free again, and nothing of before is there.
    let again = world.account("acme").await;
    assert!(again.users().await.is_empty());
});

story!(an_operators_every_act_is_recorded, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    let ada = acme.service_account().await;
    let idp = client.connect_as(&ada).await;
    client.admin(Method::PATCH, "").json(&json!({"disabled": true})).await.expect(200);
    let audit = acme.audit().await;
    for action in ["account.created", "client.created", "user.created", "grant.created"] {
        assert!(audit.actions().contains(&action), "{action} in {:?}", audit.actions());
    }
    assert_eq!(audit.last()["target"].as_str(), Some(client.id.as_str()), "{}", audit.last());
    let everything = format!("{:?}{}", audit.0, world.logs());
    for secret in
        [&client.secret, &ada.password, &idp.access_token, idp.refresh_token.as_ref().unwrap_or(&client.secret)]
    {
        assert!(!everything.contains(secret.as_str()), "no secret is recorded or logged");
    }
});

story!(operators_come_and_go, async |world: World| {
    let made = world
        .admin(Method::POST, "/operators")
        .json(&json!({"name": "deploy", "role": "platform"}))
        .await
        .expect(201)
        .json();
    let token = text(&made["token"]);
    world.get("/admin/accounts").bearer(&token).await.expect(200);
    let listed = world.admin_get("/operators").await;
    assert!(!listed.to_string().contains(&token), "shown once");
    world.admin(Method::DELETE, &format!("/operators/{}", text(&made["id"]))).await.expect(204);
    world.get("/admin/accounts").bearer(&token).await.expect_problem(401);
    world.get("/admin/accounts").await.expect_problem(401);
    world.get("/admin/accounts").bearer("gwo_nonsense").await.expect_problem(401);
});
