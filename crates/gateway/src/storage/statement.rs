//! Statements written by hand, for what joins several tables: the same text for both databases, prepared once a connection,
//! values always bound. (A join of five tables through the query builder took the compiler minutes.)

use diesel::backend::Backend;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, HasSqlType, Text};
use diesel::sqlite::Sqlite;

use super::connection::AnyConn;
use super::error::DbError;

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Bind {
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// A statement whose text has a `?` for each value; `ST` are the SQL types of its columns.
#[derive(Debug)]
pub(super) struct Statement<ST> {
    text: &'static str,
    binds: Vec<Bind>,
    columns: std::marker::PhantomData<ST>,
}

impl<ST> Statement<ST> {
    pub(super) fn new(text: &'static str, binds: Vec<Bind>) -> Self {
        Statement { text, binds, columns: std::marker::PhantomData }
    }

    /// All rows.
    pub(super) fn load<T>(self, conn: &mut AnyConn) -> Result<Vec<T>, DbError>
    where
        T: diesel::deserialize::FromSqlRow<ST, Pg> + diesel::deserialize::FromSqlRow<ST, Sqlite> + 'static,
        Self: for<'q> diesel::query_dsl::LoadQuery<'q, PgConnection, T>
            + for<'q> diesel::query_dsl::LoadQuery<'q, SqliteConnection, T>,
    {
        Ok(match conn {
            AnyConn::Postgres(c) => RunQueryDsl::load(self, c)?,
            AnyConn::Sqlite(c) => RunQueryDsl::load(self, c)?,
        })
    }

    /// The only row, if there is one.
    pub(super) fn first<T>(self, conn: &mut AnyConn) -> Result<Option<T>, DbError>
    where
        T: diesel::deserialize::FromSqlRow<ST, Pg> + diesel::deserialize::FromSqlRow<ST, Sqlite> + 'static,
        Self: for<'q> diesel::query_dsl::LoadQuery<'q, PgConnection, T>
            + for<'q> diesel::query_dsl::LoadQuery<'q, SqliteConnection, T>,
    {
        Ok(self.load(conn)?.into_iter().next())
    }
}

impl<DB, ST> QueryFragment<DB> for Statement<ST>
where
    DB: Backend + HasSqlType<BigInt> + HasSqlType<Binary>,
    i64: ToSql<BigInt, DB>,
    String: ToSql<Text, DB>,
    Vec<u8>: ToSql<Binary, DB>,
{
    fn walk_ast<'b>(&'b self, mut sql: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let mut parts = self.text.split('?');
        sql.push_sql(parts.next().unwrap_or_default());
        for (part, bind) in parts.zip(&self.binds) {
            match bind {
                Bind::Number(value) => sql.push_bind_param::<BigInt, _>(value)?,
                Bind::Text(value) => sql.push_bind_param::<Text, _>(value)?,
                Bind::Bytes(value) => sql.push_bind_param::<Binary, _>(value)?,
            }
            sql.push_sql(part);
        }
        Ok(())
    }
}

impl<ST: 'static> QueryId for Statement<ST> {
    type QueryId = ();
    // Cached by its text, of which there are as many as places that write one.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST> Query for Statement<ST> {
    type SqlType = ST;
}

impl<C, ST> RunQueryDsl<C> for Statement<ST> {}
