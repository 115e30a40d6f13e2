//! The audit trail: who did what, on what, when, from where. Never a secret. Rows are only added; [`chain`] shows that none was
//! changed or taken out.

use diesel::prelude::*;

use super::error::DbError;
use super::statement::{Bind, Statement};
use super::tx::Tx;
use crate::domain::actor::{Actor, Named};
use crate::domain::event::{Action, Target};
use crate::domain::ids::AccountKey;
use crate::platform::timestamp::Timestamp;

pub mod chain;
pub mod refusals;
pub mod search;

/// A row to be written.
#[derive(Debug, Clone)]
pub struct Row<'a> {
    /// Milliseconds since the epoch.
    pub at: Timestamp,
    /// The account it concerns, if any.
    pub account: Option<AccountKey>,
    /// The public id of that account, and its name.
    pub account_label: Option<Named>,
    /// Who.
    pub actor: &'a Actor,
    /// What was done.
    pub action: Action,
    /// What it was done to.
    pub target: Option<Target>,
    /// From where.
    pub address: Option<&'a str>,
    /// The request that asked for it.
    pub request_id: Option<String>,
    /// For people.
    pub detail: Option<String>,
    /// A JSON object: what changed, each with `before` and `after`.
    pub changes: Option<String>,
}

/// A row as read.
#[derive(Debug, Clone, Queryable)]
pub struct AuditRecord {
    /// Grows.
    pub seq: i64,
    /// Milliseconds since the epoch.
    pub at: Timestamp,
    /// The account it concerns, if any.
    pub account: Option<AccountKey>,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// To what.
    pub target: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// For people.
    pub detail: Option<String>,
    /// A JSON object: what changed, each with `before` and `after`.
    pub changes: Option<String>,
    /// The link of the chain that seals it.
    pub segment: Option<i64>,
    /// The name the actor had then.
    pub actor_name: Option<String>,
    /// The name the target had then; of what was deleted, the last one.
    pub target_name: Option<String>,
    /// The account's public id.
    pub account_id: Option<String>,
    /// The name the account had then.
    pub account_name: Option<String>,
    /// The id of the request that asked for it.
    pub request_id: Option<String>,
}

macro_rules! insert {
    () => {
        "INSERT INTO audit (at, account, account_id, account_name, actor, actor_name, action, target, target_name, address, detail, changes, \
         request_id) VALUES "
    };
}
macro_rules! row {
    () => {
        "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    };
}
const INSERT: &str = insert!();
const ROW: &str = row!();

impl Tx<'_> {
    /// Writes a row: what the reactions make of an event.
    pub fn insert_audit(&mut self, row: Row<'_>) -> Result<(), DbError> {
        let (target, target_name) = row.target.map(|target| (target.id, target.name)).unzip();
        let (account_id, account_name) = row.account_label.map(|account| (account.id, account.name)).unzip();
        let binds = vec![
            Bind::number(row.at),
            Bind::Optional(row.account.map(i64::from)),
            Bind::Words(account_id),
            Bind::Words(account_name.flatten()),
            Bind::Text(row.actor.code()),
            Bind::Words(row.actor.name().map(str::to_owned)),
            Bind::Text(row.action.code().to_owned()),
            Bind::Words(target),
            Bind::Words(target_name.flatten()),
            Bind::Words(row.address.map(str::to_owned)),
            Bind::Words(row.detail),
            Bind::Words(row.changes),
            Bind::Words(row.request_id),
        ];
        Statement::<()>::put_off_row(self.conn, (INSERT, ROW, concat!(insert!(), row!())), binds)
    }
}
