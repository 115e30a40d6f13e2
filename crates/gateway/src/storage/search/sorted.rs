//! Sorted lists (RFC 7644 §3.4.2.3).
//!
//! Where an index has the order, a page is read along it from the place where it begins. Where none has, or where few
//! resources come into question, all of them are looked at, within the time limit, and the least that the page needs are kept.

use std::collections::HashMap;
use std::time::Instant;

use scim::size::Room;
use scim::store::{Page, PageKey, Query, SearchError, Start};
use scim::{IndexQuery, Size, Sort, SortBy};

use super::super::resources::{AccountTx, Row, RowColumns, row_within};
use super::super::statement::{Bind, Dialects, Statement};
use super::{Along, CHUNK, Judged, SCAN_LIMIT, candidates, count_exact, documents, each_match, filled, skipped};
use crate::domain::ids::ResourceKey;

/// So few candidates are sorted rather than looked for along the order of all.
const FEW: i64 = 500;

/// `CROSS JOIN` keeps SQLite from beginning with all resources of the account.
const BY_SEQ: Dialects = Dialects {
    sqlite: concat!(
        "SELECT ",
        row_within!(),
        " FROM json_each(?) AS wanted CROSS JOIN resources AS r WHERE r.seq = wanted.value AND r.account = ?"
    ),
    postgres: concat!(
        "SELECT ",
        row_within!(),
        " FROM json_array_elements_text(?::json) AS wanted \
         CROSS JOIN LATERAL (SELECT * FROM resources WHERE account = ? AND seq = wanted.value::bigint OFFSET 0) AS r"
    ),
};

pub(super) fn search(store: &mut AccountTx<'_, '_>, query: &Query<'_>, sort: &Sort) -> Result<Page, SearchError> {
    let Some(segments) = Segment::of(sort) else { return by_sorting(store, query, sort) };
    let unfiltered = query.exact && *query.index_query == IndexQuery::Any;
    let few = match query.index_query {
        _ if unfiltered => false,
        IndexQuery::Any => store.count(query.resource_type)? <= FEW as u64,
        _ => candidates(store, query).count(store.conn(), FEW + 1)? <= FEW,
    };
    if few { by_sorting(store, query, sort) } else { along_index(store, query, sort, &segments) }
}

/// A part of a sorted list that lies together in an index.
#[derive(Debug, Clone, Copy)]
enum Segment {
    /// The resources with a value.
    Keyed(Along),
    /// Those without, in creation order.
    Keyless(Along),
}

impl Segment {
    /// The parts in the order of the list; `None` where no index has it.
    fn of(sort: &Sort) -> Option<Vec<Segment>> {
        let descending = sort.is_descending();
        let along = |by| Along { by, descending };
        let keyless = Segment::Keyless(Along { descending, ..Along::CREATION });
        let mut segments = match sort.by() {
            SortBy::Document | SortBy::Created => return None,
            SortBy::Nothing => vec![keyless],
            by @ (SortBy::Id | SortBy::LastModified) => vec![Segment::Keyed(along(Some(by)))],
            by @ SortBy::Key(_) if sort.is_always_there() => vec![Segment::Keyed(along(Some(by)))],
            by @ SortBy::Key(_) => vec![Segment::Keyed(along(Some(by))), keyless],
        };
        if descending {
            segments.reverse();
        }
        Some(segments)
    }

    fn holds(self, page_key: &PageKey) -> bool {
        matches!((self, &page_key.key), (Segment::Keyed(_), Some(_)) | (Segment::Keyless(_), None))
    }
}

