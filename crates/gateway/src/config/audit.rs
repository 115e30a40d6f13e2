//! `[audit]`: how long the audit trail is kept, and where its head.

use std::path::PathBuf;

use super::reader::{Reader, Unit};
use crate::storage::DatabaseUrl;
use crate::storage::audit::chain::HeadFile;

/// The audit trail.
#[derive(Debug, Clone)]
pub struct Audit {
    /// How long rows are kept; `None`: for ever.
    pub retention_days: Option<u32>,
    head_file: Option<PathBuf>,
}

impl Audit {
    /// Where the head of the chain is kept outside the database: where the operator says, or beside a SQLite database.
    pub fn head_file(&self, database: &DatabaseUrl) -> Option<HeadFile> {
        match (&self.head_file, database) {
            (Some(path), _) => Some(HeadFile::at(path.clone())),
            (None, DatabaseUrl::Sqlite(path)) => Some(HeadFile::beside(path)),
            (None, DatabaseUrl::Postgres(_)) => None,
        }
    }
}

pub(super) fn read(r: &mut Reader) -> Option<Audit> {
    let mut s = r.section("audit");
    let head_file = s.optional(
        "head_file",
        "/var/lib/gateway-witness/audit-head",
        "path",
        "Where the newest sealed position of the audit trail is kept outside the database, so that a trail that was cut off is found \
         ([how](decisions/0062-how-is-a-trail-that-was-cut-off-found.md)). Without it: beside SQLite's file, as `gateway.db.audit-head`; with \
         PostgreSQL nowhere. Best on a disk that those who can write the database cannot; each process has a file of its own.",
        |text| match text.is_empty() {
            true => Err("names no file".to_owned()),
            false => Ok(PathBuf::from(text)),
        },
    );
    let retention_days: Option<u32> = s.number(
        "retention_days",
        0,
        0..=36_500,
        Unit::Days,
        "Rows of the audit trail that are older go, in whole segments of its chain ([retention](retention.md)); 0: they are kept for ever.",
    );
    Some(Audit { retention_days: Some(retention_days?).filter(|days| *days > 0), head_file })
}
