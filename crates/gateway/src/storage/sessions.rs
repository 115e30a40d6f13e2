//! Browser sessions of people who logged in: kept as fingerprints, so any replica knows them and they can be ended.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::error::DbError;
use super::schema::sessions;
use super::statement::{Bind, Statement};
use super::tx::Tx;
use crate::each;

/// Somebody who is logged in.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Session {
    /// Their account.
    pub account: i64,
    /// Their number in storage.
    pub owner: i64,
    /// Their id.
    pub owner_id: String,
    /// When they proved who they are, in milliseconds since the epoch.
    pub auth_time: i64,
}

const LIVE: &str = "SELECT s.account, s.owner, r.id, s.auth_time \
     FROM sessions AS s JOIN resources AS r ON r.seq = s.owner JOIN accounts AS a ON a.seq = s.account \
     WHERE s.fingerprint = ? AND s.expires > ? AND r.active AND a.deleted IS NULL";

const END_ALL: &str = "DELETE FROM sessions WHERE owner IN (SELECT seq FROM resources WHERE account = ? AND id = ?)";

impl Tx<'_> {
    /// Begins a session.
    pub fn insert_session(&mut self, fingerprint: &[u8], session: &Session, expires: i64) -> Result<(), DbError> {
        let row = (
            sessions::fingerprint.eq(fingerprint),
            sessions::account.eq(session.account),
            sessions::owner.eq(session.owner),
            sessions::auth_time.eq(session.auth_time),
            sessions::expires.eq(expires),
        );
        each!(&mut *self.conn, c => diesel::insert_into(sessions::table).values(row).execute(c))?;
        Ok(())
    }

    /// The session behind this fingerprint, if it still counts: not expired, its user active.
    pub fn session(&mut self, fingerprint: &[u8], now: i64) -> Result<Option<Session>, DbError> {
        let binds = vec![Bind::Bytes(fingerprint.to_vec()), Bind::Number(now)];
        Statement::<(BigInt, BigInt, Text, BigInt)>::new(LIVE, binds).first(self.conn)
    }

    /// Ends one session.
    pub fn end_session(&mut self, fingerprint: &[u8]) -> Result<(), DbError> {
        let row = sessions::table.filter(sessions::fingerprint.eq(fingerprint));
        each!(&mut *self.conn, c => diesel::delete(row).execute(c))?;
        Ok(())
    }

    /// Ends all sessions of a user.
    pub fn end_sessions_of(&mut self, account: i64, user: &str) -> Result<(), DbError> {
        // A deleted user's sessions are found dead by the join in `session` and swept when they expire.
        let binds = vec![Bind::Number(account), Bind::Text(user.to_owned())];
        Statement::<()>::new(END_ALL, binds).execute(self.conn)?;
        Ok(())
    }
}
