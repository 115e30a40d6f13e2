//! What the process says at its start about settings that are not what the operator meant.

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
