//! What a customer's administrator reads and does on their setup page. The link is what they act by, and it opens one client.

use oauth::{Fingerprint, Keyring};
use scim::schema::{CanonicalValues, GROUP, USER};
use scim::{Id, Store};
use serde_json::Value;

use super::accounts::sign_in::revocation_endpoint;
use super::clients::{self, CheckedChange, Installation};
use super::error::ActError;
use super::health::{self, Rules};
use super::service_provider::{ScimEngine, ServiceProvider};
use super::users;
use crate::domain::account::{Account, ENVIRONMENTS_ATTRIBUTE, ListSeparator};
use crate::domain::actor::{Actor, Named, Source};
use crate::domain::event::{Act, Action};
use crate::domain::fields::REQUESTS;
use crate::domain::ids::{AccountKey, UserKey};
use crate::domain::notice::{NoticeKind, SecretAskedAgain};
use crate::domain::profiles::AppName;
use crate::domain::saml::addresses::Addresses;
use crate::domain::setup::checks::Known;
use crate::domain::setup::view::{self, Shown};
use crate::domain::setup::workload::Workload;
use crate::domain::setup::{Guide, Saml, Values};
use crate::domain::setup_link::{CredentialKind, Done, LinkState, Provider, SetupLink};
use crate::domain::wording;
use crate::platform::password_hasher::commonest;
use crate::platform::timestamp::Timestamp;
use crate::storage::clients::ClientRecord;
use crate::storage::{DbError, Tx};

/// So long after a secret was made, or a password set, another one has to wait, in milliseconds.
const PAUSE_MS: i64 = 5_000;
/// Operators are told of refused reveals once in so long.
const TOLD_MS: i64 = 3_600_000;

/// A link that exists, with what it is for.
#[derive(Debug)]
pub struct Visit {
    /// The link.
    pub link: SetupLink,
    /// The client that is set up.
    pub client: ClientRecord,
    /// Its account.
    pub account: Account,
    /// How the link is.
    pub state: LinkState,
}

impl Visit {
    /// Whether the page can be used.
    pub fn is_open(&self) -> bool {
        self.state.is_open() && self.account.suspended.is_none()
    }
}

/// The service account whose password is set.
#[derive(Debug)]
pub struct PasswordOwner {
    /// Its account.
    pub account: AccountKey,
    /// What a password of it must not be.
    names: Vec<String>,
}

impl PasswordOwner {
    /// Why this cannot be its password.
    pub fn refusal(&self, password: &str) -> Option<String> {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        commonest::refusal(password, &names)
    }
}

/// The service account of an open link.
pub fn password_owner(tx: &mut Tx<'_>, fingerprint: &Fingerprint) -> Result<Option<PasswordOwner>, DbError> {
    let Some(visit) = find(tx, fingerprint)?.filter(Visit::is_open) else { return Ok(None) };
    let (name, _) = service_account(tx, &visit)?;
    Ok(Some(PasswordOwner { account: visit.account.seq, names: vec![visit.account.name, name] }))
}

/// The link, if there is one; of a deleted account there is none.
fn visit(tx: &mut Tx<'_>, link: Option<SetupLink>) -> Result<Option<Visit>, DbError> {
    let Some(link) = link else { return Ok(None) };
    let client = tx.clients_at(&[link.client])?.pop();
    let account = tx.account_at(link.account)?;
    let state = link.state(tx.now());
    Ok(client.zip(account).map(|(client, account)| Visit { link, client, account, state }))
}

/// Reads a link.
pub fn find(tx: &mut Tx<'_>, fingerprint: &Fingerprint) -> Result<Option<Visit>, DbError> {
    let link = tx.setup_link(fingerprint)?;
    visit(tx, link)
}

/// What the page shows.
#[derive(Debug)]
pub struct Page {
    /// Whose link it is.
    pub visit: Visit,
    /// The steps.
    pub shown: Shown,
    /// What their texts stand for.
    pub values: Values,
    /// Whether the service account has a password.
    pub has_password: bool,
    /// The name of the OpenID provider that the account's people log in at.
    pub sign_in_provider: Option<String>,
    /// When the credential that was revealed was last used; `None` if it never was, or is no longer there.
    pub credential_used: Option<Timestamp>,
}

