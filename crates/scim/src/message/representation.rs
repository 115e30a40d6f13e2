//! A resource as a client sees it (RFC 7643 §3): the projected document, plus what the service provider adds:
//! `schemas`, `id`, `meta`, `members`, `groups`.
//!
//! A [`Representation`] borrows everything and serializes straight into the answer.

use std::borrow::Cow;

use chrono::{DateTime, Datelike, SecondsFormat, Timelike};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Map, Value};

use crate::message::projection::{Projection, Shown};
use crate::resource::written::{Entries, Held};
use crate::resource::{GroupReference, Id, Member, Meta, Resource};
use crate::schema::{Registry, ResourceType, ResourceTypeId};
use crate::urn;

/// A resource that serializes as the client sees it.
#[derive(Debug, Clone, Copy)]
pub struct Representation<'a> {
    resource: &'a Resource,
    resource_type: &'a ResourceType,
    projection: &'a Projection,
    registry: &'a Registry,
    base: &'a str,
}

impl<'a> Representation<'a> {
    /// `base` is as in [`Context::base`](crate::Context::base). Members and groups are shown if they were loaded.
    pub fn new(
        resource: &'a Resource,
        projection: &'a Projection,
        registry: &'a Registry,
        base: &'a str,
    ) -> Representation<'a> {
        let resource_type = registry.get(resource.resource_type);
        Representation { resource, resource_type, projection, registry, base }
    }

    /// The URL of the resource: `meta.location` and the `Location` header.
    pub fn location(&self) -> String {
        location(self.base, self.resource_type, &self.resource.id)
    }

    /// The resource as a JSON value.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The resource as the bytes of a body.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 << 10);
        self.write(&mut bytes);
        bytes
    }

    /// Appends the resource as JSON. Attributes that are all shown and stand in one text as they were stored are passed on as that text.
    fn write(&self, out: &mut Vec<u8>) {
        let frame = Frame::of(self.base, self.resource_type);
        self.write_in(frame.as_ref(), out);
    }

    /// The frame of its type: that of the resource before it, if that is of the same.
    pub(crate) fn frame<'f>(&self, last: &'f mut Option<(ResourceTypeId, Frame)>) -> Option<&'f Frame> {
        let kind = self.resource_type.id;
        if last.as_ref().is_none_or(|(of, _)| *of != kind) {
            *last = Frame::of(self.base, self.resource_type).map(|frame| (kind, frame));
        }
        last.as_ref().map(|(_, frame)| frame)
    }

    /// The same within this frame.
    pub(crate) fn write_in(&self, frame: Option<&Frame>, out: &mut Vec<u8>) {
        let start = out.len();
        if frame.and_then(|frame| self.pass_on(frame, out)).is_none() {
            out.truncate(start);
            if serde_json::to_writer(&mut *out, self).is_err() {
                out.truncate(start);
            }
        }
    }

    /// `None` where attributes have to be looked at one by one; what was appended by then is to be removed.
    fn pass_on(&self, frame: &Frame, out: &mut Vec<u8>) -> Option<()> {
        let (attributes, names) = self.resource.attributes.as_written()?;
        out.extend_from_slice(&frame.start);
        for (name, is_extension) in names {
            if !self.projection.shows_all_of(name, is_extension) {
                return None;
            }
            if is_extension {
                append(out, &[",\"", name, "\""]);
            }
        }
        // An id has no character that would have to be escaped.
        append(out, &["],\"id\":\"", self.resource.id.as_str(), "\""]);
        if !attributes.is_empty() {
            append(out, &[",", attributes]);
        }
        if self.shown_members().is_some() || self.shown_groups().is_some() {
            let relations = out.len();
            serde_json::to_writer(&mut *out, &Relations(self)).ok()?;
            out[relations] = b',';
            out.pop();
        }
        match self.projection.shown(None, "meta") {
            Shown::Hidden => {}
            Shown::Whole => self.write_meta(frame, out),
            shown => {
                out.extend_from_slice(b",\"meta\":");
                serde_json::to_writer(&mut *out, &MetaEntry(self, shown)).ok()?;
            }
        }
        out.push(b'}');
        Some(())
    }

    fn write_meta(&self, frame: &Frame, out: &mut Vec<u8>) {
        let Meta { created, last_modified, version } = self.resource.meta;
        out.extend_from_slice(&frame.meta);
        append(out, &[&date_time(created), "\",\"lastModified\":\""]);
        append(out, &[&date_time(last_modified), "\",\"location\":"]);
        out.extend_from_slice(&frame.location);
        append(out, &[self.resource.id.as_str(), "\",\"version\":\"W/\\\"", &version.to_string(), "\\\"\"}"]);
    }

    fn reference(&self, resource_type: ResourceTypeId, id: &Id) -> (&'a str, String) {
        let resource_type = self.registry.get(resource_type);
        (&resource_type.name, location(self.base, resource_type, id))
    }
}

