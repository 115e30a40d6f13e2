//! One property, on both databases: for random resources and filters, what the database returns is what `matches` says.

use std::collections::BTreeSet;

use gateway::domain::ids::AccountKey;
use gateway::platform::timestamp::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use scim::index_query::{IndexQuery, Plan};
use scim::schema::{GROUP, ResourceType, ResourceTypeId, USER};
use scim::store::{Handle, MembershipChange, Page, PageKey, Query, Start, Store};
use scim::{AccountValues, Context, Filter, Limits, Registry, Resource, Sort, ToleranceTracker, service};
use serde_json::{Value, json};

use crate::contracts::Bare;

/// Few values, so that filters hit; letters of other alphabets and prefixes of each other among them.
const NAMES: [&str; 16] = [
    "ana",
    "Ana.Ito",
    "ÄNNE",
    "änne2",
    "A\u{308}nne",
    "ａｎａ",
    "ravi",
    "ravi.menon@orchard.example",
    "Σίσυφος",
    "ΣΊΣΥΦΟΣ",
    "각\u{1100}\u{1161}",
    "\u{1100}\u{1161}\u{11a8}가",
    "İz",
    "straße",
    "ｶﾞ",
    "z",
];
const WORDS: [&str; 9] =
    ["Editors", "editors EU", "Éditeurs", "E\u{301}diteurs", "ｗｏｒｋ", "I\u{307}z", "work", "admin", "x\u{1}y"];
const TIMES: [&str; 3] = ["2026-01-01T00:00:00Z", "1970-01-01T02:00:00+02:00", "1970-01-01T00:00:01.500Z"];

fn pick(list: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(list)
}

fn user() -> impl Strategy<Value = Value> {
    (
        pick(&NAMES),
        prop::option::of(pick(&WORDS)),
        prop::option::of(pick(&WORDS)),
        any::<bool>(),
        prop::collection::vec((pick(&NAMES), pick(&["work", "home"])), 0..3),
        prop::option::of(pick(&WORDS)),
    )
        .prop_map(|(name, display, external, active, emails, department)| {
            let emails: Vec<Value> = emails.iter().map(|(value, kind)| json!({"value": value, "type": kind})).collect();
            let mut user = json!({"userName": name, "active": active, "emails": emails});
            for (attribute, value) in [("displayName", display), ("externalId", external), ("department", department)] {
                if let Some(value) = value {
                    user[attribute] = json!(value);
                }
            }
            user
        })
}

fn literal() -> impl Strategy<Value = String> {
    prop_oneof![pick(&NAMES), pick(&WORDS)].prop_flat_map(|text| {
        let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).filter(|at| *at > 0).collect();
        prop::sample::select(ends).prop_map(move |end| serde_json::to_string(&text[..end]).expect("text is JSON"))
    })
}

/// `{id}` stands for the id of one of the resources there are.
fn leaf() -> impl Strategy<Value = String> {
    let text = (
        pick(&["userName", "displayName", "externalId", "emails.value", "emails", "department", "emails.type"]),
        pick(&["eq", "ne", "sw", "ew", "co", "gt", "ge", "lt", "le"]),
        literal(),
    )
        .prop_map(|(attribute, operator, value)| format!("{attribute} {operator} {value}"));
    let present = pick(&["userName", "displayName", "externalId", "emails", "department", "groups"]);
    let change = (pick(&["gt", "ge", "lt", "le", "eq"]), pick(&TIMES));
    prop_oneof![
        6 => text,
        1 => present.prop_map(|attribute| format!("{attribute} pr")),
        1 => any::<bool>().prop_map(|on| format!("active eq {on}")),
        1 => change.prop_map(|(operator, time)| format!("meta.lastModified {operator} \"{time}\"")),
        1 => Just("id eq \"{id}\"".to_owned()),
        1 => Just("groups eq \"{group}\"".to_owned()),
        1 => Just("groups.value eq \"{outer}\"".to_owned()),
        1 => (pick(&["direct", "indirect"]), pick(&["{group}", "{outer}"]))
            .prop_map(|(kind, group)| format!("groups[type eq \"{kind}\" and value eq \"{group}\"]")),
        1 => pick(&["direct", "indirect"]).prop_map(|kind| format!("groups.type eq \"{kind}\"")),
        1 => (pick(&["work", "home"]), literal())
            .prop_map(|(kind, value)| format!("emails[type eq \"{kind}\" and value sw {value}]")),
    ]
}

fn filter() -> impl Strategy<Value = String> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
}

