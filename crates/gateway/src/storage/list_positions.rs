//! Saved positions of lists paged by index (`scim::list_position`): one small row for each caller and query, kept for
//! an hour.

use diesel::prelude::*;
use scim::store::ListKey;

use super::error::DbError;
use super::resources::AccountTx;
use super::schema::walks;
use super::tx::Tx;
use crate::domain::ids::AccountKey;
use crate::each;
use crate::platform::timestamp::Timestamp;

/// How long a saved position is valid, in milliseconds.
const LIFETIME: i64 = scim::cursor::TIMEOUT as i64 * 1_000;

impl AccountTx<'_, '_> {
    pub(super) fn load_list_position(&mut self, list: &ListKey) -> Result<Option<Vec<u8>>, DbError> {
        if let Some(note) = self.tx.ahead_note(self.account, list) {
            return Ok(note);
        }
        let note = walks::table
            .filter(walks::account.eq(self.account))
            .filter(walks::actor.eq(self.tx.origin.actor.code()))
            .filter(walks::walk.eq(list.0.as_slice()))
            .select(walks::note);
        Ok(each!(&mut *self.tx.conn, c => note.get_result(c).optional())?)
    }

    pub(super) fn save_list_position(&mut self, list: &ListKey, note: &[u8], now: Timestamp) -> Result<(), DbError> {
        let row = (
            walks::account.eq(self.account),
            walks::actor.eq(self.tx.origin.actor.code()),
            walks::walk.eq(list.0.as_slice()),
            walks::note.eq(note),
            walks::made.eq(now),
        );
        each!(&mut *self.tx.conn, c => diesel::insert_into(walks::table)
            .values(row)
            .on_conflict((walks::account, walks::actor, walks::walk))
            .do_update()
            .set((walks::note.eq(note), walks::made.eq(now)))
            .execute(c))?;
        Ok(())
    }
}

impl Tx<'_> {
    /// Deletes expired positions. Returns how many.
    pub(super) fn delete_expired_list_positions(&mut self, now: Timestamp, limit: i64) -> Result<u64, DbError> {
        let due = walks::made.lt(now - LIFETIME);
        let oldest = walks::table.filter(due).order(walks::made).limit(limit).select(walks::made);
        let oldest: Vec<i64> = each!(&mut *self.conn, c => oldest.load(c))?;
        let Some(last) = oldest.last() else { return Ok(0) };
        let rows = each!(&mut *self.conn, c => diesel::delete(walks::table.filter(walks::made.le(last))).execute(c))?;
        Ok(rows as u64)
    }

    /// Forgets all walks in an account.
    pub(super) fn delete_list_positions(&mut self, account: AccountKey) -> Result<(), DbError> {
        let all = walks::table.filter(walks::account.eq(account));
        each!(&mut *self.conn, c => diesel::delete(all).execute(c))?;
        Ok(())
    }
}
