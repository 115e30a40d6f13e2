//! What an operator may set that SQL never asks for: a document on the client and one on the account, so that a new option is a
//! new member and no migration. An absent member has its default.

use scim::InactiveMatch;
use scim::schema::{Addition, Overlay, Stage};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::DbError;
use crate::domain::sign_in::SignIn;
use crate::domain::tolerances::Overrides;

/// As kept with a client.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientOptions {
    /// For the authorization server.
    pub oauth: oauth::client::Options,
    /// For the SCIM endpoint.
    pub scim: ScimOptions,
}

/// How the SCIM endpoint treats a client.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScimOptions {
    /// What it is forgiven, or not, whatever its profile says.
    pub tolerances: Overrides,
}

impl ScimOptions {
    /// The part of a client's stored options that every SCIM request needs.
    pub(super) fn of_client(options: &str) -> Result<ScimOptions, serde_json::Error> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Part {
            scim: ScimOptions,
        }
        Ok(serde_json::from_str::<Part>(options)?.scim)
    }
}

/// As kept with an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountOptions {
    /// The id of the user to whom grants pass when their owner leaves; `None`: they end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub co_owner: Option<String>,
    /// What becomes of a SCIM request that would end the grant it works under.
    pub own_deactivation: OwnDeactivation,
    /// The attributes that the account declares itself.
    pub attributes: Declarations,
    /// What becomes of users who are created again after they were deactivated.
    pub inactive_match: InactiveMatch,
    /// Who may sign in how.
    pub sign_in: SignIn,
    /// Whether no group gets a `displayName` that another one has.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unique_group_names: bool,
    /// What SCIM may do with service accounts.
    pub service_accounts: ServiceAccounts,
    /// What becomes of a SCIM request after which no active user may accept access any more.
    pub last_administrator: LastAdministrator,
}

/// What an account declares, as text: whoever knows the text already need not read it ([`Schemas`](crate::domain::schemas::Schemas)).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Declarations(Option<Box<RawValue>>);

/// One attribute that an account declares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// As it was declared; its schema is always named.
    pub declaration: Overlay,
    /// How far it went.
    pub stage: Stage,
    /// Why it could not be made unique: the values that several resources had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duplicates: Vec<Duplicate>,
}

/// A value that several resources have, of an attribute that was to be unique.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicate {
    /// As one of them has it, and only its beginning where it is long.
    pub value: String,
    /// The ids of the resources, or some of them.
    pub resources: Vec<String>,
}

impl Declarations {
    /// Nothing is declared.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// What is declared, in the order it was.
    pub fn read(&self) -> Result<Vec<Declared>, DbError> {
        let Some(text) = &self.0 else { return Ok(Vec::new()) };
        serde_json::from_str(text.get()).map_err(|e| DbError::Corrupt(format!("declarations of an account: {e}")))
    }

    /// This is declared.
    pub fn write(declared: &[Declared]) -> Result<Declarations, DbError> {
        if declared.is_empty() {
            return Ok(Declarations(None));
        }
        let text = serde_json::value::to_raw_value(declared).map_err(|e| DbError::Corrupt(e.to_string()))?;
        Ok(Declarations(Some(text)))
    }

    fn text(&self) -> Option<&str> {
        self.0.as_deref().map(RawValue::get)
    }
}

impl PartialEq for Declarations {
    fn eq(&self, other: &Declarations) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Declarations {}

impl Declared {
    /// For the registry.
    pub fn addition(&self) -> Addition<'_> {
        Addition { overlay: &self.declaration, stage: self.stage }
    }
}

/// What SCIM may do with an account's service accounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceAccounts {
    /// They are shown. A request that would change or delete one is refused.
    #[default]
    ReadOnly,
    /// They are not shown. Their names stay taken.
    Hidden,
    /// They are users like others.
    Writable,
}

/// What becomes of a SCIM request that deactivates, deletes or demotes the last active user who may accept access.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LastAdministrator {
    /// It is carried out, and the account's operators are told.
    #[default]
    Allow,
    /// It is refused, and says what to do.
    Keep,
}

/// What becomes of a SCIM request that deactivates, deletes or demotes the owner of its own access token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OwnDeactivation {
    /// It is carried out, and is the last of its connection.
    #[default]
    Allow,
    /// It is refused, and says what to do.
    Refuse,
}
