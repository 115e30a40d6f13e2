//! The files of a SQLite database, and whether they are still the ones that were opened.
//!
//! A process goes on writing into a file that was removed or replaced, and all of it is lost when the process ends. So what is at each
//! name is compared with what was there at first.

use std::path::{Path, PathBuf};

use super::error::DbError;

/// The file itself; its write-ahead log; the index of the log.
const SUFFIXES: [&str; 3] = ["", "-wal", "-shm"];
/// Also the journal of a database that is not in WAL mode.
const ALL: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// The path of a file beside a database: its own, and a suffix.
pub fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// The first file of a database that is there. A log alone counts: SQLite would play it into a database that is put beside it.
pub fn existing(database: &Path) -> Option<PathBuf> {
    ALL.iter().map(|suffix| beside(database, suffix)).find(|path| path.symlink_metadata().is_ok())
}

/// Which file is at a name: device and inode.
type Identity = (u64, u64);

/// The files as they were at first.
#[derive(Debug)]
pub(super) struct Files {
    path: PathBuf,
    known: [Option<Identity>; 3],
}

impl Files {
    /// Of this database; each is known from the first [`check`](Files::check) on that finds it.
    pub(super) fn of(path: PathBuf) -> Files {
        Files { path, known: [None; 3] }
    }

    fn at(&self, suffix: &str) -> PathBuf {
        beside(&self.path, suffix)
    }

    /// Whether all that were known are where they were.
    pub(super) fn check(&mut self) -> Result<(), DbError> {
        for (n, suffix) in SUFFIXES.iter().enumerate() {
            let path = self.at(suffix);
            match (self.known[n], identity(&path)) {
                (None, found) => self.known[n] = found,
                (Some(known), Some(found)) if known == found => {}
                (Some(_), found) => {
                    let what = if found.is_some() { "is another file" } else { "is gone" };
                    return Err(DbError::Displaced(format!("{} {what}", path.display())));
                }
            }
        }
        Ok(())
    }

    /// Whether the database file is where it was, and nothing is where its log was.
    pub(super) fn only_the_log_is_gone(&self) -> bool {
        self.known[0].is_some() && identity(&self.path) == self.known[0] && identity(&self.at("-wal")).is_none()
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<Identity> {
    std::fs::metadata(path).ok().map(|_| (0, 0))
}
