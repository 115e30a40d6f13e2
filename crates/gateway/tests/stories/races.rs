//! Writers who meet: what each was told is what happened.

use reqwest::Method;
use serde_json::{Value, json};

use crate::groups::{eight_writers, five_patches};
use crate::support::account::text;
use crate::support::concurrently::all;
use crate::support::identity_provider::{GROUP, IdentityProvider, Located, PATCH, a_user};
use crate::support::testing::World;

async fn write(idp: &IdentityProvider, method: Method, user: &Value, n: usize) -> u16 {
    let etag = text(&user["meta"]["version"]);
    let call = idp.call(method.clone(), &user.path()).header("if-match", &etag);
    let title = format!("{method} {n}");
    let call = match method {
        Method::PUT => {
            let mut body = a_user(user["userName"].as_str().unwrap_or_default());
            body["title"] = json!(title);
            call.scim(&body)
        }
        Method::PATCH => {
            let operation = json!({"op": "replace", "path": "title", "value": title});
            call.scim(&json!({"schemas": [PATCH], "Operations": [operation]}))
        }
        _ => call,
    };
    call.await.status.as_u16()
}

/// Of writers who saw the same version exactly one writes, and the others are told: 412, or 404 where the one deleted it.
async fn one_writer_wins(world: World) {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let races = [
        vec![Method::PUT, Method::PUT],
        vec![Method::PATCH, Method::PATCH],
        vec![Method::PUT, Method::PATCH],
        vec![Method::DELETE, Method::DELETE],
        vec![Method::PATCH, Method::DELETE],
        vec![Method::PUT, Method::DELETE],
        vec![Method::PUT, Method::PATCH, Method::PATCH, Method::PUT, Method::PATCH, Method::PUT],
        vec![Method::DELETE, Method::PATCH, Method::PUT, Method::DELETE, Method::PATCH, Method::PUT],
    ];
    for (n, methods) in races.into_iter().cycle().take(24).enumerate() {
        let user = idp.create_user(&a_user(&format!("user{n}"))).await;
        let writers = methods.iter().enumerate().map(|(n, method)| write(&idp, method.clone(), &user, n));
        let statuses = all(writers.collect()).await;
        let won: Vec<usize> = (0..statuses.len()).filter(|n| matches!(statuses[*n], 200 | 204)).collect();
        assert_eq!(won.len(), 1, "{methods:?}: {statuses:?}");
        let lost = if methods[won[0]] == Method::DELETE { 404 } else { 412 };
        assert!((0..statuses.len()).all(|n| n == won[0] || statuses[n] == lost), "{methods:?}: {statuses:?}");
        let now = idp.get(&user.path()).await;
        match methods[won[0]] {
            Method::DELETE => assert_eq!(now.status.as_u16(), 404),
            _ => assert_eq!(now.json()["title"], format!("{} {}", methods[won[0]], won[0])),
        }
    }
}

story!(of_writers_with_the_same_etag_exactly_one_writes, async |world: World| {
    one_writer_wins(world).await;
});

story!(of_writers_with_the_same_etag_at_two_replicas_exactly_one_writes, async |world: World| {
    world.add_replica().await;
    one_writer_wins(world).await;
});

story!(eight_writers_on_one_group_at_two_replicas_end_in_the_union_of_their_effects, async |world: World| {
    world.add_replica().await;
    eight_writers(world).await;
});

story!(five_parallel_patches_of_entra_at_two_replicas_lose_no_member, async |world: World| {
    world.add_replica().await;
    five_patches(world).await;
});

/// A PUT of the whole list beside PATCHes: the end is what one after the other would have come to, in some order.
async fn a_put_beside_patches(world: World) {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let mut users = Vec::new();
    for n in 0..6 {
        users.push(idp.create_user(&a_user(&format!("user{n}"))).await);
    }
    let ids: Vec<String> = users.iter().map(|user| text(&user["id"])).collect();
    let named = |members: &[usize]| {
        let mut named: Vec<String> = members.iter().map(|n| ids[*n].clone()).collect();
        named.sort();
        named
    };
    // 4 joins before or after the PUT of 0, 1, 2; and 1 leaves before or after it.
    let ends = [named(&[0, 1, 2]), named(&[0, 1, 2, 4]), named(&[0, 2]), named(&[0, 2, 4])];
    for round in 0..8 {
        let group = idp.create_group(&format!("Group {round}"), &[&users[0], &users[1], &users[3]]).await;
        let members: Vec<Value> = users[..3].iter().map(|user| json!({"value": user["id"]})).collect();
        let body = json!({"schemas": [GROUP], "displayName": "Editors", "members": members});
        let leave = format!("members[value eq \"{}\"]", ids[1]);
        let writes: Vec<std::pin::Pin<Box<dyn Future<Output = u16>>>> = vec![
            Box::pin(async { idp.put(&group, &body).await.status.as_u16() }),
            Box::pin(async { idp.patch(&group).add("members", json!([{"value": ids[4]}])).await.status.as_u16() }),
            Box::pin(async { idp.patch(&group).remove(&leave).await.status.as_u16() }),
        ];
        assert!(all(writes).await.iter().all(|status| matches!(status, 200 | 204)));
        let now = idp.members(&group).await;
        assert!(ends.contains(&now), "{now:?} is no order of the three");
    }
}

story!(a_put_beside_patches_ends_as_one_after_the_other, async |world: World| {
    a_put_beside_patches(world).await;
});

story!(a_put_beside_patches_at_two_replicas_ends_as_one_after_the_other, async |world: World| {
    world.add_replica().await;
    a_put_beside_patches(world).await;
});
