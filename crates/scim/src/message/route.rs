//! Which endpoint a path below the base URL names, and what a method does there (RFC 7644 §3.2, table 1).

use crate::resource::Id;
use crate::schema::{Registry, ResourceTypeId};

/// So much of an id or a path that names nothing is repeated.
const SHOWN: usize = 80;

/// A request to an endpoint that exists, by a method that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// About the service provider (§4).
    Discovery(Discovery),
    /// About resources.
    Resource(Request),
}

/// What is asked about the service provider (§4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Discovery {
    /// What it supports.
    ServiceProviderConfig,
    /// One resource type, or all.
    ResourceTypes(Option<String>),
    /// One schema, or all.
    Schemas(Option<String>),
}

/// What is asked of resources. A query is about those of one type or, at the root, about those of all (§3.4.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// POST to a resource type (§3.3).
    Create(ResourceTypeId),
    /// A query in the URL (§3.4.2).
    Query(Option<ResourceTypeId>),
    /// A query in a body (§3.4.3).
    Search(Option<ResourceTypeId>),
    /// One resource.
    One(Action, ResourceTypeId, Target),
    /// Many operations (§3.7).
    Bulk,
}

/// What is done to one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// GET, or HEAD (§3.4.1).
    Get,
    /// PUT (§3.5.1).
    Replace,
    /// PATCH (§3.5.2).
    Patch,
    /// DELETE (§3.6).
    Delete,
}

/// Which resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// This one.
    Id(Id),
    /// The user behind the token (`/Me`, §3.11).
    Me,
    /// None: no resource can have this id, of which the beginning is here.
    None(String),
}

/// Why a request is about nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteError {
    /// The endpoint has only these methods, as in the header `Allow`.
    Method(&'static str),
    /// There is no such endpoint; which there are.
    NotFound(String),
}

const READ: &str = "GET, HEAD";
const ITEM: &str = "GET, HEAD, PUT, PATCH, DELETE";

impl Route {
    /// Reads a method and a path below the base URL. `registry` knows the resource types.
    pub fn of(method: &str, path: &str, registry: &Registry) -> Result<Route, RouteError> {
        let path = path.trim_matches('/');
        let (endpoint, rest) = match path.split_once('/') {
            Some((endpoint, rest)) => (endpoint, Some(rest)),
            None => (path, None),
        };
        let is_read = matches!(method, "GET" | "HEAD");
        let discovery = |asked| if is_read { Ok(Route::Discovery(asked)) } else { Err(RouteError::Method(READ)) };
        let request = match (endpoint, rest) {
            ("ServiceProviderConfig" | "ServiceProviderConfigs", None) => {
                return discovery(Discovery::ServiceProviderConfig);
            }
            ("ResourceTypes", rest) => return discovery(Discovery::ResourceTypes(rest.map(str::to_owned))),
            ("Schemas", rest) => return discovery(Discovery::Schemas(rest.map(str::to_owned))),
            ("Me", None) => Request::One(action(method)?, crate::schema::USER, Target::Me),
            ("Bulk", None) => post(method, Request::Bulk)?,
            ("", None) if is_read => Request::Query(None),
            ("", None) => return Err(RouteError::Method(READ)),
            (".search", None) => post(method, Request::Search(None))?,
            (endpoint, rest) => match (registry.catalog_at(endpoint), registry.at_endpoint(endpoint), rest) {
                (Some(catalog), _, Some(".search")) => post(method, Request::Search(Some(catalog.resource_type.id)))?,
                (Some(_), _, _) if !is_read => return Err(RouteError::Method(READ)),
                (Some(catalog), _, None) => Request::Query(Some(catalog.resource_type.id)),
                (Some(catalog), _, Some(id)) => Request::One(Action::Get, catalog.resource_type.id, target(id)),
                (None, Some(kind), None) => match method {
                    "POST" => Request::Create(kind.id),
                    _ if is_read => Request::Query(Some(kind.id)),
                    _ => return Err(RouteError::Method("GET, HEAD, POST")),
                },
                (None, Some(kind), Some(".search")) => post(method, Request::Search(Some(kind.id)))?,
                (None, Some(kind), Some(id)) if !id.contains('/') => Request::One(action(method)?, kind.id, target(id)),
                _ => return Err(RouteError::NotFound(no_endpoint(path, registry))),
            },
        };
        Ok(Route::Resource(request))
    }
}

