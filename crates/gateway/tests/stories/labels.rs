//! What people call environments and roles of an account: in the admin API, and on every page where they meet them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::browser::{Landed, Page};
use crate::support::console::NO_APP;
use crate::support::identity_provider::a_user;
use crate::support::testing::World;

#[track_caller]
fn says(page: &Page, words: &[&str]) {
    let shown = page.words();
    for words in words {
        assert!(shown.contains(words), "{words:?} on {} ({}): {shown}", page.url, page.answer.status);
    }
}

story!(names_for_people_are_merged_checked_recorded_and_no_client_sees_them, async |world: World| {
    let body = json!({
        "name": "acme", "product_environments": ["acme-prod", "acme-stage"],
        "environment_labels": {"acme-prod": {"display_name": "Production"}},
    });
    let made = world.admin(Method::POST, "/accounts").json(&body).await.expect(201).json();
    assert_eq!(made["product_environments"], json!(["acme-prod", "acme-stage"]), "the list is as it was");
    let production = json!({"display_name": "Production", "description": null});
    assert_eq!(made["environment_labels"], json!({"acme-prod": production}));
    let acme =
        crate::support::account::Account { world: world.clone(), id: text(&made["id"]), name: "acme".to_owned() };
    let idp = acme.connected_identity_provider().await;
    idp.create_user(&a_user("ana@acme.test")).await;
    let schemas = idp.get("/Schemas").await.expect(200).text();

    let change = async |body: Value| acme.admin(Method::PATCH, "").json(&body).await;
    let changed = change(json!({
        "environment_labels": {"acme-stage": {"display_name": "Staging", "description": "For rehearsals."}},
        "role_labels": {"admin": {"display_name": "Administrator"}},
    }));
    let changed = changed.await.expect(200).json();
    let staging = json!({"display_name": "Staging", "description": "For rehearsals."});
    assert_eq!(changed["environment_labels"], json!({"acme-prod": production, "acme-stage": staging}), "merged");
    let audit = acme.audit().await;
    let row = audit.last();
    assert_eq!(row["action"], "account.changed");
    let changes = &row["changes"]["environment_labels"];
    assert_eq!(changes["before"], json!({"acme-prod": production}), "{row}");
    assert_eq!(changes["after"], changed["environment_labels"], "{row}");
    assert_eq!(row["changes"]["role_labels"]["after"]["admin"]["display_name"], "Administrator", "{row}");

    // A list of plain texts, as tools write it, keeps what is called something; what leaves it loses that.
    let same =
        change(json!({"product_environments": ["acme-stage", "acme-prod", "acme-dev"]})).await.expect(200).json();
    assert_eq!(same["environment_labels"], changed["environment_labels"]);
    let fewer = change(json!({"product_environments": ["acme-stage", "acme-dev"]})).await.expect(200).json();
    assert_eq!(fewer["environment_labels"], json!({"acme-stage": staging}));
    let back = change(json!({"product_environments": ["acme-prod", "acme-stage"]})).await.expect(200).json();
    assert_eq!(back["environment_labels"], json!({"acme-stage": staging}), "it is not called so for good");

    let mistakes = async |body: Value| {
        let problem = change(body).await.expect_problem(400);
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|e| format!("{} {}", text(&e["field"]), text(&e["detail"]))).collect::<Vec<_>>()
    };
    let wrong = mistakes(json!({
        "environment_labels": {"acme-prd": {"display_name": "Production"}, "acme-prod": {"display_name": "staging"}},
        "role_labels": {"owner": {"description": "x"}, "admin": {"display_name": ""}},
    }));
    assert_eq!(wrong.await, ["role_labels.admin.display_name must have 1 to 200 characters and no control characters"]);
    let wrong = mistakes(json!({
        "environment_labels": {"acme-prd": {"display_name": "Production"}, "acme-prod": {"display_name": "staging"}},
        "role_labels": {"owner": {"description": "x"}},
    }));
    let wrong = wrong.await;
    assert_eq!(wrong.len(), 3, "{wrong:?}");
    assert!(wrong[0].contains("acme-prd is no product environment of this account; it has acme-prod, acme-stage"));
    assert!(wrong[1].contains("is what `acme-stage` is called already"), "{wrong:?}");
    assert!(wrong[2].starts_with("role_labels.owner is no role of this account; it has master_admin"), "{wrong:?}");
    assert_eq!(acme.admin_get("").await["environment_labels"], back["environment_labels"], "nothing of it was done");
    let none = change(json!({"environment_labels": null, "role_labels": {"admin": null}})).await.expect(200).json();
    assert_eq!((&none["environment_labels"], &none["role_labels"]), (&json!({}), &json!({})));
    change(json!({"environment_labels": {"acme-prod": production}})).await.expect(200);

    // What clients are told is what they were told before.
    assert_eq!(idp.get("/Schemas").await.expect(200).text(), schemas);
    assert!(!schemas.contains("Production"));

    // An account as a file: the same lines as in the console, without anything secret.
    let file = acme.admin(Method::GET, "/export").await.expect(200);
    assert_eq!(file.header("content-type"), Some("application/jsonl"));
    let named = format!("attachment; filename=\"{}.jsonl\"", acme.id);
    assert_eq!((file.header("content-disposition"), file.header("cache-control")), (Some(&*named), Some("no-store")));
    let lines: Vec<Value> = file.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let kinds: Vec<&str> = lines.iter().filter_map(|line| line["kind"].as_str()).collect();
    assert_eq!(kinds, ["account", "user", "user"]);
    assert_eq!(lines[0]["account"]["environment_labels"], json!({"acme-prod": production}));
    assert!(!file.text().contains("password") && !file.text().contains("gws_"), "{}", file.text());
    let globex = world.account("globex").await;
    let token = async |role: &str, accounts: Value| {
        let body = json!({"name": format!("{role} of {accounts}"), "role": role, "accounts": accounts});
        text(&world.admin(Method::POST, "/operators").json(&body).await.expect(201).json()["token"])
    };
    let export = format!("/admin/accounts/{}/export", acme.id);
    world.get(&export).bearer(&token("csm", json!([globex.id])).await).await.expect_problem(404);
    world.get(&export).bearer(&token("auditor", json!([acme.id])).await).await.expect_problem(403);
    world.get(&export).bearer(&token("support", json!([acme.id])).await).await.expect(200);
    world.get(&export).await.expect_problem(401);
});

