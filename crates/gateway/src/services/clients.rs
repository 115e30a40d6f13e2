//! OAuth clients: registered, changed and deleted, with their secrets and static tokens.
//!
//! The caller has said who acts ([`Tx::act_as`]).

use oauth::client::Mistake;
use oauth::{EndReason, Keyring};
use serde_json::{Map, Value};

use super::accounts;
use super::error::ActError;
use super::logouts;
use super::service_provider::ScimEngine;
use crate::config;
use crate::domain::bodies::changes;
use crate::domain::bodies::clients::{self as bodies, ClientChange, ClientOptions, FirstSecret};
use crate::domain::described::{Body, FieldError, Flat, Mistakes, Name, Sometimes, Time, With};
use crate::domain::event::{Act, Action};
use crate::domain::ids::{AccountKey, ClientKey};
use crate::domain::operator::{Mandate, Power};
use crate::domain::profiles::AppName;
use crate::domain::setup::workload::Workload;
use crate::platform::outbound::Outbound;
use crate::platform::outbound::jwks::PublishedKeys;
use crate::platform::system;
use crate::storage::clients::ClientRecord;
use crate::storage::{DbError, Tx};

mod authentication;
pub mod fields;
mod first_call;
mod lifetimes;
mod new;
mod overview;
pub mod recording;
mod registration;
pub mod secrets;
mod sheet;
pub mod tokens;
pub mod tolerances;
mod warnings;

use authentication::Asked;
pub use new::CheckedClient;
pub(super) use sheet::of as sheet_of;

/// The installation at which clients are registered.
#[allow(missing_debug_implementations)]
#[derive(Clone)]
pub struct Installation<'a> {
    /// The base of every URL that a client is told.
    pub public_url: &'a str,
    /// What operators set of OAuth.
    pub settings: &'a config::OAuth,
    /// What the protocol goes by.
    pub protocol: &'a oauth::Settings,
    /// Make the fingerprints of secrets.
    pub keys: &'a Keyring,
    /// Which servers may be called.
    pub outbound: &'a Outbound,
    /// Keys that clients and their identity providers keep.
    pub published_keys: &'a PublishedKeys,
    /// What identity providers will call.
    pub scim: ScimEngine,
}

/// The client with this id, for an act that needs this power. What is out of reach does not exist.
pub fn find(tx: &mut Tx<'_>, mandate: &Mandate, power: Power, id: &str) -> Result<ClientRecord, ActError> {
    mandate.may(power)?;
    let record = tx.client_record(id)?.filter(|record| mandate.reaches(record.account));
    record.ok_or_else(|| ActError::not_found("client", id))
}

/// The account in which clients are listed or registered, or none of them: that concerns all accounts.
fn place(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    power: Power,
    account: Option<&str>,
) -> Result<Option<AccountKey>, ActError> {
    match account {
        Some(id) => Ok(Some(accounts::find(tx, mandate, power, id)?.seq)),
        None => {
            mandate.may_everywhere(power)?;
            Ok(None)
        }
    }
}

/// A client as operators read it. Only reads.
pub fn get(tx: &mut Tx<'_>, mandate: &Mandate, at: &Installation<'_>, id: &str) -> Result<bodies::Client, ActError> {
    let record = find(tx, mandate, Power::Read, id)?;
    Ok(overview::of(tx, at, &record)?)
}

/// The clients of an account, or of none, that follow a row; each with its row. Only reads.
pub fn list(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    at: &Installation<'_>,
    account: Option<&str>,
    after: i64,
    limit: i64,
) -> Result<Vec<(i64, bodies::Client)>, ActError> {
    let account = place(tx, mandate, Power::Read, account)?;
    let records = tx.clients_after(account, after, limit)?;
    records.iter().map(|record| Ok((record.seq.into(), overview::of(tx, at, record)?))).collect()
}

