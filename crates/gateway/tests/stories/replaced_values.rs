//! Values that leave a list while users have them: what becomes of them is said with the change, and none of it opens everything.

use std::fs;

use reqwest::Method;
use serde_json::{Value, json};

use crate::access::{access, environments};
use crate::attributes::{declare, settled};
use crate::support::account::{Account, items, text};
use crate::support::directories;
use crate::support::http::{Call, client};
use crate::support::identity_provider::{IdentityProvider, Located, a_user};
use crate::support::testing::{OPERATOR, World};

const ENVIRONMENTS: &str = "product_environments";

async fn user(idp: &IdentityProvider, name: &str, own: &[&str]) -> Value {
    let mut user = a_user(name);
    user[ENVIRONMENTS] = json!(own);
    idp.create_user(&user).await
}

async fn lists(acme: &Account, environments: &[&str]) {
    acme.admin(Method::PATCH, "").json(&json!({ENVIRONMENTS: environments})).await.expect(200);
}

fn fields(problem: &Value) -> Vec<String> {
    problem["errors"].as_array().expect("errors").iter().map(|error| text(&error["field"])).collect()
}

story!(what_becomes_of_an_environment_that_users_have_is_said_with_the_change, async |world: World| {
    for policy in ["all", "none", "refuse"] {
        let acme = world.account(&format!("acme-{policy}")).await;
        lists(&acme, &["new", "old", "gone", "left"]).await;
        acme.admin(Method::PATCH, "").json(&json!({"unset_environments": policy})).await.expect(200);
        let idp = acme.connected_identity_provider().await;
        let ana = user(&idp, "ana@acme.test", &["old", "gone"]).await;
        let ben = user(&idp, "ben@acme.test", &["gone"]).await;
        let eve = user(&idp, "eve@acme.test", &["left"]).await;
        let off = user(&idp, "off@acme.test", &["old", "new"]).await;
        idp.patch(&off).replace("active", false).await.expect(200);
        let every = user(&idp, "every@acme.test", &["*"]).await;
        let rules = json!({"rules": [
            {"group_name": "Editors", "environments": ["old", "new"]},
            {"group_name": "Interns", "environments": ["gone"]},
        ]});
        acme.admin(Method::PUT, "/access").json(&rules).await.expect(200);
        // What is not said of each value is asked for, and nothing was done.
        let some = json!({ENVIRONMENTS: ["new"], "force": {"environments": {"old": "new", "gone": []}}});
        let problem = acme.admin(Method::PATCH, "").json(&some).await.expect_problem(409);
        let said = text(&problem["detail"]);
        assert!(said.contains("1 user has the product_environments \"left\"") && !said.contains("\"old\""), "{said}");
        assert_eq!(idp.read(&ana).await[ENVIRONMENTS], json!(["old", "gone"]));
        let all = json!({ENVIRONMENTS: ["new"], "force": {"environments": {"old": "new", "gone": [], "left": null}}});
        acme.admin(Method::PATCH, "").json(&all).await.expect(200);
        let now = async |user: &Value| idp.read(user).await[ENVIRONMENTS].clone();
        assert_eq!((now(&ana).await, now(&off).await), (json!(["new"]), json!(["new"])));
        assert_eq!((now(&ben).await, now(&eve).await), (json!(["gone"]), json!(["left"])), "the last value stays");
        assert_eq!(now(&every).await, json!(["*"]));
        assert_eq!(environments(&access(&acme, &ana).await), ["new"]);
        for user in [&ben, &eve] {
            let access = access(&acme, user).await;
            assert!(environments(&access).is_empty() && access["every_environment"] == json!(false), "{access}");
        }
        let rules = acme.admin_get("/access").await;
        assert_eq!(rules["rules"][0]["environments"], json!(["new"]));
        assert_eq!(rules["rules"][1]["gone_environments"], json!(["gone"]), "a rule that gave nothing would be none");
        // It is told, and so is who may do more by it.
        let trail = acme.audit().await;
        let row = trail.0.iter().find(|row| row["action"] == "account.changed").cloned().expect("a row");
        let detail = text(&row["detail"]);
        assert!(detail.contains("product_environments old becomes new: 2 users were changed"), "{detail}");
        assert!(detail.contains("product_environments gone is taken away: 1 user was changed, 1 keeps it"), "{detail}");
        let widened = items(&acme.admin_get("/widenings").await);
        let of_ana = widened.iter().find(|row| row["target"]["id"] == ana["id"]).expect("Ana has one she had not");
        assert_eq!(of_ana["changes"]["environments"]["after"], json!(["new"]));
        assert!(widened.iter().all(|row| row["target"]["id"] != off["id"]), "who is not active may do nothing");
    }
});

story!(what_cannot_become_of_a_value_is_refused_by_its_field, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = user(&idp, "ana@acme.test", &["acme-stage"]).await;
    let wrong = [
        (json!("yes"), "force"),
        (json!({"environment": {}}), "force.environment"),
        (json!({"environments": ["acme-stage"]}), "force.environments"),
        (json!({"environments": {"acme-stage": 7}}), "force.environments.acme-stage"),
        (json!({"environments": {"acme-stage": [7]}}), "force.environments.acme-stage[0]"),
        (json!({"environments": {"acme-stage": "acme-stage"}}), "force.environments.acme-stage"),
        (json!({"environments": {"acme-stage": "*"}}), "force.environments.acme-stage"),
        (json!({"environments": {"acme-stage": null, "acme-prod": null}}), "force.environments.acme-prod"),
        (json!({"environments": {"acme-stage": null, "elsewhere": "acme-prod"}}), "force.environments.elsewhere"),
        (json!({"environments": {"acme-stage": null}, "roles": {"admin": "billing"}}), "force.roles.admin"),
        (json!({"environments": {"acme-stage": null}, "roles": {"emperor": []}}), "force.roles.emperor"),
        (json!({"environments": {"acme-stage": null}, "roles": {"emperor": "king"}}), "force.roles.emperor"),
    ];
    for (force, field) in wrong {
        let change = json!({ENVIRONMENTS: ["acme-prod"], "force": force});
        let problem = acme.admin(Method::PATCH, "").json(&change).await.expect_problem(400);
        assert_eq!(fields(&problem), [field], "{problem}");
    }
    assert_eq!(acme.admin_get("").await[ENVIRONMENTS], json!(["acme-prod", "acme-stage"]));
    assert_eq!(idp.read(&ana).await[ENVIRONMENTS], json!(["acme-stage"]));
});

