//! Okta's provisioning, step by step: each request is told, and what came of it.

use serde_json::{Value, json};

use super::transcript::Transcript;
use super::wire::{Answer, Caller, Failure, Json, http_client};
use crate::simulate::okta::{self, HEADERS, Kind, merge, profile};
pub(crate) use crate::simulate::okta::{GROUP, USER};

/// Okta's provisioning, with an access token.
#[derive(Debug)]
pub(crate) struct Okta<'t> {
    okta: okta::Okta<Caller<'t>>,
}

impl<'t> Okta<'t> {
    /// Provisions with this access token.
    pub(crate) fn new(transcript: &'t Transcript, base: &str, access_token: &str) -> Result<Okta<'t>, Failure> {
        let token = format!("Bearer {access_token}");
        let fields = [HEADERS, &[("authorization", &token)]].concat();
        let caller = Caller::new(transcript, "okta", http_client(&fields)?, base);
        Ok(Okta { okta: okta::Okta::new(caller, Kind::Wizard, &format!("{base}/scim/v2")) })
    }

    /// Where this is written down.
    pub(crate) fn transcript(&self) -> &'t Transcript {
        self.okta.wire().transcript()
    }

    fn told(&self, answer: crate::simulate::wire::Answer) -> Answer<'t> {
        Answer::new(self.transcript(), answer)
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Answer<'t>, Failure> {
        Ok(self.told(self.okta.get(path).await?))
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Answer<'t>, Failure> {
        Ok(self.told(self.okta.post(path, body).await?))
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Result<Answer<'t>, Failure> {
        Ok(self.told(self.okta.put(path, body).await?))
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Answer<'t>, Failure> {
        Ok(self.told(self.okta.delete(path).await?))
    }

    /// A PATCH with these operations.
    pub(crate) async fn patch(&self, path: &str, operations: Value) -> Result<Answer<'t>, Failure> {
        Ok(self.told(self.okta.patch(path, operations).await?))
    }

    /// The look-up before every assignment.
    pub(crate) async fn find(&self, endpoint: &str, attribute: &str, value: &str) -> Result<Answer<'t>, Failure> {
        Ok(self.told(self.okta.look_up(endpoint, attribute, value).await?))
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
pub(crate) fn new_user(user_name: &str, given: &str, family: &str, okta_id: &str, extra: &Value) -> Value {
    let mut body = profile(user_name, given, family, okta_id, extra);
    merge(&mut body, &json!({"password": "r4nd0m-Xy-made-up-by-okta"}));
    body
}
