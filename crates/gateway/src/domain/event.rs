//! What happens in a unit of work.

use scim::{Event, Id};

use crate::domain::notice::DepartureReason;

/// A user who was active and had a role that may accept access, and no longer is or has.
#[derive(Debug, Clone)]
pub struct AdministratorLeft {
    /// Their account.
    pub account: i64,
    /// When, in milliseconds since the epoch.
    pub now: i64,
    /// Their number in storage.
    pub user: i64,
    /// Their id.
    pub id: Id,
    /// What they were called.
    pub name: String,
    /// How.
    pub leaving: DepartureReason,
}

/// Something that happened in a unit of work.
#[derive(Debug)]
pub enum News {
    /// To a resource.
    Resource {
        /// In this account,
        account: i64,
        /// at this time (milliseconds since the epoch).
        now: i64,
        /// What.
        event: Event,
    },
    /// A user no longer has a role that may own grants.
    RoleLost {
        /// In this account,
        account: i64,
        /// at this time (milliseconds since the epoch),
        now: i64,
        /// this user.
        owner: Id,
    },
    /// One user fewer may accept access.
    AdministratorLeft(AdministratorLeft),
    /// An identity provider has written a user for the first time.
    TakenOver {
        /// In this account,
        account: i64,
        /// at this time (milliseconds since the epoch),
        now: i64,
        /// this user, by their number in storage
        user: i64,
        /// and their id.
        id: Id,
    },
    /// To a client, grant or token.
    Authorization {
        /// At this time.
        now: i64,
        /// What.
        event: oauth::Event,
    },
}
