//! Which endpoint a path below the base URL names (RFC 7644 §3.2).

use actix_web::http::Method;
use scim::{Id, Registry, ResourceTypeId};

use super::failure::ScimFailure;

/// What can be done to one resource.
pub(super) const ITEM_METHODS: &str = "GET, HEAD, PUT, PATCH, DELETE";

/// An endpoint that exists, asked by a method that it has.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    ServiceProviderConfig,
    ResourceTypes(Option<String>),
    Schemas(Option<String>),
    Collection(ResourceTypeId),
    /// A query in a POST's body (§3.4.3).
    Search(ResourceTypeId),
    /// A query at the root, about the resources of all types (§3.4.2.1).
    Everything,
    /// The same in a POST's body.
    SearchEverything,
    Item(ResourceTypeId, Id),
    /// The user behind the token (§3.11).
    Me,
    /// Many operations (§3.7).
    Bulk,
    /// An id that no resource can have.
    Unknown(ResourceTypeId, String),
}

impl Route {
    pub(super) fn of(method: &Method, tail: &str, registry: &Registry) -> Result<Route, ScimFailure> {
        let tail = tail.trim_matches('/');
        let (endpoint, rest) = match tail.split_once('/') {
            Some((endpoint, rest)) => (endpoint, Some(rest)),
            None => (tail, None),
        };
        let discovery = |route| match *method {
            Method::GET | Method::HEAD => Ok(route),
            _ => Err(ScimFailure::Method("GET, HEAD")),
        };
        match (endpoint, rest) {
            ("ServiceProviderConfig" | "ServiceProviderConfigs", None) => discovery(Route::ServiceProviderConfig),
            ("ResourceTypes", rest) => discovery(Route::ResourceTypes(rest.map(str::to_owned))),
            ("Schemas", rest) => discovery(Route::Schemas(rest.map(str::to_owned))),
            ("Me", None) => match *method {
                Method::GET | Method::HEAD | Method::PUT | Method::PATCH | Method::DELETE => Ok(Route::Me),
                _ => Err(ScimFailure::Method(ITEM_METHODS)),
            },
            ("Bulk", None) => match *method {
                Method::POST => Ok(Route::Bulk),
                _ => Err(ScimFailure::Method("POST")),
            },
            ("", None) => match *method {
                Method::GET | Method::HEAD => Ok(Route::Everything),
                _ => Err(ScimFailure::Method("GET, HEAD")),
            },
            (".search", None) => match *method {
                Method::POST => Ok(Route::SearchEverything),
                _ => Err(ScimFailure::Method("POST")),
            },
            (endpoint, rest) if let Some(catalog) = registry.catalog_at(endpoint) => {
                Route::of_words(method, catalog.resource_type.id, rest)
            }
            (endpoint, rest) => match (registry.at_endpoint(endpoint), rest) {
                (Some(kind), None) => match *method {
                    Method::GET | Method::HEAD | Method::POST => Ok(Route::Collection(kind.id)),
                    _ => Err(ScimFailure::Method("GET, HEAD, POST")),
                },
                (Some(kind), Some(".search")) => match *method {
                    Method::POST => Ok(Route::Search(kind.id)),
                    _ => Err(ScimFailure::Method("POST")),
                },
                (Some(kind), Some(id)) if !id.contains('/') => match *method {
                    Method::GET | Method::HEAD | Method::PUT | Method::PATCH | Method::DELETE => {
                        Ok(match Id::new(id) {
                            Some(id) => Route::Item(kind.id, id),
                            None => Route::Unknown(kind.id, id.chars().take(80).collect()),
                        })
                    }
                    _ => Err(ScimFailure::Method(ITEM_METHODS)),
                },
                _ => Err(ScimFailure::Scim(scim::Error::NotFound(format!(
                    "There is no endpoint /{}; /Users, /Groups, /Me, /Bulk, {}/ServiceProviderConfig, /ResourceTypes and \
                     /Schemas exist",
                    tail.chars().take(80).collect::<String>(),
                    registry.catalogs().map(|c| format!("/{}, ", c.resource_type.endpoint)).collect::<String>()
                )))),
            },
        }
    }

    /// What is only read.
    fn of_words(method: &Method, kind: ResourceTypeId, rest: Option<&str>) -> Result<Route, ScimFailure> {
        let read = matches!(*method, Method::GET | Method::HEAD);
        match rest {
            Some(".search") if *method == Method::POST => Ok(Route::Search(kind)),
            Some(".search") => Err(ScimFailure::Method("POST")),
            _ if !read => Err(ScimFailure::Method("GET, HEAD")),
            None => Ok(Route::Collection(kind)),
            Some(id) => Ok(match Id::new(id) {
                Some(id) => Route::Item(kind, id),
                None => Route::Unknown(kind, id.chars().take(80).collect()),
            }),
        }
    }

    pub(super) fn is_discovery(&self) -> bool {
        matches!(self, Route::ServiceProviderConfig | Route::ResourceTypes(_) | Route::Schemas(_))
    }
}
