//! The roles there are, and the environments of the account, as resources that an identity provider discovers.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::identity_provider::{IdentityProvider, USER};
use crate::support::testing::World;

const ENTITLEMENT: &str = "urn:okta:scim:schemas:core:1.0:Entitlement";
const ROLE: &str = "urn:okta:scim:schemas:core:1.0:Role";
const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

fn ids(list: &Value) -> Vec<String> {
    list["Resources"].as_array().into_iter().flatten().map(|one| text(&one["id"])).collect()
}

/// The values that `/Schemas` allows of an attribute of the user.
async fn allowed(idp: &IdentityProvider, attribute: &str) -> Vec<String> {
    let schema = idp.get(&format!("/Schemas/{USER}")).await.expect(200).json();
    let found = schema["attributes"].as_array().into_iter().flatten().find(|one| one["name"] == attribute).cloned();
    let values = found.expect("published")["canonicalValues"].clone();
    values.as_array().into_iter().flatten().map(text).collect()
}

story!(what_is_discovered_is_what_is_allowed, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    // As Okta discovers: from the resource types to their schemas to their endpoints.
    let types = idp.get("/ResourceTypes").await.expect(200).json();
    let discovered = types["Resources"].as_array().into_iter().flatten();
    let discovered: Vec<(String, String)> = discovered
        .filter(|one| one["schema"] == ROLE || one["schema"] == ENTITLEMENT)
        .map(|one| (text(&one["endpoint"]), text(&one["schema"])))
        .collect();
    assert_eq!(discovered.len(), 2, "{types}");
    for (endpoint, schema) in &discovered {
        idp.get(&format!("/Schemas/{schema}")).await.expect(200);
        let list = idp.list(&format!("{endpoint}?startIndex=1&count=100")).await;
        for one in list["Resources"].as_array().into_iter().flatten() {
            assert_eq!(one["schemas"], json!([schema]));
            assert!(one["displayName"].is_string() && one["type"].is_string(), "{one}");
        }
    }
    assert_eq!(ids(&idp.list("/Roles").await), allowed(&idp, "role").await);
    assert_eq!(ids(&idp.list("/ProductEnvironments").await), allowed(&idp, "product_environments").await);
    // What an operator changes is there with the next request, at every replica.
    let environments = json!({"product_environments": ["acme-eu", "acme us", "Acme.v2"]});
    acme.admin(Method::PATCH, "").json(&environments).await.expect_problem(400);
    let environments = json!({"product_environments": ["acme-eu", "Acme.v2", "acmé"]});
    acme.admin(Method::PATCH, "").json(&environments).await.expect(200);
    for _ in 0..2 {
        let list = idp.list("/ProductEnvironments").await;
        let names: Vec<String> =
            list["Resources"].as_array().into_iter().flatten().map(|one| text(&one["displayName"])).collect();
        assert_eq!(names, ["acme-eu", "Acme.v2", "acmé"]);
        assert_eq!(names, allowed(&idp, "product_environments").await);
        // Each leads to itself, also where its name could be no id.
        for one in ids(&list) {
            assert_eq!(idp.get(&format!("/ProductEnvironments/{one}")).await.expect(200).json()["id"], one);
        }
    }
    // The values of another account are its own.
    let orchard = world.account("orchard").await.connected_identity_provider().await;
    assert_eq!(ids(&orchard.list("/ProductEnvironments").await), ["orchard-prod", "orchard-stage"]);
    orchard.get("/ProductEnvironments/acme-eu").await.expect_scim_error(404, None);
});

story!(words_are_searched_like_anything_else, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let of = async |query: &str| ids(&idp.list(&format!("/Roles?{query}")).await);
    assert_eq!(
        of("filter=displayName+ew+%22_admin%22&sortBy=displayName").await,
        ["master_admin", "media_library_admin", "technical_admin"]
    );
    assert_eq!(of("filter=id+eq+%22billing%22").await, ["billing"]);
    assert_eq!(of("filter=meta.resourceType+eq+%22Role%22&count=0").await, [""; 0]);
    assert_eq!(
        of("sortBy=displayName&sortOrder=descending&startIndex=2&count=2").await,
        ["reports", "media_library_user"]
    );
    idp.get("/Roles?filter=userName+eq+%22a%22").await.expect_scim_error(400, Some("invalidFilter"));
    idp.get("/Roles?attributes=type&excludedAttributes=id").await.expect_scim_error(400, Some("invalidSyntax"));
    let shown = idp.list("/Roles?attributes=displayName&count=1").await["Resources"][0].clone();
    assert_eq!(shown, json!({"schemas": [ROLE], "id": "master_admin", "displayName": "master_admin"}));
    let shown = idp.get("/Roles/billing?excludedAttributes=meta,type").await.expect(200).json();
    assert_eq!(shown, json!({"schemas": [ROLE], "id": "billing", "displayName": "billing"}));
    let body = json!({"schemas": [SEARCH], "filter": "displayName sw \"media\"", "count": 1, "startIndex": 2});
    let found = idp.post("/Roles/.search", &body).await.expect(200).json();
    assert_eq!((ids(&found), &found["totalResults"]), (vec!["media_library_user".to_owned()], &json!(2)));
    // By cursor, too.
    let (mut met, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = idp.get(&format!("/Roles?cursor={cursor}&count=3")).await.expect(200).json();
        met.extend(ids(&page));
        match page.get("nextCursor") {
            Some(next) => cursor = text(next),
            None => break,
        }
    }
    assert_eq!(met, of("").await);
});

story!(words_are_only_read, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let answer = idp.get("/Roles/admin").await.expect(200);
    assert_eq!(answer.header("location"), answer.json()["meta"]["location"].as_str());
    let etag = answer.header("etag").expect("an entity tag").to_owned();
    idp.get("/Roles/admin").header("if-none-match", &etag).await.expect(304);
    idp.call(Method::HEAD, "/Roles/admin").await.expect(200);
    for (method, path, allow) in [
        (Method::POST, "/Roles", "GET, HEAD"),
        (Method::PUT, "/Roles/admin", "GET, HEAD"),
        (Method::PATCH, "/Roles/admin", "GET, HEAD"),
        (Method::DELETE, "/Roles/admin", "GET, HEAD"),
        (Method::DELETE, "/ProductEnvironments", "GET, HEAD"),
        (Method::GET, "/Roles/.search", "POST"),
    ] {
        let answer = idp.call(method, path).scim(&json!({"schemas": [ROLE], "displayName": "owner"})).await.expect(405);
        answer.scim_error();
        assert_eq!(answer.header("allow"), Some(allow), "{}", answer.asked);
    }
    for path in ["/Roles/owner", "/Roles/ADMIN", "/Roles/a%20b", "/Roles/admin/x", "/ProductEnvironments/x", "/Role"] {
        idp.get(path).await.expect_scim_error(404, None);
    }
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [{"method": "POST", "path": "/Roles", "bulkId": "1", "data": {"displayName": "owner"}}]});
    let done = idp.post("/Bulk", &bulk).await.expect(200).json();
    assert_eq!(done["Operations"][0]["status"], "404", "{done}");
    world.get("/scim/v2/Roles").await.expect_scim_error(401, None);
});
