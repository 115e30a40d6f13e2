//! `gateway move`, `gateway export` and `gateway import`: a whole installation goes into another database, and goes on working there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use gateway::storage::{AnyConn, DatabaseUrl, tables};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::Account;
use crate::support::database::Behind;
use crate::support::directories;
use crate::support::identity_provider::{GROUP, IdentityProvider, a_user};
use crate::support::postgres;
use crate::support::process::Process;
use crate::support::story::on_postgres;
use crate::support::testing::{Database, World};

pub const OTHER_KEY: &str = "b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3Q=";

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

#[track_caller]
pub fn refused(output: &Output, why: &str) {
    assert!(!output.status.success() && said(output).contains(why), "`{why}` in:\n{}", said(output));
}

#[track_caller]
pub fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    said(output)
}

/// A database in which nothing is, of the other kind where there is one.
pub fn elsewhere(world: &World) -> Database {
    let folder = directories::subdirectory("moved");
    match (world.database_url().starts_with("sqlite:"), postgres::server()) {
        (true, Ok(server)) => Database::Postgres(server.database(None)),
        _ => Database::Sqlite(folder.join("data/moved.db")),
    }
}

fn rows(url: &str) -> Vec<String> {
    let url: DatabaseUrl = url.parse().expect("a database");
    let excused = ["audit_with_gaps", "events_restored"].map(|name| format!("installation: name={name} "));
    let is_same = |row: &String| !excused.iter().any(|excused| row.starts_with(excused));
    Behind::at(url).rows_alike().into_iter().filter(is_same).collect()
}

fn tables_with_rows(rows: &[String]) -> usize {
    let mut names: Vec<&str> = rows.iter().filter_map(|row| row.split_once(": ")).map(|(table, _)| table).collect();
    names.dedup();
    names.len()
}

/// What a customer has after a while: users and groups of every sort, connections, people, refusals.
pub async fn a_customer(world: &World) -> (Account, IdentityProvider, IdentityProvider) {
    world.account("Ācme-Söhne").await;
    let acme = world.account("acme").await;
    let idp = acme.connect_identity_provider_as(&acme.user("ana@acme.test").role("master_admin").create().await).await;
    let mut users = Vec::new();
    for name in ["björn@acme.test", "cleo\\'\"@acme.test", "dora?::json@acme.test", "emil@acme.test"] {
        users.push(idp.create_user(&a_user(name)).await);
    }
    idp.create_group("Editors ✎", &[&users[0], &users[1]]).await;
    let waiting = json!({"schemas": [GROUP], "displayName": "Readers", "members": [{"value": "not here yet"}]});
    idp.post("/Groups", &waiting).await.expect(201);
    idp.delete(&users[3]).await.expect(204);
    idp.patch(&users[2]).replace("active", false).await.expect(200);
    idp.post("/Users", &a_user("björn@acme.test")).await.expect(409);
    let machine = acme.generic_client().await.connect_by_credentials().await;
    machine.get("/Groups").await.expect(200);
    let body = json!({"name": "emergency", "role": "support", "accounts": [acme.id]});
    world.admin(Method::POST, "/operators").json(&body).await.expect(201);
    (acme, idp, machine)
}

/// A server on the moved database, where the one of the world was.
async fn served(world: &World, url: &str) -> Process {
    let public = url::Url::parse(&world.gateway.public_url).expect("a URL");
    world.process_at(public.port().expect("a port"), &[("GATEWAY__DATABASE__URL", url)]).await
}

async fn listed(idp: &IdentityProvider) -> Vec<Value> {
    vec![idp.list("/Users").await, idp.list("/Groups").await, idp.list("/Users?startIndex=2&count=1").await]
}

