//! What of a request was ignored: attributes and paths that name nothing here. RFC 7644 §3.3 lets a service provider ignore
//! them; the answer says which they were, so that a misspelt name does not go unnoticed.

use std::cell::RefCell;
use std::fmt::Display;

/// How many names are kept.
const MAX_NAMES: usize = 32;
/// How much of a name is kept, in characters.
const SHOWN: usize = 128;

/// The names, each once, in the order of the request.
#[derive(Debug, Default)]
pub(crate) struct Ignored(RefCell<Vec<String>>);

impl Ignored {
    /// Notes a name as it was sent.
    pub(crate) fn note(&self, name: impl Display) {
        let mut names = self.0.borrow_mut();
        if names.len() < MAX_NAMES {
            let name: String = name.to_string().chars().take(SHOWN).collect();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }

    /// All that were noted, up to the limit.
    pub(crate) fn into_names(self) -> Vec<String> {
        self.0.into_inner()
    }
}
