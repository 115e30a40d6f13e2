//! A snapshot and the feed after it are the present; and the digest says so.

use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, text};
use crate::support::directories;
use crate::support::feed::{Copy, Reader};
use crate::support::identity_provider::a_user;
use crate::support::testing::{OPERATOR, World};

/// The program of the documentation.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/follow-events.py");

fn get(acme: &Account, path: &str) -> crate::support::http::Call {
    acme.world.get(&format!("/events/{path}account={}", acme.id)).bearer(OPERATOR)
}

/// Page after page, with something done between them.
async fn snapshot(acme: &Account, limit: usize, between: impl AsyncFn(usize)) -> (Copy, Value) {
    let (mut copy, mut next, mut pages) = (Copy::default(), None::<String>, 0);
    loop {
        let after = next.map(|next| format!("after={next}&")).unwrap_or_default();
        let page = get(acme, &format!("snapshot?limit={limit}&{after}")).await.expect(200).json();
        for item in page["items"].as_array().expect("items") {
            match item["type"].as_str() {
                Some("user") => {
                    assert!(item["access"]["environments"].is_array(), "{item}");
                    copy.users.insert(text(&item["user"]["id"]), item["user"].clone());
                }
                Some("group") => drop(copy.groups.insert(text(&item["group"]["id"]), item["group"].clone())),
                Some("members") => {
                    let ids = item["members"].as_array().expect("members").iter().map(text);
                    copy.members.entry(text(&item["group"]["id"])).or_default().extend(ids);
                }
                _ => panic!("{item}"),
            }
        }
        pages += 1;
        between(pages).await;
        match page["next"].as_str() {
            Some(next_page) => next = Some(next_page.to_owned()),
            None => return (copy, page["cursor"].clone()),
        }
    }
}

story!(a_snapshot_and_what_follows_it_are_the_present, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let mut users = Vec::new();
    for n in 0..12 {
        users.push(idp.create_user(&a_user(&format!("user{n}@acme.test"))).await);
    }
    let groups = [
        idp.create_group("Editors", &users.iter().take(7).collect::<Vec<_>>()).await,
        idp.create_group("Empty", &[]).await,
        idp.create_group("Readers", &users.iter().collect::<Vec<_>>()).await,
    ];
    let of_groups = idp.create_group("Everybody", &[&groups[0], &groups[1]]).await;
    let (still, _) = snapshot(&acme, 1000, async |_| ()).await;
    assert_eq!(still, Copy::by_scim(&idp).await);
    assert_eq!((still.users.len(), still.members[&text(&of_groups["id"])].len()), (13, 2));
    for limit in [1, 3, 5] {
        assert_eq!(snapshot(&acme, limit, async |_| ()).await.0, still, "in pages of {limit}");
    }
    // While it is read, everything changes.
    let (mut copy, cursor) = snapshot(&acme, 4, async |page| match page {
        1 => drop(idp.delete(&users[0]).await.expect(204)),
        2 => drop(idp.create_user(&a_user("late@acme.test")).await),
        3 => drop(idp.patch(&users[11]).replace("role", "admin").await.expect(200)),
        4 => drop(idp.delete(&groups[1]).await.expect(204)),
        5 => drop(idp.patch(&groups[0]).remove(&format!("members[value eq \"{}\"]", text(&users[3]["id"]))).await),
        6 => drop(idp.patch(&groups[0]).add("members", json!([{"value": users[9]["id"]}])).await),
        7 => drop(idp.patch(&groups[2]).replace("displayName", "Readers EU").await),
        _ => {}
    })
    .await;
    let mut reader = Reader::of(&acme);
    reader.cursor = Some(text(&cursor));
    let events = reader.rest().await;
    assert!(events.len() >= 9, "{events:#?}");
    copy.apply(&events);
    assert_eq!(copy, Copy::by_scim(&idp).await);

    for wrong in ["7", "a.b.1.users.0.0", text(&cursor).as_str()] {
        assert_eq!(
            get(&acme, &format!("snapshot?after={wrong}&")).await.expect_problem(400)["errors"][0]["field"],
            "after"
        );
    }
    let orchard = world.account("orchard").await;
    let first = get(&acme, "snapshot?limit=1&").await.expect(200).json();
    get(&orchard, &format!("snapshot?after={}&", text(&first["next"]))).await.expect_problem(400);
    for path in ["snapshot", "digest"] {
        let problem = world.get(&format!("/events/{path}")).bearer(OPERATOR).await.expect_problem(400);
        assert_eq!(problem["errors"][0]["field"], "account");
        world.get(&format!("/events/{path}?account=nowhere")).bearer(OPERATOR).await.expect_problem(404);
        world.get(&format!("/events/{path}?account={}", acme.id)).await.expect_problem(401);
    }
});

