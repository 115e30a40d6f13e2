//! What a provider's first call needs is said before an administrator presses the button.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, text};
use crate::support::identity_provider::{GROUP, IdentityProvider, USER};
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::World;

fn of(record: &Value) -> Vec<String> {
    record["warnings"].as_array().into_iter().flatten().map(text).collect()
}

/// As JumpCloud does: a test user and a test group, which are removed again. The status of the first two.
async fn tests_the_connection(client: &OAuthClient) -> (u16, u16) {
    let token = client.admin(Method::POST, "/tokens").json(&json!({"name": "JumpCloud"})).await.expect(201).json();
    let idp = IdentityProvider::new(client.clone(), &json!({"token_type": "Bearer", "access_token": token["token"]}));
    let user = json!({
        "schemas": [USER], "userName": "test@acme.test", "name": {"givenName": "Test", "familyName": "User"},
        "emails": [{"value": "test@acme.test", "type": "work", "primary": true}], "active": true,
    });
    let user = idp.post("/Users", &user).await;
    let group = idp.post("/Groups", &json!({"schemas": [GROUP], "displayName": "Test"})).await;
    for made in [&user, &group].into_iter().filter(|answer| answer.status.as_u16() == 201) {
        idp.delete(&made.json()).await.expect(204);
    }
    (user.status.as_u16(), group.status.as_u16())
}

async fn declare(acme: &Account, path: &str, body: Value) {
    let answer = acme.admin(Method::PUT, &format!("/attributes/{path}")).json(&body).await;
    assert!(answer.status.is_success(), "{}", answer.text());
}

story!(report_22_issuing_a_client_says_what_its_providers_first_call_needs, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let jumpcloud = acme.client(json!({"name": "JumpCloud", "profile": "jumpcloud"})).await;
    let path = format!("PATCH /admin/accounts/{} {{\"default_role\": \"…\"}}", acme.id);
    for record in [jumpcloud.issued.clone(), jumpcloud.record().await] {
        let warnings = of(&record);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        for word in ["JumpCloud's “Test Connection”", "creating a user without a role", &path, "media_library_user"]
        {
            assert!(warnings[0].contains(word), "{word} is not in {warnings:?}");
        }
    }
    assert_eq!(tests_the_connection(&jumpcloud).await, (400, 201), "it is true");
    acme.admin(Method::PATCH, "").json(&json!({"default_role": "media_library_user"})).await.expect(200);
    assert!(of(&jumpcloud.record().await).is_empty());
    assert_eq!(tests_the_connection(&jumpcloud).await, (201, 201));

    // It also lacks what the account itself requires of users, and of groups.
    declare(&acme, "badge", json!({"type": "string", "required": true})).await;
    let warnings = of(&jumpcloud.record().await);
    assert!(
        warnings.len() == 1 && warnings[0].contains("badge") && warnings[0].contains("default_value"),
        "{warnings:?}"
    );
    assert_eq!(tests_the_connection(&jumpcloud).await, (400, 201));
    declare(&acme, "urn:ietf:params:scim:schemas:core:2.0:Group:purpose", json!({"type": "string", "required": true}))
        .await;
    acme.admin(Method::PATCH, "").json(&json!({"default_role": null})).await.expect(200);
    let warnings = of(&jumpcloud.record().await);
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(warnings[0].contains("default_role") && warnings[1].contains("badge") && warnings[2].contains("purpose"));
    assert_eq!(tests_the_connection(&jumpcloud).await, (400, 400));
    declare(&acme, "badge", json!({"type": "string", "required": true, "default_value": "none"})).await;
    acme.admin(Method::DELETE, "/attributes/urn:ietf:params:scim:schemas:core:2.0:Group:purpose").await.expect(204);
    acme.admin(Method::PATCH, "").json(&json!({"default_role": "reports"})).await.expect(200);
    assert!(of(&jumpcloud.record().await).is_empty());
    assert_eq!(tests_the_connection(&jumpcloud).await, (201, 201));

    // Those whose first call only reads are not warned of.
    let zeta = world.account("zeta").await;
    for profile in ["okta", "entra", "onelogin", "ping"] {
        let client = zeta.client(json!({"name": profile, "profile": profile})).await;
        assert!(of(&client.issued).is_empty(), "{profile}: {:?}", of(&client.issued));
    }
    // A client of no account works in each of them.
    let shared = json!({"name": "JumpCloud", "profile": "jumpcloud"});
    let shared = world.admin(Method::POST, "/clients").json(&shared).await.expect(201).json();
    assert!(of(&shared).iter().any(|warning| warning.contains("each account that uses it")), "{:?}", of(&shared));
});
