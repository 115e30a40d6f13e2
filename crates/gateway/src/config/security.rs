//! `[security]`: where the master key comes from.

use std::path::{Path, PathBuf};

use super::keys;
use super::reader::Reader;
use crate::storage::DatabaseUrl;

/// Where the master key comes from.
#[derive(Debug, Clone)]
pub enum MasterKeySource {
    /// From the configuration: the first seals, all open.
    Given(Vec<[u8; 32]>),
    /// From this file, which the operator named and keeps; one on each line.
    File(PathBuf),
    /// From this file in the data directory, one on each line; made there on the first start.
    KeyFile(PathBuf),
}

pub(super) fn read(r: &mut Reader, data_dir: &Path) -> Option<MasterKeySource> {
    let mut s = r.section("security");
    let key = s.secret().optional(
        "master_key",
        "",
        "32 bytes in base64, as `openssl rand -base64 32` prints",
        "Seals access tokens, the signing keys and the root that keys the hashes of all other secrets. Every replica needs the same, so it \
         has to be set with PostgreSQL. With SQLite, one is made in data.dir if none is set and the database has no data. A backup of \
         the database is worth nothing without it.",
        |text| keys::parse(&text),
    );
    let list = s.secret().list(
        "master_keys",
        &[],
        "a list of such keys",
        "In place of master_key while a key is [replaced](keys.md): the first seals, all open.",
        |text| keys::parse(&text),
    );
    let file = s.optional(
        "master_key_file",
        "/run/secrets/gateway-master-key",
        "path",
        "In place of both: a file with one key on each line. It has to exist.",
        |text| Ok(PathBuf::from(text)),
    );
    let list = Some(list?).filter(|keys| !keys.is_empty());
    let source = match (key, list, file) {
        (Some(key), None, None) => MasterKeySource::Given(vec![key]),
        (None, Some(keys), None) => MasterKeySource::Given(keys),
        (None, None, Some(path)) => MasterKeySource::File(path),
        (None, None, None) => MasterKeySource::KeyFile(data_dir.join("master.key")),
        _ => {
            r.mistake("security.master_key, security.master_keys and security.master_key_file: set one of them");
            return None;
        }
    };
    if let MasterKeySource::File(path) | MasterKeySource::KeyFile(path) = &source {
        s.warn_if_open_to_others("master_key_file", path);
    }
    match &source {
        MasterKeySource::Given(_) => {}
        MasterKeySource::File(path) => match keys::read(path) {
            Ok(Some(_)) => {}
            Ok(None) => s.at_start("master_key_file", no_such_file(path)),
            Err(why) => s.at_start("master_key_file", why),
        },
        MasterKeySource::KeyFile(path) => {
            if let Err(why) = keys::read(path) {
                r.section("data").at_start("dir", why);
            }
        }
    }
    Some(source)
}

/// With PostgreSQL no key is made.
pub(super) fn agree(r: &mut Reader, source: &MasterKeySource, database: &DatabaseUrl) {
    if let (MasterKeySource::KeyFile(path), DatabaseUrl::Postgres(_)) = (source, database) {
        r.at_start(is_missing(path));
    }
}

/// The operator named a file that is not there.
pub(crate) fn no_such_file(path: &Path) -> String {
    format!(
        "there is no file {}. It is never made: put the key there that the database was written under, or, for a new database, the one \
         that `openssl rand -base64 32` prints",
        path.display()
    )
}

/// Replicas cannot each make a key of their own.
pub(crate) fn is_missing(path: &Path) -> String {
    format!(
        "security.master_key is missing: with PostgreSQL every replica needs the same one, and none is made. Set security.master_key or \
         security.master_key_file; if this machine made {} before, set the latter to it",
        path.display()
    )
}
