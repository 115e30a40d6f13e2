//! What an operator should know about a user before an administrator does: a service account that cannot accept access.

use serde_json::{Map, Value};

use crate::domain::account::Account;
use crate::domain::ids::UserKey;
use crate::storage::{DbError, Tx};

/// What keeps a service account from accepting access, each as what follows its name.
pub(crate) fn problems(
    tx: &mut Tx<'_>,
    account: &Account,
    user: UserKey,
    attributes: &Map<String, Value>,
) -> Result<Vec<String>, DbError> {
    let mut wrong = Vec::new();
    // Where there is a provider, it may be that who looks after the account logs in there.
    if account.options.sign_in.provider_name().is_none() && !tx.has_password(account.seq, user)? {
        wrong.push("has no password, so it cannot log in: set one, or let it be set by a link".to_owned());
    }
    let policy = tx.grant_policy();
    if !policy.may_own_grant(attributes) {
        let roles = policy.roles().join(", ");
        wrong.push(match policy.role_of(attributes) {
            Some(role) => {
                format!("has the role `{role}`, which may not accept access: give it one that may ({roles})")
            }
            None => format!("has no role, so it may not accept access: give it one that may ({roles})"),
        });
    }
    Ok(wrong)
}