story!(more_users_than_a_request_changes_are_changed_behind_it, async |world: World| {
    let acme = world.account("acme").await;
    lists(&acme, &["new", "old"]).await;
    let idp = acme.connected_identity_provider().await;
    let operation = |n: usize| {
        let mut user = a_user(&format!("user{n}@acme.test"));
        user[ENVIRONMENTS] = json!(["old"]);
        json!({"method": "POST", "path": "/Users", "bulkId": format!("u{n}"), "data": user})
    };
    for n in 0..7 {
        let operations: Vec<Value> = (n * 60..(n + 1) * 60).map(operation).collect();
        let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations});
        idp.post("/Bulk", &bulk).await.expect(200);
    }
    let change = json!({ENVIRONMENTS: ["new"], "force": {"environments": {"old": "new"}}});
    let answer = acme.admin(Method::PATCH, "").json(&change).await.expect(200).json();
    let said = text(&answer["warnings"][0]);
    assert!(said.contains("old becomes new: 200 users were changed, more follow"), "{answer}");
    for _ in 0..800 {
        if items(&acme.admin_get("/access/users?environment=new&limit=1000").await).len() == 421 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    assert!(idp.names("product_environments eq \"old\"").await.is_empty());
    assert_eq!(acme.admin_get("").await["warnings"], json!([]));
    let trail = acme.audit().await;
    let told = trail.0.iter().any(|row| {
        row["actor"] == "server" && text(&row["detail"]).contains("old becomes new: 420 users were changed")
    });
    assert!(told, "the end of it is told");
});

story!(a_value_that_is_no_longer_allowed_blocks_no_other_change, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    declare(&acme, "grade", &json!({"canonical_values": ["a", "b"], "indexed": true})).await.expect(201);
    settled(&acme).await;
    let mut ana = a_user("ana@acme.test");
    (ana["grade"], ana["role"], ana[ENVIRONMENTS]) = (json!("b"), json!("billing"), json!(["acme-stage"]));
    let ana = idp.create_user(&ana).await;
    declare(&acme, "grade", &json!({"canonical_values": ["a"], "indexed": true, "force": true})).await.expect(200);
    let fewer = json!({ENVIRONMENTS: ["acme-prod"], "force": {"environments": {"acme-stage": null}}});
    acme.admin(Method::PATCH, "").json(&fewer).await.expect(200);
    // A process whose configuration has one role fewer.
    let file = directories::subdirectory("attributes").join("attributes.toml");
    let defaults = include_str!("../../../../config/attributes.toml");
    fs::write(&file, defaults.replace("    \"billing\",\n", "")).expect("it can be written");
    let process = world.process_with(&[("GATEWAY__ATTRIBUTES__FILE", &file.display().to_string())]).await;
    let scim = |method| {
        Call::new(client(), method, format!("{}/scim/v2{}", process.address, ana.path())).bearer(&idp.access_token)
    };
    let stays = |user: &Value, title: &str| {
        assert_eq!((&user["role"], &user["grade"]), (&json!("billing"), &json!("b")), "{user}");
        assert_eq!((&user[ENVIRONMENTS], &user["title"]), (&json!(["acme-stage"]), &json!(title)), "{user}");
        assert_eq!(user["active"], json!(true), "{user}");
    };
    let patch = |operation: Value| json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]});
    let one = patch(json!({"op": "replace", "path": "title", "value": "One"}));
    stays(&scim(Method::PATCH).scim(&one).await.expect(200).json(), "One");
    let mut read = scim(Method::GET).await.expect(200).json();
    read["title"] = json!("Two");
    stays(&scim(Method::PUT).scim(&read).await.expect(200).json(), "Two");
    read["title"] = json!("Three");
    let whole = patch(json!({"op": "replace", "value": read}));
    stays(&scim(Method::PATCH).scim(&whole).await.expect(200).json(), "Three");
    let admin = |path: &str| {
        let url = format!("{}/admin/accounts/{}{path}", process.address, acme.id);
        Call::new(client(), Method::PATCH, url).bearer(OPERATOR)
    };
    let path = format!("/users/{}", text(&ana["id"]));
    stays(&admin(&path).json(&json!({"title": "Four"})).await.expect(200).json(), "Four");
    let all = json!({"title": "Five", "role": "billing", "grade": "b", ENVIRONMENTS: ["acme-stage"]});
    stays(&admin(&path).json(&all).await.expect(200).json(), "Five");
    // One of them may change while the others stay, and what left the configuration may become another role.
    let graded = scim(Method::PATCH).scim(&patch(json!({"op": "replace", "path": "grade", "value": "a"}))).await;
    assert_eq!(graded.expect(200).json()["role"], "billing");
    admin("").json(&json!({"force": {"roles": {"billing": "reports"}}})).await.expect(200);
    let read = scim(Method::GET).await.expect(200).json();
    assert_eq!((&read["role"], &read[ENVIRONMENTS]), (&json!("reports"), &json!(["acme-stage"])));
});
