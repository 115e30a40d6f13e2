//! What a resource can be found by: a row for each value of each attribute that is declared indexed.
//!
//! The keys are text that is already folded (width, case, NFC), so that any database that compares bytes gives the answers of
//! [`Predicate::matches`](crate::Predicate::matches) (RFC 7644 §3.4.2.2; RFC 7643 §7 `caseExact`).

use serde_json::{Map, Value};

use crate::json::{elements, elements_of};
use crate::resource::Resource;
use crate::schema::{AttributeKey, IndexedAttribute, Registry, Type, key_text};

/// How much of a value is shown to people.
const SHOWN: usize = 100;

/// One of the values a resource can be found by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SearchKey {
    /// Which attribute.
    pub attribute: AttributeKey,
    /// The value, folded; see [`KeyRange`](crate::query::index_query::KeyRange) for how it is compared.
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

impl IndexedAttribute {
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

    /// The key that a value of it has; text that is none.
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
    /// The value behind a key as this resource has it, for people; as the key has it where the resource does not.
    pub(crate) fn written(&self, key: &SearchKey, resource: &Resource) -> String {
        let written = self.indexed.iter().find_map(|attribute| attribute.written(key, resource));
        written.unwrap_or_else(|| key.display())
    }
}

#[cfg(test)]
mod tests;
