//! `gateway backup` and `gateway restore`: of the embedded database, beside a server that is being written.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gateway::storage::DatabaseUrl;

use crate::support::account::text;
use crate::support::concurrently::all;
use crate::support::database::Behind;
use crate::support::directories;
use crate::support::http::{self, Call};
use crate::support::identity_provider::{IdentityProvider, a_user};
use crate::support::process;
use crate::support::story::on_sqlite;
use crate::support::testing::World;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

fn backup(world: &World, file: &Path) -> Output {
    world.command(&["backup", file.to_str().expect("UTF-8")], &[])
}

/// Restores as the operator of a new installation does, with the key of the old one unless another is given.
fn restore(world: &World, file: &Path, to: &Path, key: Option<&str>) -> Output {
    let url = format!("sqlite:{}", to.display());
    let mut settings = vec![("GATEWAY__DATABASE__URL", url.as_str())];
    settings.extend(key.map(|key| ("GATEWAY__SECURITY__MASTER_KEY", key)));
    world.command(&["restore", file.to_str().expect("UTF-8")], &settings)
}

#[track_caller]
fn refused(output: &Output, why: &str) {
    assert!(!output.status.success() && said(output).contains(why), "`{why}` in:\n{}", said(output));
}

/// Every row of every table of the database in a file.
fn rows(path: &Path) -> String {
    Behind::at(DatabaseUrl::Sqlite(path.to_owned())).rows(&[])
}

async fn write_until(stop: Arc<AtomicBool>, idp: IdentityProvider, writer: usize) -> usize {
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            return n;
        }
        idp.create_user(&a_user(&format!("load-{writer}-{n}@acme.test"))).await;
    }
    0
}

/// A backup that is taken while users are created; how many were meanwhile.
async fn backup_under_load(world: &World, idp: &IdentityProvider, file: &Path) -> usize {
    let stop = Arc::new(AtomicBool::new(false));
    let writers = (0..4).map(|writer| write_until(stop.clone(), idp.clone(), writer)).collect();
    let (beside, path) = (world.clone(), file.to_owned());
    let taking = async {
        let taken = tokio::task::spawn_blocking(move || backup(&beside, &path)).await.expect("it ends");
        stop.store(true, Ordering::Relaxed);
        taken
    };
    let (written, taken) = tokio::join!(all(writers), taking);
    assert!(taken.status.success(), "{}", said(&taken));
    assert!(said(&taken).contains("audit trail is whole") && said(&taken).contains("master key is not in it"));
    written.into_iter().sum()
}

async fn backed_up_while_it_is_written(world: World) {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let mut acknowledged = Vec::new();
    for n in 0..7 {
        acknowledged.push(text(&idp.create_user(&a_user(&format!("user{n}@acme.test"))).await["id"]));
    }
    let folder = directories::subdirectory("backup");
    let file = folder.join("monday.backup");
    assert!(backup_under_load(&world, &idp, &file).await > 0, "it was written meanwhile");
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 1, "nothing beside it");

    // Into a new folder. Opened as a database, the file is no backup any more: a copy of it is.
    let (restored, opened) = (folder.join("new/gateway.db"), folder.join("opened.db"));
    let output = restore(&world, &file, &restored, None);
    assert!(output.status.success(), "{}", said(&output));
    for told in ["counts again until it is ended again", "Before the server is reachable", "Head of its audit trail"] {
        assert!(said(&output).contains(told), "`{told}` in:\n{}", said(&output));
    }
    fs::copy(&file, &opened).expect("it can be copied");
    let all = rows(&restored);
    assert!(all == rows(&opened), "every row of every table is as it is in the backup");
    for id in &acknowledged {
        assert!(all.contains(id.as_str()), "{id} was acknowledged before the backup began");
    }
    // A server runs on it, and what was issued before counts.
    let url = format!("sqlite:{}", restored.display());
    let mut server = world.process_with(&[("GATEWAY__DATABASE__URL", &url)]).await;
    let user = format!("{}/scim/v2/Users/{}", server.address, acknowledged[0]);
    Call::new(http::client(), reqwest::Method::GET, user).bearer(&idp.access_token).await.expect(200);
    let verified = world.command(&["audit", "verify"], &[("GATEWAY__DATABASE__URL", &url)]);
    assert!(verified.status.success(), "{}", said(&verified));
    assert!(said(&verified).contains("gateway.db.audit-head says"), "{}", said(&verified));
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{suffix}", restored.display()));
    }
    refused(&restore(&world, &file, &restored, None), "has the database");
    server.kill();
    assert!(restore(&world, &file, &restored, None).status.success(), "it is free now");
}

