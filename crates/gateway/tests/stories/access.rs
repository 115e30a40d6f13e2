//! Who may do what: rules of an account, the answer with its reasons, who may enter, and what a change would make of it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, items, text};
use crate::support::identity_provider::{IdentityProvider, a_user};
use crate::support::testing::World;

async fn set(acme: &Account, rules: Value) -> Value {
    acme.admin(Method::PUT, "/access").json(&rules).await.expect(200).json()
}

pub async fn access(acme: &Account, user: &Value) -> Value {
    acme.admin_get(&format!("/users/{}/access", text(&user["id"]))).await
}

/// The environments of an answer, by name.
pub fn environments(access: &Value) -> Vec<String> {
    access["environments"].as_array().expect("environments").iter().map(|one| text(&one["value"])).collect()
}

async fn user(idp: &IdentityProvider, name: &str, own: Option<&[&str]>) -> Value {
    let mut user = a_user(name);
    if let Some(own) = own {
        user["product_environments"] = json!(own);
    }
    idp.create_user(&user).await
}

story!(a_group_gives_a_role_and_environments_and_the_answer_says_why, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = user(&idp, "ana@acme.test", None).await;
    let inner = idp.create_group("Interns", &[&ana]).await;
    let editors = idp.create_group("Editors", &[&inner]).await;
    let before = access(&acme, &ana).await;
    assert_eq!((environments(&before).len(), &before["every_environment"]), (2, &json!(true)));
    assert_eq!(before["environments"][0]["reasons"][0]["kind"], "unset");
    assert_eq!(before["role"]["reason"]["kind"], "own");
    let made = set(
        &acme,
        json!({"precedence": "groups", "rules": [
            {"group_name": "Nothing yet", "role": "admin"},
            {"group_id": editors["id"], "role": "reports", "environments": ["acme-stage"]},
            {"group_name": "INTERNS", "role": "billing", "environments": ["acme-stage"]},
        ]}),
    )
    .await;
    let states: Vec<String> = made["rules"].as_array().unwrap().iter().map(|rule| text(&rule["state"])).collect();
    assert_eq!(
        (states, &made["version"]),
        (vec!["waiting".to_owned(), "live".to_owned(), "live".to_owned()], &json!(1))
    );
    let after = access(&acme, &ana).await;
    assert_eq!((environments(&after), &after["every_environment"]), (vec!["acme-stage".to_owned()], &json!(false)));
    assert_eq!((&after["role"]["value"], &after["role"]["reason"]["rule"]), (&json!("reports"), &json!(2)));
    let reason = &after["role"]["reason"];
    assert_eq!((&reason["group"]["display"], &reason["through"]["display"]), (&json!("Editors"), &json!("Interns")));
    assert!(reason["by"]["actor"].as_str().is_some_and(|actor| actor.starts_with("client:")), "{reason}");
    let said = text(&reason["text"]);
    assert!(
        said.starts_with("group \"Editors\" through group \"Interns\", second rule, since ")
            && said.ends_with("by client Okta"),
        "{said}"
    );
    assert_eq!(
        after["environments"][0]["reasons"].as_array().map(Vec::len),
        Some(2),
        "each group that gives it is a reason"
    );
    // The same, by name; and the user's own attribute first, where the account says so.
    let named = acme.admin_get("/access/user?userName=ANA%40acme.test").await;
    assert_eq!(named, after);
    let again =
        set(&acme, json!({"rules": [{"group_id": editors["id"], "role": "reports", "environments": ["acme-stage"]}]}))
            .await;
    assert_eq!(
        (&again["precedence"], &again["rules"][0]["since"]),
        (&json!("user"), &made["rules"][1]["since"]),
        "the rule stayed"
    );
    let own = access(&acme, &ana).await;
    assert_eq!((&own["role"]["reason"]["kind"], environments(&own)), (&json!("own"), vec!["acme-stage".to_owned()]));
    idp.patch(&ana).replace("product_environments", json!(["acme-prod"])).await.expect(200);
    let own = access(&acme, &ana).await;
    assert_eq!(environments(&own), ["acme-prod"]);
    let reason = &own["environments"][0]["reasons"][0];
    assert_eq!((&reason["kind"], &reason["by"]["name"]), (&json!("own"), &json!("Okta")));
    // A group that is gone gives nothing, and its rule is shown as dead.
    idp.patch(&ana).remove("product_environments").await.expect(200);
    idp.delete(&editors).await.expect(204);
    let rules = acme.admin_get("/access").await;
    assert_eq!((&rules["rules"][0]["state"], &rules["rules"][0]["group_name"]), (&json!("dead"), &json!("Editors")));
    let gone = access(&acme, &ana).await;
    assert_eq!(gone["environments"][0]["reasons"][0]["kind"], "unset");
    let kept = json!({"rules": [{"group_id": editors["id"], "role": "reports", "environments": ["acme-stage"]}]});
    assert_eq!(set(&acme, kept).await["rules"][0]["state"], "dead", "what is stored may be repeated");
    assert!(acme.audit().await.actions().contains(&"access.rules_changed"));
});

