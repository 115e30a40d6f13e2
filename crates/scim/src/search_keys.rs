//! What a resource can be found by: a row for each value of each attribute that is declared indexed.
//!
//! The keys are text that is already folded (width, case, NFC), so that any database that compares bytes gives the answers of
//! [`Predicate::matches`](crate::Predicate::matches) (RFC 7644 §3.4.2.2; RFC 7643 §7 `caseExact`).

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::resource::Resource;
use crate::schema::{Attribute, Registry, ResourceType, ResourceTypeId, Type, Uniqueness, common};

pub(crate) mod key_text;

/// The number of an indexed attribute: a hash of its path, not negative, the same in every process and release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeKey(pub i32);

/// How much of a value is shown to people.
const SHOWN: usize = 100;

/// One of the values a resource can be found by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SearchKey {
    /// Which attribute.
    pub attribute: AttributeKey,
    /// The value, folded; see [`KeyRange`](crate::narrow::KeyRange) for how it is compared.
    pub key: String,
    /// No other resource of the service provider may have the same.
    pub unique: bool,
}

impl SearchKey {
    /// The value for people: folded, and only its beginning where it is long.
    pub fn display(&self) -> String {
        self.key.chars().take_while(|c| *c != '\u{1}').take(SHOWN).collect()
    }
}

/// How the keys of a resource changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyChange {
    /// To be removed.
    pub removed: Vec<SearchKey>,
    /// To be added.
    pub added: Vec<SearchKey>,
}

/// An attribute whose values become search keys, and where a document has it.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexedAttribute {
    /// Its number.
    pub key: AttributeKey,
    /// Whose attribute it is.
    pub resource_type: ResourceTypeId,
    /// For people: `userName`, `emails.value`, `urn:…:User:department`.
    pub path: String,
    pub(crate) extension: Option<String>,
    pub(crate) name: String,
    pub(crate) sub: Option<String>,
    pub(crate) r#type: Type,
    pub(crate) case_exact: bool,
    pub(crate) unique: bool,
}

/// The key of a text whose case does not matter, such as a `userName`: for look-ups beside the index.
pub fn key_of_text(text: &str) -> String {
    key_text::of_folded(key_text::fold(text))
}

impl AttributeKey {
    /// That of a user's `externalId`.
    pub fn external_id() -> AttributeKey {
        AttributeKey::of("User", None, "externalId", None)
    }

    /// That of `userName`, the name a person logs in with.
    pub fn user_name() -> AttributeKey {
        AttributeKey::of("User", None, "userName", None)
    }

    /// That of a group's `displayName`.
    pub fn group_name() -> AttributeKey {
        AttributeKey::of("Group", None, "displayName", None)
    }

    /// FNV-1a over `User:emails.value`, `User:urn:…:user:department`: all after the resource type in lower case.
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

    /// What of one attribute is indexed: itself, or its parts.
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

    /// The keys of one resource, sorted, each once.
    pub fn keys(&self, resource: &Resource) -> Vec<SearchKey> {
        let mut keys = Vec::new();
        if self.resource_type == resource.resource_type {
            self.collect(resource.attributes(), &mut keys);
        }
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The value of a resource that has this key, as the resource has it; only its beginning where it is long.
    pub fn written(&self, key: &SearchKey, resource: &Resource) -> Option<String> {
        let mut written = None;
        let has_it = |value: &Value| key_text::of(self.r#type, self.case_exact, value).as_ref() == Some(&key.key);
        if self.key == key.attribute && self.resource_type == resource.resource_type {
            self.each_value(resource.attributes(), &mut |value| {
                if written.is_none() && has_it(value) {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    written = Some(text.chars().take(SHOWN).collect());
                }
            });
        }
        written
    }

    /// Whether a value may be there only once.
    pub fn is_unique(&self) -> bool {
        self.unique
    }

    /// The key that a value of it has; text that is none.
    pub fn key_of(&self, value: &str) -> SearchKey {
        let key = key_text::of(Type::String, self.case_exact, &value.into()).unwrap_or_default();
        SearchKey { attribute: self.key, key, unique: self.unique }
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

    fn collect(&self, document: &Map<String, Value>, keys: &mut Vec<SearchKey>) {
        self.each_value(document, &mut |value| self.push(value, keys));
    }

    fn each_value(&self, document: &Map<String, Value>, visit: &mut dyn FnMut(&Value)) {
        let within = match &self.extension {
            None => Some(document),
            Some(urn) => document.get(urn).and_then(Value::as_object),
        };
        let Some(value) = within.and_then(|attributes| attributes.get(&self.name)) else { return };
        for element in elements(value) {
            match &self.sub {
                None => visit(element),
                Some(sub) => elements_of(element.get(sub)).for_each(&mut *visit),
            }
        }
    }

    fn push(&self, value: &Value, keys: &mut Vec<SearchKey>) {
        if let Some(key) = key_text::of(self.r#type, self.case_exact, value) {
            keys.push(SearchKey { attribute: self.key, key, unique: self.unique });
        }
    }
}

/// A value's elements: those of an array, else the value alone.
pub(crate) fn elements(value: &Value) -> std::slice::Iter<'_, Value> {
    match value {
        Value::Array(elements) => elements.iter(),
        single => std::slice::from_ref(single).iter(),
    }
}

pub(crate) fn elements_of(value: Option<&Value>) -> std::slice::Iter<'_, Value> {
    value.map(elements).unwrap_or_default()
}

/// Everything a resource can be found by, sorted, each once.
pub fn search_keys(registry: &Registry, resource: &Resource) -> Vec<SearchKey> {
    let mut keys = Vec::with_capacity(registry.indexed.len());
    for attribute in registry.indexed.iter().filter(|attribute| attribute.resource_type == resource.resource_type) {
        attribute.collect(resource.attributes(), &mut keys);
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

impl KeyChange {
    /// What leads from the old keys to the new ones; both sorted, as [`search_keys`] has them.
    pub fn between(old: &[SearchKey], new: &[SearchKey]) -> KeyChange {
        let missing_in = |keys: &[SearchKey], key: &SearchKey| keys.binary_search(key).is_err();
        KeyChange {
            removed: old.iter().filter(|key| missing_in(new, key)).cloned().collect(),
            added: new.iter().filter(|key| missing_in(old, key)).cloned().collect(),
        }
    }

    /// Nothing changed.
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty()
    }
}

impl Registry {
    /// For people: which attribute it is (`userName`, `emails.value`).
    pub fn attribute_name(&self, key: AttributeKey) -> Option<String> {
        self.indexed.iter().find(|attribute| attribute.key == key).map(|attribute| attribute.path.clone())
    }

    /// The value behind a key as this resource has it, for people; as the key has it where the resource does not.
    pub(crate) fn written(&self, key: &SearchKey, resource: &Resource) -> String {
        let written = self.indexed.iter().find_map(|attribute| attribute.written(key, resource));
        written.unwrap_or_else(|| key.display())
    }

    /// Changes when the keys of an unchanged resource would: with the set of indexed attributes, or how they are folded.
    pub fn index_fingerprint(&self) -> String {
        self.index_fingerprint_folded_by(key_text::VERSION)
    }

    /// Whether an index with this fingerprint has the same attributes and only folds text as an earlier release did. Then the
    /// keys of text in ASCII are right as they are: no release folds it otherwise.
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
mod tests;
