use serde_json::{Map, Value, json};

use super::*;
use crate::patch::PatchRequest;
use crate::precondition::Precondition;
use crate::schema::{GROUP, USER};
use crate::service;
use crate::testing::{World, named};
use crate::tolerance::{Tolerance, Tolerances};
use crate::urn::{self, ENTERPRISE_USER};

fn user(more: Value) -> Value {
    let mut body = json!({ "userName": "ana", "role": "admin" });
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    body
}

/// What a request brought: `=` a value, `-` empty, `.` nothing; `!` refused.
fn fields(observed: &Observed) -> Vec<String> {
    let one = |field: &ObservedField| {
        let brought = match field.brought {
            Brought::Nothing => ".",
            Brought::Empty => "-",
            Brought::Value => "=",
        };
        format!("{}{brought}{}", field.path, if field.refused { "!" } else { "" })
    };
    observed.fields.iter().map(one).collect()
}

/// The unknown names, each with the nearest known one.
fn unknown(observed: &Observed) -> Vec<(&str, Option<&str>)> {
    observed.unknown.iter().map(|unknown| (&*unknown.name, unknown.nearest.as_deref())).collect()
}

#[test]
fn a_misspelt_attribute_is_ignored_and_reported_with_the_one_that_is_meant() {
    let mut world = World::new();
    let body = user(json!({
        "product_environment": ["prod"], "emials": [{ "value": "ana@orchard.example" }],
        "name": { "givenNam": "Ana", "surname": "Li" }, (ENTERPRISE_USER): { "departmnt": "Fruit" }, "shoeSize": 38
    }));
    let written = world.create(USER, body).expect("created");
    assert_eq!(world.observed.write, Some((USER, Form::Create)));
    assert_eq!(
        unknown(&world.observed),
        [
            ("name.givenNam", Some("name.givenName")),
            ("name.surname", None),
            ("product_environment", Some("product_environments")),
            ("emials", Some("emails")),
            (&format!("{ENTERPRISE_USER}:departmnt"), Some(&format!("{ENTERPRISE_USER}:department"))),
            ("shoeSize", None),
        ]
    );
    assert_eq!(written.ignored_attributes.len(), 6, "the answer names them too");
    assert!(world.observed.unknown.iter().all(|unknown| !unknown.refused));
}

#[test]
fn what_arrived_and_what_was_empty_is_named_in_the_registrys_spelling() {
    let mut world = World::new();
    let body = json!({
        "USERNAME": "ana", "role": "admin", "title": "", "nickName": null, "phoneNumbers": [{ "value": "" }],
        "emails": [{ "value": "a@b.example", "type": "" }, { "value": "c@d.example", "Type": "work" }],
        "Name": { "givenName": "Ana", "familyName": "" }, "id": "7", "password": "hunter2", "active": false,
        (ENTERPRISE_USER.to_lowercase()): { "manager": { "value": "m" }, "division": null }, "department": "Fruit",
        "name.middleName": "B"
    });
    world.create(USER, body).expect("created");
    let of_enterprise = |name: &str| format!("{ENTERPRISE_USER}:{name}");
    let (department, division) = (of_enterprise("department="), of_enterprise("division-"));
    let (manager, value) = (of_enterprise("manager="), of_enterprise("manager.value="));
    let mut seen = fields(&world.observed);
    seen.sort();
    let mut expected = vec![
        "userName=",
        "role=",
        "title-",
        "nickName-",
        "phoneNumbers-",
        "phoneNumbers.value-",
        "emails=",
        "emails.value=",
        "emails.type=",
        "name=",
        "name.givenName=",
        "name.familyName-",
        "id=",
        "password=",
        "active=",
        "name.middleName=",
        &department,
        &division,
        &manager,
        &value,
    ];
    expected.sort_unstable();
    assert_eq!(seen, expected);
    assert_eq!((unknown(&world.observed).len(), world.observed.unnamed), (0, 0));
}