/// All resources of a type with everything a filter may ask about, and where they lie.
fn everything(store: &mut dyn Store, kind: ResourceTypeId) -> Vec<(Handle, Resource)> {
    let all = Query {
        resource_type: kind,
        filter: None,
        index_query: &IndexQuery::Any,
        exact: true,
        sort: None,
        start: Start::Index(1),
        count: 1000,
        bytes: usize::MAX,
    };
    let page = store.search(&all).expect("a list");
    let complete = |store: &mut dyn Store, handle| {
        let groups = store.groups_of(&[handle]).expect("groups").into_iter().map(|(_, group)| group).collect();
        (store.members(handle).expect("members"), groups)
    };
    let stored = page.resources.into_iter();
    stored
        .map(|mut stored| {
            let (members, groups) = complete(store, stored.handle);
            stored.resource.members = Some(members);
            stored.resource.groups = Some(groups);
            (stored.handle, stored.resource)
        })
        .collect()
}

fn found(
    store: &mut dyn Store,
    kind: &ResourceType,
    filter: &scim::Predicate,
    plan: &Plan,
    page: u32,
) -> (u64, Vec<Handle>) {
    let (mut handles, mut total) = (Vec::new(), 0);
    loop {
        let query = Query {
            resource_type: kind.id,
            filter: Some(filter),
            index_query: &plan.index_query,
            exact: plan.exact,
            sort: None,
            start: Start::Index(handles.len() as u64 + 1),
            count: page,
            bytes: usize::MAX,
        };
        let found = store.search(&query).expect("an answer");
        total = total.max(found.total.expect("a page by index has a total"));
        if found.resources.is_empty() {
            return (total, handles);
        }
        handles.extend(found.resources.into_iter().map(|stored| stored.handle));
    }
}

