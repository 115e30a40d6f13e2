//! What SCIM requests are told, also in the operations of a bulk request.

use std::time::Duration;

use gateway::domain::request::Place;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Provoked, until};
use crate::support::account::{items, text};
use crate::support::identity_provider::{PATCH, USER, a_user};
use crate::support::testing::World;

pub const PLACES: &[Place] = &[Place::Scim];

const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

story!(each_refusal_of_scim_is_in_the_log, moving_clock, async |world: World| {
    let mut log = Provoked::of(&world);
    let acme = world.account("acme").await;
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let idp = acme.generic_client().await.connect_as(&ada).await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    let patch = |operations: Value| {
        let path = format!("/Users/{}", text(&ana["id"]));
        idp.call(Method::PATCH, &path).scim(&json!({"schemas": [PATCH], "Operations": operations}))
    };
    log.ask("uniqueness", idp.post("/Users", &a_user("ana@acme.test"))).await;
    log.ask(
        "invalid_value",
        idp.post("/Users", &json!({"schemas": [USER], "userName": "x@acme.test", "role": "king"})),
    )
    .await;
    log.ask("invalid_syntax", patch(json!([{"op": "shout", "path": "title", "value": "x"}]))).await;
    log.ask("invalid_filter", idp.get("/Users?filter=nonsense")).await;
    log.ask("invalid_path", patch(json!([{"op": "replace", "path": "name..familyName", "value": "x"}]))).await;
    log.ask("no_target", patch(json!([{"op": "remove"}]))).await;
    log.ask("mutability", patch(json!([{"op": "replace", "path": "id", "value": "x"}]))).await;
    log.ask("not_found", idp.get("/Users/0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b")).await;
    let stale = patch(json!([{"op": "replace", "path": "title", "value": "x"}])).header("if-match", "W/\"nonsense\"");
    log.ask("version_mismatch", stale).await;
    acme.admin(Method::PATCH, "").json(&json!({"own_deactivation": "refuse"})).await.expect(200);
    log.ask("forbidden", idp.patch(&ada).replace("active", false)).await;
    let bulk = |operations: Value| json!({"schemas": [BULK], "Operations": operations});
    let one = |title: &str| {
        bulk(json!([{"method": "PATCH", "path": format!("/Users/{}", ada.id),
        "data": {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "title", "value": title}]}}]))
    };
    idp.post("/Bulk", &one("one")).header("idempotency-key", "k").await.expect(200);
    log.ask("conflict", idp.post("/Bulk", &one("two")).header("idempotency-key", "k")).await;
    log.ask("too_large", idp.post("/Bulk", &bulk(json!(vec![json!({}); 1001])))).await;
    log.ask("invalid_cursor", idp.get("/Users?cursor=nonsense")).await;
    let first = idp.get("/Users?cursor=&count=1").await.expect(200).json();
    let next: String = url::form_urlencoded::byte_serialize(text(&first["nextCursor"]).as_bytes()).collect();
    log.ask("invalid_count", idp.get(&format!("/Users?cursor={next}&count=2"))).await;
    world.pass(Duration::from_secs(3 * 3600));
    let again = idp.client.connect_by_credentials().await;
    log.ask("expired_cursor", again.get(&format!("/Users?cursor={next}&count=1"))).await;
    log.finish(PLACES).await;
});

story!(each_refused_operation_of_a_bulk_request_is_found_by_target_code_and_text, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    let path = format!("/Users/{}", text(&ana["id"]));
    let change =
        |path: &str| json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": path, "value": "x"}]});
    let job = json!({"schemas": [BULK], "Operations": [
        {"method": "POST", "path": "/Users", "bulkId": "1", "data": a_user("ana@acme.test")},
        {"method": "POST", "path": "/Users", "bulkId": "2", "data": a_user("ben@acme.test")},
        {"method": "PATCH", "path": path, "data": change("id")},
        {"method": "PATCH", "path": path, "data": change("title")},
        {"method": "DELETE", "path": "/Users/0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b"},
        {"method": "POST", "path": "/Unicorns", "bulkId": "3", "data": {}},
        {"method": "SHOUT", "path": "/Users"},
        {"method": "PATCH", "path": "/Users/bulkId:4", "data": change("title")},
    ]});
    for key in ["one", "one", "two"] {
        let answer = idp.post("/Bulk", &job).header("idempotency-key", key).await.expect(200);
        let told = answer.json()["Operations"].clone();
        let id = answer.header("x-request-id").expect("an id").to_owned();
        let rows = until(async || {
            let answer = world.admin(Method::GET, &format!("/requests/{id}")).await;
            (answer.status == 200).then(|| items(&answer.json()))
        });
        let rows = rows.await.expect("it is recorded");
        assert_eq!((&rows[0]["endpoint"], &rows[0]["status"]), (&json!("/scim/v2/Bulk"), &json!(200)), "{rows:?}");
        assert!(rows[0]["code"].is_null() && rows[0]["client_name"] == "Okta", "{rows:?}");
        let refused: Vec<&Value> = rows[1..].iter().collect();
        let failed: Vec<&Value> =
            told.as_array().into_iter().flatten().filter(|one| one["response"].is_object()).collect();
        assert!(failed.len() >= 6 && failed.len() == refused.len(), "{rows:?}\n{told}");
        for (row, one) in refused.iter().zip(&failed) {
            assert_eq!(row["detail"], one["response"]["detail"], "the very text: {row}");
            assert_eq!(row["status"].to_string(), text(&one["status"]), "{row}");
            assert!(
                text(&row["endpoint"]).starts_with("/scim/v2/Bulk#") && row["account"] == acme.id.as_str(),
                "{row}"
            );
        }
    }
    let ask = async |question: &str| items(&acme.admin_get(&format!("/requests?{question}")).await);
    let rows = ask("target=ana@acme.test&code=uniqueness").await;
    let bulk = &rows[0];
    assert_eq!((&bulk["method"], &bulk["endpoint"]), (&json!("POST"), &json!("/scim/v2/Bulk#/Users")), "{bulk}");
    let rows = ask(&format!("target={}&code=mutability", text(&ana["id"]))).await;
    assert_eq!(rows[0]["endpoint"], "/scim/v2/Bulk#/Users/{id}", "{rows:?}");
    let query: String = url::form_urlencoded::byte_serialize(text(&rows[0]["detail"]).as_bytes()).collect();
    let found = items(&world.admin_get(&format!("/requests?text={query}")).await);
    assert_eq!(found[0]["code"], "mutability", "{found:?}");
});
