//! What caches may keep of it: identity data stays between the client and us.

use reqwest::Method;
use serde_json::json;

use crate::support::account::text;
use crate::support::http::Answer;
use crate::support::identity_provider::{GROUP, PATCH, USER, a_user};
use crate::support::testing::World;

#[track_caller]
fn says(answer: &Answer, cached: &str) {
    assert_eq!(answer.header("cache-control"), Some(cached), "{} {}", answer.status, answer.text());
    assert_eq!(answer.header("etag").is_some(), cached != "no-store", "{}", answer.text());
}

story!(report_9_no_cache_keeps_what_scim_answers, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let created = idp.post("/Users", &a_user("ana@acme.test")).await.expect(201);
    says(&created, "private, no-cache");
    let ana = created.json();
    let path = format!("/Users/{}", text(&ana["id"]));
    let etag = created.header("etag").expect("a tag").to_owned();
    says(&idp.get(&path).await.expect(200), "private, no-cache");
    says(&idp.call(Method::HEAD, &path).await.expect(200), "private, no-cache");
    says(&idp.get(&path).header("if-none-match", &etag).await.expect(304), "private, no-cache");
    says(&idp.put(&path, &a_user("ana@acme.test")).await.expect(200), "private, no-cache");
    says(&idp.patch(&path).replace("title", "Editor").await.expect(200), "private, no-cache");
    let group = idp.post("/Groups", &json!({"schemas": [GROUP], "displayName": "Editors"})).await.expect(201).json();
    says(&idp.patch(&group).replace("displayName", "Writers").await.expect(204), "private, no-cache");
    for found in
        ["/Users", "/Groups", "/?filter=userName+pr", "/Schemas", "/ResourceTypes", "/ServiceProviderConfig", "/Roles"]
    {
        says(&idp.get(found).await.expect(200), "no-store");
    }
    says(&idp.get(&format!("/Schemas/{USER}")).await.expect(200), "no-store");
    says(&idp.get("/Me").await.expect(200), "private, no-cache");
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "userName pr"});
    says(&idp.post("/Users/.search", &search).await.expect(200), "no-store");
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [{"method": "DELETE", "path": format!("/Groups/{}", text(&group["id"]))}]});
    says(&idp.post("/Bulk", &bulk).await.expect(200), "no-store");
    // Refusals of every kind.
    says(&idp.get("/Users/nobody").await.expect(404), "no-store");
    says(&idp.get("/Nothing").await.expect(404), "no-store");
    says(&idp.get("/Users?filter=x+y").await.expect(400), "no-store");
    says(&idp.post("/Users", &a_user("ANA@acme.test")).await.expect(409), "no-store");
    says(&idp.put(&path, &a_user("ana@acme.test")).header("if-match", &etag).await.expect(412), "no-store");
    says(&idp.call(Method::DELETE, "/Users").await.expect(405), "no-store");
    says(&idp.call(Method::PATCH, &path).body("text/plain", "x").await.expect(415), "no-store");
    says(&idp.patch(&path).operation(json!({"op": "nothing"})).await.expect(400), "no-store");
    says(&world.get("/scim/v2/Users").await.expect(401), "no-store");
    says(&world.get("/scim/v2").bearer("gwa_nonsense").await.expect(401), "no-store");
    let body = json!({"schemas": [PATCH], "Operations": []});
    says(&world.call(Method::PATCH, "/scim/v2/Users/x").scim(&body).await.expect(401), "no-store");
    says(&idp.delete(&path).await.expect(204), "no-store");
    // Nor what operators read of the same people.
    for read in ["", "/users", "/clients", "/grants"] {
        let answer = acme.admin(Method::GET, read).await.expect(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{read}");
    }
});
