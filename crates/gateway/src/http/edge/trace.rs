//! One log line for each request: what, how it ended, how long it took. Never a query, a header or a body, nor a secret that a client
//! put into the path.

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
    let (method, path, began) = (request.method().clone(), without_secrets(request.path()), Instant::now());
    let response = next.call(request).await?;
    let status = response.status().as_u16();
    tracing::debug!(%method, path, status, millis = began.elapsed().as_secs_f64() * 1000.0, "answered");
    Ok(response)
}

/// A path with our own secrets cut off behind their prefixes.
pub(crate) fn without_secrets(path: &str) -> String {
    let mut told = String::with_capacity(path.len());
    for (n, segment) in path.split('/').enumerate() {
        if n > 0 {
            told.push('/');
        }
        let secret = oauth::Prefix::ALL.iter().filter_map(|prefix| segment.find(prefix.as_str())).min();
        match secret {
            Some(at) => {
                told.push_str(&segment[..at + 4]);
                told.push('…');
            }
            None => told.push_str(segment),
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_a_path_is_not_told() {
        assert_eq!(without_secrets("/admin/clients/gws_abc/secrets"), "/admin/clients/gws_…/secrets");
        assert_eq!(without_secrets("/x/token=gwa_abcgwr_d"), "/x/token=gwa_…");
        assert_eq!(without_secrets("/scim/v2/Users/0198"), "/scim/v2/Users/0198");
    }
}
