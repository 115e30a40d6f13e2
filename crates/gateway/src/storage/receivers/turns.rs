//! Who delivers to whom: a server takes a receiver for a while (a lease), so that one at a time delivers to it, and its events keep their order.
//!
//! What came of some events is written in one unit of work with the new position, and only while the lease is held: a server that was away for
//! longer has delivered what another delivers again, and moves nothing.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::{Receiver, Row};
use crate::domain::ids::AccountKey;
use crate::domain::receiver::{DELIVERIES_KEPT, Form, State};
use crate::each;
use crate::platform::timestamp::Timestamp;
use crate::storage::backend::AnyConn;
use crate::storage::error::DbError;
use crate::storage::events::EventRow;
use crate::storage::schema::receivers;
use crate::storage::statement::{Bind, Dialects, Statement};
use crate::storage::tx::Tx;

/// Whether an event is for a receiver, by its type.
macro_rules! is_meant {
    ($place:literal, $types:literal) => {
        concat!("(", $types, " IS NULL OR ", $place, "(", $types, ", ',' || e.kind || ',') > 0)")
    };
}

/// Whether an event waits for `r`, up to the end (two values).
macro_rules! waits {
    ($place:literal) => {
        concat!(
            "((r.account IS NULL AND EXISTS (SELECT 1 FROM events AS e WHERE e.seq > r.position AND e.seq <= ? AND ",
            is_meant!($place, "r.types"),
            ")) OR (r.account IS NOT NULL AND EXISTS (SELECT 1 FROM events AS e WHERE e.account = r.account AND e.seq > r.position \
             AND e.seq <= ? AND ",
            is_meant!($place, "r.types"),
            ")))"
        )
    };
}

macro_rules! due {
    ($place:literal) => {
        concat!(
            "SELECT r.seq FROM receivers AS r WHERE r.state = 'enabled' AND r.next_try <= ? AND r.lease_ends <= ? AND (",
            "r.position < ? OR EXISTS (SELECT 1 FROM dead_letters AS d WHERE d.receiver = r.seq AND d.wanted IS NOT NULL) OR ",
            waits!($place),
            ") AND NOT EXISTS (SELECT 1 FROM accounts AS a WHERE a.seq = r.account AND a.deleted IS NOT NULL) \
             ORDER BY r.lease_ends, r.seq LIMIT ?"
        )
    };
}
const DUE: Dialects = Dialects { sqlite: due!("instr"), postgres: due!("strpos") };

macro_rules! skip {
    ($place:literal) => {
        concat!(
            "UPDATE receivers AS r SET position = ? WHERE r.state = 'enabled' AND r.lease_ends <= ? AND r.position >= ? AND r.position < ? AND NOT ",
            waits!($place)
        )
    };
}
const SKIP: Dialects = Dialects { sqlite: skip!("instr"), postgres: skip!("strpos") };

macro_rules! meant {
    ($columns:literal, $place:literal, $of:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM events AS e WHERE ",
            $of,
            "e.seq > ? AND e.seq <= ? AND ",
            is_meant!($place, "CAST(? AS TEXT)"),
            " ORDER BY e.seq LIMIT ?"
        )
    };
}
macro_rules! events {
    ($place:literal, $of:literal) => {
        meant!("e.seq, e.id, e.at, e.account, e.account_id, e.kind, e.body", $place, $of)
    };
}
macro_rules! count {
    ($place:literal, $of:literal) => {
        concat!("SELECT COUNT(*) FROM (", meant!("e.seq", $place, $of), ") AS meant")
    };
}
const MEANT: Dialects = Dialects { sqlite: events!("instr", ""), postgres: events!("strpos", "") };
const MEANT_OF_ACCOUNT: Dialects =
    Dialects { sqlite: events!("instr", "e.account = ? AND "), postgres: events!("strpos", "e.account = ? AND ") };
const COUNT_MEANT: Dialects = Dialects { sqlite: count!("instr", ""), postgres: count!("strpos", "") };
const COUNT_MEANT_OF_ACCOUNT: Dialects =
    Dialects { sqlite: count!("instr", "e.account = ? AND "), postgres: count!("strpos", "e.account = ? AND ") };

