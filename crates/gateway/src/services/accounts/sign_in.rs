//! Who may log in how: what operators decide for an account. The caller has said who acts.

use oauth::Keyring;

use super::{find, lock};
use crate::domain::account::Account;
use crate::domain::bodies::changes;
use crate::domain::bodies::sign_in::{self as bodies, NewProvider, NewSignalIssuer, SignInChange};
use crate::domain::described::{FieldError, Line, Required};
use crate::domain::event::{Act, Action};
use crate::domain::operator::{Mandate, Power};
use crate::domain::saml::addresses::Addresses;
use crate::domain::sealing;
use crate::domain::sign_in::{Passwords, SignInProvider, SignalIssuer};
use crate::platform::outbound::Outbound;
use crate::platform::system;
use crate::services::error::{ActError, Refusal};
use crate::storage::Tx;
use crate::storage::signal_polls::SignalPoll;

pub mod polling;
pub mod saml;

/// What decisions about logging in go by.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// Which servers may be called.
    pub outbound: &'a Outbound,
    /// Seal providers' secrets.
    pub keys: &'a Keyring,
    /// Where users reach this server.
    pub public_url: &'a str,
    /// The metadata of a SAML provider that was fetched for this change.
    pub metadata: Option<&'a str>,
}

/// What has to be registered at an OpenID provider as the redirect URI.
pub fn redirect_uri(public_url: &str) -> String {
    format!("{public_url}/login/callback")
}

/// Who may log in how in this account. Only reads.
pub fn get(tx: &mut Tx<'_>, mandate: &Mandate, id: &str, public_url: &str) -> Result<bodies::SignIn, ActError> {
    let account = find(tx, mandate, Power::Read, id)?;
    let poll = tx.signal_poll(account.seq)?;
    Ok(overview(&account, poll.as_ref(), public_url))
}

/// Where this account's identity provider asks to have users logged out.
pub fn revocation_endpoint(public_url: &str, account: &str) -> String {
    format!("{public_url}/signals/{account}/global-token-revocation")
}

/// Where this account's identity provider delivers security events.
pub fn events_endpoint(public_url: &str, account: &str) -> String {
    format!("{public_url}/signals/{account}/events")
}

/// What is wrong with the address of a provider: it has to be one that may be called.
pub fn wrong_issuer(change: &SignInChange, outbound: &Outbound) -> Option<FieldError> {
    let wrong = |field: &str, address: &str| {
        let detail = outbound.url(address).err().filter(|_| !address.is_empty())?;
        Some(FieldError { field: field.to_owned(), detail })
    };
    let of_provider = change.provider.value().map(|provider| &provider.issuer);
    let of_signals = change.signals.value();
    let issuer = |field: &str, Required(Line(issuer)): &Required<Line>| wrong(field, issuer);
    let keys = of_signals.and_then(|signals| signals.jwks_uri.as_ref());
    of_provider
        .and_then(|of| issuer("provider.issuer", of))
        .or_else(|| issuer("signals.issuer", &of_signals?.issuer))
        .or_else(|| keys.and_then(|Line(address)| wrong("signals.jwks_uri", address)))
        .or_else(|| polling::wrong(change.signal_poll.value()?, outbound))
}

