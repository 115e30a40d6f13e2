//! Grants: the scopes that a resource owner, or the client itself, accepted for a client.

use serde_json::{Map, Value, json};

use crate::authentication::Authentication;
use crate::client_id::ClientId;
use crate::codes::RefusalCode;
use crate::scope::{OPENID, Scopes};

/// The identifier of a grant: its number. Beside it, and no part of what tells two grants apart, is where the store keeps the grant.
#[derive(Debug, Clone, Copy)]
pub struct GrantId {
    /// The number.
    pub number: i64,
    /// The part of the store in which the grant lies; `None` where that is not known: tokens of versions before this was recorded do not say it.
    pub part: Option<i64>,
}

impl GrantId {
    /// The grant with this number, wherever it lies.
    pub const fn new(number: i64) -> GrantId {
        GrantId { number, part: None }
    }

    /// The grant with this number, in this part of the store.
    pub const fn within(part: i64, number: i64) -> GrantId {
        GrantId { number, part: Some(part) }
    }
}

impl PartialEq for GrantId {
    fn eq(&self, other: &GrantId) -> bool {
        self.number == other.number
    }
}

impl Eq for GrantId {}

impl std::hash::Hash for GrantId {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

impl PartialOrd for GrantId {
    fn partial_cmp(&self, other: &GrantId) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for GrantId {
    fn cmp(&self, other: &GrantId) -> std::cmp::Ordering {
        self.number.cmp(&other.number)
    }
}

impl std::fmt::Display for GrantId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.number)
    }
}

/// The resource owner who accepted: opaque here, the `sub` of ID tokens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject(String);

impl Subject {
    /// The resource owner's identifier.
    pub fn new(id: impl Into<String>) -> Subject {
        Subject(id.into())
    }

    /// The value of `sub`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A grant: the authorization behind tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The identifier.
    pub id: GrantId,
    /// The client that was authorized.
    pub client: ClientId,
    /// The resource owner who accepted, or to whom the grant was transferred; `None` for client credentials.
    pub subject: Option<Subject>,
    /// The scopes that were accepted.
    pub scope: Scopes,
    /// The OpenID Connect `nonce` of the request.
    pub nonce: Option<String>,
    /// The time at which the resource owner last authenticated, in milliseconds since the epoch.
    pub auth_time: Option<i64>,
    /// How the resource owner authenticated then.
    pub authentication: Authentication,
    /// The time of its creation, in milliseconds since the epoch.
    pub created: i64,
    /// Whether it is valid.
    pub state: GrantState,
    /// The tokens that the client is known to have received; `None` before the first use of a token.
    pub delivered: Option<Delivery>,
}

/// Whether a grant is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantState {
    /// It is valid.
    Open,
    /// It is valid, and has another resource owner than the one who accepted.
    Transferred {
        /// Since when, in milliseconds since the epoch.
        at: i64,
    },
    /// It ended, and stays so.
    Ended {
        /// Since when, in milliseconds since the epoch.
        at: i64,
        /// Why; `None` if that was recorded by another version.
        reason: Option<EndReason>,
    },
}

/// What decides whether an access token is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenStatus {
    /// The grant it is sealed around.
    pub grant: Grant,
    /// The client was switched off.
    pub client_disabled: bool,
    /// What the grant opens is suspended: no token of it counts meanwhile.
    pub account_suspended: bool,
    /// The resource owner exists and is active; `true` where there is none.
    pub owner_active: bool,
    /// This very token was revoked.
    pub token_revoked: bool,
    /// The response in which the token was issued was given again, which revoked its tokens.
    pub answer_superseded: bool,
}

/// The latest generation of a grant's tokens of which one was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// The generation; 0 came with the code.
    pub generation: i32,
    /// When the first of them was used, in milliseconds since the epoch.
    pub at: i64,
}

impl Grant {
    /// Whether it ended.
    pub fn is_ended(&self) -> bool {
        matches!(self.state, GrantState::Ended { .. })
    }

    /// Whether the client is known to have received the tokens of this generation.
    pub fn has_delivered(&self, generation: i32) -> bool {
        self.delivered.is_some_and(|delivered| delivered.generation >= generation)
    }

