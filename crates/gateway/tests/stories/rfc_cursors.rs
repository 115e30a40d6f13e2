//! What RFC 9865 says of cursors, statement by statement (`docs/conformance/scim.toml`). Walks among writers are in `walks.rs`.

use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::identity_provider::{IdentityProvider, a_user};
use crate::support::testing::World;

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

async fn users(idp: &IdentityProvider, count: usize) {
    for n in 0..count {
        idp.create_user(&a_user(&format!("user{n}@acme.test"))).await;
    }
}

/// The pages of a walk, as they were answered.
async fn pages(idp: &IdentityProvider, query: &str) -> Vec<Value> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = idp.get(&format!("/Users?cursor={cursor}&{query}")).await.expect(200).json();
        let next = page.get("nextCursor").map(text);
        pages.push(page);
        match next {
            Some(next) => cursor = next,
            None => return pages,
        }
    }
}

story!(point_49_only_the_last_page_has_no_next_cursor, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    users(&idp, 6).await;
    let query = "filter=name.familyName+eq+%22Test%22&attributes=userName";
    for (count, sizes) in
        [(2, vec![2, 2, 2]), (4, vec![4, 2]), (5, vec![5, 1]), (6, vec![6]), (7, vec![6]), (1, vec![1; 6])]
    {
        let pages = pages(&idp, &format!("{query}&count={count}")).await;
        let found: Vec<usize> = pages.iter().map(|page| page["Resources"].as_array().map_or(0, Vec::len)).collect();
        assert_eq!(found, sizes, "count={count}: a full last page has no cursor either");
        for page in &pages {
            assert!(page["totalResults"] == 6 && page.get("startIndex").is_none(), "{page}");
            assert!(page.get("previousCursor").is_none(), "{page}");
        }
    }
    let bare = idp.get(&format!("/Users?cursor&count=2&{query}")).await.expect(200).json();
    assert!(bare["nextCursor"].is_string(), "without an equals sign too: {bare}");
    let none = idp.get("/Users?cursor=&filter=userName+eq+%22nobody%22").await.expect(200).json();
    assert!(none.get("nextCursor").is_none() && none["totalResults"] == 0, "{none}");
    let groups = idp.get("/Groups?cursor=").await.expect(200).json();
    assert!(groups.get("nextCursor").is_none(), "{groups}");
});

story!(point_50_cursors_are_unreserved_and_refused_by_name, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    users(&idp, 4).await;
    let first = idp.get("/Users?cursor=&count=2").await.expect(200).json();
    let cursor = text(&first["nextCursor"]);
    assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)), "{cursor}");
    let reversed: String = cursor.chars().rev().collect();
    for forged in ["x", "0", "%F0%9F%98%80", &reversed, &cursor[1..], &format!("{cursor}A"), &"A".repeat(2_000)] {
        let answer = idp.get(&format!("/Users?cursor={forged}&count=2")).await;
        answer.expect_scim_error(400, Some("invalidCursor"));
    }
    let most = idp.read("/ServiceProviderConfig").await["pagination"]["maxPageSize"].as_u64().expect("a number");
    for count in ["-1".to_owned(), (most + 1).to_string(), "99999999999999999999".to_owned()] {
        let detail =
            idp.get(&format!("/Users?cursor=&count={count}")).await.expect_scim_error(400, Some("invalidCount"));
        assert!(detail.contains(&most.to_string()), "{detail}");
    }
    for other in ["count=3", "count=1", "count=1000", "attributes=&count=4"] {
        idp.get(&format!("/Users?cursor={cursor}&{other}")).await.expect_scim_error(400, Some("invalidCount"));
    }
    let nothing = idp.get("/Users?cursor=&count=0").await.expect(200).json();
    assert_eq!((&nothing["Resources"], &nothing["totalResults"]), (&json!([]), &json!(5)), "0 is a count");
    idp.get(&format!("/Users?cursor={cursor}&count=2")).await.expect(200);
});

