//! The request log: what came of requests. Rows are in the order of time by their number, which begins with it.

use std::sync::atomic::{AtomicI64, Ordering};

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use oauth::GrantId;
use serde::Serialize;

use super::backend::AnyConn;
use super::error::DbError;
use super::schema::{accounts, clients, requests, resources};
use super::statement::{Bind, Statement};
use super::tx::Tx;
use crate::domain::health::Visit;
use crate::domain::ids::AccountKey;
use crate::domain::request::full::SealedRecording;
use crate::domain::request::{Owner, RequestId, RequestRecord};
use crate::domain::wording::beginning;
use crate::each;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;

mod insert;
pub mod recordings;
pub mod search;
mod unrecorded;

/// So many bits of a row's number tell rows of the same millisecond apart.
const TIE: u32 = 20;
/// So many bytes of a text are kept.
const LONGEST: usize = 2048;

/// The lowest number of a row of this time.
pub fn first_of(at: Timestamp) -> i64 {
    at.millis().clamp(0, i64::MAX >> TIE) << TIE
}

/// The time of a row with this number.
pub(super) fn time_of(seq: i64) -> Timestamp {
    Timestamp::of_millis(seq >> TIE)
}

/// A number that is new on this server, and most likely on all.
fn number(at: Timestamp) -> i64 {
    static COUNT: AtomicI64 = AtomicI64::new(-1);
    let begin = (system::unique() >> (64 - TIE)).cast_signed();
    let _ = COUNT.compare_exchange(-1, begin, Ordering::Relaxed, Ordering::Relaxed);
    first_of(at) | (COUNT.fetch_add(1, Ordering::Relaxed) & ((1 << TIE) - 1))
}

/// Whose a request was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Belonging {
    /// The account, if it is known.
    pub account: Option<AccountKey>,
    /// The client's id, if there is such a client.
    pub client: Option<String>,
}

/// PostgreSQL takes a batch as one value, so that the text does not depend on its length and is prepared once.
const INSERT: &str = "INSERT INTO requests SELECT * FROM json_populate_recordset(NULL::requests, ?::json)";

/// A row to be written.
#[derive(Debug, Clone, Serialize)]
pub struct NewRequest {
    pub(super) seq: i64,
    bits: i64,
    given_id: Option<String>,
    account: Option<AccountKey>,
    client: Option<String>,
    actor: Option<String>,
    address: Option<String>,
    method: &'static str,
    endpoint: String,
    target: Option<String>,
    target_name: Option<String>,
    status: i32,
    code: Option<&'static str>,
    detail: Option<String>,
    micros: i64,
    more: Option<String>,
    #[serde(skip)]
    pub(super) recording: Option<SealedRecording>,
    #[serde(skip)]
    lists_users: bool,
}

impl NewRequest {
    /// Of a record, and of what was looked up about it.
    pub fn of(record: RequestRecord, belonging: Belonging, name: Option<String>) -> NewRequest {
        let more = record.more();
        let RequestRecord { at, id, address, method, status, refusal, micros, findings, recording } = record;
        let (bits, given_id) = match id {
            RequestId::Made { at: made, bits } if made == at => (bits.cast_signed(), None),
            other => (0, Some(other.to_string())),
        };
        let (code, detail) = refusal.map(|refusal| (refusal.code.name(), refusal.detail)).unzip();
        NewRequest {
            seq: number(at),
            bits,
            given_id,
            account: belonging.account,
            client: belonging.client,
            actor: findings.actor.map(|actor| actor.code()),
            address,
            method,
            endpoint: findings.endpoint.unwrap_or_default().into_owned(),
            target: findings.target.map(bounded),
            target_name: findings.target_name.or(name).map(bounded),
            status: i32::from(status),
            code,
            detail: detail.map(bounded),
            micros,
            more,
            recording,
            lists_users: findings.lists_users,
        }
    }

    /// What it says about when its client was there.
    pub fn visit(&self) -> Option<Visit<'_>> {
        Some(Visit {
            client: self.client.as_deref()?,
            at: time_of(self.seq),
            address: self.address.as_deref(),
            method: self.method,
            endpoint: &self.endpoint,
            status: self.status,
            lists_users: self.lists_users,
        })
    }

    /// Under another number.
    pub fn renumber(&mut self) {
        self.seq = number(Timestamp::of_millis(self.seq >> TIE));
    }

    /// Whose it is.
    pub fn account(&self) -> Option<AccountKey> {
        self.account
    }
}

