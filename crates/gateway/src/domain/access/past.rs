//! What access was resolved from, as it is kept when it changes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Rules, UnsetEnvironments};
use crate::domain::account::{Account, ENVIRONMENTS_ATTRIBUTE};

/// What of a user decided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastFacts {
    /// Whether the user might do anything.
    pub active: bool,
    /// Their own role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Their own environments; `None`: unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<Vec<String>>,
}

/// What of an account decided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastTerms {
    /// The rules, and what went first.
    pub rules: Rules,
    /// What unset meant.
    pub unset: UnsetEnvironments,
    /// The environments there were.
    pub environments: Vec<String>,
    /// Whether it was suspended.
    #[serde(default)]
    pub suspended: bool,
}

impl PastFacts {
    /// What decides of a user who has these attributes.
    pub fn of(attributes: &serde_json::Map<String, Value>, active: bool, role: &str) -> PastFacts {
        PastFacts {
            active,
            role: attributes.get(role).and_then(Value::as_str).map(str::to_owned),
            environments: attributes.get(ENVIRONMENTS_ATTRIBUTE).map(names),
        }
    }
}

impl PastTerms {
    /// What decides in an account that has these rules.
    pub fn of(account: &Account, rules: &Rules) -> PastTerms {
        PastTerms {
            rules: rules.clone(),
            unset: account.options.unset_environments,
            environments: account.product_environments.clone(),
            suspended: account.suspended.is_some(),
        }
    }
}

/// The environments that a value of the attribute names.
pub fn names(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        one => one.as_str().map(str::to_owned).into_iter().collect(),
    }
}
