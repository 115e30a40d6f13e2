//! Catalogs: the allowed values of an attribute as read-only resources.
//!
//! RFC 7643 publishes such a list as `canonicalValues`. Okta's entitlement discovery asks for resources instead: it
//! reads `/ResourceTypes`, then every endpoint whose schema is [`ROLE`](urn::ROLE) or
//! [`ENTITLEMENT`](urn::ENTITLEMENT), page by page.
//!
//! These resources have no rows. A catalog is a memory store, built from the account's values for one request and read
//! by the same functions as any other store ([`service`](crate::service)).

use super::{AccountValues, Attribute, CanonicalValues, Registry, ResourceType, ResourceTypeId, Schema, USER};
use crate::urn;

/// A resource type whose resources are the allowed values of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalog {
    /// The resource type as published.
    pub resource_type: ResourceType,
    words: Words,
}

/// Where the values come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Words {
    /// The closed list of this attribute of the User; without a closed list there is no catalog.
    Of(String),
    /// The list with this name in [`AccountValues::lists`].
    Listed(String),
}

/// What an identity provider assigns from the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A role: goes into `roles`.
    Role,
    /// An entitlement: goes into `entitlements`.
    Entitlement,
}

impl Catalog {
    /// `name` and `endpoint` are as in [`ResourceType`]. The number only has to differ from others; nothing is stored.
    pub fn new(id: ResourceTypeId, kind: Kind, name: &str, endpoint: &str, description: &str, words: Words) -> Catalog {
        let (urn, schema, about) = match kind {
            Kind::Role => (urn::ROLE, "Role", "What a user can be."),
            Kind::Entitlement => (urn::ENTITLEMENT, "Entitlement", "What a user can be entitled to."),
        };
        let text = |name: &str, about: &str| Attribute::string(name, about).read_only();
        let attributes = vec![
            text("displayName", "The word itself.").case_exact().required(),
            text("type", "The name of the resource type: what kind of word it is.").case_exact().required(),
        ];
        let schema = Schema { id: urn.to_owned(), name: schema.to_owned(), description: about.to_owned(), attributes };
        let resource_type = ResourceType {
            id,
            name: name.to_owned(),
            endpoint: endpoint.to_owned(),
            description: description.to_owned(),
            schema,
            extensions: Vec::new(),
        };
        Catalog { resource_type, words }
    }

    /// The values, in the order listed; `None` where there is no closed list.
    pub(crate) fn words<'w>(
        &'w self,
        registry: &'w Registry,
        account_values: &'w AccountValues,
    ) -> Option<&'w [String]> {
        let list = |name| account_values.lists.get(name).map_or(&[][..], Vec::as_slice);
        match &self.words {
            Words::Listed(name) => Some(list(name)),
            Words::Of(attribute) => match &registry.get(USER).attribute(attribute)?.canonical_values {
                CanonicalValues::Only(words) => Some(words),
                CanonicalValues::OnlyListed(name) => Some(list(name)),
                CanonicalValues::Any | CanonicalValues::Suggested(_) => None,
            },
        }
    }

    /// Whether there is a closed list.
    pub(super) fn is_closed(&self, registry: &Registry) -> bool {
        self.words(registry, &AccountValues::default()).is_some()
    }
}
