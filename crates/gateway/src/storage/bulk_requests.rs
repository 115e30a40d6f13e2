//! Bulk requests that can be repeated: which they are, and what came of each of their steps.

use diesel::prelude::*;

use super::error::DbError;
use super::schema::{bulk_requests, bulk_steps};
use super::tx::Tx;
use crate::each;
use crate::platform::timestamp::Timestamp;

/// For so many milliseconds after it was sent last, a request can be repeated.
const LIFETIME: i64 = 86_400_000;

impl Tx<'_> {
    /// Begins a request, or finds it begun; `false` if it was begun with another body.
    pub fn begin_bulk_request(&mut self, id: &[u8], body: &[u8], now: Timestamp) -> Result<bool, DbError> {
        let row = (bulk_requests::id.eq(id), bulk_requests::body.eq(body), bulk_requests::expires.eq(now + LIFETIME));
        let begun: Vec<u8> = each!(&mut *self.conn, c => diesel::insert_into(bulk_requests::table)
            .values(row)
            .on_conflict(bulk_requests::id)
            .do_update()
            .set(bulk_requests::expires.eq(now + LIFETIME))
            .returning(bulk_requests::body)
            .get_result(c))?;
        Ok(begun == body)
    }

    /// What came of a step of the request. One that was not done is this unit of work's: another that is at the same step waits.
    pub fn claim_bulk_step(&mut self, request: &[u8], step: i32) -> Result<Option<String>, DbError> {
        let row = (bulk_steps::request.eq(request), bulk_steps::step.eq(step), bulk_steps::outcome.eq(""));
        let claimed = each!(&mut *self.conn, c => {
            diesel::insert_into(bulk_steps::table).values(row).on_conflict_do_nothing().execute(c)?
        });
        if claimed == 1 {
            return Ok(None);
        }
        let row = bulk_steps::table.find((request, step)).select(bulk_steps::outcome);
        Ok(Some(each!(&mut *self.conn, c => row.get_result(c))?))
    }

    /// Keeps what came of a claimed step.
    pub fn keep_bulk_step(&mut self, request: &[u8], step: i32, outcome: &str) -> Result<(), DbError> {
        let row = bulk_steps::table.find((request, step));
        each!(&mut *self.conn, c => diesel::update(row).set(bulk_steps::outcome.eq(outcome)).execute(c))?;
        Ok(())
    }

    /// Forgets requests that no client repeats any more, with their steps; says how many.
    pub(super) fn forget_bulk_requests(&mut self, now: Timestamp, limit: i64) -> Result<u64, DbError> {
        let due = bulk_requests::table.filter(bulk_requests::expires.lt(now)).select(bulk_requests::id).limit(limit);
        let due: Vec<Vec<u8>> = each!(&mut *self.conn, c => due.load(c))?;
        // The request goes first, so that a client that repeats it at this moment waits, and then begins anew or keeps it.
        let rows = bulk_requests::table.filter(bulk_requests::id.eq_any(due)).filter(bulk_requests::expires.lt(now));
        let gone: Vec<Vec<u8>> =
            each!(&mut *self.conn, c => diesel::delete(rows).returning(bulk_requests::id).get_results(c))?;
        let steps = bulk_steps::table.filter(bulk_steps::request.eq_any(&gone));
        each!(&mut *self.conn, c => diesel::delete(steps).execute(c))?;
        Ok(gone.len() as u64)
    }
}
