//! The OpenID AuthZEN Authorization API 1.0: one question, several, and who may.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, text};
use crate::support::identity_provider::a_user;
use crate::support::testing::{OPERATOR, World};

async fn ask(acme: &Account, path: &str, body: &Value) -> crate::support::http::Answer {
    acme.world.post(&format!("/access/v1/{path}")).bearer(OPERATOR).json(body).await
}

async fn decision(acme: &Account, subject: &Value, action: &str, resource: Value) -> (bool, String) {
    let body = json!({"subject": {"type": "user", "id": subject, "properties": {"ip": "::1"}}, "action": {"name": action},
        "resource": resource, "context": {"account": acme.id, "time": "2026-11-27T20:00:00Z"}});
    let answer = ask(acme, "evaluation", &body).await.expect(200).json();
    (answer["decision"].as_bool().expect("a decision"), text(&answer["context"]["reason"]))
}

story!(a_decision_is_what_access_says_and_what_is_not_known_is_denied, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let mut ana = a_user("ana@acme.test");
    ana["product_environments"] = json!(["acme-prod"]);
    let ana = idp.create_user(&ana).await;
    let environment = |name: &str| json!({"type": "environment", "id": name});
    let enter = async |subject: &Value, name: &str| decision(&acme, subject, "enter", environment(name)).await;
    assert_eq!(enter(&ana["id"], "acme-prod").await, (true, "the user's own product_environments".to_owned()));
    assert_eq!(
        enter(&json!("ANA@acme.test"), "acme-prod").await,
        (true, "the user's own product_environments".to_owned())
    );
    assert_eq!(enter(&ana["id"], "acme-stage").await, (false, "nothing gives the user this environment".to_owned()));
    assert_eq!(enter(&ana["id"], "bolt-prod").await, (false, "the account has no such environment".to_owned()));
    assert_eq!(enter(&json!("ben"), "acme-prod").await, (false, "there is no such user in this account".to_owned()));
    let role = json!({"type": "role", "id": ana["role"]});
    assert!(decision(&acme, &ana["id"], "have", role.clone()).await.0);
    assert!(!decision(&acme, &ana["id"], "enter", role).await.0, "nothing else is known");
    idp.patch(&ana).replace("active", false).await.expect(200);
    assert_eq!(enter(&ana["id"], "acme-prod").await, (false, "the user is not active".to_owned()));
    // What is asked wrongly is refused, and strangers are not answered.
    let wrong = json!({"subject": {"type": "user"}, "action": {}, "resource": []});
    let problem = ask(&acme, "evaluation", &wrong).await.expect_problem(400);
    assert!(problem["errors"].as_array().is_some_and(|errors| errors.len() >= 2), "{problem}");
    let whole =
        json!({"subject": {"type": "user", "id": "ana"}, "action": {"name": "enter"}, "resource": environment("x")});
    assert_eq!(ask(&acme, "evaluation", &whole).await.expect_problem(400)["errors"][0]["field"], "context.account");
    let mut other = whole.clone();
    other["context"] = json!({"account": "nowhere"});
    ask(&acme, "evaluation", &other).await.expect_problem(404);
    for path in ["evaluation", "evaluations", "search/subject"] {
        world.post(&format!("/access/v1/{path}")).json(&whole).await.expect_problem(401);
    }
    world.get("/access/v1/evaluation").await.expect_problem(401);
    let metadata = world.get("/.well-known/authzen-configuration").await.expect(200).json();
    assert!(text(&metadata["access_evaluation_endpoint"]).ends_with("/access/v1/evaluation"), "{metadata}");
});

story!(several_questions_take_what_stands_at_the_top, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let mut ana = a_user("ana@acme.test");
    ana["product_environments"] = json!(["acme-stage"]);
    idp.create_user(&ana).await;
    let environment = |name: &str| json!({"resource": {"type": "environment", "id": name}});
    let mut batch = json!({"subject": {"type": "user", "id": "ana@acme.test"}, "action": {"name": "enter"},
        "context": {"account": "ACME"}, "evaluations": [environment("acme-stage"), environment("acme-prod"),
            environment("acme-stage"), {"action": {"name": "fly"}, "resource": {"type": "sky", "id": "1"}}]});
    let decisions = |answer: Value| -> Vec<bool> {
        answer["evaluations"].as_array().unwrap().iter().map(|one| one["decision"] == json!(true)).collect()
    };
    assert_eq!(decisions(ask(&acme, "evaluations", &batch).await.expect(200).json()), [true, false, true, false]);
    batch["options"] = json!({"evaluations_semantic": "deny_on_first_deny"});
    assert_eq!(decisions(ask(&acme, "evaluations", &batch).await.expect(200).json()), [true, false]);
    batch["options"] = json!({"evaluations_semantic": "permit_on_first_permit"});
    assert_eq!(decisions(ask(&acme, "evaluations", &batch).await.expect(200).json()), [true]);
    batch["options"] = json!({"evaluations_semantic": "guess"});
    ask(&acme, "evaluations", &batch).await.expect_problem(400);
    batch["options"] = json!({});
    batch["evaluations"] = json!([{}]);
    let problem = ask(&acme, "evaluations", &batch).await.expect_problem(400);
    assert_eq!(problem["errors"][0]["field"], "evaluations[0].resource");
    // Without questions it is one.
    batch["evaluations"] = json!([]);
    batch["resource"] = json!({"type": "environment", "id": "acme-stage"});
    let answer = ask(&acme, "evaluations", &batch).await.expect(200).json();
    assert_eq!((&answer["decision"], answer.get("evaluations")), (&json!(true), None));
});

story!(those_who_may_are_found_page_by_page, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    for n in 0..3 {
        let mut user = a_user(&format!("user{n}@acme.test"));
        user["product_environments"] = json!([if n == 1 { "acme-stage" } else { "acme-prod" }]);
        idp.create_user(&user).await;
    }
    acme.admin(Method::PATCH, "").json(&json!({"unset_environments": "none"})).await.expect(200);
    let mut search = json!({"subject": {"type": "user"}, "action": {"name": "enter"}, "context": {"account": acme.id},
        "resource": {"type": "environment", "id": "acme-prod"}, "page": {"limit": 1}});
    let mut found = Vec::new();
    for _ in 0..4 {
        let page = ask(&acme, "search/subject", &search).await.expect(200).json();
        found.extend(page["results"].as_array().unwrap().iter().map(|one| text(&one["properties"]["userName"])));
        assert_eq!(page["page"]["count"], json!(page["results"].as_array().unwrap().len()));
        if page["page"]["next_token"] == "" {
            break;
        }
        search["page"]["token"] = page["page"]["next_token"].clone();
    }
    assert_eq!(found, ["user0@acme.test", "user2@acme.test"]);
    search["page"] = json!({"token": "x"});
    ask(&acme, "search/subject", &search).await.expect_problem(400);
    search["page"] = json!({});
    search["resource"]["id"] = json!("nowhere");
    assert_eq!(ask(&acme, "search/subject", &search).await.expect(200).json()["results"], json!([]));
});
