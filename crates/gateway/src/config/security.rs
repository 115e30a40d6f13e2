//! `[security]`: where the master key comes from.

use std::path::{Path, PathBuf};

use super::keys;
use super::reader::Reader;

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
    let key = s.optional(
        "master_key",
        "",
        "32 bytes in base64, as `openssl rand -base64 32` prints",
        "Seals access tokens, the signing keys and the root that keys the hashes of all other secrets. Every replica needs the same, so it \
         has to be set with PostgreSQL. With SQLite, one is made in data.dir if none is set and the database has no data. A backup of \
         the database is worth nothing without it.",
        |text| keys::parse(&text),
    );
    let list = s.list(
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
        s.warn_if_readable_by_others("master_key_file", path);
    }
    Some(source)
}
