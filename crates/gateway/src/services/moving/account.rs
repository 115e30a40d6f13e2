//! One account: out of an installation into a file, and into another installation, under keys of its own there.

use std::path::Path;

use serde_json::{Map, Value};

use super::file::{Export, Header, NotAnExport, Scope, Writer};
use super::{Exported, MoveError, Source, Step, Watch};
use crate::domain::actor::{Actor, Source as From};
use crate::domain::event::{Act, Action};
use crate::domain::schemas::Schemas;
use crate::platform::new_file::NewFile;
use crate::platform::timestamp::Timestamp;
use crate::services::master_key;
use crate::services::reactions::unit_of_work;
use crate::storage::account_rows::{Noun, PIECES, Piece, Renumbered};
use crate::storage::tables::{self, Table};
use crate::storage::{AnyConn, DbError, Tx, migrations, read_on};

/// So many rows go in at once, or so many bytes of them.
const ROWS: usize = 500;
const BYTES: usize = 1 << 20;

/// An account that was imported.
#[derive(Debug)]
pub struct Arrived {
    /// Its id
    pub id: String,
    /// and its name.
    pub name: String,
    /// Users and groups.
    pub resources: usize,
    /// Clients, none of which has a secret.
    pub clients: usize,
    /// Rows of the audit trail, which stay in the file.
    pub audit: i64,
}

/// Each table that goes with an account, with what of it does.
fn pieces(of: &str) -> Result<Vec<(Table, &'static Piece)>, MoveError> {
    let all = tables::of_this_release().map_err(|why| MoveError::Schema(of.to_owned(), why))?;
    let named =
        |piece: &'static Piece| all.iter().find(|table| table.name == piece.table).map(|table| (table.clone(), piece));
    Ok(PIECES.iter().filter_map(named).collect())
}

/// Writes one account into a new file, while servers run or not.
pub fn export_account(
    source: Source<'_>,
    called: &str,
    file: &Path,
    now: Timestamp,
    watch: &Watch<'_>,
) -> Result<Exported, MoveError> {
    let mut from = source.open()?;
    let pieces = pieces(&source.url.display())?;
    let schema = migrations::schema().map_err(|why| MoveError::Schema(source.url.display(), why))?;
    read_on(&mut from, |from| {
        let keys = master_key::open_existing(from, source.masters)?.ok_or(MoveError::WrongKey)?;
        let key = from.account_called(called)?.ok_or_else(|| MoveError::NoAccount(called.to_owned()))?;
        let account = from.account_at(key)?.ok_or_else(|| MoveError::NoAccount(called.to_owned()))?;
        if from.has_attribute_work(key)? {
            return Err(MoveError::NotAtRest(account.name));
        }
        let scope = Scope::Account { id: account.id, name: account.name };
        let header = Header::new(scope, schema, source.url.kind(), &keys, now);
        let mut writer = Writer::begin(NewFile::begin(&std::path::absolute(file)?)?, &header)?;
        let mut done = 0;
        for (table, piece) in &pieces {
            from.each_row_of_account((table, *piece), key, |line| {
                writer.row(&table.name, &line)?;
                done += 1;
                watch.goes_on(Step::Copying(done, 0))
            })?;
        }
        let (rows, sha256) = writer.finish(Default::default(), &keys)?;
        Ok(Exported { rows, sha256 })
    })
}

