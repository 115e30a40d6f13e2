//! Microsoft Entra ID as it calls, without the flag that makes it speak the RFC's dialect.

use serde_json::{Value, json};

use crate::support::account::Account;
use crate::support::http::Answer;
use crate::support::identity_provider::{ENTERPRISE, GROUP, IdentityProvider, USER};

const HEADERS: &[(&str, &str)] =
    &[("user-agent", "Microsoft Azure AD SCIM provisioning"), ("content-type", "application/scim+json; charset=utf-8")];

/// A provisioning job of an Entra tenant.
#[derive(Clone)]
pub struct EntraJob {
    pub idp: IdentityProvider,
}

impl EntraJob {
    /// Connected by client credentials, the one grant Entra accepts of new applications.
    pub async fn connect(account: &Account) -> EntraJob {
        let client = account
            .client(json!({
                "name": "Entra", "profile": "entra", "redirect_uris": [],
                "grant_types": ["client_credentials"], "scopes": ["provision:scim"],
            }))
            .await;
        let idp = client.connect_by_credentials().await;
        EntraJob { idp: IdentityProvider { headers: HEADERS, ..idp } }
    }

    /// "Test connection": asks for a user who cannot exist.
    pub async fn test_connection(&self) {
        let probe = "AzureAD_Test-0f6a7c1e-2b83-4f3e-9a6d-1d2c3b4a5e6f";
        let users = self.idp.list(&format!("/Users?filter=userName+eq+%22{probe}%22")).await;
        let groups =
            self.idp.list(&format!("/Groups?excludedAttributes=members&filter=displayName+eq+%22{probe}%22")).await;
        for list in [users, groups] {
            assert_eq!((&list["totalResults"], &list["Resources"]), (&json!(0), &json!([])), "{list}");
        }
    }

    pub async fn create_user(&self, nickname: &str, role: &str) -> Value {
        let user_name = format!("{nickname}@orchard.test");
        self.idp
            .create_user(&json!({
                "schemas": [USER, ENTERPRISE],
                "externalId": nickname, "userName": user_name, "active": true, "displayName": nickname, "title": "Editor",
                "preferredLanguage": "en-GB",
                "name": {"formatted": nickname, "givenName": nickname, "familyName": "Menon"},
                "emails": [{"primary": true, "type": "work", "value": user_name}],
                "phoneNumbers": [{"type": "work", "value": "+44 20 5550 0100"}],
                ENTERPRISE: {"department": "News", "employeeNumber": "4711"},
                "roles": [], "role": role,
                "meta": {"resourceType": "User"},
            }))
            .await
    }

    pub async fn create_group(&self, name: &str) -> Value {
        let body = json!({
            "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
            "externalId": format!("ext-{name}"), "displayName": name, "meta": {"resourceType": "Group"},
        });
        self.idp.post("/Groups", &body).await.expect(201).json()
    }

    /// `Add` or `Remove` of one member, with the `$ref` that is always null.
    pub async fn change_member(&self, op: &str, group: &Value, user: &Value) -> Answer {
        let value = json!([{"$ref": null, "value": user["id"]}]);
        self.idp.patch(group).operation(json!({"op": op, "path": "members", "value": value})).await
    }

    /// The group as Entra reads it: never with members.
    pub async fn read_group(&self, group: &Value) -> Value {
        let path = format!("/Groups/{}?excludedAttributes=members", group["id"].as_str().unwrap_or_default());
        self.idp.get(&path).await.expect(200).json()
    }

    /// Whether a user is a member, asked as Entra asks it.
    pub async fn is_member(&self, group: &Value, user: &Value) -> bool {
        let (group, user) = (group["id"].as_str().unwrap_or_default(), user["id"].as_str().unwrap_or_default());
        !self.idp.found("/Groups", &format!(r#"id eq "{group}" and members eq "{user}""#)).await.is_empty()
    }

    /// Booleans are strings.
    pub async fn set_active(&self, user: &Value, active: bool) -> Value {
        let value = if active { "True" } else { "False" };
        let answer = self.idp.patch(user).operation(json!({"op": "Replace", "path": "active", "value": value})).await;
        assert!(matches!(answer.status.as_u16(), 200 | 204), "{}\n{}", answer.status, answer.text());
        let user = self.idp.read(user).await;
        assert_eq!(user["active"], active);
        user
    }
}
