//! Security event tokens (SETs, RFC 8417) in the profile of the OpenID Shared Signals Framework (SSF) 1.0: what a receiver is told, as a JWT
//! that is taken for no other kind of JWT.
//!
//! A SET is typed `secevent+jwt`, its subject stands in `sub_id` (RFC 9493), and it has neither `sub` nor `exp` (SSF §4.1): no party that wants
//! an ID token or an access token can take it for one. Its audience is a stream, which is the audience of nothing else.

use serde_json::{Map, Value, json};

use crate::signing::{SigningAlgorithm, UnsignedJwt};

pub mod polling;

/// `typ` of a SET (RFC 8417 §2.3).
pub const TYP: &str = "secevent+jwt";
/// The media type in which a SET is pushed (RFC 8935 §2.1).
pub const MEDIA_TYPE: &str = "application/secevent+jwt";
/// Delivery by HTTP requests to the receiver (RFC 8935).
pub const PUSH: &str = "urn:ietf:rfc:8935";
/// Delivery in answers to the receiver's requests (RFC 8936).
pub const POLL: &str = "urn:ietf:rfc:8936";
/// The event by which a receiver tries a stream out (SSF §8.1.4.1).
pub const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";
/// The event that tells that the transmitter changed a stream's status (SSF §8.1.5).
pub const STREAM_UPDATED: &str = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated";

/// A SET that is not signed yet.
#[derive(Debug, Clone, PartialEq)]
pub struct SecurityEvent {
    /// Its id, which no other SET has, not even one about the same event.
    pub jti: String,
    /// What happened, by an id that all SETs about it have, for whichever receiver.
    pub txn: Option<String>,
    /// When it happened, in seconds since the epoch. A SET that is delivered again says the same.
    pub issued_at: i64,
    /// What it is about (RFC 9493).
    pub subject: Value,
    /// The events by their URIs, each with its payload.
    pub events: Map<String, Value>,
    /// Further claims.
    pub more: Map<String, Value>,
}

impl SecurityEvent {
    /// The JWT, for a receiver.
    pub fn unsigned(self, issuer: &str, audience: &str, algorithm: SigningAlgorithm) -> UnsignedJwt {
        let mut claims = Map::new();
        claims.insert("iss".to_owned(), json!(issuer));
        claims.insert("aud".to_owned(), json!(audience));
        claims.insert("iat".to_owned(), json!(self.issued_at));
        claims.insert("jti".to_owned(), json!(self.jti));
        if let Some(txn) = self.txn {
            claims.insert("txn".to_owned(), json!(txn));
        }
        claims.insert("sub_id".to_owned(), self.subject);
        claims.insert("events".to_owned(), Value::Object(self.events));
        for (name, value) in self.more {
            // None of them takes the place of a claim that means something, or is one that a SET must not have.
            if !claims.contains_key(&name) && !["sub", "exp", "nbf", "nonce", "txn"].contains(&name.as_str()) {
                claims.insert(name, value);
            }
        }
        UnsignedJwt { algorithm, typ: TYP, claims: Value::Object(claims) }
    }
}

/// A subject that is known by an opaque id (RFC 9493 §3.2.3): a stream, in events about itself.
pub fn opaque(id: &str) -> Value {
    json!({"format": "opaque", "id": id})
}

/// Why a receiver does not accept a SET (RFC 8935 §2.3, RFC 8936 §2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetError {
    /// A code, as `invalid_issuer` (RFC 8935 §2.4).
    pub err: String,
    /// In words.
    pub description: Option<String>,
}

impl SetError {
    /// So many characters of a code are kept,
    pub const LONGEST_CODE: usize = 100;
    /// and so many of a description.
    pub const LONGEST_DESCRIPTION: usize = 1_000;

    /// Reads what a receiver says. What is long is cut, and what cannot be printed is left out.
    pub fn read(value: &Value) -> Option<SetError> {
        let text = |name: &str, most: usize| {
            let text = value.get(name)?.as_str()?;
            let text: String = text.chars().filter(|c| !c.is_control()).take(most).collect();
            Some(text).filter(|text| !text.trim().is_empty())
        };
        let err = text("err", SetError::LONGEST_CODE)?;
        Some(SetError { err, description: text("description", SetError::LONGEST_DESCRIPTION) })
    }
}