#[test]
fn a_patch_is_observed_in_each_of_its_forms() {
    let mut world = World::new();
    let ana = world.user("ana");
    let mut check = |operation: Value, brought: &[&str], ignored: &[(&str, Option<&str>)]| {
        world.patch(USER, &ana, json!([operation])).unwrap_or_else(|error| panic!("{operation}: {error}"));
        assert_eq!(world.observed.write, Some((USER, Form::Patch)));
        assert_eq!(fields(&world.observed), brought, "{operation}");
        assert_eq!(unknown(&world.observed), ignored, "{operation}");
    };
    let path = |op: &str, path: &str, value: Value| json!({ "op": op, "path": path, "value": value });
    check(path("replace", "TITLE", json!("Boss")), &["title="], &[]);
    check(path("add", "name.givenName", json!("")), &["name-", "name.givenName-"], &[]);
    check(json!({ "op": "remove", "path": "title" }), &["title-"], &[]);
    check(path("add", "emails[type eq \"work\"].value", json!("a@b.example")), &["emails=", "emails.value="], &[]);
    check(json!({ "op": "remove", "path": "emails[type eq \"work\"]" }), &["emails="], &[]);
    check(
        path("replace", "emails[value eq \"ana@b.example\"].valeu", json!("x")),
        &[],
        &[("emails.valeu", Some("emails.value"))],
    );
    check(path("replace", "dispalyName", json!("x")), &[], &[("dispalyName", Some("displayName"))]);
    check(
        json!({ "op": "replace", "value": { "product_environment": ["prod"], "title": "Boss", "name": { "given": "A", "familyName": "Li" } } }),
        &["title=", "name=", "name.familyName="],
        &[("product_environment", Some("product_environments")), ("name.given", None)],
    );
    let urn = "urn:ietf:params:scim:schemas:extension:entreprise:2.0:User";
    let department = format!("{ENTERPRISE_USER}:department");
    check(
        path("add", &format!("{urn}:department"), json!("Fruit")),
        &[],
        &[(&format!("{urn}:department"), Some(&department))],
    );
    check(
        path("add", ENTERPRISE_USER, json!({ "Department": "Fruit", "departmet": "x" })),
        &[&format!("{department}=")],
        &[(&format!("{ENTERPRISE_USER}:departmet"), Some(&department))],
    );
    check(
        json!({ "op": "add", "value": { (urn): { "department": "Fruit" } } }),
        &[],
        &[(&format!("{urn}:department"), Some(&department))],
    );
}

