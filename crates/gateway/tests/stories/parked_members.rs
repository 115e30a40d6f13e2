//! Members who are named before they exist. No member is lost, whether the group or the user arrives first.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, items, text};
use crate::support::concurrently::all;
use crate::support::identity_provider::{GROUP, IdentityProvider, a_user};
use crate::support::testing::World;

fn user(external_id: &str, user_name: &str) -> Value {
    let mut body = a_user(user_name);
    body["externalId"] = json!(external_id);
    body
}

fn group(name: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|value| json!({"value": value})).collect();
    json!({"schemas": [GROUP], "displayName": name, "members": members})
}

async fn parked(acme: &Account) -> Vec<String> {
    items(&acme.admin_get("/parked-members").await).iter().map(|item| text(&item["value"])).collect()
}

story!(who_is_named_before_they_exist_joins_when_they_appear, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let pushed =
        idp.post("/Groups", &group("Editors", &["00uANA", "Ben@acme.test", "J\u{f6}rg, the 2nd"])).await.expect(201);
    let editors = pushed.json();
    assert_eq!(pushed.header("parked-members"), Some("00uANA, Ben@acme.test, J%C3%B6rg%2C the 2nd"));
    assert_eq!(pushed.header("skipped-members"), pushed.header("parked-members"), "none of them is a member now");
    assert!(editors["members"].as_array().is_none_or(Vec::is_empty), "{editors}");
    let page = acme.admin_get(&format!("/parked-members?limit=1&group={}", text(&editors["id"]))).await;
    assert_eq!(page["items"][0]["group"], json!({"id": editors["id"], "display": "Editors"}), "{page}");
    assert!(page["next"].is_string() && page["items"][0]["since"].is_string(), "{page}");
    assert_eq!(acme.admin_get("/parked-members?group=nobody").await["items"], json!([]));
    assert_eq!(acme.audit().await.last()["action"], "group.members_parked");

    let ana = idp.create_user(&user("00uANA", "ana@acme.test")).await;
    assert_eq!(ana["groups"][0]["value"], editors["id"], "the answer says so already: {ana}");
    let ben = idp.create_user(&user("00uBEN", "ben@acme.test")).await;
    let mut both = vec![text(&ana["id"]), text(&ben["id"])];
    both.sort();
    assert_eq!(idp.members(&editors).await, both);
    let now = idp.read(&editors).await;
    assert_eq!(now["meta"]["version"], "W/\"3\"", "each time in a new version: {now}");
    assert_eq!(parked(&acme).await, ["J\u{f6}rg, the 2nd"]);
    assert!(acme.audit().await.actions().contains(&"group.membership_changed"));

    // A name that is given later, by a console's rename for instance.
    let jo = idp.create_user(&a_user("jo@acme.test")).await;
    idp.patch(&jo).replace("externalId", "J\u{f6}rg, the 2nd").await.expect(200);
    assert_eq!(idp.members(&editors).await.len(), 3);
    assert!(parked(&acme).await.is_empty());
});

story!(a_user_who_is_no_longer_waited_for_does_not_join, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let made = |n: usize| group(&format!("Group {n}"), &["00uANA", "00uBEN"]);
    let (mut groups, mut changed) = (Vec::new(), Vec::new());
    for n in 0..4 {
        groups.push(idp.post("/Groups", &made(n)).await.expect(201).json());
    }
    changed.push(idp.patch(&groups[0]).remove("members[value eq \"00uANA\"]").await);
    changed.push(idp.put(&groups[1], &group("Group 1", &["00uBEN"])).await);
    changed.push(idp.patch(&groups[2]).replace("members", json!([])).await);
    changed.push(idp.delete(&groups[3]).await);
    for answer in changed {
        assert!(answer.status.is_success(), "{}", answer.text());
    }
    assert_eq!(parked(&acme).await, ["00uBEN", "00uBEN"]);
    idp.create_user(&user("00uANA", "ana@acme.test")).await;
    let ben = idp.create_user(&user("00uBEN", "ben@acme.test")).await;
    for (n, expected) in [(0, true), (1, true), (2, false)] {
        let expected = if expected { vec![text(&ben["id"])] } else { Vec::new() };
        assert_eq!(idp.members(&groups[n]).await, expected, "{n}");
    }
    // In another account the same names are other users'.
    let other = world.account("other").await;
    let theirs = other.connected_identity_provider().await;
    let group = theirs.post("/Groups", &group("Editors", &["00uANA"])).await.expect(201).json();
    assert!(theirs.members(&group).await.is_empty());
    assert!(items(&acme.admin_get("/parked-members").await).is_empty());
    other.admin(Method::GET, "/parked-members?limit=x").await.expect_problem(400);
});

