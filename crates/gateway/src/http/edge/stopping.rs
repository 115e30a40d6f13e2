//! Answers of a server that was told to stop: each is the last of its connection, so clients and proxies open the next one elsewhere.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::middleware::Next;
use actix_web::web;

use crate::app::App;

/// `Connection: close` (RFC 9112 §9.6) while the server stops.
pub(crate) async fn close_when_stopping(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let stopping = request.app_data::<web::Data<App>>().map(|app| app.stopping.clone());
    let mut response = next.call(request).await?;
    if stopping.is_some_and(|stopping| stopping.has_begun()) {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}
