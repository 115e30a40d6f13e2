//! Schemas, attributes and resource types (RFC 7643 §2, §3.2, §6, §7): one definition per attribute, from which
//! `/Schemas`, validation, filters, PATCH, projection and search keys all follow.
//!
//! [`user`](mod@user) and [`group`](mod@group) hold the standard's own definitions, [`overlay`] what an operator's
//! configuration adds; [`Registry::build`] puts them together.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

mod addition;
mod attribute;
pub mod catalog;
mod closed;
mod common;
pub mod enterprise;
pub mod group;
mod indexed;
pub(crate) mod key_text;
pub mod overlay;
mod registry;
pub mod user;

pub use addition::{Addition, Stage};
pub(crate) use attribute::is_name;
pub use catalog::Catalog;
pub use closed::{ClosedList, Removed, RemovedValues};
pub use common::common;
pub use enterprise::enterprise_user;
pub use group::group;
pub use indexed::{AttributeKey, IndexedAttribute};
pub use key_text::key_of_text;
pub use overlay::Overlay;
pub use user::user;

/// A data type (RFC 7643 §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Type {
    /// §2.3.1
    String,
    /// §2.3.2
    Boolean,
    /// §2.3.3
    Decimal,
    /// §2.3.4
    Integer,
    /// §2.3.5
    DateTime,
    /// §2.3.6, base64
    Binary,
    /// §2.3.7, a URI
    Reference,
    /// §2.3.8, only at the top: a sub-attribute is never complex (erratum 8415)
    Complex,
}

/// Who may write an attribute (RFC 7643 §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mutability {
    /// Only the service provider.
    ReadOnly,
    /// Everybody.
    ReadWrite,
    /// Once.
    Immutable,
    /// Written, never read.
    WriteOnly,
}

/// When an attribute is part of an answer (RFC 7643 §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Returned {
    /// Whatever is asked.
    Always,
    /// Whatever is asked, not.
    Never,
    /// Unless it is excluded.
    Default,
    /// Only if it is named.
    Request,
}

/// How far a value must be unique (RFC 7643 §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Uniqueness {
    /// Not at all.
    None,
    /// Within the service provider.
    Server,
    /// Everywhere.
    Global,
}

/// Which values are allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CanonicalValues {
    /// Any value.
    Any,
    /// Suggestions as the RFC means them (`work`, `home`): published, not enforced.
    Suggested(Vec<String>),
    /// Exactly these; others are refused with `invalidValue`.
    Only(Vec<String>),
    /// Exactly those that the [`AccountValues`] of the request lists under this name.
    OnlyListed(String),
}

/// Where a missing value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum DefaultValue {
    /// This value.
    Fixed(serde_json::Value),
    /// What the [`AccountValues`] of the request says under this name, if it says anything.
    Named(String),
}

/// An attribute whose values are kept beside the resource, as rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// A group's `members`.
    Members,
    /// A user's `groups`, computed.
    Groups,
}

/// An attribute's definition.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // named as in RFC 7643 §7
pub struct Attribute {
    pub name: String,
    pub r#type: Type,
    pub multi_valued: bool,
    pub description: String,
    pub required: bool,
    pub case_exact: bool,
    pub mutability: Mutability,
    pub returned: Returned,
    pub uniqueness: Uniqueness,
    pub canonical_values: CanonicalValues,
    /// For [`Type::Reference`]: `User`, `Group`, `external`, `uri`.
    pub reference_types: Vec<String>,
    pub sub_attributes: Vec<Attribute>,
    /// Whether its values become search keys.
    pub indexed: bool,
    /// What a resource created or replaced without a value gets.
    pub default: Option<DefaultValue>,
    /// Whether a resource without a value is not restricted at all: no change takes away the last value by accident. Not
    /// published, for RFC 7643 §7 has no word for it.
    pub absence_grants: bool,
    /// Where it is kept as rows instead of in the document.
    pub relation: Option<Relation>,
}

