//! One log line for each request: what, how it ended, whose it was, how long it took. Never a path as it was sent, a query, a header or a body.

use crate::domain::metrics::requests::Answered;
use crate::domain::request::{Findings, RequestId};

/// What is asked every few seconds by what watches the server.
const PROBES: [&str; 3] = ["/health/live", "/health/ready", "/metrics"];

/// Logs a request at info level; failures of ours at error level are logged where they happen.
pub(super) fn tell(id: &RequestId, answered: &Answered<'_>, findings: &Findings) {
    let Answered { method, route, status, code, took } = answered;
    if PROBES.contains(route) {
        tracing::debug!(request = %id, method, route, status, "answered a probe");
        return;
    }
    tracing::info!(
        request = %id,
        method,
        route,
        status,
        code = code.map(|code| code.name()),
        account = findings.account_id,
        client = findings.client_id,
        millis = took.as_micros() as f64 / 1000.0,
        "answered"
    );
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
