//! Queries (RFC 7644 §3.4.2, RFC 9865): of one resource type, or of all (§3.4.2.1).
//!
//! A list is in the order of creation or sorted. A later page continues where the page before it ended: at the position
//! in its cursor or, for a list paged by index, at the saved position
//! ([`list_position`](crate::message::list_position)).

use super::load_page;
use crate::context::Context;
use crate::error::Error;
use crate::message::cursor::{CursorPage, ListPosition, digest};
use crate::message::list::ListResponse;
use crate::message::list_position::SavedPositions;
use crate::message::projection::Projection;
use crate::message::search_request::SearchRequest;
use crate::query::filter::{Filter, Predicate};
use crate::query::index_query::{IndexQuery, Plan};
use crate::query::sort::Sort;
use crate::schema::{ResourceType, ResourceTypeId};
use crate::store::{Page, PageKey, Query, Start, Store, Stored};

/// The highest index of a list of several types at which a page without a saved position may begin: all resources
/// before it are read.
const FARTHEST_JUMP: u64 = 10_000;

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
    let sort = request.sort_by.as_ref().map(|path| Sort::new(path, request.descending, described)).transpose()?;
    answer(store, cx, &[Part::new(described, filter, sort)], request, |_| projection)
}

/// The first stored resources that match a filter, for the service provider's own look-ups.
pub fn find(
    store: &mut dyn Store,
    cx: &Context<'_>,
    resource_type: ResourceTypeId,
    filter: &str,
    count: u32,
) -> Result<Vec<Stored>, Error> {
    let described = cx.registry.get(resource_type);
    let filter = filter.parse::<Filter>()?.resolve_for(described, cx.leniency)?;
    Ok(Part::new(described, Some(filter), None).page(store, Start::Index(1), count, usize::MAX)?.resources)
}

/// Answers a query at the root about several resource types (§3.4.2.1, §3.4.3), each with its projection. An attribute
/// that a type lacks has no value there.
pub fn search_all(
    store: &mut dyn Store,
    cx: &Context<'_>,
    request: &SearchRequest,
    projections: &[(ResourceTypeId, Projection)],
) -> Result<ListResponse, Error> {
    let types: Vec<&ResourceType> = projections.iter().map(|(id, _)| cx.registry.get(*id)).collect();
    let filters = request.filter.as_ref().map(|filter| filter.resolve_among(&types, cx.leniency)).transpose()?;
    let sorts = request.sort_by.as_ref().map(|path| Sort::among(path, request.descending, &types)).transpose()?;
    let mut filters = filters.into_iter().flatten();
    let mut sorts = sorts.into_iter().flatten();
    let parts: Vec<Part> = types.iter().map(|described| Part::new(described, filters.next(), sorts.next())).collect();
    answer(store, cx, &parts, request, |kind| {
        let shown = projections.iter().find(|(id, _)| *id == kind);
        &shown.expect("only resources of these types are found").1
    })
}

/// The part of a query that concerns one resource type.
struct Part {
    resource_type: ResourceTypeId,
    filter: Option<Predicate>,
    plan: Plan,
    sort: Option<Sort>,
}

impl Part {
    fn new(described: &ResourceType, filter: Option<Predicate>, sort: Option<Sort>) -> Part {
        let plan = match &filter {
            Some(filter) => filter.plan(described),
            None => Plan { index_query: IndexQuery::Any, exact: true },
        };
        Part { resource_type: described.id, filter, plan, sort }
    }

    fn page(&self, store: &mut dyn Store, start: Start<'_>, count: u32, bytes: usize) -> Result<Page, Error> {
        if self.plan.index_query == IndexQuery::Nothing {
            return Ok(Page { total: Some(0), ..Page::default() });
        }
        Ok(store.search(&Query {
            resource_type: self.resource_type,
            filter: self.filter.as_ref(),
            index_query: &self.plan.index_query,
            exact: self.plan.exact,
            sort: self.sort.as_ref(),
            start,
            count,
            bytes,
        })?)
    }
}

