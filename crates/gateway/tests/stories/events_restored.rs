//! A database that is put back to an earlier state: readers of the feed who know more than it take a snapshot, and none of them misses
//! something or has something twice in silence.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, text};
use crate::support::directories;
use crate::support::feed::{Reader, types};
use crate::support::hook::Hook;
use crate::support::postgres;
use crate::support::process::Process;
use crate::support::set_receiver::{SetReceiver, Stream};
use crate::support::story::{on_postgres, on_sqlite};
use crate::support::testing::{Database, OPERATOR, World};

const LOOPBACK: &[(&str, &str)] = &[("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true")];

/// A customer whose changes are read, polled and sent to a hook.
struct Customer {
    acme: Account,
    hook: Hook,
    webhook: String,
    stream: Stream,
    /// Of a reader who has all that was there when the state was kept, and of one who has what came after it.
    cursors: [String; 2],
}

async fn a_customer(world: &World) -> Customer {
    let (acme, hook) = (world.account("acme").await, Hook::start());
    let made = acme.admin(Method::POST, "/webhooks").json(&json!({"url": hook.url()})).await.expect(201).json();
    let stream = SetReceiver::of(world, Some(&acme)).await.stream(&json!({})).await;
    acme.user("ana@acme.test").create().await;
    let mut reader = Reader::of(&acme);
    reader.rest().await;
    let cursor = reader.cursor.expect("a cursor");
    Customer { acme, hook, webhook: text(&made["id"]), stream, cursors: [cursor.clone(), cursor] }
}

impl Customer {
    /// What is lost by the restoration, and was read.
    async fn goes_on(&mut self) {
        for n in 0..5 {
            self.acme.user(&format!("lost{n}@acme.test")).create().await;
        }
        let mut reader = Reader::of(&self.acme);
        let told = reader.rest().await;
        self.hook.until("the hook has all", |sent| sent.len() >= told.len() - 2).await;
        let acks: Vec<String> = self.stream.told(json!({})).await.into_iter().map(|(jti, _)| jti).collect();
        self.stream.poll(&json!({"ack": acks, "maxEvents": 0})).await.expect(200);
        self.cursors[1] = reader.cursor.expect("a cursor");
    }

    /// In the world of the restored database.
    fn after(&self, restored: &World) -> Customer {
        let acme = Account { world: restored.clone(), ..self.acme.clone() };
        let receiver = SetReceiver { world: restored.clone(), ..self.stream.receiver.clone() };
        let stream = Stream { receiver, ..self.stream.clone() };
        let (hook, webhook, cursors) = (Hook::start(), self.webhook.clone(), self.cursors.clone());
        Customer { acme, hook, webhook, stream, cursors }
    }

    async fn are_refused(&self) {
        for cursor in &self.cursors {
            let path = format!("/events?account={}&after={cursor}", self.acme.id);
            let problem = self.acme.world.get(&path).bearer(OPERATOR).await.expect_problem(410);
            assert!(text(&problem["detail"]).contains("snapshot"), "{problem}");
        }
    }

    /// Everyone who read is told to begin anew, before and after other events have come; and does.
    async fn begin_anew(&self) {
        let world = &self.acme.world;
        self.are_refused().await;
        for n in 0..30 {
            self.acme.user(&format!("new{n}@acme.test")).create().await;
        }
        self.are_refused().await;
        let snapshot =
            world.get(&format!("/events/snapshot?account={}&limit=1000", self.acme.id)).bearer(OPERATOR).await;
        let snapshot = snapshot.expect(200).json();
        let users = snapshot["items"].as_array().expect("items").iter().filter(|item| item["type"] == "user").count();
        assert_eq!(users, 31, "ana, and those who are new");
        let mut reader = Reader::of(&self.acme);
        reader.cursor = Some(text(&snapshot["cursor"]));
        assert_eq!(reader.rest().await, Vec::<Value>::new());
        self.acme.user("next@acme.test").create().await;
        assert_eq!(types(&reader.rest().await), ["user.created"]);
        // Who sends to a receiver does not know what it has, so an operator says from where on.
        let path = format!("/webhooks/{}", self.webhook);
        let mut lost = world.admin_get(&path).await;
        for _ in 0..1500 {
            if lost["state"] == "lost" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            lost = world.admin_get(&path).await;
        }
        assert!(lost["state"] == "lost" && text(&lost["summary"]).contains("restored"), "{lost}");
        assert!(self.hook.sent().is_empty());
        let told = self.stream.told(json!({})).await;
        let [(_, updated)] = &told[..] else { panic!("one token, about the stream: {told:#?}") };
        assert!(updated["events"].to_string().contains("stream-updated"), "{updated}");
        let status = self.stream.receiver.get(&format!("/status?stream_id={}", self.stream.id)).await;
        assert_eq!(status.expect(200).json()["status"], "disabled");
    }
}

