//! Counted blocks: where the n-th resource of a list lies, without counting all before it.
//!
//! A list in the order of creation is divided into blocks of [`FANOUT`] resources, and these into blocks of [`FANOUT`]
//! blocks. To find the n-th resource a query adds up the counts of large blocks, then of small ones, and counts
//! resources only inside the last.
//!
//! No create or delete waits for that, and no count is an estimate:
//!
//! - **The worker closes blocks behind those who create.** On PostgreSQL row numbers are given out before they are committed, so a row may
//!   appear below others that are visible already. A block is closed when all have ended who were writing resources at a moment when
//!   its last row was visible: later transactions get higher numbers (the sequence has `CACHE 1`). On SQLite the writer is alone.
//! - **A deleted resource leaves a gap**, a row written with the deletion, and stays counted. A sum of blocks subtracts the gaps in
//!   them; the worker takes them off the counts and away, in one unit of work.
//! - What has not been closed yet, the last seconds' creations, is counted along the index.

use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use scim::schema::ResourceTypeId;

use super::backend::AnyConn;
use super::error::DbError;
use super::resources::AccountTx;
use super::schema::{resource_blocks, resource_gaps, resources};
use super::statement::{Bind, Statement};
use super::tx::Tx;
use crate::domain::ids::AccountKey;
use crate::each;

/// How many resources a block of the first level has when it is closed, and how many of those one of the second level.
pub const FANOUT: i64 = 128;
const LEVELS: [i16; 2] = [2, 1];

/// How many resources are looked at before blocks are closed.
const LOOK: i64 = 4_096;
/// How many gaps one unit of work takes away.
pub(crate) const GAPS: i64 = 500;

/// Up to which row number everything was looked at, in `installation`.
const SEEN: &str = "blocks_seen";

/// Keeps two replicas from counting at once; the number is arbitrary.
const LOCK: &str = "SELECT pg_try_advisory_xact_lock(4603187722095)";

/// All other transactions that are writing resources. The lock is taken before a row number is.
const WRITERS: &str = "SELECT DISTINCT l.virtualtransaction FROM pg_locks AS l WHERE l.locktype = 'relation' \
     AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()) \
     AND l.relation = 'resources'::regclass AND l.mode = 'RowExclusiveLock' AND l.pid IS DISTINCT FROM pg_backend_pid()";

/// Counts in one statement, so on one snapshot: a deletion has either happened and left its gap, or neither.
const CLOSE: &str = "INSERT INTO resource_blocks (account, resource_type, level, last, n) SELECT ?, ?, 1, ?, \
     (SELECT count(*) FROM resources AS r WHERE r.account = ? AND r.resource_type = ? AND r.seq > ? AND r.seq <= ?) \
     + (SELECT count(*) FROM resource_gaps AS g WHERE g.account = ? AND g.resource_type = ? AND g.seq > ? AND g.seq <= ?)";

const TAKE_OFF: &str = "UPDATE resource_blocks SET n = n - 1 WHERE account = ? AND resource_type = ? AND level = ? AND last = \
     (SELECT min(b.last) FROM resource_blocks AS b \
     WHERE b.account = ? AND b.resource_type = ? AND b.level = ? AND b.last >= ?)";

/// A block to be closed: the resources of a list after one row and up to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Block {
    list: List,
    after: i64,
    last: i64,
}

/// The resources of one type in one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct List {
    account: AccountKey,
    resource_type: i16,
}

impl List {
    /// What a statement binds: the list, and numbers.
    fn and(self, numbers: &[i64]) -> Vec<Bind> {
        [self.account.into(), self.resource_type.into()].iter().chain(numbers).copied().map(Bind::Number).collect()
    }
}

/// What was found to be closed.
#[derive(Debug, Clone)]
pub struct Found {
    blocks: Vec<Block>,
    seen: i64,
}

impl Found {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }
}

