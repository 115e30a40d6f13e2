//! Reading the audit trail.

use std::collections::HashMap;

use actix_web::web;

use super::body::Params;
use super::operator::Operator;
use super::page::{Items, Limit, Page};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::described::query::{After, query};
use crate::domain::described::{Anything, Text, Time, answer};
use crate::http::edge::problem::Problem;
use crate::services::audit::{self, Answer};
use crate::storage::ReadCost;
use crate::storage::audit::AuditRecord;
use crate::storage::audit::search::AuditFilter;

pub(super) mod question;

use question::{ActionCode, ActorCode, AnyId, Moment};

query! {
    /// Which rows are listed: those that fit all that is said.
    pub(super) struct AuditQuery {
        /// The id of an account, also of a deleted one: only what concerns it.
        account: Text,
        /// Who did it: `client:ID`, `user:ID`, `operator:ID`, `server`, `command line`, `browser` or `unknown`.
        actor: ActorCode,
        /// The id of what it was done to: of a user, group, client, grant, account, operator, or the name of an attribute.
        target: AnyId,
        /// What was done, as `user.patched`.
        action: ActionCode,
        /// From this time on, as in RFC 3339.
        from: Moment,
        /// Before this time.
        to: Moment,
        /// How many items there are at most; 100 if nothing is said. A page may have fewer, or none, and a `next` all the same.
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
        /// The id of the account it concerns. Rows of earlier releases have neither this nor the names.
        account: Option<String>,
        /// What the account was called then.
        account_name: Option<String>,
        /// What the actor was called then.
        actor_name: Option<String>,
        /// Who did it: `client:ID`, `user:ID`, `operator:ID`, or a word.
        actor: String,
        /// What was done, as `account.created`.
        action: String,
        /// To what.
        target: Option<String>,
        /// What that was called then; of what was deleted, the last name. Of a grant, its client's.
        target_name: Option<String>,
        /// From which network address.
        address: Option<String>,
        /// The id of the request that asked for it ([what came of that](why-did-it-fail.md)).
        request_id: Option<String>,
        /// More of it, for people.
        detail: Option<String>,
        /// What changed: of each field what was `before` and `after`.
        changes: Option<Anything>,
    }
    example {
        "at": "2026-11-23T20:00:00.000Z", "account": "0198a6b2-0000-7e4f-8a5b-6c7d8e9f0a1b", "account_name": "acme", "actor_name": "provisioning dashboard", "actor": "operator:0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b",
        "action": "account.changed", "target": "0198a6b2-0000-7e4f-8a5b-6c7d8e9f0a1b", "target_name": "acme", "address": "192.0.2.17", "request_id": "01kbx3n7q8f2m0v5t9r4cwz", "detail": null,
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
    let id = actor.strip_prefix(Actor::OPERATOR)?;
    let is_id = || uuid::Uuid::try_parse(id).is_ok();
    names.get(id).map(String::as_str).or_else(|| (!is_id()).then_some(id))
}

/// `GET /admin/audit`: the rows that answer a question, newest first.
pub(super) async fn list(
    operator: Operator,
    app: web::Data<App>,
    query: Params<AuditQuery>,
) -> Result<web::Json<Items<AuditRow>>, Problem> {
    let AuditQuery { account, actor, target, action, from, to, limit, after } = query.0;
    let page = Page::of(limit, after);
    let (from, to) = question::between(from, to)?;
    let filter = AuditFilter {
        account: None,
        actor: actor.map(|actor| actor.0),
        target: target.map(|target| target.0),
        action: action.map(|action| action.0),
        from,
        to,
    };
    let answer = operator
        .read(&app, ReadCost::Scan, move |tx, mandate| {
            let account = account.as_ref().map(|Text(id)| id.as_str());
            let Answer { page, operators } = audit::page(tx, mandate, account, &filter, page.after, page.limit)?;
            let items = page.rows.into_iter().map(|row| representation(row, &operators)).collect();
            Ok(Items { items, next: page.next.map(|row| row.to_string()) })
        })
        .await?;
    Ok(web::Json(answer))
}

fn representation(row: AuditRecord, names: &HashMap<String, String>) -> AuditRow {
    AuditRow {
        at: Time(row.at),
        account: row.account_id,
        account_name: row.account_name,
        actor_name: row.actor_name.or_else(|| operator_name(names, &row.actor).map(str::to_owned)),
        actor: row.actor,
        action: row.action,
        target: row.target,
        target_name: row.target_name,
        address: row.address,
        request_id: row.request_id,
        detail: row.detail,
        changes: row.changes.and_then(|text| serde_json::from_str(&text).ok()).map(Anything),
    }
}

/// The head of the chain, to be kept elsewhere: given to `gateway audit verify --expect`, it shows whether the trail was replaced.
pub(super) async fn head(operator: Operator, app: web::Data<App>) -> Result<web::Json<AuditHead>, Problem> {
    let keys = app.keys.clone();
    let (head, waiting) =
        operator.read(&app, ReadCost::Scan, move |tx, mandate| audit::head(tx, mandate, &keys)).await?;
    Ok(web::Json(AuditHead { head, waiting }))
}
