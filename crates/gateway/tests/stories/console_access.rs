//! The page of an account's access in the console: rules are added, ordered, changed and removed, and each change shows first what it would do.

use reqwest::Method;
use serde_json::{Value, json};

use crate::access::{access, environments};
use crate::support::account::{Account, items, text};
use crate::support::browser::Page;
use crate::support::chromium::Chromium;
use crate::support::console::{NO_APP, Operator};
use crate::support::identity_provider::a_user;
use crate::support::testing::World;

/// A name that is long, and has characters that turn text around.
const HARD: &str =
    "شركة-الأمثلة\u{202e}-Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft <b>&";

#[track_caller]
fn says(page: &Page, words: &[&str]) {
    let shown = page.words();
    for words in words {
        assert!(shown.contains(words), "{words:?} on {} ({}): {shown}", page.url, page.answer.status);
    }
}

async fn rules(acme: &Account) -> Vec<String> {
    let found = acme.admin_get("/access").await;
    let shown =
        |rule: &Value| format!("{} {} {}", rule["group_name"], rule["role"], rule["environments"]).replace('"', "");
    found["rules"].as_array().expect("rules").iter().map(shown).collect()
}

/// A press and, on the page that says what would happen, the press that does it.
async fn done(nora: &Operator, page: &Page, (button, sure): (&str, &str), typed: &[(&str, &str)]) -> (Page, Page) {
    let preview = nora.press(page, button, typed).await;
    assert_eq!(preview.answer.status, 200, "{}", preview.words());
    says(&preview, &["Nothing is saved so far", "What would happen"]);
    let saved = nora.press(&preview, sure, &[]).await;
    (preview, saved)
}

story!(
    rules_are_set_in_the_console_and_each_change_says_first_whose_access_it_changes,
    settings = [NO_APP],
    async |world: World| {
        let acme = world.account("acme").await;
        let idp = acme.connected_identity_provider().await;
        let ana = idp.create_user(&a_user("ana@acme.test")).await;
        let editors = idp.create_group("Editors", &[&ana]).await;
        let nora = world.operator("nora@vendor.test", "csm").await;
        let at = format!("/accounts/{}/access", acme.id);
        let page = nora.open(&at).await;
        says(&page, &["No rules", "The user’s own value decides", "The user may enter every one", "Access that grew"]);

        // A rule that says too little is shown again with what was typed.
        let form = nora.open(&format!("{at}/rules/new")).await;
        let wrong = nora.press(&form, "See what it changes", &[("group", "editors")]).await;
        assert_eq!(wrong.answer.status, 400);
        says(&wrong, &["Nothing was saved", "a rule gives at least one of them"]);
        let wrong = nora
            .press(&form, "See what it changes", &[("group", "No such group"), ("means", "this"), ("role", "admin")])
            .await;
        says(&wrong, &["is that of no group of this account now"]);
        let wrong = nora.press(&form, "See what it changes", &[("group", "Editors"), ("gives", "these")]).await;
        says(&wrong, &["has to be ticked"]);
        let typed = [("group", "editors"), ("means", "name"), ("gives", "these"), ("environment", "acme-stage")];
        let (preview, saved) = done(&nora, &form, ("See what it changes", "Add the rule"), &typed).await;
        says(&preview, &["1 user would get less", "ana@acme.test", "every environment"]);
        says(&saved, &["The rule is added", "1. editors", "acme-stage"]);
        assert_eq!(environments(&access(&acme, &ana).await), ["acme-stage"]);
        let typed = [("group", "Editors"), ("means", "this"), ("role", "reports"), ("gives", "all")];
        let form = nora.open(&format!("{at}/rules/new")).await;
        let (preview, _) = done(&nora, &form, ("See what it changes", "Add the rule"), &typed).await;
        says(&preview, &["1 user would get more"]);
        assert_eq!(rules(&acme).await, ["editors null [acme-stage]", "Editors reports [*]"]);
        assert_eq!(acme.admin_get("/access").await["rules"][1]["group_id"], editors["id"]);

        // Order, and what the page says of rules that mean no group.
        let page = nora.open(&at).await;
        let (preview, _) = done(&nora, &page, ("Move down rule 1, editors", "Move the rule"), &[]).await;
        says(&preview, &["No user’s access would change now"]);
        assert_eq!(rules(&acme).await, ["Editors reports [*]", "editors null [acme-stage]"]);
        let form = nora.open(&format!("{at}/rules/2")).await;
        let (_, saved) = done(&nora, &form, ("See what it changes", "Change the rule"), &[("group", "Later")]).await;
        says(&saved, &["no group of this name yet"]);
        // What another operator does meanwhile is not overwritten.
        let form = nora.open(&format!("{at}/rules/2")).await;
        let other = json!({"rules": [{"group_id": editors["id"], "role": "reports"}, {"group_name": "Later", "role": "admin"}]});
        acme.admin(Method::PUT, "/access").json(&other).await.expect(200);
        let late = nora.press(&form, "See what it changes", &[("group", "Latest")]).await;
        assert_eq!(late.answer.status, 409);
        says(&late, &["Another operator changed this"]);
        let page = nora.open(&at).await;
        let (_, saved) = done(&nora, &page, ("Remove… rule 2, Later", "Remove the rule"), &[]).await;
        says(&saved, &["The rule is removed"]);
        assert_eq!(rules(&acme).await, ["Editors reports []"]);

        // What counts.
        let form = nora.open(&format!("{at}/policy")).await;
        let typed = [("precedence", "groups"), ("unset", "none")];
        let (preview, saved) = done(&nora, &form, ("See what it changes", "Save"), &typed).await;
        says(&preview, &["would get less", "no environment"]);
        says(&saved, &["The rule decides", "The user may enter none", "The rules of the account were replaced"]);
        let now = access(&acme, &ana).await;
        assert!(environments(&now).is_empty() && now["role"]["value"] == "reports", "{now}");
        acme.admin(Method::PATCH, "").json(&json!({"unset_environments": "all"})).await.expect(200);
        says(&nora.open(&at).await, &["Users of whom nothing is said may enter every environment since"]);
        let user = nora.open(&format!("/accounts/{}/users/{}", acme.id, text(&ana["id"]))).await;
        says(&user, &["group \"Editors\", first rule"]);
        let rows = items(&acme.admin_get("/widenings").await).len();
        assert!(rows > 3, "{rows}");
        assert_eq!(nora.open(&format!("{at}/rules/9")).await.answer.status, 404);
    }
);

