//! The members of a group are not given up for a list of which not one element can be a member.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::identity_provider::{GROUP, a_user};
use crate::support::testing::World;

fn whole(members: &Value) -> Value {
    json!({"schemas": [GROUP], "displayName": "Editors", "members": members})
}

story!(report_2_members_are_not_given_up_for_a_list_without_members, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    let gone = idp.create_user(&a_user("gone@acme.test")).await;
    idp.delete(&gone).await.expect(204);
    let group = idp.create_group("Editors", &[&ana]).await;
    let (members, path) = (vec![text(&ana["id"])], format!("/Groups/{}", text(&group["id"])));
    let wrong = text(&ana["meta"]["location"]).replace("/Users/", "/Groups/");
    for unknown in [json!([{"value": gone["id"]}]), json!([{"$ref": wrong}]), json!([{"value": group["id"]}])] {
        let before = idp.read(&group).await;
        let detail = idp.put(&group, &whole(&unknown)).await.expect_scim_error(400, Some("invalidValue"));
        assert!(detail.contains("Create the users first"), "{detail}");
        for patch in [
            json!({"op": "replace", "path": "members", "value": unknown}),
            json!({"op": "replace", "value": {"members": unknown}}),
            json!({"op": "replace", "path": format!("members[value eq \"{}\"]", members[0]), "value": unknown}),
        ] {
            idp.patch(&group).operation(patch).await.expect_scim_error(400, Some("invalidValue"));
        }
        let bulk = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "Operations": [{"method": "PUT", "path": path, "data": whole(&unknown)}],
        });
        let answered = idp.post("/Bulk", &bulk).await.expect(200).json();
        assert_eq!(answered["Operations"][0]["status"], "400", "{answered}");
        assert_eq!(idp.read(&group).await, before, "{unknown}");
    }
    let mixed = json!([{"value": gone["id"]}, {"value": ana["id"]}]);
    let answer = idp.put(&group, &whole(&mixed)).await.expect(200);
    assert_eq!(answer.header("skipped-members"), Some(text(&gone["id"]).as_str()));
    assert_eq!(idp.members(&group).await, members);
    // A user who is waited for may come; and an empty list clears.
    let answer = idp.patch(&group).replace("members", json!([{"value": "00uNEW"}])).await.expect(204);
    assert_eq!(answer.header("parked-members"), Some("00uNEW"));
    idp.put(&group, &whole(&mixed)).await.expect(200);
    idp.patch(&group).replace("members", json!([])).await.expect(204);
    assert!(idp.members(&group).await.is_empty());

    // Where names are not waited for, a name is of no more use than an id.
    idp.put(&group, &whole(&mixed)).await.expect(200);
    idp.client.admin(Method::PATCH, "").json(&json!({"tolerances": {"members_by_name": false}})).await.expect(200);
    let detail =
        idp.put(&group, &whole(&json!([{"value": "00uNEW"}]))).await.expect_scim_error(400, Some("invalidValue"));
    assert!(detail.contains("00uNEW"), "{detail}");
    assert_eq!(idp.members(&group).await, members);
});
