//! A look behind the scenes: the database itself, past the gateway.

use std::path::Path;
use std::sync::Arc;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use gateway::each;
use gateway::services::master_key;
use gateway::services::reactions::unit_of_work;
use gateway::storage::{AnyConn, DatabaseUrl, DbError, Tx};
use oauth::Keyring;

use crate::support::sent_statements;
use crate::support::testing::{MASTER_KEY, World};

/// A connection of the story's own.
pub struct Behind {
    conn: AnyConn,
    url: DatabaseUrl,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

impl Behind {
    pub fn of(world: &World) -> Behind {
        Behind::at(world.database_url().parse().expect("a database"))
    }

    /// To any database.
    pub fn at(url: DatabaseUrl) -> Behind {
        Behind { conn: sent_statements::unheard(&url).connect().expect("it answers"), url }
    }

    /// Which database it is.
    pub fn kind(&self) -> &AnyConn {
        &self.conn
    }

    /// The keys of this installation.
    pub fn keys(&mut self) -> Arc<Keyring> {
        let master = gateway::config::keys::parse(MASTER_KEY).expect("32 bytes");
        let keys = self.work(|tx| master_key::open(tx, &[master], &master_key::RootKey::generate()));
        Arc::new(keys.expect("it is the key of every world"))
    }

    /// Statements that any of the two databases understands.
    pub fn execute(&mut self, sql: &str) {
        each!(&mut self.conn, c => c.batch_execute(sql)).unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    /// The same where it may be refused.
    pub fn try_execute(&mut self, sql: &str) -> QueryResult<()> {
        each!(&mut self.conn, c => c.batch_execute(sql))
    }

    /// The one number that a query gives, named `n`.
    pub fn number(&mut self, sql: &str) -> i64 {
        let rows: QueryResult<Vec<Number>> = each!(&mut self.conn, c => diesel::sql_query(sql).load(c));
        rows.unwrap_or_else(|e| panic!("{sql}: {e}"))[0].n
    }

    fn lines(&mut self, sql: &str) -> Vec<String> {
        let rows: QueryResult<Vec<Line>> = each!(&mut self.conn, c => diesel::sql_query(sql).load(c));
        rows.unwrap_or_else(|e| panic!("{sql}: {e}")).into_iter().map(|row| row.line).collect()
    }

    /// As the gateway works.
    pub fn work<T>(&mut self, work: impl FnOnce(&mut Tx<'_>) -> Result<T, DbError>) -> T {
        unit_of_work(&mut self.conn, work).expect("it works")
    }

    /// Seals the audit trail, as the worker does.
    pub fn seal(&mut self) {
        let keys = self.keys();
        let now = gateway::platform::clock::Clock::of_the_machine().now();
        while self.work(|tx| tx.seal_audit(&keys, now, 7, None)).is_some() {}
    }

    /// What is sealed of requests that were recorded in full.
    pub fn opened_recordings(&mut self, keys: &Keyring) -> Vec<String> {
        let sealed = self.lines("SELECT sealed AS line FROM recordings ORDER BY seq");
        let open = |sealed: String| keys.open(gateway::domain::sealing::RECORDING, &sealed).expect("it opens");
        sealed.into_iter().map(|sealed| String::from_utf8(open(sealed)).expect("JSON")).collect()
    }

    /// The names of all tables of the schema.
    pub fn tables(&mut self) -> Vec<String> {
        let sql = match &self.conn {
            AnyConn::Sqlite(_) => {
                "SELECT name AS line FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"
            }
            AnyConn::Postgres(_) => {
                "SELECT table_name::text AS line FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
            }
        };
        self.lines(sql)
    }

    /// The rows of all tables but some, as text, in an order of their own.
    pub fn rows(&mut self, without: &[&str]) -> String {
        let mut told = String::new();
        for table in self.tables().into_iter().filter(|table| !without.contains(&table.as_str())) {
            let row = match &self.conn {
                AnyConn::Postgres(_) => "t::text".to_owned(),
                AnyConn::Sqlite(_) => {
                    let columns = self.lines(&format!("SELECT name AS line FROM pragma_table_info('{table}')"));
                    columns.iter().map(|column| format!("quote({column})")).collect::<Vec<_>>().join(" || ',' || ")
                }
            };
            let mut rows = self.lines(&format!("SELECT {row} AS line FROM {table} AS t"));
            rows.sort_unstable();
            rows.iter().for_each(|row| told.push_str(&format!("{table} {row}\n")));
        }
        told
    }

    /// Each row of each table, in words that are the same for both databases; what migrations were run left out.
    pub fn rows_alike(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        for table in self.tables().into_iter().filter(|table| !table.starts_with("__")) {
            let cells: Vec<String> = self.columns(&table).iter().map(|column| self.cell(column)).collect();
            let cells = cells.join(" || ' | ' || ");
            told.extend(self.lines(&format!("SELECT '{table}: ' || {cells} AS line FROM \"{table}\" AS t")));
        }
        told.sort_unstable();
        told
    }

    /// The columns of a table, each with its type, in alphabetical order.
    pub fn columns(&mut self, table: &str) -> Vec<(String, String)> {
        let sql = match &self.conn {
            AnyConn::Sqlite(_) => {
                format!("SELECT name || ' ' || lower(type) AS line FROM pragma_table_info('{table}') ORDER BY name")
            }
            AnyConn::Postgres(_) => format!(
                "SELECT column_name || ' ' || CASE data_type WHEN 'bytea' THEN 'blob' ELSE data_type END AS line \
                 FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '{table}' ORDER BY column_name COLLATE \"C\""
            ),
        };
        let split = |line: String| line.split_once(' ').map(|(name, kind)| (name.to_owned(), kind.to_owned()));
        self.lines(&sql).into_iter().filter_map(split).collect()
    }

    /// How a value is told.
    fn cell(&self, (name, kind): &(String, String)) -> String {
        let value = match (&self.conn, kind.as_str()) {
            (AnyConn::Sqlite(_), "blob") => format!("CASE WHEN {name} IS NULL THEN NULL ELSE hex({name}) END"),
            (AnyConn::Postgres(_), "blob") => format!("upper(encode({name}, 'hex'))"),
            (AnyConn::Postgres(_), "boolean") => format!("{name}::int::text"),
            _ => format!("CAST(\"{name}\" AS text)"),
        };
        format!("'{name}=' || COALESCE({value}, 'NULL')")
    }

    /// Everything that is stored: every row as text, and of SQLite the bytes of its files too, which hold what was deleted.
    pub fn dump(&mut self) -> String {
        let mut dump = String::new();
        if let AnyConn::Postgres(_) = &self.conn {
            for table in self.tables() {
                let rows = self.lines(&format!("SELECT t::text AS line FROM {table} AS t"));
                dump.push_str(&format!("{table}\n{}\n", rows.join("\n")));
            }
        }
        if let DatabaseUrl::Sqlite(path) = &self.url {
            for suffix in ["", "-wal"] {
                let file = format!("{}{suffix}", path.display());
                let bytes = std::fs::read(Path::new(&file)).unwrap_or_default();
                dump.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
        assert!(dump.len() > 2_000, "there is something to look through");
        dump
    }
}
