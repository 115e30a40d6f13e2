//! A whole installation goes from one database into another: every row of every table, with ids, numbers, secrets and the audit trail as they are.
//!
//! It is one transaction of the new database, which has to be empty, on one snapshot of the old one. Before it is committed every row is read back
//! and compared, and the audit trail is gone through. So the new database has all of it or nothing, and what was interrupted is begun again. The
//! way through a [file](mod@file) is the same with a file in the middle.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use oauth::Keyring;

use super::master_key;
use crate::platform::new_file::NewFile;
use crate::platform::timestamp::Timestamp;
use crate::storage::account_rows::InTheWay;
use crate::storage::audit::chain::{ChainVerdict, HeadFile, Link};
use crate::storage::backup::Numbers;
use crate::storage::in_use::Unused;
use crate::storage::migrations::{self, MigrationError};
use crate::storage::tables::{self, Table};
use crate::storage::transaction::unit_of_work;
use crate::storage::turn::Turn;
use crate::storage::{AnyConn, DatabaseUrl, DbError, TransactionError, Tx, read_on};

mod account;
mod file;
mod filling;

pub use account::{Arrived, export_account, import_account};
use file::{Export, Writer};
pub use file::{Header, NotAnExport, Scope};
use filling::Filling;

/// So often is looked whether servers that were stopped have gone.
const LOOKS: usize = 20;

/// What is being done; where it takes long, how much of how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Reading a file for its checksum: bytes.
    Summing(u64, u64),
    /// Copying: rows.
    Copying(u64, u64),
    /// Reading back what was written, and comparing: rows.
    Comparing(u64, u64),
    /// Going through the audit trail.
    Auditing,
}

/// Who is told what is being done, and says whether to stop.
#[allow(missing_debug_implementations)]
pub struct Watch<'w> {
    /// Is told.
    pub tell: &'w (dyn Fn(Step) + Sync),
    /// To stop.
    pub stop: &'w AtomicBool,
}

impl Watch<'_> {
    pub(super) fn goes_on(&self, step: Step) -> Result<(), MoveError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(MoveError::Stopped);
        }
        (self.tell)(step);
        Ok(())
    }
}

/// Why nothing was moved. The new database is empty, and the old one as it was.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// Both are the same.
    #[error("{0} is the database that it is to be moved out of: name another")]
    Same(String),
    /// There is something where it is to go.
    #[error(
        "{database} is not empty: it has {found}. Nothing was changed. An installation goes into a database without any: make a new one"
    )]
    Occupied {
        /// Where.
        database: String,
        /// What.
        found: String,
    },
    /// A process has the SQLite database open.
    #[error(
        "a gateway has the database {} open. Nothing was changed. Stop it first: what it writes from here on would be lost. To rehearse while it \
         runs, say --while-running", .0.display()
    )]
    Running(PathBuf),
    /// Others are connected to the PostgreSQL database.
    #[error(
        "{0} other sessions are connected to {1}, by the same user. Nothing was changed. Stop the gateways first: what they write from here on \
         would be lost. To rehearse while they run, or if these sessions are not theirs, say --while-running"
    )]
    Connected(i64, String),
    /// A process has the SQLite database open that it is to go into.
    #[error("a gateway has the database {} open. Nothing was changed. Stop it first", .0.display())]
    TargetRunning(PathBuf),
    /// The key at hand is not this installation's.
    #[error(
        "the master key is not the one this installation was written under. Nothing was changed. Configure that key (security.master_key, \
         security.master_key_file, or the file master.key in data.dir): it goes on being the key of the moved installation"
    )]
    WrongKey,
    /// The schema is not this binary's.
    #[error("{0}: {1}")]
    Schema(String, MigrationError),
    /// A row could not be put there.
    #[error("{table}: {error}. Nothing was changed")]
    Row {
        /// Of this table.
        table: String,
        /// Why.
        error: DbError,
    },
    /// What was read back is not what was written.
    #[error(
        "the rows of {0} are not read back as they were written. Nothing was changed. Say so to the makers of this program"
    )]
    Differs(String),
    /// There is no such account.
    #[error("there is no account called `{0}`, by its name or its id")]
    NoAccount(String),
    /// The account is not at rest.
    #[error(
        "the account `{0}` is not at rest: an attribute that it declares is being indexed or removed. Nothing was written. It takes a running server \
         seconds to minutes; then repeat this"
    )]
    NotAtRest(String),
    /// The account is here, or another of its name.
    #[error("{}. Nothing was changed", in_the_way(.0))]
    There(InTheWay),
    /// The file is no export, or a damaged one.
    #[error("{path}: {why}. Nothing was changed", path = .0.display(), why = .1)]
    NotAnExport(PathBuf, NotAnExport),
    /// It was told to stop.
    #[error("told to stop; nothing was changed. It can be begun again")]
    Stopped,
    /// The database failed.
    #[error("{0}. Nothing was changed")]
    Database(#[from] DbError),
    /// The file system failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl TransactionError for MoveError {
    fn database(&self) -> Option<&DbError> {
        match self {
            MoveError::Database(error) => Some(error),
            _ => None,
        }
    }
}

