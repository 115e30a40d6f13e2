//! Okta's SCIM client, as it calls from outside: its headers, its look-ups, and its two habits of writing.
//!
//! An app made with Okta's wizard reads a resource and replaces it (GET, PUT); an app from Okta's catalog modifies it
//! (PATCH). The demo shows both, for a service provider has to serve both.

use reqwest::Method;
use serde_json::{Value, json};

use super::transcript::Transcript;
use super::wire::{Answer, Caller, Failure, Json, encoded, http_client};

pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// Okta's provisioning, with an access token.
#[derive(Debug)]
pub(crate) struct Okta<'t> {
    caller: Caller<'t>,
}

impl<'t> Okta<'t> {
    /// Provisions with this access token.
    pub(crate) fn new(transcript: &'t Transcript, base: &str, access_token: &str) -> Result<Okta<'t>, Failure> {
        let http = http_client(
            &[
                ("user-agent", "Okta SCIM Client 1.0.0"),
                ("accept", "application/scim+json"),
                ("accept-charset", "utf-8"),
                ("content-type", "application/scim+json; charset=utf-8"),
                ("authorization", &format!("Bearer {access_token}")),
            ],
            false,
        )?;
        Ok(Okta { caller: Caller::new(transcript, "okta", http, base) })
    }

    /// Where this is written down.
    pub(crate) fn transcript(&self) -> &'t Transcript {
        self.caller.transcript()
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer<'t>, Failure> {
        self.caller.send(method, &format!("/scim/v2{path}"), body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Answer<'t>, Failure> {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Answer<'t>, Failure> {
        self.send(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Result<Answer<'t>, Failure> {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Answer<'t>, Failure> {
        self.send(Method::DELETE, path, None).await
    }

    /// A PATCH with these operations.
    pub(crate) async fn patch(&self, path: &str, operations: Value) -> Result<Answer<'t>, Failure> {
        let body = json!({"schemas": [PATCH_OP], "Operations": operations});
        self.send(Method::PATCH, path, Some(&body)).await
    }

    /// The look-up before every assignment.
    pub(crate) async fn find(&self, endpoint: &str, attribute: &str, value: &str) -> Result<Answer<'t>, Failure> {
        let filter = encoded(&format!("{attribute} eq \"{value}\""));
        self.get(&format!("{endpoint}?filter={filter}&startIndex=1&count=100")).await
    }

    /// What a wizard-made app does for every change: reads, merges, replaces.
    pub(crate) async fn read_and_replace(
        &self,
        path: &str,
        change: impl FnOnce(&mut Value),
        meaning: &str,
    ) -> Result<Json, Failure> {
        let mut resource = self.get(path).await?.expect(200, "A wizard-made app reads first …")?.value;
        change(&mut resource);
        self.put(path, &resource).await?.expect(200, meaning)
    }
}

/// The body with which Okta creates a user.
pub(crate) fn new_user(user_name: &str, given: &str, family: &str, okta_id: &str, extra: Value) -> Value {
    let mut body = json!({
        "schemas": [USER],
        "userName": user_name,
        "name": {"givenName": given, "familyName": family},
        "emails": [{"primary": true, "value": user_name, "type": "work"}],
        "displayName": format!("{given} {family}"),
        "locale": "en-US",
        "externalId": okta_id,
        "groups": [],
        "password": "r4nd0m-Xy-made-up-by-okta",
        "active": true,
    });
    if let (Some(body), Value::Object(extra)) = (body.as_object_mut(), extra) {
        body.extend(extra);
    }
    body
}
