//! Links that set a password: as they are made and answered.

use crate::domain::described::{Time, answer, body};
use crate::domain::password_link::LinkPurpose;

body! {
    /// A new link with which a user sets a password.
    pub struct NewPasswordLink {
        /// `invitation` for a first password, `recovery` for another one; if nothing is said, what fits the user.
        purpose: Option<LinkPurpose>,
    }
    example {"purpose": "recovery"}
}

answer! {
    /// A link with which a user sets a password.
    pub struct PasswordLink {
        /// The link. It is shown this once, counts once, and ended the link that the user had.
        url: String,
        /// The id of the user.
        user: String,
        /// What it is for.
        purpose: LinkPurpose,
        /// When it was made.
        created: Time,
        /// When it stops counting.
        expires: Time,
    }
    example {
        "url": "https://gateway.example/password/gwp_…", "user": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "purpose": "recovery",
        "created": "2026-11-26T10:00:00.000Z", "expires": "2026-11-26T11:00:00.000Z"
    }
}
