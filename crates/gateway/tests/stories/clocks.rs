//! The clock jumps, rows are poisoned, everything expires at once: nothing is destroyed that was not due.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use gateway::storage::AnyConn;
use serde_json::Value;

use crate::support::database::Behind;
use crate::support::directories;
use crate::support::testing::World;

const DAY: i64 = 86_400_000;

/// Shows a process another wall time: `clock_gettime` in front of the C library's. A file says how many seconds it is ahead.
const SHIFT: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *t) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(id, t);
    if (!failed && id == CLOCK_REALTIME) {
        long ahead = 0;
        FILE *file = fopen(getenv("CLOCK_AHEAD"), "r");
        if (file) { if (fscanf(file, "%ld", &ahead) != 1) ahead = 0; fclose(file); }
        t->tv_sec += ahead;
    }
    return failed;
}
"#;

struct Clock {
    library: PathBuf,
    ahead: PathBuf,
}

impl Clock {
    fn make(directory: &Path) -> Clock {
        let (source, library) = (directory.join("shift.c"), directory.join("shift.so"));
        fs::write(&source, SHIFT).expect("it can be written");
        let made = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl").status();
        assert!(made.is_ok_and(|status| status.success()), "the C compiler that builds the gateway builds this");
        let clock = Clock { library, ahead: directory.join("ahead") };
        clock.set(0);
        clock
    }

    fn set(&self, days: i64) {
        fs::write(&self.ahead, format!("{}\n", days * 86_400)).expect("it can be written");
    }
}

/// How many rows each of these has.
fn counted(behind: &mut Behind) -> Vec<(&'static str, i64)> {
    let tables = [
        ("open grants", "grants WHERE ended IS NULL"),
        ("refresh tokens", "refresh_tokens"),
        ("sessions", "sessions"),
        ("codes", "authorization_codes"),
        ("signing keys", "signing_keys"),
        ("audit rows that were ended", "audit WHERE action = 'grant.ended'"),
    ];
    tables.map(|(name, what)| (name, behind.number(&format!("SELECT COUNT(*) AS n FROM {what}")))).to_vec()
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(30), "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

// Everything of half a year ago has expired for a clock that is 400 days ahead. One replica has it for a while.
story!(hardening_8_a_clock_that_jumps_ahead_destroys_nothing, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let mut idp = acme.connect_identity_provider_as(&ada).await;
    idp.refresh().await;
    let other = acme.generic_client().await.connect_as(&ada).await;
    let mut behind = Behind::of(&world);
    let before = counted(&mut behind);
    let clock = Clock::make(&directories::subdirectory("clock"));
    let (library, ahead) = (clock.library.display().to_string(), clock.ahead.display().to_string());
    let settings = [
        ("LD_PRELOAD", library.as_str()),
        ("CLOCK_AHEAD", ahead.as_str()),
        ("GATEWAY__HOUSEKEEPING__SECONDS", "1"),
        ("GATEWAY__LOG__FILTER", "info,gateway=debug"),
    ];
    let process = world.process_with(&settings).await;
    let swept = |process: &crate::support::process::Process| process.log().matches("kept house").count();
    until("it keeps house", || swept(&process) > 1).await;
    assert_eq!(counted(&mut behind), before, "today nothing is due");
    clock.set(400);
    let so_far = swept(&process);
    until("it keeps house at the wrong time", || swept(&process) > so_far + 3).await;
    assert_eq!(counted(&mut behind), before, "a clock that jumped destroys nothing");
    let on_sqlite = world.database_url().starts_with("sqlite:");
    assert_eq!(
        process.log().contains("the clock jumped ahead"),
        on_sqlite,
        "on PostgreSQL the replica's does not matter"
    );
    clock.set(0);
    let so_far = swept(&process);
    until("it keeps house again", || swept(&process) > so_far + 1).await;
    assert_eq!(counted(&mut behind), before);
    idp.refresh().await;
    idp.get("/Users").await.expect(200);
    other.get("/Users").await.expect(200);
});

