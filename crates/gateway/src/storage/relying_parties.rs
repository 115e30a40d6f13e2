//! Which clients a user logged in to in a session, and what they are still to be told of its end (OpenID Connect Back-Channel Logout 1.0).
//!
//! What is told is written in the transaction that ends the session, so nothing is told that did not happen, and nothing is forgotten. Claiming is
//! as with [letters](super::letters): any number of replicas may send, and one that crashes leaves a token to be sent again.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};
use oauth::GrantId;
use ring::digest::{SHA256, digest};

use super::backend::AnyConn;
use super::error::DbError;
use super::schema::{clients, logout_tokens, relying_parties, sessions};
use super::statement::{Bind, Statement, in_account};
use super::tx::Tx;
use crate::domain::event::{Act, Action};
use crate::domain::ids::{AccountKey, ClientKey, UserKey};
use crate::each;
use crate::platform::timestamp::Timestamp;

/// A logout token that a replica has claimed.
#[derive(Debug, Clone, Queryable)]
pub struct ClaimedLogout {
    seq: i64,
    /// Of which account the user is.
    pub account: AccountKey,
    /// Which client is told.
    pub client: ClientKey,
    /// The id of the user.
    pub subject: String,
    /// The session, as the client knows it.
    pub sid: String,
    /// When the session ended.
    pub made: Timestamp,
    /// How often it was tried, this time included.
    pub tries: i64,
}

/// A session that still stands takes its client in. `expires` is when it is looked at again whether it stands: the next time house is kept.
const ENTER: &str = "INSERT INTO relying_parties (grant_seq, account, client, owner, subject, session, sid, expires) \
     SELECT ?, s.account, ?, s.owner, ?, s.fingerprint, ?, s.last_seen FROM sessions AS s WHERE s.fingerprint = ?";

macro_rules! tell {
    ($of:literal) => {
        concat!(
            "INSERT INTO logout_tokens (account, client, subject, sid, made, next_try) \
             SELECT DISTINCT account, client, subject, sid, ?, ? FROM relying_parties WHERE ",
            $of
        )
    };
}

const TELL_OF_SESSION: &str = tell!("session = ?");
const FORGET_SESSION: &str = "DELETE FROM relying_parties WHERE session = ?";
const TELL_OF_OTHERS: &str = tell!("account = ? AND owner = ? AND session <> ?");
const FORGET_OTHERS: &str = "DELETE FROM relying_parties WHERE account = ? AND owner = ? AND session <> ?";
const TELL_OF_USER: &str = tell!("account = ? AND owner = (SELECT seq FROM resources WHERE account = ? AND id = ?)");
const FORGET_USER: &str = "DELETE FROM relying_parties WHERE account = ? AND owner = (SELECT seq FROM resources WHERE account = ? AND id = ?)";
const TELL_OF_OWNER: &str = tell!("account = ? AND owner = ?");

/// Sessions that have not expired, and of which it is to be seen whether they were left alone.
const TO_BE_LOOKED_AT: &str = "SELECT DISTINCT s.fingerprint, s.account, s.last_seen, s.expires FROM relying_parties AS p \
     JOIN sessions AS s ON s.account = p.account AND s.fingerprint = p.session WHERE p.expires < ? AND s.expires >= ? ORDER BY s.fingerprint LIMIT ?";
/// A session is not looked at again at once, in milliseconds.
const LOOK: i64 = 1_000;

/// Which sessions end.
#[derive(Debug)]
pub(super) enum Ending<'a> {
    /// The one of this fingerprint.
    Session(&'a [u8]),
    /// All of a user but this one.
    Others(AccountKey, UserKey, &'a [u8]),
    /// All of the user with this id.
    User(AccountKey, &'a str),
}

/// What clients know a session by: nothing follows from it about what is kept, nor about the secret.
fn sid_of(fingerprint: &[u8]) -> String {
    let hash = digest(&SHA256, &[b"sid ", fingerprint].concat());
    URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16])
}

/// Of a user whose row goes: what they have goes with it.
pub(super) fn tell_of_deleted(
    conn: &mut AnyConn,
    account: AccountKey,
    user: UserKey,
    now: Timestamp,
) -> Result<(), DbError> {
    let binds = vec![Bind::number(now), Bind::number(now), Bind::number(user)];
    Statement::<()>::put_off(conn, TELL_OF_OWNER, in_account(TELL_OF_OWNER, account, binds))
}

