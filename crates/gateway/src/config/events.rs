//! `[events]`: the feed of every change.

use super::reader::{Reader, Unit};

/// The feed.
#[derive(Debug, Clone, Copy)]
pub struct Events {
    /// Whether what happens is written into it.
    pub enabled: bool,
    /// For how long.
    pub keep_days: u32,
}

pub(super) fn read(r: &mut Reader) -> Option<Events> {
    let mut s = r.section("events");
    let enabled = s.flag(
        "enabled",
        true,
        "Write what happens into the feed of every change ([events](events.md)). Where it was off for a while, readers are told to take a \
         snapshot.",
    );
    let keep_days = s.number(
        "keep_days",
        30,
        1..=3650,
        Unit::Days,
        "Events that are older go ([retention](retention.md)); who has not read them by then is told to take a snapshot.",
    );
    Some(Events { enabled: enabled?, keep_days: keep_days? })
}
