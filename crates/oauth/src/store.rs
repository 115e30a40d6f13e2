//! The port: what the authorization server has to store, as one synchronous trait for each noun.
//!
//! Everything a [`Store`] does belongs to one unit of work, which the caller commits or rolls back as a whole. The feature `testing`
//! adds `contract`, a suite that every store passes, and `memory`, the smallest store that does.
//!
//! What a store may forget: a pushed request, an answer or a proof after it expired; a code, with its request's id,
//! half an hour after it expired (so long can a request be answered); a refresh token or the revocation of an access token after it
//! expired; a grant that nothing leads to any more.

use crate::client::{Client, ClientId, RedirectUri};
use crate::constraints::TokenConstraints;
pub use crate::error::StoreError;
use crate::event::Event;
pub use crate::grant::TokenStatus;
use crate::grant::{Delivery, EndReason, Grant, GrantId, NewGrant, Subject};
use crate::pkce::Challenge;
use crate::scope::Scopes;
use crate::secret::Fingerprint;
use crate::static_token::StaticToken;
use crate::token_id::TokenId;

#[cfg(any(test, fuzzing, feature = "testing"))]
pub mod contract;
#[cfg(any(test, fuzzing, feature = "testing"))]
pub mod memory;

/// An authorization code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// The keyed hash of the code.
    pub fingerprint: Fingerprint,
    /// The authorization request it answers: each is answered once.
    pub request_id: String,
    /// The grant that was accepted.
    pub grant: GrantId,
    /// The client to which it was issued.
    pub client: ClientId,
    /// The URI to which it was sent.
    pub redirect_uri: RedirectUri,
    /// Whether the request named the URI, so that the exchange must too (RFC 6749 §4.1.3).
    pub redirect_uri_was_sent: bool,
    /// The PKCE code challenge.
    pub challenge: Option<Challenge>,
    /// The time of expiry, in milliseconds since the epoch.
    pub expires: i64,
    /// The time of its exchange.
    pub spent: Option<i64>,
    /// How often its exchange was answered again, because the response before was never used.
    pub reissues: i32,
    /// The constraints of the tokens that it leads to.
    pub constraints: TokenConstraints,
}

/// How an authorization request was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The keyed hash of the request's identifier.
    pub request: Fingerprint,
    /// Whether access was denied; otherwise it was accepted.
    pub denied: bool,
    /// The time from which on the request cannot be answered, in milliseconds since the epoch.
    pub expires: i64,
}

/// A refresh token: one link of its grant's chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The keyed hash of the token.
    pub fingerprint: Fingerprint,
    /// The grant, which has one chain of refresh tokens.
    pub grant: GrantId,
    /// Its place in the chain, from 0.
    pub generation: i32,
    /// The time of issue, in milliseconds since the epoch.
    pub created: i64,
    /// The time of expiry, in milliseconds since the epoch.
    pub expires: i64,
    /// When its successor was issued: for the first time, or again because the response before was never used.
    pub used: Option<i64>,
    /// How often its successor was issued again.
    pub reissues: i32,
    /// How often it was presented again after its successor was in use, and still answered for the sake of parallel workers.
    pub repeats: i32,
    /// The resources that were accepted, and the key of a public client; the same along the chain.
    pub constraints: TokenConstraints,
}

/// A pushed authorization request (RFC 9126).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedRequest {
    /// The keyed hash of the reference.
    pub fingerprint: Fingerprint,
    /// The client that pushed it.
    pub client: ClientId,
    /// Its parameters, encrypted.
    pub parameters: String,
    /// The time of expiry, in milliseconds since the epoch.
    pub expires: i64,
}

/// Clients, which operators register.
pub trait Clients {
    /// A client.
    fn client(&mut self, id: &ClientId) -> Result<Option<Client>, StoreError>;

    /// Records that a secret was used.
    fn touch_secret(&mut self, client: &ClientId, secret: &str, now: i64) -> Result<(), StoreError>;
}

/// Grants: what was accepted.
pub trait Grants {
    /// Creates a grant.
    fn create_grant(&mut self, grant: &NewGrant) -> Result<GrantId, StoreError>;

    /// A grant, ended or not.
    fn grant(&mut self, id: GrantId) -> Result<Option<Grant>, StoreError>;

    /// Reads a grant and keeps others from changing it until this unit of work ends.
    fn lock_grant(&mut self, id: GrantId) -> Result<Option<Grant>, StoreError>;

    /// Whether a client that answers for a resource may learn of this grant: both belong to one account, or the client answers for every
    /// account. A store without accounts leaves this as it is.
    fn is_within_reach(&mut self, client: &ClientId, grant: GrantId) -> Result<bool, StoreError> {
        let _ = (client, grant);
        Ok(true)
    }

    /// The grant behind a client's own credentials, if it has one that has not ended.
    fn client_grant(&mut self, client: &ClientId) -> Result<Option<Grant>, StoreError>;

    /// The scopes of the open grants that this user accepted for this client.
    fn accepted_scopes(&mut self, client: &ClientId, subject: &Subject) -> Result<Vec<Scopes>, StoreError>;

    /// The open grants with this scope that resource owners gave the same client before this one, the newest first. Keeps others from
    /// changing them until this unit of work ends. A store of several accounts gives those of the account of this one.
    fn older_grants(&mut self, grant: &Grant, scope: &str) -> Result<Vec<GrantId>, StoreError>;

