//! Backups of the embedded database: one file, taken while servers write, and looked through before it has its name.
//!
//! The master key is not in it, and is needed for both directions: it proves the audit trail and signs what the backup says of itself.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use oauth::Keyring;

use super::master_key;
use crate::platform::new_file::NewFile;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::storage::audit::chain::{ChainVerdict, HeadFile, Link};
use crate::storage::backup::{Numbers, Reader, behind};
use crate::storage::feed_start;
use crate::storage::files;
use crate::storage::in_use::Unused;
use crate::storage::migrations::{self, MigrationError};
use crate::storage::turn::Turn;
use crate::storage::{DatabaseUrl, DbError, read_on};

mod file;

use file::Trailer;
pub use file::{Manifest, NotABackup};

/// How often is said how far the copy is.
const LOOK: Duration = Duration::from_millis(250);
/// The release that this is.
const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// What is being done; where it takes long, how much of how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Copying the database: bytes, and about how many there will be.
    Copying(u64, u64),
    /// Looking through the copy for damage.
    Checking,
    /// Counting the rows.
    Counting,
    /// Going through the audit trail.
    Auditing,
    /// Reading the copy for its checksum: bytes, of so many.
    Summing(u64, u64),
}

/// Who is told what is being done.
pub type Tell<'t> = &'t (dyn Fn(Step) + Sync);