/// An installation that was moved.
#[derive(Debug)]
pub struct Moved {
    /// How many rows each table has.
    pub rows: Numbers,
    /// What was found about the audit trail, which is the same as before.
    pub trail: ChainVerdict,
    /// Why the head of the trail could not be kept outside the new database.
    pub not_kept: Option<std::io::Error>,
}

/// An installation that was written into a file.
#[derive(Debug)]
pub struct Exported {
    /// How many rows each table has.
    pub rows: Numbers,
    /// The checksum of the file up to its last two lines.
    pub sha256: String,
}

/// Where an installation is, and what opens it.
#[derive(Debug, Clone, Copy)]
pub struct Source<'s> {
    /// Its database.
    pub url: &'s DatabaseUrl,
    /// Its master keys.
    pub masters: &'s [[u8; 32]],
    /// Where its servers keep the head of the audit trail.
    pub kept: Option<&'s HeadFile>,
}

/// Where rows come from.
trait Rows {
    /// Gives every row with the position of its table; says which number each table gave last.
    fn each(&mut self, tables: &[Table], each: Each<'_>) -> Result<Vec<i64>, MoveError>;

    /// That they are what the installation with these keys wrote, as far as they can tell.
    fn are_of(&self, _keys: &Keyring) -> Result<(), MoveError> {
        Ok(())
    }
}

type Each<'e> = &'e mut dyn FnMut(usize, &str) -> Result<(), MoveError>;

impl Rows for Tx<'_> {
    fn each(&mut self, tables: &[Table], each: Each<'_>) -> Result<Vec<i64>, MoveError> {
        let mut numbers = Vec::new();
        for (n, table) in tables.iter().enumerate() {
            self.each_row(table, |line| each(n, &line))?;
            numbers.push(if table.is_numbered { self.last_number(table)? } else { 0 });
        }
        Ok(numbers)
    }
}

/// All tables, the facts about the installation first: what opens all the rest is there.
fn all_tables(of: &str) -> Result<Vec<Table>, MoveError> {
    let mut all = tables::of_this_release().map_err(|why| MoveError::Schema(of.to_owned(), why))?;
    all.sort_by_key(|table| table.name != "installation");
    Ok(all)
}

/// Moves an installation into another database, which is migrated if it is new.
pub fn move_to(
    source: Source<'_>,
    target: &DatabaseUrl,
    kept: Option<&HeadFile>,
    while_running: bool,
    now: Timestamp,
    watch: &Watch<'_>,
) -> Result<Moved, MoveError> {
    if source.url == target {
        return Err(MoveError::Same(target.display()));
    }
    let _unused = if while_running { None } else { Some(stopped(source.url)?) };
    let mut from = source.open()?;
    let before = read_on::<_, MoveError>(&mut from, |from| {
        let keys = master_key::open_existing(from, source.masters)?.ok_or(MoveError::WrongKey)?;
        Ok(source.kept.and_then(|kept| kept.read(&keys).ok().flatten()))
    })?;
    let tables = all_tables(&source.url.display())?;
    let mut target = Target::prepare(target, &tables)?;
    read_on(&mut from, |from| {
        let mut total = 0;
        for table in &tables {
            total += from.count_rows(table)?.unsigned_abs();
        }
        let has_gaps = !from.is_sqlite();
        let fill = Fill { total, has_gaps, may_be_earlier: false, masters: source.masters, before, kept, now };
        target.fill(&tables, from, fill, watch)
    })
}

