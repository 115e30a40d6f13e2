//! One log line for each request, and a span where traces are sent: what, how it ended, whose it was, how long it took. Never a path as it was
//! sent, a query, a header or a body.

use actix_web::dev::ServiceRequest;
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::domain::metrics::requests::Answered;
use crate::domain::request::{Findings, RequestId};
use crate::platform::traces::{self, SPANS};

/// What is asked every few seconds by what watches the server.
const PROBES: [&str; 3] = ["/health/live", "/health/ready", "/metrics"];

/// The span of a request, in the trace of the caller if one is told (W3C Trace Context). A probe has none.
pub(super) fn span(request: &ServiceRequest, is_trusted: bool) -> Span {
    if PROBES.contains(&request.path()) {
        return Span::none();
    }
    let span = tracing::info_span!(target: SPANS, "request", otel.kind = "server", otel.status_code = Empty);
    let mut told = request.headers().get_all("traceparent");
    if !span.is_disabled()
        && let (Some(parent), None) = (told.next(), told.next())
        && let Ok(parent) = parent.to_str()
    {
        traces::go_on(&span, parent, is_trusted);
    }
    span
}

/// Says what came of a request, by the names of OpenTelemetry's conventions.
fn finish(span: &Span, id: &RequestId, answered: &Answered<'_>, findings: &Findings) {
    let Answered { method, route, status, code, .. } = *answered;
    let method = if method == "…" { "_OTHER" } else { method };
    traces::rename(span, format!("{method} {route}"));
    if status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
    span.set_attribute("http.request.method", method);
    span.set_attribute("http.route", route.to_owned());
    span.set_attribute("http.response.status_code", i64::from(status));
    span.set_attribute("gateway.request_id", id.to_string());
    let known = [
        ("gateway.refusal_code", code.map(|code| code.name().to_owned())),
        ("gateway.account", findings.account_id.clone()),
        ("gateway.client", findings.client_id.clone()),
    ];
    for (name, value) in known {
        if let Some(value) = value {
            span.set_attribute(name, value);
        }
    }
}

/// Logs a request at info level; failures of ours at error level are logged where they happen.
pub(super) fn tell(span: &Span, id: &RequestId, answered: &Answered<'_>, findings: &Findings) {
    let Answered { method, route, status, code, took } = answered;
    if PROBES.contains(route) {
        tracing::debug!(request = %id, method, route, status, "answered a probe");
        return;
    }
    let trace = match span.is_disabled() {
        true => None,
        false => {
            finish(span, id, answered, findings);
            traces::id_of(span)
        }
    };
    tracing::info!(
        request = %id,
        method,
        route,
        status,
        code = code.map(|code| code.name()),
        account = findings.account_id,
        client = findings.client_id,
        millis = took.as_micros() as f64 / 1000.0,
        trace,
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
