//! What the stories ask of the environment: `TEST_DATABASE_URL`, `PG_BIN`, `PATH`, `CI`.

/// A variable that is set and not empty.
#[expect(clippy::disallowed_methods, reason = "the one place where the stories read the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether what is missing is a failure.
pub fn in_ci() -> bool {
    variable("CI").is_some_and(|value| value != "false" && value != "0")
}
