//! Many keys in one statement whose text is prepared once: on PostgreSQL any number, on SQLite so many at a time.
//!
//! PostgreSQL sees how long an array is that it is given, and plans each statement anew that it thinks to be cheaper than for any array: a
//! plan costs more than the statement. From a subquery it takes any array for as long as any other.

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Text};
use diesel::sqlite::{Sqlite, SqliteConnection};
use scim::{AttributeKey, SearchKey};

use crate::domain::ids::{AccountKey, ResourceKey};

/// Keys as PostgreSQL takes them: a table of a statement's own.
pub(super) struct Keys {
    attributes: Vec<i32>,
    keys: Vec<String>,
    unique: Vec<bool>,
}

impl Keys {
    pub(super) fn of(keys: &[SearchKey]) -> Keys {
        Keys {
            attributes: keys.iter().map(|k| k.attribute.0).collect(),
            keys: keys.iter().map(|k| k.key.clone()).collect(),
            unique: keys.iter().map(|k| k.unique).collect(),
        }
    }

    /// In a list of tables, called `k`.
    pub(super) fn walk<'b>(&'b self, mut sql: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        sql.push_sql("unnest((SELECT ");
        sql.push_bind_param::<Array<Integer>, _>(&self.attributes)?;
        sql.push_sql("), (SELECT ");
        sql.push_bind_param::<Array<Text>, _>(&self.keys)?;
        sql.push_sql("), (SELECT ");
        sql.push_bind_param::<Array<Bool>, _>(&self.unique)?;
        sql.push_sql(")) AS k(attribute, key, is_unique)");
        Ok(())
    }
}

/// Where a user gets a `NAME`, it shares the account's lock of names with all who do the same ([`pending_members`](super::super::pending_members)).
pub(super) struct Insert<const NAME: bool> {
    account: AccountKey,
    resource: ResourceKey,
    keys: Keys,
}

impl<const NAME: bool> QueryId for Insert<NAME> {
    type QueryId = Insert<NAME>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const NAME: bool> Insert<NAME> {
    pub(super) fn new(account: AccountKey, resource: ResourceKey, keys: &[SearchKey]) -> Insert<NAME> {
        Insert { account, resource, keys: Keys::of(keys) }
    }
}

impl<const NAME: bool> QueryFragment<Pg> for Insert<NAME> {
    fn walk_ast<'b>(&'b self, mut sql: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        sql.push_sql("INSERT INTO attribute_values (account, attribute, key, resource, is_unique) SELECT ");
        sql.push_bind_param::<BigInt, _>(&self.account)?;
        sql.push_sql(", k.attribute, k.key, ");
        sql.push_bind_param::<BigInt, _>(&self.resource)?;
        sql.push_sql(", k.is_unique FROM ");
        if NAME {
            names_shared(&self.account, sql.reborrow())?;
        }
        self.keys.walk(sql)
    }
}

impl<const NAME: bool> diesel::RunQueryDsl<diesel::PgConnection> for Insert<NAME> {}

/// In a list of tables: the lock of names of this account is shared.
pub(super) fn names_shared<'b>(account: &'b AccountKey, mut sql: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
    sql.push_sql("(SELECT pg_advisory_xact_lock_shared(73052, (");
    sql.push_bind_param::<BigInt, _>(account)?;
    sql.push_sql(" % 2147483647)::int)) AS shared, ");
    Ok(())
}

#[derive(QueryId)]
pub(super) struct Delete<const SPREAD: bool> {
    account: AccountKey,
    resource: ResourceKey,
    attributes: Vec<i32>,
    keys: Vec<String>,
}

impl<const SPREAD: bool> Delete<SPREAD> {
    pub(super) fn new(account: AccountKey, resource: ResourceKey, keys: &[SearchKey]) -> Delete<SPREAD> {
        Delete {
            account,
            resource,
            attributes: keys.iter().map(|k| k.attribute.0).collect(),
            keys: keys.iter().map(|k| k.key.clone()).collect(),
        }
    }
}

