//! The changes by which users of an account may do more than before, as the audit trail has them.

use serde_json::{Map, Value};

use crate::domain::bodies::access::{AccessActor, AccessTarget, Widening};
use crate::domain::described::{Anything, Time};
use crate::domain::event::Action;
use crate::domain::operator::{Mandate, Power};
use crate::services::accounts;
use crate::services::error::ActError;
use crate::services::resolution::UserPage;
use crate::storage::Tx;
use crate::storage::audit::AuditRecord;
use crate::storage::audit::search::AuditFilter;

/// The widenings of an account, newest first, after a row. Only reads.
pub fn list(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    account: &str,
    after: Option<i64>,
    limit: i64,
) -> Result<UserPage<Widening>, ActError> {
    let account = accounts::find(tx, mandate, Power::ReadAudit, account)?;
    let filter =
        AuditFilter { account: Some(account.seq), action: Some(Action::AccessWidened), ..AuditFilter::default() };
    let page = tx.audit_page(&filter, after, limit)?;
    Ok((page.rows.into_iter().map(shown).collect(), page.next))
}

fn shown(row: AuditRecord) -> Widening {
    let changes: Option<Map<String, Value>> = row.changes.as_deref().and_then(|text| serde_json::from_str(text).ok());
    Widening {
        at: Time(row.at),
        cause: row.detail.unwrap_or_default(),
        target: AccessTarget { id: row.target, name: row.target_name },
        by: AccessActor { actor: row.actor, name: row.actor_name },
        changes: Anything(changes.unwrap_or_default()),
        request_id: row.request_id,
    }
}
