//! The console's pages of accounts and connections, as a customer success manager uses them: by forms, without a script.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, items, text};
use crate::support::browser::{Browser, Landed, Page};
use crate::support::chromium::Chromium;
use crate::support::console::{NO_APP, PASSWORD};
use crate::support::identity_provider::a_user;
use crate::support::testing::World;

/// A name that is long, written from right to left, and has characters that turn text around.
const HARD: &str =
    "شركة-الأمثلة\u{202e}-Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft <b>&";

/// An operator in a browser, and how often they pressed something.
struct Walk<'w> {
    world: &'w World,
    browser: Browser,
    presses: usize,
}

impl Walk<'_> {
    async fn open(&self, path: &str) -> Page {
        self.browser.open(&format!("{}{path}", self.world.gateway.public_url)).await.page()
    }

    /// Presses the link with these words.
    async fn follow(&mut self, page: &Page, words: &str) -> Page {
        let html = page.answer.text();
        let found = html.split("<a ").skip(1).find_map(|rest| {
            let (tag, inside) = rest.split_once('>')?;
            let shown = gateway::simulate::html::words(inside.split_once("</a>")?.0);
            let href = tag.split_once("href=\"")?.1.split_once('"')?.0;
            (shown == words).then(|| href.replace("&amp;", "&").replace("&#38;", "&"))
        });
        let href = found.unwrap_or_else(|| panic!("no link {words:?} on {}: {}", page.url, page.words()));
        self.presses += 1;
        self.browser.open(page.url.join(&href).expect("an address").as_str()).await.page()
    }

    /// Fills in the form that has this button, and presses it.
    async fn press(&mut self, page: &Page, button: &str, typed: &[(&str, &str)]) -> Page {
        let mut form = page.form_with_button(button).unwrap_or_else(|| {
            panic!("no button {button:?} on {}: {}", page.url, page.words());
        });
        for (name, value) in typed {
            if !form.fill_in(name, value) {
                // A box that is not ticked so far.
                let ticked = gateway::simulate::html::Input {
                    name: (*name).to_owned(),
                    value: (*value).to_owned(),
                    kind: "checkbox".to_owned(),
                };
                form.inputs.push(ticked);
            }
        }
        let pairs = form.pairs(form.button(button));
        self.presses += 1;
        self.browser.submit(page, &form, &pairs).await.page()
    }
}

#[track_caller]
fn says(page: &Page, words: &[&str]) {
    let shown = page.words();
    for words in words {
        assert!(shown.contains(words), "{words:?} on {} ({}): {shown}", page.url, page.answer.status);
    }
}

/// Operators are called after their role; `name` tells another one of it apart.
async fn walk<'w>(world: &'w World, name: &str) -> Walk<'w> {
    let role = name.split('-').next().unwrap_or(name);
    let operator = world.operator(&format!("{name}@vendor.test"), role).await;
    Walk { world, browser: operator.browser, presses: 0 }
}

