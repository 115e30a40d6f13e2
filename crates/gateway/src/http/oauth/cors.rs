//! Which pages of other origins may read our answers (the CORS protocol of the Fetch standard): the public documents all of them, the
//! endpoints that public clients call those of the clients' redirect URIs. Never with cookies, and nowhere else: no SCIM, no admin API,
//! no page.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::App;
use crate::http::edge::endpoints::allowed;
use crate::storage::{DbError, ReadCost};

/// What the endpoints understand of a script.
const HEADERS: &str = "Authorization, Content-Type, DPoP";
/// What a script has to see of a refusal.
const EXPOSED: &str = "WWW-Authenticate, Retry-After";
/// How long a browser need not ask again, in seconds.
const MAX_AGE: &str = "600";
/// No origin of a browser is longer than a host name and what stands around it.
const LONGEST: usize = 300;

/// `OPTIONS` of an endpoint for public clients.
pub(super) async fn preflight(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    let mut answer = options(&request, HEADERS);
    let vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
    answer.headers_mut().insert(header::VARY, HeaderValue::from_static(vary));
    let origin = origin(&request);
    if let Some(origin) = origin.filter(|_| request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD))
        && is_registered(&app, None, &origin).await
    {
        permit(answer.headers_mut(), &origin);
    } else {
        withdraw(answer.headers_mut());
    }
    answer
}

/// `OPTIONS` of a public document.
pub(super) async fn preflight_of_document(request: HttpRequest) -> HttpResponse {
    let mut answer = options(&request, "*");
    answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    answer
}

/// An answer to a client that may be a page's script: readable for the page if its origin is registered for the client that the request
/// names, or, where it names none, for any.
pub(super) async fn share(
    request: &HttpRequest,
    app: &App,
    client: Option<&str>,
    mut answer: HttpResponse,
) -> HttpResponse {
    answer.headers_mut().insert(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin(request)
        && is_registered(app, client, &origin).await
    {
        permit(answer.headers_mut(), &origin);
        answer.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
    answer
}

fn options(request: &HttpRequest, headers: &'static str) -> HttpResponse {
    let allow = allowed(request);
    let methods = allow.split(", ").filter(|method| *method != "OPTIONS").collect::<Vec<_>>().join(", ");
    HttpResponse::NoContent()
        .insert_header((header::ALLOW, allow))
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, methods))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, headers))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, MAX_AGE))
        .finish()
}

fn permit(headers: &mut HeaderMap, origin: &str) {
    if let Ok(value) = origin.parse() {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, value);
    }
}

fn withdraw(headers: &mut HeaderMap) {
    const PERMITS: [HeaderName; 3] =
        [header::ACCESS_CONTROL_ALLOW_METHODS, header::ACCESS_CONTROL_ALLOW_HEADERS, header::ACCESS_CONTROL_MAX_AGE];
    PERMITS.iter().for_each(|name| drop(headers.remove(name)));
}

/// The origin of the page, if there is one and it has one (`null` is none).
fn origin(request: &HttpRequest) -> Option<String> {
    let mut sent = request.headers().get_all(header::ORIGIN);
    match (sent.next()?.to_str(), sent.next()) {
        (Ok(origin), None) if origin.len() <= LONGEST && origin.contains("://") => Some(origin.to_owned()),
        _ => None,
    }
}

async fn is_registered(app: &App, client: Option<&str>, origin: &str) -> bool {
    let (client, key) = (client.map(str::to_owned), oauth::client::origin_key(origin).to_owned());
    let found = app.db.read(ReadCost::Point, move |tx| tx.is_origin_of_client(client.as_deref(), &key)).await;
    found.unwrap_or_else(|error: DbError| {
        tracing::error!(%error, "the origins of clients cannot be read");
        false
    })
}
