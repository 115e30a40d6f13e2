use serde_json::{Value, json};

use crate::context::InactiveMatch;
use crate::event::EventKind;
use crate::resource::Id;
use crate::schema::{GROUP, USER};
use crate::testing::{World, named, refusal};

fn body(user_name: &str, external_id: &str) -> Value {
    json!({ "userName": user_name, "externalId": external_id, "role": "admin", "active": true })
}

/// A deactivated user who is a member of a group.
fn gone(world: &mut World, user_name: &str, external_id: &str) -> (String, String) {
    let id = world.create(USER, body(user_name, external_id)).expect("a user").resource.id.to_string();
    let group = world.group("Editors", &[&id]);
    world.patch(USER, &id, json!([{ "op": "replace", "path": "active", "value": false }])).expect("a patch");
    world.events();
    (id, group)
}

#[track_caller]
fn refused(world: &mut World, body: Value, says: &[&str]) {
    let before = world.list(USER, &[]).unwrap();
    let error = world.create(USER, body.clone()).expect_err(&body.to_string());
    assert_eq!(error.wire(), (409, Some("uniqueness")));
    for said in says {
        assert!(error.detail().contains(said), "{}", error.detail());
    }
    assert_eq!(world.list(USER, &[]).unwrap(), before);
}

#[test]
fn who_comes_back_is_who_they_were_with_what_the_body_says() {
    for (user_name, external_id) in [("ANA", "00uANA"), ("ana", "another"), ("ana.ito", "00uANA")] {
        let mut world = World::new();
        let (ana, group) = gone(&mut world, "ana", "00uANA");
        let mut again = body(user_name, external_id);
        again["title"] = json!("Editor");
        let written = world.create(USER, again).expect("restored");
        assert_eq!(written.resource.id.as_str(), ana);
        assert_eq!(world.events(), [EventKind::Restored, EventKind::Activated]);
        let now = world.get(USER, &ana).unwrap();
        assert_eq!((&now["userName"], &now["externalId"]), (&json!(user_name), &json!(external_id)), "{now}");
        assert_eq!(
            (&now["active"], &now["title"], &now["meta"]["version"]),
            (&json!(true), &json!("Editor"), &json!("W/\"3\""))
        );
        assert_eq!(world.members(&group), std::slice::from_ref(&ana));
        assert_eq!(world.list(USER, &[]).unwrap()["totalResults"], 1);
        refused(&mut world, body(user_name, "00uX"), &["must be unique", &ana]);
    }
}

#[test]
fn who_is_created_inactive_stays_so() {
    let mut world = World::new();
    let (ana, _) = gone(&mut world, "ana", "00uANA");
    let mut again = body("ana", "00uANA");
    again["active"] = json!(false);
    let written = world.create(USER, again).expect("the same");
    assert_eq!((written.resource.id.as_str(), written.changed), (ana.as_str(), false));
    let written = world.create(USER, json!({ "userName": "ana", "role": "admin" })).expect("by default active");
    assert!(written.changed && written.resource.is_active());
}

#[test]
fn what_is_immutable_stays_when_a_user_comes_back() {
    let mut world = World::new();
    let mut ana = body("ana", "00uANA");
    ana["badge"] = json!("gold");
    ana["active"] = json!(false);
    world.create(USER, ana).unwrap();
    let mut again = body("ana", "00uANA");
    again["badge"] = json!("silver");
    assert_eq!(refusal(world.create(USER, again)), (400, Some("mutability")));
    let written = world.create(USER, body("ana", "00uANA")).unwrap();
    assert_eq!(written.resource.attributes()["badge"], "gold");
}

#[test]
fn by_another_policy_the_conflict_is_named() {
    let mut world = World::new();
    world.inactive_match = InactiveMatch::Conflict;
    let (ana, _) = gone(&mut world, "ana", "00uANA");
    refused(&mut world, body("ANA", "other"), &["userName", "deactivated", &ana]);
    refused(&mut world, body("other", "00uANA"), &["externalId", "deactivated", &ana]);
    world.create(USER, body("other", "00uana")).expect("another user: an externalId is compared exactly");
}

#[test]
fn two_who_are_meant_are_both_named() {
    let mut world = World::new();
    let (ana, _) = gone(&mut world, "ana", "00uANA");
    let (ben, _) = gone(&mut world, "ben", "00uBEN");
    refused(&mut world, body("ana", "00uBEN"), &[&ana, &ben]);
}

#[test]
fn report_7_an_external_id_of_several_records_or_of_an_active_one_names_no_user() {
    let off = || json!([{ "op": "replace", "path": "active", "value": false }]);
    let mut world = World::new();
    let (ana, _) = gone(&mut world, "ana", "00uANA");
    let (ben, _) = gone(&mut world, "ben", "00uBEN");
    world.patch(USER, &ben, json!([{ "op": "replace", "path": "active", "value": true }])).unwrap();
    // One active user: the new user is created, and one found by `userName` is still restored.
    let cas = world.create(USER, body("cas", "00uBEN")).expect("an active externalId is no conflict").resource.id;
    assert_eq!(world.create(USER, body("ana", "00uBEN")).expect("restored").resource.id.as_str(), ana);
    // Several users, all deactivated or not.
    let mut made = vec![ana.clone(), ben.clone(), cas.to_string()];
    for gone in [&ana, &ben, &cas.to_string()] {
        world.patch(USER, gone, off()).unwrap();
        let new =
            world.create(USER, body(&format!("new{}", made.len()), "00uBEN")).expect("new").resource.id.to_string();
        assert!(!made.contains(&new));
        world.patch(USER, &new, off()).unwrap();
        made.push(new);
    }
    // The `userName` still identifies the user.
    assert_eq!(world.create(USER, body("BEN", "00uBEN")).expect("restored").resource.id.as_str(), ben);
    world.inactive_match = InactiveMatch::Conflict;
    world.create(USER, body("dan", "00uBEN")).expect("new, by the other policy too");
    refused(&mut world, body("cas", "00uBEN"), &[cas.as_str(), "deactivated"]);
}

#[test]
fn who_is_guarded_is_not_brought_back_by_a_post() {
    let mut world = World::new();
    let (ana, _) = gone(&mut world, "ana", "00uANA");
    world.store.guarded.insert(named(&ana));
    refused(&mut world, body("ana", "00uX"), &["not restored", &ana]);
    refused(&mut world, body("x", "00uANA"), &["not restored", &ana]);
    let activate = json!([{ "op": "replace", "path": "active", "value": true }]);
    world.patch(USER, &ana, activate).expect("said in so many words, it is done");
}

#[test]
fn a_group_has_no_policy() {
    let mut world = World::new();
    let one = world.group("Editors", &[]);
    assert_ne!(world.group("Editors", &[]), one);
    assert!(Id::new(one).is_some());
    assert_eq!(world.list(GROUP, &[]).unwrap()["totalResults"], 2);
}

#[test]
fn a_user_who_comes_back_joins_the_groups_that_wait_for_their_new_name() {
    let mut world = World::new();
    let (ana, _) = gone(&mut world, "ana", "00uANA");
    let waiting = world.group("Writers", &["ana.ito"]);
    world.create(USER, body("ana.ito", "00uANA")).unwrap();
    assert_eq!(world.members(&waiting), [ana]);
}
