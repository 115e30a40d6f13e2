//! Imports page by page, while others write.

use crate::identity_provider::a_user;
use crate::world::World;

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
