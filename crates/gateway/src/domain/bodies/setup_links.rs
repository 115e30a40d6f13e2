//! Setup links: as they are made and answered.

use crate::domain::described::{Name, Text, Time, answer, body};
use crate::domain::setup_link::{LinkState, Provider};

body! {
    /// A new setup link: for a client that exists, or for one that is made with it.
    pub struct NewSetupLink {
        /// The id of the client that is set up. It is of the account. Without it a client is made, which has no secret until one is revealed
        /// by the link.
        client_id: Option<Text>,
        /// The identity provider of the client that is made. An existing client has one.
        provider: Option<Provider>,
        /// What the client that is made is called; after its provider if nothing is said.
        name: Option<Name>,
        /// The `userName` of the service account whose password the administrator sets, for providers at which a user accepts access (`okta`).
        /// One that does not exist is made. `okta-provisioning` if nothing is said.
        service_account: Option<Text>,
        /// Whom the administrator may ask, an address; that of `brand.support_email` if nothing is said.
        contact: Option<Text>,
        /// When it stops counting; `setup.link_days` from now if nothing is said, and at most 90 days ahead.
        expires: Option<Time>,
    }
    example {"provider": "okta", "name": "Okta", "service_account": "okta-provisioning", "contact": "nora@vendor.example"}
}

answer! {
    /// When something was done, and from where.
    pub struct SetupMoment {
        /// When.
        at: Time,
        /// From which network address.
        from: Option<String>,
    }
    example {"at": "2026-11-23T20:10:00.000Z", "from": "198.51.100.24"}
}

answer! {
    /// A setup link, without the link itself.
    pub struct SetupLink {
        /// Its id.
        id: String,
        /// The client that is set up.
        client_id: String,
        /// What the client is called.
        client_name: String,
        /// The identity provider in whose words the page speaks.
        provider: Provider,
        /// How it is. Of a client only the newest link is open.
        state: LinkState,
        /// The id of the service account whose password is set on the page.
        service_account: Option<String>,
        /// Whom the administrator may ask.
        contact: Option<String>,
        /// When it was made.
        created: Time,
        /// Who made it.
        created_by: String,
        /// When it stops counting.
        expires: Time,
        /// When it was opened first.
        opened: Option<SetupMoment>,
        /// When a secret was last revealed by it, or by an earlier link of the client.
        revealed: Option<SetupMoment>,
        /// How often a secret that was revealed before was asked for again. It was not shown.
        refused_reveals: i64,
        /// When that was last.
        refused: Option<SetupMoment>,
        /// When the setup was finished.
        finished: Option<Time>,
        /// When it was revoked.
        revoked: Option<Time>,
    }
    example {
        "id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "client_id": "0198c1d2e3f4", "client_name": "Okta", "provider": "okta", "state": "opened",
        "service_account": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1c", "contact": "nora@vendor.example", "created": "2026-11-23T20:00:00.000Z",
        "created_by": "nora", "expires": "2026-12-07T20:00:00.000Z",
        "opened": {"at": "2026-11-23T20:10:00.000Z", "from": "198.51.100.24"}, "revealed": null, "refused_reveals": 0, "refused": null,
        "finished": null, "revoked": null
    }
}

answer! {
    /// What is shown once.
    pub struct ShownLink {
        /// The link. It is shown this once: it is not stored.
        url: String,
    }
    example {"url": "https://gateway.example/setup/gwl_…"}
}
