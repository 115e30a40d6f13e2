use serde_json::json;

use super::*;
use crate::examples::{barbara_jensen, tour_guides, user};
use crate::query::index_query::{IndexQuery, KeyRange, Plan};
use crate::resource::{GroupReference, Id, Resource};
use crate::schema::{self, Overlay, Registry, USER};
use crate::urn::ENTERPRISE_USER;

/// User with attributes of every type, several of them indexed.
fn registry() -> Registry {
    let declared = json!([
        {"name": "role", "indexed": true},
        {"name": "environments", "multi_valued": true},
        {"name": "level", "type": "integer", "indexed": true},
        {"name": "ratio", "type": "decimal"},
        {"name": "hired", "type": "dateTime", "indexed": true},
        {"schema": "urn:acme:A", "name": "badge"},
        {"schema": "urn:acme:B", "resource_type": "User", "name": "badge"}
    ]);
    let overlays: Vec<Overlay> = serde_json::from_value(declared).expect("declarations");
    Registry::build(&overlays).expect("right declarations")
}

fn predicate(text: &str) -> Predicate {
    let filter: Filter = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    filter.resolve(registry().get(USER)).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn barbara() -> Resource {
    let mut barbara = barbara_jensen();
    let more =
        json!({"environments": ["prod", "Stage"], "level": 7, "ratio": 0.5, "hired": "2011-05-13T14:00:00+02:00"});
    barbara.attributes.extend(more.as_object().cloned().unwrap_or_default());
    let group = |id: &str, direct| Some(GroupReference { id: Id::new(id)?, display: "Tour Guides".to_owned(), direct });
    barbara.groups = Some([group("g1", true), group("g2", false)].into_iter().flatten().collect());
    barbara
}

fn check(text: &str, expected: bool) {
    assert_eq!(predicate(text).matches(&barbara()), expected, "{text}");
}

#[test]
fn point_4_names_operators_and_urns_compare_in_any_case() {
    check(r#"USERNAME Eq "bjensen@example.com""#, true);
    check(r#"NAME.familyname EQ "Jensen""#, true);
    check(r#"URN:ietf:params:SCIM:schemas:core:2.0:user:username eq "bjensen@example.com""#, true);
    check(r#"urn:ietf:params:scim:schemas:extension:ENTERPRISE:2.0:User:Department eq "tour operations""#, true);
}

#[test]
fn point_5_strings_compare_as_case_exact_says() {
    check(r#"userName eq "BJENSEN@Example.com""#, true);
    check(r#"externalId eq "701984""#, true);
    let exact = |text: &str| predicate(text).matches(&user(json!({"externalId": "AbC"})));
    assert!(exact(r#"externalId eq "AbC""#));
    assert!(!exact(r#"externalId eq "ABC""#));
    check(r#"id eq "2819c223-7f76-453a-919d-413861904646""#, true);
    check(r#"id eq "2819C223-7f76-453a-919d-413861904646""#, false);
    check(r#"manager eq "26118915-6090-4610-87e4-49d8ca9f808D""#, false);
}

#[test]
fn point_7_any_value_of_a_multi_valued_attribute_may_match_and_brackets_want_one_that_is_all() {
    check(r#"emails.value eq "babs@jensen.org""#, true);
    check(r#"emails[type eq "work" and value co "@example"]"#, true);
    check(r#"emails[type eq "work" and value co "@jensen"]"#, false);
    check(r#"emails.type eq "work" and emails.value co "@jensen""#, true);
    check(r#"emails[type eq "work"].value eq "bjensen@example.com""#, true);
    check(r#"emails[type eq "home"].value eq "bjensen@example.com""#, false);
    check(r#"emails[not (type eq "work") and value ew ".org"]"#, true);
    check(r#"addresses[type eq "home" and primary eq true]"#, false);
    check(r#"addresses[type eq "home"].postalCode pr"#, false);
    check(r#"environments eq "stage""#, true);
    check(r#"environments[value sw "PRO"]"#, true);
    check(r#"manager[value sw "26118915"]"#, true);
}

#[test]
fn point_8_present_means_a_value_that_is_not_empty() {
    check("title pr", true);
    check("emails pr", true);
    check("groups pr", true);
    check("meta pr and id pr and schemas pr and meta.lastModified pr", true);
    for empty in [json!(null), json!(""), json!([]), json!({}), json!([{}]), json!([{"value": ""}]), json!([null])] {
        let holder = user(json!({"title": empty, "emails": empty, "name": empty}));
        for text in ["title pr", "emails pr", "name pr", "emails.value pr", "title ne null", r#"title eq """#] {
            assert!(!predicate(text).matches(&holder), "{text} of {empty}");
        }
        assert!(predicate("title eq null and emails eq null and not (name pr)").matches(&holder));
    }
}

#[test]
fn point_9_date_times_are_instants_and_numbers_are_numbers() {
    check(r#"hired eq "2011-05-13T12:00:00Z""#, true);
    check(r#"hired gt "2011-05-13T13:00:00+02:00""#, true);
    check(r#"hired lt "2011-05-13T13:00:00Z""#, true);
    check(r#"meta.lastModified ge "2011-05-13T04:42:34Z""#, true);
    check(r#"meta.lastModified gt "2011-05-13T04:42:34Z""#, false);
    check(r#"meta.created lt "2011-05-13T04:42:34Z""#, true);
    check("level gt 6 and level le 7 and level ne 8", true);
    check("level lt 10", true);
    check(r#"level eq "7" and level eq 7.0"#, true);
    check("ratio gt 0.25 and ratio lt 1", true);
}

#[test]
fn what_real_clients_ask_is_answered() {
    check(r#"active eq "True" and active eq true"#, true);
    check(r#"active ne "false""#, true);
    check(r#"emails co "EXAMPLE.com""#, true);
    check(r#"emails eq "babs@jensen.org""#, true);
    check(r#"employeeNumber eq 701984"#, true);
    check(r#"department eq "Tour Operations""#, true);
    check(r#"manager.displayName sw "john""#, true);
    check(r#"groups eq "g1" and groups.display co "guides" and groups[value eq "g1" and type eq "direct"]"#, true);
    check(r#"groups.value eq "g2" and groups[value eq "g2" and type eq "indirect"]"#, true);
    check(r#"groups[value eq "g2" and type eq "direct"]"#, false);
    check(r#"meta.resourceType eq "User""#, true);
    check(r#"meta.resourceType eq "Group""#, false);
    check(r#"meta.version eq "W/\"3\"""#, true);
    check(&format!(r#"schemas eq "{ENTERPRISE_USER}""#), true);
    check(r#"schemas co "Group""#, false);
}

#[test]
fn ne_is_true_of_what_has_no_value() {
    check(r#"title ne "Tour Guide""#, false);
    check(r#"title ne "Clerk""#, true);
    check(r#"ims.value ne "x""#, true);
    check(r#"emails.type ne "work""#, true);
    check(r#"not (emails.type eq "work")"#, false);
    check(r#"emails[type ne "work" and type ne "home"]"#, false);
    check(r#"emails[display ne "x"]"#, true);
}

#[test]
fn members_are_compared_by_value() {
    let ask = |text: &str| {
        let filter: Filter = text.parse().expect("a filter");
        let predicate = filter.resolve(&schema::group()).expect("attributes of a group");
        assert_eq!(predicate.needs(), Needs { members: text.contains("members"), groups: false });
        predicate.matches(&tour_guides())
    };
    assert!(ask(r#"members eq "2819c223-7f76-453a-919d-413861904646""#));
    assert!(!ask(r#"members.value eq "2819C223-7f76-453a-919d-413861904646""#));
    assert!(ask(r#"members[value eq "902c246b-6245-4190-8e05-00816be7344a" and display sw "Mandy"]"#));
    assert!(ask(r#"members.type eq "user" and members.$ref pr and displayName eq "tour GUIDES""#));
    assert!(!ask(r#"not (members pr)"#));
}

#[test]
fn a_value_paths_filter_is_asked_about_one_value() {
    let path: AttributePath = r#"emails[type eq "work" and not (primary eq true)].value"#.parse().expect("a path");
    let user_type = schema::user();
    let resolved = path.resolve(&user_type).expect("resolves").expect("exists");
    assert_eq!(resolved.sub.map(|sub| sub.name.as_str()), Some("value"));
    let filter = resolved.filter.expect("a filter");
    assert!(filter.matches_value(&json!({"type": "WORK", "value": "x"})));
    assert!(!filter.matches_value(&json!({"type": "work", "primary": true})));
    assert!(!filter.matches_value(&json!("work")));
    let registry = registry();
    let path: AttributePath = r#"environments[value eq "prod"]"#.parse().expect("a path");
    let filter = path.resolve(registry.get(USER)).expect("resolves").and_then(|path| path.filter).expect("a filter");
    assert!(filter.matches_value(&json!("PROD")) && !filter.matches_value(&json!("stage")));
}

#[test]
fn paths_lead_to_attributes_in_any_case_or_nowhere() {
    let registry = registry();
    let resolve = |text: &str| {
        let path: AttributePath = text.parse().expect("a path");
        let resolved = path.resolve(registry.get(USER)).expect("resolves")?;
        let urn = resolved.extension.map(|schema| schema.id.clone()).unwrap_or_default();
        let names =
            [resolved.attribute, resolved.sub].map(|part| part.map(|part| part.name.clone()).unwrap_or_default());
        Some(format!("{urn}|{}|{}", names[0], names[1]))
    };
    let enterprise = |rest: &str| Some(format!("{ENTERPRISE_USER}|{rest}"));
    assert_eq!(resolve("USERNAME").as_deref(), Some("|userName|"));
    assert_eq!(resolve("name.FAMILYNAME").as_deref(), Some("|name|familyName"));
    assert_eq!(resolve("externalid").as_deref(), Some("|externalId|"));
    assert_eq!(resolve("Department"), enterprise("department|"));
    assert_eq!(resolve(&format!("{ENTERPRISE_USER}:manager.displayName")), enterprise("manager|displayName"));
    assert_eq!(resolve(&ENTERPRISE_USER.to_lowercase()), enterprise("|"));
    for nowhere in
        ["shoeSize", "name.shoe", "userName.x", "urn:x:y:userName", "urn:acme:A:userName", "urn:acme:A:badge.x"]
    {
        assert_eq!(resolve(nowhere), None, "{nowhere}");
    }
    assert_eq!(resolve("urn:acme:b:badge").as_deref(), Some("urn:acme:B|badge|"));
    let ambiguous: AttributePath = "badge".parse().expect("a path");
    let refused = ambiguous.resolve(registry.get(USER)).expect_err("ambiguous");
    assert!(matches!(refused, Error::InvalidPath(detail) if detail.contains("urn:acme:B:badge")));
}

#[test]
fn what_cannot_be_evaluated_is_an_invalid_filter_that_says_why() {
    let registry = registry();
    let check = |text: &str, reason: &str| {
        let filter: Filter = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        match filter.resolve(registry.get(USER)) {
            Err(Error::InvalidFilter(detail)) => assert!(detail.contains(reason), "{text}: {detail} lacks {reason}"),
            other => panic!("{text}: {other:?}"),
        }
    };
    check(r#"shoeSize eq "9""#, "A User has no attribute shoeSize");
    check(r#"title pr or shoeSize pr"#, "shoeSize");
    check(r#"urn:x:y:userName eq "a""#, "urn:x:y:userName");
    check(r#"name.nick eq "a""#, "name has no sub-attribute nick: it has formatted, familyName");
    check(r#"title.x eq "a""#, "none at all");
    check(r#"name eq "a""#, "name is complex");
    check(r#"meta eq "a""#, "meta is complex");
    check(r#"emails[kind eq "a"]"#, "emails has no sub-attribute kind");
    check(r#"emails[emails.type eq "a"]"#, "emails has no sub-attribute emails.type");
    check(r#"emails[type[value eq "a"]]"#, "has no sub-attribute");
    check(r#"userName[value eq "a"]"#, "nothing to choose");
    check("badge pr", "urn:acme:A:badge or urn:acme:B:badge");
    check("active gt true", "eq, ne and pr can");
    check("active co \"t\"", "eq, ne and pr can");
    check(r#"x509Certificates ge "a""#, "binary");
    check(r#"meta.created sw "2011""#, "dateTime");
    check(r#"meta.created gt "yesterday""#, "a date and time");
    check(r#"meta.created gt 5"#, "not with a number");
    check(r#"active eq "yes""#, "true or false");
    check("userName eq true", "text in double quotes");
    check("userName gt null", "not with null");
    check("level eq 1.5", "a whole number");
    check(r#"ratio eq "much""#, "a number");
    check(r#"password eq "hunter2""#, "never disclosed");
    check("password pr", "never disclosed");
    check(r#"groups.$ref eq "x""#, "made when it is shown");
    check(r#"meta.location eq "x""#, "made when it is shown");
    let secret: Filter = r#"password eq "hunter2""#.parse().expect("a filter");
    let refused = secret.resolve(registry.get(USER)).expect_err("refused");
    assert!(!refused.detail().contains("hunter2"));
}

fn keys(path: &str, range: KeyRange) -> IndexQuery {
    let registry = registry();
    let found = registry.indexed().iter().find(|indexed| indexed.path == path && indexed.resource_type == USER);
    IndexQuery::Keys { attribute: found.expect("an indexed attribute").key, range }
}

fn equals(path: &str, key: &str) -> IndexQuery {
    keys(path, KeyRange::Equals(key.to_owned()))
}

fn between(path: &str, from: Option<&str>, until: Option<&str>) -> IndexQuery {
    keys(path, KeyRange::Between { from: from.map(str::to_owned), until: until.map(str::to_owned) })
}

#[test]
fn what_identity_providers_look_up_is_answered_by_the_index_alone() {
    let check = |text: &str, index_query: IndexQuery| {
        let registry = registry();
        assert_eq!(predicate(text).plan(registry.get(USER)), Plan { index_query, exact: true }, "{text}");
    };
    let id = |text: &str| Id::new(text).expect("an id");
    check(r#"userName eq "BJensen""#, equals("userName", "bjensen"));
    check(r#"externalId eq "AbC""#, equals("externalId", "AbC"));
    check(r#"emails eq "A@x""#, equals("emails.value", "a@x"));
    check(r#"emails[value eq "A@x"]"#, equals("emails.value", "a@x"));
    check(
        r#"emails.value eq "a" or userName eq "a""#,
        IndexQuery::AnyOf(vec![equals("emails.value", "a"), equals("userName", "a")]),
    );
    check(
        r#"active eq "False" and role eq "Admin""#,
        IndexQuery::All(vec![equals("active", "false"), equals("role", "admin")]),
    );
    check(r#"id eq "abc""#, IndexQuery::Id(id("abc")));
    check(r#"id eq "no such id""#, IndexQuery::Nothing);
    check(r#"groups.value eq "g1""#, IndexQuery::MemberOf(id("g1")));
    check(r#"userName sw "Bj""#, between("userName", Some("bj"), Some("bk")));
    check(r#"userName gt "b""#, between("userName", Some("b\u{1}"), None));
    check(r#"userName le "b""#, between("userName", None, Some("b\u{1}")));
    check("displayName pr", between("displayName", None, None));
    check("level ge 0", between("level", Some("8000000000000000"), None));
    check(r#"hired eq "1970-01-01T00:00:00Z""#, equals("hired", "8000000000000000"));
    check(
        r#"meta.lastModified gt "1970-01-01T00:00:01Z" and meta.resourceType eq "User""#,
        IndexQuery::LastModified { from: Some(1001), until: None },
    );
    check(r#"meta.resourceType eq "Group" or not (id pr)"#, IndexQuery::Nothing);
    let group: Filter = r#"members eq "m1""#.parse().expect("a filter");
    let plan = group.resolve(&schema::group()).expect("resolves").plan(&schema::group());
    assert_eq!(plan, Plan { index_query: IndexQuery::HasMember(id("m1")), exact: true });
}

#[test]
fn what_the_index_cannot_settle_is_narrowed_where_possible() {
    let check = |text: &str, index_query: IndexQuery| {
        let registry = registry();
        assert_eq!(predicate(text).plan(registry.get(USER)), Plan { index_query, exact: false }, "{text}");
    };
    check(r#"emails[type eq "work"].value eq "A@x""#, equals("emails.value", "a@x"));
    check(r#"emails[type eq "work" and value sw "a"]"#, between("emails.value", Some("a"), Some("b")));
    check(r#"title eq "x""#, IndexQuery::Any);
    check(r#"title eq "x" and userName eq "a""#, equals("userName", "a"));
    check(r#"title eq "x" or userName eq "a""#, IndexQuery::Any);
    check(r#"userName co "x""#, IndexQuery::Any);
    check(r#"userName ne "x""#, IndexQuery::Any);
    check(r#"not (userName eq "x")"#, IndexQuery::Any);
    check("meta.created pr and title pr", IndexQuery::Any);
    let long = "é".repeat(150);
    let cut = "é".repeat(95);
    check(&format!(r#"userName sw "{long}""#), between("userName", Some(&cut), Some(&format!("{}ê", "é".repeat(94)))));
    check(&format!(r#"userName ge "{long}""#), between("userName", Some(&cut), None));
}

#[test]
fn the_end_of_a_prefix_is_the_next_text_that_does_not_begin_so() {
    let check = |text: &str, until: Option<&str>| {
        let registry = registry();
        let plan = predicate(&format!("userName sw {}", json!(text))).plan(registry.get(USER));
        assert_eq!(plan.index_query, between("userName", Some(text), until), "{text}");
    };
    check("", None);
    check("a\u{d7ff}", Some("a\u{e000}"));
    check("a\u{10ffff}", Some("b"));
    check("\u{10ffff}", None);
}