story!(everything_of_an_installation_is_moved_and_goes_on_working, async |world: World| {
    let (acme, mut idp, machine) = a_customer(&world).await;
    let (before, trail) = (listed(&idp).await, acme.audit().await.0);
    let target = elsewhere(&world);
    let url = target.url();
    if world.database_url().starts_with("sqlite:") {
        refused(&world.command(&["move", "--to", &url], &[]), "a gateway has the database");
    } else {
        refused(&world.command(&["move", "--to", &url], &[]), "other sessions are connected");
    }
    world.stop().await;
    Behind::of(&world).seal();
    let old = rows(&world.database_url());
    assert!(tables_with_rows(&old) > 20, "{} tables have rows", tables_with_rows(&old));

    let told = done(&world.command(&["move", "--to", &url], &[]));
    for line in ["Every row was read back and compared", "audit trail is whole", "Next: set database.url"] {
        assert!(told.contains(line), "`{line}` in:\n{told}");
    }
    let new = rows(&url);
    assert_eq!(tables_with_rows(&old), tables_with_rows(&new));
    for (old, new) in old.iter().zip(&new) {
        assert_eq!(old, new);
    }
    assert_eq!(old.len(), new.len());
    assert_eq!(old, rows(&world.database_url()), "the old database is as it was");
    assert!(done(&world.command(&["audit", "verify"], &[("GATEWAY__DATABASE__URL", &url)])).contains("is whole"));
    refused(&world.command(&["move", "--to", &url], &[]), "is not empty: it has");
    assert!(new == rows(&url), "what was refused changed nothing");

    let mut server = served(&world, &url).await;
    assert_eq!(listed(&idp).await, before, "with the token of before");
    machine.get("/Users").await.expect(200);
    idp.refresh().await;
    machine.client.client_credentials().await.expect(200);
    let since = acme.audit().await.0;
    let known = |row: &Value| since.iter().any(|one| one["at"] == row["at"] && one["action"] == row["action"]);
    assert!(trail.iter().all(known), "the trail goes on");
    // New rows get numbers of their own.
    let user = idp.create_user(&a_user("frida@acme.test")).await;
    idp.create_group("Authors", &[&user]).await;
    world.account("globex").await.connected_identity_provider().await;
    assert!(server.terminate().await.success(), "{}", server.log());
    let moved: DatabaseUrl = url.parse().expect("a database");
    Behind::at(moved).seal();
    assert!(done(&world.command(&["audit", "verify"], &[("GATEWAY__DATABASE__URL", &url)])).contains("is whole"));
});

story!(an_export_is_imported_elsewhere_whole_or_not_at_all, async |world: World| {
    a_customer(&world).await;
    let folder = directories::subdirectory("export");
    let file = folder.join("all.jsonl");
    let path = file.to_str().expect("UTF-8");
    let told = done(&world.command(&["export", path], &[]));
    assert!(told.contains("The master key is not in it"), "{told}");
    refused(&world.command(&["export", path], &[]), "is not overwritten");
    world.stop().await;
    fs::remove_file(&file).expect("it was made");
    done(&world.command(&["export", path], &[]));
    let old = rows(&world.database_url());
    let target = elsewhere(&world);
    let url = target.url();
    let to = [("GATEWAY__DATABASE__URL", url.as_str())];
    let import = |file: &Path| world.command(&["import", file.to_str().expect("UTF-8")], &to);

    let text = fs::read_to_string(&file).expect("it is text");
    assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "JSON Lines");
    let written = |name: &str, text: &str| -> PathBuf {
        fs::write(folder.join(name), text).expect("it can be written");
        folder.join(name)
    };
    let half = &text[..text.char_indices().nth(text.chars().count() / 2).expect("a middle").0];
    refused(&import(&written("half", half)), "it is not a whole export");
    let last = text.trim_end().rsplit_once('\n').expect("lines").0;
    refused(&import(&written("unsigned", last)), "it is not a whole export");
    refused(&import(&written("changed", &text.replacen("acme.test", "acmf.test", 1))), "it is damaged: the SHA-256");
    refused(
        &import(&written("later", &text.replacen("\"schema\":\"", "\"schema\":\"9", 1))),
        "Import it with that release",
    );
    refused(&import(&written("newer", &text.replacen("_export\":1", "_export\":7", 1))), "a newer release made it");
    refused(&import(&written("other", "{\"kind\":\"account\"}\n")), "it is no export");
    let signed = text.replacen("\"end\":{\"rows\"", "\"end\":{ \"rows\"", 1);
    refused(&import(&written("edited", &signed)), "not signed by the keys of the installation");
    refused(&import(&folder.join("nothing")), "No such file");
    let foreign = [to[0], ("GATEWAY__SECURITY__MASTER_KEY", OTHER_KEY)];
    refused(&world.command(&["import", path], &foreign), "the master key is not the one");

    // What fails in the middle leaves nothing, and may be begun again.
    done(&world.command(&["migrate"], &to));
    let database: DatabaseUrl = url.parse().expect("a database");
    let mut behind = Behind::at(database.clone());
    behind.execute("CREATE UNIQUE INDEX in_the_way ON resources (resource_type)");
    refused(&import(&file), "resources: database: ");
    assert_eq!(behind.rows_alike(), Vec::<String>::new());
    behind.execute("DROP INDEX in_the_way");
    drop(behind);
    assert!(done(&import(&file)).contains("Every row was read back and compared"));
    assert!(old == rows(&url), "each row of each table");
    refused(&import(&file), "is not empty: it has");
    assert!(done(&world.command(&["audit", "verify"], &to)).contains("is whole"));
});

