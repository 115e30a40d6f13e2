//! Failed attempts to prove who one is, counted where every replica sees them. What is counted, and what follows from it, is in
//! [`throttle`](crate::domain::throttle).

use diesel::prelude::*;

use super::backend::AnyConn;
use super::error::DbError;
use super::schema::attempts;
use super::tx::Tx;
use crate::domain::throttle::{AttemptKey, AttemptState};
use crate::each;
use crate::platform::timestamp::Timestamp;

impl Tx<'_> {
    fn attempts_on(&mut self, count: &AttemptKey, locked: bool) -> Result<Option<AttemptState>, DbError> {
        let query =
            attempts::table.filter(attempts::key.eq(count.key.as_slice())).select((attempts::failures, attempts::last));
        let row: Option<(i64, Timestamp)> = match &mut *self.conn {
            AnyConn::Postgres(c) if locked => query.for_update().get_result(c.begun()).optional()?,
            AnyConn::Postgres(c) => query.get_result(c.begun()).optional()?,
            AnyConn::Sqlite(c) => query.get_result(c).optional()?,
        };
        Ok(row.map(|(failures, last)| AttemptState { failures, last }))
    }

    /// Until when attempts are refused, if one of these counts says so. Only reads.
    pub fn attempts_blocked(&mut self, counts: &[AttemptKey], now: Timestamp) -> Result<Option<Timestamp>, DbError> {
        let mut until = None;
        for count in counts {
            let record = self.attempts_on(count, false)?;
            until = until.max(record.and_then(|record| count.limit.blocked_until(record, now)));
        }
        Ok(until)
    }

    /// Counts an attempt as failed before its outcome is known, so that many at once are not tried for the price of one. If one of
    /// the counts says to wait, nothing is counted, and it says until when.
    pub fn begin_attempt(&mut self, counts: &[AttemptKey], now: Timestamp) -> Result<Option<Timestamp>, DbError> {
        // Always in the same order, so that two attempts do not wait for each other.
        let mut counts: Vec<&AttemptKey> = counts.iter().collect();
        counts.sort_by_key(|count| count.key);
        let mut until = None;
        let mut records = Vec::with_capacity(counts.len());
        for count in &counts {
            let fresh = (
                attempts::key.eq(count.key.as_slice()),
                attempts::failures.eq(0),
                attempts::last.eq(now),
                attempts::expires.eq(now),
            );
            each!(&mut *self.conn, c => diesel::insert_into(attempts::table)
                .values(fresh)
                .on_conflict_do_nothing()
                .execute(c))?;
            let record = self.attempts_on(count, true)?.unwrap_or(AttemptState { failures: 0, last: now });
            until = until.max(count.limit.blocked_until(record, now));
            records.push(record);
        }
        if until.is_some() {
            return Ok(until);
        }
        for (count, record) in counts.into_iter().zip(records) {
            self.keep_attempts(count, count.limit.failed(record, now))?;
        }
        Ok(None)
    }

    fn keep_attempts(&mut self, count: &AttemptKey, record: AttemptState) -> Result<(), DbError> {
        let row = attempts::table.filter(attempts::key.eq(count.key.as_slice()));
        let values = (
            attempts::failures.eq(record.failures),
            attempts::last.eq(record.last),
            attempts::expires.eq(count.limit.forgotten(record)),
        );
        each!(&mut *self.conn, c => diesel::update(row).set(values).execute(c))?;
        Ok(())
    }

    /// The attempt succeeded after all: it does not count, and where the count is of this very person, neither do those before.
    pub fn attempt_succeeded(&mut self, counts: &[AttemptKey]) -> Result<(), DbError> {
        let mut counts: Vec<&AttemptKey> = counts.iter().collect();
        counts.sort_by_key(|count| count.key);
        for count in counts {
            let row = attempts::table.filter(attempts::key.eq(count.key.as_slice()));
            if count.limit.ends_with_success {
                each!(&mut *self.conn, c => diesel::delete(row).execute(c))?;
            } else {
                let row = row.filter(attempts::failures.gt(0));
                let one_less = attempts::failures.eq(attempts::failures - 1);
                each!(&mut *self.conn, c => diesel::update(row).set(one_less).execute(c))?;
            }
        }
        Ok(())
    }
}
