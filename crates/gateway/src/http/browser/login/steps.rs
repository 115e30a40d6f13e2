//! The steps of a log-in.

use oauth::Keyring;

use super::second_factor::Asks;
use crate::app::App;
use crate::http::browser::cookies::Browser;
use crate::http::browser::errand::Errand;
use crate::http::browser::failure::PageFailure;
use crate::lifecycle::Actor;
use crate::secret_text::SecretText;
use crate::sign_in::SecondFactor;
use crate::storage::Cost;
use crate::storage::audit::Entry;
use crate::storage::logins::Login;
use crate::system;
use crate::throttle::{Count, retry_after};
use crate::words;

/// Who somebody says they are: whom it may be, and what a failure counts for.
#[derive(Debug)]
pub(super) struct Claim {
    candidates: Vec<Login>,
    counts: Vec<Count>,
}

/// Somebody who proved who they are.
#[derive(Debug)]
pub(in crate::http::browser) struct Proven {
    /// Their account.
    pub(super) account: i64,
    /// Their number in storage.
    pub(super) resource: i64,
    /// Their id.
    pub(super) id: String,
    /// When, in milliseconds since the epoch.
    pub(super) at: i64,
}

/// What follows a proof.
#[derive(Debug)]
pub(super) enum Next {
    /// Nothing more is asked.
    Finish(Proven),
    /// They have an authenticator app, or need one.
    SecondFactor(Proven, Asks),
}

/// What to tell them instead.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) problem: String,
    /// They have to wait so many seconds.
    pub(super) retry_after: Option<i64>,
}

const WRONG: &str = "The user name or the password is not right.";
const SEVERAL: &str =
    "This user name and password exist in more than one account. Ask for a client of your own account.";

/// **Who are you**: whom a name may be, unless it was tried too often of late. What happens does not depend on whether there is
/// such a name.
pub(super) async fn who(
    app: &App,
    browser: &Browser,
    errand: &Errand,
    username: &str,
) -> Result<Result<Claim, Refused>, PageFailure> {
    let key = scim::key_of_text(username);
    let (client, name) = (errand.client().cloned(), key.clone());
    let candidates = app
        .db
        .read(Cost::Short, move |tx| {
            let account = match &client {
                Some(client) => tx.account_of_client(client)?,
                None => None,
            };
            tx.logins_named(&name, account.map(|account| account.seq))
        })
        .await?;
    let counts = counts(&app.keys, browser, &key, &candidates);
    // Whoever has to wait is told so by a look; a write is for those who do not.
    let (now, looked_at, counted) = (system::now(), counts.clone(), counts.clone());
    let mut until = app.db.read(Cost::Short, move |tx| tx.attempts_blocked(&looked_at, now)).await?;
    if until.is_none() {
        until = app.db.write(move |tx| tx.begin_attempt(&counted, now)).await?;
    }
    Ok(match until {
        None => Ok(Claim { candidates, counts }),
        Some(until) => {
            let seconds = retry_after(until, now);
            let problem = format!(
                "There were too many attempts with a wrong password. Wait {} and try again; nothing is locked.",
                words::wait(seconds)
            );
            Err(Refused { problem, retry_after: Some(seconds) })
        }
    })
}

/// A browser that one of the candidates has logged in with before has a count of its own, so that strangers cannot make its owner
/// wait.
fn counts(keys: &Keyring, browser: &Browser, name_key: &str, candidates: &[Login]) -> Vec<Count> {
    match &browser.device {
        Some(device) if candidates.iter().any(|login| device.knows(&login.id)) => {
            Count::known_device(keys, name_key, &device.id)
        }
        _ => Count::log_in(keys, name_key, browser.address.as_deref()),
    }
}

/// **Proof**: by password. An unknown name takes as long as a wrong password and reads the same.
pub(super) async fn password(
    app: &App,
    browser: &Browser,
    claim: Claim,
    password: &str,
) -> Result<Result<Proven, Refused>, PageFailure> {
    let Claim { candidates, counts } = claim;
    let hashes = candidates.iter().filter_map(|login| login.password_hash.clone()).collect();
    let verdicts = app.passwords.verify(SecretText::new(password), hashes).await.map_err(|_| PageFailure::Busy)?;
    let mut right = candidates.into_iter().zip(verdicts).filter(|(_, right)| *right).map(|(login, _)| login);
    let (found, another) = (right.next(), right.next());
    let now = system::now();
    let succeeded = found.is_some();
    let (action, target, account) = match &found {
        Some(login) => ("login.succeeded", Some(login.id.clone()), Some(login.account)),
        None => ("login.failed", None, None),
    };
    let entry = Entry { at: now, account, action: action.to_owned(), target, detail: None };
    let from = browser.address.clone();
    app.db
        .write(move |tx| {
            tx.act_as(Actor { name: "browser".to_owned(), address: from.clone() });
            if succeeded {
                tx.attempt_succeeded(&counts)?;
            }
            tx.audit(entry.clone())
        })
        .await?;
    let refused = |problem: &str| Err(Refused { problem: problem.to_owned(), retry_after: None });
    if let (Some(login), None) = (&found, &another)
        && let Some(problem) = barred_by(app, login).await?
    {
        return Ok(refused(&problem));
    }
    Ok(match (found, another) {
        (Some(login), None) => Ok(Proven { account: login.account, resource: login.resource, id: login.id, at: now }),
        (Some(_), Some(_)) => refused(SEVERAL),
        (None, _) => refused(WRONG),
    })
}

/// Why somebody whose password is right may not use it: their account's people sign in elsewhere. Said only to whoever has the password.
async fn barred_by(app: &App, login: &Login) -> Result<Option<String>, PageFailure> {
    let (account, service_account) = (login.account, login.service_account);
    app.db
        .read(Cost::Short, move |tx| {
            let Some(account) = tx.account_at(account)? else { return Ok(None) };
            let sign_in = account.options.sign_in;
            Ok((!sign_in.allows_password(service_account)).then(|| match sign_in.provider {
                Some(provider) => format!(
                    "People of {} sign in with {}; passwords are for service accounts.",
                    account.name, provider.name
                ),
                None => format!("In {} passwords are for service accounts only.", account.name),
            }))
        })
        .await
}

/// **Further proof**: whoever has an authenticator app is asked for its code; whoever has none but works for an account that wants
/// one sets it up. Service accounts belong to nobody's pocket.
pub(super) async fn further(app: &App, proven: Proven) -> Result<Next, PageFailure> {
    let (account, resource) = (proven.account, proven.resource);
    let asks = app
        .db
        .read(Cost::Short, move |tx| {
            if tx.has_second_factor(resource)? {
                return Ok(Some(Asks::Password));
            }
            let wanted = tx.account_at(account)?.map(|account| account.options.sign_in.second_factor);
            let needs_one = wanted == Some(SecondFactor::Required) && !tx.is_service_account(resource)?;
            Ok::<_, PageFailure>(needs_one.then_some(Asks::SetUp))
        })
        .await?;
    Ok(match asks {
        Some(asks) => Next::SecondFactor(proven, asks),
        None => Next::Finish(proven),
    })
}