    /// The scopes of a token of this grant, of those that were accepted. After a transfer to another resource owner, `openid` is left out:
    /// one user accepted to be identified, and another is the owner now.
    pub fn opens(&self, accepted: &Scopes) -> Scopes {
        match self.state {
            GrantState::Transferred { .. } => accepted.only(|scope| scope != OPENID),
            GrantState::Open | GrantState::Ended { .. } => accepted.clone(),
        }
    }
}

impl Grant {
    /// What is told of the log-in behind it, in tokens and about them: `auth_time`, `acr`, `amr` (RFC 9068 §2.2.1, RFC 9470 §6).
    pub(crate) fn of_login(&self) -> Map<String, Value> {
        let mut claims = Map::new();
        if let Some(auth_time) = self.auth_time {
            claims.insert("auth_time".to_owned(), json!(auth_time / 1000));
        }
        if let Some(acr) = &self.authentication.acr {
            claims.insert("acr".to_owned(), json!(acr));
        }
        if !self.authentication.amr.is_empty() {
            claims.insert("amr".to_owned(), json!(self.authentication.amr));
        }
        claims
    }
}

/// A grant about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // as in Grant
pub struct NewGrant {
    pub client: ClientId,
    pub subject: Option<Subject>,
    pub scope: Scopes,
    pub nonce: Option<String>,
    pub auth_time: Option<i64>,
    pub authentication: Authentication,
    pub created: i64,
}

/// Why a grant ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// A code was presented twice (RFC 6749 §4.1.2).
    CodeReused,
    /// Its code was presented too late, or without the right proof, and nothing else leads to it.
    CodeRefused,
    /// The authorization request had been answered before, and the earlier answer holds.
    AlreadyAnswered,
    /// A refresh token was presented after its successor had been used (RFC 9700 §4.14).
    RefreshTokenReused,
    /// The client revoked its refresh token (RFC 7009).
    Revoked,
    /// The resource owner was deactivated.
    OwnerDeactivated,
    /// The resource owner was deleted.
    OwnerDeleted,
    /// An operator ended it.
    Operator,
    /// The resource owner took it back.
    Owner,
    /// The client was deleted.
    ClientDeleted,
    /// The resource owner lost the role that may accept access.
    OwnerRoleLost,
    /// Everything that led to it has expired.
    Unused,
    /// The account it opens was deleted.
    AccountDeleted,
    /// A newer connection of the same client was used for the first time.
    Replaced,
    /// An identity provider had the resource owner logged out everywhere.
    LoggedOut,
}

impl EndReason {
    /// Every reason.
    pub const ALL: [EndReason; 15] = [
        EndReason::CodeReused,
        EndReason::CodeRefused,
        EndReason::AlreadyAnswered,
        EndReason::RefreshTokenReused,
        EndReason::Revoked,
        EndReason::OwnerDeactivated,
        EndReason::OwnerDeleted,
        EndReason::Operator,
        EndReason::Owner,
        EndReason::ClientDeleted,
        EndReason::OwnerRoleLost,
        EndReason::Unused,
        EndReason::AccountDeleted,
        EndReason::Replaced,
        EndReason::LoggedOut,
    ];

    /// As it was recorded; `None` for the words of another version.
    pub fn recorded(text: &str) -> Option<EndReason> {
        EndReason::ALL.into_iter().find(|reason| reason.as_str() == text)
    }

