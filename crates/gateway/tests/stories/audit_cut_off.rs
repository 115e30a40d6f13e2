//! An audit trail whose newest rows were cut off, together with the note of where it ended.

use std::process::Output;

use gateway::storage::AnyConn;

use crate::support::account::{Account, text};
use crate::support::database::Behind;
use crate::support::directories;
use crate::support::testing::World;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

async fn act(acme: &Account, n: usize) {
    acme.user(&format!("user{n}@acme.test")).create().await;
}

story!(a_trail_that_was_cut_off_with_its_note_put_back_is_found_by_what_is_kept_outside, async |world: World| {
    let folder = directories::subdirectory("head");
    let at = |name: &str| folder.join(name).display().to_string();
    let (kept, none) = (at("audit-head"), at("none"));
    let command = |arguments: &[&str], file: &str| world.command(arguments, &[("GATEWAY__AUDIT__HEAD_FILE", file)]);
    let seal = || {
        let done = command(&["housekeeping"], &kept);
        assert!(done.status.success(), "{}", said(&done));
    };
    let acme = world.account("acme").await;
    let mut behind = Behind::of(&world);
    let is_sqlite = matches!(behind.kind(), AnyConn::Sqlite(_));
    act(&acme, 1).await;
    seal();
    behind.execute("CREATE TABLE kept_note AS SELECT value FROM installation WHERE name = 'audit_head'");
    let older = behind.number("SELECT MAX(number) AS n FROM audit_segments");
    act(&acme, 2).await;
    seal();
    let head = text(&world.admin_get("/audit/head").await["head"]);
    let whole = command(&["audit", "verify"], &kept);
    assert!(whole.status.success() && said(&whole).contains("It reaches as far as"), "{}", said(&whole));

    if is_sqlite {
        // What waits for its seal: SQLite counts its rows.
        act(&acme, 3).await;
        behind.execute("DELETE FROM audit WHERE segment IS NULL");
        let found = command(&["audit", "verify"], &kept);
        assert!(
            !found.status.success() && said(&found).contains("rows are gone that were written"),
            "{}",
            said(&found)
        );
    }
    // All that one can do who writes the database and has no key.
    behind.execute(&format!(
        "DELETE FROM audit WHERE segment IS NULL OR segment > {older}; DELETE FROM audit_segments WHERE number > {older}; \
         UPDATE installation SET value = (SELECT value FROM kept_note) WHERE name = 'audit_head'"
    ));
    if is_sqlite {
        behind.execute("UPDATE sqlite_sequence SET seq = (SELECT MAX(seq) FROM audit) WHERE name = 'audit'");
    }
    let alone = command(&["audit", "verify"], &none);
    assert!(alone.status.success() && said(&alone).contains("would be called whole too"), "{}", said(&alone));
    let found = command(&["audit", "verify"], &kept);
    let cut_off = format!("the trail ends at segment {older}, and a head that was kept elsewhere is of segment");
    assert!(!found.status.success() && said(&found).contains(&cut_off), "{}", said(&found));
    let found = command(&["audit", "verify", "--expect", &head], &none);
    assert!(!found.status.success() && said(&found).contains(&cut_off), "{}", said(&found));

    // The next seal writes it into the chain, where only the installation's keys could take it out again.
    act(&acme, 4).await;
    seal();
    let found = command(&["audit", "verify"], &none);
    assert!(!found.status.success() && said(&found).contains("may have been cut off"), "{}", said(&found));
    // A file that was put there from elsewhere is none.
    std::fs::write(&kept, format!("{head}:00\n")).expect("it can be written");
    let found = command(&["audit", "verify"], &kept);
    assert!(!found.status.success() && said(&found).contains("not as this installation wrote it"), "{}", said(&found));
});
