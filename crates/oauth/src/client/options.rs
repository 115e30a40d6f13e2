//! What an operator may set about a client beyond its registration; kept as one document, so that a new option is a new member.

use serde::{Deserialize, Serialize};

use super::TokenOptions;

/// Options of one client. An absent member has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// What its tokens are like, and how it has to ask for them.
    pub tokens: TokenOptions,
}
