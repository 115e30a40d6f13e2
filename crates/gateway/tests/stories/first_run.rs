//! The process as its operator meets it: the first run, bad configuration, commands.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use crate::support::directories;
use crate::support::http::{self, Call};
use crate::support::process::{self, Process};
use crate::support::story::run;

fn gateway(arguments: &[&str], directory: &Path, environment: &[(&str, String)]) -> Output {
    process::command(arguments, directory, environment).output().expect("the gateway can be run")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

#[test]
fn a_first_run_needs_no_configuration() {
    run(async {
        let directory = directories::subdirectory("first-run");
        let port = process::free_port(); // in place of the default, which may be taken here
        let mut process = Process::start(&directory, port, &[]).await.unwrap_or_else(|why| panic!("{why}"));
        let key = directory.join("data/master.key");
        let mode = fs::metadata(&key).expect("it makes its own master key").permissions().mode();
        assert_eq!(mode & 0o077, 0, "a master key is its owner's alone: {mode:o}");
        assert!(directory.join("data/gateway.db").exists());
        let get = |path: &str| Call::new(http::client(), reqwest::Method::GET, format!("{}{path}", process.address));
        get("/health/live").await.expect(200);
        let issuer = get("/.well-known/openid-configuration").await.expect(200).json()["issuer"].clone();
        assert_eq!(issuer.as_str(), Some(process.address.as_str()));
        get("/admin/accounts").await.expect_problem(401);

        // An operator is made beside the running server, and may act at once.
        let made = gateway(&["operator", "create", "--name", "ops"], &directory, &[]);
        assert!(made.status.success(), "{}", said(&made));
        let token = String::from_utf8_lossy(&made.stdout).trim().to_owned();
        assert!(token.starts_with("gwo_"), "{token}");
        get("/admin/accounts").bearer(&token).await.expect(200);

        let bind = ("GATEWAY__SERVER__BIND", format!("127.0.0.1:{port}"));
        assert!(gateway(&["health"], &directory, std::slice::from_ref(&bind)).status.success());
        assert!(process.terminate().await.success(), "{}", process.log());
        assert!(!gateway(&["health"], &directory, &[bind]).status.success());

        // The second run finds what the first left.
        let again = Process::start(&directory, port, &[]).await.unwrap_or_else(|why| panic!("{why}"));
        let get = |path: &str| Call::new(http::client(), reqwest::Method::GET, format!("{}{path}", again.address));
        get("/admin/accounts").bearer(&token).await.expect(200);
    });
}

#[test]
fn a_bad_configuration_is_refused_with_every_mistake_at_once() {
    let directory = directories::subdirectory("mistakes");
    let wrong = [
        ("GATEWAY__SERVER__BIND", "nowhere".to_owned()),
        ("GATEWAY__SERVER__PUBLIC_URL", "ftp://example.com".to_owned()),
        ("GATEWAY__DATABASE__URL", "mysql://localhost".to_owned()),
        ("GATEWAY__ADMIN__TOKEN", "short".to_owned()),
        ("GATEWAY__SERVER__COLOUR", "teal".to_owned()),
    ];
    let output = gateway(&["serve"], &directory, &wrong);
    assert!(!output.status.success());
    let said = said(&output).to_lowercase();
    for key in ["server.bind", "server.public_url", "database.url", "admin.token", "server.colour"] {
        assert!(said.contains(key), "{key} in:\n{said}");
    }
    assert!(!said.contains("short\n") && !said.contains("`short`"), "not the token itself:\n{said}");
    assert_eq!(fs::read_dir(&directory).expect("a directory").count(), 0, "nothing was begun");
}

#[test]
fn a_wrong_master_key_is_refused() {
    let directory = directories::subdirectory("wrong-key");
    assert!(gateway(&["migrate"], &directory, &[]).status.success());
    assert!(gateway(&["operator", "create", "--name", "ops"], &directory, &[]).status.success());
    let other = ("GATEWAY__SECURITY__MASTER_KEY", "b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3Q=".to_owned());
    let refused = gateway(&["operator", "create", "--name", "more"], &directory, &[other]);
    assert!(!refused.status.success() && said(&refused).contains("master key"), "{}", said(&refused));
}

#[test]
fn a_schema_that_was_not_migrated_is_refused_in_words() {
    let directory = directories::subdirectory("schema");
    let wait = ("GATEWAY__DATABASE__MIGRATE_ON_START", "false".to_owned());
    let bind = ("GATEWAY__SERVER__BIND", format!("127.0.0.1:{}", process::free_port()));
    let migrated = |environment: &[(&str, String)]| gateway(&["migrate"], &directory, environment);
    fs::create_dir(directory.join("data")).expect("a directory can be made");
    let refused = gateway(&["serve"], &directory, &[wait.clone(), bind]);
    assert!(!refused.status.success() && said(&refused).contains("gateway migrate"), "{}", said(&refused));
    assert!(migrated(std::slice::from_ref(&wait)).status.success());
    let fits = gateway(&["operator", "create", "--name", "ops"], &directory, &[wait]);
    assert!(fits.status.success(), "{}", said(&fits));
}
