//! Reading: one resource (RFC 7644 §3.4.1), and queries (§3.4.2).

use super::{all_loaded, loaded, not_found};
use crate::context::Context;
use crate::error::Error;
use crate::list::{ListResponse, SearchRequest};
use crate::narrow::{Narrow, Plan};
use crate::projection::Projection;
use crate::resource::{Id, Resource};
use crate::schema::ResourceTypeId;
use crate::sort::Sort;
use crate::store::{Query, Start, Store};

/// Reads a resource. Members and groups are read only if the projection shows them.
pub fn get(
    store: &mut dyn Store,
    cx: &Context<'_>,
    resource_type: ResourceTypeId,
    id: &Id,
    projection: &Projection,
) -> Result<Resource, Error> {
    let stored = store.get(resource_type, id)?;
    let stored = stored.ok_or_else(|| not_found(cx.registry.get(resource_type), id))?;
    Ok(loaded(store, stored, Some(projection))?)
}

/// Answers a query. No match is an empty list, not an error (§3.4.2).
pub fn search(
    store: &mut dyn Store,
    cx: &Context<'_>,
    resource_type: ResourceTypeId,
    request: &SearchRequest,
    projection: &Projection,
) -> Result<ListResponse, Error> {
    let described = cx.registry.get(resource_type);
    let filter = request.filter.as_ref().map(|filter| filter.resolve(described)).transpose()?;
    let plan = match &filter {
        Some(filter) => filter.plan(described),
        None => Plan { narrow: Narrow::Any, exact: true },
    };
    let sort = request.sort_by.as_ref().map(|path| Sort::new(path, request.descending, described)).transpose()?;
    let start_index = request.first();
    if plan.narrow == Narrow::Nothing {
        return Ok(ListResponse { total: 0, start_index, resources: Vec::new() });
    }
    let page = store.search(&Query {
        resource_type,
        filter: filter.as_ref(),
        narrow: &plan.narrow,
        exact: plan.exact,
        sort: sort.as_ref(),
        start: Start::Index(start_index),
        count: request.page(cx.limits),
    })?;
    let resources = all_loaded(store, page.resources, projection)?;
    Ok(ListResponse { total: page.total, start_index, resources })
}
