//! Lists and totals of an account whose service accounts are hidden: what a query finds of all users, without the few who are hidden.
//!
//! The few are known, so it is known which of them a filter means and where they would lie in the order. Totals are less by those; a
//! page reads that many more rows; and the n-th of those who are shown is found by how many of the hidden ones lie before it.

use std::cmp::Ordering;

use scim::schema::USER;
use scim::store::{Page, PageKey, Query, SearchError, Start, Stored};

use super::super::resources::AccountTx;
use super::{Judged, among_all};

pub(super) fn search(store: &mut AccountTx<'_, '_>, query: &Query<'_>) -> Result<Page, SearchError> {
    if query.resource_type != USER {
        // An index may know a member who is hidden; a group as it is shown does not.
        let by_members = query.filter.is_some_and(|filter| filter.needs().members);
        return among_all(store, &Query { exact: query.exact && !by_members, ..*query });
    }
    let hidden = store.hidden().to_vec();
    let hidden = Judged::of(query.filter, hidden).all(store)?;
    if hidden.is_empty() {
        return among_all(store, query);
    }
    let page_keys: Vec<PageKey> = hidden.iter().map(|stored| PageKey::after(stored, query.sort)).collect();
    let fewer = page_keys.len() as u64;
    let more = query.count.saturating_add(u32::try_from(page_keys.len()).unwrap_or(u32::MAX));
    let count = if query.count == 0 { 0 } else { more };
    let mut page = match query.start {
        Start::Index(n) if count > 0 && n > 1 => from_index(store, query, n, count, &page_keys)?,
        _ => among_all(store, &Query { count, ..*query })?,
    };
    page.total = page.total.map(|total| total.saturating_sub(fewer));
    let is_shown = |stored: &Stored| page_keys.iter().all(|page_key| page_key.handle != stored.handle);
    while page.ended_early && !page.resources.iter().any(is_shown) {
        let Some(last) = page.resources.last().map(|last| PageKey::after(last, query.sort)) else { break };
        let next = among_all(store, &Query { start: Start::After(&last), count, ..*query })?;
        page = Page { total: page.total, ..next };
    }
    page.resources.retain(is_shown);
    page.resources.truncate(query.count as usize);
    Ok(page)
}

/// From the n-th on that is shown. Each round passes over the hidden ones that lie before where the last one began.
fn from_index(
    store: &mut AccountTx<'_, '_>,
    query: &Query<'_>,
    n: u64,
    count: u32,
    page_keys: &[PageKey],
) -> Result<Page, SearchError> {
    let mut start = n;
    loop {
        let page = among_all(store, &Query { start: Start::Index(start), count, ..*query })?;
        let Some(first) = page.resources.first().map(|first| PageKey::after(first, query.sort)) else {
            return Ok(page);
        };
        let lies_before = |page_key: &&PageKey| page_key.compare(&first, query.sort) == Ordering::Less;
        let wanted = n.saturating_add(page_keys.iter().filter(lies_before).count() as u64);
        if wanted <= start {
            return Ok(page);
        }
        start = wanted;
    }
}
