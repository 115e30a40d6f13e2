//! A file that comes into being whole, or not at all: it is written under another name, synced, and put in its place. What is in that
//! place is never overwritten.

use std::fs::{self, File};
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

/// A file that is being written. Unless it is [placed](NewFile::place), it is removed again.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    draft: PathBuf,
    /// Open for reading and writing.
    pub file: File,
}

impl NewFile {
    /// Begins a file that its owner alone can read. `AlreadyExists`, in words, if there is one, or if it is being written.
    pub fn begin(path: &Path) -> Result<NewFile, Error> {
        is_free(path)?;
        let draft = NewFile::draft_of(path);
        let mut options = File::options();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&draft).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => told(
                &error,
                &format!(
                    "{} is there: this file is being written at this moment, or an attempt was interrupted. If none runs, remove it",
                    draft.display()
                ),
            ),
            ErrorKind::NotFound => told(&error, &format!("there is no folder for {}", path.display())),
            _ => told(&error, &format!("{}: {error}", draft.display())),
        })?;
        Ok(NewFile { path: path.to_owned(), draft, file })
    }

    /// Under which name a file is written.
    pub fn draft_of(path: &Path) -> PathBuf {
        let mut draft = path.as_os_str().to_owned();
        draft.push(".partial");
        draft.into()
    }

    /// Where it is until it is placed.
    pub fn draft(&self) -> &Path {
        &self.draft
    }

    /// Syncs it and puts it in its place. From here on it survives a power failure.
    pub fn place(self) -> Result<(), Error> {
        let failed = |error: Error| told(&error, &format!("{}: {error}", self.path.display()));
        self.file.sync_all().map_err(failed)?;
        // A link is made only where there is nothing; `rename` would overwrite. Some file systems have no links.
        match fs::hard_link(&self.draft, &self.path) {
            Ok(()) => drop(fs::remove_file(&self.draft)),
            Err(_) => {
                is_free(&self.path)?;
                fs::rename(&self.draft, &self.path).map_err(failed)?;
            }
        }
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.draft);
    }
}

fn is_free(path: &Path) -> Result<(), Error> {
    match path.symlink_metadata() {
        Err(_) => Ok(()),
        Ok(_) => {
            Err(Error::new(ErrorKind::AlreadyExists, format!("{} exists, and is not overwritten", path.display())))
        }
    }
}

fn told(error: &Error, text: &str) -> Error {
    Error::new(error.kind(), text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_is_there_whole_or_not_at_all_and_overwrites_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("copy");
        let mut new = NewFile::begin(&path).unwrap();
        new.file.write_all(b"half").unwrap();
        assert!(!path.exists());
        let second = NewFile::begin(&path).unwrap_err();
        assert!(second.to_string().contains("copy.partial is there"), "{second}");
        drop(new);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "what was given up is gone");

        let mut new = NewFile::begin(&path).unwrap();
        new.file.write_all(b"whole").unwrap();
        new.place().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);

        let refused = NewFile::begin(&path).unwrap_err();
        assert!(refused.to_string().contains("is not overwritten"), "{refused}");
        // One that came meanwhile stays, too.
        let other = folder.path().join("other");
        let mut late = NewFile::begin(&other).unwrap();
        late.file.write_all(b"late").unwrap();
        fs::write(&other, b"first").unwrap();
        assert!(late.place().is_err());
        assert_eq!(fs::read(&other).unwrap(), b"first");
        let nowhere = NewFile::begin(&folder.path().join("no/where")).unwrap_err();
        assert!(nowhere.to_string().contains("there is no folder"), "{nowhere}");
    }
}
