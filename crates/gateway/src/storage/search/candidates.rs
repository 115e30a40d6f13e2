//! A [`Narrow`] as SQL, in one place for both databases.
//!
//! Each leaf is a condition on a resource: `r.seq IN (SELECT resource FROM attribute_values WHERE …)`. Values are bound; the
//! only text that varies is how leaves are combined.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, HasSqlType, Integer, SmallInt, Text};
use scim::narrow::{KeyRange, Narrow};
use scim::schema::ResourceTypeId;

/// The resources of one account and type that a [`Narrow`] holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidates<'a> {
    pub(super) account: i64,
    pub(super) resource_type: ResourceTypeId,
    pub(super) narrow: &'a Narrow,
}

/// A page of them in creation order: after this row, skipping some.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    pub(super) of: Candidates<'a>,
    pub(super) after: i64,
    pub(super) offset: i64,
    pub(super) count: i64,
}

/// How many there are.
#[derive(Debug)]
pub(super) struct Count<'a> {
    pub(super) of: Candidates<'a>,
}

/// What a backend has to know to run these.
pub(super) trait Speaks: Backend + HasSqlType<BigInt> + HasSqlType<Integer> + HasSqlType<SmallInt> {}
impl<DB: Backend + HasSqlType<BigInt> + HasSqlType<Integer> + HasSqlType<SmallInt>> Speaks for DB {}

impl Candidates<'_> {
    fn push_from<'b, DB>(&'b self, sql: &mut AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Speaks,
        String: ToSql<Text, DB>,
        str: ToSql<Text, DB>,
        i64: ToSql<BigInt, DB>,
        i32: ToSql<Integer, DB>,
        i16: ToSql<SmallInt, DB>,
    {
        // The text differs from filter to filter: preparing it for ever would let clients fill memory.
        sql.unsafe_to_cache_prepared();
        sql.push_sql(" FROM resources AS r WHERE r.account = ");
        sql.push_bind_param::<BigInt, _>(&self.account)?;
        sql.push_sql(" AND r.resource_type = ");
        sql.push_bind_param::<SmallInt, _>(&self.resource_type.0)?;
        sql.push_sql(" AND ");
        push_condition(sql, &self.account, self.narrow)
    }
}

fn push_condition<'b, DB>(sql: &mut AstPass<'_, 'b, DB>, account: &'b i64, narrow: &'b Narrow) -> QueryResult<()>
where
    DB: Speaks,
    String: ToSql<Text, DB>,
    str: ToSql<Text, DB>,
    i64: ToSql<BigInt, DB>,
    i32: ToSql<Integer, DB>,
{
    match narrow {
        Narrow::Any => sql.push_sql("1 = 1"),
        Narrow::Nothing => sql.push_sql("1 = 0"),
        Narrow::Id(id) => {
            sql.push_sql("r.id = ");
            sql.push_bind_param::<Text, str>(id.as_str())?;
        }
        Narrow::Keys { attribute, range } => {
            sql.push_sql("r.seq IN (SELECT v.resource FROM attribute_values AS v WHERE v.account = ");
            sql.push_bind_param::<BigInt, _>(account)?;
            sql.push_sql(" AND v.attribute = ");
            sql.push_bind_param::<Integer, _>(&attribute.0)?;
            match range {
                KeyRange::Equals(key) => push_bound(sql, " AND v.key = ", Some(key))?,
                KeyRange::Between { from, until } => {
                    push_bound(sql, " AND v.key >= ", from.as_ref())?;
                    push_bound(sql, " AND v.key < ", until.as_ref())?;
                }
            }
            sql.push_sql(")");
        }
        Narrow::LastModified { from, until } => {
            sql.push_sql("1 = 1");
            for (comparison, bound) in [(" AND r.last_modified >= ", from), (" AND r.last_modified < ", until)] {
                if let Some(bound) = bound {
                    sql.push_sql(comparison);
                    sql.push_bind_param::<BigInt, _>(bound)?;
                }
            }
        }
        Narrow::HasMember(id) => {
            sql.push_sql("r.seq IN (SELECT m.group_seq FROM members AS m WHERE m.member_seq IN ");
            push_seq_of(sql, account, id)?;
            sql.push_sql(")");
        }
        Narrow::MemberOf(id) => {
            sql.push_sql("r.seq IN (SELECT m.member_seq FROM members AS m WHERE m.group_seq IN ");
            push_seq_of(sql, account, id)?;
            sql.push_sql(")");
        }
        Narrow::All(parts) => push_joined(sql, account, parts, " AND ", "1 = 1")?,
        Narrow::AnyOf(parts) => push_joined(sql, account, parts, " OR ", "1 = 0")?,
    }
    Ok(())
}

