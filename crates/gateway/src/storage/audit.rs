//! The audit trail: who did what, on what, when, from where. Never a secret. Rows are only added; [`chain`] shows that none was
//! changed or taken out.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::backend::AnyConn;
use super::error::DbError;
use super::fate::NUMBER;
use super::schema::audit;
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

impl Tx<'_> {
    /// Writes a row: what the reactions make of an event.
    pub fn insert_audit(&mut self, row: Row<'_>) -> Result<(), DbError> {
        let (target, target_name) = row.target.map(|target| (target.id, target.name)).unzip();
        let (account_id, account_name) = row.account_label.map(|account| (account.id, account.name)).unzip();
        let row = (
            audit::at.eq(row.at),
            audit::account.eq(row.account),
            audit::account_id.eq(account_id),
            audit::account_name.eq(account_name.flatten()),
            audit::actor.eq(row.actor.code()),
            audit::actor_name.eq(row.actor.name()),
            audit::action.eq(row.action.code()),
            audit::target.eq(target),
            audit::target_name.eq(target_name.flatten()),
            audit::address.eq(row.address),
            audit::detail.eq(row.detail),
            audit::changes.eq(row.changes),
            audit::request_id.eq(row.request_id),
        );
        let row = diesel::insert_into(audit::table).values(row);
        match &mut *self.conn {
            AnyConn::Sqlite(c) => drop(row.execute(c)?),
            AnyConn::Postgres(c) => self.number = Some(row.returning(sql::<BigInt>(NUMBER)).get_result(c.begun())?),
        }
        Ok(())
    }
}
