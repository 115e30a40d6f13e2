//! Streams of security event tokens, as the OpenID Shared Signals Framework (SSF) 1.0 has them: their configuration and status, and polls
//! (RFC 8936). Members that are not known are ignored, as it asks.

use serde_json::{Map, Value};

use crate::domain::described::{
    Anything, Line, Patch, Required, Sometimes, Text, Texts, Time, Whole, answer, body, part,
};
use crate::domain::event_stream::StreamStatus;

body! {
    /// How security event tokens get to the receiver (§6.1).
    pub struct DeliveryRequest {
        /// `urn:ietf:rfc:8936`: the receiver asks for them. `urn:ietf:rfc:8935`: they are sent to it.
        method: Required<Text>,
        /// Where they are sent to: an https URL outside private networks. Of polling, the answer says where to ask.
        endpoint_url: Option<Line>,
        /// What is sent as `Authorization`. It is never shown. Left out, it stays as long as `endpoint_url` does; `null` takes it away.
        authorization_header: Patch<Line>,
        ..rest
    }
    example {"method": "urn:ietf:rfc:8935", "endpoint_url": "https://product.example/events", "authorization_header": "Bearer s3cr3t"}
}
part!(DeliveryRequest);

body! {
    /// A new stream (§8.1.1.1).
    pub struct NewEventStream {
        /// The URIs of the events that the receiver wants; all, if it is left out. Those that are not known are ignored. An event with all
        /// data (`…:full`) is asked for together with its notice (`…:notice`), which takes its place where all data is too much.
        events_requested: Option<Texts>,
        /// How they are delivered; by polling, if it is left out.
        delivery: Option<DeliveryRequest>,
        /// What the stream is called, for people.
        description: Option<Line>,
        ..rest
    }
    example {"delivery": {"method": "urn:ietf:rfc:8936"}, "description": "Our application"}
}

body! {
    /// A change of a stream, or all that the receiver says of it (§8.1.1.3, §8.1.1.4).
    pub struct EventStreamChange {
        /// Which stream.
        stream_id: Required<Text>,
        /// The URIs of the events that the receiver wants; `null`: all.
        events_requested: Patch<Texts>,
        /// How they are delivered.
        delivery: Patch<DeliveryRequest>,
        /// What the stream is called, for people.
        description: Patch<Line>,
        /// If it is sent, it has to be as it was answered, and so have the other members that the server sets.
        iss: Option<Value>,
        /// As it was answered.
        aud: Option<Value>,
        /// As it was answered.
        events_supported: Option<Value>,
        /// As it was answered.
        events_delivered: Option<Value>,
        /// As it was answered.
        min_verification_interval: Option<Value>,
        ..rest
    }
    example {"stream_id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "events_requested": ["urn:ietf:params:scim:event:prov:delete"]}
}

answer! {
    /// A stream of security event tokens (§8.1.1).
    pub struct EventStreamConfiguration {
        /// Its id.
        stream_id: String,
        /// Who issues its tokens.
        iss: String,
        /// For whom they are: the stream itself, and no other.
        aud: String,
        /// How they are delivered: `method` and `endpoint_url`.
        delivery: Anything,
        /// The URIs of all events there are.
        events_supported: Vec<String>,
        /// Those that the receiver wants, if it has said so.
        events_requested: Sometimes<Vec<String>>,
        /// Those that it gets.
        events_delivered: Vec<String>,
        /// So many seconds lie between two verifications.
        min_verification_interval: u32,
        /// What it is called.
        description: Sometimes<String>,
    }
    example {
        "stream_id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "iss": "https://gateway.example",
        "aud": "https://gateway.example/ssf/streams/0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b",
        "delivery": {
            "method": "urn:ietf:rfc:8936",
            "endpoint_url": "https://gateway.example/ssf/streams/0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b/poll"
        },
        "events_supported": ["urn:ietf:params:scim:event:prov:delete"], "events_delivered": ["urn:ietf:params:scim:event:prov:delete"],
        "min_verification_interval": 10
    }
}

answer! {
    /// The last token that a receiver refused.
    pub struct RefusedToken {
        /// Its `jti`.
        jti: String,
        /// When it was refused.
        at: Time,
        /// The receiver's code.
        err: String,
        /// The receiver's words.
        description: Sometimes<String>,
        /// How many tokens the receiver has refused.
        count: u64,
    }
    example {"jti": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a2a.1.182", "at": "2026-11-27T20:00:00.000Z", "err": "invalid_key", "count": 1}
}

answer! {
    /// Whether a stream tells anything (§8.1.2.1).
    pub struct EventStreamStatus {
        /// The id of the stream.
        stream_id: String,
        /// `enabled`; `paused`: it keeps its place; `disabled`: it tells nothing that happens meanwhile.
        status: StreamStatus,
        /// Why.
        reason: Sometimes<String>,
        /// The last token that the receiver refused, if it did.
        refused: Sometimes<RefusedToken>,
    }
    example {"stream_id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "status": "enabled"}
}

body! {
    /// Another status of a stream (§8.1.2.2).
    pub struct EventStreamStatusChange {
        /// The id of the stream.
        stream_id: Required<Text>,
        /// The new status.
        status: Option<StreamStatus>,
        /// Why.
        reason: Option<Line>,
        ..rest
    }
    example {"stream_id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "status": "paused", "reason": "We move to another database."}
}

body! {
    /// A request to try a stream out (§8.1.4.2).
    pub struct VerificationRequest {
        /// The id of the stream.
        stream_id: Required<Text>,
        /// What the token has to say, by which the receiver knows it.
        state: Option<Line>,
        ..rest
    }
    example {"stream_id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "state": "b1946ac9"}
}

body! {
    /// A poll (RFC 8936 §2.2): what the receiver has taken, and how many it wants.
    pub struct PollRequest {
        /// At most so many tokens are answered, and never more than 1 000; 0 only acknowledges. 100 if nothing is said.
        max_events as "maxEvents": Option<Whole<0, 4_294_967_295>>,
        /// Whether the answer comes at once where there is nothing; else it comes after up to 30 seconds.
        return_immediately as "returnImmediately": Option<bool>,
        /// The `jti` of tokens that the receiver has taken, in any order.
        ack: Option<Texts>,
        /// By their `jti` tokens that the receiver does not accept, each with `err` and `description`.
        set_errs as "setErrs": Option<ByToken>,
        ..rest
    }
    example {"maxEvents": 100, "returnImmediately": false, "ack": ["0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a2a.1.182"], "setErrs": {}}
}

answer! {
    /// What is told (RFC 8936 §2.3).
    pub struct PollAnswer {
        /// Security event tokens by their `jti`. Each comes again until it is acknowledged.
        sets: ByToken,
        /// Whether there are more at this moment.
        more_available as "moreAvailable": bool,
    }
    example {"sets": {"0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a2a.1.182": "eyJ…"}, "moreAvailable": false}
}

/// Something for each of some tokens, by `jti`.
#[derive(Debug, Clone, Default, serde::Serialize)]
#[serde(transparent)]
pub struct ByToken(pub Map<String, Value>);

impl crate::domain::described::Described for ByToken {
    fn schema(_: &mut crate::domain::described::Components) -> Value {
        serde_json::json!({"type": "object"})
    }
}

impl crate::domain::described::Read for ByToken {
    fn read(value: Value, at: &str, mistakes: &mut crate::domain::described::Mistakes) -> Option<ByToken> {
        match value {
            Value::Object(members) => Some(ByToken(members)),
            _ => {
                mistakes.note(at, "must be an object whose members are named by the `jti` of tokens");
                None
            }
        }
    }
}
