//! Operators who are changed and ended, the last of them who stays, and the way back in from the command line.

use reqwest::Method;
use serde_json::{Value, json};

use crate::second_factors::type_code;
use crate::support::account::{items, text};
use crate::support::browser::Landed;
use crate::support::concurrently::all;
use crate::support::console::{PASSWORD, set_password};
use crate::support::database::Behind;
use crate::support::http::Call;
use crate::support::testing::World;

async fn made(world: &World, body: Value) -> (String, String) {
    let made = world.admin(Method::POST, "/operators").json(&body).await.expect(201).json();
    (text(&made["id"]), text(&made["token"]))
}

fn by(world: &World, token: &str, method: Method, id: &str) -> Call {
    world.call(method, &format!("/admin/operators/{id}")).bearer(token)
}

async fn rows_of(world: &World, action: &str) -> Vec<Value> {
    let trail = items(&world.admin_get("/audit?limit=200").await);
    trail.into_iter().filter(|row| row["action"] == action).collect()
}

story!(an_operator_gets_another_name_role_and_accounts_and_the_trail_says_from_what, async |world: World| {
    let acme = world.account("acme").await;
    let (ada, token) = made(&world, json!({"name": "Ada", "role": "csm", "accounts": [acme.id]})).await;
    let (_, platform) = made(&world, json!({"name": "Pia", "role": "platform"})).await;
    let created = rows_of(&world, "operator.created").await;
    let told: Vec<&str> = created.iter().filter_map(|row| row["detail"].as_str()).collect();
    assert_eq!(told, ["platform, all accounts", "csm, acme"], "{created:?}");

    let change = json!({"name": "Ada of support", "role": "support", "accounts": null});
    let changed = by(&world, &platform, Method::PATCH, &ada).json(&change).await.expect(200).json();
    assert_eq!((&changed["name"], &changed["role"]), (&json!("Ada of support"), &json!("support")));
    assert_eq!(changed["accounts"], Value::Null, "{changed}");
    // It counts from the next request on.
    world.call(Method::GET, "/admin/clients").bearer(&token).await.expect(200);
    acme.world.call(Method::POST, &format!("/admin/accounts/{}/suspend", acme.id)).bearer(&token).await.expect(403);
    let row = rows_of(&world, "operator.changed").await.remove(0);
    assert_eq!(row["target_name"], "Ada of support", "{row}");
    for (field, before, after) in
        [("name", "Ada", "Ada of support"), ("role", "csm", "support"), ("accounts", "acme", "all accounts")]
    {
        let change = &row["changes"][field];
        assert_eq!((&change["before"], &change["after"]), (&json!(before), &json!(after)), "{row}");
    }
    // What stays as it is, is no change; what cannot be, is told.
    by(&world, &platform, Method::PATCH, &ada).json(&json!({"role": "support"})).await.expect(200);
    assert_eq!(rows_of(&world, "operator.changed").await.len(), 1);
    let wrong = [
        (json!({"name": "pia"}), 409, "another operator"),
        (json!({"name": " "}), 400, "1 to 200"),
        (json!({"role": "owner"}), 400, "role"),
        (json!({"accounts": ["0198a6b2-0000-7e4f-8a5b-6c7d8e9f0a1b"]}), 404, "account"),
    ];
    for (body, status, told) in wrong {
        let problem = by(&world, &platform, Method::PATCH, &ada).json(&body).await.expect_problem(status).to_string();
        assert!(problem.contains(told), "{body}: {problem}");
    }
    by(&world, &token, Method::PATCH, &ada).json(&json!({"role": "platform"})).await.expect_problem(403);
    by(&world, &platform, Method::PATCH, "unknown").json(&json!({"role": "csm"})).await.expect_problem(404);
});

