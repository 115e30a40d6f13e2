//! Pages and files of the repository that are written from definitions: a test compares them, and writes them if it is asked to.

use std::path::Path;

/// Compares a file with what it has to say, or writes it if the variable `REWRITE` is set.
#[track_caller]
pub(crate) fn says(name: &str, right: impl FnOnce(&str) -> String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
    let right = right(&text);
    #[expect(clippy::disallowed_methods, reason = "a wish of the developer who runs the test")]
    if std::env::var_os("REWRITE").is_some() {
        std::fs::write(&path, &right).expect("writable");
        return;
    }
    let differs = text.lines().zip(right.lines()).find(|(is, right)| is != right);
    assert!(
        text == right,
        "{name} is not what the declarations say; run this test with REWRITE=1. First: {differs:#?}"
    );
}