/// Collects what the page shows of an open link. Only reads.
pub fn page(
    tx: &mut Tx<'_>,
    at: &Installation<'_>,
    rules: &Rules<'_>,
    vendor: &str,
    visit: Visit,
) -> Result<Option<Page>, ActError> {
    let Visit { link, client, account, .. } = &visit;
    let now = tx.now();
    let guide = Guide::of(link.provider);
    let (service_account, has_password) = service_account(tx, &visit)?;
    let registry = ServiceProvider::of(&at.scim.schemas, account)?.registry;
    let users = registry.get(USER);
    let policy = tx.grant_policy();
    let roles = match users.attribute(policy.attribute()).map(|attribute| &attribute.canonical_values) {
        Some(CanonicalValues::Only(roles)) => roles.clone(),
        _ => Vec::new(),
    };
    let sheet = clients::sheet_of(at, &client.client);
    let values = Values {
        vendor: vendor.to_owned(),
        provider: link.provider.name(),
        origin: at.public_url.to_owned(),
        scim_base: sheet.scim_base_url.0.unwrap_or_default(),
        token_url: sheet.token_url.0.unwrap_or_default(),
        authorization_url: sheet.authorization_url.0.unwrap_or_default(),
        client_id: sheet.client_id.0.unwrap_or_default(),
        saml: Some(rules.config.setup.saml.clone().unwrap_or_else(|| here(at.public_url, account))),
        revocation_endpoint: revocation_endpoint(at.public_url, &account.id),
        has_signals: account.options.sign_in.signal_issuer().is_some(),
        service_account,
        roles: account.options.role_labels.of_all(&roles),
        separator: account.options.list_separator.map(ListSeparator::as_char),
        environments: users
            .attribute(ENVIRONMENTS_ATTRIBUTE)
            .map(|_| account.options.environment_labels.of_all(&account.product_environments)),
    };
    let groups = tx.field_counts(client.seq)?;
    let groups = groups.iter().find(|((kind, name), _)| *kind == GROUP.0 && **name == *REQUESTS);
    let groups =
        groups.map_or(0, |(_, count)| (count.arrived.count + count.changed.count - count.refused.count).max(0));
    let credential_used = credential_used(tx, link)?;
    let Some(looked) = health::look(tx, rules, vec![client.clone()])?.pop() else { return Ok(None) };
    let variable = client.okta_app_name.as_deref();
    let known = Known { facts: &looked.facts, has_password, variable, groups, now };
    let shown = view::show(guide, &values, &known, &link.progress);
    let sign_in_provider = account.options.sign_in.provider_name().map(str::to_owned);
    Ok(Some(Page { shown, values, has_password, sign_in_provider, credential_used, visit }))
}

/// Single sign-on at this server, for vendors whose product has none of its own.
fn here(public_url: &str, account: &Account) -> Saml {
    let addresses = Addresses::of(public_url, &account.id);
    Saml { acs_url: addresses.consumer, audience: addresses.audience, other_acs_url: Some(addresses.shared_consumer) }
}

fn credential_used(tx: &mut Tx<'_>, link: &SetupLink) -> Result<Option<Timestamp>, DbError> {
    let Some(id) = &link.credential else { return Ok(None) };
    Ok(match link.provider.credential() {
        CredentialKind::ClientSecret => tx
            .client_secrets(link.client)?
            .into_iter()
            .find(|secret| secret.id == *id)
            .and_then(|secret| secret.last_used),
        CredentialKind::StaticToken => {
            tx.static_tokens(link.client)?.into_iter().find(|token| token.id == *id).and_then(|token| token.last_used)
        }
    })
}

/// What the service account is called, and whether it has a password.
fn service_account(tx: &mut Tx<'_>, visit: &Visit) -> Result<(String, bool), DbError> {
    let Some(id) = visit.link.service_account.as_deref().and_then(Id::new) else { return Ok((String::new(), false)) };
    let now = tx.now();
    let Some(user) = tx.in_account(visit.account.seq, now, false).get(USER, &id)? else {
        return Ok((String::new(), false));
    };
    let name = user.resource.attributes().get("userName").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok((name, tx.has_password(visit.account.seq, UserKey::of_user(user.handle))?))
}

