//! A resource whose attributes fit its schema (RFC 7643 §3).

use serde_json::{Map, Value};

pub use self::written::Attributes;
use crate::schema::ResourceTypeId;

pub(crate) mod absence;
pub(crate) mod complete;
pub(crate) mod distinct;
mod divided;
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
pub(crate) mod written;

/// The `id` of a resource (RFC 7643 §3.1): unreserved characters only, at most 64 bytes, never contains `bulkId`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(String);

/// The stored part of `meta` (RFC 7643 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// When the resource was created, in milliseconds since the epoch.
    pub created: i64,
    /// When the resource was last changed, in milliseconds since the epoch.
    pub last_modified: i64,
    /// The version: counts the changes, from 1. The entity tag is `W/"<version>"`.
    pub version: i64,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The member's id: `value`.
    pub id: Id,
    /// The member's resource type: `type`.
    pub resource_type: ResourceTypeId,
    /// The member's display name.
    pub display: String,
}

/// A group that a resource is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupReference {
    /// The group's id: `value`.
    pub id: Id,
    /// The group's display name.
    pub display: String,
    /// `type`: whether the membership is direct or through another group.
    pub direct: bool,
}

/// A resource whose attributes fit its schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// The resource type.
    pub resource_type: ResourceTypeId,
    /// The id.
    pub id: Id,
    /// The creation time, the last change and the version.
    pub meta: Meta,
    /// The document: `externalId`, the core attributes under their canonical names and each extension's under its URN, as
    /// on the wire, without `id`, `meta`, `schemas`, write-only and relational attributes. Nothing in it is `null`, `[]`,
    /// `{}` or, for an optional attribute, `""`: such a value is absent (RFC 7643 §2.5).
    pub(crate) attributes: Attributes,
    /// The members of a group; `None` until they are loaded.
    pub members: Option<Vec<Member>>,
    /// The groups that the resource is in; `None` until they are loaded.
    pub groups: Option<Vec<GroupReference>>,
}

impl Id {
    /// An id made by the server or read from a path; `None` if no resource can have it.
    pub fn new(text: impl Into<String>) -> Option<Id> {
        let text = text.into();
        let is_bulk_id = |text: &str| text.as_bytes().windows(6).any(|part| part.eq_ignore_ascii_case(b"bulkid"));
        let fits = !text.is_empty()
            && text.len() <= 64
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'))
            && !is_bulk_id(&text);
        fits.then_some(Id(text))
    }

    /// The id as text.
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
    /// `type` as on the wire.
    pub fn kind(&self) -> &'static str {
        if self.direct { "direct" } else { "indirect" }
    }
}

impl Resource {
    /// A resource read from a store, which only holds validated resources: it is not validated again.
    pub fn from_stored(
        resource_type: ResourceTypeId,
        id: Id,
        meta: Meta,
        attributes: impl Into<Attributes>,
    ) -> Resource {
        Resource { resource_type, id, meta, attributes: attributes.into(), members: None, groups: None }
    }

    /// The document, as a store keeps it.
    pub fn attributes(&self) -> &Map<String, Value> {
        &self.attributes
    }

    /// `active`; `true` for resource types without it.
    pub fn is_active(&self) -> bool {
        self.attributes.get("active").and_then(Value::as_bool).unwrap_or(true)
    }

    /// The display name: `displayName`, else `name.formatted`, else `userName`, else the id.
    pub fn display(&self) -> &str {
        let paths = [("displayName", None), ("name", Some("formatted")), ("userName", None)];
        self.attributes.text_of_first(&paths).unwrap_or(self.id.as_str())
    }

    /// The entity tag (RFC 7644 §3.14): weak, made of the version.
    pub fn etag(&self) -> String {
        format!("W/\"{}\"", self.meta.version)
    }
}
