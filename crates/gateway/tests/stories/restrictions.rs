//! Attributes whose absence grants: no user gets everything by accident.

use reqwest::Method;
use serde_json::{Value, json};

use crate::attributes::declare;
use crate::support::account::{Account, text};
use crate::support::identity_provider::{IdentityProvider, Located, USER, a_user};
use crate::support::testing::World;

const ENVIRONMENTS: &str = "product_environments";

async fn restricted(idp: &IdentityProvider, name: &str) -> Value {
    let mut user = a_user(name);
    user[ENVIRONMENTS] = json!(["acme-prod"]);
    idp.create_user(&user).await
}

/// How often it was written down that a user was given everything.
async fn opened(acme: &Account) -> usize {
    acme.audit().await.actions().iter().filter(|action| **action == "user.access_opened").count()
}

story!(report_3_no_value_is_not_unset, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = restricted(&idp, "ana@acme.test").await;
    let understood = |detail: &str| {
        for said in [ENVIRONMENTS, "To restrict access", "acme-prod, acme-stage", "To grant everything", "[]"] {
            assert!(detail.contains(said), "{said} in: {detail}");
        }
    };
    for value in [json!([null]), json!(""), json!([""]), json!([null, ""])] {
        let mut whole = a_user("ana@acme.test");
        whole[ENVIRONMENTS] = value.clone();
        understood(&idp.put(&ana, &whole).await.expect_scim_error(400, Some("invalidValue")));
        let patch = idp.patch(&ana).replace(ENVIRONMENTS, value.clone()).await;
        understood(&patch.expect_scim_error(400, Some("invalidValue")));
        let patch = idp.patch(&ana).merge(json!({ENVIRONMENTS: value})).await;
        understood(&patch.expect_scim_error(400, Some("invalidValue")));
        let patch = idp.patch(&ana).merge(json!({(format!("{USER}:{ENVIRONMENTS}")): value})).await;
        understood(&patch.expect_scim_error(400, Some("invalidValue")));
        let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "Operations": [{"method": "PUT", "path": ana.path(), "data": whole}]});
        let done = idp.post("/Bulk", &bulk).await.expect(200).json();
        understood(done["Operations"][0]["response"]["detail"].as_str().expect("words"));
        whole["userName"] = json!("new@acme.test");
        understood(&idp.post("/Users", &whole).await.expect_scim_error(400, Some("invalidValue")));
        let path = format!("/users/{}", text(&ana["id"]));
        acme.admin(Method::PATCH, &path).json(&json!({ENVIRONMENTS: value})).await.expect_problem(400);
    }
    for value in [json!([{}]), json!([{"value": ""}])] {
        idp.patch(&ana).replace(ENVIRONMENTS, value).await.expect_scim_error(400, Some("invalidValue"));
    }
    // The last one, by value.
    for operation in [
        json!({"op": "remove", "path": format!("{ENVIRONMENTS}[value eq \"acme-prod\"]")}),
        json!({"op": "remove", "path": ENVIRONMENTS, "value": ["acme-prod"]}),
        json!({"op": "Remove", "path": ENVIRONMENTS, "value": "acme-prod"}),
        json!({"op": "replace", "path": format!("{ENVIRONMENTS}[value eq \"acme-prod\"]"), "value": ""}),
    ] {
        understood(&idp.patch(&ana).operation(operation).await.expect_scim_error(400, Some("invalidValue")));
    }
    let now = idp.read(&ana).await;
    assert_eq!((&now[ENVIRONMENTS], &now["meta"]["version"]), (&json!(["acme-prod"]), &ana["meta"]["version"]));
    assert_eq!(opened(&acme).await, 0);
    // One of two, and one for another.
    let swap = idp.patch(&ana).remove(&format!("{ENVIRONMENTS}[value eq \"acme-prod\"]"));
    assert_eq!(
        swap.add(ENVIRONMENTS, json!(["acme-stage"])).await.expect(200).json()[ENVIRONMENTS],
        json!(["acme-stage"])
    );
});