// The same as a machine that was off, or whose clock is wrong at the start: the database knows when it was last looked after.
story!(hardening_8_a_gap_at_the_start_waits_for_an_operator, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    acme.connect_identity_provider_as(&ada).await;
    let mut behind = Behind::of(&world);
    // Last looked after 400 days ago; since then everything has expired.
    let long_ago = world.now() - 400 * DAY;
    world.alter("DELETE FROM installation WHERE name = 'clock'");
    world.alter(&format!("INSERT INTO installation (name, value) VALUES ('clock', '{long_ago}')"));
    for table in ["refresh_tokens", "authorization_codes"] {
        world.alter(&format!("UPDATE {table} SET expires = expires - {}", 250 * DAY));
    }
    world.alter(&format!("UPDATE sessions SET expires = expires - {}", 2 * DAY));
    let before = counted(&mut behind);
    let said = |arguments: &[&str]| {
        let output = world.command(arguments, &[]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let doubted = said(&["housekeeping"]);
    assert!(doubted.contains("ahead of what is believed"), "{doubted}");
    assert_eq!(counted(&mut behind), before);
    let confirmed = said(&["housekeeping", "--confirm"]);
    assert!(!confirmed.contains("ahead"), "{confirmed}");
    assert_eq!(behind.number("SELECT COUNT(*) AS n FROM grants WHERE ended IS NULL"), 0, "now it is due");
    let audited = acme.world_audit(&world, "housekeeping.confirmed").await;
    assert_eq!(audited.len(), 1);
});

story!(hardening_8_no_more_than_a_share_of_grants_ends_in_a_day, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let client = acme.generic_client().await;
    for _ in 0..20 {
        client.connect_as(&ada).await;
    }
    let mut behind = Behind::of(&world);
    for table in ["refresh_tokens", "authorization_codes"] {
        world.alter(&format!("UPDATE {table} SET expires = expires - {}", 250 * DAY));
    }
    let open = "SELECT COUNT(*) AS n FROM grants WHERE ended IS NULL AND owner IS NOT NULL";
    let all = behind.number(open);
    assert!(all >= 20, "{all}");
    for _ in 0..3 {
        let output = world.command(&["housekeeping"], &[]);
        assert!(String::from_utf8_lossy(&output.stdout).contains("the rest waits"), "{output:?}");
        assert_eq!(behind.number(open), all - all / 10, "a tenth, and no more today");
    }
    let told = acme.world_audit(&world, "housekeeping.held_back").await;
    assert_eq!(told.len(), 1, "told once: {told:?}");
    // A day later as much again; an operator lets the rest go.
    let yesterday = world.now() - 2 * DAY;
    world.alter(&format!("UPDATE installation SET value = '{yesterday}:2' WHERE name = 'housekeeping_unused'"));
    world.command(&["housekeeping"], &[]);
    let left = all - all / 10;
    assert_eq!(behind.number(open), left - left / 10);
    assert!(world.command(&["housekeeping", "--confirm"], &[]).status.success());
    assert_eq!(behind.number(open), 0);
});

// A row that one step cannot bear stops that step alone.
story!(hardening_8_a_poisoned_row_stops_neither_the_seal_nor_the_rest, async |world: World| {
    let acme = world.account("acme").await;
    acme.connected_identity_provider().await;
    let mut behind = Behind::of(&world);
    let waiting = "SELECT COUNT(*) AS n FROM audit WHERE segment IS NULL";
    assert!(behind.number(waiting) > 0);
    world.alter(&format!("UPDATE sessions SET expires = expires - {}", 2 * DAY));
    let sessions = behind.number("SELECT COUNT(*) AS n FROM sessions");
    // Revocations cannot be deleted, for a reason that we do not know.
    let id = if matches!(behind.kind(), AnyConn::Sqlite(_)) { "x'706f69736f6e'" } else { "'poison'" };
    world.alter(&format!("INSERT INTO revoked_tokens (id, expires) VALUES ({id}, 1)"));
    let poison: &[&str] = match behind.kind() {
        AnyConn::Sqlite(_) => {
            &["CREATE TRIGGER poison BEFORE DELETE ON revoked_tokens BEGIN SELECT RAISE(ABORT, 'poisoned'); END"]
        }
        AnyConn::Postgres(_) => &[
            "CREATE FUNCTION poisoned() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'poisoned'; END $$",
            "CREATE TRIGGER poison BEFORE DELETE ON revoked_tokens FOR EACH ROW EXECUTE FUNCTION poisoned()",
        ],
    };
    for sql in poison {
        world.alter(sql);
    }
    let output = world.command(&["housekeeping"], &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("forgetting revocations"), "{said}");
    assert!(!said.contains("steps failed: forgetting revocations, "), "the others did not fail: {said}");
    assert_eq!(behind.number(waiting), 0, "sealed all the same");
    assert!(sessions > 0 && behind.number("SELECT COUNT(*) AS n FROM sessions") == 0, "and the others went on");
});

/// Of the audit trail, the rows of this kind.
impl crate::support::account::Account {
    async fn world_audit(&self, world: &World, action: &str) -> Vec<Value> {
        let rows = crate::support::account::items(&world.admin_get("/audit").await);
        rows.into_iter().filter(|row| row["action"] == action).collect()
    }
}
