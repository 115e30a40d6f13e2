//! Files that the configuration names. What goes wrong is told with the path, and without a line of the content, which may be a secret.

use std::io::Read;
use std::path::Path;

use toml::de::DeTable;

use super::origin::Origins;

/// The most that a file of text may have.
const MOST: usize = 4 << 20;

/// The text of a file.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let content = bytes(path, MOST)?;
    if content.len() > MOST {
        return Err(format!("`{}` has more than {} MiB", path.display(), MOST >> 20));
    }
    String::from_utf8(content).map_err(|_| format!("cannot read `{}`: it is not text in UTF-8", path.display()))
}

/// The same of one that has to have something in it.
pub(super) fn filled(path: &Path) -> Result<String, String> {
    let text = read(path)?;
    if text.trim().is_empty() { Err(format!("`{}` is empty", path.display())) } else { Ok(text) }
}

/// What is in a file, but for one that is larger than it may be: of that, one byte more.
pub(super) fn bytes(path: &Path, most: usize) -> Result<Vec<u8>, String> {
    let failed = |e| format!("cannot read `{}`: {e}", path.display());
    let mut content = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(most as u64 + 1).read_to_end(&mut content).map_err(failed)?;
    Ok(content)
}

/// The text of a configuration file that is TOML, and where each setting stands in it.
pub(super) fn toml(path: &Path) -> Result<(String, Origins), String> {
    let text = read(path)?;
    let origins = match DeTable::parse(&text) {
        Ok(table) => Origins::of_file(path, &text, table.get_ref()),
        // The error's own text shows the line, which may be that of a token.
        Err(error) => {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            let what = error.message();
            return Err(format!("`{}` is not TOML: line {line}, column {column}: {what}", path.display()));
        }
    };
    Ok((text, origins))
}

/// What any user of the machine can do with it, if that is anything.
#[cfg(unix)]
pub(super) fn open_to_others(path: &Path) -> Option<&'static str> {
    use std::os::unix::fs::PermissionsExt;
    match std::fs::metadata(path).ok()?.permissions().mode() & 0o006 {
        0 => None,
        2 => Some("change"),
        4 => Some("read"),
        _ => Some("read and change"),
    }
}

#[cfg(not(unix))]
pub(super) fn open_to_others(_: &Path) -> Option<&'static str> {
    None
}