/// Registers a client of an account, or one that all accounts share. Its first secret is shown this once, to an operator who may see
/// secrets; for another none is made, and a setup link gives the customer one.
pub fn create(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    at: &Installation<'_>,
    account: Option<&str>,
    checked: &CheckedClient,
) -> Result<With<bodies::Client, FirstSecret>, ActError> {
    let now = tx.now();
    let account = place(tx, mandate, Power::ChangeClients, account)?;
    may_name_keys(mandate, &checked.options)?;
    let record = register(tx, account, checked)?;
    let mut with = FirstSecret { client_secret: Sometimes(None), client_secret_expires: Sometimes(None) };
    if secrets::is_of_use(&record.client) && mandate.has(Power::ManageSecrets) {
        let secret = oauth::generated(oauth::Prefix::ClientSecret, &mut system::fill);
        let expires = secrets::expiry(at.settings, &record.client, now);
        let fingerprint = at.keys.fingerprint(&secret);
        tx.insert_client_secret(record.seq, &system::new_uuid(), &fingerprint, None, now, expires)?;
        with = FirstSecret {
            client_secret: Sometimes(Some(secret)),
            client_secret_expires: Sometimes(Some(expires.map(Time))),
        };
    }
    let mut of = overview::of(tx, at, &record)?;
    of.warnings.extend_from_slice(&checked.warnings);
    Ok(With { of, with })
}

/// Keys of a client are for operators who may know its secrets.
fn may_name_keys(mandate: &Mandate, options: &ClientOptions) -> Result<(), ActError> {
    if Asked::of(options).names_keys() { Ok(mandate.may(Power::ManageSecrets)?) } else { Ok(()) }
}

/// Registers a client without a secret.
pub(super) fn register(
    tx: &mut Tx<'_>,
    account: Option<AccountKey>,
    checked: &CheckedClient,
) -> Result<ClientRecord, DbError> {
    let now = tx.now();
    let mut record = checked.record(now, account);
    tx.insert_client(&mut record)?;
    let client = &record.client;
    tx.raise(now, account, Act::new(Action::ClientCreated).on_named(client.id.as_str(), &client.name));
    Ok(record)
}

/// A change of a client whose addresses were tried out.
#[derive(Debug, Clone)]
pub struct CheckedChange {
    change: ClientChange,
    secret_days: Option<Option<u32>>,
    warnings: Vec<String>,
}

impl CheckedChange {
    /// Another variable name of an Okta app, which has no address to be tried out.
    pub(super) fn of_app_name(name: &AppName) -> CheckedChange {
        let fields = Map::from_iter([("okta_app_name".to_owned(), Value::from(name.as_str()))]);
        let change = ClientChange::read_whole(fields, &mut Mistakes::default());
        CheckedChange { change, secret_days: None, warnings: Vec::new() }
    }

    /// Entra's workload identity, whose addresses are Microsoft's: they are not tried out.
    pub(super) fn of_workload(workload: &Workload) -> CheckedChange {
        let fields = Map::from_iter([("federation".to_owned(), workload.to_federation())]);
        let change = ClientChange::read_whole(fields, &mut Mistakes::default());
        CheckedChange { change, secret_days: None, warnings: Vec::new() }
    }

    /// Checks what can be checked without the client: all mistakes at once.
    pub async fn of(
        mandate: &Mandate,
        change: &ClientChange,
        at: &Installation<'_>,
    ) -> Result<CheckedChange, Vec<FieldError>> {
        let mut mistakes = Mistakes::default();
        let Flat(options) = &change.options;
        let secret_days = secrets::lifetime(options, None).unwrap_or_else(|FieldError { field, detail }| {
            mistakes.note(field, detail);
            None
        });
        logouts::check(options, at.outbound, &mut mistakes);
        let warnings = Asked::of(options).try_addresses(mandate, at, &mut mistakes).await;
        mistakes.finish()?;
        Ok(CheckedChange { change: change.clone(), secret_days, warnings })
    }
}

