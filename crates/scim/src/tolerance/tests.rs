use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::error::Error;
use crate::schema::{GROUP, USER};
use crate::testing::{BASE, World, refusal};
use crate::urn;

#[test]
fn every_tolerance_has_a_name_of_its_own_and_can_be_found_by_it() {
    for tolerance in Tolerance::ALL {
        assert_eq!(Tolerance::named(tolerance.name()), Some(*tolerance));
        let snake = tolerance.name().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        assert!(snake, "{tolerance:?}");
    }
    assert_eq!(Tolerance::named("everything"), None);
}

#[test]
fn a_set_is_what_was_put_into_it() {
    assert_eq!(Tolerances::EVERY.iter().count(), Tolerance::ALL.len());
    assert!(Tolerances::NONE.is_empty());
    let set = Tolerances::NONE.with(Tolerance::ManagerId).with(Tolerance::BooleanStrings);
    assert_eq!(set.iter().collect::<Vec<_>>(), [Tolerance::BooleanStrings, Tolerance::ManagerId]);
    assert_eq!(set.without(Tolerance::ManagerId), [Tolerance::BooleanStrings].into_iter().collect());
}

#[test]
fn a_leniency_remembers_what_was_needed() {
    let leniency = ToleranceTracker::new(Tolerances::EVERY.without(Tolerance::ManagerId));
    assert!(leniency.forgives(Tolerance::BooleanStrings) && leniency.forgives(Tolerance::BooleanStrings));
    assert!(!leniency.forgives(Tolerance::ManagerId));
    assert_eq!(leniency.forgiven().iter().collect::<Vec<_>>(), [Tolerance::BooleanStrings]);
    assert_eq!(leniency.missed().iter().collect::<Vec<_>>(), [Tolerance::ManagerId]);
}

