//! What is open about members and names of an account: members who do not exist yet, users who share a name.

use super::accounts;
use super::error::ActError;
use crate::domain::operator::{Mandate, Power};
use crate::storage::Tx;
use crate::storage::pending_members::PendingMemberRow;
use crate::storage::shared_keys::SharedName;

/// Names that groups were given as members and that no user has, after a row. Only reads.
pub fn pending(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    account: &str,
    group: Option<&str>,
    after: i64,
    limit: i64,
) -> Result<Vec<PendingMemberRow>, ActError> {
    let account = accounts::find(tx, mandate, Power::Read, account)?;
    Ok(tx.pending_members_after(account.seq, group, after, limit)?)
}

/// Users whose name others have, too, after a row. Only reads.
pub fn shared_names(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    account: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<SharedName>, ActError> {
    let account = accounts::find(tx, mandate, Power::Read, account)?;
    Ok(tx.shared_names_after(account.seq, after, limit)?)
}
