//! Closed lists: attributes that allow listed values only, and the values that a change of a list removes.

use super::{AccountValues, Attribute, CanonicalValues, Registry, ResourceType, Schema};
use crate::schema::{AttributeKey, IndexedAttribute};

/// The closed list of an attribute or sub-attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct ClosedList {
    /// The attribute. It need not be in the index.
    pub attribute: IndexedAttribute,
    /// Whether the index holds the values of the attribute.
    pub is_indexed: bool,
    /// The allowed values.
    pub values: Vec<String>,
}

/// The values that a change of the rules removed from one closed list.
#[derive(Debug, Clone, PartialEq)]
pub struct Removed {
    /// The attribute. It need not be in the index.
    pub attribute: IndexedAttribute,
    /// Whether the index holds the values of the attribute.
    pub is_indexed: bool,
    /// The values that are no longer allowed.
    pub values: RemovedValues,
}

/// The values that a change removed from a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemovedValues {
    /// Exactly these.
    These(Vec<String>),
    /// All except these: the attribute had no list before.
    AllBut(Vec<String>),
}

impl Registry {
    /// The closed lists of all resource types.
    pub fn closed_lists(&self, account_values: &AccountValues) -> Vec<ClosedList> {
        let closed = |(resource_type, extension, attribute, sub): Leaf<'_>| {
            let leaf = sub.unwrap_or(attribute);
            let values = match &leaf.canonical_values {
                CanonicalValues::Any | CanonicalValues::Suggested(_) => return None,
                CanonicalValues::Only(values) => values.clone(),
                CanonicalValues::OnlyListed(name) => account_values.lists.get(name).cloned().unwrap_or_default(),
            };
            let attribute = IndexedAttribute::new(resource_type, extension.map(|e| e.id.as_str()), attribute, sub);
            Some(ClosedList { attribute, is_indexed: leaf.indexed, values })
        };
        self.leaves().filter_map(closed).collect()
    }

    /// The values that resources may hold under these rules and that the rules of `later` do not allow.
    pub fn removed(&self, account_values: &AccountValues, later: &Registry, then: &AccountValues) -> Vec<Removed> {
        let (before, known) = (self.closed_lists(account_values), self.keys());
        let removed = |list: ClosedList| {
            let ClosedList { attribute, is_indexed, values: allowed } = list;
            let values = match before.iter().find(|before| before.attribute.key == attribute.key) {
                Some(before) => {
                    let stays =
                        |value: &&String| allowed.iter().any(|one| attribute.key_of(one) == attribute.key_of(value));
                    let gone: Vec<String> = before.values.iter().filter(|value| !stays(value)).cloned().collect();
                    (!gone.is_empty()).then_some(RemovedValues::These(gone))?
                }
                None => known.contains(&attribute.key).then_some(RemovedValues::AllBut(allowed))?,
            };
            Some(Removed { attribute, is_indexed, values })
        };
        later.closed_lists(then).into_iter().filter_map(removed).collect()
    }

    fn keys(&self) -> Vec<AttributeKey> {
        let key = |(resource_type, extension, attribute, sub): Leaf<'_>| {
            IndexedAttribute::new(resource_type, extension.map(|e| e.id.as_str()), attribute, sub).key
        };
        self.leaves().map(key).collect()
    }

    /// Every attribute and sub-attribute.
    fn leaves(&self) -> impl Iterator<Item = Leaf<'_>> {
        self.resource_types.iter().flat_map(|resource_type| {
            let core = resource_type.schema.attributes.iter().map(|attribute| (None, attribute));
            let extensions = resource_type.extensions.iter();
            let others =
                extensions.flat_map(|(extension, _)| extension.attributes.iter().map(move |a| (Some(extension), a)));
            core.chain(others).flat_map(move |(extension, attribute)| {
                let parts = attribute.sub_attributes.iter().map(Some);
                std::iter::once(None).chain(parts).map(move |sub| (resource_type, extension, attribute, sub))
            })
        })
    }
}

type Leaf<'r> = (&'r ResourceType, Option<&'r Schema>, &'r Attribute, Option<&'r Attribute>);

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn registry(declared: Value) -> Registry {
        Registry::build(&serde_json::from_value::<Vec<_>>(declared).expect("declarations")).expect("a registry")
    }

    #[test]
    fn report_1_what_a_change_takes_off_a_list_is_told_apart_from_everything_else() {
        let urn = "urn:orchard:params:scim:schemas:1.0:Team";
        let before = registry(json!([
            { "name": "role", "indexed": true, "canonical_values": ["admin", "reports", "billing"] },
            { "name": "environments", "multi_valued": true, "case_exact": true, "canonical_values_from": "list" },
            { "name": "opened", "canonical_values": ["x"] },
            { "name": "closed", "indexed": true },
            { "schema": urn, "name": "right", "type": "complex", "sub_attributes": [{ "name": "what", "canonical_values": ["read", "write"] }] }
        ]));
        let after = registry(json!([
            { "name": "role", "indexed": true, "canonical_values": ["ADMIN", "reports"] },
            { "name": "environments", "multi_valued": true, "case_exact": true, "canonical_values_from": "list" },
            { "name": "opened" },
            { "name": "closed", "indexed": true, "canonical_values": ["a"] },
            { "name": "new", "canonical_values": ["b"] },
            { "schema": urn, "name": "right", "type": "complex", "sub_attributes": [{ "name": "what", "canonical_values": ["read"] }] }
        ]));
        let list = |values: [&str; 2]| {
            let mut account_values = AccountValues::default();
            account_values.lists.insert("list".to_owned(), values.map(str::to_owned).to_vec());
            account_values
        };
        let removed = before.removed(&list(["prod", "stage"]), &after, &list(["prod", "STAGE"]));
        let told: Vec<(&str, bool, &RemovedValues)> =
            removed.iter().map(|one| (one.attribute.path.as_str(), one.is_indexed, &one.values)).collect();
        let these = |value: &str| RemovedValues::These(vec![value.to_owned()]);
        let path = format!("{urn}:right.what");
        assert_eq!(
            told,
            [
                ("role", true, &these("billing")),
                ("environments", false, &these("stage")),
                ("closed", true, &RemovedValues::AllBut(vec!["a".to_owned()])),
                (path.as_str(), false, &these("write")),
            ]
        );
        assert_eq!(before.removed(&list(["a", "b"]), &before, &list(["b", "a"])), []);
    }
}
