//! Tables of endpoints: which methods a path has, who answers them, and what every other method is told (RFC 9110 §15.5.6).
//!
//! HEAD is answered wherever GET is (§9.3.2): routing takes it for a GET, and the server leaves the body out.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, Resource, Route, guard, web};

use super::audience::Audience;
use super::operation::Operation;

/// A method on a path.
#[allow(missing_debug_implementations)] // a function has nothing to show
pub struct Endpoint {
    /// `GET`
    pub method: Method,
    /// With names in braces.
    pub path: &'static str,
    /// What it is for, in a sentence; empty where the protocol says it.
    pub purpose: &'static str,
    /// For whom it is. Of the protocols' endpoints the protocol says it.
    pub audience: Audience,
    /// What it takes and answers, where that is described.
    pub operation: Option<Operation>,
    pub(crate) route: fn() -> Route,
}

/// A table of endpoints: method, path, handler. Those of one path stand together.
macro_rules! endpoints {
    ($($method:ident $path:literal => $handler:path),* $(,)?) => {
        &[$($crate::http::edge::endpoints::Endpoint {
            method: actix_web::http::Method::$method,
            path: $path,
            purpose: "",
            audience: $crate::http::edge::audience::Audience::Anyone,
            operation: None,
            route: || actix_web::web::route().to($handler),
        }),*]
    };
}
pub(crate) use endpoints;

/// A table of pages and forms: method, path, for whom it is, handler, purpose.
macro_rules! pages {
    ($($method:ident $path:literal $audience:expr => $handler:path, $purpose:literal;)*) => {
        &[$($crate::http::edge::endpoints::Endpoint {
            method: actix_web::http::Method::$method,
            path: $path,
            purpose: $purpose,
            audience: $audience,
            operation: None,
            route: || actix_web::web::route().to($handler),
        }),*]
    };
}
pub(crate) use pages;

/// A table of endpoints that are described: method, path, for whom it is, handler, summary, refusals, under the headings that they belong to.
macro_rules! operations {
    ($($tag:literal { $($method:ident $path:literal $audience:expr => $handler:path, $summary:literal $(, $status:literal $when:literal)*;)* })*) => {
        &[$($($crate::http::edge::endpoints::Endpoint {
            method: actix_web::http::Method::$method,
            path: $path,
            purpose: $summary,
            audience: $audience,
            operation: Some($crate::http::edge::operation::Operation {
                handler: stringify!($handler),
                tag: $tag,
                summary: $summary,
                refusals: &[$(($status, $when)),*],
                query: || $crate::http::edge::operation::query_names($handler),
                describe: |components| $crate::http::edge::operation::signature($handler, components),
            }),
            route: || actix_web::web::route().to($handler),
        }),*),*]
    };
}
pub(crate) use operations;

/// The rows of a path.
#[derive(Clone, Copy)]
struct Rows(&'static [Endpoint]);

/// The request came as HEAD.
#[derive(Debug, Clone, Copy)]
struct Head;

/// A resource for each path of the table. `refuse` answers methods that the path has not.
pub(crate) fn resources(table: &'static [Endpoint], refuse: fn() -> Route) -> impl Iterator<Item = Resource> {
    table.chunk_by(|one, next| one.path == next.path).map(move |endpoints| {
        let resource = web::resource(endpoints[0].path).app_data(Rows(endpoints)).default_service(refuse());
        let route = |endpoint: &Endpoint| (endpoint.route)().method(endpoint.method.clone());
        endpoints.iter().fold(resource, |resource, endpoint| resource.route(route(endpoint)))
    })
}

fn methods(endpoints: &[Endpoint]) -> Vec<&str> {
    let mut methods = Vec::new();
    for endpoint in endpoints {
        methods.push(endpoint.method.as_str());
        if endpoint.method == Method::GET {
            methods.push("HEAD");
        }
    }
    methods
}

/// The row that a request is answered by.
pub(crate) fn row(request: &HttpRequest) -> Option<&'static Endpoint> {
    let Rows(rows) = *request.app_data::<Rows>()?;
    rows.iter().find(|endpoint| endpoint.method == request.method())
}

/// The methods that the path of a refused request answers to, as `Allow` lists them.
pub(crate) fn allowed(request: &HttpRequest) -> String {
    request.app_data::<Rows>().map(|Rows(rows)| methods(rows).join(", ")).unwrap_or_default()
}

/// Routes HEAD as GET.
pub(crate) async fn head_as_get(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    if request.method() == Method::HEAD {
        request.extensions_mut().insert(Head);
        request.head_mut().method = Method::GET;
    }
    next.call(request).await
}

/// The method as it was sent.
pub(crate) fn method_of(request: &HttpRequest) -> Method {
    if request.extensions().contains::<Head>() { Method::HEAD } else { request.method().clone() }
}

/// Holds for HEAD, for paths where a GET uses something up and a HEAD must not.
pub(crate) fn is_head(context: &guard::GuardContext<'_>) -> bool {
    context.req_data().contains::<Head>()
}
