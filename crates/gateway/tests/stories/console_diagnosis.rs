//! The console's pages that say whether a connection is healthy, why not and what to do, and who may do what and why.

use gateway::platform::timestamp::Timestamp;
use gateway::storage::operator_sessions::{LoginKind, OperatorSession};
use reqwest::Method;
use serde_json::{Value, json};

use crate::full_recording::{id_of, record, written};
use crate::support::account::{Account, text};
use crate::support::browser::{Browser, Landed, Page};
use crate::support::chromium::Chromium;
use crate::support::database::Behind;
use crate::support::identity_provider::{GROUP, a_user};
use crate::support::testing::World;

/// An operator who sits at the console.
struct Desk {
    world: World,
    browser: Browser,
    secret: String,
}

impl Desk {
    /// Logged in, for all accounts or for these.
    async fn of(world: &World, role: &str, accounts: Option<&[&str]>) -> Desk {
        let mut body = json!({"name": format!("{role} of {accounts:?}"), "role": role});
        if let Some(accounts) = accounts {
            body["accounts"] = json!(accounts);
        }
        let made = world.admin(Method::POST, "/operators").json(&body).await.expect(201).json();
        let id = text(&made["id"]);
        let secret = format!("a session of {id}");
        let mut behind = Behind::of(world);
        let keys = behind.keys();
        let key = behind.number(&format!("SELECT seq AS n FROM operators WHERE id = '{id}'"));
        let began = behind.work(|tx| {
            let now: Timestamp = tx.now();
            let session = OperatorSession {
                operator: gateway::domain::ids::OperatorKey::of_row(key),
                kind: LoginKind::Password,
                auth_time: now,
                last_seen: now,
            };
            tx.insert_operator_session(keys.fingerprint(&secret).as_bytes(), &session, now + 3_600_000, (None, None))
        });
        assert!(began, "a session of its own");
        let browser = world.browser();
        browser.set_cookie("gateway_console", &secret);
        Desk { world: world.clone(), browser, secret }
    }

    async fn open(&self, path: &str) -> Page {
        self.browser.open(&format!("{}/console{path}", self.world.gateway.public_url)).await.page()
    }

    async fn press(&self, page: &Page, button: &str) -> Page {
        self.browser.press(page, button).await.page()
    }
}

#[track_caller]
fn says(page: &Page, words: &[&str]) {
    let shown = page.words();
    for words in words {
        assert!(shown.contains(words), "{words:?} on {} ({}): {shown}", page.url, page.answer.status);
    }
}

#[track_caller]
fn is_silent(page: &Page, words: &[&str]) {
    let shown = page.words();
    for words in words {
        assert!(!shown.contains(words), "{words:?} on {} ({}): {shown}", page.url, page.answer.status);
    }
}

