//! One log line for each request: what, how it ended, how long it took. Never a query, a header or a body.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;

/// Logs at debug level; failures of ours at error level are logged where they happen.
pub(crate) async fn log(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return next.call(request).await;
    }
    let (method, path, began) = (request.method().clone(), request.path().to_owned(), Instant::now());
    let response = next.call(request).await?;
    let status = response.status().as_u16();
    tracing::debug!(%method, path, status, millis = began.elapsed().as_secs_f64() * 1000.0, "answered");
    Ok(response)
}
