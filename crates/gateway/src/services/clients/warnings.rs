//! What an operator should know about a client before an administrator does: what runs out, what its provider needs, and on whom its
//! connections rest.

use oauth::{Client, GrantType};

use super::first_call;
use crate::domain::account::{Account, ServiceAccounts};
use crate::domain::person;
use crate::domain::profiles::Profile;
use crate::domain::scopes;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::services::service_provider::ScimEngine;
use crate::services::users::warnings as users;
use crate::storage::clients::ClientRecord;
use crate::storage::grant_owners::GrantOwner;
use crate::storage::{DbError, Tx};

/// How many users are named.
const SHOWN: usize = 10;

/// Something that expires within so long is worth a warning.
const SOON_MS: i64 = 30 * 86_400_000;

/// Whether to warn of this end, and in which words.
pub(super) fn ending(expires: Timestamp, now: Timestamp) -> Option<String> {
    let time = system::rfc3339(expires);
    match expires - now {
        left if left <= 0 => Some(format!("expired on {time}")),
        left if left < SOON_MS => Some(format!("expires on {time}, in {} days", left / 86_400_000)),
        _ => None,
    }
}

/// All that is worth a warning about a client.
pub(super) fn of(
    tx: &mut Tx<'_>,
    engine: &ScimEngine,
    record: &ClientRecord,
    account: Option<&Account>,
) -> Result<Vec<String>, DbError> {
    let now = tx.now();
    let mut warnings = first_call::warnings(engine, Profile::of(&record.client), account, now)?;
    if takes_secrets(&record.client) {
        let secrets = tx.client_secrets(record.seq)?;
        for secret in &secrets {
            if let Some(ends) = secret.expires.and_then(|expires| ending(expires, now)) {
                let name = secret.label.as_deref().unwrap_or(&secret.id);
                warnings.push(format!("the client secret “{name}” {ends}"));
            }
        }
        let lives = |expires: Option<Timestamp>| expires.is_none_or(|expires| expires > now);
        if !secrets.is_empty() && !secrets.iter().any(|secret| lives(secret.expires)) {
            warnings.push("every client secret has expired: the client cannot authenticate by one".to_owned());
        }
    }
    for token in tx.static_tokens(record.seq)? {
        if let Some(ends) = ending(token.expires, now) {
            warnings.push(format!("the static token “{}” {ends}", token.name));
        }
    }
    if record.client.scopes.contains(scopes::PROVISION) {
        let owners = tx.owners_of_connections(record.seq)?;
        if let (Some(account), true) = (account, owners.is_empty() && accepts(&record.client)) {
            warnings.extend(of_service_accounts(tx, account)?);
        }
        warnings.extend(of_connections(tx, record, account, &owners)?);
    }
    Ok(warnings)
}

/// On whom the client's connections rest, where that had better be a service account that no identity provider manages.
fn of_connections(
    tx: &mut Tx<'_>,
    record: &ClientRecord,
    account: Option<&Account>,
    owners: &[GrantOwner],
) -> Result<Vec<String>, DbError> {
    let mut warnings = Vec::new();
    let at_risk: Vec<&GrantOwner> = owners.iter().filter(|owner| owner.is_worth_a_warning()).collect();
    for owner in at_risk.iter().take(SHOWN) {
        let of_another = match account {
            Some(_) => None,
            None => tx.account_at(owner.account)?,
        };
        let Some(account) = account.or(of_another.as_ref()) else { continue };
        let passes = tx.successor_of(owner.account, &owner.id)?.is_some();
        let place =
            if record.account.is_none() { format!(" of the account “{}”", account.name) } else { String::new() };
        warnings.push(rests_on(owner, &place, account.options.service_accounts, passes));
    }
    if at_risk.len() > SHOWN {
        warnings.push(format!("so do connections under {} more users", at_risk.len() - SHOWN));
    }
    Ok(warnings)
}

fn rests_on(owner: &GrantOwner, place: &str, policy: ServiceAccounts, passes: bool) -> String {
    let ends = if passes { "the connection passes to the co-owner" } else { "the connection ends" };
    let (name, id) = (&owner.name, &owner.id);
    let remedy = "have a service account that no identity provider manages authenticate instead";
    match (owner.service_account, owner.managed) {
        (true, _) if policy != ServiceAccounts::Writable => format!(
            "a connection belongs to the service account “{name}” ({id}){place}, which an identity provider has written: the account's \
             service_accounts policy refuses further changes by it; exclude the user from its provisioning"
        ),
        (true, _) => format!(
            "a connection belongs to the service account “{name}” ({id}){place}, which is managed by an identity provider: if that \
             deactivates or deletes the user, {ends}; set the account's service_accounts to read_only, or {remedy}"
        ),
        (false, managed) => {
            let managed = if managed { ", which is managed by an identity provider besides" } else { "" };
            format!(
                "a connection belongs to “{name}” ({id}){place}, a personal user and not a service account{managed}: when the user is \
                 deactivated or deleted, {ends}; {remedy}"
            )
        }
    }
}

/// Nothing is connected yet, and none of the account's service accounts could accept it: why not, of each.
fn of_service_accounts(tx: &mut Tx<'_>, account: &Account) -> Result<Vec<String>, DbError> {
    let mut warnings = Vec::new();
    for (key, id, attributes) in tx.service_accounts(account.seq)? {
        let wrong = users::problems(tx, account, key, &attributes)?;
        if wrong.is_empty() {
            return Ok(Vec::new());
        }
        let name = person::name(&attributes);
        warnings.extend(wrong.into_iter().map(|wrong| format!("the service account “{name}” ({id}) {wrong}")));
    }
    warnings.truncate(SHOWN);
    Ok(warnings)
}

/// Whether a user accepts what it connects.
fn accepts(client: &Client) -> bool {
    client.grant_types.contains(&GrantType::AuthorizationCode)
}

fn takes_secrets(client: &Client) -> bool {
    !client.public && client.options.authentication.method.takes_secrets()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::timestamp::ms;

    #[test]
    fn the_last_thirty_days_are_worth_a_warning() {
        let day = 86_400_000;
        assert_eq!(ending(ms(30 * day), ms(0)), None);
        assert_eq!(ending(ms(30 * day - 1), ms(0)).as_deref(), Some("expires on 1970-01-30T23:59:59.999Z, in 29 days"));
        assert_eq!(ending(ms(day), ms(2 * day)).as_deref(), Some("expired on 1970-01-02T00:00:00.000Z"));
    }
}
