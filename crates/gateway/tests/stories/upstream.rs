//! Logging in at an OpenID provider: the account's own for its people, the vendor's for operators. The provider is another gateway.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, User, text};
use crate::support::browser::{Browser, Callback, Landed, Landing, Page};
use crate::support::concurrently::all;
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::{Database, World};

/// Lets a gateway call another on this machine.
const REACH: (&str, &str) = ("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true");

/// The provider: a gateway where the customer's people have passwords, and where ours is a client.
pub struct Upstream {
    pub world: World,
    pub people: Account,
    client: OAuthClient,
}

impl Upstream {
    /// A provider for this gateway.
    pub async fn of(door: &World) -> Upstream {
        let redirect_uri = format!("{}/login/callback", door.gateway.public_url);
        let world = World::start(Database::sqlite().await, &[]).await;
        let people = world.account("people").await;
        let body = json!({"name": "The front door", "redirect_uris": [redirect_uri], "grant_types": ["authorization_code"],
            "scopes": ["openid", "profile", "email"], "default_scope": ["openid"]});
        let client = people.client(body).await;
        Upstream { world, people, client }
    }

    /// Walks through the provider's own pages, and comes back.
    pub async fn accept(&self, there: &Browser, url: &Landing, person: &User) -> Callback {
        let Landing::Left(url) = url else { panic!("still here: {url:?}") };
        assert!(self.world.gateway.owns(url), "{url}");
        let page = there.open(url.as_str()).await.page();
        let landing = there.log_in(&page, &person.user_name, &person.password).await;
        match landing {
            Landing::Left(url) => Callback(url),
            Landing::Page(page) => there.press(&page, "Accept access").await.callback(),
        }
    }
}

impl Upstream {
    /// A person of its own, with this address.
    pub async fn user(&self, email: &str) -> User {
        self.people.user(email).with("emails", verified(email)).create().await
    }

    /// A person without an address.
    pub async fn nameless(&self, name: &str) -> User {
        self.people.user(name).with("emails", json!([])).create().await
    }

    /// Changes what is known of a person.
    pub async fn rename(&self, person: &User, change: &Value) {
        self.people.admin(Method::PATCH, &format!("/users/{}", person.id)).json(change).await.expect(200);
    }

