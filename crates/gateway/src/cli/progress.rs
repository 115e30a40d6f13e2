//! How far a command is, on a terminal: one line that is written over. Where standard error is no terminal, nothing.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

/// The line.
#[derive(Debug)]
pub(super) struct Progress {
    /// What stands there; `None` where there is no terminal.
    shown: Option<Mutex<String>>,
}

impl Progress {
    pub(super) fn new() -> Progress {
        Progress { shown: std::io::stderr().is_terminal().then(Mutex::default) }
    }

    /// Shows this in place of what was shown before.
    pub(super) fn show(&self, text: &str) {
        let Some(shown) = &self.shown else { return };
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        if *shown == text {
            return;
        }
        let _ = write!(std::io::stderr(), "\r{text}\x1b[K");
        text.clone_into(&mut shown);
    }

    /// So much of so much.
    pub(super) fn part(&self, what: &str, done: u64, of: u64) {
        self.show(&format!("{what}: {} of {} MiB, {} %", done >> 20, of >> 20, percent(done, of)));
    }

    /// So many rows of so many.
    pub(super) fn rows(&self, what: &str, done: u64, of: u64) {
        if self.shown.is_some() && (done.is_multiple_of(1000) || done == of) {
            match of {
                0 => self.show(&format!("{what}: {done} rows")),
                of => self.show(&format!("{what}: {done} of {of} rows, {} %", percent(done, of))),
            }
        }
    }

    /// Clears the line for what the command has to say.
    pub(super) fn clear(&self) {
        self.show("");
    }
}

fn percent(done: u64, of: u64) -> u64 {
    (u128::from(done) * 100 / u128::from(of.max(1))).min(100) as u64
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_part_is_never_more_than_the_whole() {
        let of = [(0, 0), (0, 10), (5, 10), (10, 10), (11, 10), (u64::MAX, u64::MAX)];
        assert_eq!(of.map(|(done, of)| super::percent(done, of)), [0, 0, 50, 100, 100, 100]);
    }
}
