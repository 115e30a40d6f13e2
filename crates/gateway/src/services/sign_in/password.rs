//! **Proof** by password. What happens does not depend on whether there is a user of the name, nor on how many have it
//! ([why](../../../../../docs/decisions/0032-which-of-several-users-of-a-name-logs-in.md)).

use oauth::{Authentication, ClientId, Keyring};
use scim::resource::user_name::{log_in_key, trimmed};

use super::attempt::{Candidate, Verified};
use super::{AuthenticatedUser, Refused};
use crate::domain::account::Account;
use crate::domain::actor::Source;
use crate::domain::device::Device;
use crate::domain::event::{Act, Action};
use crate::domain::ids::AccountKey;
use crate::domain::request::{OwnCode, Refusal};
use crate::domain::throttle::{AttemptKey, place};
use crate::platform::timestamp::Timestamp;
use crate::platform::turns::Payer;
use crate::storage::logins::Login;
use crate::storage::{DbError, Tx};

const WRONG: &str = "The user name or the password is not right.";
const WRONG_OR_UNCLEAR: &str = "The user name or the password is not right. If you have this user name in more than one account, \
     name the account, too.";

/// An attempt to log in.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The client that sent the user, which may tell the account.
    pub client: Option<ClientId>,
    /// The name, as it was typed.
    pub username: String,
    /// The account, where one is named.
    pub account: String,
    /// The browser, if users have logged in with it before.
    pub device: Option<Device>,
    /// The network address.
    pub source: Source,
}

/// Whom a name means: one user at most.
#[derive(Debug, Clone)]
pub struct Meant {
    login: Option<Login>,
    /// The account was not known from the client, and could be named.
    asked_for_account: bool,
    unclear: Option<Unclear>,
}

/// Why not one of several, for the audit trail of this account or of none.
type Unclear = (Option<AccountKey>, String);

/// **Who are you**: which user a name may be, unless it was tried too often of late. Only reads.
pub fn who(
    tx: &mut Tx<'_>,
    keys: &Keyring,
    attempt: &Attempt,
    now: Timestamp,
) -> Result<Result<Candidate<Meant>, Refused>, DbError> {
    let key = log_in_key(&attempt.username);
    let of_client = match &attempt.client {
        Some(client) => tx.account_of_client(client)?.map(|account| account.seq),
        None => None,
    };
    let candidates = match (of_client, attempt.account.as_str()) {
        (Some(account), _) => tx.logins_named(&key, Some(account))?,
        (None, "") => tx.logins_named(&key, None)?,
        (None, named) => match tx.account_called(named)? {
            Some(account) => tx.logins_named(&key, Some(account))?,
            None => Vec::new(),
        },
    };
    let knows = |login: &Login| attempt.device.as_ref().is_some_and(|device| device.knows(&login.id));
    // A browser that one of the candidates has logged in with before has a count of its own, so that strangers cannot make its owner
    // wait.
    let counts = match &attempt.device {
        Some(device) if candidates.iter().any(knows) => AttemptKey::known_device(keys, &key, &device.id),
        _ => AttemptKey::log_in(keys, &key, attempt.source.address.as_deref()),
    };
    let payer = match of_client {
        Some(account) => account.payer(),
        None => Payer::called("address", &place(attempt.source.address.as_deref())),
    };
    let (login, unclear) = meant(tx, candidates, knows, &attempt.username)?;
    let hash = login.as_ref().and_then(|login| login.password_hash.clone());
    let who = Meant { login, asked_for_account: of_client.is_none(), unclear };
    Candidate { who, hash, counts, payer }.unless_blocked(tx, now)
}

