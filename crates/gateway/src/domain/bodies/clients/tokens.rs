//! Static tokens of a client: as they are made and answered.

use crate::domain::described::{Name, Required, Texts, Time, answer, body};

body! {
    /// A new static token.
    pub struct NewToken {
        /// What to know it by.
        name: Required<Name>,
        /// When it stops counting: a year from now if nothing is said, and at most three years ahead.
        expires: Option<Time>,
        /// What it opens: scopes of the client that speak of no user. If nothing is said, all of these.
        scopes: Option<Texts>,
    }
    example {"name": "OneLogin", "scopes": ["provision:scim"]}
}

answer! {
    /// A static token of a client, without the token itself.
    pub struct Token {
        /// Its id.
        id: String,
        /// What to know it by.
        name: String,
        /// What it opens.
        scopes: Vec<String>,
        /// When it was made.
        created: Time,
        /// When it stops counting.
        expires: Time,
        /// When it was last used, to the hour.
        last_used: Option<Time>,
        /// The id of the client's own grant that it belongs to.
        grant: String,
        /// That it stops counting soon, or has.
        warning: Option<String>,
    }
    example {
        "id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "name": "OneLogin", "scopes": ["provision:scim"],
        "created": "2026-11-23T20:00:00.000Z", "expires": "2027-11-23T20:00:00.000Z", "last_used": null, "grant": "17", "warning": null
    }
}

answer! {
    /// What is shown once.
    pub struct ShownToken {
        /// The token. It is shown this once.
        token: String,
    }
    example {"token": "gwt_…"}
}
