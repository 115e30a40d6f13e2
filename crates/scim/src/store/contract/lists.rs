//! Cases about lists: pages, totals, filters, sort orders and saved positions.

use serde_json::json;

use super::{change, delete, found, group, id, ids, insert, page, page_of_bytes, resource, user};
use crate::query::sort::Sort;
use crate::resource::Id;
use crate::schema::{GROUP, Registry, ResourceTypeId, USER};
use crate::size::Size;
use crate::store::{Handle, ListKey, PageKey, Start, Store};

pub(super) fn pages_in_order(store: &mut dyn Store) {
    for number in [7, 3, 9, 1, 5] {
        user(store, number, &format!("user{number}"));
        group(store, number + 10, "a group");
    }
    let mut check = |filter: &str, first: u64, count: u32, expected: &[u32], total: u64| {
        let page = page(store, USER, filter, "", Start::Index(first), count);
        let found: Vec<Id> = page.resources.into_iter().map(|stored| stored.resource.id).collect();
        assert_eq!((found, page.total), (ids(expected), Some(total)), "{filter:?} from {first}, {count}");
    };
    for filter in ["", "userName sw \"user\"", "userName co \"SER\"", "active eq true"] {
        check(filter, 1, 2, &[7, 3], 5);
        check(filter, 3, 2, &[9, 1], 5);
        check(filter, 5, 2, &[5], 5);
        check(filter, 6, 2, &[], 5);
        check(filter, 1_000_000_000, 2, &[], 5);
        check(filter, 1, 0, &[], 5);
        check(filter, 1, 100, &[7, 3, 9, 1, 5], 5);
    }
    check("userName gt \"user3\"", 2, 1, &[9], 3);
    check("userName eq \"none\"", 1, 10, &[], 0);
}

pub(super) fn pages_after_handle(store: &mut dyn Store) {
    let handles: Vec<Handle> = [4, 2, 3, 1].map(|number| user(store, number, &format!("user{number}"))).to_vec();
    for filter in ["", "userName co \"user\""] {
        let after = |handle| PageKey { key: None, handle };
        let next = page(store, USER, filter, "", Start::After(&after(handles[1])), 1);
        assert_eq!(next.resources.iter().map(|stored| stored.handle).collect::<Vec<_>>(), [handles[2]]);
        let last = page(store, USER, filter, "", Start::After(&after(handles[3])), 10);
        assert!(last.resources.is_empty());
    }
}

pub(super) fn pages_without_room(store: &mut dyn Store) {
    // Small documents, one that exceeds every page, and some of which few fit on one.
    let lengths = [10, 10, 9_000, 10, 900, 900, 900, 2_000, 2_000, 2_000, 10, 9_000, 9_000, 10];
    for (number, length) in (1u32..).zip(lengths) {
        let document = json!({ "userName": format!("u{}", number * 5 % 14), "active": true, "title": "\u{e4}".repeat(length / 2) });
        insert(store, &resource(USER, number, document));
    }
    let registry = Registry::standard();
    for filter in ["", "userName sw \"U\"", "title pr"] {
        for sort in ["", "-userName", "id", "title", "nickName"] {
            let kind = registry.get(USER);
            let sorted = (!sort.is_empty())
                .then(|| Sort::new(sort.trim_start_matches('-'), sort.starts_with('-'), kind).expect("a sort"));
            let whole = page(store, USER, filter, sort, Start::Index(1), 100).resources;
            let whole: Vec<Handle> = whole.into_iter().map(|stored| stored.handle).collect();
            assert_eq!(whole.len(), lengths.len());
            for (count, bytes) in [(100, 5_000), (4, 5_000), (100, 1)] {
                let (mut met, mut last): (Vec<Handle>, Option<PageKey>) = (Vec::new(), None);
                loop {
                    let start = last.as_ref().map_or(Start::Index(1), Start::After);
                    let page = page_of_bytes(store, USER, filter, sort, start, (count, bytes));
                    let found: Vec<Handle> = page.resources.iter().map(|stored| stored.handle).collect();
                    let at = Start::Index(met.len() as u64 + 1);
                    let by_index = page_of_bytes(store, USER, filter, sort, at, (count, bytes));
                    assert!(
                        by_index.resources.iter().map(|stored| stored.handle).eq(found.iter().copied()),
                        "{filter} {sort}"
                    );
                    let text: usize =
                        page.resources.iter().map(|s| Size::of_object(s.resource.attributes()).text).sum();
                    assert!(text <= bytes || found.len() == 1, "{text} bytes of {bytes}: {filter} {sort}");
                    assert!(found.len() <= count as usize);
                    last = page.resources.last().map(|stored| PageKey::after(stored, sorted.as_ref()));
                    met.extend(found);
                    assert!(!page.ended_early || last.is_some(), "at least one");
                    if last.is_none() || (!page.ended_early && page.resources.len() < count as usize) {
                        break;
                    }
                }
                assert_eq!(met, whole, "{filter} {sort} {count} {bytes}");
            }
        }
    }
}

