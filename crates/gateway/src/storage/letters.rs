//! Letters with links that operators had mailed, from the press of the button to the relay. Claiming is as with [notices](super::notices): any
//! number of replicas may send, and one that crashes leaves the letter to be sent again.

use diesel::prelude::*;

use super::backend::AnyConn;
use super::error::DbError;
use super::schema::letters;
use super::statement::{Bind, Statement};
use super::tx::Tx;
use crate::domain::event::{Act, Action};
use crate::domain::ids::AccountKey;
use crate::each;
use crate::platform::timestamp::Timestamp;

/// A letter that is to be sent.
#[derive(Debug, Clone)]
pub struct NewLetter {
    /// Its public id.
    pub id: String,
    /// The account that it is about, if it is about one.
    pub account: Option<AccountKey>,
    /// The id of the setup link, the user or the operator.
    pub about: String,
    /// A keyed hash of the address.
    pub recipient: [u8; 32],
    /// The address, shortened.
    pub shown: String,
    /// The letter, sealed.
    pub sealed: String,
}

/// What became of a letter.
#[derive(Debug, Clone, Queryable)]
pub struct SentLetter {
    /// The address, shortened.
    pub shown: String,
    /// When it was asked for.
    pub made: Timestamp,
    /// When the relay took it.
    pub mailed: Option<Timestamp>,
    /// When it is tried next; `None` if it was mailed or given up.
    pub next_try: Option<Timestamp>,
    /// How the last try failed.
    pub problem: Option<String>,
}

/// A letter that a replica has claimed.
#[derive(Debug, Clone, Queryable)]
pub struct ClaimedLetter {
    seq: i64,
    account: Option<AccountKey>,
    /// Its public id.
    pub id: String,
    about: String,
    /// The letter.
    pub sealed: Option<String>,
    /// When it was asked for.
    pub made: Timestamp,
    /// How often it was tried, this time included.
    pub tries: i64,
}

/// 73055 is for nothing else; addresses that share a number only cost time.
const HOLD: &str = "SELECT pg_advisory_xact_lock(73055, (? % 2147483647)::int)";