story!(
    a_csm_gets_from_the_log_in_to_a_copied_setup_link_and_never_sees_the_secret,
    settings = [NO_APP],
    async |world: World| {
        let mut nora = walk(&world, "csm").await;
        let page = nora.open("/console").await;
        says(&page, &["There are no accounts yet"]);
        let page = nora.follow(&page, "Create the first account").await;
        let typed = [("name", "Acme Media"), ("environments", "acme-prod\nacme-stage")];
        let account = nora.press(&page, "Create account", &typed).await;
        says(&account, &["Acme Media is created", "Setting up", "Nothing is connected yet", "acme-prod"]);
        let page = nora.follow(&account, "Connect an identity provider").await;
        let link = nora.press(&page, "Create connection and setup link", &[("provider", "okta")]).await;
        says(&link, &["Send this link to the administrator of Acme Media", "Not opened", "A message to go with it"]);
        assert!(nora.presses < 12, "{} presses", nora.presses);

        let url = link.answer.text();
        let url =
            url.split_once("data-copy-big>").and_then(|(_, rest)| rest.split_once('<')).expect("a link").0.to_owned();
        assert!(url.starts_with(&format!("{}/setup/", world.gateway.public_url)), "{url}");
        let message = link.words();
        assert_eq!(message.matches(&url).count(), 2, "the message has the link too: {message}");
        // Loaded again it is the same link, and no other connection was made. In another browser it is not shown.
        let again = nora.open(link.url.path()).await;
        assert!(again.answer.text().contains(&url));
        let other = walk(&world, "csm-other").await;
        let page = other.open(link.url.path()).await;
        assert!(!page.answer.text().contains(&url), "the link is shown to the operator who made it");
        says(&page, &["The link itself is shown only to the operator who created it"]);

        // No secret was made that an operator could have seen; and the second connection is told apart from the first.
        let found = items(&world.admin_get("/accounts?name=Acme%20Media").await);
        let id = text(&found[0]["id"]);
        let clients = items(&world.admin_get(&format!("/accounts/{id}/clients")).await);
        assert_eq!(clients.len(), 1);
        let client = text(&clients[0]["client_id"]);
        let secrets = items(&world.admin_get(&format!("/clients/{client}/secrets")).await);
        assert!(secrets.is_empty(), "{secrets:?}");
        let form = nora.open(&format!("/console/accounts/{id}/connect")).await;
        let typed = [("provider", "okta"), ("name", "okta")];
        let taken = nora.press(&form, "Create connection and setup link", &typed).await;
        assert_eq!(taken.answer.status, 409);
        says(&taken, &["Nothing was created", "another connection called okta", "such as okta 2"]);
        let second = nora.press(&taken, "Create connection and setup link", &[("name", "")]).await;
        says(&second, &["Okta 2 is ready"]);

        // A link is revoked, and a new one made for the same connection.
        let overview = nora.open(&format!("/console/accounts/{id}")).await;
        says(&overview, &["Setup links", "Not opened"]);
        let revoked = nora.press(&link, "Revoke the link", &[]).await;
        says(&revoked, &["The setup link is revoked", "Revoked"]);
        let settings = nora.open(&format!("/console/clients/{client}/settings")).await;
        assert!(settings.form_with_button("Create a secret").is_none(), "a csm makes no secrets");
        let new = nora.press(&settings, "Create a setup link", &[]).await;
        says(&new, &["A new setup link for Okta is ready", "Not opened"]);
    }
);

story!(accounts_that_need_an_operator_come_first_and_are_found_by_name, settings = [NO_APP], async |world: World| {
    let acme = world.account("acme").await;
    let globex = world.account("globex").await;
    let client = globex.okta_client().await;
    let idp = client.connect_as(&globex.service_account().await).await;
    idp.create_user(&a_user("ana@globex.test")).await;
    client.admin(Method::PATCH, "").json(&json!({"disabled": true})).await.expect(200);
    let mut nora = walk(&world, "csm").await;
    let list = nora.open("/console").await;
    says(&list, &["All 2", "Not working", "is disabled"]);

    let found = nora.press(&list, "Find", &[("q", "GLOB")]).await;
    assert!(found.words().contains("globex") && !found.answer.text().contains("<bdi>acme</bdi>"), "{}", found.words());
    let by_environment = nora.press(&list, "Find", &[("q", "acme-stage")]).await;
    assert!(by_environment.answer.text().contains("<bdi>acme</bdi>"));
    let none = nora.press(&list, "Find", &[("q", "no such customer")]).await;
    says(&none, &["No account matches"]);

    // More than a page: each account once, by the links.
    for n in 0..30 {
        world.account(&format!("customer-{n:02}")).await;
    }
    let (mut seen, mut page) = (0, nora.open("/console?q=customer-").await);
    loop {
        seen += page.answer.text().matches("<bdi>customer-").count();
        if !page.words().contains("Next page") {
            break;
        }
        page = nora.follow(&page, "Next page").await;
        assert!(seen < 30, "the list has an end");
    }
    assert_eq!(seen, 30);
    // An operator of one account sees that one.
    let operator = world.operator_of("csm-acme@vendor.test", "csm", Some(&[&acme.id])).await;
    let walk = Walk { world: &world, browser: operator.browser, presses: 0 };
    let list = walk.open("/console").await;
    assert!(list.words().contains("acme") && !list.words().contains("globex"), "{}", list.words());
    let foreign = walk.open(&format!("/console/accounts/{}", globex.id)).await;
    assert_eq!(foreign.answer.status, 404);
    for path in ["/settings", "/attributes", "/access", "/sign-in", "/connect", "/export"] {
        let page =
            walk.browser.open(&format!("{}/console/accounts/{}{path}", world.gateway.public_url, globex.id)).await;
        assert_eq!(page.page().answer.status, 404, "{path}");
    }
});

