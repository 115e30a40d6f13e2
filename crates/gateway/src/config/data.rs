//! `[data]`: the directory of this process.

use std::path::PathBuf;

use super::reader::Reader;

pub(super) fn read(r: &mut Reader) -> Option<PathBuf> {
    let about = "Where SQLite's file and a generated master key lie.";
    r.section("data").text("dir", "data", "path", about, |text| match text.is_empty() {
        true => Err("names no directory".to_owned()),
        false => Ok(PathBuf::from(text)),
    })
}