story!(who_is_not_active_may_do_nothing, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = user(&idp, "ana@acme.test", Some(&["acme-prod"])).await;
    idp.patch(&ana).replace("active", false).await.expect(200);
    let off = access(&acme, &ana).await;
    assert_eq!((&off["active"], &off["role"], environments(&off).len()), (&json!(false), &Value::Null, 0));
    assert_eq!(off["none_because"], "the user is not active");
    idp.patch(&ana).replace("active", true).await.expect(200);
    assert_eq!(environments(&access(&acme, &ana).await), ["acme-prod"]);
    acme.admin(Method::POST, "/suspend").await.expect(200);
    assert_eq!(access(&acme, &ana).await["none_because"], "the account is suspended");
    acme.admin(Method::GET, "/users/0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b/access").await.expect_problem(404);
    acme.admin(Method::GET, "/access/user?userName=ben").await.expect_problem(404);
    acme.admin(Method::GET, "/access/user").await.expect_problem(400);
});

story!(rules_that_cannot_be_are_refused_by_their_fields, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let elsewhere = world.account("bolt").await.connected_identity_provider().await.create_group("Bolts", &[]).await;
    let here = idp.create_group("Editors", &[]).await;
    let rules = json!({"rules": [
        {"group_id": elsewhere["id"], "role": "admin"},
        {"group_id": here["id"], "role": "emperor", "environments": ["acme-prod", "bolt-prod"]},
        {"group_name": "Editors"},
        {"group_name": "Editors", "group_id": here["id"], "role": "admin"},
        {"role": "admin"},
        {"group_name": "Editors", "environments": "all", "more": 1},
    ]});
    let problem = acme.admin(Method::PUT, "/access").json(&rules).await.expect_problem(400);
    let fields = |problem: &Value| -> Vec<String> {
        problem["errors"].as_array().unwrap().iter().map(|error| text(&error["field"])).collect()
    };
    // What has the wrong shape is told first.
    assert_eq!(fields(&problem), ["rules[5].environments", "rules[5].more"]);
    let mut rules = rules;
    rules["rules"].as_array_mut().unwrap().pop();
    let problem = acme.admin(Method::PUT, "/access").json(&rules).await.expect_problem(400);
    let wrong = [
        "rules[0].group_id",
        "rules[1].role",
        "rules[1].environments[1]",
        "rules[2]",
        "rules[3].group_name",
        "rules[4].group_id",
    ];
    assert_eq!(fields(&problem), wrong);
    assert_eq!(acme.admin_get("/access").await["version"], 0);
    let many: Vec<Value> = (0..501).map(|n| json!({"group_name": format!("G{n}"), "role": "admin"})).collect();
    acme.admin(Method::PUT, "/access").json(&json!({"rules": many})).await.expect_problem(400);
    // Of two who replace the same version, the second is told.
    let first = json!({"version": 0, "rules": [{"group_name": "Editors", "role": "admin"}]});
    set(&acme, first.clone()).await;
    acme.admin(Method::PUT, "/access").json(&first).await.expect_problem(409);
});