#[test]
fn the_attribute_that_an_error_is_about_is_the_one_that_was_refused() {
    let mut world = World::new();
    let ana = world.create(USER, user(json!({ "badge": "gold" }))).expect("a user").resource.id.to_string();
    let refused = |world: &World| {
        let fields = world.observed.fields.iter().filter(|field| field.refused).map(|field| field.path.to_string());
        let names = world.observed.unknown.iter().filter(|name| name.refused).map(|name| format!("?{}", name.name));
        fields.chain(names).collect::<Vec<_>>()
    };
    let mut create = |body: Value, expected: &str| {
        world.create(USER, body.clone()).expect_err(&body.to_string());
        assert_eq!(refused(&world), [expected], "{body}");
        assert_eq!(world.observed.write, Some((USER, Form::Create)));
    };
    let ben = |more: Value| {
        let mut body = user(more);
        body["userName"] = json!("ben");
        body
    };
    create(user(json!({})), "userName");
    create(json!({ "role": "admin" }), "userName");
    create(json!({ "userName": "ben" }), "role");
    create(json!({ "userName": "ben\u{0}", "role": "admin" }), "userName");
    create(json!({ "userName": "ben\u{200b}", "role": "admin" }), "userName");
    create(json!({ "userName": "ben", "role": "boss" }), "role");
    create(ben(json!({ "product_environments": ["prod", "moon"] })), "product_environments");
    create(ben(json!({ "product_environments": [""] })), "product_environments");
    create(ben(json!({ "name": { "givenName": 7, "familyName": [1, 2] } })), "name.familyName");
    create(ben(json!({ "emails": [{ "value": "a", "primary": true }, { "value": "b", "primary": true }] })), "emails");
    create(ben(json!({ "emails": [{ "value": "a", "primary": "often" }] })), "emails.primary");
    let department = format!("{ENTERPRISE_USER}:department");
    create(ben(json!({ (ENTERPRISE_USER): { "department": { "a": 1 } } })), &department);
    world.put(USER, &ana, user(json!({ "badge": "silver" }))).expect_err("immutable");
    assert_eq!(refused(&world), ["badge"]);
    for (operation, expected) in [
        (json!({ "op": "replace", "path": "badge", "value": "silver" }), "badge"),
        (json!({ "op": "remove", "path": "role" }), "role"),
        (json!({ "op": "replace", "path": "id", "value": "x" }), "id"),
        (json!({ "op": "replace", "value": { "title": "x", "role": "boss" } }), "role"),
        (json!({ "op": "add", "path": "emails[type eq \"work\"].primary", "value": "often" }), "emails.primary"),
        (json!({ "op": "replace", "path": "emails[typ eq \"work\"].value", "value": "a" }), "emails"),
    ] {
        world.patch(USER, &ana, json!([operation])).expect_err(&operation.to_string());
        assert_eq!(refused(&world), [expected], "{operation}");
    }
    world.on = Tolerances::EVERY.without(Tolerance::UnknownPatchTargets).without(Tolerance::UnqualifiedExtensionNames);
    world.patch(USER, &ana, json!([{ "op": "add", "path": "tite", "value": "x" }])).expect_err("strict");
    assert_eq!(refused(&world), ["?tite"]);
    assert_eq!(unknown(&world.observed), [("tite", Some("title"))]);
    world.create(USER, ben(json!({ "department": "Fruit" }))).expect_err("strict");
    assert_eq!(refused(&world), [department]);
    world.on = Tolerances::NONE;
    let group = json!({ "schemas": [urn::GROUP], "displayName": "G", "members": [{ "value": "stranger" }] });
    world.create(GROUP, group).expect_err("strict");
    assert_eq!(refused(&world), ["members"]);
    // Nothing is to blame for what is not about an attribute.
    world.put(USER, "id-999", user(json!({ "title": "x" }))).expect_err("gone");
    assert_eq!(world.observed, Observed::default());
}

#[test]
fn a_request_that_is_refused_is_observed_to_its_end() {
    let mut world = World::new();
    let ana = world.user("ana");
    let body = json!({
        "role": "boss", "userName": "ben", "rol": "admin", "name": { "givenNam": "x" }, "emails": [{ "value": 7 }],
        (ENTERPRISE_USER): { "departmnt": 1 }
    });
    let expected = [
        ("name.givenNam", Some("name.givenName")),
        ("rol", Some("role")),
        (&*format!("{ENTERPRISE_USER}:departmnt"), Some(&*format!("{ENTERPRISE_USER}:department"))),
    ];
    world.create(USER, body.clone()).expect_err("no such role");
    assert_eq!(unknown(&world.observed), expected);
    assert_eq!(fields(&world.observed), ["role=!", "userName=", "name=", "emails=", "emails.value="]);
    let mut strict = World::strict();
    strict.create(USER, body.clone()).expect_err("no schemas");
    assert_eq!(unknown(&strict.observed), expected);
    for operations in [
        json!([{ "op": "replace", "value": body }]),
        json!([{ "op": "replace", "path": "role", "value": "boss" }, { "op": "replace", "path": "userName", "value": "ben" },
            { "op": "replace", "path": "rol", "value": "admin" }, { "op": "add", "path": "name.givenNam", "value": 1 },
            { "op": "add", "path": format!("{ENTERPRISE_USER}:departmnt"), "value": 1 }]),
    ] {
        world.patch(USER, &ana, operations.clone()).expect_err("no such role");
        let mut names = unknown(&world.observed);
        names.sort_unstable();
        let mut expected = expected;
        expected.sort_unstable();
        assert_eq!(names, expected, "{operations}");
        assert!(fields(&world.observed).starts_with(&["role=!".to_owned(), "userName=".to_owned()]), "{operations}");
    }
    assert_eq!(world.forgiven, Tolerances::NONE, "what was only observed needed nothing");
}

