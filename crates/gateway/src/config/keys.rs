//! Master keys as they are written down.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::file;

/// The keys that a file has, the one that seals first; `None` if there is no such file.
pub fn read(path: &Path) -> Result<Option<Vec<[u8; 32]>>, String> {
    if let Err(error) = std::fs::metadata(path)
        && error.kind() == std::io::ErrorKind::NotFound
    {
        return Ok(None);
    }
    let text = file::read(path)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let keys: Result<Vec<_>, String> = lines.map(parse).collect();
    match keys {
        Ok(keys) if keys.is_empty() => Err(format!("`{}` has no key; each line {}", path.display(), wrong())),
        Ok(keys) => Ok(Some(keys)),
        Err(why) => Err(format!("`{}`: each line {why}", path.display())),
    }
}

/// Reads a key in base64.
pub fn parse(text: &str) -> Result<[u8; 32], String> {
    let bytes = STANDARD.decode(text.trim()).map_err(|_| wrong())?;
    bytes.try_into().map_err(|_| wrong())
}

/// What would be right.
pub(crate) fn wrong() -> String {
    "must be 32 bytes in base64, such as `openssl rand -base64 32` prints".to_owned()
}
