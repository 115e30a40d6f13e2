//! Browser sessions of people who logged in: kept as fingerprints, so any replica knows them and they can be ended.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use oauth::{Authentication, Login};

use super::error::DbError;
use super::relying_parties::Ending;
use super::schema::sessions;
use super::statement::{Bind, Statement, in_account};
use super::tx::Tx;
use crate::domain::ids::{AccountKey, UserKey};
use crate::each;
use crate::platform::timestamp::Timestamp;

/// A logged-in user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Their account.
    pub account: AccountKey,
    /// Their number in storage.
    pub owner: UserKey,
    /// Their id.
    pub owner_id: String,
    /// When they came in, in milliseconds since the epoch.
    pub auth_time: Timestamp,
    /// When they proved who they are, where that was not then: at a provider, by whose word they came in.
    pub authenticated: Option<Timestamp>,
    /// How.
    pub how: Authentication,
    /// When their browser last came by, to the minute.
    pub last_seen: Timestamp,
}

impl Session {
    /// When and how they proved who they are, as relying parties are told.
    pub fn login(&self) -> Login {
        Login { at: self.authenticated.unwrap_or(self.auth_time).millis(), how: self.how.clone() }
    }
}

/// A session as its owner sees it.
#[derive(Debug, Clone, Queryable)]
pub struct SessionRecord {
    /// What is kept of its secret.
    pub fingerprint: Vec<u8>,
    /// When it began, in milliseconds since the epoch.
    pub auth_time: Timestamp,
    /// When its browser last came by.
    pub last_seen: Timestamp,
    /// From where it began.
    pub address: Option<String>,
    /// What its browser is, such as "Firefox on Windows".
    pub browser: Option<String>,
}

/// What decides whether a session still counts, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy)]
pub struct Liveness {
    /// Now.
    pub now: Timestamp,
    /// Not seen since then, it is over.
    pub idle_since: Timestamp,
}

const LIVE: &str = "SELECT s.account, s.owner, r.id, s.auth_time, s.last_seen, s.authenticated, s.authentication \
     FROM sessions AS s JOIN resources AS r ON r.account = s.account AND r.seq = s.owner JOIN accounts AS a ON a.seq = s.account \
     WHERE s.fingerprint = ? AND s.expires > ? AND s.last_seen > ? AND r.active AND a.deleted IS NULL AND a.suspended IS NULL";

const BEGUN_BY: &str = "SELECT fingerprint FROM sessions WHERE account = ? AND owner = ? AND COALESCE(authenticated, auth_time) <= ? \
     ORDER BY fingerprint";

const END_ALL: &str =
    "DELETE FROM sessions WHERE account = ? AND owner = (SELECT seq FROM resources WHERE account = ? AND id = ?)";

