//! A grant: as it is answered.

use crate::domain::described::{Time, answer};

answer! {
    /// What a user has accepted for a client.
    pub struct Grant {
        /// Its id.
        id: String,
        /// The client.
        client_id: String,
        /// What the client is called.
        client_name: String,
        /// The id of the user who accepted it, or whom it has passed to. `null` for a client's own.
        user: Option<String>,
        /// What was accepted, separated by spaces.
        scope: String,
        /// When it was accepted.
        created: Time,
        /// When it ended, if it has.
        ended: Option<Time>,
        /// Why it ended.
        end_reason: Option<String>,
        /// Since when it belongs to the account's co-owner.
        rebound: Option<Time>,
    }
    example {
        "id": "17", "client_id": "0198c1d2e3f4", "client_name": "Okta", "user": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b",
        "scope": "offline provision:scim", "created": "2026-11-23T20:00:00.000Z", "ended": null, "end_reason": null, "rebound": null
    }
}
