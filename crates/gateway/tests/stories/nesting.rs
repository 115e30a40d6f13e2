//! Groups in groups, and groups of any size.

use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::identity_provider::{IdentityProvider, a_user};
use crate::support::testing::World;

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

/// A user's groups, each with how they are in it, sorted.
fn groups(user: &Value) -> Vec<(String, String)> {
    let group = |group: &Value| (text(&group["display"]), text(&group["type"]));
    let mut groups: Vec<_> = user["groups"].as_array().into_iter().flatten().map(group).collect();
    groups.sort();
    groups
}

fn expected(groups: &[(&str, &str)]) -> Vec<(String, String)> {
    groups.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect()
}

async fn join(idp: &IdentityProvider, group: &Value, member: &Value) {
    let joined = idp.patch(group).add("members", json!([{"value": member["id"]}])).await;
    assert!(joined.status.is_success(), "{}", joined.text());
}

story!(a_user_is_in_groups_directly_and_through_other_groups, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    let (ana, ben) = (idp.create_user(&a_user("ana")).await, idp.create_user(&a_user("ben")).await);
    let desk = idp.create_group("Desk", &[&ana]).await;
    let news = idp.create_group("News", &[&desk, &ben]).await;
    let staff = idp.create_group("Staff", &[&news, &ana]).await;
    let all = [("Desk", "direct"), ("News", "indirect"), ("Staff", "direct")];
    assert_eq!(groups(&idp.read(&ana).await), expected(&all));
    assert_eq!(groups(&idp.read(&ben).await), expected(&[("News", "direct"), ("Staff", "indirect")]));
    let listed = idp.found("/Users", r#"userName eq "ana" or userName eq "ben""#).await;
    assert_eq!((groups(&listed[0]), groups(&listed[1]).len()), (expected(&all), 2), "in lists too");

    // A filter means what is shown.
    let id = |group: &Value| text(&group["id"]);
    let check = async |filter: String, names: &[&str]| assert_eq!(idp.names(&filter).await, names, "{filter}");
    check(format!(r#"groups.value eq "{}""#, id(&news)), &["ana", "ben"]).await;
    check(format!(r#"groups eq "{}""#, id(&desk)), &["ana"]).await;
    check(format!(r#"groups[type eq "direct" and value eq "{}"]"#, id(&news)), &["ben"]).await;
    check(format!(r#"groups[type eq "indirect" and value eq "{}"]"#, id(&staff)), &["ben"]).await;
    check(format!(r#"groups.display eq "news" and not (groups eq "{}")"#, id(&desk)), &["ben"]).await;
    check(r#"groups[type eq "direct"] and groups[type eq "indirect"]"#.to_owned(), &["ana", "ben"]).await;
    // The members of a group are its own.
    assert_eq!(idp.members(&staff).await.len(), 2);

    // A circle is harmless, and goes with its weakest link.
    join(&idp, &desk, &staff).await;
    let circle = [("Desk", "indirect"), ("News", "direct"), ("Staff", "indirect")];
    assert_eq!(groups(&idp.read(&ben).await), expected(&circle));
    check(format!(r#"groups eq "{}""#, id(&desk)), &["ana", "ben"]).await;
    idp.delete(&news).await.expect(204);
    assert_eq!(groups(&idp.read(&ana).await), expected(&[("Desk", "direct"), ("Staff", "direct")]));
    assert_eq!(groups(&idp.read(&ben).await), vec![]);
});

story!(a_group_is_read_with_all_its_members_or_with_none, async |world: World| {
    const MEMBERS: usize = 1_010;
    let idp = world.account("acme").await.connected_identity_provider().await;
    let mut members = Vec::new();
    for from in [0, MEMBERS / 2] {
        let post = |n: usize| {
            let data = a_user(&format!("user{n:04}"));
            json!({"method": "POST", "path": "/Users", "bulkId": format!("b{n}"), "data": data})
        };
        let operations: Vec<Value> = (from..from + MEMBERS / 2).map(post).collect();
        let answer = idp.post("/Bulk", &json!({"schemas": [BULK], "Operations": operations})).await.expect(200).json();
        for operation in answer["Operations"].as_array().expect("operations") {
            let location = text(&operation["location"]);
            members.push(json!({"value": location.rsplit('/').next()}));
        }
    }
    let body =
        json!({"schemas": [crate::support::identity_provider::GROUP], "displayName": "Everybody", "members": members});
    let group = idp.post("/Groups", &body).await.expect(201).json();
    let shown = |group: &Value| group["members"].as_array().map(Vec::len);
    assert_eq!(shown(&group), Some(MEMBERS));
    assert_eq!(shown(&idp.read(&group).await), Some(MEMBERS));
    let query = json!({"schemas": [SEARCH], "filter": "displayName eq \"everybody\""});
    let lists = [
        idp.list("/Groups").await,
        idp.get("/Groups?cursor=&count=1").await.expect(200).json(),
        idp.post("/Groups/.search", &query).await.expect(200).json(),
        idp.post("/.search", &query).await.expect(200).json(),
    ];
    for list in &lists {
        assert_eq!(shown(&list["Resources"][0]), Some(MEMBERS));
    }
    let path = format!("/Groups/{}?excludedAttributes=members", text(&group["id"]));
    let without = [
        idp.get(&path).await.expect(200).json(),
        idp.list("/Groups?attributes=displayName").await["Resources"][0].clone(),
        idp.list("?filter=meta.resourceType+eq+%22Group%22&excludedAttributes=members").await["Resources"][0].clone(),
    ];
    for group in &without {
        assert_eq!((shown(group), &group["displayName"]), (None, &json!("Everybody")));
    }
});
