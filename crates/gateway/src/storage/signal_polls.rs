//! Where accounts' identity providers keep security events until they are fetched (RFC 8936), whose turn it is, and how it went.
//!
//! A server takes one for a while (a lease), so that one at a time polls it, and what came of the poll is written only while the lease is held. What
//! an event does is committed before it is acknowledged, and counts once; so nothing is lost by a server that ends between the two, and nothing is
//! done twice by two.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};

use super::backend::AnyConn;
use super::error::DbError;
use super::schema::signal_polls;
use super::statement::{Bind, Statement};
use super::tx::Tx;
use crate::domain::ids::AccountKey;
use crate::each;
use crate::platform::timestamp::Timestamp;

/// Where the security events of an account are fetched.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct SignalPoll {
    /// Which account.
    pub account: AccountKey,
    /// The transmitter's endpoint.
    pub endpoint: String,
    /// The bearer token, sealed; `None`: none is sent.
    pub sealed: Option<String>,
    /// When it is polled next.
    pub next_poll: Timestamp,
    /// How often that failed since it went well,
    pub failures: i64,
    /// since when,
    pub failing_since: Option<Timestamp>,
    /// and why the last time.
    pub problem: Option<String>,
    /// When it was answered last.
    pub answered: Option<Timestamp>,
    /// When an event came last.
    pub received: Option<Timestamp>,
}

/// What came of a poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollOutcome {
    /// When it ended.
    pub at: Timestamp,
    /// When the next one is.
    pub next_poll: Timestamp,
    /// Whether an event came.
    pub has_received: bool,
    /// Why it did not go well; `None`: it did.
    pub problem: Option<String>,
}

/// How polling stands, of all accounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PollsStanding {
    /// How many are polled.
    pub all: i64,
    /// How many of them failed the last time.
    pub failing: i64,
    /// Since when the first of these fails.
    pub failing_since: Option<Timestamp>,
}

macro_rules! columns {
    () => {
        (
            signal_polls::account,
            signal_polls::endpoint,
            signal_polls::sealed,
            signal_polls::next_poll,
            signal_polls::failures,
            signal_polls::failing_since,
            signal_polls::problem,
            signal_polls::answered,
            signal_polls::received,
        )
    };
}

const STANDING: &str =
    "SELECT COUNT(*), COALESCE(SUM(CASE WHEN failures > 0 THEN 1 ELSE 0 END), 0), MIN(failing_since) FROM signal_polls";

impl Tx<'_> {
    /// Where the security events of an account are fetched.
    pub fn signal_poll(&mut self, account: AccountKey) -> Result<Option<SignalPoll>, DbError> {
        let query = signal_polls::table.filter(signal_polls::account.eq(account)).select(columns!());
        Ok(each!(&mut *self.conn, c => query.get_result(c).optional())?)
    }

    /// Fetches the security events of an account at this endpoint, with this sealed token, from now on; with nothing, no more. What is known of
    /// another endpoint is forgotten, and a poll that is on its way writes nothing down.
    pub fn set_signal_poll(
        &mut self,
        account: AccountKey,
        poll: Option<(&str, Option<&str>)>,
        now: Timestamp,
    ) -> Result<(), DbError> {
        let old = signal_polls::table.filter(signal_polls::account.eq(account));
        each!(&mut *self.conn, c => diesel::delete(old).execute(c))?;
        if let Some((endpoint, sealed)) = poll {
            let row = (
                signal_polls::account.eq(account),
                signal_polls::endpoint.eq(endpoint),
                signal_polls::sealed.eq(sealed),
                signal_polls::next_poll.eq(now),
            );
            each!(&mut *self.conn, c => diesel::insert_into(signal_polls::table).values(row).execute(c))?;
        }
        Ok(())
    }

    /// Whether any is due: a look into an index.
    pub fn signal_polls_are_due(&mut self, now: Timestamp) -> Result<bool, DbError> {
        let query = signal_polls::table
            .filter(signal_polls::next_poll.le(now))
            .filter(signal_polls::lease_ends.le(now))
            .select(signal_polls::account)
            .limit(1);
        let found: Option<i64> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        Ok(found.is_some())
    }

    /// Takes some of what is due, and that no other server has, until then.
    pub fn claim_signal_polls(
        &mut self,
        lease: &str,
        (now, until): (Timestamp, Timestamp),
        limit: i64,
    ) -> Result<Vec<SignalPoll>, DbError> {
        let due = signal_polls::table
            .filter(signal_polls::next_poll.le(now))
            .filter(signal_polls::lease_ends.le(now))
            .order(signal_polls::next_poll)
            .limit(limit)
            .select(columns!());
        let claimed: Vec<SignalPoll> = match &mut *self.conn {
            AnyConn::Postgres(c) => due.for_update().skip_locked().load(c.begun())?,
            AnyConn::Sqlite(c) => due.load(c)?,
        };
        let keys: Vec<AccountKey> = claimed.iter().map(|poll| poll.account).collect();
        let rows = signal_polls::table.filter(signal_polls::account.eq_any(keys));
        let set = (signal_polls::lease.eq(lease), signal_polls::lease_ends.eq(until));
        each!(&mut *self.conn, c => diesel::update(rows).set(set).execute(c))?;
        Ok(claimed)
    }

    /// Writes down what came of a poll, and gives it back; `false` if it is not ours any more, and nothing was written.
    pub fn note_signal_poll(
        &mut self,
        polled: &SignalPoll,
        lease: &str,
        outcome: &PollOutcome,
    ) -> Result<bool, DbError> {
        let row =
            signal_polls::table.filter(signal_polls::account.eq(polled.account)).filter(signal_polls::lease.eq(lease));
        let (failures, since, answered) = match &outcome.problem {
            Some(_) => (polled.failures + 1, polled.failing_since.or(Some(outcome.at)), polled.answered),
            None => (0, None, Some(outcome.at)),
        };
        let received = if outcome.has_received { Some(outcome.at) } else { polled.received };
        let set = (
            signal_polls::next_poll.eq(outcome.next_poll),
            signal_polls::failures.eq(failures),
            signal_polls::failing_since.eq(since),
            signal_polls::problem.eq(outcome.problem.as_deref()),
            signal_polls::answered.eq(answered),
            signal_polls::received.eq(received),
            signal_polls::lease.eq(None::<&str>),
            signal_polls::lease_ends.eq(0),
        );
        Ok(each!(&mut *self.conn, c => diesel::update(row).set(set).execute(c))? > 0)
    }

    /// Gives back all that a server holds: it stops.
    pub fn release_signal_polls(&mut self, lease: &str) -> Result<(), DbError> {
        let rows = signal_polls::table.filter(signal_polls::lease.eq(lease));
        let set = (signal_polls::lease.eq(None::<&str>), signal_polls::lease_ends.eq(0));
        each!(&mut *self.conn, c => diesel::update(rows).set(set).execute(c))?;
        Ok(())
    }

    /// How polling stands.
    pub fn signal_polls_standing(&mut self) -> Result<PollsStanding, DbError> {
        type Columns = (BigInt, BigInt, Nullable<BigInt>);
        let row = Statement::<Columns>::new(STANDING, Vec::<Bind>::new())
            .first::<(i64, i64, Option<Timestamp>)>(self.conn)?;
        let (all, failing, failing_since) = row.unwrap_or_default();
        Ok(PollsStanding { all, failing, failing_since })
    }
}
