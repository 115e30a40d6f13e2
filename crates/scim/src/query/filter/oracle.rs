//! Property test: for random resources and filters the plan excludes no match, and an exact plan includes nothing else.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::Filter;
use crate::query::search_keys::search_keys;
use crate::resource::{GroupReference, Id, Meta, Resource};
use crate::schema::{Overlay, Registry, USER};
use crate::urn::ENTERPRISE_USER;

/// Few words, so that filters match values, and unusual ones, to find errors in folding, truncation and order.
fn words() -> impl Strategy<Value = String> {
    let few = [
        "a",
        "A",
        "ab",
        "aB",
        "b",
        "z",
        "é",
        "É",
        "e",
        "e\u{301}",
        "E\u{301}a",
        "ΟΔΟΣ",
        "οδος",
        "ß",
        "ẞ",
        "İ",
        "I\u{307}",
        "ａｂ",
        "Ａ",
        "ｶﾞ",
        "ガ",
        "가",
        "각",
        "\u{1100}\u{1161}",
        "\u{1100}\u{1161}\u{11a8}",
        "\u{301}",
        "\u{212a}",
        "a\u{1}",
        "a b",
        "a\u{3000}b",
        "\u{10ffff}",
        "\u{d7ff}",
    ];
    let few: Vec<String> = few.iter().map(|word| (*word).to_owned()).collect();
    // long texts that agree up to the truncation, in full, or in neither
    let long = (select(vec!["x", "É", "😀", "e\u{301}", "ｘ", "\u{958}"]), 180usize..210, "[a-c]{0,2}")
        .prop_map(|(unit, bytes, end)| unit.repeat(bytes / unit.len()) + &end);
    prop_oneof![4 => select(few), 1 => long]
}

fn times() -> impl Strategy<Value = String> {
    select(vec![
        "2011-05-13T12:00:00Z",
        "2011-05-13T14:00:00+02:00",
        "2011-05-13T12:00:00.001Z",
        "1969-12-31T23:59:59.5Z",
    ])
    .prop_map(str::to_owned)
}

fn email() -> impl Strategy<Value = Value> {
    (words(), proptest::option::of(select(vec!["work", "Home"]))).prop_map(|(value, kind)| match kind {
        Some(kind) => json!({"value": value, "type": kind}),
        None => json!({"value": value}),
    })
}

fn resource() -> impl Strategy<Value = Resource> {
    let texts = (words(), proptest::option::of(words()), proptest::option::of(words()), proptest::option::of(words()));
    let others = (
        proptest::collection::vec(email(), 0..4),
        proptest::option::of(any::<bool>()),
        proptest::option::of(-3i64..4),
        proptest::option::of((-3i32..4).prop_map(|halves| f64::from(halves) / 2.0)),
        proptest::option::of(times()),
        proptest::collection::vec(words(), 0..3),
    );
    (texts, others, 0i64..4, 1usize..4).prop_map(|(texts, others, time, group)| {
        let (user_name, external_id, title, department) = texts;
        let (emails, active, level, ratio, hired, tags) = others;
        let document = json!({
            "userName": user_name, "externalId": external_id, "title": title, "emails": emails, "active": active,
            "level": level, "ratio": ratio, "hired": hired, "tags": tags, ENTERPRISE_USER: {"department": department},
        });
        let attributes = document.as_object().cloned().unwrap_or_default();
        let meta = Meta { created: 0, last_modified: 1_305_288_000_000 + time - 1, version: 1 };
        let mut user = Resource::from_stored(USER, Id::new(format!("u{time}")).expect("an id"), meta, attributes);
        let groups = (0..group).filter_map(|group| Id::new(format!("g{group}")));
        user.groups = Some(
            groups.map(|id| GroupReference { direct: id.as_str() != "g1", display: "g".to_owned(), id }).collect(),
        );
        user
    })
}

