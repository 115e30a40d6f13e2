use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Cursors, TIMEOUT, Unsealed, read};
use crate::error::Error;
use crate::message::search_request::SearchRequest;
use crate::schema::{GROUP, USER};
use crate::service;
use crate::testing::{World, refusal};
use crate::urn;

/// The ids on a page, and what leads to the next one.
fn page(list: &Value) -> (Vec<String>, Option<String>) {
    let resources = list["Resources"].as_array().expect("a list");
    assert_eq!(list["itemsPerPage"], resources.len());
    let ids = resources.iter().map(|resource| resource["id"].as_str().expect("an id").to_owned()).collect();
    (ids, list.get("nextCursor").map(|cursor| cursor.as_str().expect("text").to_owned()))
}

fn five() -> World {
    let mut world = World::new();
    for name in ["ana", "ben", "cas", "dan", "eve"] {
        world.user(name);
    }
    world
}

#[test]
fn point_49_only_the_last_page_has_no_next_cursor() {
    let mut world = five();
    let mut check = |query: &[(&str, &str)], count: &str, expected: &[&[&str]]| {
        let (mut cursor, mut pages) = (String::new(), Vec::new());
        loop {
            let mut query = query.to_vec();
            query.extend([("cursor", cursor.as_str()), ("count", count)]);
            let list = world.list(USER, &query).unwrap();
            assert_eq!(list["totalResults"], expected.concat().len());
            assert_eq!((list.get("startIndex"), list.get("previousCursor")), (None, None));
            let (ids, next) = page(&list);
            pages.push(ids);
            let Some(next) = next else { break };
            assert!(next.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)), "point 50: {next}");
            cursor = next;
        }
        assert_eq!(pages, expected, "{query:?} by {count}");
    };
    check(&[], "2", &[&["id-1", "id-2"], &["id-3", "id-4"], &["id-5"]]);
    check(&[], "5", &[&["id-1", "id-2", "id-3", "id-4", "id-5"]]);
    check(&[], "1000", &[&["id-1", "id-2", "id-3", "id-4", "id-5"]]);
    check(&[("filter", "userName sw \"a\" or userName ge \"d\"")], "2", &[&["id-1", "id-4"], &["id-5"]]);
    check(&[("filter", "userName co \"n\"")], "1", &[&["id-1"], &["id-2"], &["id-4"]]);
    check(&[("filter", "id eq \"nobody\"")], "2", &[&[]]);
    let none = world.list(USER, &[("cursor", ""), ("count", "0")]).unwrap();
    assert_eq!((&none["totalResults"], page(&none)), (&json!(5), (vec![], None)), "count 0 asks for the total alone");
    let by_index = world.list(USER, &[("count", "2")]).unwrap();
    assert_eq!((&by_index["startIndex"], by_index.get("nextCursor")), (&json!(1), None), "point 52: index by default");
}

#[test]
fn point_50_and_51_a_cursor_is_good_for_its_own_query_only() {
    let mut world = five();
    world.group("Editors", &[]);
    let first = [("count", "2"), ("filter", "userName pr"), ("attributes", "userName"), ("cursor", "")];
    let cursor = page(&world.list(USER, &first).unwrap()).1.expect("more");
    let asked = |change: &[(&'static str, &'static str)]| {
        let mut query = first.to_vec();
        for (name, value) in change {
            query.retain(|(known, _)| known != name);
            query.push((name, value));
        }
        query.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect::<Vec<_>>()
    };
    let check =
        |world: &mut World, cursor: &str, change: &[(&'static str, &'static str)], expected: Option<&'static str>| {
            let query = asked(change);
            let query: Vec<(&str, &str)> = query
                .iter()
                .map(|(name, value)| (name.as_str(), if name == "cursor" { cursor } else { value.as_str() }))
                .collect();
            let status = if expected.is_some() { 400 } else { 200 };
            assert_eq!(refusal(world.list(USER, &query)), (status, expected), "{query:?}");
        };
    check(&mut world, &cursor, &[], None);
    check(&mut world, &cursor, &[("filter", "userName  PR")], None);
    check(&mut world, &cursor, &[("filter", "userName sw \"a\"")], Some("invalidCursor"));
    check(&mut world, &cursor, &[("attributes", "userName,title")], Some("invalidCursor"));
    check(&mut world, &cursor, &[("sortOrder", "descending")], Some("invalidCursor"));
    check(&mut world, &cursor, &[("count", "3")], Some("invalidCount"));
    check(&mut world, &cursor, &[("count", "-1")], Some("invalidCount"));
    check(&mut world, &cursor, &[("count", "1001")], Some("invalidCount"));
    check(&mut world, "", &[("count", "1001")], Some("invalidCount"));
    check(&mut world, &cursor, &[("startIndex", "3")], Some("invalidValue"));
    for forged in ["x", "zz", "00", "é", &cursor[2..], &format!("{cursor}00"), &"0".repeat(5_000)] {
        check(&mut world, forged, &[], Some("invalidCursor"));
    }
    let of_groups = [("cursor", cursor.as_str()), ("count", "2"), ("filter", "displayName pr")];
    assert_eq!(refusal(world.list(GROUP, &of_groups)), (400, Some("invalidCursor")));
    world.now += i64::from(TIMEOUT) * 1_000 - 60_000;
    check(&mut world, &cursor, &[], None);
    world.now += 60_000;
    check(&mut world, &cursor, &[], Some("expiredCursor"));
}

