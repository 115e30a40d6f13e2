//! An application that people log in to through us (OpenID Connect), and a person with everything to tell.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, User, text};
use crate::support::browser::{Browser, Callback, Landed, Landing, Page};
use crate::support::http::Call;
use crate::support::jwt::Jwt;
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::World;
use gateway::simulate::html::Form;

/// Where it wants browsers to be sent after logging out.
pub const AFTER_LOGOUT: &str = "https://rp.test/bye?x=1";

/// The application and the person.
pub struct RelyingParty {
    pub world: World,
    pub acme: Account,
    pub client: OAuthClient,
    pub ada: User,
}

impl RelyingParty {
    pub async fn new(world: &World) -> RelyingParty {
        let acme = world.account("acme").await;
        let client = acme
            .client(json!({
                "name": "Reports", "profile": "generic", "redirect_uris": ["https://rp.test/cb"],
                "post_logout_redirect_uris": [AFTER_LOGOUT],
                "scopes": ["openid", "profile", "email", "address", "phone", "offline_access", "provision:scim"],
                "default_scope": ["openid"],
            }))
            .await;
        assert_eq!(client.issued["post_logout_redirect_uris"], json!([AFTER_LOGOUT]));
        let ada = acme
            .user("ada@acme.test")
            .role("master_admin")
            .service_account()
            .with("displayName", json!("Ada Lovelace"))
            .with("nickName", json!("Enchantress"))
            .with("profileUrl", json!("https://acme.test/ada"))
            .with("locale", json!("en-GB"))
            .with("timezone", json!("Europe/London"))
            .with("photos", json!([{"value": "https://acme.test/ada.png", "type": "photo"}]))
            .with("phoneNumbers", json!([{"value": "+44 20 7946 0000", "type": "work", "primary": true}]))
            .with(
                "addresses",
                json!([{"streetAddress": "12 St James's Square", "locality": "London", "postalCode": "SW1Y 4JH", "country": "GB"}]),
            )
            .create()
            .await;
        RelyingParty { world: world.clone(), acme, client, ada }
    }

    /// A request for `openid`, with these parameters in place of its own; those without a value are left out.
    pub fn parameters<'a>(&'a self, changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let own = [
            ("response_type", "code"),
            ("client_id", self.client.id.as_str()),
            ("redirect_uri", "https://rp.test/cb"),
            ("scope", "openid"),
            ("state", "s-1"),
        ];
        let kept = own.into_iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        kept.chain(changes.iter().copied().filter(|(_, value)| !value.is_empty())).collect()
    }

    pub fn url(&self, changes: &[(&str, &str)]) -> String {
        self.client.authorization_url_with(&self.parameters(changes))
    }

    pub async fn open(&self, browser: &Browser, changes: &[(&str, &str)]) -> Landing {
        browser.open(&self.url(changes)).await
    }

    /// What the client is told when it may not.
    pub async fn error_of(&self, browser: &Browser, changes: &[(&str, &str)]) -> String {
        let callback = self.open(browser, changes).await.callback();
        assert_eq!(callback.parameter("code"), None, "{}", callback.0);
        callback.parameter("error").unwrap_or_default()
    }

    /// A colleague of the person.
    pub async fn another_user(&self, name: &str) -> User {
        self.acme.user(name).role("master_admin").service_account().create().await
    }

    pub async fn log_in(&self, browser: &Browser, page: &Page) -> Landing {
        browser.log_in(page, &self.ada.user_name, &self.ada.password).await
    }

    /// Logs in and accepts, where either is asked.
    pub async fn through(&self, browser: &Browser, mut landing: Landing) -> Callback {
        loop {
            landing = match landing {
                Landing::Page(page) if page.is_consent() => browser.press(&page, "Accept access").await,
                Landing::Page(page) => self.log_in(browser, &page).await,
                Landing::Left(url) => return Callback(url),
            };
        }
    }

    /// The whole way.
    pub async fn callback(&self, browser: &Browser, changes: &[(&str, &str)]) -> Callback {
        let landing = self.open(browser, changes).await;
        self.through(browser, landing).await
    }

    pub async fn tokens(&self, callback: &Callback) -> Value {
        self.client.exchange(&callback.code()).await.expect(200).json()
    }

    /// The ID token, believed.
    pub async fn id_token(&self, tokens: &Value) -> Jwt {
        let token = Jwt::read(tokens["id_token"].as_str().unwrap_or_default());
        token.verify(&self.world.get("/.well-known/jwks.json").await.expect(200).json());
        assert_eq!(token.claims["sub"], self.ada.id.as_str());
        token
    }

    /// What `/userinfo` says to who was given this scope.
    pub async fn userinfo(&self, scope: &str) -> Value {
        let callback = self.callback(&self.world.browser(), &[("scope", scope)]).await;
        let tokens = self.tokens(&callback).await;
        let claims = self.world.get("/userinfo").bearer(&text(&tokens["access_token"])).await.expect(200).json();
        assert_eq!(claims["sub"], self.ada.id.as_str());
        claims
    }

    /// When the person of this ID token logged in, in seconds.
    pub async fn auth_time(&self, callback: &Callback) -> i64 {
        let token = self.id_token(&self.tokens(callback).await).await;
        token.claims["auth_time"].as_i64().unwrap_or_else(|| panic!("no auth_time in {}", token.claims))
    }

    /// A request to the log-out endpoint.
    pub fn logout_url(&self, parameters: &[(&str, &str)]) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        format!("{}/oauth2/logout?{query}", self.world.gateway.public_url)
    }

    /// Whether the browser is still logged in, asked without a page.
    pub async fn is_logged_in(&self, browser: &Browser) -> bool {
        let callback = self.open(browser, &[("prompt", "none")]).await.callback();
        callback.parameter("error").as_deref() != Some("login_required")
    }

    /// The grants of the account that stand.
    pub async fn standing_grants(&self) -> usize {
        let grants = crate::support::account::items(&self.acme.admin_get("/grants").await);
        grants.iter().filter(|grant| grant["ended"].is_null()).count()
    }

    /// A user's change by an operator.
    pub fn change_ada(&self, body: &Value) -> Call {
        self.acme.admin(Method::PATCH, &format!("/users/{}", self.ada.id)).json(body)
    }
}

/// A form's hidden field.
#[track_caller]
pub fn field(form: &Form, name: &str) -> String {
    let input = form.inputs.iter().find(|input| input.name == name);
    input.unwrap_or_else(|| panic!("no {name} in {form:?}")).value.clone()
}
