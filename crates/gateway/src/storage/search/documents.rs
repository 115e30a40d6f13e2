//! Documents of rows that were found: most came along, and large ones are read a few at a time, as far as they are wanted.

use std::collections::{HashMap, VecDeque};

use diesel::sql_types::{BigInt, Text};
use scim::store::Stored;

use super::super::backend::AnyConn;
use super::super::error::DbError;
use super::super::resources::Row;
use super::super::statement::{Bind, Dialects, Statement};
use crate::domain::ids::{AccountKey, ResourceKey};

/// How many bytes of large documents are read at once, unless one has more.
const AT_ONCE: usize = 1 << 20;
/// A document of so many bytes always comes along.
const SMALL: i64 = 1 << 10;

const BY_SEQ: Dialects = Dialects {
    sqlite: "SELECT r.seq, r.document FROM json_each(?) AS wanted CROSS JOIN resources AS r WHERE r.seq = wanted.value",
    postgres: "SELECT r.seq, r.document FROM json_array_elements_text(?::json) AS wanted \
         CROSS JOIN LATERAL (SELECT seq, document FROM resources WHERE account = ? AND seq = wanted.value::bigint OFFSET 0) AS r",
};

/// How large a document may be that comes along, of so many rows for a page of so many bytes: together they are no more than the page.
pub(super) fn largest(bytes: usize, rows: i64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX).checked_div(rows).unwrap_or(SMALL).max(SMALL)
}

/// Rows of one account, in order.
#[derive(Debug)]
pub(super) struct Documents(VecDeque<Row>);

impl Documents {
    pub(super) fn of(rows: Vec<Row>) -> Documents {
        Documents(rows.into())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How large the next one is, if it is not here yet.
    pub(super) fn withheld(&self) -> Option<usize> {
        self.0.front().and_then(Row::withheld)
    }

    /// The next one.
    pub(super) fn next(&mut self, conn: &mut AnyConn, account: AccountKey) -> Result<Option<Stored>, DbError> {
        if self.withheld().is_some() {
            self.read(conn, account)?;
        }
        self.0.pop_front().map(Row::stored).transpose()
    }

    /// Reads the next large ones. What is gone meanwhile is passed over.
    fn read(&mut self, conn: &mut AnyConn, account: AccountKey) -> Result<(), DbError> {
        let (mut seqs, mut bytes) = (Vec::new(), 0_usize);
        for row in &self.0 {
            let Some(size) = row.withheld() else { continue };
            bytes = bytes.saturating_add(size);
            if bytes > AT_ONCE && !seqs.is_empty() {
                break;
            }
            seqs.push(row.seq);
        }
        let rows: Vec<(ResourceKey, String)> =
            Statement::<(BigInt, Text)>::of_account(BY_SEQ.of(conn), account, vec![Bind::list(&seqs)?]).load(conn)?;
        let mut documents: HashMap<ResourceKey, String> = rows.into_iter().collect();
        self.0 = std::mem::take(&mut self.0)
            .into_iter()
            .filter_map(|row| match documents.remove(&row.seq) {
                Some(document) => Some(row.with(document)),
                None if seqs.contains(&row.seq) => None,
                None => Some(row),
            })
            .collect();
        Ok(())
    }
}