fn comparison() -> impl Strategy<Value = String> {
    let text_paths = select(vec![
        "userName",
        "externalId",
        "title",
        "emails",
        "emails.value",
        "emails.type",
        "tags",
        "department",
        "emails[type eq \"work\"].value",
        "id",
        "groups",
        "groups.display",
    ]);
    let any_operator = || select(vec!["eq", "eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]);
    let ordered = || select(vec!["eq", "ne", "gt", "ge", "lt", "le"]);
    let ids = select(vec!["u0", "u1", "g0", "g1", "g2", "not an id"]);
    prop_oneof![
        6 => (text_paths, any_operator(), words()).prop_map(|(path, operator, word)| format!("{path} {operator} {}", json!(word))),
        1 => (select(vec!["id", "groups", "groups.value"]), any_operator(), ids).prop_map(|(path, operator, id)| format!("{path} {operator} {}", json!(id))),
        2 => (any_operator(), words(), any_operator(), words()).prop_map(|(one, a, two, b)| {
            format!("emails[value {one} {} and value {two} {}]", json!(a), json!(b))
        }),
        1 => (any_operator(), words()).prop_map(|(operator, word)| format!("emails[value {operator} {}]", json!(word))),
        1 => (any_operator(), words()).prop_map(|(operator, word)| format!("tags[value {operator} {} or not (value pr)]", json!(word))),
        1 => (select(vec!["eq", "ne"]), any::<bool>()).prop_map(|(operator, value)| format!("active {operator} {value}")),
        1 => (ordered(), -3i64..4).prop_map(|(operator, level)| format!("level {operator} {level}")),
        1 => (ordered(), -3i32..4).prop_map(|(operator, halves)| format!("ratio {operator} {}", f64::from(halves) / 2.0)),
        2 => (select(vec!["hired", "meta.lastModified", "meta.created"]), ordered(), times())
            .prop_map(|(path, operator, time)| format!("{path} {operator} \"{time}\"")),
        2 => (select(vec!["userName", "externalId", "title", "emails", "emails.value", "active", "level", "id", "meta"]),
            select(vec!["pr", "eq null", "ne null"])).prop_map(|(path, question)| format!("{path} {question}")),
        1 => select(vec!["meta.resourceType eq \"User\"", "meta.resourceType ne \"User\"", "schemas co \"enterprise\""])
            .prop_map(str::to_owned),
    ]
}

fn filter() -> impl Strategy<Value = String> {
    comparison().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" and "))),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" or "))),
            inner.prop_map(|part| format!("not ({part})")),
        ]
    })
}

fn registry() -> Registry {
    let declared = json!([
        {"name": "tags", "multi_valued": true, "indexed": true},
        {"name": "level", "type": "integer", "indexed": true},
        {"name": "ratio", "type": "decimal", "indexed": true},
        {"name": "hired", "type": "dateTime", "indexed": true},
    ]);
    let overlays: Vec<Overlay> = serde_json::from_value(declared).expect("declarations");
    Registry::build(&overlays).expect("right declarations")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_plan_excludes_no_match_and_an_exact_one_includes_nothing_else(
        text in filter(),
        resources in proptest::collection::vec(resource(), 1..8),
    ) {
        let registry = registry();
        let user = registry.get(USER);
        let predicate = text.parse::<Filter>().and_then(|filter| filter.resolve(user));
        let predicate = predicate.map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        let plan = predicate.plan(user);
        for resource in &resources {
            let inside = plan.index_query.contains(resource, &search_keys(&registry, resource));
            let matches = predicate.matches(resource);
            prop_assert!(inside || !matches, "{} excludes {:?}: {:?}", text, resource, plan);
            prop_assert!(matches || !inside || !plan.exact, "{} includes {:?}: {:?}", text, resource, plan);
        }
    }

    #[test]
    fn long_texts_keep_their_place_where_the_plan_says_so(
        unit in select(vec!["x", "É", "€", "😀", "e\u{301}", "ｘ", "\u{1100}\u{1161}", "\u{958}"]),
        operator in select(vec!["eq", "sw", "gt", "ge", "lt", "le"]),
        literal in (180usize..210, "[a-c\u{1}]{0,2}"),
        values in proptest::collection::vec((180usize..210, "[a-c\u{1}]{0,2}"), 1..8),
    ) {
        let registry = registry();
        let user = registry.get(USER);
        let text = |(bytes, end): &(usize, String)| unit.repeat(bytes / unit.len()) + end;
        let filter = format!("userName {operator} {}", json!(text(&literal)));
        let predicate = filter.parse::<Filter>().and_then(|filter| filter.resolve(user)).expect("a filter");
        let plan = predicate.plan(user);
        for value in &values {
            let resource = crate::examples::user(json!({"userName": text(value)}));
            let inside = plan.index_query.contains(&resource, &search_keys(&registry, &resource));
            let matches = predicate.matches(&resource);
            prop_assert!(inside || !matches, "{} excludes {:?}", filter, value);
            prop_assert!(matches || !inside || !plan.exact, "{} includes {:?}", filter, value);
        }
    }
}