#[test]
fn members_that_were_left_out_are_counted() {
    let mut world = World::new();
    let ana = world.user("ana");
    let mut members: Vec<Value> = (0..10).map(|n| json!({ "value": format!("someone{n}"), "displya": "x" })).collect();
    members.push(json!({ "value": ana, "type": "User" }));
    let group = json!({ "displayName": "G", "displayname2": "x", "members": members });
    let group = world.create(GROUP, group).expect("a group").resource.id.to_string();
    let LeftOut { count, first } = &world.observed.skipped_members;
    assert_eq!((*count, first.len()), (10, MAX_MEMBERS));
    assert_eq!(world.observed.pending_members.count, 10);
    assert_eq!(fields(&world.observed), ["displayName=", "members=", "members.value=", "members.type="]);
    assert_eq!(
        unknown(&world.observed),
        [("members.displya", Some("members.display")), ("displayname2", Some("displayName"))]
    );
    world
        .patch(GROUP, &group, json!([{ "op": "remove", "path": format!("members[value eq \"{ana}\"]") }]))
        .expect("left");
    assert_eq!(fields(&world.observed), ["members="]);
    world.put(GROUP, &group, json!({ "displayName": "G", "members": [] })).expect("emptied");
    assert_eq!(fields(&world.observed), ["displayName=", "members-"]);
}

#[test]
fn a_hostile_body_is_observed_within_bounds() {
    let mut world = World::new();
    let mut body: Map<String, Value> = (0..100_000).map(|n| (format!("a{n}"), json!(1))).collect();
    body.insert("x".repeat(10_000), json!(1));
    body.insert("userName".to_owned(), json!("ana"));
    body.insert("role".to_owned(), json!("admin"));
    world.create(USER, Value::Object(body)).expect("created");
    assert_eq!((world.observed.unknown.len(), world.observed.unnamed), (MAX_NAMES, 100_001 - MAX_NAMES as u64));
    let emails: Vec<Value> = (0..1000).map(|n| json!({ "value": format!("{n}@x.example"), "kind": n })).collect();
    let long = json!({ "userName": "ben", "role": "admin", "emails": emails, "y".repeat(10_000): 1 });
    world.create(USER, long).expect("created");
    assert_eq!(unknown(&world.observed), [("emails.kind", None)], "once");
    assert_eq!(world.observed.unnamed, 1, "so long a name is none");
    assert_eq!(fields(&world.observed), ["userName=", "role=", "emails=", "emails.value="]);
}

#[test]
fn no_value_is_observed_and_no_name_that_may_be_one() {
    let mut world = World::new();
    let body = user(json!({
        "password=hunter2": 1, "ana@orchard.example": 1, "eyJhbGciOiJub25lIn0.e30.c2ln": 1, "title": "secret-title",
        "emails[value eq \"secret@x.example\"].valeu": 1, "name": { "Bearer secret": 1 }
    }));
    world.create(USER, body).expect("created");
    assert_eq!(unknown(&world.observed), [("emails.valeu", Some("emails.value"))]);
    assert_eq!(world.observed.unnamed, 4);
    let all = format!("{:?}", world.observed);
    for secret in ["hunter2", "orchard.example", "eyJ", "secret"] {
        assert!(!all.contains(secret), "{all}");
    }
}

