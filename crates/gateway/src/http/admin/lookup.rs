//! What a request of the admin API names, or the problem that tells that it does not exist.

use crate::domain::account::Account;
use crate::http::edge::problem::Problem;
use crate::storage::Tx;

/// The account that a path names.
pub(super) fn account(tx: &mut Tx<'_>, id: &str) -> Result<Account, Problem> {
    tx.account(id)?.ok_or_else(|| Problem::not_found("account", id))
}

/// The same; no other transaction changes it until the unit of work ends.
pub(super) fn locked_account(tx: &mut Tx<'_>, id: &str) -> Result<Account, Problem> {
    tx.lock_account(id)?.ok_or_else(|| Problem::not_found("account", id))
}
