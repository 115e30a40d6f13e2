//! Which users may own a grant.

use scim::resource::Meta;
use scim::schema::USER;
use scim::{AttributeKey, Id, IndexedAttribute, Registry, Resource};
use serde_json::{Map, Value};

/// Who may own a grant: users who have one of these roles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrantPolicy {
    attribute: String,
    roles: Vec<String>,
    key: Option<AttributeKey>,
    /// What the index has of each role.
    role_keys: Vec<String>,
}

impl GrantPolicy {
    /// These roles, in this attribute of a user (settings `consent.roles` and `consent.role_attribute`).
    pub fn new(attribute: String, roles: Vec<String>, registry: &Registry) -> GrantPolicy {
        let indexed =
            registry.indexed().iter().find(|indexed| indexed.resource_type == USER && indexed.path == attribute);
        let role_keys = indexed.map(|indexed| keys_of(&roles, indexed)).unwrap_or_default();
        GrantPolicy { key: indexed.map(|indexed| indexed.key), roles, role_keys, attribute }
    }

    /// Where the index has users with one of these roles, and maybe others; `None` where the role is not indexed.
    pub(crate) fn role_keys(&self) -> Option<(AttributeKey, &[String])> {
        self.key.map(|key| (key, self.role_keys.as_slice()))
    }

    /// The role of a user with these attributes.
    pub fn role_of<'a>(&self, attributes: &'a Map<String, Value>) -> Option<&'a str> {
        attributes.get(&self.attribute).and_then(Value::as_str)
    }

    /// The roles that may own a grant.
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// The attribute that has the role.
    pub fn attribute(&self) -> &str {
        &self.attribute
    }

    /// Whether a user with these attributes may own a grant.
    pub fn may_own_grant(&self, attributes: &Map<String, Value>) -> bool {
        self.role_of(attributes).is_some_and(|role| self.roles.iter().any(|may| may == role))
    }
}

fn keys_of(roles: &[String], indexed: &IndexedAttribute) -> Vec<String> {
    let mut keys = Vec::new();
    for role in roles {
        let attributes = Map::from_iter([(indexed.path.clone(), Value::from(role.as_str()))]);
        let meta = Meta { created: 0, last_modified: 0, version: 0 };
        let Some(id) = Id::new("role") else { continue };
        keys.extend(indexed.keys(&Resource::from_stored(USER, id, meta, attributes)).into_iter().map(|key| key.key));
    }
    keys
}
