//! A service provider for tests: the standard's schemas with an operator's attributes, a store in memory, a clock that
//! moves one second with each request, and ids that count.
#![cfg_attr(fuzzing, allow(dead_code))] // the fuzzers need a part of it

#[cfg(test)]
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::context::{Context, InactiveMatch, Limits};
use crate::error::Error;
use crate::event::EventKind;
use crate::message::cursor::Unsealed;
use crate::message::projection::Projection;
use crate::message::representation::Representation;
use crate::message::search_request::SearchRequest;
use crate::observations::{Observations, Observed};
use crate::patch::PatchRequest;
use crate::precondition::Precondition;
use crate::resource::Id;
use crate::schema::{AccountValues, GROUP, Overlay, Registry, ResourceTypeId, USER};
use crate::service;
use crate::service::Written;
use crate::store::memory::MemoryStore;
use crate::tolerance::{ToleranceTracker, Tolerances};
#[cfg(test)]
use crate::urn::{ENTERPRISE_USER, USER as USER_SCHEMA};

pub(crate) const BASE: &str = "https://scim.example/scim/v2";

/// A typical declaration: a required role, lists that differ by account, an immutable badge.
pub(crate) fn provisioning() -> (Registry, AccountValues) {
    let overlays: Vec<Overlay> = serde_json::from_value(json!([
        { "name": "role", "required": true, "indexed": true, "default": "account.default_role",
          "canonical_values": ["master_admin", "admin", "billing"] },
        { "name": "product_environments", "multi_valued": true, "canonical_values_from": "account.environments",
          "absence_grants": true },
        { "name": "badge", "case_exact": true, "mutability": "immutable", "canonical_values": ["gold", "silver"] },
        { "name": "nothing", "canonical_values_from": "account.nothing" }
    ]))
    .expect("overlays");
    let registry = Registry::build(&overlays).expect("a registry");
    let mut account_values = AccountValues::default();
    account_values.lists.insert("account.environments".to_owned(), vec!["prod".to_owned(), "stage".to_owned()]);
    (registry, account_values)
}

pub(crate) struct World {
    pub(crate) registry: Registry,
    pub(crate) account_values: AccountValues,
    pub(crate) store: MemoryStore,
    pub(crate) on: Tolerances,
    pub(crate) inactive_match: InactiveMatch,
    pub(crate) unique_group_names: bool,
    /// The tolerances that the last request used.
    pub(crate) forgiven: Tolerances,
    /// What the last request brought.
    pub(crate) observed: Observed,
    pub(crate) limits: Limits,
    pub(crate) now: i64,
    ids: u32,
}

impl World {
    pub(crate) fn new() -> World {
        let (registry, account_values) = provisioning();
        World {
            registry,
            account_values,
            store: MemoryStore::new(),
            on: Tolerances::EVERY,
            inactive_match: InactiveMatch::Restore,
            unique_group_names: false,
            forgiven: Tolerances::NONE,
            observed: Observed::default(),
            limits: Limits::default(),
            now: 1_000_000,
            ids: 0,
        }
    }

    pub(crate) fn strict() -> World {
        World { on: Tolerances::NONE, ..World::new() }
    }

    pub(crate) fn projection(&self, kind: ResourceTypeId) -> Projection {
        Projection::standard(self.registry.get(kind))
    }

