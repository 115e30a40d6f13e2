//! Statements written by hand, for what joins several tables or takes any number of values; values are always bound.
//! (A join of five tables through the query builder took the compiler minutes.)
//!
//! A statement with a fixed text is prepared once a connection. The query builder prepares each UPDATE and each INSERT with ON CONFLICT DO
//! UPDATE anew (their text depends on what is set), which is a third of their time, and on PostgreSQL a round trip: what many requests
//! send is written by hand for that alone.
//!
//! Many values travel as one: a JSON array, which SQLite takes
//! apart with `json_each` and PostgreSQL with `json_array_elements_text`, so the text does not depend on their number. PostgreSQL
//! compares with the array of them (`= ANY (ARRAY(…))`), and so always looks them up: joined with them it may read the table instead.

use std::borrow::Cow;

use diesel::backend::Backend;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, Bool, HasSqlType, Nullable, Text};
use diesel::sqlite::Sqlite;

use super::backend::AnyConn;
use super::error::DbError;
use super::put_off::Together;

/// The database's clock.
pub(super) const CLOCK: &str = "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint";

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Bind {
    Number(i64),
    /// A number, or NULL.
    Optional(Option<i64>),
    Flag(bool),
    Text(String),
    /// A text, or NULL.
    Words(Option<String>),
    Bytes(Vec<u8>),
}

impl Bind {
    /// A number, which may be a key.
    pub(super) fn number(value: impl Into<i64>) -> Bind {
        Bind::Number(value.into())
    }

    /// Many values as one.
    pub(super) fn list<T: serde::Serialize>(values: &[T]) -> Result<Bind, DbError> {
        let json = serde_json::to_string(values).map_err(|e| DbError::Corrupt(e.to_string()))?;
        Ok(Bind::Text(json))
    }
}

/// One text for each database.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialects {
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
}

impl Dialects {
    pub(super) fn of(self, conn: &AnyConn) -> &'static str {
        match conn {
            AnyConn::Postgres(_) => self.postgres,
            AnyConn::Sqlite(_) => self.sqlite,
        }
    }
}

/// A statement whose text has a `?` for each value; `ST` are the SQL types of its columns.
#[derive(Debug)]
pub(super) struct Statement<ST> {
    text: Cow<'static, str>,
    binds: Vec<Bind>,
    columns: std::marker::PhantomData<ST>,
}

impl<ST> Statement<ST> {
    /// `text` is a constant where it is fixed. An owned text differs from request to request, and is not kept prepared: clients
    /// could fill memory with it.
    pub(super) fn new(text: impl Into<Cow<'static, str>>, binds: Vec<Bind>) -> Self {
        Statement { text: text.into(), binds, columns: std::marker::PhantomData }
    }

    /// Runs it for what it does; says how many rows it touched.
    pub(super) fn execute(self, conn: &mut AnyConn) -> Result<u64, DbError>
    where
        Self: QueryFragment<Pg> + QueryFragment<Sqlite> + QueryId,
    {
        let rows = match conn {
            AnyConn::Postgres(c) => RunQueryDsl::execute(self, c.begun())?,
            AnyConn::Sqlite(c) => RunQueryDsl::execute(self, c)?,
        };
        Ok(rows as u64)
    }

    /// All rows.
    pub(super) fn load<T>(self, conn: &mut AnyConn) -> Result<Vec<T>, DbError>
    where
        T: diesel::deserialize::FromSqlRow<ST, Pg> + diesel::deserialize::FromSqlRow<ST, Sqlite> + 'static,
        Self: for<'q> diesel::query_dsl::LoadQuery<'q, PgConnection, T>
            + for<'q> diesel::query_dsl::LoadQuery<'q, SqliteConnection, T>,
    {
        Ok(match conn {
            AnyConn::Postgres(c) => RunQueryDsl::load(self, c.begun())?,
            AnyConn::Sqlite(c) => RunQueryDsl::load(self, c)?,
        })
    }