story!(a_move_is_refused_in_words_and_changes_nothing, async |world: World| {
    a_customer(&world).await;
    let target = elsewhere(&world);
    let url = target.url();
    let rehearsal = elsewhere(&world);
    let told = done(&world.command(&["move", "--to", &rehearsal.url(), "--while-running"], &[]));
    assert!(told.contains("This was a rehearsal"), "{told}");
    assert!(tables_with_rows(&rows(&rehearsal.url())) > 20);
    world.stop().await;
    let own = world.database_url();
    refused(&world.command(&["move", "--to", &own], &[]), "is the database that it is to be moved out of");
    refused(&world.command(&["move", "--to", "mysql://x"], &[]), "must begin with sqlite: or postgres://");
    let key = [("GATEWAY__SECURITY__MASTER_KEY", OTHER_KEY)];
    refused(&world.command(&["move", "--to", &url], &key), "the master key is not the one");
    Behind::of(&world).execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')");
    refused(&world.command(&["move", "--to", &url], &[]), "the database schema is ahead of this binary");
    refused(&world.command(&["export", "all.jsonl"], &[]), "the database schema is ahead of this binary");
    Behind::of(&world).execute("DELETE FROM __diesel_schema_migrations WHERE version IN ('9999', '0039')");
    refused(&world.command(&["move", "--to", &url], &[]), "the database schema is behind this binary");
});

/// The tables are known from SQLite's migrations alone.
#[test]
fn both_databases_have_the_same_tables_with_the_same_columns() {
    on_postgres(&[], async |world: World| {
        let mut behind = Behind::of(&world);
        let known = tables::of_this_release().expect("the migrations run");
        let names: Vec<String> = behind.tables().into_iter().filter(|name| !name.starts_with("__")).collect();
        assert_eq!(known.iter().map(|table| table.name.clone()).collect::<Vec<_>>(), names);
        assert!(matches!(behind.kind(), AnyConn::Postgres(_)));
        for table in &known {
            let there: Vec<String> = behind.columns(&table.name).into_iter().map(|(column, _)| column).collect();
            let mut columns: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
            columns.sort_unstable();
            assert_eq!(columns, there, "{}", table.name);
            let identity = format!(
                "SELECT count(*) AS n FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '{}' AND is_identity = 'YES'",
                table.name
            );
            assert_eq!(behind.number(&identity) == 1, table.is_numbered, "{}", table.name);
        }
    });
}