story!(the_last_operator_for_the_platform_is_neither_ended_nor_demoted, async |world: World| {
    let (ada, adas) = made(&world, json!({"name": "Ada", "role": "platform"})).await;
    let acme = world.account("acme").await;
    made(&world, json!({"name": "of one account", "role": "platform", "accounts": [acme.id]})).await;
    // One who was invited and has no password yet lets no other in.
    world.invited("ben@vendor.test", "platform", None).await;
    let problem = by(&world, &adas, Method::DELETE, &ada).await.expect_problem(409);
    assert!(text(&problem["detail"]).contains("last operator with the role platform"), "{problem}");
    by(&world, &adas, Method::PATCH, &ada).json(&json!({"role": "csm"})).await.expect_problem(409);
    by(&world, &adas, Method::PATCH, &ada).json(&json!({"name": "Ada the First"})).await.expect(200);

    // Two who end or demote each other at once: one of them stays.
    for round in 0..3 {
        let (eve, eves) = made(&world, json!({"name": format!("Eve {round}"), "role": "platform"})).await;
        let (fay, fays) = made(&world, json!({"name": format!("Fay {round}"), "role": "platform"})).await;
        world.admin(Method::DELETE, &format!("/operators/{}", last(&world, &[&eve, &fay]).await)).await.expect(204);
        let call = async |token: &str, id: &str| match round {
            0 => by(&world, token, Method::DELETE, id).await,
            _ => by(&world, token, Method::PATCH, id).json(&json!({"accounts": [acme.id]})).await,
        };
        let answers = all(vec![call(&eves, &fay), call(&fays, &eve)]).await;
        let done = answers.iter().filter(|answer| answer.status.is_success()).count();
        let told: Vec<String> = answers.iter().map(|answer| format!("{} {}", answer.status, answer.text())).collect();
        assert_eq!(done, 1, "{told:?}");
        assert!(answers.iter().all(|answer| answer.status.as_u16() < 500), "{told:?}");
        let stays = items(&world.admin_get("/operators").await);
        let stays = stays.iter().filter(|one| one["role"] == "platform" && one["accounts"].is_null());
        assert_eq!(stays.filter(|one| one["address"].is_null()).count(), 1);
    }

    // In the console the token of the last one who has nothing else is not ended either; with a password it is.
    let pia = world.operator("pia@vendor.test", "platform").await;
    let others = items(&world.admin_get("/operators").await);
    for other in others.iter().filter(|other| other["id"] != pia.id.as_str()) {
        world.admin(Method::DELETE, &format!("/operators/{}", text(&other["id"]))).await.expect(204);
    }
    let end = pia.open(&format!("/operators/{}/end", pia.id)).await;
    assert!(end.answer.status.is_success() || end.answer.status == 409);
    let token = [("csrf", &*pia.form_token().await)];
    let ended = pia.send("POST", &format!("/operators/{}/end", pia.id), Some(&token)).await;
    assert_eq!(ended.status.as_u16(), 409, "{}", ended.text());
    let demoted = [("csrf", token[0].1), ("role", "csm"), ("reach", "all")];
    let demoted = pia.send("POST", &format!("/operators/{}", pia.id), Some(&demoted)).await;
    assert_eq!(demoted.status.as_u16(), 409, "{}", demoted.text());
    assert!(pia.open("/operators").await.words().contains("pia@vendor.test"), "she is there");
});

/// The operator for the platform who is there beside these.
async fn last(world: &World, but: &[&str]) -> String {
    let all = items(&world.admin_get("/operators").await);
    let found = all.iter().find(|one| {
        one["role"] == "platform"
            && one["accounts"].is_null()
            && one["address"].is_null()
            && !but.iter().any(|id| one["id"] == *id)
    });
    text(&found.expect("one is left")["id"])
}

