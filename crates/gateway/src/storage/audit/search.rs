//! Questions to the audit trail. Each page is answered from one index, in the order of time, and looks at a bounded number of rows
//! however long the trail is: where the rows that fit are rare, a page ends early and says where the next one begins.
//!
//! The indexes hold the rows that are sealed: the job that seals them pays for the indexes, in batches, and no request does. The rows
//! that wait for their seal are those of the last half minute, and are read as they are.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::AuditRecord;
use crate::domain::event::Action;
use crate::domain::ids::AccountKey;
use crate::each;
use crate::platform::timestamp::Timestamp;
use crate::storage::error::DbError;
use crate::storage::schema::{accounts, audit};
use crate::storage::statement::{Bind, Statement};
use crate::storage::tx::Tx;

/// So many rows a page looks at.
const LOOKED_AT: i64 = 10_000;

const COLUMNS: &str = "a.seq, a.at, a.account, a.actor, a.action, a.target, a.address, a.detail, a.changes, a.segment, a.actor_name, \
     a.target_name, a.account_id, a.account_name, a.request_id";

type Names = (Nullable<Text>, Nullable<Text>, Nullable<Text>, Nullable<Text>);
type Row =
    (BigInt, BigInt, Nullable<BigInt>, Text, Text, Nullable<Text>, Nullable<Text>, Nullable<Text>, Nullable<Text>);
type Columns = (Row, Nullable<BigInt>, Names, Nullable<Text>);

/// What is asked; what is left out is any.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// An account, by its number in storage.
    pub account: Option<AccountKey>,
    /// Who acted: [`Actor::code`](crate::domain::actor::Actor::code).
    pub actor: Option<String>,
    /// The id of what it was done to.
    pub target: Option<String>,
    /// What was done.
    pub action: Option<Action>,
    /// From this time on, in milliseconds since the epoch.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub to: Option<Timestamp>,
}

/// Rows of the trail, newest first.
#[derive(Debug)]
pub struct AuditPage {
    /// The rows.
    pub rows: Vec<AuditRecord>,
    /// The row after which the next page begins; `None`: there is none.
    pub next: Option<i64>,
}

