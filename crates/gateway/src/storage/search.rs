//! Finding resources. **The index narrows, `matches` decides.**
//!
//! A search whose filter an index answers whole reads no document outside its page, and takes its total from counters or
//! from the index. Any other streams the candidates' documents through [`scim::Predicate::matches`], within a time limit. There
//! is no SQL dialect for JSON anywhere.
//!
//! What is read at once is bounded in bytes, however large what is stored: documents that are large for their page do not come with their rows, but
//! a few at a time as the page has room for them ([`documents`]); members and groups that a filter asks about, one resource at a time.
//!
//! A page after a known place begins there: it costs what it shows, however far down the list that is.

use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use scim::Size;
use scim::index_query::{IndexQuery, KeyRange};
use scim::size::Room;
use scim::store::{Handle, Page, PageKey, Query, SearchError, Start, Stored};

use super::error::DbError;
use super::list_counts;
use super::resources::{AccountTx, Row, RowColumns, row_within};
use super::schema::attribute_values;
use super::statement::{Bind, Dialects, Statement};
use crate::each;

mod documents;
mod filter_sql;
mod hidden;
mod judged;
mod page;
mod sorted;

use documents::Documents;
use filter_sql::{Along, Candidates};
use judged::Judged;

/// How long a search that has to read documents may take.
const SCAN_LIMIT: Duration = Duration::from_secs(10);
/// How many candidates are read at a time,
const CHUNK: i64 = 500;
/// and how many bytes a document may have that is read with them; larger ones are read a few at a time.
const LARGEST: i64 = 8 << 10;

macro_rules! with_key {
    ($same_account:literal) => {
        concat!(
            "SELECT ",
            row_within!(),
            " FROM attribute_values AS v JOIN resources AS r ON r.seq = v.resource",
            $same_account,
            " WHERE v.account = ? AND v.attribute = ? AND v.key = ? AND v.resource > ? ORDER BY v.resource LIMIT ?"
        )
    };
}
const WITH_KEY: Dialects = Dialects { sqlite: with_key!(""), postgres: with_key!(" AND r.account = v.account") };

const IN_ORDER: &str = concat!(
    "SELECT ",
    row_within!(),
    " FROM resources AS r WHERE r.account = ? AND r.resource_type = ? AND r.seq > ? ORDER BY r.seq LIMIT ?"
);

/// By the index alone: documents that are passed over are not read.
const NTH_WITH_KEY: &str = "SELECT v.resource FROM attribute_values AS v \
     WHERE v.account = ? AND v.attribute = ? AND v.key = ? ORDER BY v.resource LIMIT 1 OFFSET ?";

/// One page, and the total where it is cheap or asked for.
pub(super) fn search(store: &mut AccountTx<'_, '_>, query: &Query<'_>) -> Result<Page, SearchError> {
    if store.hidden().is_empty() { among_all(store, query) } else { hidden::search(store, query) }
}

/// The same, hidden users too.
fn among_all(store: &mut AccountTx<'_, '_>, query: &Query<'_>) -> Result<Page, SearchError> {
    match (query.index_query, query.sort) {
        (IndexQuery::Nothing, _) => Ok(Page { total: Some(0), ..Page::default() }),
        (_, Some(sort)) => sorted::search(store, query, sort),
        (_, None) if query.exact => Ok(exact(store, query)?),
        (_, None) => scan(store, query),
    }
}

/// The index answers everything.
fn exact(store: &mut AccountTx<'_, '_>, query: &Query<'_>) -> Result<Page, DbError> {
    let count = i64::from(query.count);
    let largest = documents::largest(query.bytes, count);
    let rows = match (query.index_query, query.start) {
        _ if count == 0 => Vec::new(),
        (IndexQuery::Any, _) if let Some(rows) = page::with_groups(store, query, largest)? => rows,
        (IndexQuery::Any, Start::Index(..=1)) => in_order(store, query, 0, count, largest)?,
        (IndexQuery::Any, Start::Index(n)) => match list_counts::row_before(store, query.resource_type, n)? {
            Some(after) => in_order(store, query, after, count, largest)?,
            None => Vec::new(),
        },
        (IndexQuery::Any, Start::After(page_key)) => in_order(store, query, page_key.handle.0, count, largest)?,
        (IndexQuery::Keys { attribute, range: KeyRange::Equals(key) }, Start::Index(..=1))
            if count > 1
                && let Some(row) = store.named_ahead(query.resource_type, *attribute, key) =>
        {
            row.into_iter().collect()
        }
        (IndexQuery::Keys { attribute, range: KeyRange::Equals(key) }, start) => {
            let at = [Bind::number(store.account), Bind::number(attribute.0), Bind::Text(key.clone())];
            let after = match start {
                Start::After(page_key) => Some(page_key.handle.0),
                Start::Index(n) if n <= 1 => Some(0),
                Start::Index(n) => {
                    let binds = [&at[..], &[Bind::number(skipped(n))]].concat();
                    Statement::<BigInt>::new(NTH_WITH_KEY, binds).first(store.conn())?.map(|row: i64| row - 1)
                }
            };
            let binds =
                |after| [&[Bind::number(largest)], &at[..], &[Bind::number(after), Bind::number(count)]].concat();
            let text = WITH_KEY.of(store.conn());
            let page = after.map(|after| Statement::<RowColumns>::new(text, binds(after)).load(store.conn()));
            page.transpose()?.unwrap_or_default()
        }
        (_, Start::Index(n)) => {
            candidates(store, query).rows(store.conn(), Along::CREATION, None, skipped(n), count, largest)?
        }
        (_, Start::After(page_key)) => {
            candidates(store, query).rows(store.conn(), Along::CREATION, Some(page_key), 0, count, largest)?
        }
    };
    let total = match query.start {
        _ if *query.index_query == IndexQuery::Any => Some(store.count(query.resource_type)?),
        Start::After(_) => None,
        // A first page that is not full has everything.
        Start::Index(1) if count > 0 && (rows.len() as i64) < count => Some(rows.len() as u64),
        Start::Index(_) => Some(count_exact(store, query)?),
    };
    filled(store, query, total, rows)
}