    /// The provider of a gateway's operators, and the settings of that gateway. Where it [sends them back to](Upstream::sends_back_to) is
    /// known once it runs.
    pub async fn of_operators(world: World) -> (Upstream, Vec<(&'static str, String)>) {
        let people = world.account("vendor").await;
        let body = json!({"name": "The front door", "redirect_uris": ["http://127.0.0.1/login/callback"],
            "grant_types": ["authorization_code"], "scopes": ["openid", "profile", "email"], "default_scope": ["openid"]});
        let client = people.client(body).await;
        let settings = vec![
            (REACH.0, REACH.1.to_owned()),
            ("GATEWAY__OPERATORS__ISSUER", world.gateway.public_url.clone()),
            ("GATEWAY__OPERATORS__CLIENT_ID", client.id.clone()),
            ("GATEWAY__OPERATORS__CLIENT_SECRET", client.secret.clone()),
            ("GATEWAY__OPERATORS__ALLOWED", "ada@vendor.test,@csm.vendor.test".to_owned()),
            ("GATEWAY__OPERATORS__UNVERIFIED_EMAIL", "true".to_owned()),
        ];
        (Upstream { world, people, client }, settings)
    }

    /// Sends people back to this gateway.
    pub async fn sends_back_to(&self, door: &World) {
        let uri = format!("{}/login/callback", door.gateway.public_url);
        self.client.admin(Method::PATCH, "").json(&json!({"redirect_uris": [uri]})).await.expect(200);
    }

    /// Has an account's people log in here.
    pub async fn configure(&self, account: &Account, more: Value) {
        configure(account, self, more).await;
    }
}

async fn configure(acme: &Account, upstream: &Upstream, more: Value) {
    let mut provider = json!({"name": "Acme ID", "issuer": upstream.world.gateway.public_url,
        "client_id": upstream.client.id, "client_secret": upstream.client.secret});
    for (name, value) in more.as_object().into_iter().flatten() {
        provider[name] = value.clone();
    }
    let set = acme.admin(Method::PATCH, "/sign-in").json(&json!({"provider": provider})).await.expect(200).json();
    assert!(!set.to_string().contains(&upstream.client.secret), "never read back: {set}");
}

/// Presses "Continue with …" on the log-in page, and comes back from the provider as this person.
async fn sign_in(upstream: &Upstream, client: &OAuthClient, browser: &Browser, person: &User) -> Page {
    let page = browser.open(&client.authorization_url("s-1")).await.page();
    let away = browser.press(&page, "Continue with Acme ID").await;
    let back = upstream.accept(&upstream.world.browser(), &away, person).await;
    browser.open(back.0.as_str()).await.page()
}

fn verified(email: &str) -> Value {
    json!([{"value": email, "type": "work", "primary": true}])
}

story!(people_sign_in_at_the_provider_of_their_account, settings = [REACH], async |world: World| {
    let upstream = Upstream::of(&world).await;
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    let here = acme.user("ada@acme.test").role("master_admin").create().await;
    let service = acme.service_account().await;
    let there = upstream.people.user("ada@acme.test").with("emails", verified("ada@acme.test")).create().await;
    configure(&acme, &upstream, json!({"match_by": "email"})).await;

    let browser = world.browser();
    let page = sign_in(&upstream, &client, &browser, &there).await;
    assert!(page.is_consent() && page.words().contains("ada@acme.test"), "{}", page.words());
    let code = browser.press(&page, "Accept access").await.callback().code();
    let tokens = client.exchange(&code).await.expect(200).json();
    let told = client.introspect(&text(&tokens["access_token"])).await;
    assert_eq!(told["sub"], here.id.as_str(), "{told}");

    // From now on a person's password opens nothing here; a service account's does.
    let page = world.browser().open(&client.authorization_url("s-2")).await.page();
    let other = world.browser();
    let page = other.open(page.url.as_str()).await.page();
    let refused = other.log_in(&page, &here.user_name, &here.password).await.page();
    assert!(!refused.is_consent() && refused.words().contains("Acme ID"), "{}", refused.words());
    assert!(other.log_in(&refused, &service.user_name, &service.password).await.page().is_consent());
});

story!(
    somebody_is_known_by_their_subject_and_not_by_an_address_that_moves_on,
    settings = [REACH],
    async |world: World| {
        let upstream = Upstream::of(&world).await;
        let acme = world.account("acme").await;
        let client = acme.okta_client().await;
        acme.user("ada@acme.test").role("master_admin").create().await;
        let there = upstream.people.user("ada@acme.test").with("emails", verified("ada@acme.test")).create().await;
        configure(&acme, &upstream, json!({"match_by": "email"})).await;
        assert!(sign_in(&upstream, &client, &world.browser(), &there).await.is_consent());

        // Ada marries and leaves her address to Ben.
        let renamed = json!({"userName": "ada2@acme.test", "emails": verified("ada2@acme.test")});
        upstream.people.admin(Method::PATCH, &format!("/users/{}", there.id)).json(&renamed).await.expect(200);
        let ada = User { user_name: "ada2@acme.test".to_owned(), ..there };
        let page = sign_in(&upstream, &client, &world.browser(), &ada).await;
        assert!(page.is_consent() && page.words().contains("ada@acme.test"), "still herself: {}", page.words());
        let ben = upstream.people.user("ada@acme.test").with("emails", verified("ada@acme.test")).create().await;
        let page = sign_in(&upstream, &client, &world.browser(), &ben).await;
        assert!(!page.is_consent() && page.words().contains("another identity"), "{}", page.words());
    }
);

story!(a_person_who_is_no_user_of_the_account_stays_outside, settings = [REACH], async |world: World| {
    let upstream = Upstream::of(&world).await;
    let acme = world.account("acme").await;
    let other = world.account("other").await;
    let client = acme.okta_client().await;
    other.user("eve@other.test").role("master_admin").create().await;
    let gone = acme.user("gone@acme.test").role("master_admin").with("active", json!(false)).create().await;
    let eve = upstream.people.user("eve@other.test").with("emails", verified("eve@other.test")).create().await;
    let back = upstream.people.user("gone@acme.test").with("emails", verified("gone@acme.test")).create().await;
    configure(&acme, &upstream, json!({"match_by": "email"})).await;
    for person in [&eve, &back] {
        let page = sign_in(&upstream, &client, &world.browser(), person).await;
        assert!(!page.is_consent() && page.words().contains("no active user"), "{}", page.words());
    }
    assert!(!gone.id.is_empty());
    // An address that the provider has not verified finds no user, unless an operator says that it is to be trusted.
    acme.user("ada@acme.test").role("master_admin").create().await;
    let ada = upstream.people.user("ada@acme.test").with("emails", verified("ada@acme.test")).create().await;
    configure(&acme, &upstream, json!({})).await;
    let page = sign_in(&upstream, &client, &world.browser(), &ada).await;
    assert!(!page.is_consent() && page.words().contains("verified"), "{}", page.words());
});

story!(an_answer_that_was_not_asked_for_here_is_refused, settings = [REACH], async |world: World| {
    let upstream = Upstream::of(&world).await;
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    acme.user("ada@acme.test").role("master_admin").create().await;
    let there = upstream.people.user("ada@acme.test").with("emails", verified("ada@acme.test")).create().await;
    configure(&acme, &upstream, json!({"match_by": "email"})).await;
    let leave = async |browser: &Browser| {
        let page = browser.open(&client.authorization_url("s-1")).await.page();
        let away = browser.press(&page, "Continue with Acme ID").await;
        upstream.accept(&upstream.world.browser(), &away, &there).await
    };
    // In another browser; twice; with another issuer; with another state; with an error.
    let browser = world.browser();
    let back = leave(&browser).await;
    let strange = world.browser().open(back.0.as_str()).await.page();
    assert_eq!(strange.answer.status.as_u16(), 403, "{}", strange.words());
    let back = leave(&browser).await;
    assert!(browser.open(back.0.as_str()).await.page().is_consent());
    assert_eq!(browser.open(back.0.as_str()).await.page().answer.status.as_u16(), 403);
    let browser = world.browser(); // no user is logged in there
    let back = leave(&browser).await;
    let issuer = back.parameter("iss").expect("RFC 9207");
    let mut mixed = back.0.clone();
    mixed.query_pairs_mut().clear().append_pair("code", &back.code());
    mixed.query_pairs_mut().append_pair("state", &back.parameter("state").unwrap_or_default());
    mixed.query_pairs_mut().append_pair("iss", &format!("{issuer}.evil.test"));
    assert!(!browser.open(mixed.as_str()).await.page().is_consent());
    let forged = format!("{}/login/callback?code=x&state=forged", world.gateway.public_url);
    assert_eq!(browser.open(&forged).await.page().answer.status.as_u16(), 403);
    let back = leave(&browser).await;
    let state = back.parameter("state").unwrap_or_default();
    let denied = format!(
        "{}/login/callback?error=access_denied&error_description=no+way&state={state}",
        world.gateway.public_url
    );
    let page = browser.open(&denied).await.page();
    assert!(!page.is_consent() && page.words().contains("no way"), "{}", page.words());
});

story!(
    report_14_tabs_that_are_restored_at_once_all_come_back_from_a_provider,
    settings = [REACH],
    async |world: World| {
        let upstream = Upstream::of(&world).await;
        let acme = world.account("acme").await;
        let client = acme.okta_client().await;
        acme.user("ada@acme.test").role("master_admin").create().await;
        let ada = upstream.user("ada@acme.test").await;
        configure(&acme, &upstream, json!({"match_by": "email"})).await;
        for order in [[0, 1, 2], [2, 0, 1]] {
            let (browser, there) = (world.browser(), upstream.world.browser());
            let urls = ["tab-0", "tab-1", "tab-2"].map(|state| client.authorization_url(state));
            let tabs = all(urls.iter().map(|url| browser.open(url)).collect()).await;
            // All leave for the provider before any is back.
            let mut away = Vec::new();
            for tab in tabs {
                away.push(browser.press(&tab.page(), "Continue with Acme ID").await);
            }
            let mut back = Vec::new();
            for away in &away {
                let Landing::Left(url) = away else { panic!("still here: {away:?}") };
                back.push(match there.open(url.as_str()).await {
                    Landing::Page(page) if page.is_consent() => there.press(&page, "Accept access").await.callback(),
                    Landing::Page(page) => match there.log_in(&page, &ada.user_name, &ada.password).await {
                        Landing::Page(page) => there.press(&page, "Accept access").await.callback(),
                        Landing::Left(url) => Callback(url),
                    },
                    Landing::Left(url) => Callback(url),
                });
            }
            for n in order {
                let page = browser.open(back[n].0.as_str()).await.page();
                assert!(page.is_consent(), "tab {n}: {}", page.words());
                let callback = browser.press(&page, "Accept access").await.callback();
                assert_eq!(callback.parameter("state"), Some(format!("tab-{n}")));
                client.exchange(&callback.code()).await.expect(200);
            }
        }
    }
);

#[test]
fn operators_sign_in_at_the_vendors_provider() {
    crate::support::story::run(async {
        let (upstream, settings) = Upstream::of_operators(World::start(Database::sqlite().await, &[]).await).await;
        let settings: Vec<(&'static str, &str)> =
            settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let world = World::start(Database::sqlite().await, &settings).await;
        upstream.sends_back_to(&world).await;
        let operator = |name: &'static str| {
            let people = upstream.people.clone();
            async move { people.user(name).with("emails", verified(name)).create().await }
        };
        let sign_in = async |browser: &Browser, path: &str, person: &User| {
            let page = browser.open(&format!("{}{path}", world.gateway.public_url)).await.page();
            assert_eq!(page.url.path(), "/console/login", "{}", page.words());
            let button = upstream.world.gateway.public_url.trim_start_matches("http://").to_owned();
            let away = browser.press(&page, &format!("Continue with {button}")).await;
            let back = upstream.accept(&upstream.world.browser(), &away, person).await;
            browser.open(back.0.as_str()).await.page()
        };
        // The address of earlier releases leads to the console, and the log-in to the page that was asked for.
        let (browser, ada) = (world.browser(), operator("ada@vendor.test").await);
        let page = sign_in(&browser, "/operator", &ada).await;
        assert_eq!(page.url.path(), "/console", "{}", page.words());
        assert!(page.words().contains("ada@vendor.test"), "{}", page.words());
        let listed = world.admin_get("/operators").await;
        assert!(listed.to_string().contains("ada@vendor.test"), "{listed}");
        let page = browser.press(&page, "Log out").await.page();
        assert_eq!(page.url.path(), "/console/login", "{}", page.words());
        let page = sign_in(&browser, "/console?q=acme", &ada).await;
        assert_eq!((page.url.path(), page.url.query()), ("/console", Some("q=acme")));
        assert_eq!(world.admin_get("/operators").await.to_string().matches(r#""name":"ada@vendor.test""#).count(), 1);

        // Who gets the address at the provider later is another person.
        upstream.rename(&ada, &json!({"userName": "ada2@vendor.test", "emails": verified("ada2@vendor.test")})).await;
        let page = sign_in(&world.browser(), "/console", &operator("ada@vendor.test").await).await;
        assert!(page.answer.status.as_u16() == 401, "{}", page.words());
        assert!(page.words().contains("belonged to another person"), "{}", page.words());
        let page = sign_in(&world.browser(), "/console", &operator("eve@vendor.test").await).await;
        assert!(page.answer.status.as_u16() == 401, "{}", page.words());
        assert!(page.words().contains("eve@vendor.test"), "{}", page.words());
    });
}
