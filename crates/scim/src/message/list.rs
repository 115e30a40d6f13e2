//! The answer to a query, the ListResponse (RFC 7644 §3.4.2; RFC 9865).

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use crate::message::list_position::SavedPosition;
use crate::message::projection::Projection;
use crate::message::representation::Representation;
use crate::resource::Resource;
use crate::schema::{Registry, ResourceTypeId};
use crate::size::Size;
use crate::urn;

/// The answer to a query (RFC 7644 §3.4.2).
#[derive(Debug, Clone, PartialEq)]
pub struct ListResponse {
    /// The number of matches. Before the last page it is never smaller than the number of resources returned so far
    /// plus one, so a client that stops at `totalResults` misses nothing.
    pub total: u64,
    /// The index of the first resource of the page, from 1; `None` in a list paged by cursor.
    pub start_index: Option<u64>,
    /// The cursor of the next page, in a list paged by cursor that has one.
    pub next_cursor: Option<String>,
    /// The position of the next page, if it has to be saved. Call
    /// [`service::save_position`](crate::service::save_position) **before** answering.
    pub saved_position: Option<SavedPosition>,
    /// The resources of the page.
    pub resources: Vec<Resource>,
    /// The size of the page.
    pub size: Size,
}

impl ListResponse {
    /// The serializable list.
    pub fn representation<'a>(
        &'a self,
        projection: &'a Projection,
        registry: &'a Registry,
        base: &'a str,
    ) -> ListRepresentation<'a> {
        ListRepresentation { list: self, shown: Shown::Alike(projection), registry, base }
    }

    /// The serializable list, for resources of several types.
    pub fn representation_of_all<'a>(
        &'a self,
        projections: &'a [(ResourceTypeId, Projection)],
        registry: &'a Registry,
        base: &'a str,
    ) -> ListRepresentation<'a> {
        ListRepresentation { list: self, shown: Shown::ByType(projections), registry, base }
    }
}

#[derive(Debug, Clone, Copy)]
enum Shown<'a> {
    Alike(&'a Projection),
    ByType(&'a [(ResourceTypeId, Projection)]),
}

impl<'a> Shown<'a> {
    fn of(self, resource: &Resource) -> Option<&'a Projection> {
        match self {
            Shown::Alike(projection) => Some(projection),
            Shown::ByType(each) => each.iter().find(|(id, _)| *id == resource.resource_type).map(|(_, shown)| shown),
        }
    }
}

/// A list that serializes as a ListResponse.
#[derive(Debug, Clone, Copy)]
pub struct ListRepresentation<'a> {
    list: &'a ListResponse,
    shown: Shown<'a>,
    registry: &'a Registry,
    base: &'a str,
}

impl ListRepresentation<'_> {
    /// The list as a JSON value.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The list as the bytes of a body.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(&Head(self)).unwrap_or_default();
        bytes.reserve(self.list.size.text);
        bytes.pop();
        bytes.extend_from_slice(b",\"Resources\":[");
        let mut framed = None;
        for (n, representation) in self.resources().enumerate() {
            if n > 0 {
                bytes.push(b',');
            }
            representation.write_in(representation.frame(&mut framed), &mut bytes);
        }
        bytes.extend_from_slice(b"]}");
        bytes
    }

    fn resources(&self) -> impl Iterator<Item = Representation<'_>> {
        let ListRepresentation { list, shown, registry, base } = self;
        let resources = list.resources.iter().filter_map(|resource| Some((resource, shown.of(resource)?)));
        resources.map(|(resource, shown)| Representation::new(resource, shown, registry, base))
    }

    /// What comes before the resources.
    fn head<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("schemas", &[urn::LIST_RESPONSE])?;
        map.serialize_entry("totalResults", &self.list.total)?;
        if let Some(start_index) = self.list.start_index {
            map.serialize_entry("startIndex", &start_index)?;
        }
        map.serialize_entry("itemsPerPage", &self.list.resources.len())?;
        if let Some(next_cursor) = &self.list.next_cursor {
            map.serialize_entry("nextCursor", next_cursor)?;
        }
        Ok(())
    }
}

impl Serialize for ListRepresentation<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.head(&mut map)?;
        map.serialize_entry("Resources", &Resources(self))?;
        map.end()
    }
}

/// The answer without the resources.
struct Head<'a>(&'a ListRepresentation<'a>);

impl Serialize for Head<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.0.head(&mut map)?;
        map.end()
    }
}

struct Resources<'a>(&'a ListRepresentation<'a>);

impl Serialize for Resources<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.resources())
    }
}
