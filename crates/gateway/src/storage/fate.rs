//! What became of a transaction whose COMMIT was sent and not answered.
//!
//! The connection died at the worst moment: the server may have committed or not. It knows, and is asked on a new connection, by the
//! number of the transaction (`pg_xact_status`). A number means something only to the server that gave it, in the same history: a
//! standby that was promoted meanwhile gives the same numbers to others, and so does a server that crashed, for what it has not written
//! to its log by then. So a session notes from the start which server and timeline it leads to, and since when that server counts:
//! its statistics begin anew after a crash, and only then, unless an operator resets them. The answer of any other is none.
//!
//! The number costs nothing where something is [put off](super::later) until the end, as rows of the audit trail are: the statement that
//! writes them tells it. Any other durable unit asks for it before it commits.

use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::backend::{AnyConn, DatabaseUrl};
use super::error::DbError;
use super::statement::Statement;
use super::tx::Tx;

/// How long the server is asked, while it restarts or the transaction has not ended.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

/// The number of the transaction, which has one from here on.
const NUMBER: &str = "SELECT pg_current_xact_id()::text::bigint";
const NUMBER_IF_ANY: &str = "pg_current_xact_id_if_assigned()::text::bigint";
const STATUS: &str = "SELECT pg_xact_status($1::text::xid8) AS text";
const ORIGIN: &str = "(SELECT system_identifier::text FROM pg_control_system()) || '/' || CASE WHEN pg_is_in_recovery() \
     THEN 'standby' ELSE substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) END || '/' || \
     (SELECT extract(epoch FROM stats_reset)::text FROM pg_stat_bgwriter)";

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Committed,
    Aborted,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Nullable<Text>)]
    text: Option<String>,
}

/// Which server this connection leads to, which of its histories, and since which crash; `None` if it does not tell.
pub(super) fn origin(conn: &mut AnyConn) -> Option<String> {
    let AnyConn::Postgres(c) = conn else { return None };
    diesel::select(diesel::dsl::sql::<Text>(ORIGIN)).get_result(c.begun()).ok()
}

impl Tx<'_> {
    /// The number of this transaction; `None` if it wrote nothing. Where accounts lie on several nodes, it may have written on others only.
    pub(super) fn number(&mut self) -> Result<Option<i64>, DbError> {
        if self.number.is_some() {
            return Ok(self.number);
        }
        if let AnyConn::Postgres(c) = &mut *self.conn
            && (c.owes_writes() || c.is_spread())
        {
            self.number = Statement::<BigInt>::new(NUMBER, Vec::new()).load_along(self.conn)?.into_iter().next();
        } else if let AnyConn::Postgres(c) = &mut *self.conn {
            let number = diesel::dsl::sql::<Nullable<BigInt>>(NUMBER_IF_ANY);
            self.number = diesel::select(number).get_result(c.begun())?;
        }
        Ok(self.number)
    }
}

/// Asks for the fate of a transaction that a session of this origin began.
pub(super) fn of(url: &DatabaseUrl, origin: Option<&str>, number: i64) -> Result<Fate, DbError> {
    let started = Instant::now();
    let unknown = |why: String| DbError::Uncertain(format!("transaction {number}: {why}"));
    let Some(origin) = origin else { return Err(unknown("the server does not tell which it is".to_owned())) };
    loop {
        let why = match ask(url, origin, number) {
            Ok(Some(fate)) => return Ok(fate),
            Ok(None) => "it has not ended".to_owned(),
            Err(error @ DbError::Uncertain(_)) => return Err(error),
            Err(error) => error.to_string(),
        };
        if started.elapsed() > PATIENCE {
            return Err(unknown(why));
        }
        #[expect(clippy::disallowed_methods, reason = "on a blocking thread, until the server answers")]
        std::thread::sleep(PAUSE);
    }
}

/// `None`: it is still running.
fn ask(url: &DatabaseUrl, from: &str, number: i64) -> Result<Option<Fate>, DbError> {
    let mut conn = url.connect()?;
    let here = origin(&mut conn);
    let AnyConn::Postgres(c) = &mut conn else { return Ok(Some(Fate::Aborted)) };
    if here.as_deref() != Some(from) {
        return Err(DbError::Uncertain(format!("transaction {number} was begun on another server")));
    }
    let answer: Answer = diesel::sql_query(STATUS).bind::<Text, _>(number.to_string()).get_result(c.begun())?;
    match answer.text.as_deref() {
        Some("committed") => Ok(Some(Fate::Committed)),
        Some("aborted") => Ok(Some(Fate::Aborted)),
        Some(_) => Ok(None),
        None => Err(DbError::Uncertain(format!("transaction {number} is too old for the server to know"))),
    }
}