story!(a_connection_says_how_it_is_why_what_to_do_and_what_happened_each_day, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let idp = acme.connect_identity_provider_as(&ada).await;
    let client = &idp.client.id;
    let nora = Desk::of(&world, "csm", Some(&[&acme.id])).await;
    let page = nora.open(&format!("/clients/{client}")).await;
    // Ada is a person, and nothing has arrived.
    says(
        &page,
        &[
            "Needs attention",
            "Owner is person",
            "What to do",
            "A message to send them",
            "No user has arrived yet",
            "Client ID",
        ],
    );
    says(&page, &["authenticate again. Log in as the service account", "ada", "End the access that"]);
    assert!(!page.answer.text().contains("gws_"), "no secret is in it");

    let mut sent = a_user("ana@acme.test");
    sent["product_environment"] = json!("acme-prod");
    idp.post("/Users", &sent).await.expect(201);
    for _ in 0..2 {
        idp.post("/Users", &sent).await.expect(409);
    }
    let last = idp.get("/Users").await.expect(200);
    written(&world, &last).await;
    let page = nora.open(&format!("/clients/{client}")).await;
    says(
        &page,
        &[
            "Access attribute misspelt",
            "did you mean product_environments ?",
            "Refused today 2",
            "of 4 requests",
            "Users 2",
        ],
    );
    let picture = page.answer.text();
    assert!(
        picture.contains("4 in all, 2 of them refused") && picture.contains("the list of users was read on 1 day"),
        "{picture}"
    );
    assert!(picture.contains(r#"<rect class="bar bad""#) && picture.contains("4 requests, 2 refused"), "{picture}");
    let page = nora.open(&format!("/clients/{client}/fields")).await;
    says(&page, &["Worth a look", "product_environment: ignored 3 times", "userName", "3 of 3"]);
    says(&page, &["Names are counted, values are not"]);

    // What they accepted ends on a page of its own.
    let grant = Behind::of(&world).number("SELECT MAX(seq) AS n FROM grants");
    let asked = nora.open(&format!("/clients/{client}/access/{grant}")).await;
    says(&asked, &["End the access that ada", "What would happen"]);
    let page = nora.press(&asked, "End this access").await;
    says(&page, &["The access has ended", "Not working", "Connection ended"]);
    idp.get("/Users").await.expect(401);
    assert_eq!(nora.open(&format!("/clients/{client}/access/{grant}")).await.answer.status, 404, "it is over");

    // Another account's operator, and one who only reads.
    let orchard = world.account("orchard").await;
    let other = Desk::of(&world, "support", Some(&[&orchard.id])).await;
    for path in ["", "/fields", "/recording", "/requests"] {
        assert_eq!(other.open(&format!("/clients/{client}{path}")).await.answer.status, 404, "{path}");
    }
});

story!(a_request_is_found_by_its_error_and_says_why_and_what_to_do, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let client = &idp.client.id;
    let mut sent = a_user("ana@acme.test");
    sent["product_environment"] = json!("acme-prod");
    let ana = idp.create_user(&sent).await;
    let refused = idp.post("/Users", &sent).await.expect(409);
    let patched = idp.patch(&ana).replace("title", json!("Boss")).await.expect(200);
    written(&world, &patched).await;
    let (nora, tom) = (Desk::of(&world, "csm", None).await, Desk::of(&world, "support", None).await);

    for (path, shows_client) in
        [(format!("/accounts/{}/requests", acme.id), true), (format!("/clients/{client}/requests"), false)]
    {
        let page = nora.open(&path).await;
        says(
            &page,
            &[
                "Create user",
                "409 uniqueness",
                "201 done",
                "Update user",
                "product_environment ignored",
                "The log is complete",
            ],
        );
        assert_eq!(page.answer.text().contains("<th scope=\"col\">Connection</th>"), shows_client);
        let page = nora
            .open(&format!("{path}?status=4xx&code=uniqueness&target=ana@acme.test&method=POST&since=2020-01-01"))
            .await;
        says(&page, &["409 uniqueness", "Refused, 4xx", "Code uniqueness", "About ana@acme.test", "1 on this page"]);
        is_silent(&page, &["201 done"]);
        says(&nora.open(&format!("{path}?until=2020-01-01")).await, &["No request matches", "Clear the filters"]);
        let page = nora.open(&format!("{path}?status=teapot&code=uniquenes&since=soon&target=%00")).await;
        says(&page, &["a status such as 409", "The nearest: uniqueness", "a day such as 2026-11-26"]);
        assert_eq!(page.answer.status, 200);
    }

    let told = text(&refused.json()["detail"]);
    let pasted = format!("Error while creating user ana@acme.test: Conflict. Errors reported by remote server: {told}");
    let query: String = url::form_urlencoded::byte_serialize(pasted.as_bytes()).collect();
    let page = nora.open(&format!("/requests?text={query}")).await;
    says(&page, &["What it came from", "409 uniqueness", "Okta", "acme"]);
    says(&nora.open("/requests?text=xyzzy+plugh+nothing").await, &["No request fits"]);
    says(&nora.open("/requests").await, &["Paste the error"]);
    for path in ["/requests/%00", "/requests/no-such-request", "/clients/%00/requests", "/accounts/%00/users"] {
        assert_eq!(nora.open(path).await.answer.status, 404, "{path}");
    }

    let id = id_of(&refused);
    let page = nora.open(&format!("/requests/{id}")).await;
    says(&page, &["Create user ana@acme.test", "Refused", "Why", "userName", "What to do", "409 uniqueness"]);
    says(
        &page,
        &[
            "did you mean product_environments ?",
            "Nearby requests",
            "was not recorded in full",
            "Others refused for this",
        ],
    );
    let page = nora.open(&format!("/requests/{}", id_of(&patched))).await;
    says(&page, &["Update user", "Done", "title", "changed"]);
    assert!(
        page.answer.text().contains(&format!("/users/{}", text(&ana["id"]))),
        "it leads to the user: {}",
        page.answer.text()
    );
    let orchard = world.account("orchard").await;
    let other = Desk::of(&world, "platform", Some(&[&orchard.id])).await;
    for path in
        [format!("/requests/{id}"), format!("/requests/{id}/conversation"), format!("/accounts/{}/requests", acme.id)]
    {
        assert_eq!(other.open(&path).await.answer.status, 404, "{path}");
    }
    says(&other.open(&format!("/requests?text={query}")).await, &["No request fits"]);

    // Recorded in full, it can be run again: a repaired collision would succeed.
    let page = nora.open(&format!("/clients/{client}/recording")).await;
    says(&page, &["Record everything for a while", "Secrets are replaced"]);
    let page = nora.press(&page, "Start recording").await;
    says(&page, &["Everything is recorded from now on", "Recorded in full until", "switched it on"]);
    let page = tom.open(&format!("/clients/{client}/recording")).await;
    says(&page, &["Your role reads", "Platform or Customer Success"]);
    assert!(page.form_with_button("End it now").is_none());
    let again = idp.post("/Users", &sent).await.expect(409);
    written(&world, &again).await;
    idp.delete(&ana).await.expect(204);
    let path = format!("/requests/{}", id_of(&again));
    let page = nora.open(&path).await;
    says(&page, &["Recorded in full", "POST /scim/v2/Users", "ana@acme.test", "Run it now"]);
    let page = nora.press(&page, "Run it now").await;
    says(&page, &["Today it would succeed, with 201", "Then it was refused", "userName", "not here", "You ran it at"]);
    let carried = page.url.query().unwrap_or_default().to_owned();
    is_silent(&nora.open(&format!("/requests/{id}?{carried}")).await, &["Today it would"]);
    assert_eq!(idp.names("userName eq \"ana@acme.test\"").await, Vec::<String>::new(), "nothing was done");
    // Support tries it out without seeing what was sent.
    let page = tom.open(&path).await;
    says(&page, &["Your role does not show it", "Run it now"]);
    is_silent(&page, &["familyName"]);
    says(&tom.press(&page, "Run it now").await, &["Today it would succeed"]);
    let file = world
        .get(&format!("/console{path}/conversation"))
        .header("cookie", &format!("gateway_console={}", nora.secret));
    let _: Value = file.await.expect(200).json();
    let page = nora.open(&format!("/clients/{client}/recording")).await;
    says(&nora.press(&page, "End it now").await, &["The recording has ended"]);
    record(&idp.client, 1).await;
});