/// What a transmitter says of itself (SSF §7.1), with its endpoints.
#[derive(Debug, Clone, Copy)]
pub struct Transmitter<'a> {
    /// The issuer of its SETs.
    pub issuer: &'a str,
    /// Where the keys are that verify them.
    pub jwks_uri: &'a str,
    /// Where streams are made, read, changed and deleted.
    pub configuration_endpoint: &'a str,
    /// Where streams are paused and enabled.
    pub status_endpoint: &'a str,
    /// Where verification is asked for.
    pub verification_endpoint: &'a str,
    /// How SETs can be delivered: [`PUSH`], [`POLL`].
    pub delivery_methods: &'a [&'a str],
}

impl Transmitter<'_> {
    /// Its metadata, as `/.well-known/ssf-configuration` answers it. Every subject is in every stream, and none can be taken out.
    pub fn metadata(&self) -> Value {
        json!({
            "spec_version": "1_0",
            "issuer": self.issuer,
            "jwks_uri": self.jwks_uri,
            "delivery_methods_supported": self.delivery_methods,
            "configuration_endpoint": self.configuration_endpoint,
            "status_endpoint": self.status_endpoint,
            "verification_endpoint": self.verification_endpoint,
            "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6749"}, {"spec_urn": "urn:ietf:rfc:6750"}],
            "default_subjects": "ALL",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_set(more: Map<String, Value>) -> SecurityEvent {
        let events = Map::from_iter([(VERIFICATION.to_owned(), json!({"state": "x"}))]);
        SecurityEvent { jti: "1.2".to_owned(), txn: None, issued_at: 7, subject: opaque("s"), events, more }
    }

    #[test]
    fn a_set_has_what_the_profile_asks_for_and_nothing_that_other_jwts_have() {
        let more = [("sub", "ada"), ("exp", "9"), ("nonce", "n"), ("aud", "client"), ("account_id", "acme")];
        let more = Map::from_iter(more.map(|(name, value)| (name.to_owned(), json!(value))));
        let jwt = a_set(more).unsigned("https://g.example", "https://g.example/ssf/streams/s", SigningAlgorithm::Rs256);
        assert_eq!((jwt.typ, jwt.algorithm), ("secevent+jwt", SigningAlgorithm::Rs256));
        let expected = json!({
            "iss": "https://g.example", "aud": "https://g.example/ssf/streams/s", "iat": 7, "jti": "1.2",
            "sub_id": {"format": "opaque", "id": "s"}, "events": {VERIFICATION: {"state": "x"}}, "account_id": "acme"
        });
        assert_eq!(jwt.claims, expected);
    }

    #[test]
    fn what_a_receiver_says_of_a_set_is_read_within_bounds() {
        let said = |value: Value| SetError::read(&value);
        let error = said(json!({"err": "invalid_key", "description": "expired\u{7}"})).unwrap();
        assert_eq!((error.err.as_str(), error.description.as_deref()), ("invalid_key", Some("expired")));
        assert_eq!(said(json!({"err": "invalid_key", "description": 7})).unwrap().description, None);
        let long = said(json!({"err": "e".repeat(5_000), "description": "d".repeat(5_000)})).unwrap();
        assert_eq!((long.err.len(), long.description.unwrap().len()), (100, 1_000));
        for wrong in [json!({}), json!({"err": ""}), json!({"err": 7}), json!("invalid_key"), Value::Null] {
            assert_eq!(said(wrong), None);
        }
    }

    #[test]
    fn the_metadata_names_no_endpoint_for_subjects() {
        let at = "https://g.example/ssf";
        let transmitter = Transmitter {
            issuer: "https://g.example",
            jwks_uri: at,
            configuration_endpoint: at,
            status_endpoint: at,
            verification_endpoint: at,
            delivery_methods: &[POLL],
        };
        let metadata = transmitter.metadata();
        assert_eq!((&metadata["spec_version"], &metadata["default_subjects"]), (&json!("1_0"), &json!("ALL")));
        assert!(metadata.get("add_subject_endpoint").is_none() && metadata.get("remove_subject_endpoint").is_none());
    }
}
