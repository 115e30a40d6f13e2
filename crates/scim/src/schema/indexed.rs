//! The indexed attributes, their numbers, and whether a stored index still fits them.

use sha2::{Digest, Sha256};

use super::{Attribute, Registry, ResourceType, ResourceTypeId, Type, Uniqueness, common, key_text};

/// The number of an indexed attribute: a non-negative hash of its path, the same in every process and release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeKey(pub i32);

/// An indexed attribute, and where a document holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexedAttribute {
    /// The number.
    pub key: AttributeKey,
    /// The resource type that has the attribute.
    pub resource_type: ResourceTypeId,
    /// The path, for people: `userName`, `emails.value`, `urn:…:User:department`.
    pub path: String,
    pub(crate) extension: Option<String>,
    pub(crate) name: String,
    pub(crate) sub: Option<String>,
    pub(crate) r#type: Type,
    pub(crate) case_exact: bool,
    pub(crate) unique: bool,
}

impl AttributeKey {
    /// The number of a user's `externalId`.
    pub fn external_id() -> AttributeKey {
        AttributeKey::of("User", None, "externalId", None)
    }

    /// The number of `userName`, by which a user logs in.
    pub fn user_name() -> AttributeKey {
        AttributeKey::of("User", None, "userName", None)
    }

    /// The number of a group's `displayName`.
    pub fn group_name() -> AttributeKey {
        AttributeKey::of("Group", None, "displayName", None)
    }

    /// FNV-1a over `User:emails.value` or `User:urn:…:user:department`; everything after the resource type in lower
    /// case.
    pub(crate) fn of(resource_type: &str, extension: Option<&str>, name: &str, sub: Option<&str>) -> AttributeKey {
        let mut hash: u32 = 0x811c_9dc5;
        let mut take = |text: &str, fold: bool| {
            for byte in text.bytes() {
                let byte = if fold { byte.to_ascii_lowercase() } else { byte };
                hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
            }
        };
        take(resource_type, false);
        take(":", false);
        if let Some(urn) = extension {
            take(urn, true);
            take(":", false);
        }
        take(name, true);
        if let Some(sub) = sub {
            take(".", false);
            take(sub, true);
        }
        AttributeKey((hash & 0x7fff_ffff) as i32)
    }
}

impl IndexedAttribute {
    pub(crate) fn all_of(resource_type: &ResourceType) -> Vec<IndexedAttribute> {
        let core = common().iter().chain(&resource_type.schema.attributes).map(|attribute| (None, attribute));
        let extensions = resource_type
            .extensions
            .iter()
            .flat_map(|(schema, _)| schema.attributes.iter().map(|attribute| (Some(schema.id.as_str()), attribute)));
        core.chain(extensions)
            .flat_map(|(extension, attribute)| IndexedAttribute::of(resource_type, extension, attribute))
            .collect()
    }

    /// The indexed attributes that one definition yields: itself or its sub-attributes.
    pub(crate) fn of(
        resource_type: &ResourceType,
        extension: Option<&str>,
        attribute: &Attribute,
    ) -> Vec<IndexedAttribute> {
        let itself = attribute.indexed.then_some(None);
        let parts = attribute.sub_attributes.iter().filter(|sub| sub.indexed).map(Some);
        let new = |sub| IndexedAttribute::new(resource_type, extension, attribute, sub);
        itself.into_iter().chain(parts).map(new).collect()
    }

    pub(crate) fn new(
        resource_type: &ResourceType,
        extension: Option<&str>,
        attribute: &Attribute,
        sub: Option<&Attribute>,
    ) -> IndexedAttribute {
        let leaf = sub.unwrap_or(attribute);
        let mut path = extension.map(|urn| format!("{urn}:")).unwrap_or_default();
        path.push_str(&attribute.name);
        if let Some(sub) = sub {
            path.push('.');
            path.push_str(&sub.name);
        }
        let sub_name = sub.map(|sub| sub.name.as_str());
        IndexedAttribute {
            key: AttributeKey::of(&resource_type.name, extension, &attribute.name, sub_name),
            resource_type: resource_type.id,
            path,
            extension: extension.map(str::to_owned),
            name: attribute.name.clone(),
            sub: sub_name.map(str::to_owned),
            r#type: leaf.r#type,
            case_exact: leaf.case_exact,
            unique: leaf.uniqueness != Uniqueness::None,
        }
    }

    /// Whether values are unique.
    pub fn is_unique(&self) -> bool {
        self.unique
    }
}

impl Registry {
    /// The path of an attribute, for people (`userName`, `emails.value`).
    pub fn attribute_name(&self, key: AttributeKey) -> Option<String> {
        self.indexed.iter().find(|attribute| attribute.key == key).map(|attribute| attribute.path.clone())
    }

    /// A text that changes when the stored keys become outdated: with the set of indexed attributes, or with folding.
    pub fn index_fingerprint(&self) -> String {
        self.index_fingerprint_folded_by(key_text::VERSION)
    }

    /// Whether an index with this fingerprint has the same attributes and differs only in how an earlier release folded
    /// text. The keys of ASCII text are then still valid: every release folds it alike.
    pub fn differs_in_folding_only(&self, fingerprint: &str) -> bool {
        (1..key_text::VERSION).any(|version| self.index_fingerprint_folded_by(version) == fingerprint)
    }

    fn index_fingerprint_folded_by(&self, version: u32) -> String {
        let mut lines: Vec<String> = self
            .indexed
            .iter()
            .map(|a| {
                let (key, path, kind, exact, unique) = (a.key.0, &a.path, a.r#type.as_str(), a.case_exact, a.unique);
                format!("{} {key} {path} {kind} {exact} {unique}", a.resource_type.0)
            })
            .collect();
        lines.sort_unstable();
        let mut hash = Sha256::new();
        hash.update(format!("folding {version}\n"));
        hash.update(lines.join("\n"));
        key_text::hex(&hash.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{GROUP, USER};

    #[test]
    fn the_fingerprint_follows_the_set_of_indexed_attributes() {
        let standard = Registry::standard();
        assert_eq!(standard.index_fingerprint(), Registry::standard().index_fingerprint());
        let mut other = standard.clone();
        other.indexed.retain(|attribute| attribute.resource_type == USER);
        assert_ne!(standard.index_fingerprint(), other.index_fingerprint());
        let before = standard.index_fingerprint_folded_by(1);
        assert!(standard.differs_in_folding_only(&before) && !other.differs_in_folding_only(&before));
        assert!(!standard.differs_in_folding_only(&standard.index_fingerprint()));
        assert!(standard.indexed().iter().any(|attribute| attribute.resource_type == GROUP));
    }
}
