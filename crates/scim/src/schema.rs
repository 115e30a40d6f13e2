//! Schemas, attributes and resource types (RFC 7643 §2, §3.2, §6, §7). `/Schemas`, validation, filters, PATCH,
//! projection and search keys all follow from one definition for each attribute.
//!
//! [`user`](mod@user) and [`group`](mod@group) hold the standard definitions, [`overlay`] those added by configuration;
//! [`Registry::build`] combines them.

use std::collections::HashMap;
use std::sync::Arc;

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

/// `mutability`: who may write an attribute (RFC 7643 §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mutability {
    /// Only the service provider writes it.
    ReadOnly,
    /// Clients may write it.
    ReadWrite,
    /// Clients may write it once.
    Immutable,
    /// Clients may write it and never read it.
    WriteOnly,
}

/// When an attribute is part of an answer (RFC 7643 §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Returned {
    /// In every answer.
    Always,
    /// In no answer.
    Never,
    /// In every answer that does not exclude it.
    Default,
    /// In answers to requests that name it.
    Request,
}

/// `uniqueness` of a value (RFC 7643 §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Uniqueness {
    /// Values may repeat.
    None,
    /// Unique among the resources of one account.
    Server,
    /// Unique among all accounts and service providers.
    Global,
}

/// `canonicalValues`: which values are allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CanonicalValues {
    /// Any value.
    Any,
    /// Suggestions, as the RFC means them (`work`, `home`): published, not enforced.
    Suggested(Vec<String>),
    /// Only these; other values are refused with `invalidValue`.
    Only(Vec<String>),
    /// Only the values of the list with this name in [`AccountValues::lists`].
    OnlyListed(String),
}

/// Where the default of an attribute comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum DefaultValue {
    /// A fixed value.
    Fixed(serde_json::Value),
    /// The value of this name in [`AccountValues::defaults`], if there is one.
    Named(String),
}

/// A relational attribute: its values are rows, not part of the document.
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
    /// The path from the resource: `userName`, `name.givenName`, `urn:…:enterprise:2.0:User:department`.
    pub path: Arc<str>,
    pub r#type: Type,
    pub multi_valued: bool,
    pub description: String,
    pub required: bool,
    pub case_exact: bool,
    pub mutability: Mutability,
    pub returned: Returned,
    pub uniqueness: Uniqueness,
    pub canonical_values: CanonicalValues,
    /// For [`Type::Reference`]: the resource types `User` and `Group`, or `external`, `uri`.
    pub reference_types: Vec<String>,
    pub sub_attributes: Vec<Attribute>,
    /// Whether its values become search keys.
    pub indexed: bool,
    /// The value of a resource that is created or replaced without one.
    pub default: Option<DefaultValue>,
    /// Whether a resource without a value is unrestricted, so that no change may remove the last value by accident. Not
    /// published: RFC 7643 §7 has no property for it.
    pub absence_grants: bool,
    /// Whether an [`Overlay`] declared it; the standard did not.
    pub declared: bool,
    /// Set where the values are rows instead of part of the document.
    pub relation: Option<Relation>,
}

/// A schema (RFC 7643 §7).
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// Its URN, as published.
    pub id: String,
    /// The name, for people.
    pub name: String,
    /// The description, for people.
    pub description: String,
    /// The attributes, in the order published.
    pub attributes: Vec<Attribute>,
}

/// The number of a resource type. Storage keeps it, so its meaning never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceTypeId(pub i16);

/// `User`
pub const USER: ResourceTypeId = ResourceTypeId(1);
/// `Group`
pub const GROUP: ResourceTypeId = ResourceTypeId(2);

/// A resource type (RFC 7643 §6).
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceType {
    /// The number that storage keeps.
    pub id: ResourceTypeId,
    /// `User`: what `meta.resourceType` says.
    pub name: String,
    /// `Users`: the path below the base URL.
    pub endpoint: String,
    /// The description, for people.
    pub description: String,
    /// The core schema with overlays applied, without the common attributes `id`, `externalId`, `meta`, `schemas`.
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

/// An attribute that was removed while documents may still hold values of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Retired {
    pub(crate) resource_type: ResourceTypeId,
    pub(crate) extension: Option<String>,
    pub(crate) name: String,
}

impl Registry {
    /// The resource types in the order published, without the [catalogs](Registry::catalogs).
    pub fn resource_types(&self) -> &[ResourceType] {
        &self.resource_types
    }

    /// The attributes whose values become search keys; common ones once for each resource type. Filters do not use
    /// those whose index is [incomplete](Stage::Indexing).
    pub fn indexed(&self) -> &[IndexedAttribute] {
        &self.indexed
    }

    /// The catalogs whose attribute has a closed list.
    pub fn catalogs(&self) -> impl Iterator<Item = &Catalog> {
        self.catalogs.iter().filter(|catalog| catalog.is_closed(self))
    }

    /// The catalog with this number.
    pub fn catalog(&self, id: ResourceTypeId) -> Option<&Catalog> {
        self.catalogs.iter().find(|catalog| catalog.resource_type.id == id)
    }

    /// The catalog served at this endpoint; letter case counts.
    pub fn catalog_at(&self, endpoint: &str) -> Option<&Catalog> {
        self.catalogs().find(|catalog| catalog.resource_type.endpoint == endpoint)
    }

    /// Adds a catalog.
    pub fn offering(mut self, catalog: Catalog) -> Registry {
        self.catalogs.push(catalog);
        self
    }

    /// The resource type with this number, including catalogs.
    ///
    /// # Panics
    /// If there is none: numbers come from our own storage and constants, never from a request.
    pub fn get(&self, id: ResourceTypeId) -> &ResourceType {
        let catalogs = self.catalogs.iter().map(|catalog| &catalog.resource_type);
        self.resource_types.iter().chain(catalogs).find(|t| t.id == id).expect("a registered resource type")
    }

    /// The resource type served at this endpoint (`Users`); letter case counts. Catalogs are read-only and
    /// [separate](Registry::catalog_at).
    pub fn at_endpoint(&self, endpoint: &str) -> Option<&ResourceType> {
        self.resource_types.iter().find(|t| t.endpoint == endpoint)
    }
}

/// The lists and defaults of one account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountValues {
    /// The lists that [`CanonicalValues::OnlyListed`] names.
    pub lists: HashMap<String, Vec<String>>,
    /// The defaults that [`DefaultValue::Named`] names.
    pub defaults: HashMap<String, String>,
    /// What divides the values of a list that a client sends in one text.
    pub list_separator: Option<char>,
    /// When the account was created, in milliseconds since the epoch: `meta.created` of a [`Catalog`]'s resources.
    pub since: i64,
    /// What it means that a resource has no value of an attribute whose absence grants, by the name of the attribute; of those that are
    /// not here, [`Unset::Grants`].
    pub unset: HashMap<String, Unset>,
}

impl AccountValues {
    /// What it means that a resource has no value of this attribute, whose absence grants.
    pub(crate) fn unset_of(&self, attribute: &Attribute) -> &Unset {
        self.unset.get(&attribute.name).unwrap_or(&Unset::Grants)
    }
}

/// A value of every multi-valued attribute whose absence grants and whose values are listed: all of them, explicitly.
pub const EVERY: &str = "*";

/// What it means that a resource has no value of an attribute whose absence grants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Unset {
    /// Nothing is restricted.
    #[default]
    Grants,
    /// Nothing is granted.
    Restricts,
    /// Nothing is restricted, and no active resource comes to that by a change of one that is.
    Refused {
        /// What would be open then, in words: `every environment`.
        everything: String,
    },
}