/// A condition and the value of its `?`.
type Condition = (&'static str, Bind);

impl AuditFilter {
    /// The conditions that one index answers, and those that are tried on its rows.
    fn conditions(&self) -> (Vec<Condition>, Vec<Condition>) {
        let account = self.account.map(|account| ("account = ?", Bind::number(account)));
        let actor = self.actor.clone().map(|actor| ("actor = ?", Bind::Text(actor)));
        let target = self.target.clone().map(|target| ("target = ?", Bind::Text(target)));
        let action = self.action.map(|action| ("action = ?", Bind::Text(action.code().to_owned())));
        // Clients and users are of one account, so they say more than it does.
        let acts_in_one =
            self.actor.as_ref().is_some_and(|actor| actor.starts_with("client:") || actor.starts_with("user:"));
        let (index, tried) = match (target, actor, account, action) {
            (Some(target), actor, account, action) => (vec![target], [actor, account, action]),
            (None, Some(actor), account, action) if acts_in_one || account.is_none() => {
                (vec![actor], [account, action, None])
            }
            (None, actor, Some(account), Some(action)) => (vec![account, action], [actor, None, None]),
            (None, actor, Some(account), None) => (vec![account], [actor, None, None]),
            (None, actor, None, Some(action)) => (vec![action], [actor, None, None]),
            (None, actor, None, None) => (Vec::new(), [actor, None, None]),
        };
        (index, tried.into_iter().flatten().collect())
    }
}

impl Tx<'_> {
    /// The rows that fit, newest first, after this row: at most so many.
    pub fn audit_page(&mut self, filter: &AuditFilter, after: Option<i64>, limit: i64) -> Result<AuditPage, DbError> {
        let (mut before_at, mut before_seq) = (filter.to.unwrap_or(Timestamp::MAX), i64::MIN);
        if let Some(seq) = after {
            let query = audit::table.filter(audit::seq.eq(seq)).select(audit::at);
            let at: Option<Timestamp> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
            // What comes after a row that is no longer kept is not kept either.
            let Some(at) = at else { return Ok(AuditPage { rows: Vec::new(), next: None }) };
            if at < before_at {
                (before_at, before_seq) = (at, seq);
            }
        }
        let (mut index, tried) = filter.conditions();
        index.push(("at >= ?", Bind::number(filter.from.unwrap_or(Timestamp::MIN))));
        index.push(("at <= ?", Bind::number(before_at)));
        index.push(("(at < ?", Bind::number(before_at)));
        let (texts, mut binds): (Vec<&str>, Vec<Bind>) = index.into_iter().unzip();
        binds.push(Bind::number(before_seq));
        let looks_at = if tried.is_empty() { limit } else { LOOKED_AT };
        binds.push(Bind::number(looks_at));
        let part = |sealed: &str| {
            let conditions = texts.join(" AND ");
            format!(
                "SELECT * FROM audit WHERE {sealed} AND {conditions} OR seq < ?) ORDER BY at DESC, seq DESC LIMIT ?"
            )
        };
        // The rows that have their seal by the index of the question; the few that still wait for it all together.
        let (sealed, waiting) = (part("segment IS NOT NULL"), part("segment IS NULL"));
        let place = format!(
            "FROM (SELECT * FROM ({sealed}) AS sealed UNION ALL SELECT * FROM ({waiting}) AS waiting) AS both_parts \
             ORDER BY at DESC, seq DESC"
        );
        let binds = [binds.clone(), binds].concat();
        let (texts, values): (Vec<&str>, Vec<Bind>) = tried.into_iter().unzip();
        let rest = if texts.is_empty() { String::new() } else { format!("WHERE {}", texts.join(" AND ")) };
        let text = format!(
            "SELECT {COLUMNS} FROM (SELECT * {place} LIMIT ?) AS a {rest} ORDER BY a.at DESC, a.seq DESC LIMIT ?"
        );
        let given = [binds.clone(), vec![Bind::number(looks_at)], values, vec![Bind::number(limit)]].concat();
        let rows: Vec<(_, Option<i64>, _, _)> = Statement::<Columns>::new(text, given).load(self.conn)?;
        let rows: Vec<AuditRecord> = rows.into_iter().map(record).collect();
        let next = if rows.len() as i64 == limit {
            rows.last().map(|row| row.seq)
        } else if rest.is_empty() {
            None
        } else {
            let last = [binds, vec![Bind::number(LOOKED_AT - 1)]].concat();
            Statement::<BigInt>::new(format!("SELECT seq {place} LIMIT 1 OFFSET ?"), last).first(self.conn)?
        };
        Ok(AuditPage { rows, next })
    }

    /// The number of the account with this public id, also of one that is deleted: as long as the trail has a row that says so.
    pub fn account_in_audit(&mut self, id: &str) -> Result<Option<AccountKey>, DbError> {
        let query = accounts::table.filter(accounts::id.eq(id)).select(accounts::seq);
        let known: Option<AccountKey> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        if known.is_some() {
            return Ok(known);
        }
        let codes = [Action::AccountCreated, Action::AccountChanged, Action::AccountDeleted].map(Action::code);
        let query = || {
            audit::table
                .filter(audit::target.eq(id))
                .filter(audit::action.eq_any(codes))
                .order((audit::at.desc(), audit::seq.desc()))
                .limit(1)
                .select(audit::account)
        };
        let (waiting, sealed) =
            (query().filter(audit::segment.is_null()), query().filter(audit::segment.is_not_null()));
        let said: Option<Option<AccountKey>> = each!(&mut *self.conn, c => match waiting.get_result(c).optional()? {
            None => sealed.get_result(c).optional()?,
            said => said,
        });
        Ok(said.flatten())
    }
}

type Texts = (Option<String>, Option<String>, Option<String>, Option<String>);
type Values = (
    i64,
    Timestamp,
    Option<AccountKey>,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

fn record((row, segment, names, request_id): (Values, Option<i64>, Texts, Option<String>)) -> AuditRecord {
    let (seq, at, account, actor, action, target, address, detail, changes) = row;
    let (actor_name, target_name, account_id, account_name) = names;
    AuditRecord {
        seq,
        at,
        account,
        actor,
        action,
        target,
        address,
        detail,
        changes,
        segment,
        actor_name,
        target_name,
        account_id,
        account_name,
        request_id,
    }
}