/// Which one of several: whom this browser knows; of one account, whose name was typed to the letter. One at most, so that one hash
/// is computed however many have the name.
fn meant(
    tx: &mut Tx<'_>,
    mut candidates: Vec<Login>,
    knows: impl Fn(&Login) -> bool,
    typed: &str,
) -> Result<(Option<Login>, Option<Unclear>), DbError> {
    if candidates.len() < 2 {
        return Ok((candidates.pop(), None));
    }
    let account = candidates.first().map(|login| login.account);
    let account = account.filter(|first| candidates.iter().all(|login| login.account == *first));
    let ids: Vec<&str> = candidates.iter().take(10).map(|login| login.id.as_str()).collect();
    let unclear = match account {
        Some(_) => format!("several users have this name, and none is written as it was typed: {}", ids.join(", ")),
        None => "the name exists in several accounts, and none was named".to_owned(),
    };
    let mut fits: Vec<bool> = candidates.iter().map(&knows).collect();
    if account.is_some() {
        let names = tx.user_names_of(&candidates)?;
        fits = names.iter().map(|name| name == typed || name == trimmed(typed)).collect();
    }
    let mut fitting = candidates.into_iter().zip(fits).filter(|(_, fits)| *fits).map(|(login, _)| login);
    Ok(match (fitting.next(), fitting.next()) {
        (Some(login), None) => (Some(login), None),
        _ => (None, Some((account, unclear))),
    })
}

impl Verified<Meant> {
    /// Notes what came of it, and says who it is or what they are told. The caller has said who acts.
    pub fn prove(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Result<AuthenticatedUser, Refused>, DbError> {
        let Meant { login, asked_for_account, unclear } = &self.who;
        // The password may have been changed, and its user deleted, while it was compared.
        let is_still = match login {
            Some(login) => tx.password_hash_of(login.account, login.resource)? == login.password_hash,
            None => false,
        };
        let found = login.as_ref().filter(|_| self.is_right && is_still);
        if found.is_some() {
            self.succeeded(tx)?;
        }
        let (account, act) = match (found, unclear) {
            (Some(login), _) => (Some(login.account), Act::new(Action::LoginSucceeded).on(&login.id)),
            (None, Some((account, why))) => (*account, Act::new(Action::LoginFailed).saying(why.clone())),
            (None, None) => (None, Act::new(Action::LoginFailed)),
        };
        tx.raise(now, account, act);
        let Some(login) = found else {
            let wrong = if *asked_for_account { WRONG_OR_UNCLEAR } else { WRONG };
            return Ok(Err(Refused::because(OwnCode::PasswordWrong, wrong)));
        };
        if let Some(suspended) = suspended(tx.account_at(login.account)?.as_ref()) {
            return Ok(Err(Refused { refusal: suspended, retry_after: None }));
        }
        if let Some(disabled) = super::disabled(tx, login.account, login.resource)? {
            return Ok(Err(Refused { refusal: disabled, retry_after: None }));
        }
        if let Some(problem) = barred_by(tx, login)? {
            return Ok(Err(Refused::because(OwnCode::PasswordNotAllowed, &problem)));
        }
        let how = Authentication::by_password();
        Ok(Ok(AuthenticatedUser::new(login.account, login.resource, &login.id, now, how)))
    }
}

/// What a user of a suspended account is told: only one who has proved who they are.
pub(super) fn suspended(account: Option<&Account>) -> Option<Refusal> {
    let account = account.filter(|account| account.suspended.is_some())?;
    let told = format!(
        "The account {} is suspended, so its users cannot log in. Nothing is lost. Ask the vendor.",
        account.name
    );
    Some(Refusal::new(oauth::RefusalCode::AccountSuspended, told))
}

/// Why a user whose password is right may not use it: the users of the account log in elsewhere. Said only to a user who has the
/// password.
fn barred_by(tx: &mut Tx<'_>, login: &Login) -> Result<Option<String>, DbError> {
    let Some(account) = tx.account_at(login.account)? else { return Ok(None) };
    let sign_in = account.options.sign_in;
    Ok((!sign_in.allows_password(login.service_account)).then(|| match sign_in.provider_name() {
        Some(provider) => {
            format!("People of {} log in with {provider}; passwords are for service accounts.", account.name)
        }
        None => format!("In {} passwords are for service accounts only.", account.name),
    }))
}
