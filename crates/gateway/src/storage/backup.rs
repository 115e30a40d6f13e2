//! A copy of a SQLite database, taken while others write it, and what is asked of a copy.
//!
//! `VACUUM INTO` on a connection that only reads: one statement on one snapshot. Writers go on meanwhile, and what was deleted is not in
//! the copy.

use std::collections::BTreeMap;
use std::path::Path;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::backend::{AnyConn, sqlite_to_read};
use super::error::DbError;

/// A SQLite database that is only read.
#[allow(missing_debug_implementations)] // diesel's connections have none
pub struct Reader(AnyConn);

/// What one has of something, by its name.
pub type Numbers = BTreeMap<String, i64>;

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

impl Reader {
    /// Opens one that exists.
    pub fn open(path: &Path) -> Result<Reader, DbError> {
        Ok(Reader(AnyConn::Sqlite(sqlite_to_read(path)?)))
    }

    /// For what is asked of either database.
    pub fn conn(&mut self) -> &mut AnyConn {
        &mut self.0
    }

    fn sqlite(&mut self) -> &mut SqliteConnection {
        match &mut self.0 {
            AnyConn::Sqlite(conn) => conn,
            AnyConn::Postgres(_) => unreachable!("it was opened as SQLite"),
        }
    }

    /// The last number that each table has given a row. They never go back, so they say whether one state is older than another.
    pub fn given(&mut self) -> Result<Numbers, DbError> {
        self.numbers("SELECT name, seq AS n FROM sqlite_sequence")
    }

    /// About how many bytes a copy will have.
    pub fn size(&mut self) -> Result<u64, DbError> {
        let found = self.numbers(
            "SELECT 'size' AS name, (c.page_count - f.freelist_count) * s.page_size AS n \
             FROM pragma_page_count AS c, pragma_freelist_count AS f, pragma_page_size AS s",
        )?;
        Ok(found.into_values().next().unwrap_or_default().unsigned_abs())
    }

    /// Copies everything into a file that is empty or does not exist; an absolute path.
    pub fn copy_into(&mut self, path: &str) -> Result<(), DbError> {
        diesel::sql_query("VACUUM INTO ?").bind::<Text, _>(path).execute(self.sqlite())?;
        Ok(())
    }

    /// What SQLite itself finds wrong with it; nothing if it is sound.
    pub fn faults(&mut self) -> Result<Vec<String>, DbError> {
        let mut found = self.lines("SELECT integrity_check AS line FROM pragma_integrity_check")?;
        found.retain(|line| line != "ok");
        Ok(found)
    }

    /// How many rows each table has.
    pub fn rows(&mut self) -> Result<Numbers, DbError> {
        let tables = self.lines(
            "SELECT name AS line FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
        )?;
        let mut rows = Numbers::new();
        for table in tables {
            let counted = self.numbers(&format!("SELECT 'n' AS name, count(*) AS n FROM \"{table}\""))?;
            rows.insert(table, counted.into_values().next().unwrap_or_default());
        }
        Ok(rows)
    }

    fn numbers(&mut self, sql: &str) -> Result<Numbers, DbError> {
        let found: Vec<Named> = diesel::sql_query(sql).load(self.sqlite())?;
        Ok(found.into_iter().map(|Named { name, n }| (name, n)).collect())
    }

    fn lines(&mut self, sql: &str) -> Result<Vec<String>, DbError> {
        let found: Vec<Line> = diesel::sql_query(sql).load(self.sqlite())?;
        Ok(found.into_iter().map(|found| found.line).collect())
    }
}

/// The tables of which one state has given fewer numbers than another: nothing if all that was there before is there.
pub fn behind(state: &Numbers, before: &Numbers) -> Vec<String> {
    let is_behind = |(name, n): &(&String, &i64)| state.get(*name).is_none_or(|there| there < n);
    before.iter().filter(is_behind).map(|(name, _)| name.clone()).collect()
}
