//! A client of the authorization server as identity providers are: what was issued to it, and what it sends.

use reqwest::Method;
use serde_json::Value;

use crate::support::account::{User, text};
use crate::support::browser::{Browser, Callback, Landed, Landing, Page};
use crate::support::http::{Answer, Call};
use crate::support::identity_provider::IdentityProvider;
use crate::support::testing::World;

/// A client and its secret.
#[derive(Clone)]
pub struct OAuthClient {
    pub world: World,
    pub id: String,
    pub secret: String,
    /// Everything that was answered when it was issued.
    pub issued: Value,
}

impl OAuthClient {
    pub fn new(world: &World, issued: Value) -> OAuthClient {
        let (id, secret) =
            (text(&issued["client_id"]), issued["client_secret"].as_str().unwrap_or_default().to_owned());
        OAuthClient { world: world.clone(), id, secret, issued }
    }

    pub fn redirect_uri(&self) -> String {
        text(&self.issued["redirect_uris"][0])
    }

    /// A line of the sheet to paste into the identity provider.
    pub fn sheet(&self, name: &str) -> String {
        text(&self.issued["sheet"][name])
    }

    /// The URL as Okta builds it: what was pasted, with its query, and its own parameters after that.
    pub fn authorization_url(&self, state: &str) -> String {
        let pasted = self.sheet("authorization_url");
        let joint = if pasted.contains('?') { '&' } else { '?' };
        let own = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.id)
            .append_pair("redirect_uri", &self.redirect_uri())
            .append_pair("state", state)
            .finish();
        format!("{pasted}{joint}{own}")
    }

    /// The authorization endpoint with just these parameters.
    pub fn authorization_url_with(&self, parameters: &[(&str, &str)]) -> String {
        let pasted = self.sheet("authorization_url");
        let endpoint = pasted.split('?').next().unwrap_or_default();
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        format!("{endpoint}?{query}")
    }

    /// The consent page, after logging in where that is asked.
    pub async fn consent_page(&self, browser: &Browser, user: &User, state: &str) -> Page {
        log_in_if_asked(browser, browser.open(&self.authorization_url(state)).await, user).await.page()
    }

    /// Walks the whole browser flow.
    pub async fn authorize(&self, browser: &Browser, user: &User) -> Callback {
        let page = self.consent_page(browser, user, "state-1").await;
        let callback = browser.press(&page, "Accept access").await.callback();
        assert_eq!(callback.parameter("state").as_deref(), Some("state-1"));
        assert_eq!(callback.parameter("iss"), Some(self.world.gateway.public_url.clone()), "RFC 9207");
        assert!(callback.0.as_str().starts_with(&self.redirect_uri()), "{}", callback.0);
        callback
    }

    /// A connection of this client that `user` accepted.
    pub async fn connect_as(&self, user: &User) -> IdentityProvider {
        let code = self.authorize(&self.world.browser(), user).await.code();
        let tokens = self.exchange(&code).await.expect(200).json();
        IdentityProvider::new(self.clone(), &tokens)
    }

    /// A connection by the client's own credentials.
    pub async fn connect_by_credentials(&self) -> IdentityProvider {
        let tokens = self.client_credentials().await.expect(200).json();
        IdentityProvider::new(self.clone(), &tokens)
    }

    /// A request to the token endpoint, authenticated in the body.
    pub fn token(&self, parameters: &[(&str, &str)]) -> Call {
        self.form(&self.sheet("token_url"), parameters)
    }

    fn form(&self, url: &str, parameters: &[(&str, &str)]) -> Call {
        let own = [("client_id", self.id.as_str()), ("client_secret", self.secret.as_str())];
        let pairs: Vec<(&str, &str)> = parameters.iter().chain(&own).copied().collect();
        self.world.call(Method::POST, url).form(&pairs)
    }

    pub fn exchange(&self, code: &str) -> Call {
        let redirect_uri = self.redirect_uri();
        self.token(&[("grant_type", "authorization_code"), ("code", code), ("redirect_uri", &redirect_uri)])
    }

    pub fn refresh(&self, refresh_token: &str) -> Call {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token)])
    }

    /// With the scope in the token URL's query, where Okta's administrators have to put it.
    pub fn client_credentials(&self) -> Call {
        let url = format!("{}?scope=provision:scim", self.sheet("token_url"));
        self.form(&url, &[("grant_type", "client_credentials")])
    }

    pub async fn introspect(&self, token: &str) -> Value {
        self.introspecting(token).await.expect(200).json()
    }

    /// The request that asks.
    pub fn introspecting(&self, token: &str) -> Call {
        self.form("/oauth2/introspect", &[("token", token)])
    }

    pub async fn revoke(&self, token: &str) -> Answer {
        self.form("/oauth2/revoke", &[("token", token)]).await
    }

    /// What an operator reads of it now.
    pub async fn record(&self) -> Value {
        self.world.admin_get(&format!("/clients/{}", self.id)).await
    }

    /// A request by an operator about this client.
    pub fn admin(&self, method: Method, path: &str) -> Call {
        self.world.admin(method, &format!("/clients/{}{path}", self.id))
    }
}

/// Logs in when the page asks for it.
pub async fn log_in_if_asked(browser: &Browser, landing: Landing, user: &User) -> Landing {
    match landing {
        Landing::Page(page) if page.forms().iter().any(|form| form.has_input("password")) => {
            browser.log_in(&page, &user.user_name, &user.password).await
        }
        landing => landing,
    }
}
