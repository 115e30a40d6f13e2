//! The whole guide by two people in two browsers: from an empty installation to Okta's first push. What they do is done by opening links
//! that they were given and by pressing what pages show; Okta alone sends requests of its own.
//!
//! It is told twice. On SQLite pages have their script: a link is copied by its button, and the checks turn green on the page that is open. On
//! PostgreSQL no page gets it: a link is read off the page, and the page is loaded again to see the checks. All else is the same, so each step
//! is done without JavaScript too.

use std::time::Duration;

use gateway::http::admin;
use gateway::http::edge::endpoints::Endpoint;
use gateway::http::pages::console;
use gateway::platform::timestamp::Timestamp;
use gateway::simulate::okta::Kind;
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use crate::full_recording::written;
use crate::second_factors::App;
use crate::support::account::{items, text};
use crate::support::chromium::Chromium;
use crate::support::console::PASSWORD;
use crate::support::database::Behind;
use crate::support::identity_provider::IdentityProvider;
use crate::support::oauth_client::OAuthClient;
use crate::support::okta::OktaApp;
use crate::support::testing::World;

const CSM: &str = "nora@exampla.example";
const SERVICE_PASSWORD: &str = "a passphrase of Acme's own";
const VARIABLE: &str = "acmemedia_exampla_1";
/// An id that nothing has.
const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

/// The last part of a path.
fn last(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or_default()
}

#[track_caller]
fn says(shown: &str, words: &[&str]) {
    for words in words {
        assert!(shown.contains(words), "{words:?} in: {shown}");
    }
}

/// An operator opens the link that they got: a password, an authenticator app, and the recovery codes that go with it.
async fn join(vendor: &Chromium, world: &World, link: &str) -> App {
    vendor.open(link).await;
    for name in ["password", "again"] {
        vendor.type_into(name, PASSWORD).await;
    }
    vendor.press("Set the password").await;
    let app = App::typed(&vendor.copyable("secret of the app").await);
    vendor.type_into("code", &app.shows_at(Timestamp::of_millis(world.now()), 0)).await;
    vendor.press("Continue").await;
    vendor.press("I have saved them. Continue").await;
    app
}

/// Both look at one link: the operator at its page of the console, the administrator at the page that it opens.
async fn both_see(vendor: &Chromium, place: &str, badge: &str, customer: &Chromium, link: &str, said: &str) {
    customer.open(link).await;
    says(&customer.words().await, &[said]);
    vendor.open(place).await;
    assert_eq!(vendor.text("return document.querySelector('.title .badge').textContent").await, badge);
}

/// The paths of a table that are read, about what there is now.
fn paths<'e>(all: impl Iterator<Item = &'e Endpoint>, known: &[(&str, String)]) -> Vec<String> {
    let filled = |path: &str| {
        let path = known.iter().fold(path.to_owned(), |path, (name, id)| path.replace(name, id));
        path.split('/').map(|part| if part.starts_with('{') { UNKNOWN } else { part }).collect::<Vec<_>>().join("/")
    };
    all.filter(|endpoint| endpoint.method == "GET").map(|endpoint| filled(endpoint.path)).collect()
}

