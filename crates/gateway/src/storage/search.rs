//! Finding resources. **The index narrows, `matches` decides.**
//!
//! A search whose filter an index answers whole reads no document outside its page, and takes its total from counters or
//! from the index. Any other streams the candidates' documents through [`scim::Predicate::matches`], in creation order,
//! within a time limit. There is no SQL dialect for JSON anywhere.

use std::time::{Duration, Instant};

use diesel::prelude::*;
use scim::narrow::{KeyRange, Narrow};
use scim::store::{Handle, Page, Query, SearchError, Start, Store, Stored};

use super::bookmarks::Place;
use super::error::DbError;
use super::resources::{AccountTx, Row, RowColumns, row_columns};
use super::schema::{attribute_values, resources};
use super::statement::{Bind, Statement};
use crate::each;

mod candidates;

use candidates::Candidates;

/// How long a search that has to read documents may take.
const SCAN_LIMIT: Duration = Duration::from_secs(10);
/// How many candidates are read at a time.
const CHUNK: i64 = 500;

const WITH_KEY: &str = "SELECT r.seq, r.resource_type, r.id, r.version, r.created, r.last_modified, r.document \
     FROM attribute_values AS v JOIN resources AS r ON r.seq = v.resource \
     WHERE v.account = ? AND v.attribute = ? AND v.key = ? AND v.resource > ? ORDER BY v.resource LIMIT ? OFFSET ?";

/// One page and the total.
pub(super) fn search(store: &mut AccountTx<'_, '_>, query: &Query<'_>) -> Result<Page, SearchError> {
    match (query.narrow, query.sort, query.filter) {
        (Narrow::Nothing, _, _) => Ok(Page::default()),
        (narrow, None, _) if query.exact => Ok(exact(store, query, narrow)?),
        _ => scan(store, query),
    }
}

/// The index answers everything.
fn exact(store: &mut AccountTx<'_, '_>, query: &Query<'_>, narrow: &Narrow) -> Result<Page, DbError> {
    let count = i64::from(query.count);
    let mut rows = match (narrow, query.start) {
        _ if count == 0 => Vec::new(),
        (Narrow::Any, Start::Index(n)) => from_index(store, query, n, count)?,
        (Narrow::Any, Start::After(handle)) => in_order(store, query, handle.0, count)?,
        (Narrow::Keys { attribute, range: KeyRange::Equals(key) }, start) => {
            let (after, offset) = position(start);
            let binds = vec![
                Bind::Number(store.account),
                Bind::Number(i64::from(attribute.0)),
                Bind::Text(key.clone()),
                Bind::Number(after),
                Bind::Number(count),
                Bind::Number(offset),
            ];
            Statement::<RowColumns>::new(WITH_KEY, binds).load(store.conn())?
        }
        (narrow, start) => {
            let (after, offset) = position(start);
            candidates(store, query, narrow).rows(store.conn(), after, offset, count)?
        }
    };
    let total = match (narrow, query.start) {
        (Narrow::Any, _) => store.count(query.resource_type)?,
        // A first page that is not full has everything.
        (_, Start::Index(1)) if count > 0 && (rows.len() as i64) < count => rows.len() as u64,
        _ => count_exact(store, query, narrow)?,
    };
    let resources = rows.drain(..).map(Row::stored).collect::<Result<_, _>>()?;
    Ok(Page { total, resources })
}

fn candidates<'n>(store: &AccountTx<'_, '_>, query: &Query<'_>, narrow: &'n Narrow) -> Candidates<'n> {
    Candidates { account: store.account, resource_type: query.resource_type, narrow }
}

/// After which row, and how many more to skip.
fn position(start: Start) -> (i64, i64) {
    match start {
        Start::Index(n) => (0, i64::try_from(n.saturating_sub(1)).unwrap_or(i64::MAX)),
        Start::After(handle) => (handle.0, 0),
    }
}

fn count_exact(store: &mut AccountTx<'_, '_>, query: &Query<'_>, narrow: &Narrow) -> Result<u64, DbError> {
    let n: i64 = match narrow {
        Narrow::Keys { attribute, range: KeyRange::Equals(key) } => {
            let hits = attribute_values::table
                .filter(attribute_values::account.eq(store.account))
                .filter(attribute_values::attribute.eq(attribute.0))
                .filter(attribute_values::key.eq(key))
                .count();
            each!(store.conn(), c => hits.get_result(c))?
        }
        _ => candidates(store, query, narrow).count(store.conn())?,
    };
    Ok(n.max(0) as u64)
}

