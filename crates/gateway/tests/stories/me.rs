//! `/Me`, the user behind the token (RFC 7644 §3.11).

use reqwest::Method;
use serde_json::json;

use crate::support::identity_provider::Located;
use crate::support::testing::World;

story!(point_39_me_is_the_user_who_accepted, async |world: World| {
    let acme = world.account("acme").await;
    acme.admin(Method::PATCH, "").json(&json!({"service_accounts": "writable"})).await.expect(200);
    let ada = acme.service_account().await;
    let idp = acme.connect_identity_provider_as(&ada).await;
    let location = format!("{}{}", idp.client.sheet("scim_base_url"), ada.path());
    let answer = idp.get("/Me").await.expect(200);
    assert_eq!(answer.header("location"), Some(location.as_str()));
    let me = answer.json();
    assert_eq!((&me["id"], &me["meta"]["location"]), (&json!(ada.id), &json!(location)));
    assert_eq!(idp.read("/Me?attributes=userName").await["userName"], "scim@acme.test");

    let patched = idp.patch("/Me").replace("title", "Robot").await.expect(200);
    assert_eq!(patched.header("location"), Some(location.as_str()));
    assert_eq!(idp.read(&ada).await["title"], "Robot");
    let mut replaced = idp.read("/Me").await;
    replaced["title"] = json!("Machine");
    let version = me["meta"]["version"].as_str().unwrap_or_default();
    idp.put("/Me", &replaced).header("if-match", version).await.expect_scim_error(412, None);
    let put = idp.put("/Me", &replaced).await.expect(200);
    assert_eq!(put.header("location"), Some(location.as_str()));
    assert_eq!(idp.read(&ada).await["title"], "Machine");

    let answer = idp.post("/Me", &replaced).await.expect(405);
    assert_eq!(answer.header("allow"), Some("GET, HEAD, PUT, PATCH, DELETE"));
    answer.scim_error();
    idp.get("/Me/groups").await.expect_scim_error(404, None);
    idp.delete("/Me").await.expect(204);
    idp.get("/Me").await.expect_scim_error(401, None);
    assert_eq!(acme.users().await.len(), 0);
});

story!(point_39_a_client_on_its_own_is_no_user, async |world: World| {
    let acme = world.account("acme").await;
    acme.service_account().await;
    let idp = acme.generic_client().await.connect_by_credentials().await;
    for (method, body) in [("GET", None), ("PUT", Some(json!({}))), ("PATCH", Some(json!({}))), ("DELETE", None)] {
        let call = idp.call(method.parse().expect("a method"), "/Me");
        let call = match &body {
            Some(body) => call.scim(body),
            None => call,
        };
        let detail = call.await.expect_scim_error(404, None);
        assert!(detail.contains("client"), "{method}: {detail}");
    }
    world.get("/scim/v2/Me").await.expect_scim_error(401, None);
});
