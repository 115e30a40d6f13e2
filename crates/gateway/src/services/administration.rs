//! What a customer's own administrator sees and does: a user who may accept access looks after the connections of their account, its setup
//! links, how its users log in, and renews its secrets.

use crate::config::OAuth;
use crate::domain::account::Account;
use crate::domain::bodies::clients::secrets::NewSecret;
use crate::domain::bodies::clients::tokens::NewToken;
use crate::domain::bodies::health::ClientHealth;
use crate::domain::bodies::setup_links::SetupLink;
use crate::domain::described::{Name, Required};
use crate::domain::event::{Act, Action};
use crate::domain::operator::{Mandate, Power};
use crate::domain::person;
use crate::domain::profiles::Profile;
use crate::domain::setup_link::{CredentialKind, Provider};
use crate::domain::wording;
use crate::platform::timestamp::Timestamp;
use crate::services::clients::{self, secrets, tokens};
use crate::services::error::ActError;
use crate::services::health::{self, Rules};
use crate::services::sent_form::{self, Drawn, SentForm};
use crate::services::{setup_links, users};
use crate::storage::clients::ClientRecord;
use crate::storage::people::LogInState;
use crate::storage::sessions::Session;
use crate::storage::{DbError, Tx};

/// How many connections, links and users are on a page.
const SHOWN: i64 = 50;

/// A part of a list.
#[derive(Debug)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The row behind which the next one begins, if there is one.
    pub next: Option<i64>,
}

impl<T> Page<T> {
    /// Of rows, of which one more was asked for than a page has.
    fn of(mut rows: Vec<(i64, T)>) -> Page<T> {
        let most = SHOWN as usize;
        let is_more = rows.len() > most;
        rows.truncate(most);
        let next = rows.last().map(|(row, _)| *row).filter(|_| is_more);
        Page { items: rows.into_iter().map(|(_, item)| item).collect(), next }
    }
}

/// How long the older secrets of a client go on after a new one was made, in milliseconds.
pub const KEPT: i64 = 7 * 86_400_000;

/// A user who may accept access for their account.
#[derive(Debug, Clone)]
pub struct Administrator {
    /// Their account.
    pub account: Account,
    /// The name they log in by.
    pub user: String,
    /// Their id.
    pub id: String,
}

impl Administrator {
    /// They look after their own account, and no other.
    fn mandate(&self) -> Mandate {
        Mandate::of_account(self.account.seq)
    }
}

/// The user of a session, if they may accept access. Only reads.
pub fn administrator(tx: &mut Tx<'_>, session: &Session) -> Result<Option<Administrator>, DbError> {
    let Some(user) = tx.active_user(session.owner)? else { return Ok(None) };
    if !tx.grant_policy().may_own_grant(&user.attributes) {
        return Ok(None);
    }
    let account = tx.account_at(session.account)?;
    Ok(account.map(|account| Administrator { account, user: user.user_name().to_owned(), id: user.id }))
}

/// A connection of the account.
#[derive(Debug)]
pub struct OwnConnection {
    /// How it is.
    pub health: ClientHealth,
    /// The identity provider.
    pub provider: Provider,
    /// What of it can be renewed.
    pub renewable: Option<CredentialKind>,
}

/// The connections of the account behind a row. Only reads.
pub fn connections(
    tx: &mut Tx<'_>,
    rules: &Rules<'_>,
    by: &Administrator,
    after: i64,
) -> Result<Page<OwnConnection>, ActError> {
    let found = health::of_account(tx, &by.mandate(), rules, &by.account.id, None, (after, SHOWN))?;
    let mut connections = Vec::with_capacity(found.items.len());
    for health in found.items {
        let record = clients::find(tx, &by.mandate(), Power::Read, &health.client_id)?;
        let renewable = renewable(tx, &record)?;
        connections.push(OwnConnection { health, provider: Provider::of(Profile::of(&record.client)), renewable });
    }
    Ok(Page { items: connections, next: found.next })
}

/// What a client shows to prove who it is, if that can be replaced by its customer.
fn renewable(tx: &mut Tx<'_>, record: &ClientRecord) -> Result<Option<CredentialKind>, DbError> {
    let client = &record.client;
    if client.public || client.disabled {
        return Ok(None);
    }
    if !tx.static_tokens(record.seq)?.is_empty() {
        return Ok(Some(CredentialKind::StaticToken));
    }
    let by_secret = client.options.authentication.method.takes_secrets() && !tx.client_secrets(record.seq)?.is_empty();
    Ok(by_secret.then_some(CredentialKind::ClientSecret))
}

/// A client of the account whose secret can be renewed.
#[derive(Debug, Clone)]
pub struct Renewable {
    /// What the client is called.
    pub name: String,
    /// Where the new secret is pasted.
    pub provider: Provider,
    /// What is renewed.
    pub kind: CredentialKind,
}

/// What would be renewed of a client of the account. Only reads.
pub fn to_renew(tx: &mut Tx<'_>, by: &Administrator, client: &str) -> Result<Renewable, ActError> {
    let record = own(tx, by, client)?;
    let kind = renewable(tx, &record)?.ok_or_else(|| {
        ActError::conflict(
            "this connection has no secret that could be renewed here: ask the people who look after your account",
        )
    })?;
    let provider = Provider::of(Profile::of(&record.client));
    Ok(Renewable { name: record.client.name.clone(), provider, kind })
}

