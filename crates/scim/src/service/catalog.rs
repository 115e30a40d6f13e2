//! The resources of a [`Catalog`]: a memory store, built from the account's values for one request.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::resource::{Id, Meta, Resource};
use crate::schema::key_text::hex;
use crate::schema::{AccountValues, Catalog, Registry};
use crate::store::memory::MemoryStore;

impl Catalog {
    /// A store with the catalog's resources. Only `search` and `get` are meant to be called on it.
    pub fn store(&self, registry: &Registry, account_values: &AccountValues) -> MemoryStore {
        let words = self.words(registry, account_values).unwrap_or_default();
        MemoryStore::holding(words.iter().map(|word| self.resource(word, account_values.since)))
    }

    /// A resource never changes, so its version is always 1.
    fn resource(&self, word: &str, since: i64) -> Resource {
        let mut attributes = Map::new();
        attributes.insert("displayName".to_owned(), Value::from(word));
        attributes.insert("type".to_owned(), Value::from(self.resource_type.name.as_str()));
        let meta = Meta { created: since, last_modified: since, version: 1 };
        Resource::from_stored(self.resource_type.id, id(word), meta, attributes)
    }
}

/// The value itself where it can be an id, so that the entries of `roles` stay readable; otherwise its hash.
fn id(word: &str) -> Id {
    let hashed = || hex(&Sha256::digest(word)).chars().take(32).collect::<String>();
    Id::new(word).or_else(|| Id::new(hashed())).expect("32 hexadecimal digits are an id")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::context::{Context, Limits};
    use crate::message::discovery;
    use crate::message::search_request::SearchRequest;
    use crate::schema::ResourceTypeId;
    use crate::schema::catalog::{Kind, Words};
    use crate::service;
    use crate::testing::{BASE, provisioning};
    use crate::tolerance::ToleranceTracker;
    use crate::urn;

    const ROLES: ResourceTypeId = ResourceTypeId(3);
    const ENVIRONMENTS: ResourceTypeId = ResourceTypeId(4);

    fn with_catalogs() -> (Registry, AccountValues) {
        let (registry, mut account_values) = provisioning();
        account_values.lists.insert("account.environments".to_owned(), vec!["prod".to_owned(), "Übersee 1".to_owned()]);
        let environments = Words::Listed("account.environments".to_owned());
        let registry = registry
            .offering(Catalog::new(ROLES, Kind::Role, "Role", "Roles", "Roles", Words::Of("role".to_owned())))
            .offering(Catalog::new(ENVIRONMENTS, Kind::Entitlement, "Environment", "Environments", "", environments))
            .offering(Catalog::new(ResourceTypeId(5), Kind::Role, "Any", "Any", "", Words::Of("title".to_owned())));
        (registry, account_values)
    }

    fn found(kind: ResourceTypeId, query: &[(&str, &str)]) -> Value {
        let (registry, account_values) = with_catalogs();
        let mut store = registry.catalog(kind).expect("a catalog").store(&registry, &account_values);
        let cx = Context {
            now: 1_000_000,
            new_id: &mut || unreachable!("nothing is made"),
            is_id: |_| false,
            registry: &registry,
            account_values: &account_values,
            base: BASE,
            leniency: &ToleranceTracker::generous(),
            observations: &crate::Observations::default(),
            inactive_match: crate::InactiveMatch::Restore,
            unique_group_names: false,
            limits: Limits::default(),
            cursors: None,
        };
        let asked = SearchRequest::from_query(query.iter().copied()).expect("a query");
        let shown = asked.projection(registry.get(kind)).expect("a projection");
        let list = service::search(&mut store, &cx, kind, &asked, &shown).expect("a list");
        list.representation(&shown, &registry, BASE).to_value()
    }

    fn ids(list: &Value) -> Vec<&str> {
        list["Resources"].as_array().expect("a list").iter().filter_map(|one| one["id"].as_str()).collect()
    }

    #[test]
    fn words_are_found_paged_sorted_and_shown_like_anything_else() {
        let all = found(ROLES, &[]);
        assert_eq!(ids(&all), ["master_admin", "admin", "billing"], "in the order listed");
        assert_eq!(
            all["Resources"][1],
            json!({
                "schemas": [urn::ROLE], "id": "admin", "displayName": "admin", "type": "Role",
                "meta": {"resourceType": "Role", "created": "1970-01-01T00:00:00.000Z",
                    "lastModified": "1970-01-01T00:00:00.000Z", "location": format!("{BASE}/Roles/admin"), "version": "W/\"1\""}
            })
        );
        assert_eq!(ids(&found(ROLES, &[("filter", "displayName sw \"b\"")])), ["billing"]);
        assert_eq!(ids(&found(ROLES, &[("filter", "id eq \"admin\" and type eq \"Role\"")])), ["admin"]);
        assert_eq!(ids(&found(ROLES, &[("filter", "externalId pr")])), [""; 0]);
        let page = found(ROLES, &[("sortBy", "displayName"), ("startIndex", "2"), ("count", "1")]);
        assert_eq!((ids(&page), &page["totalResults"]), (vec!["billing"], &json!(3)));
        let names = found(ROLES, &[("attributes", "displayName")]);
        assert_eq!(
            names["Resources"][0],
            json!({"schemas": [urn::ROLE], "id": "master_admin", "displayName": "master_admin"})
        );
    }

    #[test]
    fn what_cannot_be_an_id_has_one_all_the_same() {
        let environments = found(ENVIRONMENTS, &[]);
        let ids = ids(&environments);
        assert_eq!((ids[0], ids[1].len()), ("prod", 32));
        assert_eq!(environments["Resources"][1]["displayName"], "Übersee 1");
        assert_eq!(self::ids(&found(ENVIRONMENTS, &[("filter", &format!("id eq \"{}\"", ids[1]))])), [ids[1]]);
    }

    #[test]
    fn a_catalog_is_published_where_its_list_is_closed() {
        let (registry, account_values) = with_catalogs();
        let types = discovery::resource_types(&registry, BASE);
        let endpoints: Vec<&str> =
            types["Resources"].as_array().expect("types").iter().filter_map(|one| one["endpoint"].as_str()).collect();
        assert_eq!(endpoints, ["/Users", "/Groups", "/Roles", "/Environments"]);
        for urn in [urn::ROLE, urn::ENTITLEMENT] {
            let schema = discovery::schema(&registry, &account_values, BASE, urn).expect("published");
            assert!(
                schema["attributes"].as_array().is_some_and(|all| all.iter().all(|a| a["mutability"] == "readOnly"))
            );
        }
        assert!(registry.catalog_at("Any").is_none() && registry.at_endpoint("Roles").is_none());
        assert!(registry.catalog_at("Roles").is_some());
    }
}
