//! What happened to a resource: what audit trails, revocations and notifications are made from.

use serde_json::{Map, Value};

use crate::resource::document::assigned;
use crate::resource::{Id, Member, Resource};
use crate::schema::{Attribute, Mutability, ResourceType, ResourceTypeId, Returned, Schema};

/// A fact about a resource has at most so many bytes of JSON ([`Event::facts`]).
const LONGEST_FACT: usize = 1024;

/// One thing that happened, recorded in the unit of work that did it.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// To a resource of this type,
    pub resource_type: ResourceTypeId,
    /// with this `id`.
    pub id: Id,
    /// What it is called ([`Resource::display`]); of what was deleted, the last name.
    pub name: String,
    /// Its single-valued attributes of the core schema that are not long, after the change; of what was deleted, before.
    pub facts: Map<String, Value>,
    /// The attributes that the event is about, each with its value before and after: of what was created or deleted, all it has.
    pub changes: Vec<AttributeChange>,
}

/// What an attribute was before a change, and what it is since.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributeChange {
    /// `userName`, `name.givenName`, `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department`.
    pub path: String,
    /// Whether it is none of the standard's attributes, but [declared](crate::Overlay).
    pub declared: bool,
    /// `None`: it had no value. What is never returned is not told here either: both are `None`.
    pub before: Option<Value>,
    /// `None`: it has no value.
    pub after: Option<Value>,
}

impl Event {
    /// Something that happened to this resource.
    pub fn of(resource: &Resource, kind: EventKind) -> Event {
        let is_short = |value: &Value| match value {
            Value::String(text) => text.len() <= LONGEST_FACT,
            Value::Object(_) => value.to_string().len() <= LONGEST_FACT,
            Value::Array(_) => false,
            Value::Null | Value::Bool(_) | Value::Number(_) => true,
        };
        let facts = resource.attributes().iter();
        let facts = facts.filter(|(name, value)| !name.contains(':') && is_short(value));
        Event {
            kind,
            resource_type: resource.resource_type,
            id: resource.id.clone(),
            name: resource.display().to_owned(),
            facts: facts.map(|(name, value)| (name.clone(), value.clone())).collect(),
            changes: Vec::new(),
        }
    }

    /// With what changed.
    #[must_use]
    pub fn changing(self, changes: Vec<AttributeChange>) -> Event {
        Event { changes, ..self }
    }
}

/// What differs between two documents of a resource type.
pub(crate) fn changes(
    resource_type: &ResourceType,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Vec<AttributeChange> {
    let mut changes = Vec::new();
    let core = resource_type.schema.attributes.iter().map(|attribute| (None, attribute));
    let extensions = resource_type.extensions.iter();
    let others = extensions.flat_map(|(extension, _)| extension.attributes.iter().map(move |a| (Some(extension), a)));
    for (extension, attribute) in core.chain(others) {
        let (before, after) = (assigned(before, extension, attribute), assigned(after, extension, attribute));
        if before != after {
            compare(&path(extension, attribute), attribute, (before, after), &mut changes);
        }
    }
    changes
}

fn path(extension: Option<&Schema>, attribute: &Attribute) -> String {
    match extension {
        Some(extension) => format!("{}:{}", extension.id, attribute.name),
        None => attribute.name.clone(),
    }
}

/// A complex attribute with one value is compared by its parts.
fn compare(
    path: &str,
    attribute: &Attribute,
    (before, after): (Option<&Value>, Option<&Value>),
    changes: &mut Vec<AttributeChange>,
) {
    let parts = |value: Option<&Value>| match value {
        None => Some(Map::new()),
        Some(Value::Object(parts)) => Some(parts.clone()),
        Some(_) => None,
    };
    if !attribute.multi_valued
        && !attribute.sub_attributes.is_empty()
        && let (Some(before), Some(after)) = (parts(before), parts(after))
    {
        for sub in &attribute.sub_attributes {
            let (before, after) = (before.get(&sub.name), after.get(&sub.name));
            if before != after {
                push(format!("{path}.{}", sub.name), attribute.declared, is_told(sub), (before, after), changes);
            }
        }
        return;
    }
    push(path.to_owned(), attribute.declared, is_told(attribute), (before, after), changes);
}

fn push(
    path: String,
    declared: bool,
    is_told: bool,
    (before, after): (Option<&Value>, Option<&Value>),
    changes: &mut Vec<AttributeChange>,
) {
    let told = |value: Option<&Value>| value.filter(|_| is_told).cloned();
    changes.push(AttributeChange { path, declared, before: told(before), after: told(after) });
}

/// A value that no client is shown is told nowhere.
fn is_told(attribute: &Attribute) -> bool {
    let is_shown = |a: &Attribute| a.returned != Returned::Never && a.mutability != Mutability::WriteOnly;
    is_shown(attribute) && attribute.sub_attributes.iter().all(is_shown)
}

/// Members who joined a group or left it: the first of them by name, and how many they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members {
    /// The first, at most [`Members::NAMED`].
    pub named: Vec<Member>,
    /// All.
    pub count: u64,
}

impl Members {
    /// So many are named.
    pub const NAMED: usize = 50;

    /// This one.
    pub fn one(member: Member) -> Members {
        Members { named: vec![member], count: 1 }
    }
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
        /// Who joined.
        added: Members,
        /// Who left.
        removed: Members,
    },
    /// A group was given members who do not exist yet, and waits for them from now on.
    MembersPending {
        /// What stood in `value`; at most 128 characters of each.
        names: Vec<String>,
    },
    /// Members were named that do not exist; they were left out and the rest was kept.
    MembersSkipped {
        /// What stood in `value`, which need not have the form of an id; at most 128 characters of each.
        ids: Vec<String>,
    },
}

#[cfg(test)]
mod tests;