/// A page of everything, from the n-th on: after where the page before ended, if that is remembered.
fn from_index(store: &mut AccountTx<'_, '_>, query: &Query<'_>, n: u64, count: i64) -> Result<Vec<Row>, DbError> {
    let bookmarks = store.tx().bookmarks.clone();
    let (account, resource_type) = (store.account, query.resource_type);
    let place = |index| Place { account, resource_type, index };
    let (here, after_page) = (place(n), |rows: usize| place(n + rows as u64));
    let after = match bookmarks.after(here) {
        _ if n <= 1 => 0,
        Some(after) => after,
        None => match seq_at(store, query, n)? {
            Some(seq) => seq - 1,
            None => return Ok(Vec::new()),
        },
    };
    let rows = in_order(store, query, after, count)?;
    if let Some(last) = rows.last() {
        bookmarks.remember(here, after);
        bookmarks.remember(after_page(rows.len()), last.seq);
    }
    Ok(rows)
}

/// The row of the n-th resource of its type, by the index alone.
fn seq_at(store: &mut AccountTx<'_, '_>, query: &Query<'_>, n: u64) -> Result<Option<i64>, DbError> {
    let offset = i64::try_from(n - 1).unwrap_or(i64::MAX);
    let row = resources::table
        .filter(resources::account.eq(store.account))
        .filter(resources::resource_type.eq(query.resource_type.0))
        .order(resources::seq)
        .limit(1)
        .offset(offset)
        .select(resources::seq);
    Ok(each!(store.conn(), c => row.first(c).optional())?)
}

/// Resources of the type in creation order, after a row.
fn in_order(store: &mut AccountTx<'_, '_>, query: &Query<'_>, after: i64, count: i64) -> Result<Vec<Row>, DbError> {
    let rows = resources::table
        .filter(resources::account.eq(store.account))
        .filter(resources::resource_type.eq(query.resource_type.0))
        .filter(resources::seq.gt(after))
        .order(resources::seq)
        .limit(count)
        .select(row_columns!());
    Ok(each!(store.conn(), c => rows.load(c))?)
}

/// Candidates stream through `matches`; with `sortBy`, through the order too.
fn scan(store: &mut AccountTx<'_, '_>, query: &Query<'_>) -> Result<Page, SearchError> {
    let deadline = Instant::now() + SCAN_LIMIT;
    let wanted = query.count as usize;
    let mut page = Page::default();
    let mut sorted = Vec::new();
    let mut after = 0;
    loop {
        let chunk = candidates_after(store, query, after)?;
        let Some(last) = chunk.last() else { break };
        after = last.seq;
        let full = chunk.len() as i64 == CHUNK;
        for row in chunk {
            let mut stored = row.stored()?;
            load_relations(store, query, &mut stored)?;
            if !query.filter.is_none_or(|filter| filter.matches(&stored.resource)) {
                continue;
            }
            page.total += 1;
            if let Some(sort) = query.sort {
                sorted.push((sort.key(&stored.resource), stored.handle));
            } else if page.resources.len() < wanted && is_inside(query.start, page.total, stored.handle) {
                page.resources.push(stored);
            }
        }
        if !full {
            break;
        }
        if Instant::now() > deadline {
            return Err(SearchError::TooMany);
        }
    }
    if let Some(sort) = query.sort {
        sorted.sort_by(|(a, first), (b, second)| sort.compare_keys(a.as_ref(), b.as_ref()).then(first.cmp(second)));
        let skip = match query.start {
            Start::Index(n) => usize::try_from(n.saturating_sub(1)).unwrap_or(usize::MAX),
            Start::After(handle) => sorted.iter().position(|(_, h)| *h == handle).map_or(0, |at| at + 1),
        };
        for (_, handle) in sorted.into_iter().skip(skip).take(wanted) {
            page.resources.extend(at(store, handle)?);
        }
    }
    Ok(page)
}

/// Whether the match with this ordinal lies on the page.
fn is_inside(start: Start, ordinal: u64, handle: Handle) -> bool {
    match start {
        Start::Index(n) => ordinal >= n,
        Start::After(last) => handle > last,
    }
}

fn candidates_after(store: &mut AccountTx<'_, '_>, query: &Query<'_>, after: i64) -> Result<Vec<Row>, DbError> {
    match query.narrow {
        Narrow::Any => in_order(store, query, after, CHUNK),
        narrow => candidates(store, query, narrow).rows(store.conn(), after, 0, CHUNK),
    }
}

fn load_relations(store: &mut AccountTx<'_, '_>, query: &Query<'_>, stored: &mut Stored) -> Result<(), SearchError> {
    let needs = query.filter.map(|f| f.needs()).unwrap_or_default();
    let sort_needs = query.sort.map(|s| s.needs()).unwrap_or_default();
    if needs.members || sort_needs.members {
        stored.resource.members = Some(store.members(stored.handle)?);
    }
    if needs.groups || sort_needs.groups {
        let groups = store.groups_of(&[stored.handle])?;
        stored.resource.groups = Some(groups.into_iter().map(|(_, group)| group).collect());
    }
    Ok(())
}

fn at(store: &mut AccountTx<'_, '_>, handle: Handle) -> Result<Option<Stored>, DbError> {
    let row = resources::table
        .filter(resources::seq.eq(handle.0))
        .filter(resources::account.eq(store.account))
        .select(row_columns!());
    each!(store.conn(), c => row.first(c).optional())?.map(Row::stored).transpose()
}
