//! An identity provider with a connection: a SCIM client holding tokens.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{User, text};
use crate::support::http::{Answer, Call};
use crate::support::oauth_client::OAuthClient;

pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
pub const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// A SCIM client and the tokens it holds.
#[derive(Clone)]
pub struct IdentityProvider {
    pub client: OAuthClient,
    pub access_token: String,
    pub refresh_token: Option<String>,
    /// Sent with every request, as its vendor does.
    pub headers: &'static [(&'static str, &'static str)],
}

impl IdentityProvider {
    pub fn new(client: OAuthClient, tokens: &Value) -> IdentityProvider {
        assert!(tokens["token_type"].as_str().is_some_and(|t| t.eq_ignore_ascii_case("bearer")), "{tokens}");
        let refresh_token = tokens["refresh_token"].as_str().map(str::to_owned);
        IdentityProvider { client, access_token: text(&tokens["access_token"]), refresh_token, headers: &[] }
    }

    /// A request to the base URL of the sheet.
    pub fn call(&self, method: Method, path: &str) -> Call {
        let url = format!("{}{path}", self.client.sheet("scim_base_url"));
        self.client.world.call(method, &url).bearer(&self.access_token).headers(self.headers)
    }

    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.call(Method::POST, path).scim(body)
    }

    pub fn put(&self, to: &(impl Located + ?Sized), body: &Value) -> Call {
        self.call(Method::PUT, &to.path()).scim(body)
    }

    pub fn delete(&self, what: &(impl Located + ?Sized)) -> Call {
        self.call(Method::DELETE, &what.path())
    }

    pub fn patch(&self, what: &(impl Located + ?Sized)) -> Patch {
        Patch { call: self.call(Method::PATCH, &what.path()), operations: Vec::new() }
    }

    /// The resource as it is now.
    pub async fn read(&self, what: &(impl Located + ?Sized)) -> Value {
        self.get(&what.path()).await.expect(200).json()
    }

    /// A list, checked for the members that clients insist on.
    pub async fn list(&self, path_and_query: &str) -> Value {
        let list = self.get(path_and_query).await.expect(200).json();
        assert_eq!(list["schemas"], json!([LIST]), "{list}");
        assert!(
            list["totalResults"].is_u64() && list["startIndex"].is_u64() && list["itemsPerPage"].is_u64(),
            "{list}"
        );
        let shown = list["Resources"].as_array().map(Vec::len);
        assert_eq!(shown.map(|n| n as u64), list["itemsPerPage"].as_u64(), "{list}");
        list
    }

    /// The resources that a filter finds.
    pub async fn found(&self, endpoint: &str, filter: &str) -> Vec<Value> {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("filter", filter).finish();
        let list = self.list(&format!("{endpoint}?{query}")).await;
        list["Resources"].as_array().cloned().unwrap_or_default()
    }

    /// The `userName`s a filter finds, sorted.
    pub async fn names(&self, filter: &str) -> Vec<String> {
        let mut names: Vec<String> = self.found("/Users", filter).await.iter().map(|u| text(&u["userName"])).collect();
        names.sort();
        names
    }

    pub async fn create_user(&self, user: &Value) -> Value {
        let answer = self.post("/Users", user).await.expect(201);
        let made = answer.json();
        assert_eq!(answer.header("location"), made["meta"]["location"].as_str(), "{made}");
        assert!(made.get("password").is_none(), "a password is never answered: {made}");
        made
    }

    pub async fn create_group(&self, name: &str, members: &[&Value]) -> Value {
        let members: Vec<Value> = members.iter().map(|member| json!({"value": member["id"]})).collect();
        let body = json!({"schemas": [GROUP], "displayName": name, "members": members});
        self.post("/Groups", &body).await.expect(201).json()
    }

    /// The ids of a group's members, sorted.
    pub async fn members(&self, group: &Value) -> Vec<String> {
        let group = self.read(group).await;
        let mut ids: Vec<String> =
            group["members"].as_array().into_iter().flatten().map(|m| text(&m["value"])).collect();
        ids.sort();
        ids
    }

    /// Trades the refresh token for a new pair.
    pub async fn refresh(&mut self) {
        let refresh_token = self.refresh_token.clone().expect("a refresh token was issued");
        let tokens = self.client.refresh(&refresh_token).await.expect(200).json();
        self.access_token = text(&tokens["access_token"]);
        self.refresh_token = Some(text(&tokens["refresh_token"]));
    }
}

/// A user's body with what the schema requires.
pub fn a_user(user_name: &str) -> Value {
    let given = user_name.split('@').next().unwrap_or_default();
    json!({
        "schemas": [USER], "userName": user_name, "name": {"givenName": given, "familyName": "Test"},
        "emails": [{"primary": true, "value": user_name, "type": "work"}], "active": true, "role": "media_library_user",
    })
}

/// What has a place under the SCIM base URL.
pub trait Located {
    fn path(&self) -> String;
}

impl Located for str {
    fn path(&self) -> String {
        self.to_owned()
    }
}

impl Located for String {
    fn path(&self) -> String {
        self.clone()
    }
}

impl Located for User {
    fn path(&self) -> String {
        format!("/Users/{}", self.id)
    }
}

/// A resource as it was answered.
impl Located for Value {
    fn path(&self) -> String {
        format!("/{}s/{}", text(&self["meta"]["resourceType"]), text(&self["id"]))
    }
}

/// A PATCH in the making. Awaiting it sends it.
#[must_use = "a patch is sent by awaiting it"]
pub struct Patch {
    call: Call,
    operations: Vec<Value>,
}

impl Patch {
    pub fn add(self, path: &str, value: impl Into<Value>) -> Patch {
        self.operation(json!({"op": "add", "path": path, "value": value.into()}))
    }

    pub fn replace(self, path: &str, value: impl Into<Value>) -> Patch {
        self.operation(json!({"op": "replace", "path": path, "value": value.into()}))
    }

    pub fn remove(self, path: &str) -> Patch {
        self.operation(json!({"op": "remove", "path": path}))
    }

    /// Without a path: a value whose members are attributes.
    pub fn merge(self, value: Value) -> Patch {
        self.operation(json!({"op": "replace", "value": value}))
    }

    /// As it is to stand on the wire.
    pub fn operation(mut self, operation: Value) -> Patch {
        self.operations.push(operation);
        self
    }

    /// The request, which is to be sent by other means.
    pub fn call(self) -> Call {
        self.call.scim(&json!({"schemas": [PATCH], "Operations": self.operations}))
    }
}

impl IntoFuture for Patch {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer>>>;

    fn into_future(self) -> Self::IntoFuture {
        self.call().into_future()
    }
}
