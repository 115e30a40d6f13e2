//! Builds the registry: the standard resource types with the configured additions.

use std::collections::HashMap;

use super::{Overlay, Registry, ResourceType, overlay};
use crate::schema::{AttributeKey, IndexedAttribute};

impl Registry {
    /// User and Group with these additions. On failure all mistakes, each with what would be right.
    pub fn build(overlays: &[Overlay]) -> Result<Registry, Vec<String>> {
        let mut resource_types = vec![super::user(), super::group()];
        let mut mistakes = overlay::apply(overlays, &mut resource_types);
        let indexed: Vec<IndexedAttribute> = resource_types.iter().flat_map(IndexedAttribute::all_of).collect();
        mistakes.extend(collisions(&indexed));
        if mistakes.is_empty() {
            Ok(Registry { resource_types, indexed, retired: Vec::new(), catalogs: Vec::new() })
        } else {
            Err(mistakes)
        }
    }

    /// User and Group as in the standard.
    pub fn standard() -> Registry {
        let resource_types: Vec<ResourceType> = vec![super::user(), super::group()];
        let indexed = resource_types.iter().flat_map(IndexedAttribute::all_of).collect();
        Registry { resource_types, indexed, retired: Vec::new(), catalogs: Vec::new() }
    }
}

/// The mistakes of two attributes with one number, which would share an index.
fn collisions(indexed: &[IndexedAttribute]) -> Vec<String> {
    let mut seen: HashMap<AttributeKey, &IndexedAttribute> = HashMap::new();
    let mut mistakes = Vec::new();
    for attribute in indexed {
        if let Some(other) = seen.insert(attribute.key, attribute) {
            mistakes.push(format!(
                "attributes {} and {} cannot both be indexed (their numbers collide): rename one or leave it out of the \
                 index",
                other.path, attribute.path
            ));
        }
    }
    mistakes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_alone_has_no_collisions() {
        assert_eq!(Registry::build(&[]), Ok(Registry::standard()));
    }

    #[test]
    fn what_identity_providers_look_up_is_indexed() {
        let registry = Registry::standard();
        let paths: Vec<&str> = registry.indexed().iter().map(|attribute| attribute.path.as_str()).collect();
        let expected = ["externalId", "userName", "displayName", "active", "emails.value", "externalId", "displayName"];
        assert_eq!(paths, expected);
    }

    #[test]
    fn a_collision_names_both_attributes() {
        let one = Registry::standard().indexed[0].clone();
        let two = IndexedAttribute { path: "other".to_owned(), ..one.clone() };
        let mistakes = collisions(&[one, two]);
        assert!(mistakes[0].contains("externalId") && mistakes[0].contains("other"), "{mistakes:?}");
    }
}
