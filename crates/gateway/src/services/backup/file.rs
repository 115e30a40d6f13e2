//! The form of a backup: the bytes of a SQLite database, and after them what [`Manifest`] says and a tag over it.
//!
//! ```text
//! … database …\n
//! {"gateway_backup":1, …}\n
//! tag\n
//! ```
//!
//! All of it is one file, so that no part of it is forgotten when it is moved. SQLite passes over what stands behind its last page, so any tool
//! reads the file as a database. The checksum finds damage; the tag, which only the installation's keys make, a change.

use std::fs::File;
use std::io::{Error, Read, Seek, SeekFrom, Write};

use oauth::Keyring;
use ring::digest;
use serde::{Deserialize, Serialize};

use crate::storage::backup::Numbers;

/// The form that is written here.
const FORM: u32 = 1;
/// With what a manifest begins.
const BEGINS: &[u8] = b"\n{\"gateway_backup\":";
/// No manifest is longer.
const LONGEST: u64 = 64 * 1024;
/// What the tag is made for.
const TAG: &str = "backup";
/// How many bytes are read at once.
const CHUNK: usize = 1 << 20;

/// What is known of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Which form it has.
    gateway_backup: u32,
    /// The release that made it.
    pub release: String,
    /// The time whose state it has, in RFC 3339.
    pub taken: String,
    /// How many bytes the database has,
    pub bytes: u64,
    /// and their SHA-256 in hexadecimal.
    pub sha256: String,
    /// How many rows each table has.
    pub rows: Numbers,
    /// The head of the audit trail, if its note was there.
    pub audit_head: Option<String>,
}

/// Why a file is not taken for a backup.
#[derive(Debug, thiserror::Error)]
pub enum NotABackup {
    /// It has no manifest.
    #[error("it is not a whole backup of `gateway backup`: what stands at the end of one is not there")]
    NoManifest,
    /// A release to come made it.
    #[error("a newer release made it (form {0}; this one reads form {FORM}): restore it with that release")]
    Newer(u32),
    /// The manifest is not of this length, or the checksum not that of the database.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// The file system failed.
    #[error(transparent)]
    Io(#[from] Error),
}

impl Manifest {
    /// Of a database that was written into a file: reads it for its checksum, and says how far it is.
    pub(super) fn of(
        file: &mut File,
        (release, taken): (&str, String),
        rows: Numbers,
        audit_head: Option<String>,
        tell: &dyn Fn(u64, u64),
    ) -> Result<Manifest, Error> {
        let bytes = file.seek(SeekFrom::End(0))?;
        let sha256 = checksum(file, bytes, tell)?;
        let release = release.to_owned();
        Ok(Manifest { gateway_backup: FORM, release, taken, bytes, sha256, rows, audit_head })
    }

    /// Writes it behind the database.
    pub(super) fn append(&self, file: &mut File, keys: &Keyring) -> Result<(), Error> {
        let text = serde_json::to_string(self)?;
        file.seek(SeekFrom::End(0))?;
        file.write_all(format!("\n{text}\n{}\n", hex(&keys.tag(TAG, text.as_bytes()))).as_bytes())
    }
}

/// What stands at the end of a backup, as it was read.
#[derive(Debug)]
pub(super) struct Trailer {
    /// What it says.
    pub(super) manifest: Manifest,
    text: String,
    tag: String,
}

impl Trailer {
    /// Reads it, and nothing else of the file.
    pub(super) fn read(file: &mut File) -> Result<Trailer, NotABackup> {
        let length = file.seek(SeekFrom::End(0))?;
        let from = length.saturating_sub(LONGEST);
        file.seek(SeekFrom::Start(from))?;
        let mut end = Vec::new();
        file.take(LONGEST).read_to_end(&mut end)?;
        let begins = end.windows(BEGINS.len()).rposition(|window| window == BEGINS).ok_or(NotABackup::NoManifest)?;
        let text = std::str::from_utf8(&end[begins + 1..]).map_err(|_| NotABackup::NoManifest)?;
        let (text, tag) =
            text.strip_suffix('\n').and_then(|text| text.rsplit_once('\n')).ok_or(NotABackup::NoManifest)?;
        let form: Form = serde_json::from_str(text).map_err(|_| NotABackup::NoManifest)?;
        if form.gateway_backup > FORM {
            return Err(NotABackup::Newer(form.gateway_backup));
        }
        let damaged = |what: String| NotABackup::Damaged(what);
        let manifest: Manifest = serde_json::from_str(text).map_err(|e| damaged(format!("its end: {e}")))?;
        let before = from + begins as u64;
        if manifest.bytes != before {
            return Err(damaged(format!("its database had {} bytes, and {before} are there", manifest.bytes)));
        }
        Ok(Trailer { manifest, text: text.to_owned(), tag: tag.to_owned() })
    }

