//! PostgreSQL crashes while a gateway waits for what became of its COMMIT.

use std::time::Duration;

use crate::deployed::{PUBLIC_URL, environment};
use crate::support::database::Behind;
use crate::support::directories;
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
