//! The protected resources that accept this server's access tokens (RFC 6749 §1.1).

use std::sync::Arc;

/// A protected resource that accepts access tokens of this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtectedResource {
    /// Its resource indicator (RFC 8707 §2), which is the audience of its tokens; without a slash at the end.
    pub uri: Arc<str>,
    /// The scopes of which a token needs one here. A token without any is asked for the first.
    pub scopes: &'static [&'static str],
}
