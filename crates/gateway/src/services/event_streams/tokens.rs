//! Tokens of a stream: what each says, and its signature.
//!
//! They are signed with RS256, which every receiver understands (and the interoperability profiles of the Shared Signals Framework ask for), by
//! the keys that sign ID tokens. A token that is told again says the same.

use oauth::security_event::{STREAM_UPDATED, SecurityEvent, VERIFICATION, opaque};
use oauth::signing::{SigningAlgorithm, UnsignedJwt};
use scim::security_event::ScimEvent;
use serde_json::{Map, Value, json};

use super::audience;
use crate::domain::event_stream::{EventStream, OwnSet, Says};
use crate::domain::scim_events::told;
use crate::services::signing::Known;
use crate::storage::DbError;
use crate::storage::events::EventRow;

/// What they are signed with.
const ALGORITHM: SigningAlgorithm = SigningAlgorithm::Rs256;

/// A token that is not signed yet.
#[allow(missing_debug_implementations)] // holds what will be a token
pub struct Token {
    /// Its `jti`.
    pub jti: String,
    /// How large its claims are, about.
    pub size: usize,
    unsigned: UnsignedJwt,
}

impl Token {
    fn of(event: SecurityEvent, size: usize, issuer: &str, stream: &EventStream) -> Token {
        let jti = event.jti.clone();
        Token { jti, size, unsigned: event.unsigned(issuer, &audience(issuer, &stream.id), ALGORITHM) }
    }

    /// An event of the feed, as this stream tells it; `None`: it does not.
    pub fn of_event(issuer: &str, stream: &EventStream, wanted: &[ScimEvent], row: &EventRow) -> Option<Token> {
        let told = told(&row.kind, &row.body, wanted)?;
        let mut more = Map::new();
        if let Some(account) = told.account {
            more.insert("account_id".to_owned(), Value::String(account));
        }
        let event = SecurityEvent {
            jti: stream.jti(&row.id, row.seq),
            txn: Some(row.id.clone()),
            issued_at: row.at.millis().div_euclid(1_000),
            subject: told.subject,
            events: told.events,
            more,
        };
        Some(Token::of(event, row.body.len(), issuer, stream))
    }

    /// What a stream says of itself.
    pub fn of_own(issuer: &str, stream: &EventStream, own: &OwnSet) -> Token {
        let (uri, payload) = match &own.says {
            Says::Verification { state: Some(state) } => (VERIFICATION, json!({ "state": state })),
            Says::Verification { state: None } => (VERIFICATION, json!({})),
            Says::Updated { status, reason } => (STREAM_UPDATED, json!({"status": status.code(), "reason": reason})),
        };
        let event = SecurityEvent {
            jti: own.jti.clone(),
            txn: None,
            issued_at: own.at.millis().div_euclid(1_000),
            subject: opaque(&stream.id),
            events: Map::from_iter([(uri.to_owned(), payload)]),
            more: Map::new(),
        };
        Token::of(event, 0, issuer, stream)
    }

    /// The signed token. It takes about a millisecond.
    pub fn signed(&self, keys: &Known) -> Result<String, DbError> {
        keys.sign(&self.unsigned)
    }
}