impl QueryFragment<Pg> for Delete<true> {
    fn walk_ast<'b>(&'b self, mut sql: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        // Places of rows mean nothing beyond the node on which they are.
        sql.push_sql("DELETE FROM attribute_values AS v USING unnest((SELECT ");
        sql.push_bind_param::<Array<Integer>, _>(&self.attributes)?;
        sql.push_sql("), (SELECT ");
        sql.push_bind_param::<Array<Text>, _>(&self.keys)?;
        sql.push_sql(")) AS k(attribute, key) WHERE v.account = ");
        sql.push_bind_param::<BigInt, _>(&self.account)?;
        sql.push_sql(" AND v.attribute = k.attribute AND v.key = k.key AND v.resource = ");
        sql.push_bind_param::<BigInt, _>(&self.resource)
    }
}

impl QueryFragment<Pg> for Delete<false> {
    fn walk_ast<'b>(&'b self, mut sql: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        // Each looked up by all that it is; no other transaction changes them while the resource is locked.
        sql.push_sql("DELETE FROM attribute_values WHERE ctid = ANY (ARRAY(SELECT v.ctid FROM unnest((SELECT ");
        sql.push_bind_param::<Array<Integer>, _>(&self.attributes)?;
        sql.push_sql("), (SELECT ");
        sql.push_bind_param::<Array<Text>, _>(&self.keys)?;
        sql.push_sql(")) AS k(attribute, key) CROSS JOIN LATERAL (SELECT ctid FROM attribute_values WHERE account = ");
        sql.push_bind_param::<BigInt, _>(&self.account)?;
        sql.push_sql(" AND attribute = k.attribute AND key = k.key AND resource = ");
        sql.push_bind_param::<BigInt, _>(&self.resource)?;
        sql.push_sql(" OFFSET 0) AS v))");
        Ok(())
    }
}

impl<const SPREAD: bool> diesel::RunQueryDsl<diesel::PgConnection> for Delete<SPREAD> {}

/// SQLite takes at most so many at once.
pub(super) const MOST_ROWS: usize = 8;

/// A row for each of these keys, no more than [`MOST_ROWS`] of them.
pub(super) fn insert_rows(
    conn: &mut SqliteConnection,
    account: AccountKey,
    resource: ResourceKey,
    keys: &[SearchKey],
) -> QueryResult<usize> {
    use diesel::RunQueryDsl;
    macro_rules! by_number {
        ($($n:literal)*) => {
            match keys.len() {
                $($n => Rows::<$n> { account, resource, keys }.execute(conn),)*
                _ => Ok(0),
            }
        };
    }
    by_number!(1 2 3 4 5 6 7 8)
}

struct Rows<'a, const N: usize> {
    account: AccountKey,
    resource: ResourceKey,
    keys: &'a [SearchKey],
}

impl<const N: usize> QueryId for Rows<'_, N> {
    type QueryId = Rows<'static, N>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const N: usize> QueryFragment<Sqlite> for Rows<'_, N> {
    fn walk_ast<'b>(&'b self, mut sql: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        // FAIL and not ABORT: the unit of work is undone as a whole, so the statement needs no journal of its own.
        sql.push_sql("INSERT OR FAIL INTO attribute_values (account, attribute, key, resource, is_unique) VALUES ");
        for (index, key) in self.keys.iter().enumerate() {
            sql.push_sql(if index == 0 { "(" } else { ", (" });
            sql.push_bind_param::<BigInt, _>(&self.account)?;
            sql.push_sql(", ");
            sql.push_bind_param::<Integer, _>(&key.attribute.0)?;
            sql.push_sql(", ");
            sql.push_bind_param::<Text, _>(&key.key)?;
            sql.push_sql(", ");
            sql.push_bind_param::<BigInt, _>(&self.resource)?;
            sql.push_sql(", ");
            sql.push_bind_param::<Bool, _>(&key.unique)?;
            sql.push_sql(")");
        }
        Ok(())
    }
}

impl<const N: usize> diesel::RunQueryDsl<SqliteConnection> for Rows<'_, N> {}

/// Which attribute a unique violation is about: `Key (account, attribute, key)=(1, 42, ana) already exists.`
pub(super) fn attribute_in(details: Option<&str>) -> Option<AttributeKey> {
    let (_, values) = details?.split_once(")=(")?;
    values.split(", ").nth(1)?.parse().ok().map(AttributeKey)
}
