//! Providers that try a new connection out by writing: what they would be refused is known before an administrator presses the button.
//!
//! The others only read at first (Okta, Microsoft Entra ID, OneLogin, PingOne, PingFederate).

use scim::schema::{CanonicalValues, DefaultValue, GROUP, ResourceTypeId, USER};
use scim::service;
use serde_json::{Value, json};

use crate::domain::account::{Account, DEFAULT_ROLE};
use crate::domain::profiles::Profile;
use crate::platform::timestamp::Timestamp;
use crate::services::service_provider::{ScimEngine, ServiceProvider};
use crate::storage::DbError;

/// What a provider creates to see whether it can.
struct FirstCall {
    provider: &'static str,
    button: &'static str,
    creates: [(ResourceTypeId, &'static str, Value); 2],
}

impl FirstCall {
    fn of(profile: Profile) -> Option<FirstCall> {
        match profile {
            // Its support page "Custom SCIM identity management": a test user and a test group are created, and removed again.
            Profile::JumpCloud => Some(FirstCall {
                provider: "JumpCloud",
                button: "Test Connection",
                creates: [
                    (
                        USER,
                        "user",
                        json!({
                            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                            "userName": "test@example.com", "name": {"givenName": "Test", "familyName": "User"},
                            "emails": [{"value": "test@example.com", "type": "work", "primary": true}], "active": true,
                        }),
                    ),
                    (
                        GROUP,
                        "group",
                        json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Test"}),
                    ),
                ],
            }),
            Profile::Okta | Profile::Entra | Profile::OneLogin | Profile::Ping | Profile::Generic | Profile::Strict => {
                None
            }
        }
    }
}

/// What would be refused, as things are, and what to set.
pub(super) fn warnings(
    engine: &ScimEngine,
    profile: Profile,
    account: Option<&Account>,
    now: Timestamp,
) -> Result<Vec<String>, DbError> {
    let Some(FirstCall { provider, button, creates }) = FirstCall::of(profile) else { return Ok(Vec::new()) };
    let mut warnings = Vec::new();
    let mut tried = match account {
        Some(account) => ServiceProvider::of(&engine.schemas, account)?,
        None => ServiceProvider::of_no_account(&engine.schemas),
    };
    let path =
        account.map_or_else(|| "/admin/accounts/{id}".to_owned(), |account| format!("/admin/accounts/{}", account.id));
    let whose = if account.is_some() { "the account has none" } else { "each account that uses it needs one" };
    if let Some(roles) = wants_default_role(&tried) {
        warnings.push(format!(
            "{provider}'s “{button}” begins by creating a user without a role, which is refused unless there is a default role, and \
             {whose}: PATCH {path} {{\"default_role\": \"…\"}}, with one of {}",
            roles.join(", ")
        ));
        let any = roles.first().cloned().unwrap_or_else(|| "any".to_owned());
        tried.account_values.defaults.insert(DEFAULT_ROLE.to_owned(), any);
    }
    for (kind, noun, body) in creates {
        if let Err(refusal) = engine.run(&tried, now, |cx| service::check(cx, kind, &body)) {
            warnings.push(format!(
                "{provider}'s “{button}” begins by creating a {noun}, which would be refused: {}. Give the attribute a default_value, or \
                 declare it not required",
                refusal.detail().trim_end_matches('.')
            ));
        }
    }
    Ok(warnings)
}

/// The roles to choose from, if a user must have one, gets the account's default, and there is none.
fn wants_default_role(provider: &ServiceProvider) -> Option<Vec<String>> {
    let attributes = &provider.registry.get(USER).schema.attributes;
    let role =
        attributes.iter().find(|attribute| attribute.default == Some(DefaultValue::Named(DEFAULT_ROLE.to_owned())))?;
    let wanted = role.required && !provider.account_values.defaults.contains_key(DEFAULT_ROLE);
    wanted.then(|| match &role.canonical_values {
        CanonicalValues::Only(roles) => roles.clone(),
        _ => Vec::new(),
    })
}
