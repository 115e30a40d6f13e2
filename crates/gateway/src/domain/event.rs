//! What happens in a unit of work, as one type. The audit trail, notices and revocations are projections of it
//! ([`reactions`](../../services/reactions/index.html)).

use scim::Id;

use crate::domain::actor::Actor;
use crate::domain::ids::{AccountKey, UserKey};
use crate::domain::notice::DepartureReason;
use crate::domain::request::RequestId;
use crate::platform::timestamp::Timestamp;

pub mod action;
pub mod changes;
pub mod resource;

pub use action::Action;
pub use changes::Changes;
pub use resource::ResourceEvent;

/// Something that happened.
#[derive(Debug, Clone)]
pub struct Event {
    /// When, in milliseconds since the epoch.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// From this network address.
    pub address: Option<String>,
    /// In the course of this request.
    pub request: Option<RequestId>,
    /// In this account, by its number in storage, if in one.
    pub account: Option<AccountKey>,
    /// What.
    pub kind: Kind,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Kind {
    /// To a user or group, by SCIM or the admin API.
    Resource(Box<ResourceEvent>),
    /// To a grant or token.
    Authorization(oauth::Event),
    /// An identity provider has written a user for the first time.
    TakenOver {
        /// The user, by their number in storage
        user: UserKey,
        /// and by their id.
        id: Id,
    },
    /// Anything else.
    Act(Act),
}

/// A user who was active and had a role that may accept access, and no longer is or has.
#[derive(Debug, Clone)]
pub struct AdministratorLeft {
    /// Their id.
    pub id: Id,
    /// What they were called.
    pub name: String,
    /// How.
    pub leaving: DepartureReason,
}

/// What something was done to: its id, and what it was called then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The public id.
    pub id: String,
    /// The name it had; of what was deleted, the last one.
    pub name: Option<String>,
}

/// An act on one thing.
#[derive(Debug, Clone)]
pub struct Act {
    /// What was done.
    pub action: Action,
    /// To what.
    pub target: Option<Target>,
    /// What else there is to say, for people. Never a secret.
    pub detail: Option<String>,
    /// What was before and after.
    pub changes: Changes,
    /// What kind of thing it was done to, where the action does not say it.
    pub about: Option<&'static str>,
}

impl Act {
    /// Of something that has no id.
    pub fn new(action: Action) -> Act {
        Act { action, target: None, detail: None, changes: Changes::default(), about: None }
    }

    /// To what has this id, and no name or one that is not at hand.
    #[must_use]
    pub fn on(self, id: impl Into<String>) -> Act {
        Act { target: Some(Target { id: id.into(), name: None }), ..self }
    }

    /// To what has this id and is called so.
    #[must_use]
    pub fn on_named(self, id: impl Into<String>, name: impl Into<String>) -> Act {
        Act { target: Some(Target { id: id.into(), name: Some(name.into()) }), ..self }
    }

    /// To a thing of this kind: `user`, `group` or `account`.
    #[must_use]
    pub fn about(self, kind: &'static str) -> Act {
        Act { about: Some(kind), ..self }
    }

    /// With something more to say.
    #[must_use]
    pub fn saying(self, detail: impl Into<Option<String>>) -> Act {
        Act { detail: detail.into(), ..self }
    }

    /// With what changed.
    #[must_use]
    pub fn changing(self, changes: Changes) -> Act {
        Act { changes, ..self }
    }
}

impl From<Act> for Kind {
    fn from(act: Act) -> Kind {
        Kind::Act(act)
    }
}

impl From<ResourceEvent> for Kind {
    fn from(event: ResourceEvent) -> Kind {
        Kind::Resource(Box::new(event))
    }
}

impl From<oauth::Event> for Kind {
    fn from(event: oauth::Event) -> Kind {
        Kind::Authorization(event)
    }
}