story!(what_becomes_of_environments_that_leave_is_said_on_a_page, settings = [NO_APP], async |world: World| {
    let acme = world.account("acme").await;
    for (name, own) in [("ana", json!(["acme-stage"])), ("ben", json!(["acme-stage", "acme-prod"]))] {
        acme.user(&format!("{name}@acme.test")).with("product_environments", own).create().await;
    }
    let mut nora = walk(&world, "csm").await;
    let page = nora.open(&format!("/console/accounts/{}/settings", acme.id)).await;
    let asked = nora.press(&page, "Save settings", &[("environments", "acme-prod\nacme-new")]).await;
    assert_eq!(asked.answer.status, 409);
    says(
        &asked,
        &[
            "2 users have the product_environments",
            "What becomes of the environments that leave",
            "They get acme-new for it",
        ],
    );
    let saved = nora.press(&asked, "Save all the same", &[("fate.acme-stage", "=acme-new")]).await;
    says(&saved, &["are saved"]);
    let users = items(&acme.admin_get("/users").await);
    let own: Vec<&Value> = users.iter().map(|user| &user["product_environments"]).collect();
    assert_eq!(own, [&json!(["acme-new"]), &json!(["acme-new", "acme-prod"])]);
});

story!(settings_keep_what_was_typed_and_what_follows_is_asked_on_a_page, settings = [NO_APP], async |world: World| {
    let acme = world.account("acme").await;
    acme.user("ana@acme.test").with("product_environments", json!(["acme-stage"])).create().await;
    let mut nora = walk(&world, "csm").await;
    let path = format!("/console/accounts/{}/settings", acme.id);
    let page = nora.open(&path).await;
    let wrong = nora.press(&page, "Save settings", &[("environments", "acme prod"), ("name", HARD)]).await;
    assert_eq!(wrong.answer.status, 400);
    says(&wrong, &["Nothing was saved", "“acme prod” must be a cloud name"]);
    assert!(wrong.answer.text().contains("Donaudampfschiff"), "what was typed is still there");

    // Another operator changes the account meanwhile.
    acme.admin(Method::PATCH, "").json(&json!({"default_role": "reports"})).await.expect(200);
    let late = nora.press(&page, "Save settings", &[("name", "acme too")]).await;
    assert_eq!(late.answer.status, 409);
    says(&late, &["Another operator changed this"]);
    assert_eq!(acme.admin_get("").await["name"], "acme");

    let page = nora.open(&path).await;
    let typed =
        [("name", HARD), ("environments", "acme-prod"), ("service_accounts", "hidden"), ("unique_group_names", "yes")];
    let asked = nora.press(&page, "Save settings", &typed).await;
    assert_eq!(asked.answer.status, 409);
    says(&asked, &["Save these settings all the same?", "1 user has the product_environments \"acme-stage\""]);
    assert_eq!(acme.admin_get("").await["name"], "acme", "nothing was saved so far");
    let saved = nora.press(&asked, "Save all the same", &[]).await;
    assert_eq!(saved.answer.status, 200);
    says(&saved, &["are saved"]);
    let now = acme.admin_get("").await;
    assert_eq!(now["product_environments"], json!(["acme-prod"]));
    assert_eq!((&now["service_accounts"], &now["unique_group_names"]), (&json!("hidden"), &json!(true)));
    assert_eq!(now["default_role"], "reports", "what was not changed stays");
    let overview = nora.open(&format!("/console/accounts/{}", acme.id)).await;
    let html = overview.answer.text();
    assert!(!html.contains('\u{202e}') && html.contains("<bdi>شركة-الأمثلة-Donau"), "{html}");
    assert!(html.contains("&lt;b&gt;") || html.contains("&#60;b&#62;"), "escaped: {html}");

    // An attribute of this customer alone, and who may log in how.
    let page = nora.open(&format!("/console/accounts/{}/attributes/new", acme.id)).await;
    let typed = [("name", "badge number"), ("type", "string"), ("values", "")];
    says(&nora.press(&page, "Declare attribute", &typed).await, &["Nothing was saved"]);
    let declared = nora.press(&page, "Declare attribute", &[("name", "badge"), ("values", "red\nblue")]).await;
    says(&declared, &["badge is declared"]);
    acme.user("bea@acme.test").with("badge", json!("red")).create().await;
    let page = nora.follow(&declared, "badge").await;
    let asked = nora.press(&page, "Save", &[("values", "blue")]).await;
    says(&asked, &["Change badge all the same?", "1 user has the"]);
    assert!(!page.words().contains("Take it away"), "what cannot be taken back is not a csm's");
    let page = nora.open(&format!("/console/accounts/{}/sign-in", acme.id)).await;
    let typed = [
        ("with_provider", "yes"),
        ("provider_name", "Acme ID"),
        ("issuer", "nonsense"),
        ("client_id", "gateway"),
        ("client_secret", "s3cret-s3cret"),
    ];
    let wrong = nora.press(&page, "Save", &typed).await;
    says(&wrong, &["Nothing was saved", "The issuer"]);
    assert!(!wrong.answer.text().contains("s3cret-s3cret"), "a secret is not sent back");
    let saved = nora.press(&page, "Save", &[("second_factor", "required")]).await;
    says(&saved, &["is saved"]);
    assert_eq!(acme.admin_get("/sign-in").await["second_factor"], "required");
});

