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
    /// All of them.
    Any,
    /// None of them.
    Nothing,
    /// The one with this `id`.
    Id(Id),
    /// Those with a key of this attribute inside the range.
    Keys {
        /// Which attribute.
        attribute: AttributeKey,
        /// Which keys.
        range: KeyRange,
    },
    /// Those whose `meta.lastModified`, in milliseconds since the epoch, is at least `from` and below `until`.
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
    /// Those in every one of these.
    All(Vec<IndexQuery>),
    /// Those in at least one of these.
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

/// How a filter is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Every match is in here.
    pub index_query: IndexQuery,
    /// Everything in here is a match.
    pub exact: bool,
}

impl IndexQuery {
    /// Whether a resource with these keys, members and groups is inside: what a store in memory has instead of an index.
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
    /// Whether a key is inside.
    pub fn contains(&self, key: &str) -> bool {
        match self {
            KeyRange::Equals(only) => key == only,
            KeyRange::Between { from, until } => {
                from.as_deref().is_none_or(|from| from <= key) && until.as_deref().is_none_or(|until| key < until)
            }
        }
    }
}
