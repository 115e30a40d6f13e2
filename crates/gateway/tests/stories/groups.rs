//! Groups and their members: nothing is lost, with any number of requests at once and in any shape that clients send.

use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::concurrently::all;
use crate::support::entra::EntraJob;
use crate::support::identity_provider::{GROUP, IdentityProvider, a_user};
use crate::support::testing::World;

async fn users(idp: &IdentityProvider, count: usize) -> Vec<Value> {
    let mut users = Vec::new();
    for n in 0..count {
        users.push(idp.create_user(&a_user(&format!("user{n}@acme.test"))).await);
    }
    users
}

fn ids<'a>(users: impl IntoIterator<Item = &'a Value>) -> Vec<String> {
    let mut ids: Vec<String> = users.into_iter().map(|user| text(&user["id"])).collect();
    ids.sort();
    ids
}

story!(unknown_members_are_skipped_and_the_rest_is_kept, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let (users, unknown) = (users(&idp, 3).await, json!({"value": "0f6a7c1e-2b83-4f3e-9a6d-1d2c3b4a5e6f"}));
    let member = |user: &Value| json!({"value": user["id"], "display": "x"});
    let body = json!({"schemas": [GROUP], "displayName": "Editors",
        "members": [member(&users[0]), unknown, {"value": "not an id"}, member(&users[1])]});
    let group = idp.post("/Groups", &body).await.expect(201).json();
    assert_eq!(idp.members(&group).await, ids(&users[..2]));
    let patched = idp.patch(&group).add("members", json!([unknown, member(&users[2])])).await;
    assert!(patched.status.is_success(), "{}", patched.text());
    assert_eq!(idp.members(&group).await, ids(&users));
    idp.put(&group, &body).await.expect(200);
    assert_eq!(idp.members(&group).await, ids(&users[..2]));
    assert!(acme.audit().await.actions().contains(&"group.members_parked"), "and reported");
});

story!(memberships_change_in_every_shape, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let users = users(&idp, 4).await;
    let id = |n: usize| text(&users[n]["id"]);
    let group = idp.create_group("Editors", &[]).await;
    let steps: Vec<(Value, Vec<usize>)> = vec![
        (json!({"op": "add", "path": "members", "value": [{"value": id(0)}, {"value": id(1)}]}), vec![0, 1]),
        (json!({"op": "Add", "path": "members", "value": [{"$ref": null, "value": id(1)}]}), vec![0, 1]),
        (json!({"op": "add", "path": "members", "value": {"value": id(2)}}), vec![0, 1, 2]),
        (json!({"op": "add", "value": {"members": [{"value": id(3)}]}}), vec![0, 1, 2, 3]),
        (json!({"op": "remove", "path": format!("members[value eq \"{}\"]", id(0))}), vec![1, 2, 3]),
        (json!({"op": "Remove", "path": "members", "value": [{"$ref": null, "value": id(1)}]}), vec![2, 3]),
        (json!({"op": "remove", "path": format!("members[value eq \"{}\"]", id(0))}), vec![2, 3]),
        (json!({"op": "replace", "path": "members", "value": [{"value": id(0)}, {"value": id(2)}]}), vec![0, 2]),
        (json!({"op": "replace", "path": "members", "value": []}), vec![]),
        (json!({"op": "replace", "value": {"members": [{"value": id(1)}]}}), vec![1]),
        (json!({"op": "remove", "path": "members"}), vec![]),
    ];
    for (operation, expected) in steps {
        let answer = idp.patch(&group).operation(operation.clone()).await;
        assert!(matches!(answer.status.as_u16(), 200 | 204), "{operation}: {}", answer.text());
        assert_eq!(idp.members(&group).await, ids(expected.iter().map(|n| &users[*n])), "{operation}");
    }
    // Several in one request, in their order; and a request in which one fails changes nothing.
    let mixed = idp.patch(&group).add("members", json!([{"value": id(0)}, {"value": id(1)}]));
    let mixed = mixed.remove(&format!("members[value eq \"{}\"]", id(0))).replace("displayName", "Editors EU").await;
    assert!(mixed.status.is_success(), "{}", mixed.text());
    assert_eq!(idp.members(&group).await, [id(1)]);
    let before = idp.read(&group).await;
    let failing = idp.patch(&group).remove("members").replace("displayName..", "x").await;
    failing.expect_scim_error(400, Some("invalidPath"));
    assert_eq!(idp.read(&group).await, before);
});