impl Tx<'_> {
    /// A client got a grant in this session, and is to be told when that ends.
    pub fn enter_relying_party(
        &mut self,
        fingerprint: &[u8],
        grant: GrantId,
        client: ClientKey,
        subject: &str,
    ) -> Result<(), DbError> {
        let binds = vec![
            Bind::number(grant.number),
            Bind::number(client),
            Bind::Text(subject.to_owned()),
            Bind::Text(sid_of(fingerprint)),
            Bind::Bytes(fingerprint.to_vec()),
        ];
        Statement::<()>::new(ENTER, binds).execute(self.conn)?;
        Ok(())
    }

    /// What a client knows the session of a grant by, if it is told of its end.
    pub fn sid_of_grant(&mut self, grant: GrantId) -> Result<Option<String>, DbError> {
        let query = relying_parties::table
            .filter(relying_parties::account.eq(self.place_of(grant)?))
            .filter(relying_parties::grant_seq.eq(grant.number))
            .select(relying_parties::sid);
        Ok(each!(&mut *self.conn, c => query.get_result(c).optional())?)
    }

    /// A session of the same user takes the place of another in its browser: the clients stay logged in.
    pub fn pass_relying_parties(&mut self, old: &[u8], new: &[u8], owner: UserKey) -> Result<(), DbError> {
        let now = self.now();
        let rows =
            relying_parties::table.filter(relying_parties::session.eq(old)).filter(relying_parties::owner.eq(owner));
        let set = (relying_parties::session.eq(new), relying_parties::expires.eq(now));
        each!(&mut *self.conn, c => diesel::update(rows).set(set).execute(c))?;
        Ok(())
    }

    /// Writes down that the clients of these sessions have to be told that they end.
    pub(super) fn tell_relying_parties(&mut self, ending: &Ending<'_>) -> Result<(), DbError> {
        let now = Bind::number(self.now());
        let (tell, forget, which) = match *ending {
            Ending::Session(fingerprint) => (TELL_OF_SESSION, FORGET_SESSION, vec![Bind::Bytes(fingerprint.to_vec())]),
            Ending::Others(account, owner, own) => {
                let which = vec![Bind::number(account), Bind::number(owner), Bind::Bytes(own.to_vec())];
                (TELL_OF_OTHERS, FORGET_OTHERS, which)
            }
            Ending::User(account, id) => {
                let which = vec![Bind::number(account), Bind::number(account), Bind::Text(id.to_owned())];
                (TELL_OF_USER, FORGET_USER, which)
            }
        };
        let told = [vec![now.clone(), now], which.clone()].concat();
        Statement::<()>::put_off(self.conn, tell, told)?;
        Statement::<()>::put_off(self.conn, forget, which)
    }

    /// Ends sessions that were left alone since then, and tells of them. The others are looked at again when they may have been left alone for
    /// so long, however often they are used until then. Says how many it looked at.
    pub fn tell_of_idle(&mut self, now: Timestamp, idle_since: Timestamp, limit: i64) -> Result<u64, DbError> {
        type Columns = (Binary, BigInt, BigInt, BigInt);
        let binds = vec![Bind::number(now), Bind::number(now), Bind::number(limit)];
        let due: Vec<(Vec<u8>, AccountKey, Timestamp, Timestamp)> =
            Statement::<Columns>::new(TO_BE_LOOKED_AT, binds).load(self.conn)?;
        for (session, account, last_seen, expires) in &due {
            if *last_seen <= idle_since && self.end_idle_session(*account, session, idle_since)? {
                continue;
            }
            let again = (*last_seen + (now - idle_since)).max(now + LOOK).min(*expires);
            let rows = relying_parties::table
                .filter(relying_parties::account.eq(*account))
                .filter(relying_parties::session.eq(session));
            each!(&mut *self.conn, c => diesel::update(rows).set(relying_parties::expires.eq(again)).execute(c))?;
        }
        Ok(due.len() as u64)
    }

    /// Tells of sessions that have expired; says how many clients' were.
    pub(super) fn tell_of_expired(&mut self, now: Timestamp, limit: i64) -> Result<u64, DbError> {
        type Row = (i64, AccountKey, ClientKey, String, String);
        let stands = sessions::table
            .filter(sessions::account.eq(relying_parties::account))
            .filter(sessions::fingerprint.eq(relying_parties::session))
            .filter(sessions::expires.ge(now));
        let is_due = relying_parties::expires.lt(now).and(diesel::dsl::not(diesel::dsl::exists(stands)));
        let due = relying_parties::table.filter(is_due).limit(limit).select((
            relying_parties::grant_seq,
            relying_parties::account,
            relying_parties::client,
            relying_parties::subject,
            relying_parties::sid,
        ));
        let due: Vec<Row> = match &mut *self.conn {
            AnyConn::Postgres(c) if c.is_spread() => due.load(c.begun())?,
            AnyConn::Postgres(c) => due.for_update().skip_locked().load(c.begun())?,
            AnyConn::Sqlite(c) => due.load(c)?,
        };
        let mut told: Vec<(ClientKey, &str)> = Vec::new();
        for (_, account, client, subject, sid) in &due {
            if told.contains(&(*client, sid.as_str())) {
                continue;
            }
            told.push((*client, sid.as_str()));
            let row = (
                logout_tokens::account.eq(*account),
                logout_tokens::client.eq(*client),
                logout_tokens::subject.eq(subject),
                logout_tokens::sid.eq(sid),
                logout_tokens::made.eq(now),
                logout_tokens::next_try.eq(now),
            );
            each!(&mut *self.conn, c => diesel::insert_into(logout_tokens::table).values(row).execute(c))?;
        }
        let grants: Vec<i64> = due.iter().map(|(grant, ..)| *grant).collect();
        let rows = relying_parties::table.filter(relying_parties::grant_seq.eq_any(grants));
        Ok(each!(&mut *self.conn, c => diesel::delete(rows).execute(c))? as u64)
    }

    /// Whether there is any to be sent: a look into an index.
    pub fn logouts_are_due(&mut self, now: Timestamp) -> Result<bool, DbError> {
        let query = logout_tokens::table.filter(logout_tokens::next_try.le(now)).select(logout_tokens::seq).limit(1);
        let found: Option<i64> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        Ok(found.is_some())
    }

    /// Takes some of what is due; no other replica does until then.
    pub fn claim_logouts(
        &mut self,
        now: Timestamp,
        until: Timestamp,
        limit: i64,
    ) -> Result<Vec<ClaimedLogout>, DbError> {
        let due = logout_tokens::table
            .filter(logout_tokens::next_try.le(now))
            .order(logout_tokens::next_try)
            .limit(limit)
            .select((
                logout_tokens::seq,
                logout_tokens::account,
                logout_tokens::client,
                logout_tokens::subject,
                logout_tokens::sid,
                logout_tokens::made,
                logout_tokens::tries,
            ));
        let claimed: Vec<ClaimedLogout> = match &mut *self.conn {
            AnyConn::Postgres(c) if c.is_spread() => due.load(c.begun())?,
            AnyConn::Postgres(c) => due.for_update().skip_locked().load(c.begun())?,
            AnyConn::Sqlite(c) => due.load(c)?,
        };
        let mut ours = Vec::with_capacity(claimed.len());
        for token in claimed {
            // On several nodes nothing can be locked at once: of two who claim one, the second finds it changed.
            let row = logout_tokens::table
                .filter(logout_tokens::account.eq(token.account))
                .filter(logout_tokens::seq.eq(token.seq))
                .filter(logout_tokens::tries.eq(token.tries));
            let tries = token.tries + 1;
            let set = (logout_tokens::next_try.eq(until), logout_tokens::tries.eq(tries));
            if each!(&mut *self.conn, c => diesel::update(row).set(set).execute(c))? > 0 {
                ours.push(ClaimedLogout { tries, ..token });
            }
        }
        Ok(ours)
    }

    /// The public id of the client that is told, if it is there.
    pub fn client_of_logout(&mut self, claimed: &ClaimedLogout) -> Result<Option<String>, DbError> {
        let query = clients::table.filter(clients::seq.eq(claimed.client)).select(clients::id);
        Ok(each!(&mut *self.conn, c => query.get_result(c).optional())?)
    }

    /// It was told, or need not be any more.
    pub fn logout_was_told(&mut self, claimed: &ClaimedLogout) -> Result<(), DbError> {
        let row = logout_tokens::table
            .filter(logout_tokens::account.eq(claimed.account))
            .filter(logout_tokens::seq.eq(claimed.seq));
        each!(&mut *self.conn, c => diesel::delete(row).execute(c))?;
        Ok(())
    }

    /// It was not told, for this reason, and will be tried again then, or never; a replica that claimed it after us decides instead.
    pub fn logout_was_not_told(
        &mut self,
        claimed: &ClaimedLogout,
        client: &str,
        problem: &str,
        next_try: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), DbError> {
        let row = logout_tokens::table
            .filter(logout_tokens::account.eq(claimed.account))
            .filter(logout_tokens::seq.eq(claimed.seq))
            .filter(logout_tokens::tries.eq(claimed.tries));
        let Some(again) = next_try else {
            if each!(&mut *self.conn, c => diesel::delete(row).execute(c))? > 0 {
                let act = Act::new(Action::LogoutUndeliverable).on(client).saying(problem.to_owned());
                self.raise(now, Some(claimed.account), act);
            }
            return Ok(());
        };
        each!(&mut *self.conn, c => diesel::update(row).set(logout_tokens::next_try.eq(again)).execute(c))?;
        Ok(())
    }
}
