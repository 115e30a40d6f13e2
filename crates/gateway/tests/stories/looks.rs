//! How pages look: each one that exists, in a real browser, at a desk and on a phone, light and dark, with and without its script. The tour
//! is made on SQLite with the script, light at a desk and dark on a phone; and on PostgreSQL without it, the other way round.

use reqwest::Method;
use serde_json::json;

mod demo;
mod setup;
mod table;

use crate::support::account::{Account, User};
use crate::support::chromium::Chromium;
use crate::support::console::{NO_APP, PASSWORD};
use crate::support::environment;
use crate::support::oauth_client::OAuthClient;
use crate::support::postgres;
use crate::support::testing::{Database, World};
use crate::upstream::Upstream;

const LONG: &str = "Provisioning-of-every-subsidiary-of-Acme-Media-in-Europe-the-Middle-East-and-Africa";

/// What users of a brand see.
const SETTINGS: [(&str, &str); 17] = [
    NO_APP,
    ("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true"),
    ("GATEWAY__BRAND__NAME", "Exampla"),
    ("GATEWAY__BRAND__SUPPORT_EMAIL", "support@exampla.example"),
    ("GATEWAY__BRAND__HELP_URL", "https://exampla.example/help"),
    ("GATEWAY__BRAND__PRIVACY_URL", "https://exampla.example/privacy"),
    ("GATEWAY__BRAND__TERMS_URL", "https://exampla.example/terms"),
    ("GATEWAY__BRAND__ACCENT", "#1f5fd0"),
    ("GATEWAY__OPERATORS__ISSUER", "https://id.exampla.example"),
    ("GATEWAY__OPERATORS__CLIENT_ID", "gateway"),
    ("GATEWAY__OPERATORS__CLIENT_SECRET", "a-secret-of-the-gateway"),
    ("GATEWAY__OPERATORS__ALLOWED", "@exampla.example"),
    ("GATEWAY__MAIL__SMTP_URL", "smtp://127.0.0.1:9"),
    ("GATEWAY__MAIL__FROM", "no-reply@exampla.example"),
    ("GATEWAY__SERVER__BODY_SECONDS", "60"),
    ("GATEWAY__REQUESTS__ENABLED", "true"),
    ("GATEWAY__SERVER__WORKERS", "2"),
];

/// A customer's Okta.
async fn okta(account: &Account) -> OAuthClient {
    account.client(json!({"name": "Okta", "profile": "okta", "okta_app_name": "acmemedia_exampla_1"})).await
}

/// A walk through every page.
struct Tour {
    world: World,
    acme: Account,
    service: User,
    chromium: Chromium,
}

