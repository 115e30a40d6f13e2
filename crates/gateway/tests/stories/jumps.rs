//! Pages at an index without the pages before it: found by counted blocks, and as exact as by counting.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use gateway::domain::ids::AccountKey;
use gateway::each;
use gateway::jobs::list_counts;
use gateway::platform::timestamp::Timestamp;
use gateway::services::reactions;
use gateway::storage::list_counts::FANOUT;
use gateway::storage::{AnyConn, DatabaseUrl, Db, DbError, ReadCost, Tx};
use scim::index_query::IndexQuery;
use scim::schema::{GROUP, ResourceTypeId, USER};
use scim::store::{Query, Start};
use scim::{Handle, Store};

use crate::support::account::text;
use crate::support::database::Behind;
use crate::support::identity_provider::a_user;
use crate::support::random::Chance;
use crate::support::testing::World;

/// Users like the newest one, so many, made behind the gateway's back.
fn multiply_users(behind: &mut Behind, times: i64) {
    behind.execute(&format!(
        "INSERT INTO resources (account, resource_type, id, version, created, last_modified, active, provisioned, display, document) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {times}) \
         SELECT u.account, u.resource_type, u.id || '-' || n.i, 1, u.created, u.last_modified, u.active, u.provisioned, u.display, \
         u.document FROM n, (SELECT * FROM resources WHERE resource_type = {type} ORDER BY seq DESC LIMIT 1) AS u ORDER BY n.i",
        type = USER.0
    ));
    behind.execute(&format!(
        "UPDATE resource_counts SET n = n + {times} WHERE resource_type = {} AND shard = \
         (SELECT min(shard) FROM resource_counts WHERE resource_type = {})",
        USER.0, USER.0
    ));
}