/// Puts the account of a file into an installation, wholly or not at all, beside running servers or not.
pub fn import_account(
    file: &Path,
    conn: &mut AnyConn,
    schemas: &Schemas,
    watch: &Watch<'_>,
) -> Result<Arrived, MoveError> {
    let not = |why| MoveError::NotAnExport(file.to_owned(), why);
    let mut export = Export::open(file).map_err(not)?;
    let here = |why| MoveError::Schema("this installation".to_owned(), why);
    migrations::check(conn).map_err(here)?;
    export.suits(&migrations::schema().map_err(here)?).map_err(not)?;
    let header = export.header.clone();
    let Scope::Account { id, name } = header.scope else {
        return Err(not(NotAnExport::OtherScope("it has a whole installation and not one account".to_owned())));
    };
    export.check(&mut |read, of| watch.goes_on(Step::Summing(read, of)))?;
    let pieces = pieces("this installation")?;
    let (total, sha256) = (export.rows().values().sum::<i64>().unsigned_abs(), export.sha256().to_owned());
    let audit = export.rows().get("audit").copied().unwrap_or_default();
    unit_of_work(conn, |tx| {
        tx.act_as(Actor::CommandLine.at(From::default()));
        if let Some(found) = tx.account_in_the_way(&id, &name)? {
            return Err(MoveError::There(found));
        }
        let mut arriving = Arriving {
            file,
            tx,
            schemas,
            pieces: &pieces,
            at: 0,
            rows: Vec::new(),
            bytes: 0,
            numbers: Renumbered::default(),
        };
        let mut done = 0;
        export.each_line(&mut |table, row| {
            done += 1;
            watch.goes_on(Step::Copying(done, total))?;
            arriving.push(table, row)
        })?;
        arriving.flush()?;
        let numbers = arriving.numbers;
        let account = numbers.account().ok_or_else(|| not(NotAnExport::Damaged("no account is in it".to_owned())))?;
        if tx.account_at(account)?.is_none_or(|found| found.id != id) {
            return Err(not(NotAnExport::Damaged("its account is not the one that its first line names".to_owned())));
        }
        tx.begin_arrived(account, &numbers)?;
        let (resources, clients) = (numbers.count(Noun::Resource), numbers.count(Noun::Client));
        let detail = format!(
            "from an export of {}, SHA-256 {sha256}: {resources} users and groups, {clients} clients, {audit} rows of the audit trail, which stay in the file",
            header.taken
        );
        tx.raise(tx.now(), Some(account), Act::new(Action::AccountImported).on_named(&id, &name).saying(detail));
        Ok(Arrived { id, name, resources, clients, audit })
    })
}

/// Rows of an account on their way in.
struct Arriving<'f, 'c> {
    file: &'f Path,
    tx: &'f mut Tx<'c>,
    schemas: &'f Schemas,
    pieces: &'f [(Table, &'static Piece)],
    /// Of this piece the rows below are.
    at: usize,
    rows: Vec<Map<String, Value>>,
    bytes: usize,
    numbers: Renumbered,
}

impl Arriving<'_, '_> {
    fn damaged(&self, why: String) -> MoveError {
        MoveError::NotAnExport(self.file.to_owned(), NotAnExport::Damaged(why))
    }

    fn push(&mut self, table: &str, row: &str) -> Result<(), MoveError> {
        if self.pieces[self.at].0.name != table {
            self.flush()?;
            let found = self.pieces.iter().position(|(known, _)| known.name == table);
            self.at = found.ok_or_else(|| self.damaged(format!("{table} is nothing of an account")))?;
        }
        if self.pieces[self.at].1.is_record {
            return Ok(());
        }
        self.bytes += row.len();
        let row = serde_json::from_str(row).map_err(|e| self.damaged(format!("a row of {table}: {e}")))?;
        self.rows.push(row);
        if self.rows.len() >= ROWS || self.bytes >= BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), MoveError> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        if rows.is_empty() {
            return Ok(());
        }
        let (table, piece) = &self.pieces[self.at];
        let failed = |error: DbError| MoveError::Row { table: table.name.clone(), error };
        let arrived = self.tx.insert_rows_of_account((table, *piece), rows, &mut self.numbers).map_err(failed)?;
        let numbers = arrived.map_err(|why| self.damaged(format!("{}: {why}", piece.table)))?;
        match piece.own {
            Some(Noun::Account) if self.numbers.count(Noun::Account) > 1 => {
                Err(self.damaged("more than one account is in it".to_owned()))
            }
            Some(Noun::Resource) => {
                let account = self.numbers.account().ok_or_else(|| self.damaged("no account is in it".to_owned()))?;
                let account = self.tx.account_at(account)?;
                let account = account.ok_or_else(|| self.damaged("its account was deleted".to_owned()))?;
                Ok(self.tx.index_arrived(&account, &numbers, self.schemas)?)
            }
            _ => Ok(()),
        }
    }
}
