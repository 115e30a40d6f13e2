//! Search keys: the index has one for each value of each attribute that is declared indexed.
//!
//! Keys are folded text (width, case, NFC), so a database that compares bytes gives the same answers as
//! [`Predicate::matches`](crate::Predicate::matches) (RFC 7644 §3.4.2.2; RFC 7643 §7 `caseExact`).

use serde_json::{Map, Value};

use crate::json::{elements, elements_of};
use crate::resource::Resource;
use crate::schema::{AttributeKey, IndexedAttribute, Registry, Type, USER, key_text};

/// The most characters of a value that are shown to people.
const SHOWN: usize = 100;

/// A search key of a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SearchKey {
    /// The indexed attribute.
    pub attribute: AttributeKey,
    /// The folded value; see [`KeyRange`](crate::query::index_query::KeyRange) for how keys compare.
    pub key: String,
    /// Whether no other resource of the account may have the same key.
    pub unique: bool,
}

impl SearchKey {
    /// The key for people; shortened where it is long.
    pub fn display(&self) -> String {
        self.key.chars().take_while(|c| *c != '\u{1}').take(SHOWN).collect()
    }
}

/// The difference between a resource's stored keys and its new ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyChange {
    /// Keys to remove.
    pub removed: Vec<SearchKey>,
    /// Keys to add.
    pub added: Vec<SearchKey>,
}

impl IndexedAttribute {
    /// The keys that a resource has of this attribute, sorted, each once.
    pub fn keys(&self, resource: &Resource) -> Vec<SearchKey> {
        let mut keys = Vec::new();
        if self.resource_type == resource.resource_type {
            self.collect(resource.attributes(), &mut keys);
        }
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The value behind a key in the resource's own spelling, shortened where it is long; `None` where the resource has
    /// none.
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

    /// The key of one value of this attribute, given as text.
    pub fn key_of(&self, value: &str) -> SearchKey {
        let key = key_text::of(Type::String, self.case_exact, &value.into()).unwrap_or_default();
        SearchKey { attribute: self.key, key, unique: self.unique }
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

/// All search keys of a resource, sorted, each once.
pub fn search_keys(registry: &Registry, resource: &Resource) -> Vec<SearchKey> {
    let mut keys = Vec::with_capacity(registry.indexed.len());
    for attribute in registry.indexed.iter().filter(|attribute| attribute.resource_type == resource.resource_type) {
        attribute.collect(resource.attributes(), &mut keys);
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The search keys of a user's `userName` and `externalId`, if these attributes have them.
pub fn keys_of_names(registry: &Registry, attributes: Map<String, Value>) -> Vec<SearchKey> {
    let names = [AttributeKey::user_name(), AttributeKey::external_id()];
    let mut keys = Vec::new();
    for attribute in registry.indexed.iter().filter(|attribute| attribute.resource_type == USER) {
        attribute.collect(&attributes, &mut keys);
    }
    keys.retain(|key: &SearchKey| names.contains(&key.attribute));
    keys
}

impl KeyChange {
    /// The difference between two lists of keys. Both are sorted, as [`search_keys`] returns them.
    pub fn between(old: &[SearchKey], new: &[SearchKey]) -> KeyChange {
        let missing_in = |keys: &[SearchKey], key: &SearchKey| keys.binary_search(key).is_err();
        KeyChange {
            removed: old.iter().filter(|key| missing_in(new, key)).cloned().collect(),
            added: new.iter().filter(|key| missing_in(old, key)).cloned().collect(),
        }
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty()
    }
}

impl Registry {
    /// The value behind a key in the resource's own spelling, or the key itself where the resource has no such value.
    pub(crate) fn written(&self, key: &SearchKey, resource: &Resource) -> String {
        let written = self.indexed.iter().find_map(|attribute| attribute.written(key, resource));
        written.unwrap_or_else(|| key.display())
    }
}

#[cfg(test)]
mod tests;
