//! `[audit]`: how long the audit trail is kept.

use super::reader::{Reader, Unit};

/// The audit trail.
#[derive(Debug, Clone)]
pub struct Audit {
    /// How long rows are kept; `None`: for ever.
    pub retention_days: Option<u32>,
}

pub(super) fn read(r: &mut Reader) -> Option<Audit> {
    let retention_days: Option<u32> = r.section("audit").number(
        "retention_days",
        0,
        0..=36_500,
        Unit::Days,
        "Rows of the audit trail that are older go, in whole segments of its chain ([retention](retention.md)); 0: they are kept for ever.",
    );
    Some(Audit { retention_days: Some(retention_days?).filter(|days| *days > 0) })
}
