//! Where the values of a resolved attribute are: in the document, in a resource's own fields, or in related rows.

use serde_json::Value;

use super::Needs;
use crate::json::elements_of;
use crate::resource::{GroupReference, Member, Resource};
use crate::schema::key_text::instant;
use crate::schema::{GROUP, ResourceTypeId, USER};
use crate::urn::is_extension_key;

/// An attribute or a sub-attribute.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    pub(crate) origin: Origin,
    /// The sub-attribute, if the target is one.
    pub(crate) sub: Option<Box<str>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Origin {
    /// An attribute of the document, under its canonical name.
    Document { extension: Option<Box<str>>, name: Box<str> },
    /// `id`
    Id,
    /// `meta.created`
    Created,
    /// `meta.lastModified`
    LastModified,
    /// `meta.version`
    Version,
    /// `schemas`: the core schema, and the extensions that the document has
    Schemas { core: Box<str> },
    /// `members`
    Members,
    /// `groups`
    Groups,
    /// The value that the filter of a value path is evaluated on.
    Element,
}

/// What the target is evaluated on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scope<'a> {
    Resource(&'a Resource),
    Element(Datum<'a>),
}

/// One value, wherever it comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Datum<'a> {
    Json(&'a Value),
    Text(&'a str),
    Instant(i64),
    Member(&'a Member),
    Group(&'a GroupReference),
}

impl Target {
    pub(crate) fn new(origin: Origin, sub: Option<&str>) -> Target {
        Target { origin, sub: sub.map(Into::into) }
    }

    pub(crate) fn needs(&self) -> Needs {
        Needs { members: self.origin == Origin::Members, groups: self.origin == Origin::Groups }
    }

    /// Calls `stop` for every value that is not empty (RFC 7643 §2.5), in order, until it returns true. Returns whether
    /// it did.
    pub(crate) fn any(&self, scope: Scope<'_>, stop: &mut dyn FnMut(Datum<'_>) -> bool) -> bool {
        let sub = self.sub.as_deref();
        let resource = match scope {
            Scope::Resource(resource) => resource,
            Scope::Element(element) => return self.origin == Origin::Element && element.part(sub, stop),
        };
        match &self.origin {
            Origin::Element => false,
            Origin::Document { extension, name } => {
                let document = resource.attributes();
                let value = match extension {
                    None => document.get(&**name),
                    Some(urn) => document.get(&**urn).and_then(|attributes| attributes.get(&**name)),
                };
                elements_of(value).any(|element| Datum::Json(element).part(sub, stop))
            }
            Origin::Id => stop(Datum::Text(resource.id.as_str())),
            Origin::Created => stop(Datum::Instant(resource.meta.created)),
            Origin::LastModified => stop(Datum::Instant(resource.meta.last_modified)),
            Origin::Version => stop(Datum::Text(&resource.etag())),
            Origin::Schemas { core } => {
                let extensions = resource.attributes().keys().filter(|key| is_extension_key(key));
                stop(Datum::Text(core)) || extensions.into_iter().any(|urn| stop(Datum::Text(urn)))
            }
            Origin::Members => {
                let members = resource.members.as_deref().unwrap_or_default();
                members.iter().any(|member| Datum::Member(member).part(sub, stop))
            }
            Origin::Groups => {
                let groups = resource.groups.as_deref().unwrap_or_default();
                groups.iter().any(|group| Datum::Group(group).part(sub, stop))
            }
        }
    }
}

impl Datum<'_> {
    /// Calls `stop` for the values of a sub-attribute, or for the value itself, unless they are empty.
    fn part(self, sub: Option<&str>, stop: &mut dyn FnMut(Datum<'_>) -> bool) -> bool {
        match (self, sub) {
            (Datum::Json(value), None) => is_present(value) && stop(self),
            (Datum::Json(value), Some(sub)) => {
                elements_of(value.get(sub)).any(|value| is_present(value) && stop(Datum::Json(value)))
            }
            (Datum::Member(member), Some("value")) => stop(Datum::Text(member.id.as_str())),
            (Datum::Member(member), Some("display")) => stop(Datum::Text(&member.display)),
            (Datum::Member(member), Some("type")) => stop(Datum::Text(type_name(member.resource_type))),
            (Datum::Group(group), Some("value")) => stop(Datum::Text(group.id.as_str())),
            (Datum::Group(group), Some("display")) => stop(Datum::Text(&group.display)),
            (Datum::Group(group), Some("type")) => stop(Datum::Text(group.kind())),
            (_, None) => stop(self),
            (_, Some(_)) => false,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Datum::Json(value) => value.as_str(),
            Datum::Text(text) => Some(text),
            Datum::Instant(_) | Datum::Member(_) | Datum::Group(_) => None,
        }
    }

    pub(crate) fn boolean(&self) -> Option<bool> {
        self.json().and_then(Value::as_bool)
    }

    pub(crate) fn integer(&self) -> Option<i64> {
        self.json().and_then(Value::as_i64)
    }

    pub(crate) fn decimal(&self) -> Option<f64> {
        self.json().and_then(Value::as_f64)
    }

    pub(crate) fn instant(&self) -> Option<i64> {
        match self {
            Datum::Instant(milliseconds) => Some(*milliseconds),
            other => other.text().and_then(instant),
        }
    }

    pub(crate) fn json(&self) -> Option<&Value> {
        match self {
            Datum::Json(value) => Some(value),
            _ => None,
        }
    }
}

/// Whether a value is not empty: not `null`, `""`, `[]`, nor an object whose values are all empty (RFC 7643 §2.5).
fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(elements) => elements.iter().any(is_present),
        Value::Object(parts) => parts.values().any(is_present),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

fn type_name(id: ResourceTypeId) -> &'static str {
    match id {
        USER => "User",
        GROUP => "Group",
        _ => "",
    }
}
