//! What an index can tell about a filter: a question about keys, not about documents.
//!
//! The index narrows, [`Predicate::matches`](crate::Predicate::matches) decides. A [`Plan`] never excludes a match; where
//! it is `exact` it includes nothing else.

use crate::query::search_keys::SearchKey;
use crate::resource::{Id, Resource};
use crate::schema::AttributeKey;

/// A set of resources of one type that an index can enumerate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexQuery {
    /// All resources of the type.
    Any,
    /// No resource.
    Nothing,
    /// The resource with this `id`.
    Id(Id),
    /// Resources with a key of this attribute in the range.
    Keys {
        /// The indexed attribute.
        attribute: AttributeKey,
        /// The range of its keys.
        range: KeyRange,
    },
    /// Resources whose `meta.lastModified`, in milliseconds since the epoch, is at least `from` and below `until`.
    LastModified {
        /// Inclusive.
        from: Option<i64>,
        /// Exclusive.
        until: Option<i64>,
    },
    /// Groups with this member (`members eq`, `members.value eq`).
    HasMember(Id),
    /// Resources that are in this group, directly or through other groups (`groups eq`, `groups.value eq`).
    MemberOf(Id),
    /// The intersection of these.
    All(Vec<IndexQuery>),
    /// The union of these.
    AnyOf(Vec<IndexQuery>),
}

/// A range of keys, compared byte by byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyRange {
    /// This key.
    Equals(String),
    /// `from <= key` and `key < until`; an open end where `None`.
    Between {
        /// Inclusive.
        from: Option<String>,
        /// Exclusive.
        until: Option<String>,
    },
}

/// The part of a filter that an index answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// A superset of the matches.
    pub index_query: IndexQuery,
    /// Whether `index_query` selects exactly the matches.
    pub exact: bool,
}

impl IndexQuery {
    /// Whether a resource with these keys, members and groups is in the set: a memory store's substitute for an index.
    pub fn contains(&self, resource: &Resource, keys: &[SearchKey]) -> bool {
        match self {
            IndexQuery::Any => true,
            IndexQuery::Nothing => false,
            IndexQuery::Id(id) => resource.id == *id,
            IndexQuery::Keys { attribute, range } => {
                keys.iter().any(|key| key.attribute == *attribute && range.contains(&key.key))
            }
            IndexQuery::LastModified { from, until } => {
                let at = resource.meta.last_modified;
                from.is_none_or(|from| from <= at) && until.is_none_or(|until| at < until)
            }
            IndexQuery::HasMember(id) => resource.members.iter().flatten().any(|member| member.id == *id),
            IndexQuery::MemberOf(id) => resource.groups.iter().flatten().any(|group| group.id == *id),
            IndexQuery::All(parts) => parts.iter().all(|part| part.contains(resource, keys)),
            IndexQuery::AnyOf(parts) => parts.iter().any(|part| part.contains(resource, keys)),
        }
    }
}

impl KeyRange {
    /// Whether a key is in the range.
    pub fn contains(&self, key: &str) -> bool {
        match self {
            KeyRange::Equals(only) => key == only,
            KeyRange::Between { from, until } => {
                from.as_deref().is_none_or(|from| from <= key) && until.as_deref().is_none_or(|until| key < until)
            }
        }
    }
}
