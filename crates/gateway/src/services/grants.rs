//! Grants: who accepted what, and ending it. The caller has said who acts ([`Tx::act_as`]).

use oauth::{EndReason, GrantId};

use super::error::ActError;
use crate::domain::bodies::grants::Grant;
use crate::domain::described::Time;
use crate::domain::operator::{Mandate, Power};
use crate::services::accounts;
use crate::storage::Tx;

/// The grants of an account that follow a row; each with its row. Only reads.
pub fn list(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    account: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<(i64, Grant)>, ActError> {
    let account = accounts::find(tx, mandate, Power::Read, account)?;
    let grants = tx.grants_after(account.seq, after, limit)?.into_iter().map(|grant| {
        let shown = Grant {
            id: grant.seq.to_string(),
            client_id: grant.client,
            client_name: grant.client_name,
            user: grant.owner,
            scope: grant.scope,
            created: Time(grant.created),
            ended: grant.ended.map(Time),
            end_reason: grant.end_reason,
            rebound: grant.rebound.map(Time),
        };
        (grant.seq, shown)
    });
    Ok(grants.collect())
}

/// Ends a grant; its tokens are refused from the next request on.
pub fn revoke(tx: &mut Tx<'_>, mandate: &Mandate, id: &str) -> Result<(), ActError> {
    mandate.may(Power::EndGrants)?;
    let not_found = || ActError::not_found("grant", id);
    let grant = GrantId::new(id.parse().map_err(|_| not_found())?);
    let account = tx.account_of_grant(grant)?;
    if !mandate.reaches(account) || !tx.grant_exists(grant)? {
        return Err(not_found());
    }
    tx.end_grant_for(grant, tx.now(), EndReason::Operator)?;
    Ok(())
}
