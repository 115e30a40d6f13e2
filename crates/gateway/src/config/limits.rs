//! `[limits]`: how fast clients may send requests.

use super::reader::{Reader, Unit};
use crate::domain::rate::Rate;

/// How fast clients may send requests.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// One client.
    pub client: Option<Rate>,
    /// All clients of an account together.
    pub account: Option<Rate>,
}

pub(super) fn read(r: &mut Reader) -> Option<Limits> {
    let mut s = r.section("limits");
    let client: Option<u32> = s.number(
        "client_per_second",
        0,
        0..=1_000_000,
        Unit::None,
        "How many requests one client may send each second to the token endpoint, introspection, revocation and SCIM, at each gateway; each operation \
         of a bulk request is one. Beyond it: [429 with Retry-After](#limits-of-rate). 0: as many as it likes.",
    );
    let account: Option<u32> =
        s.number("account_per_second", 0, 0..=1_000_000, Unit::None, "The same of all clients of an account together.");
    let burst: Option<u32> = s.number(
        "burst_seconds",
        10,
        1..=3600,
        Unit::Seconds,
        "After a pause, the requests of so many seconds may come at once.",
    );
    let (client, account, burst) = (client?, account?, burst?);
    if account > 0 && client > account && s.is_set("client_per_second") {
        s.warn("client_per_second", "is more than limits.account_per_second, which comes first");
    }
    Some(Limits { client: Rate::new(client, burst), account: Rate::new(account, burst) })
}
