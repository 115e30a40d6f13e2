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
use diesel::sql_types::{BigInt, Binary, Bool, HasSqlType, Text};
use diesel::sqlite::Sqlite;

use super::backend::AnyConn;
pub(super) use super::bind::Bind;
use super::bind::walk;
use super::error::DbError;
use super::later::{PutOff, Rows, Together};

/// The database's clock.
pub(super) const CLOCK: &str = "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint";

/// How statements begin that change nothing: the second updates no row, but locks as if it did.
const READS: [&str; 2] = ["SELECT ", "WITH writes AS (UPDATE resources SET version = version WHERE FALSE) SELECT "];

/// One text for each database.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialects {
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
}

/// One text for both databases, but for the parts in brackets: PostgreSQL alone is told of each table that is joined that its rows are of the
/// account too. SQLite looks a row up by its number in any case, and would as soon begin with all rows of the account.
macro_rules! dialects {
    ($($text:literal $([$postgres:literal])?)+) => {
        $crate::storage::statement::Dialects { sqlite: concat!($($text),+), postgres: concat!($($text $(, $postgres)?),+) }
    };
}
pub(super) use dialects;

/// The values of a text in which `account = ?` stands for this account wherever it is; the others as they follow.
pub(super) fn in_account(text: &str, account: impl Into<i64>, others: Vec<Bind>) -> Vec<Bind> {
    let (account, mut others) = (account.into(), others.into_iter());
    let mut parts: Vec<&str> = text.split('?').collect();
    parts.pop();
    let value = |part: &str| if part.ends_with("account = ") { Some(Bind::Number(account)) } else { others.next() };
    parts.into_iter().filter_map(value).collect()
}

impl Dialects {
    /// Another where accounts lie on several nodes: see [`everywhere`](super::everywhere).
    pub(super) fn or_everywhere(self, conn: &AnyConn, everywhere: &'static str) -> &'static str {
        if conn.is_spread() { everywhere } else { self.of(conn) }
    }

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

    /// A constant text with the values of [`in_account`].
    pub(super) fn of_account(text: &'static str, account: impl Into<i64>, others: Vec<Bind>) -> Self {
        Statement::new(text, in_account(text, account, others))
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
            AnyConn::Postgres(c) if READS.iter().any(|read| self.text.starts_with(read)) => {
                RunQueryDsl::load(self, c.begun_to_read())?
            }
            AnyConn::Postgres(c) => RunQueryDsl::load(self, c.begun())?,
            AnyConn::Sqlite(c) => RunQueryDsl::load(self, c)?,
        })
    }

    /// Writes it when something is asked next, on PostgreSQL; on SQLite at once. Its text is a constant. See [`later`](super::later).
    pub(super) fn put_off(conn: &mut AnyConn, text: &'static str, binds: Vec<Bind>) -> Result<(), DbError>
    where
        Self: QueryFragment<Pg> + QueryFragment<Sqlite> + QueryId,
    {
        match conn {
            AnyConn::Postgres(session) => {
                session.put_off(PutOff::Text(text, binds));
                Ok(())
            }
            AnyConn::Sqlite(_) => Self::new(text, binds).execute(conn).map(drop),
        }
    }

    /// The same for one row of a table, whose statement begins with `head`. On SQLite it is written by `whole`.
    pub(super) fn put_off_row(
        conn: &mut AnyConn,
        (head, row, whole): (&'static str, &'static str, &'static str),
        binds: Vec<Bind>,
    ) -> Result<(), DbError>
    where
        Self: QueryFragment<Pg> + QueryFragment<Sqlite> + QueryId,
    {
        match conn {
            AnyConn::Postgres(session) => {
                session.put_off(PutOff::Rows(Rows { head, row, rows: 1, binds }));
                Ok(())
            }
            AnyConn::Sqlite(_) => Self::new(whole, binds).execute(conn).map(drop),
        }
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
            false => RunQueryDsl::load(later.with::<ST>(self.text, self.binds), session.begun())?,
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

impl<ST: 'static> QueryId for Statement<ST> {
    type QueryId = ();
    // Cached by its text, if at all.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST> Query for Statement<ST> {
    type SqlType = ST;
}

impl<C, ST> RunQueryDsl<C> for Statement<ST> {}
