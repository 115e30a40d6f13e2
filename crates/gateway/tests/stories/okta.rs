//! Okta as it calls: what its two kinds of application send for each act of an administrator, header for header.

use serde_json::{Map, Value, json};

use crate::account::text;
use crate::identity_provider::{GROUP, IdentityProvider, USER};

const HEADERS: &[(&str, &str)] =
    &[("user-agent", "Okta SCIM Client 1.0.0"), ("accept", "application/scim+json"), ("accept-charset", "utf-8")];

/// Who is calling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Made with the App Integration Wizard: GET, then PUT.
    Wizard,
    /// From the catalog: PATCH.
    Catalog,
}

/// An Okta application with provisioning switched on.
pub struct OktaApp {
    pub idp: IdentityProvider,
    kind: Kind,
}

impl OktaApp {
    pub fn new(kind: Kind, idp: IdentityProvider) -> OktaApp {
        OktaApp { idp: IdentityProvider { headers: HEADERS, ..idp }, kind }
    }

    /// "Test API Credentials".
    pub async fn test_credentials(&self) {
        self.idp.list("/Users?startIndex=1&count=2").await;
        self.idp.list("/Groups?startIndex=1&count=100").await;
    }

    /// The lookup before every assignment.
    pub async fn find_user(&self, user_name: &str) -> Option<Value> {
        self.find("Users", "userName", user_name).await
    }

    async fn find(&self, endpoint: &str, attribute: &str, value: &str) -> Option<Value> {
        let value: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
        let list =
            self.idp.list(&format!("/{endpoint}?filter={attribute}+eq+%22{value}%22&startIndex=1&count=100")).await;
        let found = list["Resources"].as_array().cloned().unwrap_or_default();
        assert!(found.len() < 2, "Multiple users found: {list}");
        found.into_iter().next()
    }

    /// Assigns somebody to the application: links whom the lookup finds, creates whom it does not.
    pub async fn assign(&self, okta_id: &str, user_name: &str, attributes: Value) -> Value {
        let (given, _) = user_name.split_once('@').unwrap_or((user_name, ""));
        let mut profile = json!({
            "schemas": [USER], "userName": user_name, "name": {"givenName": given, "familyName": "Okta"},
            "emails": [{"primary": true, "value": user_name, "type": "work"}], "displayName": given, "locale": "en-US",
            "externalId": okta_id, "groups": [], "active": true,
        });
        merge(&mut profile, &attributes);
        match self.find_user(user_name).await {
            Some(found) => self.update(&found, profile).await,
            None => {
                profile["password"] = json!("r4nd0m-Xy");
                self.idp.create_user(&profile).await
            }
        }
    }

    /// Pushes a changed profile.
    pub async fn update(&self, user: &Value, changes: Value) -> Value {
        match self.kind {
            Kind::Wizard => {
                let mut body = self.idp.read(user).await;
                merge(&mut body, &changes);
                let answer = self.idp.put(user, &body).await.expect(200).json();
                assert_eq!(answer["id"], user["id"]);
                answer
            }
            Kind::Catalog => {
                let answer = self.idp.patch(user).merge(changes).await;
                assert!(matches!(answer.status.as_u16(), 200 | 204), "{}\n{}", answer.status, answer.text());
                self.idp.read(user).await
            }
        }
    }

    /// Unassigns somebody, or assigns them again.
    pub async fn set_active(&self, user: &Value, active: bool) -> Value {
        let user = self.update(user, json!({"active": active})).await;
        assert_eq!(user["active"], active);
        user
    }

    /// "Import Now": every page, users and groups.
    pub async fn import(&self, endpoint: &str) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let list = self.idp.list(&format!("/{endpoint}?startIndex={}&count=100", all.len() + 1)).await;
            let page = list["Resources"].as_array().cloned().unwrap_or_default();
            let total = list["totalResults"].as_u64().unwrap_or_default() as usize;
            assert!(!page.is_empty() || all.len() >= total, "a page in the middle is empty: {list}");
            all.extend(page);
            if all.len() >= total {
                return all;
            }
        }
    }

    /// Pushes a group that Okta does not know here yet.
    pub async fn push_group(&self, name: &str, members: &[&Value]) -> Value {
        if let Some(found) = self.find("Groups", "displayName", name).await {
            self.set_members(&found, name, members).await;
            return found;
        }
        let body = json!({"schemas": [GROUP], "displayName": name, "members": []});
        let group = self.idp.post("/Groups", &body).await.expect(201).json();
        self.set_members(&group, name, members).await;
        group
    }

    /// "Push now": the whole member list.
    pub async fn set_members(&self, group: &Value, name: &str, members: &[&Value]) {
        let members: Vec<Value> = members.iter().map(|m| member(m)).collect();
        match self.kind {
            Kind::Wizard => self.put_group(group, name, members).await,
            Kind::Catalog => {
                let answer = self.idp.patch(group).replace("members", members).await;
                assert!(matches!(answer.status.as_u16(), 200 | 204), "{}\n{}", answer.status, answer.text());
            }
        }
    }

    /// Somebody joined, somebody left.
    pub async fn change_members(&self, group: &Value, added: &[&Value], removed: &[&Value]) {
        match self.kind {
            Kind::Wizard => {
                let now = self.idp.read(group).await;
                let mut members: Vec<Value> = now["members"].as_array().cloned().unwrap_or_default();
                members.retain(|m| !removed.iter().any(|gone| gone["id"] == m["value"]));
                members.extend(added.iter().map(|m| member(m)));
                self.put_group(group, &text(&now["displayName"]), members).await;
            }
            Kind::Catalog => {
                let mut patch = self.idp.patch(group);
                for gone in removed {
                    patch = patch.remove(&format!("members[value eq \"{}\"]", text(&gone["id"])));
                }
                if !added.is_empty() {
                    patch = patch.add("members", added.iter().map(|m| member(m)).collect::<Vec<_>>());
                }
                let answer = patch.await;
                assert!(matches!(answer.status.as_u16(), 200 | 204), "{}\n{}", answer.status, answer.text());
            }
        }
    }

    pub async fn rename_group(&self, group: &Value, name: &str) {
        match self.kind {
            Kind::Wizard => {
                let now = self.idp.read(group).await;
                let members = now["members"].as_array().cloned().unwrap_or_default();
                self.put_group(group, name, members).await;
            }
            Kind::Catalog => {
                // With the readOnly `id` inside the value, as Okta sends it.
                let answer = self.idp.patch(group).merge(json!({"id": group["id"], "displayName": name})).await;
                assert!(matches!(answer.status.as_u16(), 200 | 204), "{}\n{}", answer.status, answer.text());
            }
        }
    }

    /// Removes the link and the group.
    pub async fn remove_group(&self, group: &Value) {
        self.idp.delete(group).await.expect(204);
        self.idp.get(&format!("/Groups/{}", text(&group["id"]))).await.expect_scim_error(404, None);
    }

    async fn put_group(&self, group: &Value, name: &str, members: Vec<Value>) {
        let body = json!({"schemas": [GROUP], "id": group["id"], "displayName": name, "members": members});
        self.idp.put(group, &body).await.expect(200);
    }
}

/// Members go without `type`.
fn member(user: &Value) -> Value {
    json!({"value": user["id"], "display": user["userName"]})
}

/// What Okta does with what it read: its own values over the rest.
fn merge(into: &mut Value, changes: &Value) {
    let empty = Map::new();
    for (name, value) in changes.as_object().unwrap_or(&empty) {
        into[name] = value.clone();
    }
}
