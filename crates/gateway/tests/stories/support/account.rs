//! What a Customer Success Manager does for a customer, by the admin API: accounts, console-born users, clients.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::http::Answer;
use crate::support::identity_provider::IdentityProvider;
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::World;

/// One customer of the vendor.
#[derive(Clone)]
pub struct Account {
    pub world: World,
    pub id: String,
    pub name: String,
}

impl Account {
    pub async fn create(world: &World, name: &str) -> Account {
        let body = json!({"name": name, "product_environments": [format!("{name}-prod"), format!("{name}-stage")]});
        let made = world.admin(Method::POST, "/accounts").json(&body).await.expect(201).json();
        Account { world: world.clone(), id: text(&made["id"]), name: name.to_owned() }
    }

    /// A request by an operator about this account.
    pub fn admin(&self, method: Method, path: &str) -> crate::support::http::Call {
        self.world.admin(method, &format!("/accounts/{}{path}", self.id))
    }

    pub async fn admin_get(&self, path: &str) -> Value {
        self.admin(Method::GET, path).await.expect(200).json()
    }

    /// A user born in the vendor's console.
    pub fn user(&self, user_name: &str) -> NewUser {
        let given = user_name.split(['@', '.']).next().unwrap_or_default();
        let body = json!({
            "userName": user_name,
            "name": {"givenName": given, "familyName": "Console"},
            "emails": [{"value": user_name, "type": "work", "primary": true}],
            "role": "media_library_user",
            "password": "correct horse battery staple",
        });
        NewUser { account: self.clone(), body }
    }

    /// A user who may accept access, made for that.
    pub async fn service_account(&self) -> User {
        self.user(&format!("scim@{}.test", self.name)).role("master_admin").service_account().create().await
    }

    /// An Okta client whose variable name is registered.
    pub async fn okta_client(&self) -> OAuthClient {
        let body = json!({"name": "Okta", "profile": "okta", "okta_app_name": format!("{}_mediascim_1", self.name)});
        self.client(body).await
    }

    /// A client that may do everything, with one redirect URI.
    pub async fn generic_client(&self) -> OAuthClient {
        self.client(json!({
            "name": "Directory sync", "profile": "generic", "redirect_uris": ["https://client.test/callback"],
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
            "scopes": ["openid", "offline", "offline_access", "provision:scim"],
        }))
        .await
    }

    pub async fn client(&self, body: Value) -> OAuthClient {
        let made = self.admin(Method::POST, "/clients").json(&body).await.expect(201).json();
        OAuthClient::new(&self.world, made)
    }

    /// Authorize, log in, accept access, exchange the code.
    pub async fn connect_identity_provider_as(&self, user: &User) -> IdentityProvider {
        self.okta_client().await.connect_as(user).await
    }

    /// Connected by a service account, for stories about something else.
    pub async fn connected_identity_provider(&self) -> IdentityProvider {
        self.connect_identity_provider_as(&self.service_account().await).await
    }

    /// Connected by a client that is forgiven nothing.
    pub async fn strict_identity_provider(&self) -> IdentityProvider {
        let body = json!({
            "name": "To the letter", "profile": "strict", "grant_types": ["client_credentials"], "scopes": ["provision:scim"],
        });
        self.client(body).await.connect_by_credentials().await
    }

    /// The users as the console sees them.
    pub async fn users(&self) -> Vec<Value> {
        items(&self.admin_get("/users?count=100").await)
    }

    /// What was done in this account, the latest first.
    pub async fn audit(&self) -> Audit {
        Audit(items(&self.world.admin_get(&format!("/audit?account={}&limit=100", self.id)).await))
    }
}

/// A user to be made.
pub struct NewUser {
    account: Account,
    pub body: Value,
}

impl NewUser {
    pub fn role(self, role: &str) -> NewUser {
        self.with("role", json!(role))
    }

    pub fn service_account(self) -> NewUser {
        self.with("service_account", json!(true))
    }

    pub fn with(mut self, attribute: &str, value: Value) -> NewUser {
        self.body[attribute] = value;
        self
    }

    pub async fn attempt(&self) -> Answer {
        self.account.admin(Method::POST, "/users").json(&self.body).await
    }

    pub async fn create(self) -> User {
        let made = self.attempt().await.expect(201).json();
        assert!(made.get("password").is_none(), "a password is never answered: {made}");
        User { id: text(&made["id"]), user_name: text(&self.body["userName"]), password: text(&self.body["password"]) }
    }
}

/// A user who can log in.
#[derive(Debug, Clone)]
pub struct User {
    pub id: String,
    pub user_name: String,
    pub password: String,
}

/// Audit rows.
pub struct Audit(pub Vec<Value>);

impl Audit {
    #[track_caller]
    pub fn last(&self) -> &Value {
        self.0.first().expect("something was recorded")
    }

    pub fn actions(&self) -> Vec<&str> {
        self.0.iter().filter_map(|row| row["action"].as_str()).collect()
    }
}

/// The members of a list of the admin API.
#[track_caller]
pub fn items(list: &Value) -> Vec<Value> {
    list["items"].as_array().unwrap_or_else(|| panic!("no `items` in {list}")).clone()
}

/// A value that has to be text.
#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not text")).to_owned()
}