fn own(tx: &mut Tx<'_>, by: &Administrator, client: &str) -> Result<ClientRecord, ActError> {
    let record = clients::find(tx, &by.mandate(), Power::Read, client)?;
    match record.account == Some(by.account.seq) {
        true => Ok(record),
        false => Err(ActError::not_found("client", client)),
    }
}

/// A secret that was renewed.
#[derive(Debug)]
pub struct Renewed {
    /// Of what.
    pub of: Renewable,
    /// The new secret, which is shown this once.
    pub secret: String,
    /// Until when the older ones go on.
    pub older_end: Timestamp,
}

/// Makes a new secret of a client of the account. The older ones go on for [`KEPT`], so that nothing stands still until the new one is
/// pasted. The caller has said who acts.
pub fn renew(
    tx: &mut Tx<'_>,
    cx: &oauth::Context<'_>,
    settings: &OAuth,
    by: &Administrator,
    (client, form): (&str, &SentForm),
) -> Result<Renewed, ActError> {
    let of = to_renew(tx, by, client)?;
    let drawn = form.drawn(match of.kind {
        CredentialKind::ClientSecret => oauth::Prefix::ClientSecret,
        CredentialKind::StaticToken => oauth::Prefix::StaticToken,
    });
    let again = |tx: &mut Tx<'_>| {
        let made = match of.kind {
            CredentialKind::ClientSecret => secrets::again(tx, &by.mandate(), client, &drawn)?.map(|(made, _)| made),
            CredentialKind::StaticToken => tokens::again(tx, &by.mandate(), client, &drawn)?.map(|(made, _)| made),
        };
        let secret = drawn.secret.reveal().to_owned();
        Ok::<_, ActError>(made.map(|made| (made, Renewed { of: of.clone(), secret, older_end: made + KEPT })))
    };
    sent_form::once(tx, form, |tx| renew_once(tx, cx, settings, by, (client, &of, &drawn)), again)
}

fn renew_once(
    tx: &mut Tx<'_>,
    cx: &oauth::Context<'_>,
    settings: &OAuth,
    by: &Administrator,
    (client, of, drawn): (&str, &Renewable, &Drawn),
) -> Result<Renewed, ActError> {
    let record = own(tx, by, client)?;
    let now = tx.now();
    let older_end = now + KEPT;
    let name = Name(format!("{}, {}", person::short_name(&by.user), wording::day(now)));
    let secret = match of.kind {
        CredentialKind::ClientSecret => {
            let new = NewSecret { label: Some(name), expires: None };
            let made = secrets::create(tx, &by.mandate(), cx.keys, settings, client, (&new, drawn))?;
            tx.limit_other_secrets(record.seq, &made.id, older_end)?;
            made.client_secret
        }
        CredentialKind::StaticToken => {
            let new = NewToken { name: Required(name), expires: None, scopes: None };
            let made = tokens::create(tx, &by.mandate(), cx, client, (&new, drawn))?;
            tx.limit_other_static_tokens(record.seq, &made.of.id, older_end)?;
            made.with.token
        }
    };
    let said = format!("a {}; the older ones end on {}", of.kind.name(), wording::format_time(older_end));
    let act = Act::new(Action::ClientCredentialRenewed).on_named(client, &of.name).saying(said);
    tx.raise(now, Some(by.account.seq), act);
    Ok(Renewed { of: of.clone(), secret, older_end })
}

/// The setup links of the account, the newest first, before a row where one is named. Only reads.
pub fn links(tx: &mut Tx<'_>, by: &Administrator, before: Option<i64>) -> Result<Page<SetupLink>, ActError> {
    Ok(Page::of(setup_links::newest(tx, &by.mandate(), &by.account.id, before, SHOWN + 1)?))
}

/// A user of the account, and how they log in.
#[derive(Debug)]
pub struct Person {
    /// What they are called.
    pub name: String,
    /// The name they log in by.
    pub user_name: String,
    /// How they log in.
    pub state: LogInState,
    /// What keeps a service account from accepting access.
    pub problems: Vec<String>,
    /// Whether they may accept access.
    pub administers: bool,
}

/// How the users of the account behind a row log in: on each page service accounts first. Only reads.
pub fn people(tx: &mut Tx<'_>, by: &Administrator, after: i64) -> Result<Page<Person>, DbError> {
    let policy = tx.grant_policy();
    let states = tx.log_in_states(by.account.seq, after, SHOWN + 1)?;
    let mut states = Page::of(states.into_iter().map(|state| (state.user.into(), state)).collect());
    states.items.sort_by_key(|state| !state.service_account);
    let mut people = Vec::new();
    for state in states.items {
        let problems = match state.service_account {
            true => users::warnings::problems(tx, &by.account, state.user, &state.attributes)?,
            false => Vec::new(),
        };
        let user_name = state.attributes.get("userName").and_then(serde_json::Value::as_str).unwrap_or_default();
        people.push(Person {
            name: person::name(&state.attributes),
            user_name: user_name.to_owned(),
            administers: policy.may_own_grant(&state.attributes),
            problems,
            state,
        });
    }
    Ok(Page { items: people, next: states.next })
}