story!(
    names_for_people_are_set_in_the_settings_and_stand_where_people_meet_the_values,
    settings = [NO_APP],
    async |world: World| {
        let acme = world.account("acme").await;
        let ana =
            acme.user("ana@acme.test").role("admin").with("product_environments", json!(["acme-stage"])).create().await;
        let nora = world.operator("nora@vendor.test", "csm").await;
        let path = format!("/accounts/{}", acme.id);
        let page = nora.open(&format!("{path}/settings")).await;
        let typed = [
            ("environment-name:acme-prod", "Production"),
            ("environment-about:acme-prod", "What your readers <see>."),
            ("environment-name:acme-stage", "production"),
            ("role-name:admin", "Administrator"),
            ("role-about:admin", "May do all but billing."),
        ];
        let wrong = nora.press(&page, "Save settings", &typed).await;
        says(&wrong, &["Nothing was saved", "The display name of acme-prod is what `acme-stage` is called already"]);
        assert!(
            wrong.answer.text().contains("aria-describedby=\"environment-name:acme-prod-error\""),
            "it is told at its field"
        );
        assert!(wrong.answer.text().contains("value=\"May do all but billing.\""), "what was typed is still there");
        let saved = nora.press(&wrong, "Save settings", &[("environment-name:acme-stage", "Staging")]).await;
        says(&saved, &["are saved", "Administrator (admin)"]);
        let now = acme.admin_get("").await;
        assert_eq!(now["environment_labels"]["acme-stage"], json!({"display_name": "Staging", "description": null}));
        assert_eq!(now["role_labels"]["admin"]["description"], "May do all but billing.");

        // An environment leaves the list in the same form that says what it is called.
        let fewer = nora.press(&saved, "Save settings", &[("environments", "acme-prod\nacme-stage\nacme-dev")]).await;
        let fewer = nora.press(&fewer, "Save settings", &[("environments", "acme-prod\nacme-stage")]).await;
        says(&fewer, &["are saved"]);

        says(&nora.open(&path).await, &["Production acme-prod", "What your readers <see>.", "Administrator admin"]);
        let user = nora.open(&format!("{path}/users/{}", ana.id)).await;
        says(&user, &["role: Administrator (admin)", "Staging (acme-stage)", "Production (acme-prod)"]);
        let wizard = nora.open(&format!("{path}/connect")).await;
        says(&wizard, &["What they will enter", "Production acme-prod", "What your readers <see>."]);

        let link = acme.admin(Method::POST, "/setup-links").json(&json!({"provider": "okta"})).await.expect(201).json();
        let page = world.browser().open(&text(&link["url"])).await.page();
        says(
            &page,
            &["Display name", "Production", "What your readers <see>.", "acme-prod", "Master admin", "master_admin"],
        );

        let browser = world.browser();
        let page = browser.open(&format!("{}/account", world.gateway.public_url)).await.page();
        let page = browser.log_in(&page, &ana.user_name, &ana.password).await.page();
        says(&page, &["Your role Administrator admin", "You can enter", "Staging acme-stage"]);
        assert!(!page.words().contains("Production"), "{}", page.words());
        let client = acme.okta_client().await;
        let page = browser.open(&client.authorization_url("1")).await.page();
        says(&page, &["Administrator (admin)"]);
    }
);
