//! Where master keys come from: from the operator, or from one file of an installation that has no data yet.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::directories;
use crate::support::environment;
use crate::support::postgres;
use crate::support::process;
use crate::support::story::run;

const KEY: &str = "c3RvcmllcyBzdG9yaWVzIHN0b3JpZXMgc3RvcmllcyE=";

/// Makes an operator, in a database that has its schema: whether that succeeded, and what was said.
fn operator(directory: &Path, environment: &[(&str, String)]) -> (bool, String) {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let name = format!("ops-{}", MADE.fetch_add(1, Ordering::Relaxed)); // no two operators have one name
    let migrated = process::command(&["migrate"], directory, environment).output().expect("the gateway can be run");
    assert!(migrated.status.success(), "a migration needs no key");
    let made = process::command(&["operator", "create", "--name", &name], directory, environment).output();
    let made = made.expect("the gateway can be run");
    (made.status.success(), String::from_utf8_lossy(&[made.stdout, made.stderr].concat()).into_owned())
}

#[test]
fn hardening_15_a_key_file_that_the_operator_named_is_never_made() {
    let directory = directories::subdirectory("named-key");
    let path = directory.join("keys/master");
    let named = [("GATEWAY__SECURITY__MASTER_KEY_FILE", path.display().to_string())];
    let (done, said) = operator(&directory, &named);
    assert!(!done && said.contains("security.master_key_file") && said.contains("openssl rand"), "{said}");
    assert!(!path.exists() && !directory.join("keys").exists(), "nothing was made");
    fs::create_dir(directory.join("keys")).expect("a directory");
    fs::write(&path, format!("{KEY}\n")).expect("a file");
    let (done, said) = operator(&directory, &named);
    assert!(done, "{said}");
    assert!(!directory.join("data/master.key").exists());
}

#[test]
fn hardening_15_no_key_is_made_beside_data_that_needs_another() {
    let directory = directories::subdirectory("lost-key");
    assert!(operator(&directory, &[]).0);
    let key = directory.join("data/master.key");
    let kept = fs::read_to_string(&key).expect("a key was made for the new database");
    fs::remove_file(&key).expect("it can be lost");
    let (done, said) = operator(&directory, &[]);
    assert!(!done && said.contains("master.key") && said.contains("Put the key back"), "{said}");
    assert!(!key.exists(), "no new one was made");
    fs::write(&key, kept).expect("it can be put back");
    assert!(operator(&directory, &[]).0);
}

#[test]
fn hardening_15_postgresql_wants_a_key_that_is_set() {
    let server = match postgres::server() {
        Ok(server) => server,
        Err(why) if environment::in_ci() => panic!("CI is set, so PostgreSQL has to be tested: {why}"),
        Err(why) => return println!("skipped: {why}"),
    };
    run(async {
        let database = server.database(None);
        let directory = directories::subdirectory("postgres-key");
        let url = ("GATEWAY__DATABASE__URL", database.url());
        let (done, said) = operator(&directory, std::slice::from_ref(&url));
        assert!(!done && said.contains("security.master_key is missing") && said.contains("every replica"), "{said}");
        assert!(!directory.join("data/master.key").exists());
        let migrated = process::command(&["migrate"], &directory, std::slice::from_ref(&url)).output();
        assert!(migrated.expect("it runs").status.success(), "a migration needs no key");
        let (done, said) = operator(&directory, &[url, ("GATEWAY__SECURITY__MASTER_KEY", KEY.to_owned())]);
        assert!(done, "{said}");
    });
}
