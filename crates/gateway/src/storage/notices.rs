//! Notices, from the unit of work that makes them to the one that forgets them.
//!
//! Any number of replicas may mail them: a replica claims a notice by moving `next_try` ahead. If they crash, it is due again
//! then; so a letter is never lost, and may in that case be sent twice.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use serde_json::{Map, Value};

use super::backend::AnyConn;
use super::error::DbError;
use super::schema::notices;
use super::statement::{Bind, Dialects, Statement};
use super::tx::Tx;
use crate::domain::event::{Act, Action};
use crate::domain::ids::{AccountKey, UserKey};
use crate::domain::notice::NoticeKind;
use crate::each;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;

/// A notice, as every reader sees it.
#[derive(Debug, Clone, Queryable)]
pub struct Notice {
    /// Grows.
    pub seq: i64,
    /// Its public id.
    pub id: String,
    /// The id of the user it is for; `None` for the account's operators.
    pub user: Option<String>,
    /// Its kind, known to this version or not.
    pub kind: String,
    /// A JSON object.
    pub detail: String,
    /// When it was made, in milliseconds since the epoch.
    pub made: Timestamp,
    /// When its person said that they have seen it.
    pub seen: Option<Timestamp>,
    /// When the relay took the letter.
    pub mailed: Option<Timestamp>,
    /// How often it was tried.
    pub tries: i64,
    /// When it is tried next.
    pub next_try: Option<Timestamp>,
    /// How the last try failed.
    pub problem: Option<String>,
}

impl Notice {
    /// Whether it was left unsent because it was no longer so.
    pub fn is_past(&self) -> bool {
        self.problem.as_deref() == Some(PAST)
    }

    /// What it tells, if this version knows its kind.
    pub fn matter(&self) -> Option<NoticeKind> {
        NoticeKind::read(&self.kind, &self.detail)
    }
}

/// A notice that a replica has claimed for mailing, and its recipient.
#[derive(Debug, Clone)]
pub struct Claimed {
    seq: i64,
    /// Its account, by its number in storage.
    pub account: AccountKey,
    /// Its public id.
    pub id: String,
    /// What it tells, unless that cannot be read.
    pub matter: Option<NoticeKind>,
    /// When it was made, in milliseconds since the epoch.
    pub made: Timestamp,
    /// How often it was tried, this time included.
    pub tries: i64,
    /// The id of the user it is for,
    pub user: String,
    /// and their number in storage.
    pub resource: UserKey,
    /// Their attributes.
    pub attributes: Map<String, Value>,
    /// Whether they are active.
    pub active: bool,
    /// The name of their account.
    pub account_name: String,
}

/// Which notices are due: those whose time has come, and that are not too old to be mailed.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    /// Now, in milliseconds since the epoch.
    pub now: Timestamp,
    /// What was made before is not mailed any more.
    pub since: Timestamp,
}

/// Why a notice was not mailed that would not have been true.
const PAST: &str = "what it tells is no longer so";

/// The number of no user: a notice to the account's operators.
const OPERATORS: UserKey = UserKey::NO_ROW;

const OF_RESOURCE: &str = "n.account = ? AND n.resource = ? AND n.seen IS NULL";
const OF_ACCOUNT: &str = "n.account = ? AND n.seq > ?";

/// `next_try` is never before `made`, so the index leaves out what is too old. What another version wrote, it has to mail.
macro_rules! due {
    ($among:literal, $lock:literal) => {
        concat!(
            "SELECT n.seq, n.account, n.id, n.kind, n.detail, n.made, n.tries, r.id, r.seq, r.document, r.active, a.name FROM notices AS n \
             JOIN resources AS r ON r.account = n.account AND r.seq = n.resource JOIN accounts AS a ON a.seq = n.account \
             WHERE n.next_try > ? AND n.next_try <= ? AND n.made > ? AND n.seen IS NULL AND n.kind IN (SELECT value FROM ",
            $among,
            ") AND a.deleted IS NULL ORDER BY n.next_try LIMIT ?",
            $lock
        )
    };
}

const DUE: Dialects =
    Dialects { sqlite: due!("json_each(?)", ""), postgres: due!("json_array_elements_text(?::json)", "") };
const CLAIMED: Dialects = Dialects {
    sqlite: due!("json_each(?)", ""),
    postgres: due!("json_array_elements_text(?::json)", " FOR UPDATE OF n SKIP LOCKED"),
};

type DueColumns = (BigInt, BigInt, Text, Text, Text, BigInt, BigInt, (Text, BigInt), Text, Bool, Text);
type DueRow = (i64, AccountKey, String, String, String, Timestamp, i64, (String, UserKey), String, bool, String);