/// Changes a client. What is left out stays; the whole is checked again.
pub fn change(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    at: &Installation<'_>,
    id: &str,
    checked: &CheckedChange,
) -> Result<bodies::Client, ActError> {
    let mut record = find(tx, mandate, Power::ChangeClients, id)?;
    let Flat(options) = &checked.change.options;
    may_name_keys(mandate, options)?;
    apply(tx, at, &mut record, checked)
}

/// Changes a client that was read.
pub(super) fn apply(
    tx: &mut Tx<'_>,
    at: &Installation<'_>,
    record: &mut ClientRecord,
    checked: &CheckedChange,
) -> Result<bodies::Client, ActError> {
    let ClientChange { name, disabled, options: Flat(options), .. } = &checked.change;
    let before = overview::of(tx, at, record)?;
    let whole = registration::over(record, options).check(at.protocol, at.settings.allow_okta_internal_http);
    let registered = whole.map_err(|mistakes| {
        let told = mistakes.into_iter().map(|Mistake { field, detail }| FieldError { field, detail });
        ActError::invalid(told.collect())
    })?;
    record.okta_app_name = registered.okta_app_name.map(|name| name.as_str().to_owned());
    let client = &mut record.client;
    client.redirect_uris = registered.client.redirect_uris;
    client.grant_types = registered.client.grant_types;
    client.scopes = registered.client.scopes;
    client.default_scope = registered.client.default_scope;
    client.require_pkce = registered.client.require_pkce;
    client.options.tokens = registered.client.tokens;
    client.options.post_logout_redirect_uris = registered.client.post_logout_redirect_uris;
    client.options.authentication = registered.client.authentication;
    if let Some(days) = checked.secret_days {
        client.options.secret_lifetime_days = days;
    }
    if let Some(Name(name)) = name {
        client.name.clone_from(name);
    }
    let action = match disabled {
        Some(true) if !client.disabled => Action::ClientDisabled,
        Some(false) if client.disabled => Action::ClientEnabled,
        _ => Action::ClientChanged,
    };
    client.disabled = disabled.unwrap_or(client.disabled);
    lifetimes::set(options, &mut client.options);
    logouts::set(options, &mut client.options);
    let said = tolerances::apply(options.tolerances.as_ref(), &mut record.scim.tolerances);
    tx.update_client(record)?;
    let mut after = overview::of(tx, at, record)?;
    let changed = Act::new(action).on_named(record.client.id.as_str(), &record.client.name).saying(said);
    tx.raise(tx.now(), record.account, changed.changing(changes(&before, &after)));
    after.warnings.extend_from_slice(&checked.warnings);
    Ok(after)
}

/// Deletes a client and ends its grants.
pub fn delete(tx: &mut Tx<'_>, mandate: &Mandate, id: &str) -> Result<(), ActError> {
    let (record, now) = (find(tx, mandate, Power::Delete, id)?, tx.now());
    tx.raise(now, record.account, Act::new(Action::ClientDeleted).on_named(id, &record.client.name));
    tx.end_grants_of_client(record.seq, now, EndReason::ClientDeleted)?;
    tx.delete_client(record.seq)?;
    Ok(())
}

/// Ends one of a client's secrets or tokens: what it is called, and what the audit trail says of it.
fn revoke_credential(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    client: &str,
    credential: &str,
    (what, action): (&'static str, Action),
    end: fn(&mut Tx<'_>, ClientKey, &str) -> Result<bool, DbError>,
) -> Result<(), ActError> {
    let record = find(tx, mandate, Power::ManageSecrets, client)?;
    if !end(tx, record.seq, credential)? {
        return Err(ActError::not_found(what, credential));
    }
    let ended = Act::new(action).on_named(client, &record.client.name).saying(credential.to_owned());
    tx.raise(tx.now(), record.account, ended);
    Ok(())
}
