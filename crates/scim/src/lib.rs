//! SCIM 2.0 (RFC 7643, RFC 7644) as plain functions over values and a small storage port: no clock, no randomness, no
//! input or output of its own.
//!
//! A tour, in the order of a request:
//!
//! - [`schema`]: what attributes there are. [`Registry`] holds the resource types; an operator's own attributes are
//!   [`Overlay`]s.
//! - [`service`]: `create`, `get`, `replace`, `patch`, `delete`, `search`, each one unit of work over a [`Store`]. The
//!   order of their steps (lock, `If-Match`, change, validation, write, events) is the protocol's and stands there.
//! - [`resource`]: a [`Resource`] that has passed its schema. [`patch`] edits one.
//! - [`tolerance`]: which deviations a client is forgiven. [`observations`]: which attributes a request brought, and which
//!   were ignored.
//! - [`json`]: a body, from bytes.
//! - [`query`]: filters, paths and orders, from text to something that can be asked of a resource, or of an index
//!   ([`index_query`], [`mod@search_keys`]).
//! - [`message`]: what the client sends and gets to see: queries and lists, [`cursor`], [`representation`], [`discovery`],
//!   [`bulk`]; and [`error`].
//! - [`store`]: the port, the smallest thing that satisfies it, and the tests that everything behind it must pass.
//!
//! ```
//! use scim::{AccountValues, Context, Id, InactiveMatch, Limits, Observations, Projection, Registry, SearchRequest, ToleranceTracker};
//! use scim::{patch::PatchRequest, precondition::Precondition, schema::USER, service, store::memory::MemoryStore};
//! use serde_json::json;
//!
//! let registry = Registry::standard();
//! let account_values = AccountValues::default();
//! let leniency = ToleranceTracker::generous();
//! let observations = Observations::default();
//! let mut ids = 0..;
//! let mut cx = Context {
//!     now: 1_764_000_000_000,
//!     new_id: &mut || Id::new(format!("user-{}", ids.next().unwrap_or(0))).expect("an id"),
//!     is_id: |text| text.starts_with("user-"),
//!     registry: &registry,
//!     account_values: &account_values,
//!     base: "https://scim.example/scim/v2",
//!     leniency: &leniency,
//!     observations: &observations,
//!     inactive_match: InactiveMatch::Restore,
//!     unique_group_names: false,
//!     limits: Limits::default(),
//!     cursors: None,
//! };
//! let mut store = MemoryStore::new();
//! let all = Projection::standard(registry.get(USER));
//!
//! let body = json!({ "userName": "ana@orchard.example", "name": { "givenName": "Ana" } });
//! let ana = service::create(&mut store, &mut cx, USER, &body, &all)?.resource;
//!
//! let off = json!({
//!     "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
//!     "Operations": [{ "op": "Replace", "path": "active", "value": "False" }]
//! });
//! let off = PatchRequest::parse(&off)?;
//! service::patch(&mut store, &cx, USER, &ana.id, &off, &Precondition::None, &all)?;
//!
//! let query = SearchRequest::from_query([("filter", "userName eq \"ANA@orchard.example\" and active eq false")])?;
//! let found = service::search(&mut store, &cx, USER, &query, &all)?;
//! let answer = found.representation(&all, &registry, cx.base).to_value();
//! assert_eq!(answer["totalResults"], 1);
//! assert_eq!(answer["Resources"][0]["meta"]["version"], "W/\"2\"");
//! # Ok::<(), scim::Error>(())
//! ```

pub mod codes;
pub mod context;
pub mod error;
pub mod event;
pub mod examples;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod json;
pub mod message;
pub mod observations;
pub mod patch;
pub mod precondition;
pub mod query;
pub mod resource;
pub mod schema;
pub mod security_event;
pub mod service;
pub mod size;
pub mod store;
#[cfg(any(test, fuzzing))]
mod testing;
pub mod tolerance;
pub mod urn;

pub use codes::RefusalCode;
pub use context::{Context, Cursors, InactiveMatch, Limits};
pub use error::Error;
pub use event::{AttributeChange, Event, EventKind, Members};
pub use message::list::ListResponse;
pub use message::list_position::SavedPosition;
pub use message::projection::Projection;
pub use message::representation::Representation;
pub use message::search_request::SearchRequest;
pub use message::{bulk, cursor, discovery, list_position, representation, route};
pub use observations::{Observations, Observed};
pub use patch::PatchRequest;
pub use precondition::Precondition;
pub use query::filter::{Filter, Needs, Predicate};
pub use query::index_query::{IndexQuery, KeyRange, Plan};
pub use query::path::{AttributePath, ResolvedPath};
pub use query::search_keys::{KeyChange, SearchKey, keys_of_names, search_keys};
pub use query::sort::{Sort, SortBy, SortKey};
pub use query::{index_query, search_keys};
pub use resource::{GroupReference, Id, Member, Meta, Resource};
pub use schema::{AccountValues, AttributeKey, IndexedAttribute, Overlay, Registry, ResourceTypeId, key_of_text};
pub use service::Written;
pub use size::Size;
pub use store::{
    Handle, KeyOwner, ListKey, MembershipChange, MembershipOutcome, Page, PageKey, PendingChange, PendingMember,
    Protected, Query, SearchError, Start, Store, StoreError, Stored, WriteError,
};
pub use tolerance::{Tolerance, ToleranceTracker, Tolerances};