impl Tx<'_> {
    /// Writes down that this user has to be told something, and that it is to be mailed.
    pub fn insert_notice(
        &mut self,
        account: AccountKey,
        resource: UserKey,
        matter: &NoticeKind,
        now: Timestamp,
    ) -> Result<(), DbError> {
        let row = (
            notices::id.eq(system::new_uuid()),
            notices::account.eq(account),
            notices::resource.eq(resource),
            notices::kind.eq(matter.kind()),
            notices::detail.eq(matter.detail()?),
            notices::made.eq(now),
            notices::next_try.eq(now),
        );
        each!(&mut *self.conn, c => diesel::insert_into(notices::table).values(row).execute(c))?;
        Ok(())
    }

    /// Writes down what the account's operators have to be told. They read it by the admin API; it is not mailed.
    pub fn insert_notice_to_operators(
        &mut self,
        account: AccountKey,
        matter: &NoticeKind,
        now: Timestamp,
    ) -> Result<(), DbError> {
        let row = (
            notices::id.eq(system::new_uuid()),
            notices::account.eq(account),
            notices::resource.eq(OPERATORS),
            notices::kind.eq(matter.kind()),
            notices::detail.eq(matter.detail()?),
            notices::made.eq(now),
        );
        each!(&mut *self.conn, c => diesel::insert_into(notices::table).values(row).execute(c))?;
        Ok(())
    }

    /// What this user has not said to have seen, the latest first; not more than `limit`.
    pub fn unseen_notices(
        &mut self,
        account: AccountKey,
        resource: UserKey,
        limit: i64,
    ) -> Result<Vec<Notice>, DbError> {
        self.notices_where(OF_RESOURCE, vec![Bind::number(account), Bind::number(resource)], "DESC", limit)
    }

    /// All notices to users of an account, in the order they were made.
    pub fn notices_after(&mut self, account: AccountKey, after: i64, limit: i64) -> Result<Vec<Notice>, DbError> {
        self.notices_where(OF_ACCOUNT, vec![Bind::number(account), Bind::number(after)], "ASC", limit)
    }

    fn notices_where(
        &mut self,
        condition: &str,
        mut binds: Vec<Bind>,
        order: &str,
        limit: i64,
    ) -> Result<Vec<Notice>, DbError> {
        use diesel::sql_types::Nullable;
        type Stamp = Nullable<BigInt>;
        type Columns = (BigInt, Text, Nullable<Text>, Text, Text, BigInt, Stamp, Stamp, BigInt, Stamp, Nullable<Text>);
        let text = format!(
            "SELECT n.seq, n.id, r.id, n.kind, n.detail, n.made, n.seen, n.mailed, n.tries, n.next_try, n.problem \
             FROM notices AS n LEFT JOIN resources AS r ON r.account = n.account AND r.seq = n.resource WHERE {condition} ORDER BY n.seq {order} LIMIT ?"
        );
        binds.push(Bind::number(limit));
        Statement::<Columns>::new(text, binds).load(self.conn)
    }

    /// This user has seen it, and need not be mailed any more; says whether it was theirs and new to them. Of what is told as it is at the
    /// moment, the earlier notices are seen, too.
    pub fn see_notice(
        &mut self,
        account: AccountKey,
        resource: UserKey,
        id: &str,
        now: Timestamp,
    ) -> Result<bool, DbError> {
        let theirs = notices::table
            .filter(notices::account.eq(account))
            .filter(notices::resource.eq(resource))
            .filter(notices::seen.is_null());
        let pressed = theirs.filter(notices::id.eq(id)).select((notices::seq, notices::kind));
        let pressed: Option<(i64, String)> = each!(&mut *self.conn, c => pressed.get_result(c).optional())?;
        let Some((seq, kind)) = pressed else { return Ok(false) };
        let set = (notices::seen.eq(now), notices::next_try.eq(None::<Timestamp>));
        let seen = if NoticeKind::is_of_the_moment(&kind) {
            let rows = theirs.filter(notices::kind.eq(kind)).filter(notices::seq.le(seq));
            each!(&mut *self.conn, c => diesel::update(rows).set(set).execute(c))?
        } else {
            let row = theirs.filter(notices::seq.eq(seq));
            each!(&mut *self.conn, c => diesel::update(row).set(set).execute(c))?
        };
        Ok(seen > 0)
    }

    /// Whether there is anything to be mailed: a look into an index.
    pub fn notices_are_due(&mut self, due: Due) -> Result<bool, DbError> {
        let found: Option<DueRow> = Statement::<DueColumns>::new(DUE.of(self.conn), binds(due, 1)?).first(self.conn)?;
        Ok(found.is_some())
    }

    /// Takes some of what is due to be mailed; no other replica does until then.
    pub fn claim_notices(&mut self, due: Due, until: Timestamp, limit: i64) -> Result<Vec<Claimed>, DbError> {
        // On several nodes nothing can be locked at once: of two who claim one, the second finds it changed.
        let text = if self.conn.is_spread() { DUE.postgres } else { CLAIMED.of(self.conn) };
        let rows: Vec<DueRow> = Statement::<DueColumns>::new(text, binds(due, limit)?).load(self.conn)?;
        let mut claimed = Vec::with_capacity(rows.len());
        for (seq, account, id, kind, detail, made, tries, (user, resource), document, active, account_name) in rows {
            let row = notices::table
                .filter(notices::account.eq(account))
                .filter(notices::seq.eq(seq))
                .filter(notices::tries.eq(tries))
                .filter(notices::next_try.is_not_null());
            let set = (notices::next_try.eq(until), notices::tries.eq(tries + 1));
            if each!(&mut *self.conn, c => diesel::update(row).set(set).execute(c))? == 0 {
                continue;
            }
            let matter = NoticeKind::read(&kind, &detail);
            let attributes = serde_json::from_str(&document).unwrap_or_default();
            let tries = tries + 1;
            claimed.push(Claimed {
                seq,
                account,
                id,
                matter,
                made,
                tries,
                user,
                resource,
                attributes,
                active,
                account_name,
            });
        }
        Ok(claimed)
    }

    /// The relay took the letter.
    pub fn notice_was_mailed(&mut self, notice: &Claimed, now: Timestamp) -> Result<(), DbError> {
        let row = notices::table
            .filter(notices::account.eq(notice.account))
            .filter(notices::seq.eq(notice.seq))
            .filter(notices::mailed.is_null());
        let set =
            (notices::mailed.eq(now), notices::next_try.eq(None::<Timestamp>), notices::problem.eq(None::<String>));
        if each!(&mut *self.conn, c => diesel::update(row).set(set).execute(c))? > 0 {
            self.raise_notice(Action::NoticeMailed, notice, now);
        }
        Ok(())
    }

    /// It need not be mailed any more: what it tells is no longer so.
    pub fn notice_is_past(&mut self, notice: &Claimed) -> Result<(), DbError> {
        let row = notices::table
            .filter(notices::account.eq(notice.account))
            .filter(notices::seq.eq(notice.seq))
            .filter(notices::tries.eq(notice.tries));
        let set = (notices::problem.eq(PAST), notices::next_try.eq(None::<Timestamp>));
        each!(&mut *self.conn, c => diesel::update(row).set(set).execute(c))?;
        Ok(())
    }

    /// It was not mailed, for this reason, and will be tried again then, or never; a replica that claimed it after us decides instead.
    pub fn notice_was_not_mailed(
        &mut self,
        notice: &Claimed,
        problem: &str,
        next_try: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), DbError> {
        let row = notices::table
            .filter(notices::account.eq(notice.account))
            .filter(notices::seq.eq(notice.seq))
            .filter(notices::tries.eq(notice.tries))
            .filter(notices::next_try.is_not_null());
        let set = (notices::problem.eq(problem), notices::next_try.eq(next_try));
        let noted = each!(&mut *self.conn, c => diesel::update(row).set(set).execute(c))? > 0;
        if noted && next_try.is_none() {
            self.raise_notice(Action::NoticeUndeliverable, notice, now);
        }
        Ok(())
    }

    /// Without the relay's words: they may name an address, and the audit trail outlives people.
    fn raise_notice(&mut self, action: Action, notice: &Claimed, now: Timestamp) {
        self.raise(now, Some(notice.account), Act::new(action).on(&notice.user));
    }

    /// Removes what was seen before the one time, and what was made before the other; says how much that was.
    pub fn forget_notices(
        &mut self,
        seen_before: Timestamp,
        made_before: Timestamp,
        limit: i64,
    ) -> Result<u64, DbError> {
        let due = notices::seen.lt(seen_before).assume_not_null().or(notices::made.lt(made_before));
        let due = notices::table.filter(due).select(notices::seq).limit(limit);
        let due: Vec<i64> = match &mut *self.conn {
            AnyConn::Postgres(c) if c.is_spread() => due.load(c.begun())?,
            AnyConn::Postgres(c) => due.for_update().skip_locked().load(c.begun())?,
            AnyConn::Sqlite(c) => due.load(c)?,
        };
        let rows = notices::table.filter(notices::seq.eq_any(due));
        Ok(each!(&mut *self.conn, c => diesel::delete(rows).execute(c))? as u64)
    }
}

fn binds(due: Due, limit: i64) -> Result<Vec<Bind>, DbError> {
    let [since, now] = [due.since, due.now].map(Bind::number);
    Ok(vec![since.clone(), now, since, Bind::list(&NoticeKind::KINDS)?, Bind::number(limit)])
}