/// Writes an installation into a new file, while servers run or not.
pub fn export(source: Source<'_>, file: &Path, now: Timestamp, watch: &Watch<'_>) -> Result<Exported, MoveError> {
    let mut from = source.open()?;
    let tables = all_tables(&source.url.display())?;
    let schema = migrations::schema().map_err(|why| MoveError::Schema(source.url.display(), why))?;
    read_on(&mut from, |from| {
        let keys = master_key::open_existing(from, source.masters)?.ok_or(MoveError::WrongKey)?;
        let mut total = 0;
        for table in &tables {
            total += from.count_rows(table)?.unsigned_abs();
        }
        let header = Header::new(Scope::Installation, schema, source.url.kind(), &keys, now);
        let mut writer = Writer::begin(NewFile::begin(&std::path::absolute(file)?)?, &header)?;
        let mut done = 0;
        let numbers = from.each(&tables, &mut |n, line| {
            writer.row(&tables[n].name, line)?;
            done += 1;
            watch.goes_on(Step::Copying(done, total))
        })?;
        let numbers = tables.iter().zip(numbers).filter(|(table, _)| table.is_numbered);
        let numbers = numbers.map(|(table, last)| (table.name.clone(), last)).collect();
        let (rows, sha256) = writer.finish(numbers, &keys)?;
        Ok(Exported { rows, sha256 })
    })
}

/// Puts the installation of a file into a database, which is migrated if it is new.
pub fn import(
    file: &Path,
    target: &DatabaseUrl,
    masters: &[[u8; 32]],
    kept: Option<&HeadFile>,
    now: Timestamp,
    watch: &Watch<'_>,
) -> Result<Moved, MoveError> {
    let not = |why| MoveError::NotAnExport(file.to_owned(), why);
    let mut export = Export::open(file).map_err(not)?;
    let schema = migrations::schema().map_err(|why| MoveError::Schema(target.display(), why))?;
    export.suits(&schema).map_err(not)?;
    if let Scope::Account { name, .. } = &export.header.scope {
        return Err(not(NotAnExport::OtherScope(format!("it has the account `{name}` and no whole installation"))));
    }
    export.check(&mut |read, of| watch.goes_on(Step::Summing(read, of)))?;
    let tables = all_tables(&target.display())?;
    let mut target = Target::prepare(target, &tables)?;
    let (total, has_gaps) = (export.rows().values().sum::<i64>().unsigned_abs(), export.header.database != "sqlite");
    let fill = Fill { total, has_gaps, may_be_earlier: true, masters, before: None, kept, now };
    target.fill(&tables, &mut export, fill, watch)
}

/// What a file says of itself in its first line.
pub fn header_of(file: &Path) -> Result<Header, MoveError> {
    Export::open(file).map(|export| export.header).map_err(|why| MoveError::NotAnExport(file.to_owned(), why))
}

impl Source<'_> {
    fn open(&self) -> Result<AnyConn, MoveError> {
        let mut conn = self.url.connect_read_only()?;
        // Asked of PostgreSQL which migrations were run, diesel says first that there is to be a table of them.
        match self.url {
            DatabaseUrl::Sqlite(_) => migrations::check_exactly(&mut conn),
            DatabaseUrl::Postgres(_) => migrations::check_exactly(&mut self.url.connect()?),
        }
        .map_err(|why| MoveError::Schema(self.url.display(), why))?;
        Ok(conn)
    }
}

/// That no server writes the old database; SQLite's is kept from starting, too, until this is dropped.
fn stopped(url: &DatabaseUrl) -> Result<Option<Unused>, MoveError> {
    match url {
        DatabaseUrl::Sqlite(path) => match Unused::claim(path)? {
            Some(unused) => Ok(Some(unused)),
            None => Err(MoveError::Running(path.clone())),
        },
        DatabaseUrl::Postgres(_) => {
            let mut conn = url.connect_read_only()?;
            let mut others = 0;
            for _ in 0..LOOKS {
                others = read_on::<_, DbError>(&mut conn, |tx| tx.other_sessions())?;
                if others == 0 {
                    return Ok(None);
                }
            }
            Err(MoveError::Connected(others, url.display()))
        }
    }
}