/// Why no backup was made, or none restored. Nothing is left of an attempt.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database that is to be backed up does not exist.
    #[error("there is no database {}; set database.url or data.dir", .0.display())]
    NoDatabase(PathBuf),
    /// A path that SQLite cannot be told.
    #[error("the path {} is not UTF-8: give another", .0.display())]
    Path(PathBuf),
    /// The key at hand is not the database's.
    #[error(
        "the master key is not the one this database was written under, so the copy could not be checked. Nothing was written"
    )]
    WrongKey,
    /// The copy is not sound.
    #[error("the copy was not kept: {0}")]
    Unsound(String),
    /// The file that is to be restored cannot be read.
    #[error("{path}: {why}", path = .0.display(), why = .1)]
    File(PathBuf, std::io::Error),
    /// The file that is to be restored is no backup, or a damaged one.
    #[error("{path}: {why}. Nothing was restored", path = .0.display(), why = .1)]
    NotABackup(PathBuf, NotABackup),
    /// The key at hand is not the backup's.
    #[error(
        "{}: it was written under another master key than the one that is configured. Nothing was restored. Configure the key of that time \
         (security.master_key, security.master_key_file, or the file master.key in data.dir): no other opens what is in it", .0.display()
    )]
    OtherKey(PathBuf),
    /// What the backup says of itself was changed.
    #[error(
        "{}: its checksum is not signed by this installation's keys, so it was changed after it was made. Nothing was restored", .0.display()
    )]
    Changed(PathBuf),
    /// There is something where the database is to be.
    #[error(
        "{} exists, and is not overwritten. Nothing was restored. Move the database away with all its files (gateway.db, gateway.db-wal, \
         gateway.db-shm), or set database.url or data.dir to another place", .0.display()
    )]
    Occupied(PathBuf),
    /// A process has the database open that is to be there.
    #[error(
        "a gateway has the database {} open, though its file is gone. Nothing was restored. Stop that process first", .0.display()
    )]
    InUse(PathBuf),
    /// A newer release wrote it.
    #[error(
        "{shown}: it was made by release {release}, and its schema is ahead of this one ({this}): {why}. Nothing was restored",
        shown = path.display(), this = RELEASE
    )]
    Ahead {
        /// The backup.
        path: PathBuf,
        /// The release that made it.
        release: String,
        /// The migration that is not known.
        why: MigrationError,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The file system failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// A backup that was made.
#[derive(Debug)]
pub struct Made {
    /// What it says of itself.
    pub manifest: Manifest,
    /// What was found about the audit trail in it, which is that of the database.
    pub trail: ChainVerdict,
}

/// Copies the database into a new file. `kept` is where its servers keep the head of the audit trail.
pub fn make(
    database: &Path,
    target: &Path,
    masters: &[[u8; 32]],
    kept: Option<&HeadFile>,
    now: Timestamp,
    tell: Tell<'_>,
) -> Result<Made, BackupError> {
    if !database.is_file() {
        return Err(BackupError::NoDatabase(database.to_owned()));
    }
    let mut source = Reader::open(database)?;
    let keys = keys_of(&mut source, masters)?.ok_or(BackupError::WrongKey)?;
    let mut new = NewFile::begin(&std::path::absolute(target)?)?;
    let draft = new.draft().to_owned();
    let name = draft.to_str().ok_or_else(|| BackupError::Path(draft.clone()))?;

    // Read before the copy is begun, for it grows with the trail.
    let kept: Option<Link> = kept.and_then(|kept| kept.read(&keys).ok().flatten());
    let before = source.given()?;
    let about = source.size()?;
    let (done, is_done) = mpsc::channel::<()>();
    let copied = std::thread::scope(|scope| {
        let draft = &draft;
        scope.spawn(move || {
            while let Err(mpsc::RecvTimeoutError::Timeout) = is_done.recv_timeout(LOOK) {
                let written = draft.metadata().map_or(0, |found| found.len());
                tell(Step::Copying(written.min(about), about));
            }
        });
        let copied = source.copy_into(name);
        drop(done);
        copied
    });
    copied?;
    drop(source);

    let mut copy = Reader::open(&draft)?;
    tell(Step::Checking);
    if let Some(fault) = copy.faults()?.into_iter().next() {
        return Err(BackupError::Unsound(format!(
            "{fault}. `PRAGMA integrity_check` says whether the database itself is damaged"
        )));
    }
    if let Some(table) = behind(&copy.given()?, &before).first() {
        return Err(BackupError::Unsound(format!(
            "it has less of the table {table} than there was before it was begun"
        )));
    }
    tell(Step::Counting);
    let rows = copy.rows()?;
    tell(Step::Auditing);
    let trail = read_on(copy.conn(), |tx| tx.verify_audit(&keys, now, kept.as_ref()))?;
    let head = read_on(copy.conn(), |tx| tx.audit_head(&keys))?.map(|head| head.to_string());
    drop(copy);
    let summing = |read, of| tell(Step::Summing(read, of));
    let manifest = Manifest::of(&mut new.file, (RELEASE, system::rfc3339(now)), rows, head, &summing)?;
    manifest.append(&mut new.file, &keys)?;
    new.place()?;
    Ok(Made { manifest, trail })
}

/// A database that was restored.
#[derive(Debug)]
pub struct Restored {
    /// What its backup says of itself.
    pub manifest: Manifest,
    /// How many migrations the next start runs.
    pub missing: usize,
    /// The head of the audit trail that was kept outside the database until now, where it is another than that of the backup.
    pub before: Option<Link>,
    /// Why the head of the backup's trail could not be kept there.
    pub not_kept: Option<std::io::Error>,
}

/// Puts the database of a backup where there is none.
pub fn restore(
    backup: &Path,
    database: &Path,
    masters: &[[u8; 32]],
    kept: Option<&HeadFile>,
    tell: Tell<'_>,
) -> Result<Restored, BackupError> {
    let not = |why| match why {
        NotABackup::Io(error) => BackupError::File(backup.to_owned(), error),
        why => BackupError::NotABackup(backup.to_owned(), why),
    };
    let mut from = std::fs::File::open(backup).map_err(|error| BackupError::File(backup.to_owned(), error))?;
    let trailer = Trailer::read(&mut from).map_err(not)?;
    if let Some(folder) = database.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let _turn = Turn::take(&DatabaseUrl::Sqlite(database.to_owned()))?;
    if let Some(found) = files::existing(database) {
        return Err(BackupError::Occupied(found));
    }
    let _unused = Unused::claim(database)?.ok_or_else(|| BackupError::InUse(database.to_owned()))?;

    let mut new = NewFile::begin(&std::path::absolute(database)?)?;
    let bytes = trailer.manifest.bytes;
    copy(&mut from, &mut new.file, bytes, tell)?;
    new.file.sync_all()?;
    // What was written is read, so that damage on the way is found too.
    trailer.check(&mut new.file, &|read, of| tell(Step::Summing(read, of))).map_err(not)?;
    let mut copy = Reader::open(new.draft())?;
    let keys = keys_of(&mut copy, masters)?.ok_or_else(|| BackupError::OtherKey(backup.to_owned()))?;
    if !trailer.is_by(&keys) {
        return Err(BackupError::Changed(backup.to_owned()));
    }
    let manifest = trailer.manifest;
    let missing = migrations::missing(copy.conn()).map_err(|why| BackupError::Ahead {
        path: backup.to_owned(),
        release: manifest.release.clone(),
        why,
    })?;
    tell(Step::Counting);
    let rows = copy.rows()?;
    if rows != manifest.rows {
        return Err(BackupError::Unsound(format!(
            "its rows are not those of the backup: {}",
            differing(&rows, &manifest.rows)
        )));
    }
    let head = read_on(copy.conn(), |tx| tx.audit_head(&keys))?;
    drop(copy);
    feed_start::mark_restored(&mut new.file)?;
    new.place()?;
    let before = kept.and_then(|kept| kept.read(&keys).ok().flatten()).filter(|before| Some(before) != head.as_ref());
    let not_kept = kept.zip(head).and_then(|(kept, head)| kept.write(&keys, &head).err());
    Ok(Restored { manifest, missing, before, not_kept })
}

fn keys_of(reader: &mut Reader, masters: &[[u8; 32]]) -> Result<Option<Keyring>, DbError> {
    read_on(reader.conn(), |tx| master_key::open_existing(tx, masters))
}

fn copy(from: &mut std::fs::File, to: &mut std::fs::File, bytes: u64, tell: Tell<'_>) -> Result<(), std::io::Error> {
    use std::io::{Read, Seek, SeekFrom, Write};
    from.seek(SeekFrom::Start(0))?;
    let (mut from, mut chunk, mut done) = (from.take(bytes), vec![0; 1 << 20], 0);
    loop {
        match from.read(&mut chunk)? {
            0 => return Ok(()),
            n => {
                to.write_all(&chunk[..n])?;
                done += n as u64;
                tell(Step::Copying(done, bytes));
            }
        }
    }
}

fn differing(some: &Numbers, others: &Numbers) -> String {
    let tables = some.keys().chain(others.keys()).filter(|table| some.get(*table) != others.get(*table));
    tables.map(String::as_str).collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
}
