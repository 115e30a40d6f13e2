//! `[passwords]`: the threads that hash them.

use super::reader::{Reader, Unit};

/// The threads that hash passwords by Argon2id.
#[derive(Debug, Clone)]
pub struct PasswordThreads {
    /// How many.
    pub threads: usize,
    /// How many log-ins may wait for one.
    pub queue: usize,
}

pub(super) fn read(r: &mut Reader) -> Option<PasswordThreads> {
    let mut s = r.section("passwords");
    let about = "Threads that hash passwords by Argon2id, with 19 MiB each.";
    let threads = s.number("threads", 1, 1..=256, Unit::None, about);
    let queue = s.number("queue", 64, 1..=100_000, Unit::None, "How many log-ins may wait for such a thread.");
    Some(PasswordThreads { threads: threads?, queue: queue? })
}