/// A request of Ana's identity provider that needs a tolerance.
enum Sent {
    /// A POST of a user with these attributes.
    User(Value),
    /// A PATCH of Ana.
    Patch(Value),
    /// A PATCH of the group that Ana is in.
    PatchGroup(Value),
    /// A query for users.
    Filter(&'static str),
}
use Sent::{Filter, Patch, PatchGroup, User};

impl Sent {
    fn send(&self, on: Tolerances) -> (Result<(), Error>, Tolerances, World) {
        let mut world = World::new();
        world.account_values.list_separator = Some(';');
        let ana = json!({
            "userName": "ana", "role": "admin", "externalId": "00uANA", "emails": [{ "type": "work", "value": "a@w" }],
        });
        world.create(USER, ana).expect("Ana");
        world.group("Editors", &["id-1"]);
        world.on = on;
        let outcome = match self {
            User(body) => {
                let mut full = json!({ "schemas": [urn::USER], "userName": "ben", "role": "admin" });
                full.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
                world.create(USER, full).map(drop)
            }
            Patch(operations) => world.patch(USER, "id-1", operations.clone()).map(drop),
            PatchGroup(operations) => world.patch(GROUP, "id-2", operations.clone()).map(drop),
            Filter(filter) => world.list(USER, &[("filter", filter)]).map(drop),
        };
        let forgiven = world.forgiven;
        (outcome, forgiven, world)
    }
}

/// With every tolerance a request needs this one and no other. Without it, the request is refused with `refused` and
/// changes nothing; `None` where strict behaviour gives the request another meaning, or none.
#[track_caller]
fn check(tolerance: Tolerance, refused: Option<&str>, sent: &Sent) {
    let (outcome, forgiven, _) = sent.send(Tolerances::EVERY);
    assert!(outcome.is_ok(), "{tolerance:?}: {outcome:?}");
    assert_eq!(forgiven, Tolerances::NONE.with(tolerance), "{tolerance:?} and nothing else is needed");
    let (outcome, forgiven, mut world) = sent.send(Tolerances::EVERY.without(tolerance));
    assert!(!forgiven.contains(tolerance));
    match refused {
        None => assert!(outcome.is_ok(), "{tolerance:?}: {outcome:?}"),
        Some(scim_type) => {
            let detail = outcome.as_ref().expect_err("refused").detail();
            assert!(detail.len() > 30, "{tolerance:?}: {detail}");
            assert_eq!(refusal(outcome), (400, Some(scim_type)), "{tolerance:?}: {detail}");
            let users = world.list(USER, &[]).expect("users");
            assert_eq!(
                (&users["totalResults"], &users["Resources"][0]["meta"]["version"]),
                (&json!(1), &json!("W/\"1\""))
            );
            assert_eq!(world.get(GROUP, "id-2").expect("the group")["meta"]["version"], json!("W/\"1\""));
        }
    }
}

#[test]
fn each_tolerance_is_needed_by_what_it_forgives_and_refused_where_it_is_off() {
    use Tolerance::*;
    const SYNTAX: Option<&str> = Some("invalidSyntax");
    const VALUE: Option<&str> = Some("invalidValue");
    const SCIM_1: &str = "urn:scim:schemas:extension:enterprise:1.0";
    const ACME: &str = "urn:ietf:params:scim:schemas:extension:acme:2.0:User";
    let op = |op: &str, path: &str, value: Value| json!([{ "op": op, "path": path, "value": value }]);
    let cases: Vec<(Tolerance, Option<&str>, Sent)> = vec![
        (AbsentSchemas, SYNTAX, User(json!({ "schemas": null }))),
        (ForeignSchemas, SYNTAX, User(json!({ "schemas": ["urn:acme:user"] }))),
        (Scim1Urns, SYNTAX, User(json!({ (SCIM_1): { "department": "News" } }))),
        (Scim1Urns, None, User(json!({ "schemas": ["urn:scim:schemas:core:1.0"] }))), // a foreign schema then
        (UnqualifiedExtensionNames, SYNTAX, User(json!({ "department": "News" }))),
        (UnqualifiedExtensionNames, SYNTAX, Patch(json!([{ "op": "add", "value": { "department": "News" } }]))),
        (PathsAsKeys, SYNTAX, User(json!({ (format!("{}:department", urn::ENTERPRISE_USER)): "News" }))),
        (PathsAsKeys, SYNTAX, Patch(json!([{ "op": "replace", "value": { "name.givenName": "Ana" } }]))),
        (BooleanStrings, VALUE, User(json!({ "active": "True" }))),
        (BooleanStrings, VALUE, Patch(op("replace", "active", json!("False")))),
        (BooleanStrings, Some("invalidFilter"), Filter("active eq \"True\"")),
        (ScalarCoercion, VALUE, User(json!({ "title": 42 }))),
        (ScalarCoercion, Some("invalidFilter"), Filter("title eq 42")),
        (ScalarCoercion, Some("invalidFilter"), Filter("meta.created gt \"2011-05-13T04:42:34\"")),
        (SingularInArray, VALUE, User(json!({ "active": [true] }))),
        (SingularInArray, VALUE, Patch(op("replace", "emails[type eq \"work\"]", json!([{ "value": "x" }])))),
        (ElementWithoutArray, VALUE, User(json!({ "emails": { "value": "b@w" } }))),
        (ElementWithoutArray, VALUE, PatchGroup(op("add", "members", json!({ "value": "id-1" })))),
        (BareComplexValue, VALUE, User(json!({ "emails": ["b@w"] }))),
        (BareComplexValue, VALUE, PatchGroup(op("add", "members", json!(["id-1"])))),
        (ManagerId, None, User(json!({ (urn::ENTERPRISE_USER): { "manager": { "managerId": "id-1" } } }))),
        (OperationsInAnyCase, SYNTAX, Patch(op("Replace", "title", json!("Editor")))),
        (EmptyOperations, SYNTAX, Patch(json!([]))),
        (UnknownPatchTargets, Some("invalidPath"), Patch(op("replace", "shoeSize", json!(42)))),
        (
            ReadOnlyInValues,
            Some("mutability"),
            Patch(json!([{ "op": "replace", "value": { "id": "id-1", "title": "x" } }])),
        ),
        (
            CreateOnUnmatchedReplace,
            Some("noTarget"),
            Patch(op("replace", "emails[type eq \"home\"].value", json!("x"))),
        ),
        (ElementForSubAttribute, VALUE, Patch(op("add", "emails[type eq \"work\"].value", json!({ "value": "x" })))),
        (ElementForSubAttribute, VALUE, Patch(op("replace", "title", json!({ "$ref": null, "value": "x" })))),
        (ElementForSubAttribute, VALUE, User(json!({ "product_environments": [{ "value": "prod" }] }))),
        (SeparatedValues, VALUE, User(json!({ "product_environments": "prod;stage" }))),
        (SeparatedValues, VALUE, Patch(op("replace", "product_environments", json!("prod;stage")))),
        (JsonText, VALUE, PatchGroup(op("replace", "members", json!("[{\"value\": \"id-1\"}]")))),
        (JsonText, VALUE, User(json!({ "emails": "[{\"value\": \"b@w\"}]" }))),
        (NamedAgain, VALUE, PatchGroup(op("replace", "members", json!({ "members": [{ "value": "id-1" }] })))),
        (NamedAgain, VALUE, Patch(op("replace", "emails", json!([{ "emails": [{ "value": "b@w" }] }])))),
        (ReferenceForValue, VALUE, PatchGroup(op("add", "members", json!([{ "$ref": format!("{BASE}/Users/id-1") }])))),
        (FilterOnSingular, Some("invalidPath"), Patch(op("remove", "manager[value eq \"x\"]", json!(null)))),
        (DottedUrns, None, Patch(op("add", &format!("{}.department", urn::ENTERPRISE_USER), json!("News")))), // unknown then
        (DottedUrns, Some("invalidFilter"), Filter("urn:ietf:params:scim:schemas:core:2.0:User.userName pr")),
        (OwnAttributesInExtensions, None, Patch(op("add", &format!("{ACME}:product_environments"), json!(["prod"])))),
        (PrimaryRole, None, Patch(op("add", "roles", json!([{ "value": "billing", "primary": true }])))),
        (RemoveListedValues, None, PatchGroup(op("remove", "members", json!([{ "value": "id-9" }])))),
        (ValuePathComparisons, Some("invalidFilter"), Filter("emails[type eq \"work\"].value eq \"a@w\"")),
        (MembersByName, None, PatchGroup(op("add", "members", json!([{ "value": "00uANA" }])))), // unknown then
        (UnknownMembers, VALUE, PatchGroup(op("add", "members", json!([{ "value": "nobody" }])))),
    ];
    for (tolerance, refused, sent) in &cases {
        check(*tolerance, *refused, sent);
    }
    let told: BTreeSet<Tolerance> = cases.iter().map(|(tolerance, ..)| *tolerance).collect();
    let untold: Vec<&Tolerance> = Tolerance::ALL.iter().filter(|tolerance| !told.contains(tolerance)).collect();
    assert!(untold.is_empty(), "no request needs {untold:?}");
}

#[test]
fn what_the_rfcs_allow_needs_no_tolerance() {
    let manager = json!({ (urn::ENTERPRISE_USER): { "manager": { "value": "id-1" } } });
    let members = json!([{ "op": "remove", "path": "members[value eq \"id-1\"]" }]);
    let selected = json!([{ "op": "replace", "path": "emails[type eq \"work\"].value", "value": "x" }]);
    for sent in [
        User(json!({ "id": "mine", "meta": {}, "groups": [], "unknown": 1, "title": null, "emails": [] })),
        User(json!({ "SCHEMAS": [urn::ENTERPRISE_USER, urn::USER], "TITLE": "x" })),
        User(manager),
        Patch(selected),
        Patch(json!([{ "op": "add", "value": { (urn::ENTERPRISE_USER): { "department": "News" } } }])),
        PatchGroup(members),
        Filter("USERNAME EQ \"ana\" and emails co \"a\" and emails[type eq \"work\" and value eq \"a@w\"]"),
        Filter("department eq \"News\" or manager eq \"id-1\""),
    ] {
        let (outcome, forgiven, _) = sent.send(Tolerances::NONE);
        assert!(outcome.is_ok(), "{outcome:?}");
        assert!(forgiven.is_empty());
    }
}
