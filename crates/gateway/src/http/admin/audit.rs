//! Reading the audit trail.

use std::collections::HashMap;

use actix_web::web;

use super::body::Params;
use super::lookup;
use super::operator::Operator;
use super::page::{Items, Limit, Page};
use crate::app::App;
use crate::domain::described::query::{After, query};
use crate::domain::described::{Anything, Text, Time, answer};
use crate::http::edge::problem::Problem;
use crate::storage::ReadCost;

const OPERATOR: &str = "operator:";

query! {
    /// Which rows are listed.
    pub(super) struct AuditQuery {
        /// The id of an account: only what concerns it.
        account: Text,
        /// How many items there are at most; 100 if nothing is said.
        limit: Limit,
        /// The `next` of the page before.
        after: After,
    }
}

answer! {
    /// A row of the audit trail.
    pub(super) struct AuditRow {
        /// When it happened.
        at: Time,
        /// What an operator is called who did it.
        actor_name: Option<String>,
        /// Who did it, as `operator:{id}`.
        actor: String,
        /// What was done, as `account.created`.
        action: String,
        /// To what.
        target: Option<String>,
        /// From which network address.
        address: Option<String>,
        /// More of it, for people.
        detail: Option<String>,
        /// What changed: of each field what was `before` and `after`.
        changes: Option<Anything>,
    }
    example {
        "at": "2026-11-23T20:00:00.000Z", "actor_name": "provisioning dashboard", "actor": "operator:0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b",
        "action": "account.changed", "target": "0198a6b2-0000-7e4f-8a5b-6c7d8e9f0a1b", "address": "192.0.2.17", "detail": null,
        "changes": {"default_role": {"before": null, "after": "reports"}}
    }
}

answer! {
    /// The head of the audit trail's chain.
    pub(super) struct AuditHead {
        /// The head, to be kept elsewhere for `gateway audit verify --expect`; `null` if its note is missing or forged.
        head: Option<String>,
        /// How many rows wait for their seal.
        waiting: i64,
    }
    example {"head": "12:…", "waiting": 3}
}

/// What an operator is called; rows of earlier releases have the name in place of the id.
fn operator_name<'n>(names: &'n HashMap<String, String>, actor: &'n str) -> Option<&'n str> {
    let id = actor.strip_prefix(OPERATOR)?;
    let is_id = || uuid::Uuid::try_parse(id).is_ok();
    names.get(id).map(String::as_str).or_else(|| (!is_id()).then_some(id))
}

pub(super) async fn list(
    _: Operator,
    app: web::Data<App>,
    query: Params<AuditQuery>,
) -> Result<web::Json<Items<AuditRow>>, Problem> {
    let AuditQuery { account, limit, after } = query.0;
    let page = Page::of(limit, after);
    let answer = app
        .db
        .read(ReadCost::Scan, move |tx| {
            let account = match &account {
                Some(id) => Some(lookup::account(tx, id)?),
                None => None,
            };
            let seq = account.as_ref().map(|account| account.seq);
            let records = tx.audit_before(seq, page.after.unwrap_or(i64::MAX), page.limit)?;
            let last = records.last().map(|record| record.seq);
            let ids: Vec<&str> = records.iter().filter_map(|record| record.actor.strip_prefix(OPERATOR)).collect();
            let names = tx.operator_names(&ids)?;
            let items = records
                .into_iter()
                .map(|record| AuditRow {
                    at: Time(record.at),
                    actor_name: operator_name(&names, &record.actor).map(str::to_owned),
                    actor: record.actor,
                    action: record.action,
                    target: record.target,
                    address: record.address,
                    detail: record.detail,
                    changes: record.changes.and_then(|text| serde_json::from_str(&text).ok()).map(Anything),
                })
                .collect();
            Ok::<_, Problem>(page.answer(items, last))
        })
        .await?;
    Ok(web::Json(answer))
}

/// The head of the chain, to be kept elsewhere: given to `gateway audit verify --expect`, it shows whether the trail was replaced.
pub(super) async fn head(_: Operator, app: web::Data<App>) -> Result<web::Json<AuditHead>, Problem> {
    let keys = app.keys.clone();
    let answer = app
        .db
        .read(ReadCost::Scan, move |tx| {
            let head = tx.audit_head(&keys)?.map(|head| head.to_string());
            Ok::<_, Problem>(AuditHead { head, waiting: tx.audit_waiting()? })
        })
        .await?;
    Ok(web::Json(answer))
}