story!(deleting_asks_for_the_name_and_suspending_is_the_milder_way, settings = [NO_APP], async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    let idp = client.connect_as(&acme.service_account().await).await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    idp.create_group("Editors", &[&ana]).await;
    let mut nora = walk(&world, "csm").await;
    let path = format!("/console/accounts/{}", acme.id);
    let settings = nora.open(&format!("{path}/settings")).await;
    assert!(!settings.words().contains("Delete acme"), "a csm does not see what only platform may");
    assert_eq!(nora.open(&format!("{path}/delete")).await.answer.status, 403);
    let asked = nora.follow(&settings, "Suspend…").await;
    says(&asked, &["Suspend acme?", "Its connections (1)", "Its users (2)"]);
    let suspended = nora.press(&asked, "Suspend acme", &[]).await;
    says(&suspended, &["acme is suspended", "Suspended"]);
    idp.get("/Users").await.expect(401);
    says(&nora.open("/console").await, &["Suspended 1"]);
    says(&nora.press(&suspended, "Resume acme", &[]).await, &["acme is resumed"]);
    idp.get("/Users").await.expect(200);

    let mut pat = walk(&world, "platform").await;
    let page = pat.open(&format!("{path}/delete")).await;
    says(&page, &["Users 2", "Groups 1", "Suspend it", "Export it first"]);
    let wrong = pat.press(&page, "Delete this account", &[("name", "Acme")]).await;
    assert_eq!(wrong.answer.status, 400);
    says(&wrong, &["Nothing was deleted", "That was “Acme”. Type the name of the account, acme"]);
    let export = world.get(&format!("{path}/export"));
    let cookies = pat.browser.cookies(&page.url).expect("a session");
    let export = export.header("cookie", cookies.to_str().expect("visible")).await.expect(200);
    let lines: Vec<serde_json::Value> =
        export.text().lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let kinds: Vec<&str> = lines.iter().filter_map(|line| line["kind"].as_str()).collect();
    assert_eq!(kinds, ["account", "user", "user", "group", "member"]);
    assert_eq!((&lines[4]["member"], &lines[3]["group"]["displayName"]), (&ana["id"], &json!("Editors")));

    // A connection goes the same way; then the account.
    let settings = pat.open(&format!("/console/clients/{}/settings", client.id)).await;
    let shown = pat.press(&settings, "Create a secret", &[("label", "2027")]).await;
    says(&shown, &["New client secret of Okta", "gws_"]);
    let settings = pat.open(&format!("/console/clients/{}/settings", client.id)).await;
    says(&settings, &["2027"]);
    assert!(!settings.answer.text().contains("gws_"), "it is shown once");
    let saved =
        pat.press(&settings, "Save settings", &[("name", "Okta production"), ("access_token_seconds", "900")]).await;
    says(&saved, &["The settings of Okta production are saved"]);
    let wrong = pat.press(&saved, "Save settings", &[("access_token_seconds", "soon")]).await;
    says(&wrong, &["Nothing was saved", "The lifetime of access tokens must be a whole number"]);
    let page = pat.follow(&saved, "Delete…").await;
    let gone = pat.press(&page, "Delete this connection", &[("name", "Okta production")]).await;
    says(&gone, &["Okta production is deleted", "Nothing is connected yet"]);
    let page = pat.open(&format!("{path}/delete")).await;
    let gone = pat.press(&page, "Delete this account", &[("name", "acme")]).await;
    says(&gone, &["acme is deleted"]);
    acme.admin(Method::GET, "").await.expect_problem(404);
});