/// PostgreSQL keeps no NUL in a text.
fn bounded(mut text: String) -> String {
    text.truncate(beginning(&text, LONGEST).len());
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

impl Tx<'_> {
    /// Whose a request was; nothing if its account was deleted since.
    pub fn belonging_of(&mut self, owner: &Owner) -> Result<Option<Belonging>, DbError> {
        let (account, client) = match owner {
            Owner::Unknown => return Ok(Some(Belonging::default())),
            Owner::Known { account, client } => (Some(*account), Some(client.clone())),
            Owner::Grant(grant) => match self.facts_of_grant(GrantId::new(*grant))? {
                Some(facts) => (facts.account, facts.client.map(|client| client.id)),
                None => return Ok(Some(Belonging::default())),
            },
            Owner::Account(account) => (Some(*account), None),
            Owner::Client(client) | Owner::Visit { client, .. } => {
                let of_user = match owner {
                    Owner::Visit { account, .. } => Some(*account),
                    _ => None,
                };
                let query = clients::table.filter(clients::id.eq(client)).select(clients::account);
                let found: Option<Option<AccountKey>> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
                match found {
                    Some(account) => (account.or(of_user), Some(client.clone())),
                    None => (of_user, None),
                }
            }
        };
        if let Some(account) = account {
            let query = accounts::table
                .filter(accounts::seq.eq(account))
                .filter(accounts::deleted.is_null())
                .select(accounts::seq);
            let living: Option<AccountKey> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
            if living.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(Belonging { account, client }))
    }

    /// What a user or group of an account is called.
    pub fn name_of_target(&mut self, account: AccountKey, id: &str) -> Result<Option<String>, DbError> {
        let query = resources::table
            .filter(resources::account.eq(account))
            .filter(resources::id.eq(id))
            .select(resources::display);
        Ok(each!(&mut *self.conn, c => query.get_result(c).optional())?)
    }

    /// Writes a batch of rows.
    pub fn insert_requests(&mut self, rows: &[NewRequest]) -> Result<(), DbError> {
        match &mut *self.conn {
            AnyConn::Sqlite(c) => {
                for row in rows {
                    RunQueryDsl::execute(insert::Insert(row), c)?;
                }
            }
            postgres @ AnyConn::Postgres(_) => {
                Statement::<BigInt>::new(INSERT, vec![Bind::list(rows)?]).execute(postgres)?;
            }
        }
        self.insert_recordings(rows)
    }

    /// The row that is the first of an account's, or of those of no account, beyond the latest so many.
    pub fn first_request_beyond(&mut self, account: Option<AccountKey>, keep: i64) -> Result<Option<i64>, DbError> {
        let rows = requests::table.order(requests::seq.desc()).offset(keep).limit(1).select(requests::seq);
        Ok(match account {
            Some(account) => {
                let rows = rows.filter(requests::account.eq(account));
                each!(&mut *self.conn, c => rows.get_result(c).optional())?
            }
            None => {
                let rows = rows.filter(requests::account.is_null());
                each!(&mut *self.conn, c => rows.get_result(c).optional())?
            }
        })
    }

    /// Removes rows of an account, or of none, up to this one: at most so many. Says how many.
    pub fn remove_requests(&mut self, account: Option<AccountKey>, up_to: i64, limit: i64) -> Result<u64, DbError> {
        let rows =
            requests::table.filter(requests::seq.le(up_to)).order(requests::seq).limit(limit).select(requests::seq);
        let old: Vec<i64> = match account {
            Some(account) => {
                let rows = rows.filter(requests::account.eq(account));
                each!(&mut *self.conn, c => rows.load(c))?
            }
            None => {
                let rows = rows.filter(requests::account.is_null());
                each!(&mut *self.conn, c => rows.load(c))?
            }
        };
        self.remove_recordings(&old)?;
        let removed = requests::table.filter(requests::seq.eq_any(old));
        Ok(each!(&mut *self.conn, c => diesel::delete(removed).execute(c))? as u64)
    }

    /// Removes rows of before that time: at most so many. Says how many.
    pub fn forget_requests(&mut self, before: Timestamp, limit: i64) -> Result<u64, DbError> {
        let rows = requests::table
            .filter(requests::seq.lt(first_of(before)))
            .order(requests::seq)
            .limit(limit)
            .select(requests::seq);
        let old: Vec<i64> = each!(&mut *self.conn, c => rows.load(c))?;
        self.remove_recordings(&old)?;
        let removed = requests::table.filter(requests::seq.eq_any(old));
        Ok(each!(&mut *self.conn, c => diesel::delete(removed).execute(c))? as u64)
    }
}
