//! All that an account has, piece by piece: a unit of work for each piece, and each of bounded size.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use scim::schema::ResourceTypeId;
use scim::store::Stored;

use super::batches;
use super::error::DbError;
use super::resources::{Row, row_columns};
use super::schema::resources;
use super::statement::{Bind, Dialects, Statement};
use super::tx::Tx;
use crate::domain::ids::AccountKey;
use crate::each;

/// The members of a group, in the order of their rows.
const MEMBERS: Dialects = Dialects {
    sqlite: "SELECT m.member_seq, r.id FROM members AS m CROSS JOIN resources AS r ON r.seq = m.member_seq \
         WHERE m.group_seq = ? AND m.member_seq > ? ORDER BY m.member_seq LIMIT ?",
    postgres: "SELECT m.member_seq, r.id FROM members AS m CROSS JOIN LATERAL \
         (SELECT id FROM resources WHERE account = ? AND seq = m.member_seq OFFSET 0) AS r \
         WHERE m.account = ? AND m.group_seq = ? AND m.member_seq > ? ORDER BY m.member_seq LIMIT ?",
};

impl Tx<'_> {
    /// The users or groups of an account that follow a row, in the order they were made: as many as are few bytes together.
    pub fn resources_after(
        &mut self,
        account: AccountKey,
        kind: ResourceTypeId,
        after: i64,
        most: i64,
    ) -> Result<Vec<Stored>, DbError> {
        let many = batches::next(self.conn, Some((account, kind)), after, most)?;
        let query = resources::table
            .filter(resources::account.eq(account))
            .filter(resources::resource_type.eq(kind.0))
            .filter(resources::seq.gt(after))
            .order(resources::seq)
            .limit(many)
            .select(row_columns!());
        let rows: Vec<Row> = each!(&mut *self.conn, c => query.load(c))?;
        rows.into_iter().map(Row::stored).collect()
    }

    /// The members of a group that follow a row, each with its row and its id.
    pub fn member_ids_after(
        &mut self,
        account: AccountKey,
        group: i64,
        after: i64,
        limit: i64,
    ) -> Result<Vec<(i64, String)>, DbError> {
        let binds = vec![Bind::number(group), Bind::number(after), Bind::number(limit)];
        Statement::<(BigInt, Text)>::of_account(MEMBERS.of(self.conn), account, binds).load(self.conn)
    }
}
