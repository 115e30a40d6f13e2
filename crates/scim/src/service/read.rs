//! Reading: one resource (RFC 7644 §3.4.1), and queries (§3.4.2, RFC 9865).

use super::{all_loaded, loaded, not_found};
use crate::context::Context;
use crate::cursor::Walk;
use crate::error::Error;
use crate::list::{ListResponse, SearchRequest};
use crate::narrow::{Narrow, Plan};
use crate::projection::Projection;
use crate::resource::{Id, Resource};
use crate::schema::ResourceTypeId;
use crate::sort::Sort;
use crate::store::{Page, Query, Start, Store};

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

/// Answers a query. No match is an empty list, not an error (§3.4.2).
pub fn search(
    store: &mut dyn Store,
    cx: &Context<'_>,
    resource_type: ResourceTypeId,
    request: &SearchRequest,
    projection: &Projection,
) -> Result<ListResponse, Error> {
    let described = cx.registry.get(resource_type);
    let filter = request.filter.as_ref().map(|filter| filter.resolve_for(described, cx.leniency)).transpose()?;
    let plan = match &filter {
        Some(filter) => filter.plan(described),
        None => Plan { narrow: Narrow::Any, exact: true },
    };
    let sort = request.sort_by.as_ref().map(|path| Sort::new(path, request.descending, described)).transpose()?;
    let walk = request.cursor.as_ref().map(|cursor| Walk::at(cursor, cx, resource_type, request)).transpose()?;
    let (start, count) = match &walk {
        Some(walk) => (walk.start(), walk.rows()),
        None => (Start::Index(request.first()), request.page(cx.limits)),
    };
    let mut page = match plan.narrow {
        Narrow::Nothing => Page::default(),
        ref narrow => store.search(&Query {
            resource_type,
            filter: filter.as_ref(),
            narrow,
            exact: plan.exact,
            sort: sort.as_ref(),
            start,
            count,
        })?,
    };
    page.resources.iter_mut().for_each(|stored| {
        cx.registry.prune(&mut stored.resource);
    });
    let mut next_cursor = None;
    if let Some(walk) = &walk {
        let more = page.resources.len() > walk.count as usize;
        page.resources.truncate(walk.count as usize);
        next_cursor = page.resources.last().filter(|_| more).map(|last| walk.next(last.handle));
    }
    Ok(ListResponse {
        total: page.total,
        start_index: walk.is_none().then(|| request.first()),
        next_cursor,
        resources: all_loaded(store, page.resources, projection)?,
    })
}
