//! A notice: as operators read it.

use crate::domain::described::{Anything, Time, answer};

answer! {
    /// Something that a user, or the operators of the account, had to be told.
    pub struct Notice {
        /// Its id.
        id: String,
        /// The id of the user it is for; `null` if it is for the account's operators.
        user: Option<String>,
        /// What it is about, as `connections_passed`.
        kind: String,
        /// What is told; `null` for a kind that this version does not know.
        told: Option<String>,
        /// The same for programs.
        detail: Option<Anything>,
        /// When it was made.
        made: Time,
        /// When the user said that they have seen it.
        seen: Option<Time>,
        /// When a mail relay took it.
        mailed: Option<Time>,
        /// How often mail was tried.
        tries: i64,
        /// When mail is tried next.
        next_try: Option<Time>,
        /// Why the last try failed.
        problem: Option<String>,
    }
    example {
        "id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "user": "0198a6b2-1111-7e4f-8a5b-6c7d8e9f0a1b", "kind": "connections_passed",
        "told": "Ada Lovelace's user was deactivated on 26 November 2026. The connection of Okta in acme now belongs to your user: if you \
                 leave, it ends.",
        "detail": {
            "from": "0198a6b2-2222-7e4f-8a5b-6c7d8e9f0a1b", "from_name": "Ada Lovelace", "reason": "deactivated", "clients": ["Okta"],
            "more": 0
        },
        "made": "2026-11-26T10:00:00.000Z", "seen": null, "mailed": null, "tries": 2, "next_try": "2026-11-26T10:03:00.000Z",
        "problem": "the relay answered 451 4.3.0 come back later"
    }
}
