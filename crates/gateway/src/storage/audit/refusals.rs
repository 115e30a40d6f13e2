//! What the audit trail says of credentials that were refused: one row for what was counted together.

use oauth::GrantId;

use super::super::error::DbError;
use super::super::tx::Tx;
use crate::domain::actor::{Actor, Named};
use crate::domain::event::Act;
use crate::domain::ids::AccountKey;
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
            self.act_as(actor.clone().at(report.key.place.clone()));
            let mut act = Act::new(report.key.kind.action()).saying(detail);
            if let Some(target) = &target {
                act = act.on(target);
            }
            self.raise(report.last, account, act);
            lines.push(RefusalLine {
                action: report.key.kind.action().code(),
                actor: actor.code(),
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
    fn whom(&mut self, report: &Report) -> Result<(Actor, Option<String>, Option<AccountKey>), DbError> {
        let client = match &report.key.who {
            Who::Unknown | Who::Others => None,
            Who::Operator { id, account } => {
                return Ok((Actor::Operator(Named::id(id)), Some(id.clone()), *account));
            }
            Who::Client(client) => Some(client.clone()),
            Who::Grant(grant) => {
                let facts = self.facts_of_grant(GrantId::new(*grant))?;
                let account = facts.as_ref().and_then(|grant| grant.account);
                return Ok(match facts.and_then(|grant| grant.client) {
                    Some(client) => (Actor::Client(client.clone()), Some(client.id), account),
                    None => (Actor::Unknown, None, account),
                });
            }
        };
        let Some(client) = client else { return Ok((Actor::Unknown, None, None)) };
        let Some(record) = self.client_record(&client)? else { return Ok((Actor::Unknown, None, None)) };
        let proven = report.key.kind != Kind::ClientAuthentication && !record.client.public;
        let actor = if proven { Actor::Client(Named::new(&client, &record.client.name)) } else { Actor::Unknown };
        Ok((actor, Some(client), record.account))
    }
}
