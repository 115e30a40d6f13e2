//! Events, for the audit trail.

use crate::grant::{EndReason, GrantId};

/// An event, recorded in the unit of work that caused it. It never carries a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A resource owner accepted, or a client used its own credentials for the first time.
    GrantCreated {
        /// The grant.
        grant: GrantId,
        /// The `client_id`.
        client: String,
        /// The accepted scopes.
        scope: String,
    },
    /// A grant ended.
    GrantEnded {
        /// The grant.
        grant: GrantId,
        /// The reason.
        reason: EndReason,
    },
    /// A grant was transferred to another resource owner, because its own was deactivated or deleted.
    GrantRebound {
        /// The grant.
        grant: GrantId,
        /// The owner before.
        from: String,
        /// The owner now.
        to: String,
        /// Why the owner before has it no more.
        reason: EndReason,
    },
    /// A code or refresh token was presented by a client it was not issued to.
    ForeignToken {
        /// The grant of the code or token.
        grant: GrantId,
        /// The client that presented it.
        client: String,
    },
    /// One access token was revoked.
    TokenRevoked {
        /// The grant.
        grant: GrantId,
    },
    /// One static token was revoked by its client.
    StaticTokenRevoked {
        /// The grant.
        grant: GrantId,
        /// The identifier of the token.
        token: String,
    },
    /// A connection was used for the first time, and ended the older ones of its client.
    ConnectionReplaced {
        /// The connection that is in use now.
        grant: GrantId,
        /// Those that ended, the newest first.
        ended: Vec<GrantId>,
    },
    /// A request to the token endpoint was answered once more, because its first answer was never used. The access tokens of the earlier
    /// answers ended.
    AnsweredAgain {
        /// The grant.
        grant: GrantId,
        /// What was presented.
        presented: Presented,
    },
    /// An authorization without PKCE was accepted.
    AcceptedWithoutPkce {
        /// The grant.
        grant: GrantId,
    },
}

/// What a client presents at the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presented {
    /// An authorization code.
    Code,
    /// A refresh token.
    RefreshToken,
}

impl Event {
    /// The grant it is about.
    pub fn grant(&self) -> GrantId {
        match self {
            Event::GrantCreated { grant, .. }
            | Event::GrantEnded { grant, .. }
            | Event::GrantRebound { grant, .. }
            | Event::ForeignToken { grant, .. }
            | Event::TokenRevoked { grant }
            | Event::StaticTokenRevoked { grant, .. }
            | Event::ConnectionReplaced { grant, .. }
            | Event::AnsweredAgain { grant, .. }
            | Event::AcceptedWithoutPkce { grant } => *grant,
        }
    }
}
