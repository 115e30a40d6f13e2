//! Each request has an id, which its answer tells: `X-Request-Id`.

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, web};
use tracing::Instrument;

use super::address;
use super::kept;
use super::recording::Begun;
use super::trace;
use crate::app::App;
use crate::config::TrustedProxies;
use crate::domain::actor::Source;
use crate::domain::request::RequestId;
use crate::platform::system;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Gives the request its id, and tells it: in the answer, and as a span around all that is logged of the request. What came of it goes to
/// the request log.
pub(crate) async fn identify(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let Some(app) = request.app_data::<web::Data<App>>().cloned() else {
        return Ok(next.call(request).await?.map_body(|_, body| EitherBody::<BoxBody, _>::right(body)));
    };
    let at = app.clock.now();
    let proxys = id_of_proxy(request.request(), &app.config.server.trusted_proxies);
    let id = proxys.unwrap_or_else(|| RequestId::Made { at, bits: system::unique() });
    let is_trusted = is_of_proxy(request.request(), &app.config.server.trusted_proxies);
    let begun = Begun::now(at, id.clone(), &request, trace::span(&request, is_trusted));
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(begun.notes.clone());
    let span = tracing::error_span!("request", %id);
    match next.call(request).instrument(span).instrument(begun.span.clone()).await {
        Ok(response) => {
            let mut held = None;
            let mut response = response.map_body(|_, body| {
                let (body, answer) = kept::hold_answer(body, begun.is_recorded());
                held = answer;
                body
            });
            tell(response.headers_mut(), &id);
            begun.answered(&app, &response, held);
            Ok(response)
        }
        Err(error) => {
            let mut answer = error.error_response();
            tell(answer.headers_mut(), &id);
            Err(InternalError::from_response(error, answer).into())
        }
    }
}

fn tell(headers: &mut HeaderMap, id: &RequestId) {
    if let Ok(value) = HeaderValue::try_from(id.to_string()) {
        headers.insert(HEADER, value);
    }
}

/// Whether a trusted proxy sends it.
fn is_of_proxy(request: &HttpRequest, trusted: &TrustedProxies) -> bool {
    request.peer_addr().is_some_and(|peer| trusted.contains(peer.ip().to_canonical()))
}

/// The id that a trusted proxy gave: the one that comes from the outside would let a caller choose what the log says.
fn id_of_proxy(request: &HttpRequest, trusted: &TrustedProxies) -> Option<RequestId> {
    if !is_of_proxy(request, trusted) {
        return None;
    }
    let mut given = request.headers().get_all(HEADER);
    match (given.next(), given.next()) {
        (Some(id), None) => RequestId::given(id.to_str().ok()?),
        _ => None,
    }
}

/// The id of a request.
pub(crate) fn of(request: &HttpRequest) -> Option<RequestId> {
    request.extensions().get::<RequestId>().cloned()
}

/// Where a request came from, and its id.
pub(crate) fn source_of(request: &HttpRequest, trusted: &TrustedProxies) -> Source {
    Source { address: address::of(request, trusted), request: of(request) }
}
