//! A row of the audit trail, as it is answered and exported.

use crate::domain::described::{Anything, Time, answer};

answer! {
    /// A row of the audit trail.
    pub struct AuditRow {
        /// When it happened.
        at: Time,
        /// The id of the account it concerns. Rows of earlier releases have neither this nor the names.
        account: Option<String>,
        /// What the account was called then.
        account_name: Option<String>,
        /// What the actor was called then.
        actor_name: Option<String>,
        /// Who did it: `client:ID`, `user:ID`, `operator:ID`, or a word.
        actor: String,
        /// What was done, as `account.created`.
        action: String,
        /// To what.
        target: Option<String>,
        /// What that was called then; of what was deleted, the last name. Of a grant, its client's.
        target_name: Option<String>,
        /// From which network address.
        address: Option<String>,
        /// The id of the request that asked for it ([what came of that](why-did-it-fail.md)).
        request_id: Option<String>,
        /// More of it, for people.
        detail: Option<String>,
        /// What changed: of each field what was `before` and `after`.
        changes: Option<Anything>,
    }
    example {
        "at": "2026-11-23T20:00:00.000Z", "account": "0198a6b2-0000-7e4f-8a5b-6c7d8e9f0a1b", "account_name": "acme", "actor_name": "provisioning dashboard", "actor": "operator:0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b",
        "action": "account.changed", "target": "0198a6b2-0000-7e4f-8a5b-6c7d8e9f0a1b", "target_name": "acme", "address": "192.0.2.17", "request_id": "01kbx3n7q8f2m0v5t9r4cwz", "detail": null,
        "changes": {"default_role": {"before": null, "after": "reports"}}
    }
}