impl Tx<'_> {
    /// Begins a session; `false` if there is one of this fingerprint already. What was proven before an identity provider had the user logged
    /// out begins none: the browser is asked anew.
    pub fn insert_session(
        &mut self,
        fingerprint: &[u8],
        session: &Session,
        expires: Timestamp,
        (address, browser): (Option<&str>, Option<&str>),
    ) -> Result<bool, DbError> {
        self.share_user(session.account, session.owner)?;
        if self.was_signed_out_since(session.account, session.owner, session.last_seen)? {
            return Ok(true);
        }
        let row = (
            sessions::fingerprint.eq(fingerprint),
            sessions::account.eq(session.account),
            sessions::owner.eq(session.owner),
            sessions::auth_time.eq(session.auth_time),
            sessions::authenticated.eq(session.authenticated),
            sessions::authentication.eq(session.how.to_stored()),
            sessions::expires.eq(expires),
            sessions::last_seen.eq(session.last_seen),
            sessions::address.eq(address),
            sessions::browser.eq(browser),
        );
        let begun = each!(&mut *self.conn, c => {
            diesel::insert_into(sessions::table).values(row).on_conflict_do_nothing().execute(c)?
        });
        Ok(begun == 1)
    }

    /// The session behind this fingerprint, if it still counts: neither expired nor left alone, its user active.
    pub fn session(&mut self, fingerprint: &[u8], alive: Liveness) -> Result<Option<Session>, DbError> {
        let binds = vec![Bind::Bytes(fingerprint.to_vec()), Bind::number(alive.now), Bind::number(alive.idle_since)];
        type Columns = (BigInt, BigInt, Text, BigInt, BigInt, Nullable<BigInt>, Nullable<Text>);
        type Values = (AccountKey, UserKey, String, Timestamp, Timestamp, Option<Timestamp>, Option<String>);
        let row: Option<Values> = Statement::<Columns>::new(LIVE, binds).first(self.conn)?;
        Ok(row.map(|(account, owner, owner_id, auth_time, last_seen, authenticated, how)| {
            let how = Authentication::from_stored(how.as_deref());
            Session { account, owner, owner_id, auth_time, authenticated, how, last_seen }
        }))
    }

    /// Notes that its browser came by.
    pub fn touch_session(&mut self, fingerprint: &[u8], now: Timestamp) -> Result<(), DbError> {
        let row = sessions::table.filter(sessions::fingerprint.eq(fingerprint));
        each!(&mut *self.conn, c => diesel::update(row).set(sessions::last_seen.eq(now)).execute(c))?;
        Ok(())
    }

    /// A user's sessions that still count, the latest first.
    pub fn sessions_of(
        &mut self,
        account: AccountKey,
        owner: UserKey,
        alive: Liveness,
    ) -> Result<Vec<SessionRecord>, DbError> {
        let query = sessions::table
            .filter(sessions::account.eq(account))
            .filter(sessions::owner.eq(owner))
            .filter(sessions::expires.gt(alive.now))
            .filter(sessions::last_seen.gt(alive.idle_since))
            .order(sessions::auth_time.desc())
            .limit(50)
            .select((
                sessions::fingerprint,
                sessions::auth_time,
                sessions::last_seen,
                sessions::address,
                sessions::browser,
            ));
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }

    /// Ends one session; says whether there was one.
    pub fn end_session(&mut self, fingerprint: &[u8]) -> Result<bool, DbError> {
        let row = sessions::table.filter(sessions::fingerprint.eq(fingerprint));
        let has_ended = each!(&mut *self.conn, c => diesel::delete(row).execute(c))? > 0;
        if has_ended {
            self.tell_relying_parties(&Ending::Session(fingerprint))?;
        }
        Ok(has_ended)
    }

    /// Ends all sessions of a user but this one.
    pub fn end_other_sessions(&mut self, account: AccountKey, owner: UserKey, own: &[u8]) -> Result<(), DbError> {
        let rows = sessions::table
            .filter(sessions::account.eq(account))
            .filter(sessions::owner.eq(owner))
            .filter(sessions::fingerprint.ne(own));
        each!(&mut *self.conn, c => diesel::delete(rows).execute(c))?;
        self.tell_relying_parties(&Ending::Others(account, owner, own))
    }

    /// Ends those sessions of a user whose log-in was at this time or before.
    pub fn end_sessions_begun_by(
        &mut self,
        account: AccountKey,
        owner: UserKey,
        until: Timestamp,
    ) -> Result<(), DbError> {
        let binds = vec![Bind::number(owner), Bind::number(until)];
        let ended: Vec<Vec<u8>> = Statement::<Binary>::of_account(BEGUN_BY, account, binds).load(self.conn)?;
        for fingerprint in ended {
            self.end_session(&fingerprint)?;
        }
        Ok(())
    }

    /// Ends the session of this fingerprint if its browser has not come by since then; says whether it did.
    pub(super) fn end_idle_session(
        &mut self,
        account: AccountKey,
        fingerprint: &[u8],
        idle_since: Timestamp,
    ) -> Result<bool, DbError> {
        let row = sessions::table
            .filter(sessions::account.eq(account))
            .filter(sessions::fingerprint.eq(fingerprint))
            .filter(sessions::last_seen.le(idle_since));
        let has_ended = each!(&mut *self.conn, c => diesel::delete(row).execute(c))? > 0;
        if has_ended {
            self.tell_relying_parties(&Ending::Session(fingerprint))?;
        }
        Ok(has_ended)
    }

    /// Ends all sessions of a user.
    pub fn end_sessions_of(&mut self, account: AccountKey, user: &str) -> Result<(), DbError> {
        self.tell_relying_parties(&Ending::User(account, user))?;
        // A deleted user's sessions are found dead by the join in `session` and swept when they expire.
        let binds = in_account(END_ALL, account, vec![Bind::Text(user.to_owned())]);
        Statement::<()>::put_off(self.conn, END_ALL, binds)
    }
}
