//! Okta as it calls: the simulated one with a connection of a story, whose surprises end the story.

use gateway::simulate::okta::{HEADERS, Okta, profile};
use gateway::simulate::wire::{self, Failure, Wire};
use reqwest::Request;
use serde_json::Value;

pub use gateway::simulate::okta::Kind;

use crate::support::account::text;
use crate::support::browser::done;
use crate::support::identity_provider::IdentityProvider;

/// An Okta application with provisioning switched on.
pub struct OktaApp {
    pub idp: IdentityProvider,
    kind: Kind,
}

/// Its requests carry the access token of the connection.
impl Wire for IdentityProvider {
    async fn send(&self, request: Request) -> Result<wire::Answer, Failure> {
        let body = request.body().and_then(|body| body.as_bytes()).map(<[u8]>::to_vec);
        let call = self.client.world.call(request.method().clone(), request.url().as_str());
        let call = call.bearer(&self.access_token).headers(self.headers);
        let media_type =
            request.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let call = match body {
            Some(body) => call.body(media_type, body),
            None => call.header("content-type", media_type),
        };
        Ok(call.attempt().await.map_err(|error| Failure(format!("{error:?}")))?.0)
    }
}

impl OktaApp {
    pub fn new(kind: Kind, idp: IdentityProvider) -> OktaApp {
        OktaApp { idp: IdentityProvider { headers: HEADERS, ..idp }, kind }
    }

    fn okta(&self) -> Okta<&IdentityProvider> {
        Okta::new(&self.idp, self.kind, &self.idp.client.sheet("scim_base_url"))
    }

    /// "Test API Credentials".
    pub async fn test_credentials(&self) {
        done(self.okta().test_credentials().await);
    }

    /// The lookup before every assignment.
    pub async fn find_user(&self, user_name: &str) -> Option<Value> {
        done(self.okta().find("/Users", "userName", user_name).await)
    }

    /// Assigns a user to the application: links the one that the lookup finds, creates the one that it does not.
    pub async fn assign(&self, okta_id: &str, user_name: &str, attributes: Value) -> Value {
        let (given, _) = user_name.split_once('@').unwrap_or((user_name, ""));
        let assigned =
            done(self.okta().assign(user_name, profile(user_name, given, "Okta", okta_id, &attributes)).await);
        assert!(assigned.get("password").is_none(), "a password is never answered: {assigned}");
        assigned
    }

    /// Pushes a changed profile.
    pub async fn update(&self, user: &Value, changes: Value) -> Value {
        let updated = done(self.okta().update(user, &changes).await);
        assert_eq!(updated["id"], user["id"]);
        updated
    }

    /// Unassigns a user, or assigns them again.
    pub async fn set_active(&self, user: &Value, active: bool) -> Value {
        let user = done(self.okta().set_active(user, active).await);
        assert_eq!(user["active"], active);
        user
    }

    /// "Import Now": every page, users and groups.
    pub async fn import(&self, endpoint: &str) -> Vec<Value> {
        done(self.okta().import(&format!("/{endpoint}")).await)
    }

    /// Pushes a group that Okta does not know here yet.
    pub async fn push_group(&self, name: &str, members: &[&Value]) -> Value {
        done(self.okta().push_group(name, members).await)
    }

    /// "Push now": the whole member list.
    pub async fn set_members(&self, group: &Value, name: &str, members: &[&Value]) {
        done(self.okta().set_members(group, name, members).await);
    }

    /// Users joined, and users left.
    pub async fn change_members(&self, group: &Value, added: &[&Value], removed: &[&Value]) {
        done(self.okta().change_members(group, added, removed).await);
    }

    pub async fn rename_group(&self, group: &Value, name: &str) {
        done(self.okta().rename_group(group, name).await);
    }

    /// Removes the link and the group.
    pub async fn remove_group(&self, group: &Value) {
        done(self.okta().remove_group(group).await);
        self.idp.get(&format!("/Groups/{}", text(&group["id"]))).await.expect_scim_error(404, None);
    }
}
