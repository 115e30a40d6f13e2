//! What an operator may set about a client beyond its registration; kept as one document, so that a new option is a new member.

use serde::{Deserialize, Serialize};

/// Options of one client. An absent member has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {}
