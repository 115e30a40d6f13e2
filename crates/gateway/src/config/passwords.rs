//! `[passwords]`: the threads that hash them, and how long links count that set one.

use super::reader::{Reader, Unit};
use crate::domain::password_link::LinkLifetimes;

/// The threads that hash passwords by Argon2id.
#[derive(Debug, Clone)]
pub struct PasswordThreads {
    /// How many.
    pub threads: usize,
    /// How many log-ins may wait for one.
    pub queue: usize,
}

pub(super) fn read(r: &mut Reader) -> Option<(PasswordThreads, LinkLifetimes)> {
    let mut s = r.section("passwords");
    let about = "Threads that hash passwords by Argon2id, with 19 MiB each.";
    let threads = s.number("threads", 1, 1..=256, Unit::None, about);
    let queue = s.number("queue", 64, 1..=100_000, Unit::None, "How many log-ins may wait for such a thread.");
    let about = "How long a link counts with which an invited user sets the first [password](sign-in.md#links).";
    let invitation: Option<i64> = s.number("invitation_days", 7, 1..=60, Unit::Days, about);
    let about = "How long a link counts with which a user sets a new password in place of one that was forgotten.";
    let recovery: Option<i64> = s.number("recovery_minutes", 60, 5..=1440, Unit::Minutes, about);
    let links = LinkLifetimes { invitation: invitation? * 24 * 3_600_000, recovery: recovery? * 60_000 };
    Some((PasswordThreads { threads: threads?, queue: queue? }, links))
}