story!(support_reads_and_changes_nothing, settings = [NO_APP], async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    let support = walk(&world, "support").await;
    let path = format!("/console/accounts/{}", acme.id);
    for (path, button) in [
        (path.clone(), "Connect an identity provider"),
        (format!("{path}/settings"), "Save settings"),
        (format!("{path}/sign-in"), "Save"),
        (format!("{path}/attributes"), "New attribute"),
        (format!("/console/clients/{}/settings", client.id), "Save settings"),
    ] {
        let page = support.open(&path).await;
        assert_eq!(page.answer.status, 200, "{path}");
        let is_hidden = page.form_with_button(button).is_none() && !page.words().contains("Delete");
        assert!(is_hidden, "{button} on {path}: {}", page.words());
    }
    for refused in [
        "/console/accounts/new".to_owned(),
        format!("{path}/connect"),
        format!("{path}/delete"),
        format!("{path}/attributes/new"),
        format!("/console/clients/{}/delete", client.id),
    ] {
        let page = support.open(&refused).await;
        assert_eq!(page.answer.status, 403, "{refused}");
        says(&page, &["Your role does not allow this", "role Support"]);
    }
});

/// Looks at each page in a real browser.
pub async fn look(world: &World, account: &Account, chromium: &Chromium) {
    let operator = world.operator("platform-looks@vendor.test", "platform").await;
    let base = &world.gateway.public_url;
    // An operator who is logged in already, from a look at other pages, is logged out.
    chromium.run("document.cookie = 'gateway_console=; path=/; max-age=0'").await;
    chromium.open(&format!("{base}/console")).await;
    chromium.log_in(&operator.address, PASSWORD).await;
    chromium.look("console-accounts").await;
    let path = format!("{base}/console/accounts/{}", account.id);
    let client = items(&account.admin_get("/clients").await);
    let client = format!("{base}/console/clients/{}", text(&client[0]["client_id"]));
    account.admin(Method::PUT, "/attributes/badge").json(&json!({"description": HARD})).await.expect(201);
    for (page, name) in [
        (format!("{base}/console?q=no%20such%20customer"), "console-accounts-none"),
        (format!("{base}/console/accounts/new"), "console-account-new"),
        (path.clone(), "console-account"),
        (format!("{path}/settings"), "console-account-settings"),
        (format!("{path}/attributes"), "console-attributes"),
        (format!("{path}/attributes/new"), "console-attribute-new"),
        (format!("{path}/attributes/badge"), "console-attribute"),
        (format!("{path}/attributes/badge/remove"), "console-attribute-remove"),
        (format!("{path}/sign-in"), "console-sign-in"),
        (format!("{path}/suspend"), "console-account-suspend"),
        (format!("{path}/delete"), "console-account-delete"),
        (format!("{client}/settings"), "console-connection-settings"),
        (format!("{client}/delete"), "console-connection-delete"),
    ] {
        chromium.open(&page).await;
        chromium.look(name).await;
    }
    crate::console_access::look(world, account, chromium).await;
    crate::console_webhooks::look(world, account, chromium).await;
    chromium.open(&format!("{client}/delete")).await;
    chromium.press("Delete this connection").await;
    chromium.look("console-connection-delete-wrong").await;
    for (field, kind, button) in [("label", "secrets", "Create a secret"), ("token_name", "tokens", "Create a token")] {
        chromium.open(&format!("{client}/settings")).await;
        chromium.type_into(field, HARD).await;
        chromium.press(button).await;
        chromium.look(&format!("console-{kind}-shown")).await;
        chromium.press("Done").await;
        let end = chromium.text(&format!("return document.querySelector('a[href*=\"/{kind}/\"]').href")).await;
        chromium.open(&end).await;
        chromium.look(&format!("console-{kind}-end")).await;
    }
    chromium.open(&format!("{path}/connect")).await;
    chromium.look("console-connect").await;
    chromium.type_into("name", HARD).await;
    chromium.press("Create connection and setup link").await;
    chromium.look("console-setup-link").await;
    if chromium.words().await.contains("E-mail address of the person") {
        // As a browser sends it that checks nothing by itself.
        chromium.run("document.getElementById('address').form.noValidate = true").await;
        chromium.type_into("address", "ada at acme").await;
        chromium.press("Send by mail").await;
        chromium.look("console-link-not-mailed").await;
    }
    chromium.open(&path).await;
    chromium.look("console-account-with-link").await;
    chromium.run("document.querySelector('.menu').open = true").await;
    chromium.press("Log out").await;
}
