//! Browser sessions of operators at the console: kept as fingerprints, like those of [users](super::sessions).

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::error::DbError;
use super::schema::{operator_sessions, operators};
use super::sessions::{Liveness, SessionRecord};
use super::statement::{Bind, Statement};
use super::tx::Tx;
use crate::domain::ids::OperatorKey;
use crate::each;
use crate::platform::timestamp::Timestamp;

/// How an operator proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginKind {
    /// By a password here, and a code where one is asked for.
    Password,
    /// At the vendor's OpenID provider.
    Provider,
}

impl LoginKind {
    fn as_str(self) -> &'static str {
        match self {
            LoginKind::Password => "password",
            LoginKind::Provider => "provider",
        }
    }
}

/// A logged-in operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorSession {
    /// The operator.
    pub operator: OperatorKey,
    /// How they proved who they are,
    pub kind: LoginKind,
    /// and when, in milliseconds since the epoch.
    pub auth_time: Timestamp,
    /// When their browser last came by, to the minute.
    pub last_seen: Timestamp,
}

const LIVE: &str = "SELECT s.operator, s.proof, s.auth_time, s.last_seen, o.id, o.name, o.address \
     FROM operator_sessions AS s JOIN operators AS o ON o.seq = s.operator \
     WHERE s.fingerprint = ? AND s.expires > ? AND s.last_seen > ? AND o.ended IS NULL";

/// An operator as a session tells of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorOfSession {
    /// Their public id.
    pub id: String,
    /// What they are called.
    pub name: String,
    /// The address by which they log in.
    pub address: Option<String>,
}

impl Tx<'_> {
    /// Begins a session; `false` if there is one of this fingerprint already.
    pub fn insert_operator_session(
        &mut self,
        fingerprint: &[u8],
        session: &OperatorSession,
        expires: Timestamp,
        (address, browser): (Option<&str>, Option<&str>),
    ) -> Result<bool, DbError> {
        let row = (
            operator_sessions::fingerprint.eq(fingerprint),
            operator_sessions::operator.eq(session.operator),
            operator_sessions::proof.eq(session.kind.as_str()),
            operator_sessions::auth_time.eq(session.auth_time),
            operator_sessions::expires.eq(expires),
            operator_sessions::last_seen.eq(session.last_seen),
            operator_sessions::address.eq(address),
            operator_sessions::browser.eq(browser),
        );
        let begun = each!(&mut *self.conn, c => {
            diesel::insert_into(operator_sessions::table).values(row).on_conflict_do_nothing().execute(c)?
        });
        Ok(begun == 1)
    }

    /// The session behind this fingerprint and its operator, if it still counts: neither expired nor left alone, the operator not ended.
    pub fn operator_session(
        &mut self,
        fingerprint: &[u8],
        alive: Liveness,
    ) -> Result<Option<(OperatorSession, OperatorOfSession)>, DbError> {
        type Columns = (BigInt, Text, BigInt, BigInt, Text, Text, Nullable<Text>);
        type Row = (OperatorKey, String, Timestamp, Timestamp, String, String, Option<String>);
        let binds = vec![Bind::Bytes(fingerprint.to_vec()), Bind::number(alive.now), Bind::number(alive.idle_since)];
        let row: Option<Row> = Statement::<Columns>::new(LIVE, binds).first(self.conn)?;
        Ok(row.map(|(operator, proof, auth_time, last_seen, id, name, address)| {
            let kind = if proof == LoginKind::Provider.as_str() { LoginKind::Provider } else { LoginKind::Password };
            (OperatorSession { operator, kind, auth_time, last_seen }, OperatorOfSession { id, name, address })
        }))
    }

    /// Notes that its browser came by.
    pub fn touch_operator_session(
        &mut self,
        fingerprint: &[u8],
        operator: OperatorKey,
        now: Timestamp,
    ) -> Result<(), DbError> {
        let row = operator_sessions::table.filter(operator_sessions::fingerprint.eq(fingerprint));
        let seen = operators::table.filter(operators::seq.eq(operator));
        each!(&mut *self.conn, c => {
            diesel::update(row).set(operator_sessions::last_seen.eq(now)).execute(c)?;
            diesel::update(seen).set(operators::seen.eq(now)).execute(c)?
        });
        Ok(())
    }

    /// An operator's sessions that still count, the latest first.
    pub fn operator_sessions_of(
        &mut self,
        operator: OperatorKey,
        alive: Liveness,
    ) -> Result<Vec<SessionRecord>, DbError> {
        let query = operator_sessions::table
            .filter(operator_sessions::operator.eq(operator))
            .filter(operator_sessions::expires.gt(alive.now))
            .filter(operator_sessions::last_seen.gt(alive.idle_since))
            .order(operator_sessions::auth_time.desc())
            .limit(50)
            .select((
                operator_sessions::fingerprint,
                operator_sessions::auth_time,
                operator_sessions::last_seen,
                operator_sessions::address,
                operator_sessions::browser,
            ));
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }

    /// Ends one session; says whether there was one.
    pub fn end_operator_session(&mut self, fingerprint: &[u8]) -> Result<bool, DbError> {
        let row = operator_sessions::table.filter(operator_sessions::fingerprint.eq(fingerprint));
        Ok(each!(&mut *self.conn, c => diesel::delete(row).execute(c))? > 0)
    }

    /// Ends all sessions of an operator but this one.
    pub fn end_other_operator_sessions(&mut self, operator: OperatorKey, own: &[u8]) -> Result<(), DbError> {
        let rows = operator_sessions::table
            .filter(operator_sessions::operator.eq(operator))
            .filter(operator_sessions::fingerprint.ne(own));
        each!(&mut *self.conn, c => diesel::delete(rows).execute(c))?;
        Ok(())
    }
}
