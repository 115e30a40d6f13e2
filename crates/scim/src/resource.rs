//! A resource that has passed its schema (RFC 7643 §3).

use serde_json::{Map, Value};

use crate::schema::ResourceTypeId;

pub(crate) mod absence;
pub(crate) mod complete;
pub(crate) mod distinct;
pub(crate) mod document;
pub(crate) mod locate;
pub(crate) mod meant;
pub(crate) mod members;
pub(crate) mod reader;
pub(crate) mod reference;
pub(crate) mod role;
pub(crate) mod stored;
pub mod user_name;
pub(crate) mod value;

/// A resource's `id` (RFC 7643 §3.1): opaque, unreserved characters only, at most 64 bytes, never contains `bulkId`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(String);

/// `meta` without what follows from elsewhere (RFC 7643 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// Milliseconds since the epoch.
    pub created: i64,
    /// Milliseconds since the epoch.
    pub last_modified: i64,
    /// Counts the changes, from 1; the ETag is `W/"<version>"`.
    pub version: i64,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who: `value`.
    pub id: Id,
    /// What: `type`.
    pub resource_type: ResourceTypeId,
    /// For people.
    pub display: String,
}

/// A group that a resource is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupReference {
    /// Which: `value`.
    pub id: Id,
    /// For people.
    pub display: String,
    /// Through another group (`indirect`) or not (`direct`).
    pub direct: bool,
}

/// A resource whose attributes are known to suit its schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// What kind.
    pub resource_type: ResourceTypeId,
    /// Its name.
    pub id: Id,
    /// When and how often it was written.
    pub meta: Meta,
    /// The document: `externalId`, the core attributes under their canonical names and each extension's under its URN, as
    /// on the wire, without `id`, `meta`, `schemas`, write-only and relational attributes. Nothing in it is `null`, `[]`,
    /// `{}` or, for an optional attribute, `""`: such a value is absent (RFC 7643 §2.5).
    pub(crate) attributes: Map<String, Value>,
    /// A group's members, once loaded.
    pub members: Option<Vec<Member>>,
    /// The groups it is in, once loaded.
    pub groups: Option<Vec<GroupReference>>,
}

impl Id {
    /// An id from a server's generator or a request's path; `None` if no resource could have it.
    pub fn new(text: impl Into<String>) -> Option<Id> {
        let text = text.into();
        let fits = !text.is_empty()
            && text.len() <= 64
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
            && !text.to_ascii_lowercase().contains("bulkid");
        fits.then_some(Id(text))
    }

    /// As on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl GroupReference {
    /// `type`, as on the wire.
    pub fn kind(&self) -> &'static str {
        if self.direct { "direct" } else { "indirect" }
    }
}

impl Resource {
    /// A resource out of the store, which got it from us: trusted, not validated again.
    pub fn from_stored(resource_type: ResourceTypeId, id: Id, meta: Meta, attributes: Map<String, Value>) -> Resource {
        Resource { resource_type, id, meta, attributes, members: None, groups: None }
    }

    /// The document that a store keeps.
    pub fn attributes(&self) -> &Map<String, Value> {
        &self.attributes
    }

    /// `active`, where the resource type has it; `true` where it has not.
    pub fn is_active(&self) -> bool {
        self.attributes.get("active").and_then(Value::as_bool).unwrap_or(true)
    }

    /// What people call it: `displayName`, else `name.formatted`, else `userName`, else its id.
    pub fn display(&self) -> &str {
        self.attributes
            .get("displayName")
            .or_else(|| self.attributes.get("name").and_then(|n| n.get("formatted")))
            .or_else(|| self.attributes.get("userName"))
            .and_then(Value::as_str)
            .unwrap_or(self.id.as_str())
    }

    /// The entity tag (RFC 7644 §3.14): weak, from the version.
    pub fn etag(&self) -> String {
        format!("W/\"{}\"", self.meta.version)
    }
}
