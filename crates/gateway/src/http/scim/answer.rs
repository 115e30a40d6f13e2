//! Answers with a resource: entity tag, location, and what was left out.

use actix_web::http::header::HeaderMap;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder};
use scim::representation::Representation;
use scim::service::Written;
use scim::{Projection, Registry, Resource};

use crate::app::App;

/// A header that names the members of a pushed group that do not exist here and were left out.
const SKIPPED_MEMBERS: &str = "Skipped-Members";
/// A header that names those of them that the group waits for: they join when a user gets the name.
const PARKED_MEMBERS: &str = "Parked-Members";
/// A header that names the attributes and paths of a request that name nothing here and were ignored.
const IGNORED_ATTRIBUTES: &str = "Ignored-Attributes";
/// How many names such a header has at most.
const NAMED: usize = 20;
/// How long the value of such a header is at most, in bytes: a proxy on the way may allow little more for all headers.
const LONGEST: usize = 2000;

pub(super) fn json(status: StatusCode) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    answer.content_type("application/scim+json");
    answer
}

/// A resource as it is shown.
#[derive(Debug)]
pub(super) struct Shown {
    etag: String,
    location: String,
    body: Vec<u8>,
}

impl Shown {
    pub(super) fn of(base: &str, registry: &Registry, resource: &Resource, shown: &Projection) -> Shown {
        let representation = Representation::new(resource, shown, registry, base);
        Shown { etag: resource.etag(), location: representation.location(), body: representation.to_bytes() }
    }
}

/// A resource as it is; 304 if the caller already has this version (RFC 7644 §3.14).
pub(super) fn resource(headers: &HeaderMap, status: StatusCode, found: Shown) -> HttpResponse {
    let Shown { etag, location, body } = found;
    let known = headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok());
    if known.is_some_and(|tags| scim::precondition::none_match(tags, &etag)) {
        return HttpResponse::NotModified().insert_header((header::ETAG, etag)).finish();
    }
    json(status).insert_header((header::ETAG, etag)).insert_header((header::LOCATION, location)).body(body)
}

/// What was written, as it is answered.
#[derive(Debug)]
pub(super) struct Done {
    shown: Shown,
    named: [(&'static str, Vec<String>); 3],
}

impl Done {
    /// Without a projection nothing is shown.
    pub(super) fn new(app: &App, registry: &Registry, written: &Written, shown: Option<&Projection>) -> Done {
        let Written { resource, skipped_members, pending_members, ignored_attributes, .. } = written;
        let shown = match shown {
            Some(shown) => Shown::of(&app.scim_base, registry, resource, shown),
            None => {
                let standard = Projection::standard(registry.get(resource.resource_type));
                let location = Representation::new(resource, &standard, registry, &app.scim_base).location();
                Shown { etag: resource.etag(), location, body: Vec::new() }
            }
        };
        let named = [
            (SKIPPED_MEMBERS, skipped_members.clone()),
            (PARKED_MEMBERS, pending_members.clone()),
            (IGNORED_ATTRIBUTES, ignored_attributes.clone()),
        ];
        Done { shown, named }
    }
}

/// A resource that was written; without a body for 204.
pub(super) fn written(status: StatusCode, done: Done) -> HttpResponse {
    let Done { shown: Shown { etag, location, body }, named } = done;
    let mut answer = json(status);
    answer.insert_header((header::ETAG, etag)).insert_header((header::LOCATION, location));
    for (header, names) in named.iter().filter(|(_, names)| !names.is_empty()) {
        answer.insert_header((*header, list(names)));
    }
    match status {
        StatusCode::NO_CONTENT => answer.finish(),
        _ => answer.body(body),
    }
}

/// Names as the value of a header: `a, b`; what has no place there is percent-encoded.
fn list(names: &[String]) -> String {
    let mut value = String::new();
    for (index, name) in names.iter().enumerate() {
        let mut encoded = String::with_capacity(name.len() + 2);
        for byte in name.bytes() {
            match byte {
                b' '..=b'~' if !b"%,".contains(&byte) => encoded.push(char::from(byte)),
                _ => encoded.push_str(&format!("%{byte:02X}")),
            }
        }
        if index == NAMED || value.len() + encoded.len() > LONGEST {
            value.push_str(", ...");
            break;
        }
        if index > 0 {
            value.push_str(", ");
        }
        value.push_str(&encoded);
    }
    value
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn report_5_a_header_of_names_is_bounded_and_holds_nothing_but_visible_characters() {
        let names = |names: &[&str]| list(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(names(&["title", "emails[type eq \"work\"].valu"]), "title, emails[type eq \"work\"].valu");
        assert_eq!(names(&["a\r\nSet-Cookie: b", "c,d", "é%\0"]), "a%0D%0ASet-Cookie: b, c%2Cd, %C3%A9%25%00");
        let long: Vec<String> = (0..32).map(|n| format!("{n}{}", "\u{1F600}".repeat(126))).collect();
        let value = list(&long);
        assert!(value.len() < LONGEST + 10 && value.ends_with(", ..."), "{value}");
        let many: Vec<String> = (0..32).map(|n| n.to_string()).collect();
        assert!(list(&many).ends_with("18, 19, ..."), "{}", list(&many));
        for value in [value, list(&many), names(&["\u{7f}\t"])] {
            HeaderValue::from_str(&value).expect("a header");
        }
    }
}
