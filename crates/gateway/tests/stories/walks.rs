//! Imports page by page, while others write.

use std::future::Future;
use std::pin::Pin;

use serde_json::{Value, json};

use crate::account::text;
use crate::identity_provider::{IdentityProvider, a_user};
use crate::together;
use crate::world::World;

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// A page of a walk by cursor: the ids on it, and what leads to the next one.
async fn page(idp: &IdentityProvider, query: &str, cursor: &str) -> (Vec<String>, Option<String>) {
    let list = idp.get(&format!("/Users?cursor={cursor}&{query}")).await.expect(200).json();
    assert!(list.get("startIndex").is_none() && list.get("previousCursor").is_none(), "{list}");
    let ids = list["Resources"].as_array().expect("a list").iter().map(|user| text(&user["id"])).collect();
    (ids, list.get("nextCursor").map(text))
}

/// All pages.
async fn walk(idp: &IdentityProvider, query: &str) -> Vec<String> {
    let (mut met, mut cursor) = (Vec::new(), String::new());
    loop {
        let (ids, next) = page(idp, query, &cursor).await;
        met.extend(ids);
        match next {
            Some(next) => cursor = next,
            None => return met,
        }
    }
}

story!(a_walk_by_cursor_meets_everybody_who_stays_exactly_once, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let (mut stay, mut go) = (Vec::new(), Vec::new());
    for n in 0..40 {
        let user = idp.create_user(&a_user(&format!("user{n:02}@acme.test"))).await;
        if n % 3 == 0 { go.push(user) } else { stay.push(text(&user["id"])) }
    }
    let filters = ["", "filter=name.familyName+eq+%22test%22", "filter=userName+sw+%22user%22"];
    let mut pieces: Vec<Pin<Box<dyn Future<Output = Vec<String>>>>> = Vec::new();
    for filter in filters {
        for count in [1, 3] {
            let idp = &idp;
            pieces.push(Box::pin(async move { walk(idp, &format!("{filter}&count={count}&attributes=id")).await }));
        }
    }
    pieces.push(Box::pin(async {
        for (n, user) in go.iter().enumerate() {
            idp.delete(user).await.expect(204);
            idp.create_user(&a_user(&format!("user{n:02}-new@acme.test"))).await;
        }
        Vec::new()
    }));
    let walks = together::all(pieces).await;
    for met in &walks[..filters.len() * 2] {
        let mut once = met.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), met.len(), "nobody twice: {met:?}");
        let stayed: Vec<&String> = met.iter().filter(|id| stay.contains(id)).collect();
        assert_eq!(stayed, stay.iter().collect::<Vec<_>>(), "who was there throughout, in the order of creation");
    }
});

story!(a_cursor_serves_its_own_client_and_query, async |world: World| {
    let acme = world.account("acme").await;
    let owner = acme.service_account().await;
    let mut idp = acme.connect_identity_provider_as(&owner).await;
    for n in 0..4 {
        idp.create_user(&a_user(&format!("user{n}@acme.test"))).await;
    }
    let config = idp.get("/ServiceProviderConfig").await.expect(200).json();
    let pagination = config["pagination"].clone();
    assert_eq!((&pagination["cursor"], &pagination["index"]), (&json!(true), &json!(true)), "{pagination}");
    assert_eq!(pagination["defaultPaginationMethod"], "index");
    assert_eq!(idp.list("/Users?count=2").await["startIndex"], 1, "by index unless asked otherwise");
    // RFC 9865 shows it without an equals sign.
    let first = idp.get("/Users?cursor&count=2").await.expect(200).json();
    let cursor = text(&first["nextCursor"]);
    assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)), "{cursor}");

    let neighbour = world.account("globex").await.connected_identity_provider().await;
    let colleague = acme.generic_client().await.connect_as(&owner).await;
    let path = format!("/Users?cursor={cursor}&count=2");
    let foreign = neighbour.get(&path).await.expect_scim_error(400, Some("invalidCursor"));
    assert_eq!(colleague.get(&path).await.expect_scim_error(400, Some("invalidCursor")), foreign);
    let mut touched = cursor.clone();
    touched.replace_range(30..31, if &cursor[30..31] == "A" { "B" } else { "A" });
    for forged in [touched.as_str(), "forged", "%00", "%C3%A9"] {
        let refused = idp.get(&format!("/Users?cursor={forged}&count=2")).await;
        assert_eq!(refused.status.as_u16(), 400, "{forged}: {}", refused.text());
    }
    let forged = idp.get(&format!("/Users?cursor={touched}&count=2")).await;
    assert_eq!(forged.expect_scim_error(400, Some("invalidCursor")), foreign, "nothing is learnt from the error");
    idp.get(&format!("/Users?cursor={cursor}&count=3")).await.expect_scim_error(400, Some("invalidCount"));
    idp.get("/Users?cursor=&count=-1").await.expect_scim_error(400, Some("invalidCount"));
    idp.get(&format!("{path}&filter=title+pr")).await.expect_scim_error(400, Some("invalidCursor"));
    let max = pagination["maxPageSize"].as_u64().expect("a number");
    idp.get(&format!("/Users?cursor=&count={}", max + 1)).await.expect_scim_error(400, Some("invalidCount"));

    // A walk survives its access token, and goes on by POST.
    idp.refresh().await;
    let body = json!({"schemas": [SEARCH], "cursor": cursor, "count": 2});
    let second = idp.post("/Users/.search", &body).await.expect(200).json();
    let (third, end) = page(&idp, "count=2", &text(&second["nextCursor"])).await;
    assert_eq!(end, None);
    let ids = |list: &Value| -> Vec<String> {
        list["Resources"].as_array().into_iter().flatten().map(|user| text(&user["id"])).collect()
    };
    let met = [ids(&first), ids(&second), third].concat();
    assert_eq!(met, ids(&idp.list("/Users?count=100").await));
});

story!(a_walk_skips_nobody_when_users_of_an_earlier_page_are_deleted, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    for n in 0..29 {
        idp.create_user(&a_user(&format!("user{n:02}@acme.test"))).await;
    }
    let everybody = idp.list("/Users?startIndex=1&count=100").await["Resources"].clone();
    let everybody = everybody.as_array().expect("a list");
    assert_eq!(everybody.len(), 30, "with the one who accepted");

    let mut seen = Vec::new();
    for start in [1, 11, 21] {
        let page = idp.list(&format!("/Users?startIndex={start}&count=10")).await;
        let page = page["Resources"].as_array().expect("a list").clone();
        if start == 1 {
            // The first is the one whose token this is.
            for user in &page[1..6] {
                idp.delete(user).await.expect(204);
            }
        }
        seen.extend(page.iter().map(|user| user["id"].clone()));
    }
    let expected: Vec<_> = everybody.iter().map(|user| user["id"].clone()).collect();
    assert_eq!(seen, expected, "each exactly once, in the order of creation");
});