/// Counts until it is done. The server counts as well: while it is at it, a call of this one counts nothing.
async fn count_until(db: &Db, mut done: impl FnMut() -> bool) {
    for _ in 0..1_200 {
        list_counts::update(db).await.expect("it counts");
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

story!(a_page_at_any_index_is_found_by_counted_blocks, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let first = idp.create_user(&a_user("one@acme.test")).await;
    let mut behind = Behind::of(&world);
    multiply_users(&mut behind, 40_000);
    // The service account, the first one, and those.
    let total = idp.list("/Users?count=0").await["totalResults"].as_i64().expect("a number");
    assert_eq!(total, behind.number(&format!("SELECT count(*) AS n FROM resources WHERE resource_type = {}", USER.0)));
    let db = Db::open(world.database_url().parse().expect("a database"), 2, reactions::run).expect("it opens");
    let blocks = |behind: &mut Behind, level: i16, what: &str| {
        behind.number(&format!(
            "SELECT CAST({what} AS BIGINT) AS n FROM resource_blocks WHERE level = {level} AND resource_type = {}",
            USER.0
        ))
    };
    count_until(&db, || blocks(&mut behind, 1, "count(*)") == total / FANOUT).await;
    assert_eq!(blocks(&mut behind, 1, "count(*)"), total / FANOUT);
    assert_eq!(blocks(&mut behind, 2, "count(*)"), total / FANOUT / FANOUT);
    assert_eq!(blocks(&mut behind, 1, "sum(n)"), total / FANOUT * FANOUT);

    let first_name = text(&first["id"]);
    let nth = |n: i64| if n == 2 { first_name.clone() } else { format!("{first_name}-{}", n - 2) };
    let at = async |index: i64| {
        let list = idp.list(&format!("/Users?startIndex={index}&count=2&attributes=id")).await;
        assert_eq!(list["startIndex"], index);
        list["Resources"].as_array().into_iter().flatten().map(|user| text(&user["id"])).collect::<Vec<_>>()
    };
    let edges =
        [2, FANOUT, FANOUT + 1, 20_000, FANOUT * FANOUT, FANOUT * FANOUT + 1, 2 * FANOUT * FANOUT + 1, total - 1];
    for index in edges {
        assert_eq!(at(index).await, [nth(index), nth(index + 1)], "at {index}");
    }
    assert_eq!(at(total).await, [nth(total)]);
    assert_eq!(at(total + 1).await, [""; 0]);
    assert_eq!(at(i64::MAX).await, [""; 0]);

    // A third of the second block and all of the fourth are deleted. The pages are exact before the next count, and after.
    behind.execute(&format!(
        "DELETE FROM resources WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER (ORDER BY seq) AS n FROM resources \
         WHERE resource_type = {}) AS numbered WHERE (n > {FANOUT} AND n <= {FANOUT} * 2 AND n % 3 = 0) \
         OR (n > 3 * {FANOUT} AND n <= 4 * {FANOUT}))",
        USER.0
    ));
    let left = behind.number(&format!("SELECT count(*) AS n FROM resources WHERE resource_type = {}", USER.0));
    let gone = total - left;
    assert!(gone > FANOUT, "{gone}");
    for _ in 0..2 {
        for index in [3 * FANOUT, 5 * FANOUT, 10_000, FANOUT * FANOUT, FANOUT * FANOUT + 1, 39_000] {
            assert_eq!(at(index).await, [nth(index + gone), nth(index + gone + 1)], "at {index}");
        }
        count_until(&db, || behind.number("SELECT count(*) AS n FROM resource_gaps") == 0).await;
        assert_eq!(behind.number("SELECT count(*) AS n FROM resource_gaps"), 0);
        assert_eq!(blocks(&mut behind, 1, "sum(n)"), total / FANOUT * FANOUT - gone);
        assert_eq!(blocks(&mut behind, 2, "sum(n)"), total / FANOUT / FANOUT * FANOUT * FANOUT - gone);
        assert_eq!(blocks(&mut behind, 1, "count(*)"), total / FANOUT - 1, "an empty block is none");
    }
    acme.admin(reqwest::Method::DELETE, "").await.expect(204);
    // The server empties it as well: while it is at it, a unit of work of this one finds nothing.
    for _ in 0..1_200 {
        while db.write(|tx| tx.empty_deleted_accounts(5_000)).await.expect("it is emptied") > 0 {}
        if blocks(&mut behind, 1, "count(*)") == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(blocks(&mut behind, 1, "count(*)"), 0);
    assert_eq!(behind.number("SELECT count(*) AS n FROM resource_gaps"), 0);
});

/// Lists that no other test writes to.
const LISTS: [(i64, ResourceTypeId); 3] = [(7_001, USER), (7_001, GROUP), (7_002, USER)];

/// Creates and deletes resources in units of work that take their time, some of which come to nothing.
fn write(url: &DatabaseUrl, seed: u64, units: usize) {
    let mut conn = url.connect().expect("the database answers");
    let mut run = |sql: &str| each!(&mut conn, c => c.batch_execute(sql));
    let mut chance = Chance(seed);
    for unit in 0..units {
        run(if matches!(url, DatabaseUrl::Sqlite(_)) { "BEGIN IMMEDIATE" } else { "BEGIN" }).expect("it begins");
        let mut done = Ok(());
        for step in 0..=chance.below(3) {
            let (account, ResourceTypeId(kind)) = LISTS[chance.below(LISTS.len())];
            let many = 1 + chance.below(60);
            done = done.and_then(|()| match chance.below(4) {
                0 => run(&format!(
                    "DELETE FROM resources WHERE seq IN (SELECT seq FROM resources WHERE account = {account} \
                     AND resource_type = {kind} ORDER BY seq LIMIT {} OFFSET {})",
                    many / 2,
                    chance.below(300)
                )),
                _ => run(&format!(
                    "INSERT INTO resources (account, resource_type, id, version, created, last_modified, active, \
                     provisioned, display, document) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {many}) \
                     SELECT {account}, {kind}, '{seed}-{unit}-{step}-' || i, 1, 0, 0, TRUE, TRUE, '', '{{}}' FROM n"
                )),
            });
            if matches!(url, DatabaseUrl::Postgres(_)) {
                // As for an application that takes its time.
                let pause = format!("SELECT pg_sleep({})", chance.below(25) as f64 / 1_000.0);
                done = done.and_then(|()| run(&pause));
            }
        }
        // Two who delete the same may stand in each other's way.
        let end = if done.is_ok() && chance.below(8) > 0 { "COMMIT" } else { "ROLLBACK" };
        run(end).expect("it ends");
    }
}

/// Whether every jump lands where the list says, on one snapshot; how long the lists are.
fn jumps_land(tx: &mut Tx<'_>, seed: u64) -> Result<usize, DbError> {
    let (mut chance, mut met) = (Chance(seed), 0);
    for (account, resource_type) in LISTS {
        let mut store = tx.in_account(AccountKey::of_row(account), Timestamp::EPOCH, true);
        let mut page = |index: usize, count: u32| -> Vec<Handle> {
            let start = Start::Index(index as u64);
            let index_query = &IndexQuery::Any;
            let query = Query {
                resource_type,
                filter: None,
                index_query,
                exact: true,
                sort: None,
                start,
                count,
                bytes: usize::MAX,
            };
            let page = store.search(&query).expect("it is answered");
            page.resources.into_iter().map(|stored| stored.handle).collect()
        };
        let all = page(1, 1_000_000);
        for _ in 0..12 {
            let index = 1 + chance.below(all.len() + 20);
            let expected: Vec<Handle> = all.iter().skip(index - 1).take(2).copied().collect();
            assert_eq!(page(index, 2), expected, "at {index} of {} of {resource_type:?} in {account}", all.len());
        }
        met += all.len();
    }
    Ok(met)
}

story!(a_jump_is_exact_while_others_create_and_delete, async |world: World| {
    let url: DatabaseUrl = world.database_url().parse().expect("a database");
    // Two replicas count, beside the world's own.
    let replicas = [(); 2].map(|()| Db::open(url.clone(), 3, reactions::run).expect("it opens"));
    let over = Arc::new(AtomicBool::new(false));
    let writing = Arc::new(AtomicUsize::new(0));
    let mut workers = Vec::new();
    for seed in 0..5 {
        let (url, over, writing) = (url.clone(), over.clone(), writing.clone());
        writing.fetch_add(1, Ordering::SeqCst);
        workers.push(tokio::task::spawn_blocking(move || {
            write(&url, seed, 120);
            if writing.fetch_sub(1, Ordering::SeqCst) == 1 {
                over.store(true, Ordering::SeqCst);
            }
        }));
    }
    let mut counting = Vec::new();
    for db in &replicas {
        let (db, over) = (db.clone(), over.clone());
        counting.push(tokio::spawn(async move {
            while !over.load(Ordering::SeqCst) {
                list_counts::update(&db).await.expect("it counts");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }));
    }
    let mut seed = 1_000;
    while !over.load(Ordering::SeqCst) {
        seed += 1;
        replicas[0].read(ReadCost::Scan, move |tx| jumps_land(tx, seed)).await.expect("it reads");
    }
    for done in workers.into_iter().chain(counting) {
        done.await.expect("it ends well");
    }
    let met = replicas[0].read(ReadCost::Scan, |tx| jumps_land(tx, 1)).await.expect("it reads");
    let mut behind = Behind::of(&world);
    let counted = |behind: &mut Behind, what: &str, level: i16| {
        behind.number(&format!(
            "SELECT CAST({what} AS BIGINT) AS n FROM resource_blocks WHERE account > 7000 AND level = {level}"
        ))
    };
    count_until(&replicas[0], || {
        counted(&mut behind, "COALESCE(sum(n), 0)", 1) > met as i64 - 3 * FANOUT
            && behind.number("SELECT count(*) AS n FROM resource_gaps") == 0
    })
    .await;
    let met = replicas[0].read(ReadCost::Scan, |tx| jumps_land(tx, 1)).await.expect("it reads");
    let (small, large) = (counted(&mut behind, "count(*)", 1), counted(&mut behind, "count(*)", 2));
    println!("{met} resources, {small} blocks, {large} large ones, seen {seed}");
    assert!(small >= 20 && counted(&mut behind, "sum(n)", 1) > met as i64 - 3 * FANOUT, "{small} blocks of {met}");
    assert_eq!(behind.number("SELECT count(*) AS n FROM resource_gaps"), 0);
});

story!(no_request_waits_for_counting_and_counting_waits_for_open_writes, async |world: World| {
    let url: DatabaseUrl = world.database_url().parse().expect("a database");
    if matches!(url, DatabaseUrl::Sqlite(_)) {
        return; // its writers take turns
    }
    let db = Db::open(url.clone(), 2, reactions::run).expect("it opens");
    let connect = || -> AnyConn { url.connect().expect("the database answers") };
    let run = |conn: &mut AnyConn, sql: &str| each!(conn, c => c.batch_execute(sql)).expect("it does");
    let insert = |n: i64| {
        format!(
            "INSERT INTO resources (account, resource_type, id, version, created, last_modified, active, provisioned, display, \
             document) SELECT 7001, {}, gen_random_uuid()::text, 1, 0, 0, TRUE, TRUE, '', '{{}}' FROM generate_series(1, {n})",
            USER.0
        )
    };
    let (mut slow, mut quick, mut behind) = (connect(), connect(), Behind::of(&world));
    let blocks = "SELECT count(*) AS n FROM resource_blocks WHERE account = 7001";
    // A slow one has numbers below those that are committed.
    run(&mut slow, "BEGIN");
    run(&mut slow, &insert(3));
    run(&mut quick, &insert(FANOUT));
    let counting = tokio::spawn({
        let db = db.clone();
        async move { list_counts::update(&db).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(behind.number(blocks), 0, "a resource may still appear in it");
    run(&mut quick, &insert(FANOUT));
    run(&mut slow, "COMMIT");
    counting.await.expect("it ends").expect("it counts");
    let total = 2 * FANOUT + 3;
    count_until(&db, || behind.number(blocks) == 2).await;
    assert_eq!(behind.number(blocks), 2);
    let met = db.read(ReadCost::Scan, |tx| jumps_land(tx, 5)).await.expect("it reads");
    assert_eq!(met as i64, total);
});
