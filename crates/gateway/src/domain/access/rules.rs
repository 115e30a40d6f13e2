//! The rules of an account as they are kept: which group gives which role and which environments.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::described::{Components, Described, Mistakes, Read, Texts, words};
use crate::platform::timestamp::Timestamp;

/// All environments of the account, those of the future too: in a rule, and as a value of a user's own attribute.
pub const EVERY: &str = scim::schema::EVERY;

/// What it means that neither a user nor a group of theirs says which environments the user may enter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnsetEnvironments {
    /// Every environment: the rule of the set-up guide.
    #[default]
    All,
    /// No environment.
    None,
    /// Every environment, as with `all`; a change by which a restricted user would come to that is refused.
    Refuse,
}

/// What goes first where a user has a value of their own and a group gives one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precedence {
    /// The user's own attribute.
    #[default]
    User,
    /// The groups: the user's own attribute counts where no rule gives a value.
    Groups,
}

words!(UnsetEnvironments {
    UnsetEnvironments::All = "all",
    UnsetEnvironments::None = "none",
    UnsetEnvironments::Refuse = "refuse",
});
words!(Precedence { Precedence::User = "user", Precedence::Groups = "groups" });

/// The rules of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// What goes first.
    pub precedence: Precedence,
    /// In the order in which they are tried.
    pub rules: Vec<Rule>,
}

impl Rules {
    /// The groups that they name, each once: by id, and by the search key of their name.
    pub fn group_names(&self) -> (Vec<&str>, Vec<String>) {
        let mut ids: Vec<&str> = Vec::new();
        let mut keys: Vec<String> = Vec::new();
        for rule in &self.rules {
            match &rule.group {
                GroupName::Id { id, .. } => ids.push(id),
                GroupName::Display(name) => keys.push(scim::key_of_text(name)),
            }
        }
        ids.sort_unstable();
        ids.dedup();
        keys.sort_unstable();
        keys.dedup();
        (ids, keys)
    }
}

/// A mapping from a group to a role, to environments, or to both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Of members of this group, in it directly or through other groups.
    pub group: GroupName,
    /// They have this role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// They may enter these environments.
    #[serde(default, skip_serializing_if = "Environments::is_empty")]
    pub environments: Environments,
    /// Since when the rule is there,
    pub since: Timestamp,
    /// and who made it: the code of an actor, and their name.
    pub by: (String, Option<String>),
}

/// How a rule names its group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupName {
    /// The group with this id, and what it was called last.
    Id {
        /// The id.
        id: String,
        /// Its `displayName` when the rule was written.
        display: String,
    },
    /// Every group that is called so, in any letter case, as soon as there is one.
    Display(String),
}

impl Rule {
    /// Whether another rule gives the same to the same group.
    pub fn says_the_same(&self, other: &Rule) -> bool {
        self.group.is(&other.group) && self.role == other.role && self.environments == other.environments
    }
}

impl GroupName {
    /// Whether this is the same name of a group; what the group of an id was called does not matter.
    pub fn is(&self, other: &GroupName) -> bool {
        match (self, other) {
            (GroupName::Id { id: one, .. }, GroupName::Id { id: other, .. }) => one == other,
            (one, other) => one == other,
        }
    }
}

/// Environments as a rule names them: `"*"` for all, or by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Environments(pub Vec<String>);

impl Environments {
    /// It gives none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Described for Environments {
    fn schema(_: &mut Components) -> Value {
        json!({"anyOf": [
            {"type": "string", "enum": [EVERY]},
            {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 1000},
        ]})
    }
}

impl Read for Environments {
    fn read(value: Value, at: &str, mistakes: &mut Mistakes) -> Option<Environments> {
        if value == json!(EVERY) {
            return Some(Environments(vec![EVERY.to_owned()]));
        }
        if !value.is_array() {
            mistakes.note(at, "must be a list of product environments, or \"*\" for all of them");
            return None;
        }
        let Texts(names) = Texts::read(value, at, mistakes)?;
        let mut distinct: Vec<String> = Vec::with_capacity(names.len().min(1000));
        for name in names {
            if !distinct.contains(&name) && distinct.len() < 1000 {
                distinct.push(name);
            }
        }
        if distinct.iter().any(|name| name == EVERY) {
            distinct = vec![EVERY.to_owned()];
        }
        Some(Environments(distinct))
    }
}
