//! Words as resources: the values that an attribute of a user may have, each a resource that is only read.
//!
//! RFC 7643 publishes such a list as `canonicalValues`. Okta's entitlement discovery asks for resources instead: it goes from
//! `/ResourceTypes` to every endpoint whose schema is one of its own two, [`ROLE`](urn::ROLE) and
//! [`ENTITLEMENT`](urn::ENTITLEMENT), and reads what is there page by page.
//!
//! A word's resource has no row anywhere: a catalog is a store in memory, made of the vocabulary for one request and read by the
//! same functions as any other ([`service`](crate::service)).

use super::{AccountValues, Attribute, CanonicalValues, Registry, ResourceType, ResourceTypeId, Schema, USER};
use crate::urn;

/// A resource type whose resources are words.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalog {
    /// As published.
    pub resource_type: ResourceType,
    words: Words,
}

/// Where the words are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Words {
    /// The only values allowed of this attribute of the User; where it allows any, there is no catalog.
    Of(String),
    /// The list of this name in the request's [`AccountValues`].
    Listed(String),
}

/// What a catalog's resources are to an identity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What a user is: goes into `roles`.
    Role,
    /// What a user has: goes into `entitlements`.
    Entitlement,
}

impl Catalog {
    /// `name` and `endpoint` as in [`ResourceType`]; the number is only told apart from others, for nothing is stored.
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

    /// The words, in the order listed; `None` where there is no closed list of them.
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

    /// Whether there is a list to show.
    pub(super) fn is_closed(&self, registry: &Registry) -> bool {
        self.words(registry, &AccountValues::default()).is_some()
    }
}