/// How a database is filled.
struct Fill<'f> {
    total: u64,
    /// The numbers of the audit trail may have gaps.
    has_gaps: bool,
    /// It may be an earlier state of an installation that went on.
    may_be_earlier: bool,
    masters: &'f [[u8; 32]],
    /// The head of the trail that was kept outside the old database.
    before: Option<Link>,
    kept: Option<&'f HeadFile>,
    now: Timestamp,
}

/// A database that an installation is to go into; no server starts on it meanwhile.
struct Target {
    conn: AnyConn,
    shown: String,
    _turn: Turn,
    _unused: Option<Unused>,
}

impl Target {
    /// Makes it if it is SQLite's and not there, and brings its schema up to date, unless something is in it.
    fn prepare(url: &DatabaseUrl, tables: &[Table]) -> Result<Target, MoveError> {
        let mut unused = None;
        if let DatabaseUrl::Sqlite(path) = url {
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                std::fs::create_dir_all(folder)?;
            }
            unused = Some(Unused::claim(path)?.ok_or_else(|| MoveError::TargetRunning(path.clone()))?);
        }
        let turn = Turn::take(url)?;
        let shown = url.display();
        let mut conn = url.connect()?;
        // One that is in use and of an earlier release must not be migrated by the way. Each has facts about itself since its first start.
        if migrations::have_begun(&mut conn)? {
            let facts: Vec<&Table> = tables.iter().filter(|table| table.name == "installation").collect();
            read_on(&mut conn, |tx| is_empty(tx, &facts, &shown))?;
        }
        migrations::run(&mut conn).map_err(|why| MoveError::Schema(shown.clone(), why))?;
        read_on(&mut conn, |tx| is_empty(tx, &tables.iter().collect::<Vec<_>>(), &shown))?;
        Ok(Target { conn, shown, _turn: turn, _unused: unused })
    }

    fn fill(
        &mut self,
        tables: &[Table],
        from: &mut dyn Rows,
        fill: Fill<'_>,
        watch: &Watch<'_>,
    ) -> Result<Moved, MoveError> {
        let shown = self.shown.clone();
        let (rows, trail, keys, head) = unit_of_work::<_, MoveError>(&mut self.conn, |to| {
            is_empty(to, &tables.iter().collect::<Vec<_>>(), &shown)?;
            let mut filling = Filling::new(to, tables, fill.masters, fill.total, watch);
            let numbers = from.each(tables, &mut |n, line| filling.push(n, line))?;
            let (rows, keys) = filling.finish(&numbers)?;
            from.are_of(&keys)?;
            if fill.has_gaps && to.is_sqlite() {
                to.excuse_gaps(&keys)?;
            }
            watch.goes_on(Step::Auditing)?;
            let trail = to.verify_audit(&keys, fill.now, fill.before.as_ref())?;
            let head = to.audit_head(&keys)?;
            to.feed_was_moved(fill.may_be_earlier)?;
            to.gather_statistics(tables)?;
            Ok((rows, trail, keys, head))
        })?;
        Ok(Moved { rows, trail, not_kept: keep(fill.kept, &keys, head) })
    }
}

fn keep(kept: Option<&HeadFile>, keys: &Keyring, head: Option<Link>) -> Option<std::io::Error> {
    kept.zip(head).and_then(|(kept, head)| kept.write(keys, &head).err())
}

fn in_the_way(found: &InTheWay) -> String {
    let InTheWay { id, name, is_deleted } = found;
    match is_deleted {
        true => format!("the account {id} (`{name}`) was here and was deleted: an id is not given twice"),
        false => format!(
            "there is an account `{name}` (id {id}) here already. An account is imported once. If it is another one of the same name, rename that first"
        ),
    }
}

fn is_empty(tx: &mut Tx<'_>, tables: &[&Table], shown: &str) -> Result<(), MoveError> {
    let mut found = Vec::new();
    for table in tables {
        match tx.count_rows(table)? {
            0 => {}
            n => found.push(format!("{n} rows of {}", table.name)),
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    found.truncate(3);
    Err(MoveError::Occupied { database: shown.to_owned(), found: found.join(", ") })
}