/// What becomes of an act by a link.
#[derive(Debug)]
pub enum Outcome<T> {
    /// It was done.
    Done(T),
    /// There is no such link, or it is closed.
    Closed,
    /// The last one was a moment ago.
    TooSoon,
}

/// An act by a link: it is locked, and the trail knows it as the actor.
fn act<T>(
    tx: &mut Tx<'_>,
    fingerprint: &Fingerprint,
    source: &Source,
    work: impl FnOnce(&mut Tx<'_>, &mut Visit, Done) -> Result<Outcome<T>, ActError>,
) -> Result<Outcome<T>, ActError> {
    let link = tx.lock_setup_link(fingerprint)?;
    let Some(mut visit) = visit(tx, link)?.filter(Visit::is_open) else { return Ok(Outcome::Closed) };
    let name = format!("the setup link of {}", visit.client.client.name);
    tx.act_as(Actor::SetupLink(Named::new(&visit.link.id, name)).at(source.clone()));
    let now = Done { at: tx.now(), from: source.address.clone() };
    let before = visit.link.clone();
    if visit.link.opened.is_none() {
        visit.link.opened = Some(now.clone());
        raise(tx, &visit, Action::SetupLinkOpened, None);
    }
    let outcome = work(tx, &mut visit, now)?;
    if visit.link != before {
        tx.update_setup_link(&visit.link)?;
    }
    Ok(outcome)
}

fn raise(tx: &mut Tx<'_>, visit: &Visit, action: Action, said: Option<String>) {
    let client = &visit.client.client;
    let said = said.map_or_else(|| visit.link.id.clone(), |said| format!("{}: {said}", visit.link.id));
    let act = Act::new(action).on_named(client.id.as_str(), &client.name).saying(said);
    let now = tx.now();
    tx.raise(now, Some(visit.account.seq), act);
}

/// Notes that a browser opened the page.
pub fn note_opened(tx: &mut Tx<'_>, fingerprint: &Fingerprint, source: &Source) -> Result<(), ActError> {
    act(tx, fingerprint, source, |_, _, _| Ok(Outcome::Done(()))).map(|_| ())
}

/// What came of asking for the secret.
#[derive(Debug)]
pub enum Reveal {
    /// It was made, and is shown this once.
    Shown {
        /// Which.
        kind: CredentialKind,
        /// The secret or the static token.
        text: String,
        /// When it stops counting.
        expires: Option<Timestamp>,
    },
    /// It was shown before.
    Before(Done),
}

/// Makes the client's secret or static token, and ends the one that was revealed before. `replaces` is the id of that one: who does not
/// name it has a page on which none was revealed yet, and is refused.
pub fn reveal(
    tx: &mut Tx<'_>,
    at: &Installation<'_>,
    cx: &oauth::Context<'_>,
    fingerprint: &Fingerprint,
    source: &Source,
    replaces: &str,
) -> Result<Outcome<Reveal>, ActError> {
    act(tx, fingerprint, source, |tx, visit, now| {
        let kind = visit.link.provider.credential();
        if let Some(before) = visit.link.revealed.clone() {
            if visit.link.credential.as_deref() != Some(replaces) {
                return refuse_reveal(tx, visit, before, now);
            }
            if now.at - before.at < PAUSE_MS {
                return Ok(Outcome::TooSoon);
            }
            let ended = match kind {
                CredentialKind::ClientSecret => clients::secrets::revoke_of(tx, &visit.client, replaces),
                CredentialKind::StaticToken => clients::tokens::revoke_of(tx, &visit.client, replaces),
            };
            ended?; // one that an operator ended already is not there, which is as well
        }
        let (id, text, expires) = match kind {
            CredentialKind::ClientSecret => {
                clients::secrets::issue(tx, at.keys, at.settings, &visit.client, "setup link")?
            }
            CredentialKind::StaticToken => clients::tokens::issue(tx, cx, &visit.client, "setup link")?,
        };
        visit.link.revealed = Some(now);
        visit.link.credential = Some(id);
        raise(tx, visit, Action::SetupLinkRevealed, Some(kind.name().to_owned()));
        Ok(Outcome::Done(Reveal::Shown { kind, text, expires }))
    })
}

fn refuse_reveal(tx: &mut Tx<'_>, visit: &mut Visit, before: Done, now: Done) -> Result<Outcome<Reveal>, ActError> {
    let is_told = visit.link.refused.as_ref().is_some_and(|refused| now.at - refused.at < TOLD_MS);
    if !is_told {
        let told = SecretAskedAgain {
            client: visit.client.client.name.clone(),
            revealed: before.at,
            revealed_from: before.from.clone(),
            from: now.from.clone(),
        };
        tx.insert_notice_to_operators(visit.account.seq, &NoticeKind::SecretAskedAgain(told), now.at)?;
    }
    visit.link.refused_reveals += 1;
    visit.link.refused = Some(now);
    let said = format!("it was revealed on {}", wording::format_time(before.at));
    raise(tx, visit, Action::SetupLinkRefused, Some(said));
    Ok(Outcome::Done(Reveal::Before(before)))
}

/// Registers the variable name of the app: the redirect URIs follow from it.
pub fn register_variable(
    tx: &mut Tx<'_>,
    at: &Installation<'_>,
    fingerprint: &Fingerprint,
    source: &Source,
    name: &AppName,
) -> Result<Outcome<()>, ActError> {
    act(tx, fingerprint, source, |tx, visit, _| {
        clients::apply(tx, at, &mut visit.client, &CheckedChange::of_app_name(name))?;
        Ok(Outcome::Done(()))
    })
}

/// Registers Entra's workload identity: tokens that the customer's tenant signs count as the client's, and a secret is not needed.
pub fn register_workload(
    tx: &mut Tx<'_>,
    at: &Installation<'_>,
    fingerprint: &Fingerprint,
    source: &Source,
    workload: &Workload,
) -> Result<Outcome<()>, ActError> {
    act(tx, fingerprint, source, |tx, visit, _| {
        if visit.link.provider != Provider::Entra {
            return Ok(Outcome::Closed);
        }
        clients::apply(tx, at, &mut visit.client, &CheckedChange::of_workload(workload))?;
        Ok(Outcome::Done(()))
    })
}

/// Sets the password of the service account that the link names.
pub fn set_password(
    tx: &mut Tx<'_>,
    engine: &ScimEngine,
    fingerprint: &Fingerprint,
    source: &Source,
    hash: &str,
) -> Result<Outcome<()>, ActError> {
    act(tx, fingerprint, source, |tx, visit, now| {
        let Some(user) = visit.link.service_account.clone() else { return Ok(Outcome::Closed) };
        if visit.link.progress.password_set.is_some_and(|set| now.at - set < PAUSE_MS) {
            return Ok(Outcome::TooSoon);
        }
        users::set_service_password(tx, engine, &visit.account, &user, hash)?;
        visit.link.progress.password_set = Some(now.at);
        Ok(Outcome::Done(()))
    })
}

/// Marks a step as done, or takes the mark away.
pub fn mark(
    tx: &mut Tx<'_>,
    fingerprint: &Fingerprint,
    source: &Source,
    step: &str,
    done: bool,
) -> Result<Outcome<()>, ActError> {
    act(tx, fingerprint, source, |_, visit, now| {
        let guide = Guide::of(visit.link.provider);
        let Some(step) = guide.steps.iter().find(|known| known.id == step) else { return Ok(Outcome::Done(())) };
        let marked = &mut visit.link.progress.marked;
        match done {
            true => _ = marked.entry(step.id.to_owned()).or_insert(now.at),
            false => _ = marked.remove(step.id),
        }
        Ok(Outcome::Done(()))
    })
}

/// Finishes the setup, which closes the link.
pub fn finish(tx: &mut Tx<'_>, fingerprint: &Fingerprint, source: &Source) -> Result<Outcome<()>, ActError> {
    act(tx, fingerprint, source, |tx, visit, now| {
        visit.link.finished = Some(now.at);
        raise(tx, visit, Action::SetupLinkFinished, None);
        Ok(Outcome::Done(()))
    })
}

/// What is stored of a link's token.
pub fn fingerprint(keys: &Keyring, token: &str) -> Fingerprint {
    keys.fingerprint(token)
}
