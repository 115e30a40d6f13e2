//! What a new connection is called, so that two of one account are told apart.

use scim::key_of_text;

use super::account::{Head, head_of};
use crate::domain::account::Account;
use crate::domain::labels::Called;
use crate::domain::operator::{Mandate, Power};
use crate::domain::schemas::Schemas;
use crate::domain::setup_link::Provider;
use crate::services::accounts;
use crate::services::error::ActError;
use crate::storage::Tx;

/// The service account that is made for a connection unless another one is named.
pub const SERVICE_ACCOUNT: &str = "okta-provisioning";
/// So many connections of an account are looked at.
const CONNECTIONS: i64 = 200;

/// The head of an account, and what its connections are called. Only reads.
pub fn taken_names(tx: &mut Tx<'_>, mandate: &Mandate, id: &str) -> Result<(Head, Vec<String>), ActError> {
    let account = accounts::find(tx, mandate, Power::Read, id)?;
    names_of(tx, &account)
}

/// What a setup page will list for the administrator: each with what it is called.
#[derive(Debug)]
pub struct Lists {
    /// The product environments.
    pub environments: Vec<Called>,
    /// The roles, where the declaration of the attribute lists them.
    pub roles: Vec<Called>,
}

/// The head of an account, what its connections are called, and what its setup pages list. Only reads.
pub fn before(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    schemas: &Schemas,
    id: &str,
) -> Result<(Head, Vec<String>, Lists), ActError> {
    let account = accounts::find(tx, mandate, Power::Read, id)?;
    let (head, names) = names_of(tx, &account)?;
    let roles = accounts::roles(schemas, tx.grant_policy().attribute()).unwrap_or_default();
    let lists = Lists {
        environments: account.options.environment_labels.of_all(&account.product_environments),
        roles: account.options.role_labels.of_all(roles),
    };
    Ok((head, names, lists))
}

fn names_of(tx: &mut Tx<'_>, account: &Account) -> Result<(Head, Vec<String>), ActError> {
    let records = tx.clients_after(Some(account.seq), 0, CONNECTIONS)?;
    let names = records.into_iter().map(|record| record.client.name).collect();
    Ok((head_of(tx, account)?, names))
}

/// The name for a new connection: what was asked for, or else one after its identity provider that no other connection of the account has.
/// A name that is taken is refused with one that is not. Only reads.
pub fn name_for(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    id: &str,
    provider: Provider,
    wanted: &str,
) -> Result<Result<String, String>, ActError> {
    let (_, taken) = taken_names(tx, mandate, id)?;
    Ok(chosen(provider, wanted, &taken))
}

fn chosen(provider: Provider, wanted: &str, taken: &[String]) -> Result<String, String> {
    let base = if wanted.is_empty() { provider.client_name() } else { wanted };
    let is_taken = |name: &str| taken.iter().any(|taken| key_of_text(taken) == key_of_text(name));
    if !is_taken(base) {
        return Ok(base.to_owned());
    }
    let numbered = (2..=taken.len() + 2).map(|n| format!("{base} {n}")).find(|name| !is_taken(name));
    let free = numbered.unwrap_or_else(|| base.to_owned());
    if wanted.is_empty() { Ok(free) } else { Err(free) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_is_told_with_one_that_is_not() {
        let taken = ["Okta".to_owned(), "okta 2".to_owned()];
        assert_eq!(chosen(Provider::Okta, "", &[]), Ok("Okta".to_owned()));
        assert_eq!(chosen(Provider::Okta, "", &taken), Ok("Okta 3".to_owned()));
        assert_eq!(chosen(Provider::Okta, "OKTA", &taken), Err("OKTA 3".to_owned()));
        assert_eq!(chosen(Provider::Okta, "Okta production", &taken), Ok("Okta production".to_owned()));
    }
}
