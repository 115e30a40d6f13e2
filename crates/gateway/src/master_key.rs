//! The master key: 32 bytes from which every other key is derived.

use std::io::Write;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::config::MasterKeySource;
use crate::storage::{DbError, Tx};
use crate::system;

/// Reads a key in base64.
pub fn parse(text: &str) -> Result<[u8; 32], String> {
    let bytes = STANDARD.decode(text.trim()).map_err(|_| wrong())?;
    bytes.try_into().map_err(|_| wrong())
}

fn wrong() -> String {
    "must be 32 bytes in base64, such as `openssl rand -base64 32` prints".to_owned()
}

/// The key, made and kept on the first start where the configuration has none.
pub fn load(source: &MasterKeySource) -> Result<[u8; 32], String> {
    match source {
        MasterKeySource::Given(key) => Ok(*key),
        MasterKeySource::MadeIn(path) => match std::fs::read_to_string(path) {
            Ok(text) => parse(&text).map_err(|why| format!("{}: {why}", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                make(path).map_err(|e| format!("cannot make the master key {}: {e}", path.display()))
            }
            Err(error) => Err(format!("cannot read the master key {}: {error}", path.display())),
        },
    }
}

/// Writes a new key beside its place and links it there: of two processes that start together, both get the same one.
fn make(path: &Path) -> std::io::Result<[u8; 32]> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut key = [0; 32];
    system::fill(&mut key);
    let draft = folder.join(format!(".master.key.{}", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(format!("{}\n", STANDARD.encode(key)).as_bytes())?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Ok(()) => {
            std::fs::File::open(folder)?.sync_all()?;
            tracing::info!(path = %path.display(), "made a master key: back it up, the database is worth nothing without it");
            Ok(key)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            parse(&std::fs::read_to_string(path)?).map_err(std::io::Error::other)
        }
        Err(error) => Err(error),
    }
}

/// Whether this is the key the database was written under; on a new database it becomes it.
pub fn matches(tx: &mut Tx<'_>, keys: &oauth::Keyring) -> Result<bool, DbError> {
    use std::fmt::Write;
    let mut ours = String::new();
    for byte in keys.tag("installation", b"master key check") {
        let _ = write!(ours, "{byte:02x}");
    }
    Ok(tx.establish_fact("master_key_check", &ours)? == ours)
}
