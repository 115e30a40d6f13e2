//! The SCIM service provider as one account has it, and the engine that runs it.

use std::sync::Arc;

use scim::{AccountValues, Cursors, InactiveMatch, Limits, Observations, Registry, ToleranceTracker};

use crate::domain::account::Account;
use crate::domain::document::DocumentError;
use crate::domain::schemas::Schemas;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::storage::DbError;

/// The SCIM service provider as one account has it: its schemas, and the words they take from it.
#[derive(Debug, Clone)]
pub struct ServiceProvider {
    /// The resource types.
    pub registry: Arc<Registry>,
    /// The lists and defaults of the account.
    pub account_values: AccountValues,
    /// What becomes of users who are created again after they were deactivated.
    pub inactive_match: InactiveMatch,
    /// Whether no group gets a `displayName` that another one has.
    pub unique_group_names: bool,
}

impl ServiceProvider {
    /// What SCIM is in this account, as it was read.
    pub fn of(schemas: &Schemas, account: &Account) -> Result<ServiceProvider, DbError> {
        Ok(ServiceProvider {
            registry: schemas.of(account).map_err(|error: DocumentError| DbError::from(error))?,
            account_values: account.account_values(),
            inactive_match: account.options.inactive_match,
            unique_group_names: account.options.unique_group_names,
        })
    }

    /// What SCIM is in an account that declares and lists nothing.
    pub fn of_no_account(schemas: &Schemas) -> ServiceProvider {
        ServiceProvider {
            registry: schemas.configured().clone(),
            account_values: AccountValues::default(),
            inactive_match: InactiveMatch::Conflict,
            unique_group_names: false,
        }
    }
}

/// The SCIM engine, as a server runs it.
#[derive(Debug, Clone)]
pub struct ScimEngine {
    /// The schemas of each account.
    pub schemas: Schemas,
    /// Where the SCIM endpoint is: `{public_url}/scim/v2`.
    pub base: Arc<str>,
    /// How much is answered at once, and stored.
    pub limits: Limits,
}

impl ScimEngine {
    /// Runs a piece of the scim crate for an operator or the server itself.
    pub fn run<T>(
        &self,
        provider: &ServiceProvider,
        now: Timestamp,
        run: impl FnOnce(&mut scim::Context<'_>) -> T,
    ) -> T {
        // An operator who creates a user means a new one.
        let provider = ServiceProvider { inactive_match: InactiveMatch::Conflict, ..provider.clone() };
        self.run_with(None, &ToleranceTracker::generous(), &Observations::default(), &provider, now, run)
    }

    /// The same for a client, who may walk lists by cursor and is not forgiven everything.
    pub fn run_with<T>(
        &self,
        cursors: Option<&dyn Cursors>,
        leniency: &ToleranceTracker,
        observations: &Observations,
        provider: &ServiceProvider,
        now: Timestamp,
        run: impl FnOnce(&mut scim::Context<'_>) -> T,
    ) -> T {
        run(&mut scim::Context {
            now: now.millis(),
            new_id: &mut system::new_id,
            is_id: system::is_id,
            registry: &provider.registry,
            account_values: &provider.account_values,
            base: &self.base,
            leniency,
            observations,
            inactive_match: provider.inactive_match,
            unique_group_names: provider.unique_group_names,
            limits: self.limits,
            cursors,
        })
    }
}
