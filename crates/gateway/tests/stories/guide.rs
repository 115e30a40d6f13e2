//! "SCIM provisioning setup with IdP (Okta)", sentence by sentence, for both kinds of application Okta has.

use reqwest::Method;
use serde_json::json;

use crate::support::account::text;
use crate::support::okta::{Kind, OktaApp};
use crate::support::testing::World;

story!(the_guide_is_true_for_an_app_made_with_the_wizard, async |world: World| {
    the_guide_is_true(world, Kind::Wizard).await;
});

story!(the_guide_is_true_for_an_app_from_the_catalog, async |world: World| {
    the_guide_is_true(world, Kind::Catalog).await;
});

pub async fn the_guide_is_true(world: World, kind: Kind) {
    // 1. Prerequisites: a service account, and credentials from the Customer Success Manager.
    let acme = world.account("acme").await;
    let service = acme.service_account().await;
    let console_born = acme.user("maria@acme.test").role("billing").create().await;
    let mut client = acme.client(json!({"name": "Acme SCIM", "profile": "okta"})).await;
    assert_eq!(client.issued["redirect_uris"], json!([]), "not before the variable name is registered");

    // 3.2 to 3.5: what the administrator pastes.
    let base = &world.gateway.public_url;
    assert_eq!(client.sheet("scim_base_url"), format!("{base}/scim/v2"));
    assert_eq!(client.sheet("unique_identifier_field"), "userName");
    assert_eq!(client.sheet("token_url"), format!("{base}/oauth2/token"));
    assert_eq!(client.sheet("authorization_url"), format!("{base}/oauth2/auth?scope=openid offline provision:scim"));

    // 3.6 Register the variable name.
    let registered = client.admin(Method::PATCH, "").json(&json!({"okta_app_name": "acme_mediascim_1"})).await;
    client.issued["redirect_uris"] = registered.expect(200).json()["redirect_uris"].clone();
    assert_eq!(client.redirect_uri(), "https://system-admin.okta.com/admin/app/cpc/acme_mediascim_1/oauth/callback");

    // 3.7 Authenticate: log in as the service account, ACCEPT ACCESS. Then test the API credentials.
    let idp = client.connect_as(&service).await;
    assert!(idp.refresh_token.is_some(), "`offline` was asked for");
    let okta = OktaApp::new(kind, idp);
    okta.test_credentials().await;

    // The custom attributes are where the Profile Editor expects them: in the core User schema, with their enumerations.
    let schema = okta.idp.read("/Schemas/urn:ietf:params:scim:schemas:core:2.0:User").await;
    let attributes = schema["attributes"].as_array().cloned().unwrap_or_default();
    let attribute = |name: &str| attributes.iter().find(|a| a["name"] == name).cloned().unwrap_or_default();
    assert_eq!(attribute("product_environments")["multiValued"], true);
    assert_eq!(attribute("product_environments")["required"], false);
    assert_eq!(attribute("product_environments")["canonicalValues"], json!(["acme-prod", "acme-stage"]));
    assert_eq!(attribute("role")["required"], true);
    let roles = attribute("role")["canonicalValues"].clone();
    assert_eq!(roles.as_array().map(Vec::len), Some(7), "{roles}");

    // Import users: those of the console are found, with what Okta needs of them.
    let imported = okta.import("Users").await;
    assert_eq!(imported.len(), 2);
    for user in &imported {
        for needed in ["/id", "/userName", "/name/givenName", "/name/familyName", "/emails/0/value", "/active"] {
            assert!(user.pointer(needed).is_some(), "{needed} in {user}");
        }
    }

    // Assign users: one who is here already is linked, another is created with role and environments.
    let maria = okta.assign("00uMARIA", "MARIA@acme.test", json!({"role": "reports"})).await;
    assert_eq!(maria["id"].as_str(), Some(console_born.id.as_str()), "linked, not duplicated");
    assert_eq!((&maria["role"], &maria["externalId"]), (&json!("reports"), &json!("00uMARIA")));
    let environments = json!({"role": "media_library_admin", "product_environments": ["acme-prod"], "nickName": ""});
    let ana = okta.assign("00uANA", "ana@acme.test", environments).await;
    assert_eq!((&ana["role"], &ana["product_environments"]), (&json!("media_library_admin"), &json!(["acme-prod"])));
    let joe = okta.assign("00uJOE", "joe@acme.test", json!({"role": "media_library_user"})).await;
    assert!(joe.get("product_environments").is_none(), "not set means every environment: {joe}");

    // Changes sync automatically.
    let renamed = okta.update(&ana, json!({"displayName": "Ana K. Ito", "role": "admin"})).await;
    assert_eq!((&renamed["displayName"], &renamed["role"]), (&json!("Ana K. Ito"), &json!("admin")));
    assert_eq!(renamed["externalId"], "00uANA", "the rest stays");

    // Deactivate Users, and back.
    okta.set_active(&joe, false).await;
    assert!(okta.find_user("joe@acme.test").await.is_some(), "an inactive user is found, or Okta makes a second one");
    okta.set_active(&joe, true).await;

    // Push groups, memberships, Push now, rename, remove.
    let editors = okta.push_group("Editors", &[&ana]).await;
    assert_eq!(okta.idp.members(&editors).await, [text(&ana["id"])]);
    okta.change_members(&editors, &[&joe, &maria], &[&ana]).await;
    let mut expected = [text(&joe["id"]), text(&maria["id"])];
    expected.sort();
    assert_eq!(okta.idp.members(&editors).await, expected);
    okta.set_members(&editors, "Editors", &[&ana, &joe]).await;
    okta.rename_group(&editors, "Editors EU").await;
    let now = okta.idp.read(&editors).await;
    assert_eq!((&now["displayName"], okta.idp.members(&editors).await.len()), (&json!("Editors EU"), 2));
    okta.set_members(&editors, "Editors EU", &[]).await;
    assert!(okta.idp.members(&editors).await.is_empty());
    assert_eq!(okta.import("Groups").await.len(), 1);
    okta.remove_group(&editors).await;

    // 5. Field validation, in the console's own words.
    let users = acme.users().await;
    let in_console = users.iter().find(|user| user["userName"] == "ana@acme.test").cloned().unwrap_or_default();
    assert_eq!(in_console["role"], "admin", "{in_console}");
    assert_eq!(in_console["product_environments"], json!(["acme-prod"]));
}

