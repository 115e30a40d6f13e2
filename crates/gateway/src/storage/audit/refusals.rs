//! What the audit trail says of credentials that were refused: one row for what was counted together.

use oauth::{ClientId, GrantId};

use super::super::error::DbError;
use super::super::tx::Tx;
use super::Entry;
use crate::domain::actor::Actor;
use crate::domain::refusals::{Kind, Report, Who};
use crate::platform::system;

/// A row as the log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalLine {
    /// `refused.access_token`, …
    pub action: &'static str,
    /// Who, or `unknown`.
    pub actor: String,
    /// The client or operator that it was about.
    pub target: String,
    /// From where.
    pub address: String,
    /// How often.
    pub count: u64,
    /// When for the first time.
    pub first: String,
    /// When for the last time.
    pub last: String,
}

impl Tx<'_> {
    /// Writes a row for each report.
    pub fn audit_refusals(&mut self, reports: &[Report]) -> Result<Vec<RefusalLine>, DbError> {
        let mut lines = Vec::with_capacity(reports.len());
        for report in reports {
            let (actor, target, account) = self.whom(report)?;
            let (first, last) = (system::rfc3339(report.first), system::rfc3339(report.last));
            let further = if report.key.who == Who::Others { ", of several clients and addresses" } else { "" };
            let detail = format!("{} {}{further}, from {first} to {last}", report.count, report.key.kind.noun());
            self.act_as(Actor { name: actor.clone(), address: report.key.place.clone() });
            self.audit(Entry {
                at: report.last,
                account,
                action: report.key.kind.action().to_owned(),
                target: target.clone(),
                detail: Some(detail),
            })?;
            lines.push(RefusalLine {
                action: report.key.kind.action(),
                actor,
                target: target.unwrap_or_default(),
                address: report.key.place.clone().unwrap_or_default(),
                count: report.count,
                first,
                last,
            });
        }
        Ok(lines)
    }

    /// Who did it, whom it is about, and in which account. Only a name that was proven is that of an actor.
    fn whom(&mut self, report: &Report) -> Result<(String, Option<String>, Option<i64>), DbError> {
        const UNKNOWN: &str = "unknown";
        let client = match &report.key.who {
            Who::Unknown | Who::Others => None,
            Who::Operator { id, account } => return Ok((format!("operator:{id}"), Some(id.clone()), *account)),
            Who::Client(client) => Some(client.clone()),
            Who::Grant(grant) => {
                let account = self.account_of_grant(GrantId(*grant))?;
                let client: Option<ClientId> = self.find_grant(GrantId(*grant))?.map(|grant| grant.client);
                return Ok(match client {
                    Some(client) => (format!("client:{client}"), Some(client.to_string()), account),
                    None => (UNKNOWN.to_owned(), None, account),
                });
            }
        };
        let Some(client) = client else { return Ok((UNKNOWN.to_owned(), None, None)) };
        let Some(record) = self.client_record(&client)? else { return Ok((UNKNOWN.to_owned(), None, None)) };
        let proven = report.key.kind != Kind::ClientAuthentication && !record.client.public;
        let actor = if proven { format!("client:{client}") } else { UNKNOWN.to_owned() };
        Ok((actor, Some(client), record.account))
    }
}
