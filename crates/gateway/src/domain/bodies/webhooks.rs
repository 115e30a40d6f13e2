//! Webhooks: as they are made, changed and answered.

use crate::domain::described::{
    Line, Name, Patch, Required, Sometimes, Text, Texts, Time, answer, body, described_words,
};
use crate::domain::receiver::State;
use crate::domain::receiver::standard_webhook::Signature;

described_words!(State, ["enabled", "paused", "stopped", "lost"]);

impl serde::Serialize for State {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

body! {
    /// A new webhook.
    pub struct NewWebhook {
        /// Where the events are sent: an absolute `https` URL, which leads to no private, local or reserved address.
        url: Required<Line>,
        /// What it is, for people.
        description: Option<Name>,
        /// The types of events that are sent, as in `["user.created", "group.*"]`; all, if nothing is said.
        types: Option<Texts>,
        /// How the requests are signed: `v1` (HMAC-SHA256, which every library has) if nothing is said, or `v1a` (Ed25519).
        signature: Option<Signature>,
        /// The `cursor` after which it begins, `oldest` for all that is kept, or `latest` for what happens from now on, if nothing is said.
        after: Option<Text>,
        /// Whether nothing is sent before that is changed.
        paused: Option<bool>,
    }
    example {"url": "https://app.vendor.example/hooks/gateway", "description": "Our application", "types": ["user.*", "group.*", "access.changed"]}
}

body! {
    /// A change of a webhook: what is left out stays.
    pub struct WebhookChange {
        /// Where the events are sent.
        url: Option<Line>,
        /// What it is, for people; `null` for nothing.
        description: Patch<Name>,
        /// The types of events that are sent; `null` for all.
        types: Patch<Texts>,
        /// `true` holds it; `false` lets it go on, at once, also where it waits for its next try or has stopped.
        paused: Option<bool>,
        /// Where it goes on: after a `cursor`, at the `oldest` event that is kept, or at what happens from now on (`latest`). One that is `lost`
        /// goes on by this alone, and so does one that is to leave out what it does not take.
        after: Option<Text>,
    }
    example {"paused": false}
}

answer! {
    /// A webhook, without its secret.
    pub struct Webhook {
        /// Its id.
        id: String,
        /// The id of the account whose events are sent; `null` for those of all accounts.
        account_id: Option<String>,
        /// Where the events are sent.
        url: String,
        /// What it is, for people.
        description: Option<String>,
        /// The types of events that are sent; `null` for all.
        types: Option<Vec<String>>,
        /// How the requests are signed.
        signature: Option<Signature>,
        /// The public key by which requests are verified, where they are signed by `v1a`. It is no secret.
        public_key: Sometimes<String>,
        /// Until when requests are also signed by the secret before this one.
        old_secret_expires: Option<Time>,
        /// `enabled`; `paused` by an operator; `stopped`, for it has answered 410; `lost`, for what follows its place is not kept any more.
        state: State,
        /// The same in words, with what to do where something is to be done.
        summary: String,
        /// How far it is: the `cursor` of the last event that it has.
        cursor: String,
        /// About how many events wait for it, up to a thousand.
        waiting: i64,
        /// Since when it does not take what it is sent.
        held_since: Option<Time>,
        /// When it is tried again.
        next_try: Option<Time>,
        /// How often the event at its place was tried in vain.
        tries: i64,
        /// When it last took an event.
        last_success: Option<Time>,
        /// When it last did not.
        last_failure: Option<Time>,
        /// Why not.
        last_problem: Option<String>,
        /// How many dead letters there are: events that it refused while it took others.
        dead_letters: i64,
        /// When it was made.
        created: Time,
    }
    example {
        "id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0c01", "account_id": "0198a6b2-0000-7e4f-8a5b-6c7d8e9f0a1b",
        "url": "https://app.vendor.example/hooks/gateway", "description": "Our application", "types": ["user.created"], "signature": "v1",
        "old_secret_expires": null, "state": "enabled", "summary": "It has all events.", "cursor": "5f3a9c21.all.182", "waiting": 0,
        "held_since": null, "next_try": null, "tries": 0, "last_success": "2026-11-27T20:00:00.000Z", "last_failure": null, "last_problem": null,
        "dead_letters": 0, "created": "2026-11-23T20:00:00.000Z"
    }
}

answer! {
    /// What is shown once.
    pub struct WebhookSecret {
        /// What the receiver verifies requests by: a secret (`whsec_…`), which is shown this once, or a public key (`whpk_…`).
        secret: String,
    }
    example {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
}

answer! {
    /// What a webhook answered to a test.
    pub struct WebhookTest {
        /// Whether it took the event.
        taken: bool,
        /// The id of the event, which is of the type `webhook.test`.
        event_id: String,
        /// The status of its answer; `null` where none came.
        status: Option<i64>,
        /// How long it took, in milliseconds.
        took_ms: i64,
        /// Why it was not taken.
        problem: Option<String>,
        /// The beginning of what it answered.
        answer: String,
    }
    example {"taken": true, "event_id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a2a", "status": 204, "took_ms": 38, "problem": null, "answer": ""}
}

answer! {
    /// A request to a webhook, and what came of it.
    pub struct WebhookDelivery {
        /// The id of the event.
        event_id: String,
        /// Its type.
        kind as "type": String,
        /// When it was sent.
        at: Time,
        /// The status of the answer; `null` where none came.
        status: Option<i64>,
        /// How long it took, in milliseconds.
        took_ms: i64,
        /// Why it was not taken; `null` where it was.
        problem: Option<String>,
    }
    example {"event_id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a2a", "type": "user.created", "at": "2026-11-27T20:00:00.000Z", "status": 204, "took_ms": 38, "problem": null}
}

answer! {
    /// An event that a webhook refused while it took others.
    pub struct WebhookDeadLetter {
        /// The id of the event.
        event_id: String,
        /// Its type.
        kind as "type": String,
        /// When it happened.
        time: Time,
        /// When it was refused the last time.
        refused: Time,
        /// How often it was sent.
        tries: i64,
        /// The status of the last answer; `null` where none came.
        status: Option<i64>,
        /// Why it was not taken.
        problem: String,
        /// When an operator asked for it to be sent again, where that has still to be done.
        resend_requested: Option<Time>,
    }
    example {
        "event_id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a2a", "type": "user.created", "time": "2026-11-27T20:00:00.000Z",
        "refused": "2026-11-27T20:05:05.000Z", "tries": 3, "status": 422, "problem": "it answered 422: no such plan", "resend_requested": null
    }
}

answer! {
    /// How many dead letters are sent again.
    pub struct WebhookResend {
        /// So many.
        count: u64,
    }
    example {"count": 3}
}