#[test]
fn what_was_prepared_is_observed_when_it_is_carried_out() {
    let mut world = World::new();
    let group = world.group("Editors", &[]);
    let body = json!({ "displayName": "Editors", "member": [{ "value": "x" }], "members": [] });
    let id = named(&group);
    let prepare = |world: &mut World| {
        world.work(|store, cx| service::prepare_replace(store, cx, GROUP, &id, &body, &Precondition::None))
    };
    let prepared = prepare(&mut world).expect("prepared");
    assert_eq!(world.observed.write, None, "it is not made yet");
    let carry_out = |world: &mut World| {
        world.work(|store, cx| service::carry_out(store, cx, GROUP, &id, &Precondition::None, &prepared, None))
    };
    let written = carry_out(&mut world).expect("carried out").expect("nothing changed meanwhile");
    assert_eq!(written.ignored_attributes, ["member"]);
    assert_eq!(world.observed.write, Some((GROUP, Form::Replace)));
    assert_eq!(fields(&world.observed), ["displayName=", "members-"]);
    assert_eq!(unknown(&world.observed), [("member", Some("members"))]);
    world
        .patch(GROUP, &group, json!([{ "op": "replace", "path": "displayName", "value": "Authors" }]))
        .expect("changed");
    assert!(carry_out(&mut world).expect("asked").is_none());
    assert_eq!(world.observed, Observed::default(), "it is worked out again");
    let patch =
        json!({ "schemas": [urn::PATCH_OP], "Operations": [{ "op": "replace", "path": "displayName", "value": "" }] });
    let patch = PatchRequest::parse(&patch).expect("a patch");
    let refused = world.work(|store, cx| service::prepare_patch(store, cx, GROUP, &id, &patch, &Precondition::None));
    refused.expect_err("a group has a name");
    assert_eq!(fields(&world.observed), ["displayName-!"]);
}

#[test]
fn a_read_observes_nothing_and_a_restored_user_is_observed_once() {
    let mut world = World::new();
    let ana = world.create(USER, user(json!({ "active": false }))).expect("a user").resource.id.to_string();
    world.get(USER, &ana).expect("a user");
    assert_eq!(world.observed, Observed::default());
    world.create(USER, user(json!({ "titel": "Boss", "badge": "gold" }))).expect("restored");
    assert_eq!(world.observed.write, Some((USER, Form::Create)));
    assert_eq!(unknown(&world.observed), [("titel", Some("title"))]);
    assert_eq!(fields(&world.observed), ["userName=", "role=", "badge="]);
}

#[test]
fn operations_of_one_request_add_up() {
    let mut world = World::new();
    let mut whole = Observed::default();
    for (name, more) in
        [("ana", json!({ "title": "", "tilte": 1 })), ("ben", json!({ "title": "x", "tilte": 1, "b0": 1 }))]
    {
        let mut body = user(more);
        body["userName"] = json!(name);
        world.create(USER, body).expect("a user");
        whole.absorb(world.observed.clone());
    }
    assert_eq!(fields(&whole), ["userName=", "role=", "title="]);
    assert_eq!(unknown(&whole), [("tilte", Some("title")), ("b0", None)]);
    for _ in 0..3 {
        for n in 0..30 {
            let name = format!("c{n}").as_str().into();
            let more = Unknown { name, nearest: None, refused: false };
            whole.absorb(Observed { unknown: vec![more], ..Observed::default() });
        }
    }
    assert_eq!((whole.unknown.len(), whole.unnamed), (MAX_NAMES, 0));
}

#[test]
fn unknown_parameters_are_kept_within_bounds() {
    let observations = Observations::default();
    for n in 0..100 {
        let name = format!("p{n}");
        observations.parameter(&name, None);
        observations.parameter(&name, None);
    }
    observations.parameter("filtr", Some("filter"));
    let observed = observations.observed(&Registry::standard());
    assert_eq!((observed.parameters.len(), observed.unnamed), (MAX_NAMES, 100 + 1 - MAX_NAMES as u64 + 68));
}
