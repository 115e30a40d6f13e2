//! Bulk requests (RFC 7644 §3.7).

use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::identity_provider::{ENTERPRISE, GROUP, IdentityProvider, PATCH, USER, a_user};
use crate::support::testing::World;

const REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

fn post(path: &str, bulk_id: &str, data: Value) -> Value {
    json!({"method": "POST", "path": path, "bulkId": bulk_id, "data": data})
}

fn user(bulk_id: &str, name: &str) -> Value {
    post("/Users", bulk_id, a_user(name))
}

fn report(bulk_id: &str, name: &str, manager: &str) -> Value {
    let mut user = a_user(name);
    user["schemas"] = json!([USER, ENTERPRISE]);
    user[ENTERPRISE] = json!({"manager": {"value": manager}});
    post("/Users", bulk_id, user)
}

fn group(bulk_id: &str, name: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|member| json!({"value": member})).collect();
    post("/Groups", bulk_id, json!({"schemas": [GROUP], "displayName": name, "members": members}))
}

async fn bulk(idp: &IdentityProvider, body: &Value) -> Vec<Value> {
    let answer = idp.post("/Bulk", body).await.expect(200);
    assert_eq!(answer.media_type(), "application/scim+json");
    let response = answer.json();
    assert_eq!(response["schemas"], json!([RESPONSE]));
    let operations = response["Operations"].as_array().cloned().unwrap_or_default();
    for operation in &operations {
        let failed = !text(&operation["status"]).starts_with('2');
        assert_eq!(operation.get("response").is_some(), failed, "{operation}");
        if failed {
            assert_eq!(operation["response"]["schemas"], json!([ERROR]), "{operation}");
        }
    }
    operations
}

fn request(operations: Value) -> Value {
    json!({"schemas": [REQUEST], "Operations": operations})
}

fn statuses(operations: &[Value]) -> Vec<String> {
    operations.iter().map(|operation| text(&operation["status"])).collect()
}

/// The path of an operation's resource below the base URL.
fn place(idp: &IdentityProvider, operation: &Value) -> String {
    let location = text(&operation["location"]);
    location.strip_prefix(&idp.client.sheet("scim_base_url")).unwrap_or_else(|| panic!("{location}")).to_owned()
}

fn id(operation: &Value) -> String {
    text(&operation["location"]).rsplit('/').next().unwrap_or_default().to_owned()
}

story!(point_37_a_bulk_request_does_many_things_and_each_on_its_own, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let config = idp.read("/ServiceProviderConfig").await;
    assert_eq!(config["bulk"], json!({"supported": true, "maxOperations": 1000, "maxPayloadSize": 4096 * 1024}));
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    let ben = idp.create_user(&a_user("ben@acme.test")).await;
    let path = |user: &Value| format!("/Users/{}", text(&user["id"]));
    let mut replaced = a_user("ana@acme.test");
    replaced["title"] = json!("Editor");
    let operations = bulk(
        &idp,
        &request(json!([
            // Forward, backward, and in a path.
            group("g", "Editors", &["bulkId:u", &text(&ana["id"])]),
            user("u", "cleo@acme.test"),
            {"method": "PATCH", "path": "/Groups/bulkId:g", "data": {"schemas": [PATCH],
             "Operations": [{"op": "add", "path": "members", "value": [{"value": "bulkId:v"}]}]}},
            user("v", "dora@acme.test"),
            user("twice", "ANA@acme.test"),
            group("h", "Twins", &["bulkId:twice"]),
            {"method": "PUT", "path": path(&ana), "version": ana["meta"]["version"], "data": replaced},
            {"method": "DELETE", "path": path(&ben), "version": "W/\"99\""},
            {"method": "DELETE", "path": path(&ben), "bulkId": "mine"},
        ])),
    )
    .await;
    assert_eq!(statuses(&operations), ["201", "201", "200", "201", "409", "409", "200", "412", "204"]);
    assert_eq!(operations[4]["response"]["scimType"], "uniqueness");
    assert_eq!((&operations[8]["bulkId"], &operations[8]["method"]), (&json!("mine"), &json!("DELETE")));
    let editors = idp.read(&place(&idp, &operations[0])).await;
    let mut expected = vec![id(&operations[1]), id(&operations[3]), text(&ana["id"])];
    expected.sort();
    assert_eq!(idp.members(&editors).await, expected);
    assert_eq!(editors["meta"]["version"], operations[2]["version"]);
    assert_eq!(idp.read(&ana).await["title"], "Editor");
    idp.get(&path(&ben)).await.expect_scim_error(404, None);
    assert_eq!(idp.found("/Groups", "displayName eq \"Twins\"").await.len(), 0);
});

