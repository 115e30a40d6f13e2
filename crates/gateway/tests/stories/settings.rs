//! What the process says at its start about settings that are not what the operator meant.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::support::directories;
use crate::support::process;

fn migrate(environment: &[(&str, &str)]) -> Output {
    let environment: Vec<(&str, String)> =
        environment.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let directory = directories::subdirectory("settings");
    std::fs::create_dir(directory.join("data")).expect("a directory can be made");
    process::command(&["migrate"], &directory, &environment).output().expect("the gateway can be run")
}

#[test]
fn a_variable_that_no_setting_has_as_its_name_is_warned_of_at_the_start() {
    let output = migrate(&[
        ("GATEWAY_ADMIN_TOKEN", "a-token-that-was-meant-for-us"),
        ("GATEWAY_SERVICE_PORT", "8080"),
        ("GATEWAY__LOG__FILTER", "warn, gateway=info"),
    ]);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    assert!(
        log.contains("WARN") && log.contains("GATEWAY_ADMIN_TOKEN") && log.contains("GATEWAY__ADMIN__TOKEN"),
        "{log}"
    );
    assert!(!log.contains("meant-for-us") && !log.contains("SERVICE_PORT"), "{log}");
}

#[test]
fn a_level_that_does_not_exist_stops_the_start() {
    let output = migrate(&[("GATEWAY__LOG__FILTER", "inof"), ("GATEWAY__SERVER__BNID", "127.0.0.1:1")]);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{log}");
    assert!(log.contains("log.filter: `inof` is not a level (error, warn, info, debug, trace, off)"), "{log}");
    assert!(log.contains("server.bnid: there is no such setting; the nearest is server.bind"), "{log}");
}

/// Runs the gateway in a folder, and gives what it said on standard output and on standard error, and whether it succeeded.
fn run(arguments: &[&str], directory: &Path, environment: &[(&str, String)]) -> (bool, String, String) {
    let output = process::command(arguments, directory, environment).output().expect("the gateway can be run");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_configuration_is_checked_and_shown_without_a_start() {
    let directory = directories::subdirectory("checked");
    let file =
        "[server]\nbind = \"127.0.0.1:9000\"\n[scim]\npage_size = 50\n[admin]\ntoken = \"hush-hush-hush-hush\"\n";
    fs::write(directory.join("gateway.toml"), file).expect("a file can be written");
    let check = |more: &[&str], environment: &[(&str, String)]| {
        run(&[&["--config", "gateway.toml", "config"], more].concat(), &directory, environment)
    };
    let right = [("GATEWAY__DATA__DIR", "elsewhere".to_owned())];
    let (done, said, warned) = check(&["check"], &right);
    assert!(done && said.contains("3 settings from the file, 1 from the environment"), "{said}{warned}");
    let (done, said, _) = check(&["check", "--json"], &right);
    let told: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert!(done && told["ok"] == true && told["mistakes"] == serde_json::json!([]), "{told}");

    let wrong = [
        ("GATEWAY__SERVER__BIND", "0.0.0.0:9000".to_owned()),
        ("GATEWAY__CONSENT__ROLES", "master_admn".to_owned()),
        ("GATEWAY__SECURITY__MASTER_KEY_FILE", "none.key".to_owned()),
        ("GATEWAY__LOG__LEVEL", "info".to_owned()),
    ];
    let (done, _, said) = check(&["check"], &wrong);
    let (_, told, _) = check(&["check", "--json"], &wrong);
    let (started, _, refused) = run(&["--config", "gateway.toml", "serve"], &directory, &wrong);
    assert!(!done && !started, "{said}");
    for word in ["4 mistake(s)", "server.public_url is missing", "`master_admin`", "none.key", "log.filter (set by"] {
        assert!(said.contains(word) && refused.contains(word), "{word}: {said}\n{refused}");
    }
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!((&told["ok"], told["mistakes"].as_array().map(Vec::len)), (&false.into(), Some(4)), "{told}");

    let (done, said, _) = check(&["show"], &right);
    let row =
        |name: &str| said.lines().find(|line| line.split_whitespace().next() == Some(name)).expect("a row").to_owned();
    assert!(done && !said.contains("hush"), "{said}");
    assert!(row("admin.token").contains("(secret)") && row("admin.token").ends_with("gateway.toml, line 6"), "{said}");
    assert!(row("scim.page_size").contains("50") && row("data.dir").ends_with("GATEWAY__DATA__DIR"), "{said}");
    assert!(row("scim.max_page_size").ends_with("default"), "{said}");
    let (done, said, mistakes) = check(&["show", "--json"], &wrong);
    let told: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert!(
        !done && mistakes.is_empty() && told["settings"].as_array().is_some_and(|all| all.len() > 80),
        "{mistakes}"
    );
    assert_eq!(fs::read_dir(&directory).expect("a folder").count(), 1, "nothing was made");
}

#[test]
fn a_command_in_a_wrong_folder_makes_no_installation() {
    let directory = directories::subdirectory("wrong-folder");
    let commands: [&[&str]; 8] = [
        &["operator", "create", "--name", "ops"],
        &["operator", "invite", "ada@vendor.test"],
        &["operator", "recover", "ada@vendor.test"],
        &["keys", "list"],
        &["keys", "rotate"],
        &["keys", "reencrypt"],
        &["housekeeping"],
        &["audit", "verify"],
    ];
    for command in commands {
        let (done, out, said) = run(command, &directory, &[]);
        let looked = directory.join("data/gateway.db").display().to_string();
        assert!(!done && out.is_empty(), "{command:?}: {out}");
        for word in ["data.dir: there is no database", &looked, "gateway serve", "--config"] {
            assert!(said.contains(word), "{command:?}: {word} in {said}");
        }
        assert_eq!(fs::read_dir(&directory).expect("a folder").count(), 0, "{command:?} made something");
    }
    // A file that has nothing in it, or is none of ours, is no installation either, and stays as it is.
    for (content, told) in [("", "is empty"), ("something else entirely", "not a database")] {
        fs::write(directory.join("other.db"), content).expect("a file can be written");
        let other = [("GATEWAY__DATABASE__URL", "sqlite:other.db".to_owned())];
        let (done, _, said) = run(commands[0], &directory, &other);
        assert!(!done && said.contains(told) && said.contains("other.db"), "{said}");
        assert_eq!(fs::read_to_string(directory.join("other.db")).expect("it is there"), content);
        assert_eq!(fs::read_dir(&directory).expect("a folder").count(), 1);
    }
}