/// What all resources of a type have alike, as JSON: made once for a list.
#[derive(Debug)]
pub(crate) struct Frame {
    /// Up to the extensions.
    start: Vec<u8>,
    /// Of `meta`, up to the time of creation.
    meta: Vec<u8>,
    /// The location, up to the id.
    location: Vec<u8>,
}

impl Frame {
    pub(crate) fn of(base: &str, resource_type: &ResourceType) -> Option<Frame> {
        let json = |head: &[u8], text: &str, tail: &[u8]| {
            let mut out = head.to_vec();
            serde_json::to_writer(&mut out, text).ok()?;
            out.extend_from_slice(tail);
            Some(out)
        };
        let mut location = json(b"", &[base, "/", &resource_type.endpoint, "/"].concat(), b"")?;
        location.pop();
        Some(Frame {
            start: json(b"{\"schemas\":[", &resource_type.schema.id, b"")?,
            meta: json(b",\"meta\":{\"resourceType\":", &resource_type.name, b",\"created\":\"")?,
            location,
        })
    }
}

fn append(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

/// The URL of a resource.
pub fn location(base: &str, resource_type: &ResourceType, id: &Id) -> String {
    // Written for every member of a group, so it avoids `format!`.
    let parts = [base, "/", &resource_type.endpoint, "/", id.as_str()];
    parts.concat()
}

/// Formats milliseconds since the epoch as a dateTime: `2011-08-01T21:32:44.882Z`.
pub fn date_time(milliseconds: i64) -> String {
    let moment = DateTime::from_timestamp_millis(milliseconds).unwrap_or_default();
    // Two of them are in every resource, so this avoids the general way.
    let utc = moment.naive_utc();
    let Some(year) = u32::try_from(utc.year()).ok().filter(|year| *year <= 9_999) else {
        return moment.to_rfc3339_opts(SecondsFormat::Millis, true);
    };
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let mut put = |end: usize, digits: usize, mut value: u32| {
        for digit in text[end - digits..end].iter_mut().rev() {
            *digit += (value % 10) as u8;
            value /= 10;
        }
    };
    put(4, 4, year);
    put(7, 2, utc.month());
    put(10, 2, utc.day());
    put(13, 2, utc.hour());
    put(16, 2, utc.minute());
    put(19, 2, utc.second());
    put(23, 3, utc.nanosecond() / 1_000_000);
    String::from_utf8_lossy(&text).into_owned()
}

impl<'a> Serialize for Representation<'a> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let Entries(attributes) = self.resource.attributes.entries();
        map.serialize_entry("schemas", &Schemas(self, &attributes))?;
        map.serialize_entry("id", self.resource.id.as_str())?;
        for (name, value) in &attributes {
            if urn::is_extension_key(name) {
                self.extension(&mut map, name, *value)?;
            } else {
                entry(&mut map, name, *value, self.projection.shown(None, name))?;
            }
        }
        self.rest(&mut map)?;
        map.end()
    }
}

