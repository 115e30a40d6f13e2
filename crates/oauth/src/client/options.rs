//! What an operator may set about a client beyond its registration; kept as one document, so that a new option is a new member.

use serde::{Deserialize, Serialize};

use super::{Authentication, RedirectUri, TokenOptions};

/// Options of one client. An absent member has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// What its tokens are like, and how it has to ask for them.
    pub tokens: TokenOptions,
    /// Where browsers may be sent after logging out (OpenID Connect RP-Initiated Logout 1.0 §3.1); compared byte by byte.
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// How it proves who it is.
    pub authentication: Authentication,
    /// How long a new secret counts, in days; the installation's setting if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_lifetime_days: Option<u32>,
}
