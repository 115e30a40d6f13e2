//! Every row of a table as a line of JSON, out of one database and into another.
//!
//! The databases themselves write and read the JSON: an object with a member for each column, numbers as they are, yes and no as 1 and 0, bytes in
//! hexadecimal. So a row is the same line whichever database it comes from, and many rows go in by one statement with one value.

use diesel::pg::PgRowByRowLoadingMode;
use diesel::prelude::*;
use diesel::query_dsl::methods::LoadQuery;
use diesel::sql_types::{BigInt, Text};

use super::backend::AnyConn;
use super::error::DbError;
use super::statement::{Bind, Statement};
use super::tables::{Column, ColumnKind, Table};
use super::tx::Tx;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

impl Tx<'_> {
    /// How many rows a table has.
    pub fn count_rows(&mut self, table: &Table) -> Result<i64, DbError> {
        let text = format!("SELECT count(*) FROM \"{}\"", table.name);
        Ok(Statement::<BigInt>::new(text, Vec::new()).first(self.conn)?.unwrap_or_default())
    }

    /// Gives every row of a table, one after the other; none but the one at hand is in memory.
    pub fn each_row<E: From<DbError>>(
        &mut self,
        table: &Table,
        each: impl FnMut(String) -> Result<(), E>,
    ) -> Result<(), E> {
        self.each_row_that(table, "", each)
    }

    /// The same for those that a condition names.
    pub(super) fn each_row_that<E: From<DbError>>(
        &mut self,
        table: &Table,
        that: &str,
        mut each: impl FnMut(String) -> Result<(), E>,
    ) -> Result<(), E> {
        fn all<'q, C, M, E: From<DbError>>(
            conn: &'q mut C,
            text: String,
            each: &mut impl FnMut(String) -> Result<(), E>,
        ) -> Result<(), E>
        where
            diesel::query_builder::SqlQuery: LoadQuery<'q, C, Line, M> + 'q,
        {
            let rows = diesel::sql_query(text).load_iter::<Line, M>(conn).map_err(DbError::from)?;
            for row in rows {
                each(row.map_err(DbError::from)?.line)?;
            }
            Ok(())
        }
        let text = self.reads(table, that);
        match &mut *self.conn {
            AnyConn::Sqlite(c) => all::<_, diesel::connection::DefaultLoadingMode, E>(c, text, &mut each),
            AnyConn::Postgres(c) => all::<_, PgRowByRowLoadingMode, E>(c.begun(), text, &mut each),
        }
    }

    /// Puts rows into a table: a JSON array of what [`each_row`](Tx::each_row) gives.
    pub fn insert_rows(&mut self, table: &Table, rows: String) -> Result<u64, DbError> {
        let text = self.writes(table);
        Statement::<()>::new(text, vec![Bind::Text(rows)]).execute(self.conn)
    }

    /// The last number that a table has given a row; 0 if none.
    pub fn last_number(&mut self, table: &Table) -> Result<i64, DbError> {
        let text = match &*self.conn {
            AnyConn::Sqlite(_) => format!("SELECT seq FROM sqlite_sequence WHERE name = '{}'", table.name),
            AnyConn::Postgres(_) => {
                let text = format!("SELECT pg_get_serial_sequence('\"{}\"', 'seq')", table.name);
                let sequence: Option<String> = Statement::<Text>::new(text, Vec::new()).first(self.conn)?;
                let sequence =
                    sequence.ok_or_else(|| DbError::Corrupt(format!("{} has no numbers of its own", table.name)))?;
                format!("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}")
            }
        };
        Ok(Statement::<BigInt>::new(text, Vec::new()).first(self.conn)?.unwrap_or_default())
    }

    /// Lets a table go on after this number.
    pub fn set_last_number(&mut self, table: &Table, last: i64) -> Result<(), DbError> {
        if last <= 0 {
            return Ok(());
        }
        let name = &table.name;
        match &*self.conn {
            AnyConn::Sqlite(_) => {
                let forget = format!("DELETE FROM sqlite_sequence WHERE name = '{name}'");
                Statement::<()>::new(forget, Vec::new()).execute(self.conn)?;
                let note = format!("INSERT INTO sqlite_sequence (name, seq) VALUES ('{name}', ?)");
                Statement::<()>::new(note, vec![Bind::Number(last)]).execute(self.conn)?;
            }
            AnyConn::Postgres(_) => {
                let text = format!("SELECT setval(pg_get_serial_sequence('\"{name}\"', 'seq')::regclass, ?)");
                Statement::<BigInt>::new(text, vec![Bind::Number(last)]).first::<i64>(self.conn)?;
            }
        }
        Ok(())
    }

    /// Lets PostgreSQL look at what it has now, so that it plans by that and not by what was there before.
    pub fn gather_statistics(&mut self, tables: &[Table]) -> Result<(), DbError> {
        for table in if self.is_sqlite() { &[] } else { tables } {
            Statement::<()>::new(format!("ANALYZE \"{}\"", table.name), Vec::new()).execute(self.conn)?;
        }
        Ok(())
    }

    /// How many other sessions the user of this one has in this database, a tenth of a second from now: a server that was stopped a moment ago still
    /// has some. SQLite's are found by [`in_use`](super::in_use).
    pub fn other_sessions(&mut self) -> Result<i64, DbError> {
        const PAUSE: &str = "SELECT pg_sleep(0.1)::text";
        const OTHERS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user \
             AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
        match &*self.conn {
            AnyConn::Sqlite(_) => Ok(0),
            AnyConn::Postgres(_) => {
                Statement::<Text>::new(PAUSE, Vec::new()).first::<String>(self.conn)?;
                Ok(Statement::<BigInt>::new(OTHERS, Vec::new()).first(self.conn)?.unwrap_or_default())
            }
        }
    }

    /// Whether this is SQLite.
    pub fn is_sqlite(&self) -> bool {
        matches!(self.conn, AnyConn::Sqlite(_))
    }

    fn reads(&self, table: &Table, that: &str) -> String {
        let name = &table.name;
        match &*self.conn {
            AnyConn::Sqlite(_) => {
                let members = listed(&table.columns, |Column { name, kind }| match kind {
                    ColumnKind::Bytes => {
                        format!("'{name}', CASE WHEN \"{name}\" IS NOT NULL THEN lower(hex(\"{name}\")) END")
                    }
                    _ => format!("'{name}', \"{name}\""),
                });
                format!("SELECT json_object({members}) AS line FROM \"{name}\"{that}")
            }
            AnyConn::Postgres(_) => {
                let columns = listed(&table.columns, |Column { name, kind }| match kind {
                    ColumnKind::Bytes => format!("encode(\"{name}\", 'hex') AS \"{name}\""),
                    ColumnKind::Flag => format!("\"{name}\"::int AS \"{name}\""),
                    _ => format!("\"{name}\""),
                });
                format!("SELECT row_to_json(r)::text AS line FROM (SELECT {columns} FROM \"{name}\"{that}) AS r")
            }
        }
    }

    fn writes(&self, table: &Table) -> String {
        let name = &table.name;
        let into = listed(&table.columns, |column| format!("\"{}\"", column.name));
        match &*self.conn {
            AnyConn::Sqlite(_) => {
                let values = listed(&table.columns, |Column { name, kind }| match kind {
                    ColumnKind::Bytes => format!("unhex(value ->> '{name}')"),
                    _ => format!("value ->> '{name}'"),
                });
                format!("INSERT INTO \"{name}\" ({into}) SELECT {values} FROM json_each(?)")
            }
            AnyConn::Postgres(_) => {
                let values = listed(&table.columns, |Column { name, kind }| match kind {
                    ColumnKind::Bytes => format!("decode(r.\"{name}\", 'hex')"),
                    _ => format!("r.\"{name}\""),
                });
                let types = listed(&table.columns, |Column { name, kind }| {
                    let kind = match kind {
                        ColumnKind::Number => "bigint",
                        ColumnKind::Flag => "boolean",
                        ColumnKind::Text | ColumnKind::Bytes => "text",
                    };
                    format!("\"{name}\" {kind}")
                });
                format!(
                    "INSERT INTO \"{name}\" ({into}) OVERRIDING SYSTEM VALUE SELECT {values} FROM json_to_recordset(?::json) AS r ({types})"
                )
            }
        }
    }
}

fn listed(columns: &[Column], each: impl Fn(&Column) -> String) -> String {
    columns.iter().map(each).collect::<Vec<_>>().join(", ")
}
