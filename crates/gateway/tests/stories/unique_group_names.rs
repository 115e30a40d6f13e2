//! Accounts in which no two groups may have one name.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, text};
use crate::support::concurrently::all;
use crate::support::identity_provider::{GROUP, Located, a_user};
use crate::support::testing::World;

async fn unique(acme: &Account, unique: bool) {
    let now = acme.admin(Method::PATCH, "").json(&json!({"unique_group_names": unique})).await.expect(200).json();
    assert_eq!(now["unique_group_names"], unique);
}

fn named(name: &str) -> Value {
    json!({"schemas": [GROUP], "displayName": name})
}

story!(report_8_an_account_may_want_group_names_to_be_unique, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    assert_eq!(acme.admin_get("").await["unique_group_names"], false);
    let (one, two) = (idp.create_group("Twins", &[]).await, idp.create_group("twins", &[]).await);
    // Switched on over groups that share a name: said first.
    let ask = |body: Value| acme.admin(Method::PATCH, "").json(&body);
    let problem = ask(json!({"unique_group_names": true})).await.expect_problem(409);
    for said in ["2 groups have the name \"twins\"", &text(&one["id"]), &text(&two["id"])] {
        assert!(problem["errors"].to_string().replace('\\', "").contains(said), "{said} in: {problem}");
    }
    ask(json!({"unique_group_names": "yes"})).await.expect_problem(400);
    ask(json!({"unique_group_names": true, "force": true})).await.expect(200);
    // They keep it through other changes.
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    for group in [&one, &two] {
        let mut whole = named(&text(&group["displayName"]));
        whole["members"] = json!([{"value": ana["id"]}]);
        idp.put(group, &whole).await.expect(200);
        idp.patch(group).replace("displayName", "TWINS").await.expect(204);
    }
    let editors = idp.create_group("Editors", &[]).await;
    let writers = idp.create_group("Writers", &[]).await;
    let told = |detail: &str| {
        for said in ["displayName \"Editors\"", &text(&editors["id"])] {
            assert!(detail.contains(said), "{said} in: {detail}");
        }
    };
    for _ in 0..2 {
        told(&idp.post("/Groups", &named("EDITORS")).await.expect_scim_error(409, Some("uniqueness")));
        told(&idp.put(&writers, &named("editors")).await.expect_scim_error(409, Some("uniqueness")));
        let patch = idp.patch(&writers).replace("displayName", "editors").await;
        told(&patch.expect_scim_error(409, Some("uniqueness")));
        let patch = idp.patch(&writers).merge(json!({"displayName": "Editors"})).await;
        told(&patch.expect_scim_error(409, Some("uniqueness")));
    }
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        {"method": "POST", "path": "/Groups", "bulkId": "a", "data": named("editors")},
        {"method": "PUT", "path": writers.path(), "data": named("Editors")},
        {"method": "POST", "path": "/Groups", "bulkId": "b", "data": named("Authors")},
        {"method": "POST", "path": "/Groups", "bulkId": "c", "data": named("AUTHORS")},
    ]});
    let done = idp.post("/Bulk", &bulk).await.expect(200).json();
    let statuses: Vec<&Value> =
        done["Operations"].as_array().expect("a list").iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, ["409", "409", "201", "409"], "{done}");
    // Its own name in another spelling; one that is free again; another account's.
    idp.patch(&editors).replace("displayName", "EDITORS").await.expect(204);
    idp.delete(&editors).await.expect(204);
    idp.patch(&writers).replace("displayName", "Editors").await.expect(204);
    let orchard = world.account("orchard").await.connected_identity_provider().await;
    for _ in 0..2 {
        orchard.create_group("Editors", &[]).await;
    }
    unique(&acme, false).await;
    idp.create_group("Editors", &[]).await;
});

story!(report_8_of_many_groups_of_one_name_at_once_one_is_made, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    unique(&acme, true).await;
    let others = [idp.create_group("One", &[]).await, idp.create_group("Two", &[]).await];
    for round in 0..4 {
        let name = format!("Editors {round}");
        let asked = (0..10).map(|n| {
            let (idp, others, name) = (idp.clone(), others.clone(), name.clone());
            async move {
                // Members who are waited for make their own claim to a lock.
                let mut body = named(&if n % 2 == 0 { name.to_uppercase() } else { name });
                body["members"] = json!([{"value": format!("waited-for-{n}")}]);
                let answer = match others.get(n) {
                    Some(other) => idp.put(other, &body).await,
                    None => idp.post("/Groups", &body).await,
                };
                answer.status.as_u16()
            }
        });
        let statuses = all(asked.collect()).await;
        let won = statuses.iter().filter(|status| matches!(status, 200 | 201)).count();
        let lost = statuses.iter().filter(|status| **status == 409).count();
        assert_eq!((won, lost), (1, 9), "{statuses:?}");
        assert_eq!(idp.found("/Groups", &format!("displayName eq \"{name}\"")).await.len(), 1);
    }
});
