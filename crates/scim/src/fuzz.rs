//! Properties that hold for any input: each function takes untrusted input and panics where a promise is broken. The
//! fuzzers of `fuzz/` call them, and so do the property tests below.

use serde_json::{Value, json};

use crate::error::Error;
use crate::examples::{barbara_jensen, tour_guides};
use crate::json;
use crate::message::bulk::{Failure, Job};
use crate::message::search_request::SearchRequest;
use crate::patch::PatchRequest;
use crate::precondition::Precondition;
use crate::query::filter::Filter;
use crate::query::path::AttributePath;
use crate::resource::Resource;
use crate::schema::{GROUP, Registry, ResourceTypeId, USER};
use crate::testing::{BASE, World, is_canonical, named};
use crate::tolerance::Tolerances;
use crate::{service, urn};

/// A refusal has a 4xx status and a detail.
fn refused(error: &Error) {
    let (status, _) = error.wire();
    assert!((400..500).contains(&status), "{status}: {error}");
    assert!(!error.detail().is_empty());
    let body = error.body().to_string();
    assert!(body.len() < 30_000, "a refusal is not longer than what is worth reading: {} bytes", body.len());
}

/// A body is parsed as the JSON library parses it, or refused.
pub fn body(bytes: &[u8]) {
    match json::parse(bytes) {
        Ok(value) => {
            let plain = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            assert_eq!(value, serde_json::from_slice::<Value>(plain).expect("JSON"));
        }
        Err(error) => refused(&error),
    }
}

/// A filter is refused; or it survives being written and parsed again, can be planned, and its answer for every
/// resource agrees with the plan.
pub fn filter(text: &str) {
    let filter = match text.parse::<Filter>() {
        Ok(filter) => filter,
        Err(error) => return refused(&error),
    };
    let written = filter.to_string();
    match written.parse::<Filter>() {
        Ok(again) => assert_eq!(again, filter, "{written}"),
        // Written out, it may exceed the limit.
        Err(error) => refused(&error),
    }
    let registry = Registry::standard();
    for (kind, resource) in [(USER, barbara_jensen()), (GROUP, tour_guides())] {
        match filter.resolve(registry.get(kind)) {
            Ok(predicate) => {
                let matches = predicate.matches(&resource);
                let negated = Filter::Not(Box::new(filter.clone())).resolve(registry.get(kind)).expect("its opposite");
                assert_eq!(negated.matches(&resource), !matches, "{written}");
                let _ = predicate.plan(registry.get(kind));
            }
            Err(error) => refused(&error),
        }
    }
}

/// A path is refused, or survives being written and parsed again.
pub fn path(text: &str) {
    let path = match text.parse::<AttributePath>() {
        Ok(path) => path,
        Err(error) => return refused(&error),
    };
    match path.to_string().parse::<AttributePath>() {
        Ok(again) => assert_eq!(again, path),
        Err(error) => refused(&error),
    }
    for kind in [USER, GROUP] {
        if let Err(error) = path.resolve(Registry::standard().get(kind)) {
            refused(&error);
        }
    }
}

/// A PATCH is refused and leaves the resource unchanged, or leaves one that can be stored, read and put back.
pub fn patch(bytes: &[u8]) {
    let Ok(body) = json::parse(bytes) else { return };
    let request = match PatchRequest::parse(&body) {
        Ok(request) => request,
        Err(error) => return refused(&error),
    };
    for tolerances in [Tolerances::EVERY, Tolerances::NONE] {
        let (mut world, user, group) = world(tolerances);
        patch_one(&mut world, USER, &user, &request);
        patch_one(&mut world, GROUP, &group, &request);
    }
}

fn patch_one(world: &mut World, kind: ResourceTypeId, id: &str, request: &PatchRequest) {
    let before = world.get(kind, id).expect("a resource");
    let projection = world.projection(kind);
    let patch = |world: &mut World| {
        world.work(|store, cx| service::patch(store, cx, kind, &named(id), request, &Precondition::None, &projection))
    };
    match patch(world) {
        Err(error) => {
            refused(&error);
            assert_eq!(world.get(kind, id).expect("a resource"), before, "a refused PATCH leaves no trace");
        }
        Ok(written) => {
            let Resource { meta, .. } = &written.resource;
            assert_eq!(meta.version > 1, written.changed);
            assert!(is_canonical(&Value::Object(written.resource.attributes().clone())), "{:?}", written.resource);
            let after = world.get(kind, id).expect("a resource");
            assert_eq!(after != before, written.changed, "{before}\n{after}");
            let put = world.put(kind, id, after.clone());
            assert!(
                put.as_ref().is_ok_and(|written| !written.changed),
                "what was answered can be put back: {put:?}\n{after}"
            );
        }
    }
}