story!(what_an_operator_came_in_with_ends_with_them, async |world: World| {
    let acme = world.account("acme").await;
    let ada = world.operator_of("ada@vendor.test", "csm", Some(&[&acme.id])).await;
    let eve = world.operator("eve@vendor.test", "csm").await;
    for operator in [&ada, &eve] {
        let token = operator.form_token().await;
        operator.send("POST", "/you/token", Some(&[("csrf", &*token)])).await.expect(200);
        world.admin(Method::POST, &format!("/operators/{}/password-link", operator.id)).await.expect(201);
    }
    let seq = |id: &str| format!("(SELECT seq FROM operators WHERE id = '{id}')");
    let held = |behind: &mut Behind, id: &str| {
        let count = |behind: &mut Behind, sql: String| behind.number(&format!("SELECT COUNT(*) AS n FROM {sql}"));
        [
            count(
                behind,
                format!("operators WHERE id = '{id}' AND (password_hash IS NOT NULL OR token_made IS NOT NULL)"),
            ),
            count(behind, format!("operator_sessions WHERE operator = {}", seq(id))),
            count(behind, format!("second_factors WHERE resource = -{}", seq(id))),
            count(behind, format!("recovery_codes WHERE resource = -{}", seq(id))),
            count(behind, format!("password_links WHERE operator = '{id}' AND used IS NULL")),
        ]
    };
    let mut behind = Behind::of(&world);
    for operator in [&ada, &eve] {
        assert!(
            held(&mut behind, &operator.id).iter().all(|count| *count > 0),
            "{:?}",
            held(&mut behind, &operator.id)
        );
    }
    // The one ends with the last of their accounts, the other is ended.
    acme.admin(Method::DELETE, "").await.expect(204);
    world.admin(Method::DELETE, &format!("/operators/{}", eve.id)).await.expect(204);
    for operator in [&ada, &eve] {
        assert_eq!(held(&mut behind, &operator.id), [0; 5]);
        assert_eq!(operator.send("GET", "/you", None).await.status.as_u16(), 303, "logged out");
        let browser = world.browser();
        let page = browser.open(&world.console("")).await.page();
        let address = if operator.id == ada.id { "ada@vendor.test" } else { "eve@vendor.test" };
        assert_eq!(browser.log_in(&page, address, PASSWORD).await.page().answer.status.as_u16(), 401);
    }
    let ended = rows_of(&world, "operator.ended").await;
    let names: Vec<&str> = ended.iter().filter_map(|row| row["target_name"].as_str()).collect();
    assert_eq!(names, ["eve@vendor.test", "ada@vendor.test"], "{ended:?}");
});

story!(an_operator_who_lost_the_app_comes_back_by_the_command_line, async |world: World| {
    let ada = world.operator("ada@vendor.test", "platform").await;
    made(&world, json!({"name": "automation", "role": "platform"})).await;
    let run = |name: &str| world.command(&["operator", "recover", name], &[]);
    for (name, told) in [("unknown@vendor.test", "no operator"), ("automation", "no e-mail address")] {
        let refused = run(name);
        let error = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && error.contains(told), "{name}: {error}");
    }
    let recovered = run("ADA@vendor.test");
    let (out, error) = (String::from_utf8_lossy(&recovered.stdout), String::from_utf8_lossy(&recovered.stderr));
    assert!(recovered.status.success(), "{error}");
    let link = out.trim();
    assert!(link.contains("/console/welcome/gwp_") && !link.contains('\n'), "{out}");
    assert_eq!(ada.send("GET", "/you", None).await.status.as_u16(), 303, "logged out");
    // A password that a thief knows does not set up their app.
    let thief = world.browser();
    let page = thief.open(&world.console("")).await.page();
    let page = thief.log_in(&page, "ada@vendor.test", PASSWORD).await.page();
    assert_eq!(page.answer.status.as_u16(), 401, "{}", page.words());

    let browser = world.browser();
    let page = browser.open(link).await.page();
    let page = set_password(&browser, &page, "another harbour at night 8").await;
    let app = crate::second_factors::App::reading(&page);
    let page = type_code(&browser, &page, &app.shows(0)).await.page();
    assert!(page.words().contains("recovery codes"), "{}", page.words());
    assert_eq!(browser.open(&world.console("/you")).await.page().url.path(), "/console/you");
    assert_eq!(world.browser().open(link).await.page().answer.status.as_u16(), 410, "it counts once");
    let row = rows_of(&world, "operator.recovered").await.remove(0);
    assert_eq!((&row["actor"], &row["target_name"]), (&json!("command line"), &json!("ada@vendor.test")), "{row}");
});