#[test]
fn point_52_a_search_by_post_has_cursors_too() {
    let mut world = five();
    let mut ask = |cursor: Value| {
        let body = json!({ "schemas": [urn::SEARCH_REQUEST], "cursor": cursor, "count": 3 });
        let request = SearchRequest::from_body(&body)?;
        let projection = world.projection(USER);
        world.work(|store, cx| service::search(store, cx, USER, &request, &projection))
    };
    let first = ask(json!("")).unwrap();
    assert_eq!((first.resources.len(), first.start_index), (3, None));
    let last = ask(json!(first.next_cursor)).unwrap();
    assert_eq!((last.resources.len(), last.next_cursor), (2, None));
    let by_index = ask(json!(null)).unwrap();
    assert_eq!((by_index.start_index, by_index.next_cursor), (Some(1), None));
    assert_eq!(refusal::<()>(ask(json!(7)).map(drop)), (400, Some("invalidSyntax")));
}

#[test]
fn where_there_are_no_cursors_they_are_refused() {
    let mut world = five();
    let request = SearchRequest::from_query([("cursor", "")]).unwrap();
    let projection = world.projection(USER);
    let refused = world.work(|store, cx| -> Result<_, Error> {
        cx.cursors = None;
        service::search(store, cx, USER, &request, &projection)
    });
    assert_eq!(refusal(refused), (400, Some("invalidCursor")));
}

proptest! {
    #[test]
    fn any_bytes_may_be_opened(bytes: Vec<u8>) {
        prop_assert_eq!(Unsealed.open(&Unsealed.seal(&bytes)), Some(bytes.clone()));
        prop_assert!(read(&bytes).is_none() || bytes.len() >= 71);
    }

    /// Point 49, under change: a resource that exists throughout is returned exactly once, and none twice.
    #[test]
    fn a_walk_meets_everybody_who_stayed_exactly_once(
        before in 0usize..12,
        count in 1u32..5,
        filter in prop::sample::select(vec!["", "userName pr", "title co \"e\""]),
        changes in prop::collection::vec(prop::collection::vec(prop::option::of(0usize..20), 0..4), 0..12),
    ) {
        let mut world = World::new();
        let mut made = 0;
        let mut create = |world: &mut World| {
            made += 1;
            let body = json!({ "userName": format!("user{made}"), "role": "admin", "title": "Editor" });
            world.create(USER, body).expect("a user").resource.id.to_string()
        };
        let mut there: Vec<String> = (0..before).map(|_| create(&mut world)).collect();
        let mut stayed = there.clone();
        let (mut met, mut cursor) = (Vec::new(), String::new());
        for changes in changes.into_iter().chain(std::iter::repeat(Vec::new())) {
            let count = count.to_string();
            let mut query = vec![("cursor", cursor.as_str()), ("count", count.as_str())];
            if !filter.is_empty() {
                query.push(("filter", filter));
            }
            let (ids, next) = page(&world.list(USER, &query).expect("a page"));
            met.extend(ids);
            let Some(next) = next else { break };
            cursor = next;
            for change in changes {
                match change {
                    Some(n) if !there.is_empty() => {
                        let gone = there.remove(n % there.len());
                        stayed.retain(|id| *id != gone);
                        world.delete(USER, &gone).expect("deleted");
                    }
                    _ => there.push(create(&mut world)),
                }
            }
        }
        let mut once = met.clone();
        once.sort();
        once.dedup();
        prop_assert_eq!(once.len(), met.len(), "no resource twice");
        for id in stayed {
            prop_assert!(met.contains(&id), "{} was there throughout", id);
        }
    }
}
