//! All tables of the schema, with their columns: from the migrations of this release themselves, run on an empty SQLite database in memory.
//!
//! So no list has to be kept, a table of a later migration is never forgotten, and what else lies in a PostgreSQL database is nothing of ours. The
//! same tables with the same columns are in both databases, which a test of the stories compares with PostgreSQL's own catalogue.

use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use super::backend::AnyConn;
use super::error::DbError;
use super::migrations::{self, MigrationError};

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What it is called.
    pub name: String,
    /// Its columns, in their order.
    pub columns: Vec<Column>,
    /// The database gives each row a number of its own, in the column `seq`, and none twice.
    pub is_numbered: bool,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// What it is called.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
}

/// What a column holds, in either database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// A whole number.
    Number,
    /// Yes or no.
    Flag,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
}

impl ColumnKind {
    /// As SQLite's migrations name the type.
    fn of(declared: &str) -> Option<ColumnKind> {
        Some(match declared {
            "smallint" | "integer" | "bigint" => ColumnKind::Number,
            "boolean" => ColumnKind::Flag,
            "text" => ColumnKind::Text,
            "blob" => ColumnKind::Bytes,
            _ => return None,
        })
    }
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    is_numbered: bool,
    #[diesel(sql_type = Text)]
    column_name: String,
    #[diesel(sql_type = Text)]
    declared: String,
}

const CATALOGUE: &str = "SELECT t.name AS name, t.sql LIKE '%AUTOINCREMENT%' AS is_numbered, c.name AS column_name, lower(c.type) AS declared \
     FROM sqlite_schema AS t, pragma_table_xinfo(t.name) AS c \
     WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND t.name NOT LIKE '\\_\\_%' ESCAPE '\\' ORDER BY t.name, c.cid";

/// All tables, by name.
pub fn of_this_release() -> Result<Vec<Table>, MigrationError> {
    let memory = SqliteConnection::establish(":memory:").map_err(DbError::from)?;
    let mut conn = AnyConn::Sqlite(memory);
    migrations::run(&mut conn)?;
    let AnyConn::Sqlite(c) = &mut conn else { return Ok(Vec::new()) };
    let found: Vec<Found> = diesel::sql_query(CATALOGUE).load(c).map_err(DbError::from)?;
    let mut tables: Vec<Table> = Vec::new();
    for Found { name, is_numbered, column_name, declared } in found {
        let kind = ColumnKind::of(&declared)
            .ok_or_else(|| DbError::Corrupt(format!("{name}.{column_name} has the type {declared}, which none has")))?;
        let column = Column { name: column_name, kind };
        match tables.last_mut().filter(|table| table.name == name) {
            Some(table) => table.columns.push(column),
            None => tables.push(Table { name, columns: vec![column], is_numbered }),
        }
    }
    Ok(tables)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What diesel is told of the tables is another description of them.
    #[test]
    fn every_table_that_the_gateway_knows_is_there_with_every_column() {
        let storage = concat!(env!("CARGO_MANIFEST_DIR"), "/src/storage");
        let more = std::fs::read_dir(format!("{storage}/schema")).unwrap().map(|file| file.unwrap().path());
        let files = more.chain([format!("{storage}/schema.rs").into()]);
        let known: String = files.map(|file| std::fs::read_to_string(file).unwrap()).collect();
        let tables = of_this_release().unwrap();
        let found: Vec<String> = tables
            .iter()
            .flat_map(|table| table.columns.iter().map(|column| format!("{}.{}", table.name, column.name)))
            .collect();
        let (mut table, mut columns) = ("", 0);
        for line in known.lines() {
            if let Some((name, _)) = line.strip_prefix("    ").and_then(|line| line.split_once(" (")) {
                table = name;
            }
            if let Some((column, _)) = line.trim().split_once(" -> ") {
                columns += 1;
                assert!(found.contains(&format!("{table}.{column}")), "{table}.{column} is not moved");
            }
        }
        assert_eq!((columns, found.len()), (found.len(), columns), "and none besides");
        assert!(tables.iter().filter(|table| table.is_numbered).all(|table| table.columns[0].name == "seq"));
    }
}
