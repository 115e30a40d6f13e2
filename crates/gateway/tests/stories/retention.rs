//! What goes when: `docs/retention.md`, and the worker that keeps it.

use reqwest::Method;

use crate::support::account::items;
use crate::support::database::Behind;
use crate::support::testing::World;
use gateway::platform::timestamp::Timestamp;

const TABLE: &str = include_str!("../../../../docs/retention.md");
const DAY: i64 = 86_400_000;

story!(every_table_has_a_row_in_the_retention_table, async |world: World| {
    let told: Vec<&str> = TABLE.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let tables = Behind::of(&world).tables();
    for table in tables.iter().filter(|table| !table.starts_with("__diesel")) {
        assert!(told.contains(&table.as_str()), "docs/retention.md says nothing of the table {table}");
    }
    for name in &told {
        assert!(
            tables.iter().any(|table| table == name),
            "docs/retention.md speaks of {name}, and there is no such table"
        );
    }
});

story!(what_is_due_goes_and_the_rest_stays, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let mut idp = acme.connect_identity_provider_as(&ada).await;
    idp.refresh().await;
    // What arrived is not asked for again.
    idp.get("/Users").await.expect(200);
    idp.client.revoke(&idp.access_token).await.expect(200);
    let other = acme.generic_client().await.connect_as(&ada).await;
    let mut behind = Behind::of(&world);
    let now = gateway::platform::clock::Clock::of_the_machine().now();
    let count = |behind: &mut Behind, table: &str| behind.number(&format!("SELECT COUNT(*) AS n FROM {table}"));
    let sweep = |behind: &mut Behind, now: Timestamp| {
        while behind.work(|tx| tx.sweep_expired(now, now - 7 * DAY, 1)) > 0 {}
        while behind.work(|tx| tx.settle_endings(1)) > 0 {}
        while behind.work(|tx| tx.forget_grants(now - 90 * DAY, 1)) > 0 {}
    };
    // Today nothing is due.
    sweep(&mut behind, now);
    let tables = ["authorization_codes", "refresh_tokens", "revoked_tokens", "sessions", "grants"];
    assert_eq!(tables.map(|table| count(&mut behind, table)), [2, 3, 1, 2, 2]);
    // In eight days: sessions and revocations long since, codes and spent tokens now.
    sweep(&mut behind, now + 8 * DAY);
    assert_eq!(tables.map(|table| count(&mut behind, table)), [0, 2, 0, 0, 2]);
    other.get("/Users").await.expect(200);
    idp.refresh().await;
    // The refresh tokens have expired half a year and a week from now; their grants end, and are forgotten a quarter later.
    sweep(&mut behind, now + 188 * DAY);
    assert_eq!(tables.map(|table| count(&mut behind, table)), [0, 0, 0, 0, 2]);
    let grants = items(&acme.admin_get("/grants").await);
    assert!(grants.iter().all(|grant| grant["end_reason"] == "it was not used for too long"), "{grants:?}");
    sweep(&mut behind, now + 279 * DAY);
    assert_eq!(count(&mut behind, "grants"), 0);
});

story!(a_deleted_clients_grants_go_too, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    idp.client.admin(Method::DELETE, "").await.expect(204);
    let mut behind = Behind::of(&world);
    while behind.work(|tx| tx.settle_endings(1)) > 0 {}
    assert_eq!(behind.number("SELECT COUNT(*) AS n FROM grants WHERE end_reason = 'its client was deleted'"), 1);
    while behind.work(|tx| tx.forget_grants(Timestamp::MAX, 1)) > 0 {}
    assert_eq!(behind.number("SELECT COUNT(*) AS n FROM grants"), 0);
    assert_eq!(behind.number("SELECT COUNT(*) AS n FROM refresh_tokens"), 0);
});

story!(replicas_that_sweep_at_once_do_not_fight, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    for _ in 0..30 {
        idp.client.client_credentials().await.expect(200);
        let token = idp.client.client_credentials().await.expect(200).json();
        idp.client.revoke(token["access_token"].as_str().unwrap_or_default()).await.expect(200);
    }
    // Jobs write these meanwhile, and no sweep takes anything of them.
    let beside = ["requests", "client_activity", "client_health"];
    let rows = |behind: &mut Behind| -> i64 {
        let tables = behind.tables();
        tables
            .iter()
            .filter(|table| !beside.contains(&table.as_str()))
            .map(|table| behind.number(&format!("SELECT COUNT(*) AS n FROM {table}")))
            .sum()
    };
    let mut behind = Behind::of(&world);
    let before = rows(&mut behind);
    let removed: u64 = std::thread::scope(|scope| {
        let sweepers: Vec<_> = (0..3)
            .map(|_| {
                let mut behind = Behind::of(&world);
                scope.spawn(move || {
                    let mut removed = 0;
                    for _ in 0..15 {
                        removed += behind.work(|tx| tx.sweep_expired(Timestamp::MAX, Timestamp::EPOCH, 3));
                    }
                    removed
                })
            })
            .collect();
        sweepers.into_iter().map(|sweeper| sweeper.join().expect("it sweeps")).sum()
    });
    assert!(removed >= 31, "thirty revocations and a session");
    assert_eq!(before - rows(&mut behind), removed as i64, "each row once");
});
