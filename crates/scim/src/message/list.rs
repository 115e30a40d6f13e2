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
    /// How many match in all. In the middle of a walk: never so few that who stops there would miss a resource.
    pub total: u64,
    /// The index of the first of these, from 1; `None` in a walk by cursor.
    pub start_index: Option<u64>,
    /// In a walk by cursor, what leads to the next page, if there is one.
    pub next_cursor: Option<String>,
    /// What [`service::save_position`](crate::service::save_position) has to keep **before** this is answered, if anything: where the page
    /// at the next index begins.
    pub saved_position: Option<SavedPosition>,
    /// The page.
    pub resources: Vec<Resource>,
    /// How large it is.
    pub size: Size,
}

impl ListResponse {
    /// Ready to be written.
    pub fn representation<'a>(
        &'a self,
        projection: &'a Projection,
        registry: &'a Registry,
        base: &'a str,
    ) -> ListRepresentation<'a> {
        ListRepresentation { list: self, shown: Shown::Alike(projection), registry, base }
    }

    /// The same for resources of several types.
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

/// A list, ready to be written.
#[derive(Debug, Clone, Copy)]
pub struct ListRepresentation<'a> {
    list: &'a ListResponse,
    shown: Shown<'a>,
    registry: &'a Registry,
    base: &'a str,
}

impl ListRepresentation<'_> {
    /// As a value.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// As the body of an answer.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl Serialize for ListRepresentation<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schemas", &[urn::LIST_RESPONSE])?;
        map.serialize_entry("totalResults", &self.list.total)?;
        if let Some(start_index) = self.list.start_index {
            map.serialize_entry("startIndex", &start_index)?;
        }
        map.serialize_entry("itemsPerPage", &self.list.resources.len())?;
        if let Some(next_cursor) = &self.list.next_cursor {
            map.serialize_entry("nextCursor", next_cursor)?;
        }
        map.serialize_entry("Resources", &Resources(self))?;
        map.end()
    }
}

struct Resources<'a>(&'a ListRepresentation<'a>);

impl Serialize for Resources<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ListRepresentation { list, shown, registry, base } = self.0;
        let resources = list.resources.iter().filter_map(|resource| Some((resource, shown.of(resource)?)));
        serializer.collect_seq(resources.map(|(resource, shown)| Representation::new(resource, shown, registry, base)))
    }
}