/// Runs the program of the documentation.
fn follow(acme: &Account, file: &std::path::Path) -> (bool, String) {
    let output = Command::new("python3")
        .args([PROGRAM, &acme.id, file.to_str().expect("UTF-8")])
        .env("GATEWAY", acme.world.gateway.public_url.clone())
        .env("TOKEN", OPERATOR)
        .output()
        .expect("python3 can be run");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), said)
}

story!(the_program_of_the_documentation_keeps_a_copy_that_has_the_digest, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let file = directories::subdirectory("copy").join("copy.json");
    let is_same = |parts: &str| {
        let (is_well, said) = follow(&acme, &file);
        assert!(is_well && said.starts_with(parts) && said.contains("the same"), "{said}");
    };
    is_same("1 users, 1 access, 0 groups, 0 members");
    let odd = "Zoë \"Q\" \\ \u{7f}\u{1f600}\u{2028}\t";
    let mut zoe = a_user("zoë@acme.test");
    (zoe["displayName"], zoe["product_environments"]) = (json!(odd), json!(["acme-prod"]));
    zoe["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"] = json!({"department": "R&D </script>"});
    let zoe = idp.create_user(&zoe).await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    let group = idp.create_group("Editors", &[&zoe, &ana]).await;
    is_same("3 users, 3 access, 1 groups, 2 members");
    idp.patch(&ana).replace("active", false).await.expect(200);
    idp.patch(&group).remove(&format!("members[value eq \"{}\"]", text(&zoe["id"]))).await;
    idp.delete(&zoe).await.expect(204);
    is_same("2 users, 2 access, 1 groups, 1 members");
    // More than an event tells: the program reads anew.
    let mut many = Vec::new();
    for n in 0..60 {
        many.push(idp.create_user(&a_user(&format!("user{n}@acme.test"))).await);
    }
    let everybody = idp.create_group("Everybody", &many.iter().collect::<Vec<_>>()).await;
    is_same("62 users, 62 access, 2 groups, 61 members");
    // What may be done is a part of it: by a rule, by a policy, and by one that leaves.
    let rules = json!({"rules": [{"group_id": everybody["id"], "role": "admin", "environments": ["acme-stage"]}]});
    acme.admin(Method::PUT, "/access").json(&rules).await.expect(200);
    is_same("62 users, 62 access");
    idp.patch(&everybody).remove(&format!("members[value eq \"{}\"]", text(&many[7]["id"]))).await;
    idp.patch(&everybody).add("members", json!([{"value": ana["id"]}])).await;
    idp.patch(&ana).replace("active", true).await.expect(200);
    is_same("62 users, 62 access, 2 groups, 61 members");
    acme.admin(Method::PATCH, "").json(&json!({"unset_environments": "none"})).await.expect(200);
    idp.delete(&everybody).await.expect(204);
    is_same("62 users, 62 access, 1 groups, 1 members");
    // A copy that was changed is found.
    let text = std::fs::read_to_string(&file).expect("a copy");
    std::fs::write(&file, text.replacen("user7@acme.test", "user8@acme.test", 1)).expect("writable");
    let (is_well, said) = follow(&acme, &file);
    assert!(!is_well && said.contains("['users']"), "{said}");
});