story!(point_51_a_cursor_serves_its_query_and_its_client, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let idp = acme.connect_identity_provider_as(&ada).await;
    users(&idp, 4).await;
    let query = "filter=name.familyName+eq+%22Test%22&attributes=userName&count=2";
    let first = idp.get(&format!("/Users?cursor=&{query}")).await.expect(200).json();
    let cursor = text(&first["nextCursor"]);
    for other in [
        "count=2",
        "filter=name.familyName+eq+%22Other%22&attributes=userName&count=2",
        "filter=name.familyName+eq+%22Test%22&count=2",
        "filter=name.familyName+eq+%22Test%22&attributes=userName,id&count=2",
        "filter=name.familyName+eq+%22Test%22&excludedAttributes=userName&count=2",
    ] {
        let detail =
            idp.get(&format!("/Users?cursor={cursor}&{other}")).await.expect_scim_error(400, Some("invalidCursor"));
        assert!(detail.contains("query"), "{detail}");
    }
    let elsewhere = idp.get(&format!("/Groups?cursor={cursor}&count=2")).await;
    elsewhere.expect_scim_error(400, Some("invalidCursor"));
    // An error does not tell whether the cursor was ever good.
    let forged = idp.get(&format!("/Users?cursor=forged&{query}")).await.expect_scim_error(400, Some("invalidCursor"));
    let neighbour = world.account("globex").await.connected_identity_provider().await;
    let colleague = acme.generic_client().await.connect_as(&ada).await;
    for stranger in [&neighbour, &colleague] {
        let refused = stranger.get(&format!("/Users?cursor={cursor}&{query}")).await;
        assert_eq!(refused.expect_scim_error(400, Some("invalidCursor")), forged);
    }
    world.get(&format!("/scim/v2/Users?cursor={cursor}&{query}")).await.expect_scim_error(401, None);
    assert_eq!(idp.get(&format!("/Users?cursor={cursor}&{query}")).await.expect(200).json()["totalResults"], 4);
    // Nor does it outlive the right to read.
    assert_eq!(idp.client.revoke(idp.refresh_token.as_deref().expect("a refresh token")).await.status, 200);
    idp.get(&format!("/Users?cursor={cursor}&{query}")).await.expect_scim_error(401, None);
});

story!(point_52_index_paging_is_the_default_and_what_there_is_is_said, async |world: World| {
    let idp = world.account("acme").await.connected_identity_provider().await;
    users(&idp, 4).await;
    let pagination = idp.read("/ServiceProviderConfig").await["pagination"].clone();
    assert_eq!((&pagination["cursor"], &pagination["index"]), (&json!(true), &json!(true)));
    assert_eq!(pagination["defaultPaginationMethod"], "index");
    for number in ["defaultPageSize", "maxPageSize", "cursorTimeout"] {
        assert!(pagination[number].as_u64().is_some_and(|n| n > 0), "{number} in {pagination}");
    }
    for query in ["", "count=2", "filter=userName+pr", "sortBy=userName", "startIndex=2"] {
        let list = idp.list(&format!("/Users?{query}")).await;
        assert!(list["startIndex"].is_u64() && list.get("nextCursor").is_none(), "{query}: {list}");
    }
    let by_index = json!({"schemas": [SEARCH], "count": 2, "startIndex": 3});
    let list = idp.post("/Users/.search", &by_index).await.expect(200).json();
    assert_eq!((&list["startIndex"], &list["itemsPerPage"]), (&json!(3), &json!(2)));
    let mut walked = Vec::new();
    let mut cursor = json!("");
    while cursor.is_string() {
        let body = json!({"schemas": [SEARCH], "count": 2, "cursor": cursor, "attributes": ["userName"]});
        let page = idp.post("/Users/.search", &body).await.expect(200).json();
        assert!(page.get("startIndex").is_none(), "{page}");
        walked.extend(page["Resources"].as_array().cloned().unwrap_or_default());
        cursor = page["nextCursor"].clone();
    }
    assert_eq!(json!(walked), idp.list("/Users?attributes=userName").await["Resources"]);
    let both = idp.get("/Users?cursor=&startIndex=1").await.expect(400);
    both.scim_error();
});
