//! The feed of every change: its rows, and how far it can be read.
//!
//! Rows are numbered in the order in which they are told. SQLite has one writer, which commits one number after the other. PostgreSQL gives a
//! number before the transaction commits, so a lower one may appear after a higher one was read. So each transaction holds a shared advisory
//! lock from before it takes its first number until it has ended, and the lock names the last number that was given by then. The feed is read
//! up to the lowest number that any lock names ([`Tx::events_end`]): what comes after is told as soon as that transaction has ended
//! ([why so](../../../../docs/decisions/0074-how-does-a-reader-of-events-miss-none.md)).
//!
//! A row's number is taken while its transaction holds the lock on what the row is about, so events about one thing are in the order in which
//! they happened.

use diesel::sql_types::{BigInt, Nullable, Text};

use super::backend::AnyConn;
use super::error::DbError;
use super::statement::{Bind, Dialects, Statement};
use super::tx::Tx;
use crate::domain::actor::Named;
use crate::domain::ids::AccountKey;
use crate::platform::timestamp::Timestamp;

/// An event to be written.
#[derive(Debug, Clone)]
pub struct NewEvent<'a> {
    /// Its id, which no other has.
    pub id: String,
    /// When it happened.
    pub at: Timestamp,
    /// The account it is told of by its number; `None`: it belongs to no account, or the account is deleted by it.
    pub account: Option<AccountKey>,
    /// The account it concerns.
    pub label: Option<&'a Named>,
    /// Its type.
    pub kind: &'static str,
    /// The rest of it: the members of a JSON object, without its braces.
    pub body: String,
}

/// An event as it was read.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// Its place in the feed.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// When it happened.
    pub at: Timestamp,
    /// The account that it is told of.
    pub account: Option<AccountKey>,
    /// The public id of the account it concerns.
    pub account_id: Option<String>,
    /// Its type.
    pub kind: String,
    /// The members of a JSON object.
    pub body: String,
}

macro_rules! insert {
    ($columns:literal) => {
        concat!("INSERT INTO events (", $columns, "id, at, account, account_id, kind, body) VALUES ")
    };
}
/// The lock is named and taken before the number is.
macro_rules! row {
    () => {
        "(CASE WHEN pg_try_advisory_xact_lock_shared(740042, (COALESCE(pg_sequence_last_value('events_seq_seq'), 0) % 2147483648)::int) \
         THEN nextval('events_seq_seq') END, ?, ?, ?, ?, ?, ?)"
    };
}
const INSERT: &str = insert!("seq, ");
const ROW: &str = row!();
const ON_SQLITE: &str = concat!(insert!(""), "(?, ?, ?, ?, ?, ?)");

/// The last number that was given.
const LAST: Dialects = Dialects {
    sqlite: "SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0)",
    postgres: "SELECT COALESCE(pg_sequence_last_value('events_seq_seq'), 0)",
};
/// What the locks name: the last number that was given when each was taken, modulo 2³¹.
const HELD: &str = "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid = 740042 AND objsubid = 2 \
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
const MODULUS: i64 = 1 << 31;
/// The last row up to a number, and up to which number rows may have been removed.
const TOLD: &str = "SELECT COALESCE((SELECT max(seq) FROM events WHERE seq <= ?), 0), \
     (SELECT value FROM installation WHERE name = 'events_floor')";

type Columns = (BigInt, Text, BigInt, Nullable<BigInt>, Nullable<Text>, Text, Text);
type Row = (i64, String, Timestamp, Option<AccountKey>, Option<String>, String, String);

macro_rules! page {
    ($of:literal) => {
        concat!(
            "SELECT seq, id, at, account, account_id, kind, body FROM events WHERE ",
            $of,
            "seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
        )
    };
}
const PAGE: &str = page!("");
const PAGE_OF_ACCOUNT: &str = page!("account = ? AND ");

const FORGET: &str =
    "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE seq <= ? ORDER BY seq LIMIT ?) RETURNING seq";
const FORGET_OF_ACCOUNT: &str =
    "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE account = ? ORDER BY seq LIMIT ?)";
/// Rows are about in the order of time, so the oldest by number are looked at.
const OLD: &str =
    "SELECT max(seq) FROM (SELECT seq, at FROM events ORDER BY seq LIMIT ?) AS oldest WHERE oldest.at < ?";

/// In `installation`: up to which number rows may be missing.
pub(super) const FLOOR: &str = "events_floor";