fn along_index(
    store: &mut AccountTx<'_, '_>,
    query: &Query<'_>,
    sort: &Sort,
    segments: &[Segment],
) -> Result<Page, SearchError> {
    let (total, mut skip, mut after) = match query.start {
        Start::After(page_key) if *query.index_query == IndexQuery::Any && query.exact => {
            (Some(store.count(query.resource_type)?), 0, Some(page_key.clone()))
        }
        Start::After(page_key) => (None, 0, Some(page_key.clone())),
        Start::Index(n) if query.exact => (Some(count_exact(store, query)?), skipped(n), None),
        Start::Index(n) => {
            let mut total = 0;
            each_match(store, query, 0, &mut |_| {
                total += 1;
                true
            })?;
            (Some(total), skipped(n), None)
        }
    };
    let deadline = Instant::now() + SCAN_LIMIT;
    let wanted = if total.is_some_and(|total| skip as u64 >= total) { 0 } else { query.count as usize };
    let (mut room, mut page) = (Room::of(query.bytes), Page { total, ..Page::default() });
    let within = after.as_ref().and_then(|page_key| segments.iter().position(|segment| segment.holds(page_key)));
    let rest = match (&after, within) {
        (None, _) => segments,
        (Some(_), Some(n)) => &segments[n..],
        // A place among resources of another type, with a value where these have none, or the other way round.
        (Some(page_key), None) if page_key.key.is_some() != sort.is_descending() => {
            after = None;
            segments
        }
        (Some(_), None) => &[],
    };
    'page: for (n, segment) in rest.iter().enumerate() {
        let (Segment::Keyed(along) | Segment::Keyless(along)) = *segment;
        // Where the index alone decides who belongs here, it also counts.
        let counts = query.exact && matches!(segment, Segment::Keyed(_));
        if counts && skip > 0 {
            if n + 1 < rest.len() {
                let here = candidates(store, query).count_along(store.conn(), along)?;
                if here <= skip {
                    skip -= here;
                    continue;
                }
            }
            if let Some(page_key) = candidates(store, query).place(store.conn(), along, skip)? {
                (after, skip) = (Some(page_key), 0);
            }
        }
        while page.resources.len() < wanted {
            let offset = if counts { std::mem::take(&mut skip) } else { 0 };
            let missing = (wanted - page.resources.len()) as i64 + skip;
            let limit = if counts { missing } else { missing.clamp(CHUNK.min(50), CHUNK) };
            let largest = documents::largest(query.bytes, limit);
            let rows = candidates(store, query).rows(store.conn(), along, after.as_ref(), offset, limit, largest)?;
            let read = rows.len() as i64;
            let mut judged = Judged::of(query.filter.filter(|_| !query.exact), rows);
            while let Some((stored, matches)) = judged.next(store)? {
                if judged.is_empty() {
                    after = match segment {
                        Segment::Keyed(_) => Some(PageKey::after(&stored, Some(sort))),
                        Segment::Keyless(_) => Some(PageKey { key: None, handle: stored.handle }),
                    };
                }
                let belongs = matches!(segment, Segment::Keyed(_)) || sort.key(&stored.resource).is_none();
                match matches && belongs {
                    true if skip > 0 => skip -= 1,
                    true if page.resources.len() < wanted => {
                        if !room.take(Size::of_document(&stored.resource)) {
                            page.ended_early = true;
                            break 'page;
                        }
                        page.resources.push(stored);
                    }
                    _ => {}
                }
            }
            if read < limit {
                break;
            }
            if Instant::now() > deadline {
                return Err(SearchError::TooMany);
            }
        }
        if page.resources.len() >= wanted {
            break;
        }
        after = None;
    }
    Ok(page)
}

/// Looks at all candidates and keeps the places of those that the page needs and of those before it.
fn by_sorting(store: &mut AccountTx<'_, '_>, query: &Query<'_>, sort: &Sort) -> Result<Page, SearchError> {
    let skip = match query.start {
        Start::Index(n) => usize::try_from(n.saturating_sub(1)).unwrap_or(usize::MAX),
        Start::After(_) => 0,
    };
    let needed = skip.saturating_add(query.count as usize);
    let (mut total, mut least) = (0_u64, Vec::new());
    let compare = |a: &PageKey, b: &PageKey| a.compare(b, Some(sort));
    each_match(store, query, 0, &mut |stored| {
        total += 1;
        let page_key = PageKey::after(&stored, Some(sort));
        let inside = match query.start {
            Start::Index(_) => true,
            Start::After(last) => compare(&page_key, last).is_gt(),
        };
        if inside {
            least.push(page_key);
        }
        if least.len() >= needed.saturating_mul(2).max(CHUNK as usize) {
            least.sort_unstable_by(compare);
            least.truncate(needed);
        }
        true
    })?;
    least.sort_unstable_by(compare);
    least.truncate(needed);
    let page: Vec<ResourceKey> = least.iter().skip(skip).map(|page_key| page_key.handle.into()).collect();
    let largest = documents::largest(query.bytes, page.len() as i64);
    let binds = vec![Bind::number(largest), Bind::list(&page)?];
    let mut rows: Vec<Row> = match page.is_empty() {
        true => Vec::new(),
        false => {
            Statement::<RowColumns>::of_account(BY_SEQ.of(store.conn()), store.account, binds).load(store.conn())?
        }
    };
    let places: HashMap<ResourceKey, usize> = page.into_iter().enumerate().map(|(place, seq)| (seq, place)).collect();
    rows.sort_unstable_by_key(|row| places.get(&row.seq).copied());
    Ok(filled(store, query, Some(total), rows)?)
}