story!(a_strict_client_is_refused_unknown_members_and_nothing_is_applied, async |world: World| {
    let acme = world.account("acme").await;
    let body =
        json!({"name": "x", "profile": "strict", "grant_types": ["client_credentials"], "scopes": ["provision:scim"]});
    let idp = acme.client(body).await.connect_by_credentials().await;
    let ana = idp.create_user(&user("00uANA", "ana@acme.test")).await;
    let ana = text(&ana["id"]);
    let refused = idp.post("/Groups", &group("Editors", &[&ana, "00uBEN"])).await;
    let detail = refused.expect_scim_error(400, Some("invalidValue"));
    assert!(detail.contains("00uBEN") && detail.contains("id"), "{detail}");
    assert_eq!(idp.list("/Groups").await["totalResults"], 0);
    let editors = idp.post("/Groups", &group("Editors", &[&ana])).await.expect(201).json();
    let refused = idp.put(&editors, &group("Writers", &["00uANA"])).await;
    refused.expect_scim_error(400, Some("invalidValue"));
    assert_eq!(idp.read(&editors).await, editors);
    assert!(parked(&acme).await.is_empty());
});

story!(a_user_who_is_named_and_created_at_the_same_moment_is_a_member, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let mut groups = Vec::new();
    for n in 0..3 {
        groups.push(idp.post("/Groups", &group(&format!("Group {n}"), &[])).await.expect(201).json());
    }
    const USERS: usize = 24;
    // Three groups are given each user while the user is created: by PATCH, and one of them by PUT of all at once.
    let create = |n: usize| {
        let idp = idp.clone();
        async move { idp.post("/Users", &user(&format!("00u{n}"), &format!("user{n}@acme.test"))).await.status.as_u16() }
    };
    let name = |n: usize, group: &Value| {
        let (idp, group) = (idp.clone(), group.clone());
        let value = if n.is_multiple_of(2) { format!("00u{n}") } else { format!("USER{n}@acme.test") };
        async move { idp.patch(&group).add("members", json!([{"value": value}])).await.status.as_u16() }
    };
    let all_names: Vec<String> = (0..USERS).map(|n| format!("00u{n}")).collect();
    let push = |idp: IdentityProvider, to: Value| {
        let names: Vec<&str> = all_names.iter().map(String::as_str).collect();
        let body = group("Group 2", &names);
        async move { idp.put(&to, &body).await.status.as_u16() }
    };
    let mut work: Vec<std::pin::Pin<Box<dyn Future<Output = u16>>>> = Vec::new();
    for n in 0..USERS {
        work.push(Box::pin(name(n, &groups[0])));
        work.push(Box::pin(create(n)));
        work.push(Box::pin(name(n, &groups[1])));
        if n.is_multiple_of(8) {
            work.push(Box::pin(push(idp.clone(), groups[2].clone())));
        }
    }
    for status in all(work).await {
        assert!((200..300).contains(&status), "{status}");
    }
    for group in &groups {
        assert_eq!(idp.members(group).await.len(), USERS, "{}", group["displayName"]);
    }
    assert!(parked(&acme).await.is_empty());
});

story!(memberships_of_the_inactive_stay_through_everything_that_happens_to_the_group, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let (ana, ben) = (idp.create_user(&a_user("ana@acme.test")).await, idp.create_user(&a_user("ben@acme.test")).await);
    let editors = idp.create_group("Editors", &[&ana]).await;
    idp.patch(&ana).replace("active", false).await.expect(200);
    idp.patch(&editors).add("members", json!([{"value": ben["id"]}])).await.expect(204);
    let whole = idp.read(&editors).await;
    idp.put(&editors, &whole).await.expect(200);
    assert_eq!(idp.members(&editors).await.len(), 2);
    assert_eq!(idp.read(&ana).await["groups"][0]["value"], editors["id"]);
    let again = idp.patch(&ana).replace("active", true).await.expect(200).json();
    assert_eq!(again["groups"][0]["value"], editors["id"], "{again}");
});