impl Tx<'_> {
    /// Whether what happens is written into the feed.
    pub(crate) fn feeds(&self) -> bool {
        self.feeds
    }

    /// Writes an event, with the next statement on PostgreSQL.
    pub fn insert_event(&mut self, event: NewEvent<'_>) -> Result<(), DbError> {
        let NewEvent { id, at, account, label, kind, body } = event;
        let binds = vec![
            Bind::Text(id),
            Bind::number(at),
            Bind::Optional(account.map(i64::from)),
            Bind::Words(label.map(|label| label.id.clone())),
            Bind::Text(kind.to_owned()),
            Bind::Text(body),
        ];
        Statement::<()>::put_off_row(self.conn, (INSERT, ROW, ON_SQLITE), binds)
    }

    /// The number up to which the feed is whole at this moment: no event with a lower one will appear. What is read up to it has to be read by a
    /// unit of work that begins after this one has ended.
    ///
    /// It is that of a row, or the floor. Numbers behind it that transactions took which were rolled back are in no log of PostgreSQL's, and given
    /// again after a crash: a reader who went on from there would miss what then has them.
    pub fn events_end(&mut self) -> Result<i64, DbError> {
        let last = self.last_event_number()?;
        let whole = match &*self.conn {
            AnyConn::Sqlite(_) => last,
            AnyConn::Postgres(_) => {
                // Afterwards: a transaction that took a number up to the last one holds its lock, or has ended.
                let held = Statement::<BigInt>::new(HELD, Vec::new()).load::<i64>(self.conn)?;
                held.into_iter().filter_map(|named| given_before(last, named)).fold(last, i64::min)
            }
        };
        let told = Statement::<(BigInt, Nullable<Text>)>::new(TOLD, vec![Bind::Number(whole)]);
        let (told, floor) = told.first::<(i64, Option<String>)>(self.conn)?.unwrap_or_default();
        let floor = floor.and_then(|text| text.parse::<i64>().ok()).unwrap_or_default();
        Ok(floor.max(told))
    }

    /// The last number that was given to an event, which may not be there yet, or never.
    pub fn last_event_number(&mut self) -> Result<i64, DbError> {
        let text = LAST.of(self.conn);
        Ok(Statement::<BigInt>::new(text, Vec::new()).first(self.conn)?.unwrap_or_default())
    }

    /// Events after a number up to another, in their order: of one account, or of all.
    pub fn events_between(
        &mut self,
        account: Option<AccountKey>,
        after: i64,
        end: i64,
        limit: i64,
    ) -> Result<Vec<EventRow>, DbError> {
        let range = [after, end, limit].map(Bind::Number);
        let statement = match account {
            Some(account) => {
                Statement::<Columns>::new(PAGE_OF_ACCOUNT, [&[Bind::number(account)], &range[..]].concat())
            }
            None => Statement::new(PAGE, range.into()),
        };
        Ok(statement.load::<Row>(self.conn)?.into_iter().map(EventRow::from).collect())
    }

    /// Up to which number rows may have been removed: who has read less has to begin anew.
    pub fn events_floor(&mut self) -> Result<i64, DbError> {
        let floor = self.installation_value(FLOOR)?;
        Ok(floor.and_then(|text| text.parse().ok()).unwrap_or_default())
    }

    /// Removes some of the events from before that time, the oldest first.
    pub fn forget_events(&mut self, before: Timestamp, limit: i64) -> Result<u64, DbError> {
        let binds = vec![Bind::Number(limit), Bind::number(before)];
        let old = Statement::<Nullable<BigInt>>::new(OLD, binds).first::<Option<i64>>(self.conn)?.flatten();
        let Some(old) = old else { return Ok(0) };
        let binds = [old, limit].map(Bind::Number);
        let gone = Statement::<BigInt>::new(FORGET, binds.into()).load::<i64>(self.conn)?;
        let floor = self.events_floor()?.max(gone.iter().copied().max().unwrap_or_default());
        self.set_installation_value(FLOOR, &floor.to_string())?;
        Ok(gone.len() as u64)
    }

    /// Removes some of the events of an account that was deleted.
    pub(super) fn forget_events_of(&mut self, account: AccountKey, limit: i64) -> Result<u64, DbError> {
        Statement::<()>::new(FORGET_OF_ACCOUNT, vec![Bind::number(account), Bind::Number(limit)]).execute(self.conn)
    }
}

/// The number that a lock names, if that was given by the time of the last one.
fn given_before(last: i64, named: i64) -> Option<i64> {
    let distance = (last - named).rem_euclid(MODULUS);
    (distance < MODULUS / 2).then_some(last - distance)
}

impl From<Row> for EventRow {
    fn from((seq, id, at, account, account_id, kind, body): Row) -> EventRow {
        EventRow { seq, id, at, account, account_id, kind, body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_names_the_number_that_was_given_before_it() {
        let big = 5 * MODULUS + 3;
        assert_eq!(given_before(17, 17), Some(17));
        assert_eq!(given_before(17, 3), Some(3));
        assert_eq!(given_before(17, 20), None, "it was taken after the last number was looked at");
        assert_eq!(given_before(big, 1), Some(big - 2));
        assert_eq!(given_before(big, MODULUS - 4), Some(big - 7), "the lowest 31 bits have begun anew since");
        assert_eq!(given_before(big, 10), None);
    }
}
