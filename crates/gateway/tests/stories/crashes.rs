//! PostgreSQL crashes while a gateway waits for what became of its COMMIT.

use std::time::Duration;

use crate::deployed::{PUBLIC_URL, environment};
use crate::support::account::text;
use crate::support::database::Behind;
use crate::support::directories;
use crate::support::feed::Reader;
use crate::support::identity_provider::a_user;
use crate::support::postgres::Cluster;
use crate::support::process::{self, Process};
use crate::support::story;
use crate::support::testing::{Database, World};
use crate::support::wire::{Mode, Wire};

#[test]
fn hardening_9_a_number_that_is_given_again_after_a_crash_tells_nothing_of_the_first() {
    story::run(async {
        let Some(mut cluster) = Cluster::start() else { return }; // dropped last
        let database = cluster.server.database(None);
        let wire = Wire::to(&database.url());
        let directory = directories::subdirectory("crashes");
        let environment = environment(&wire.url(&database.url()), &directory);
        let process = Process::start(&directory, process::free_port(), &environment).await.expect("it starts");
        let proxies = vec![process.address.clone()];
        let world = World::deployed(PUBLIC_URL, proxies, Database::Postgres(database), directory.clone());
        let idp = world.account("acme").await.connected_identity_provider().await;

        // The COMMIT does not arrive, and the server loses what was not written to its log: the number of the transaction with it.
        wire.set(Mode::LoseCommitAndBreak);
        let crash = async {
            while wire.lost() == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let restarted = tokio::task::spawn_blocking(move || {
                cluster.crash_and_start();
                cluster
            });
            let cluster = restarted.await.expect("it is restarted");
            let mut behind = Behind::of(&world);
            for _ in 0..100 {
                behind.number("SELECT pg_current_xact_id()::text::bigint AS n");
            }
            wire.set(Mode::Whole);
            cluster
        };
        let (answer, _cluster) = tokio::join!(async { idp.post("/Users", &a_user("ana@acme.test")).await }, crash);
        let found = idp.list("/Users?filter=userName+eq+%22ana@acme.test%22").await;
        assert_eq!((answer.status.as_u16(), &found["totalResults"]), (503, &0.into()), "{}", answer.text());
        assert!(answer.text().contains("not known whether"), "{}", answer.text());
        idp.create_user(&a_user("ana@acme.test")).await;
    });
}

#[test]
fn a_reader_of_the_feed_misses_nothing_though_a_crash_gives_the_numbers_of_what_was_rolled_back_again() {
    story::run(async {
        let Some(mut cluster) = Cluster::start() else { return }; // dropped last
        let database = cluster.server.database(None);
        let url = || database.url().parse().expect("a database");
        // Nothing is written to the disk but what commits.
        Behind::at(url()).execute("ALTER SYSTEM SET wal_writer_delay = '10s'");
        cluster.crash_and_start();
        let directory = directories::subdirectory("crashes");
        let environment = environment(&database.url(), &directory);
        let process = Process::start(&directory, process::free_port(), &environment).await.expect("it starts");
        let proxies = vec![process.address.clone()];
        let world = World::deployed(PUBLIC_URL, proxies, Database::Postgres(database), directory.clone());
        let acme = world.account("acme").await;
        let idp = acme.connected_identity_provider().await;
        let (mut reader, mut of_all) = (Reader::of(&acme), Reader::of_all(&world));
        reader.rest().await;
        // What is rolled back takes numbers, more than PostgreSQL writes to its log in advance; and nothing of it is on the disk.
        let mut behind = Behind::of(&world);
        for _ in 0..6 {
            let taken = "SELECT nextval('events_seq_seq') FROM generate_series(1, 10)";
            behind.execute(&format!("BEGIN; {taken}; ROLLBACK"));
        }
        assert!(reader.rest().await.is_empty(), "nothing happened");
        of_all.rest().await;
        drop(behind);
        let cluster = tokio::task::spawn_blocking(move || {
            cluster.crash_and_start();
            cluster
        });
        let _cluster = cluster.await.expect("it is restarted");
        let mut names = Vec::new();
        // So many that the numbers of before are passed.
        for n in 0..60 {
            let name = format!("user{n}@acme.test");
            while ![201, 409].contains(&idp.post("/Users", &a_user(&name)).await.status.as_u16()) {
                tokio::time::sleep(Duration::from_millis(20)).await; // the server's sessions were those of the server that crashed
            }
            names.push(name);
        }
        for reader in [&mut reader, &mut of_all] {
            let created = reader.rest().await.into_iter().filter(|event| event["type"] == "user.created");
            let told: Vec<String> = created.map(|event| text(&event["subject"]["name"])).collect();
            assert_eq!(told, names);
        }
    });
}
