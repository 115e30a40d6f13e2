//! What happened to a resource, for whoever has to react: audit, revocation, notifications.

use crate::resource::Id;
use crate::schema::ResourceTypeId;

/// One thing that happened, recorded in the unit of work that did it. Carries no attribute values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// To a resource of this type,
    pub resource_type: ResourceTypeId,
    /// with this `id`.
    pub id: Id,
}

/// The kinds of event. A change to `active` is reported beside the write that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// POST.
    Created,
    /// POST of a user who had been deactivated.
    Restored,
    /// PUT that changed something.
    Replaced,
    /// PATCH that changed something.
    Patched,
    /// `active` became true.
    Activated,
    /// `active` became false.
    Deactivated,
    /// Attributes whose absence grants were unassigned: what they restricted before is open now.
    AccessOpened {
        /// Their names.
        attributes: Vec<String>,
    },
    /// DELETE.
    Deleted,
    /// A group's membership changed.
    MembershipChanged {
        /// How many joined.
        added: u64,
        /// How many left.
        removed: u64,
    },
    /// A group was given members who do not exist yet, and waits for them from now on.
    MembersParked {
        /// What stood in `value`; at most 128 characters of each.
        names: Vec<String>,
    },
    /// Members were named that do not exist; they were left out and the rest was kept.
    MembersSkipped {
        /// What stood in `value`, which need not have the form of an id; at most 128 characters of each.
        ids: Vec<String>,
    },
}