story!(an_import_walks_every_page, async |world: World| {
    let acme = world.account("acme").await;
    let okta = OktaApp::new(Kind::Wizard, acme.connected_identity_provider().await);
    for n in 0..230 {
        let user = crate::support::identity_provider::a_user(&format!("user{n:03}@acme.test"));
        okta.idp.create_user(&user).await;
    }
    let mut ids: Vec<String> = okta.import("Users").await.iter().map(|user| text(&user["id"])).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 231, "each once, the service account among them");
});

story!(oktas_own_specification_test_passes, async |world: World| {
    let acme = world.account("acme").await;
    let okta = OktaApp::new(Kind::Catalog, acme.connected_identity_provider().await);
    let idp = &okta.idp;
    let first = idp.list("/Users?count=1&startIndex=1").await["Resources"][0].clone();
    for needed in ["/id", "/userName", "/name/familyName", "/name/givenName", "/active", "/emails/0/value"] {
        assert!(first.pointer(needed).is_some(), "{needed} in {first}");
    }
    assert_eq!(idp.read(&first).await["id"], first["id"]);
    assert!(okta.find_user("nobody.at.all@acme.test").await.is_none());
    idp.get("/Users/010101001010101011001010101011").await.expect_scim_error(404, None);
    let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "runscope@acme.test",
        "name": {"givenName": "Runscope", "familyName": "Spec"}, "active": true, "role": "reports",
        "emails": [{"primary": true, "value": "runscope@acme.test", "type": "work"}]});
    let made = idp.create_user(&body).await;
    assert_eq!((&made["active"], &made["name"]["familyName"]), (&json!(true), &json!("Spec")));
    assert_eq!(idp.read(&made).await["userName"], "runscope@acme.test");
    idp.post("/Users", &body).await.expect_scim_error(409, Some("uniqueness"));
    assert!(okta.find_user("RUNSCOPE@ACME.TEST").await.is_some());
    idp.list("/Groups").await;
    world.get("/scim/v2/Users").bearer("invalid").await.expect_scim_error(401, None);
});