const CLAIM: &str =
    "UPDATE receivers SET lease = ?, lease_ends = ? WHERE seq = ? AND state = 'enabled' AND lease_ends <= ?";
const RECORD: &str = "UPDATE receivers SET position = ?, tries = ?, next_try = ?, held_since = ?, delivered = COALESCE(?, delivered), \
     failed = COALESCE(?, failed), problem = COALESCE(?, problem), lease_ends = ? WHERE seq = ? AND lease = ?";
const RELEASE: &str = "UPDATE receivers SET lease = NULL, lease_ends = ? WHERE seq = ? AND lease = ?";
const STANDING: &str = "SELECT form, CASE WHEN state = 'enabled' AND tries > 0 THEN 'held' ELSE state END AS standing, COUNT(*), \
     COALESCE(MAX(? - position), 0), MIN(held_since) FROM receivers GROUP BY form, standing";
const RELEASE_ALL: &str = "UPDATE receivers SET lease = NULL, lease_ends = 0 WHERE lease = ?";
const KEEP: &str = "UPDATE receivers SET lease_ends = ? WHERE seq = ? AND lease = ?";
const DELIVERED: &str = "INSERT INTO deliveries (receiver, account, event_id, kind, at, took, status, problem) VALUES ";
const ONE: &str = "(?, ?, ?, ?, ?, ?, ?, ?)";
const DELIVERED_ONE: &str = "INSERT INTO deliveries (receiver, account, event_id, kind, at, took, status, problem) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
const TRIM: &str = "DELETE FROM deliveries WHERE receiver = ? AND seq <= \
     (SELECT seq FROM deliveries WHERE receiver = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)";

/// A request that was sent, and what came of it.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The id of the event.
    pub event: String,
    /// Its type.
    pub kind: String,
    /// The account it is told of.
    pub account: Option<AccountKey>,
    /// When it was sent.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took: i64,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// Why it was not taken; `None`: it was.
    pub problem: Option<String>,
}

/// An event that is given up for itself.
#[derive(Debug, Clone)]
pub struct NewDeadLetter {
    /// The event's number in the feed.
    pub seq: i64,
    /// When it happened.
    pub happened: Timestamp,
    /// How often it was tried.
    pub tries: i64,
    /// What came of it the last time.
    pub last: Delivery,
}

/// What came of some events of a receiver.
#[derive(Debug, Clone)]
pub struct Progress {
    /// How far it is.
    pub position: i64,
    /// How often the next one was tried in vain; 0: it was not, or not in vain.
    pub tries: i64,
    /// When that is tried again.
    pub next_try: Timestamp,
    /// What was sent, in its order.
    pub sent: Vec<Delivery>,
    /// What is given up for itself.
    pub dead: Vec<NewDeadLetter>,
}

/// Receivers of a form that are in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiversStanding {
    /// In which form events are sent to them.
    pub form: Form,
    /// `enabled`, `held`, `paused`, `stopped` or `lost`.
    pub state: String,
    /// How many they are.
    pub count: i64,
    /// By how many numbers of the feed the last of them is behind its end.
    pub behind: i64,
    /// Since when the first of them is held.
    pub held_since: Option<Timestamp>,
}

type StandingColumns = (Text, Text, BigInt, BigInt, Nullable<BigInt>);
type StandingRow = (String, String, i64, i64, Option<Timestamp>);
type Columns = (BigInt, Text, BigInt, Nullable<BigInt>, Nullable<Text>, Text, Text);
type EventColumns = (i64, String, Timestamp, Option<AccountKey>, Option<String>, String, String);

