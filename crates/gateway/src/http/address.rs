//! Where a request came from, for the audit trail.

use std::net::IpAddr;

use actix_web::HttpRequest;

/// The peer's address; behind a trusted proxy, the last address it did not add itself.
pub(crate) fn of(request: &HttpRequest, trusted: &[IpAddr]) -> Option<String> {
    let peer = request.peer_addr()?.ip();
    if !trusted.contains(&peer) {
        return Some(peer.to_string());
    }
    let chain: Vec<&str> = request
        .headers()
        .get_all("X-Forwarded-For")
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let stranger = chain.iter().rev().filter_map(|text| text.parse::<IpAddr>().ok()).find(|ip| !trusted.contains(ip));
    Some(stranger.unwrap_or(peer).to_string())
}