story!(the_directory_says_who_may_do_what_and_why, async |world: World| {
    let acme = world.account("acme").await;
    let service = acme.service_account().await;
    let idp = acme.connect_identity_provider_as(&service).await;
    let mut sent = a_user("ana@acme.test");
    sent["product_environments"] = json!(["acme-prod"]);
    let ana = idp.create_user(&sent).await;
    let ben = idp.create_user(&a_user("ben@acme.test")).await;
    let changed = idp.patch(&ana).replace("role", json!("admin")).await.expect(200);
    idp.patch(&ana).replace("product_environments", json!(["acme-prod", "acme-stage"])).await.expect(200);
    let editors =
        json!({"schemas": [GROUP], "displayName": "Editors", "members": [{"value": ana["id"]}, {"value": ben["id"]}]});
    let editors = idp.post("/Groups", &editors).await.expect(201).json();
    let last = idp.get("/Users").await.expect(200);
    written(&world, &last).await;
    let nora = Desk::of(&world, "csm", Some(&[&acme.id])).await;
    let base = format!("/accounts/{}", acme.id);
    let (ana_page, ana_id) = (format!("{base}/users/{}", text(&ana["id"])), text(&ana["id"]));

    says(
        &nora.open(&format!("{base}/users")).await,
        &["acme", "Groups", "ana", "ben", "service account", "1 to 3 of 3"],
    );
    let page = nora.open(&format!("{base}/users?name=BEN")).await;
    says(&page, &["ben", "1 to 1 of 1", "Named BEN"]);
    let filter = |filter: &str| {
        let text: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        format!("{base}/users?filter={text}")
    };
    says(&nora.open(&filter("role eq \"admin\"")).await, &["ana", "1 to 1 of 1"]);
    let wrong = nora.open(&filter("userName eq")).await;
    says(&wrong, &["userName", "An example"]);
    assert_eq!(wrong.answer.status, 200);
    says(&nora.open(&filter("badge eq \"1\"")).await, &["badge"]);
    says(&nora.open(&format!("{base}/groups?name=edit")).await, &["Editors", "1 to 1 of 1"]);

    let page = nora.open(&ana_page).await;
    says(
        &page,
        &[
            "What ana",
            "role: admin",
            "Okta set it",
            "acme-stage",
            "access grew",
            "cannot accept access",
            "master_admin",
        ],
    );
    says(&page, &["Managed by Okta", "Editors", "There is no password here", "None. No connection ends"]);
    assert!(
        page.answer.text().contains(&format!("/console/requests/{}", id_of(&changed))),
        "by which request: {}",
        page.answer.text()
    );
    let page = nora.open(&format!("{base}/groups/{}", text(&editors["id"]))).await;
    says(&page, &["Editors", "Who joined, who left", "created this group", "ana", "ben"]);
    let page = nora.open(&format!("{base}/users/{}", service.id)).await;
    says(&page, &["Service account", "can accept access", "Okta", "By password"]);

    let page = nora.press(&nora.open(&format!("{ana_page}/deactivate")).await, "Deactivate").await;
    says(&page, &["Deactivated. All sessions have ended.", "Deactivated", "deactivated this user"]);
    says(&nora.press(&page, "Reactivate").await, &["Reactivated.", "reactivated this user"]);
    let page = nora.press(&nora.open(&ana_page).await, "Mark as service account").await;
    says(&page, &["Marked as a service account", "has no password", "cannot accept access: that needs"]);
    says(&nora.press(&page, "Not a service account").await, &["Marked as a person"]);
    assert_eq!(nora.open(&format!("{ana_page}/delete")).await.answer.status, 403, "that is for platform");

    // Support reads, and changes nothing.
    let tom = Desk::of(&world, "support", None).await;
    let page = tom.open(&ana_page).await;
    says(&page, &["What ana"]);
    assert!(
        page.form_with_button("Mark as service account").is_none() && !page.answer.text().contains("/deactivate\"")
    );
    let refused = tom.open(&format!("{ana_page}/deactivate")).await;
    assert_eq!(refused.answer.status, 403);
    says(&refused, &["Platform or Customer Success"]);

    let pia = Desk::of(&world, "platform", None).await;
    let page = pia.open(&format!("{ana_page}/delete")).await;
    says(&page, &["Delete ana", "gone for good"]);
    let mut form = page.form_with_button("Delete ana Test").expect("a form");
    form.fill_in("name", "ben@acme.test");
    let wrong = pia.browser.submit(&page, &form, &form.pairs(form.button("Delete ana Test"))).await.page();
    assert_eq!(wrong.answer.status, 400);
    says(&wrong, &["That is not the name"]);
    form.fill_in("name", "ana@acme.test");
    let page = pia.browser.submit(&page, &form, &form.pairs(form.button("Delete ana Test"))).await.page();
    says(&page, &["ana Test was deleted"]);
    assert_eq!(pia.open(&ana_page).await.answer.status, 404);
    let orchard = world.account("orchard").await;
    let other = Desk::of(&world, "csm", Some(&[&orchard.id, &acme.id])).await;
    assert_eq!(other.open(&format!("/accounts/{}/users/{ana_id}", orchard.id)).await.answer.status, 404);
});