/// Members and groups, where they are shown.
struct Relations<'r, 'a>(&'r Representation<'a>);

impl Serialize for Relations<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.0.relations(&mut map)?;
        map.end()
    }
}

impl<'a> Representation<'a> {
    fn shown_members(&self) -> Option<&'a [Member]> {
        self.resource.members.as_deref().filter(|_| self.projection.shows_members())
    }

    fn shown_groups(&self) -> Option<&'a [GroupReference]> {
        self.resource.groups.as_deref().filter(|groups| !groups.is_empty() && self.projection.shows_groups())
    }

    fn relations<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        if let Some(members) = self.shown_members() {
            let shown = self.projection.shown(None, "members");
            map.serialize_entry(
                "members",
                &References(members, |member: &'a Member| {
                    let (kind, reference) = self.reference(member.resource_type, &member.id);
                    Reference { shown, value: member.id.as_str(), reference, kind, display: &member.display }
                }),
            )?;
        }
        if let Some(groups) = self.shown_groups() {
            let shown = self.projection.shown(None, "groups");
            map.serialize_entry(
                "groups",
                &References(groups, |group: &'a GroupReference| {
                    let (_, reference) = self.reference(crate::schema::GROUP, &group.id);
                    let (value, kind) = (group.id.as_str(), group.kind());
                    Reference { shown, value, reference, kind, display: &group.display }
                }),
            )?;
        }
        Ok(())
    }

    /// What is not of the document: members, groups and `meta`.
    fn rest<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        self.relations(map)?;
        match self.projection.shown(None, "meta") {
            Shown::Hidden => {}
            shown => map.serialize_entry("meta", &MetaEntry(self, shown))?,
        }
        Ok(())
    }
}

impl Representation<'_> {
    fn extension<M: SerializeMap>(&self, map: &mut M, urn: &str, attributes: Held<'_>) -> Result<(), M::Error> {
        let under_urn = Extension { attributes: attributes.entries(), urn, projection: self.projection };
        if under_urn.shown().next().is_some() { map.serialize_entry(urn, &under_urn) } else { Ok(()) }
    }
}

/// Writes the shown part of an attribute.
fn entry<M: SerializeMap>(map: &mut M, name: &str, value: Held<'_>, shown: &Shown) -> Result<(), M::Error> {
    match shown {
        Shown::Whole => map.serialize_entry(name, &value),
        Shown::Hidden => Ok(()),
        Shown::Only(_) | Shown::Without(_) => match part(&value.value(), shown) {
            Some(part) => map.serialize_entry(name, &part),
            None => Ok(()),
        },
    }
}

/// A complex value, or several, with only the shown sub-attributes.
fn part(value: &Value, shown: &Shown) -> Option<Value> {
    match value {
        Value::Array(elements) => {
            let parts: Vec<Value> = elements.iter().filter_map(|element| part(element, shown)).collect();
            (!parts.is_empty()).then_some(Value::Array(parts))
        }
        Value::Object(object) => {
            let kept: Map<String, Value> = object
                .iter()
                .filter(|(name, _)| shown.includes(name))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        simple => Some(simple.clone()),
    }
}

/// `schemas`: the core schema and the extensions that the resource has attributes of (RFC 7643 §3).
struct Schemas<'a>(&'a Representation<'a>, &'a [(Cow<'a, str>, Held<'a>)]);

impl Serialize for Schemas<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut urns = serializer.serialize_seq(None)?;
        urns.serialize_element(&self.0.resource_type.schema.id)?;
        for (urn, _) in self.1.iter().filter(|(key, _)| urn::is_extension_key(key)) {
            urns.serialize_element(urn)?;
        }
        urns.end()
    }
}

struct Extension<'a> {
    attributes: Entries<'a>,
    urn: &'a str,
    projection: &'a Projection,
}