/// Changes who may log in how.
pub fn change(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    rules: Rules<'_>,
    id: &str,
    change: &SignInChange,
) -> Result<bodies::SignIn, ActError> {
    let mut account = lock(tx, mandate, Power::ChangeAccounts, id)?;
    ActError::unless_right(wrong_issuer(change, rules.outbound))?;
    let poll = tx.signal_poll(account.seq)?;
    let before = overview(&account, poll.as_ref(), rules.public_url);
    if let Some(passwords) = change.passwords.change() {
        account.options.sign_in.passwords = passwords.copied();
    }
    if let Some(second_factor) = change.second_factor.change() {
        account.options.sign_in.second_factor = second_factor.copied().unwrap_or_default();
    }
    match change.provider.change() {
        None => {}
        Some(None) => {
            account.options.sign_in.provider = None;
            tx.set_upstream_secret(account.seq, None)?;
        }
        Some(Some(asked)) => set_provider(tx, rules.keys, &mut account, asked)?,
    }
    match change.saml.change() {
        None => {}
        Some(None) => account.options.sign_in.saml = None,
        Some(Some(asked)) => {
            let known = account.options.sign_in.saml.take();
            let provider = saml::provider(asked, known.as_ref(), rules.metadata);
            account.options.sign_in.saml = Some(provider.map_err(|wrong| Refusal::Invalid(vec![wrong]))?);
        }
    }
    if let Some(signals) = change.signals.change() {
        account.options.sign_in.signals = signals.map(signal_issuer);
    }
    if change.saml.is_named() {
        let entity_id = account.options.sign_in.saml.as_ref().map(|saml| saml.entity_id.as_str());
        tx.set_saml_provider(account.seq, entity_id)?;
    }
    let poll = match change.signal_poll.change() {
        None => poll,
        Some(asked) => polling::set(tx, rules.keys, account.seq, asked, poll)?,
    };
    if poll.is_some() && account.options.sign_in.signal_issuer().is_none() {
        return Err(ActError::field("signal_poll", polling::NEEDS_AN_ISSUER));
    }
    let after = overview(&account, poll.as_ref(), rules.public_url);
    tx.update_account(&account)?.map_err(|_| ActError::conflict("the account's name was taken meanwhile"))?;
    let changed = Act::new(Action::AccountSignInChanged).on_named(&account.id, &account.name);
    tx.raise(tx.now(), Some(account.seq), changed.changing(changes(&before, &after)));
    Ok(after)
}

/// Gives the account this provider. Without a secret it keeps the one it has, as long as the issuer stays.
fn set_provider(tx: &mut Tx<'_>, keys: &Keyring, account: &mut Account, asked: &NewProvider) -> Result<(), ActError> {
    let known = account.options.sign_in.provider.take().filter(|known| known.issuer == asked.issuer.0.0);
    match (&asked.client_secret, known) {
        (Some(Line(secret)), _) => {
            let sealed = keys.seal(sealing::SIGN_IN_SECRET, system::nonce(), secret.as_bytes());
            tx.set_upstream_secret(account.seq, Some(&sealed))?;
        }
        (None, Some(_)) => {}
        (None, None) => return Err(ActError::field("provider.client_secret", "is missing")),
    }
    account.options.sign_in.provider = Some(SignInProvider {
        name: asked.name.0.0.clone(),
        issuer: asked.issuer.0.0.clone(),
        client_id: asked.client_id.0.0.clone(),
        match_by: asked.match_by.unwrap_or_default(),
    });
    Ok(())
}

fn signal_issuer(asked: &NewSignalIssuer) -> SignalIssuer {
    let jwks_uri = asked.jwks_uri.as_ref().map(|Line(address)| address.clone()).filter(|address| !address.is_empty());
    let audience = asked.audience.as_ref().map(|Line(audience)| audience.clone()).filter(|text| !text.is_empty());
    SignalIssuer { issuer: asked.issuer.0.0.clone(), jwks_uri, audience }
}

/// As operators read it: never the secret.
fn overview(account: &Account, poll: Option<&SignalPoll>, public_url: &str) -> bodies::SignIn {
    let sign_in = &account.options.sign_in;
    let passwords = match sign_in.allows_password(false) {
        true => Passwords::Everybody,
        false => Passwords::ServiceAccounts,
    };
    let provider = sign_in.provider.as_ref().map(|provider| bodies::ServiceProvider {
        name: provider.name.clone(),
        issuer: provider.issuer.clone(),
        client_id: provider.client_id.clone(),
        match_by: provider.match_by,
        redirect_uri: redirect_uri(public_url),
    });
    let signals = sign_in.signal_issuer();
    bodies::SignIn {
        passwords,
        second_factor: sign_in.second_factor,
        provider,
        saml: sign_in.saml.as_ref().map(saml::settings),
        saml_addresses: saml::addresses(&Addresses::of(public_url, &account.id)),
        signals: bodies::SignalSettings {
            issuer: signals.as_ref().map(|signals| signals.issuer.clone()),
            jwks_uri: signals.as_ref().and_then(|signals| signals.jwks_uri.clone()),
            audience: signals.and_then(|signals| signals.audience),
            events_endpoint: events_endpoint(public_url, &account.id),
            global_token_revocation_endpoint: revocation_endpoint(public_url, &account.id),
            poll: poll.map(polling::settings),
        },
    }
}