story!(who_may_not_change_rules_reads_them, settings = [NO_APP], async |world: World| {
    let (acme, bolt) = (world.account("acme").await, world.account("bolt").await);
    let set = json!({"rules": [{"group_name": "Editors", "role": "reports"}]});
    acme.admin(Method::PUT, "/access").json(&set).await.expect(200);
    let support = world.operator_of("support@vendor.test", "support", Some(&[&acme.id])).await;
    let at = format!("/accounts/{}/access", acme.id);
    let page = support.open(&at).await;
    says(&page, &["Your role reads this", "1. Editors"]);
    assert!(page.form_with_button("Remove… rule 1, Editors").is_none());
    for path in ["/policy", "/rules/new", "/rules/1"] {
        assert_eq!(support.open(&format!("{at}{path}")).await.answer.status, 403, "{path}");
    }
    let token = support.form_token().await;
    let form = [("csrf", token.as_str()), ("version", "1"), ("unset_was", "all"), ("seen", "yes")];
    for path in ["/policy", "/rules/new", "/rules/1", "/rules/1/move", "/rules/1/remove"] {
        assert_eq!(support.send("POST", &format!("{at}{path}"), Some(&form)).await.status, 403, "{path}");
    }
    assert_eq!(rules(&acme).await, ["Editors reports []"]);
    assert_eq!(support.open(&format!("/accounts/{}/access", bolt.id)).await.answer.status, 404);
});

/// Looks at each page in a real browser: an operator who may change is logged in.
pub async fn look(world: &World, account: &Account, chromium: &Chromium) {
    let path = format!("{}/console/accounts/{}/access", world.gateway.public_url, account.id);
    chromium.open(&path).await;
    chromium.look("console-access-none").await;
    for n in 0..3 {
        let name = format!("{n}-{}@acme-media.example", "donaudampfschifffahrt".repeat(3));
        let user = json!({"userName": name, "role": "reports"});
        account.admin(Method::POST, "/users").json(&user).await.expect(201);
    }
    let set = json!({"rules": [
        {"group_name": HARD, "role": "reports", "environments": "*"},
        {"group_name": "Editors", "environments": account.admin_get("").await["product_environments"]},
        {"group_name": "Interns", "role": "billing"},
    ]});
    account.admin(Method::PUT, "/access").json(&set).await.expect(200);
    chromium.open(&path).await;
    chromium.look("console-access").await;
    chromium.press("Move down rule 2, Editors").await;
    chromium.look("console-access-move").await;
    chromium.open(&path).await;
    chromium.press("Remove… rule 3, Interns").await;
    chromium.look("console-access-remove").await;
    chromium.open(&format!("{path}/rules/2")).await;
    chromium.look("console-access-rule").await;
    chromium.press("See what it changes").await;
    chromium.look("console-access-rule-preview").await;
    chromium.open(&format!("{path}/rules/new")).await;
    chromium.press("See what it changes").await;
    chromium.look("console-access-rule-wrong").await;
    chromium.open(&format!("{path}/policy")).await;
    chromium.choose("unset", "none").await;
    chromium.look("console-access-policy").await;
    chromium.press("See what it changes").await;
    chromium.look("console-access-policy-preview").await;
    chromium.press("Save").await;
    chromium.look("console-access-saved").await;
}
