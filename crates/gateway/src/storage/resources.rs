//! The resources of one account: the scim crate's store.

use diesel::prelude::*;
use scim::schema::ResourceTypeId;
use scim::store::{Handle, StoreError, Stored, WriteError};
use scim::{AttributeKey, Id, SearchKey};

use super::backend::AnyConn;
use super::error::{DbError, unique_violation};
use super::later::PutOff;
use super::schema::{attribute_values, resource_counts, resources};
use super::statement::{Bind, Statement};
use super::tx::Tx;
use super::{members, shared_keys};
use crate::domain::ids::{AccountKey, ResourceKey};
use crate::each;
use crate::platform::timestamp::Timestamp;

pub(super) mod creation;
mod guard;
mod keys_sql;

use guard::Guard;

pub(super) use super::rows::{Row, RowColumns, row_columns, row_within};

/// A unit of work on the resources of one account. Puts the account into every statement.
#[allow(missing_debug_implementations)]
pub struct AccountTx<'t, 'c> {
    pub(super) tx: &'t mut Tx<'c>,
    pub(super) account: AccountKey,
    pub(super) now: Timestamp,
    pub(super) provisioning: bool,
    pub(super) guard: Guard,
}

/// Resources of one account and type are counted in this many rows on PostgreSQL, so that the transactions of several connections do not wait
/// for each other: each connection has one. SQLite has one writer, and one row.
const SHARDS: u16 = 8;

const ADD_TO_COUNT: &str = "INSERT INTO resource_counts (account, resource_type, shard, n) VALUES (?, ?, ?, ?) \
     ON CONFLICT (account, resource_type, shard) DO UPDATE SET n = resource_counts.n + excluded.n";

impl<'c> Tx<'c> {
    /// What a user or group of this account is called.
    pub(crate) fn resource_name(&mut self, account: AccountKey, id: &str) -> Result<Option<String>, DbError> {
        let query = resources::table
            .filter(resources::account.eq(account))
            .filter(resources::id.eq(id))
            .select(resources::display);
        Ok(each!(&mut *self.conn, c => query.get_result(c).optional())?)
    }

    /// The scim crate's store of one account's resources. `now` is when this unit of work happens; `provisioning` is
    /// whether an identity provider is at work, and not an operator.
    pub fn in_account(&mut self, account: AccountKey, now: Timestamp, provisioning: bool) -> AccountTx<'_, 'c> {
        AccountTx::new(self, account, now, provisioning)
    }
}

impl<'t, 'c> AccountTx<'t, 'c> {
    pub(super) fn new(tx: &'t mut Tx<'c>, account: AccountKey, now: Timestamp, provisioning: bool) -> Self {
        AccountTx { tx, account, now, provisioning, guard: Guard::default() }
    }

    /// Which account.
    pub fn account(&self) -> AccountKey {
        self.account
    }

