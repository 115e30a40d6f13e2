//! `[requests]`: what the request log keeps, and for how long.

use super::reader::{Reader, Unit};

/// The request log.
#[derive(Debug, Clone, Copy)]
pub struct Requests {
    /// Whether requests are recorded.
    pub enabled: bool,
    /// For how long.
    pub keep_days: u32,
    /// How many of each account.
    pub keep_rows: u32,
    /// How many wait in memory at most.
    pub waiting: usize,
}

pub(super) fn read(r: &mut Reader) -> Option<Requests> {
    let mut s = r.section("requests");
    let enabled = s.flag(
        "enabled",
        true,
        "Record what came of each request of an identity provider, client or browser ([why did it fail?](why-did-it-fail.md)).",
    );
    let keep_days = s.number(
        "keep_days",
        30,
        1..=3650,
        Unit::Days,
        "Recorded requests that are older go ([retention](retention.md)).",
    );
    let keep_rows = s.number(
        "keep_rows",
        100_000,
        1000..=10_000_000,
        Unit::None,
        "So many of an account's recorded requests stay, the latest; and so many that belong to no account.",
    );
    let waiting = s.number(
        "waiting",
        4000,
        16..=1_000_000,
        Unit::None,
        "So many wait in memory at most, about 1 KiB each, and are written once a second. Where more come, successful ones are left out first, and no account takes more than a quarter.",
    );
    let (enabled, keep_days, keep_rows) = (enabled?, keep_days?, keep_rows?);
    Some(Requests { enabled, keep_days, keep_rows, waiting: waiting? })
}