story!(no_change_is_no_change, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let users = users(&idp, 1).await;
    let group = idp.create_group("Editors", &[&users[0]]).await;
    let before = idp.read(&group).await;
    let again =
        idp.patch(&group).add("members", json!([{"value": users[0]["id"]}])).merge(json!({"displayName": "Editors"}));
    assert!(again.await.status.is_success());
    idp.put(&group, &before).await.expect(200);
    assert_eq!(idp.read(&group).await["meta"], before["meta"]);
});

story!(membership_shows_on_the_user_and_ends_with_either, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let users = users(&idp, 2).await;
    let group = idp.create_group("Editors", &[&users[0], &users[1]]).await;
    let user = idp.read(&users[0]).await;
    assert_eq!(
        (&user["groups"][0]["value"], &user["groups"][0]["display"]),
        (&group["id"], &json!("Editors")),
        "{user}"
    );
    let inactive = idp.patch(&users[0]).replace("active", false).await;
    assert!(inactive.status.is_success());
    assert_eq!(idp.members(&group).await.len(), 2, "an inactive user stays a member");
    idp.delete(&users[0]).await.expect(204);
    assert_eq!(idp.members(&group).await, ids(&users[1..]));
    idp.delete(&group).await.expect(204);
    assert!(idp.read(&users[1]).await.get("groups").is_none());
});

story!(eight_writers_on_one_group_end_in_the_union_of_their_effects, async |world: World| {
    eight_writers(world).await;
});

/// Each of eight removes two members who are there and adds two who are not.
pub async fn eight_writers(world: World) {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let users = users(&idp, 32).await;
    let (leaving, joining) = users.split_at(16);
    let group = idp.create_group("Editors", &leaving.iter().collect::<Vec<_>>()).await;
    // Each of the eight removes two of those who are there and adds two who are not, one by one.
    let writers = (0..8).map(|writer| {
        let (idp, group) = (idp.clone(), group.clone());
        let (leaving, joining) =
            (leaving[writer * 2..writer * 2 + 2].to_vec(), joining[writer * 2..writer * 2 + 2].to_vec());
        async move {
            for (gone, new) in leaving.iter().zip(&joining) {
                let path = format!("members[value eq \"{}\"]", text(&gone["id"]));
                assert!(idp.patch(&group).remove(&path).await.status.is_success());
                let added = idp.patch(&group).add("members", json!([{"value": new["id"]}])).await;
                assert!(added.status.is_success(), "{}", added.text());
            }
        }
    });
    all(writers.collect()).await;
    assert_eq!(idp.members(&group).await, ids(joining));
}

story!(five_parallel_patches_of_entra_lose_no_member, async |world: World| {
    five_patches(world).await;
});

/// Entra's requests for one group, five at a time.
pub async fn five_patches(world: World) {
    let acme = world.account("acme").await;
    let entra = EntraJob::connect(&acme).await;
    let (mut users, mut patches) = (Vec::new(), Vec::new());
    let group = entra.create_group("Editors").await;
    for n in 0..5 {
        users.push(entra.create_user(&format!("user{n}"), "reports").await);
    }
    for user in &users {
        let (entra, group, user) = (entra.clone(), group.clone(), user.clone());
        patches.push(async move { entra.change_member("Add", &group, &user).await });
    }
    for answer in all(patches).await {
        assert!(matches!(answer.status.as_u16(), 200 | 204), "{}", answer.text());
    }
    assert_eq!(entra.idp.members(&group).await, ids(&users));
    assert!(entra.is_member(&group, &users[3]).await);
    entra.change_member("Remove", &group, &users[3]).await;
    assert!(!entra.is_member(&group, &users[3]).await);
    assert!(entra.read_group(&group).await.get("members").is_none());
    assert_eq!(entra.idp.members(&group).await.len(), 4, "the others stay");
}

story!(overlapping_pushes_of_a_whole_group_end_in_one_of_them, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let users = users(&idp, 8).await;
    let group = idp.create_group("Editors", &[]).await;
    let pushes = [&users[..5], &users[3..]].map(|members| {
        let (idp, group) = (idp.clone(), group.clone());
        let members: Vec<Value> = members.iter().map(|user| json!({"value": user["id"]})).collect();
        async move {
            let body = json!({"schemas": [GROUP], "displayName": "Editors", "members": members});
            idp.put(&group, &body).await.expect(200);
        }
    });
    all(pushes.into()).await;
    let now = idp.members(&group).await;
    assert!(now == ids(&users[..5]) || now == ids(&users[3..]), "one of the two, never a mixture: {now:?}");
});