/// After which row the n-th resource of a list lies, from 1; `None` where there are fewer.
pub(super) fn row_before(
    store: &mut AccountTx<'_, '_>,
    resource_type: ResourceTypeId,
    n: u64,
) -> Result<Option<i64>, DbError> {
    let list = List { account: store.account, resource_type: resource_type.0 };
    let (mut after, mut skip) = (0, i64::try_from(n.saturating_sub(1)).unwrap_or(i64::MAX - 1));
    if skip >= FANOUT {
        let gaps = resource_gaps::table
            .filter(resource_gaps::account.eq(list.account))
            .filter(resource_gaps::resource_type.eq(list.resource_type))
            .order(resource_gaps::seq)
            .select(resource_gaps::seq);
        let gaps: Vec<i64> = each!(store.conn(), c => gaps.load(c))?;
        let before = |row: i64| gaps.partition_point(|gap| *gap <= row) as i64;
        for level in LEVELS {
            'blocks: loop {
                let blocks = blocks_of(list, level)
                    .filter(resource_blocks::last.gt(after))
                    .order(resource_blocks::last)
                    .limit(FANOUT)
                    .select((resource_blocks::last, resource_blocks::n));
                let blocks: Vec<(i64, i64)> = each!(store.conn(), c => blocks.load(c))?;
                for &(last, n) in &blocks {
                    let here = n - (before(last) - before(after));
                    if here > skip {
                        break 'blocks;
                    }
                    (after, skip) = (last, skip - here);
                }
                if (blocks.len() as i64) < FANOUT {
                    break;
                }
            }
        }
    }
    Ok(nth(store.conn(), list, after, skip + 1)?.map(|row| row - 1))
}

/// The n-th row of a list after another, from 1: counted along the index.
fn nth(conn: &mut AnyConn, list: List, after: i64, n: i64) -> Result<Option<i64>, DbError> {
    let row = resources::table
        .filter(resources::account.eq(list.account))
        .filter(resources::resource_type.eq(list.resource_type))
        .filter(resources::seq.gt(after))
        .order(resources::seq)
        .limit(1)
        .offset(n - 1)
        .select(resources::seq);
    Ok(each!(conn, c => row.get_result(c).optional())?)
}

/// The blocks of a list on one level.
#[diesel::dsl::auto_type]
fn blocks_of(list: List, level: i16) -> _ {
    let (account, resource_type): (AccountKey, i16) = (list.account, list.resource_type);
    resource_blocks::table
        .filter(resource_blocks::account.eq(account))
        .filter(resource_blocks::resource_type.eq(resource_type))
        .filter(resource_blocks::level.eq(level))
}