/// A server on the restored database.
async fn server_on(world: &World, database: Database) -> (World, Process) {
    let url = database.url();
    let process = world.process_with(&[("GATEWAY__DATABASE__URL", &url)]).await;
    let directory = directories::subdirectory("restored");
    let restored = World::deployed(&world.gateway.public_url, vec![process.address.clone()], database, directory);
    (restored, process)
}

fn done(output: &std::process::Output) {
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

async fn restored_by_the_gateway(world: World) {
    let mut customer = a_customer(&world).await;
    let folder = directories::subdirectory("kept");
    let (file, target) = (folder.join("kept.backup"), folder.join("restored/gateway.db"));
    let shown = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    done(&world.command(&["backup", &shown(&file)], &[]));
    customer.goes_on().await;
    world.stop().await;
    // Twice from one backup: what the first life gave is known too.
    for life in ["first", "second"] {
        let url = format!("sqlite:{}", target.display());
        done(&world.command(&["restore", &shown(&file)], &[("GATEWAY__DATABASE__URL", &url)]));
        let (restored, mut process) = server_on(&world, Database::Sqlite(target.clone())).await;
        let after = customer.after(&restored);
        after.begin_anew().await;
        let mut reader = Reader::of(&after.acme);
        reader.rest().await;
        customer.cursors[1] = reader.cursor.expect("a cursor");
        // A start that follows none but an ordinary one changes nothing.
        process.kill();
        let (again, mut process) = server_on(&world, Database::Sqlite(target.clone())).await;
        let path = format!("/events?account={}&after={}", after.acme.id, customer.cursors[1]);
        let page = again.get(&path).bearer(OPERATOR).await.expect(200).json();
        assert_eq!(page["events"], json!([]), "{life}");
        process.kill();
        std::fs::remove_dir_all(target.parent().expect("a folder")).expect("it can be removed");
    }
}

async fn restored_from_a_dump(world: World) {
    let mut customer = a_customer(&world).await;
    let dump: PathBuf = directories::subdirectory("dump").join("gateway.sql");
    let shown = dump.to_str().expect("UTF-8");
    let Some((pg_dump, psql)) = postgres::program("pg_dump").zip(postgres::program("psql")) else { return };
    let run = |program: &Path, arguments: &[&str]| {
        done(&std::process::Command::new(program).args(arguments).output().expect("it can be run"));
    };
    run(&pg_dump, &["--no-owner", "--file", shown, &world.database_url()]);
    customer.goes_on().await;
    world.stop().await;
    let Ok(server) = postgres::server() else { return };
    for _ in 0..2 {
        let database = server.database(None);
        run(&psql, &["--quiet", "--set", "ON_ERROR_STOP=1", "--output", "/dev/null", "--file", shown, &database.url()]);
        let (restored, _process) = server_on(&world, Database::Postgres(database)).await;
        let after = customer.after(&restored);
        after.begin_anew().await;
        let mut reader = Reader::of(&after.acme);
        reader.rest().await;
        customer.cursors[1] = reader.cursor.expect("a cursor");
    }
}

#[test]
fn readers_of_a_database_that_gateway_restore_put_back_take_a_snapshot() {
    on_sqlite(LOOPBACK, restored_by_the_gateway);
}

#[test]
fn readers_of_a_database_that_came_from_a_dump_take_a_snapshot() {
    on_postgres(LOOPBACK, restored_from_a_dump);
}

story!(
    an_operator_has_all_readers_begin_anew_where_the_database_does_not_show_it,
    settings = [("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true")],
    async |world: World| {
        let mut customer = a_customer(&world).await;
        customer.goes_on().await;
        world.stop().await;
        done(&world.command(&["events", "begin-anew"], &[]));
        world.start_again().await;
        customer.are_refused().await;
        customer.acme.user("next@acme.test").create().await;
        assert_eq!(types(&Reader::of(&customer.acme).rest().await), ["user.created"]);
        customer.are_refused().await;
    }
);
