//! Rows on their way into an empty database: many at a time, and afterwards read back and compared.

use std::collections::BTreeMap;

use oauth::Keyring;
use ring::digest;

use super::{MoveError, Step, Watch};
use crate::services::master_key;
use crate::storage::backup::Numbers;
use crate::storage::tables::Table;
use crate::storage::{DbError, Tx};

/// Rows go in by so many bytes at once, or by one row that is longer.
const BATCH: usize = 1 << 20;

pub(super) struct Filling<'f, 'c> {
    to: &'f mut Tx<'c>,
    tables: &'f [Table],
    masters: &'f [[u8; 32]],
    total: u64,
    watch: &'f Watch<'f>,
    /// A JSON array that is not closed yet, of rows of this table.
    batch: String,
    table: usize,
    sums: Vec<Sum>,
    done: u64,
    keys: Option<Keyring>,
}

impl<'f, 'c> Filling<'f, 'c> {
    pub(super) fn new(
        to: &'f mut Tx<'c>,
        tables: &'f [Table],
        masters: &'f [[u8; 32]],
        total: u64,
        watch: &'f Watch<'f>,
    ) -> Filling<'f, 'c> {
        let sums = vec![Sum::default(); tables.len()];
        Filling { to, tables, masters, total, watch, batch: String::new(), table: 0, sums, done: 0, keys: None }
    }

    /// One more row of the table at this position.
    pub(super) fn push(&mut self, table: usize, row: &str) -> Result<(), MoveError> {
        if table != self.table || self.batch.len() + row.len() > BATCH {
            self.flush()?;
            // The facts about the installation come first. With another key, nothing that follows would be of use.
            if table != self.table && self.keys.is_none() {
                self.open()?;
            }
            self.table = table;
        }
        self.batch.push(if self.batch.is_empty() { '[' } else { ',' });
        self.batch.push_str(row);
        self.sums[table].add(row)?;
        self.done += 1;
        self.watch.goes_on(Step::Copying(self.done, self.total))
    }

    fn flush(&mut self) -> Result<(), MoveError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.batch.push(']');
        let (table, batch) = (&self.tables[self.table], std::mem::take(&mut self.batch));
        let failed = |error| MoveError::Row { table: table.name.clone(), error };
        self.to.insert_rows(table, batch).map(drop).map_err(failed)
    }

    fn open(&mut self) -> Result<(), MoveError> {
        self.keys = Some(master_key::open_existing(self.to, self.masters)?.ok_or(MoveError::WrongKey)?);
        Ok(())
    }

    /// All rows are there: each table goes on after its last number, and every row is read back.
    pub(super) fn finish(mut self, numbers: &[i64]) -> Result<(Numbers, Keyring), MoveError> {
        self.flush()?;
        if self.keys.is_none() {
            self.open()?;
        }
        let mut done = 0;
        for (n, table) in self.tables.iter().enumerate() {
            if table.is_numbered {
                self.to.set_last_number(table, numbers.get(n).copied().unwrap_or_default())?;
            }
            let mut there = Sum::default();
            let (watch, total) = (self.watch, self.total);
            self.to.each_row(table, |row| {
                there.add(&row)?;
                done += 1;
                watch.goes_on(Step::Comparing(done, total))
            })?;
            if there != self.sums[n] {
                return Err(MoveError::Differs(table.name.clone()));
            }
        }
        let rows =
            self.tables.iter().zip(&self.sums).map(|(table, sum)| (table.name.clone(), sum.rows as i64)).collect();
        Ok((rows, self.keys.ok_or(MoveError::WrongKey)?))
    }
}

/// The rows of a table, in any order: how many, and the sum of their hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sum {
    rows: u64,
    sum: [u64; 4],
}

impl Sum {
    fn add(&mut self, row: &str) -> Result<(), MoveError> {
        // Each database writes JSON in a way of its own.
        let members: BTreeMap<String, serde_json::Value> =
            serde_json::from_str(row).map_err(|e| DbError::Corrupt(format!("a row: {e}")))?;
        let text = serde_json::to_vec(&members).map_err(|e| DbError::Corrupt(format!("a row: {e}")))?;
        let hash = digest::digest(&digest::SHA256, &text);
        for (sum, part) in self.sum.iter_mut().zip(hash.as_ref().chunks_exact(8)) {
            *sum = sum.wrapping_add(part.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)));
        }
        self.rows += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(rows: &[&str]) -> Sum {
        let mut sum = Sum::default();
        rows.iter().for_each(|row| sum.add(row).unwrap());
        sum
    }

    #[test]
    fn the_same_rows_have_the_same_sum_in_any_order_and_any_other_have_another() {
        let rows = [r#"{"seq":1,"name":"ana"}"#, r#"{"seq":2,"name":"Bj\u00f6rn"}"#];
        assert_eq!(sum(&rows), sum(&[r#"{"name":"Björn","seq":2}"#, r#"{"name": "ana", "seq": 1}"#]));
        for others in [&rows[..1], &[rows[0], rows[0]], &[rows[0], r#"{"seq":2,"name":"Bjorn"}"#]] {
            assert_ne!(sum(&rows), sum(others));
        }
    }
}
