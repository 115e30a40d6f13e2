//! The health of connections, as it is answered.

use serde::{Serialize, Serializer};

use crate::domain::described::query::FromText;
use crate::domain::described::{Time, alternatives, answer, described_words};
use crate::domain::health::{HealthState, ReasonCode, Severity};

described_words!(HealthState, HealthState::ALL.map(HealthState::as_str));
described_words!(ReasonCode, ReasonCode::ALL.iter().map(|code| code.as_str()).collect::<Vec<_>>());
described_words!(Severity, ["information", "never_used", "attention", "broken"]);

impl Serialize for HealthState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for ReasonCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for Severity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl FromText for HealthState {
    fn from_text(text: &str) -> Result<HealthState, String> {
        let words = HealthState::ALL.map(HealthState::as_str);
        HealthState::parse(text).ok_or_else(|| format!("must be {}", alternatives(&words)))
    }
}

answer! {
    /// How the connection of a client is ([all reasons](health.md)).
    pub struct ClientHealth {
        /// The id of the client.
        client_id: String,
        /// What it is called.
        client_name: String,
        /// The id of its account; `null` for a client that all share.
        account: Option<String>,
        /// What the account is called.
        account_name: Option<String>,
        /// The worst reason decides it.
        state: HealthState,
        /// Since when it is in this state, or known to be.
        since: Time,
        /// The reasons, the worst first.
        reasons: Vec<HealthReason>,
        /// When it last sent a request for provisioning, accepted or refused.
        last_request: Option<Contact>,
        /// When it last sent one that was accepted.
        last_success: Option<Contact>,
        /// When it was last given a token: by a refresh token, a code or its own credentials.
        last_refresh: Option<Contact>,
        /// When it last went through the list of all users.
        last_import: Option<Contact>,
        /// Whether requests are recorded. Where they are not, most of the times above are not known.
        recorded: bool,
        /// The longest pause between two days on which it was there, of the last two months; `null` while too little is known.
        usual_pause_days: Option<i64>,
        /// When its connection expires if it is not used before; `null` if it has none or that never expires.
        expires: Option<Time>,
        /// What was refused within the last day, as far as it is recorded, the most frequent first.
        refusals: Vec<RefusalCount>,
    }
    example {
        "client_id": "3f2a9c0d4b5e46718293a4b5c6d7e8f9", "client_name": "Okta", "account": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b",
        "account_name": "acme", "state": "attention", "since": "2026-11-02T09:05:00.000Z",
        "reasons": [{
            "code": "owner_is_person", "severity": "attention",
            "sentence": "The connection of Okta belongs to Ada Lovelace in acme, a person and not a service account: it ends when that user is \
                         deactivated, deleted or given another role.",
            "since": "2026-11-02T09:00:00.000Z",
            "what_to_do": "Have a service account authenticate instead, or name a co-owner of the account."
        }],
        "last_request": {"at": "2026-11-23T20:00:00.000Z", "address": "192.0.2.17"},
        "last_success": {"at": "2026-11-23T20:00:00.000Z", "address": "192.0.2.17"},
        "last_refresh": {"at": "2026-11-23T19:58:00.000Z", "address": "192.0.2.17"}, "last_import": null, "recorded": true,
        "usual_pause_days": 3, "expires": "2027-05-22T19:58:00.000Z",
        "refusals": [{"code": "uniqueness", "count": 2, "last": "2026-11-23T18:40:00.000Z"}]
    }
}

answer! {
    /// Why a connection is as it is.
    pub struct HealthReason {
        /// A stable code.
        code: ReasonCode,
        /// How bad it is.
        severity: Severity,
        /// What is so, in a sentence that can be read to the customer.
        sentence: String,
        /// Since when it is so, or known to be.
        since: Time,
        /// What to do about it.
        what_to_do: &'static str,
    }
    example {
        "code": "secret_expires", "severity": "attention",
        "sentence": "The client secret “2026” of Okta expires on 3 December 2026, in 10 days.", "since": "2026-11-03T00:00:00.000Z",
        "what_to_do": "Make a new client secret and have the customer enter it in the identity provider before that day. Both count until then."
    }
}

answer! {
    /// When a client was there, and from where.
    pub struct Contact {
        /// When.
        at: Time,
        /// From which network address, if that is known.
        address: Option<String>,
    }
    example {"at": "2026-11-23T20:00:00.000Z", "address": "192.0.2.17"}
}

answer! {
    /// How often requests were refused for one reason.
    pub struct RefusalCount {
        /// The code of the refusal ([all there are](why-did-it-fail.md)).
        code: Option<String>,
        /// How often.
        count: i64,
        /// When last.
        last: Time,
    }
    example {"code": "uniqueness", "count": 2, "last": "2026-11-23T18:40:00.000Z"}
}

answer! {
    /// A page of connections.
    pub struct HealthList {
        /// The clients, in the order they were made.
        items: Vec<ClientHealth>,
        /// What to send as `after` for the next page. The last page has none.
        next: Option<String>,
    }
    example {"items": [], "next": null}
}