story!(
    two_people_get_from_an_empty_installation_to_the_first_push_and_one_alone_has_the_secret,
    moving_clock,
    settings = [
        ("GATEWAY__BRAND__NAME", "Exampla"),
        ("GATEWAY__BRAND__SUPPORT_EMAIL", "support@exampla.example"),
        ("GATEWAY__BRAND__ACCENT", "#1f5fd0")
    ],
    async |world: World| {
        let database = if world.database_url().starts_with("sqlite") { "sqlite" } else { "postgres" };
        let Some(vendor) = Chromium::start(&format!("guide-{database}-vendor")).await else { return };
        let Some(customer) = Chromium::start(&format!("guide-{database}-customer")).await else { return };
        let has_script = database == "sqlite";
        match has_script {
            true => customer.hurry().await,
            false => {
                vendor.without_scripts().await;
                customer.without_scripts().await;
            }
        }

        // The first operator, by the link that the command prints.
        let arguments = ["operator", "invite", "ada@exampla.example", "--name", "Ada Ortiz", "--role", "platform"];
        let printed = world.command(&arguments, &[]);
        let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
        let link =
            printed.split_whitespace().find(|word| word.contains("/console/welcome/")).expect("a link").to_owned();
        join(&vendor, &world, &link).await;
        vendor.press("Create the first account").await;
        vendor.type_into("name", "Acme Media").await;
        vendor.type_into("environments", "acme-prod\nacme-stage").await;
        vendor.press("Create account").await;
        vendor.press("Operators").await;
        vendor.press("Invite an operator").await;
        vendor.type_into("address", CSM).await;
        vendor.type_into("name", "Nora Feld").await;
        vendor.choose("role", "csm").await;
        vendor.choose("reach", "some").await;
        vendor.type_into("accounts", "Acme Media").await;
        vendor.press("Create the operator").await;
        vendor.press("Make a link to a password").await;
        let link = vendor.copyable("link to a password").await;
        vendor.touch("Ada Ortiz").await;
        vendor.press("Log out").await;

        // The Customer Success Manager. Of links that come to nothing both see the same.
        vendor.keep_what_is_seen();
        let app = join(&vendor, &world, &link).await;
        vendor.press("Acme Media").await;
        vendor.press("Connect an identity provider").await;
        vendor.choose("provider", "onelogin").await;
        vendor.press("Create connection and setup link").await;
        let (link, place) = (vendor.copyable("setup link").await, vendor.url().await);
        says(&vendor.words().await, &["Not opened"]);
        both_see(&vendor, &place, "Opened", &customer, &link, "Connect OneLogin to Exampla").await;
        vendor.press("Revoke the link").await;
        both_see(&vendor, &place, "Revoked", &customer, &link, "This setup link was revoked").await;
        vendor.press("Create a new link").await;
        let (link, place) = (vendor.copyable("setup link").await, vendor.url().await);
        world.pass(Duration::from_secs(14 * 86_400 + 60));
        customer.open(&link).await;
        says(&customer.words().await, &["This setup link has expired"]);

        // From the log-in to the copied link.
        vendor.open(&place).await;
        vendor.presses.set(0);
        vendor.log_in(CSM, PASSWORD).await;
        vendor.type_into("code", &app.shows_at(Timestamp::of_millis(world.now()), 0)).await;
        vendor.press("Continue").await;
        assert_eq!(vendor.url().await, place, "the log-in leads to where they wanted to be");
        assert_eq!(vendor.text("return document.querySelector('.title .badge').textContent").await, "Expired");
        vendor.press("Accounts").await;
        vendor.press("Acme Media").await;
        vendor.press("Connect an identity provider").await;
        vendor.press("Create connection and setup link").await;
        match has_script {
            true => {
                vendor.touch("Copy setup link").await;
                let copied = "return document.querySelector('.button.copy').textContent === 'Copied'";
                vendor.until("copied", copied).await;
            }
            false => assert_eq!(vendor.run("return document.querySelectorAll('.button.copy').length").await, 0),
        }
        assert!(vendor.presses.get() < 12, "{} presses", vendor.presses.get());
        let (link, place) = (vendor.copyable("setup link").await, vendor.url().await);
        says(&vendor.words().await, &["Okta is ready", "Not opened"]);
        vendor.picture("setup-link", false).await;

        // The customer's administrator.
        both_see(&vendor, &place, "Opened", &customer, &link, "Connect Okta to Exampla").await;
        customer.type_into("password", SERVICE_PASSWORD).await;
        customer.press("Set the password").await;
        customer.touch("4 Integration").await;
        customer.picture("setup-page", false).await;
        customer.press("Reveal the client secret").await;
        let secret = customer.copyable("client secret").await;
        let in_sight = "const place = document.getElementById('secret').getBoundingClientRect(); return place.top >= 0 && place.bottom <= innerHeight";
        customer.until("the secret is in sight", in_sight).await;
        assert!(secret.starts_with("gws_"), "{secret}");
        let redirect_uri = format!("https://system-admin.okta.com/admin/app/cpc/{VARIABLE}/oauth/callback");
        let pasted = json!({
            "client_id": customer.copyable("Client ID").await,
            "client_secret": secret,
            "redirect_uris": [redirect_uri],
            "sheet": {
                "scim_base_url": customer.copyable("SCIM connector base URL").await,
                "token_url": customer.copyable("Access token endpoint URI").await,
                "authorization_url": customer.copyable("Authorization endpoint URI").await,
            },
        });
        customer.touch("5 Variable name").await;
        customer.type_into("variable", VARIABLE).await;
        customer.press("Register").await;
        says(&customer.words().await, &["The variable name is registered"]);

        // Okta opens its window in the administrator's browser, and fetches its tokens.
        let client = OAuthClient::new(&world, pasted);
        let id = client.id.clone();
        customer.open(&client.authorization_url("state-1")).await;
        customer.log_in("okta-provisioning", SERVICE_PASSWORD).await;
        customer.press("Accept access").await;
        let back = Url::parse(&customer.address().await).expect("a URL");
        assert!(back.as_str().starts_with(&redirect_uri), "{back}");
        let code = back.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned();
        let tokens = client.exchange(&code).await.expect(200).json();
        customer.open(&link).await;
        customer.touch("15 Check that it works").await;
        let okta = OktaApp::new(Kind::Wizard, IdentityProvider::new(client, &tokens));
        okta.test_credentials().await;
        let attributes = json!({"role": "media_library_admin", "product_environments": ["acme-prod"],
            "displayName": "Mona Adeyemi", "name": {"givenName": "Mona", "familyName": "Adeyemi"}});
        let mona = okta.assign("00u1", "mona.adeyemi@acme-media.example", attributes).await;
        okta.push_group("Editors", &[&mona]).await;
        // The page that is open sees it by itself; without its script it is loaded again.
        if !has_script {
            customer.open(&link).await;
            customer.touch("15 Check that it works").await;
        }
        let green = "return document.querySelectorAll('#checks li.ok').length === 7 && !document.querySelector('#checks li:not(.ok)')";
        customer.until("the checks turn green", green).await;
        customer.picture("setup-checks", false).await;
        customer.press("Finish").await;
        both_see(&vendor, &place, "Finished", &customer, &link, "The setup is finished").await;

        let imported = okta.idp.get("/Users?startIndex=1&count=100").await.expect(200);
        written(&world, &imported).await;

        // The connection works, and what came of each request is there to be read.
        vendor.press("the account’s page").await;
        vendor.press("Okta").await;
        says(&vendor.words().await, &["Working", "Everything works", "okta-provisioning"]);
        vendor.picture("connection", false).await;
        vendor.open(&format!("{}/requests", vendor.url().await)).await;
        says(&vendor.words().await, &["Working", "Create user", "Mona Adeyemi", "Reveal the secret"]);
        vendor.run("scrollTo(0, 470)").await;
        vendor.picture("requests", false).await;
        vendor.touch("Nora Feld").await;
        vendor.press("Your log-in and sessions").await;
        vendor.press("Create a token for 8 hours").await;
        let token = vendor.copyable("operator token").await;

        // The secret is on no page that they saw or can open, in no answer to their token, and in no row.
        let get = async |path: &str| world.call(Method::GET, &format!("/admin{path}")).bearer(&token).await;
        let account = text(&items(&get("/accounts").await.expect(200).json())[0]["id"]);
        let first = async |path: &str, name: &str| {
            let listed = get(&format!("/accounts/{account}{path}")).await.expect(200).json();
            items(&listed).first().map(|one: &Value| text(&one[name])).expect("a row")
        };
        let known = [
            ("{request}", first("/requests", "request_id").await),
            ("{grant}", first("/grants", "id").await),
            ("{user}", text(&mona["id"])),
            ("{group}", UNKNOWN.to_owned()),
            ("{link}", last(&place).to_owned()),
            ("{attribute}", "role".to_owned()),
            ("{account}", account.clone()),
            ("{client}", id.clone()),
        ];
        let mut read = vendor.seen();
        let pages = console::TABLES.iter().flat_map(|table| table.iter());
        read.extend(vendor.fetch(&paths(pages, &known)).await);
        for path in paths(admin::ENDPOINTS.iter(), &known) {
            read.push(get(&path).await.text());
        }
        assert!(read.iter().filter(|text| text.contains(&id)).count() > 25, "what they read is about the connection");
        let stored = Behind::of(&world).dump();
        assert!(stored.contains(&id) && stored.contains("setup_link.revealed"));
        for hidden in [secret.as_str(), SERVICE_PASSWORD] {
            assert!(!read.iter().any(|text| text.contains(hidden)), "an operator reads {hidden}");
            assert!(!stored.contains(hidden), "a row has {hidden}");
        }
        for chromium in [vendor, customer] {
            chromium.finish();
        }
    }
);
