//! What waits in the database for the background, and what is about to expire: one statement, for metrics.

use diesel::sql_types::BigInt;

use super::error::DbError;
use super::statement::{Bind, Statement};
use super::tx::Tx;
use crate::platform::timestamp::Timestamp;

/// In milliseconds.
const DAY: i64 = 24 * 3600 * 1000;

/// What waits, and what is about to expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Notices that are to be mailed.
    pub letters: i64,
    /// Rows of the audit trail that have no seal.
    pub unsealed: i64,
    /// Client secrets that expire within a week.
    pub secrets: i64,
    /// Static tokens that expire within a week.
    pub static_tokens: i64,
    /// When the newest signing key was made; 0 where there is none.
    pub signing_key: Timestamp,
    /// How many numbers of events were given that cannot be read yet, for a transaction is open that has one of them.
    pub held_events: i64,
    /// About how many events are kept: no fewer than there are.
    pub events: i64,
    /// When the oldest of them happened; 0 where there is none.
    pub oldest_event: Timestamp,
}

const BACKLOG: &str = "SELECT (SELECT count(*) FROM notices WHERE next_try IS NOT NULL), \
     (SELECT count(*) FROM audit WHERE segment IS NULL), \
     (SELECT count(*) FROM client_secrets WHERE expires > ? AND expires <= ?), \
     (SELECT count(*) FROM static_tokens WHERE expires > ? AND expires <= ?), \
     (SELECT COALESCE(max(created), 0) FROM signing_keys), \
     (SELECT COALESCE(max(seq) - min(seq) + 1, 0) FROM events), \
     COALESCE((SELECT at FROM events ORDER BY seq LIMIT 1), 0)";

impl Tx<'_> {
    /// What waits at this time.
    pub fn backlog(&mut self, now: Timestamp) -> Result<Backlog, DbError> {
        let soon = [now.millis(), now.millis() + 7 * DAY].map(Bind::Number);
        let binds = [soon.clone(), soon].concat();
        type Columns = (BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt);
        type Row = (i64, i64, i64, i64, i64, i64, i64);
        let row = Statement::<Columns>::new(BACKLOG, binds).first::<Row>(self.conn)?;
        let (letters, unsealed, secrets, static_tokens, created, events, oldest) = row.unwrap_or_default();
        let (last, end) = (self.last_event_number()?, self.events_end()?);
        Ok(Backlog {
            letters,
            unsealed,
            secrets,
            static_tokens,
            signing_key: Timestamp::of_millis(created),
            held_events: (last - end).max(0),
            events,
            oldest_event: Timestamp::of_millis(oldest),
        })
    }
}
