//! What the stories ask of the environment: `TEST_DATABASE_URL`, `PG_BIN`, `PATH`, `CI`.

use std::path::Path;

/// A variable that is set and not empty.
#[expect(clippy::disallowed_methods, reason = "the one place where the stories read the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether what is missing is a failure.
pub fn in_ci() -> bool {
    variable("CI").is_some_and(|value| value != "false" && value != "0")
}

/// Where a program is; `None` where it is not installed, which is a failure in CI.
pub fn program(name: &str) -> Option<String> {
    let path = variable("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/sbin", "/usr/local/sbin"]);
    let found = folders.map(|folder| format!("{folder}/{name}")).find(|file| Path::new(file).is_file());
    if found.is_none() {
        assert!(!in_ci(), "CI is set, so {name} has to be there");
        println!("skipped: {name} is not installed");
    }
    found
}
