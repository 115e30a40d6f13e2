//! Who acts.

/// Who is at work, for the audit trail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Actor {
    /// `operator:…`, `client:…`, `user:…`, each by id; empty for the server itself.
    pub name: String,
    /// The network address the request came from.
    pub address: Option<String>,
}
