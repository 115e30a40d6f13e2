//! The head of the chain as it is kept outside the database: in a file of its own, under a keyed hash of its own.
//!
//! The note inside the database can be put back to an older one together with the rows. This file does not go back with them.

use std::fs::File;
use std::io::{Error, ErrorKind, Write};
use std::path::{Path, PathBuf};

use oauth::Keyring;

use super::Link;
use crate::storage::files::beside;

/// What the hash is made for: notes out of the database are none of these.
const PURPOSE: &str = "audit head outside the database";

/// Where the head is kept.
#[derive(Debug, Clone)]
pub struct HeadFile(PathBuf);

impl HeadFile {
    /// At this path.
    pub fn at(path: PathBuf) -> HeadFile {
        HeadFile(path)
    }

    /// Beside a SQLite database.
    pub fn beside(database: &Path) -> HeadFile {
        HeadFile(beside(database, ".audit-head"))
    }

    /// Where.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What is kept; `None` if there is no file.
    pub fn read(&self, keys: &Keyring) -> Result<Option<Link>, String> {
        match std::fs::read_to_string(&self.0) {
            Ok(note) => match Link::noted(keys, PURPOSE, note.trim_end()) {
                Some(head) => Ok(Some(head)),
                None => Err(format!("{} is not as this installation wrote it", self.0.display())),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{}: {error}", self.0.display())),
        }
    }

    /// Keeps this head: written beside, synced, and renamed.
    pub fn write(&self, keys: &Keyring, head: &Link) -> Result<(), Error> {
        let failed = |error: Error| Error::new(error.kind(), format!("{}: {error}", self.0.display()));
        let draft = beside(&self.0, ".new");
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&draft).map_err(failed)?;
        file.write_all(format!("{}\n", head.note(keys, PURPOSE)).as_bytes()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        std::fs::rename(&draft, &self.0).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_outside_is_read_by_its_installation_alone_and_a_note_of_the_database_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let (keys, other) = (Keyring::new(&[1; 32]), Keyring::new(&[2; 32]));
        let kept = HeadFile::beside(&folder.path().join("gateway.db"));
        assert_eq!(kept.read(&keys), Ok(None));
        let head: Link = format!("12:{}", "ab".repeat(32)).parse().unwrap();
        kept.write(&keys, &head).unwrap();
        assert_eq!(kept.read(&keys), Ok(Some(head.clone())));
        assert!(kept.read(&other).is_err());
        std::fs::write(kept.path(), head.note(&keys, "audit_head")).unwrap();
        assert!(kept.read(&keys).unwrap_err().contains("is not as this installation wrote it"));
    }
}