    /// The unit of work underneath.
    pub fn tx(&mut self) -> &mut Tx<'c> {
        self.tx
    }

    pub(super) fn conn(&mut self) -> &mut AnyConn {
        self.tx.conn
    }

    /// Whether an identity provider has ever written this resource.
    pub fn is_provisioned(&mut self, handle: Handle) -> Result<bool, DbError> {
        let account = self.account;
        Ok(each!(self.conn(), c => resources::table
            .filter(resources::seq.eq(handle.0))
            .filter(resources::account.eq(account))
            .select(resources::provisioned)
            .get_result(c))?)
    }

    /// How many resources of this type the account has.
    pub fn count(&mut self, resource_type: ResourceTypeId) -> Result<u64, DbError> {
        if let Some(listed) = self.tx.ahead_listed(self.account, resource_type) {
            return Ok(listed.total);
        }
        let shards: Vec<i64> = each!(self.tx.conn, c => resource_counts::table
            .filter(resource_counts::account.eq(self.account))
            .filter(resource_counts::resource_type.eq(resource_type.0))
            .select(resource_counts::n)
            .load(c))?;
        Ok(shards.iter().sum::<i64>().max(0) as u64)
    }

    pub(super) fn add_to_count(&mut self, resource_type: ResourceTypeId, change: i64) -> Result<(), DbError> {
        let shard = match &*self.tx.conn {
            AnyConn::Postgres(session) => session.shard(SHARDS),
            AnyConn::Sqlite(_) => 0,
        };
        let binds = [self.account.into(), i64::from(resource_type.0), i64::from(shard), change].map(Bind::Number);
        Statement::<()>::put_off(self.tx.conn, ADD_TO_COUNT, binds.into())
    }

    /// So many members are at hand, more than one unit of work may have that is to be short.
    pub(super) fn takes(&mut self, members: usize) -> Result<(), DbError> {
        let Some(left) = &mut self.tx.short_of else { return Ok(()) };
        *left = u32::try_from(members).ok().and_then(|members| left.checked_sub(members)).ok_or(DbError::TakesLong)?;
        Ok(())
    }

    /// All members of this group go, or may.
    pub(super) fn takes_members_of(&mut self, group: Handle) -> Result<(), DbError> {
        let Some(left) = self.tx.short_of else { return Ok(()) };
        if members::has_more(self.tx.conn, self.account, group.into(), left)? {
            Err(DbError::TakesLong)
        } else {
            Ok(())
        }
    }

    pub(super) fn find(&mut self, resource_type: ResourceTypeId, id: &Id) -> Result<Option<Stored>, DbError> {
        if let Some((account, written)) = &self.tx.written
            && (*account, resource_type) == (self.account, written.resource.resource_type)
            && written.resource.id == *id
            && !self.guard.is_hidden(ResourceKey::from(written.handle))
        {
            return Ok(Some(written.clone()));
        }
        if let Some(row) = self.tx.ahead_with_id(self.account, id) {
            return row.filter(|row| self.is_shown(row, resource_type)).map(Row::stored).transpose();
        }
        // Not by the type: while a table is new, PostgreSQL would as soon look through all of a type.
        let query = resources::table
            .filter(resources::account.eq(self.account))
            .filter(resources::id.eq(id.as_str()))
            .select(row_columns!());
        let row: Option<Row> = each!(&mut *self.tx.conn, c => query.get_result(c).optional())?;
        row.filter(|row| self.is_shown(row, resource_type)).map(Row::stored).transpose()
    }

    fn is_shown(&self, row: &Row, resource_type: ResourceTypeId) -> bool {
        row.resource_type == resource_type.0 && self.guard.shows(row)
    }

    /// The user with this key of an attribute, if it came along with the token whether there is one.
    pub(super) fn named_ahead(&self, kind: ResourceTypeId, attribute: AttributeKey, key: &str) -> Option<Option<Row>> {
        let row = self.tx.ahead_named(self.account, attribute, key)?;
        Some(row.filter(|row| row.resource_type == kind.0))
    }

    pub(super) fn insert_keys(&mut self, seq: ResourceKey, keys: &[SearchKey]) -> Result<(), WriteError> {
        if keys.is_empty() {
            return Ok(());
        }
        let names = [AttributeKey::user_name(), AttributeKey::external_id()];
        match &mut *self.tx.conn {
            // None of them can be refused.
            AnyConn::Postgres(c) if keys.iter().all(|key| !key.unique && !names.contains(&key.attribute)) => {
                let insert = keys_sql::Insert::<false>::new(self.account, seq, keys);
                c.put_off(PutOff::One("keys", Box::new(insert)));
            }
            AnyConn::Postgres(c) => {
                let c = c.begun();
                let inserted = match keys.iter().any(|key| names.contains(&key.attribute)) {
                    true => diesel::RunQueryDsl::execute(keys_sql::Insert::<true>::new(self.account, seq, keys), c),
                    false => diesel::RunQueryDsl::execute(keys_sql::Insert::<false>::new(self.account, seq, keys), c),
                };
                inserted.map_err(refused)?;
            }
            AnyConn::Sqlite(c) => {
                for some in keys.chunks(keys_sql::MOST_ROWS) {
                    if let Err(error) = keys_sql::insert_rows(c, self.account, seq, some) {
                        return Err(match unique_violation(&error) {
                            Some(_) => WriteError::NotUnique {
                                attribute: taken(c, self.account, seq, some).map_err(StoreError::from)?,
                            },
                            None => WriteError::Store(DbError::from(error).into()),
                        });
                    }
                }
            }
        }
        Ok(())
    }

    /// On PostgreSQL, keys go of which no other resource has one.
    pub(super) fn put_off_keys(&mut self, seq: ResourceKey, keys: &[SearchKey]) {
        if let AnyConn::Postgres(c) = &mut *self.tx.conn {
            c.put_off(match c.is_spread() {
                true => PutOff::One("no keys", Box::new(keys_sql::Delete::<true>::new(self.account, seq, keys))),
                false => PutOff::One("no keys", Box::new(keys_sql::Delete::<false>::new(self.account, seq, keys))),
            });
        }
    }

    pub(super) fn delete_keys(&mut self, seq: ResourceKey, keys: &[SearchKey]) -> Result<(), DbError> {
        if keys.is_empty() {
            return Ok(());
        }
        match &mut *self.tx.conn {
            AnyConn::Postgres(_) => self.put_off_keys(seq, keys),
            AnyConn::Sqlite(c) => {
                for key in keys {
                    let row = attribute_values::table
                        .filter(attribute_values::account.eq(self.account))
                        .filter(attribute_values::attribute.eq(key.attribute.0))
                        .filter(attribute_values::key.eq(&key.key))
                        .filter(attribute_values::resource.eq(seq));
                    diesel::delete(row).execute(c)?;
                }
            }
        }
        shared_keys::pass_on(self.tx.conn, self.account, keys)
    }
}

/// Why PostgreSQL did not store keys.
pub(super) fn refused(error: diesel::result::Error) -> WriteError {
    match &error {
        diesel::result::Error::DatabaseError(_, info) if unique_violation(&error).is_some() => {
            WriteError::NotUnique { attribute: keys_sql::attribute_in(info.details()) }
        }
        _ => WriteError::Store(DbError::from(error).into()),
    }
}

/// Of which of these keys another resource has the value that only one may have.
fn taken(
    conn: &mut SqliteConnection,
    account: AccountKey,
    seq: ResourceKey,
    keys: &[SearchKey],
) -> Result<Option<AttributeKey>, DbError> {
    for key in keys.iter().filter(|key| key.unique) {
        let other = attribute_values::table
            .filter(attribute_values::account.eq(account))
            .filter(attribute_values::attribute.eq(key.attribute.0))
            .filter(attribute_values::key.eq(&key.key))
            .filter(attribute_values::is_unique)
            .filter(attribute_values::resource.ne(seq))
            .select(attribute_values::attribute);
        let other: Option<i32> = other.first(conn).optional()?;
        if other.is_some() {
            return Ok(Some(key.attribute));
        }
    }
    Ok(None)
}
