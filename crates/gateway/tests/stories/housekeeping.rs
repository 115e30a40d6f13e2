//! What the background worker removes, on both databases.

use gateway::platform::timestamp::Timestamp;
use gateway::services::reactions::unit_of_work;
use gateway::storage::DatabaseUrl;

use reqwest::Method;

use crate::support::identity_provider::a_user;
use crate::support::testing::World;

story!(a_deleted_account_is_emptied_in_batches_and_its_name_is_free, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.user("ada@acme.test").role("master_admin").create().await;
    let idp = acme.connect_identity_provider_as(&ada).await;
    for n in 0..5 {
        idp.create_user(&a_user(&format!("user{n}"))).await;
    }
    acme.admin(Method::DELETE, "").await.expect(204);
    idp.get("/Users").await.expect(401);
    world.account("acme").await;

    let url: DatabaseUrl = world.database_url().parse().expect("a database");
    let mut conn = url.connect().expect("it answers");
    let mut batches = 0;
    while unit_of_work(&mut conn, |tx| tx.empty_deleted_accounts(2)).expect("it works") > 0 {
        batches += 1;
    }
    assert!(batches >= 3, "{batches} batches");
    let swept = unit_of_work(&mut conn, |tx| tx.sweep_expired(Timestamp::MAX, Timestamp::MAX, 100));
    assert!(swept.expect("it works") > 0, "codes, tokens and sessions expire");
});
