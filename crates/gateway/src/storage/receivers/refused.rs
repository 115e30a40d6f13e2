//! Dead letters: events that a receiver refused while it took others. Each leads to its event, which is in the feed for as long as that is kept.

use diesel::prelude::*;

use super::turns::{Delivery, NewDeadLetter};
use crate::each;
use crate::platform::timestamp::Timestamp;
use crate::storage::backend::AnyConn;
use crate::storage::error::DbError;
use crate::storage::schema::{dead_letters, deliveries};
use crate::storage::tx::Tx;

/// A dead letter.
#[derive(Debug, Clone, Queryable)]
pub struct DeadLetter {
    /// Its number.
    pub seq: i64,
    /// The event's number in the feed.
    pub event: i64,
    /// The event's id.
    pub event_id: String,
    /// Its type.
    pub kind: String,
    /// When it happened.
    pub happened: Timestamp,
    /// When it was refused the last time.
    pub refused: Timestamp,
    /// How often it was tried.
    pub tries: i64,
    /// The status of the last answer.
    pub status: Option<i64>,
    /// Why it was not taken.
    pub problem: String,
    /// When an operator asked for it to be sent again.
    pub wanted: Option<Timestamp>,
}

macro_rules! columns {
    () => {
        (
            dead_letters::seq,
            dead_letters::event,
            dead_letters::event_id,
            dead_letters::kind,
            dead_letters::happened,
            dead_letters::refused,
            dead_letters::tries,
            dead_letters::status,
            dead_letters::problem,
            dead_letters::wanted,
        )
    };
}

/// A delivery as it was written down.
#[derive(Debug, Clone, Queryable)]
pub struct PastDelivery {
    /// Its number.
    pub seq: i64,
    /// The id of the event.
    pub event_id: String,
    /// Its type.
    pub kind: String,
    /// When it was sent.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took: i64,
    /// The status of the answer, if there was one.
    pub status: Option<i64>,
    /// Why it was not taken; `None`: it was.
    pub problem: Option<String>,
}

impl Tx<'_> {
    /// Writes a dead letter; one that is there stays.
    pub fn insert_dead_letter(&mut self, receiver: i64, letter: &NewDeadLetter) -> Result<(), DbError> {
        let last = &letter.last;
        let row = (
            dead_letters::receiver.eq(receiver),
            dead_letters::account.eq(last.account),
            dead_letters::event.eq(letter.seq),
            dead_letters::event_id.eq(&last.event),
            dead_letters::kind.eq(&last.kind),
            dead_letters::happened.eq(letter.happened),
            dead_letters::refused.eq(last.at),
            dead_letters::tries.eq(letter.tries),
            dead_letters::status.eq(last.status.map(i64::from)),
            dead_letters::problem.eq(last.problem.as_deref().unwrap_or_default()),
        );
        each!(&mut *self.conn, c => diesel::insert_into(dead_letters::table).values(row).on_conflict_do_nothing().execute(c))?;
        Ok(())
    }

    /// How many dead letters a receiver has.
    pub fn count_dead_letters(&mut self, receiver: i64) -> Result<i64, DbError> {
        let query = dead_letters::table.filter(dead_letters::receiver.eq(receiver)).count();
        Ok(each!(&mut *self.conn, c => query.get_result(c))?)
    }

    /// The dead letters of a receiver that follow one by the event's number, in the order of the feed.
    pub fn dead_letters_after(&mut self, receiver: i64, after: i64, limit: i64) -> Result<Vec<DeadLetter>, DbError> {
        let query = dead_letters::table
            .filter(dead_letters::receiver.eq(receiver))
            .filter(dead_letters::event.gt(after))
            .order(dead_letters::event)
            .limit(limit)
            .select(columns!());
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }

    /// Those that are to be sent again.
    pub fn dead_letters_wanted(&mut self, receiver: i64, limit: i64) -> Result<Vec<DeadLetter>, DbError> {
        let query = dead_letters::table
            .filter(dead_letters::receiver.eq(receiver))
            .filter(dead_letters::wanted.is_not_null())
            .order(dead_letters::event)
            .limit(limit)
            .select(columns!());
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }

    /// Notes that dead letters are to be sent again: the one of an event, or all; says how many.
    pub fn want_dead_letters(&mut self, receiver: i64, event: Option<&str>, now: Timestamp) -> Result<u64, DbError> {
        let all = dead_letters::table.filter(dead_letters::receiver.eq(receiver));
        let set = dead_letters::wanted.eq(now);
        let wanted = match event {
            Some(event) => {
                let one = all.filter(dead_letters::event_id.eq(event));
                each!(&mut *self.conn, c => diesel::update(one).set(set).execute(c))?
            }
            None => each!(&mut *self.conn, c => diesel::update(all).set(set).execute(c))?,
        };
        Ok(wanted as u64)
    }

    /// A dead letter was taken at last, or is given up by an operator.
    pub fn delete_dead_letter(&mut self, receiver: i64, event: &str) -> Result<u64, DbError> {
        let row =
            dead_letters::table.filter(dead_letters::receiver.eq(receiver)).filter(dead_letters::event_id.eq(event));
        Ok(each!(&mut *self.conn, c => diesel::delete(row).execute(c))? as u64)
    }

    /// It was not taken this time either: it is not sent again before an operator asks.
    pub fn dead_letter_was_refused(&mut self, letter: i64, sent: &Delivery) -> Result<(), DbError> {
        let row = dead_letters::table.filter(dead_letters::seq.eq(letter));
        let set = (
            dead_letters::refused.eq(sent.at),
            dead_letters::tries.eq(dead_letters::tries + 1),
            dead_letters::status.eq(sent.status.map(i64::from)),
            dead_letters::problem.eq(sent.problem.as_deref().unwrap_or_default()),
            dead_letters::wanted.eq(None::<Timestamp>),
        );
        each!(&mut *self.conn, c => diesel::update(row).set(set).execute(c))?;
        Ok(())
    }

    /// Forgets dead letters whose event is not kept any more.
    pub fn forget_dead_letters(&mut self, limit: i64) -> Result<u64, DbError> {
        let floor = self.events_floor()?;
        let due = dead_letters::table.filter(dead_letters::event.le(floor)).select(dead_letters::seq).limit(limit);
        let due: Vec<i64> = match &mut *self.conn {
            AnyConn::Postgres(c) => due.for_update().skip_locked().load(c.begun())?,
            AnyConn::Sqlite(c) => due.load(c)?,
        };
        if due.is_empty() {
            return Ok(0);
        }
        let rows = dead_letters::table.filter(dead_letters::seq.eq_any(due));
        Ok(each!(&mut *self.conn, c => diesel::delete(rows).execute(c))? as u64)
    }

    /// The latest requests to a receiver, newest first, before one of them.
    pub fn deliveries_before(
        &mut self,
        receiver: i64,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<PastDelivery>, DbError> {
        let query = deliveries::table
            .filter(deliveries::receiver.eq(receiver))
            .filter(deliveries::seq.lt(before.unwrap_or(i64::MAX)))
            .order(deliveries::seq.desc())
            .limit(limit)
            .select((
                deliveries::seq,
                deliveries::event_id,
                deliveries::kind,
                deliveries::at,
                deliveries::took,
                deliveries::status,
                deliveries::problem,
            ));
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }
}