/// A page of as many of these rows as there is room for.
fn filled(
    store: &mut AccountTx<'_, '_>,
    query: &Query<'_>,
    total: Option<u64>,
    rows: Vec<Row>,
) -> Result<Page, DbError> {
    let (mut room, mut page) = (Room::of(query.bytes), Page { total, ..Page::default() });
    let (mut documents, account) = (Documents::of(rows), store.account);
    loop {
        if documents.withheld().is_some_and(|bytes| !room.may_take(bytes)) {
            page.ended_early = true;
            break;
        }
        let Some(stored) = documents.next(store.conn(), account)? else { break };
        if !room.take(Size::of_document(&stored.resource)) {
            page.ended_early = true;
            break;
        }
        page.resources.push(stored);
    }
    Ok(page)
}

fn candidates<'n>(store: &AccountTx<'_, '_>, query: &Query<'n>) -> Candidates<'n> {
    Candidates { account: store.account, resource_type: query.resource_type, index_query: query.index_query }
}

/// How many lie before the n-th.
fn skipped(n: u64) -> i64 {
    i64::try_from(n.saturating_sub(1)).unwrap_or(i64::MAX)
}

/// How many there are inside an exact narrow.
fn count_exact(store: &mut AccountTx<'_, '_>, query: &Query<'_>) -> Result<u64, DbError> {
    let n: i64 = match query.index_query {
        IndexQuery::Any => return store.count(query.resource_type),
        IndexQuery::Keys { attribute, range: KeyRange::Equals(key) } => {
            let hits = attribute_values::table
                .filter(attribute_values::account.eq(store.account))
                .filter(attribute_values::attribute.eq(attribute.0))
                .filter(attribute_values::key.eq(key))
                .count();
            each!(store.conn(), c => hits.get_result(c))?
        }
        _ => candidates(store, query).count(store.conn(), i64::MAX)?,
    };
    Ok(n.max(0) as u64)
}

/// Resources of the type in creation order, after a row; with the documents that are not larger than that.
fn in_order(
    store: &mut AccountTx<'_, '_>,
    query: &Query<'_>,
    after: i64,
    count: i64,
    largest: i64,
) -> Result<Vec<Row>, DbError> {
    let (account, kind) = (store.account.into(), i64::from(query.resource_type.0));
    let binds = [largest, account, kind, after, count].map(Bind::Number).to_vec();
    Statement::<RowColumns>::new(IN_ORDER, binds).load(store.conn())
}

/// Candidates stream through `matches`, in creation order. From an index on, all of them, for the total; from a place on, as
/// many as make the page.
fn scan(store: &mut AccountTx<'_, '_>, query: &Query<'_>) -> Result<Page, SearchError> {
    let wanted = query.count as usize;
    let (mut total, mut room, mut page) = (0, Room::of(query.bytes), Page::default());
    let (after, first, whole) = match query.start {
        Start::Index(n) => (0, n, true),
        Start::After(page_key) => (page_key.handle.0, 1, false),
    };
    each_match(store, query, after, &mut |stored| {
        total += 1;
        if total >= first && page.resources.len() < wanted && !page.ended_early {
            match room.take(Size::of_document(&stored.resource)) {
                true => page.resources.push(stored),
                false => page.ended_early = true,
            }
        }
        whole || (page.resources.len() < wanted && !page.ended_early)
    })?;
    Ok(Page { total: whole.then_some(total), ..page })
}

/// Shows every match after a row in creation order, until `more` says no.
fn each_match(
    store: &mut AccountTx<'_, '_>,
    query: &Query<'_>,
    mut after: i64,
    more: &mut dyn FnMut(Stored) -> bool,
) -> Result<(), SearchError> {
    let deadline = Instant::now() + SCAN_LIMIT;
    loop {
        let rows = match query.index_query {
            IndexQuery::Any => in_order(store, query, after, CHUNK, LARGEST)?,
            _ => {
                let candidates = candidates(store, query);
                let page_key = PageKey { key: None, handle: Handle(after) };
                candidates.rows(store.conn(), Along::CREATION, Some(&page_key), 0, CHUNK, LARGEST)?
            }
        };
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.seq.into();
        let full = rows.len() as i64 == CHUNK;
        let mut judged = Judged::of(query.filter, rows);
        while let Some((stored, matches)) = judged.next(store)? {
            if matches && !more(stored) {
                return Ok(());
            }
        }
        if !full {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(SearchError::TooMany);
        }
    }
}
