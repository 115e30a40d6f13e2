//! Reading the audit trail.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::lookup;
use super::operator::Operator;
use super::page::Page;
use crate::app::App;
use crate::http::edge::problem::Problem;
use crate::platform::system;
use crate::storage::ReadCost;

const OPERATOR: &str = "operator:";

/// What an operator is called; rows of earlier releases have the name in place of the id.
fn operator_name<'n>(names: &'n HashMap<String, String>, actor: &'n str) -> Option<&'n str> {
    let id = actor.strip_prefix(OPERATOR)?;
    let is_id = || uuid::Uuid::try_parse(id).is_ok();
    names.get(id).map(String::as_str).or_else(|| (!is_id()).then_some(id))
}

pub(super) async fn list(_: Operator, app: web::Data<App>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let page = Page::of(&request)?;
    let answer = app
        .db
        .read(ReadCost::Scan, move |tx| {
            let account = match page.parameter("account") {
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
                .map(|record| {
                    json!({
                        "at": system::rfc3339(record.at),
                        "actor_name": operator_name(&names, &record.actor),
                        "actor": record.actor,
                        "action": record.action,
                        "target": record.target,
                        "address": record.address,
                        "detail": record.detail,
                        "changes": record.changes.and_then(|text| serde_json::from_str::<Value>(&text).ok()),
                    })
                })
                .collect();
            Ok::<_, Problem>(page.answer(items, last))
        })
        .await?;
    Ok(HttpResponse::Ok().json(answer))
}

/// The head of the chain, to be kept elsewhere: given to `gateway audit verify --expect`, it shows whether the trail was replaced.
pub(super) async fn head(_: Operator, app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let keys = app.keys.clone();
    let answer = app
        .db
        .read(ReadCost::Scan, move |tx| {
            let head = tx.audit_head(&keys)?.map(|head| head.to_string());
            Ok::<_, Problem>(json!({"head": head, "waiting": tx.audit_waiting()?}))
        })
        .await?;
    Ok(HttpResponse::Ok().json(answer))
}