    /// Records the tokens of a locked grant that its client received.
    fn deliver(&mut self, id: GrantId, delivery: Delivery) -> Result<(), StoreError>;

    /// Ends a grant; nothing if it has ended.
    fn end_grant(&mut self, id: GrantId, now: i64, reason: EndReason) -> Result<(), StoreError>;

    /// Why a grant is invalid or gone, where that is known: also of one whose client was deleted. Called only on the way to a refusal.
    fn end_reason(&mut self, id: GrantId) -> Result<Option<EndReason>, StoreError>;
}

/// Answers to authorization requests, and the codes that they lead to.
pub trait Codes {
    /// Records how a request is answered; `false` if it was answered before. Of two units of work that answer it at once, one is told
    /// `false`, and then sees all that the other wrote.
    fn answer_request(&mut self, answer: &Answer) -> Result<bool, StoreError>;

    /// How a request was answered, if it was.
    fn answer(&mut self, request: &Fingerprint) -> Result<Option<Answer>, StoreError>;

    /// Stores a code; `false` if its request was answered before.
    fn insert_code(&mut self, code: &Code) -> Result<bool, StoreError>;

    /// Reads a code and keeps others from spending it until this unit of work ends.
    fn lock_code(&mut self, fingerprint: &Fingerprint) -> Result<Option<Code>, StoreError>;

    /// Records when a locked code was exchanged, and how often again.
    fn spend_code(&mut self, code: &Code) -> Result<(), StoreError>;
}

/// Refresh tokens.
pub trait RefreshTokens {
    /// Stores a refresh token.
    fn insert_refresh_token(&mut self, token: &RefreshToken) -> Result<(), StoreError>;

    /// Reads a refresh token with its grant, and lets the exchanges of that grant take turns until this unit of work ends.
    fn lock_refresh_token(&mut self, fingerprint: &Fingerprint) -> Result<Option<(RefreshToken, Grant)>, StoreError>;

    /// Reads a refresh token with its grant, without a lock: for introspection, which only reads. A store whose units of work
    /// can be read-only overrides this.
    fn refresh_token(&mut self, fingerprint: &Fingerprint) -> Result<Option<(RefreshToken, Grant)>, StoreError> {
        self.lock_refresh_token(fingerprint)
    }

    /// The refresh token at this place of a grant's chain.
    fn refresh_token_of(&mut self, grant: GrantId, generation: i32) -> Result<Option<RefreshToken>, StoreError>;

    /// Records when a locked refresh token was used, and how often again.
    fn use_refresh_token(&mut self, token: &RefreshToken) -> Result<(), StoreError>;
}

/// The status of access tokens, which are not stored themselves.
pub trait AccessTokens {
    /// What decides whether this access token, which was issued in this response, is valid: one look-up.
    fn token_status(
        &mut self,
        grant: GrantId,
        token: &TokenId,
        response: &TokenId,
    ) -> Result<Option<TokenStatus>, StoreError>;

    /// Records until it expires that this access token, or those of this response, are invalid.
    fn revoke_token(&mut self, token: &TokenId, expires: i64) -> Result<(), StoreError>;
}

/// Static tokens. A server without them leaves this as it is.
pub trait StaticTokens {
    /// A static token with what decides whether it is valid: one look-up.
    fn static_token(&mut self, fingerprint: &Fingerprint) -> Result<Option<StaticToken>, StoreError> {
        let _ = fingerprint;
        Ok(None)
    }

    /// Ends the static token with this identifier.
    fn end_static_token(&mut self, id: &str) -> Result<(), StoreError> {
        let _ = id;
        Ok(())
    }
}

/// Pushed authorization requests (RFC 9126). A server without that endpoint leaves this as it is.
pub trait PushedRequests {
    /// Stores an authorization request that was pushed.
    fn push_request(&mut self, request: &PushedRequest) -> Result<(), StoreError> {
        let _ = request;
        Err(StoreError("this store takes no pushed requests".into()))
    }

    /// Removes a pushed request of this client and returns it. Of two units of work that want it, one gets it.
    fn take_pushed_request(
        &mut self,
        fingerprint: &Fingerprint,
        client: &ClientId,
    ) -> Result<Option<PushedRequest>, StoreError> {
        let _ = (fingerprint, client);
        Ok(None)
    }
}

/// What may be used once.
pub trait SpentProofs {
    /// Records that a client assertion was used, until it expires; `false` if it was used before. Of two units of work that use it at
    /// once, one is told `false`.
    fn use_assertion(&mut self, id: &[u8; 32], expires: i64) -> Result<bool, StoreError>;

    /// Records that a DPoP proof was used, until it expires; `false` if it was used before. Of two units of work that use it at
    /// once, one is told `false`.
    fn use_proof(&mut self, id: &[u8; 32], expires: i64) -> Result<bool, StoreError>;
}

/// The record of events.
pub trait Events {
    /// Records an event, which is committed or rolled back with the unit of work.
    fn record(&mut self, event: Event);
}

/// All that the authorization server has to store.
pub trait Store:
    Clients + Grants + Codes + RefreshTokens + AccessTokens + StaticTokens + PushedRequests + SpentProofs + Events
{
}

impl<T> Store for T where
    T: Clients + Grants + Codes + RefreshTokens + AccessTokens + StaticTokens + PushedRequests + SpentProofs + Events
{
}

/// For rows that keep scopes as text.
pub fn scopes_from_stored(text: &str) -> Scopes {
    Scopes::parse(text).unwrap_or_default()
}