fn answer<'p>(
    store: &mut dyn Store,
    cx: &Context<'_>,
    parts: &[Part],
    request: &SearchRequest,
    projection: impl Fn(ResourceTypeId) -> &'p Projection,
) -> Result<ListResponse, Error> {
    let id = digest(parts.iter().map(|part| part.resource_type), request);
    let cursor_page = request.cursor.as_ref().map(|cursor| CursorPage::at(cursor, cx, id, request)).transpose()?;
    let first = request.first();
    let mut saved = None;
    let position = match &cursor_page {
        Some(cursor_page) => cursor_page.position.clone(),
        None if first == 1 => None,
        None => {
            let known = saved.insert(SavedPositions::read(store.load_position(&id)?.as_deref()));
            known.at(first, cx.now).cloned()
        }
    };
    let count = cursor_page.as_ref().map_or_else(|| request.page(cx.limits), |cursor_page| cursor_page.count);
    let start = match &position {
        Some(position) => Start::After(&position.after),
        None => Start::Index(if cursor_page.is_some() { 1 } else { first }),
    };
    // One resource more than asked for shows whether there is a next page; so does a page that ended early.
    let rows = if count == 0 { 0 } else { count.saturating_add(1) };
    let mut page = page_of_all(store, parts, start, rows, cx.limits.page_bytes)?;
    let is_cut = page.resources.len() > count as usize || page.ended_early;
    page.resources.truncate(count as usize);
    let (size, is_full) = load_page(store, &mut page.resources, cx, projection)?;
    let more = is_cut || is_full;

    let returned = match (&position, &cursor_page) {
        (Some(position), _) => position.returned,
        (None, Some(_)) => 0,
        (None, None) => first - 1,
    };
    let counted = page.total.or(position.map(|position| position.total)).unwrap_or_default();
    let so_far = returned + page.resources.len() as u64;
    let total = match (more, page.resources.last()) {
        _ if count == 0 => counted,
        (true, _) => counted.max(so_far + 1),
        (false, Some(_)) => so_far,
        (false, None) => counted.min(returned),
    };
    let sort = parts.first().and_then(|part| part.sort.as_ref());
    let next = page.resources.last().filter(|_| more).map(|last| {
        let own = parts.iter().find(|part| part.resource_type == last.resource.resource_type);
        ListPosition {
            returned: so_far,
            total,
            after: PageKey::after(last, own.map_or(sort, |part| part.sort.as_ref())),
        }
    });
    page.resources.iter_mut().for_each(|stored| {
        cx.registry.prune(&mut stored.resource);
    });
    let (mut next_cursor, mut saved_position) = (None, None);
    match (&cursor_page, next) {
        (Some(cursor_page), Some(next)) => next_cursor = Some(cursor_page.cursor(&next)),
        (None, Some(next)) => {
            let saved = match saved {
                Some(saved) => saved,
                None => SavedPositions::read(store.load_position(&id)?.as_deref()),
            };
            saved_position = saved.to_save(id, next, cx.now);
        }
        (_, None) => {}
    }
    Ok(ListResponse {
        total,
        start_index: cursor_page.is_none().then_some(first),
        next_cursor,
        saved_position,
        resources: page.resources.into_iter().map(|stored| stored.resource).collect(),
        size,
    })
}

/// A page of several types: the next resources of each, merged. A position in the merged list is a position in each of
/// them, because handles are in the order of creation across types.
fn page_of_all(
    store: &mut dyn Store,
    parts: &[Part],
    start: Start<'_>,
    count: u32,
    bytes: usize,
) -> Result<Page, Error> {
    match (parts, start) {
        ([part], _) => part.page(store, start, count, bytes),
        (_, Start::Index(first)) if first > 1 => jump(store, parts, first - 1, count, bytes),
        _ => merged(store, parts, start, count, bytes),
    }
}

fn merged(store: &mut dyn Store, parts: &[Part], start: Start<'_>, count: u32, bytes: usize) -> Result<Page, Error> {
    let sort = parts.first().and_then(|part| part.sort.as_ref());
    let mut total = Some(0);
    let mut found = Vec::new();
    // Behind the last resource of a page that ended early nothing is known of its type, so the merged page ends there.
    let mut end: Option<PageKey> = None;
    for part in parts {
        let page = part.page(store, start, count, bytes)?;
        total = total.zip(page.total).map(|(sum, more)| sum + more);
        if let (true, Some(last)) = (page.ended_early, page.resources.last()) {
            let last = PageKey::after(last, part.sort.as_ref());
            end = Some(end.filter(|end| end.compare(&last, sort).is_lt()).unwrap_or(last));
        }
        found.extend(page.resources.into_iter().map(|stored| (PageKey::after(&stored, part.sort.as_ref()), stored)));
    }
    found.sort_by(|(a, _), (b, _)| a.compare(b, sort));
    if let Some(end) = &end {
        found.retain(|(page_key, _)| page_key.compare(end, sort).is_le());
    }
    let resources = found.into_iter().take(count as usize).map(|(_, stored)| stored).collect();
    Ok(Page { total, resources, ended_early: end.is_some() })
}

/// A page at an index without a saved position.
fn jump(store: &mut dyn Store, parts: &[Part], mut skip: u64, count: u32, bytes: usize) -> Result<Page, Error> {
    let all = merged(store, parts, Start::Index(1), 0, bytes)?.total;
    if all.is_some_and(|all| all <= skip) {
        return Ok(Page { total: all, ..Page::default() });
    }
    if skip > FARTHEST_JUMP {
        return Err(Error::TooMany(format!(
            "a query of several resource types cannot begin at an index above {FARTHEST_JUMP} unless the pages before it \
             were asked for; begin at 1, use a cursor, or query one type"
        )));
    }
    let mut after: Option<PageKey> = None;
    while skip > 0 {
        let start = after.as_ref().map_or(Start::Index(1), Start::After);
        let passed = merged(store, parts, start, u32::try_from(skip.min(500)).unwrap_or(500), bytes)?;
        let Some(last) = passed.resources.last() else { return Ok(Page { total: all, ..Page::default() }) };
        let own = parts.iter().find(|part| part.resource_type == last.resource.resource_type);
        after = Some(PageKey::after(last, own.and_then(|part| part.sort.as_ref())));
        skip -= passed.resources.len() as u64;
    }
    let start = after.as_ref().map_or(Start::Index(1), Start::After);
    Ok(Page { total: all, ..merged(store, parts, start, count, bytes)? })
}
