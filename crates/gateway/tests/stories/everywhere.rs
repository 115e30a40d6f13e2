//! Queries at the root: about the resources of all types at once.

use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::identity_provider::{IdentityProvider, a_user};
use crate::support::testing::World;

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// Users and groups, but for the user who connected.
const FIVE: &str = r#"userName eq "ana" or userName eq "ben" or userName eq "cem" or meta.resourceType eq "Group""#;

/// `POST /.search`.
async fn search(idp: &IdentityProvider, mut request: Value) -> Value {
    request["schemas"] = json!([SEARCH]);
    idp.post("/.search", &request).await.expect(200).json()
}

/// What the resources of a list are called, by the name that each type has.
fn names(list: &Value) -> Vec<String> {
    let name = |resource: &Value| match &resource["userName"] {
        Value::Null => text(&resource["displayName"]),
        name => text(name),
    };
    list["Resources"].as_array().into_iter().flatten().map(name).collect()
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// ana, Editors, ben, Admins, cem, in this order.
async fn five(world: &World) -> IdentityProvider {
    let idp = world.account("acme").await.connected_identity_provider().await;
    for (n, name) in ["ana", "Editors", "ben", "Admins", "cem"].into_iter().enumerate() {
        if n % 2 == 0 {
            let mut user = a_user(name);
            user["displayName"] = json!(format!("{name} Test"));
            idp.create_user(&user).await;
        } else {
            idp.create_group(name, &[]).await;
        }
    }
    idp
}

story!(point_15_a_query_at_the_root_is_about_all_resource_types, async |world: World| {
    let idp = five(&world).await;
    let check = async |filter: &str, expected: &[&str]| {
        let by_post = search(&idp, json!({"filter": filter})).await;
        assert_eq!((names(&by_post), &by_post["totalResults"]), (owned(expected), &json!(expected.len())), "{filter}");
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("filter", filter).finish();
        assert_eq!(idp.list(&format!("?{query}")).await, by_post, "{filter}");
    };
    check(FIVE, &["ana", "Editors", "ben", "Admins", "cem"]).await;
    check(r#"meta.resourceType eq "User" and userName sw "a""#, &["ana"]).await;
    check(r#"meta.resourceType eq "Group""#, &["Editors", "Admins"]).await;
    check(r#"displayName sw "a""#, &["ana", "Admins"]).await;
    check(r#"userName eq "ben" or displayName eq "editors""#, &["Editors", "ben"]).await;
    // An attribute that a type does not have is there without a value (RFC 7644 §3.4.2.1).
    check("members pr", &[]).await;
    check(r#"userName eq "ana" and not (members pr)"#, &["ana"]).await;
    check(r#"meta.resourceType eq "Group" and userName ne "ana""#, &["Editors", "Admins"]).await;
    check(r#"emails[type eq "work" and value sw "ben"] or members eq "nobody""#, &["ben"]).await;
    check("urn:ietf:params:scim:schemas:core:2.0:Group:displayName pr", &["Editors", "Admins"]).await;
    idp.get("?filter=shoeSize+eq+7").await.expect_scim_error(400, Some("invalidFilter"));
    idp.get("?sortBy=shoeSize").await.expect_scim_error(400, Some("invalidValue"));
    world.get("/scim/v2?count=1").await.expect_scim_error(401, None);

    // Each type shows what it has of what was asked for, a group its members or none.
    let list = search(&idp, json!({"filter": FIVE, "attributes": ["displayName", "emails.value"], "count": 2})).await;
    let shown = list["Resources"].as_array().expect("a list");
    assert_eq!(shown[0]["emails"], json!([{"value": "ana"}]), "{list}");
    assert_eq!((&shown[1]["displayName"], shown[1].get("members")), (&json!("Editors"), None), "{list}");
    let none = search(&idp, json!({"filter": FIVE, "count": 0})).await;
    assert_eq!((&none["totalResults"], &none["Resources"]), (&json!(5), &json!([])));
});

story!(a_query_at_the_root_is_paged_and_sorted_across_types, async |world: World| {
    let idp = five(&world).await;
    let sorts: [(&str, &str, [&str; 5]); 6] = [
        ("", "ascending", ["ana", "Editors", "ben", "Admins", "cem"]),
        ("displayName", "ascending", ["Admins", "ana", "ben", "cem", "Editors"]),
        ("displayName", "descending", ["Editors", "cem", "ben", "ana", "Admins"]),
        ("userName", "ascending", ["ana", "ben", "cem", "Editors", "Admins"]),
        ("userName", "descending", ["Admins", "Editors", "cem", "ben", "ana"]),
        ("meta.created", "descending", ["cem", "Admins", "ben", "Editors", "ana"]),
    ];
    for (by, order, expected) in sorts {
        let asked = |more: Value| {
            let mut request = json!({"filter": FIVE, "sortOrder": order});
            if !by.is_empty() {
                request["sortBy"] = json!(by);
            }
            for (name, value) in more.as_object().expect("an object") {
                request[name] = value.clone();
            }
            request
        };
        for count in [1, 2, 4, 5] {
            let (mut met, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = search(&idp, asked(json!({"cursor": cursor, "count": count}))).await;
                assert_eq!(page["totalResults"], 5);
                met.extend(names(&page));
                let Some(next) = page["nextCursor"].as_str() else { break };
                cursor = next.to_owned();
            }
            assert_eq!(met, expected, "{by} {order} by cursor, {count} at a time");
            let (mut met, mut start) = (Vec::new(), 1);
            while start <= 5 {
                let page = search(&idp, asked(json!({"startIndex": start, "count": count}))).await;
                assert_eq!((&page["totalResults"], &page["startIndex"]), (&json!(5), &json!(start)));
                met.extend(names(&page));
                start = met.len() + 1;
            }
            assert_eq!(met, expected, "{by} {order} by index, {count} at a time");
        }
        // An index without the pages before it.
        let jump = search(&idp, asked(json!({"startIndex": 4, "count": 100}))).await;
        assert_eq!((names(&jump), &jump["totalResults"]), (owned(&expected[3..]), &json!(5)));
        let beyond = search(&idp, asked(json!({"startIndex": 40_000, "count": 100}))).await;
        assert_eq!((names(&beyond), &beyond["totalResults"]), (vec![], &json!(5)));
    }
});
