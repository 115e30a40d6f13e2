//! Answers with a resource: entity tag, location, and what was left out.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use scim::representation::Representation;
use scim::service::Written;
use scim::{Projection, Resource};

use super::caller::Outcome;
use crate::app::App;

/// A header that names the members of a pushed group that do not exist here and were left out.
const SKIPPED_MEMBERS: &str = "Skipped-Members";
/// A header that names those of them that the group waits for: they join when a user gets the name.
const PARKED_MEMBERS: &str = "Parked-Members";
/// How many names such a header has at most.
const NAMED: usize = 20;

pub(super) fn json(status: StatusCode) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    answer.content_type("application/scim+json");
    answer
}

/// A resource as it is; 304 if the caller already has this version (RFC 7644 §3.14).
pub(super) fn resource(
    request: &HttpRequest,
    app: &App,
    status: StatusCode,
    found: &Outcome<(Resource, Projection)>,
) -> HttpResponse {
    let Outcome { value: (resource, shown), registry } = found;
    let etag = resource.etag();
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok());
    if known.is_some_and(|tags| scim::precondition::none_match(tags, &etag)) {
        return HttpResponse::NotModified().insert_header((header::ETAG, etag)).finish();
    }
    let representation = Representation::new(resource, shown, registry, &app.scim_base);
    json(status)
        .insert_header((header::ETAG, etag))
        .insert_header((header::LOCATION, representation.location()))
        .body(representation.to_bytes())
}

/// A resource that was written; without a body for 204.
pub(super) fn written(app: &App, status: StatusCode, done: &Outcome<(Written, Projection)>) -> HttpResponse {
    let Outcome { value: (outcome, shown), registry } = done;
    let representation = Representation::new(&outcome.resource, shown, registry, &app.scim_base);
    let mut answer = json(status);
    answer
        .insert_header((header::ETAG, outcome.resource.etag()))
        .insert_header((header::LOCATION, representation.location()));
    for (name, members) in [(SKIPPED_MEMBERS, &outcome.skipped_members), (PARKED_MEMBERS, &outcome.parked_members)] {
        if !members.is_empty() {
            answer.insert_header((name, list(members)));
        }
    }
    match status {
        StatusCode::NO_CONTENT => answer.finish(),
        _ => answer.body(representation.to_bytes()),
    }
}

/// Names as the value of a header: `a, b`; what has no place there is percent-encoded.
fn list(names: &[String]) -> String {
    let mut value = String::new();
    for name in names.iter().take(NAMED) {
        if !value.is_empty() {
            value.push_str(", ");
        }
        for byte in name.bytes() {
            match byte {
                b' '..=b'~' if !b"%,".contains(&byte) => value.push(char::from(byte)),
                _ => value.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    if names.len() > NAMED {
        value.push_str(", ...");
    }
    value
}