impl Tx<'_> {
    /// What is to be closed among the resources that were not looked at yet; `None` when there are none.
    pub fn find_blocks(&mut self) -> Result<Option<Found>, DbError> {
        let seen = self.blocks_seen()?;
        let rows = resources::table.filter(resources::seq.gt(seen)).order(resources::seq).limit(LOOK).select((
            resources::seq,
            resources::account,
            resources::resource_type,
        ));
        let rows: Vec<(i64, AccountKey, i16)> = each!(&mut *self.conn, c => rows.load(c))?;
        let Some(&(seen, ..)) = rows.last() else { return Ok(None) };
        let mut lists: Vec<List> =
            rows.into_iter().map(|(_, account, resource_type)| List { account, resource_type }).collect();
        lists.sort_unstable();
        lists.dedup();
        let mut blocks = Vec::new();
        for list in lists {
            let mut after = self.newest_block(list, 1)?;
            while let Some(last) = nth(self.conn, list, after, FANOUT)?.filter(|last| *last <= seen) {
                blocks.push(Block { list, after, last });
                after = last;
            }
        }
        Ok(Some(Found { blocks, seen }))
    }

    /// Closes them; says no where another replica is at it. Transactions that were writing resources when they were found must have ended.
    pub fn close_blocks(&mut self, found: &Found) -> Result<bool, DbError> {
        if !self.may_count_blocks()? {
            return Ok(false);
        }
        let mut all = true;
        for block in &found.blocks {
            match self.newest_block(block.list, 1)? == block.after {
                true => self.close_block(block)?,
                // Another replica was faster: it is to be found anew.
                false => all = false,
            }
        }
        if all && found.seen > self.blocks_seen()? {
            self.set_installation_value(SEEN, &found.seen.to_string())?;
        }
        Ok(true)
    }

    /// Takes deleted resources off the counts; says how many.
    pub fn take_gaps(&mut self, limit: i64) -> Result<u64, DbError> {
        if !self.may_count_blocks()? {
            return Ok(0);
        }
        let gaps = resource_gaps::table
            .order((resource_gaps::account, resource_gaps::resource_type, resource_gaps::seq))
            .limit(limit)
            .select((resource_gaps::account, resource_gaps::resource_type, resource_gaps::seq));
        let gaps: Vec<(AccountKey, i16, i64)> = each!(&mut *self.conn, c => gaps.load(c))?;
        for &(account, resource_type, seq) in &gaps {
            let list = List { account, resource_type };
            for level in LEVELS {
                let at = list.and(&[level.into()]);
                let binds = [at.clone(), at, vec![Bind::number(seq)]].concat();
                Statement::<()>::new(TAKE_OFF, binds).execute(self.conn)?;
            }
            let gap = resource_gaps::table.find((account, resource_type, seq));
            each!(&mut *self.conn, c => diesel::delete(gap).execute(c))?;
        }
        let mut lists: Vec<List> =
            gaps.iter().map(|&(account, resource_type, _)| List { account, resource_type }).collect();
        lists.dedup();
        for list in lists {
            // What is before an empty block and what is after it are neighbours.
            for level in LEVELS {
                let empty = blocks_of(list, level).filter(resource_blocks::n.eq(0));
                each!(&mut *self.conn, c => diesel::delete(empty).execute(c))?;
            }
        }
        Ok(gaps.len() as u64)
    }

    /// Who is writing resources at this moment, by names that mean nothing else.
    pub fn resource_writers(&mut self) -> Result<Vec<String>, DbError> {
        match &*self.conn {
            AnyConn::Postgres(_) => Statement::<Text>::new(WRITERS, Vec::new()).load(self.conn),
            // Writers take turns: what can be seen is all there is below it.
            AnyConn::Sqlite(_) => Ok(Vec::new()),
        }
    }

    /// Whether no other replica counts, until this unit of work ends.
    fn may_count_blocks(&mut self) -> Result<bool, DbError> {
        match &*self.conn {
            AnyConn::Postgres(_) => Ok(Statement::<Bool>::new(LOCK, Vec::new()).first(self.conn)? == Some(true)),
            AnyConn::Sqlite(_) => Ok(true),
        }
    }

    fn blocks_seen(&mut self) -> Result<i64, DbError> {
        let seen = self.installation_value(SEEN)?;
        seen.map_or(Ok(0), |seen| seen.parse().map_err(|_| DbError::Corrupt(format!("installation value {SEEN}"))))
    }

    /// Where the newest block ends; 0 where there is none.
    fn newest_block(&mut self, list: List, level: i16) -> Result<i64, DbError> {
        let newest = blocks_of(list, level).select(diesel::dsl::max(resource_blocks::last));
        Ok(each!(&mut *self.conn, c => newest.get_result::<Option<i64>>(c))?.unwrap_or(0))
    }

    fn close_block(&mut self, block: &Block) -> Result<(), DbError> {
        let within = block.list.and(&[block.after, block.last]);
        let binds = [block.list.and(&[block.last]), within.clone(), within].concat();
        Statement::<()>::new(CLOSE, binds).execute(self.conn)?;
        let after = self.newest_block(block.list, 2)?;
        let parts = blocks_of(block.list, 1)
            .filter(resource_blocks::last.gt(after))
            .order(resource_blocks::last)
            .limit(FANOUT)
            .select((resource_blocks::last, resource_blocks::n));
        let parts: Vec<(i64, i64)> = each!(&mut *self.conn, c => parts.load(c))?;
        if parts.len() as i64 == FANOUT {
            let row = (
                resource_blocks::account.eq(block.list.account),
                resource_blocks::resource_type.eq(block.list.resource_type),
                resource_blocks::level.eq(2_i16),
                resource_blocks::last.eq(block.last),
                resource_blocks::n.eq(parts.iter().map(|(_, n)| n).sum::<i64>()),
            );
            each!(&mut *self.conn, c => diesel::insert_into(resource_blocks::table).values(row).execute(c))?;
        }
        Ok(())
    }

    /// Nothing is counted in an account any more.
    pub(super) fn forget_blocks(&mut self, account: AccountKey) -> Result<(), DbError> {
        let blocks = resource_blocks::table.filter(resource_blocks::account.eq(account));
        each!(&mut *self.conn, c => diesel::delete(blocks).execute(c))?;
        let gaps = resource_gaps::table.filter(resource_gaps::account.eq(account));
        each!(&mut *self.conn, c => diesel::delete(gaps).execute(c))?;
        Ok(())
    }
}
