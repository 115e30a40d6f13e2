//! Files that the configuration names. What goes wrong is told without a line of their content, which may be a secret.

use std::io::Read;
use std::path::Path;

/// The text of a file.
pub(super) fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|e| format!("cannot read `{}`: {e}", path.display()))
}

/// What is in a file, but for one that is larger than it may be: of that, one byte more.
pub(super) fn bytes(path: &Path, most: usize) -> Result<Vec<u8>, String> {
    let failed = |e| format!("cannot read `{}`: {e}", path.display());
    let mut content = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(most as u64 + 1).read_to_end(&mut content).map_err(failed)?;
    Ok(content)
}

/// The text of a configuration file that is TOML.
pub(super) fn toml(path: &Path) -> Result<String, String> {
    let text = read(path)?;
    match text.parse::<::toml::Table>() {
        Ok(_) => Ok(text),
        // The error's own text shows the line, which may be that of a token.
        Err(error) => {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            Err(format!("`{}` is not TOML: line {line}, column {column}: {}", path.display(), error.message()))
        }
    }
}

/// Whether any user of the machine can read it.
#[cfg(unix)]
pub(super) fn is_readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
pub(super) fn is_readable_by_others(_: &Path) -> bool {
    false
}