fn what_the_database_returns_is_what_matches_says(bare: Bare) {
    let registry = Registry::standard();
    let bare = std::cell::RefCell::new(bare);
    let account = std::cell::Cell::new(0);
    let config = Config { cases: 40, failure_persistence: None, ..Config::default() };
    let cases = (prop::collection::vec(user(), 1..12), prop::collection::vec(filter(), 12));
    let outcome = TestRunner::new(config).run(&cases, |(users, filters)| {
        account.set(account.get() + 1);
        let mut verdict = Ok(());
        bare.borrow_mut().undone(|tx| {
            verdict = agree(
                &mut tx.in_account(AccountKey::of_row(account.get()), Timestamp::EPOCH, true),
                &registry,
                &users,
                &filters,
            );
        });
        verdict
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

fn agree(store: &mut dyn Store, registry: &Registry, users: &[Value], filters: &[String]) -> Result<(), TestCaseError> {
    let (mut next, mut taken, mut gone, mut ids) = (0_i64, BTreeSet::new(), BTreeSet::new(), Vec::new());
    for user in users {
        // Names that are alike would be refused, and a refusal ends the transaction.
        if !taken.insert(scim::key_of_text(user["userName"].as_str().unwrap_or_default())) {
            continue;
        }
        // A user with the `externalId` of a deactivated one would restore that one.
        let external = user["externalId"].as_str();
        if external.is_some_and(|id| gone.contains(id)) {
            continue;
        }
        gone.extend(external.filter(|_| user["active"] == false));
        next += 1;
        ids.push(created(store, registry, USER, next, user)?);
    }
    let members: Vec<Value> = ids.iter().step_by(2).map(|id| json!({"value": id})).collect();
    let group = json!({"displayName": "Editors", "members": members});
    let group = created(store, registry, GROUP, next + 1, &group)?;
    // A circle of groups, with another user in it.
    let members = [&group, &ids[ids.len() - 1]].map(|id| json!({"value": id}));
    let outer = created(store, registry, GROUP, next + 2, &json!({"displayName": "Outer", "members": members}))?;
    let within = store.lock(GROUP, &scim::Id::new(&*group).expect("an id")).expect("a group").expect("a group").handle;
    let outside = store.get(GROUP, &scim::Id::new(&*outer).expect("an id")).expect("a group").expect("a group").handle;
    let add = vec![outside];
    store.change_members(within, &MembershipChange { add, ..Default::default() }).expect("a member");

    let kind = registry.get(USER);
    let all = everything(store, USER);
    for text in filters {
        let text = text.replace("{id}", &ids[0]).replace("{group}", &group).replace("{outer}", &outer);
        let parsed: Filter = text.parse().map_err(|e: scim::Error| TestCaseError::fail(format!("{text}: {e}")))?;
        let Ok(predicate) = parsed.resolve(kind) else { continue };
        let expected: Vec<Handle> =
            all.iter().filter(|(_, user)| predicate.matches(user)).map(|(handle, _)| *handle).collect();
        let plan = predicate.plan(kind);
        for page in [1000, 2] {
            let (total, handles) = found(store, kind, &predicate, &plan, page);
            prop_assert_eq!(&handles, &expected, "{} in pages of {} by {:?}", text, page, &plan);
            prop_assert_eq!(total, expected.len() as u64, "total of {}", text);
        }
    }
    Ok(())
}

fn created(
    store: &mut dyn Store,
    registry: &Registry,
    kind: ResourceTypeId,
    number: i64,
    body: &Value,
) -> Result<String, TestCaseError> {
    let mut id = || scim::Id::new(uuid::Uuid::new_v4().to_string()).expect("an id");
    let mut cx = Context {
        now: number * 500,
        new_id: &mut id,
        is_id: |_| false,
        registry,
        account_values: &AccountValues::default(),
        base: "https://scim.example/scim/v2",
        leniency: &ToleranceTracker::generous(),
        observations: &scim::Observations::default(),
        inactive_match: scim::InactiveMatch::Restore,
        unique_group_names: false,
        limits: Limits::default(),
        cursors: None,
    };
    let written = service::create(store, &mut cx, kind, body, None);
    written.map(|written| written.resource.id.to_string()).map_err(|e| TestCaseError::fail(e.to_string()))
}

/// More than are sorted in memory, so that filters meet the order of an index.
fn sorted_pages_follow_each_other(mut bare: Bare) {
    let registry = Registry::standard();
    bare.undone(|tx| {
        let store = &mut tx.in_account(AccountKey::of_row(1), Timestamp::EPOCH, true);
        for n in 0..600 {
            let mut user = json!({"userName": format!("user{}", n * 7 % 600), "active": n % 3 > 0});
            if n % 5 > 0 {
                user["displayName"] = json!(WORDS[n % 6]);
            }
            if n % 7 == 0 {
                user["title"] = json!(format!("title {}", n % 10));
            }
            created(store, &registry, USER, n as i64 + 1, &user).expect("created");
        }
        let kind = registry.get(USER);
        let all = everything(store, USER);
        let filters =
            ["", "active eq true", "title pr", "active eq true and title co \"title\"", "userName sw \"user1\""];
        let paths = ["displayName", "userName", "title", "id", "meta.lastModified", "active", "externalId"];
        for (path, descending) in paths.iter().flat_map(|path| [(path, false), (path, true)]) {
            let sort = Sort::new(path, descending, kind).expect("a sort");
            for text in filters {
                let filter = text.parse::<Filter>().ok().map(|filter| filter.resolve(kind).expect("a filter"));
                let plan = filter.as_ref().map_or(Plan { index_query: IndexQuery::Any, exact: true }, |f| f.plan(kind));
                let mut expected: Vec<PageKey> = all
                    .iter()
                    .filter(|(_, user)| filter.as_ref().is_none_or(|filter| filter.matches(user)))
                    .map(|(handle, user)| PageKey { key: sort.key(user), handle: *handle })
                    .collect();
                expected.sort_by(|a, b| a.compare(b, Some(&sort)));
                let mut page = |start: Start<'_>, count| {
                    let (filter, index_query, exact) = (filter.as_ref(), &plan.index_query, plan.exact);
                    // Of the walks' pages, some end early.
                    let (sort, bytes) = (Some(&sort), 8_000);
                    let query = Query { resource_type: USER, filter, index_query, exact, sort, start, count, bytes };
                    store.search(&query).expect("a page")
                };
                let page_keys = |page: Page| -> Vec<PageKey> {
                    page.resources.iter().map(|stored| PageKey::after(stored, Some(&sort))).collect()
                };
                let mut met = page_keys(page(Start::Index(1), 150));
                while let Some(last) = met.last().cloned() {
                    let next = page_keys(page(Start::After(&last), 150));
                    if next.is_empty() {
                        break;
                    }
                    met.extend(next);
                }
                assert_eq!(met, expected, "{path} {descending} {text}");
                for n in [1, 120, 121, 480, 600, 601] {
                    let jumped = page(Start::Index(n), 3);
                    assert_eq!(jumped.total, Some(expected.len() as u64), "{path} {descending} {text}");
                    let there = expected.iter().skip(n as usize - 1).take(3).cloned().collect::<Vec<_>>();
                    assert_eq!(page_keys(jumped), there, "{path} {descending} {text} at {n}");
                }
            }
        }
    });
}

#[test]
fn sorted_pages_follow_each_other_on_sqlite() {
    sorted_pages_follow_each_other(Bare::sqlite());
}

#[test]
fn sorted_pages_follow_each_other_on_postgres() {
    Bare::postgres().into_iter().for_each(sorted_pages_follow_each_other);
}

#[test]
fn what_the_database_returns_is_what_matches_says_on_sqlite() {
    what_the_database_returns_is_what_matches_says(Bare::sqlite());
}

#[test]
fn what_the_database_returns_is_what_matches_says_on_postgres() {
    Bare::postgres().into_iter().for_each(what_the_database_returns_is_what_matches_says);
}