/// A search is refused or answered.
pub fn search(bytes: &[u8]) {
    let Ok(body) = json::parse(bytes) else { return };
    let request = match SearchRequest::from_body(&body) {
        Ok(request) => request,
        Err(error) => return refused(&error),
    };
    let (mut world, ..) = world(Tolerances::EVERY);
    for kind in [USER, GROUP] {
        let projection = match request.projection(world.registry.get(kind)) {
            Ok(projection) => projection,
            Err(error) => return refused(&error),
        };
        match world.work(|store, cx| service::search(store, cx, kind, &request, &projection)) {
            Ok(list) => assert!(list.resources.len() as u64 <= list.total),
            Err(error) => refused(&error),
        }
    }
}

/// A bulk request is refused as a whole, or ends with an answer for each operation.
pub fn bulk(bytes: &[u8]) {
    let Ok(body) = json::parse(bytes) else { return };
    let (mut world, ..) = world(Tolerances::EVERY);
    let members = body.as_object().into_iter().flatten();
    let asked = members.filter(|(name, _)| name.eq_ignore_ascii_case("Operations")).map(|(_, all)| all);
    let asked: usize = asked.filter_map(Value::as_array).map(Vec::len).sum();
    let mut job = match Job::parse(body, &world.registry, BASE) {
        Ok(job) => job,
        Err(error) => return refused(&error),
    };
    let mut steps = 0;
    while let Some(step) = job.next() {
        steps += 1;
        assert!(steps <= 4 * (asked + 1), "it comes to an end");
        let outcome = world.work(|store, cx| step.run(store, cx));
        job.done(outcome.map_err(|error| {
            refused(&error);
            Failure::from(error)
        }));
    }
    let answered = job.response();
    assert!(answered["Operations"].as_array().is_some_and(|operations| operations.len() <= asked), "{answered}");
}

/// A user with many kinds of attributes, and a group that contains the user.
fn world(tolerances: Tolerances) -> (World, String, String) {
    let mut world = World::new();
    let user = json!({
        "userName": "ana", "role": "admin", "title": "Editor", "badge": "gold", "name": { "givenName": "Ana" },
        "emails": [{ "value": "a@w", "type": "work", "primary": true }, { "value": "a@h", "type": "home" }],
        "product_environments": ["prod"], (urn::ENTERPRISE_USER): { "department": "News", "manager": { "value": "m" } }
    });
    let user = world.create(USER, user).expect("a user").resource.id.to_string();
    let group = world.group("Editors", &[&user]);
    world.on = tolerances;
    (world, user, group)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::testing::any_value;

    /// Text in which words of filters and paths occur often.
    fn any_text() -> impl Strategy<Value = String> {
        let words = prop::sample::select(vec![
            "userName",
            "emails",
            "members",
            "meta.created",
            "active",
            "name.givenName",
            " eq ",
            " co ",
            " pr",
            " and ",
            " or ",
            "not ",
            "(",
            ")",
            "[",
            "]",
            ".",
            ":",
            "\"",
            "\\",
            "\"work\"",
            "type",
            "value",
            "true",
            "null",
            "42",
            "1e9",
            "é",
            "\0",
            "urn:ietf:params:scim:schemas:core:2.0:User:",
            " ",
            "$ref",
            "2011-08-01T21:32:44Z",
        ]);
        prop_oneof![4 => prop::collection::vec(words, 0..14).prop_map(|words| words.concat()), 1 => any::<String>()]
    }

    fn any_message(schema: &'static str) -> impl Strategy<Value = String> {
        let operation = (
            prop::sample::select(vec!["add", "remove", "replace", "POST", "PUT", "PATCH", "DELETE"]),
            any_text(),
            any_value(),
        );
        prop::collection::vec(operation, 0..4).prop_map(move |operations| {
            let operations: Vec<_> = operations
                .into_iter()
                .map(|(op, path, value)| serde_json::json!({ "op": op, "method": op, "path": path, "value": value, "data": value }))
                .collect();
            serde_json::json!({ "schemas": [schema], "Operations": operations }).to_string()
        })
    }

    proptest! {
        #[test]
        fn a_body_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            super::body(&bytes);
        }

        #[test]
        fn a_filter_keeps_its_promises(text in any_text()) {
            super::filter(&text);
        }

        #[test]
        fn a_path_keeps_its_promises(text in any_text()) {
            super::path(&text);
        }

        #[test]
        fn a_patch_keeps_its_promises(body in any_message(crate::urn::PATCH_OP)) {
            super::patch(body.as_bytes());
        }

        #[test]
        fn a_bulk_request_keeps_its_promises(body in any_message(crate::urn::BULK_REQUEST)) {
            super::bulk(body.as_bytes());
        }

        #[test]
        fn a_search_keeps_its_promises(filter in any_text(), sort in any_text(), count in any::<i64>()) {
            let body = serde_json::json!({
                "schemas": [crate::urn::SEARCH_REQUEST], "filter": filter, "sortBy": sort, "count": count, "startIndex": -count
            });
            super::search(body.to_string().as_bytes());
        }
    }
}
