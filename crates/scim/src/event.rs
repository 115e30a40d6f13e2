//! What happened to a resource: what audit trails, revocations and notifications are made from.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::resource::{Id, Member, Resource};
use crate::schema::{Attribute, Mutability, ResourceType, ResourceTypeId, Returned};

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
    /// Its single-valued attributes of the core schema that are not long, after the change; of what was deleted, before. Each once.
    pub facts: Vec<(String, Value)>,
    /// The attributes that the event is about, each with its value before and after: of what was created or deleted, all it has.
    pub changes: Vec<AttributeChange>,
    /// All attributes it has since, but those that no client is shown; `None` of an event that changed none of them, and of what was deleted.
    pub shown: Option<Map<String, Value>>,
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
            shown: None,
        }
    }

    /// With all attributes that the resource has since.
    #[must_use]
    pub fn showing(self, resource_type: &ResourceType, resource: &Resource) -> Event {
        Event { shown: Some(shown(resource_type, resource.attributes())), ..self }
    }

    /// With what changed.
    #[must_use]
    pub fn changing(self, changes: Vec<AttributeChange>) -> Event {
        Event { changes, ..self }
    }
}

/// The attributes of a document that clients may be shown.
pub fn shown(resource_type: &ResourceType, document: &Map<String, Value>) -> Map<String, Value> {
    let visible = |schema: &[Attribute], name: &String, value: &Value| {
        let attribute = schema.iter().find(|attribute| attribute.name == *name).filter(|one| is_shown(one))?;
        Some((name.clone(), shown_parts(attribute, value)))
    };
    let in_schema = |place: Place, name: &String, value: &Value| match place {
        Place::Core(_) => visible(&resource_type.schema.attributes, name, value),
        Place::Extension(index) => {
            let schema = &resource_type.extensions[index].0.attributes;
            let parts = value.as_object()?.iter().filter_map(|(name, value)| visible(schema, name, value));
            Some((name.clone(), Value::Object(parts.collect())))
        }
    };
    let attribute = |(name, value): (&String, &Value)| match Place::of(resource_type, name) {
        Some(place) => in_schema(place, name, value),
        // It is common to all resource types, and so in no schema of theirs.
        None => (name == "externalId").then(|| (name.clone(), value.clone())),
    };
    document.iter().filter_map(attribute).collect()
}

/// A value without the parts that no client is shown.
fn shown_parts(attribute: &Attribute, value: &Value) -> Value {
    if attribute.sub_attributes.iter().all(is_shown) {
        return value.clone();
    }
    let hidden = |name: &String| attribute.sub_attributes.iter().any(|sub| sub.name == *name && !is_shown(sub));
    match value {
        Value::Array(values) => values.iter().map(|value| shown_parts(attribute, value)).collect(),
        Value::Object(parts) => {
            let parts = parts.iter().filter(|(name, _)| !hidden(name));
            Value::Object(parts.map(|(name, value)| (name.clone(), value.clone())).collect())
        }
        value => value.clone(),
    }
}

/// What differs between two documents of a resource type, in the order of its schemas.
pub(crate) fn changes(
    resource_type: &ResourceType,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Vec<AttributeChange> {
    // A document has few of the attributes that a schema has, so its own names are looked up, and not each of the schema's.
    let gone = before.iter().filter(|(name, _)| !after.contains_key(*name)).map(|(name, was)| (name, Some(was), None));
    let kept = after.iter().map(|(name, is)| (name, before.get(name), Some(is)));
    let mut places: Vec<_> = gone
        .chain(kept)
        .filter(|(_, was, is)| was != is)
        .filter_map(|(name, was, is)| Some((Place::of(resource_type, name)?, was, is)))
        .collect();
    places.sort_unstable_by_key(|(place, ..)| *place);
    let mut changes = Vec::with_capacity(places.len());
    for (place, was, is) in places {
        match place {
            Place::Core(index) => {
                let attribute = &resource_type.schema.attributes[index];
                compare(Cow::Borrowed(&attribute.name), attribute, (was, is), &mut changes);
            }
            Place::Extension(index) => {
                let extension = &resource_type.extensions[index].0;
                for attribute in &extension.attributes {
                    let (was, is) = (value_of(was, attribute), value_of(is, attribute));
                    if was != is {
                        let path = format!("{}:{}", extension.id, attribute.name);
                        compare(Cow::Owned(path), attribute, (was, is), &mut changes);
                    }
                }
            }
        }
    }
    changes
}

/// What a name of a document stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// The attribute of the core schema with this index,
    Core(usize),
    /// or the attributes of the extension with this one.
    Extension(usize),
}

impl Place {
    fn of(resource_type: &ResourceType, name: &str) -> Option<Place> {
        let core = || resource_type.schema.attributes.iter().position(|attribute| attribute.name == name);
        let extension = || resource_type.extensions.iter().position(|(extension, _)| extension.id == name);
        core().map(Place::Core).or_else(|| extension().map(Place::Extension))
    }
}

/// A complex attribute with one value is compared by its parts.
fn compare(
    path: Cow<'_, str>,
    attribute: &Attribute,
    (before, after): (Option<&Value>, Option<&Value>),
    changes: &mut Vec<AttributeChange>,
) {
    let nothing = Map::new();
    let parts = |value| parts_of(value, &nothing);
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
    push(path.into_owned(), attribute.declared, is_told(attribute), (before, after), changes);
}

/// The value that an attribute has among those of its extension.
fn value_of<'v>(extension: Option<&'v Value>, attribute: &Attribute) -> Option<&'v Value> {
    extension?.get(&attribute.name)
}

/// The parts of a complex value; `nothing` of none.
fn parts_of<'v>(value: Option<&'v Value>, nothing: &'v Map<String, Value>) -> Option<&'v Map<String, Value>> {
    match value {
        None => Some(nothing),
        Some(value) => value.as_object(),
    }
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
    is_shown(attribute) && attribute.sub_attributes.iter().all(is_shown)
}

/// Whether clients may be shown it.
fn is_shown(attribute: &Attribute) -> bool {
    attribute.returned != Returned::Never && attribute.mutability != Mutability::WriteOnly
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