impl Extension<'_> {
    fn shown(&self) -> impl Iterator<Item = (&str, Held<'_>, &Shown)> {
        let shown = self.attributes.0.iter();
        let shown = shown.map(|(name, value)| (name.as_ref(), *value, self.projection.shown(Some(self.urn), name)));
        shown.filter(|(_, value, shown)| match shown {
            Shown::Whole => true,
            Shown::Hidden => false,
            partly => part(&value.value(), partly).is_some(),
        })
    }
}

impl Serialize for Extension<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value, shown) in self.shown() {
            entry(&mut map, name, value, shown)?;
        }
        map.end()
    }
}

struct MetaEntry<'a>(&'a Representation<'a>, &'a Shown);

impl Serialize for MetaEntry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let MetaEntry(representation, shown) = self;
        let resource = representation.resource;
        let mut map = serializer.serialize_map(None)?;
        if shown.includes("resourceType") {
            map.serialize_entry("resourceType", &representation.resource_type.name)?;
        }
        if shown.includes("created") {
            map.serialize_entry("created", &date_time(resource.meta.created))?;
        }
        if shown.includes("lastModified") {
            map.serialize_entry("lastModified", &date_time(resource.meta.last_modified))?;
        }
        if shown.includes("location") {
            map.serialize_entry("location", &representation.location())?;
        }
        if shown.includes("version") {
            map.serialize_entry("version", &resource.etag())?;
        }
        map.end()
    }
}

/// Serializes `members` or `groups`, one element at a time.
struct References<'a, T, F>(&'a [T], F);

impl<'a, T, F: Fn(&'a T) -> Reference<'a>> Serialize for References<'a, T, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(&self.1))
    }
}

struct Reference<'a> {
    shown: &'a Shown,
    value: &'a str,
    reference: String,
    kind: &'a str,
    display: &'a str,
}

impl Serialize for Reference<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let entries =
            [("value", self.value), ("$ref", &self.reference), ("type", self.kind), ("display", self.display)];
        for (name, value) in entries {
            if self.shown.includes(name) {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::examples::{barbara_jensen, tour_guides};
    use crate::resource::Attributes;
    use crate::testing::BASE;

    proptest! {
        #[test]
        fn a_time_is_written_as_the_library_writes_it(milliseconds in prop_oneof![
            any::<i64>(), -70_000_000_000_000i64..260_000_000_000_000, 0i64..4_000_000_000_000
        ]) {
            let moment = DateTime::from_timestamp_millis(milliseconds).unwrap_or_default();
            prop_assert_eq!(date_time(milliseconds), moment.to_rfc3339_opts(SecondsFormat::Millis, true));
        }
    }

    #[test]
    fn what_is_passed_on_reads_as_what_is_written_value_by_value() {
        let registry = Registry::standard();
        let group =
            |name: &str, direct| GroupReference { id: Id::new("g-1").unwrap(), display: name.to_owned(), direct };
        for mut resource in [barbara_jensen(), tour_guides()] {
            let resource_type = registry.get(resource.resource_type);
            for groups in [None, Some(vec![]), Some(vec![group("All \"of\" us", true), group("b", false)])] {
                resource.groups = groups;
                let mut stored = resource.clone();
                stored.attributes = Attributes::of_text(serde_json::to_string(resource.attributes()).unwrap()).unwrap();
                for (attributes, excluded) in
                    [(None, None), (None, Some("groups,members")), (None, Some("meta")), (None, Some("meta.created"))]
                {
                    let projection = Projection::new(resource_type, attributes, excluded).unwrap();
                    let written =
                        |of| Representation::new(of, &projection, &registry, &format!("{BASE}/\"x")).to_bytes();
                    let (whole, passed) = (written(&resource), written(&stored));
                    assert_eq!(String::from_utf8(passed).unwrap(), String::from_utf8(whole).unwrap());
                }
            }
        }
    }
}
