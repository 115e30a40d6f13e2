//! What happened, for whoever keeps the record.

use crate::grant::{EndReason, GrantId};

/// One thing that happened, recorded in the unit of work that did it. Never carries a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Somebody accepted, or a client used its own credentials for the first time.
    GrantCreated {
        /// The grant.
        grant: GrantId,
        /// The client's name.
        client: String,
        /// What was allowed.
        scope: String,
    },
    /// A grant ended.
    GrantEnded {
        /// The grant.
        grant: GrantId,
        /// Why.
        reason: EndReason,
    },
    /// A grant passed to another resource owner, for its own left.
    GrantRebound {
        /// The grant.
        grant: GrantId,
        /// Who left.
        from: String,
        /// Who took over.
        to: String,
        /// How they left.
        reason: EndReason,
    },
    /// A code or refresh token was presented by a client it was not issued to.
    ForeignToken {
        /// Whose grant it belongs to.
        grant: GrantId,
        /// Who presented it.
        client: String,
    },
    /// One access token was revoked.
    TokenRevoked {
        /// Of this grant.
        grant: GrantId,
    },
    /// One static token was revoked by its client.
    StaticTokenRevoked {
        /// Of this grant.
        grant: GrantId,
        /// Its public name.
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
    /// An authorization without PKCE was accepted, for the client's vendor does not send it.
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