/// A schema (RFC 7643 §7).
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// Its URN, as published.
    pub id: String,
    /// For people.
    pub name: String,
    /// For people.
    pub description: String,
    /// In the order published.
    pub attributes: Vec<Attribute>,
}

/// Which resource type; the number is what storage keeps, so it never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceTypeId(pub i16);

/// `User`
pub const USER: ResourceTypeId = ResourceTypeId(1);
/// `Group`
pub const GROUP: ResourceTypeId = ResourceTypeId(2);

/// A resource type (RFC 7643 §6).
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceType {
    /// For storage.
    pub id: ResourceTypeId,
    /// `User`: what `meta.resourceType` says.
    pub name: String,
    /// `Users`: the path below the base URL.
    pub endpoint: String,
    /// For people.
    pub description: String,
    /// The core schema, overlays applied. Does not contain the common attributes `id`, `externalId`, `meta`, `schemas`.
    pub schema: Schema,
    /// The extensions, each with whether it is required.
    pub extensions: Vec<(Schema, bool)>,
}

/// All resource types a service provider offers.
#[derive(Debug, Clone, PartialEq)]
pub struct Registry {
    pub(crate) resource_types: Vec<ResourceType>,
    pub(crate) indexed: Vec<IndexedAttribute>,
    pub(crate) retired: Vec<Retired>,
    pub(crate) catalogs: Vec<Catalog>,
}

/// An attribute that was taken away, while documents may still have values of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Retired {
    pub(crate) resource_type: ResourceTypeId,
    pub(crate) extension: Option<String>,
    pub(crate) name: String,
}

impl Registry {
    /// The resource types in the order published, before the [catalogs](Registry::catalogs).
    pub fn resource_types(&self) -> &[ResourceType] {
        &self.resource_types
    }

    /// The attributes whose values become search keys, common ones once for each resource type. Of those whose index is
    /// not [complete](Stage::Indexing) no filter asks it.
    pub fn indexed(&self) -> &[IndexedAttribute] {
        &self.indexed
    }

    /// The resource types whose resources are words, as far as there are closed lists of them.
    pub fn catalogs(&self) -> impl Iterator<Item = &Catalog> {
        self.catalogs.iter().filter(|catalog| catalog.is_closed(self))
    }

    /// The catalog with this number.
    pub fn catalog(&self, id: ResourceTypeId) -> Option<&Catalog> {
        self.catalogs.iter().find(|catalog| catalog.resource_type.id == id)
    }

    /// The catalog served at this endpoint, matched as written.
    pub fn catalog_at(&self, endpoint: &str) -> Option<&Catalog> {
        self.catalogs().find(|catalog| catalog.resource_type.endpoint == endpoint)
    }

    /// This registry with a catalog more.
    pub fn offering(mut self, catalog: Catalog) -> Registry {
        self.catalogs.push(catalog);
        self
    }

    /// The type with this number, be it a catalog's.
    ///
    /// # Panics
    /// If there is none: numbers come from our own storage and constants, never from a request.
    pub fn get(&self, id: ResourceTypeId) -> &ResourceType {
        let catalogs = self.catalogs.iter().map(|catalog| &catalog.resource_type);
        self.resource_types.iter().chain(catalogs).find(|t| t.id == id).expect("a registered resource type")
    }

    /// The type served at this endpoint (`Users`), matched as written; catalogs, which nobody writes, are
    /// [elsewhere](Registry::catalog_at).
    pub fn at_endpoint(&self, endpoint: &str) -> Option<&ResourceType> {
        self.resource_types.iter().find(|t| t.endpoint == endpoint)
    }
}

/// The words a particular request's service provider knows: lists and defaults that differ from customer to customer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountValues {
    /// For [`CanonicalValues::OnlyListed`].
    pub lists: HashMap<String, Vec<String>>,
    /// For [`DefaultValue::Named`].
    pub defaults: HashMap<String, String>,
    /// Since when it knows them, in milliseconds since the epoch: `meta.created` of a [`Catalog`]'s resources.
    pub since: i64,
}