pub(super) fn totals_follow(store: &mut dyn Store) {
    let total = |store: &mut dyn Store| page(store, USER, "", "", Start::Index(1), 0).total.expect("a total");
    assert_eq!(total(store), 0);
    user(store, 1, "ana");
    user(store, 2, "ben");
    group(store, 3, "Editors");
    assert_eq!(total(store), 2);
    delete(store, USER, 1, 9_000);
    assert_eq!(total(store), 1);
}

pub(super) fn filters_are_answered(store: &mut dyn Store) {
    let emails = |work: &str, home: &str| json!([{"value": work, "type": "work"}, {"value": home, "type": "home"}]);
    let documents = [
        json!({ "userName": "Ana", "externalId": "abc", "active": true, "emails": emails("ana@w.test", "ana@h.test") }),
        json!({ "userName": "ben", "externalId": "ABC", "active": false, "emails": emails("ben@w.test", "ana@w.test") }),
        json!({ "userName": "\u{c4}nna_%", "displayName": "\u{df}", "title": "Editor", "active": true }),
        json!({ "userName": "zo\u{eb}\u{10FFFF}", "displayName": "It's \"so\" \\", "active": true }),
    ];
    for (number, document) in (1u32..).zip(documents) {
        insert(store, &resource(USER, number, document));
    }
    let (editors, all) = (group(store, 5, "Editors"), group(store, 6, "Everybody"));
    change(store, editors, false, &[], &[1, 2]);
    change(store, all, false, &[], &[2, 3, 5]);
    let mut check = |kind: ResourceTypeId, filter: &str, expected: &[u32]| {
        assert_eq!(found(store, kind, filter, ""), ids(expected), "{filter}");
    };
    check(USER, "userName eq \"ANA\"", &[1]);
    check(USER, "userName ne \"ana\"", &[2, 3, 4]);
    check(USER, "userName eq \"\u{e4}NNA_%\"", &[3]);
    check(USER, "userName sw \"\u{e4}nna_\"", &[3]);
    check(USER, "userName sw \"_\"", &[]);
    check(USER, "userName ew \"A\"", &[1]);
    check(USER, "userName co \"n\"", &[1, 2, 3]);
    check(USER, "userName ge \"ben\" and userName lt \"zp\"", &[2, 4]);
    check(USER, "userName sw \"zo\u{eb}\u{10FFFF}\"", &[4]);
    check(USER, "externalId eq \"abc\"", &[1]);
    check(USER, "externalId eq \"ABC\" or userName eq \"ana\"", &[1, 2]);
    check(USER, "externalId pr", &[1, 2]);
    check(USER, "not (externalId pr)", &[3, 4]);
    check(USER, "active eq false", &[2]);
    check(USER, "active eq true and not (userName eq \"ana\")", &[3, 4]);
    check(USER, "displayName eq \"It's \\\"so\\\" \\\\\"", &[4]);
    check(USER, "title eq \"editor\"", &[3]);
    check(USER, "emails.value eq \"ANA@w.test\"", &[1, 2]);
    check(USER, "emails eq \"ana@w.test\"", &[1, 2]);
    check(USER, "emails[type eq \"work\"].value eq \"ana@w.test\"", &[1]);
    check(USER, "emails[type eq \"home\" and value sw \"ana@\"]", &[1, 2]);
    check(USER, "emails.value sw \"ana\" and emails.value sw \"ben\"", &[2]);
    check(USER, &format!("id eq \"{}\"", id(2)), &[2]);
    check(USER, &format!("id eq \"{}\" and userName eq \"ana\"", id(2)), &[]);
    check(USER, "id eq \"nobody\"", &[]);
    check(USER, &format!("groups eq \"{}\"", id(5)), &[1, 2]);
    check(USER, &format!("groups eq \"{}\"", id(6)), &[1, 2, 3]);
    check(USER, &format!("groups.value eq \"{}\" and active eq true", id(6)), &[1, 3]);
    check(USER, &format!("groups[type eq \"direct\" and value eq \"{}\"]", id(6)), &[2, 3]);
    check(USER, "groups.type eq \"indirect\"", &[1]);
    check(USER, &format!("not (groups eq \"{}\")", id(6)), &[4]);
    check(USER, "meta.lastModified gt \"1970-01-01T00:00:01.002Z\"", &[3, 4]);
    check(USER, "meta.lastModified le \"1970-01-01T01:00:01.002+01:00\"", &[1, 2]);
    check(GROUP, "displayName sw \"e\"", &[5, 6]);
    check(GROUP, &format!("members eq \"{}\"", id(2)), &[5, 6]);
    check(GROUP, &format!("id eq \"{}\" and members eq \"{}\"", id(6), id(1)), &[]);
    check(GROUP, &format!("members[value eq \"{}\"]", id(5)), &[6]);
    check(GROUP, &format!("not (members.value eq \"{}\")", id(1)), &[6]);
    check(GROUP, "members.type eq \"Group\"", &[6]);
}