/// Looks at each of these pages in a browser.
pub async fn look(world: &World, acme: &Account, chromium: &Chromium) {
    const NAME: &str = "منى \u{202e}Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft";
    let service =
        acme.user("provisioning-of-every-subsidiary@acme-media.example").role("master_admin").service_account();
    let (service, person) =
        (service.create().await, acme.user("dana@acme-media.example").role("master_admin").create().await);
    let idp = acme.connect_identity_provider_as(&person).await;
    let mut sent = a_user("mona@acme-media.example");
    (sent["displayName"], sent["product_environment"]) = (json!(NAME), json!("acme-prod"));
    sent["title"] = json!("Editor");
    let mona = idp.create_user(&sent).await;
    record(&idp.client, 1).await;
    idp.patch(&mona).replace("product_environments", json!(["acme-media-prod"])).await.expect(200);
    idp.patch(&mona).replace("product_environments", json!(["acme-media-prod", "acme-media-stage"])).await.expect(200);
    let refused = idp.post("/Users", &sent).await.expect(409);
    let group = json!({"schemas": [GROUP], "displayName": "Editors", "members": [{"value": mona["id"]}, {"value": "not-here-yet"}]});
    let group = idp.post("/Groups", &group).await.expect(201).json();
    written(world, &idp.get("/Users").await.expect(200)).await;
    let mut behind = Behind::of(world);
    let client = behind.number(&format!("SELECT seq AS n FROM clients WHERE id = '{}'", idp.client.id));
    let account = behind.number(&format!("SELECT seq AS n FROM accounts WHERE id = '{}'", acme.id));
    let today = behind.work(|tx| Ok(tx.now())).millis() / 86_400_000;
    for back in 1..30 {
        let (day, refused) = (today - back, if back < 4 { 30 } else { 2 });
        let requests = if back % 7 < 2 { 40 } else { 200 + back * 7 };
        behind.execute(&format!(
            "INSERT INTO client_days (client, day, requests, refused, list_pages) VALUES ({client}, {day}, {requests}, {refused}, {})",
            i64::from(back % 7 == 3) * 5
        ));
        behind.execute(&format!(
            "INSERT INTO account_days (account, day, user_count, group_count) VALUES ({account}, {day}, {}, 3)",
            (30 - back) / 4
        ));
    }
    let desk = Desk::of(world, "platform", None).await;
    let base = format!("{}/console", world.gateway.public_url);
    chromium.open(&world.gateway.public_url).await;
    chromium.run(&format!("document.cookie = 'gateway_console={}; path=/'", desk.secret)).await;
    let (client, account) = (&idp.client.id, &acme.id);
    let request = id_of(&refused);
    let ran = desk.press(&desk.open(&format!("/requests/{request}")).await, "Run it now").await;
    let ran = ran.url.query().unwrap_or_default().to_owned();
    let long = "x".repeat(300);
    let mut with_app = acme.users().await;
    with_app.retain(|user| text(&user["userName"]).starts_with("ada.lovelace"));
    let with_app = with_app.first().map(|user| text(&user["id"])).unwrap_or_default();
    for (path, name) in [
        (format!("/clients/{client}"), "console-connection"),
        (format!("/clients/{client}/fields"), "console-fields"),
        (format!("/clients/{client}/recording"), "console-recording"),
        (format!("/clients/{client}/requests?status=4xx&target={long}"), "console-requests-none"),
        (format!("/accounts/{account}/requests"), "console-requests"),
        (format!("/requests?text={request}"), "console-find"),
        (format!("/requests/{request}?{ran}"), "console-request"),
        (format!("/accounts/{account}/users?filter=active+eq"), "console-users-wrong"),
        (format!("/accounts/{account}/users"), "console-users"),
        (format!("/accounts/{account}/users/{}", text(&mona["id"])), "console-user"),
        (format!("/accounts/{account}/users/{}", service.id), "console-user-service"),
        (format!("/accounts/{account}/users/{}/delete", person.id), "console-user-delete"),
        (format!("/accounts/{account}/users/{}/deactivate", person.id), "console-user-deactivate"),
        (format!("/accounts/{account}/users/{with_app}/second-factor"), "console-user-second-factor"),
        (format!("/accounts/{account}/groups"), "console-groups"),
        (format!("/accounts/{account}/groups/{}", text(&group["id"])), "console-group"),
    ] {
        chromium.open(&format!("{base}{path}")).await;
        chromium.run("for (const part of document.querySelectorAll('.behind')) part.open = true").await;
        chromium.look(name).await;
    }
    chromium.open(&format!("{base}/clients/{client}")).await;
    let access = chromium.text("return document.querySelector('a[href*=\"/access/\"]').href").await;
    chromium.open(&access).await;
    chromium.look("console-access-end").await;
}

story!(the_page_of_a_user_says_which_rule_gives_what, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    let editors = idp.create_group("Editors", &[&ana]).await;
    let rules = json!({"precedence": "groups",
        "rules": [{"group_id": editors["id"], "role": "reports", "environments": ["acme-stage"]}]});
    acme.admin(Method::PUT, "/access").json(&rules).await.expect(200);
    let nora = Desk::of(&world, "csm", Some(&[&acme.id])).await;
    let page = format!("/accounts/{}/users/{}", acme.id, text(&ana["id"]));
    let shown = [
        "role: reports",
        "first rule, since",
        "by client Okta",
        "acme-prod",
        "Nothing gives the user this environment",
    ];
    says(&nora.open(&page).await, &shown);
    acme.admin(Method::PUT, "/access").json(&json!({"rules": []})).await.expect(200);
    says(&nora.open(&page).await, &["Every environment", "No product_environments was ever set"]);
});