story!(who_may_enter_is_listed_page_by_page, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let mut members = Vec::new();
    for n in 0..5 {
        let own: Option<&[&str]> = if n == 0 { Some(&["acme-stage"]) } else { None };
        members.push(user(&idp, &format!("user{n}@acme.test"), own).await);
    }
    let group = idp.create_group("Editors", &members.iter().take(4).collect::<Vec<_>>()).await;
    set(&acme, json!({"rules": [{"group_id": group["id"], "environments": ["acme-prod"]}]})).await;
    acme.admin(Method::PATCH, "").json(&json!({"unset_environments": "none"})).await.expect(200);
    idp.patch(&members[3]).replace("active", false).await.expect(200);
    let mut found = Vec::new();
    let mut path = "/access/users?environment=acme-prod&limit=1".to_owned();
    for _ in 0..5 {
        let page = acme.admin_get(&path).await;
        found.extend(items(&page).iter().map(|item| text(&item["user"]["userName"])));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/access/users?environment=acme-prod&limit=1&after={next}");
    }
    assert_eq!(found, ["user1@acme.test", "user2@acme.test"]);
    let stage = acme.admin_get("/access/users?environment=acme-stage").await;
    assert_eq!(items(&stage).len(), 1);
    assert_eq!(items(&stage)[0]["access"]["environments"], json!(["acme-stage"]));
    let all = acme.admin_get("/access/users").await;
    assert_eq!(items(&all).len(), 5, "the service account, and four active ones: {all}");
    acme.admin(Method::GET, "/access/users?environment=nowhere").await.expect_problem(400);
    acme.admin(Method::GET, "/access/users?after=x").await.expect_problem(400);
});

story!(a_change_is_looked_at_before_it_is_made, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = user(&idp, "ana@acme.test", Some(&["acme-prod", "acme-stage"])).await;
    let ben = user(&idp, "ben@acme.test", None).await;
    let inner = idp.create_group("Interns", &[&ben]).await;
    let outer = idp.create_group("Editors", &[&inner]).await;
    set(&acme, json!({"rules": [{"group_id": outer["id"], "environments": ["acme-stage"]}]})).await;
    let what_if = async |change: Value| -> Vec<(String, bool, Value)> {
        let answer = acme.admin(Method::POST, "/access/what-if").json(&change).await.expect(200).json();
        let mut told = Vec::new();
        for item in items(&answer) {
            let name = text(&item["user"]["userName"]);
            if !name.starts_with("scim@") {
                told.push((name, item["grows"] == json!(true), item["after"]["environments"].clone()));
            }
        }
        told
    };
    // Without the inner group Ben is in neither, and unset.
    let told = what_if(json!({"without_group": inner["id"]})).await;
    assert_eq!(told, [("ben@acme.test".to_owned(), true, json!(["acme-prod", "acme-stage"]))]);
    let told = what_if(json!({"without_group": inner["id"], "unset_environments": "none"})).await;
    assert_eq!(told, [("ben@acme.test".to_owned(), false, json!([]))]);
    let told = what_if(json!({"without_environment": "acme-stage"})).await;
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|(_, grows, _)| !grows), "{told:?}");
    let told = what_if(json!({"precedence": "groups"})).await;
    assert!(told.is_empty(), "Ana is in no group: {told:?}");
    let told = what_if(json!({"rules": [{"group_name": "Interns", "environments": "*"}]})).await;
    assert_eq!(told, [("ben@acme.test".to_owned(), true, json!(["acme-prod", "acme-stage"]))]);
    for wrong in [json!({}), json!({"without_group": "x"}), json!({"without_environment": "x"}), json!({"rules": [{}]})]
    {
        acme.admin(Method::POST, "/access/what-if").json(&wrong).await.expect_problem(400);
    }
    // Nothing was done.
    assert_eq!(environments(&access(&acme, &ana).await).len(), 2);
    assert_eq!(environments(&access(&acme, &ben).await), ["acme-stage"]);
});

story!(an_environment_that_a_rule_gives_does_not_go_unnoticed, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = user(&idp, "ana@acme.test", None).await;
    let group = idp.create_group("Editors", &[&ana]).await;
    set(&acme, json!({"rules": [{"group_id": group["id"], "environments": ["acme-stage"]}]})).await;
    let fewer = json!({"product_environments": ["acme-prod"]});
    let problem = acme.admin(Method::PATCH, "").json(&fewer).await.expect_problem(409);
    let said = text(&problem["detail"]);
    assert!(said.contains("1 access rule has the product_environments \"acme-stage\""), "{said}");
    acme.admin(Method::PATCH, "?force").json(&fewer).await.expect(200);
    assert_eq!(acme.admin_get("/access").await["rules"][0]["gone_environments"], json!(["acme-stage"]));
    let now = access(&acme, &ana).await;
    assert!(environments(&now).is_empty() && now["every_environment"] == json!(false), "restricted on: {now}");
    // What is stored may be repeated.
    let same = json!({"rules": [{"group_id": group["id"], "environments": ["acme-stage"], "role": "reports"}]});
    assert_eq!(set(&acme, same).await["rules"][0]["role"], "reports");
});

