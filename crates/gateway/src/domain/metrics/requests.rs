//! Requests, and what came of them.

use std::borrow::Cow;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::seconds;
use crate::domain::request::{Findings, RefusalCode};
use crate::domain::tolerances::Tolerances;

/// The endpoint that gives tokens.
const TOKEN: &str = "/oauth2/token";
/// What all SCIM endpoints begin with.
const SCIM: &str = "/scim/v2/";

/// A request that was answered, as far as it is counted.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// `PATCH`
    pub method: &'static str,
    /// The route, never a path as it was sent.
    pub route: &'a str,
    /// The status of the answer.
    pub status: u16,
    /// Why it was refused, if it was.
    pub code: Option<RefusalCode>,
    /// How long it took.
    pub took: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStatus {
    method: &'static str,
    route: Cow<'static, str>,
    status: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByRoute {
    method: &'static str,
    route: Cow<'static, str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCode {
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByGrant {
    grant_type: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOperation {
    resource: Cow<'static, str>,
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByTolerance {
    tolerance: &'static str,
    outcome: &'static str,
}

/// Requests, and what came of them. Clones are the same.
#[derive(Debug, Clone)]
pub struct Requests {
    answered: Family<ByStatus, Counter>,
    durations: Family<ByRoute, Histogram, fn() -> Histogram>,
    refusals: Family<ByCode, Counter>,
    tokens: Family<ByGrant, Counter>,
    operations: Family<ByOperation, Counter>,
    tolerances: Family<ByTolerance, Counter>,
}

impl Default for Requests {
    fn default() -> Requests {
        Requests {
            answered: Family::default(),
            durations: Family::new_with_constructor(seconds),
            refusals: Family::default(),
            tokens: Family::default(),
            operations: Family::default(),
            tolerances: Family::default(),
        }
    }
}

impl Requests {
    /// Counts a request, and what was found out about it.
    pub fn count(&self, answered: &Answered<'_>, findings: &Findings) {
        let Answered { method, route, status, code, took } = *answered;
        let by_status = ByStatus { method, route: route.to_owned().into(), status: status.into() };
        self.answered.get_or_create(&by_status).inc();
        let by_route = ByRoute { method, route: by_status.route };
        self.durations.get_or_create(&by_route).observe(took.as_secs_f64());
        if let Some(code) = code {
            self.refusals.get_or_create(&ByCode { code: code.name() }).inc();
        }
        if route == TOKEN && method == "POST" {
            let outcome = code.map_or("issued", RefusalCode::name);
            self.tokens.get_or_create(&ByGrant { grant_type: findings.grant_type.unwrap_or("none"), outcome }).inc();
        }
        self.operation(method, route, status);
        for part in &findings.parts {
            self.operation(part.method, &part.endpoint, part.status);
        }
        if let Some(needed) = findings.tolerances {
            self.needed(needed.forgiven, "forgiven");
            if status >= 400 {
                self.needed(needed.missed, "refused");
            }
        }
    }

    fn operation(&self, method: &'static str, route: &str, status: u16) {
        let Some((resource, operation)) = operation(method, route) else { return };
        let outcome = match status {
            ..400 => "done",
            400..500 => "refused",
            _ => "failed",
        };
        self.operations.get_or_create(&ByOperation { resource: resource.to_owned().into(), operation, outcome }).inc();
    }

    fn needed(&self, tolerances: Tolerances, outcome: &'static str) {
        for tolerance in tolerances.iter() {
            self.tolerances.get_or_create(&ByTolerance { tolerance: tolerance.name(), outcome }).inc();
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("requests", "Requests that were answered", self.answered.clone());
        registry.register("request_seconds", "How long a request took until its answer began", self.durations.clone());
        registry.register("refusals", "Requests that were refused, by the code of the refusal", self.refusals.clone());
        registry.register("tokens", "Token requests: issued, or the code of the refusal", self.tokens.clone());
        registry.register(
            "scim_operations",
            "Operations on SCIM resources, those of bulk requests among them: done, refused, or failed",
            self.operations.clone(),
        );
        registry.register(
            "tolerances",
            "Requests that needed to be forgiven a deviation from the RFCs, and were, or were refused for it",
            self.tolerances.clone(),
        );
    }
}

/// Which resources a SCIM request is about, and what it does to them.
fn operation<'r>(method: &str, route: &'r str) -> Option<(&'r str, &'static str)> {
    let (resource, rest) = match route.strip_prefix(SCIM)?.split_once('/') {
        Some((resource, rest)) => (resource, Some(rest)),
        None => (route.strip_prefix(SCIM)?, None),
    };
    if !resource.chars().all(|c| c.is_ascii_alphanumeric()) || matches!(resource, "Bulk" | "Me") {
        return None;
    }
    let operation = match (method, rest) {
        ("POST", None) => "create",
        ("GET", None) | ("POST", Some(".search")) => "list",
        ("GET", Some(_)) => "read",
        ("PUT", Some(_)) => "replace",
        ("PATCH", Some(_)) => "patch",
        ("DELETE", Some(_)) => "delete",
        _ => return None,
    };
    Some((resource, operation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_read_off_its_method_and_route() {
        for (method, route, expected) in [
            ("POST", "/scim/v2/Users", Some(("Users", "create"))),
            ("GET", "/scim/v2/Users", Some(("Users", "list"))),
            ("POST", "/scim/v2/Groups/.search", Some(("Groups", "list"))),
            ("GET", "/scim/v2/Users/{id}", Some(("Users", "read"))),
            ("PUT", "/scim/v2/Users/{id}", Some(("Users", "replace"))),
            ("PATCH", "/scim/v2/Groups/{id}", Some(("Groups", "patch"))),
            ("DELETE", "/scim/v2/Groups/{id}", Some(("Groups", "delete"))),
            ("POST", "/scim/v2/Bulk", None),
            ("GET", "/scim/v2/Me", None),
            ("GET", "/scim/v2/…", None),
            ("POST", "/oauth2/token", None),
            ("OPTIONS", "/scim/v2/Users", None),
        ] {
            assert_eq!(operation(method, route), expected, "{method} {route}");
        }
    }
}
