//! Imports page by page, while others write.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::concurrently;
use crate::support::http::{Answer, Call};
use crate::support::identity_provider::{IdentityProvider, a_user};
use crate::support::random::Chance;
use crate::support::testing::World;

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// A page of a walk by cursor: the ids on it, and what leads to the next one.
async fn page(idp: &IdentityProvider, query: &str, cursor: &str) -> (Vec<String>, Option<String>) {
    let list = in_turn(|| idp.get(&format!("/Users?cursor={cursor}&{query}"))).await.expect(200).json();
    assert!(list.get("startIndex").is_none() && list.get("previousCursor").is_none(), "{list}");
    let ids = list["Resources"].as_array().expect("a list").iter().map(|user| text(&user["id"])).collect();
    (ids, list.get("nextCursor").map(text))
}

/// Sends a request until it is its turn: an account has one long request at a time, and walks go beside each other here.
async fn in_turn(request: impl Fn() -> Call) -> Answer {
    loop {
        let answer = request().await;
        if answer.status != 429 {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How a client pages.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Paging {
    Cursor,
    /// By `startIndex`, ending as clients do: when it exceeds the `totalResults` of the page before.
    Index,
}

/// All pages, as a client reads them that knows nothing but the last answer.
async fn walk(idp: &IdentityProvider, query: &str, paging: Paging) -> Vec<String> {
    match paging {
        Paging::Cursor => {
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
        Paging::Index => {
            let (mut met, mut total) = (Vec::new(), 1);
            while met.len() < total {
                let list = in_turn(|| idp.get(&format!("/Users?startIndex={}&{query}", met.len() + 1))).await;
                let list = list.expect(200).json();
                total = list["totalResults"].as_u64().expect("a number") as usize;
                let ids = ids(&list);
                assert!(!ids.is_empty() || met.len() >= total, "an empty page is the end: {list}");
                met.extend(ids);
            }
            met
        }
    }
}

fn ids(list: &Value) -> Vec<String> {
    list["Resources"].as_array().into_iter().flatten().map(|user| text(&user["id"])).collect()
}

/// Creates, changes and deletes users who are no residents, until the walks are over.
async fn disturb(idp: &IdentityProvider, mut others: Vec<Value>, seed: u64, over: &Cell<bool>) -> usize {
    let (mut chance, mut done) = (Chance(seed), 0);
    while !over.get() && done < 400 {
        done += 1;
        let name = format!("user{:02}-{seed}-{done}@acme.test", chance.below(60));
        match chance.below(4) {
            0 => others.push(idp.create_user(&a_user(&name)).await),
            _ if others.is_empty() => {}
            1 | 2 => {
                let user = others.swap_remove(chance.below(others.len()));
                idp.delete(&user).await.expect(204);
            }
            _ => {
                // What the lists are filtered by and sorted by.
                let (user, titles) = (&others[chance.below(others.len())], ["Editor", "Author", "Reader"]);
                let patch = idp.patch(user).replace("userName", name).replace("title", titles[chance.below(3)]);
                patch.replace("active", chance.below(2) == 0).await.expect(200);
            }
        }
    }
    done
}

/// A walk, which says what it was and whom it met, or a writer beside it.
type Piece<'a> = Pin<Box<dyn Future<Output = Option<(String, Vec<String>)>> + 'a>>;

/// The property: every resource that is there during the whole walk, and keeps what the list is filtered and sorted by, is
/// returned exactly once; by index and by cursor; to two clients at the same time.
async fn each_user_who_stays_is_listed_exactly_once(world: World, seed: u64) {
    let acme = world.account("acme").await;
    let owner = acme.service_account().await;
    let idp = acme.connect_identity_provider_as(&owner).await;
    let colleague = acme.generic_client().await.connect_as(&owner).await;
    let (mut chance, mut stay, mut others) = (Chance(seed), Vec::new(), [const { Vec::new() }; 6]);
    for n in 0..60 {
        let mut user = a_user(&format!("user{n:02}@acme.test"));
        user["title"] = json!("Editor");
        let user = idp.create_user(&user).await;
        match chance.below(2) {
            0 => stay.push(text(&user["id"])),
            _ => others[n % 6].push(user),
        }
    }
    let queries = [
        "",
        "filter=name.familyName+eq+%22test%22",
        "filter=active+eq+true",
        "filter=userName+sw+%22user%22",
        "filter=title+eq+%22Editor%22",
        "sortBy=userName&sortOrder=descending",
        "sortBy=title",
        "sortBy=userName&filter=active+eq+true",
    ];
    let (over, left) = (&Cell::new(false), &Cell::new(queries.len() * 4));
    let mut pieces: Vec<Piece<'_>> = Vec::new();
    for query in queries {
        for (client, count) in [(&idp, 2), (&colleague, 3)] {
            for paging in [Paging::Cursor, Paging::Index] {
                pieces.push(Box::pin(async move {
                    let met = walk(client, &format!("{query}&count={count}&attributes=id"), paging).await;
                    left.set(left.get() - 1);
                    over.set(left.get() == 0);
                    Some((format!("{query}, {count} at a time by {paging:?}"), met))
                }));
            }
        }
    }
    for (n, others) in others.into_iter().enumerate() {
        let idp = &idp;
        pieces.push(Box::pin(async move {
            assert!(disturb(idp, others, seed + n as u64, over).await > 10, "much has changed meanwhile");
            None
        }));
    }
    for (about, met) in concurrently::all(pieces).await.into_iter().flatten() {
        for id in &stay {
            let times = met.iter().filter(|met| *met == id).count();
            assert_eq!(times, 1, "{about}: {id} was there throughout; seed {seed}");
        }
        if !about.contains("sortBy") {
            let mut once = met.clone();
            once.sort();
            once.dedup();
            assert_eq!(once.len(), met.len(), "{about}: no resource twice; seed {seed}");
            let stayed: Vec<&String> = met.iter().filter(|id| stay.contains(id)).collect();
            assert_eq!(stayed, stay.iter().collect::<Vec<_>>(), "{about}: in the order of creation");
        }
    }
}

story!(a_walk_lists_each_user_who_stays_exactly_once, async |world: World| {
    each_user_who_stays_is_listed_exactly_once(world, 1).await;
});

story!(a_walk_at_two_replicas_lists_each_user_who_stays_exactly_once, async |world: World| {
    world.add_replica().await;
    each_user_who_stays_is_listed_exactly_once(world, 2).await;
});

story!(a_walk_outlives_the_process_and_a_page_may_be_asked_for_again, async |world: World| {
    let acme = world.account("acme").await;
    let owner = acme.service_account().await;
    let idp = acme.connect_identity_provider_as(&owner).await;
    for n in 0..35 {
        idp.create_user(&a_user(&format!("user{n:02}@acme.test"))).await;
    }
    for query in ["", "filter=active+eq+true", "sortBy=userName"] {
        let all = ids(&idp.list(&format!("/Users?count=100&{query}")).await);
        let mut first = ids(&idp.list(&format!("/Users?count=8&{query}")).await);
        first.retain(|id| *id != owner.id);
        let gone = &first[..3];
        for id in gone {
            idp.delete(&format!("/Users/{id}")).await.expect(204);
        }
        world.kill();
        world.start_again().await;
        let second = format!("/Users?startIndex=9&count=8&{query}");
        let before = ids(&idp.list(&second).await);
        assert_eq!(before, all[8..16], "{query}");
        assert_eq!(ids(&idp.list(&second).await), before, "the same page again");
        idp.list(&format!("/Users?startIndex=17&count=8&{query}")).await;
        assert_eq!(ids(&idp.list(&second).await), before, "and the page before");
        // A listing that begins anew has the present resources.
        let met = walk(&idp, &format!("{query}&count=8"), Paging::Index).await;
        let left: Vec<&String> = all.iter().filter(|id| !gone.contains(id)).collect();
        assert_eq!(met.iter().collect::<Vec<_>>(), left, "{query}");
    }
});

story!(who_stops_at_total_results_never_stops_early, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let mut users = Vec::new();
    for n in 0..29 {
        users.push(idp.create_user(&a_user(&format!("user{n:02}@acme.test"))).await);
    }
    assert_eq!(idp.list("/Users?count=20").await["totalResults"], 30);
    for user in &users[..15] {
        idp.delete(user).await.expect(204);
    }
    // Fifteen are left in all; ten of them are still to come.
    let second = idp.list("/Users?startIndex=21&count=9").await;
    assert_eq!((ids(&second).len(), &second["totalResults"]), (9, &json!(30)), "and one more is to come");
    let third = idp.list("/Users?startIndex=30&count=9").await;
    assert_eq!((ids(&third).len(), &third["totalResults"]), (1, &json!(30)));
    // And who is past the end is told so.
    assert_eq!(idp.list("/Users?count=10&filter=active+eq+true").await["totalResults"], 15);
    for user in &users[24..] {
        idp.delete(user).await.expect(204);
    }
    let end = idp.list("/Users?startIndex=11&count=10&filter=active+eq+true").await;
    assert_eq!((ids(&end).len(), &end["totalResults"]), (0, &json!(10)), "{end}");
});

story!(a_sorted_list_is_walked_by_cursor_too, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    for n in 0..20 {
        let mut user = a_user(&format!("user{:02}@acme.test", n * 7 % 20));
        if n % 3 > 0 {
            user["displayName"] = json!(["ana", "Ben", "cem"][n % 4 % 3]);
        }
        idp.create_user(&user).await;
    }
    for sort in ["userName", "displayName", "name.givenName", "meta.lastModified", "meta.created", "id", "emails"] {
        for query in [format!("sortBy={sort}"), format!("sortBy={sort}&sortOrder=descending&filter=active+eq+true")] {
            let whole = ids(&idp.list(&format!("/Users?count=100&{query}")).await);
            assert_eq!(whole.len(), 21);
            assert_eq!(walk(&idp, &format!("{query}&count=3"), Paging::Cursor).await, whole, "{query}");
            assert_eq!(walk(&idp, &format!("{query}&count=4"), Paging::Index).await, whole, "{query}");
        }
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
    let met = [ids(&first), ids(&second), third].concat();
    assert_eq!(met, ids(&idp.list("/Users?count=100").await));
});

story!(a_walk_skips_no_user_when_users_of_an_earlier_page_are_deleted, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    for n in 0..29 {
        idp.create_user(&a_user(&format!("user{n:02}@acme.test"))).await;
    }
    let all = idp.list("/Users?startIndex=1&count=100").await["Resources"].clone();
    let all = all.as_array().expect("a list");
    assert_eq!(all.len(), 30, "with the one who accepted");

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
    let expected: Vec<_> = all.iter().map(|user| user["id"].clone()).collect();
    assert_eq!(seen, expected, "each exactly once, in the order of creation");
});