story!(report_3_unassigning_as_a_whole_grants_everything_and_is_written_down, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = restricted(&idp, "ana@acme.test").await;
    let restrict = async || {
        idp.patch(&ana).replace(ENVIRONMENTS, json!(["acme-prod"])).await.expect(200);
    };
    let mut rows = 0;
    let mut open = async |answer: crate::support::http::Answer| {
        assert!(answer.expect(200).json().get(ENVIRONMENTS).is_none());
        rows += 1;
        assert_eq!(opened(&acme).await, rows);
        restrict().await;
    };
    open(idp.patch(&ana).remove(ENVIRONMENTS).await).await;
    open(idp.patch(&ana).replace(ENVIRONMENTS, json!([])).await).await;
    open(idp.patch(&ana).merge(json!({ENVIRONMENTS: null})).await).await;
    open(idp.put(&ana, &a_user("ana@acme.test")).await).await;
    let mut empty = a_user("ana@acme.test");
    empty[ENVIRONMENTS] = json!([]);
    open(idp.put(&ana, &empty).await).await;
    let path = format!("/users/{}", text(&ana["id"]));
    open(acme.admin(Method::PATCH, &path).json(&json!({ENVIRONMENTS: null})).await).await;
    let audit = acme.audit().await;
    let row = audit.0.iter().find(|row| row["action"] == "user.access_opened").expect("a row");
    assert_eq!(row["target"], ana["id"]);
    assert!(row["detail"].as_str().is_some_and(|said| said.contains(ENVIRONMENTS)), "{row}");
});

story!(report_3_a_user_who_comes_back_is_as_restricted_as_before, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    for (n, given) in [None, Some(json!([])), Some(Value::Null)].into_iter().enumerate() {
        let name = format!("user{n}@acme.test");
        let gone = restricted(&idp, &name).await;
        idp.patch(&gone).replace("active", false).await.expect(200);
        let mut again = a_user(&name);
        if let Some(given) = given {
            again[ENVIRONMENTS] = given;
        }
        let back = idp.post("/Users", &again).await.expect(201).json();
        assert_eq!((&back["id"], &back["active"]), (&gone["id"], &json!(true)));
        assert_eq!(back[ENVIRONMENTS], json!(["acme-prod"]));
    }
    // A list that shrinks opens nothing either, and neither does coming back after it did.
    let ana = restricted(&idp, "ana@acme.test").await;
    let change = json!({"product_environments": ["acme-stage"], "force": true});
    acme.admin(Method::PATCH, "").json(&change).await.expect(200);
    assert_eq!(idp.read(&ana).await[ENVIRONMENTS], json!(["acme-prod"]));
    idp.patch(&ana).replace("active", false).await.expect(200);
    let back = idp.post("/Users", &a_user("ANA@acme.test")).await.expect(201).json();
    assert_eq!((&back["id"], &back[ENVIRONMENTS]), (&ana["id"], &json!(["acme-prod"])));
    assert_eq!(opened(&acme).await, 0);
});

story!(report_3_an_account_says_which_of_its_attributes_grant, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let urn = "urn:orchard:params:scim:schemas:1.0:Limits";
    let made = declare(&acme, &format!("{urn}:folder"), &json!({"absence_grants": true})).await.expect(201).json();
    assert_eq!(made["absence_grants"], true);
    declare(&acme, "x", &json!({"absence_grants": true, "required": true})).await.expect_problem(400);
    let mut ana = a_user("ana@acme.test");
    ana[urn] = json!({"folder": "news"});
    let ana = idp.create_user(&ana).await;
    let path = format!("{urn}:folder");
    let detail = idp.patch(&ana).replace(&path, "").await.expect_scim_error(400, Some("invalidValue"));
    assert!(detail.contains("folder") && detail.contains("send null"), "{detail}");
    idp.patch(&ana).merge(json!({(urn): {"folder": ""}})).await.expect_scim_error(400, Some("invalidValue"));
    idp.patch(&ana).remove(urn).await.expect(200);
    assert_eq!(opened(&acme).await, 1);
    let schema = idp.get(&format!("/Schemas/{urn}")).await.expect(200).json();
    assert!(!schema.to_string().contains("absence"), "RFC 7643 has no word for it: {schema}");
});
