//! A page of a list in the order of creation with the groups of who is on it, on PostgreSQL in one statement, which is a snapshot by itself.
//!
//! Where a document is too large to come along or the ways up are many, it is read again in a transaction, as any other list is.

use diesel::sql_types::{Nullable, Text};
use scim::store::{Query, Start};

use super::super::error::DbError;
use super::super::members;
use super::super::resources::{AccountTx, Row, RowColumns, row_within};
use super::super::statement::{Bind, Statement};
use super::skipped;

/// So many memberships on the ways up come along at most.
const MOST_UPWARDS: i64 = 2_000;

/// The first row has all ways up from the page, as JSON. How many rows there may be comes out of a subquery: PostgreSQL would plan each page anew
/// for a number that it sees, which takes longer than the page.
macro_rules! page {
    ($before:expr, $place:expr) => {
        concat!(
            "WITH RECURSIVE ",
            $before,
            "page AS MATERIALIZED (SELECT ",
            row_within!(),
            " AS document FROM resources AS r WHERE r.account = ? AND r.resource_type = ? AND ",
            $place,
            " ORDER BY r.seq LIMIT (SELECT ?)), inside (seq) AS (SELECT seq FROM page UNION SELECT m.group_seq FROM inside \
             CROSS JOIN LATERAL (SELECT group_seq FROM members WHERE account = ? AND member_seq = inside.seq OFFSET 0) AS m), \
             upwards AS MATERIALIZED (SELECT json_agg(json_build_array(e.inside, e.outside, e.id, e.display))::text AS edges FROM \
             (SELECT inside.seq AS inside, m.group_seq AS outside, u.id, u.display FROM inside \
             CROSS JOIN LATERAL (SELECT group_seq FROM members WHERE account = ? AND member_seq = inside.seq OFFSET 0) AS m \
             CROSS JOIN LATERAL (SELECT id, display FROM resources WHERE account = ? AND seq = m.group_seq OFFSET 0) AS u \
             LIMIT (SELECT ?)) AS e) \
             SELECT r.seq, r.resource_type, r.id, r.version, r.created, r.last_modified, r.document, \
             CASE WHEN r.seq = (SELECT min(seq) FROM page) THEN (SELECT edges FROM upwards) END FROM page AS r ORDER BY r.seq"
        )
    };
}

const AFTER: &str = page!("", "r.seq > ?");

/// From the n-th on, found by counted blocks ([`list_counts`](super::super::list_counts)) as by `row_before`: what lies before it of large
/// blocks, then of small ones, and then along the index. A block counts what was deleted until its gap is taken off.
const AT: &str = page!(
    "wanted AS MATERIALIZED (SELECT ?::bigint AS account, ?::smallint AS resource_type, ?::bigint AS skip), \
     large AS MATERIALIZED (SELECT COALESCE(max(s.last), 0) AS last, COALESCE(max(s.upto), 0) AS upto FROM wanted CROSS JOIN LATERAL \
     (SELECT b.last, (sum(b.n - (SELECT count(*) FROM resource_gaps AS g WHERE g.account = wanted.account \
     AND g.resource_type = wanted.resource_type AND g.seq > b.before AND g.seq <= b.last)) OVER (ORDER BY b.last))::bigint AS upto \
     FROM (SELECT last, n, lag(last, 1, 0::bigint) OVER (ORDER BY last) AS before FROM resource_blocks \
     WHERE account = wanted.account AND resource_type = wanted.resource_type AND level = 2) AS b) AS s WHERE s.upto <= wanted.skip), \
     small AS MATERIALIZED (SELECT COALESCE(max(s.last), (SELECT last FROM large)) AS last, \
     COALESCE(max(s.upto), 0) + (SELECT upto FROM large) AS upto FROM wanted CROSS JOIN large CROSS JOIN LATERAL \
     (SELECT b.last, (sum(b.n - (SELECT count(*) FROM resource_gaps AS g WHERE g.account = wanted.account \
     AND g.resource_type = wanted.resource_type AND g.seq > b.before AND g.seq <= b.last)) OVER (ORDER BY b.last))::bigint AS upto \
     FROM (SELECT last, n, lag(last, 1, large.last) OVER (ORDER BY last) AS before FROM resource_blocks WHERE account = wanted.account \
     AND resource_type = wanted.resource_type AND level = 1 AND last > large.last ORDER BY last LIMIT 128) AS b) AS s \
     WHERE s.upto + large.upto <= wanted.skip), ",
    "r.seq >= (SELECT n.seq FROM wanted CROSS JOIN LATERAL (SELECT seq FROM resources WHERE account = wanted.account \
     AND resource_type = wanted.resource_type AND seq > (SELECT last FROM small) ORDER BY seq \
     LIMIT 1 OFFSET wanted.skip - (SELECT upto FROM small)) AS n)"
);

/// The rows of a page of all resources of a type, if that is what the token was looked up for; their groups are known from here on.
pub(super) fn with_groups(
    store: &mut AccountTx<'_, '_>,
    query: &Query<'_>,
    largest: i64,
) -> Result<Option<Vec<Row>>, DbError> {
    let (account, kind) = (store.account, query.resource_type);
    if store.tx.ahead_listed(account, kind).is_none() {
        return Ok(None);
    }
    let kind = i64::from(kind.0);
    let (text, binds) = match query.start {
        Start::After(page_key) => (AFTER, vec![largest, kind, page_key.handle.0]),
        Start::Index(..=1) => (AFTER, vec![largest, kind, 0]),
        Start::Index(n) => (AT, vec![account.into(), kind, skipped(n), largest, kind]),
    };
    let rest = [i64::from(query.count), MOST_UPWARDS + 1];
    let binds = binds.into_iter().chain(rest).map(Bind::Number).collect();
    let rows: Vec<(Row, Option<String>)> =
        Statement::<(RowColumns, Nullable<Text>)>::of_account(text, account, binds).load_as_it_is(store.conn())?;
    let upwards = members::upwards_of(rows.iter().find_map(|(_, upwards)| upwards.as_deref()))?;
    let rows: Vec<Row> = rows.into_iter().map(|(row, _)| row).collect();
    if upwards.len() as i64 > MOST_UPWARDS || rows.iter().any(|row| row.withheld().is_some()) {
        return Ok(None);
    }
    store.tx.keep_page((account, query.resource_type), rows.iter().map(|row| row.seq).collect(), upwards);
    Ok(Some(rows))
}
