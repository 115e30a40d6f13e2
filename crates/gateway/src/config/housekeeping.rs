//! `[housekeeping]`: how often what is due goes, and how much of it.

use std::time::Duration;

use super::reader::{Reader, Unit};

/// How often what is due goes, and how much of it.
#[derive(Debug, Clone)]
pub struct Housekeeping {
    /// From one sweep to the next.
    pub pause: Duration,
    /// How much of all open grants may end within a day because no client used them.
    pub largest_share_percent: u32,
}

pub(super) fn read(r: &mut Reader) -> Option<Housekeeping> {
    let mut s = r.section("housekeeping");
    let pause =
        s.time("seconds", 30, 1..=3600, Unit::Seconds, "How often what is due goes ([retention](retention.md)).");
    let largest_share_percent = s.number(
        "largest_share_percent",
        10,
        1..=100,
        Unit::Percent,
        "How much of all open grants may end within a day because no client used them (one always may); the rest waits for the next day, \
         or for `gateway housekeeping --confirm`.",
    );
    Some(Housekeeping { pause: pause?, largest_share_percent: largest_share_percent? })
}