impl Tx<'_> {
    /// Whether the feed is delivered to any receiver.
    pub fn has_receivers(&mut self) -> Result<bool, DbError> {
        let query = receivers::table.filter(receivers::state.eq(State::Enabled.code())).select(receivers::seq).limit(1);
        let found: Option<i64> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        Ok(found.is_some())
    }

    /// Receivers for which something waits up to this place in the feed, or has been forgotten, and that no server delivers to: the one that waits
    /// longest first.
    pub fn receivers_due(&mut self, now: Timestamp, end: i64, limit: i64) -> Result<Vec<i64>, DbError> {
        let floor = self.events_floor()?;
        let binds = [now.millis(), now.millis(), floor, end, end, limit].map(Bind::Number);
        let text = DUE.of(self.conn);
        Statement::<BigInt>::new(text, binds.into()).load(self.conn)
    }

    /// Moves those receivers on for which nothing waits, so that what is not for them is not looked through again, and so that they do not seem
    /// to have missed what is forgotten.
    pub fn skip_what_is_for_none(&mut self, now: Timestamp, end: i64) -> Result<u64, DbError> {
        let floor = self.events_floor()?;
        let binds = [end, now.millis(), floor, end, end, end].map(Bind::Number);
        let text = SKIP.of(self.conn);
        Statement::<()>::new(text, binds.into()).execute(self.conn)
    }

    /// Takes a receiver until then; `None`: another server was faster, or there is nothing to do for it any more. If what follows its position
    /// was forgotten, it is lost from now on.
    pub fn claim_receiver(
        &mut self,
        receiver: i64,
        lease: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Receiver>, DbError> {
        let binds = vec![Bind::Text(lease.to_owned()), Bind::number(until), Bind::Number(receiver), Bind::number(now)];
        if Statement::<()>::new(CLAIM, binds).execute(self.conn)? == 0 {
            return Ok(None);
        }
        let query = receivers::table.filter(receivers::seq.eq(receiver));
        let row: Option<Row> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        // One of a newer release is for that.
        row.filter(|row| Form::parse(&row.form).is_some()).map(Receiver::try_from).transpose()
    }

    /// Events that are meant for a receiver after a number up to another, in their order.
    pub fn events_meant(
        &mut self,
        account: Option<AccountKey>,
        types: Option<&str>,
        (after, end): (i64, i64),
        limit: i64,
    ) -> Result<Vec<EventRow>, DbError> {
        let (text, binds) = self.meant((MEANT, MEANT_OF_ACCOUNT), account, types, [after, end, limit]);
        let rows = Statement::<Columns>::new(text, binds).load::<EventColumns>(self.conn)?;
        Ok(rows.into_iter().map(EventRow::from).collect())
    }

    /// How many events are meant for a receiver after a number up to another; no more than `most` are counted.
    pub fn count_events_meant(
        &mut self,
        account: Option<AccountKey>,
        types: Option<&str>,
        (after, end): (i64, i64),
        most: i64,
    ) -> Result<i64, DbError> {
        let (text, binds) = self.meant((COUNT_MEANT, COUNT_MEANT_OF_ACCOUNT), account, types, [after, end, most]);
        Ok(Statement::<BigInt>::new(text, binds).first(self.conn)?.unwrap_or_default())
    }

    /// The text of a statement over what is meant for a receiver, and its values.
    fn meant(
        &self,
        (of_all, of_one): (Dialects, Dialects),
        account: Option<AccountKey>,
        types: Option<&str>,
        [after, end, limit]: [i64; 3],
    ) -> (&'static str, Vec<Bind>) {
        let types = Bind::Words(types.map(str::to_owned));
        let rest = [Bind::Number(after), Bind::Number(end), types.clone(), types, Bind::Number(limit)];
        match account {
            Some(account) => (of_one.of(self.conn), [&[Bind::number(account)], &rest[..]].concat()),
            None => (of_all.of(self.conn), rest.into()),
        }
    }

    /// Writes what came of some events, with the position, and keeps the receiver until then; `false`: another server has it by now, and
    /// nothing was written.
    pub fn record_progress(
        &mut self,
        receiver: &Receiver,
        lease: &str,
        progress: &Progress,
        until: Timestamp,
    ) -> Result<bool, DbError> {
        let taken = progress.sent.iter().rev().find(|sent| sent.problem.is_none()).map(|sent| sent.at);
        let failed = progress.sent.iter().rev().find(|sent| sent.problem.is_some());
        let held = (progress.tries > 0).then(|| receiver.held_since.unwrap_or(self.now()));
        let binds = vec![
            Bind::Number(progress.position),
            Bind::Number(progress.tries),
            Bind::number(progress.next_try),
            Bind::Optional(held.map(i64::from)),
            Bind::Optional(taken.map(i64::from)),
            Bind::Optional(failed.map(|failed| failed.at.millis())),
            Bind::Words(failed.and_then(|failed| failed.problem.clone())),
            Bind::number(until),
            Bind::Number(receiver.seq),
            Bind::Text(lease.to_owned()),
        ];
        if Statement::<()>::new(RECORD, binds).execute(self.conn)? == 0 {
            return Ok(false);
        }
        for letter in &progress.dead {
            self.insert_dead_letter(receiver.seq, letter)?;
        }
        self.note_deliveries(receiver.seq, &progress.sent)?;
        Ok(true)
    }

    /// Writes down requests that were sent to a receiver, and forgets older ones.
    pub fn note_deliveries(&mut self, receiver: i64, sent: &[Delivery]) -> Result<(), DbError> {
        let kept = usize::try_from(DELIVERIES_KEPT).unwrap_or(usize::MAX);
        for delivery in &sent[sent.len().saturating_sub(kept)..] {
            let binds = vec![
                Bind::Number(receiver),
                Bind::Optional(delivery.account.map(i64::from)),
                Bind::Text(delivery.event.clone()),
                Bind::Text(delivery.kind.clone()),
                Bind::number(delivery.at),
                Bind::Number(delivery.took),
                Bind::Optional(delivery.status.map(i64::from)),
                Bind::Words(delivery.problem.clone()),
            ];
            Statement::<()>::put_off_row(self.conn, (DELIVERED, ONE, DELIVERED_ONE), binds)?;
        }
        if !sent.is_empty() {
            let binds = [receiver, receiver, DELIVERIES_KEPT].map(Bind::Number);
            Statement::<()>::new(TRIM, binds.into()).execute(self.conn)?;
        }
        Ok(())
    }

    /// How receivers are, by form and state; one that is held has the state `held`. For metrics.
    pub fn receivers_standing(&mut self) -> Result<Vec<ReceiversStanding>, DbError> {
        let last = self.last_event_number()?;
        let rows =
            Statement::<StandingColumns>::new(STANDING, vec![Bind::Number(last)]).load::<StandingRow>(self.conn)?;
        let standing = rows.into_iter().filter_map(|(form, state, count, behind, held_since)| {
            Some(ReceiversStanding { form: Form::parse(&form)?, state, count, behind, held_since })
        });
        Ok(standing.collect())
    }

    /// Gives a receiver back.
    pub fn release_receiver(&mut self, receiver: i64, lease: &str, now: Timestamp) -> Result<(), DbError> {
        let binds = vec![Bind::number(now), Bind::Number(receiver), Bind::Text(lease.to_owned())];
        Statement::<()>::new(RELEASE, binds).execute(self.conn)?;
        Ok(())
    }

    /// Keeps a receiver until then.
    pub fn keep_receiver(&mut self, receiver: i64, lease: &str, until: Timestamp) -> Result<(), DbError> {
        let binds = vec![Bind::number(until), Bind::Number(receiver), Bind::Text(lease.to_owned())];
        Statement::<()>::new(KEEP, binds).execute(self.conn)?;
        Ok(())
    }

    /// Gives back all that a server holds.
    pub fn release_receivers(&mut self, lease: &str) -> Result<(), DbError> {
        Statement::<()>::new(RELEASE_ALL, vec![Bind::Text(lease.to_owned())]).execute(self.conn)?;
        Ok(())
    }

    /// Whether a server holds it still.
    pub fn holds_receiver(&mut self, receiver: i64, lease: &str) -> Result<bool, DbError> {
        let query = receivers::table
            .filter(receivers::seq.eq(receiver))
            .filter(receivers::lease.eq(lease))
            .select(receivers::seq);
        let held: Option<i64> = match &mut *self.conn {
            AnyConn::Postgres(c) => query.for_update().get_result(c.begun()).optional()?,
            AnyConn::Sqlite(c) => query.get_result(c).optional()?,
        };
        Ok(held.is_some())
    }
}
