//! Static tokens: what is pasted into an identity provider that has a field for a token and no flow to get one. Like a client secret it
//! is shown once, kept as a fingerprint, has a name, expires, and may be ended at any time; like an access token it opens the
//! door of a protected resource (RFC 6750). Behind all of a client's static tokens is the client's own grant, so they end with it.

use crate::grant::TokenStatus;
use crate::scope::Scopes;

/// How often the time of the last use is written, in milliseconds.
const TOUCH: i64 = 3_600_000;

/// One static token, without what is secret about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticToken {
    /// The public identifier.
    pub id: String,
    /// What it opens: what it was made for, less what its client may no longer ask for.
    pub scope: Scopes,
    /// The time of its creation, in milliseconds since the epoch.
    pub created: i64,
    /// The time of expiry, in milliseconds since the epoch.
    pub expires: i64,
    /// When it was last seen, to the hour.
    pub last_used: Option<i64>,
    /// What else decides whether it is valid.
    pub status: TokenStatus,
}

impl StaticToken {
    /// Whether this use of it has to be written down.
    pub(crate) fn use_is_news(&self, now: i64) -> bool {
        self.last_used.is_none_or(|then| now - then > TOUCH)
    }
}