fn push_joined<'b, DB>(
    sql: &mut AstPass<'_, 'b, DB>,
    account: &'b i64,
    parts: &'b [Narrow],
    joint: &str,
    empty: &str,
) -> QueryResult<()>
where
    DB: Speaks,
    String: ToSql<Text, DB>,
    str: ToSql<Text, DB>,
    i64: ToSql<BigInt, DB>,
    i32: ToSql<Integer, DB>,
{
    sql.push_sql("(");
    if parts.is_empty() {
        sql.push_sql(empty);
    }
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            sql.push_sql(joint);
        }
        push_condition(sql, account, part)?;
    }
    sql.push_sql(")");
    Ok(())
}

fn push_bound<'b, DB>(sql: &mut AstPass<'_, 'b, DB>, comparison: &str, bound: Option<&'b String>) -> QueryResult<()>
where
    DB: Speaks,
    String: ToSql<Text, DB>,
{
    if let Some(bound) = bound {
        sql.push_sql(comparison);
        sql.push_bind_param::<Text, _>(bound)?;
    }
    Ok(())
}

fn push_seq_of<'b, DB>(sql: &mut AstPass<'_, 'b, DB>, account: &'b i64, id: &'b scim::Id) -> QueryResult<()>
where
    DB: Speaks,
    str: ToSql<Text, DB>,
    i64: ToSql<BigInt, DB>,
{
    sql.push_sql("(SELECT o.seq FROM resources AS o WHERE o.account = ");
    sql.push_bind_param::<BigInt, _>(account)?;
    sql.push_sql(" AND o.id = ");
    sql.push_bind_param::<Text, str>(id.as_str())?;
    sql.push_sql(")");
    Ok(())
}

impl<DB> QueryFragment<DB> for Rows<'_>
where
    DB: Speaks,
    String: ToSql<Text, DB>,
    str: ToSql<Text, DB>,
    i64: ToSql<BigInt, DB>,
    i32: ToSql<Integer, DB>,
    i16: ToSql<SmallInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut sql: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        sql.push_sql("SELECT r.seq, r.resource_type, r.id, r.version, r.created, r.last_modified, r.document");
        self.of.push_from(&mut sql)?;
        sql.push_sql(" AND r.seq > ");
        sql.push_bind_param::<BigInt, _>(&self.after)?;
        sql.push_sql(" ORDER BY r.seq LIMIT ");
        sql.push_bind_param::<BigInt, _>(&self.count)?;
        sql.push_sql(" OFFSET ");
        sql.push_bind_param::<BigInt, _>(&self.offset)?;
        Ok(())
    }
}

impl<DB> QueryFragment<DB> for Count<'_>
where
    DB: Speaks,
    String: ToSql<Text, DB>,
    str: ToSql<Text, DB>,
    i64: ToSql<BigInt, DB>,
    i32: ToSql<Integer, DB>,
    i16: ToSql<SmallInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut sql: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        sql.push_sql("SELECT count(*)");
        self.of.push_from(&mut sql)
    }
}

impl Query for Rows<'_> {
    type SqlType = (BigInt, SmallInt, Text, BigInt, BigInt, BigInt, Text);
}
impl Query for Count<'_> {
    type SqlType = BigInt;
}
impl<C> diesel::RunQueryDsl<C> for Rows<'_> {}
impl<C> diesel::RunQueryDsl<C> for Count<'_> {}
impl QueryId for Rows<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
impl QueryId for Count<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
