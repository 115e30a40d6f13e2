//! The access token that a request brings along (RFC 6750 §2): in its header, and nowhere else.

use actix_web::HttpRequest;
use actix_web::http::header;
use oauth::BearerError;

use super::query;

/// The `Authorization` header as it came. A token in the URL is refused even if it counts and whatever the header says: URLs end
/// up in logs, histories and referrers (RFC 9700 §4.3.2).
pub(crate) fn presented(request: &HttpRequest) -> Result<Option<String>, BearerError> {
    let pairs = query::pairs(request.query_string()).unwrap_or_default();
    if pairs.iter().any(|(name, _)| name == "access_token") {
        return Err(BearerError::Malformed("Send the access token in the Authorization header, never in the URL"));
    }
    // Bytes that are no text can be no token.
    let authorization = request.headers().get(header::AUTHORIZATION);
    Ok(authorization.map(|value| value.to_str().unwrap_or("?").to_owned()))
}
