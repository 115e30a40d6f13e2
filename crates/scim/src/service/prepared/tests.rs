use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::schema::{GROUP, USER};
use crate::testing::{BASE, World, named};
use crate::tolerance::{Tolerance, Tolerances};

/// Three users with three names each, another group, and the group to change, which has a pending member.
fn world(members: &[&str]) -> (World, String) {
    let mut world = World::new();
    for name in ["ana", "ben", "cas"] {
        let body = json!({ "userName": name, "externalId": name.to_uppercase(), "role": "admin" });
        world.create(USER, body).expect("a user");
    }
    world.group("Readers", &[]);
    let group = world.group("Editors", members);
    world.events();
    (world, group)
}

/// The outcome: the answer, the group, its pending members, the events.
fn outcome(world: &mut World, group: &str, done: Result<Written, Error>) -> Value {
    let done = match done {
        Ok(written) => {
            let Written { changed, skipped_members, pending_members, ignored_attributes, .. } = written;
            let (members, version) = (written.resource.members, written.resource.meta.version);
            let members =
                members.map(|members| members.into_iter().map(|member| member.id.to_string()).collect::<Vec<_>>());
            json!([changed, skipped_members, pending_members, ignored_attributes, members, version])
        }
        Err(error) => json!([error.wire().0, error.detail()]),
    };
    let events = format!("{:?}", world.events());
    let waits = world.work(|store, cx| {
        let stored = store.get(GROUP, &named(group))?.map(|stored| stored.handle);
        let _ = cx;
        Ok(stored.map(|handle| store.pending_members(handle)).transpose()?)
    });
    let mut waits = waits.unwrap().unwrap_or_default();
    waits.sort();
    json!([done, world.get(GROUP, group).unwrap(), waits, events])
}

enum Asked {
    Put(Value),
    Patch(Value),
}

fn whole(world: &mut World, group: &str, asked: &Asked) -> Result<Written, Error> {
    match asked {
        Asked::Put(body) => world.put(GROUP, group, body.clone()),
        Asked::Patch(operations) => world.patch(GROUP, group, operations.clone()),
    }
}

fn prepared(world: &mut World, group: &str, asked: &Asked) -> Result<Prepared, Error> {
    world.now -= 1_000; // both units of work are one request
    world.work(|store, cx| match asked {
        Asked::Put(body) => prepare_replace(store, cx, GROUP, &named(group), body, &Precondition::None),
        Asked::Patch(operations) => {
            let body = json!({ "schemas": [crate::urn::PATCH_OP], "Operations": operations });
            prepare_patch(store, cx, GROUP, &named(group), &PatchRequest::parse(&body)?, &Precondition::None)
        }
    })
}

fn carried_out(world: &mut World, group: &str, prepared: &Prepared) -> Result<Option<Written>, Error> {
    let shown = world.projection(GROUP);
    world.work(|store, cx| carry_out(store, cx, GROUP, &named(group), &Precondition::None, prepared, &shown))
}

#[track_caller]
fn check(members: &[&str], asked: &Asked, on: Tolerances) {
    let ((mut one, group), (mut other, _)) = (world(members), world(members));
    (one.on, other.on) = (on, on);
    let done = whole(&mut one, &group, asked);
    let expected = outcome(&mut one, &group, done);
    let done = prepared(&mut other, &group, asked).and_then(|prepared| carried_out(&mut other, &group, &prepared));
    if done.is_err() {
        other.now = one.now;
    }
    let done = done.map(|written| written.expect("nothing changed meanwhile"));
    assert_eq!(outcome(&mut other, &group, done), expected);
}

proptest! {
    #[test]
    fn hardening_6_what_is_worked_out_beforehand_is_what_would_have_been_done(
        members in prop::collection::vec(any_name().prop_filter("a name", |name| !name.is_empty()), 0..5),
        named in prop::collection::vec((any_name(), 0..4u8), 0..6),
        verb in 0..5u8,
        strict in any::<bool>(),
    ) {
        let element = |(name, shape): &(String, u8)| match shape {
            0 => json!({ "$ref": format!("{BASE}/Users/{name}") }),
            1 => json!({ "$ref": format!("{BASE}/Groups/{name}") }),
            _ => json!({ "value": name }),
        };
        let elements: Vec<Value> = named.iter().map(element).collect();
        let asked = match verb {
            0 | 1 => Asked::Put(json!({ "displayName": "Editors", "members": elements, "badge": 7 })),
            2 => Asked::Patch(json!([{ "op": "add", "path": "members", "value": elements }])),
            3 => Asked::Patch(json!([{ "op": "replace", "path": "members", "value": elements }, { "op": "replace", "path": "displayName", "value": "Writers" }])),
            _ => Asked::Patch(json!([{ "op": "remove", "path": "members", "value": elements }])),
        };
        let members: Vec<&str> = members.iter().map(String::as_str).collect();
        let on = if strict { Tolerances::EVERY.without(Tolerance::UnknownMembers) } else { Tolerances::EVERY };
        check(&members, &asked, on);
    }
}

/// Ids, other names, names that no user has, the groups themselves.
fn any_name() -> impl Strategy<Value = String> {
    let names = ["id-1", "id-2", "id-3", "id-4", "id-5", "ana", "BEN", "CAS", "dan", "eve", ""];
    prop::sample::select(names.to_vec()).prop_map(str::to_owned)
}

#[test]
fn hardening_6_what_is_there_and_stays_is_no_difference() {
    let (mut world, group) = world(&["id-1", "id-2"]);
    let asked = |members: Value| Asked::Put(json!({ "displayName": "Editors", "members": members }));
    let same = asked(json!([{ "value": "id-2" }, { "value": "id-1" }]));
    assert_eq!(prepared(&mut world, &group, &same).unwrap().differences(), 0);
    let other = asked(json!([{ "value": "id-2" }, { "value": "id-3" }]));
    assert_eq!(prepared(&mut world, &group, &other).unwrap().differences(), 2);
}

#[test]
fn hardening_6_what_was_changed_meanwhile_is_worked_out_again() {
    let asked = Asked::Put(json!({ "displayName": "Editors", "members": [{ "value": "id-1" }] }));
    let meanwhile: [fn(&mut World, &str); 4] = [
        |world, group| {
            drop(world.patch(GROUP, group, json!([{ "op": "add", "path": "members", "value": [{ "value": "id-2" }] }])))
        },
        |world, group| {
            drop(world.patch(GROUP, group, json!([{ "op": "replace", "path": "displayName", "value": "Others" }])))
        },
        |world, group| {
            drop(world.patch(GROUP, group, json!([{ "op": "add", "path": "members", "value": [{ "value": "zoe" }] }])))
        },
        |world, _| drop(world.delete(USER, "id-3")),
    ];
    for change in meanwhile {
        let (mut world, group) = world(&["id-3"]);
        let first = prepared(&mut world, &group, &asked).unwrap();
        change(&mut world, &group);
        let before = world.get(GROUP, &group).unwrap();
        assert!(carried_out(&mut world, &group, &first).unwrap().is_none());
        assert_eq!(world.get(GROUP, &group).unwrap(), before, "nothing was done");
        let again = prepared(&mut world, &group, &asked).unwrap();
        assert!(carried_out(&mut world, &group, &again).unwrap().is_some());
        assert_eq!(world.members(&group), ["id-1"]);
    }
    let (mut world, group) = world(&["id-3"]);
    let first = prepared(&mut world, &group, &asked).unwrap();
    world.delete(GROUP, &group).unwrap();
    assert_eq!(carried_out(&mut world, &group, &first).unwrap_err().wire().0, 404);
}