    /// The text in audit records and in storage.
    pub fn as_str(self) -> &'static str {
        match self {
            EndReason::CodeReused => "the authorization code was used twice",
            EndReason::CodeRefused => "the authorization code was presented too late or without the right proof",
            EndReason::AlreadyAnswered => "the authorization request was answered before",
            EndReason::RefreshTokenReused => "a refresh token was used again",
            EndReason::Revoked => "revoked by the client",
            EndReason::OwnerDeactivated => "its owner was deactivated",
            EndReason::OwnerDeleted => "its owner was deleted",
            EndReason::Operator => "ended by an operator",
            EndReason::Owner => "taken back by its owner",
            EndReason::ClientDeleted => "its client was deleted",
            EndReason::OwnerRoleLost => "its owner lost the role that may accept access",
            EndReason::Unused => "it was not used for too long",
            EndReason::AccountDeleted => "its account was deleted",
            EndReason::Replaced => "a newer connection of the same client is in use",
            EndReason::LoggedOut => "the identity provider logged its owner out everywhere",
        }
    }

    /// The code of a refusal for this reason.
    pub fn code(self) -> RefusalCode {
        match self {
            EndReason::CodeReused => RefusalCode::EndedCodeReused,
            EndReason::CodeRefused => RefusalCode::EndedCodeRefused,
            EndReason::AlreadyAnswered => RefusalCode::EndedAlreadyAnswered,
            EndReason::RefreshTokenReused => RefusalCode::EndedRefreshTokenReused,
            EndReason::Revoked => RefusalCode::EndedRevoked,
            EndReason::OwnerDeactivated => RefusalCode::EndedOwnerDeactivated,
            EndReason::OwnerDeleted => RefusalCode::EndedOwnerDeleted,
            EndReason::Operator => RefusalCode::EndedByOperator,
            EndReason::Owner => RefusalCode::EndedByOwner,
            EndReason::ClientDeleted => RefusalCode::EndedClientDeleted,
            EndReason::OwnerRoleLost => RefusalCode::EndedOwnerRoleLost,
            EndReason::Unused => RefusalCode::EndedUnused,
            EndReason::AccountDeleted => RefusalCode::EndedAccountDeleted,
            EndReason::Replaced => RefusalCode::EndedReplaced,
            EndReason::LoggedOut => RefusalCode::EndedLoggedOut,
        }
    }

    /// The description for a client that still presents a token: why it is refused, and what to do. It fits an `error_description` (RFC
    /// 6750 §3): printable ASCII without quotes.
    pub fn refusal(self) -> &'static str {
        match self {
            EndReason::CodeReused => {
                "The access was ended because its authorization code was used twice; authenticate again"
            }
            EndReason::CodeRefused => {
                "The access was ended because its authorization code came too late or without the right proof; authenticate again"
            }
            EndReason::AlreadyAnswered => {
                "The access was ended because its authorization request had been answered before; authenticate again"
            }
            EndReason::RefreshTokenReused => {
                "The access was ended because a refresh token was used again after its successor; authenticate again"
            }
            EndReason::Revoked => "The access was ended because the client revoked its token; authenticate again",
            EndReason::OwnerDeactivated => {
                "The user who accepted access was deactivated, so the access was ended; authenticate again as an active user, \
                 at best a service account"
            }
            EndReason::OwnerDeleted => {
                "The user who accepted access was deleted, so the access was ended; authenticate again as an active user, at \
                 best a service account"
            }
            EndReason::Operator => "The access was ended by an operator; authenticate again",
            EndReason::Owner => "The access was ended by the user who had accepted it; authenticate again",
            EndReason::ClientDeleted => {
                "The client this access was given to was deleted; set the connection up with a new client"
            }
            EndReason::OwnerRoleLost => {
                "The user who accepted access no longer has a role that may accept it, so the access was ended; give the user \
                 such a role again, or choose another user who has one, at best a service account, and authenticate again"
            }
            EndReason::Unused => "The access was ended because it was not used for too long; authenticate again",
            EndReason::AccountDeleted => "The account this access opened was deleted",
            EndReason::Replaced => {
                "The access was ended because a newer connection of the same client is in use; use the tokens of that one"
            }
            EndReason::LoggedOut => {
                "The access was ended because an identity provider logged the user who accepted it out everywhere; authenticate \
                 again, at best as a service account"
            }
        }
    }
}

impl std::fmt::Display for EndReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.refusal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_19_each_reason_is_read_as_recorded_and_told_in_words_of_its_own() {
        let mut told = Vec::new();
        for reason in EndReason::ALL {
            assert_eq!(EndReason::recorded(reason.as_str()), Some(reason));
            let refusal = reason.refusal();
            assert!(refusal.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\'), "{refusal}");
            assert!(!told.contains(&refusal), "{refusal}");
            told.push(refusal);
        }
        assert_eq!(EndReason::recorded("by the phase of the moon"), None);
    }
}
