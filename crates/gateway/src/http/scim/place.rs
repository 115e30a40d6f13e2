//! Where a request goes: the account that its path names, if it names one, and whether it only reads.
//!
//! A key of all accounts names the account that it means, `/scim/v2/accounts/{account}/Users`. Others may, as long as it is their own.

use std::sync::Arc;

use oauth::ProtectedResource;

use super::failure::ScimFailure;
use crate::app::App;
use crate::domain::account::Account;
use crate::domain::scopes;
use crate::storage::Tx;

/// What stands before the id of an account in a path that names one.
const ACCOUNTS: &str = "accounts";

/// A key of all accounts names none.
const OF_EVERY_ACCOUNT: &str = "This key reads every account, and the request names none. Say which one is meant in the path: /scim/v2/accounts/{account id}/Users.";

/// Where a request goes.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Whether it only reads.
    reads: bool,
    account: Option<Arc<str>>,
}

/// The account that a path below the base URL names, and what is left of the path.
fn split(below: &str) -> (Option<&str>, &str) {
    let named = below.trim_start_matches('/').split_once('/').filter(|(first, _)| *first == ACCOUNTS);
    let Some((_, rest)) = named else { return (None, below) };
    let (account, rest) = rest.split_once('/').unwrap_or((rest, ""));
    if account.is_empty() { (None, below) } else { (Some(account), rest) }
}

/// What is left of a path below the base URL without the account that it names.
pub(super) fn within(below: &str) -> &str {
    split(below).1
}

impl Place {
    /// Of this method and path below the base URL. A request reads (RFC 7644 §3.4) if its method says so, or if it is a query by POST
    /// (§3.4.3).
    pub(super) fn of(method: &str, below: &str) -> Place {
        let is_query = below.trim_end_matches('/').rsplit('/').next() == Some(".search");
        Place { reads: method == "GET" || method == "POST" && is_query, account: split(below).0.map(Into::into) }
    }

    /// Whether it names an account.
    pub(super) fn is_named(&self) -> bool {
        self.account.is_some()
    }

    /// What a token has to open.
    pub(super) fn resource(&self, app: &App) -> ProtectedResource {
        match self.reads {
            true => scopes::scim_reading(app.scim_base.clone()),
            false => scopes::scim_endpoint(app.scim_base.clone()),
        }
    }

    /// Below which URL resources are shown: who names an account sees what is in it below that.
    pub(super) fn base(&self, app: &App) -> Arc<str> {
        match &self.account {
            Some(account) => format!("{}/{ACCOUNTS}/{account}", app.scim_base).into(),
            None => app.scim_base.clone(),
        }
    }

    /// The account that is meant: that of the grant, or for a key of all accounts the one that the path names.
    pub(super) fn account(&self, tx: &mut Tx<'_>, of_grant: Option<Account>) -> Result<Account, ScimFailure> {
        let nowhere = |id: &str| scim::Error::NotFound(format!("There is no account {id}"));
        match (of_grant, self.account.as_deref()) {
            (Some(account), None) => Ok(account),
            (Some(account), Some(named)) if account.id == named => Ok(account),
            (None, Some(named)) => Ok(tx.account(named)?.ok_or_else(|| nowhere(named))?),
            (Some(_), Some(named)) => Err(nowhere(named).into()),
            (None, None) => Err(scim::Error::Forbidden(OF_EVERY_ACCOUNT.to_owned()).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_name_an_account_before_all_else() {
        let named = |below| (split(below).0, within(below));
        assert_eq!(named("accounts/a-1/Users/7"), (Some("a-1"), "Users/7"));
        assert_eq!(named("/accounts/a-1"), (Some("a-1"), ""));
        for below in ["Users", "Users/accounts", "accounts", "accounts/", ""] {
            assert_eq!(named(below), (None, below));
        }
    }

    #[test]
    fn what_reads_is_a_get_or_a_query() {
        let reads = |method, below| Place::of(method, below).reads;
        assert!(reads("GET", "Users") && reads("POST", "Users/.search") && reads("POST", "accounts/a/.search"));
        assert!(!reads("POST", "Users") && !reads("PUT", "Users/.search") && !reads("DELETE", "Users/7"));
    }
}
