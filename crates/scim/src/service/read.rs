//! Reading one resource (RFC 7644 §3.4.1).

use super::{loaded, not_found};
use crate::context::Context;
use crate::error::Error;
use crate::message::projection::Projection;
use crate::resource::{Id, Resource};
use crate::schema::ResourceTypeId;
use crate::store::Store;

/// Reads a resource. Members and groups are read only if the projection shows them.
pub fn get(
    store: &mut dyn Store,
    cx: &Context<'_>,
    resource_type: ResourceTypeId,
    id: &Id,
    projection: &Projection,
) -> Result<Resource, Error> {
    let stored = store.get(resource_type, id)?;
    let mut stored = stored.ok_or_else(|| not_found(cx.registry.get(resource_type), id))?;
    cx.registry.prune(&mut stored.resource);
    Ok(loaded(store, stored, Some(projection))?)
}
