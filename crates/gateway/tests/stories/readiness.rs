//! Readiness: the answer is true, and comes at once also when the database hangs.

use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::Method;

use crate::support::concurrently::all;
use crate::support::database::Behind;
use crate::support::http::{self, Answer, Call};
use crate::support::identity_provider::{IdentityProvider, a_user};
use crate::support::process::Process;
use crate::support::story::{on_postgres, on_sqlite};
use crate::support::testing::World;
use crate::support::wire::{Mode, Wire};

/// What is stated, and what a machine that is busy with other stories may add.
const STATED: Duration = Duration::from_millis(500);
const BUSY: Duration = Duration::from_millis(1_500);

/// How ready it is, and how soon it said so.
async fn readiness(process: &Process) -> (Answer, Duration) {
    let asked = Instant::now();
    let answer = Call::new(http::client(), Method::GET, format!("{}/health/ready", process.address)).await;
    (answer, asked.elapsed())
}

/// Asks until it is ready, or until it is not; every answer comes in time. Gives the last one.
pub async fn until_ready(process: &Process, wanted: bool) -> Answer {
    let started = Instant::now();
    let mut times = Vec::new();
    loop {
        let (answer, took) = readiness(process).await;
        times.push(took);
        assert!(took < BUSY, "an answer took {took:?}");
        if answer.status.is_success() == wanted {
            times.sort();
            assert!(times[0] < STATED, "the fastest of {} answers took {:?}", times.len(), times[0]);
            return answer;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "ready should be {wanted}: {}", answer.text());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn create(world: &World, idp: &IdentityProvider, name: &str) -> Answer {
    world.post("/scim/v2/Users").bearer(&idp.access_token).json(&a_user(name)).await
}

fn is_refused(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(answer.header("retry-after"), Some("1"));
}

/// As [`until_ready`], for the first process of a world.
async fn world_until_ready(world: &World, wanted: bool) -> Answer {
    let started = Instant::now();
    loop {
        let answer = world.get("/health/ready").await;
        if answer.status.is_success() == wanted {
            return answer;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "ready should be {wanted}: {}", answer.text());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn hardening_12_a_log_that_was_removed_loses_nothing_acknowledged() {
    on_sqlite(&[], async |world: World| {
        let idp = world.account("acme").await.connected_identity_provider().await;
        for n in 0..25 {
            assert_eq!(create(&world, &idp, &format!("user{n}")).await.status, 201);
        }
        let file = |suffix: &str| format!("{}{suffix}", world.database_url().trim_start_matches("sqlite:"));
        std::fs::remove_file(file("-wal")).expect("it is there");
        let answer = create(&world, &idp, "late").await;
        is_refused(&answer);
        let answer = world_until_ready(&world, false).await;
        assert!(answer.text().contains("removed or replaced"), "{}", answer.text());
        is_refused(&create(&world, &idp, "later").await);
        world.kill();
        world.start_again().await;
        assert_eq!(
            idp.list("/Users?count=0").await["totalResults"],
            26,
            "the acknowledged users, and the one who connected"
        );
        assert_eq!(create(&world, &idp, "late").await.status, 201);
    });
}

/// It is found and saved although no request writes.
#[test]
fn hardening_12_a_log_that_was_removed_is_found_without_a_write() {
    on_sqlite(&[], async |world: World| {
        let idp = world.account("acme").await.connected_identity_provider().await;
        for n in 0..5 {
            assert_eq!(create(&world, &idp, &format!("user{n}")).await.status, 201);
        }
        let file = |suffix: &str| format!("{}{suffix}", world.database_url().trim_start_matches("sqlite:"));
        for suffix in ["-wal", "-shm"] {
            std::fs::remove_file(file(suffix)).expect("it is there");
        }
        // More at once than there are connections yet: one that is opened now makes no other log.
        all((0..16).map(|_| async { idp.get("/Users?filter=nickName+co+%22x%22").await }).collect()).await;
        world_until_ready(&world, false).await;
        let started = Instant::now();
        while !world.logs().contains("copied the removed write-ahead log") {
            assert!(started.elapsed() < Duration::from_secs(10), "it is saved by itself");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        world.kill();
        world.start_again().await;
        assert_eq!(idp.list("/Users?count=0").await["totalResults"], 6);
    });
}

#[test]
fn hardening_12_a_database_file_that_was_replaced_is_not_written() {
    on_sqlite(&[], async |world: World| {
        let idp = world.account("acme").await.connected_identity_provider().await;
        let file = world.database_url().trim_start_matches("sqlite:").to_owned();
        std::fs::rename(&file, format!("{file}.away")).expect("it is there");
        is_refused(&create(&world, &idp, "ana").await);
        std::fs::copy(format!("{file}.away"), &file).expect("it can be copied");
        is_refused(&create(&world, &idp, "ana").await);
        world_until_ready(&world, false).await;
        std::fs::rename(format!("{file}.away"), &file).expect("it is there");
        world_until_ready(&world, true).await; // it is the same file again
        assert_eq!(create(&world, &idp, "ana").await.status, 201);
    });
}

#[test]
fn hardening_12_a_foreign_lock_is_told_in_time() {
    on_sqlite(&[], async |world: World| {
        let idp = world.account("acme").await.connected_identity_provider().await;
        let process = world.process_with(&[]).await;
        let mut behind = Behind::of(&world);
        behind.execute("BEGIN IMMEDIATE");
        until_ready(&process, false).await;
        behind.execute("ROLLBACK");
        until_ready(&process, true).await;
        assert_eq!(create(&world, &idp, "ana").await.status, 201);
    });
}

#[test]
fn hardening_12_a_full_disk_is_told() {
    on_sqlite(&[], async |world: World| {
        // A limit to the size of files stands for the disk; the signal that comes with it is ignored, as a full disk sends none.
        let process = world.process_by("sh", &["-c", r#"trap "" XFSZ; exec "$0" serve"#, "{}"]).await;
        let limit = |bytes: &str| {
            let pid = process.id().to_string();
            let told = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}:")]).status();
            assert!(told.is_ok_and(|status| status.success()), "prlimit (util-linux) can be run");
        };
        until_ready(&process, true).await;
        limit("65536");
        until_ready(&process, false).await;
        limit("unlimited");
        until_ready(&process, true).await;
    });
}

#[test]
fn hardening_12_a_silent_network_is_told_in_time() {
    on_postgres(&[], async |world: World| {
        let wire = Wire::to(&world.database_url());
        let url = wire.url(&world.database_url());
        let process = world.process_with(&[("GATEWAY__DATABASE__URL", &url)]).await;
        wire.set(Mode::Silent);
        until_ready(&process, false).await;
        wire.set(Mode::Whole);
        until_ready(&process, true).await;
        wire.set(Mode::Broken);
        until_ready(&process, false).await;
        wire.set(Mode::Whole);
        until_ready(&process, true).await;
    });
}

#[test]
fn hardening_12_what_is_locked_or_full_on_postgresql_is_told() {
    on_postgres(&[], async |world: World| {
        let process = world.process_with(&[]).await;
        let mut behind = Behind::of(&world);
        behind.execute("BEGIN; LOCK TABLE installation IN EXCLUSIVE MODE");
        until_ready(&process, false).await;
        behind.execute("ROLLBACK");
        until_ready(&process, true).await;
        // Another replica that hangs in the middle of its own look holds none up.
        behind.execute("BEGIN; UPDATE installation SET value = '' WHERE name = 'pulse'");
        tokio::time::sleep(Duration::from_millis(1_100)).await; // what was found before is no longer believed
        until_ready(&process, true).await;
        behind.execute("ROLLBACK");
        // A limit to temporary files stands for the disk.
        let name = world.database_url().rsplit('/').next().expect("a name").to_owned();
        if behind.try_execute(&format!(r#"ALTER DATABASE "{name}" SET temp_file_limit = '64kB'"#)).is_ok() {
            let full = world.process_with_any_readiness(&[]).await;
            until_ready(&full, false).await;
            behind.execute(&format!(r#"ALTER DATABASE "{name}" RESET temp_file_limit"#));
            until_ready(&full, true).await;
        }
    });
}

#[test]
fn hardening_12_requests_that_wait_keep_readiness_from_nothing() {
    on_postgres(&[], async |world: World| {
        let idp = world.account("acme").await.connected_identity_provider().await;
        let mut behind = Behind::of(&world);
        behind.execute("BEGIN; LOCK TABLE resources IN ACCESS EXCLUSIVE MODE");
        let names: Vec<String> = (0..40).map(|n| format!("user{n}")).collect();
        let waiting = names.iter().map(|name| create(&world, &idp, name)).collect();
        let waiting = tokio::time::timeout(Duration::from_secs(3), all(waiting));
        let asking = async {
            for _ in 0..8 {
                let asked = Instant::now();
                world.get("/health/ready").await.expect(200);
                assert!(asked.elapsed() < BUSY, "{:?}", asked.elapsed());
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        };
        let (waited, ()) = tokio::join!(waiting, asking);
        assert!(waited.is_err(), "every connection is in use");
        behind.execute("ROLLBACK");
    });
}