impl Tx<'_> {
    /// Lets units of work that have a letter written to this address take turns: the second counts the letter of the first. On SQLite they
    /// do anyway.
    pub fn hold_recipient(&mut self, recipient: &[u8; 32]) -> Result<(), DbError> {
        if matches!(self.conn, AnyConn::Postgres(_)) {
            let [a, b, c, d, ..] = *recipient;
            let number = u32::from_be_bytes([a, b, c, d]);
            Statement::<()>::new(HOLD, vec![Bind::number(number)]).execute(self.conn)?;
        }
        Ok(())
    }

    /// Writes down that a letter is to be sent.
    pub fn insert_letter(&mut self, letter: &NewLetter, now: Timestamp) -> Result<(), DbError> {
        let row = (
            letters::id.eq(&letter.id),
            letters::account.eq(letter.account),
            letters::about.eq(&letter.about),
            letters::recipient.eq(&letter.recipient[..]),
            letters::shown.eq(&letter.shown),
            letters::sealed.eq(&letter.sealed),
            letters::made.eq(now),
            letters::next_try.eq(now),
        );
        each!(&mut *self.conn, c => diesel::insert_into(letters::table).values(row).execute(c))?;
        Ok(())
    }

    /// When letters to this address were asked for since then, and what they were about; the latest first, and not more than `limit`.
    pub fn letters_to(
        &mut self,
        recipient: &[u8],
        since: Timestamp,
        limit: i64,
    ) -> Result<Vec<(Timestamp, String)>, DbError> {
        let query = letters::table
            .filter(letters::recipient.eq(recipient))
            .filter(letters::made.gt(since))
            .order(letters::made.desc())
            .limit(limit)
            .select((letters::made, letters::about));
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }

    /// The letters about something, the latest first.
    pub fn letters_about(&mut self, about: &str, limit: i64) -> Result<Vec<SentLetter>, DbError> {
        let query = letters::table.filter(letters::about.eq(about)).order(letters::seq.desc()).limit(limit).select((
            letters::shown,
            letters::made,
            letters::mailed,
            letters::next_try,
            letters::problem,
        ));
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }

    /// Whether there is any to be sent: a look into an index.
    pub fn letters_are_due(&mut self, now: Timestamp) -> Result<bool, DbError> {
        let query = letters::table.filter(letters::next_try.le(now)).select(letters::seq).limit(1);
        let found: Option<i64> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        Ok(found.is_some())
    }

    /// Takes some of what is due; no other replica does until then.
    pub fn claim_letters(
        &mut self,
        now: Timestamp,
        until: Timestamp,
        limit: i64,
    ) -> Result<Vec<ClaimedLetter>, DbError> {
        let due = letters::table.filter(letters::next_try.le(now)).order(letters::next_try).limit(limit).select((
            letters::seq,
            letters::account,
            letters::id,
            letters::about,
            letters::sealed,
            letters::made,
            letters::tries,
        ));
        let mut claimed: Vec<ClaimedLetter> = match &mut *self.conn {
            AnyConn::Postgres(c) => due.for_update().skip_locked().load(c.begun())?,
            AnyConn::Sqlite(c) => due.load(c)?,
        };
        for letter in &mut claimed {
            letter.tries += 1;
            let row = letters::table.filter(letters::seq.eq(letter.seq));
            let set = (letters::next_try.eq(until), letters::tries.eq(letter.tries));
            each!(&mut *self.conn, c => diesel::update(row).set(set).execute(c))?;
        }
        Ok(claimed)
    }

    /// The relay took it: the letter itself is kept no longer.
    pub fn letter_was_mailed(&mut self, letter: &ClaimedLetter, now: Timestamp) -> Result<(), DbError> {
        let row = letters::table.filter(letters::seq.eq(letter.seq)).filter(letters::mailed.is_null());
        let set = (
            letters::mailed.eq(now),
            letters::next_try.eq(None::<Timestamp>),
            letters::problem.eq(None::<String>),
            letters::sealed.eq(None::<String>),
        );
        if each!(&mut *self.conn, c => diesel::update(row).set(set).execute(c))? > 0 {
            self.raise(now, letter.account, Act::new(Action::LetterMailed).on(&letter.about));
        }
        Ok(())
    }

    /// It was not mailed, for this reason, and will be tried again then, or never; a replica that claimed it after us decides instead.
    pub fn letter_was_not_mailed(
        &mut self,
        letter: &ClaimedLetter,
        problem: &str,
        next_try: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), DbError> {
        let row = letters::table
            .filter(letters::seq.eq(letter.seq))
            .filter(letters::tries.eq(letter.tries))
            .filter(letters::next_try.is_not_null());
        let set = (letters::problem.eq(problem), letters::next_try.eq(next_try));
        let noted = each!(&mut *self.conn, c => diesel::update(row).set(set).execute(c))? > 0;
        if noted && next_try.is_none() {
            let row = letters::table.filter(letters::seq.eq(letter.seq));
            let set = letters::sealed.eq(None::<String>);
            each!(&mut *self.conn, c => diesel::update(row).set(set).execute(c))?;
            self.raise(now, letter.account, Act::new(Action::LetterUndeliverable).on(&letter.about));
        }
        Ok(())
    }

    /// Removes what was asked for before; says how much that was.
    pub fn forget_letters(&mut self, before: Timestamp, limit: i64) -> Result<u64, DbError> {
        let due = letters::table.filter(letters::made.lt(before)).select(letters::seq).limit(limit);
        let due: Vec<i64> = match &mut *self.conn {
            AnyConn::Postgres(c) => due.for_update().skip_locked().load(c.begun())?,
            AnyConn::Sqlite(c) => due.load(c)?,
        };
        let rows = letters::table.filter(letters::seq.eq_any(due));
        Ok(each!(&mut *self.conn, c => diesel::delete(rows).execute(c))? as u64)
    }
}