#[test]
fn a_backup_of_a_server_that_is_being_written_is_whole_and_comes_back() {
    on_sqlite(&[], backed_up_while_it_is_written);
}

async fn refused_in_words(world: World) {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    idp.create_user(&a_user("ana@acme.test")).await;
    world.stop().await;
    let source = PathBuf::from(world.database_url().strip_prefix("sqlite:").expect("SQLite"));
    let folder = directories::subdirectory("restore");
    let file = folder.join("stopped.backup");
    let made = backup(&world, &file);
    assert!(made.status.success(), "{}", said(&made));
    let restored = folder.join("gateway.db");
    assert!(restore(&world, &file, &restored, None).status.success());
    let before = rows(&source);
    assert!(before == rows(&restored), "a database at rest comes back as it is, in every table");

    refused(&backup(&world, &file), "is not overwritten");
    refused(&backup(&world, &folder.join("no/folder")), "there is no folder");
    refused(&restore(&world, &file, &source, None), "is not overwritten");
    assert!(before == rows(&source), "nothing of it was changed");
    let target = folder.join("refused.db");
    let log = folder.join("refused.db-wal");
    fs::write(&log, "the log of another database").expect("it can be written");
    refused(&restore(&world, &file, &target, None), "refused.db-wal exists");
    fs::remove_file(&log).expect("it can be removed");

    let other = "b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3Q=";
    refused(&restore(&world, &file, &target, Some(other)), "another master key");
    let length = fs::metadata(&file).expect("a file").len();
    let damage = |name: &str, how: &dyn Fn(&mut fs::File)| {
        let copy = folder.join(name);
        fs::copy(&file, &copy).expect("it can be copied");
        how(&mut fs::File::options().write(true).open(&copy).expect("it can be opened"));
        copy
    };
    let flipped = damage("flipped", &|copy| {
        copy.seek(SeekFrom::Start(length / 2)).expect("it has a middle");
        copy.write_all(b"\xa5\x5a\xa5").expect("it can be written");
    });
    refused(&restore(&world, &flipped, &target, None), "it is damaged: the SHA-256");
    let half = damage("half", &|copy| copy.set_len(length / 2).expect("it can be cut off"));
    refused(&restore(&world, &half, &target, None), "it is not a whole backup");
    refused(&restore(&world, &source, &target, None), "it is not a whole backup");
    refused(&restore(&world, &folder.join("nothing"), &target, None), "No such file");
    Behind::of(&world).execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')");
    let newer = folder.join("newer.backup");
    assert!(backup(&world, &newer).status.success());
    refused(&restore(&world, &newer, &target, None), "its schema is ahead of this one");
    assert!(!target.exists(), "nothing was restored");
    assert!(!NOT_KEPT.iter().any(|name| folder.join(name).exists()), "nothing half-written is left");
}

const NOT_KEPT: [&str; 3] = ["refused.db.partial", "stopped.backup.partial", "newer.backup.partial"];

#[test]
fn a_restoration_is_refused_in_words_and_changes_nothing() {
    on_sqlite(&[], refused_in_words);
}

#[test]
fn on_postgresql_both_commands_say_what_to_use_instead() {
    let directory = directories::subdirectory("backup-elsewhere");
    let url = ("GATEWAY__DATABASE__URL", "postgres://gateway:hunter2@db.example/gateway".to_owned());
    for (command, instead) in [("backup", "pg_dump"), ("restore", "pg_restore")] {
        let mut asked = process::command(&[command, "file"], &directory, std::slice::from_ref(&url));
        let output = asked.output().expect("the gateway can be run");
        refused(&output, instead);
        assert!(said(&output).contains("point-in-time recovery") && !said(&output).contains("hunter2"));
    }
    let output = process::command(&["backup", "file"], &directory, &[]).output().expect("the gateway can be run");
    refused(&output, "there is no database");
    assert_eq!(fs::read_dir(&directory).expect("a directory").count(), 0, "nothing was made");
}