impl Tour {
    async fn start(folder: &str, database: Database, settings: &[(&'static str, &str)]) -> Option<Tour> {
        let chromium = Chromium::start(folder).await?;
        let world = World::start(database, settings).await;
        let acme = world.account("acme-media").await;
        let service = acme.service_account().await;
        Some(Tour { world, acme, service, chromium })
    }

    async fn open(&self, path: &str) {
        self.chromium.open(&format!("{}{path}", self.world.gateway.public_url)).await;
    }

    async fn look_at(&self, path: &str, name: &str) {
        self.open(path).await;
        self.chromium.look(name).await;
    }

    async fn log_out(&self) {
        self.open("/oauth2/logout").await;
        if self.chromium.words().await.contains("Stay logged in") {
            self.chromium.press("Log out").await;
        }
    }

    /// What needs no log-in.
    async fn outside(&self) {
        for (path, name) in [
            ("/", "front"),
            ("/style", "style"),
            ("/openapi", "openapi"),
            ("/nowhere", "not-found"),
            ("/account/sessions/end", "wrong-method"),
            ("/console", "console-login"),
            ("/account", "login-account"),
            ("/login/forgotten", "forgotten"),
            ("/password", "password-set"),
            ("/password/gwp_made-up", "password-link-refused"),
            ("/oauth2/auth?client_id=unknown", "refused"),
            ("/login?request=stale", "stale"),
            ("/login/callback?state=stale&code=1", "callback-stale"),
        ] {
            self.look_at(path, name).await;
        }
    }

    /// What users see who forgot their password, where letters are sent.
    async fn forgotten(&self) {
        self.open("/login/forgotten").await;
        self.chromium.type_into("username", " ").await;
        self.chromium.press("Mail me a link").await;
        self.chromium.look("forgotten-wrong").await;
        self.chromium.type_into("username", "dana.reyes@acme-media.example").await;
        self.chromium.press("Mail me a link").await;
        self.chromium.look("forgotten-sent").await;
    }

    /// From the identity provider's window to access.
    async fn connecting(&self) {
        let chromium = &self.chromium;
        let client = okta(&self.acme).await;
        let url = client.authorization_url("1");
        chromium.open(&url).await;
        chromium.look("login").await;
        chromium.log_in("unknown", "wrong").await;
        chromium.look("login-wrong").await;
        chromium.log_in(&self.service.user_name, &self.service.password).await;
        chromium.look("consent-service").await;
        chromium.press("Log in as another user").await;

        let person = self.acme.user("dana.reyes@acme-media.example").role("master_admin").create().await;
        chromium.log_in(&person.user_name, &person.password).await;
        chromium.look("consent-personal").await;
        chromium.press("Log in as a service account").await;
        let ben = self.acme.user("ben.adler@acme-media.example").role("media_library_user").create().await;
        chromium.log_in(&ben.user_name, &ben.password).await;
        chromium.look("consent-refused").await;
        self.log_out().await;

        let body = json!({"name": "Reports", "profile": "generic", "redirect_uris": ["https://reports.example/cb"],
            "grant_types": ["authorization_code"], "scopes": ["openid", "profile", "email"]});
        let reports = self.acme.client(body).await;
        chromium.open(&reports.authorization_url("1")).await;
        chromium.look("login-client").await;
        chromium.log_in(&person.user_name, &person.password).await;
        chromium.look("consent-client").await;
        self.log_out().await;
        chromium.look("logged-out").await;
    }

    /// Where the account's people log in at a provider of their own.
    async fn provider(&self) {
        let globex = self.world.account("globex").await;
        let upstream = Upstream::of(&self.world).await;
        upstream.configure(&globex, json!({})).await;
        self.chromium.open(&okta(&globex).await.authorization_url("1")).await;
        self.chromium.look("login-provider").await;
        assert_eq!(self.primary().await, "Log in", "a service account's way is the first");
        let body = json!({"name": "Reports", "profile": "generic", "redirect_uris": ["https://reports.example/cb"],
            "grant_types": ["authorization_code"], "scopes": ["openid"]});
        self.chromium.open(&globex.client(body).await.authorization_url("1")).await;
        self.chromium.look("login-provider-client").await;
        assert_eq!(self.primary().await, "Continue with Acme ID", "a person's way is the first");
    }

    async fn primary(&self) -> String {
        let text = self.chromium.run("return document.querySelector('.button.primary').textContent.trim()").await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// A user's own pages.
    async fn own(&self) {
        let chromium = &self.chromium;
        let ada = self.acme.user("ada.lovelace-of-the-analytical-engine@acme-media.example").role("master_admin");
        let ada = ada.create().await;
        self.open("/account").await;
        chromium.log_in(&ada.user_name, &ada.password).await;
        chromium.look("account-empty").await;
        okta(&self.acme).await.connect_as(&ada).await;
        let long = self.acme.client(json!({"name": LONG, "profile": "generic", "redirect_uris": ["https://long.example/cb"],
            "grant_types": ["authorization_code", "refresh_token"], "scopes": ["openid", "offline_access", "provision:scim"]}));
        let long = long.await;
        long.connect_as(&ada).await;
        self.open("/account").await;
        chromium.run("for (const part of document.querySelectorAll('.behind')) part.open = true").await;
        chromium.look("account").await;
        chromium.run("document.querySelector('.menu').open = true").await;
        chromium.look("account-menu").await;

        chromium.press("Set up an authenticator app").await;
        chromium.look("second-factor-set-up").await;
        let secret = chromium.run("return document.querySelector('[data-copy]').textContent").await;
        chromium.type_into("code", "000000").await;
        chromium.press("Continue").await;
        chromium.look("second-factor-wrong").await;
        let app = crate::second_factors::App::typed(secret.as_str().unwrap_or_default());
        chromium.type_into("code", &app.showed().await).await;
        chromium.press("Continue").await;
        chromium.look("recovery-codes").await;
        chromium.press("I have saved them. Continue").await;
        chromium.look("account-second-factor").await;
        chromium.type_into("code", "000000").await;
        chromium.press("Remove").await;
        chromium.look("second-factor-remove-wrong").await;

        self.administration(&long).await;
        self.open("/account/password").await;
        chromium.look("password").await;
        chromium.type_into("password", "password1234").await;
        chromium.type_into("again", "password1234").await;
        chromium.press("Change the password").await;
        chromium.look("password-wrong").await;
        chromium.type_into("password", "four unrelated words 4711").await;
        chromium.type_into("again", "four unrelated words 4711").await;
        chromium.press("Change the password").await;
        chromium.look("password-changed").await;
        self.open("/oauth2/logout").await;
        chromium.look("logout").await;
        self.log_out().await;
        self.open("/account").await;
        chromium.log_in(&ada.user_name, "four unrelated words 4711").await;
        chromium.look("second-factor").await;
        chromium.type_into("code", "000000").await;
        chromium.press("Continue").await;
        chromium.look("second-factor-login-wrong").await;

        chromium.open(&long.authorization_url("1")).await;
        chromium.look("login-long-name").await;
        let eve = self.acme.user("eve@acme-media.example").create().await;
        chromium.log_in(&eve.user_name, &eve.password).await;
        chromium.look("consent-refused-long-name").await;
    }

    /// What a customer's administrator looks after.
    async fn administration(&self, client: &OAuthClient) {
        let chromium = &self.chromium;
        let body = json!({"provider": "entra", "name": "Entra"});
        self.acme.admin(Method::POST, "/setup-links").json(&body).await.expect(201);
        for (path, name) in [
            ("/account/connections", "own-connections"),
            ("/account/setup-links", "own-setup-links"),
            ("/account/users", "own-users"),
        ] {
            self.look_at(path, name).await;
        }
        self.look_at(&format!("/account/connections/secret?client={}", client.id), "own-secret").await;
        chromium.press("Create and show it").await;
        chromium.look("own-secret-shown").await;
    }

    /// A link that sets a password.
    async fn password_link(&self) {
        let chromium = &self.chromium;
        let eve = self.acme.user("eve.adams-of-the-newsroom@acme-media.example").create().await;
        let path = format!("/users/{}/password-link", eve.id);
        let made = self.acme.admin(Method::POST, &path).json(&json!({})).await.expect(201).json();
        chromium.open(made["url"].as_str().unwrap_or_default()).await;
        chromium.look("password-link").await;
        chromium.type_into("password", "password1234").await;
        chromium.type_into("again", "password1234").await;
        chromium.press("Set the password").await;
        chromium.look("password-link-wrong").await;
        for name in ["password", "again"] {
            chromium.type_into(name, "four unrelated words 4711").await;
        }
        chromium.press("Set the password").await;
        chromium.look("password-link-done").await;
        chromium.open(made["url"].as_str().unwrap_or_default()).await;
        chromium.look("password-link-used").await;
    }

    /// What is shown where the server fails.
    async fn failing(&self) {
        self.world.alter("ALTER TABLE setup_links RENAME TO lost_setup_links");
        self.look_at("/setup/gwl_made-up", "failed").await;
    }

    /// The doors of the console, and the pages about operators and the audit trail.
    async fn console(&self) {
        let chromium = &self.chromium;
        let (_, link) = self.world.invited("sam@exampla.example", "platform", None).await;
        let (nora, _) =
            self.world.invited("nora.feld-of-customer-success@exampla.example", "csm", Some(&[&self.acme.id])).await;
        chromium.open(&link).await;
        chromium.look("console-welcome").await;
        for name in ["password", "again"] {
            chromium.type_into(name, PASSWORD).await;
        }
        chromium.press("Set the password").await;
        self.open("/console/you").await;
        chromium.press("Set up an authenticator app").await;
        chromium.look("console-app").await;
        let secret = chromium.run("return document.querySelector('[data-copy]').textContent").await;
        let app = crate::second_factors::App::typed(secret.as_str().unwrap_or_default());
        chromium.type_into("code", &app.shows(0)).await;
        chromium.press("Continue").await;
        chromium.look("console-recovery-codes").await;
        chromium.press("I have saved them. Continue").await;
        for (path, name) in [
            ("/console/operators", "console-operators"),
            ("/console/operators/invite", "console-operators-invite"),
            (&format!("/console/operators/{nora}"), "console-operator"),
            (&format!("/console/operators/{nora}/end"), "console-operator-end"),
            ("/console/you", "console-you"),
            ("/console/you/password", "console-you-password"),
            ("/console/you/app", "console-you-app"),
            ("/console/audit?action=account.created", "console-audit-filtered"),
            ("/console/audit?action=nonsense", "console-audit-wrong"),
        ] {
            self.look_at(path, name).await;
        }
        self.open("/console/operators/invite").await;
        chromium.type_into("address", "not an address").await;
        // As a browser sends it that checks nothing by itself.
        chromium
            .run("const csm = document.querySelector('[value=csm]'); csm.checked = true; csm.form.noValidate = true")
            .await;
        chromium.press("Create the operator").await;
        chromium.look("console-operators-invite-wrong").await;
        self.open(&format!("/console/operators/{nora}")).await;
        chromium.press("Make a link to a password").await;
        chromium.look("console-operator-link").await;
        let users = self.acme.users().await;
        let active = users.iter().find(|user| user["active"] != false).and_then(|user| user["id"].as_str());
        self.open(&format!("/console/accounts/{}/users/{}", self.acme.id, active.expect("a user"))).await;
        chromium.press("Create a link to set a password").await;
        chromium.look("console-user-link").await;
        self.open("/console/you/app").await;
        chromium.type_into("code", "000000").await;
        chromium.press("Remove the app").await;
        chromium.look("console-you-app-wrong").await;
        self.open("/console/you").await;
        chromium.press("Create a token for 8 hours").await;
        chromium.look("console-token").await;
        self.open("/console/audit").await;
        chromium.run("for (const part of document.querySelectorAll('.behind')) part.open = true").await;
        chromium.look("console-audit").await;
        chromium.press("Verify the whole chain").await;
        chromium.look("console-said").await;
        chromium.run("document.querySelector('.menu').open = true").await;
        chromium.look("console-menu").await;

        self.open("/console/operators/invite").await;
        chromium.type_into("address", "ben@exampla.example").await;
        chromium.choose("role", "support").await;
        chromium.forget().await;
        chromium.press("Create the operator").await;
        chromium.look("console-session-ended").await;
        self.open("/console/login").await;
        chromium.log_in("sam@exampla.example", "wrong").await;
        chromium.look("console-login-wrong").await;
        chromium.log_in("sam@exampla.example", PASSWORD).await;
        chromium.look("console-second-factor").await;
        chromium.type_into("code", "000000").await;
        chromium.press("Continue").await;
        chromium.look("console-second-factor-wrong").await;
    }

    async fn all(&self) {
        self.outside().await;
        self.console().await;
        self.connecting().await;
        self.provider().await;
        self.own().await;
        crate::console_diagnosis::look(&self.world, &self.acme, &self.chromium).await;
        self.log_out().await;
        crate::console_accounts::look(&self.world, &self.acme, &self.chromium).await;
        self.password_link().await;
        self.setup().await;
        self.failing().await;
        table::is_whole(&self.chromium.looked_at());
    }
}

#[test]
fn every_page_fits_and_is_accessible_in_every_mode() {
    crate::support::story::run(async {
        let Some(tour) = Tour::start("with-script", Database::sqlite().await, &SETTINGS).await else { return };
        tour.demo().await;
        tour.forgotten().await;
        tour.all().await;
        tour.chromium.finish();
    });
}

#[test]
fn every_page_works_without_its_script_and_without_a_brand() {
    crate::support::story::run(async {
        let database = match postgres::server() {
            Ok(server) => Database::postgres(server).await,
            Err(why) if environment::in_ci() => panic!("CI is set, so PostgreSQL has to be tested: {why}"),
            Err(why) => {
                println!("on SQLite: {why}");
                Database::sqlite().await
            }
        };
        let Some(tour) = Tour::start("without-script", database, &SETTINGS[..2]).await else { return };
        tour.chromium.without_scripts().await;
        let settings = tour.acme.admin(Method::GET, "").await.expect(200).json();
        assert_eq!(settings["name"], "acme-media");
        tour.all().await;
        assert_eq!(tour.chromium.run("return document.querySelectorAll('.button.copy').length").await, 0);
        tour.chromium.finish();
    });
}
