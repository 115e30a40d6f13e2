//! Secrets of a client: as they are made and answered.

use crate::domain::described::{Name, Time, answer, body};

body! {
    /// One more secret of a client.
    pub struct NewSecret {
        /// What to know it by.
        label: Option<Name>,
        /// When it stops counting. If nothing is said, the client's `secret_lifetime_days` decide, then the installation's.
        expires: Option<Time>,
    }
    example {"label": "2027", "expires": "2199-01-31T00:00:00Z"}
}

answer! {
    /// A secret of a client, without the secret itself.
    pub struct Secret {
        /// Its id.
        id: String,
        /// What to know it by.
        label: Option<String>,
        /// When it was made.
        created: Time,
        /// When it stops counting.
        expires: Option<Time>,
        /// When it was last used, to the hour.
        last_used: Option<Time>,
        /// That it stops counting soon, or has.
        warning: Option<String>,
    }
    example {
        "id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "label": "2027", "created": "2026-11-23T20:00:00.000Z", "expires": null,
        "last_used": null, "warning": null
    }
}

answer! {
    /// A new secret, shown once.
    pub struct ShownSecret {
        /// Its id.
        id: String,
        /// The client.
        client_id: String,
        /// The secret. It is shown this once.
        client_secret: String,
        /// What to know it by.
        label: Option<String>,
        /// When it was made.
        created: Time,
        /// When it stops counting.
        expires: Option<Time>,
    }
    example {
        "id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "client_id": "0198c1d2e3f4", "client_secret": "gws_…", "label": "2027",
        "created": "2026-11-23T20:00:00.000Z", "expires": "2199-01-31T00:00:00.000Z"
    }
}