story!(point_37_a_bulk_request_resolves_circles, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let operations = bulk(
        &idp,
        &request(json!([
            report("u1", "ana@acme.test", "bulkId:u2"),
            report("u2", "ben@acme.test", "bulkId:u1"),
            group("g1", "A", &["bulkId:g2", "bulkId:u1"]),
            group("g2", "B", &["bulkId:g1"]),
        ])),
    )
    .await;
    assert_eq!(statuses(&operations), ["201"; 4]);
    for (one, other) in [(0, 1), (1, 0)] {
        let user = idp.read(&place(&idp, &operations[one])).await;
        assert_eq!(user[ENTERPRISE]["manager"]["value"], id(&operations[other]));
        assert_eq!(user["meta"]["version"], operations[one]["version"]);
    }
    let first = idp.read(&place(&idp, &operations[2])).await;
    let mut expected = vec![id(&operations[3]), id(&operations[0])];
    expected.sort();
    assert_eq!(idp.members(&first).await, expected);
    let second = idp.read(&place(&idp, &operations[3])).await;
    assert_eq!(idp.members(&second).await, [id(&operations[2])]);

    // One that cannot be closed leaves nothing behind.
    let half =
        request(json!([report("u1", "cleo@acme.test", "bulkId:u2"), report("u2", "ana@acme.test", "bulkId:u1"),]));
    assert_eq!(statuses(&bulk(&idp, &half).await), ["409", "409"]);
    assert_eq!(idp.names("userName sw \"cleo\"").await, [""; 0]);
});

story!(point_37_a_bulk_request_stops_after_as_many_errors_as_it_says, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let mut body = request(json!([
        user("a", "ana@acme.test"),
        user("b", "ana@acme.test"),
        user("c", "cleo@acme.test"),
        user("d", "cleo@acme.test"),
        user("e", "eve@acme.test"),
    ]));
    body["failOnErrors"] = json!(2);
    assert_eq!(statuses(&bulk(&idp, &body).await), ["201", "409", "201", "409"]);
    assert_eq!(idp.names("userName co \"acme.test\" and name.familyName eq \"Test\"").await.len(), 2);
});

story!(point_37_a_bulk_request_has_limits_and_a_form, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let many: Vec<Value> = (0..1001).map(|n| user(&n.to_string(), &format!("u{n}@acme.test"))).collect();
    idp.post("/Bulk", &request(json!(many))).await.expect_scim_error(413, None);
    assert_eq!(idp.names("userName sw \"u\"").await, [""; 0]);
    idp.post("/Bulk", &json!({"schemas": [PATCH], "Operations": []}))
        .await
        .expect_scim_error(400, Some("invalidSyntax"));
    let answer = idp.get("/Bulk").await.expect(405);
    assert_eq!(answer.header("allow"), Some("POST"));
    answer.scim_error();
    world.post("/scim/v2/Bulk").scim(&request(json!([]))).await.expect_scim_error(401, None);
});

story!(point_38_the_data_of_a_patch_is_one_object, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    let path = format!("/Users/{}", text(&ana["id"]));
    let message =
        |title: &str| json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": "title", "value": title}]});
    let patch = |data: Value| json!({"method": "PATCH", "path": path, "data": data});
    let operations = bulk(
        &idp,
        &request(json!([
            patch(message("one")),
            patch(json!([message("two")])),
            patch(message("three")["Operations"].clone()),
            patch(json!("four")),
        ])),
    )
    .await;
    assert_eq!(statuses(&operations), ["200", "400", "400", "400"]);
    for refused in &operations[1..] {
        assert_eq!(refused["response"]["scimType"], "invalidSyntax", "{refused}");
    }
    let now = idp.read(&ana).await;
    assert_eq!((&now["title"], &now["meta"]["version"]), (&json!("one"), &operations[0]["version"]));
});

story!(a_bulk_request_that_ends_its_own_token_ends_there, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let idp = acme.connect_identity_provider_as(&ada).await;
    let operations = bulk(
        &idp,
        &request(json!([
            user("a", "ana@acme.test"),
            {"method": "DELETE", "path": format!("/Users/{}", ada.id)},
            user("b", "ben@acme.test"),
        ])),
    )
    .await;
    assert_eq!(statuses(&operations), ["201", "204", "401"]);
    assert_eq!(acme.users().await.len(), 1);
});