    /// Whether the database in this file has the checksum; says how far it is.
    pub(super) fn check(&self, file: &mut File, tell: &dyn Fn(u64, u64)) -> Result<(), NotABackup> {
        let (is, was) = (checksum(file, self.manifest.bytes, tell)?, &self.manifest.sha256);
        if is == *was {
            return Ok(());
        }
        Err(NotABackup::Damaged(format!("the SHA-256 of its database is {is}, and was {was} when it was made")))
    }

    /// Whether an installation with these keys wrote it as it is.
    pub(super) fn is_by(&self, keys: &Keyring) -> bool {
        hex(&keys.tag(TAG, self.text.as_bytes())) == self.tag
    }
}

/// What every form begins with.
#[derive(Deserialize)]
struct Form {
    gateway_backup: u32,
}

/// The SHA-256 of the first bytes of a file.
fn checksum(file: &mut File, bytes: u64, tell: &dyn Fn(u64, u64)) -> Result<String, Error> {
    file.seek(SeekFrom::Start(0))?;
    let (mut context, mut chunk, mut read) = (digest::Context::new(&digest::SHA256), vec![0; CHUNK], 0);
    let mut file = file.take(bytes);
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hex(context.finish().as_ref())),
            n => {
                context.update(&chunk[..n]);
                read += n as u64;
                tell(read, bytes);
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backup(keys: &Keyring) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[7; 100_000]).unwrap();
        let rows = Numbers::from([("accounts".to_owned(), 3)]);
        let about = ("0.1.0", "2026-11-27T18:00:00.000Z".to_owned());
        let made = Manifest::of(&mut file, about, rows, None, &|_, _| ()).unwrap();
        made.append(&mut file, keys).unwrap();
        file
    }

    fn refused(file: &mut File) -> String {
        let outcome = Trailer::read(file).and_then(|trailer| trailer.check(file, &|_, _| ()));
        outcome.expect_err("it is not what was written").to_string()
    }

    #[test]
    fn a_backup_is_read_as_it_was_written_and_by_its_own_installation() {
        let (keys, other) = (Keyring::new(&[1; 32]), Keyring::new(&[2; 32]));
        let mut file = backup(&keys);
        let trailer = Trailer::read(&mut file).unwrap();
        assert_eq!((trailer.manifest.bytes, trailer.manifest.rows["accounts"]), (100_000, 3));
        trailer.check(&mut file, &|_, _| ()).unwrap();
        assert!(trailer.is_by(&keys) && !trailer.is_by(&other));
    }

    #[test]
    fn what_is_cut_off_or_changed_is_told() {
        let keys = Keyring::new(&[1; 32]);
        let mut file = backup(&keys);
        let length = file.metadata().unwrap().len();
        for at in [0, 50_000, 99_999] {
            let mut file = backup(&keys);
            file.seek(SeekFrom::Start(at)).unwrap();
            file.write_all(b"!").unwrap();
            assert!(refused(&mut file).contains("SHA-256"), "a byte at {at}");
        }
        for left in [0, 10, 100_000, length - 10, length - 1] {
            let mut file = backup(&keys);
            file.set_len(left).unwrap();
            let told = refused(&mut file);
            assert!(told.contains("not a whole backup"), "{left}: {told}");
        }
        // A piece out of the middle, with both ends as they were.
        let mut whole = Vec::new();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.read_to_end(&mut whole).unwrap();
        whole.drain(4096..8192);
        let mut shorter = tempfile::tempfile().unwrap();
        shorter.write_all(&whole).unwrap();
        assert!(refused(&mut shorter).contains("95904 are there"), "{}", refused(&mut shorter));

        let newer = String::from_utf8_lossy(&whole[95_904..]).replace("\"gateway_backup\":1", "\"gateway_backup\":9");
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(newer.as_bytes()).unwrap();
        assert!(refused(&mut file).contains("a newer release"));
    }

    #[test]
    fn a_manifest_that_was_edited_is_not_by_this_installation() {
        let keys = Keyring::new(&[1; 32]);
        let mut file = backup(&keys);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.read_to_end(&mut bytes).unwrap();
        let at = bytes.windows(4).rposition(|window| window == b"2026").unwrap();
        bytes[at..at + 4].copy_from_slice(b"2027");
        let mut edited = tempfile::tempfile().unwrap();
        edited.write_all(&bytes).unwrap();
        let trailer = Trailer::read(&mut edited).unwrap();
        trailer.check(&mut edited, &|_, _| ()).unwrap();
        assert!(!trailer.is_by(&keys));
    }
}