pub(super) fn sorting(store: &mut dyn Store) {
    let documents = [
        json!({ "userName": "delta", "displayName": "b" }),
        json!({ "userName": "Alpha" }),
        json!({ "userName": "charlie", "displayName": "B" }),
        json!({ "userName": "bravo", "displayName": "a" }),
    ];
    for (number, document) in (1u32..).zip(documents) {
        insert(store, &resource(USER, number, document));
    }
    let mut check = |sort: &str, expected: &[u32]| assert_eq!(found(store, USER, "", sort), ids(expected), "{sort}");
    check("userName", &[2, 4, 3, 1]);
    check("-userName", &[1, 3, 4, 2]);
    check("displayName", &[4, 1, 3, 2]);
    check("-displayName", &[2, 3, 1, 4]);
    check("-meta.created", &[4, 3, 2, 1]);
    let second = page(store, USER, "userName co \"a\"", "userName", Start::Index(2), 2);
    let found: Vec<Id> = second.resources.into_iter().map(|stored| stored.resource.id).collect();
    assert_eq!((found, second.total), (ids(&[4, 3]), Some(4)));
}

pub(super) fn sorted_pages(store: &mut dyn Store) {
    let long = "x".repeat(300);
    let names = ["b", "", "B", "a", "", "Z", "\u{e9}", &long, &format!("{long}!"), ""];
    for (number, name) in (1u32..).zip(names) {
        let mut document = json!({ "userName": format!("user{}", number * 7 % 10), "title": name });
        if !name.is_empty() {
            document["displayName"] = json!(name);
        }
        insert(store, &resource(USER, number, document));
    }
    let all = ["displayName", "userName", "title", "id", "meta.created", "meta.lastModified", "active"];
    for path in all.iter().flat_map(|path| [(*path).to_owned(), format!("-{path}")]) {
        for filter in ["", "userName pr", "userName co \"user\"", "displayName pr or not (displayName pr)"] {
            let whole = page(store, USER, filter, &path, Start::Index(1), 100);
            assert_eq!((whole.resources.len(), whole.total), (10, Some(10)), "{path} {filter}");
            let expected: Vec<Handle> = whole.resources.iter().map(|stored| stored.handle).collect();
            let by_index = (1..=10).map(|n| page(store, USER, filter, &path, Start::Index(n), 1).resources[0].handle);
            assert_eq!(by_index.collect::<Vec<_>>(), expected, "by index: {path} {filter}");
            let described = Registry::standard();
            let (name, descending) = path.strip_prefix('-').map_or((path.as_str(), false), |name| (name, true));
            let sort = Sort::new(name, descending, described.get(USER)).expect("a sort");
            let page_keys =
                whole.resources.iter().map(|stored| PageKey::after(stored, Some(&sort))).collect::<Vec<_>>();
            assert!(page_keys.is_sorted_by(|a, b| a.compare(b, Some(&sort)).is_lt()), "{path} {filter}");
            for (n, page_key) in page_keys.iter().enumerate() {
                let rest = page(store, USER, filter, &path, Start::After(page_key), 3).resources;
                let rest: Vec<Handle> = rest.iter().map(|stored| stored.handle).collect();
                assert_eq!(rest, expected[n + 1..(n + 4).min(10)], "after {n}: {path} {filter}");
            }
        }
    }
}

pub(super) fn positions_are_kept(store: &mut dyn Store) {
    let (list, other) = (ListKey([1; 32]), ListKey([2; 32]));
    assert_eq!(store.load_position(&list).expect("a note"), None);
    store.save_position(&list, b"here", 1_000).expect("kept");
    store.save_position(&list, b"there", 2_000).expect("kept");
    assert_eq!(store.load_position(&list).expect("a note").as_deref(), Some(&b"there"[..]));
    assert_eq!(store.load_position(&other).expect("a note"), None);
}
