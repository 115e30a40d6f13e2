//! Attributes that an account adds or removes while the service provider runs.
//!
//! A new indexed attribute is used by filters only when all resources written before are in its index; until then its
//! keys are only written ([`Stage::Indexing`]). A removed attribute is hidden at once, although documents still hold
//! values ([`Stage::Removing`]): answers leave them out, and the next write of the resource drops them.

use serde::{Deserialize, Serialize};

use super::overlay::{self, Mistake};
use super::{Attribute, AttributeKey, IndexedAttribute, Overlay, Registry, ResourceTypeId, Retired};

/// The state of an addition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The attribute is in full use.
    Ready,
    /// The attribute is in use, but its index is incomplete, so filters do not use the index.
    Indexing,
    /// The attribute is removed, but documents may still hold values.
    Removing,
}

/// An attribute that an account declares, and its state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Addition<'a> {
    /// The declaration.
    pub overlay: &'a Overlay,
    /// The state.
    pub stage: Stage,
}

impl Registry {
    /// The registry with these additions. An addition that cannot be made is left out, and its mistakes are returned
    /// with its index; existing attributes take precedence.
    pub fn with(&self, additions: &[Addition<'_>]) -> (Registry, Vec<(usize, Vec<Mistake>)>) {
        let mut whole = self.clone();
        let mut left_out = Vec::new();
        for (index, addition) in additions.iter().enumerate() {
            let added = match addition.stage {
                Stage::Removing => whole.retire(addition.overlay),
                Stage::Ready | Stage::Indexing => whole.add(addition.overlay, addition.stage),
            };
            if let Err(mistakes) = added {
                left_out.push((index, mistakes));
            }
        }
        (whole, left_out)
    }

    fn add(&mut self, overlay: &Overlay, stage: Stage) -> Result<(), Vec<Mistake>> {
        let place = overlay::check(overlay, &self.resource_types)?;
        let resource_type = self.get(place.resource_type);
        let mut attribute = overlay.attribute();
        let indexed = IndexedAttribute::of(resource_type, place.extension.as_deref(), &attribute);
        if let Some(mistake) = indexed.iter().find_map(|new| self.collision(new)) {
            return Err(vec![mistake]);
        }
        if stage == Stage::Indexing {
            look_away(&mut attribute);
        }
        overlay::add(attribute, place, &mut self.resource_types);
        self.indexed.extend(indexed);
        Ok(())
    }

    /// Two attributes with one number would share an index.
    fn collision(&self, new: &IndexedAttribute) -> Option<Mistake> {
        let other = self.indexed.iter().find(|known| known.key == new.key)?;
        let detail = format!(
            "{} and {} cannot both be indexed (their numbers collide): choose another name, or leave it out of the index",
            other.path, new.path
        );
        Some(Mistake { field: "name".to_owned(), detail })
    }

    fn retire(&mut self, overlay: &Overlay) -> Result<(), Vec<Mistake>> {
        let place = overlay::place(overlay, &self.resource_types).map_err(|mistake| vec![mistake])?;
        // An attribute that another declaration has by now is not retired.
        let known = self.get(place.resource_type);
        overlay::taken(&overlay.name, &place, known).map_or(Ok(()), |mistake| Err(vec![mistake]))?;
        let (resource_type, extension) = (place.resource_type, place.extension);
        self.retired.push(Retired { resource_type, extension, name: overlay.name.clone() });
        Ok(())
    }

    /// The resource type of a declaration, and its schema in the existing spelling.
    pub fn place(&self, overlay: &Overlay) -> Result<(ResourceTypeId, String), Mistake> {
        overlay::place(overlay, &self.resource_types).map(|place| (place.resource_type, place.schema))
    }

    /// The numbers of a declaration's indexed attributes.
    pub fn index_keys(&self, overlay: &Overlay) -> Vec<AttributeKey> {
        self.index_of(overlay).into_iter().map(|indexed| indexed.key).collect()
    }

    /// The indexed attributes of a declaration.
    pub fn index_of(&self, overlay: &Overlay) -> Vec<IndexedAttribute> {
        let Ok(place) = overlay::place(overlay, &self.resource_types) else { return Vec::new() };
        let resource_type = self.get(place.resource_type);
        IndexedAttribute::of(resource_type, place.extension.as_deref(), &overlay.attribute())
    }
}

/// Marks an attribute as not indexed, for filters.
fn look_away(attribute: &mut Attribute) {
    attribute.indexed = false;
    attribute.sub_attributes.iter_mut().for_each(look_away);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::query::filter::Filter;
    use crate::query::index_query::IndexQuery;
    use crate::query::search_keys::search_keys;
    use crate::schema::USER;
    use crate::testing::provisioning;
    use crate::{examples, urn};

    fn declared(declaration: Value) -> Overlay {
        serde_json::from_value(declaration).expect("a declaration")
    }

    fn with(overlay: &Overlay, stage: Stage) -> Registry {
        let (registry, left_out) = provisioning().0.with(&[Addition { overlay, stage }]);
        assert_eq!(left_out, []);
        registry
    }

    fn index_query(registry: &Registry, filter: &str) -> IndexQuery {
        let user = registry.get(USER);
        let filter: Filter = filter.parse().expect("a filter");
        filter.resolve(user).expect("resolves").plan(user).index_query
    }

    #[test]
    fn an_index_that_is_not_complete_is_written_and_not_asked() {
        let overlay = declared(json!({"name": "desk", "indexed": true, "uniqueness": "server"}));
        let desk = examples::user(json!({"userName": "ana", "desk": "7B"}));
        for (stage, asked) in [(Stage::Indexing, false), (Stage::Ready, true)] {
            let registry = with(&overlay, stage);
            let keys = search_keys(&registry, &desk);
            assert!(keys.iter().any(|key| key.key == "7b" && key.unique), "{stage:?}: {keys:?}");
            assert_eq!(index_query(&registry, "desk eq \"7b\"") != IndexQuery::Any, asked, "{stage:?}");
        }
    }

    #[test]
    fn what_is_taken_away_is_no_attribute_and_pruned_from_resources() {
        let urn = "urn:orchard:params:scim:1.0:Desk";
        let desk = declared(json!({"schema": urn, "name": "desk", "indexed": true}));
        let shoe = declared(json!({"name": "shoeSize", "type": "integer"}));
        let both = [&desk, &shoe].map(|overlay| Addition { overlay, stage: Stage::Removing });
        let (registry, left_out) = provisioning().0.with(&both);
        assert_eq!(left_out, []);
        assert_eq!(registry.get(USER).extension(urn), None);
        let mut user = examples::user(json!({"userName": "ana", "shoeSize": 38, (urn): {"desk": "7B"}}));
        assert!(search_keys(&registry, &user).iter().all(|key| key.key != "7b"));
        assert!(registry.prune(&mut user));
        assert_eq!(Value::Object(user.attributes().clone()), json!({"userName": "ana"}));
        assert!(!registry.prune(&mut user), "once");
    }

    #[test]
    fn what_is_here_already_goes_first() {
        let overlays = [
            declared(json!({"name": "desk"})),
            declared(json!({"name": "ROLE"})),
            declared(json!({"name": "Desk"})),
            declared(json!({"schema": urn::ENTERPRISE_USER, "name": "desk"})),
        ];
        let additions: Vec<Addition<'_>> =
            overlays.iter().map(|overlay| Addition { overlay, stage: Stage::Ready }).collect();
        let (registry, left_out) = provisioning().0.with(&additions);
        assert_eq!(left_out.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1, 2]);
        assert!(left_out.iter().all(|(_, mistakes)| mistakes[0].field == "name"));
        assert!(registry.get(USER).attribute("desk").is_some());
        assert_eq!(provisioning().0.with(&[]).0, provisioning().0);
    }
}
