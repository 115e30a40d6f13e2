//! Setup links, as operators make, see and revoke them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{items, text};
use crate::support::testing::World;

story!(an_operator_hands_a_client_over_by_a_link_that_is_shown_once, async |world: World| {
    let acme = world.account("acme").await;
    let body = json!({"provider": "okta", "name": "Okta, production", "contact": "nora@vendor.example"});
    let made = acme.admin(Method::POST, "/setup-links").json(&body).await.expect(201).json();
    let url = text(&made["url"]);
    assert!(url.contains("/setup/gwl_"), "{made}");
    assert_eq!((&made["state"], &made["provider"]), (&json!("unopened"), &json!("okta")));
    assert!(made.get("client_secret").is_none() && !made.to_string().contains("gws_"), "{made}");

    // The client was made without a secret, and the service account without a password.
    let client = text(&made["client_id"]);
    let secrets = world.admin_get(&format!("/clients/{client}/secrets")).await;
    assert!(items(&secrets).is_empty(), "{secrets}");
    let user = acme.admin_get(&format!("/users/{}", text(&made["service_account"]))).await;
    assert_eq!(user["userName"], "okta-provisioning");
    assert_eq!((&user["service_account"], &user["role"]), (&json!(true), &json!("master_admin")));

    // What is listed has no link in it, nor has the trail.
    let listed = acme.admin_get("/setup-links").await;
    assert_eq!(items(&listed)[0]["client_name"], "Okta, production");
    assert!(!listed.to_string().contains("gwl_"), "{listed}");
    let trail = acme.audit().await;
    assert!(trail.actions().contains(&"setup_link.created"), "{:?}", trail.actions());
    assert!(!json!(trail.0).to_string().contains("gwl_"));

    // A second link of the same client takes the place of the first.
    let again = json!({"client_id": client});
    let second = acme.admin(Method::POST, "/setup-links").json(&again).await.expect(201).json();
    assert_eq!(second["service_account"], made["service_account"], "the same service account");
    assert_eq!(states(&acme.admin_get("/setup-links").await), ["revoked", "unopened"]);
    let id = text(&second["id"]);
    acme.admin(Method::DELETE, &format!("/setup-links/{id}")).await.expect(204);
    acme.admin(Method::DELETE, &format!("/setup-links/{id}")).await.expect(204);
    assert_eq!(states(&acme.admin_get("/setup-links").await), ["revoked", "revoked"]);
    assert_eq!(acme.audit().await.actions().iter().filter(|action| **action == "setup_link.revoked").count(), 2);

    // With the client its links go.
    world.admin(Method::DELETE, &format!("/clients/{client}")).await.expect(204);
    assert!(items(&acme.admin_get("/setup-links").await).is_empty());
});

fn states(list: &Value) -> Vec<String> {
    items(list).iter().map(|link| text(&link["state"])).collect()
}

story!(a_link_that_cannot_be_is_refused_with_what_would_be_right, async |world: World| {
    let acme = world.account("acme").await;
    let globex = world.account("globex").await;
    let foreign = text(&globex.okta_client().await.id.into());
    let entra = acme.client(json!({"name": "Entra", "profile": "entra"})).await;
    acme.user("ada@acme.test").role("master_admin").create().await;
    acme.user("robot@acme.test").role("reports").service_account().create().await;
    let public = json!({"name": "App", "public": true, "redirect_uris": ["https://app.test/back"]});
    let public = acme.client(public).await;
    let long = "2199-01-31T00:00:00Z";
    for (body, status, said) in [
        (json!({}), 400, "say which identity provider"),
        (json!({"provider": "oktta"}), 400, "must be okta, entra"),
        (json!({"provider": "okta", "expires": long}), 400, "at most 90 days ahead"),
        (json!({"provider": "okta", "contact": "nora"}), 400, "must be an address"),
        (json!({"provider": "okta", "service_account": "ada@acme.test"}), 400, "personal user"),
        (json!({"provider": "okta", "service_account": "robot@acme.test"}), 400, "give them the role master_admin"),
        (
            json!({"provider": "entra", "service_account": "robot"}),
            400,
            "no user accepts access for Microsoft Entra ID",
        ),
        (json!({"client_id": entra.id, "provider": "entra"}), 400, "that client has one"),
        (json!({"client_id": public.id}), 409, "a public client has no secret"),
        (json!({"client_id": foreign}), 404, "there is no client"),
        (json!({"client_id": "none"}), 404, "there is no client"),
    ] {
        let refused = acme.admin(Method::POST, "/setup-links").json(&body).await.expect(status).json();
        assert!(refused.to_string().contains(said), "{body}: {refused}");
    }
    assert!(items(&acme.admin_get("/setup-links").await).is_empty(), "nothing of them stays");
    let made = globex.admin(Method::POST, "/setup-links").json(&json!({"provider": "ping"})).await.expect(201).json();
    let theirs = format!("/setup-links/{}", text(&made["id"]));
    acme.admin(Method::DELETE, &theirs).await.expect(404);
    assert_eq!(states(&globex.admin_get("/setup-links").await), ["unopened"], "another account's link is not reached");
});
