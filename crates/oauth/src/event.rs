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
    /// An authorization without PKCE was accepted, for the client's vendor does not send it.
    AcceptedWithoutPkce {
        /// The grant.
        grant: GrantId,
    },
}

impl Event {
    /// Action, target and detail for an audit trail.
    pub fn describe(&self) -> (&'static str, String, Option<String>) {
        match self {
            Event::GrantCreated { grant, client, scope } => {
                ("grant.created", grant.to_string(), Some(format!("client {client}, scope {scope}")))
            }
            Event::GrantEnded { grant, reason } => ("grant.ended", grant.to_string(), Some(reason.as_str().to_owned())),
            Event::GrantRebound { grant, from, to, reason } => (
                "grant.rebound",
                grant.to_string(),
                Some(format!("from user {from} to user {to}: {}", reason.as_str())),
            ),
            Event::ForeignToken { grant, client } => {
                ("grant.foreign_token", grant.to_string(), Some(format!("presented by client {client}")))
            }
            Event::TokenRevoked { grant } => ("token.revoked", grant.to_string(), None),
            Event::StaticTokenRevoked { token, .. } => ("static_token.revoked", token.clone(), None),
            Event::AcceptedWithoutPkce { grant } => ("grant.without_pkce", grant.to_string(), None),
        }
    }

    /// The grant it is about.
    pub fn grant(&self) -> GrantId {
        match self {
            Event::GrantCreated { grant, .. }
            | Event::GrantEnded { grant, .. }
            | Event::GrantRebound { grant, .. }
            | Event::ForeignToken { grant, .. }
            | Event::TokenRevoked { grant }
            | Event::StaticTokenRevoked { grant, .. }
            | Event::AcceptedWithoutPkce { grant } => *grant,
        }
    }
}