    /// All rows, of a statement that only reads: on PostgreSQL without the transaction, where that has not begun.
    pub(super) fn load_as_it_is<T>(self, conn: &mut AnyConn) -> Result<Vec<T>, DbError>
    where
        T: diesel::deserialize::FromSqlRow<ST, Pg> + diesel::deserialize::FromSqlRow<ST, Sqlite> + 'static,
        Self: for<'q> diesel::query_dsl::LoadQuery<'q, PgConnection, T>
            + for<'q> diesel::query_dsl::LoadQuery<'q, SqliteConnection, T>,
    {
        Ok(match conn {
            AnyConn::Postgres(c) => RunQueryDsl::load(self, c.as_it_is())?,
            AnyConn::Sqlite(c) => RunQueryDsl::load(self, c)?,
        })
    }

    /// All rows, of a question that is not about what was put off: it is written with it.
    pub(super) fn load_along<T>(self, conn: &mut AnyConn) -> Result<Vec<T>, DbError>
    where
        ST: 'static,
        T: diesel::deserialize::FromSqlRow<ST, Pg> + diesel::deserialize::FromSqlRow<ST, Sqlite> + 'static,
        Self: for<'q> diesel::query_dsl::LoadQuery<'q, PgConnection, T>
            + for<'q> diesel::query_dsl::LoadQuery<'q, SqliteConnection, T>,
        Together<ST>: for<'q> diesel::query_dsl::LoadQuery<'q, PgConnection, T>,
    {
        let AnyConn::Postgres(session) = conn else { return self.load(conn) };
        let later = session.take_later();
        Ok(match later.is_empty() {
            true => RunQueryDsl::load(self, session.begun())?,
            false => {
                let question = Statement::new(self.text, self.binds);
                RunQueryDsl::load(later.with::<ST>(question), session.begun())?
            }
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
    DB: Backend + HasSqlType<BigInt> + HasSqlType<Binary> + HasSqlType<Bool>,
    i64: ToSql<BigInt, DB>,
    bool: ToSql<Bool, DB>,
    String: ToSql<Text, DB>,
    Vec<u8>: ToSql<Binary, DB>,
{
    fn walk_ast<'b>(&'b self, mut sql: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if matches!(self.text, Cow::Owned(_)) {
            sql.unsafe_to_cache_prepared();
        }
        walk(&self.text, &self.binds, sql)
    }
}

/// A text with a value for each `?`.
pub(super) fn walk<'b, DB>(text: &'b str, binds: &'b [Bind], mut sql: AstPass<'_, 'b, DB>) -> QueryResult<()>
where
    DB: Backend + HasSqlType<BigInt> + HasSqlType<Binary> + HasSqlType<Bool>,
    i64: ToSql<BigInt, DB>,
    bool: ToSql<Bool, DB>,
    String: ToSql<Text, DB>,
    Vec<u8>: ToSql<Binary, DB>,
{
    let mut parts = text.split('?');
    sql.push_sql(parts.next().unwrap_or_default());
    for (part, bind) in parts.zip(binds) {
        match bind {
            Bind::Number(value) => sql.push_bind_param::<BigInt, _>(value)?,
            Bind::Optional(value) => sql.push_bind_param::<Nullable<BigInt>, _>(value)?,
            Bind::Flag(value) => sql.push_bind_param::<Bool, _>(value)?,
            Bind::Text(value) => sql.push_bind_param::<Text, _>(value)?,
            Bind::Words(value) => sql.push_bind_param::<Nullable<Text>, _>(value)?,
            Bind::Bytes(value) => sql.push_bind_param::<Binary, _>(value)?,
        }
        sql.push_sql(part);
    }
    Ok(())
}

impl<ST: 'static> QueryId for Statement<ST> {
    type QueryId = ();
    // Cached by its text, if at all.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST> Query for Statement<ST> {
    type SqlType = ST;
}

impl<C, ST> RunQueryDsl<C> for Statement<ST> {}