fn action(method: &str) -> Result<Action, RouteError> {
    match method {
        "GET" | "HEAD" => Ok(Action::Get),
        "PUT" => Ok(Action::Replace),
        "PATCH" => Ok(Action::Patch),
        "DELETE" => Ok(Action::Delete),
        _ => Err(RouteError::Method(ITEM)),
    }
}

fn post(method: &str, request: Request) -> Result<Request, RouteError> {
    if method == "POST" { Ok(request) } else { Err(RouteError::Method("POST")) }
}

fn target(id: &str) -> Target {
    Id::new(id).map_or_else(|| Target::None(id.chars().take(SHOWN).collect()), Target::Id)
}

fn no_endpoint(path: &str, registry: &Registry) -> String {
    format!(
        "There is no endpoint /{}; /Users, /Groups, /Me, /Bulk, {}/ServiceProviderConfig, /ResourceTypes and /Schemas exist",
        path.chars().take(SHOWN).collect::<String>(),
        registry.catalogs().map(|c| format!("/{}, ", c.resource_type.endpoint)).collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{GROUP, USER};

    #[track_caller]
    fn route(method: &str, path: &str) -> Result<Request, RouteError> {
        match Route::of(method, path, &Registry::standard())? {
            Route::Resource(request) => Ok(request),
            Route::Discovery(asked) => panic!("{asked:?}"),
        }
    }

    #[test]
    fn each_endpoint_has_its_methods() {
        let ana = || Target::Id(Id::new("ana").unwrap());
        for (method, path, right) in [
            ("POST", "Users", Request::Create(USER)),
            ("GET", "Groups/", Request::Query(Some(GROUP))),
            ("HEAD", "Users", Request::Query(Some(USER))),
            ("POST", "Users/.search", Request::Search(Some(USER))),
            ("GET", "", Request::Query(None)),
            ("POST", ".search", Request::Search(None)),
            ("POST", "Bulk", Request::Bulk),
            ("HEAD", "Users/ana", Request::One(Action::Get, USER, ana())),
            ("PUT", "Users/ana", Request::One(Action::Replace, USER, ana())),
            ("PATCH", "/Groups/ana", Request::One(Action::Patch, GROUP, ana())),
            ("DELETE", "Users/ana", Request::One(Action::Delete, USER, ana())),
            ("PATCH", "Me", Request::One(Action::Patch, USER, Target::Me)),
        ] {
            assert_eq!(route(method, path), Ok(right), "{method} {path}");
        }
        for (method, path, allowed) in [
            ("PUT", "Users", "GET, HEAD, POST"),
            ("POST", "Users/ana", ITEM),
            ("POST", "Me", ITEM),
            ("GET", "Bulk", "POST"),
            ("GET", ".search", "POST"),
            ("GET", "Users/.search", "POST"),
            ("POST", "", READ),
            ("DELETE", "Schemas", READ),
            ("PROPFIND", "Users", "GET, HEAD, POST"),
        ] {
            assert_eq!(
                Route::of(method, path, &Registry::standard()),
                Err(RouteError::Method(allowed)),
                "{method} {path}"
            );
        }
    }

    #[test]
    fn what_names_nothing_is_told_in_few_words() {
        for path in ["Robots", "Users/ana/emails", "Me/emails", "ServiceProviderConfig/x", "users"] {
            let error = route("GET", path).unwrap_err();
            assert!(matches!(&error, RouteError::NotFound(error) if error.contains(path)), "{error:?}");
        }
        let long = "x".repeat(1000);
        let Err(RouteError::NotFound(error)) = route("GET", &long) else { panic!("there is no such endpoint") };
        assert!(error.len() < 300, "{error}");
        let no_id = format!("Users/{}", "é".repeat(1000));
        assert_eq!(route("GET", &no_id), Ok(Request::One(Action::Get, USER, Target::None("é".repeat(SHOWN)))));
    }

    #[test]
    fn discovery_is_read_only() {
        let registry = Registry::standard();
        let of = |path: &str| Route::of("GET", path, &registry);
        for path in ["ServiceProviderConfig", "ServiceProviderConfigs"] {
            assert_eq!(of(path), Ok(Route::Discovery(Discovery::ServiceProviderConfig)));
        }
        assert_eq!(of("ResourceTypes"), Ok(Route::Discovery(Discovery::ResourceTypes(None))));
        let urn = "urn:ietf:params:scim:schemas:core:2.0:User";
        assert_eq!(of(&format!("Schemas/{urn}")), Ok(Route::Discovery(Discovery::Schemas(Some(urn.to_owned())))));
    }
}
