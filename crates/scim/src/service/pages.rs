//! Tests of pages that end early for lack of room: every resource is returned exactly once.

use serde_json::{Value, json};

use crate::message::representation::location;
use crate::message::search_request::SearchRequest;
use crate::schema::{GROUP, ResourceTypeId, USER};
use crate::service;
use crate::testing::{BASE, World};

/// Twenty users, every fourth larger than a page, and ten groups, the last five with many members.
fn world() -> (World, Vec<String>) {
    let mut world = World::new();
    let mut ids = Vec::new();
    for n in 0..20 {
        let length = if n % 4 == 1 { 30_000 } else { 1_000 + 300 * n };
        let body = json!({
            "userName": format!("user{:02}", (n * 7) % 20), "role": "admin", "title": "t".repeat(length), "nickName": format!("{}", n % 3)
        });
        ids.push(world.create(USER, body).expect("a user").resource.id.to_string());
    }
    let users: Vec<&str> = ids.iter().map(String::as_str).collect();
    let groups: Vec<String> =
        (0..10).map(|n| world.group(&format!("group{n}"), if n < 5 { &users[..n] } else { &users })).collect();
    ids.extend(groups);
    world.limits.page_bytes = 8_000;
    (world, ids)
}

fn list(world: &mut World, kind: Option<ResourceTypeId>, query: &[(&str, &str)]) -> Value {
    let request = SearchRequest::from_query(query.iter().copied()).expect("a query");
    let (list, shown) = match kind {
        Some(kind) => {
            let shown = request.projection(world.registry.get(kind)).expect("a projection");
            let found = world.work(|store, cx| {
                let list = service::search(store, cx, kind, &request, &shown)?;
                if let Some(saved_position) = &list.saved_position {
                    service::save_position(store, saved_position)?;
                }
                Ok(list)
            });
            (found.expect("a list"), vec![(kind, shown)])
        }
        None => {
            let shown = request.projections(&world.registry).expect("projections");
            let found = world.work(|store, cx| {
                let list = service::search_all(store, cx, &request, &shown)?;
                if let Some(saved_position) = &list.saved_position {
                    service::save_position(store, saved_position)?;
                }
                Ok(list)
            });
            (found.expect("a list"), shown)
        }
    };
    list.representation_of_all(&shown, &world.registry, BASE).to_value()
}

fn ids_of(page: &Value) -> Vec<String> {
    let resources = page["Resources"].as_array().expect("resources");
    assert_eq!(page["itemsPerPage"], resources.len(), "it tells the truth");
    resources.iter().map(|resource| resource["id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn hardening_5_a_walk_over_pages_that_end_early_meets_everybody_once() {
    let (mut world, ids) = world();
    for (kind, all) in [(Some(USER), &ids[..20]), (Some(GROUP), &ids[20..]), (None, &ids[..])] {
        for extra in [
            &[][..],
            &[("sortBy", "id")],
            &[("sortBy", "meta.lastModified"), ("sortOrder", "descending")],
            &[("filter", "meta.version pr")],
        ] {
            for by_cursor in [false, true] {
                let (mut met, mut pages, mut next) = (Vec::new(), 0, Some(String::new()));
                while let Some(cursor) = next.take() {
                    let start = (met.len() + 1).to_string();
                    let entry = if by_cursor { ("cursor", cursor.as_str()) } else { ("startIndex", start.as_str()) };
                    let query = [&[entry, ("count", "15")], extra].concat();
                    let page = list(&mut world, kind, &query);
                    let found = ids_of(&page);
                    let total = page["totalResults"].as_u64().expect("a total");
                    let text = page["Resources"].to_string().len();
                    assert!(found.len() == 1 || text <= 8_000, "{} resources of {text} bytes", found.len());
                    assert!(!found.is_empty(), "at least one: {query:?}");
                    assert!(found.len() <= 15 && pages < 40);
                    met.extend(found);
                    pages += 1;
                    next = match by_cursor {
                        true => page["nextCursor"].as_str().map(str::to_owned),
                        false => (total > met.len() as u64).then(String::new),
                    };
                    assert!(total as usize >= met.len() + usize::from(next.is_some()));
                }
                assert!(pages > all.len() / 6, "{pages} pages");
                let mut each = met.clone();
                each.sort();
                let mut expected = all.to_vec();
                expected.sort();
                assert_eq!(each, expected, "{kind:?} {extra:?} by cursor: {by_cursor}");
                if extra.is_empty() {
                    assert_eq!(met, all, "in the order of creation");
                }
            }
        }
    }
}

#[test]
fn hardening_5_a_page_that_begins_anywhere_is_the_same_part_of_the_list() {
    let (mut world, ids) = world();
    for (kind, all) in [(Some(USER), &ids[..20]), (None, &ids[..])] {
        for first in 1..=all.len() {
            let page = list(&mut world, kind, &[("startIndex", &first.to_string())]);
            let found = ids_of(&page);
            assert_eq!(found, all[first - 1..first - 1 + found.len()], "from {first}");
            assert!(!found.is_empty());
        }
    }
}

#[test]
fn hardening_5_the_first_resource_is_there_however_large_it_is() {
    let (mut world, ids) = world();
    world.limits.page_bytes = 1;
    let page = list(&mut world, Some(GROUP), &[("startIndex", "10")]);
    assert_eq!(ids_of(&page), [ids[29].as_str()]);
    assert_eq!(page["Resources"][0]["members"].as_array().map(Vec::len), Some(20), "never some of its members");
    let page = list(&mut world, Some(USER), &[("startIndex", "2"), ("count", "3")]);
    let described = world.registry.get(USER);
    assert_eq!(page["Resources"][0]["meta"]["location"], location(BASE, described, &crate::testing::named(&ids[1])));
    assert_eq!((page["itemsPerPage"].as_u64(), page["totalResults"].as_u64()), (Some(1), Some(20)));
}

#[test]
fn hardening_5_users_in_many_groups_end_a_page_too() {
    let mut world = World::new();
    let users: Vec<String> = (0..6).map(|n| world.user(&format!("user{n}"))).collect();
    let members: Vec<&str> = users.iter().map(String::as_str).collect();
    for n in 0..40 {
        world.group(&format!("group{n}"), &members);
    }
    world.limits.page_bytes = 20_000;
    let page = list(&mut world, Some(USER), &[]);
    let found = ids_of(&page);
    assert!((1..6).contains(&found.len()), "{}", found.len());
    assert_eq!(page["Resources"][0]["groups"].as_array().map(Vec::len), Some(40));
    let page = list(&mut world, Some(USER), &[("excludedAttributes", "groups")]);
    assert_eq!(ids_of(&page), users);
}
