//! Accounts: one customer of the vendor each.

use scim::schema::Unset;
use scim::{AccountValues, InactiveMatch};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::access::UnsetEnvironments;
use crate::domain::declared_attributes::Declarations;
use crate::domain::described::{Components, Described, Mistakes, Read, Texts, words};
use crate::domain::ids::AccountKey;
use crate::domain::labels::Labels;
use crate::domain::sign_in::SignIn;
use crate::platform::timestamp::Timestamp;

/// The name under which an account's environments are known to attribute declarations.
pub const PRODUCT_ENVIRONMENTS: &str = "account.product_environments";
/// The attribute of users that has their product environments. What it means to have none, the account says.
pub const ENVIRONMENTS_ATTRIBUTE: &str = "product_environments";
/// The name under which an account's default role is known to attribute declarations.
pub const DEFAULT_ROLE: &str = "account.default_role";

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its number in storage.
    pub seq: AccountKey,
    /// Its public id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its cloud names.
    pub product_environments: Vec<String>,
    /// What a user gets who comes without a role.
    pub default_role: Option<String>,
    /// Milliseconds since the epoch.
    pub created: Timestamp,
    /// Since when it is suspended, if it is: its users, clients and identity providers are refused.
    pub suspended: Option<Timestamp>,
    /// What an operator set beyond that.
    pub options: AccountOptions,
}

impl Account {
    /// The lists and defaults that attribute declarations take from the account.
    pub fn account_values(&self) -> AccountValues {
        let mut account_values = AccountValues { since: self.created.millis(), ..AccountValues::default() };
        account_values.list_separator = self.options.list_separator.map(ListSeparator::as_char);
        account_values.lists.insert(PRODUCT_ENVIRONMENTS.to_owned(), self.product_environments.clone());
        let unset = match self.options.unset_environments {
            UnsetEnvironments::All => Unset::Grants,
            UnsetEnvironments::None => Unset::Restricts,
            UnsetEnvironments::Refuse => Unset::Refused { everything: "every environment".to_owned() },
        };
        account_values.unset.insert(ENVIRONMENTS_ATTRIBUTE.to_owned(), unset);
        if let Some(role) = &self.default_role {
            account_values.defaults.insert(DEFAULT_ROLE.to_owned(), role.clone());
        }
        account_values
    }
}

/// What an operator may set of an account that SQL never asks for: a document, so that a new option is a new member and no migration.
/// An absent member has its default.
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
    /// Who may log in how.
    pub sign_in: SignIn,
    /// Whether no group gets a `displayName` that another one has.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unique_group_names: bool,
    /// What SCIM may do with service accounts.
    pub service_accounts: ServiceAccounts,
    /// What becomes of a SCIM request after which no active user may accept access any more.
    pub last_administrator: LastAdministrator,
    /// What divides the values of a list that a client sends in one text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_separator: Option<ListSeparator>,
    /// What it means that neither a user nor a group of theirs says which environments they may enter.
    pub unset_environments: UnsetEnvironments,
    /// What people call its product environments,
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub environment_labels: Labels,
    /// and the roles of its users.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub role_labels: Labels,
}

/// What divides the values of a list that a client sends in one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListSeparator {
    /// `a;b`
    #[serde(rename = ";")]
    Semicolon,
    /// `a,b`
    #[serde(rename = ",")]
    Comma,
    /// `a|b`
    #[serde(rename = "|")]
    Bar,
}

impl ListSeparator {
    /// The character.
    pub fn as_char(self) -> char {
        match self {
            ListSeparator::Semicolon => ';',
            ListSeparator::Comma => ',',
            ListSeparator::Bar => '|',
        }
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

words!(InactiveMatch { InactiveMatch::Restore = "restore", InactiveMatch::Conflict = "conflict" });
words!(ServiceAccounts {
    ServiceAccounts::ReadOnly = "read_only",
    ServiceAccounts::Hidden = "hidden",
    ServiceAccounts::Writable = "writable",
});
words!(LastAdministrator { LastAdministrator::Allow = "allow", LastAdministrator::Keep = "keep" });
words!(ListSeparator { ListSeparator::Semicolon = ";", ListSeparator::Comma = ",", ListSeparator::Bar = "|" });
words!(OwnDeactivation { OwnDeactivation::Allow = "allow", OwnDeactivation::Refuse = "refuse" });

/// Names of product environments, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CloudNames(pub Vec<String>);

impl Described for CloudNames {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 128}})
    }
}

impl Read for CloudNames {
    fn read(value: Value, at: &str, mistakes: &mut Mistakes) -> Option<CloudNames> {
        let Texts(names) = Texts::read(value, at, mistakes)?;
        let mut distinct: Vec<String> = Vec::with_capacity(names.len());
        for (i, name) in names.into_iter().enumerate() {
            let fits =
                !name.is_empty() && name.len() <= 128 && name.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
            if !fits {
                let wrong = "must be a cloud name: letters, digits, hyphens, underscores and dots";
                mistakes.note(format!("{at}[{i}]"), wrong);
            } else if !distinct.contains(&name) {
                distinct.push(name);
            }
        }
        Some(CloudNames(distinct))
    }
}
