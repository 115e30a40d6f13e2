//! Reading the audit trail.

use std::collections::HashMap;

use oauth::Keyring;

use super::error::ActError;
use crate::domain::actor::Actor;
use crate::domain::bodies::audit::AuditRow;
use crate::domain::described::{Anything, Time};
use crate::domain::operator::{Mandate, Power};
use crate::storage::Tx;
use crate::storage::audit::AuditRecord;
use crate::storage::audit::chain::{ChainVerdict, Link};
use crate::storage::audit::search::{AuditFilter, AuditPage};

/// Rows of the trail, and what the operators in them are called now.
#[derive(Debug)]
pub struct Answer {
    /// The rows, newest first.
    pub page: AuditPage,
    /// Operators' names, by their ids.
    pub operators: HashMap<String, String>,
}

/// The rows that fit, of one account or of all, newest first. An operator of some accounts names one of them. Only reads.
pub fn page(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    account: Option<&str>,
    filter: &AuditFilter,
    after: Option<i64>,
    limit: i64,
) -> Result<Answer, ActError> {
    let mut filter = filter.clone();
    match account {
        Some(id) => {
            mandate.may(Power::ReadAudit)?;
            let known = tx.account_in_audit(id)?.filter(|account| mandate.reaches(Some(*account)));
            filter.account = Some(known.ok_or_else(|| ActError::not_found("account", id))?);
        }
        None => mandate.may_everywhere(Power::ReadAudit)?,
    }
    let page = tx.audit_page(&filter, after, limit)?;
    let ids: Vec<&str> = page.rows.iter().filter_map(|row| row.actor.strip_prefix(Actor::OPERATOR)).collect();
    let operators = tx.operator_names(&ids)?;
    Ok(Answer { page, operators })
}

/// The head of the trail's chain, if its note is there and ours; and how many rows wait for their seal. Only reads.
pub fn head(tx: &mut Tx<'_>, mandate: &Mandate, keys: &Keyring) -> Result<(Option<String>, i64), ActError> {
    mandate.may_everywhere(Power::ReadAudit)?;
    Ok((tx.audit_head(keys)?.map(|head| head.to_string()), tx.audit_waiting()?))
}

/// Goes through the whole chain, with the head that is kept outside the database; `None` where it is longer than so many rows. Only reads.
pub fn verify(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    keys: &Keyring,
    kept: Option<&Link>,
    most: i64,
) -> Result<Option<ChainVerdict>, ActError> {
    mandate.may_everywhere(Power::ReadAudit)?;
    if tx.audit_sealed()? > most {
        return Ok(None);
    }
    let now = tx.now();
    Ok(Some(tx.verify_audit(keys, now, kept)?))
}

/// What an operator is called; rows of earlier releases have the name in place of the id.
fn operator_name<'n>(names: &'n HashMap<String, String>, actor: &'n str) -> Option<&'n str> {
    let id = actor.strip_prefix(Actor::OPERATOR)?;
    let is_id = || uuid::Uuid::try_parse(id).is_ok();
    names.get(id).map(String::as_str).or_else(|| (!is_id()).then_some(id))
}

/// A row as it is answered, with what operators are called.
pub fn representation(row: AuditRecord, names: &HashMap<String, String>) -> AuditRow {
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