    /// Runs one unit of work, one second after the previous one.
    pub(crate) fn work<T>(
        &mut self,
        work: impl FnOnce(&mut MemoryStore, &mut Context<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.now += 1_000;
        let World {
            registry,
            account_values,
            store,
            on,
            inactive_match,
            unique_group_names,
            forgiven,
            observed,
            limits,
            now,
            ids,
        } = self;
        let leniency = ToleranceTracker::new(*on);
        let observations = Observations::default();
        let mut new_id = || {
            *ids += 1;
            Id::new(format!("id-{ids}")).expect("an id")
        };
        let mut cx = Context {
            now: *now,
            new_id: &mut new_id,
            is_id: |text| text.starts_with("id-"),
            registry,
            account_values,
            base: BASE,
            leniency: &leniency,
            observations: &observations,
            inactive_match: *inactive_match,
            unique_group_names: *unique_group_names,
            limits: *limits,
            cursors: Some(&Unsealed),
        };
        let outcome = store.unit(|store| work(store, &mut cx));
        *forgiven = leniency.forgiven();
        *observed = observations.observed(registry);
        outcome
    }

    pub(crate) fn create(&mut self, kind: ResourceTypeId, body: Value) -> Result<Written, Error> {
        let projection = self.projection(kind);
        self.work(|store, cx| service::create(store, cx, kind, &body, &projection))
    }

    pub(crate) fn user(&mut self, name: &str) -> String {
        let body = json!({ "userName": name, "role": "admin" });
        self.create(USER, body).expect("a user").resource.id.to_string()
    }

    pub(crate) fn group(&mut self, name: &str, members: &[&str]) -> String {
        let body = json!({ "displayName": name, "members": members });
        self.create(GROUP, body).expect("a group").resource.id.to_string()
    }

    pub(crate) fn put(&mut self, kind: ResourceTypeId, id: &str, body: Value) -> Result<Written, Error> {
        let projection = self.projection(kind);
        self.work(|store, cx| service::replace(store, cx, kind, &named(id), &body, &Precondition::None, &projection))
    }

    pub(crate) fn patch(&mut self, kind: ResourceTypeId, id: &str, operations: Value) -> Result<Written, Error> {
        let body = json!({ "schemas": [crate::urn::PATCH_OP], "Operations": operations });
        let projection = self.projection(kind);
        self.work(|store, cx| {
            let request = PatchRequest::parse(&body)?;
            service::patch(store, cx, kind, &named(id), &request, &Precondition::None, &projection)
        })
    }

    pub(crate) fn delete(&mut self, kind: ResourceTypeId, id: &str) -> Result<(), Error> {
        self.work(|store, cx| service::delete(store, cx, kind, &named(id), &Precondition::None))
    }

    pub(crate) fn get(&mut self, kind: ResourceTypeId, id: &str) -> Result<Value, Error> {
        let projection = self.projection(kind);
        let resource = self.work(|store, cx| service::get(store, cx, kind, &named(id), &projection))?;
        Ok(Representation::new(&resource, &projection, &self.registry, BASE).to_value())
    }

    /// A query as in a URL, decoded.
    pub(crate) fn list(&mut self, kind: ResourceTypeId, query: &[(&str, &str)]) -> Result<Value, Error> {
        let request = SearchRequest::from_query(query.iter().copied())?;
        let projection = request.projection(self.registry.get(kind))?;
        let list = self.work(|store, cx| service::search(store, cx, kind, &request, &projection))?;
        Ok(list.representation(&projection, &self.registry, BASE).to_value())
    }

    /// The ids of a group's members.
    pub(crate) fn members(&mut self, group: &str) -> Vec<String> {
        let group = self.get(GROUP, group).expect("a group");
        let members = group["members"].as_array().expect("members").clone();
        members.iter().map(|member| member["value"].as_str().expect("a value").to_owned()).collect()
    }

    /// The events since the last call.
    pub(crate) fn events(&mut self) -> Vec<EventKind> {
        std::mem::take(&mut self.store.events).into_iter().map(|event| event.kind).collect()
    }
}

pub(crate) fn named(id: &str) -> Id {
    Id::new(id).expect("an id")
}

/// The status and `scimType` of an error.
pub(crate) fn refusal<T>(result: Result<T, Error>) -> (u16, Option<&'static str>) {
    match result {
        Ok(_) => (200, None),
        Err(error) => error.wire(),
    }
}

/// JSON with names and values that documents have, some of them wrong.
#[cfg(test)]
pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        (-3i64..300).prop_map(Value::from),
        "[a-c\u{0}\u{e9}\"\\\\]{0,3}".prop_map(Value::from),
        prop::sample::select(vec!["True", "work", "home", "admin", "boss", "prod", "gold", "2011-08-01T21:32:44Z"])
            .prop_map(Value::from),
        prop::sample::select(vec![
            "[{\"value\": \"a\"}]",
            "[{}]",
            "{\"emails\": [\"a\"]}",
            "[\"prod\"]",
            "{",
            "https://scim.example/scim/v2/Users/id-1",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let keys = prop::sample::select(vec![
            "value",
            "type",
            "primary",
            "display",
            "givenName",
            "familyName",
            "emails",
            "name",
            "title",
            "active",
            "role",
            "name.givenName",
            "product_environments",
            "department",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
            ENTERPRISE_USER,
            USER_SCHEMA,
            "id",
            "badge",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
            "emails[type eq \"work\"].value",
            "roles",
            "roles[primary eq \"True\"].value",
            "members",
            "urn:ietf:params:scim:schemas:extension:acme:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.department",
            "manager[value eq \"m\"]",
            "$ref",
            "x",
            "userName",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((keys, inner), 0..4)
                .prop_map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

/// Whether a document contains no empty values.
pub(crate) fn is_canonical(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty() && !text.contains('\0'),
        Value::Array(elements) => !elements.is_empty() && elements.iter().all(is_canonical),
        Value::Object(object) => !object.is_empty() && object.values().all(is_canonical),
        Value::Bool(_) | Value::Number(_) => true,
    }
}
