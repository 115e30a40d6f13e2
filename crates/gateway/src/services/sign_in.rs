//! Logging in, step by step. Each step has a type of its own, and the next can be had from nothing else:
//!
//! ```text
//! who are you ──▶ Candidate ──counted──▶ Counted ──password──▶ Verified ──┬──▶ AuthenticatedUser ──further proof──▶ a session
//! OpenID provider ──▶ PendingSignIn ──back──▶ Identity ────────────────────┤
//! SAML provider ──▶ PendingSaml ──response──▶ Assertion ──▶ Ticket ─────────┘
//! ```
//!
//! [`password`], [`upstream`] and [`saml`] are three ways to a [`AuthenticatedUser`]; the steps of a password are [`attempt`]'s. [`further`] says whether
//! the [second factor](super::second_factor) is asked for beside it. [`session`] is what a log-in leads to. [`operator`] is how operators log
//! in, in the same steps.

use oauth::Authentication;
use serde::{Deserialize, Serialize};

use crate::domain::ids::{AccountKey, UserKey};
use crate::domain::request::{OwnCode, Refusal};
use crate::domain::saml::SKEW;
use crate::domain::sign_in::SecondFactor;
use crate::platform::timestamp::Timestamp;
use crate::storage::sessions::Session;
use crate::storage::{DbError, Tx};

pub mod attempt;
pub mod carried;
pub mod operator;
pub mod password;
pub mod pending;
pub mod request_key;
pub mod saml;
pub mod session;
pub mod upstream;

/// A user who proved who they are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AuthenticatedUser {
    account: AccountKey,
    resource: UserKey,
    id: String,
    at: Timestamp,
    /// When they proved it, where that was at a provider, which says so.
    #[serde(default)]
    authenticated: Option<Timestamp>,
    #[serde(default)]
    how: Authentication,
}

/// A user whose ways to log in are changed.
#[derive(Debug, Clone)]
pub struct Owner {
    /// The number of their account.
    pub account: AccountKey,
    /// Their number in storage.
    pub resource: UserKey,
    /// Their id.
    pub id: String,
}

impl From<&Session> for Owner {
    fn from(session: &Session) -> Owner {
        Owner { account: session.account, resource: session.owner, id: session.owner_id.clone() }
    }
}

impl From<&AuthenticatedUser> for Owner {
    fn from(proven: &AuthenticatedUser) -> Owner {
        Owner { account: proven.account, resource: proven.resource, id: proven.id.clone() }
    }
}

/// What has to be asked for beside the first proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// The password of the app they have.
    Password,
    /// To set one up, for the account wants every user to have one.
    SetUp,
}

/// What a user is told who is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why, and what they are told.
    pub refusal: Refusal,
    /// They have to wait so many seconds.
    pub retry_after: Option<i64>,
}

impl Refused {
    fn because(code: OwnCode, problem: &str) -> Refused {
        Refused { refusal: Refusal::new(code, problem), retry_after: None }
    }
}

/// What a user is told whom the account's identity provider has disabled: only one who has proved who they are.
fn disabled(tx: &mut Tx<'_>, account: AccountKey, user: UserKey) -> Result<Option<Refusal>, DbError> {
    let told =
        "Your company’s identity provider has disabled your account, so you cannot log in. Ask its administrator.";
    Ok(tx.is_disabled(account, user)?.then(|| Refusal::new(OwnCode::UserDisabledByProvider, told)))
}

/// The same of a user whom a provider has named, by their number and id.
fn unless_disabled(
    tx: &mut Tx<'_>,
    account: AccountKey,
    found: Result<(UserKey, String), Refusal>,
) -> Result<Result<(UserKey, String), Refusal>, DbError> {
    Ok(match found {
        Ok((user, id)) => match disabled(tx, account, user)? {
            Some(refusal) => Err(refusal),
            None => Ok((user, id)),
        },
        Err(refusal) => Err(refusal),
    })
}

impl AuthenticatedUser {
    /// Who proved just now, in this way, who they are.
    fn new(account: AccountKey, resource: UserKey, id: &str, at: Timestamp, how: Authentication) -> AuthenticatedUser {
        AuthenticatedUser { account, resource, id: id.to_owned(), at, authenticated: None, how }
    }

    /// The number of the user's account.
    pub fn account(&self) -> AccountKey {
        self.account
    }

    /// The user's number in storage.
    pub fn resource(&self) -> UserKey {
        self.resource
    }

    /// The user's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When, in milliseconds since the epoch.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The session that this log-in leads to. Replicas' clocks differ: a log-in for a request is never older than the request.
    pub fn session(&self, requested: Option<Timestamp>) -> Session {
        Session {
            account: self.account,
            owner: self.resource,
            owner_id: self.id.clone(),
            auth_time: self.at.max(requested.unwrap_or(Timestamp::EPOCH)),
            authenticated: self.authenticated,
            how: self.how.clone(),
            last_seen: self.at,
        }
    }
}

impl carried::Proven for AuthenticatedUser {
    const PURPOSE: &str = "proven by password";

    fn at(&self) -> Timestamp {
        self.at
    }
}

/// When a person logged in at a provider, by our clock: not later than now, and where it has to have been `since` then, not earlier. `None`
/// if it was earlier by more than clocks may differ.
fn authenticated_at(said: Timestamp, since: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    let said = said.min(now);
    match since {
        Some(since) => (said >= since - SKEW).then(|| said.max(since)),
        None => Some(said),
    }
}

/// **Further proof**: a user who has an authenticator app is asked for its code; one who has none but whose account wants one sets it
/// up. Service accounts belong to no person and need none.
pub fn further(tx: &mut Tx<'_>, proven: &AuthenticatedUser) -> Result<Option<Asks>, DbError> {
    if tx.has_second_factor(proven.account, proven.resource)? {
        return Ok(Some(Asks::Password));
    }
    let wanted = tx.account_at(proven.account)?.map(|account| account.options.sign_in.second_factor);
    let needs_one =
        wanted == Some(SecondFactor::Required) && !tx.is_service_account(proven.account, proven.resource)?;
    Ok(needs_one.then_some(Asks::SetUp))
}