story!(a_name_that_no_database_holds_is_no_user, async |world: World| {
    let acme = world.account("acme").await;
    let long = "x".repeat(5_000);
    for name in ["%00", "a%00b", "%F0%9F%98%80", long.as_str(), ""] {
        let answer = acme.admin(Method::GET, &format!("/access/user?userName={name}")).await;
        assert!([400, 404].contains(&answer.status.as_u16()), "{}", answer.text());
    }
    for query in ["environment=%00", "role=%00", "environment=&role="] {
        let answer = acme.admin(Method::GET, &format!("/access/users?{query}")).await;
        assert!([200, 400].contains(&answer.status.as_u16()), "{}", answer.text());
    }
    for id in ["%00", "x", "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b"] {
        acme.admin(Method::GET, &format!("/users/{id}/access")).await.expect_problem(404);
    }
    let rule = json!({"rules": [{"group_name": "a\u{0}b", "role": "admin"}]});
    acme.admin(Method::PUT, "/access").json(&rule).await.expect_problem(400);
    let rule = json!({"rules": [{"group_id": "x".repeat(5_000), "role": "admin"}]});
    acme.admin(Method::PUT, "/access").json(&rule).await.expect_problem(400);
});

story!(what_a_user_might_do_at_a_time_is_said_with_the_reasons_of_then, moving_clock, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = user(&idp, "ana@acme.test", None).await;
    let inner = idp.create_group("Interns", &[&ana]).await;
    let outer = idp.create_group("Editors", &[&inner]).await;
    set(
        &acme,
        json!({"precedence": "groups", "rules": [
            {"group_id": outer["id"], "role": "reports", "environments": ["acme-stage"]},
            {"group_name": "interns", "environments": ["acme-prod"]},
        ]}),
    )
    .await;
    let second = std::time::Duration::from_secs(1);
    let now = access(&acme, &ana).await;
    let then = gateway::platform::system::rfc3339(gateway::platform::timestamp::Timestamp::of_millis(world.now()));
    world.pass(second);
    // All that it came from changes or goes.
    idp.patch(&ana).replace("userName", "anna@acme.test").replace("role", "billing").await.expect(200);
    world.pass(second);
    idp.patch(&inner).replace("displayName", "Trainees").await.expect(204);
    idp.delete(&outer).await.expect(204);
    set(&acme, json!({"rules": []})).await;
    world.pass(second);
    acme.admin(Method::PATCH, "").json(&json!({"unset_environments": "none"})).await.expect(200);
    let fewer = json!({"product_environments": ["acme-eu"], "force": true});
    acme.admin(Method::PATCH, "").json(&fewer).await.expect(200);
    let with_time = |mut answer: Value| {
        answer["at"] = json!(then);
        answer
    };
    let path = format!("/users/{}/access?at={then}", text(&ana["id"]));
    assert_eq!(acme.admin_get(&path).await, with_time(now.clone()));
    acme.admin(Method::POST, "/suspend").await.expect(200);
    acme.admin(Method::POST, "/resume").await.expect(200);
    idp.delete(&ana).await.expect(204);
    world.pass(second);
    assert_eq!(acme.admin_get(&path).await, with_time(now.clone()), "a user who was deleted since");
    let named = acme.admin_get(&format!("/access/user?userName=Ana%40acme.test&at={then}")).await;
    assert_eq!(named, with_time(now), "by the name of then");
    acme.admin(Method::GET, &format!("/access/user?userName=anna%40acme.test&at={then}")).await.expect_problem(404);
    let stage = acme.admin_get(&format!("/access/users?environment=acme-stage&at={then}")).await;
    assert!(items(&stage).iter().any(|item| item["user"]["userName"] == "ana@acme.test"), "{stage}");
    acme.admin(Method::GET, &format!("/access/users?environment=acme-eu&at={then}")).await.expect_problem(400);
});
