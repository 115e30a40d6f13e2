//! Attributes and paths of a request that were ignored because no schema has them (RFC 7644 §3.3). The answer names
//! them, so that a misspelt name is noticed.

use std::cell::RefCell;
use std::fmt::Display;

/// The most names recorded in one request.
const MAX_NAMES: usize = 32;
/// The most characters recorded of each name.
const SHOWN: usize = 128;

/// The recorded names, each once, in the order of the request.
#[derive(Debug, Default)]
pub(crate) struct Ignored(RefCell<Vec<String>>);

impl Ignored {
    /// Records a name, as it was sent.
    pub(crate) fn note(&self, name: impl Display) {
        let mut names = self.0.borrow_mut();
        if names.len() < MAX_NAMES {
            let name: String = name.to_string().chars().take(SHOWN).collect();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }

    /// All recorded names.
    pub(crate) fn into_names(self) -> Vec<String> {
        self.0.into_inner()
    }
}
