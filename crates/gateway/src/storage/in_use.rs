//! Which processes have a SQLite database open: each holds a shared lock on a file beside it for as long as it does. So a database is not
//! put under the feet of a server whose files were removed while it runs.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::error::DbError;
use super::files::beside;

/// Says that this process has the database open, until it is dropped.
#[derive(Debug)]
pub struct InUse {
    _held: File,
}

/// Says that no process has it open, and lets none open it, until it is dropped.
#[derive(Debug)]
pub struct Unused {
    _held: File,
}

impl InUse {
    /// Waits while a database is being restored there.
    pub(super) fn share(database: &Path) -> Result<InUse, DbError> {
        let (file, failed) = open(database)?;
        file.lock_shared().map_err(failed)?;
        Ok(InUse { _held: file })
    }
}

impl Unused {
    /// `None` if a process has it open.
    pub fn claim(database: &Path) -> Result<Option<Unused>, DbError> {
        let (file, failed) = open(database)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Unused { _held: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

fn open(database: &Path) -> Result<(File, impl Fn(std::io::Error) -> DbError), DbError> {
    let path = beside(database, ".open");
    let shown = path.display().to_string();
    let failed = move |error: std::io::Error| DbError::Files(format!("{shown}: {error}"));
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path).map_err(&failed)?;
    Ok((file, failed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_claimed_only_while_no_process_has_it_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.db");
        let (one, other) = (InUse::share(&path).unwrap(), InUse::share(&path).unwrap());
        assert!(Unused::claim(&path).unwrap().is_none());
        drop(one);
        assert!(Unused::claim(&path).unwrap().is_none(), "the other still has it");
        drop(other);
        let claimed = Unused::claim(&path).unwrap();
        assert!(claimed.is_some() && Unused::claim(&path).unwrap().is_none(), "one at a time");
    }
}
