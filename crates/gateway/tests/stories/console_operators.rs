//! Operators at the console: who they are, what each may do, how each logs in; and the audit trail that they read.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::console::PASSWORD;
use crate::support::testing::World;

story!(a_platform_operator_invites_changes_and_ends_others, async |world: World| {
    let acme = world.account("acme").await;
    world.account("globex").await;
    let ada = world.operator("ada@vendor.test", "platform").await;
    let form = ada.open("/operators/invite").await;
    let button = "Create the operator";
    // What is wrong is said by the field, and nothing that was typed is lost.
    let typed = [("address", "not an address"), ("name", "Nora Feld"), ("role", "csm"), ("accounts", "acme\nno-such")];
    let wrong = ada.press(&form, button, &typed).await;
    assert_eq!(wrong.answer.status.as_u16(), 400);
    for told in ["must be an e-mail address", "There is no account “no-such”"] {
        assert!(wrong.words().contains(told), "{told}: {}", wrong.words());
    }
    assert!(wrong.answer.text().contains(r#"value="Nora Feld""#), "{}", wrong.answer.text());
    let none = ada.press(&wrong, button, &[("address", "nora@vendor.test"), ("accounts", " ")]).await;
    assert!(none.words().contains("Name at least one account"), "no account is not all of them: {}", none.words());
    let page = ada.press(&none, button, &[("accounts", "acme")]).await;
    assert!(page.url.path().starts_with("/console/operators/0"), "{}", page.words());
    assert!(page.words().contains("The operator is created"), "{}", page.words());
    let again = ada.browser.open(page.url.as_str()).await;
    let again = crate::support::browser::Landed::page(again);
    assert!(!again.words().contains("The operator is created"), "it is said once");
    let shown = ada.press(&page, "Make a link to a password", &[]).await;
    let link = shown.words().split_whitespace().find(|word| word.contains("/welcome/gwp_")).map(str::to_owned);
    let link = link.unwrap_or_else(|| panic!("{}", shown.words()));
    assert_eq!(shown.answer.header("cache-control"), Some("no-store"));
    let twice = ada.open("/operators/invite").await;
    let typed = [("address", "NORA@vendor.test"), ("name", "Another"), ("role", "csm"), ("reach", "all")];
    let taken = ada.press(&twice, button, &typed).await;
    assert!(taken.words().contains("logs in by this address already"), "{}", taken.words());

    // The link is Nora's way in, and she sees what her role and accounts allow.
    let nora = world.browser();
    let welcome = crate::support::browser::Landed::page(nora.open(&link).await);
    let next = crate::support::console::set_password(&nora, &welcome, PASSWORD).await;
    let app = crate::second_factors::App::reading(&next);
    let codes = crate::second_factors::type_code(&nora, &next, &app.shows(0)).await;
    drop(codes);
    let you = crate::support::browser::Landed::page(nora.open(&world.console("/you")).await);
    assert!(you.words().contains("acme") && you.words().contains("Customer Success"), "{}", you.words());
    assert!(!you.answer.text().contains("/console/operators\""), "what the role cannot do is not shown");
    let told = crate::support::browser::Landed::page(nora.open(&world.console("/operators")).await);
    assert_eq!(told.answer.status.as_u16(), 403);
    assert!(told.words().contains("role Platform may"), "it says who may: {}", told.words());

    // Another role counts with the next request; one's own cannot be changed.
    let id = page.url.path().rsplit('/').next().unwrap_or_default().to_owned();
    let page = ada.open(&format!("/operators/{id}")).await;
    let saved = ada.press(&page, "Save", &[("role", "support"), ("reach", "all"), ("accounts", "")]).await;
    assert!(saved.words().contains("Saved"), "{}", saved.words());
    let you = crate::support::browser::Landed::page(nora.open(&world.console("/you")).await);
    assert!(you.words().contains("Support"), "{}", you.words());
    let token = ada.form_token().await;
    let own = [("csrf", token.as_str()), ("role", "csm"), ("reach", "all")];
    ada.send("POST", &format!("/operators/{}", ada.id), Some(&own)).await.expect(409);
    ada.send("POST", &format!("/operators/{}/end", ada.id), Some(&own)).await.expect(409);

    // Ended on a page of its own; the next request of theirs is at the log-in.
    let asked = ada.open(&format!("/operators/{id}/end")).await;
    let ended = ada.press(&asked, "End Nora Feld", &[]).await;
    assert!(ended.words().contains("Nora Feld is no operator any more"), "{}", ended.words());
    let out = crate::support::browser::Landed::page(nora.open(&world.console("/you")).await);
    assert_eq!(out.url.path(), "/console/login");
    let refused = crate::support::browser::Landed::page(nora.log_in(&out, "nora@vendor.test", PASSWORD).await);
    assert_eq!(refused.answer.status.as_u16(), 401, "{}", refused.words());
    let trail = world.admin_get("/audit?limit=200").await.to_string();
    for action in
        ["operator.created", "operator.invited", "operator.password_set", "operator.changed", "operator.ended"]
    {
        assert!(trail.contains(action), "{action}");
    }
    assert!(!acme.id.is_empty());
});

story!(operators_change_their_password_end_sessions_and_make_a_token_for_the_shell, async |world: World| {
    let ada = world.operator("ada@vendor.test", "csm").await;
    let app = ada.app.as_ref().expect("an app");
    let other = world.browser();
    let page = crate::support::browser::Landed::page(other.open(&world.console("/you")).await);
    let page = crate::support::browser::Landed::page(other.log_in(&page, "ada@vendor.test", PASSWORD).await);
    let page =
        crate::support::browser::Landed::page(crate::second_factors::type_code(&other, &page, &app.shows(1)).await);
    assert_eq!(page.url.path(), "/console/you", "{}", page.words());

    let form = ada.open("/you/password").await;
    let button = "Change the password";
    let new = "another harbour at night 8";
    let wrong = ada.press(&form, button, &[("current", "not it"), ("password", new), ("again", new)]).await;
    assert_eq!(wrong.answer.status.as_u16(), 401, "{}", wrong.words());
    let changed = ada.press(&wrong, button, &[("current", PASSWORD), ("password", new), ("again", new)]).await;
    assert!(changed.words().contains("Your password is changed"), "{}", changed.words());
    let out = crate::support::browser::Landed::page(other.open(&world.console("/you")).await);
    assert_eq!(out.url.path(), "/console/login", "every other browser is logged out");

    // A token of the role, shown once.
    let shown = ada.press(&changed, "Create a token for 8 hours", &[]).await;
    let token = shown.words().split_whitespace().find(|word| word.starts_with("gwo_")).map(str::to_owned);
    let token = token.unwrap_or_else(|| panic!("{}", shown.words()));
    world.call(Method::GET, "/admin/accounts").bearer(&token).await.expect(200);
    world.call(Method::GET, "/admin/operators").bearer(&token).await.expect(403);
    let page = ada.open("/you").await;
    assert!(!page.words().contains("gwo_"), "{}", page.words());
    let page = ada.press(&page, "End the token", &[]).await;
    assert!(page.words().contains("Your token is ended"), "{}", page.words());
    world.call(Method::GET, "/admin/accounts").bearer(&token).await.expect(401);
});

/// The rows of a list of the admin API.
fn items(list: &Value) -> Vec<Value> {
    list["items"].as_array().cloned().unwrap_or_default()
}

story!(the_audit_trail_is_read_and_exported_by_those_who_may_and_of_their_accounts_alone, async |world: World| {
    let acme = world.account("acme").await;
    // More rows than one page of an export has.
    for n in 0..230 {
        acme.admin(Method::PATCH, "").json(&json!({"name": format!("acme {n}")})).await;
    }
    acme.admin(Method::PATCH, "").json(&json!({"name": "=cmd|acme"})).await.expect(200);
    let globex = world.account("globex").await;
    let nora = world.operator_of("nora@vendor.test", "csm", Some(&[&acme.id])).await;
    let jon = world.operator("jon@auditors.test", "auditor").await;
    assert_eq!(jon.open("").await.url.path(), "/console/audit", "an auditor begins with the trail");
    let page = jon.open("/audit").await;
    for told in ["globex", "operator.signed", "sealed"] {
        let told = if told == "operator.signed" { "proved who they are at the console" } else { told };
        assert!(page.words().contains(told), "{told}: {}", page.words());
    }
    let page = nora.open("/audit").await;
    assert!(page.words().contains("=cmd|acme") && !page.words().contains("globex"), "{}", page.words());
    let other = nora.open(&format!("/audit?account={}", globex.id)).await;
    assert!(other.words().contains("There is no account"), "{}", other.words());
    assert!(!other.words().contains("An account was created. globex"), "{}", other.words());
    for bad in ["action=user.create", "from=yesterday", "from=2026-11-02&to=2026-11-01", "actor=x"] {
        let page = jon.open(&format!("/audit?{bad}")).await;
        assert!(page.answer.text().contains(r#"role="alert""#), "{bad}: {}", page.words());
    }
    let filtered = jon.open("/audit?action=account.created").await;
    assert!(filtered.words().contains("An account was created"), "{}", filtered.words());
    assert!(filtered.words().contains("Remove this filter"), "{}", filtered.words());
    let verified = jon.press(&page_of(&jon).await, "Verify the whole chain", &[]).await;
    assert!(verified.words().contains("The audit trail is whole"), "{}", verified.words());

    // As files: the same rows as the admin API lists, however many they are.
    let mut rows = Vec::new();
    let mut after = String::new();
    loop {
        let list = world.admin_get(&format!("/audit?account={}&limit=100{after}", acme.id)).await;
        rows.extend(items(&list));
        let Some(next) = list["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert!(rows.len() > 200, "several pages: {}", rows.len());
    let file = nora.send("GET", "/audit/export?as=jsonl&account=".to_owned().as_str(), None).await;
    assert_ne!(file.status.as_u16(), 200, "an operator of some accounts names one");
    let file = nora.send("GET", &format!("/audit/export?as=jsonl&account={}", acme.id), None).await.expect(200);
    assert_eq!(file.header("content-type"), Some("application/jsonl"));
    assert!(file.header("content-disposition").is_some_and(|name| name.contains(".jsonl")));
    let text_of = file.text();
    let lines: Vec<Value> = text_of.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let same = |row: &Value| (text(&row["at"]), text(&row["action"]), row["changes"].clone());
    let listed: Vec<_> = rows.iter().map(same).collect();
    assert_eq!(lines.iter().map(same).collect::<Vec<_>>()[..200], listed[..200]);
    let file = nora.send("GET", &format!("/audit/export?as=csv&account={}", acme.id), None).await.expect(200);
    assert!(file.header("content-type").is_some_and(|kind| kind.starts_with("text/csv")));
    assert!(file.text().lines().count() > rows.len() && file.text().contains("\"'=cmd|acme\""), "no formula");
    nora.send("GET", &format!("/audit/export?as=csv&account={}", globex.id), None).await.expect(404);
    nora.send("GET", "/audit/export?as=xml", None).await.expect(400);
    let file = world.admin(Method::GET, "/audit/export?format=jsonl").await.expect(200);
    assert_eq!(file.header("content-type"), Some("application/jsonl"));
    assert!(file.text().lines().count() > rows.len());
    let file = world.admin(Method::GET, &format!("/audit/export?format=csv&account={}", acme.id)).await.expect(200);
    assert!(file.text().starts_with("at,account,account_name,actor,"), "{}", &file.text()[..80]);
});

async fn page_of(operator: &crate::support::console::Operator) -> crate::support::browser::Page {
    operator.open("/audit").await
}
